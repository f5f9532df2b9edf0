"""Names of new parts: how they are spelled."""

from __future__ import annotations

import re
from typing import Final

from weft.base.problems import Problem, UsageError

_LONGEST: Final = 200
"""The maximum length of a name, so a file with that name can exist on every system."""


def check_spelling(name: str, form: re.Pattern[str], use: str, advice: str) -> None:
    """Check that a name has a form, and can be the name of a file; the advice says which characters are allowed.

    Raises UsageError if not, which says that it cannot be of `use`.
    """
    if form.match(name) and len(name) <= _LONGEST:
        return
    shown = f"`{name}`" if name.isprintable() and 0 < len(name) <= _LONGEST else "this"
    raise UsageError(Problem("bad-name", f"{shown} cannot be {use}", hint=f"use up to {_LONGEST} {advice}"))
