"""One target of a project: its configuration, what is wrong with it, where its values come from, what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from weft.base import paths
from weft.base.problems import Place, Problem, UsageError, WeftError, did_you_mean, gather, has_errors
from weft.lint.layers import deprecated, redundant_overrides
from weft.project.provenance import Setter, leaves_of, place_of, setters
from weft.project.targets import Identity, Resolution
from weft.schema.node import MISSING
from weft.secrets.taint import mask
from weft.stages.validate import AT_KEY

if TYPE_CHECKING:
    from weft.project.project import Project
    from weft.stages.render.templates import Rendered


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
    """One target of a project. What it gives is computed when it is asked for, and kept."""

    def __init__(self, project: Project, identity: Identity) -> None:
        self.project = project
        self.name = identity.name
        self._identity = identity

    @property
    def scope(self) -> str | None:
        """The last dimension that the target's name gives a value of: `tenant` for `production/acme`."""
        return next(reversed([*self._identity.values]), None)

    @cached_property
    def resolution(self) -> Resolution:
        """The layers of the target and the values of all its dimensions."""
        return self.project.fleet.resolve(self._identity)

    @cached_property
    def config(self) -> dict[str, Any]:
        """The merged configuration with the schema's defaults; sensitive settings are references."""
        merged = self.project.fold(self.resolution.layers)[0]
        filled: dict[str, Any] = self.project.root.fill(merged)
        if self.project.schema_check.accepts(filled):
            return filled
        careful: dict[str, Any] = self.project.root.fill(merged, cautious=True)
        return careful

    def problems(self) -> list[Problem]:
        """Everything that is wrong with the target's configuration, each problem with the overlay that causes it."""
        merging = self.project.fold(self.resolution.layers)[1]
        if any(source.problems for layer in self.resolution.layers for source in layer.sources):
            found: list[Problem] = []  # a file is missing from the merge: what is wrong with the rest would be noise
        else:
            clear = {problem.path for problem in merging if problem.code == "literal-secret"}
            every = self.project.schema_check.problems(self.config)
            schema = [problem for problem in every if problem.code != "literal-secret" or problem.path not in clear]
            rules = [] if every else self.project.rule_check.problems(self.config)
            found = [*map(self._placed, (*self.resolution.problems, *schema, *rules))]
        return gather(replace(problem, targets=(self.name,)) for problem in (*merging, *found))

    def transitions(self, before: Target) -> list[Problem]:
        """Every rule over `oldSelf` that the change from an earlier revision of the target breaks."""
        found = map(self._placed, self.project.rule_check.transitions(self.config, before.config))
        return [replace(problem, targets=(self.name,)) for problem in found]

    def located(self, problem: Problem) -> Problem:
        """A problem of this target with the overlay that causes it: of the settings that `reads` names, the one set highest."""
        return replace(self._placed(problem), targets=(self.name,))

    def advice(self) -> list[Problem]:
        """Overrides that change nothing, and deprecated settings, as warnings."""
        layers = self.resolution.layers
        found = [
            *redundant_overrides(self.project.root, layers, lambda some: self.project.fold(some)[0]),
            *deprecated(self.project.root, layers),
        ]
        return [replace(problem, targets=(self.name,)) for problem in found]

    def explain(self, path: str | paths.Path) -> Explanation:
        """Where the value at a path comes from; an empty path is the whole configuration.

        Raises UsageError when there is neither a value nor a setting of that name.
        """
        exact = self.find(path) if path else ()
        explanation = self._explain(exact)
        leaves = [] if explanation.value is MISSING else [*leaves_of(explanation.value, exact)]
        items = tuple(map(self._explain, leaves)) if leaves != [exact] else ()
        return replace(explanation, items=items)

    def _explain(self, exact: paths.Path) -> Explanation:
        node = self.project.root.at(exact)
        found = setters(self.project.root, self.resolution.layers, self.config, exact)
        value = paths.get(self.config, exact) if paths.has(self.config, exact) else MISSING
        rules = tuple((rule.expression.source, rule.location) for rule, _ in self.project.rule_check.at(exact))
        hidden = tuple(replace(setter, value=mask(node, setter.value)) for setter in found)
        return Explanation(exact, mask(node, value), hidden, node.default, rules)

    def rendered(self) -> list[Rendered]:
        """The target's outputs as they are rendered, unchecked."""
        return self.project.outputs_of(self)

    def render_with(self, one: Rendered, config: Any) -> str | None:
        """The text of one output if the configuration were another; None when its template cannot make one."""
        return self.project.render_with(self, one, config)

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
            return self.project.setting_path(steps)
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
        rendered, problems = self.project.render([self])
        if has_errors(problems):
            raise WeftError(*problems)
        return {one.path: one.text for one in rendered}

    def _placed(self, problem: Problem) -> Problem:
        if problem.code == "rule-undecided":
            return self.project.in_schema(problem)  # the rule is to be mended, not the values
        path = self._exact(self._most_specific(problem))
        if problem.code == "missing-required":
            problem = self._removed(problem, path)
        place = place_of(self.project.root, self.resolution.layers, self.config, path, key=problem.code in AT_KEY)
        if problem.reads:
            others = (self._setter_of(self._exact(read)) for read in problem.reads)
            related = dict.fromkeys(other for other in others if other and other != place)
            problem = replace(problem, related=(*problem.related, *related))
        files = [source for layer in self.resolution.layers for source in layer.sources if source.path]
        if place is None and problem.code == "missing-required" and files:
            place = Place(files[-1].name, 1, 1)  # the last layer that could have set it
        return replace(problem, place=place)

    def _setter_of(self, path: paths.Path) -> Place | None:
        """Where the winning value of a setting stands; None where no file sets it."""
        found = setters(self.project.root, self.resolution.layers, self.config, path)
        return found[0].place if found else None

    def _removed(self, problem: Problem, path: paths.Path) -> Problem:
        """A required setting that a null took away is told as that."""
        found = setters(self.project.root, self.resolution.layers, self.config, path)
        if len(found) < 2 or found[0].value is not None:
            return problem
        message = f"{paths.dotted(path)} is required, and null removes it here"
        return replace(problem, message=message, related=tuple(setter.place for setter in found[1:]))

    def _most_specific(self, problem: Problem) -> str:
        """Of the settings that a broken rule reads, the one that the highest layer sets."""
        files = [source for layer in self.resolution.layers for source in layer.sources]
        ranks = {}
        for read in problem.reads:
            found = setters(self.project.root, self.resolution.layers, self.config, self._exact(read))
            ranks[read] = files.index(found[0].source) if found else -1
        best = max(ranks, key=lambda read: ranks[read], default=problem.path or "")
        return best if ranks.get(best, -1) >= 0 else problem.path or ""

    def _exact(self, pointer: str) -> paths.Path:
        """A pointer as a path into the configuration, with list indexes as numbers."""
        path: list[str | int] = []
        value: Any = self.config
        for step in paths.parse_pointer(pointer):
            key: str | int = int(step) if isinstance(value, list) and step.isdecimal() else step
            value = paths.get(value, (key,)) if paths.has(value, (key,)) else None
            path.append(key)
        return tuple(path)
