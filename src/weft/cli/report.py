"""Problems shown to a person at the terminal."""

from __future__ import annotations

import os

import click

from weft.report.report import Report
from weft.report.text import text


def show(report: Report) -> None:
    """Print a report for a person, on stderr."""
    color = False if os.environ.get("NO_COLOR") else None
    click.echo(text(report), err=True, nl=False, color=color)
