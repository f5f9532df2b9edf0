"""The reference application as a pod runs it: the environment and the mounted files of a target, on this machine.

Hosts are brought to loopback as a user would do it: in a copy of the project with one more overlay.
"""

import copy
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import yaml

import reference
from run import run
from servers import Server, listens
from weft.project.readers import named_readers
from weft.schema.envvars import to_text

PYTHON = Path(sys.prefix, "application", "bin", "application-python")
"""The Python of requirements/application.lock, which `make setup-tools` installs."""
CODE = reference.ROOT / "examples"
_LAST = "  - overlays/exceptions/{environment}/{tenant}\n"
_LAYER = "  - overlays/loopback\n"


def rendered(folder, target, overlay):
    """The outputs of one target in a copy of the project, whose last layer is the overlay; gives the folder of the target."""
    reference.copy(folder)
    project = folder / "weft.yaml"
    text = project.read_text("utf-8")
    assert _LAST in text
    project.write_text(text.replace(_LAST, _LAST + _LAYER), "utf-8")
    (folder / "overlays" / "loopback.yaml").write_text(json.dumps(overlay), "utf-8")
    result = run("render", target, "-o", "build", cwd=folder)
    assert result.code == 0, result.err
    return folder / "build" / target


@dataclass
class Pod:
    """What a pod of the Deployment gets: the environment, and the mounted files by their names."""

    environment: dict
    files: dict = field(repr=False)

    @classmethod
    def of(cls, outputs, **secrets):
        """That of rendered outputs; of secrets only references are rendered, so the test gives their values."""
        environment, files = (
            {
                key: value
                for each in yaml.safe_load_all((outputs / f"{name}.yaml").read_text("utf-8"))
                for key, value in each["data"].items()
            }
            for name in ("configmaps", "config-files")
        )
        files = {
            name.replace(".yaml", ".json"): json.dumps(yaml.safe_load(text)) if name.endswith(".yaml") else text
            for name, text in files.items()
        }
        for path in (outputs / "flags.json", *(outputs / "application").glob("*")):
            files.setdefault(path.name, path.read_text("utf-8"))
        return cls(environment | secrets, files)

    def given(self, settings):
        """The same with other settings, by their dotted paths, each where the application reads it; None takes one away."""
        changed = copy.deepcopy(self)
        for path, value in settings.items():
            steps = path.split(".")
            variable = node(path).env
            if variable:
                changed.environment.pop(variable, None)
                if value is not None:
                    changed.environment[variable] = to_text(value)
            if not node(path).hidden:
                changed._put(steps, value)
        return changed

    def _put(self, steps, value):
        name = f"{steps[0]}.json"
        domain = json.loads(self.files.get(name, "{}"))
        place = domain
        for step in steps[1:-1]:
            place = place.setdefault(step, {})
        place[steps[-1]] = value
        self.files[name] = json.dumps(domain)

    def mount(self, folder):
        """Write the files into a folder; gives the environment of a process that finds them there."""
        (folder / "metrics").mkdir(parents=True)
        for name, text in self.files.items():
            (folder / name).write_text(text, "utf-8")
        own = {"CONFIG_DIR": str(folder), "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"), "PYTHONPATH": str(CODE)}
        return {**self.environment, **own}

    def serve(self, servers):
        """Start gunicorn with the rendered configuration."""
        folder = servers.folder("application")
        command = (PYTHON, "-m", "gunicorn", "--config", folder / "gunicorn.conf.py")
        environment = self.mount(folder)
        port = int(environment["PORT"])
        return servers.run(Server(folder, command, lambda: listens(port), port=port, env=environment))

    def run(self, servers, module):
        """Run a program of the application to its end."""
        folder = servers.folder(module)
        command = [PYTHON, "-m", f"application.{module}"]
        done = subprocess.run(command, env=self.mount(folder), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def node(path):
    """The place of a setting in the schemas."""
    return reference.project().catalog.root.at(path.split("."))


def read_by(reader):
    """The settings that a reader reads by what the schemas say, as dotted paths; without old names."""
    root = reference.project().catalog.root
    return [path for path in _leaves(root, ()) if reader in named_readers(root, tuple(path.split(".")))]


def _leaves(place, path):
    for name in place.properties:
        below = place.child(name)
        if below.renamed_to:
            continue
        if below.properties:
            yield from _leaves(below, (*path, name))
        else:
            yield ".".join((*path, name))


class Observer:
    """A process with the libraries of the application; it forks for each observation, which takes a fraction of a second."""

    def __init__(self, folder):
        self._folder = folder
        self._count = 0
        zygote = reference.ROOT / "tests" / "application" / "zygote.py"
        self._process = subprocess.Popen(
            [PYTHON, zygote],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": str(CODE), "PROMETHEUS_MULTIPROC_DIR": "set when it is used"},
        )

    def see(self, what, pod, *arguments):
        """What the function of tests/application/observations.py with this name gives, in the environment of the pod."""
        self._count += 1
        folder = self._folder / str(self._count)
        request = {
            "environment": pod.mount(folder),
            "what": what,
            "arguments": arguments,
            "answer": str(folder / "answer"),
        }
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"
        answer = json.loads((folder / "answer").read_text("utf-8"))
        shutil.rmtree(folder)
        assert "error" not in answer, answer["error"]
        return answer["value"]

    def close(self):
        """End it."""
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()
