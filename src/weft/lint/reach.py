"""The law of reach: every setting has a reader, a program that does something with it.

A setting is read by a program if it changes a line of an output that the program reads, or if its schema says so (`x-read-by`); by Weft
itself if it decides which targets, outputs or parts of outputs there are. What nobody reads configures nothing, however valid it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from weft.base.paths import Path, dotted, pointer
from weft.base.problems import Place, Problem, Severity, UsageError
from weft.files.lines import lines_of
from weft.files.locator import placed_at_rule
from weft.lint.mentions import Mention, mentions_of
from weft.project.entries import Reader
from weft.project.lines import Lines
from weft.project.project import Project
from weft.project.projectfile import ITSELF
from weft.project.reach import read_by, settings_of, uses_of_all
from weft.project.readers import named_readers
from weft.project.target import Target
from weft.report.report import Report
from weft.schema.node import Node


@dataclass(frozen=True)
class Reading:
    """A reader of a setting, and the evidence: the lines of a file in which the setting ends, or is read.

    `note` says more if the file is not an output of the target.
    """

    reader: str
    file: str | None = None
    lines: Lines = ()
    note: str | None = None
    enforces: bool = True
    """False if the reader does not exist yet, or the target does not use what reads the setting."""


@dataclass(frozen=True)
class Reach:
    """How far a setting reaches.

    `outputs` are those without a reader that it reaches, `missed` the readers of outputs that it does not reach although its schema names
    them; without a value in any target, `has_value` is false.
    """

    path: Path
    readings: tuple[Reading, ...]
    variable: str | None = None
    outputs: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    has_value: bool = True

    @property
    def name(self) -> str:
        """The setting, with `[]` for any item of a list."""
        return dotted(self.path).replace("[0]", "[]")

    @property
    def domain(self) -> str:
        """The first step of the setting."""
        return str(self.path[0]) if self.path else ""


def setting_of(path: Path) -> Path:
    """The setting of a leaf: a list is one setting, and so is a key of all of its items."""
    steps = [0 if isinstance(step, int) else step for step in path]
    while steps and steps[-1] == 0:
        steps.pop()
    return tuple(steps)


@dataclass(frozen=True)
class _InTarget:
    """What the outputs of one target do with its settings.

    `lines` are those that a setting changes in outputs with a reader, by the entry of weft.yaml and the path of the output; `read` are the
    settings that these outputs read in any way; `unread` are the outputs without a reader that read a setting.
    """

    lines: dict[Path, dict[tuple[int, str], Lines]]
    read: set[Path]
    unread: dict[Path, dict[str, None]]


class Survey:
    """Who reads the settings of a project. A target is rendered when it is first asked for.

    A `brief` one only finds out whether there is a reader: of a setting that has one without any rendering, it does not look for lines. With
    `about`, it looks for lines only of the settings at, below or around these paths. A `lenient` one takes what names a group for a reader of
    all of it: where not all targets are asked, another one may read what these do not.
    """

    def __init__(
        self, project: Project, *, brief: bool = False, about: Collection[Path] | None = None, lenient: bool = False
    ) -> None:
        self._project = project
        self._brief = brief
        self._lenient = lenient
        self._about = about
        self._readers = project.file.readers
        self._known: dict[str, _InTarget] = {}
        self._ended: set[Path] = set()

    def reach(self, *targets: Target) -> list[Reach]:
        """How far each setting of these targets reaches, in any of them; the schema's settings without a value come last."""
        paths = dict.fromkeys(setting_of(path) for target in targets for path in settings_of(target))
        lines: dict[Path, dict[tuple[int, str], Lines]] = {}
        unread: dict[Path, dict[str, None]] = {}
        read: set[Path] = set()
        for target in targets:
            for part in (*self._above(target), self._in(target)):
                read |= part.read
                for path, uses in part.lines.items():
                    lines.setdefault(path, {}).update(uses)
            for path, outputs in self._in(target).unread.items():
                unread.setdefault(path, {}).update(outputs)
        return [
            self._one(path, lines.get(path, {}), read, tuple(unread.get(path, ())), has_value=path in paths)
            for path in (*paths, *self._unset(paths))
        ]

    def _unset(self, paths: Collection[Path]) -> list[Path]:
        """The schema's settings of which none of these paths is a part."""
        return [path for path in self._in_schema if not any(path == known[: len(path)] for known in paths)]

    def _one(
        self,
        path: Path,
        uses: Mapping[tuple[int, str], Lines],
        read: Collection[Path],
        unread: tuple[str, ...],
        *,
        has_value: bool,
    ) -> Reach:
        readings = [*(self._in_outputs(uses) or self._mentioned(path, read)), *self._of_weft.get(path, ())]
        reached = {reading.reader for reading in readings}
        named = [self._readers[name] for name in named_readers(self._project.root, path)]
        readings += [self._said(path, reader) for reader in named if not reader.outputs]
        missed = tuple(reader.name for reader in named if reader.outputs and reader.name not in reached)
        variable = self._project.root.at(path).env
        return Reach(path, tuple(dict.fromkeys(readings)), variable, unread, missed, has_value)

    # --- outputs ---

    def _in_outputs(self, uses: Mapping[tuple[int, str], Lines]) -> list[Reading]:
        """The readers of the outputs of which a setting changes lines."""
        return [
            Reading(name, output, found)
            for (entry, output), found in uses.items()
            for name in self._of_outputs(self._project.file.outputs[entry].template)
        ]

    def _in(self, target: Target) -> _InTarget:
        if target.name not in self._known:
            self._known[target.name] = self._of_target(target)
        return self._known[target.name]

    def _of_target(self, target: Target) -> _InTarget:
        every = target.outputs.rendered(target.view)[0]
        read = [one for one in every if self._of_outputs(one.template)]
        entries = {one.path: one.entry for one in read}
        by_output = {output: set(map(setting_of, paths)) for output, paths in read_by(target, every).items()}
        unread = _by_setting({output: settings for output, settings in by_output.items() if output not in entries})
        result = _InTarget({}, set().union(*map(by_output.__getitem__, entries)), unread)
        wanted = [*filter(self._is_wanted, settings_of(target))]
        for path, uses in uses_of_all(target, read, wanted).items():
            self._ended.add(setting_of(path))
            known = result.lines.setdefault(setting_of(path), {})
            for output, found in uses.items():
                key = entries[output], output
                known[key] = tuple(sorted({*known.get(key, ()), *found}))
        return result

    def _above(self, target: Target) -> Iterator[_InTarget]:
        """The outputs that a target shares with others: those of `production` that are rendered once per environment."""
        steps = target.name.split("/")
        for length in range(1, len(steps)):
            try:
                above = self._project.target("/".join(steps[:length]))
            except UsageError:
                continue
            shared = {output.index for output in self._project.file.outputs if output.scope == above.scope}
            every = self._in(above)
            lines = {
                path: {key: found for key, found in uses.items() if key[0] in shared}
                for path, uses in every.lines.items()
            }
            yield _InTarget(lines, every.read, {})

    def _of_outputs(self, template: str) -> list[str]:
        return [reader.name for reader in self._readers.values() if reader.reads(template)]

    # --- templates, code and Weft itself ---

    def _is_wanted(self, path: Path) -> bool:
        if self._about is not None:
            pairs = ((path, other, min(len(path), len(other))) for other in self._about)
            return any(one[:size] == other[:size] for one, other, size in pairs)
        return not self._brief or not (setting_of(path) in self._ended or self._is_read_anyway(path))

    def _is_read_anyway(self, path: Path) -> bool:
        setting = setting_of(path)
        named = any(not self._readers[name].outputs for name in named_readers(self._project.root, setting))
        return named or setting in self._of_weft or any(one.path == setting for _, one in self._mentions)

    def _mentioned(self, path: Path, read: Collection[Path]) -> Iterator[Reading]:
        """The reader of a setting that changes no line, by a template that names it.

        If a template names a group and reads some of it, it reads just that; otherwise this part of it is not used.
        """
        about = [(name, one) for name, one in self._mentions if one.is_about(path, self._project.root)]
        for name, one in sorted(about, key=lambda pair: not pair[1].decides):
            size = len(one.path)
            if self._lenient or size == len(path) or not any(other[:size] == one.path for other in read):
                yield _by_mention(name, one)
                return

    @cached_property
    def _mentions(self) -> list[tuple[str, Mention]]:
        outputs, templates = self._project.file.outputs, self._project.outputs.templates
        return [
            (name, mention)
            for name, reader in self._readers.items()
            for mention in mentions_of(
                templates, [one for one in outputs if reader.reads(one.template)], self._project.root
            )
        ]

    def _said(self, path: Path, reader: Reader) -> Reading:
        """A reader that the schema names: the line of its code that names the setting or its variable, if there is one."""
        if reader.code is None:
            return Reading(reader.name, note=f"planned: {reader.planned}", enforces=False)
        names = _names_in_code(path, self._project.root.at(path).env)
        code = enumerate(self._code(reader.code), 1)
        lines = [number for number, line in code if any(name in line for name in names)]
        return Reading(reader.name, reader.code, tuple(lines[:1]), "as its schema says")

    def _code(self, name: str) -> list[str]:
        if name not in self._sources:
            try:
                content = self._project.files.read(self._project.folder / name)
            except OSError:
                content = b""  # `missing_files` reports it
            self._sources[name] = lines_of(content.decode("utf-8", "replace"))
        return self._sources[name]

    @cached_property
    def _sources(self) -> dict[str, list[str]]:
        """The lines of the code of readers."""
        return {}

    @cached_property
    def _of_weft(self) -> dict[Path, list[Reading]]:
        """What Weft itself reads: the settings of dimensions, limits and the conditions of outputs."""
        file, found = self._project.file, dict[Path, list[Reading]]()

        def note(path: Path, place: Place, what: str) -> None:
            reading = Reading(ITSELF, place.file, (place.line or 1,), what)
            found.setdefault(setting_of(self._project.catalog.renames.destination(path)), []).append(reading)

        for dimension in file.dimensions:
            if dimension.setting:
                note(dimension.setting, file.place("dimensions", dimension.name, "setting"), "it is a dimension")
            for path in self._project.limits.settings().get(dimension.name, ()):
                note(
                    path,
                    file.place("dimensions", dimension.name, key=True),
                    f"it limits where a {dimension.name} exists",
                )
        for output in file.outputs:
            condition = self._project.outputs.condition(output)
            for path in condition.reads if condition else ():
                note(path, file.place("outputs", output.index, "when"), f"it decides whether there is {output.path}")
        return found

    # --- the schema ---

    @cached_property
    def _in_schema(self) -> list[Path]:
        """The settings that the schemas name, without groups, old names and what is below free keys."""
        return [*_settings_below(self._project.root, (), self._project.catalog.renames.destination)]


def _names_in_code(path: Path, variable: str | None) -> list[str]:
    """How code names a setting: its path, with dots or step by step, or its variable."""
    keys = [step for step in path if isinstance(step, str)]
    steps = "".join(f'["{key}"]' for key in keys)
    return [f'"{dotted(path)}"', steps, *([f'"{variable}"'] if variable else [])]


def _by_setting(read: Mapping[str, Iterable[Path]]) -> dict[Path, dict[str, None]]:
    """The outputs that read each setting, from the settings that each output reads."""
    found: dict[Path, dict[str, None]] = {}
    for output, settings in read.items():
        for setting in settings:
            found.setdefault(setting, {})[output] = None
    return found


def _by_mention(reader: str, mention: Mention) -> Reading:
    """The reading of a setting in a template, by Weft itself if the setting decides what is rendered."""
    note = "decides which part of the template is used" if mention.decides else "in an unused part of the template"
    lines = (mention.place.line or 1,)
    return Reading(ITSELF if mention.decides else reader, mention.place.file, lines, note, enforces=mention.decides)


def _settings_below(
    node: Node, path: Path, renamed: Callable[[Path], Path], above: tuple[Node, ...] = ()
) -> Iterator[Path]:
    if node in above or renamed(path) != path:
        return
    names = node.properties
    if path and not names and "object" not in node.types:
        if "array" in node.types and node.child(0).properties:
            yield from _settings_below(node.child(0), (*path, 0), renamed, (*above, node))
        else:
            yield setting_of(path)
    for name in names:
        yield from _settings_below(node.child(name), (*path, name), renamed, (*above, node))


def reach_warnings(project: Project, targets: Sequence[Target]) -> list[Problem]:
    """The settings that no reader reads in any of these targets, and those that do not reach the readers that their schemas name.

    There are none in a project without readers. Targets whose settings others have too are not rendered. What only targets that are not
    among these may read is not reported.
    """
    if not project.file.readers:
        return []
    seen: set[Path] = set()
    chosen = []
    for target in sorted(targets, key=lambda target: target.name.count("/")):
        own = set(map(setting_of, settings_of(target)))
        if "/" not in target.name or own - seen:
            chosen.append(target)
        seen |= own
    lenient = len(targets) < len(project.targets())
    found = Survey(project, brief=True, lenient=lenient).reach(*chosen)
    return Report([placed_at_rule(one, project.folder) for each in found for one in _warnings(project, each)]).problems


def _warnings(project: Project, reach: Reach) -> Iterator[Problem]:
    node = project.root.at(reach.path)
    if not reach.readings and not reach.missed:
        message = f"nothing reads {reach.name}: {reaches(reach)}"
        hint = "let an output that a program reads contain it, name its reader with `x-read-by`, or remove it"
        yield Problem("no-reader", message, Severity.WARNING, pointer(reach.path), schema=node.place, hint=hint)
    for name in reach.missed:
        message = f"{reach.name} does not reach the reader `{name}`, which its schema names"
        hint = "no output of this reader changes with it: remove the name, or use the setting in a template"
        yield Problem("no-reader", message, Severity.WARNING, pointer(reach.path), schema=node.place, hint=hint)


def reaches(reach: Reach) -> str:
    """What a setting without a reader reaches, for a message."""
    if reach.variable and reach.outputs:
        return f"it ends in the environment variable {reach.variable}, which no reader reads"
    if reach.outputs:
        return f"it ends only in outputs without a reader, such as {reach.outputs[0]}"
    return "no output contains it" if reach.has_value else "no target sets it, and no template names it"
