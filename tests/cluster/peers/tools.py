"""The tools that are compared, each used as its documentation recommends: what it deploys is in a folder of its own.

A tool writes the files of some settings (`write`), and deploys what is written, in a process of its own.
"""

import base64
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

import yaml
from objects import NAMESPACE, Settings, objects

from servers import find

PATIENCE = 120
"""How long a command may take, in seconds."""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    said: str

    @property
    def good(self):
        """Whether it says that all went well."""
        return self.code == 0


class Tool:
    """What all of them have in common; `settings` are those that are written."""

    name = ""

    def __init__(self, folder, cluster):
        self.folder, self.cluster = folder, cluster
        self.settings = Settings()
        self.env = {
            **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
            "HOME": str(folder),
            "KUBECONFIG": str(cluster.kubeconfig),
            "NO_COLOR": "1",
        }

    def text(self, name):
        """What a file has in the place of a secret."""
        raise NotImplementedError

    def encoded(self, name):
        """The same in Base64."""
        raise NotImplementedError

    def write(self, settings):
        """Write the files for settings, and nothing else into their folder."""
        self.settings = settings
        place = self.folder / "files"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        for name, one in objects(settings, self).items():
            (place / f"{name}.yaml").write_text(yaml.safe_dump(one, width=10**6))

    def command(self, *, timeout, force):
        """The command of a deploy."""
        raise NotImplementedError

    def start(self, *, timeout=None, force=False):
        """Start to deploy what is written."""
        return self.run(*self.command(timeout=timeout, force=force))

    def run(self, *command):
        """Start a command."""
        return subprocess.Popen(
            [str(part) for part in command],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def deploy(self, settings=None, **how):
        """Write settings, deploy them, and wait for the end."""
        if settings is not None:
            self.write(settings)
        return ended(self.start(**how))

    def is_own(self, thing):
        """Whether an object is what the tool keeps for itself."""
        raise NotImplementedError

    def roll_back(self):
        """Go back to the first deploy by the tool's own command; None if it has none."""
        return

    def version(self):
        """Its version."""
        raise NotImplementedError


def ended(process):
    """How a process ended."""
    try:
        said, _ = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    return Done(process.returncode, said)


class Weft(Tool):
    """A project with one environment; secrets are references to variables."""

    name = "Weft"
    yielded = ()
    """Fields that weft.yaml leaves to others."""

    def text(self, name):
        return f"{{{{ app.{name} }}}}"

    def encoded(self, name):
        return f"{{{{ app.{name} | b64encode }}}}"

    def write(self, settings):
        super().write(settings)
        place = self.folder / "project"
        shutil.rmtree(place, ignore_errors=True)
        (place / "overlays").mkdir(parents=True)
        (self.folder / "files").rename(place / "templates")
        secret = {"type": "string", "x-sensitive": True}
        properties = {name: {**secret, "default": f"ref+env://PEERS_{name.upper()}"} for name in settings.secrets}
        app = {"type": "object", "properties": {**properties, "namespace": {"type": "string", "default": NAMESPACE}}}
        schema = {"type": "object", "title": "Peers", "properties": {"app": app}}
        outputs = [
            {"template": path.name, "path": f"{{environment}}/{path.name}", "apply": True, "secrets": path.stem == "secret"}
            for path in sorted((place / "templates").iterdir())
        ]  # fmt: skip
        project = {
            "version": 1,
            "project": "peers",
            "schema": "schema.json",
            "dimensions": {"environment": {"values": ["test"]}},
            "kubernetes": {"namespace": "app.namespace"},
            "layers": ["overlays/base"],
            "clusters": {"**": "admin"},
            "cluster": {"prune": 100, "ownership": dict.fromkeys(self.yielded, "yield")},
            "outputs": outputs,
        }
        (place / "schema.json").write_text(json.dumps(schema))
        (place / "overlays" / "base.yaml").write_text(yaml.safe_dump({"app": {"namespace": NAMESPACE}}))
        (place / "weft.yaml").write_text(yaml.safe_dump(project, sort_keys=False))
        self.env |= {f"PEERS_{name.upper()}": value for name, value in settings.secrets.items()}

    def _weft(self, *words):
        return (sys.executable, "-m", "weft", "-C", self.folder / "project", *words)

    def command(self, *, timeout, force):
        wait = () if timeout is None else ("--timeout", timeout)
        return self._weft("deploy", "test", "--yes", *wait, *(["--force-conflicts"] if force else []))

    def is_own(self, thing):
        return "weft.dev/role" in (thing["metadata"].get("labels") or {})

    def roll_back(self):
        return ended(self.run(*self._weft("rollback", "test", "1", "--yes")))

    def version(self):
        return ended(self.run(sys.executable, "-m", "weft", "--version")).said.split()[-1]


class Helm(Tool):
    """A chart; secrets are values, in a file that is not part of it."""

    name = "Helm"
    options = ()

    def text(self, name):
        return f"{{{{ .Values.{name} }}}}"

    def encoded(self, name):
        return f"{{{{ .Values.{name} | b64enc }}}}"

    def write(self, settings):
        super().write(settings)
        chart = self.folder / "chart"
        shutil.rmtree(chart, ignore_errors=True)
        chart.mkdir()
        (self.folder / "files").rename(chart / "templates")
        about = {"apiVersion": "v2", "name": "shop", "version": "1.0.0"}
        (chart / "Chart.yaml").write_text(yaml.safe_dump(about))
        (self.folder / "secrets.yaml").write_text(yaml.safe_dump(settings.secrets))

    def _helm(self, *words):
        return (find("helm"), *words, "--namespace", NAMESPACE)

    def command(self, *, timeout, force):
        options = [*self.options, *(["--force-conflicts"] if force else [])]
        wait = () if timeout is None else ("--timeout", f"{timeout}s")
        return self._helm("upgrade", "--install", "shop", "chart", "--values", "secrets.yaml", *options, *wait)

    def is_own(self, thing):
        return thing.get("type") == "helm.sh/release.v1"

    def roll_back(self):
        return ended(self.run(*self._helm("rollback", "shop", "1")))

    def version(self):
        return ended(self.run(find("helm"), "version", "--template", "{{.Version}}")).said.strip().lstrip("v")


class HelmBack(Helm):
    """Helm, which takes back a deploy that fails, and waits until objects are ready."""

    name = "Helm with `--rollback-on-failure`"
    options = ("--rollback-on-failure",)


class ApplySet(Tool):
    """A folder of manifests, with secrets in them; the ApplySet prunes."""

    name = "kubectl with an ApplySet"

    def __init__(self, folder, cluster):
        super().__init__(folder, cluster)
        self.env["KUBECTL_APPLYSET"] = "true"

    def text(self, name):
        return self.settings.secrets[name]

    def encoded(self, name):
        return base64.b64encode(self.settings.secrets[name].encode()).decode()

    def command(self, *, timeout, force):
        options = ("--server-side", "--prune", "--applyset=shop-set", *(["--force-conflicts"] if force else []))
        return (find("kubectl"), "apply", "--namespace", NAMESPACE, "--filename", "files", *options)

    def is_own(self, thing):
        return "applyset.kubernetes.io/id" in (thing["metadata"].get("labels") or {})

    def version(self):
        said = ended(self.run(find("kubectl"), "version", "--client", "--output", "yaml")).said
        return yaml.safe_load(said)["clientVersion"]["gitVersion"].lstrip("v")


TOOLS = (Weft, Helm, HelmBack, ApplySet)
