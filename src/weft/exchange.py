"""Problems in the formats of other programs: annotations of GitHub Actions, JUnit and SARIF."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from weft import sarif
from weft.problems import Problem, Severity

_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LEVELS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def as_github(problems: Sequence[Problem], folder: Path | None = None) -> str:
    """A workflow command a line, `::error file=...,line=...,col=...,title=...::message`.

    See https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
    """
    return "".join(_command(problem, folder) for problem in problems)


def _command(problem: Problem, folder: Path | None) -> str:
    place = problem.place
    properties = {
        "file": _in_workspace(place.file, folder) if place else None,
        "line": place.line if place else None,
        "col": place.column if place else None,
        "title": problem.code,
    }
    named = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items() if value is not None)
    return f"::{_LEVELS[problem.severity]} {named}::{_data(_whole(problem))}\n"


def as_sarif(problems: Sequence[Problem], folder: Path | None = None) -> str:
    """A SARIF log 2.1.0, as code scanning services read it."""
    return json.dumps(sarif.sarif(map(sarif.of_problem, problems)), indent=2, ensure_ascii=False) + "\n"


def _in_workspace(file: str, folder: Path | None) -> str:
    """The path of a project's file below the checkout, where GitHub looks for it."""
    workspace = os.environ.get("GITHUB_WORKSPACE")
    if workspace is None or folder is None or not (folder / file).is_file():
        return file
    return Path(os.path.relpath((folder / file).resolve(), Path(workspace).resolve())).as_posix()


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def as_junit(problems: Sequence[Problem], folder: Path | None = None) -> str:
    """JUnit XML: a test case for each problem, failed where it is an error, and one that passed where there is none."""
    suite = ET.Element("testsuite", name="weft validate", errors="0", skipped="0")
    for problem in problems:
        place = problem.place
        file = _printable(place.file) if place else "weft"
        case = ET.SubElement(suite, "testcase", classname=file, name=_name(problem))
        if place:
            case.set("file", file)
            if place.line:
                case.set("line", str(place.line))
        kind = "failure" if problem.severity is Severity.ERROR else "system-out"
        told = ET.SubElement(case, kind)
        if kind == "failure":
            told.set("type", problem.code)
            told.set("message", _printable(problem.message))
        told.text = _printable(_whole(problem))
    if not problems:
        ET.SubElement(suite, "testcase", classname="weft", name="no problems")
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(sum(problem.severity is Severity.ERROR for problem in problems)))
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _name(problem: Problem) -> str:
    place = problem.place
    where = f" at line {place.line}" if place and place.line else ""
    return _printable(f"{problem.code}{f' {problem.path}' if problem.path else ''}{where}")


def _whole(problem: Problem) -> str:
    """The problem in words, with its hint and its targets."""
    lines = [problem.message]
    if problem.hint:
        lines.append(f"hint: {problem.hint}")
    if problem.schema:
        lines.append(f"rule: {problem.schema}")
    if problem.targets:
        lines.append(f"in {', '.join(problem.targets)}")
    return "\n".join(lines)


def _printable(text: str) -> str:
    """The text without the characters that XML 1.0 has no way to write."""
    return _NO_XML.sub("\ufffd", text)
