"""Rendering: from validated targets to finished outputs, with all problems.

A target is rendered on its own, whatever else is rendered with it: `Rendering.one` gives its `Result`, which can be made in another
process and kept for the next run. Some mistakes belong to no single target: two targets that write the same file, a file that no
target reads, a limit that names nothing. `Together` collects the results of a run and finds them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from weft import checks
from weft.base import timing
from weft.base.overlay import sources
from weft.base.paths import Path as SettingPath
from weft.base.paths import dotted, get, has, pointer
from weft.base.problems import Problem, Severity, did_you_mean, has_errors
from weft.base.watching import Watch, unwatched
from weft.files.signatures import digest_of
from weft.project import unread
from weft.project.collisions import collisions
from weft.project.dimensions import Dimensions
from weft.project.limits import Limits, knows
from weft.project.outputs import Outputs, TargetView
from weft.project.projectfile import ProjectFile
from weft.project.provenance import place_of
from weft.project.resolution import Resolution
from weft.project.result import Result
from weft.project.schemas import Schemas
from weft.project.targets import Fleet
from weft.report.report import Report
from weft.stages.render.finished import OutputFile, Rendered, Texts


@dataclass(frozen=True, slots=True)
class Judged:
    """A target with its problems; `view` is None if they prevent rendering."""

    name: str
    resolution: Resolution
    problems: tuple[Problem, ...]
    view: TargetView | None


@dataclass(frozen=True)
class Rendering:
    """The parts of a project that make the outputs of targets."""

    file: ProjectFile
    schemas: Schemas
    dimensions: Dimensions
    limits: Limits
    fleet: Fleet
    outputs: Outputs

    def one(self, target: Judged) -> Result:
        """The result of one target, with the texts. A target with errors is not rendered.

        `weft validate` and `weft render` both use this, so they accept the same projects.
        """
        if target.view is None:
            home, outputs, wrong = checks.Home(), list[Rendered](), list[Problem]()
        else:
            with timing.RENDER:
                home, (outputs, wrong) = self.home(target.view), self.outputs.rendered(target.view)
        with timing.CHECK:
            answers = tuple(checks.ask(outputs, home))
        layers = [layer for layer in target.resolution.layers if layer.sources]
        return Result(
            target.name,
            target.resolution.values,
            home,
            tuple(output.header for output in outputs),
            tuple(digest_of(output.text) for output in outputs),
            tuple(output.text for output in outputs),
            answers,
            (*target.problems, *wrong),
            tuple(self._look_alikes(target)),
            tuple(layer.name for layer in layers),
            tuple(source.name for source in sources(layers) if source.path is not None),
        )

    def around(self, together: Together) -> Iterator[Problem]:
        """The problems of the project as a whole, given the results of its targets."""
        yield from self.schemas.catalog.documents.warnings
        yield from map(self.schemas.secret_lines.guard, (*self.limits.problems(), *together.look_alikes.values()))
        if not self.fleet.has_more_than(together.targets):
            read = {f"{self.file.folder}/{name}" for name in together.sources}
            if not has_errors(together.problems):
                yield from unread.unread_files(self.file, self.dimensions, read)
            # even with errors, which may be caused by a file that is not found
            yield from unread.layers_without_files(self.file, together.layers, waiting=False)

    def with_origin(self, problem: Problem, output: OutputFile | None, views: Mapping[str, TargetView]) -> Problem:
        """The problem of an output with the line of the template that produced it next to it."""
        if problem.place is None or output is None:
            return problem
        origin = self.outputs.template_line(views[output.target], output, problem.place.line or 1)
        if origin is not None:
            return replace(problem, related=(*problem.related, origin))
        return replace(problem, hint=problem.hint or f"it comes from the template {output.template}")

    def mistakes(self) -> Iterator[Problem]:
        """Settings that weft.yaml names for the homes of objects and that the schema does not have."""
        for name, path in self._settings_of_homes():
            if not path or not knows(self.schemas.root, path):
                above = self.schemas.root.at(path[:-1]) if path else self.schemas.root
                hint = (
                    did_you_mean(str(path[-1]), above.properties) if path else "write a dotted path, such as `app.name`"
                )
                message = f"there is no setting {dotted(path)}" if path else "this is not a path of a setting"
                yield Problem("project-invalid", message, place=self.file.place("kubernetes", name), hint=hint)

    def _settings_of_homes(self) -> list[tuple[str, SettingPath]]:
        every = {"cluster": self.file.homes.cluster, "namespace": self.file.homes.namespace}
        return [(name, path) for name, path in every.items() if path is not None]

    def home(self, target: TargetView) -> checks.Home:
        """The home of the objects of a target, read from its settings."""
        found = dict[str, str]()
        for name, written in self._settings_of_homes():
            path = self.schemas.catalog.renames.destination(written)
            if has(target.config, path):
                found[name] = str(get(target.config, path))
        return checks.Home(**found)

    def _look_alikes(self, target: Judged) -> Iterator[Problem]:
        """Settings that look like limits but are not: the author expects that a target does not exist."""
        if target.view is None:
            return
        for path, dimension, other in self.limits.look_alikes(target.view.config):
            message = f"{dotted(path)} lists values of `{other}`, but does not limit where a {dimension} exists"
            hint = f"in weft.yaml, give the dimension `{dimension}` the entry `limits: {{{other}: {dotted(path)}}}`"
            place = place_of(self.schemas.root, target.resolution.layers, target.view.config, path, key=True)
            yield Problem("not-a-limit", message, Severity.WARNING, pointer(path), place, hint=hint)


class Together:
    """The results of the targets of a run, added one by one; no text of an output is kept."""

    def __init__(self, rendering: Rendering) -> None:
        self.rendering = rendering
        self.targets = 0
        self.files: list[OutputFile] = []
        self.problems: list[Problem] = []
        self.look_alikes: dict[str | None, Problem] = {}
        self.layers: set[str] = set()
        self.sources: set[str] = set()
        self._answers: list[checks.Answer] = []
        self._homes: dict[str, checks.Home] = {}

    def add(self, result: Result) -> None:
        """Add the result of a target, with or without its texts."""
        self.targets += 1
        self.files += result.outputs
        self._answers += result.answers
        if result.home != checks.Home():
            self._homes[result.target] = result.home
        self.problems += result.problems
        for problem in result.look_alikes:
            self.look_alikes.setdefault(problem.path, problem)
        self.layers.update(result.layers)
        self.sources.update(result.sources)

    def checked(self, texts: Texts, *, ask_programs: bool, watch: Watch = unwatched) -> checks.Outcome:
        """The answers of the checks about all outputs; `texts` gives the text of an output by its path.

        Without `ask_programs`, checks that run a program are skipped.
        """
        return checks.run(self.files, self._answers, texts, ask_programs=ask_programs, homes=self._homes, watch=watch)

    def concerned(self, outcome: checks.Outcome) -> set[str]:
        """The targets of the outputs that the checks report."""
        return {self._by_path[path].target for path in self._places(outcome) if path in self._by_path}

    def report(self, outcome: checks.Outcome, views: Mapping[str, TargetView]) -> list[Problem]:
        """All problems, each of which appears once if several targets share it; `views` are those of the `concerned` targets."""
        of_outputs = [
            self.rendering.with_origin(problem, self._by_path.get(problem.place.file) if problem.place else None, views)
            for problem in outcome.problems
        ]
        around = (*self.rendering.around(self), *collisions(self.rendering.file, self.files))
        return Report((*self.problems, *around, *of_outputs)).problems

    @staticmethod
    def _places(outcome: checks.Outcome) -> Iterator[str]:
        yield from (problem.place.file for problem in outcome.problems if problem.place)

    @cached_property
    def _by_path(self) -> dict[str, OutputFile]:
        return {one.path: one for one in reversed(self.files)}
