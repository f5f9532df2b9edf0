"""Outputs: the entries of weft.yaml's `outputs`, compiled once; which of them a target has, and their texts.

Templates and conditions are compiled when the project is opened. After that, an output needs only a `TargetView` of a target: plain,
frozen data, so rendering code cannot access more.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, Final

from weft import checks
from weft.base.overlay import PLACEHOLDER, Layer
from weft.base.paths import Path as SettingPath
from weft.base.problems import Place, Problem, WeftError, did_you_mean
from weft.project.bundling import Bundling
from weft.project.entries import Output
from weft.project.projectfile import ProjectFile
from weft.rules import Expression, Request, Shapes, Undecided, compiled, holds
from weft.schema.catalog import Catalog
from weft.secrets.taint import Views, noting
from weft.stages.render.finished import OutputFile, Rendered
from weft.stages.render.templates import Templates
from weft.stages.render.unset import TargetNames, Wanted
from weft.stages.write.record import refusal
from weft.version import __version__

_LONGEST: Final = 255
"""The maximum length of a file name, in bytes, on all common file systems."""
_HALF: Final = re.compile(r"\\(u|U0000)[dD][89abABc-fC-F]")
"""The escape of half a surrogate pair in a template."""


@dataclass(frozen=True, slots=True)
class TargetView:
    """What outputs see of a target: its name, the last dimension that the name gives, its dimension values, its configuration.

    Its `layers` are asked only for where a setting comes from.
    """

    name: str
    scope: str | None
    values: Mapping[str, str]
    config: Mapping[str, Any] = field(repr=False)
    layers: Sequence[Layer] = field(repr=False)


class Outputs:
    """All outputs of a project. `problems` are those that prevent some of them from being rendered."""

    def __init__(self, file: ProjectFile, catalog: Catalog, shapes: Shapes) -> None:
        self._file = file
        self._root = catalog.root
        self._bundling = Bundling(catalog, file.project)
        self._shapes = shapes
        self.templates = Templates(file.files, file.templates)
        self._dimensions = [dimension.name for dimension in file.dimensions]
        self._conditions: dict[int, Expression] = {}
        self._views = {reveal: Views(reveal=reveal) for reveal in (False, True)}
        self.problems = tuple(self._compile())

    def rendered(self, target: TargetView) -> tuple[list[Rendered], list[Problem]]:
        """The outputs of a target, rendered but not yet checked, and the problems."""
        finished: list[Rendered] = []
        problems: list[Problem] = []
        contexts: dict[bool, Mapping[str, Any]] = {}
        for output in self._file.outputs:
            try:
                if not self._has(target, output):
                    continue
                path = self._path(target, output)
            except WeftError as error:
                problems += error.problems
                continue
            if output.secrets not in contexts:
                contexts[output.secrets] = self._context(target, reveal=output.secrets)
            context = {**contexts[output.secrets], "output_path": path}
            text = self.templates.render(output.template, context)
            text = self._writable(output.template, text) if isinstance(text, str) else text
            if isinstance(text, Problem):
                others = self.templates.unset(output.template, context) if text.traits.hides_others else []
                problems += [replace(problem, targets=(target.name,)) for problem in dict.fromkeys([text, *others])]
            else:
                finished.append(_rendered(output, target, path, text))
        return finished, problems

    def _writable(self, template: str, text: str) -> str | Problem:
        """The text of a template, or why no file can contain it."""
        try:
            text.encode()
        except UnicodeEncodeError:
            source = self.templates.tree(template)[1]
            found = _HALF.search(source)  # half a character can come from no other file
            start = found.start() if found else 0
            line, column = source.count("\n", 0, start) + 1, start - source.rfind("\n", 0, start)
            message = "it produces half of a surrogate pair, which no file can contain"
            hint = "write the character itself, or both halves of its escape"
            place = Place(f"{self.templates.name}/{template}", line, column)
            return Problem("template-failed", message, place=place, hint=hint)
        return text

    def condition(self, output: Output) -> Expression | None:
        """The condition of an output, if it has one."""
        return self._conditions.get(output.index)

    @property
    def conditions(self) -> list[Expression]:
        """The conditions of all outputs that have one."""
        return list(self._conditions.values())

    def paths(self, target: TargetView) -> Iterator[str]:
        """The paths of a target's outputs, without rendering them."""
        for output in self._file.outputs:
            with contextlib.suppress(WeftError):  # rendering reports it
                if self._has(target, output):
                    yield self._path(target, output)

    def text(self, target: TargetView, finished: OutputFile) -> str | None:
        """The text of an output for a target; None if its template fails."""
        text = self.templates.render(finished.template, self._context_of(target, finished))
        return None if isinstance(text, Problem) else text

    def reading(self, target: TargetView, finished: OutputFile) -> tuple[str | None, set[SettingPath]]:
        """The same text, and the settings whose value the template reads, in whatever way: no other setting can change the text."""
        read: set[SettingPath] = set()
        config = noting(self._config(target, reveal=finished.secrets), read)
        context = {**self._variables(target, config), "output_path": finished.path}
        text = self.templates.render(finished.template, context)
        return None if isinstance(text, Problem) else text, read

    def template_line(self, target: TargetView, finished: OutputFile, line: int) -> Place | None:
        """The line of the template that produced a line of an output."""
        return self.templates.line_of(finished.template, self._context_of(target, finished), line)

    def _compile(self) -> Iterator[Problem]:
        for output in self._file.outputs:
            problem = self.templates.check(output.template)
            if problem:
                place = problem.place or self._file.place("outputs", output.index, "template")
                yield replace(problem, place=place)
            for name in output.checks:
                if not checks.exists(name):
                    hint = did_you_mean(name, checks.names())
                    yield self._problem(output, "check", "unknown-check", f"there is no check `{name}`", hint)
        yield from self._compile_conditions()

    def _compile_conditions(self) -> Iterator[Problem]:
        conditional = [(output, output.when) for output in self._file.outputs if output.when is not None]
        results = compiled([Request(source, self._root) for _, source in conditional], self._shapes)
        for (output, _), result in zip(conditional, results, strict=True):
            if isinstance(result, Expression):
                self._conditions[output.index] = result
                continue
            for mistake in result:
                place = self._file.place("outputs", output.index, "when", within=(mistake.line, mistake.column))
                yield replace(mistake.problem("condition"), place=place)

    def _has(self, target: TargetView, output: Output) -> bool:
        """True if a target has an output, by `scope` and `when`. Raises WeftError if that cannot be decided."""
        if output.scope is not None and target.scope != output.scope:
            return False
        condition = self._conditions.get(output.index)
        if condition is None:
            return True
        try:
            return holds(condition, self._root, target.config)
        except Undecided as reason:
            message = f"the condition cannot be decided: {reason}"
            raise WeftError(self._problem(output, "when", "rule-undecided", message, reason.hint(), target)) from None

    def _path(self, target: TargetView, output: Output) -> str:
        """The path of an output, without the folders whose placeholder has no value; raises WeftError if the file name has one."""
        values = target.values
        *folders, name = PurePosixPath(output.path).parts
        for absent in PLACEHOLDER.findall(name):
            if absent not in values:
                message = f"the file name needs `{{{absent}}}`, and some targets have no value"
                hint = f"add `scope: {absent}`, or put the placeholder into a folder, which is then omitted"
                raise WeftError(self._problem(output, "path", "output-path", message, hint, target))
        kept = [step for step in (*folders, name) if all(found in values for found in PLACEHOLDER.findall(step))]
        path = "/".join(PLACEHOLDER.sub(lambda match: values[match[1]], step) for step in kept)
        refused = refusal(path)
        if refused is not None:
            code, message, hint = refused
            raise WeftError(self._problem(output, "path", code, message, hint, target))
        return path

    def _context_of(self, target: TargetView, finished: OutputFile) -> dict[str, Any]:
        return {**self._context(target, reveal=finished.secrets), "output_path": finished.path}

    def _context(self, target: TargetView, *, reveal: bool) -> dict[str, Any]:
        return self._variables(target, self._config(target, reveal=reveal))

    def _config(self, target: TargetView, *, reveal: bool) -> Mapping[str, Any]:
        """The configuration of a target as templates see it."""
        config: Mapping[str, Any] = self._views[reveal].of(self._root, target.config)
        return config

    def _variables(self, target: TargetView, config: Mapping[str, Any]) -> dict[str, Any]:
        """The variables of a template: the domains by name, and Weft's own names, which take precedence."""
        return {
            **config,
            "config": config,
            "target": TargetNames({"name": target.name, **target.values}, self._dimensions, self._bundle(target)),
            "project": self._file.project,
            "weft_version": __version__,
        }

    def _bundle(self, target: TargetView) -> Callable[[Wanted], dict[str, str]]:
        """What the filter `bundle` calls: the files for the values that a template may see."""
        return lambda wanted: self._bundling.files(target.name, wanted, target.config, target.layers)

    def _problem(
        self,
        output: Output,
        field: str,
        code: str,
        message: str,
        hint: str | None = None,
        target: TargetView | None = None,
    ) -> Problem:
        place = self._file.place("outputs", output.index, field)
        return Problem(code, message, place=place, targets=(target.name,) if target else (), hint=hint)


def _rendered(output: Output, target: TargetView, path: str, text: str) -> Rendered:
    return Rendered(path, target.name, output.template, output.index, output.checks, output.secrets, text=text)
