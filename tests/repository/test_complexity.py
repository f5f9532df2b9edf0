"""Few functions are hard to follow. Ruff refuses a McCabe complexity above 12; radon, which counts more, gives grade C from 11 on."""

import ast

from reference import ROOT

GRADE_C = 11
MOST = 60
"""So many functions of grade C or worse may be there: one clear decision is not split for a number."""


def complexity(function):
    """The complexity of a function as radon 6 counts it: decisions, operators between conditions, and comprehensions."""
    return 1 + sum(decisions(node) for child in function.body for node in without_closures(child))


def without_closures(node):
    """A node and all below it, without functions in it: they count for themselves."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from without_closures(child)


def decisions(node):
    """How many ways lead on from one node, besides the first."""
    match node:
        case ast.If() | ast.IfExp() | ast.Assert():
            return 1
        case ast.For() | ast.AsyncFor() | ast.While():
            return 1 + bool(node.orelse)
        case ast.Try():
            return len(node.handlers) + bool(node.orelse)
        case ast.BoolOp():
            return len(node.values) - 1
        case ast.comprehension():
            return 1 + len(node.ifs)
        case ast.Match():
            return len(node.cases) - any(getattr(case.pattern, "pattern", False) is None for case in node.cases)
    return 0


def functions():
    """Every function and method of the engine: where it is, its name and its complexity."""
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield path.relative_to(ROOT).as_posix(), node.name, complexity(node)


def test_few_functions_are_hard_to_follow():
    hard = [(found, name, file) for file, name, found in functions() if found >= GRADE_C]
    assert len(hard) <= MOST, sorted(hard, reverse=True)


def test_what_is_counted():
    text = "def f(a):\n  if a and a or a: pass\n  for b in a: pass\n  else: pass\n  return [c for c in a if c] if a else lambda: a\n"
    assert complexity(ast.parse(text).body[0]) == 1 + 3 + 2 + 2 + 1
    assert complexity(ast.parse("def f():\n  def g(a):\n    if a: pass\n").body[0]) == 1
