"""A separate program: MLflow's client gets the variables of a file, and what it says is written as JSON, pairs of a line and a message."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import mlflow
from mlflow import environment_variables
from mlflow.tracking._model_registry.utils import _get_store as registry_store
from mlflow.tracking._tracking_service.utils import _get_store as tracking_store
from mlflow.tracking.context.system_environment_context import SystemEnvironmentContext

Said = tuple[int | None, str]
CONTEXT = "MLFLOW_RUN_CONTEXT"
"""The tags of every run, as JSON."""


def assignments(text: str) -> Iterator[tuple[int, str, str]]:
    """The line, name and value of each assignment."""
    for number, line in enumerate(text.splitlines(), 1):
        for word in shlex.split(line, comments=True):
            name, assigned, value = word.partition("=")
            if assigned:
                yield number, name, value


def mistakes(file: Path) -> Iterator[Said]:
    """What the client says about each variable, then about all of them."""
    given = {name: (number, value) for number, name, value in assignments(file.read_text("utf-8"))}
    mine = {name: each for name, each in given.items() if name.startswith("MLFLOW_")}
    if not mine:
        yield None, "the file has no MLFLOW_ variable"
        return
    readers = _readers()
    for name, (number, value) in mine.items():
        os.environ[name] = value
        if name in readers:
            yield from _asked(number, name, readers[name])
        else:
            yield number, f"MLflow {mlflow.__version__} knows no variable {name}"
    for name, store in (("MLFLOW_TRACKING_URI", tracking_store), ("MLFLOW_REGISTRY_URI", registry_store)):
        if name in mine:
            number, address = mine[name]
            yield from _asked(number, name, partial(store, store_uri=address))


def _readers() -> dict[str, Callable[[], object]]:
    """What reads each variable that the client knows."""
    known = (each for each in vars(environment_variables).values() if hasattr(each, "name") and hasattr(each, "get"))
    return {each.name: each.get for each in known} | {CONTEXT: SystemEnvironmentContext().tags}


def _asked(number: int, name: str, ask: Callable[[], object]) -> Iterator[Said]:
    try:
        ask()
    except Exception as error:  # noqa: BLE001 - whatever it raises is its answer
        yield number, f"{name}: {error}"


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(list(mistakes(Path(sys.argv[1])))))
