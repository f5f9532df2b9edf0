"""Which schema applies to which files, independent of editors."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass


@dataclass(frozen=True)
class Association:
    """A schema with the globs of its files; all paths are relative to the project, with `/`."""

    name: str
    schema: str
    globs: tuple[str, ...]

    @property
    def yaml(self) -> list[str]:
        """The globs of YAML files."""
        return [glob for glob in self.globs if not glob.endswith(".json")]

    @property
    def json(self) -> list[str]:
        """The globs of JSON files."""
        return [glob for glob in self.globs if glob.endswith(".json")]

    @property
    def url(self) -> str:
        """The schema as a relative path for editors: without the dot, some read the first folder as a workspace's name."""
        return f"./{self.schema}"

    def is_named(self, text: object) -> bool:
        """True if a user's settings refer to this schema."""
        return isinstance(text, str) and posixpath.normpath(text.removeprefix("${workspaceFolder}/")) == self.schema
