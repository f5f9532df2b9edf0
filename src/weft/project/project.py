"""A project: what `weft.yaml` describes, opened; its targets, and the operations on many of them at once.

A `Project` only combines parts, each of which has one task:

    projectfile   weft.yaml, read and checked
    schemas       the schemas, compiled: nodes, the checks of keywords and rules
    layering      layers folded into configurations
    dimensions    the properties in which targets differ ->  resolution (the layers of a target) -> limits -> targets
    outputs       the templates and conditions, compiled
    rendering     validated targets to finished outputs
    target        one target
    runs          many targets together
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from weft import checks
from weft.base.overlay import Layer
from weft.base.problems import Problem, WeftError
from weft.base.watching import Watch, unwatched
from weft.files.reading import ProjectFiles, files_of, find_project
from weft.files.trace import Seen
from weft.project import runs
from weft.project.dimensions import Dimensions
from weft.project.layering import Layering
from weft.project.limits import Limits
from weft.project.outputs import Outputs
from weft.project.projectfile import ProjectFile, read_project_file
from weft.project.readers import unknown_readers
from weft.project.rendering import Rendering
from weft.project.resolution import Resolver
from weft.project.runs import InMemory, Renderer, Run
from weft.project.schemas import Schemas, load_schemas
from weft.project.settings import extra_layers
from weft.project.target import Target
from weft.project.targets import Fleet, Identity
from weft.project.writing import of_rendered, of_run, refuse_folder
from weft.rules import Expression
from weft.schema.catalog import Catalog
from weft.schema.node import Node
from weft.stages.load import Overlays
from weft.stages.render.finished import Rendered
from weft.stages.write import Changes, Digests, content_digest, write
from weft.stages.write.record import Part


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
    return open_project(files_of(find_project(Path(folder)), allow_read), overrides or {}, environment)


def open_project(
    files: ProjectFiles, overrides: Mapping[str, str], environment: Mapping[str, str] | None = None
) -> Project:
    """The project with these files. Raises WeftError with every problem of weft.yaml, the schemas, the rules and the templates."""
    try:
        return Project(read_project_file(files), overrides, environment).checked()
    except WeftError as error:
        error.folder = files.folder
        raise


@dataclass(frozen=True)
class Recalled:
    """A run of the targets that some globs name, which would give the same again."""

    globs: tuple[str, ...]
    targets: tuple[Identity, ...]
    run: Run


class Project:
    """A loaded project. Its parts are made when they are first needed, and overlay files are read when a target first needs them."""

    recalled: Recalled | None = None
    """A run that need not be made again."""

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
        self.renderer: Callable[[], Renderer] = InMemory
        self._extra = overrides, environment
        if like is not None:
            self.schemas, self.layering, self.outputs, self.opened_from = (
                like.schemas, like.layering, like.outputs, like.opened_from
            )  # fmt: skip

    @cached_property
    def schemas(self) -> Schemas:
        """The schemas."""
        return load_schemas(self.file)

    @property
    def catalog(self) -> Catalog:
        """The settings of the schemas."""
        return self.schemas.catalog

    @property
    def root(self) -> Node:
        """The schema of the whole configuration."""
        return self.schemas.root

    @cached_property
    def layering(self) -> Layering:
        """Folds layers into configurations."""
        return Layering(self.root, Overlays(self.files), self.schemas.secret_lines)

    @cached_property
    def outputs(self) -> Outputs:
        """The templates and conditions."""
        return Outputs(self.file, self.catalog, self.schemas.rule_check.shapes)

    @cached_property
    def dimensions(self) -> Dimensions:
        """The properties in which targets differ."""
        return Dimensions(self.file)

    @cached_property
    def limits(self) -> Limits:
        """Where the targets exist."""
        return Limits(self.file, self.dimensions, self.root, self.resolver)

    @cached_property
    def fleet(self) -> Fleet:
        """The names of all targets."""
        return Fleet(self.dimensions, self.limits)

    @cached_property
    def opened_from(self) -> dict[str, Seen]:
        """The files that were read when it was checked: weft.yaml, schemas and templates."""
        return dict(self.checked().files.trace.files)

    @cached_property
    def _extra_layers(self) -> tuple[tuple[Layer, ...], list[Problem]]:
        return extra_layers(self.root, *self._extra)

    @cached_property
    def resolver(self) -> Resolver:
        """Knows the layers of each target."""
        return Resolver(self.file, self.root, self.layering, self._extra_layers[0])

    @cached_property
    def rendering(self) -> Rendering:
        """Makes the outputs."""
        return Rendering(self.file, self.schemas, self.dimensions, self.limits, self.fleet, self.outputs)

    def checked(self) -> Project:
        """The same project, of which all parts are made now.

        Raises WeftError with every problem of weft.yaml, the schemas, the rules and the templates.
        """
        of_dimensions = (*self.dimensions.problems(), *self.resolver.problems(), *self.limits.mistakes())
        unknown = (*unknown_readers(self.file, self.catalog), *self.rendering.mistakes())
        wrong = self._extra_layers[1]
        problems = (*self.schemas.problems(), *unknown, *self.outputs.problems, *wrong, *of_dimensions)
        vars(self).setdefault("opened_from", dict(self.files.trace.files))  # before overlays are read
        if problems:
            raise WeftError(*problems)
        return self

    def __repr__(self) -> str:
        return f"<Project {self.name} in {self.folder}>"

    def with_overrides(self, overrides: Mapping[str, str], environment: Mapping[str, str] | None = None) -> Project:
        """The same project with other overrides, as `load_project` takes them, instead of its own.

        No file that this project has read is read again. Raises WeftError for overrides that cannot be used.
        """
        try:
            return Project(self.file, overrides, environment, like=self).checked()
        except WeftError as error:
            error.folder = self.folder
            raise

    def refreshed(self, changed: Collection[Path]) -> Project:
        """The same project after these overlays have changed, came or went; its schemas and templates are not read again.

        Raises WeftError for problems of the project that this causes.
        """
        again = copy.copy(self)
        again.schemas = self.schemas.again()
        again.layering = Layering(self.root, self.layering.overlays.without(changed), again.schemas.secret_lines)
        try:
            return Project(self.file, *self._extra, like=again).checked()
        except WeftError as error:
            error.folder = self.folder
            raise

    def targets(self, *globs: str) -> list[Target]:
        """The targets that the globs name (`production/*`, `**/acme`), all of them without a glob.

        Raises UsageError for a glob that matches none.
        """
        known = self.recalled
        chosen = known.targets if known is not None and known.globs == globs else self.fleet.select(globs)
        return list(map(self.of, chosen))

    def target(self, name: str = "", **values: str) -> Target:
        """One target: by its name (`"production/acme"`), by the values of its dimensions (`environment="production"`), or both.

        Raises UsageError if it does not exist.
        """
        return self.of(self.fleet.identity(name, values))

    def home(self, target: Target) -> checks.Home:
        """The cluster and the namespace of a target's objects, as its settings say."""
        known = self.recalled.run.homes.get(target.name) if self.recalled is not None else None
        return self.rendering.home(target.view) if known is None else known

    def problems(self, targets: Sequence[Target], watch: Watch = unwatched) -> list[Problem]:
        """Every problem of these targets and of their outputs, rendered in memory: everything that would stop `render`."""
        return self.run(targets, watch).problems

    @property
    def expressions(self) -> list[Expression]:
        """Every expression of the schemas and of weft.yaml."""
        return [*self.schemas.rule_check.expressions, *self.outputs.conditions]

    def run(
        self,
        targets: Sequence[Target],
        watch: Watch = unwatched,
        *,
        ask_programs: bool = False,
        renderer: Renderer | None = None,
    ) -> Run:
        """Render these targets together, with a renderer other than the project's own if one is given; a target with errors is not rendered.

        With `ask_programs`, the checks that start a program are run too.
        """
        known = self.recalled
        is_plain = renderer is None and not ask_programs
        if known is not None and is_plain and [one.identity for one in targets] == [*known.targets]:
            return known.run
        return runs.run(self.rendering, targets, renderer or self.renderer(), ask_programs=ask_programs, watch=watch)

    def render(self, targets: Sequence[Target], watch: Watch = unwatched) -> tuple[list[Rendered], list[Problem]]:
        """Every output of these targets in memory, checked, and all problems of outputs and targets.

        A target with errors is not rendered. `check_outputs` also runs the checks that start a program.
        """
        done = self.run(targets, watch)
        return done.rendered, done.problems

    def check_outputs(
        self, targets: Sequence[Target], watch: Watch = unwatched, *, ask_programs: bool = True
    ) -> checks.Outcome:
        """The same, optionally with the programs that read outputs: all problems, and how often each check ran or was skipped."""
        return self.run(targets, watch, ask_programs=ask_programs).outcome

    def write(
        self,
        targets: Sequence[Target],
        rendered: Sequence[Rendered] | Run,
        folder: Path,
        *,
        dry_run: bool = False,
        sync: bool = True,
        wait: float = 0,
        digests: Digests = content_digest,
        part: Part | None = None,
    ) -> Changes:
        """Write the results of `render` or `run` into a folder, and remove the files that these targets no longer have.

        Without `sync`, written files may be lost after a power failure. If another process writes into the folder, this waits for at most
        `wait` seconds. `digests` tells the digest of a file that is there. With a `part`, these targets are a part of a run, and the
        folder holds nothing else afterwards.

        Raises CannotRun when the folder cannot be written to or contains the project's own sources, WeftError when a foreign file would be
        overwritten.
        """
        chosen = {target.name for target in targets}
        files = of_run(rendered) if isinstance(rendered, Run) else of_rendered(rendered)
        refuse_folder(self.file, folder)
        return write(
            folder,
            files,
            lambda name: part is not None or name in chosen or not self.fleet.exists(name),
            project=self.name,
            dry_run=dry_run,
            sync=sync,
            wait=wait,
            digests=digests,
            part=part,
        )

    def of(self, identity: Identity) -> Target:
        """The target with an identity of the `fleet`."""
        return Target(identity, self)


__all__ = ["Project", "Recalled", "load_project", "open_project"]
