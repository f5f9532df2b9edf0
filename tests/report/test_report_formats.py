"""Problems for other programs: what reads GitHub's annotations and JUnit reads the same problems as people do."""

import json
import re
import urllib.parse
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from junitparser import JUnitXml

from run import run
from scratch import make_project
from weft.base.problems import Place, Problem, Severity
from weft.report.github import as_github
from weft.report.junit import as_junit
from weft.report.report import Report
from weft.report.sarif import as_sarif

SCHEMA = Path(__file__).parents[1] / "third_party/sarif/sarif-2.1.0-rtm.5.json"
SARIF = Draft7Validator(json.loads(SCHEMA.read_text("utf-8")))
TEXT = st.text(max_size=20)
REPORTS = st.lists(
    st.builds(
        Problem,
        st.sampled_from(["rule", "wrong-type"]),
        TEXT,
        st.sampled_from(list(Severity)),
        path=st.none() | TEXT,
        place=st.none() | st.builds(Place, st.text(min_size=1, max_size=9), st.none() | st.integers(1, 99)),
        hint=st.none() | TEXT,
        targets=st.lists(st.sampled_from(["a", "b/c"]), unique=True).map(tuple),
    ),
    max_size=4,
).map(Report)
COMMAND = re.compile(r"::(?P<level>error|warning|notice) (?P<properties>[^:]*)::(?P<message>.*)")
"""As the runner of GitHub Actions parses a line (ActionCommand.cs)."""


def annotations(text):
    """The annotations that GitHub would make of a log: level, properties and message."""
    found = []
    for line in text.split("\n"):
        match = COMMAND.fullmatch(line)
        if match:
            pairs = [pair.split("=", 1) for pair in match["properties"].split(",") if pair]
            properties = {name: urllib.parse.unquote(value) for name, value in pairs}
            found.append((match["level"], properties, urllib.parse.unquote(match["message"])))
    return found


@given(REPORTS)
def test_every_problem_is_one_annotation(report):
    text = as_github(report)
    assert text.count("\n") == len(report)
    read = annotations(text)
    assert len(read) == len(report)
    for problem, (level, properties, message) in zip(report, read, strict=True):
        assert level == {"error": "error", "warning": "warning", "note": "notice"}[problem.severity]
        assert properties["title"] == problem.code
        assert message.startswith(urllib.parse.unquote(problem.message) if "%" in problem.message else problem.message)
        if problem.place:
            assert properties.get("line") == (str(problem.place.line) if problem.place.line else None)


@given(REPORTS)
def test_every_problem_is_one_test_case(report):
    (suite,) = JUnitXml.fromstring(as_junit(report).encode())
    assert suite.tests == max(len(report), 1)
    assert suite.failures == sum(problem.severity is Severity.ERROR for problem in report)
    failed = [case for case in suite if case.result and case.result[0]._tag == "failure"]
    assert len(failed) == suite.failures


@pytest.fixture
def wrong(tmp_path):
    schema = {"properties": {"app": {"properties": {"size": {"type": "integer"}}, "additionalProperties": False}}}
    return make_project(tmp_path, {"schema.json": schema, "base.yaml": "app:\n  size: x, y\n  nmae: 1\n"})


@given(REPORTS)
def test_sarif_is_sarif(report):
    log = json.loads(as_sarif(report))
    assert [error.message for error in SARIF.iter_errors(log)] == []
    (one,) = log["runs"]
    assert [result["ruleId"] for result in one["results"]] == [problem.code for problem in report]


def test_sarif_names_the_lines(wrong):
    log = json.loads(run("validate", "--format", "sarif", cwd=wrong).out)
    places = [result["locations"][0]["physicalLocation"] for result in log["runs"][0]["results"]]
    assert [(place["artifactLocation"]["uri"], place["region"]["startLine"]) for place in places] == [
        ("base.yaml", 2),
        ("base.yaml", 3),
    ]


def test_github_shows_them_at_their_lines(wrong):
    result = run("validate", "--format", "github", cwd=wrong)
    assert result.code == 1
    assert [(level, at["file"], at["line"], at["col"], at["title"]) for level, at, _ in annotations(result.out)] == [
        ("error", "base.yaml", "2", "9", "wrong-type"),
        ("error", "base.yaml", "3", "3", "unknown-key"),
    ]


def test_github_finds_the_file_of_a_project_that_is_no_checkout_of_its_own(wrong):
    result = run("validate", "--format", "github", cwd=wrong, env={"GITHUB_WORKSPACE": str(wrong.parent)})
    assert annotations(result.out)[0][1]["file"] == f"{wrong.name}/base.yaml"


def test_junit_names_file_and_line(wrong):
    (suite,) = JUnitXml.fromstring(run("validate", "--format", "junit", cwd=wrong).out.encode())
    cases = list(suite)
    assert [(case.classname, case.result[0].type) for case in cases] == [
        ("base.yaml", "wrong-type"),
        ("base.yaml", "unknown-key"),
    ]
    assert "line 2" in cases[0].name
    assert "must be a whole number" in cases[0].result[0].message
