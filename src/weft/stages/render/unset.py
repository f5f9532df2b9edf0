"""Missing settings that a template uses: the first one ends the rendering, and its error suggests a name.

A template that failed is rendered once more with a value that records each use and acts like an empty one, so all missing
settings are reported.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, NoReturn

from jinja2 import StrictUndefined, Undefined
from jinja2.exceptions import UndefinedError
from jinja2.utils import missing

from weft.base.paths import dotted
from weft.base.problems import choices, did_you_mean
from weft.base.wording import counted
from weft.schema.types import TYPE_WORDS, json_type
from weft.secrets.taint import Branch


@dataclass(frozen=True)
class Wanted:
    """What a template wants in a bundle: the `values` that it may see, the number of the `revision`, and `others`, files by their names."""

    values: Mapping[str, Any] = field(repr=False)
    revision: int | None
    others: Mapping[str, str] = field(repr=False)


class TargetNames(dict[str, str]):
    """What templates see as `target`: its name, and its value of each of the `dimensions` that it has.

    `bundle` makes the files of the target's bundle, for the filter of that name.
    """

    def __init__(
        self,
        names: Mapping[str, str],
        dimensions: Sequence[str],
        bundle: Callable[[Wanted], dict[str, str]] = lambda _: {},
    ) -> None:
        super().__init__(names)
        self._dimensions = dimensions
        self.bundle = bundle

    def without(self, name: str) -> tuple[str, str]:
        """The message and the hint for a name that the target does not have."""
        if name in self._dimensions:
            message = f"target.{name} is not set: {self['name']} has no {name}"
            return message, f"guard it with `is defined`, or give the output `scope: {name}`"
        known = dict.fromkeys((*self, *self._dimensions))
        return f"there is no `target.{name}`", did_you_mean(name, known) or f"choose from {choices(known)}"


def _without_value(value: Any) -> str:
    """The kind of value that lacks a name or item, without its content."""
    if isinstance(value, list | tuple):
        return f"a list of {counted(len(value), 'item')}"
    if isinstance(value, Mapping):
        return TYPE_WORDS["object"]
    plain = value is None or isinstance(value, str | int | float)
    return TYPE_WORDS[json_type(value)] if plain else "the value before it"


class UnsetError(UndefinedError):
    """A missing setting was used."""

    def __init__(self, obj: Any, name: str, message: str | None = None) -> None:
        self.path: tuple[str | int, ...] = ()
        self.hint: str | None = None
        self.variable = name if obj is missing else None
        if isinstance(obj, Branch):
            self.path = (*obj.path, name)
            message = f"{dotted(self.path)} is not set"
            known = dict.fromkeys((*obj, *obj.node.properties))
            self.hint = did_you_mean(str(name), [key for key in known if key != name])
            if name in obj.node.properties:
                self.hint = "it has no default: guard it with `is defined`, or use `| default(...)`"
        elif obj is missing:
            message = f"`{name}` is not defined"
        elif isinstance(obj, TargetNames):
            message, self.hint = obj.without(str(name))
        else:
            message = f"{_without_value(obj)} has no `{name}`"
            self.hint = did_you_mean(str(name), map(str, obj)) if isinstance(obj, Mapping) else None
        super().__init__(message)

    def suggest(self, context: Mapping[str, Any]) -> str | None:
        """The hint for a variable that is not defined."""
        config = context.get("config")
        if self.variable is None or not isinstance(config, Branch):
            return None
        if self.variable in config.node.properties:
            return "it has no default: guard it with `is defined`, or use `| default(...)`"
        return did_you_mean(self.variable, context)


class Unset(StrictUndefined):
    """A missing value: using it is an error."""

    __slots__ = ()

    def __init__(
        self, hint: str | None = None, obj: Any = missing, name: str | None = None, exc: Any = UndefinedError
    ) -> None:
        unset = exc is UndefinedError  # else the sandbox reports why it refused
        super().__init__(hint, obj, name, partial(UnsetError, obj, name or "") if unset else exc)  # type: ignore[arg-type]

    def __repr__(self) -> NoReturn:
        """Printing a list shows its items by `repr`, and an unset one must be an error there too."""
        self._fail_with_undefined_error()


@dataclass(frozen=True)
class Uses:
    """The recorded uses, each once: the error of the missing value, and the file and line of the template."""

    known: dict[tuple[str, str, int], UnsetError] = field(default_factory=dict)

    @property
    def found(self) -> list[tuple[UnsetError, str, int]]:
        """The error, the file and the line of each."""
        return [(error, file, line) for (_, file, line), error in self.known.items()]

    def undefined(self) -> type[Undefined]:
        """The class of missing values, for a Jinja environment whose uses are recorded here."""
        return type("_Noted", (_Noting,), {"uses": self})

    def note(self, around: Any, name: str) -> None:
        """Record the use of a name, or of a part of it, at the current line of the template."""
        frame = sys._getframe()  # noqa: SLF001 - nothing else knows which line asks for a text
        while frame.f_back is not None and "__jinja_template__" not in frame.f_globals:
            frame = frame.f_back
        template = frame.f_globals.get("__jinja_template__")
        if template is not None and template.filename:
            error, line = UnsetError(around, name), template.get_corresponding_lineno(frame.f_lineno)
            self.known.setdefault((str(error), template.filename, line), error)


class _Noting(Undefined):
    """A missing value that acts as an empty text, an empty list and false, and so does everything inside it."""

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
