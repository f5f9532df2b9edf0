"""One target of a project: its configuration, its problems, the origin of its values, and its outputs."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, Protocol

from weft import checks
from weft.base import paths, timing
from weft.base.problems import Problem, UsageError, WeftError, choices, did_you_mean, has_errors
from weft.project.layering import Layering
from weft.project.outputs import Outputs, TargetView
from weft.project.placing import Placing
from weft.project.provenance import Items, Setter, leaves_of, setters
from weft.project.rendering import Judged, Rendering, Together
from weft.project.resolution import Resolution, Resolver
from weft.project.result import Result
from weft.project.schemas import Schemas
from weft.project.settings import setting_path
from weft.project.targets import Identity
from weft.report.report import Report
from weft.schema.node import MISSING
from weft.secrets.masking import Mask

_WORD: Final = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Explanation:
    """Where a value comes from.

    `value` is MISSING if nothing sets one. `setters` are the files that set or change it, the winning one first; `rules` are CEL
    expressions that read it, each with its schema location; `items` explain the leaves of a mapping or list; `unused` is the reason why
    the schema's default is not used; `now` is the new path of a renamed setting.
    """

    path: paths.Path
    value: Any
    setters: tuple[Setter, ...]
    default: Any
    rules: tuple[tuple[str, str], ...]
    items: tuple[Explanation, ...] = ()
    unused: str | None = None
    now: paths.Path | None = None

    def as_dict(self) -> dict[str, Any]:
        """The explanation as JSON data: `{path, value, origin, shadowed, default, rules}`.

        A mapping or list also has `items`, an invalid default `unused_default`, an old name `renamed_to`.
        """
        data = {
            "path": paths.dotted(self.path),
            "value": _or_null(self.value),
            "origin": self._origin,
            "shadowed": [setter.as_dict() for setter in self.setters[1:]],
            "default": _or_null(self.default),
            "rules": [{"rule": rule, "schema": location} for rule, location in self.rules],
        }
        further = {
            "unused_default": self.unused,
            "renamed_to": self.now and paths.dotted(self.now),
            "items": [item.as_dict() for item in self.items],
        }
        return data | {key: value for key, value in further.items() if value}

    @property
    def _origin(self) -> dict[str, Any] | None:
        """The winning setter as JSON data, without its value; None if no file sets the value."""
        if not self.setters:
            return None
        return {key: value for key, value in self.setters[0].as_dict().items() if key != "value"}


def _or_null(value: Any) -> Any:
    return None if value is MISSING else value


class Parts(Protocol):
    """The parts of a project that its targets need, each of which is made when it is first asked for."""

    @property
    def schemas(self) -> Schemas:
        """The schemas."""

    @property
    def layering(self) -> Layering:
        """Folds layers into configurations."""

    @property
    def resolver(self) -> Resolver:
        """Knows the layers of each target."""

    @property
    def rendering(self) -> Rendering:
        """Makes the outputs."""


class Target:
    """One target of a project. Results are computed on first use and kept."""

    def __init__(self, identity: Identity, parts: Parts) -> None:
        self.name = identity.name
        self.scope = identity.scope
        self.identity = identity
        self._parts = parts

    def __repr__(self) -> str:
        return f"<Target {self.name} of {self.schemas.folder}>"

    def again(self) -> Target:
        """The same target without the results that this one keeps."""
        return Target(self.identity, self._parts)

    @property
    def schemas(self) -> Schemas:
        """The schemas of its configuration."""
        return self._parts.schemas

    @property
    def layering(self) -> Layering:
        """Folds its layers into its configuration."""
        return self._parts.layering

    @cached_property
    def resolution(self) -> Resolution:
        """The layers of the target and the values of all its dimensions."""
        return self._parts.resolver.resolve(self.identity.values)

    @cached_property
    def config(self) -> dict[str, Any]:
        """The merged configuration with the schema's defaults; sensitive settings are references.

        It is the caller's own copy: changes to it do not affect the target.
        """
        return copy.deepcopy(self.shared_config)

    @cached_property
    def shared_config(self) -> dict[str, Any]:
        """The same configuration for internal use; it shares parts with other targets and must not be changed."""
        return self.schemas.filled(self.layering.fold(self.resolution.layers).value)

    @cached_property
    def mask(self) -> Mask:
        """Masks the configuration, and the values of its overlays, so copies may be shown to anyone."""
        files = [source.data for layer in self.resolution.layers for source in layer.sources]
        return Mask(self.schemas.root, [self.shared_config, *files])

    @cached_property
    def view(self) -> TargetView:
        """The view of the target for outputs."""
        return TargetView(self.name, self.scope, self.resolution.values, self.shared_config, self.resolution.layers)

    @property
    def outputs(self) -> Outputs:
        """The outputs that render the target's view."""
        return self._parts.rendering.outputs

    def problems(self) -> list[Problem]:
        """All problems of the target's configuration, each with the overlay that causes it."""
        with timing.MERGE:
            merging = self.layering.fold(self.resolution.layers).problems
        if any(source.problems for layer in self.resolution.layers for source in layer.sources):
            found: list[Problem] = []  # a file is missing from the merge: problems of the rest would be noise
        else:
            reported = {problem.finding for problem in merging}
            every = self.schemas.schema_check.problems(self.shared_config, shared=True)
            schema = [problem for problem in every if problem.finding not in reported]
            rules = self.schemas.rule_check.problems(
                self.shared_config, judged=_apart_from(every) if every else None, shared=True
            )
            variables = self.schemas.variable_check.problems(self.shared_config)
            wrong = (*self.resolution.problems, *schema, *rules, *variables)
            found = [self._placing.placed(problem) for problem in wrong]
        of_the_target = [self.own(problem) for problem in (*merging, *found)]
        return Report((*self.schemas.bad_defaults, *of_the_target)).problems

    def result(self) -> Result:
        """What the target gives on its own: its problems, and its outputs if nothing prevents rendering."""
        with timing.VALIDATE:
            problems = tuple(self.problems())
        view = None if has_errors(problems) else self.view
        return self._parts.rendering.one(Judged(self.name, self.resolution, problems, view))

    def transitions(self, before: Target) -> list[Problem]:
        """A problem for each rule with `oldSelf` that the change from an earlier revision of the target breaks."""
        return [
            self.located(found)
            for found in self.schemas.rule_check.transitions(self.shared_config, before.shared_config)
        ]

    def located(self, problem: Problem) -> Problem:
        """A problem of this target with the overlay that causes it: if `reads` names settings, of the one set by the highest layer."""
        return self.own(self._placing.placed(problem))

    def own(self, problem: Problem) -> Problem:
        """A placed problem for this target; its line is hidden if it may contain a secret."""
        guarded = self.schemas.secret_lines.guard(problem)
        return guarded if guarded.targets == (self.name,) else replace(guarded, targets=(self.name,))

    def explain(self, path: str | paths.Path) -> Explanation:
        """The origin of the value at a path; an empty path is the whole configuration.

        Raises UsageError if there is neither a value nor a setting with that name.
        """
        exact = self.find(path) if path else ()
        explanation = self._explain(exact)  # its value is masked: a value hidden as a whole has no leaves
        leaves = [] if explanation.value is MISSING else [*leaves_of(explanation.value, exact)]
        items = tuple(map(self._explain, leaves)) if leaves != [exact] else ()
        return replace(explanation, items=items)

    def find(self, path: str | paths.Path) -> paths.Path:
        """The exact path of a setting, from a path without brackets around keys with dots.

        Raises UsageError if there is neither a value nor a setting with that name.
        """
        try:
            steps = paths.parse_dotted(path) if isinstance(path, str) else path
        except ValueError as error:
            raise UsageError(Problem("bad-path", str(error))) from None
        try:
            return paths.follow(self.shared_config, steps)
        except KeyError as error:
            found: paths.Path = error.args[0]
        try:
            return setting_path(self.schemas.root, steps)
        except UsageError:
            raise UsageError(self._unknown(steps, found)) from None

    def _unknown(self, steps: paths.Path, found: paths.Path) -> Problem:
        """The problem of a path of which only the first steps are found."""
        shown = self.mask(self.schemas.root, self.shared_config)
        around = paths.get(shown, found) if paths.has(shown, found) else None
        step = str(steps[len(found)])
        where = f"in {paths.dotted(found)}" if found else "at the top level"
        hint = did_you_mean(step, around) if isinstance(around, Mapping) else None
        some = f"choose from {choices(around)}" if isinstance(around, Mapping) and around else None
        hint = hint or _elsewhere(shown, steps) or some
        return Problem("unknown-path", f"{self.name} has no setting `{step}` {where}", hint=hint)

    def render(self) -> dict[str, str]:
        """The target's outputs: path below the output folder to text.

        Raises WeftError with every problem if there are errors.
        """
        result, together = self.result(), Together(self._parts.rendering)
        together.add(result)
        texts = checks.texts_of(result.rendered)
        outcome = together.checked(texts, ask_programs=False)
        problems = together.report(outcome, {self.name: self.view} if result.outputs else {})
        if has_errors(problems):
            raise WeftError(*problems)
        return {one.path: one.text for one in result.rendered}

    def _explain(self, exact: paths.Path) -> Explanation:
        root = self.schemas.root
        node = root.at(exact)
        now = root.catalog.renames.destination(exact)
        found = setters(root, self.resolution.layers, self.shared_config, now, self._items)
        value = paths.get(self.shared_config, exact) if paths.has(self.shared_config, exact) else MISSING
        rules = tuple((rule.expression.source, rule.location) for rule, _ in self.schemas.rule_check.at(exact))
        unused = self.schemas.bad_default(node)
        named = root.at(now)
        return Explanation(
            exact,
            self.mask(node, value),
            tuple(replace(setter, value=self.mask(named, setter.value)) for setter in found),
            self.mask(named, named.default),
            rules,
            unused=unused.message if unused else None,
            now=now if now != exact else None,
        )

    @cached_property
    def _items(self) -> Items:
        return Items()  # an explanation asks for every item of a list

    @cached_property
    def _placing(self) -> Placing:
        layers = self.resolution.layers
        return Placing(self.schemas.folder, self.schemas.root, layers, self.shared_config, (self.name,))


def _apart_from(problems: Iterable[Problem]) -> Callable[[paths.Path], bool]:
    """Whether a setting has nothing to do with these problems: they are not about it, nor about what lies above or below it."""
    wrong = {tuple(paths.parse_pointer(problem.path or "")) for problem in problems}
    around = {path[:length] for path in wrong for length in range(len(path) + 1)}

    def is_apart(path: paths.Path) -> bool:
        steps = tuple(map(str, path))
        return steps not in around and not any(steps[:length] in wrong for length in range(len(steps)))

    return is_apart


def _elsewhere(config: Any, steps: paths.Path) -> str | None:
    """A hint of the settings with the same words in their path: `max_replicas` may mean `app.replicas.max`."""
    wanted = _words(steps)
    known = dict.fromkeys(path[:length] for path, _ in paths.leaves(config) for length in range(1, len(path) + 1))
    same = [path for path in known if path[-len(steps) :] == steps]
    shortest = _outermost(same or [path for path in known if wanted <= _words(path)])
    return f"did you mean {choices(shortest, 4)}?" if shortest else None


def _outermost(every: Iterable[paths.Path]) -> list[str]:
    """The dotted paths that are not inside another one of them."""
    names = list(map(paths.dotted, every))
    return [name for name in names if not any(name.startswith(f"{other}.") for other in names)]


def _words(path: paths.Path) -> set[str]:
    return set(_WORD.findall(paths.dotted(path).casefold()))
