"""How sure it is that the value at a place must not be shown."""

from __future__ import annotations

from enum import IntEnum


class Secrecy(IntEnum):
    """Whether the value at a place is a secret."""

    NONE = 0
    PERHAPS = 1
    """It may be a secret with a misspelled key, or one a level too high or too low."""
    SENSITIVE = 2
