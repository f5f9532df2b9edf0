"""Values as the types of a program's own classes say: a value that does not fit is reported with its path."""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Collection, Mapping
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, Union, get_args, get_origin

from weft.schema.types import TYPE_WORDS, json_type


class Misfit(Exception):
    """A value that is not of the type that a class wants.

    `said` is what code of the program says about it, which may quote the value of the setting at `where`.
    """

    def __init__(self, message: str, where: str = "", said: str = "") -> None:
        super().__init__(message)
        self.where = where
        self.said = said


def made(shape: Any, value: Any, where: str) -> Any:
    """A value as a type says: data classes, TypedDicts, models of `pydantic`, unions, lists, mappings, literals, enumerations, paths and plain types.

    Raises Misfit, and TypeError for a class whose annotations have no meaning.
    """
    if shape is Any or shape is object or isinstance(shape, typing.TypeVar):
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
    return _plain(shape, value, where)


def _plain(shape: Any, value: Any, where: str) -> Any:
    kind = shape if isinstance(shape, type) else type(shape)
    if issubclass(kind, enum.Enum):
        return _member(kind, value, where)
    if issubclass(kind, PurePath) and isinstance(value, str):
        return kind(value)
    if shape is float and type(value) is int:
        return float(value)
    if type(value) is not shape and not (isinstance(value, dict) and issubclass(kind, Mapping)):
        raise Misfit(f"{where} is {_kind(value)}, and {getattr(shape, '__name__', shape)} is wanted")
    return value


def _member(shape: type[enum.Enum], value: Any, where: str) -> Any:
    """The member of an enumeration that has a value."""
    for member in shape:
        if type(member.value) is type(value) and member.value == value:
            return member
    raise Misfit(f"{where} is none of {', '.join(repr(member.value) for member in shape)}, which {shape.__name__} has")


def _model(shape: Any, value: Any, where: str) -> Any:
    try:
        return shape.model_validate(value)
    except ValueError as error:
        place, said = _first(error)
        message = f"{where} does not fit {shape.__name__}" if where else f"it does not fit {shape.__name__}"
        raise Misfit(f"{message}: {place}" if place else message, _inside(where, place), said) from None


def _first(error: Any) -> tuple[str, str]:
    """Where a model finds the first mistake, and what it says, without the value."""
    if not hasattr(error, "errors"):
        return "", str(error)
    found = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return ".".join(map(str, found["loc"])), found["msg"]


def _dataclass(shape: Any, value: Any, where: str, meant: Mapping[Any, Any] = MappingProxyType({})) -> Any:
    """An object of a data class; `meant` are the types that stand for its type variables."""
    if not isinstance(value, dict):
        raise Misfit(f"{where} is {_kind(value)}, and {shape.__name__} is wanted")
    hints = {name: meant.get(hint, hint) if meant else hint for name, hint in hints_of(shape).items()}
    given = {}
    for field in dataclasses.fields(shape):
        if not field.init:
            continue
        if field.name in value:
            given[field.name] = made(hints[field.name], value[field.name], _inside(where, field.name))
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise Misfit(f"{_inside(where, field.name)} is not set, and {shape.__name__} needs it")
    try:
        return shape(**given)
    except (ValueError, TypeError) as error:
        raise Misfit(f"{where or 'it'} does not fit {shape.__name__}", where, str(error)) from error


def hints_of(shape: Any) -> dict[str, Any]:
    """The types of a class's fields. Raises TypeError if an annotation names something unknown."""
    try:
        return typing.get_type_hints(shape)
    except NameError as error:
        reason = f"an annotation of {shape.__name__} names {error.name}, which does not exist in its module"
        raise TypeError(f"{reason}; a class that is defined inside a function cannot be named by a text") from None


def _typed_dict(shape: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise Misfit(f"{where} is {_kind(value)}, and {shape.__name__} is wanted")
    hints = hints_of(shape)
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
            return made(type(None) if shape is None else shape, value, where)
        except Misfit as error:
            reasons.append(error)
    raise reasons[0]


def _generic(shape: Any, origin: Any, value: Any, where: str) -> Any:
    args = get_args(shape)
    if origin is typing.Literal:
        if value not in args:
            raise Misfit(f"{where} is none of {', '.join(map(repr, args))}")
        return value
    if origin is typing.Annotated:
        return made(args[0], value, where)
    if isinstance(origin, type) and dataclasses.is_dataclass(origin):
        return _dataclass(origin, value, where, dict(zip(getattr(origin, "__parameters__", ()), args, strict=True)))
    if isinstance(value, dict) and issubclass(origin, Mapping):
        inner = args[1] if len(args) > 1 else Any
        return {key: made(inner, below, _inside(where, key)) for key, below in value.items()}
    if isinstance(value, list) and issubclass(origin, Collection) and not issubclass(origin, Mapping):
        return _items(origin, args, value, where)
    raise Misfit(f"{where} is {_kind(value)}, and {shape} is wanted")


def _items(origin: Any, args: tuple[Any, ...], value: list[Any], where: str) -> Any:
    pairs = enumerate(zip(_inner(origin, args, value, where), value, strict=True))
    items = [made(inner, below, f"{where}[{index}]") for index, (inner, below) in pairs]
    return origin(items) if origin in (tuple, set, frozenset) else items


def _inner(origin: Any, args: tuple[Any, ...], value: list[Any], where: str) -> list[Any]:
    """The type of each item of a list."""
    if origin is not tuple or (len(args) == 2 and args[1] is ...):
        return [args[0] if args else Any] * len(value)
    if len(args) != len(value):
        raise Misfit(f"{where} has {len(value)} items, and {len(args)} are wanted")
    return list(args)


def _inside(where: str, key: str) -> str:
    return f"{where}.{key}" if where and key else where or key


def _kind(value: Any) -> str:
    return TYPE_WORDS[json_type(value)]
