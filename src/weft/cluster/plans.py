"""A plan as data: what a deploy would do to each object of each target, and why it could not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from weft.base.problems import Problem, has_errors
from weft.cluster.client import Client
from weft.cluster.connections import Beginning
from weft.cluster.fields import Change
from weft.cluster.inventory import Inventory
from weft.cluster.manifests import Key, Manifest
from weft.cluster.ownership import MARKS, Settled
from weft.cluster.secret_data import Secrets
from weft.project.target import Target

_MARKS: Final = (*MARKS, ("f:metadata", "f:managedFields"))


class Action(StrEnum):
    """What happens to an object."""

    CREATE = "create"
    CHANGE = "change"
    REMOVE = "remove"
    KEEP = "keep"
    UNCHANGED = "unchanged"


@dataclass
class Step:
    """One object of a plan.

    `data` is what is sent. `untried` says why the server was not asked about it; `reason` says why it is kept. `changes` never contain
    values of Secrets.
    """

    key: Key
    action: Action
    manifest: Manifest | None = None
    live: Mapping[str, Any] | None = field(default=None, repr=False)
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)
    settled: Settled | None = None
    changes: tuple[Change, ...] = ()
    problems: list[Problem] = field(default_factory=list)
    untried: str = ""
    reason: str = ""

    @property
    def visible_changes(self) -> list[Change]:
        """The changes that people care about: not the marks of Weft itself."""
        return [change for change in self.changes if change.path not in _MARKS]

    @property
    def alters(self) -> bool:
        """True if a deploy changes the object, and does not only mark it as Weft's."""
        return self.writes and (self.action is not Action.CHANGE or bool(self.visible_changes))

    @property
    def writes(self) -> bool:
        """True if a deploy writes or removes the object."""
        return self.action in (Action.CREATE, Action.CHANGE, Action.REMOVE)


@dataclass
class TargetPlan:
    """The plan of one target. `problems` are those of the target as a whole; those of objects are in their steps.

    `unreadable` are objects that the user may not read; a `rebuilt` inventory comes from the labels of objects.
    """

    target: Target
    client: Client
    namespace: str
    inventory: Inventory
    steps: list[Step] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unreadable: list[Key] = field(default_factory=list)
    rebuilt: bool = False

    @property
    def name(self) -> str:
        """The name of the target."""
        return self.target.name

    @property
    def every_problem(self) -> list[Problem]:
        """All problems of the target and its objects."""
        return [*self.problems, *(problem for step in self.steps for problem in step.problems)]

    @property
    def is_refused(self) -> bool:
        """True if the target cannot be deployed."""
        return has_errors(self.every_problem)

    @property
    def writes(self) -> list[Step]:
        """What a deploy does."""
        return [step for step in self.steps if step.writes]

    @property
    def counts(self) -> Counter[str]:
        """The number of objects for each action."""
        return Counter(str(step.action) for step in self.steps)

    @property
    def manifests(self) -> list[Manifest]:
        """The rendered objects."""
        return [step.manifest for step in self.steps if step.manifest is not None]

    @property
    def removed_share(self) -> float:
        """The percentage of the existing objects that would be removed."""
        known = len(self.inventory.objects)
        return 100 * sum(step.action is Action.REMOVE for step in self.steps) / known if known else 0.0


@dataclass
class Plan:
    """The plans of some targets, environments before their tenants.

    `asked` says whether the server tried every object; `beginnings` are the clusters that get their note.
    """

    targets: list[TargetPlan]
    asked: bool
    warnings: list[Problem] = field(default_factory=list)
    secrets: Secrets = field(default_factory=Secrets, repr=False)
    beginnings: list[Beginning] = field(default_factory=list)

    @property
    def problems(self) -> list[Problem]:
        """All problems."""
        return [*self.warnings, *(problem for target in self.targets for problem in target.every_problem)]

    @property
    def alters(self) -> bool:
        """True if a deploy would change what an object says."""
        return any(step.alters for target in self.targets for step in target.steps)

    @property
    def differs(self) -> bool:
        """True if a deploy would change anything."""
        return any(target.writes for target in self.targets)


@dataclass(frozen=True)
class Options:
    """How to plan.

    `server` tries every object; `resolve` replaces references by secrets; `allow_environment` names environments that may be deployed into a
    cluster of another one; `rebuild` makes inventories again from labels; `force` takes fields of other managers that nothing else decides;
    `heeds_pins` refuses to change a target that somebody rolled back, as a deploy does without `--unpin`.
    """

    server: bool = False
    resolve: bool = False
    allow_environment: tuple[str, ...] = ()
    rebuild: bool = False
    force: bool = False
    heeds_pins: bool = False
