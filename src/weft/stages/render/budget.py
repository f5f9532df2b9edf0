"""The limits of a template: every text that it renders has a budget of steps, from which its work is paid.

A turn of a loop, a call of a macro, an item that a filter visits and 64 bytes of text each cost about one step. Work that could
cost more than the remaining budget is refused before it starts, because nothing could stop it afterwards. Steps are counted, not
seconds, so a template fails everywhere or nowhere.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import ItemsView, Iterable, Iterator, KeysView, ValuesView
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from jinja2.utils import Namespace
from markupsafe import Markup

from weft.secrets.taint import Lasting

MAX_STEPS: Final = 2_000_000
"""The number of steps for one text; about a few seconds, or 128 MB if all of it is text."""
MAX_TEXT: Final = 10_000_000
"""The maximum number of characters of a finished output."""
MAX_BITS: Final = 16_384
"""The maximum size of a whole number: slightly more than the 4,300 digits that Python writes."""

_BYTES_A_STEP: Final = 64
_HUGE: Final = 1 << 60
"""Above this, whole numbers can be chosen so that their hashes collide, which makes sets and mappings of them slow."""
_COST_OF_HUGE: Final = 1000


class TooCostlyError(Exception):
    """A template exceeded the limit in the message."""


class Budget:
    """The remaining steps for one text."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MAX_STEPS

    def spend(self, steps: int) -> None:
        """Pay for some work. Raises TooCostlyError if too little is left."""
        self.left -= steps
        if self.left < 0:
            raise TooCostlyError(f"it takes more than {MAX_STEPS:,} steps")


_BUDGET: Final[ContextVar[Budget | None]] = ContextVar("budget", default=None)


@contextmanager
def fresh_budget() -> Iterator[None]:
    """A new budget for the text rendered inside."""
    token = _BUDGET.set(Budget())
    try:
        yield
    finally:
        _BUDGET.reset(token)


def spend(steps: int) -> None:
    """Pay from the budget of the text that is being rendered."""
    budget = _BUDGET.get()
    if budget is not None:
        budget.spend(steps)


def tick(steps: int) -> bool:
    """Pay for a turn of a loop or the body of a macro; true, so that a condition may begin with it."""
    budget = _BUDGET.get()
    if budget is not None:
        budget.left -= steps
        if budget.left < 0:
            budget.spend(0)
    return True


def spend_text(length: int) -> None:
    """Pay for a text of this length, before it is created."""
    spend(1 + length // _BYTES_A_STEP)


def spend_size(value: Any) -> None:
    """Pay for visiting a value and everything inside it."""
    tick(1 + (len(value) >> 6) if type(value) is str else size(value))


def size(value: Any) -> int:
    """The steps for visiting a value and everything inside it; a value that occurs several times counts each time."""
    if type(value) is str:  # what most values are
        return 1 + (len(value) >> 6)
    total = 0
    stack = [value]
    while stack and total <= MAX_STEPS:
        one = stack.pop()
        kind = type(one)
        total += 1
        if kind is str:
            total += len(one) >> 6
        elif kind is bool or one is None:
            pass
        elif kind is int or kind is float:
            total += _size_alone(one)
        elif isinstance(one, Lasting):
            total += one.size or _size_of_lasting(one)
        elif kind is list or kind is tuple:
            stack += one
        elif kind is dict:
            stack += one.values()
            stack += one
        else:
            total += _size_alone(one)
            stack += _inside(one)
    return total


def _size_of_lasting(mapping: Lasting) -> int:
    """The size of a mapping that never changes, such as a part of the configuration."""
    total = 1 + 2 * len(mapping)
    for one in dict.values(mapping):  # which does not count as reading them
        kind = type(one)
        if kind is str:
            total += len(one) >> 6
        elif kind is int or kind is float:
            total += 0 if -_HUGE < one < _HUGE else _COST_OF_HUGE
        elif kind is not bool:
            total += size(one) - 1
    mapping.size = total
    return total


def _size_alone(value: Any) -> int:
    """What a value of the less common kinds costs beyond one step."""
    if isinstance(value, int | float):
        return 0 if -_HUGE < value < _HUGE else _COST_OF_HUGE
    if isinstance(value, str | bytes):
        return len(value) // _BYTES_A_STEP
    if isinstance(value, range):
        return len(value) * (1 if _is_small(value) else _COST_OF_HUGE)
    return 0


def _is_small(value: range) -> bool:
    return all(-_HUGE < end < _HUGE for end in (value.start, value.stop))


def _inside(value: Any) -> Iterable[Any]:
    """What is inside such a value."""
    if isinstance(value, int | float | str | bytes):
        return ()
    if isinstance(value, dict):
        return [*value, *value.values()]
    if isinstance(value, list | tuple | set | frozenset | deque | KeysView | ValuesView | ItemsView):
        return value
    return [object.__getattribute__(value, "_Namespace__attrs")] if isinstance(value, Namespace) else ()


def made(value: Any) -> Any:
    """A new value of a template, paid for; an iterator pays for each of its items."""
    kind = type(value)
    if kind in _TEXTS:
        tick(sys.getsizeof(value) // _BYTES_A_STEP)
    elif kind in _COSTS_NOTHING:
        pass
    elif kind is int:
        check_bits(value.bit_length())
    elif isinstance(value, _COLLECTIONS):
        tick(len(value))
    elif isinstance(value, Iterator) and kind is not _Metered:
        return _Metered(value)
    return value


_TEXTS: Final = frozenset((str, bytes, Markup))
_COSTS_NOTHING: Final = frozenset((bool, float, Namespace))
_COLLECTIONS: Final = (list, tuple, dict, set, frozenset)


class _Metered(Iterator[Any]):
    """An iterator each of whose items is a step."""

    __slots__ = ("_items",)

    def __init__(self, items: Iterator[Any]) -> None:
        self._items = items

    def __next__(self) -> Any:
        tick(1)
        return next(self._items)


def check_bits(bits: int) -> None:
    """Refuse a whole number of this many bits, before it is computed."""
    if bits > MAX_BITS:
        raise TooCostlyError(f"it makes a number of more than {MAX_BITS:,} bits")


def check_length(text: str) -> None:
    """Refuse a finished output that is too long."""
    if len(text) > MAX_TEXT:
        raise TooCostlyError(f"its text is longer than {MAX_TEXT:,} characters")
