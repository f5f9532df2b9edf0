"""The named formats of Kubernetes (`format.dns1123Label()`): the mistakes of a text that should have one."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Final

from weft.rules.addresses import url


def accepted(parse: Callable[..., Any]) -> Callable[..., bool]:
    """A test based on a function that raises ValueError for a text that it rejects."""

    def test(*arguments: Any) -> bool:
        try:
            parse(*arguments)
        except ValueError:
            return False
        return True

    return test


_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_OLD_LABEL: Final = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_WORDS: Final = "lower case letters, digits and `-`, which neither start nor end with `-`"


def _matching(pattern: str, longest: int, words: str) -> Callable[[str], list[str]]:
    """A test for a pattern and a maximum length."""
    compiled = re.compile(rf"(?:{pattern})\Z")

    def check(text: str) -> list[str]:
        long = [f"must be no more than {longest} characters"] if len(text) > longest else []
        return [*long, *([] if compiled.match(text) else [f"must be {words}"])]

    return check


def _without_tail(check: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """The same for the prefix of a name: it may end with `-`."""
    return lambda text: check(f"{text[:-1]}a" if len(text) > 1 and text.endswith("-") else text)


def _qualified(text: str) -> list[str]:
    prefix, slash, name = text.rpartition("/")
    if slash and (not prefix or "/" in prefix):
        return ["must be a name, or a DNS subdomain, `/` and a name"]
    return [*(FORMATS["dns1123Subdomain"](prefix) if slash else []), *_NAME(name)]


_NAME: Final = _matching(
    _QUALIFIED, 63, "letters, digits, `-`, `_` and `.`, which start and end with a letter or a digit"
)


def _parsed(parse: Callable[[str], Any], words: str) -> Callable[[str], list[str]]:
    fits = accepted(parse)
    return lambda text: [] if fits(text) else [words]


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError(text) from None


def _dated(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """The same for texts that begin with year, month and day; Python also reads weeks, and dates without `-`."""

    def read(text: str) -> Any:
        if not re.match("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            raise ValueError(text)
        return parse(text)

    return read


FORMATS: Final[dict[str, Callable[[str], list[str]]]] = {
    "dns1123Label": _matching(_LABEL, 63, _LABEL_WORDS),
    "dns1123Subdomain": _matching(rf"{_LABEL}(\.{_LABEL})*", 253, f"labels joined by `.`, each of {_LABEL_WORDS}"),
    "dns1035Label": _matching(_OLD_LABEL, 63, f"{_LABEL_WORDS}, and start with a letter"),
    "qualifiedName": _qualified,
    "labelValue": lambda text: _NAME(text) if text else [],
    "uri": _parsed(url, "is not a URI"),
    "uuid": _matching("(?i:[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12})", 36, "a UUID"),
    "byte": _parsed(_base64, "invalid base64"),
    "date": _parsed(_dated(date.fromisoformat), "invalid date"),
    "datetime": _parsed(_dated(datetime.fromisoformat), "invalid datetime"),
}
for _name in ("dns1123Label", "dns1123Subdomain", "dns1035Label"):
    FORMATS[f"{_name}Prefix"] = _without_tail(FORMATS[_name])


def validate(name: str, text: str) -> list[str]:
    """The mistakes of a text, by the name of a format; empty if it has that format."""
    return FORMATS[name](text)


def named(name: str) -> str:
    """The name of a format if it exists, else an empty text."""
    return name if name in FORMATS else ""
