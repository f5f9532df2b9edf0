"""Rendering: from validated targets to finished outputs, with all problems.

Some mistakes belong to no single target: two targets that write the same file, a file that no target reads, a limit that names
nothing. They are found here, where all targets of a run come together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from weft import checks
from weft.base.paths import Path as SettingPath
from weft.base.paths import dotted, get, has, pointer
from weft.base.problems import Problem, Severity, did_you_mean, has_errors
from weft.base.watching import Watch, unwatched, watched
from weft.project import unread
from weft.project.collisions import collisions
from weft.project.dimensions import Dimensions
from weft.project.limits import Limits, knows
from weft.project.outputs import Outputs, TargetView
from weft.project.projectfile import ProjectFile
from weft.project.provenance import place_of
from weft.project.resolution import Resolution
from weft.project.schemas import Schemas
from weft.project.targets import Fleet
from weft.report.report import Report
from weft.stages.render.templates import Rendered


@dataclass(frozen=True)
class Judged:
    """A target with its problems; `view` is None if they prevent rendering."""

    resolution: Resolution
    problems: tuple[Problem, ...]
    view: TargetView | None


@dataclass(frozen=True)
class Rendering:
    """The parts of a project that make the outputs of many targets, and check them together."""

    file: ProjectFile
    schemas: Schemas
    dimensions: Dimensions
    limits: Limits
    fleet: Fleet
    outputs: Outputs

    def render(
        self, targets: Sequence[Judged], *, ask_programs: bool, watch: Watch = unwatched
    ) -> tuple[list[Rendered], checks.Outcome]:
        """Every output of these targets, checked, and all problems; a problem that several targets share appears once.

        `weft validate` and `weft render` both use this, so they accept the same projects. A target with errors is not rendered. Without
        `ask_programs`, checks that run a program are skipped.
        """
        problems: list[Problem] = []
        finished: list[Rendered] = []
        for target in watched(targets, "outputs", watch):
            problems += target.problems
            if target.view is not None:
                rendered, wrong = self.outputs.rendered(target.view)
                finished += rendered
                problems += wrong
        problems += self._around(targets, problems)
        problems += collisions(self.file, finished)
        views = {target.view.name: target.view for target in targets if target.view is not None}

        homes = {name: self.home(view) for name, view in views.items()}
        outcome = checks.run(finished, ask_programs=ask_programs, homes=homes, watch=watch)
        by_path = {one.path: one for one in reversed(finished)}
        found = [self._with_origin(problem, by_path, views) for problem in outcome.problems]
        outcome.problems = Report([*problems, *found]).problems
        return finished, outcome

    def _with_origin(
        self, problem: Problem, outputs: Mapping[str, Rendered], views: Mapping[str, TargetView]
    ) -> Problem:
        """The problem of an output with the line of the template that produced it next to it."""
        one = outputs.get(problem.place.file) if problem.place else None
        if problem.place is None or one is None:
            return problem
        origin = self.outputs.template_line(views[one.target], one, problem.place.line or 1)
        if origin is not None:
            return replace(problem, related=(*problem.related, origin))
        return replace(problem, hint=problem.hint or f"it comes from the template {one.template}")

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

    def _around(self, targets: Sequence[Judged], found: Sequence[Problem]) -> Iterator[Problem]:
        """The problems of the project as a whole, given the results of the targets."""
        yield from self.schemas.catalog.documents.warnings
        yield from map(self.schemas.secret_lines.guard, (*self.limits.problems(), *self._look_alikes(targets)))
        if len(targets) == len(list(self.fleet.identities())):
            layers = [layer for target in targets for layer in target.resolution.layers if layer.sources]
            read = {source.path for layer in layers for source in layer.sources}
            if not has_errors(found):
                yield from unread.unread_files(self.file, self.dimensions, read)
            # even with errors, which may be caused by a file that is not found
            yield from unread.layers_without_files(self.file, {layer.name for layer in layers}, waiting=False)

    def _look_alikes(self, targets: Sequence[Judged]) -> Iterator[Problem]:
        """Settings that look like limits but are not: the author expects that a target does not exist."""
        reported = set[SettingPath]()
        for target in targets:
            for path, dimension, other in self.limits.look_alikes(target.view.config if target.view else {}):
                if path not in reported:
                    reported.add(path)
                    message = f"{dotted(path)} lists values of `{other}`, but does not limit where a {dimension} exists"
                    hint = f"in weft.yaml, give the dimension `{dimension}` the entry `limits: {{{other}: {dotted(path)}}}`"
                    root, layers = self.schemas.root, target.resolution.layers
                    place = place_of(root, layers, target.view and target.view.config, path, key=True)
                    yield Problem("not-a-limit", message, Severity.WARNING, pointer(path), place, hint=hint)
