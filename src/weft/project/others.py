"""Other values of settings, with which outputs are rendered again to see what depends on them."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any, Final

from weft.base.paths import Path, get
from weft.schema.equality import canonical
from weft.schema.node import Node

_MARK: Final = 7919
_MEMBERS: Final = 12
"""So many members of an enumeration are tried."""
_DIGITS: Final = re.compile(r"\d+")


def other_values(root: Node, config: Any, path: Path, number: int = 0) -> list[Any]:
    """Values that a setting could have instead, the most telling one first; the `number` of a setting makes its value its own.

    No value shows everything: a condition may compare a text with others, or a number with a limit. So the members of an enumeration come
    first, and a text that no setting has is followed by one with the same form and by an empty one.
    """
    value = get(config, path)
    members = root.at(path).keyword("enum", ())
    if isinstance(members, list) and value in members:
        others = [member for member in members if canonical(member) != canonical(value)]
        return others[:_MEMBERS] or [_another(value, number)]
    if isinstance(value, list) and value:
        return [[other_values(root, config, (*path, index), number)[0] for index in range(len(value))]]
    return [_another(value, number), *_often_asked_for(value)]


def _often_asked_for(value: Any) -> tuple[Any, ...]:
    """Other values that conditions of templates compare with: the numbers 0 and 1, a text of the same form and an empty one."""
    often: tuple[Any, ...] = ()
    if isinstance(value, str):
        often = _DIGITS.sub(lambda digits: str(int(digits[0][-4:]) % 8 + 1), value), ""
    elif isinstance(value, int | float) and not isinstance(value, bool):
        often = 0, 1
    return tuple(other for other in often if other != value)


def _another(value: Any, number: int) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + _MARK + number
    if isinstance(value, str):
        return f"{value}x{_MARK + number}"
    if isinstance(value, list):
        return [_another(item, number) for item in value] or [f"x{_MARK + number}"]
    if isinstance(value, dict):
        return {key: _another(below, number) for key, below in value.items()} or {f"x{_MARK + number}": "x"}
    return f"x{_MARK + number}"


def replaced(config: Any, values: Mapping[Path, Any]) -> Any:
    """The configuration with other values at some paths; everything else is shared."""
    if () in values:
        return values[()]
    below: dict[str | int, dict[Path, Any]] = {}
    for path, value in values.items():
        below.setdefault(path[0], {})[path[1:]] = value
    result = copy.copy(config)
    for step, inside in below.items():
        result[step] = replaced(config[step], inside)
    return result
