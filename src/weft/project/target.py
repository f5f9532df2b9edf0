"""One target of a project: its configuration, what is wrong with it, where its values come from, what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from weft.base import paths
from weft.base.problems import Problem, UsageError, WeftError, did_you_mean, has_errors
from weft.project.layering import Layering
from weft.project.outputs import Outputs, TargetView
from weft.project.placing import Placing
from weft.project.provenance import Setter, leaves_of, setters
from weft.project.rendering import Judged, Rendering
from weft.project.resolution import Resolution, Resolver
from weft.project.schemas import Schemas
from weft.project.settings import setting_path
from weft.project.targets import Identity
from weft.report.report import Report
from weft.schema.node import MISSING
from weft.secrets.masking import Mask


@dataclass(frozen=True)
class Explanation:
    """Where a value comes from.

    `value` is MISSING when nothing gives one. `setters` are the files that say something about it, the winning one first;
    `rules` are CEL expressions that read it, each with its schema location; `items` explain the leaves of a mapping or list.
    """

    path: paths.Path
    value: Any
    setters: tuple[Setter, ...]
    default: Any
    rules: tuple[tuple[str, str], ...]
    items: tuple[Explanation, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The explanation as JSON data: `{path, value, origin, shadowed, default, rules}`, and `items` of a mapping or list."""
        entries = [setter.as_dict() for setter in self.setters]
        origin = {key: value for key, value in entries[0].items() if key != "value"} if entries else None
        data = {
            "path": paths.dotted(self.path),
            "value": None if self.value is MISSING else self.value,
            "origin": origin,
            "shadowed": entries[1:],
            "default": None if self.default is MISSING else self.default,
            "rules": [{"rule": rule, "schema": location} for rule, location in self.rules],
        }
        return data | ({"items": [item.as_dict() for item in self.items]} if self.items else {})


class Target:
    """One target of a project. What it gives is computed when it is asked for, and kept.

    It knows the parts of its project that it is made of: what the `schemas` say, how layers are folded (`layering`) and found, and
    what makes its outputs.
    """

    def __init__(
        self, identity: Identity, schemas: Schemas, layering: Layering, resolver: Resolver, rendering: Rendering
    ) -> None:
        self.name = identity.name
        self.scope = identity.scope
        self.schemas = schemas
        self.layering = layering
        self._identity = identity
        self._resolver = resolver
        self._rendering = rendering

    @cached_property
    def resolution(self) -> Resolution:
        """The layers of the target and the values of all its dimensions."""
        return self._resolver.resolve(self._identity.values)

    @cached_property
    def config(self) -> dict[str, Any]:
        """The merged configuration with the schema's defaults; sensitive settings are references."""
        return self.schemas.filled(self.layering.fold(self.resolution.layers).value)

    @cached_property
    def mask(self) -> Mask:
        """What makes copies of the configuration, and of what its overlays say, that may be shown to anybody."""
        files = [source.data for layer in self.resolution.layers for source in layer.sources]
        return Mask(self.schemas.root, [self.config, *files])

    @cached_property
    def view(self) -> TargetView:
        """What outputs see of the target."""
        return TargetView(self.name, self.scope, self.resolution.values, self.config)

    @property
    def outputs(self) -> Outputs:
        """What renders the target's view."""
        return self._rendering.outputs

    def problems(self) -> list[Problem]:
        """Everything that is wrong with the target's configuration, each problem with the overlay that causes it."""
        merging = self.layering.fold(self.resolution.layers).problems
        if any(source.problems for layer in self.resolution.layers for source in layer.sources):
            found: list[Problem] = []  # a file is missing from the merge: what is wrong with the rest would be noise
        else:
            reported = {problem.finding for problem in merging}
            every = self.schemas.schema_check.problems(self.config)
            schema = [problem for problem in every if problem.finding not in reported]
            rules = [] if every else self.schemas.rule_check.problems(self.config)
            found = [self._placing.placed(problem) for problem in (*self.resolution.problems, *schema, *rules)]
        return Report([self.own(problem) for problem in (*merging, *found)]).problems

    def judged(self) -> Judged:
        """The target's problems, with its view where nothing keeps it from being rendered."""
        problems = tuple(self.problems())
        return Judged(self.resolution, problems, None if has_errors(problems) else self.view)

    def transitions(self, before: Target) -> list[Problem]:
        """Every rule over `oldSelf` that the change from an earlier revision of the target breaks."""
        return [self.located(found) for found in self.schemas.rule_check.transitions(self.config, before.config)]

    def located(self, problem: Problem) -> Problem:
        """A problem of this target with the overlay that causes it: of the settings that `reads` names, the one set highest."""
        return self.own(self._placing.placed(problem))

    def own(self, problem: Problem) -> Problem:
        """A problem that was placed, as one of this target; its line is hidden where it may hold a secret."""
        return replace(self.schemas.secret_lines.guard(problem), targets=(self.name,))

    def explain(self, path: str | paths.Path) -> Explanation:
        """Where the value at a path comes from; an empty path is the whole configuration.

        Raises UsageError when there is neither a value nor a setting of that name.
        """
        exact = self.find(path) if path else ()
        explanation = self._explain(exact)  # whose value is masked: what is hidden as a whole has no leaves
        leaves = [] if explanation.value is MISSING else [*leaves_of(explanation.value, exact)]
        items = tuple(map(self._explain, leaves)) if leaves != [exact] else ()
        return replace(explanation, items=items)

    def find(self, path: str | paths.Path) -> paths.Path:
        """The exact path of a setting, from one that leaves out the brackets around keys with dots.

        Raises UsageError when there is neither a value nor a setting of that name.
        """
        try:
            steps = paths.parse_dotted(path) if isinstance(path, str) else path
        except ValueError as error:
            raise UsageError(Problem("bad-path", str(error))) from None
        try:
            return paths.follow(self.config, steps)
        except KeyError as error:
            found: paths.Path = error.args[0]
        try:
            return setting_path(self.schemas.root, steps)
        except UsageError:
            around = paths.get(self.config, found)
            step = str(steps[len(found)])
            where = f"in {paths.dotted(found)}" if found else "at the top level"
            hint = did_you_mean(step, around) if isinstance(around, Mapping) else None
            raise UsageError(
                Problem("unknown-path", f"{self.name} has no setting `{step}` {where}", hint=hint)
            ) from None

    def render(self) -> dict[str, str]:
        """The target's outputs: path below the output folder to text.

        Raises WeftError with every problem when anything is wrong.
        """
        rendered, outcome = self._rendering.render([self.judged()], ask_programs=False)
        if has_errors(outcome.problems):
            raise WeftError(*outcome.problems)
        return {one.path: one.text for one in rendered}

    def _explain(self, exact: paths.Path) -> Explanation:
        root = self.schemas.root
        node = root.at(exact)
        found = setters(root, self.resolution.layers, self.config, exact)
        value = paths.get(self.config, exact) if paths.has(self.config, exact) else MISSING
        rules = tuple((rule.expression.source, rule.location) for rule, _ in self.schemas.rule_check.at(exact))
        hidden = tuple(replace(setter, value=self.mask(node, setter.value)) for setter in found)
        shown, default = self.mask(node, value), self.mask(node, node.default)
        return Explanation(exact, shown, hidden, default, rules)

    @cached_property
    def _placing(self) -> Placing:
        return Placing(self.schemas.folder, self.schemas.root, self.resolution.layers, self.config)
