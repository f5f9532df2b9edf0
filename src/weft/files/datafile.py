"""Files of data: JSON by the suffix `.json`, YAML otherwise. Both are read into plain JSON data, or refused with a position."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from weft.files.yaml12 import DEPTH_LIMIT, DuplicateKeyError, YamlError, conflict_in, decode, parse


def parse_named(data: bytes, name: str) -> Any:
    """The data of a file's bytes, by its name. Raises YamlError if they do not match the suffix."""
    text = decode(data)
    return parse_json(text) if is_json(name) else parse(text)


def is_json(name: str) -> bool:
    """True if a file contains JSON, judging by its name."""
    return name.endswith(".json") and name.rpartition("/")[2] != ".json"


def parse_json(text: str) -> Any:
    """The data of a JSON text.

    Raises YamlError, also for duplicate keys, for numbers and characters that no file can contain, and for deep nesting.
    """
    try:
        data = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_number, parse_float=_number, parse_int=_integer
        )
        _check_depth(data)
        json.dumps(data, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        if not text.strip():
            raise YamlError("empty-file", "the file contains no data", 1, 1) from None
        conflict = conflict_in(text)
        raise conflict or YamlError("syntax", f"not JSON: {error.msg}", error.lineno, error.colno) from None
    except RecursionError:
        raise YamlError("syntax", f"nested deeper than {DEPTH_LIMIT} levels", 1, 1) from None
    except UnicodeEncodeError:
        raise YamlError("syntax", "not JSON: half of a surrogate pair, which no file can contain", 1, 1) from None
    except _NoNumber as error:
        raise YamlError(
            "not-a-json-number", f"JSON has no number for `{str(error)[:40]}`", *_where(text, str(error))
        ) from None
    except _Twice as error:
        try:
            parse(text)  # its error has the position
        except DuplicateKeyError as placed:
            raise placed from None
        except YamlError:
            pass  # another mistake, by the rules of YAML
        raise YamlError("duplicate-key", f"an object contains `{error}` twice", 1, 1, "remove one of the two") from None
    return data


class _NoNumber(Exception):
    pass


class _Twice(Exception):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _Twice(next(key for key in keys if keys.count(key) > 1))
    return result


def _number(text: str) -> float:
    number = float(text)
    if number - number != 0:  # only infinities and NaN differ from themselves
        _refuse(text)
    return number


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        _refuse(text)


def _refuse(text: str) -> NoReturn:
    raise _NoNumber(text)


def _where(text: str, token: str) -> tuple[int, int]:
    start = max(text.find(token), 0)
    return text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)


def _check_depth(data: Any) -> None:
    level = [data]
    for _ in range(DEPTH_LIMIT):
        level = [child for value in level if isinstance(value, dict | list) for child in _children(value)]
    if any(isinstance(value, dict | list) for value in level):
        raise RecursionError


def _children(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value
