"""Results that are kept, but not so many that memory grows with the fleet.

The targets of a fleet share what their lower layers give: a merge returns the same mapping where the layers above change nothing
in it. Whatever is made of such a mapping is made once, and shared in turn: `Recent` keeps the last few results by the very objects
that they were made of, which must not change. `Latest` keeps more of them, by equality: those that were asked for last.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import Any, Final, Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Result = TypeVar("_Result")
_MANY: Final = 16
_MORE: Final = 128


class Recent(Generic[_Result]):
    """The last few results of one function, by the identity of its argument."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, _Result]] = {}

    def find(self, value: Any) -> _Result | None:
        """The kept result for a value; None if there is none."""
        known = self._known.get(id(value))
        return None if known is None else known[1]

    def keep(self, value: Any, result: _Result) -> _Result:
        """Keep a result, which is given back."""
        if len(self._known) >= _MANY:
            self._known.pop(next(iter(self._known)), None)  # another thread may have done it
        self._known[id(value)] = value, result  # the value is kept too, so that no other one gets its id
        return result


class Latest(Generic[_Key, _Result]):
    """The results of one function for the arguments that were asked for last, by equality."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[_Key, _Result] = {}

    def find(self, key: _Key) -> _Result | None:
        """The kept result for an argument; None if there is none."""
        found = self._known.pop(key, None)
        if found is not None:
            self._known[key] = found  # now it is the last one
        return found

    def without(self, keys: Collection[_Key]) -> Latest[_Key, _Result]:
        """The same results but those for some arguments."""
        fresh: Latest[_Key, _Result] = Latest()
        fresh._known = {key: result for key, result in self._known.items() if key not in keys}
        return fresh

    def keep(self, key: _Key, result: _Result) -> _Result:
        """Keep a result, which is given back."""
        if len(self._known) >= _MORE:
            self._known.pop(next(iter(self._known)), None)  # as above
        self._known[key] = result
        return result
