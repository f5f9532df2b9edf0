"""Rendering: from judged targets to finished outputs, and everything that is wrong on the way.

Some mistakes are nobody's in particular: two targets that write one file, a file that no target reads, a limit that names nothing.
They are found here, where all the targets of a run are together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from weft import checks
from weft.base.problems import Place, Problem, has_errors
from weft.project import unread
from weft.project.collisions import collisions
from weft.project.dimensions import Dimensions
from weft.project.limits import Limits
from weft.project.outputs import Outputs, TargetView
from weft.project.projectfile import ProjectFile
from weft.project.resolution import Resolution
from weft.project.schemas import Schemas
from weft.project.targets import Fleet
from weft.report.report import Report
from weft.stages.render.templates import Rendered


@dataclass(frozen=True)
class Judged:
    """A target with what is wrong with it; `view` is None where that keeps it from being rendered."""

    resolution: Resolution
    problems: tuple[Problem, ...]
    view: TargetView | None


@dataclass(frozen=True)
class Rendering:
    """The parts of a project that make the outputs of many targets, and judge them together."""

    file: ProjectFile
    schemas: Schemas
    dimensions: Dimensions
    limits: Limits
    fleet: Fleet
    outputs: Outputs

    def problems(self, targets: Sequence[Judged]) -> list[Problem]:
        """Every problem of these targets and of what is around them; what several of them share stands once."""
        found = [problem for target in targets for problem in target.problems]
        return Report([*found, *self._around(targets, found)]).problems

    def render(self, targets: Sequence[Judged], *, ask_programs: bool) -> tuple[list[Rendered], checks.Outcome]:
        """Every output of these targets, checked, and the same problems with those of the outputs.

        A target whose configuration is wrong is not rendered. Without `ask_programs`, checks that run a program are left out.
        """
        problems: list[Problem] = []
        finished: list[Rendered] = []
        for target in targets:
            problems += target.problems
            if target.view is not None:
                rendered, wrong = self.outputs.rendered(target.view)
                finished += rendered
                problems += wrong
        problems += self._around(targets, problems)
        problems += collisions(self.file, finished)
        views = {target.view.name: target.view for target in targets if target.view is not None}

        def locate(one: Rendered, line: int) -> Place | None:
            return self.outputs.template_line(views[one.target], one, line)

        outcome = checks.run(finished, locate, ask_programs=ask_programs)
        outcome.problems = Report([*problems, *outcome.problems]).problems
        return finished, outcome

    def _around(self, targets: Sequence[Judged], found: Sequence[Problem]) -> Iterator[Problem]:
        """What is wrong with the project rather than with one target, given what was found in the targets."""
        yield from map(self.schemas.secret_lines.guard, self.limits.problems())
        if not has_errors(found) and len(targets) == len(list(self.fleet.identities())):
            layers = [layer for target in targets for layer in target.resolution.layers]
            read = {source.path for layer in layers for source in layer.sources}
            yield from unread.unread_files(self.file, self.dimensions, read)
            yield from unread.layers_without_files(self.file, {layer.name for layer in layers}, waiting=False)
        yield from self.schemas.refused_defaults()
