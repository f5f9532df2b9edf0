"""Runs: many targets rendered together.

A `Renderer` makes the results of targets, one after the other: `InMemory` in this process, from nothing. The package `fleet` has one
that remembers earlier results and uses several processes. A `Run` puts the results together and keeps no text; it asks the renderer again
for those that are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from weft import checks
from weft.base import timing
from weft.base.problems import Problem, has_errors
from weft.base.watching import Watch, unwatched, watched
from weft.files import yaml11
from weft.project.rendering import Rendering, Together
from weft.project.result import Result
from weft.project.target import Target
from weft.stages.render.finished import OutputFile, Rendered, Texts


class Renderer(Protocol):
    """Makes the results of the targets of one run."""

    def results(self, targets: Sequence[Target], watch: Watch) -> Iterator[Result]:
        """The results of these targets, in their order, with or without texts."""

    @property
    def text(self) -> Texts:
        """Gives the text of an output of these results by its path."""

    def documents(self, path: str) -> list[Any]:
        """The data of the YAML documents of an output of these results, for reading only. Raises yaml.YAMLError."""
        return yaml11.Documents(self.text(path)).data


class InMemory(Renderer):
    """Renders every target in this process, and keeps the texts."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def results(self, targets: Sequence[Target], watch: Watch) -> Iterator[Result]:
        """The results of these targets."""
        for target in watched(targets, "targets", watch):
            result = target.result()
            self._texts.update((output.path, text) for output, text in zip(result.outputs, result.texts, strict=True))
            yield result

    @property
    def text(self) -> Texts:
        """Gives the text of an output by its path."""
        return self._texts.__getitem__


@dataclass(frozen=True)
class Run:
    """The outputs of a number of targets, with the digests of their texts by path, and what is wrong with them.

    `homes` are those of the objects of targets without errors; `text` and `documents` are what the renderer gives for the path of an output.
    """

    targets: int
    files: Sequence[OutputFile]
    digests: Mapping[str, str]
    homes: Mapping[str, checks.Home]
    outcome: checks.Outcome
    text: Texts = field(repr=False)
    documents: Callable[[str], list[Any]] = field(repr=False)

    @property
    def problems(self) -> list[Problem]:
        """All problems of the targets and of their outputs."""
        return self.outcome.problems

    @property
    def rendered(self) -> list[Rendered]:
        """The outputs with their texts."""
        return [file.with_text(self.text(file.path)) for file in self.files]


class Gathered:
    """The results of a run as they come, without texts."""

    def __init__(self) -> None:
        self.targets = 0
        self.files: list[OutputFile] = []
        self.digests: dict[str, str] = {}
        self.homes: dict[str, checks.Home] = {}

    def add(self, result: Result) -> None:
        """Add the result of a target."""
        self.targets += 1
        self.files += result.outputs
        if not has_errors(result.problems):
            self.homes[result.target] = result.home
        self.digests.update(
            (output.path, digest) for output, digest in zip(result.outputs, result.digests, strict=True)
        )

    def run(self, outcome: checks.Outcome, renderer: Renderer) -> Run:
        """The run, with what is wrong with it."""
        return Run(len(self.homes), self.files, self.digests, self.homes, outcome, renderer.text, renderer.documents)


def run(
    rendering: Rendering,
    targets: Sequence[Target],
    renderer: Renderer,
    *,
    ask_programs: bool = False,
    watch: Watch = unwatched,
) -> Run:
    """Render targets together."""
    together, gathered = Together(rendering), Gathered()
    for result in renderer.results(targets, watch):
        together.add(result)
        gathered.add(result)
    with timing.CHECK:
        outcome = together.checked(renderer.text, ask_programs=ask_programs, watch=watch)
        concerned = together.concerned(outcome)
        outcome.problems = together.report(outcome, {one.name: one.view for one in targets if one.name in concerned})
    return gathered.run(outcome, renderer)
