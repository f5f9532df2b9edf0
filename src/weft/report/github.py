"""Problems as annotations of GitHub Actions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from weft.base.problems import Problem, Severity
from weft.report.report import Report
from weft.report.words import in_full, rest

_LEVELS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def as_github(report: Report) -> str:
    """A workflow command a line, `::error file=...,line=...,col=...,title=...::message`; only the problems that the report shows.

    See https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
    """
    more = rest(report)
    shown = "".join(_command(problem, report.folder) for problem in report.shown)
    return shown + (f"::notice title=more problems::{_data(more)}\n" if more else "")


def _command(problem: Problem, folder: Path | None) -> str:
    place = problem.place
    properties = {
        "file": _in_workspace(place.file, folder) if place else None,
        "line": place.line if place else None,
        "col": place.column if place else None,
        "title": problem.code,
    }
    named = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items() if value is not None)
    return f"::{_LEVELS[problem.severity]} {named}::{_data(in_full(problem))}\n"


def _in_workspace(file: str, folder: Path | None) -> str:
    """The path of a project's file relative to the checkout, as GitHub expects it."""
    workspace = os.environ.get("GITHUB_WORKSPACE")
    if workspace is None or folder is None or not (folder / file).is_file():
        return file
    return Path(os.path.relpath((folder / file).resolve(), Path(workspace).resolve())).as_posix()


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
