r"""Regular expressions of ECMA 262, as JSON Schema writes them: whether they are valid, and their spelling for the engine.

They are read with the flag `u`, as JSON Schema recommends, and with those liberties of older engines that schemas rely on: a
needless backslash before punctuation, a literal brace or bracket, a lookahead with a quantifier. `(?i)` at the start is accepted
too, as in editors. Sets of characters are written out, so `\d` and `\w` match ASCII digits and letters only, even with a
lookaround. Some behavior remains the engine's: `.` also matches `\r`, `\b` counts the letters of every alphabet, and a
backreference to a group that did not take part matches nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

Ranges = tuple[tuple[int, int], ...]

_LAST: Final = 0x10FFFF
_SURROGATES: Final = (0xD800, 0xDFFF)
_SPACES: Final = (9, 13), (32, 32), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F)
_WORD: Final = ((48, 57), (65, 90), (95, 95), (97, 122))
_SETS: Final[dict[str, Ranges]] = {
    "d": ((48, 57),),
    "s": (*_SPACES, (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)),
    "w": _WORD,
}
_CONTROLS: Final = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13}
_QUANTIFIER: Final = re.compile(r"(?:[*+?]|\{(?P<least>\d+)(?:,(?P<most>\d*))?\})\??")
_GROUP: Final = re.compile(r"\((?:\?(?:(?P<look><?[=!])|(?P<flags>[ims]*(?:-[ims]*)?):|<(?P<name>[^\W\d][\w$]*)>))?")
_START_FLAGS: Final = re.compile(r"\(\?[ims]+\)")
_CODE: Final = re.compile(r"x(?P<x>[0-9a-fA-F]{2})|u(?P<u>[0-9a-fA-F]{4})|u\{(?P<long>[0-9a-fA-F]+)\}|c(?P<c>[A-Za-z])")
_LOW_HALF: Final = re.compile(r"\\u(?P<u>[dD][c-fC-F][0-9a-fA-F]{2})")
_PROPERTY: Final = re.compile(r"[pP]\{[A-Za-z0-9_]+(?:=[A-Za-z0-9_]+)?\}")
_NUMBER: Final = re.compile(r"[1-9]\d*")
_LOOKS: Final = ("(?=", "(?!", "(?<=", "(?<!")
_NAMED: Final = re.compile(r"k<([^>]*)>")
_OTHER_ENGINES: Final = {
    "A": "^",
    "Z": "$",
    "z": "$",
    "h": "[ \\t]",
    "R": "\\r?\\n",
    "Q": "a backslash before each character",
}


class PatternError(ValueError):
    """Why a text is not a regular expression of ECMA 262, and the position (from 0) at which that shows."""

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(reason)
        self.reason, self.offset = reason, offset


@dataclass(frozen=True, slots=True)
class Translation:
    """A regular expression in the engine's syntax. One that `backtracks` may take more than linear time."""

    text: str
    backtracks: bool


def translate(pattern: str) -> Translation:
    """The expression in the engine's syntax. Raises PatternError if it is not valid in ECMA 262."""
    reader = _Reader(pattern)
    return Translation(reader.whole(), reader.backtracks)


@dataclass
class _Reader:
    """One pass over an expression, from left to right."""

    pattern: str
    at: int = 0
    backtracks: bool = False
    groups: list[str | None] = field(init=False)

    def __post_init__(self) -> None:
        self.groups = list(_capturing(self.pattern))

    def whole(self) -> str:
        flags = self._take(_START_FLAGS)
        return (flags[0] if flags else "") + self._alternatives(0)

    def _alternatives(self, depth: int) -> str:
        parts: list[str] = []
        while self.at < len(self.pattern):
            sign = self.pattern[self.at]
            if sign == ")":
                if not depth:
                    raise PatternError("`)` closes nothing", self.at)
                break
            if sign in "|^$":
                self.at += 1
                parts.append(sign)
            else:
                parts.append(self._term(depth))
        return "".join(parts)

    def _term(self, depth: int) -> str:
        start = self.at
        atom, repeats = self._atom(depth)
        found = self._take(_QUANTIFIER)
        if not found:
            return atom
        if not repeats:
            raise PatternError(f"`{found[0]}` has nothing to repeat", start)
        if atom.startswith(_LOOKS):  # the engine cannot repeat it, and once is equivalent
            return f"(?:{atom}|)" if found[0][0] in "*?" or found["least"] == "0" else atom
        if found["most"] and int(found["most"]) < int(found["least"]):
            raise PatternError(f"`{found[0]}`: the larger number comes first", found.start())
        return atom + found[0]

    def _atom(self, depth: int) -> tuple[str, bool]:
        """The next part, and whether it can be repeated."""
        sign = self.pattern[self.at]
        if sign == "(":
            return self._group(depth), True
        if sign == "[":
            return self._class(), True
        if sign == "\\":
            return self._escape()
        quantifier = _QUANTIFIER.match(self.pattern, self.at)
        if quantifier:
            raise PatternError(f"`{quantifier[0]}` has nothing to repeat", self.at)
        self.at += 1
        return (f"\\{sign}" if sign in "{}]" else sign), True

    def _group(self, depth: int) -> str:
        start, opening = self.at, self._take(_GROUP)
        if opening is None or (opening[0] == "(" and self.pattern.startswith("?", self.at)):
            named = self.pattern.startswith("(?P", start)
            raise PatternError("a name is written `(?<name>…)`" if named else "no such kind of group", start)
        inside = self._alternatives(depth + 1)
        if not self.pattern.startswith(")", self.at):
            raise PatternError("`(` is not closed", start)
        self.at += 1
        if opening["look"]:
            self.backtracks = True
        return f"({inside})" if opening["name"] else f"{opening[0]}{inside})"

    def _escape(self) -> tuple[str, bool]:
        """The escape that starts with a backslash outside brackets."""
        start = self.at
        self.at += 1
        sign = self.pattern[self.at : self.at + 1]
        if sign and sign in "bB":
            self.at += 1
            return f"\\{sign}", False
        reference = self._reference(start)
        if reference:
            self.backtracks = True
            return f"(?:\\{reference})", True
        found = self._take(_PROPERTY)
        return (f"\\{found[0]}" if found else _written(self._set_or_code(start))), True

    def _reference(self, start: int) -> int | None:
        """The number of the group that a backreference names."""
        number, name = self._take(_NUMBER), self._take(_NAMED)
        if number and int(number[0]) <= len(self.groups):
            return int(number[0])
        if name and name[1] in self.groups:
            return self.groups.index(name[1]) + 1
        if number or name:
            raise PatternError(f"there is no group for `{self.pattern[start : self.at]}`", start)
        return None

    def _class(self) -> str:
        """A set of characters in brackets, as code points."""
        start = self.at
        self.at += 1
        negated = self.pattern.startswith("^", self.at)
        self.at += negated
        ranges: list[tuple[int, int]] = []
        properties: list[str] = []
        while not self.pattern.startswith("]", self.at):
            if self.at >= len(self.pattern):
                raise PatternError("`[` is not closed", start)
            found = self._take(re.compile(r"\\" + _PROPERTY.pattern))
            if found:
                properties.append(found[0])
            else:
                ranges += self._members(start)
        self.at += 1
        return _written(ranges, properties, negated)

    def _members(self, start: int) -> Iterable[tuple[int, int]]:
        first_at, first = self.at, self._member(start)
        if len(first) > 1 or first[0][0] != first[0][1] or not self.pattern.startswith("-", self.at):
            return first
        if self.pattern[self.at + 1 : self.at + 2] in ("]", ""):
            return first
        back = self.at
        self.at += 1
        last = self._member(start)
        if len(last) > 1 or last[0][0] != last[0][1]:
            self.at = back  # `[a-\d]`: the `-` is literal
            return first
        if last[0][0] < first[0][0]:
            raise PatternError(f"`{self.pattern[first_at : self.at]}`: the larger character comes first", first_at)
        return ((first[0][0], last[0][0]),)

    def _member(self, start: int) -> Ranges:
        here = self.at
        self.at += 1
        if here >= len(self.pattern):
            raise PatternError("`[` is not closed", start)
        sign = self.pattern[here]
        if sign != "\\":
            return ((ord(sign), ord(sign)),)
        if self.pattern.startswith("b", self.at):
            self.at += 1
            return ((8, 8),)
        return self._set_or_code(here)

    def _set_or_code(self, start: int) -> Ranges:
        """The set of characters, or the one character, of an escape inside or outside brackets."""
        sign = self.pattern[self.at : self.at + 1]
        if sign and sign in "dswDSW":
            self.at += 1
            return _SETS[sign] if sign.islower() else _others(_SETS[sign.lower()])
        code = self._code(start, sign)
        return ((code, code),)

    def _code(self, start: int, sign: str) -> int:
        coded = self._take(_CODE)
        if coded:
            return self._numbered(coded, start)
        self.at += 1
        if sign == "0" and not self.pattern[self.at : self.at + 1].isdigit():
            return 0
        if sign in _CONTROLS:
            return _CONTROLS[sign]
        if not sign or sign.isalnum():
            meant = f"; write `{_OTHER_ENGINES[sign]}`" if sign in _OTHER_ENGINES else ""
            raise PatternError(f"`{self.pattern[start : self.at]}` has no meaning{meant}", start)
        return ord(sign)

    def _numbered(self, coded: re.Match[str], start: int) -> int:
        if coded["c"]:
            return ord(coded["c"]) % 32
        code = int(coded["x"] or coded["u"] or coded["long"], 16)
        low = self._take(_LOW_HALF) if coded["u"] and 0xD800 <= code <= 0xDBFF else None
        if code > _LAST:
            raise PatternError(f"`{coded[0]}` is beyond the last character", start)
        return 0x10000 + ((code - 0xD800) << 10) + int(low["u"], 16) - 0xDC00 if low else code

    def _take(self, wanted: re.Pattern[str]) -> re.Match[str] | None:
        found = wanted.match(self.pattern, self.at)
        if found:
            self.at = found.end()
        return found


def _capturing(pattern: str) -> Iterator[str | None]:
    """The names of the capturing groups in order; None for a group without a name."""
    for found in re.finditer(r"\\.|\[(?:\\.|[^\]\\])*\]|\((?!\?)|\(\?<(?![=!])([^>]*)>", pattern, re.DOTALL):
        if found[0][0] == "(":
            yield found[1]


def _others(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """All other characters."""
    found, begin = [], 0
    for first, last in sorted(ranges):
        if first > begin:
            found.append((begin, first - 1))
        begin = max(begin, last + 1)
    return (*found, (begin, _LAST)) if begin <= _LAST else tuple(found)


def _written(ranges: Iterable[tuple[int, int]], properties: Iterable[str] = (), negated: bool = False) -> str:
    """A set of characters as the engine reads it; halves of surrogate pairs never appear in text and are left out."""
    kept = [piece for each in ranges for piece in _without_halves(*each)]
    single = kept[0][0] if len(kept) == 1 and kept[0][0] == kept[0][1] else None
    if single is not None and not negated and not properties:
        return _character(single)
    inside = "".join(_character(a) if a == b else f"{_character(a)}-{_character(b)}" for a, b in kept)
    inside += "".join(properties)
    if not inside:
        return r"[\s\S]" if negated else r"[^\s\S]"
    return f"[{'^' if negated else ''}{inside}]"


def _without_halves(first: int, last: int) -> Iterator[tuple[int, int]]:
    low, high = _SURROGATES
    if first < low:
        yield first, min(last, low - 1)
    if last > high:
        yield max(first, high + 1), last


def _character(code: int) -> str:
    plain = code < 128 and chr(code).isalnum()
    return chr(code) if plain else f"\\u{{{code:x}}}"
