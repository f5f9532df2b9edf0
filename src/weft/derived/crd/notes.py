"""What a CustomResourceDefinition does not say, although the schemas do: where Weft is stricter than the cluster, or fills in more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from weft.base.paths import Path
from weft.derived.compatibility.changes import shown

ANNOTATION: Final = "weft/notes"
"""The annotation in which the definition keeps its notes, for those who see it in a cluster only."""
_MOST: Final = 200_000
"""The maximum size of the annotation in bytes; all annotations of an object together have at most 256 KiB."""


@dataclass(frozen=True, slots=True)
class Note:
    """A keyword of the schemas that is not written, or not as it is.

    `path` is the place in a configuration, with `[]` for any item and `<name>` for any key. The `text` names the keyword and the reason;
    `location` is the keyword's place in the schemas, if it has one.
    """

    path: Path
    keyword: str
    text: str
    location: str | None = None

    def __str__(self) -> str:
        place = shown(self.path) or "the configuration"
        return f"{place}: {self.text}" + (f" ({self.location})" if self.location else "")


def omitted_rule(rule: str, why: str) -> str:
    """The text about a rule that is not written."""
    return f"a rule of `x-kubernetes-validations` is omitted, because {why}: {' '.join(rule.split())}"


def annotation(notes: Iterable[Note]) -> str:
    """The notes as the text of an annotation, one a line, as many as it may contain."""
    lines = [" ".join(str(note).split()) for note in notes]
    size = 0
    for index, line in enumerate(lines):
        size += len(line.encode()) + 1
        if size > _MOST:
            return "\n".join((*lines[:index], f"and {len(lines) - index} more, which `weft schema crd` prints"))
    return "\n".join(lines)
