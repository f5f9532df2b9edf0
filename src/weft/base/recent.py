"""Results that are kept for the very objects that they were made of.

The targets of a fleet share what their lower layers give: a merge returns the same mapping where the layers above change nothing
in it. Whatever is made of such a mapping is made once, and shared in turn. Only the last few results are kept, so that memory does
not grow with the fleet; objects are compared by identity, and must not change.
"""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar

_Result = TypeVar("_Result")
_MANY: Final = 16


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
            del self._known[next(iter(self._known))]
        self._known[id(value)] = value, result  # the value is kept too, so that no other one gets its id
        return result
