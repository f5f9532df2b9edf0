"""The check `mlflow`: MLflow's client reads its variables from a file of `NAME=value`, as a shell or a container gets them.

Every `MLFLOW_` variable must be one that the client knows, with a value that it takes. Nothing is connected to.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from weft.base.problems import Problem
from weft.checks.packages import problems

if TYPE_CHECKING:
    from weft.checks import Finished

PROGRAM: Final = "mlflow"
INSTALL: Final = "the package `mlflow-skinny`, or MLflow itself"


def check(output: Finished) -> Iterator[Problem]:
    """The problems that MLflow's client reports for its variables."""
    yield from problems("mlflow", PROGRAM, Path(__file__).with_name("evaluate.py"), output)
