"""Corrected spellings of a value: hints that are given only if the schema accepts them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final

_LONGEST: Final = 40
_EXACT: Final = 2**53
_SWITCHES: Final = {"yes": True, "on": True, "y": True, "no": False, "off": False, "n": False}
"""The texts that YAML 1.1 reads as booleans."""
_LEADING_ZEROS = re.compile(r"[-+]?0+[0-9][0-9.]*\Z")
_GROUPED = re.compile(r"[-+]?[0-9]{1,3}([_' ])[0-9]{3}(\1[0-9]{3})*(\.[0-9]+)?\Z")
_DECIMAL_COMMA = re.compile(r"[-+]?[0-9]+,([0-9]{1,2}|[0-9]{4,})\Z")  # three digits may also be a thousands separator


def hint_for(value: Any, fits: Callable[[Any], bool]) -> str | None:
    """How to write a scalar so that `fits` accepts it; None if no other spelling is accepted."""
    if isinstance(value, dict | list) or value is None:
        return None
    ways = _ways_of_a_text(value, fits) if isinstance(value, str) else _ways_of_a_number(value)
    return next((hint for other, hint in ways if other is not None and fits(other)), _as_list(value, fits))


def written(value: Any) -> str:
    """A value that can be pasted into an overlay: a text is quoted if YAML would read it as something else."""
    return _written_text(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@lru_cache(1024)
def _written_text(value: str) -> str:
    from weft.files import yaml12

    quoted = json.dumps(value, ensure_ascii=False)
    try:  # between brackets a comma or a brace would end it
        return value if yaml12.parse(f"[{value}]") == [value] and yaml12.parse(value) == value else quoted
    except yaml12.YamlError:
        return quoted


def _ways_of_a_text(text: str, fits: Callable[[Any], bool]) -> Iterator[tuple[Any, str]]:
    plain = _read(text)
    if plain is not None and not isinstance(plain, str):
        # JSON has no `0x1F` and no `TRUE`: removing the quotes is not enough
        yield plain, "remove the quotes" if _json(plain) == text else f"write `{_json(plain)}` without quotes"
    switch = _SWITCHES.get(text.lower())
    if switch is not None:
        yield switch, f"write `{json.dumps(switch)}`: in YAML 1.2 `{text}` is a text"
    if _LEADING_ZEROS.match(text):
        yield from _numbers_with_zeros(text, fits)
    if _GROUPED.match(text) or _DECIMAL_COMMA.match(text):
        number = _read(re.sub("[_' ]", "", text).replace(",", "."))
        yield number, f"write `{_json(number)}`"


def _numbers_with_zeros(text: str, fits: Callable[[Any], bool]) -> Iterator[tuple[Any, str]]:
    """Weft reads `017` as a text, because it is more often a mode or an identifier than a number; C reads 15, people read 17."""
    decimal = _read(re.sub(r"\A([-+]?)0+(?=[0-9])", r"\1", text))
    octal = int(text, 8) if re.fullmatch("[0-7]{1,20}", text) else None
    if octal is not None and fits(octal) and fits(decimal) and octal != decimal:
        yield decimal, f"write `{decimal}`, or `{octal}` if it is octal (0o{text.lstrip('0')})"
    yield decimal, f"write `{_json(decimal)}`"
    if octal is not None:
        yield octal, f"write `{octal}` if it is octal (0o{text.lstrip('0') or '0'})"


def _ways_of_a_number(value: Any) -> Iterator[tuple[Any, str]]:
    yield json.dumps(value), "put it in quotes"
    if not isinstance(value, bool) and value in (0, 1):
        yield bool(value), f"write `{json.dumps(bool(value))}`"


def _as_list(value: Any, fits: Callable[[Any], bool]) -> str | None:
    if not fits([value]):
        return None
    item = written(value)
    return f"write `[{item}]` for a list of one item" if len(item) <= _LONGEST else None


def _json(value: Any) -> str:
    whole = isinstance(value, float) and value.is_integer() and abs(value) < _EXACT
    return json.dumps(int(value) if whole else value)


def _read(text: str) -> Any:
    """The value of an unquoted text in YAML; None if it is null or cannot appear in a file."""
    from weft.files import yaml12

    try:
        return yaml12.scalar(text)
    except ValueError:
        return None
