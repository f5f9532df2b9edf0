"""Readers of settings: who the schemas name, at which depth."""

from scratch import make_project
from weft import load_project
from weft.base.paths import parse_dotted
from weft.project.readers import named_readers

TEXT = {"type": "string"}
SCHEMA = {
    "properties": {
        "app": {
            "x-read-by": "server",
            "properties": {
                "name": TEXT,
                "ports": {"type": "array", "items": {"properties": {"number": {"x-read-by": ["server", "gateway"]}}}},
                "limits": {"$ref": "#/$defs/limits"},
                "labels": {"x-read-by": "gateway", "additionalProperties": TEXT},
            },
        },
        "other": TEXT,
    },
    "$defs": {"limits": {"properties": {"rate": {**TEXT, "x-read-by": "gateway"}, "size": TEXT}}},
}
READERS = {"server": {"planned": "a server"}, "gateway": {"planned": "a gateway"}}


def test_a_reader_counts_for_everything_below_until_a_deeper_one_replaces_it(tmp_path):
    make_project(tmp_path, {"schema.json": SCHEMA}, readers=READERS)
    root = load_project(tmp_path).root
    readers = {
        path: named_readers(root, parse_dotted(path))
        for path in (
            "app.name", "app.ports[3]", "app.ports[3].number", "app.limits.rate", "app.limits.size", "app.labels.x", "other"
        )
    }  # fmt: skip
    assert readers == {
        "app.name": ("server",),
        "app.ports[3]": ("server",),
        "app.ports[3].number": ("server", "gateway"),
        "app.limits.rate": ("gateway",),
        "app.limits.size": ("server",),
        "app.labels.x": ("gateway",),
        "other": (),
    }
