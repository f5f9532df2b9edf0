"""The tools that Weft is compared with: what each of them runs, how far it is tried, and whether it renders the same."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from fleet import peer_projects, typed_projects
from fleet.measuring import Command
from fleet.workload import Values, Workload

BESIDE: Final = (Path(sys.prefix, "bin"), Path(sys.prefix, "peers", "bin"))
"""Where `make setup-bench` puts programs."""
SEARCHED: Final = os.pathsep.join((*map(str, BESIDE), os.environ.get("PATH", os.defpath)))
OUT: Final = "out"
"""The folder that a peer writes into, in its own."""


class OtherOutput(Exception):
    """A tool renders something else than the others, so its time says nothing."""


@dataclass(frozen=True)
class Peer:
    """A tool, and one way in which it renders the fleet."""

    name: str
    program: str
    writes: Callable[[Path, Workload], None]
    """Writes the fleet in the tool's language into a folder."""
    script: str
    """What a shell runs in that folder."""
    asks: str
    """What prints the version."""
    most: int
    """The largest fleet that it is tried with: more takes too long."""
    about: str
    """What it validates."""

    @property
    def tool(self) -> str:
        """The tool, without the way."""
        return self.name.split()[0].rstrip(",")

    def is_here(self) -> bool:
        """Whether the program is installed."""
        return shutil.which(self.program, path=SEARCHED) is not None

    def version(self) -> str:
        """The version of the tool."""
        variables = {**os.environ, "PATH": SEARCHED}
        asked = subprocess.run(["sh", "-c", self.asks], capture_output=True, text=True, check=False, env=variables)
        return asked.stdout.strip() or "unknown"

    def command(self, folder: Path) -> Command:
        """What renders the fleet that is in a folder."""
        return Command(["sh", "-ec", self.script], folder, {"PATH": SEARCHED})


_EACH_RELEASE: Final = (
    "for file in tenants/*.yaml; do name=${file##*/}; name=${name%.yaml}; "
    'helm template "$name" chart -f "$file" > "out/$name.yaml"; done'
)
_HELM: Final = "helm version --template '{{.Version}}'"
_KCL: Final = Path(__file__).with_name("run_kcl.py")

PEERS: Final = (
    Peer("helm", "helm", peer_projects.helm, _EACH_RELEASE, _HELM, 100, "nothing"),
    Peer("helm with a schema", "helm", peer_projects.helm_with_schema, _EACH_RELEASE, _HELM, 100, "types and bounds"),
    Peer(
        "helm, one release", "helm", peer_projects.helm_in_one, "helm template fleet chart > out/all.yaml", _HELM, 1000,
        "nothing",
    ),
    Peer(
        "kustomize in one", "kubectl", peer_projects.kustomize, "kubectl kustomize all > out/all.yaml",
        "kubectl version --client | sed -n 's/^Kustomize Version: //p'", 100, "nothing",
    ),
    Peer(
        "jsonnet", "jsonnet", peer_projects.jsonnet, "jsonnet -c -m out fleet.jsonnet",
        "jsonnet --version | grep -o 'v[0-9.]*'", 100, "nothing",
    ),
    Peer(
        "cue", "cue", typed_projects.cue, "cue cmd dump", "cue version | sed -n 's/^cue version //p'", 1000,
        "types and bounds",
    ),
    Peer(
        "kcl", "peers-python", typed_projects.kcl, f"peers-python {shlex.quote(str(_KCL))} main.k > out/all.yaml",
        "peers-python -c 'from importlib.metadata import version; print(version(\"kcl-lib\"))'", 1000,
        "types and bounds",
    ),
    Peer("pkl", "pkl-fleet", typed_projects.pkl, "pkl-fleet fleet.pkl out",
         "sed -n 's/.*-all-\\([0-9.]*\\)\\.jar.*/\\1/p' \"$(command -v pkl-fleet)\"", 1000, "types and bounds"),
    Peer(
        "kapitan", "kapitan", peer_projects.kapitan, "kapitan compile --output-path out",
        "peers-python -c 'from importlib.metadata import version; print(version(\"kapitan\"))'", 100, "nothing",
    ),
)  # fmt: skip


def prepare(folder: Path) -> Callable[[], None]:
    """What makes the folder of the outputs an empty one."""

    def empty() -> None:
        shutil.rmtree(folder / OUT, ignore_errors=True)
        (folder / OUT).mkdir()

    return empty


def compare(name: str, rendered: Path, expected: dict[str, Values]) -> None:
    """Whether the manifests below a folder are the expected ones. Raises OtherOutput."""
    found = {one["metadata"]["name"]: one for path in files(rendered) for one in manifests(path)}
    missing = sorted(expected.keys() ^ found.keys())
    if missing:
        raise OtherOutput(
            f"{name}: {len(found)} manifests, not {len(expected)}; the first that differs is {missing[0]}"
        )
    for key, one in expected.items():
        if found[key] != one:
            raise OtherOutput(f"{name}: {key} differs: {json.dumps(found[key])[:400]}")


def files(folder: Path) -> list[Path]:
    """The files of YAML and JSON below a folder."""
    return sorted(path for path in folder.rglob("*") if path.suffix in (".yaml", ".yml", ".json") and path.is_file())


def manifests(path: Path) -> Iterator[Any]:
    """The manifests of a file, those of lists one by one."""
    text = path.read_bytes()
    for one in [json.loads(text)] if path.suffix == ".json" else yaml.load_all(text, yaml.CSafeLoader):
        if one is not None:
            yield from one["items"] if one.get("kind") == "List" else [one]
