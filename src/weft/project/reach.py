"""Reach: in which line of which output each setting of a target ends.

`impact` answers that for one setting; here it is answered for all of them. Each output is rendered once in a way that notes which settings
its template reads, because no other setting can change it. Of those, `lines` finds with few renderings which lines each one changes.

A line with a digest of settings, which restarts a program when one of them changes, does not contain any of them: the program learns
nothing from it. So a digest counts for none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from weft.base.paths import Path
from weft.project.lines import Lines, every_line, lines_of_each
from weft.project.others import other_values, replaced
from weft.project.provenance import leaves_of
from weft.project.target import Target
from weft.stages.render.filters import same_digests
from weft.stages.render.templates import Rendered

Uses = dict[Path, dict[str, Lines]]
"""For each setting, the lines of the outputs that it changes."""


def settings_of(target: Target) -> list[Path]:
    """The leaves of a target's configuration, without old names of settings."""
    renames = target.schemas.catalog.renames
    return [path for path in leaves_of(target.shared_config) if renames.destination(path) == path]


def read_by(target: Target, outputs: Iterable[Rendered]) -> dict[str, set[Path]]:
    """The settings that each output reads, by the output's path: no other setting can change its text, and not each of them need do so."""
    return {one.path: target.outputs.reads(target.view, one) for one in outputs}


def uses_of_all(
    target: Target, outputs: Iterable[Rendered], settings: Collection[Path], read: Mapping[str, Collection[Path]]
) -> Uses:
    """The lines of these outputs that each of these settings changes: for each setting what `impact.uses_of` finds.

    `read` are the settings that each output reads, by its path.
    """
    numbers = {path: number for number, path in enumerate(settings)}
    config = target.shared_config
    others = {path: other_values(target.schemas.root, config, path, number) for path, number in numbers.items()}
    found: Uses = {}
    with same_digests():
        for one in outputs:
            text = target.outputs.text(target.view, one)
            plain = one if text is None else replace(one, text=text)
            candidates = {path: others[path] for path in settings if path in read[one.path]}
            for path, lines in _uses(target, plain, candidates).items():
                found.setdefault(path, {})[one.path] = lines
    return found


def _uses(target: Target, one: Rendered, others: Mapping[Path, Sequence[object]]) -> dict[Path, Lines]:
    """The lines that each setting changes with the first of its other values that changes any."""
    found: dict[Path, Lines] = {}
    failing: set[Path] = set()
    for turn in range(max(map(len, others.values()), default=0)):
        values = {path: each[turn] for path, each in others.items() if path not in found and turn < len(each)}
        written = {path: _written(value) for path, value in values.items()}
        lines = lines_of_each(one.text, written, _with(target, one, values), doubtful=turn == 0)
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
