"""Mistakes of flags that flagd's core finds only when somebody asks: unknown operators, shared rules and variants that do not exist.

A flag with such a mistake is an error for every user, or for some, and the program then has the default in its code. So each flag is read as a
rule, and evaluated once, before its revision is accepted.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Final

from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import GeneralError, OpenFeatureError, ParseError

_REFERENCE: Final = "$ref"
_CHOICES: Final = ("if", "?:")
_LOGGER: Final = logging.getLogger("openfeature.contrib")


def misshapen(data: Any) -> Iterator[str]:
    """Why data cannot be flags at all."""
    if not isinstance(data, dict) or not isinstance(data.get("flags"), dict):
        yield "it has no `flags`, a mapping of flags by their keys"
        return
    if not isinstance(data.get("$evaluators", {}), dict):
        yield "`$evaluators` is not a mapping of shared rules by their names"
    for key, flag in data["flags"].items():
        if not isinstance(flag, dict) or not isinstance(flag.get("variants"), dict) or not flag["variants"]:
            yield f"the flag {key} has no variants"


def mistakes(core: FlagdCore, data: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the flags that a core has loaded from `data`."""
    shared = data.get("$evaluators") or {}
    for key, flag in data["flags"].items():
        found = list(dict.fromkeys(_of_flag(flag, shared))) or list(_evaluated(core, key, flag))
        for text in found:
            yield f"the flag {key}: {text}"


def _of_flag(flag: Mapping[str, Any], shared: Mapping[str, Any]) -> Iterator[str]:
    default = flag.get("defaultVariant")
    if default not in (None, "") and _variant(default) not in flag["variants"]:
        yield f"its default, {_variant(default)}, is none of its variants"
    rule = _resolved(flag.get("targeting"), shared)
    if not rule:
        return
    for operator, argument in _operations(rule):
        if operator == _REFERENCE:
            known = isinstance(argument, str) and argument in shared
            yield (
                f"the shared rule {argument} refers to itself"
                if known
                else f"there is no shared rule {argument} in `$evaluators`"
            )
        elif not _is_known(operator):
            yield f"flagd has no operator `{operator}`"
    for name in _results(rule):
        if name not in flag["variants"]:
            yield f"its targeting gives {name}, which is none of its variants"


def _resolved(rule: Any, shared: Mapping[str, Any]) -> Any:
    """A rule with the shared ones in it, as the core puts them in: one after another."""
    for name, one in shared.items():
        rule = _with(rule, {_REFERENCE: name}, one)
    return rule


def _with(rule: Any, reference: Mapping[str, str], one: Any) -> Any:
    if rule == reference:
        return one
    if isinstance(rule, dict):
        return {key: _with(below, reference, one) for key, below in rule.items()}
    return [_with(below, reference, one) for below in rule] if isinstance(rule, list) else rule


def _operations(rule: Any) -> Iterator[tuple[str, Any]]:
    """Every operator of a rule with its argument; a mapping with several keys is a value."""
    if isinstance(rule, dict) and len(rule) == 1:
        yield from rule.items()
        yield from _operations(next(iter(rule.values())))
    elif isinstance(rule, list):
        for below in rule:
            yield from _operations(below)


def _is_known(operator: str) -> bool:
    """True if the core has an operator, whatever it answers without arguments."""
    core = FlagdCore()
    core.set_flags(
        {"flags": {"one": {"state": "ENABLED", "variants": {"on": True}, "targeting": {operator: [[], []]}}}}
    )
    with _silent():
        try:
            core.resolve_boolean_value("one", False, EvaluationContext("weft"))
        except ParseError as error:
            return not isinstance(error.__cause__, ReferenceError)
        except Exception:  # noqa: BLE001 - whatever an operator raises without arguments, there is one
            return True
    return True


def _results(rule: Any) -> Iterator[str]:
    """The variants that a rule names as far as that can be read: those after a condition, and those of shares."""
    if isinstance(rule, dict) and len(rule) == 1:
        ((operator, given),) = rule.items()
        for part in _outcomes(operator, given if isinstance(given, list) else [given]):
            yield from _results(part)
    elif rule is not None:
        yield _variant(rule)


def _outcomes(operator: str, parts: list[Any]) -> list[Any]:
    """The arguments of an operator one of which is what it gives; none if that cannot be known."""
    if operator in _CHOICES:
        return [part for index, part in enumerate(parts) if index % 2 == 1 or index == len(parts) - 1]
    shares = parts if operator == "fractional" else []
    return [part[0] for part in shares if isinstance(part, list) and part]


def _variant(name: Any) -> str:
    """The name of a variant, as the core reads it."""
    return str(name).lower() if isinstance(name, bool) else name if isinstance(name, str) else json.dumps(name)


def _evaluated(core: FlagdCore, key: str, flag: Mapping[str, Any]) -> Iterator[str]:
    """What the core says about a flag for a user of whom only an id is known, if that is a mistake for everybody."""
    if not flag.get("targeting"):
        return
    with _silent():
        try:
            core.resolve_boolean_value(key, False, EvaluationContext("weft"))
        except (GeneralError, ParseError) as error:
            yield error.error_message or str(error)
        except (OpenFeatureError, TypeError, ValueError, LookupError, AttributeError):
            return  # another type of value, or a condition about other properties of the user


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keep what the core logs about a trial in this thread out of the log of the program."""
    thread = threading.get_ident()

    def pass_others(record: logging.LogRecord) -> bool:
        return record.thread != thread

    _LOGGER.addFilter(pass_others)
    try:
        yield
    finally:
        _LOGGER.removeFilter(pass_others)
