"""Problems as JUnit XML, as CI servers show it."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from weft.base.problems import Problem, Severity
from weft.report.report import Report
from weft.report.words import in_full

_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(report: Report) -> str:
    """JUnit XML: a test case for each problem, failed if it is an error, and a passed one if there are no problems."""
    suite = ET.Element("testsuite", name="weft validate", errors="0", skipped="0")
    for problem in report:
        place = problem.place
        file = _printable(place.file) if place else "weft"
        case = ET.SubElement(suite, "testcase", classname=file, name=_name(problem))
        if place:
            case.set("file", file)
            if place.line:
                case.set("line", str(place.line))
        kind = "failure" if problem.severity is Severity.ERROR else "system-out"
        result = ET.SubElement(case, kind)
        if kind == "failure":
            result.set("type", problem.code)
            result.set("message", _printable(problem.message))
        result.text = _printable(in_full(problem))
    if not report:
        ET.SubElement(suite, "testcase", classname="weft", name="no problems")
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(report.counts[Severity.ERROR]))
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _name(problem: Problem) -> str:
    place = problem.place
    where = f" at line {place.line}" if place and place.line else ""
    return _printable(f"{problem.code}{f' {problem.path}' if problem.path else ''}{where}")


def _printable(text: str) -> str:
    """The text without the characters that XML 1.0 cannot represent."""
    return _NO_XML.sub("\ufffd", text)
