"""The two environments of CEL: one that checks expressions against the types of a schema, and one that runs them.

The package's checker knows types only if values are protobuf messages, but configurations are plain mappings. So an expression is
checked with `self` as a message and run, unchecked, with `self` as a mapping: the two agree on everything but types.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from weft.rules.functions import FUNCTIONS, OPAQUE, RUNNING, Function, split_types

if TYPE_CHECKING:
    from cel_expr_python.cel import Env, Type

_TWO_VARIABLES: Final = "two-var-comprehensions"
LIBRARIES: Final = ("bindings", "encoders", "lists", "math", "optional", "sets", "strings", "two-var-comprehensions")
"""The package's own extensions that expressions may use."""

_ORDERS: Final = {"_<_": "less", "_<=_": "less_equals", "_>_": "greater", "_>=_": "greater_equals"}
_ORDERED: Final = ("bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration")
_NUMBERS: Final = ("int", "uint", "double")
_TO_TEXT: Final = ("bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration")
_MERGED: Final = ("indexOf", "lastIndexOf")
"""Functions that an extension of the package has too: they are declared in addition to its own."""
_TYPE: Final = re.compile(r"(?P<name>[\w.]+)(?:\((?P<inner>.*)\))?")


def judging(pool: Any, variables: Mapping[str, Type]) -> Env:
    """An environment that checks types; its expressions do not run.

    The package can add no overload to a function of the standard library, so functions with more overloads on an API server (ordering
    numbers of two types, texts of addresses) are removed from the library and declared completely.
    """
    from cel_expr_python import cel

    merged = cel.CelExtension("weft.merged", _merged())
    return cel.NewEnv(descriptor_pool=pool, config=_judging_config(), variables=variables, extensions=[merged])


@cache
def _judging_config() -> Any:
    from cel_expr_python import cel

    declared = [function for function in FUNCTIONS if function.name not in (*_MERGED, "string")]
    config = {
        "name": "judging",
        "extensions": [{"name": name} for name in LIBRARIES],
        "stdlib": {"exclude_functions": [{"name": name} for name in (*_ORDERS, "string")]},
        "functions": [*map(_ordering, _ORDERS), _to_text(), *_declarations(declared)],
    }
    return cel.NewEnvConfigFromYaml(json.dumps(config))


@cache
def parsing() -> Env:
    """The environment that parses what runs: it knows all macros."""
    from cel_expr_python import cel

    config = {"name": "parsing", "extensions": [{"name": name} for name in LIBRARIES]}
    return cel.NewEnv(config=cel.NewEnvConfigFromYaml(json.dumps(config)))


@cache
def running() -> Env:
    """The environment in which every expression runs.

    The package declares a function that the macros `transformMap` and `transformMapEntry` call, but has no implementation of it. It
    cannot be supplied where the macros are declared, so they are left to `parsing`.
    """
    from cel_expr_python import cel

    config = {"name": "running", "extensions": [{"name": name} for name in LIBRARIES if name != _TWO_VARIABLES]}
    dynamic = cel.Type.DYN
    return cel.NewEnv(
        config=cel.NewEnvConfigFromYaml(json.dumps(config)),
        variables={"self": dynamic, "oldSelf": dynamic},
        extensions=[cel.CelExtension("weft.running", list(_implementations()))],
    )


def _ordering(name: str) -> dict[str, Any]:
    pairs = [(kind, kind) for kind in _ORDERED]
    pairs += [(one, other) for one in _NUMBERS for other in _NUMBERS if one != other]
    overloads = [_overload(f"{_ORDERS[name]}_{one}_{other}", (one, other), "bool") for one, other in pairs]
    return {"name": name, "overloads": overloads}


def _to_text() -> dict[str, Any]:
    more = [function.parameters[0] for function in FUNCTIONS if function.name == "string"]
    overloads = [_overload(f"{kind}_to_text", (kind,), "string") for kind in (*_TO_TEXT, *more)]
    return {"name": "string", "overloads": overloads}


def _declarations(functions: Iterable[Function]) -> Iterator[dict[str, Any]]:
    for name, overloads in _grouped(functions).items():
        found = [
            _overload(f"weft_{name}_{index}", one.parameters, one.result, member=one.member)
            for index, one in enumerate(overloads)
        ]
        yield {"name": name, "overloads": found}


def _grouped(functions: Iterable[Function]) -> dict[str, list[Function]]:
    groups: dict[str, list[Function]] = {}
    for function in functions:
        groups.setdefault(function.name, []).append(function)
    return groups


def _overload(name: str, parameters: tuple[str, ...], result: str, *, member: bool = False) -> dict[str, Any]:
    arguments = [_described(kind) for kind in parameters]
    target = {"target": arguments[0]} if member else {}
    return {"id": name, **target, "args": arguments[1:] if member else arguments, "return": _described(result)}


def _described(kind: str) -> dict[str, Any]:
    """A type such as `map(string, list(T))` in the format of the package's configuration."""
    match = _TYPE.fullmatch(kind)
    assert match is not None, kind
    inner = [_described(part) for part in split_types(match["inner"])] if match["inner"] else []
    if match["name"] == "T":
        return {"type_name": "T", "is_type_param": True}
    return {"type_name": match["name"], **({"params": inner} if inner else {})}


def _merged() -> list[Any]:
    return [
        _function(name, overloads) for name, overloads in _grouped(f for f in FUNCTIONS if f.name in _MERGED).items()
    ]


def _implementations() -> Iterator[Any]:
    """The run-time functions: one for all overloads whose arguments have the same types at run time."""
    runnable = [function for function in (*FUNCTIONS, *RUNNING) if function.call is not None]
    for name, overloads in _grouped(runnable).items():
        alike: dict[Any, list[Function]] = {}
        for one in overloads:
            alike.setdefault((one.member, tuple(map(_erased, one.parameters))), []).append(one)
        yield _function(name, [_one_of(group) for group in alike.values()])


def _one_of(alike: list[Function]) -> Function:
    results = {_erased(function.result) for function in alike}
    return alike[0] if len(results) == 1 else replace(alike[0], result="dyn")


def _function(name: str, overloads: list[Function]) -> Any:
    from cel_expr_python import cel

    made = [
        cel.Overload(
            f"weft_{name}_{index}_{'member' if one.member else 'global'}",
            _runtime(one.result),
            [_runtime(kind) for kind in one.parameters],
            one.member,
            one.call,
        )
        for index, one in enumerate(overloads)
    ]
    return cel.FunctionDecl(name, made)


def _erased(kind: str) -> str:
    """The run-time type of a type: Kubernetes' own types are texts; lists and maps have any items."""
    name = kind.partition("(")[0]
    if name == "optional_type":
        return _erased(kind.partition("(")[2][:-1])
    return "string" if name in OPAQUE else "dyn" if name == "T" else name


def _runtime(kind: str) -> Any:
    from cel_expr_python.cel import Type

    name = _erased(kind)
    return {"list": Type.List(Type.DYN), "map": Type.Map(Type.DYN, Type.DYN)}.get(name) or getattr(Type, name.upper())
