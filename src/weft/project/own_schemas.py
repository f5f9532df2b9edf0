"""The schemas that ship with Weft, such as the one of weft.yaml, ready to validate files."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

from weft.files.shipped import shipped
from weft.schema.catalog import Catalog
from weft.schema.documents import self_contained
from weft.stages.validate import SchemaCheck


@cache
def check_of(name: str) -> SchemaCheck:
    """The check of a schema, by the name of its file."""
    with resources.as_file(shipped(name)) as path:
        return SchemaCheck(Catalog(self_contained(json.loads(path.read_bytes()), path)))
