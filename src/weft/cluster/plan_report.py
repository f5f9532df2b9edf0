"""A plan for people and programs: text for a terminal, Markdown for a change request, JSON.

No value of a Secret is in a plan, so none can be in its report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

from weft.base.wording import counted, cut
from weft.cluster import fields
from weft.cluster.fields import Change
from weft.cluster.plans import Action, Plan, Step, TargetPlan
from weft.schema.node import MISSING
from weft.secrets.masking import MASK

SIGNS: Final = {Action.CREATE: "+", Action.CHANGE: "~", Action.REMOVE: "-", Action.KEEP: "=", Action.UNCHANGED: " "}
_FEW: Final = 40
"""So many fields of an object are shown."""
_UNASKED: Final = "the server was not asked: what it would refuse or fill in is not known (`--server` asks)"


def as_dict(plan: Plan, *, places: bool = True) -> dict[str, Any]:
    """The plan as JSON data: `{asked, targets: [{target, cluster, namespace, objects, summary}], problems}`."""
    return {
        "asked": plan.asked,
        "targets": [_target(one, places) for one in plan.targets],
        "problems": [problem.as_dict() for problem in plan.problems],
    }


def text(plan: Plan, *, style: Callable[[str, str], str] = lambda text, _: text, places: bool = True) -> str:
    """The plan for a terminal; `style` colors a text as green, yellow, red or dim."""
    return "\n".join(_lines(plan, style, places)) + "\n"


def markdown(plan: Plan, *, places: bool = True) -> str:
    """The plan as a comment for a change request."""
    return "\n".join(_markdown(plan, places)) + "\n"


def _target(one: TargetPlan, places: bool) -> dict[str, Any]:
    return {
        "target": one.name,
        "cluster": one.client.context,
        "namespace": one.namespace,
        "revision": one.inventory.revision,
        "objects": [_step(one, step, places) for step in one.steps if step.action is not Action.UNCHANGED],
        "summary": {str(action): one.counts[action] for action in Action},
    }


def _step(one: TargetPlan, step: Step, places: bool) -> dict[str, Any]:
    data: dict[str, Any] = {"object": str(step.key), "group": step.key.group, "action": str(step.action)}
    data |= {"untried": step.untried} if step.untried else {}
    data |= {"reason": step.reason} if step.reason else {}
    if step.settled is not None and step.settled.adopted:
        data["adopted"] = list(step.settled.adopted)
    changes = [_change(step, change, places) for change in step.visible_changes] if step.action is Action.CHANGE else []
    return data | ({"changes": changes} if changes else {})


def _change(step: Step, change: Change, places: bool) -> dict[str, Any]:
    data: dict[str, Any] = {"field": fields.shown(change.path), "kind": change.kind}
    data |= {} if change.old is MISSING else {"old": change.old}
    data |= {} if change.new is MISSING else {"new": change.new}
    data |= {"manager": change.manager, "since": change.since} if change.manager else {}
    place = _place(step, change) if places else None
    return data | ({"overlay": place} if place else {})


def _place(step: Step, change: Change) -> str | None:
    """The overlay that sets the new value of a field."""
    if step.manifest is None or change.new is MISSING:
        return None
    place = step.manifest.overlay_place(fields.plain(change.path, step.manifest.data))
    return str(place) if place else None


def _lines(plan: Plan, style: Callable[[str, str], str], places: bool) -> Iterator[str]:
    quiet = [one for one in plan.targets if not one.writes and not one.every_problem]
    for one in plan.targets:
        if one not in quiet:
            yield f"{one.name} in {one.client.context}, namespace {one.namespace}: {summary(one)}"
            yield from _steps(one, style, places)
    if quiet:
        names = quiet[0].name if len(quiet) == 1 else counted(len(quiet), "target")
        yield f"{names}: nothing changes"
    if not plan.asked:
        yield style(_UNASKED, "dim")


def _steps(one: TargetPlan, style: Callable[[str, str], str], places: bool) -> Iterator[str]:
    colors = {Action.CREATE: "green", Action.CHANGE: "yellow", Action.REMOVE: "red", Action.KEEP: "dim"}
    for step in one.steps:
        if step.action is Action.UNCHANGED:
            continue
        yield "  " + style(f"{SIGNS[step.action]} {step.key}", colors[step.action]) + _note(step)
        if step.action is Action.CHANGE:
            changes = step.visible_changes
            for change in changes[:_FEW]:
                yield f"      {_change_line(step, change, places)}"
            if len(changes) > _FEW:
                yield f"      and {len(changes) - _FEW} more fields"
    untried = Counter(step.untried for step in one.steps if step.untried)
    yield from (f"  {counted(number, 'object')} not yet tried: {why}" for why, number in untried.items())


def _note(step: Step) -> str:
    """What is shown about an object after its name."""
    notes = [step.reason] if step.reason else []
    if step.settled is not None and step.settled.adopted:
        notes.append(f"adopted from {', '.join(step.settled.adopted)}")
    if step.action is Action.CHANGE and not step.visible_changes:
        notes.append("marked as Weft's")
    return f"   {'; '.join(notes)}" if notes else ""


def _change_line(step: Step, change: Change, places: bool) -> str:
    name = fields.shown(change.path)
    if change.kind == "added":
        said = f"+ {name}: {_value(change.new)}"
    elif change.kind == "removed":
        said = f"- {name}: {_value(change.old)}"
    else:
        said = f"~ {name}: {_value(change.old)} -> {_value(change.new)}"
    foreign = f"   owned by {change.manager}" if change.manager not in (None, "weft") else ""
    place = _place(step, change) if places else None
    return said + foreign + (f"   {place}" if place else "")


def _value(value: Any) -> str:
    return "(secret)" if value == MASK else cut(fields.value_text(value))


def summary(one: TargetPlan) -> str:
    """`2 to create, 1 to change, 30 unchanged`."""
    words = {
        Action.CREATE: "to create",
        Action.CHANGE: "to change",
        Action.REMOVE: "to remove",
        Action.KEEP: "kept",
        Action.UNCHANGED: "unchanged",
    }
    return (
        ", ".join(f"{one.counts[action]} {word}" for action, word in words.items() if one.counts[action])
        or "no objects"
    )


def _markdown(plan: Plan, places: bool) -> Iterator[str]:
    yield "### Plan"
    yield ""
    yield "| target | create | change | remove | kept | unchanged |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for one in plan.targets:
        yield f"| {one.name} | " + " | ".join(str(one.counts[action]) for action in _COLUMNS) + " |"
    for one in plan.targets:
        if any(step.action is not Action.UNCHANGED for step in one.steps):
            yield from _details(one, places)
    if not plan.asked:
        yield ""
        yield f"_{_UNASKED[0].upper()}{_UNASKED[1:]}._"
    for problem in plan.problems:
        yield ""
        where = f" (`{problem.place}`)" if problem.place else ""
        yield f"- **{problem.severity}**{where}: {problem.sentence}"


def _details(one: TargetPlan, places: bool) -> Iterator[str]:
    yield ""
    yield f"<details><summary>{one.name}: {summary(one)}</summary>"
    yield ""
    yield "```diff"
    yield from (line[2:] for line in _steps(one, lambda text, _: text, places))
    yield "```"
    yield ""
    yield "</details>"


_COLUMNS: Final = (Action.CREATE, Action.CHANGE, Action.REMOVE, Action.KEEP, Action.UNCHANGED)
