"""`ref+file://PATH` is the text of a file, `ref+file://PATH#/json/pointer` a value in a YAML or JSON file."""

from __future__ import annotations

from typing import Final

from weft.files.reading import ProjectFiles
from weft.secrets.providers import ProviderError, Reference, documents

FORM: Final = "PATH#/json/pointer"
KEY: Final = "may"
PARAMETERS: Final = ()
complaint = documents.complaint


def resolve(reference: Reference, files: ProjectFiles) -> str:
    """The text of the file without its final line break, or the value that the pointer names."""
    data = documents.read(reference.path, files)
    if reference.key:
        return documents.pick(documents.parse(data, reference.path), reference.key)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise ProviderError(f"{reference.path} is not a text in UTF-8") from None
    # like `$(cat FILE)`: editors end every file with a line break that is not part of a password
    return text.removesuffix("\n").removesuffix("\r")
