"""The registry of problem codes: it is complete, everything in it is explained, and nobody else decides by a code."""

import ast
import re
from functools import cache

import pytest

from reference import ROOT
from weft import checks
from weft.base import codes
from weft.base.problems import Problem

SOURCES = sorted((ROOT / "src" / "weft").rglob("*.py"))
REGISTRY = ROOT / "src" / "weft" / "base" / "codes.py"
REGISTERED = {code.name for code in codes.every()}
PAGES = set(re.findall(r"^### (\S+)$", (ROOT / "docs" / "reference" / "problems.md").read_text("utf-8"), re.MULTILINE))
MAKERS = ("Problem", "YamlError", "DuplicateKeyError", "EmptyFileError", "_error", "_warning")
"""What makes a problem, with its code as the first argument."""
OTHER_CODES = ("changes.py",)
"""Modules whose `code` is another one: the kinds of changes between two schemas."""


@cache
def tree(path):
    """The syntax tree of a module, parsed once for all tests that a worker runs."""
    return ast.parse(path.read_text("utf-8"))


def literals(node):
    """The texts that an expression may give, as far as they are written out."""
    if isinstance(node, ast.IfExp):
        return literals(node.body) | literals(node.orelse)
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def made():
    """The codes that are written out where problems are made."""
    found = set()
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            name = ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else None
            if name in MAKERS and node.args:
                found |= literals(node.args[0])
    return found


def strings_outside_the_registry():
    return {
        node.value
        for path in SOURCES
        if path != REGISTRY
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_code_that_is_made_is_registered():
    assert len(made()) > 50
    assert made() - REGISTERED == set()


def test_no_registered_code_is_left_over():
    assert REGISTERED - strings_outside_the_registry() - set(checks.names()) == set()


def test_every_registered_code_has_a_page_and_every_page_a_code():
    assert set() == REGISTERED - PAGES
    assert set() == PAGES - REGISTERED


def test_a_page_is_where_the_registry_says():
    file, _, anchor = codes.find("missing-required").page.partition("#")
    assert f"### {anchor}\n" in (ROOT / file).read_text("utf-8")


def test_every_check_may_report_under_its_own_name():
    assert set(checks.names()) <= REGISTERED


def test_a_problem_of_an_unknown_code_cannot_be_made():
    with pytest.raises(codes.UnknownCodeError, match="`mispelled` is not in the registry"):
        Problem("mispelled", "nobody would ever look this up")


def test_a_code_that_covers_another_is_registered():
    covering = {code.covered_by for code in codes.every()} - {None}
    assert covering
    assert covering <= REGISTERED


def is_code(node):
    return isinstance(node, ast.Attribute) and node.attr == "code"


def is_text(node):
    return any(isinstance(below, ast.Constant) and isinstance(below.value, str) for below in ast.walk(node))


def decisions(tree):
    """Comparisons of a code with a text, a collection of texts, or a constant."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            others = [side for side in sides if not is_code(side)]
            constant = any(
                isinstance(side, ast.Name) and side.id.isupper() and "ANSWER" not in side.id for side in others
            )
            if len(others) < len(sides) and (constant or any(map(is_text, others))):
                yield ast.unparse(node)


@pytest.mark.parametrize("text", ["problem.code == 'rule'", "one.code in ('a', 'b')", "problem.code in AT_KEY"])
def test_the_search_for_decisions_finds_one(text):
    assert list(decisions(ast.parse(text))) == [text]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nobody_but_the_registry_decides_by_a_code(path):
    assert path.name in OTHER_CODES or list(decisions(tree(path))) == []
