"""A project: what `weft.yaml` describes, opened; its targets, and the operations on many of them at once.

A `Project` only combines parts, each of which has one task:

    projectfile   weft.yaml, read and checked
    schemas       the schemas, compiled: nodes, the checks of keywords and rules
    layering      layers folded into configurations
    dimensions    the properties in which targets differ ->  resolution (the layers of a target) -> limits -> targets
    outputs       the templates and conditions, compiled
    rendering     validated targets to finished outputs
    target        one target
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from weft import checks
from weft.base.problems import Problem, WeftError
from weft.base.watching import Watch, unwatched, watched
from weft.files.reading import files_of
from weft.project.dimensions import Dimensions
from weft.project.layering import Layering
from weft.project.limits import Limits
from weft.project.outputs import Outputs
from weft.project.projectfile import ProjectFile, find_project, read_project_file
from weft.project.readers import unknown_readers
from weft.project.rendering import Rendering
from weft.project.resolution import Resolver
from weft.project.schemas import Schemas, load_schemas
from weft.project.settings import extra_layers
from weft.project.target import Target
from weft.project.targets import Fleet, Identity
from weft.project.writing import write_outputs
from weft.rules import Expression
from weft.stages.load import Overlays
from weft.stages.render.templates import Rendered
from weft.stages.write import Changes


def load_project(
    folder: str | Path = ".",
    *,
    overrides: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    allow_read: Iterable[str | Path] = (),
) -> Project:
    """The project that contains `folder`.

    `overrides` maps setting paths to texts (`--set`), `environment` is a process environment whose `x-env` variables become a layer
    (`--from-env`); both are above all overlays, with `overrides` on top. `allow_read` are folders outside of the project that its files
    may refer to (`--allow-read`), in addition to those of the variable WEFT_ALLOW_READ.

    Raises CannotRun when there is no project, and WeftError with every problem of weft.yaml, the schemas, the rules and the
    templates.
    """
    home = find_project(Path(folder))
    try:
        return Project(read_project_file(files_of(home, allow_read)), overrides or {}, environment)
    except WeftError as error:
        error.folder = home
        raise


class Project:
    """A loaded project. Overlay files are read when a target first needs them."""

    def __init__(
        self,
        file: ProjectFile,
        overrides: Mapping[str, str],
        environment: Mapping[str, str] | None = None,
        like: Project | None = None,
    ) -> None:
        """A project of a project file; what does not depend on overrides is taken from the one that it is `like`."""
        self.file = file
        self.name = file.project
        self.files = file.files
        self.folder = file.folder
        self.schemas: Schemas = like.schemas if like else load_schemas(file)
        self.catalog = self.schemas.catalog
        self.root = self.schemas.root
        self.layering: Layering = (
            like.layering if like else Layering(self.root, Overlays(file.files), self.schemas.secret_lines)
        )
        self.outputs: Outputs = (
            like.outputs if like else Outputs(file, self.schemas.catalog, self.schemas.rule_check.shapes)
        )
        extra, wrong = extra_layers(self.root, overrides, environment)
        self.dimensions = Dimensions(file)
        self._resolver = Resolver(file, self.root, self.layering, extra)
        self.limits = Limits(file, self.dimensions, self.root, self._resolver)
        self.fleet = Fleet(self.dimensions, self.limits)
        self._rendering = Rendering(file, self.schemas, self.dimensions, self.limits, self.fleet, self.outputs)
        of_dimensions = (*self.dimensions.problems(), *self._resolver.problems(), *self.limits.mistakes())
        unknown = (*unknown_readers(file, self.catalog), *self._rendering.mistakes())
        problems = (*self.schemas.problems(), *unknown, *self.outputs.problems, *wrong, *of_dimensions)
        if problems:
            raise WeftError(*problems)

    def __repr__(self) -> str:
        return f"<Project {self.name} in {self.folder}>"

    def with_overrides(self, overrides: Mapping[str, str], environment: Mapping[str, str] | None = None) -> Project:
        """The same project with other overrides, as `load_project` takes them, instead of its own.

        No file that this project has read is read again. Raises WeftError for overrides that cannot be used.
        """
        try:
            return Project(self.file, overrides, environment, like=self)
        except WeftError as error:
            error.folder = self.folder
            raise

    def targets(self, *globs: str) -> list[Target]:
        """The targets that the globs name (`production/*`, `**/acme`), all of them without a glob.

        Raises UsageError for a glob that matches none.
        """
        return [self._target(identity) for identity in self.fleet.select(globs)]

    def target(self, name: str = "", **values: str) -> Target:
        """One target: by its name (`"production/acme"`), by the values of its dimensions (`environment="production"`), or both.

        Raises UsageError if it does not exist.
        """
        return self._target(self.fleet.identity(name, values))

    def home(self, target: Target) -> checks.Home:
        """The cluster and the namespace of a target's objects, as its settings say."""
        return self._rendering.home(target.view)

    def problems(self, targets: Sequence[Target], watch: Watch = unwatched) -> list[Problem]:
        """Every problem of these targets and of their outputs, rendered in memory: everything that would stop `render`."""
        return self._render(targets, watch, ask_programs=False)[1].problems

    @property
    def expressions(self) -> list[Expression]:
        """Every expression of the schemas and of weft.yaml."""
        return [*self.schemas.rule_check.expressions, *self.outputs.conditions]

    def render(self, targets: Sequence[Target], watch: Watch = unwatched) -> tuple[list[Rendered], list[Problem]]:
        """Every output of these targets in memory, checked, and all problems of outputs and targets.

        A target with errors is not rendered. `check_outputs` also runs the checks that start a program.
        """
        rendered, outcome = self._render(targets, watch, ask_programs=False)
        return rendered, outcome.problems

    def check_outputs(
        self, targets: Sequence[Target], watch: Watch = unwatched, *, ask_programs: bool = True
    ) -> checks.Outcome:
        """The same, optionally with the programs that read outputs: all problems, and how often each check ran or was skipped."""
        return self._render(targets, watch, ask_programs=ask_programs)[1]

    def write(
        self,
        targets: Sequence[Target],
        rendered: Sequence[Rendered],
        folder: Path,
        *,
        dry_run: bool = False,
        sync: bool = True,
        wait: float = 0,
    ) -> Changes:
        """Write the results of `render` into a folder, and remove the files that these targets no longer have.

        Without `sync`, written files may be lost after a power failure. If another process writes into the folder, this waits for at most
        `wait` seconds.

        Raises CannotRun when the folder cannot be written to or contains the project's own sources, WeftError when a foreign file would be
        overwritten.
        """
        others = {identity.name for identity in self.fleet.identities()} - {target.name for target in targets}
        return write_outputs(self.file, rendered, others, folder, dry_run=dry_run, sync=sync, wait=wait)

    def _render(
        self, targets: Sequence[Target], watch: Watch, *, ask_programs: bool
    ) -> tuple[list[Rendered], checks.Outcome]:
        judged = [target.judged() for target in watched(targets, "targets", watch)]
        return self._rendering.render(judged, ask_programs=ask_programs, watch=watch)

    def _target(self, identity: Identity) -> Target:
        return Target(identity, self.schemas, self.layering, self._resolver, self._rendering)


__all__ = ["Project", "load_project"]
