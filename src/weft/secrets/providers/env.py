"""`ref+env://NAME`: an environment variable of the process that resolves."""

from __future__ import annotations

import os
import re
from typing import Final

from weft.base.problems import did_you_mean
from weft.files.reading import ProjectFiles
from weft.secrets.providers import ProviderError, Reference

FORM: Final = "NAME"
KEY: Final = "never"
PARAMETERS: Final = ()
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def complaint(reference: Reference) -> str | None:
    """A variable's name has letters, digits and `_`."""
    return None if _NAME.match(reference.path) else "the text after `://` is not the name of an environment variable"


def resolve(reference: Reference, files: ProjectFiles) -> str:
    """The value of the variable; an empty one counts as not set."""
    value = os.environ.get(reference.path)
    if value:
        return value
    state = "is empty" if value is not None else "is not set"
    hint = did_you_mean(reference.path, os.environ) or f"`export {reference.path}=...` before the command"
    raise ProviderError(f"the environment variable {reference.path} {state}", hint)
