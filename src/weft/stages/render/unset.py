"""Settings that a template uses and that are not there: the first one ends a rendering, and here are all of them.

A template that failed is rendered once more, with a value that notes each use of it and goes on as if it were empty.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from jinja2 import Undefined


@dataclass(frozen=True)
class Uses:
    """The uses that were noted: what is not there, in the words of `explain`, and the file and the line of the template."""

    explain: Callable[[Any, str], Exception]
    found: list[tuple[Exception, str, int]] = field(default_factory=list)

    def undefined(self) -> type[Undefined]:
        """The class of what is not there, for an environment of Jinja whose uses are noted here."""
        return type("_Noted", (_Noting,), {"uses": self})

    def note(self, around: Any, name: str) -> None:
        """Note a use of a name, of something around it, by the line of the template that is running."""
        frame = sys._getframe()  # noqa: SLF001 - nothing else knows which line asks for a text
        while frame.f_back is not None and "__jinja_template__" not in frame.f_globals:
            frame = frame.f_back
        template = frame.f_globals.get("__jinja_template__")
        if template is not None and template.filename:
            self.found.append(
                (self.explain(around, name), template.filename, template.get_corresponding_lineno(frame.f_lineno))
            )


class _Noting(Undefined):
    """A value that is not there: a text without characters, a list without items, false, and whatever lies inside it."""

    uses: ClassVar[Uses]

    def _note(self) -> None:
        self.uses.note(self._undefined_obj, self._undefined_name or "")

    def __getattr__(self, name: str) -> Any:
        if name[:2] == "__":
            raise AttributeError(name)
        self._note()
        return self

    def __str__(self) -> str:
        self._note()
        return ""

    def __iter__(self) -> Iterator[Any]:
        self._note()
        return iter(())

    def __len__(self) -> int:
        self._note()
        return 0

    def __bool__(self) -> bool:
        self._note()
        return False

    def __eq__(self, other: object) -> bool:
        self._note()
        return False

    def __hash__(self) -> int:
        self._note()
        return 0

    def _itself(self, *_: Any, **__: Any) -> Any:
        self._note()
        return self

    def _less(self, _: Any) -> bool:
        self._note()
        return False

    __repr__ = __str__
    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = _less  # type: ignore[assignment]
    __call__ = __getitem__ = _itself
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _itself
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _itself
    __pos__ = __neg__ = __pow__ = __rpow__ = _itself
