"""Small projects and schemas in a temporary folder, for tests that vary them."""

import json
import textwrap
from pathlib import Path

from weft.files.reading import ProjectFiles
from weft.schema.catalog import Catalog
from weft.schema.loader import load_documents


def write_files(folder, files):
    """Write files by their relative names: a text as it is (without its common indentation), bytes raw, data as JSON."""
    for name, content in files.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(textwrap.dedent(content) if isinstance(content, str) else json.dumps(content), "utf-8")
    return Path(folder)


def make_project(folder, files, **weft):
    """A project with one layer, `base`, and the schema `schema.json`; `weft` adds to weft.yaml, or replaces parts of it."""
    return write_files(
        folder, {"weft.yaml": {"version": 1, "schema": "schema.json", "layers": ["base"], **weft}, **files}
    )


def catalog_of(folder, schema, **neighbors):
    """The catalog of a schema, and of others next to it: `other=...` is `other.json`."""
    write_files(folder, {"schema.json": schema, **{f"{name}.json": contents for name, contents in neighbors.items()}})
    return Catalog(load_documents(Path(folder, "schema.json"), ProjectFiles(Path(folder))))
