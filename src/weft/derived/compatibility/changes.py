"""The changes between two versions of a project's schemas, and whether they are breaking."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from weft.base import paths
from weft.base.problems import Place
from weft.derived.compatibility.containment import ANYTHING, ITEMS, Finding, Implication
from weft.derived.compatibility.sides import Side
from weft.schema.bundled import BundledSchema
from weft.schema.documents import Documents
from weft.schema.equality import canonical
from weft.schema.walk import each_named, each_of, in_place


class Effect(StrEnum):
    """The effect of a change on people who write or read values."""

    BREAKING = "breaking"
    COMPATIBLE = "compatible"
    COSMETIC = "cosmetic"


@dataclass(frozen=True, slots=True)
class Change:
    """One change. `path` is the setting's, `before` and `after` the values in the schema (None if absent).

    `schema` is the `file#/pointer` of the keyword, in the version of `place`: `old` or `new`.
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
    "removed": ("was removed", "was added"),
    "type": ("allows fewer types", "allows more types"),
    "bound": ("has a tighter `{}`", "has a looser `{}`"),
    "required": ("is now required", "is no longer required"),
    "values": ("has fewer possible values", "has more possible values"),
    "pattern": ("must match a pattern", "no longer has to match a pattern"),
    "format": ("must have a format", "no longer has to have a format"),
    "names": ("allows fewer names for its keys", "allows more names for its keys"),
    "rule": ("has a new rule", "has one rule less"),
    "composed": ("may reject values that were allowed, because of `{}`", "allows more, because of `{}`"),
    "size": ("is too large to be compared", "is too large to be compared"),
}
"""The message of a finding, forward and backward."""
_OTHER_KEYS: Final = (
    "may no longer be added: keys that are not listed are refused",
    "may be added: keys that are not listed are allowed",
)
"""The same for `removed` if the finding is about keys that no schema lists."""
_BEHAVIOUR: Final[Mapping[str, tuple[str, Callable[[Any, Any], Effect]]]] = {
    "default": ("has another default", lambda _, after: _breaks(after is None)),
    "x-env": ("has another environment variable", lambda before, _: _breaks(before is not None)),
    "x-unit": ("has another unit", lambda before, _: _breaks(before is not None)),
    "x-kubernetes-list-type": ("merges differently", lambda _, __: Effect.BREAKING),
    "x-kubernetes-list-map-keys": ("identifies items by other keys", lambda _, __: Effect.BREAKING),
    "x-kubernetes-map-type": ("merges differently", lambda _, __: Effect.BREAKING),
    "x-sensitive": ("changes whether it is sensitive", lambda _, after: _breaks(after is True)),
    "deprecated": ("changes whether it is deprecated", lambda _, __: Effect.COMPATIBLE),
    "x-read-by": ("has other readers", lambda _, __: Effect.COMPATIBLE),
    "x-reload": ("changes whether it needs a restart", lambda _, __: Effect.COMPATIBLE),
    "x-renamed-to": ("changes its successor", lambda _, __: Effect.COMPATIBLE),
}
_COSMETIC: Final = ("title", "description", "markdownDescription", "examples", "errorMessage", "$comment")


def _breaks(condition: bool) -> Effect:
    return Effect.BREAKING if condition else Effect.COMPATIBLE


def compare(old: Documents, new: Documents) -> list[Change]:
    """Every change from one version of the schemas to another, breaking changes first.

    When no change is breaking, every value that is valid by `old` is valid by `new`.
    """
    before, after = BundledSchema(old), BundledSchema(new)
    forward = Implication(before.schema, after.schema)
    tightened, reverse = forward.findings(), Implication(after.schema, before.schema).findings()
    reported = {(finding.path, finding.code) for finding in tightened}
    loosened = [
        finding
        for finding in reverse
        if (finding.path, finding.code) not in reported and finding.code not in ("size", "composed")
    ]
    changes = [_tightened(finding, before, after, _successor(finding, reverse, forward)) for finding in tightened]
    changes += [_loosened(finding, before, after) for finding in loosened]
    changes += _Annotations(before, after).changes()
    order = list(Effect)
    unique = {
        (change.effect, change.path, change.message, canonical([change.before, change.after])): change
        for change in changes
    }
    return sorted(unique.values(), key=lambda change: (order.index(change.effect), change.path, change.message))


def _tightened(finding: Finding, before: BundledSchema, after: BundledSchema, successor: str | None) -> Change:
    removed = finding.code == "removed"
    announced = finding.old.get("x-renamed-to") if removed and isinstance(finding.old, dict) else None
    words = f"was removed, as announced: use `{announced}`" if announced else _words(finding)
    location = before.location(finding.old) if removed else _at(after, finding.new, finding.keyword)
    version = "old" if removed and location else "new"
    return Change(
        Effect.BREAKING,
        finding.code,
        shown(finding.path),
        words,
        _brief(finding.before),
        _brief(finding.after),
        location or after.location(after.schema),
        version,
        hint=_rename_hint(shown(finding.path), successor) if successor and not announced else None,
    )


def _rename_hint(name: str, successor: str) -> str:
    return f"if it was renamed to `{successor}`, keep `{name}` with `deprecated: true` and `x-renamed-to: {successor}` for a while"


def _loosened(finding: Finding, before: BundledSchema, after: BundledSchema) -> Change:
    """A finding of the reverse comparison, with `old` and `new` swapped."""
    return Change(
        Effect.COMPATIBLE,
        finding.code.replace("removed", "added"),
        shown(finding.path),
        _words(finding, backward=True),
        _brief(finding.after),
        _brief(finding.before),
        _at(after, finding.old, finding.keyword) or before.location(finding.new),
        "new" if after.location(finding.old) else "old",
    )


def _words(finding: Finding, *, backward: bool = False) -> str:
    other_keys = finding.code == "removed" and finding.path[-1:] == (ANYTHING,)
    words = _OTHER_KEYS if other_keys else _WORDS[finding.code]
    return words[backward].format(finding.keyword)


def _at(bundle: BundledSchema, schema: Any, keyword: str) -> str | None:
    """The location of a keyword of a schema."""
    location = bundle.location(schema)
    inside = location and keyword and isinstance(schema, dict) and keyword in schema
    return f"{location}/{keyword}" if inside else location


def _successor(removed: Finding, reverse: Sequence[Finding], run: Implication) -> str | None:
    """The new sibling setting that is most similar to a removed one."""
    if removed.code != "removed" or not isinstance(removed.old, dict):
        return None
    alike = [added for added in reverse if _is_beside(removed, added) and run.same(removed.old, added.old)]
    named = [added for added in alike if _shares_annotation(removed.old, added.old)]
    best = named if len(named) == 1 else alike
    return shown(best[0].path) if len(best) == 1 else None


def _is_beside(removed: Finding, added: Finding) -> bool:
    """True if a finding of the reverse comparison is about a new setting of the same mapping."""
    return added.code == "removed" and added.path[:-1] == removed.path[:-1] and isinstance(added.old, dict)


def _shares_annotation(old: dict[str, Any], new: dict[str, Any]) -> bool:
    return any(key in old and key in new and old[key] == new[key] for key in ("title", "description", "x-env"))


def _brief(value: Any) -> Any:
    """A value of a keyword for a report: schemas are too long."""
    holds_schemas = isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(item, dict) for item in value)
    )
    return None if holds_schemas else value


class _Annotations:
    """The changes of keywords that do not affect validity: meaning, merging, texts. Both versions are walked together."""

    def __init__(self, before: BundledSchema, after: BundledSchema) -> None:
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
        for step, old_parts, new_parts in _parts(olds, news):
            yield from self._visit(old_parts, new_parts, (*path, step))

    def _keyword(self, keyword: str, olds: list[Any], news: list[Any], path: paths.Path) -> Iterator[Change]:
        before, after = (next(each_of(side, keyword), None) for side in (olds, news))
        if canonical(before) == canonical(after):
            return
        holder = next((new for new in news if keyword in new), news[0])
        words, effect = _BEHAVIOUR.get(keyword, (f"has another {keyword}", lambda _, __: Effect.COSMETIC))
        hidden = keyword in ("default", "examples") and any(
            True in each_of(side, "x-sensitive") for side in (olds, news)
        )
        yield Change(
            effect(before, after),
            keyword,
            shown(path),
            words,
            None if hidden else before,
            None if hidden else after,
            _at(self._after, holder, keyword) or "",
            "new",
        )


def _parts(olds: list[Any], news: list[Any]) -> Iterator[tuple[str | int, list[Any], list[Any]]]:
    """The children of a place, by their step, with both versions of each."""
    for keyword, form in (("properties", "{}"), ("patternProperties", "<{}>")):
        for name in dict.fromkeys(name for names in each_of(olds, keyword) for name in names):
            yield form.format(name), [*each_named(olds, keyword, name)], [*each_named(news, keyword, name)]
    for index in range(max(map(len, each_of(olds, "prefixItems")), default=0)):
        yield index, _at_index(olds, index), _at_index(news, index)
    others = (("additionalProperties", ANYTHING), ("unevaluatedProperties", ANYTHING))
    for keyword, step in (*others, ("items", ITEMS), ("unevaluatedItems", ITEMS)):
        yield step, [*each_of(olds, keyword)], [*each_of(news, keyword)]


def _at_index(schemas: list[Any], index: int) -> list[Any]:
    """The schemas of an item by its position."""
    return [first[index] for first in each_of(schemas, "prefixItems") if index < len(first)]


def _applying(side: Side, schemas: list[Any]) -> list[dict[str, Any]]:
    """The schemas that describe a place, those of alternatives last."""
    reached: dict[int, dict[str, Any]] = {}
    stack = list(schemas)
    while stack:
        reached |= {id(schema): schema for schema in side.flat(stack) if isinstance(schema, dict)}
        stack = [
            branch
            for schema in reached.values()
            for branch, certain in in_place(schema)
            if not certain and isinstance(branch, dict) and id(branch) not in reached
        ]
    return list(reached.values())


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
    """The report for people, breaking changes first."""
    if not changes:
        return "no changes\n"
    counts = (f"{sum(change.effect is effect for change in changes)} {effect}" for effect in Effect)
    return "\n".join((*(line for change in changes for line in _lines(change)), ", ".join(counts))) + "\n"


def _lines(change: Change) -> Iterator[str]:
    yield f"{change.effect}: {change.path or 'the configuration'} {change.message}{_difference(change)}"
    if change.place:
        yield f"  --> {change.place}{' (the old version)' if change.version == 'old' else ''}"
    if change.hint:
        yield f"   = hint: {change.hint}"


def _difference(one: Change) -> str:
    if one.before is None and one.after is None:
        return ""
    before, after = ("nothing" if value is None else _short(value) for value in (one.before, one.after))
    return f": {before} -> {after}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


_SHOWN: Final = 100
