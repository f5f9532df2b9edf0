"""The values of a chart: read as Helm reads them, and written as an equivalent overlay."""

from __future__ import annotations

import json
import math
import re
import struct
from dataclasses import dataclass
from typing import Any, Final

import yaml

from weft.base.problems import Place, Problem, Severity, WeftError
from weft.files import formats, yaml11, yaml12

_PLAIN_POWER: Final = 6
"""From which power of ten on Go spells a float with its power."""


@dataclass(frozen=True)
class Values:
    """What a chart's values.yaml says, and warnings of what it says otherwise than it seems to."""

    data: dict[str, Any]
    warnings: tuple[Problem, ...]


def parse(text: str, name: str) -> Values:
    """A chart's values as Helm reads them. Raises WeftError if the file contains none."""
    try:
        loader = yaml11.LenientLoader(text)
        data = json.loads(json.dumps(as_json(loader.get_single_data()), allow_nan=False))
        yaml12.parse(formats.to_yaml(data))  # which enforces limits that apply here too
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(name, mark.line + 1, mark.column + 1) if mark else Place(name)
        raise WeftError(Problem("syntax", f"not YAML: {error.problem or error.context}", place=place)) from None
    except (yaml.YAMLError, yaml12.YamlError, ValueError, TypeError, RecursionError) as error:
        raise WeftError(Problem("syntax", f"the values cannot be read: {error}", place=Place(name))) from None
    if data is not None and not isinstance(data, dict):
        raise WeftError(Problem("not-a-mapping", "values.yaml is not a mapping", place=Place(name)))
    return Values(data or {}, tuple(_overwriting(key, name) for key in loader.overwriting))


def _overwriting(key: Any, name: str) -> Problem:
    place = Place(name, key.start_mark.line + 1, key.start_mark.column + 1)
    message = f"the key `{key.value}` appears twice in this mapping, and Helm uses the last one"
    hint = "the project has the last one alone"
    return Problem("duplicate-key", message, Severity.WARNING, place=place, hint=hint, quiet=True)


def as_json(value: Any) -> Any:
    """YAML data as in Go's library: keys are texts, and so is the content of `!!binary`."""
    if isinstance(value, dict):
        return {_as_key(key): as_json(below) for key, below in value.items()}
    if isinstance(value, list):
        return [as_json(below) for below in value]
    return _as_text(value) if isinstance(value, bytes) else value


def _as_text(value: bytes) -> str:
    """Bytes as a text of JSON: those that are not UTF-8 become a replacement character each."""
    return re.sub(r"[\udc80-\udcff]", "\ufffd", value.decode(errors="surrogateescape"))


def _as_key(key: Any) -> str:
    if isinstance(key, str | bytes):
        return key if isinstance(key, str) else _as_text(key)
    return _spelled(key) if isinstance(key, float) else json.dumps(key)


def _spelled(number: float) -> str:
    """A float that is a key, as Go's `FormatFloat(number, 'g', -1, 32)` spells it: `1.10` is the key `1.1`, and `1.0` is `1`."""
    try:
        single = struct.pack("f", number)
    except OverflowError:
        return ".inf" if number > 0 else "-.inf"
    value: float = struct.unpack("f", single)[0]
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else f"{'-' if value < 0 else ''}.inf"
    spellings = ((digits, f"{value:.{digits}e}") for digits in range(9))
    digits, text = next(found for found in spellings if struct.pack("f", float(found[1])) == single)
    mantissa, _, exponent = text.partition("e")
    power = int(exponent)
    return f"{float(text):.{max(digits - power, 0)}f}" if -4 <= power < _PLAIN_POWER else f"{mantissa}e{power:+03d}"


def as_overlay(text: str, data: dict[str, Any]) -> str:
    """The original text of the values if Weft reads it as Helm does, else generated text without comments."""
    if not data:
        return f"{text.rstrip()}\n{{}}\n".lstrip() if "{" not in text else text
    try:
        if yaml12.parse(_respelled(text, null="null")) == data:
            return _respelled(text, null="{$value: null}")
    except (yaml12.YamlError, TypeError, ValueError):
        pass  # a merge key, a tag, binary data, a duplicate key
    return formats.to_yaml(_without_bare_nulls(data)) + "\n"


def _respelled(text: str, null: str) -> str:
    """A chart's values with the scalars spelled out that YAML 1.2 reads differently from Helm; nulls are spelled `null`."""
    # from the end, so the offsets of the others stay valid
    for start, end, value in sorted(yaml11.plain_scalars(text), reverse=True):
        anchor, scalar = _anchored(text[start:end])
        if value is None or yaml12.scalar(scalar) != value:
            gap = " " if start and not text[start - 1].isspace() else ""
            text = f"{text[:start]}{gap}{anchor}{null if value is None else json.dumps(value)}{text[end:]}"
    return text


def _anchored(written: str) -> tuple[str, str]:
    """The anchor of a value with the space after it, and its scalar without tags."""
    words = written.split()
    anchor = next((f"{word} " for word in words if word.startswith("&")), "")
    return anchor, next((word for word in words if word[0] not in "&!"), "")


def _without_bare_nulls(value: Any) -> Any:
    """In an overlay, a plain null removes a key."""
    if isinstance(value, dict):
        return {key: _without_bare_nulls(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_without_bare_nulls(below) for below in value]
    return {"$value": None} if value is None else value
