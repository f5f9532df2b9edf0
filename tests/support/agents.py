"""Agents as processes, and bundles for them, in a temporary folder."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

from mounted import Mount
from run import run
from weft.files.bundle import written

SCHEMA = {
    "type": "object",
    "properties": {
        "app": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "name": {"type": "string", "default": "shop"},
                "size": {"type": "integer", "minimum": 1},
                "other": {"type": "integer"},
                "port": {"type": "integer", "x-reload": "restart"},
                "password": {"type": "string", "x-sensitive": True, "x-env": "APP_PASSWORD"},
            },
            "x-kubernetes-validations": [{"rule": "self.size >= oldSelf.size - 100", "message": "it shrinks too fast"}],
        }
    },
}


def bundle(*, revision=None, secrets=None, schema=SCHEMA, origins=None, **app):
    """The files of a bundle with these settings of `app`, which need not be valid."""
    values = {"app": {"name": "shop", "size": 1, "port": 80, **app}}
    origins = {"app.size": "overlays/base.yaml:3"} if origins is None else origins
    return written(
        values, json.dumps(schema), origins, secrets or {}, {}, project="shop", target="one", revision=revision
    )


def until(wanted, seconds=20, said=lambda: ""):
    """Wait until something holds, and give it."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            if found := wanted():
                return found
        assert time.monotonic() < end, said()
        time.sleep(0.01)


class World:
    """A mounted bundle, a folder that agents keep, and the agents, which are ended at the end of a test."""

    def __init__(self, folder):
        self.folder = folder
        self.mount = Mount(folder / "mount")
        self.into = folder / "into"
        self.template = folder / "app.conf.j2"
        self.template.write_text("size = {{ app.size }}\nname = {{ config.app.name }}\n")
        self.started = []
        self.set()

    def set(self, **settings):
        """Mount a bundle."""
        self.mount.publish(bundle(**settings))

    def _options(self, *, render=True, source=None, into=None):
        renders = ("--render", f"{self.template}:app.conf") if render else ()
        return ("--source", source or self.mount.folder, "--into", into or self.into, *renders)

    def agent(self, *more, **options):
        """Start an agent."""
        command = [sys.executable, "-m", "weft", "agent", *self._options(**options), *more]
        return self.start(command)

    def start(self, command):
        """Start a command, whose stderr is its `log`."""
        log = self.folder / f"log-{len(self.started)}"
        environment = os.environ | {"NO_COLOR": "1"}
        with log.open("wb") as stream:
            process = subprocess.Popen(list(map(str, command)), stderr=stream, cwd=self.folder, env=environment)
        process.log = log
        self.started.append(process)
        return process

    def once(self, *more, **options):
        """Run an agent with --once, in this process: its exit code, and what it said."""
        done = run("agent", "--once", *self._options(**options), *more, cwd=self.folder, env={"NO_COLOR": "1"})
        return done.code, done.err

    def said(self, process, text, count=1):
        """Wait until an agent has said something."""
        return until(lambda: process.log.read_text().count(text) >= count, said=process.log.read_text)

    def size(self, name="app.conf"):
        """The size in the file in place."""
        return int((self.into / name).read_text().split("\n")[0].removeprefix("size = "))

    def becomes(self, size, process):
        """Wait until a size is in place."""
        until(lambda: self.size() == size, said=process.log.read_text)

    def homes(self):
        """The folders of revisions."""
        return sorted(path.name for path in self.into.glob("..weft_*"))

    def close(self):
        """End everything that was started."""
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
