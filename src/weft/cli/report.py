"""Problems shown to a person at the terminal, or to a program."""

from __future__ import annotations

import os

import click

from weft.cli.common import MAX_PROBLEMS
from weft.report.formats import FORMATS
from weft.report.report import Report


def formatted(report: Report, format_: str) -> str:
    """A report in one of the formats. Formats for people show as many problems as `--max-problems` allows."""
    report.at_most = MAX_PROBLEMS.get()
    return FORMATS[format_](report)


def show(report: Report) -> None:
    """Print a report for a person, on stderr."""
    color = False if os.environ.get("NO_COLOR") else None
    click.echo(formatted(report, "text"), err=True, nl=False, color=color)
