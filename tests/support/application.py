"""The reference application as a pod runs it: the environment and the mounted files of a target, on this machine.

Hosts are brought to loopback as a user would do it: in a copy of the project with one more overlay.
"""

import copy
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import yaml

import reference
from mounted import Mount
from run import run
from servers import Server, listens
from weft.files.bundle import digest_of, parse_manifest
from weft.project.readers import named_readers
from weft.schema.envvars import to_text

PYTHON = Path(sys.prefix, "application", "bin", "application-python")
"""The Python of requirements/application.lock, which `make setup-tools` installs."""
CODE = os.pathsep.join(str(reference.ROOT / name) for name in ("examples", "src"))
"""Where the application is, and Weft: an image has both installed."""
TESTS = reference.ROOT / "tests" / "application"
SAID = ("x-env", "x-sensitive", "x-reload")
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
        config_maps, deployment = (_objects(outputs / name) for name in ("config-files.yaml", "deployment.yaml"))
        (container,) = deployment[0]["spec"]["template"]["spec"]["containers"]
        environment = {one["name"]: one["value"].replace("$$", "$") for one in container["env"] if "value" in one}
        files = {name: text for each in config_maps for name, text in each["data"].items()}
        return cls(environment | secrets, files)

    def unchecked(self):
        """The same with a schema that allows every value, such as this machine for production: a test may try one at a time."""
        changed = copy.deepcopy(self)
        changed.files["schema.json"] = json.dumps(_shape(json.loads(self.files["schema.json"])))
        return changed._sealed()

    def given(self, settings):
        """The same with other settings, by their dotted paths, each where the application reads it; None takes one away."""
        changed = copy.deepcopy(self)
        manifest = json.loads(self.files["weft.json"])
        for path, value in settings.items():
            variable = node(path).env
            if node(path).hidden:
                manifest["secrets"] |= {path: variable}
            else:
                changed._put(manifest["values"], path.split("."), value)
            if node(path).hidden or (variable or "").startswith("PG"):
                changed.environment.pop(variable, None)
                changed.environment |= {} if value is None else {variable: to_text(value)}
        changed.files["weft.json"] = json.dumps(manifest)
        return changed._sealed()

    def _put(self, names, steps, value):
        place = domain = json.loads(self.files[names[steps[0]]])
        for step in steps[1:-1]:
            place = place.setdefault(step, {})
        place[steps[-1]] = value
        if value is None:
            del place[steps[-1]]
        self.files[names[steps[0]]] = json.dumps(domain)

    def _sealed(self):
        manifest = json.loads(self.files["weft.json"])
        names = parse_manifest(self.files["weft.json"].encode()).files
        manifest["digest"] = digest_of({name: self.files[name].encode() for name in names})
        self.files["weft.json"] = json.dumps(manifest)
        return self

    def mount(self, folder):
        """Mount the files as the kubelet does; gives the environment of a process that finds them there, and the mount."""
        (folder / "metrics").mkdir(parents=True)
        mount = Mount(folder / "configuration")
        mount.publish(self.files)
        own = {
            "CONFIG_DIR": str(mount.folder),
            "CONFIG_STATE_DIR": str(folder / "state"),
            "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"),
            "PYTHONPATH": CODE,
        }
        return {**self.environment, **own}, mount

    def serve(self, servers, app=None):
        """Start gunicorn with the rendered configuration, and with another application than the rendered one if it is named."""
        folder = servers.folder("application")
        environment, mount = self.mount(folder)
        environment["PYTHONPATH"] = os.pathsep.join((CODE, str(TESTS)))
        command = (PYTHON, "-m", "gunicorn", "--config", mount.folder / "gunicorn.conf.py", *([app] if app else []))
        port = json.loads(self.files["application.json"])["server"]["port"]
        server = Server(folder, command, lambda: listens(port), port=port, env=environment)
        server.mount = mount
        return servers.run(server)

    def run(self, servers, module):
        """Run a program of the application to its end."""
        folder = servers.folder(module)
        command = [PYTHON, "-m", f"application.{module}"]
        done = subprocess.run(command, env=self.mount(folder)[0], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def _objects(path):
    return list(yaml.load_all(path.read_text("utf-8"), Loader=yaml.CSafeLoader))


def _shape(schema):
    """A schema without limits and rules: which settings there are, with their own keywords."""
    if not isinstance(schema, dict):
        return schema
    said = {word: value for word, value in schema.items() if word in ("$schema", "$id", "$ref") or word in SAID}
    inside = {
        word: {name: _shape(below) for name, below in schema[word].items()}
        for word in ("properties", "$defs")
        if word in schema
    }
    return said | inside


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
            env={"PYTHONPATH": CODE, "PROMETHEUS_MULTIPROC_DIR": "set when it is used"},
        )

    def see(self, what, pod, *arguments):
        """What the function of tests/application/observations.py with this name gives, in the environment of the pod."""
        self._count += 1
        folder = self._folder / str(self._count)
        request = {
            "environment": pod.mount(folder)[0],
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
