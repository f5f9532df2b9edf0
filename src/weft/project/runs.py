"""Runs: many targets rendered together.

A `Renderer` makes the results of targets, one after the other: `InMemory` in this process, from nothing. The package `fleet` has one
that remembers earlier results and uses several processes. A `Run` puts the results together and keeps no text; it asks the renderer again
for those that are needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from weft import checks
from weft.base import timing
from weft.base.problems import Problem
from weft.base.watching import Watch, unwatched, watched
from weft.project.rendering import Rendering, Result, Together
from weft.project.target import Target
from weft.stages.render.templates import OutputFile, Rendered, Texts


class Renderer(Protocol):
    """Makes the results of the targets of one run."""

    def results(self, targets: Sequence[Target], watch: Watch) -> Iterator[Result]:
        """The results of these targets, in their order, with or without texts."""

    @property
    def text(self) -> Texts:
        """Gives the text of an output of these results by its path."""


class InMemory:
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
    """The outputs of a number of targets, with the digests of their texts by path, and what is wrong with them."""

    targets: int
    files: Sequence[OutputFile]
    digests: Mapping[str, str]
    outcome: checks.Outcome
    text: Texts = field(repr=False)

    @property
    def problems(self) -> list[Problem]:
        """All problems of the targets and of their outputs."""
        return self.outcome.problems

    @property
    def rendered(self) -> list[Rendered]:
        """The outputs with their texts."""
        return [file.with_text(self.text(file.path)) for file in self.files]


def run(
    rendering: Rendering,
    targets: Sequence[Target],
    renderer: Renderer,
    *,
    ask_programs: bool = False,
    watch: Watch = unwatched,
) -> Run:
    """Render targets together."""
    together = Together(rendering)
    digests: dict[str, str] = {}
    for result in renderer.results(targets, watch):
        together.add(result)
        digests.update((output.path, digest) for output, digest in zip(result.outputs, result.digests, strict=True))
    with timing.CHECK:
        outcome = together.checked(renderer.text, ask_programs=ask_programs, watch=watch)
        concerned = together.concerned(outcome)
        outcome.problems = together.report(outcome, {one.name: one.view for one in targets if one.name in concerned})
    return Run(together.targets, together.files, digests, outcome, renderer.text)
