"""The code of docs/reference/programs.md is run, with folders of this test in place of those of the page."""

import ast
import asyncio
import json
from pathlib import Path

import pytest
from openfeature import api
from prometheus_client import REGISTRY

import weft.client
from mounted import Mount
from pages import blocks
from weft.files.bundle import written
from world import until

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "programs.md"
CODE = [block.text for block in blocks(PAGE.read_text("utf-8")) if block.language == "python"]
FLAGS = {"flags": {"new": {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "on"}}}


class Pool:
    size = None

    def resize(self, size):
        self.size = size


def bundle(host, size):
    values = {"database": {"host": host, "pool": {"size": size}}}
    return written(values, "{}", {}, {}, {"flags.json": json.dumps(FLAGS)}, project=None, target="one")


@pytest.fixture
def mount(tmp_path):
    mount = Mount(tmp_path / "mounted")
    mount.publish(bundle("db-1", 5))
    return mount


def test_the_code_of_the_page(mount, tmp_path):
    names = {"pool": Pool(), "reachable": lambda host: host != "nowhere"}
    places = {"/etc/weft-secrets": tmp_path / "secrets", "/etc/weft": mount.folder, "/var/lib/shop": tmp_path / "kept"}
    opening, following, figures, flags = CODE
    for place, here in places.items():
        opening = opening.replace(json.dumps(place), repr(str(here)))
    exec(opening, names)
    config = names["config"]
    try:
        run(following, names)
        mount.publish(bundle("db-1", 6))
        until(lambda: names["pool"].size == 6)
        mount.publish(bundle("nowhere", 7))
        until(lambda: config.status.problems)
        assert "the database cannot be reached" in config.status.problems[0].message
        assert (config["database.pool.size"], names["pool"].size) == (6, 6)
        exec(figures, names)
        assert REGISTRY.get_sample_value("weft_config_refused_total") == 1
        exec(flags, names)
        assert api.get_client().get_boolean_value("new", default_value=False)
    finally:
        for collector in [each for each in REGISTRY._collector_to_names if isinstance(each, weft.client.Collector)]:
            REGISTRY.unregister(collector)
        api.shutdown()
        api.clear_providers()
        config.close()


def run(code, names):
    """Run code in which `await` is outside of functions, for a moment."""
    waiting = eval(compile(code, str(PAGE), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(waiting, 0.1))
