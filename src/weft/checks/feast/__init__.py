"""The check `feast`: Feast reads the feature_store.yaml, with the settings of each store that it names.

Nothing is connected to. Variables such as `${DB_PASSWORD}` stay as they are, as a check has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from weft.base.problems import Problem
from weft.checks.packages import problems

if TYPE_CHECKING:
    from weft.checks import Finished

PROGRAM: Final = "feast"
INSTALL: Final = "the package feast"


def check(output: Finished) -> Iterator[Problem]:
    """The problems that Feast reports for its configuration."""
    yield from problems("feast", PROGRAM, Path(__file__).with_name("evaluate.py"), output)
