"""What rendering gives: files, with their texts or without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OutputFile:
    """One file of a target without its text: `path` is relative to the output folder, with `/`.

    `entry` is the position of its output in weft.yaml, `checks` the checks of that output, `secrets` whether it may contain secrets.
    """

    path: str
    target: str
    template: str
    entry: int
    checks: tuple[str, ...] = ()
    secrets: bool = False

    def with_text(self, text: str) -> Rendered:
        """The finished file."""
        return Rendered(self.path, self.target, self.template, self.entry, self.checks, self.secrets, text=text)


@dataclass(frozen=True, slots=True)
class Rendered(OutputFile):
    """One finished file."""

    text: str = field(kw_only=True)

    @property
    def header(self) -> OutputFile:
        """The same file without its text."""
        return OutputFile(self.path, self.target, self.template, self.entry, self.checks, self.secrets)


Texts = Callable[[str], str]
"""Gives the text of an output of a run, by its path."""
