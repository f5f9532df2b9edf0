"""How the configuration of a program is, for people, health checks and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from weft.base.problems import Problem


@dataclass(frozen=True)
class Status:
    """How a configuration is: which revision it has since when, and what keeps it from a newer one.

    `origin` says where the revision came from. Since `stale_since` (seconds since 1970) the source has something that was refused, or cannot
    be read, for the reasons in `problems`. `warnings` keep nothing from being accepted: a mount that is never updated, a pinned setting that the
    source changes, a secret without a value, a folder that cannot be written, a listener of an unknown setting. `pending_restart` are settings whose new value waits for a restart, `pinned` those that an environment variable sets.
    """

    revision: int | None
    digest: str
    since: float
    origin: Literal["source", "last-good", "defaults"]
    stale_since: float | None = None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    pending_restart: tuple[str, ...] = ()
    pinned: Mapping[str, str] = field(default_factory=dict)
    refused: int = 0
    """How many revisions were refused since the start."""
    accepted: int = 1
    """How many were accepted."""

    def as_dict(self) -> dict[str, Any]:
        """The status as JSON data, without any value of a setting that is sensitive."""
        data = {name: getattr(self, name) for name in self.__dataclass_fields__}
        listed = {"problems": list(map(_listed, self.problems)), "warnings": list(map(_listed, self.warnings))}
        return data | listed | {"pinned": dict(self.pinned)}


def _listed(problem: Problem) -> dict[str, Any]:
    return problem.as_dict() | {"set_by": [f"{place.file}:{place.line}" for place in problem.related]}
