"""Settings as objects of a program's own classes: typed, checked when they are made, and following every change."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Collection, Mapping
from operator import attrgetter
from typing import Any, Generic, TypeVar, Union, get_args, get_origin

from weft.base.paths import Path, dotted
from weft.base.problems import Problem, WeftError
from weft.client.snapshot import Snapshot, thawed
from weft.schema.types import TYPE_WORDS, json_type

T = TypeVar("T")


class Misfit(Exception):
    """A value that is not of the type that a class wants."""


class Bound(Generic[T]):
    """A class at a path of the configuration, and its object for the current snapshot."""

    def __init__(self, shape: type[T], path: Path) -> None:
        self.shape = shape
        self.path = path
        self.now: Any = None
        self.proxy: Any = None

    def fit(self, snapshot: Snapshot) -> Any:
        """The object for a snapshot. Raises WeftError if the settings are not what the class wants."""
        where = dotted(self.path)
        try:
            value = snapshot.at(self.path)
        except (LookupError, TypeError):
            raise WeftError(Problem("binding", f"there is no setting {where} for {self.shape.__name__}")) from None
        try:
            return made(self.shape, thawed(value), where)
        except Misfit as error:
            raise WeftError(Problem("binding", str(error))) from None

    def take(self, value: Any) -> None:
        """Use an object from now on."""
        self.now = value
        if self.proxy is not None:
            object.__setattr__(self.proxy, "_now", value)


def bound(made: Bound[T]) -> T:
    """What follows the object: an instance for classes, a mapping for a TypedDict."""
    if isinstance(made.now, dict):
        return typing.cast(T, _Following(made))
    made.proxy = _proxy_of(made.shape)()
    object.__setattr__(made.proxy, "_now", made.now)
    return typing.cast(T, made.proxy)


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


def _proxy_of(shape: type[Any]) -> Any:
    """A class whose objects look like those of another one, and read every attribute of the current object."""

    def look(self: Any, name: str) -> Any:  # methods, and what a class computes
        return getattr(self._now, name)

    def refuse(self: Any, name: str, _value: Any) -> None:
        raise AttributeError(f"{name} cannot be set: it follows the configuration")

    declared = dataclasses.fields(shape) if dataclasses.is_dataclass(shape) else ()
    names = (*getattr(shape, "model_fields", ()), *(field.name for field in declared))
    body = {
        **{name: property(attrgetter(f"_now.{name}")) for name in names},  # read without a call in Python
        "__slots__": ("_now",),
        "__getattr__": look,
        "__setattr__": refuse,
        "__repr__": lambda self: repr(self._now),
        "__eq__": lambda self, other: self._now == getattr(other, "_now", other),
        "__hash__": None,
        "__class__": property(lambda _: shape),
    }
    return type(f"Live{shape.__name__}", (), body)


def made(shape: Any, value: Any, where: str) -> Any:
    """A value as a type says: data classes, TypedDicts, models of `pydantic`, unions, lists, mappings, literals and plain types.

    Raises Misfit.
    """
    if shape is Any or shape is object:
        return value
    if hasattr(shape, "model_validate"):
        return _model(shape, value, where)
    if dataclasses.is_dataclass(shape):
        return _dataclass(shape, value, where)
    if typing.is_typeddict(shape):
        return _typed_dict(shape, value, where)
    origin = get_origin(shape)
    if origin in (Union, types.UnionType):
        return _one_of(get_args(shape), value, where)
    if origin is not None:
        return _generic(shape, origin, value, where)
    if shape is float and type(value) is int:
        return float(value)
    if type(value) is not shape:
        raise Misfit(f"{where} is {_kind(value)}, and {getattr(shape, '__name__', shape)} is wanted")
    return value


def _model(shape: Any, value: Any, where: str) -> Any:
    try:
        return shape.model_validate(value)
    except ValueError as error:
        raise Misfit(f"{where} does not fit {shape.__name__}: {_first(error)}") from None


def _first(error: Any) -> str:
    """What a model says first, without the value."""
    found = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(map(str, found['loc']))}: {found['msg']}"


def _dataclass(shape: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise Misfit(f"{where} is {_kind(value)}, and {shape.__name__} is wanted")
    hints = typing.get_type_hints(shape)
    given = {}
    for field in dataclasses.fields(shape):
        if field.name in value:
            given[field.name] = made(hints[field.name], value[field.name], _inside(where, field.name))
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise Misfit(f"{_inside(where, field.name)} is not set, and {shape.__name__} needs it")
    return shape(**given)


def _typed_dict(shape: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise Misfit(f"{where} is {_kind(value)}, and {shape.__name__} is wanted")
    hints = typing.get_type_hints(shape)
    missing = sorted(_required(shape) - value.keys())
    if missing:
        raise Misfit(f"{_inside(where, missing[0])} is not set, and {shape.__name__} needs it")
    return {
        key: made(hints[key], below, _inside(where, key)) if key in hints else below for key, below in value.items()
    }


def _required(shape: Any) -> set[str]:
    """The keys that a TypedDict needs. What it says itself is wrong where annotations are texts, as in generated types."""
    hints = typing.get_type_hints(shape, include_extras=True)
    required = {key for key, hint in hints.items() if get_origin(hint) is typing.Required}
    return required | {key for key in shape.__required_keys__ if get_origin(hints[key]) is not typing.NotRequired}


def _one_of(shapes: tuple[Any, ...], value: Any, where: str) -> Any:
    reasons = []
    for shape in shapes:
        try:
            return made(shape, value, where)
        except Misfit as error:
            reasons.append(str(error))
    raise Misfit(reasons[0])


def _generic(shape: Any, origin: Any, value: Any, where: str) -> Any:
    args = get_args(shape)
    if origin is typing.Literal:
        if value not in args:
            raise Misfit(f"{where} is none of {', '.join(map(repr, args))}")
        return value
    if origin is typing.Annotated:
        return made(args[0], value, where)
    if isinstance(value, dict) and issubclass(origin, Mapping):
        return {key: made(args[1], below, _inside(where, key)) for key, below in value.items()}
    if isinstance(value, list) and issubclass(origin, Collection):
        items = [made(args[0], below, f"{where}[{index}]") for index, below in enumerate(value)]
        return origin(items) if origin in (tuple, set, frozenset) else items
    raise Misfit(f"{where} is {_kind(value)}, and {shape} is wanted")


def _inside(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _kind(value: Any) -> str:
    return TYPE_WORDS[json_type(value)]
