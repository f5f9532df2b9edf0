"""A project whose bundle is mounted, and a program's own folders: `world.set(pool={"max": 20})` mounts another revision."""

import json
import time

import weft.client
from mounted import Mount
from scratch import make_project
from weft import WeftError, load_project
from weft.files.bundle import digest_of

SCHEMA = {
    "type": "object",
    "properties": {
        "app": {
            "type": "object",
            "required": ["name", "password"],
            "additionalProperties": False,
            "properties": {
                "name": {"type": "string", "minLength": 2},
                "port": {"type": "integer", "default": 80, "minimum": 1, "x-env": "APP_PORT", "x-reload": "restart"},
                "hosts": {"type": "array", "items": {"type": "string"}, "default": []},
                "mode": {"enum": ["fast", "safe"], "default": "safe"},
                "password": {"type": "string", "x-sensitive": True, "x-env": "APP_PASSWORD"},
            },
            "x-kubernetes-validations": [{"rule": "has(self.password)", "message": "it needs a password"}],
        },
        "pool": {
            "type": "object",
            "properties": {
                "min": {"type": "integer", "default": 1, "x-env": "POOL_MIN"},
                "max": {
                    "type": "integer",
                    "default": 10,
                    "x-kubernetes-validations": [{"rule": "self >= oldSelf", "message": "a pool never shrinks"}],
                },
            },
            "x-kubernetes-validations": [{"rule": "self.min <= self.max", "message": "min is above max"}],
        },
    },
}


def sealed(files):
    """The files of a bundle with the digest that they have now: as somebody would make them who knows the format."""
    manifest = json.loads(files["weft.json"])
    contents = {name: text.encode() for name, text in files.items() if name != "weft.json"}
    return {**files, "weft.json": json.dumps(manifest | {"digest": digest_of(contents)})}


class World:
    """A project whose bundle is mounted, and the program's own folder."""

    def __init__(self, folder):
        self.folder = folder
        self.mount = Mount(folder / "mount")
        self.secrets = Mount(folder / "secrets")
        self.kept = folder / "kept"
        self.opened = []
        self.set()

    def files(self, *, revision=None, schema=SCHEMA, others=None, **settings):
        """The files of the bundle with these settings; they need not be valid."""
        app = {"name": "shop", "password": "ref+env://APP_PASSWORD", **settings.pop("app", {})}
        base = {"app": app, "pool": settings.pop("pool", {}), **settings}
        argument = f"({json.dumps(revision) if revision else 'none'}, {json.dumps(others or {})})"
        files = {
            "schema.json": schema,
            "base.json": base,
            "templates/main.j2": f"{{{{ config | bundle{argument} | to_json }}}}",
        }
        outputs = [{"template": "main.j2", "path": "out"}]
        made = make_project(self.folder / "project", files, outputs=outputs)
        target = load_project(made).target()
        texts, problems = target.outputs.rendered(target.view)
        if problems:
            raise WeftError(*problems)
        return json.loads(texts[0].text)

    def set(self, **settings):
        """Mount the bundle with these settings."""
        self.mount.publish(self.files(**settings))

    def open(self, **options):
        options = {"last_good": self.kept, "secrets": self.secrets.folder, "debounce": 0.01, **options}
        config = weft.client.open(self.mount.folder, **options)
        self.opened.append(config)
        return config

    def close(self):
        for config in self.opened:
            config.close()


def until(wanted, seconds=10):
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not wanted():
        assert time.monotonic() < end
        time.sleep(0.005)
