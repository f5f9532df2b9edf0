"""Problems shown to a person at the terminal."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from weft.base.problems import Problem, gather
from weft.report.text import text


def show(problems: Sequence[Problem], folder: Path | None = None) -> None:
    """Print problems for a person, on stderr; `folder` is where their files lie."""
    color = False if os.environ.get("NO_COLOR") else None
    click.echo(text(gather(problems), folder), err=True, nl=False, color=color)
