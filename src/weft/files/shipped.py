"""The files that ship with Weft, in the package `weft.data`."""

from __future__ import annotations

import json
from importlib import resources
from importlib.resources.abc import Traversable

PROJECT_SCHEMA = "weft.schema.json"
"""The schema of weft.yaml."""


def shipped(name: str) -> Traversable:
    """A file or folder of `weft.data`."""
    return resources.files("weft.data").joinpath(name)


def shipped_text(name: str) -> str:
    """The content of a file of `weft.data`."""
    return shipped(name).read_text("utf-8")


def schema_text(name: str = PROJECT_SCHEMA) -> str:
    """A schema of `weft.data`, by default the one of weft.yaml, as JSON text for editors."""
    return json.dumps(json.loads(shipped_text(name)), indent=2) + "\n"
