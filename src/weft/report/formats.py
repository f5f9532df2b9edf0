"""The formats of reports by name: each is a function from a report to text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from weft.report.github import as_github
from weft.report.json import as_json
from weft.report.junit import as_junit
from weft.report.report import Report
from weft.report.sarif import as_sarif
from weft.report.text import text

FORMATS: Final[Mapping[str, Callable[[Report], str]]] = {
    "text": text,
    "json": as_json,
    "sarif": as_sarif,
    "github": as_github,
    "junit": as_junit,
}
