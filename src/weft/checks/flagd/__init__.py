"""The check `flagd`: the file is one of flag definitions that flagd and the providers of OpenFeature understand.

`openfeature-provider-flagd` loads it in its file mode, in a separate process, and every flag is evaluated once for a user of whom only an
id is known. The provider treats a flag that it does not understand as one without targeting, or as missing; so each flag is first
checked with flagd's JSON schemas, which are in `schemas` next to this file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path as File
from typing import TYPE_CHECKING, Any, Final

import jsonschema
import jsonschema_rs
from jsonschema.exceptions import best_match
from referencing import Registry, Resource

from weft.base.paths import Path, dotted
from weft.base.problems import Place, Problem
from weft.checks import programs
from weft.files import datafile, yaml12

if TYPE_CHECKING:
    from weft.checks import Finished

PROGRAM: Final = "python"
INSTALL: Final = "the package openfeature-provider-flagd"

_EVALUATE: Final = File(__file__).with_name("evaluate.py")
_FLAGS: Final = "https://flagd.dev/schema/v0/flags.json"
_TARGETING: Final = "https://flagd.dev/schema/v0/targeting.json"
_KINDS: Final = {bool: "booleanFlag", str: "stringFlag", int: "numberFlag", float: "numberFlag", dict: "objectFlag"}
"""The definition of the schema to use, by the type of a flag's first variant; the schema itself allows any of them."""


Complaint = tuple[Path, str]
"""The path of a problem in the file, and its message."""


def check(output: Finished) -> Iterator[Problem]:
    """The problems of a file of flag definitions. Raises ImportError if the provider is not installed."""
    if find_spec("openfeature") is None or find_spec("openfeature.contrib.provider.flagd") is None:
        raise ImportError("the provider of flagd is not installed", name="openfeature-provider-flagd")
    try:
        document = datafile.parse_json(output.text)
    except yaml12.YamlError as error:
        yield Problem("flagd", f"the file cannot be read: {error.message}", place=error.place(""))
        return
    for path, message in _complaints(document, output.file):
        place = Place("", *(yaml12.position(output.text, path, key=True) or ()))
        yield Problem("flagd", message, place=place)


def _complaints(document: Any, file: File) -> Iterator[Complaint]:
    """The problems from the schemas, then those from the provider for flags that the schemas accept."""
    flags = document.get("flags") if isinstance(document, dict) else None
    if not isinstance(flags, dict):
        yield (), "the file has no `flags`, a mapping of flags by their keys"
        return
    refused: set[str | int] = set()
    for path, message in (*_of_the_whole(document), *_of_the_flags(flags)):
        refused |= {path[1]} if len(path) > 1 and path[0] == "flags" else set()
        yield path, message
    for path, message in _evaluated(file):
        if not path or path[1] not in refused:
            yield path, message


def _of_the_whole(document: dict[str, Any]) -> Iterator[Complaint]:
    """The problems from flagd's schemas for everything but the flags."""
    for path, message in _broken("", {**document, "flags": {}}):
        yield path, f"{dotted(path)}: {message}"


def _of_the_flags(flags: dict[str, Any]) -> Iterator[Complaint]:
    """The problems from flagd's schemas, flag by flag."""
    for key, flag in flags.items():
        variants = flag.get("variants") if isinstance(flag, dict) else None
        if not isinstance(variants, dict) or not variants:
            yield ("flags", key), f"the flag {key} has no variants"
            continue
        for path, message in _broken(_KINDS.get(type(next(iter(variants.values()))), "objectFlag"), flag):
            yield ("flags", key, *path), f"the flag {key}: {dotted(path) or 'it'}: {message}"
        default = flag.get("defaultVariant")
        if isinstance(default, str) and default not in variants:
            yield ("flags", key, "defaultVariant"), f"the flag {key}: there is no variant {default}"


def _broken(definition: str, value: Any) -> Iterator[Complaint]:
    """The problems of a value, each from the innermost schema that it breaks."""
    quick, exact = _validators(definition)
    if not quick.is_valid(value):
        for error in exact.iter_errors(value):
            best = best_match([error])
            yield tuple(best.absolute_path), programs.words(best.message)


@cache
def _validators(definition: str) -> tuple[Any, Any]:
    """Two validators of the whole schema or of one definition: a fast one, and one whose errors can be followed inwards."""
    folder = resources.files(__name__) / "schemas"
    schemas = {uri: json.loads((folder / uri.rpartition("/")[2]).read_bytes()) for uri in (_FLAGS, _TARGETING)}
    schema = {"$ref": f"{_FLAGS}#/definitions/{definition}" if definition else _FLAGS}
    quick = jsonschema_rs.Draft7Validator(
        schema, registry=jsonschema_rs.Registry(list(schemas.items()), draft=jsonschema_rs.Draft7)
    )
    registry = Registry().with_resources((uri, Resource.from_contents(each)) for uri, each in schemas.items())
    return quick, jsonschema.Draft7Validator(schema, registry=registry)


def _evaluated(file: File) -> Iterator[Complaint]:
    """The problems that the provider reports when it loads the file and evaluates its flags."""
    answer = programs.ask([PROGRAM, "-I", _EVALUATE, file], file.parent)
    try:
        said = json.loads(answer.text) if answer.code == 0 else None
    except json.JSONDecodeError:
        said = None
    if said is None:
        text = programs.words(answer.text) or f"exit code {answer.code}"
        yield (), f"the provider fails: {text}"
        return
    for key, text in said:
        message = programs.words(text.replace(str(file), file.name))
        yield (("flags", key), f"the flag {key}: {message}") if key else ((), f"the provider loads no flag: {message}")
