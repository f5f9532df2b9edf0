"""Values are frozen: nobody who is handed one can spoil another's."""

import dataclasses
import importlib
import pkgutil
import re

import weft

CHANGING = {
    "weft.api.charts.comments.Notes",
    "weft.api.parts.literals._Open",
    "weft.checks.Outcome",
    "weft.cluster.client.Kinds",
    "weft.cluster.drifting.TargetDrift",
    "weft.cluster.live.Live",
    "weft.cluster.outcomes.Outcome",
    "weft.cluster.plans.Plan",
    "weft.cluster.plans.Step",
    "weft.cluster.plans.TargetPlan",
    "weft.cluster.watching.Patience",
    "weft.derived.compatibility.sameness.Sameness",
    "weft.derived.crd.admission.Ruled",
    "weft.derived.editors.jetbrains._Element",
    "weft.files.jsonc.Value",
    "weft.rules.compiling.Expression",
    "weft.schema.ecma._Reader",
    "weft.schema.explaining.Undecided",
    "weft.secrets.quoting._File",
}


def classes():
    for module in pkgutil.walk_packages(weft.__path__, "weft."):
        # `evaluate.py` of a check is a separate program, which runs where the packages that it asks are installed
        if module.name != "weft.__main__" and not re.fullmatch(r"weft\.checks\.\w+\.evaluate", module.name):
            for thing in vars(importlib.import_module(module.name)).values():
                if isinstance(thing, type) and dataclasses.is_dataclass(thing) and thing.__module__ == module.name:
                    yield f"{module.name}.{thing.__qualname__}", thing


def test_every_dataclass_is_frozen_but_these():
    found = dict(classes())
    assert len(found) > 50
    assert {name for name, thing in found.items() if not thing.__dataclass_params__.frozen} == CHANGING
