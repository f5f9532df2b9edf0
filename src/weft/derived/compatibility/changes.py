"""What changed between two versions of a project's schemas, and whether that may break anybody."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from weft.base import paths
from weft.base.problems import Place
from weft.derived.bundle import Bundle
from weft.derived.compatibility.containment import ANYTHING, ITEMS, Finding, Implication, Side
from weft.schema.documents import Documents
from weft.schema.equality import canonical
from weft.schema.walk import in_place


class Effect(StrEnum):
    """What a change does to those who have written values, or read them."""

    BREAKING = "breaking"
    COMPATIBLE = "compatible"
    COSMETIC = "cosmetic"


@dataclass(frozen=True, slots=True)
class Change:
    """One change. `path` is the setting's, `before` and `after` what the schema said (None for nothing).

    `schema` is the `file#/pointer` where it says or said so, in the version that `place` names: `old` or `new`.
    """

    effect: Effect
    code: str
    path: str
    message: str
    before: Any
    after: Any
    schema: str | None
    version: str
    place: Place | None = None
    hint: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The change as JSON data."""
        place = self.place
        return {
            "effect": str(self.effect),
            "code": self.code,
            "path": self.path,
            "message": self.message,
            "before": self.before,
            "after": self.after,
            "file": place.file if place else None,
            "line": place.line if place else None,
            "column": place.column if place else None,
            "version": self.version,
            "schema": self.schema,
            "hint": self.hint,
        }


_WORDS: Final = {
    "removed": ("is gone", "is new"),
    "type": ("is of fewer types", "is of more types"),
    "bound": ("has a tighter `{}`", "has a looser `{}`"),
    "required": ("is now required", "is no longer required"),
    "values": ("has fewer possible values", "has more possible values"),
    "pattern": ("must match a pattern", "is free of a pattern"),
    "format": ("must have a format", "is free of a format"),
    "names": ("has stricter names of its keys", "has freer names of its keys"),
    "rule": ("has a new rule", "is free of a rule"),
    "composed": ("may refuse by its `{}` what was allowed", "allows more by its `{}`"),
    "size": ("is too large to be compared", "is too large to be compared"),
}
"""What is said of a finding, forward and backward."""
_BEHAVIOUR: Final[Mapping[str, tuple[str, Callable[[Any, Any], Effect]]]] = {
    "default": ("has another default", lambda _, after: _breaks(after is None)),
    "x-env": ("has another environment variable", lambda before, _: _breaks(before is not None)),
    "x-unit": ("has another unit", lambda before, _: _breaks(before is not None)),
    "x-kubernetes-list-type": ("merges otherwise", lambda _, __: Effect.BREAKING),
    "x-kubernetes-list-map-keys": ("merges by other keys", lambda _, __: Effect.BREAKING),
    "x-kubernetes-map-type": ("merges otherwise", lambda _, __: Effect.BREAKING),
    "x-sensitive": ("changes whether it is sensitive", lambda _, after: _breaks(after is True)),
    "deprecated": ("changes whether it is deprecated", lambda _, __: Effect.COMPATIBLE),
    "x-renamed-to": ("changes its successor", lambda _, __: Effect.COMPATIBLE),
}
_COSMETIC: Final = ("title", "description", "markdownDescription", "examples", "errorMessage", "$comment")


def _breaks(condition: bool) -> Effect:
    return Effect.BREAKING if condition else Effect.COMPATIBLE


def compare(old: Documents, new: Documents) -> list[Change]:
    """Every change from one version of the schemas to another, what breaks first.

    When no change is breaking, every value that is valid by `old` is valid by `new`.
    """
    before, after = Bundle(old), Bundle(new)
    forward = Implication(before.schema, after.schema)
    found, back = forward.findings(), Implication(after.schema, before.schema).findings()
    told = {(one.path, one.code) for one in found}
    loosened = [one for one in back if (one.path, one.code) not in told and one.code not in ("size", "composed")]
    changes = [_tightened(one, before, after, _successor(one, back, forward)) for one in found]
    changes += [_loosened(one, before, after) for one in loosened]
    changes += _Annotations(before, after).changes()
    order = list(Effect)
    unique = {(one.effect, one.path, one.message, canonical([one.before, one.after])): one for one in changes}
    return sorted(unique.values(), key=lambda one: (order.index(one.effect), one.path, one.message))


def _tightened(one: Finding, before: Bundle, after: Bundle, successor: str | None) -> Change:
    words, hint = _WORDS[one.code][0].format(one.keyword), None
    gone = one.code == "removed"
    if gone and one.path[-1:] == (ANYTHING,):
        words = "may no longer be added: keys that are not listed are refused"
    announced = one.old.get("x-renamed-to") if gone and isinstance(one.old, dict) else None
    if announced:
        words = f"is gone, as announced: `{announced}` took its place"
    elif successor:
        name = shown(one.path)
        hint = f"if it is `{successor}` now, keep `{name}` with `deprecated: true` and `x-renamed-to: {successor}` for a while"
    location = before.location(one.old) if gone else _at(after, one.new, one.keyword)
    version = "old" if gone and location else "new"
    location = location or after.location(after.schema)
    return Change(
        Effect.BREAKING,
        one.code,
        shown(one.path),
        words,
        _brief(one.before),
        _brief(one.after),
        location,
        version,
        hint=hint,
    )


def _loosened(one: Finding, before: Bundle, after: Bundle) -> Change:
    """A finding of the way back, where `old` and `new` have changed places."""
    words = _WORDS[one.code][1].format(one.keyword)
    if one.code == "removed" and one.path[-1:] == (ANYTHING,):
        words = "may be added: keys that are not listed are allowed"
    location = _at(after, one.old, one.keyword) or before.location(one.new)
    version = "new" if after.location(one.old) else "old"
    return Change(
        Effect.COMPATIBLE,
        one.code.replace("removed", "added"),
        shown(one.path),
        words,
        _brief(one.after),
        _brief(one.before),
        location,
        version,
    )


def _at(bundle: Bundle, schema: Any, keyword: str) -> str | None:
    """Where a keyword of a schema stands."""
    location = bundle.location(schema)
    inside = location and keyword and isinstance(schema, dict) and keyword in schema
    return f"{location}/{keyword}" if inside else location


def _successor(one: Finding, back: Sequence[Finding], run: Implication) -> str | None:
    """The new setting beside a removed one that looks most like it."""
    if one.code != "removed" or not isinstance(one.old, dict):
        return None
    beside = [
        new for new in back if new.code == "removed" and new.path[:-1] == one.path[:-1] and isinstance(new.old, dict)
    ]
    alike = [new for new in beside if run.same(one.old, new.old)]
    named = [
        new
        for new in alike
        if any(new.old.get(key, 0) == one.old.get(key, 1) for key in ("title", "description", "x-env"))
    ]
    best = named if len(named) == 1 else alike
    return shown(best[0].path) if len(best) == 1 else None


def _brief(value: Any) -> Any:
    """A value of a keyword as a report shows it: schemas are too long."""
    return (
        None
        if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict) for one in value))
        else value
    )


class _Annotations:
    """The changes of what is not judged by: meaning, merging, texts. Both versions are walked side by side."""

    def __init__(self, before: Bundle, after: Bundle) -> None:
        self._before, self._after = before, after
        self._old, self._new = Side(before.schema, formats=False), Side(after.schema, formats=False)
        self._seen: set[tuple[tuple[int, ...], tuple[int, ...]]] = set()

    def changes(self) -> Iterator[Change]:
        """Every such change of a place that both versions have."""
        yield from self._visit([self._before.schema], [self._after.schema], ())

    def _visit(self, olds: list[Any], news: list[Any], path: paths.Path) -> Iterator[Change]:
        olds, news = _applying(self._old, olds), _applying(self._new, news)
        key = (tuple(map(id, olds)), tuple(map(id, news)))
        if key in self._seen or not olds or not news:
            return
        self._seen.add(key)
        for keyword in (*_BEHAVIOUR, *_COSMETIC):
            yield from self._keyword(keyword, olds, news, path)
        for name in dict.fromkeys(name for one in olds for name in one.get("properties", ())):
            yield from self._visit(_named(olds, name), _named(news, name), (*path, name))
        for keyword, step in (("additionalProperties", ANYTHING), ("items", ITEMS)):
            before, after = ([one[keyword] for one in side if keyword in one] for side in (olds, news))
            yield from self._visit(before, after, (*path, step))

    def _keyword(self, keyword: str, olds: list[Any], news: list[Any], path: paths.Path) -> Iterator[Change]:
        holder = next((one for one in news if keyword in one), news[0])
        before, after = (next((one[keyword] for one in side if keyword in one), None) for side in (olds, news))
        if canonical(before) == canonical(after):
            return
        words, effect = _BEHAVIOUR.get(keyword, (f"has another {keyword}", lambda _, __: Effect.COSMETIC))
        hidden = any(one.get("x-sensitive") is True for one in (*olds, *news)) and keyword in ("default", "examples")
        location = self._after.location(holder) or ""
        yield Change(
            effect(before, after),
            keyword,
            shown(path),
            words,
            None if hidden else before,
            None if hidden else after,
            location + (f"/{keyword}" if keyword in holder else ""),
            "new",
        )


def _applying(side: Side, schemas: list[Any]) -> list[dict[str, Any]]:
    """The schemas that speak of a place, those of alternatives last."""
    found: dict[int, dict[str, Any]] = {}
    stack = list(schemas)
    while stack:
        for schema in side.flat(stack):
            if isinstance(schema, dict):
                found.setdefault(id(schema), schema)
        known = list(found.values())
        stack = [
            below
            for one in known
            for below, certain in in_place(one)
            if not certain and isinstance(below, dict) and id(below) not in found
        ]
    return list(found.values())


def _named(schemas: list[Any], name: str) -> list[Any]:
    return [one["properties"][name] for one in schemas if name in one.get("properties", ())]


def shown(path: paths.Path) -> str:
    """The path of a setting, with `<name>` for any key and `[]` for any item."""
    steps = (str(step) if step == ITEMS or str(step).startswith("<") else paths.dotted((step,)) for step in path)
    text = "".join(step if step.startswith("[") else f".{step}" for step in steps)
    return text.removeprefix(".")


def as_json(changes: Sequence[Change]) -> str:
    """`{changes: [...], summary: {breaking, compatible, cosmetic}}`."""
    counts = {str(effect): sum(one.effect is effect for one in changes) for effect in Effect}
    return (
        json.dumps({"changes": [one.as_dict() for one in changes], "summary": counts}, indent=2, ensure_ascii=False)
        + "\n"
    )


def as_text(changes: Sequence[Change]) -> str:
    """The report for people, what breaks first."""
    lines = []
    for one in changes:
        lines.append(f"{one.effect}: {one.path or 'the configuration'} {one.message}{_difference(one)}")
        if one.place:
            where = ":".join(
                str(part) for part in (one.place.file, one.place.line, one.place.column) if part is not None
            )
            lines.append(f"  --> {where}{' (the old version)' if one.version == 'old' else ''}")
        lines += [f"   = hint: {one.hint}"] if one.hint else []
    counts = (f"{sum(one.effect is effect for one in changes)} {effect}" for effect in Effect)
    lines.append(", ".join(counts) if changes else "no changes")
    return "\n".join(lines) + "\n"


def _difference(one: Change) -> str:
    if one.before is None and one.after is None:
        return ""
    before, after = ("nothing" if value is None else _short(value) for value in (one.before, one.after))
    return f": {before} -> {after}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


_SHOWN: Final = 100
