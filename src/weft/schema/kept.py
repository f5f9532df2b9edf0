"""Schema documents, kept in the user's cache: to read and check them takes half of the time in which a project is opened.

An entry belongs to one schema file of one project, and says which files were read for it, with their digests. It is used only if Weft and
all these files are the same. Documents about which there is a warning are not kept, nor those for which files were searched.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from weft.files.cache import keep, recall
from weft.files.reading import ProjectFiles
from weft.files.signatures import digest_of, untrusted_signature
from weft.schema.documents import Documents
from weft.version import __version__

_FOLDER: Final = "schemas"
_CHECKERS: Final = ("jsonschema", "jsonschema_rs", "jsonschema_specifications", "referencing")
"""The packages that say what a valid schema is."""
_DAMAGE: Final = (ValueError, TypeError, LookupError, AttributeError, RecursionError)


def documents(root: Path, files: ProjectFiles) -> Documents:
    """What `loader.load_documents` gives for a schema file. Raises WeftError as it does."""
    name = digest_of("\0".join((_checkers(), str(files.folder), str(root))))
    known = _recalled(name, files)
    if known is None:
        from weft.schema.loader import load_documents

        known = load_documents(root, files)
        data = as_data(known, files)
        if data is not None:
            content = json.dumps(data)
            keep(_FOLDER, name, f"{digest_of(content)}\n{content}")
    return known


def is_current(read: dict[str, str], files: ProjectFiles) -> bool:
    """True if files, which are read, have these digests."""
    try:
        return all(
            files.has(Path(path)) and digest_of(files.read(Path(path))) == digest for path, digest in read.items()
        )
    except OSError:
        return False


def _recalled(name: str, files: ProjectFiles) -> Documents | None:
    try:
        digest, _, content = (recall(_FOLDER, name) or b"").decode().partition("\n")
        if digest != digest_of(content):
            return None
        data = json.loads(content)
        return from_data(data) if is_current(data["read"], files) else None
    except _DAMAGE:
        return None


def as_data(found: Documents, files: ProjectFiles) -> dict[str, Any] | None:
    """Documents as JSON data, with the digests of the files that were read for them; None for those that are not kept."""
    read = {str(path): files.trace.digest(path) for path in found.files}
    schemas = list(_mappings(found.joined))
    shared = len({*map(id, schemas)}) < len(schemas)
    if found.warnings or found.remote or found.searched or shared or None in read.values():
        return None
    return {
        "root": found.root,
        "joined": found.joined,
        "names": found.names,
        "read": read,
        "places": [found.place(schema) for schema in schemas],
        "dialects": found.dialects,
    }


def from_data(data: dict[str, Any]) -> Documents:
    """The documents again."""
    joined: dict[str, Any] = data["joined"]
    known = zip(_mappings(joined), data["places"], strict=True)
    places = {id(schema): place for schema, place in known if place is not None}
    files = tuple(map(Path, data["read"]))
    return Documents(data["root"], joined, data["names"], files, (), (), False, places, data["dialects"])


def _mappings(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a value, always in the same order."""
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            yield one
            stack += one.values()
        elif isinstance(one, list):
            stack += one


@cache
def _checkers() -> str:
    """What tells this Weft, and the packages that check schemas for it, from others: their files, as the file system sees them."""
    from importlib.util import find_spec

    specs = [spec for spec in map(find_spec, _CHECKERS) if spec is not None and spec.origin]
    own = sorted(Path(__file__).parent.glob("*.py"))
    files = [*map(str, own), *(str(spec.origin) for spec in specs)]
    return "\0".join([__version__, sys.version, *files, *(untrusted_signature(os.lstat(file)) for file in files)])
