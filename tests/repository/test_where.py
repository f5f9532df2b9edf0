"""docs/contributing/where.md leads contributors to files that exist, and to names that those define."""

import re

import pytest

from reference import ROOT

PAGE = ROOT / "docs" / "contributing" / "where.md"
TASKS = re.findall(r"^\| (?P<task>.+?) \| (?P<answer>.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)[1:]
PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)*/(?:[\w.-]+)?)`")
NAMES = re.compile(r"((?:`\w+` and )*`\w+`) in `([^`]+\.py)`")


def test_no_task_stands_twice():
    assert len(TASKS) == len(dict(TASKS)) >= 15


@pytest.mark.parametrize(("task", "answer"), TASKS, ids=[task for task, _ in TASKS])
def test_the_files_of_a_task_exist(task, answer):
    paths = PATH.findall(answer)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert [path for path in paths if (ROOT / path).is_dir() != path.endswith("/")] == []


@pytest.mark.parametrize(("task", "answer"), TASKS, ids=[task for task, _ in TASKS])
def test_the_names_of_a_task_are_defined_in_its_files(task, answer):
    missing = [
        f"{name} in {path}"
        for names, path in NAMES.findall(answer)
        for name in re.findall(r"\w+(?=`)", names)
        if not re.search(rf"^ *(?:def|class) {name}\b|^{name}\b.* = ", (ROOT / path).read_text("utf-8"), re.MULTILINE)
    ]
    assert missing == []
