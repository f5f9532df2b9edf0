"""Outputs: the entries of weft.yaml's `outputs`, compiled once; which of them a target has, and the texts they make."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from weft import checks
from weft.base.overlay import PLACEHOLDER
from weft.base.problems import Place, Problem, WeftError, did_you_mean
from weft.lint.templates import problems_of
from weft.project.entries import Output
from weft.project.projectfile import ProjectFile
from weft.rules import Expression, Request, Shapes, Undecided, compiled, holds
from weft.schema.node import Node
from weft.secrets.taint import for_template
from weft.stages.render.templates import Rendered, Templates
from weft.version import __version__

if TYPE_CHECKING:
    from weft.project.target import Target


class Outputs:
    """All outputs of a project. `problems` is what keeps some of them from ever being rendered."""

    def __init__(self, file: ProjectFile, root: Node, shapes: Shapes) -> None:
        self._file = file
        self._root = root
        self._shapes = shapes
        self._templates = Templates(file.folder / file.templates, file.templates)
        self._conditions: dict[int, Expression] = {}
        self.problems = tuple(self._compile())

    def of(self, target: Target) -> tuple[list[Rendered], list[Problem]]:
        """The outputs of a target, rendered but not yet checked, and what went wrong."""
        finished: list[Rendered] = []
        problems: list[Problem] = []
        contexts: dict[bool, Mapping[str, Any]] = {}
        for output in self._file.outputs:
            try:
                if not self._has(target, output):
                    continue
                path = self._path(target, output)
                if output.secrets not in contexts:
                    contexts[output.secrets] = self._context(target, reveal=output.secrets)
                text = self._templates.render(output.template, {**contexts[output.secrets], "output_path": path})
                if isinstance(text, Problem):
                    problems.append(replace(text, targets=(target.name,)))
                else:
                    finished.append(_rendered(output, target.name, path, text))
            except WeftError as error:
                problems += error.problems
        return finished, problems

    @property
    def conditions(self) -> list[Expression]:
        """The conditions of all outputs that have one."""
        return list(self._conditions.values())

    def judged(self) -> list[Problem]:
        """What is wrong with the templates, judged by their syntax trees beside the schema."""
        return problems_of(self._templates, self._file.outputs, self._root)

    def paths_of(self, target: Target) -> Iterator[str]:
        """The paths of a target's outputs, without rendering them."""
        for output in self._file.outputs:
            with contextlib.suppress(WeftError):  # which rendering tells
                if self._has(target, output):
                    yield self._path(target, output)

    def render_with(self, target: Target, one: Rendered, config: Any) -> str | None:
        """The text of one output if the configuration were another; None when its template cannot make one."""
        context = {**self._context(target, reveal=one.secrets, config=config), "output_path": one.path}
        text = self._templates.render(one.template, context)
        return None if isinstance(text, Problem) else text

    def template_line(self, target: Target, one: Rendered, line: int) -> Place | None:
        """The line of its template that made a line of an output."""
        context = {**self._context(target, reveal=one.secrets), "output_path": one.path}
        return self._templates.line_of(one.template, context, line)

    def collisions(self, finished: Sequence[Rendered]) -> Iterator[Problem]:
        """Two outputs that would overwrite each other."""
        first: dict[str, Rendered] = {}
        told: dict[tuple[int, int], Problem] = {}
        for one in finished:
            other = first.setdefault(one.path, one)
            if other is one:
                continue
            pair = (other.entry, one.entry)
            if pair in told:
                targets = tuple(dict.fromkeys((*told[pair].targets, other.target, one.target)))
                told[pair] = replace(told[pair], targets=targets)
                continue
            if other.entry == one.entry:
                who, hint = f"targets {other.target} and {one.target}", "add a `scope`, or a placeholder to the path"
            else:
                who, hint = f"`{other.template}` and `{one.template}`", "give them different paths"
            place = self._file.place("outputs", one.entry, "path")
            targets = tuple(dict.fromkeys((other.target, one.target)))
            told[pair] = Problem("same-path", f"{who} both write {one.path}", place=place, targets=targets, hint=hint)
        yield from told.values()
        for one in finished:
            below = next((str(parent) for parent in PurePosixPath(one.path).parents if str(parent) in first), None)
            pair = (-1, one.entry)
            if below and pair not in told:
                told[pair] = Problem("same-path", "")
                message = f"{one.path} cannot be written: {below} is a file that `{first[below].template}` writes"
                place = self._file.place("outputs", one.entry, "path")
                yield Problem(
                    "same-path", message, place=place, targets=(one.target,), hint="give them different paths"
                )

    def _compile(self) -> Iterator[Problem]:
        for output in self._file.outputs:
            problem = self._templates.check(output.template)
            if problem:
                yield (
                    problem
                    if problem.place
                    else self._problem(output, "template", problem.code, problem.message, problem.hint)
                )
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

    def _has(self, target: Target, output: Output) -> bool:
        """Whether a target has an output, by `scope` and `when`."""
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

    def _path(self, target: Target, output: Output) -> str:
        values = target.resolution.values
        *folders, name = PurePosixPath(output.path).parts
        for absent in PLACEHOLDER.findall(name):
            if absent not in values:
                message = f"the file name needs `{{{absent}}}`, and some targets have none"
                hint = f"add `scope: {absent}`, or put the placeholder into a folder, which is then left out"
                raise WeftError(self._problem(output, "path", "output-path", message, hint, target))
        kept = [step for step in (*folders, name) if all(found in values for found in PLACEHOLDER.findall(step))]
        return "/".join(PLACEHOLDER.sub(lambda match: values[match[1]], step) for step in kept)

    def _context(self, target: Target, *, reveal: bool, config: Any = None) -> dict[str, Any]:
        """What a template sees: the domains by their names, and ours, which win over a domain of the same name."""
        config = for_template(self._root, target.config if config is None else config, reveal)
        return {
            **config,
            "config": config,
            "target": {"name": target.name, **target.resolution.values},
            "project": self._file.project,
            "weft_version": __version__,
        }

    def _problem(
        self, output: Output, field: str, code: str, message: str, hint: str | None = None, target: Target | None = None
    ) -> Problem:
        place = self._file.place("outputs", output.index, field)
        return Problem(code, message, place=place, targets=(target.name,) if target else (), hint=hint)


def _rendered(output: Output, target: str, path: str, text: str) -> Rendered:
    return Rendered(path, text, target, output.template, output.index, output.checks, output.secrets)
