"""The check `jaeger`: Jaeger reads its configuration, `jaeger validate`. Since version 2 it is a collector, with one's command line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from weft.base.problems import Problem
from weft.checks.otelcol import problems

if TYPE_CHECKING:
    from weft.checks import Finished

PROGRAM = "jaeger"
INSTALL = "Jaeger, version 2 or newer"


def check(output: Finished) -> Iterator[Problem]:
    """The problems that Jaeger reports for its configuration."""
    yield from problems("jaeger", PROGRAM, output)
