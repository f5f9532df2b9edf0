"""The values of a chart: read as Helm reads them, and written as an overlay that says the same."""

from __future__ import annotations

import json
from typing import Any

import yaml

from weft.base.problems import Place, Problem, WeftError
from weft.files import formats, yaml11, yaml12


def parse(text: str, name: str) -> dict[str, Any]:
    """A chart's values as Helm reads them. Raises WeftError when the file does not hold any."""
    try:
        data = json.loads(json.dumps(as_json(yaml.load(text, Loader=yaml11.Loader)), allow_nan=False))  # noqa: S506
        yaml12.parse(formats.to_yaml(data))  # which knows limits that hold here too
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(name, mark.line + 1, mark.column + 1) if mark else Place(name)
        raise WeftError(Problem("syntax", f"not YAML: {error.problem or error.context}", place=place)) from None
    except (yaml.YAMLError, yaml12.YamlError, ValueError, TypeError, RecursionError) as error:
        raise WeftError(Problem("syntax", f"the values cannot be read: {error}", place=Place(name))) from None
    if data is not None and not isinstance(data, dict):
        raise WeftError(Problem("not-a-mapping", "values.yaml is not a mapping", place=Place(name)))
    return data or {}


def as_json(value: Any) -> Any:
    """What Go's library makes of YAML: keys are texts, and so is what `!!binary` holds."""
    if isinstance(value, dict):
        return {key if isinstance(key, str) else json.dumps(key): as_json(below) for key, below in value.items()}
    if isinstance(value, list):
        return [as_json(below) for below in value]
    return value.decode() if isinstance(value, bytes) else value


def as_overlay(text: str, data: dict[str, Any]) -> str:
    """Values in the words of their author where Weft reads them as Helm does, else written anew, without the comments."""
    if not data:
        return f"{text.rstrip()}\n{{}}\n".lstrip() if "{" not in text else text
    try:
        if yaml12.parse(_respelled(text, null="null")) == data:
            return _respelled(text, null="{$value: null}")
    except (yaml12.YamlError, TypeError):
        pass  # a merge key, a tag, binary data
    return formats.to_yaml(_without_bare_nulls(data)) + "\n"


def _respelled(text: str, null: str) -> str:
    """A chart's values with the scalars spelled out that YAML 1.2 reads otherwise than Helm; nulls are spelled `null`."""
    # from the end, so that the offsets of the others stay
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
    """In an overlay, a bare null removes a key."""
    if isinstance(value, dict):
        return {key: _without_bare_nulls(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_without_bare_nulls(below) for below in value]
    return {"$value": None} if value is None else value
