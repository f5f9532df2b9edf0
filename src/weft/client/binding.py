"""Settings as objects of a program's own classes: typed, checked when they are made, and following every change."""

from __future__ import annotations

import copy
import dataclasses
import types
import typing
import weakref
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar, get_origin

from weft.base.paths import Path, dotted, parse_dotted
from weft.base.problems import Problem, WeftError
from weft.client.fitting import Misfit, made
from weft.client.snapshot import Snapshot, thawed
from weft.secrets.masking import MASK

T = TypeVar("T")
_NOW: Final = "_weft_now"
"""The name under which a proxy has its object: no field of a class has it."""
_FORWARDED: Final = (
    "__len__", "__iter__", "__contains__", "__getitem__", "__reversed__", "__bool__", "__call__", "__hash__",
    "__lt__", "__le__", "__gt__", "__ge__", "__int__", "__float__", "__index__", "__fspath__", "__bytes__",
)  # fmt: skip


class Bound(Generic[T]):
    """A class at a path of the configuration, and its object for the current snapshot, as long as the program uses that."""

    def __init__(self, shape: type[T], path: Path) -> None:
        if isinstance(shape, types.UnionType) or get_origin(shape) is typing.Union:
            raise TypeError(f"`bind` takes one class, and not {shape}: an object that follows the settings stays one")
        if not _can_be_bound(shape):
            raise TypeError(
                f"`bind` takes a data class, a TypedDict, a model of `pydantic` or a dictionary such as `dict[str, Any]`, and not {shape!r}: read a single value by its path"
            )
        self.shape = shape
        self.name = getattr(shape, "__name__", str(shape))
        self.path = path
        self.now: Any = None
        self.snapshot: Snapshot | None = None
        self._proxy: Callable[[], Any] = lambda: self

    @property
    def is_used(self) -> bool:
        """False once the program has dropped the object."""
        return self._proxy() is not None

    def fit(self, snapshot: Snapshot) -> Any:
        """The object for a snapshot. Raises WeftError if the settings are not what the class wants."""
        where = dotted(self.path)
        try:
            value = snapshot.at(self.path)
        except (LookupError, TypeError):
            raise WeftError(Problem("binding", f"there is no setting {where} for {self.name}")) from None
        try:
            return made(self.shape, thawed(value), where)
        except Misfit as error:
            raise WeftError(Problem("binding", _told(error, snapshot))) from None

    def take(self, snapshot: Snapshot) -> None:
        """Use the object for a snapshot from now on. Raises WeftError."""
        now = self.fit(snapshot)
        self.now, self.snapshot = now, snapshot
        proxy = self._proxy()
        if proxy is not None and proxy is not self and not isinstance(proxy, _Following):
            object.__setattr__(proxy, _NOW, now)

    def proxy(self) -> T:
        """What follows the object: an instance for classes, a mapping for a TypedDict."""
        if isinstance(self.now, dict):
            following = _Following(self)
            self._proxy = weakref.ref(following)
            return typing.cast(T, following)
        instance = _proxy_of(self)()
        object.__setattr__(instance, _NOW, self.now)
        self._proxy = weakref.ref(instance)
        return typing.cast(T, instance)

    def shown(self) -> str:
        """The object as text, without secrets."""
        if self.snapshot is None:
            return repr(self.now)
        return self.snapshot.masked.text(_shown(self.now, self.path, self.snapshot))


def _can_be_bound(shape: Any) -> bool:
    if typing.is_typeddict(shape) or (isinstance(shape, type) and hasattr(shape, "model_validate")):
        return True
    kind = get_origin(shape) or shape
    return isinstance(kind, type) and (dataclasses.is_dataclass(kind) or issubclass(kind, Mapping))


def _told(error: Misfit, snapshot: Snapshot) -> str:
    """Why a value does not fit, without secrets: what code of the program says about a sensitive setting is left out."""
    if not error.said:
        return snapshot.masked.text(str(error))
    try:
        is_hidden = bool(error.where) and snapshot.masked.hides(parse_dotted(error.where))
    except ValueError:
        is_hidden = True
    said = "what its class says is not shown, because the setting is sensitive" if is_hidden else error.said
    return snapshot.masked.text(f"{error}: {said}")


def _shown(value: Any, path: Path, snapshot: Snapshot) -> str:
    """A value as `repr` shows it, with masks for fields that are sensitive settings, as far as the class shows its fields in the usual way."""
    if snapshot.masked.hides(path):
        return repr(MASK)
    fields = _fields(value)
    if fields is not None:
        inside = ", ".join(f"{name}={_shown(getattr(value, name), (*path, key), snapshot)}" for name, key in fields)
        return f"{type(value).__qualname__}({inside})"
    if type(value) is dict:
        return "{" + ", ".join(f"{key!r}: {_shown(one, (*path, key), snapshot)}" for key, one in value.items()) + "}"
    if type(value) is list:
        return "[" + ", ".join(_shown(one, (*path, index), snapshot) for index, one in enumerate(value)) + "]"
    return repr(value)


def _fields(value: Any) -> list[tuple[str, str]] | None:
    """The attributes that an object shows, each with its setting; None if its class shows it in its own way."""
    shape, representation = type(value), type(value).__repr__
    if getattr(representation, "__module__", None) == "pydantic.main":
        return [(name, field.alias or name) for name, field in shape.model_fields.items() if field.repr]
    if dataclasses.is_dataclass(shape) and hasattr(representation, "__wrapped__"):  # made by `dataclass`
        return [(field.name, field.name) for field in dataclasses.fields(shape) if field.repr]
    return None


class _Following(Mapping[str, Any]):
    """A read-only mapping that is always the current one."""

    def __init__(self, made: Bound[Any]) -> None:
        self._made = made

    def __getitem__(self, key: str) -> Any:
        return self._made.now[key]

    def __iter__(self) -> Any:
        return iter(self._made.now)

    def __len__(self) -> int:
        return len(self._made.now)

    def __repr__(self) -> str:
        return self._made.shown()

    def __copy__(self) -> dict[str, Any]:
        return dict(self._made.now)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return copy.deepcopy(typing.cast(dict[str, Any], self._made.now), memo)

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self._made.now),)


def _proxy_of(bound: Bound[Any]) -> Any:
    """A class whose objects look like those of another one, and read every attribute of the current object."""
    shape = get_origin(bound.shape) or bound.shape
    now = attrgetter(_NOW)

    def look(self: Any, name: str) -> Any:  # methods, and what a class computes
        if name == _NOW:
            raise AttributeError(name)
        return getattr(now(self), name)

    def refuse(self: Any, name: str, _value: Any = None) -> None:
        raise AttributeError(f"{name} cannot be set: it follows the configuration")

    declared = dataclasses.fields(shape) if dataclasses.is_dataclass(shape) else ()
    names = (*getattr(shape, "model_fields", ()), *(field.name for field in declared))
    body = {
        **{name: property(attrgetter(f"{_NOW}.{name}")) for name in names},  # read without a call in Python
        **{name: _forwarded(shape, name) for name in _FORWARDED if _has_own(shape, name)},
        **{name: vars(shape)[name] for name in ("__dataclass_fields__", "__dataclass_params__") if name in vars(shape)},
        "__slots__": (_NOW, "__weakref__"),
        "__getattr__": look,
        "__setattr__": refuse,
        "__delattr__": refuse,
        "__repr__": lambda _: bound.shown(),
        "__eq__": lambda self, other: now(self) == _plain(other),
        "__copy__": lambda self: copy.copy(now(self)),
        "__deepcopy__": lambda self, memo: copy.deepcopy(now(self), memo),
        "__reduce_ex__": lambda self, protocol: now(self).__reduce_ex__(protocol),
        "__class__": property(lambda _: shape),
    }
    return type(f"Live{shape.__name__}", (), {"__hash__": None, **body})


def _has_own(shape: Any, name: str) -> bool:
    """True if a class has a method of its own, not that of every object."""
    found = getattr(shape, name, None)
    return found is not None and found is not getattr(object, name, None)


def _forwarded(shape: Any, name: str) -> Any:
    method = getattr(shape, name)
    return lambda self, *args: method(_plain(self), *map(_plain, args))


def _plain(value: Any) -> Any:
    """The current object of a proxy; anything else is itself."""
    return getattr(value, _NOW) if _NOW in getattr(type(value), "__slots__", ()) else value
