"""On its way from an overlay to a manifest, a value goes down the floors of the house and is not carried up again.

Imports are held by import-linter, but a callback, a generator that is used up below or an object that is handed down calls upward
without any import. So one target is rendered and written here while every call of a function of Weft is looked at.
"""

import sys
import threading
import tomllib
from collections import Counter
from contextlib import contextmanager
from functools import cache

import weft
from reference import ROOT, project
from weft.base.problems import Severity
from weft.report.report import Report

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
ALLOWED = 2
"""A bundle has the lines of overlays, which only the project knows: the filter asks for it."""


def ranks(container):
    """The floor of each package or module of a container, from below, as the import contract has them."""
    layers = next(entry["layers"] for entry in CONTRACTS if entry.get("containers") == [container])
    names = [
        (floor, name) for floor, layer in enumerate(reversed(layers)) for name in layer.replace("|", ":").split(":")
    ]
    return {name.strip(): floor for floor, name in names}


PACKAGES, PROJECT = ranks("weft"), ranks("weft.project")


def floor_of(frame):
    """The floor of the package that a frame's function belongs to, and in `project` that of the module; None outside."""
    return floor(frame.f_globals.get("__name__", ""))


@cache
def floor(name):
    """The same of a module."""
    outer, package, module, *_ = (*name.split("."), "", "")
    if outer != "weft" or package not in PACKAGES:
        return None
    return PACKAGES[package], PROJECT.get(module, 0) if package == "project" else 0


def name_of(frame):
    return f"{frame.f_globals['__name__']}.{frame.f_code.co_qualname}"


@contextmanager
def upward_calls():
    """Counts the calls that go up, as (caller, callee); libraries between the two are passed over, importing does not count."""
    found = Counter()

    def look(frame, event, _):
        floor = floor_of(frame) if event == "call" else None
        if floor is None:
            return
        caller = frame.f_back
        while caller is not None and floor_of(caller) is None:
            caller = caller.f_back
        importing = caller is None or "<module>" in (frame.f_code.co_name, caller.f_code.co_name)
        if not importing and floor > floor_of(caller):
            found[name_of(caller), name_of(frame)] += 1

    before = sys.getprofile()
    threading.setprofile(look)
    sys.setprofile(look)
    try:
        yield found
    finally:
        sys.setprofile(before)
        threading.setprofile(before)


def test_a_generator_that_is_used_up_below_is_seen():
    made_above = {"__name__": "weft.project.project", "Report": Report}
    exec("def report():\n    return Report(one for one in ())", made_above)
    with upward_calls() as found:
        made_above["report"]()
    assert [*found] == [("weft.report.report.Report.__init__", "weft.project.project.report.<locals>.<genexpr>")]


def test_rendering_a_target_hardly_calls_upward(tmp_path):
    others = project().targets("staging")
    project().write(others, project().render(others)[0], tmp_path)  # whose files the folder has already
    with upward_calls() as found:
        loaded = weft.load_project(ROOT)
        target = loaded.target("production", tenant="acme")
        rendered, problems = loaded.render([target])
        loaded.write([target], rendered, tmp_path)
    assert [problem for problem in problems if problem.severity is not Severity.NOTE] == []
    assert len(rendered) > 10
    assert len(found) <= ALLOWED, "\n".join(
        f"{count:4} {caller} -> {callee}" for (caller, callee), count in found.items()
    )
