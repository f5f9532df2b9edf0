"""`ref+age://FILE#/json/pointer`: a value in a YAML or JSON file that is encrypted with age (see `weft secrets edit`)."""

from __future__ import annotations

from typing import Final

from weft.files.reading import ProjectFiles
from weft.secrets.providers import Reference, documents, identities

FORM: Final = "FILE#/json/pointer"
KEY: Final = "must"
PARAMETERS: Final = ()
complaint = documents.complaint


def resolve(reference: Reference, files: ProjectFiles) -> str:
    """The value that the pointer names."""
    data = documents.read(reference.path, files)
    clear = identities.decrypt(data, identities.identities(), reference.path)
    return documents.pick(documents.parse(clear, reference.path), reference.key or "")
