"""What one target gives on its own, which can be made in another process and kept for the next run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from weft import checks
from weft.base.problems import Problem
from weft.stages.render.finished import OutputFile, Rendered


@dataclass(frozen=True, slots=True)
class Result:
    """What a target gives on its own: its outputs, unless problems prevent them, and the answers of checks that run no program.

    `texts` and `digests` belong to the `outputs`; a result without its texts has none. `problems` are those of the target and of its
    templates. `look_alikes` are settings that seem to limit where a target exists but do not. `layers` are the names of its layers that
    have files, `sources` the names of these files. `values` are those of all dimensions.
    """

    target: str
    values: Mapping[str, str]
    home: checks.Home
    outputs: tuple[OutputFile, ...]
    digests: tuple[str, ...]
    texts: tuple[str, ...] = field(repr=False)
    answers: tuple[checks.Answer, ...]
    problems: tuple[Problem, ...]
    look_alikes: tuple[Problem, ...]
    layers: tuple[str, ...]
    sources: tuple[str, ...]

    @property
    def rendered(self) -> list[Rendered]:
        """The outputs with their texts."""
        return [output.with_text(text) for output, text in zip(self.outputs, self.texts, strict=True)]
