"""Every folder of tests/cases is one case: a small project, a command, and the whole text that it must answer.

`_base` is a project in which nothing is wrong. The files of a case are laid over a copy of it; `case.yaml` says what the
case is about, what is run, how it ends, which files of `_base` are taken away first, and which variables are set.
`expected.txt` contains stdout and stderr exactly: after a change of wording run
`python -m pytest tests/cli/test_cases.py --update-expected`, and read what it wrote, because that is what users will read.
"""

import json
import re
import shutil
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from run import run

CASES = Path(__file__).parents[1] / "cases"
BASE = CASES / "_base"
OF_THE_CASE = ("case.yaml", "expected.txt")
ABOUT_A_FILE = ("unused-file", "bad-name", "no-target", "unreadable")
"""The codes of problems that a file has as a whole; every other one in a file has a line and column."""
PROBLEM = re.compile(r"^(error|warning|note)\[([a-z0-9-]+)\]: ", re.MULTILINE)
PLACE = re.compile(r"^  --> (.+?)(?::(\d+))?(?::(\d+))?$", re.MULTILINE)


@dataclass(frozen=True)
class Case:
    """`about` is one sentence for readers."""

    about: str
    run: list[str]
    exit: int
    remove: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)


def read_case(folder):
    return Case(**yaml.load((folder / "case.yaml").read_text("utf-8"), Loader=yaml.CSafeLoader))


CASE = {folder.name: read_case(folder) for folder in sorted(CASES.iterdir()) if folder != BASE}
assert len(CASE) > 200, f"the cases are not all in {CASES}"
REPORTED = sorted(name for name, case in CASE.items() if case.run[0] == "validate" and case.exit != 2)
REFUSED = sorted(name for name in REPORTED if CASE[name].exit != 0 and "--strict" not in CASE[name].run)


@pytest.fixture
def project(request, tmp_path):
    name = request.getfixturevalue("name")
    folder = tmp_path / "shop"
    shutil.copytree(BASE, folder)
    for removed in CASE[name].remove:
        path = folder / removed
        assert path.exists(), f"{name}/case.yaml removes {removed}, which _base does not have"
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(CASES / name, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*OF_THE_CASE))
    return folder


def report(project, result):
    """Stdout and stderr as one text that is the same on every machine."""
    text = f"=== stdout\n{result.out}=== stderr\n{result.err}"
    text = text.replace(str(project.resolve()), "PROJECT")
    return re.sub(r", \d+\.\d s$", ", 0.0 s", text, flags=re.MULTILINE)


@pytest.mark.parametrize("name", CASE)
def test_the_report_is_as_expected(name, project, request):
    result = run(*CASE[name].run, cwd=project, env=CASE[name].env)
    told = report(project, result)
    expected = CASES / name / "expected.txt"
    if request.config.getoption("update_expected"):
        expected.write_text(told, "utf-8")
    assert told == expected.read_text("utf-8")
    assert result.code == CASE[name].exit


@pytest.mark.unmeasured("the same cases as above")
@pytest.mark.soak(few=25)
@pytest.mark.parametrize("name", REPORTED)
def test_json_says_the_same(name, project):
    text = run(*CASE[name].run, cwd=project, env=CASE[name].env)
    data = json.loads(run(*CASE[name].run, "--format", "json", cwd=project, env=CASE[name].env).out)
    assert [(p["severity"], p["code"], p["file"], p["line"], p["column"]) for p in data["problems"]] == told(text.out)
    assert sum(data["summary"].values()) == len(data["problems"])
    for problem in data["problems"]:
        assert set(problem) == {
            "code", "severity", "message", "path", "file", "line", "column", "targets", "schema", "hint"
        }  # fmt: skip
        if problem["file"] and (project / problem["file"]).is_file() and problem["code"] not in ABOUT_A_FILE:
            line = (project / problem["file"]).read_text("utf-8", "replace").split("\n")[problem["line"] - 1]
            assert 1 <= problem["column"] <= len(line) + 1


def told(report):
    """Severity, code, file, line and column of every problem in a report for people."""
    found = []
    starts = [*(match.start() for match in PROBLEM.finditer(report)), len(report)]
    for start, end in pairwise(starts):
        severity, code = PROBLEM.match(report, start).groups()
        place = PLACE.search(report, start, end)
        file, line, column = place.groups() if place else (None, None, None)
        found.append((severity, code, file, line and int(line), column and int(column)))
    return found


@pytest.mark.unmeasured("the same cases as above")
@pytest.mark.soak(few=25)
@pytest.mark.parametrize("name", REFUSED)
def test_nothing_is_written_when_anything_is_wrong(name, project):
    before = files(project)
    options = [argument for argument in CASE[name].run[1:] if argument != "--outputs"]
    result = run("render", *options, cwd=project, env=CASE[name].env)
    assert result.code == CASE[name].exit
    assert files(project) == before


def files(folder):
    """All files but those of what is remembered, which nobody needs."""
    every = (path for path in folder.rglob("*") if ".weft_cache" not in path.parts)
    return {path: path.read_bytes() for path in every if path.is_file()}
