"""Which lines of a text each of many settings changes, found with few renderings.

The definition is simple: the text is rendered with another value of one setting, and the lines that differ are those of the setting.
With hundreds of settings, `lines_of_each` renders groups instead. Each setting has a number, and each digit of it (in base 2) makes two
groups: the settings with a 0 and those with a 1 there. If a line depends on one setting, the groups in which it changes spell the
number; if several values are on one line, the new values themselves are seen in it. All groups must agree with the result, line by line:
where they do not, because settings depend on each other, the group is divided and tried again. Settings that make lines come and go, or
break the text, would spoil every group that they are in: they are not quiet, and found first, by halving.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final, Generic, TypeVar

from weft.files.lines import lines_of

Lines = tuple[int, ...]
T = TypeVar("T", bound=Hashable)
_FEW: Final = 6
"""So many settings are tried one by one."""
_FEW_LINES: Final = 8
"""Up to so many lines are compared in place, if a text keeps its number of lines."""
_APART: Final = 3
"""Settings whose lines are at least so far apart are tried together."""
_MIXING: Final = 2654435761
_MODULUS: Final = 2**32
"""Multiplication modulo a power of two mixes the numbers: two that were often in the same half are not any more."""


def changed_lines(text: str, other: str) -> Lines:
    """The lines of a text, from 1, that another one does not have; where it has more, the line before them."""
    if text == other:
        return ()
    lines, others = lines_of(text), lines_of(other)
    in_place = _differing(lines, others)
    if in_place is not None and len(in_place) <= _FEW_LINES:
        return _from_one(in_place)
    above = _alike(lines, others)
    below = _alike(reversed(lines[above:]), reversed(others[above:]))
    matcher = difflib.SequenceMatcher(
        None, lines[above : len(lines) - below], others[above : len(others) - below], autojunk=False
    )
    found: list[int] = []
    for kind, start, end, _, _ in matcher.get_opcodes():
        if kind == "insert":
            found.append(min(max(above + start, 1), len(lines)))
        elif kind != "equal":
            found += range(above + start + 1, above + end + 1)
    unique = tuple(dict.fromkeys(found))
    return unique if in_place is None or len(unique) < len(in_place) else _from_one(in_place)


def _from_one(indexes: Iterable[int]) -> Lines:
    """The numbers of the lines at some indexes."""
    return tuple(index + 1 for index in indexes)


def _alike(lines: Iterable[str], others: Iterable[str]) -> int:
    """The number of lines with which both begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(lines, others, strict=False)))


def _differing(lines: Sequence[str], others: Sequence[str]) -> list[int] | None:
    """The indexes at which two texts with the same number of lines differ; None if they have not."""
    if len(lines) != len(others):
        return None
    return [index for index, (one, other) in enumerate(zip(lines, others, strict=True)) if one != other]


def spans(lines: Iterable[int]) -> str:
    """`3,7-9`: line numbers, consecutive ones joined."""
    parts: list[list[int]] = []
    for line in lines:
        if parts and parts[-1][1] == line - 1:
            parts[-1][1] = line
        else:
            parts.append([line, line])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def every_line(text: str) -> Lines:
    """All lines of a text."""
    return tuple(range(1, len(lines_of(text)) + 1))


def lines_of_each(
    text: str,
    settings: Mapping[T, str],
    text_with: Callable[[Sequence[T]], str | None],
    *,
    unquiet: set[T] | None = None,
    doubtful: bool = True,
) -> dict[T, Lines | None]:
    """The lines that each setting changes; None if the text cannot be made with its other value.

    `settings` are all that the text may depend on, each with how its other value is written, if it is seen as such. `text_with` gives the
    text in which some of them have their other values, or None if that fails. If nothing changes with all of them together, halves are
    tried too, unless that is not `doubtful`: two changes may cancel each other out. `unquiet` are settings that are probably not quiet, and
    are tried one by one; those that are found are added.
    """
    return _Search(text, settings, text_with, set() if unquiet is None else unquiet, doubtful).search_all([*settings])


@dataclass(frozen=True)
class _Try:
    """One rendering: the numbers of the settings that have another value, its lines if they are as many, and which of them changed."""

    members: frozenset[int]
    lines: list[str] | None
    changed: frozenset[int]


class _Search(Generic[T]):
    def __init__(
        self,
        text: str,
        written: Mapping[T, str],
        text_with: Callable[[Sequence[T]], str | None],
        unquiet: set[T],
        doubtful: bool,
    ) -> None:
        self._text = text
        self._lines = lines_of(text)
        often = Counter(written.values())
        self._written = {one: seen if often[seen] == 1 and seen not in text else "" for one, seen in written.items()}
        self._text_with = text_with
        self._unquiet = unquiet
        self._doubtful = doubtful
        self._texts: dict[frozenset[T], str | None] = {}

    def search_all(self, settings: Sequence[T]) -> dict[T, Lines | None]:
        """The lines of each setting: of those that are quiet together, and of each other one alone."""
        alone = [one for one in settings if one in self._unquiet]
        quiet, others = self._parted([one for one in settings if one not in self._unquiet])
        return self.search(quiet) | self._one_by_one([*alone, *others])

    def _parted(self, group: Sequence[T]) -> tuple[list[T], list[T]]:
        """The settings that are quiet in large groups, and the others."""
        if len(group) <= _FEW:
            return [], [*group]
        every = self._try(group, range(len(group)))
        if every is not None and every.lines is not None:
            return [*group], []
        half = len(group) // 2
        parts = [self._parted(group[:half]), self._parted(group[half:])]
        return [one for part, _ in parts for one in part], [one for _, part in parts for one in part]

    def search(self, group: Sequence[T]) -> dict[T, Lines | None]:
        """The lines of each setting of a group."""
        found = self._one_by_one(group) if len(group) <= _FEW else self._together(group)
        if found is not None:
            return found
        half = len(group) // 2
        return self.search(group[:half]) | self.search(group[half:])

    def _one_by_one(self, group: Sequence[T]) -> dict[T, Lines | None]:
        texts = {one: self._text_with([one]) for one in group}
        count = len(self._lines)
        self._unquiet |= {one for one, text in texts.items() if text is None or len(lines_of(text)) != count}
        return {one: None if text is None else changed_lines(self._text, text) for one, text in texts.items()}

    def _together(self, group: Sequence[T]) -> dict[T, Lines | None] | None:
        """The same from renderings of groups; None if the group must be divided."""
        numbers = range(len(group))
        every = self._try(group, numbers)
        if every is None:
            return None
        if not every.changed:
            return dict.fromkeys(group, ()) if self._changes_nothing(group) else None
        tries = [every, *self._try_halves(group, numbers)]
        solved = self._solved(group, tries)
        if solved and len(solved[1]) > max(_FEW, len(group) // 8):  # with other halves, more settings differ
            tries += self._try_halves(group, sorted(numbers, key=lambda number: number * _MIXING % _MODULUS))
            solved = self._solved(group, tries)
        if solved is None:
            return None
        clear, unclear = solved
        found: dict[T, Lines | None] = {one: _from_one(clear.get(number, ())) for number, one in enumerate(group)}
        found |= self._apart(group, clear, unclear)
        return found if all(self._is_explained(one, group, found) for one in tries) else None

    def _changes_nothing(self, group: Sequence[T]) -> bool:
        """True if no half of the settings changes anything: all of them together may cancel each other out."""
        halves = [self._try(group, half) for half in _halves(range(len(group)), (1,))] if self._doubtful else ()
        return all(one and not one.changed for one in halves)

    def _try_halves(self, group: Sequence[T], numbers: Sequence[int]) -> list[_Try]:
        """A rendering with each half of the settings, without those that fail."""
        return [one for half in _halves(numbers, (0, 1)) if (one := self._try(group, half))]

    def _is_explained(self, one: _Try, group: Sequence[T], found: Mapping[T, Lines | None]) -> bool:
        """True if each line that changes in a rendering is near the lines of a setting that is changed there."""
        lines = [found[group[number]] for number in one.members]
        if None in lines:
            return True  # it breaks the text, which explains everything
        return one.changed <= _near({line - 1 for each in lines for line in each or ()}, 1)

    def _apart(
        self, group: Sequence[T], clear: Mapping[int, Collection[int]], unclear: Mapping[int, set[int]]
    ) -> dict[T, Lines | None]:
        """The lines of settings that may change some lines; those whose lines are not near each other are tried together."""
        batches: list[tuple[list[int], set[int]]] = []
        for number, suspected in sorted(unclear.items(), key=lambda item: -len(item[1])):
            own = {*suspected, *clear.get(number, ())}
            near = _near(own, _APART)
            fitting = next((batch for batch in batches if not near & batch[1]), None)
            if fitting is None:
                batches.append(([number], own))
            else:
                fitting[0].append(number)
                fitting[1].update(own)
        found: dict[T, Lines | None] = {}
        for members, _ in batches:
            found |= self._batch(group, {number: unclear[number] | {*clear.get(number, ())} for number in members})
        return found

    def _batch(self, group: Sequence[T], suspected: Mapping[int, set[int]]) -> dict[T, Lines | None]:
        """The lines of settings that are changed together: what changes near the lines of one is its own."""
        if len(suspected) == 1:
            return self._one_by_one([group[number] for number in suspected])
        one = self._try(group, [*suspected])
        found = _owned(one, suspected) if one else None
        if found is None:
            numbers = [*suspected]
            half = len(numbers) // 2
            parts = [{number: suspected[number] for number in part} for part in (numbers[:half], numbers[half:])]
            return self._batch(group, parts[0]) | self._batch(group, parts[1])
        return {group[number]: _from_one(sorted(lines)) for number, lines in found.items()}

    def _try(self, group: Sequence[T], members: Sequence[int]) -> _Try | None:
        """A rendering; None if it fails."""
        key = frozenset(group[number] for number in members)
        if key not in self._texts:
            self._texts[key] = self._text_with([group[number] for number in members])
        text = self._texts[key]
        if text is None:
            return None
        lines = lines_of(text)
        if len(lines) != len(self._lines):
            changed = frozenset(line - 1 for line in changed_lines(self._text, text))
            return _Try(frozenset(members), None, changed)
        return _Try(frozenset(members), lines, frozenset(_differing(self._lines, lines) or ()))

    def _solved(
        self, group: Sequence[T], tries: Sequence[_Try]
    ) -> tuple[dict[int, list[int]], dict[int, set[int]]] | None:
        """The lines of settings by their numbers, and those lines of settings on which the renderings do not agree.

        None if they contradict each other.
        """
        lines: dict[int, list[int]] = {}
        unclear: dict[int, set[int]] = {}
        same = all(one.lines is not None for one in tries)
        for index in sorted(frozenset[int]().union(*(one.changed for one in tries))):
            owners = self._seen(group, tries, index) or self._spelled(len(group), tries, index) if same else None
            for number in owners or ():
                lines.setdefault(number, []).append(index)
            if owners is None:
                suspects = self._suspects(len(group), tries, index)
                if not all(suspects & one.members for one in tries if index in one.changed):
                    return None  # nobody is left who may have changed it there
                for number in suspects:
                    unclear.setdefault(number, set()).add(index)
        return lines, unclear

    def _seen(self, group: Sequence[T], tries: Sequence[_Try], index: int) -> set[int] | None:
        """The settings whose other values are seen in a line, if every rendering shows just those that it should."""
        every = tries[0]
        if every.lines is None:
            return None
        texts: dict[frozenset[int], str] = {frozenset(): self._lines[index]}
        written = [(number, self._written[one]) for number, one in enumerate(group) if self._written[one]]
        seen = {number for number, text in written if text in every.lines[index]}
        for one in tries:
            if one.lines is None:
                return None
            line, expected = one.lines[index], frozenset(seen & one.members)
            if texts.setdefault(expected, line) != line:
                return None
            if {number for number, text in written if text in line} != expected:
                return None
        return seen or None

    def _spelled(self, count: int, tries: Sequence[_Try], index: int) -> set[int] | None:
        """The one setting whose number is spelled by the renderings in which a line changes."""
        suspects = self._suspects(count, tries, index)
        if len(suspects) != 1:
            return None
        agree = all((index in one.changed) == bool(suspects & one.members) for one in tries)
        texts = {one.lines[index] for one in tries if one.lines is not None and index in one.changed}
        return suspects if agree and len(texts) <= 1 else None

    def _suspects(self, count: int, tries: Sequence[_Try], index: int) -> set[int]:
        """The settings without a rendering in which they, but not the line, are changed.

        Where lines come and go, a change may be seen at the line before or after.
        """
        unchanged = [
            one.members
            for one in tries
            if index not in (one.changed if one.lines is not None else _near(one.changed, 1))
        ]
        return set(range(count)).difference(*unchanged)


def _owned(one: _Try, suspected: Mapping[int, set[int]]) -> dict[int, list[int]] | None:
    """The lines of each setting in a rendering: those that change near its own. None if some are near those of several, or of none."""
    found: dict[int, list[int]] = {number: [] for number in suspected}
    for cluster in _clusters(one.changed):
        owners = [number for number, lines in suspected.items() if _near(lines, 1).intersection(cluster)]
        if len(owners) != 1:
            return None
        found[owners[0]] += cluster
    return found


def _near(lines: Iterable[int], distance: int) -> set[int]:
    return {index + step for index in lines for step in range(-distance, distance + 1)}


def _clusters(lines: Iterable[int]) -> Iterator[list[int]]:
    """Lines that are next to each other, or nearly."""
    cluster: list[int] = []
    for index in sorted(lines):
        if cluster and index > cluster[-1] + 2:
            yield cluster
            cluster = []
        cluster.append(index)
    if cluster:
        yield cluster


def _halves(numbers: Sequence[int], sides: Sequence[int]) -> Iterator[list[int]]:
    """For each digit (in base 2) of their positions, the numbers that have it, or do not."""
    for bit in range((len(numbers) - 1).bit_length()):
        for side in sides:
            yield [number for position, number in enumerate(numbers) if position >> bit & 1 == side]
