"""Reach: in which line of which output each setting of a target ends.

`impact` answers that for one setting; here it is answered for all of them. Each output is rendered once in a way that notes which settings
its template reads, because no other setting can change it. Of those, `lines` finds with few renderings which lines each one changes.

A line with a digest of settings, which restarts a program when one of them changes, does not contain any of them: the program learns
nothing from it. So a digest counts for none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from weft.base.paths import Path
from weft.project.lines import Lines, every_line, lines_of_each
from weft.project.others import other_values, replaced
from weft.project.provenance import leaves_of
from weft.project.target import Target
from weft.stages.render.filters import same_digests
from weft.stages.render.finished import Rendered

_TURNS: Final = 4
"""So many values are tried for one that no other setting has."""
Uses = dict[Path, dict[str, Lines]]
"""For each setting, the lines of the outputs that it changes."""


def settings_of(target: Target) -> list[Path]:
    """The leaves of a target's configuration, without old names of settings; a list of texts or numbers is one."""
    renames = target.schemas.catalog.renames
    leaves = [path for path in leaves_of(target.shared_config) if renames.destination(path) == path]
    return list(dict.fromkeys(map(_whole, leaves)))


def _whole(path: Path) -> Path:
    """The list that a path is an item of, or else the path itself."""
    while path and isinstance(path[-1], int):
        path = path[:-1]
    return path


def read_by(target: Target, outputs: Iterable[Rendered]) -> dict[str, set[Path]]:
    """The settings that each output reads, by the output's path: no other setting can change its text, and not each of them need do so."""
    return {one.path: target.outputs.reading(target.view, one)[1] for one in outputs}


def uses_of_all(target: Target, outputs: Iterable[Rendered], settings: Collection[Path]) -> Uses:
    """The lines of these outputs that each of these settings changes: for each setting what `impact.uses_of` finds."""
    others = _distinct_others(target, settings)
    # settings of one name behave alike, and are halved together
    alike = sorted(settings, key=lambda path: (str(path[:1]), str(path[-1:])))
    found: Uses = {}
    unquiet: set[Path] = set()
    known: dict[tuple[str, bool, str | None], dict[Path, Lines]] = {}
    with same_digests():
        # short ones first: what makes lines come and go there does so in the longer ones that contain them
        for one in sorted(outputs, key=lambda one: len(one.text)):
            text, leaves = target.outputs.reading(target.view, one)
            read = set(map(_whole, leaves))
            plain = one if text is None else replace(one, text=text)
            key = one.template, one.secrets, text
            if key not in known:  # one template with one text is one function of the settings
                candidates = {path: others[path] for path in alike if path in read}
                known[key] = _uses(target, plain, candidates, unquiet)
            for path, lines in known[key].items():
                found.setdefault(path, {})[one.path] = lines
    return found


def _distinct_others(target: Target, settings: Collection[Path]) -> dict[Path, list[object]]:
    """The other values of each setting; as far as possible, no two settings have a first one that is written alike."""
    found: dict[Path, list[object]] = {}
    taken = set[str]()
    for number, path in enumerate(settings):
        for turn in range(_TURNS):  # the members of an enumeration are the same in every turn
            found[path] = other_values(target.schemas.root, target.shared_config, path, number + turn * len(settings))
            written = _written(found[path][0])
            if written not in taken:
                break
        taken |= {written} - {""}
    return found


def _uses(
    target: Target, one: Rendered, others: Mapping[Path, Sequence[object]], unquiet: set[Path]
) -> dict[Path, Lines]:
    """The lines that each setting changes with the first of its other values that changes any."""
    found: dict[Path, Lines] = {}
    failing: set[Path] = set()
    for turn in range(max(map(len, others.values()), default=0)):
        values = {path: each[turn] for path, each in others.items() if path not in found and turn < len(each)}
        written = {path: _written(value) for path, value in values.items()}
        lines = lines_of_each(one.text, written, _with(target, one, values), unquiet=unquiet, doubtful=turn == 0)
        failing |= {path for path, changed in lines.items() if changed is None}
        found |= {path: changed for path, changed in lines.items() if changed}
    return {**dict.fromkeys(failing, every_line(one.text)), **found}


def _with(target: Target, one: Rendered, values: Mapping[Path, object]) -> Callable[[Sequence[Path]], str | None]:
    def text_with(paths: Sequence[Path]) -> str | None:
        config = replaced(target.shared_config, {path: values[path] for path in paths})
        return target.outputs.text(replace(target.view, config=config), one)

    return text_with


def _written(value: object) -> str:
    """How a value is seen in a text; nothing if there is no telling."""
    if isinstance(value, bool) or value is None:
        return ""
    return str(value) if isinstance(value, str | int | float) else ""
