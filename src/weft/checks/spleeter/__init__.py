"""The check `spleeter`: Spleeter's own reader takes the configuration, and it fits one of the models that Spleeter ships.

A configuration has the keys of Spleeter's own, with values of the same types, and describes the network of one of them, as otherwise
its weights do not fit. Nothing is computed, so a machine-learning framework is not needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from weft.base.problems import Problem
from weft.checks.packages import problems

if TYPE_CHECKING:
    from weft.checks import Finished

PROGRAM: Final = "spleeter"
INSTALL: Final = "the package spleeter"


def check(output: Finished) -> Iterator[Problem]:
    """The problems of a configuration of Spleeter."""
    yield from problems("spleeter", PROGRAM, Path(__file__).with_name("evaluate.py"), output)
