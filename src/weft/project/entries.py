"""The entries of weft.yaml as frozen values: dimensions, outputs, readers, waivers.

They contain only what is written there; `projectfile` reads and checks them. `targets` later finds the values of dimensions that come
from files or settings.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from weft.base.paths import Path as SettingPath


@dataclass(frozen=True, slots=True)
class Dimension:
    """A property in which targets differ; exactly one of `values`, `files` and `setting` is given.

    `limits` are the settings that list the values of other dimensions with which a value exists; None if weft.yaml does not name any.
    """

    name: str
    values: tuple[str, ...] = ()
    aliases: Mapping[str, str] | None = None
    files: str | None = None
    setting: SettingPath | None = None
    optional: bool = False
    limits: Mapping[str, SettingPath] | None = None


@dataclass(frozen=True, slots=True)
class Homes:
    """The settings that say in which cluster and namespace the objects of a target live; None if weft.yaml does not name one."""

    cluster: SettingPath | None = None
    namespace: SettingPath | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """One entry of `outputs`; `index` is its position in weft.yaml."""

    index: int
    template: str
    path: str
    scope: str | None
    when: str | None
    checks: tuple[str, ...]
    secrets: bool
    apply: bool = False


@dataclass(frozen=True, slots=True)
class Gate:
    """What must hold after a step of a rollout: a program that ends with 0, or a query in PromQL to a server of metrics."""

    command: tuple[str, ...] = ()
    promql: str | None = None
    server: str | None = None


@dataclass(frozen=True, slots=True)
class Rollout:
    """A way to deploy many targets in steps: by percentages that grow, or in waves of globs. `bake` is in seconds."""

    strategy: str = "linear"
    step: int = 20
    factor: float = 2
    waves: tuple[tuple[str, ...], ...] = ()
    bake: int = 0
    gates: tuple[Gate, ...] = ()
    failure: str = "rollback"


ADOPTED: Final = ("kubectl-client-side-apply", "kubectl-create", "kubectl", "helm", "kustomize-controller")
"""The managers whose objects are adopted unless weft.yaml names others."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """How targets are deployed: the entries `clusters` and `cluster`.

    `contexts` maps globs of targets to contexts of the kubeconfig, `ownership` globs of `KIND.PATH` to take, yield or share. `prune` is a
    percentage, `timeout` in seconds, `revisions` and `generations` are numbers of deploys.
    """

    contexts: Mapping[str, str] = field(default_factory=dict)
    ownership: Mapping[str, str] = field(default_factory=dict)
    adopt: tuple[str, ...] = ADOPTED
    prune: int = 20
    generations: int = 1
    revisions: int = 10
    reason: bool = False
    timeout: int = 300
    rollouts: Mapping[str, Rollout] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reader:
    """One entry of `readers`: a program that reads settings; exactly one of `outputs`, `code` and `planned` is given.

    `outputs` are globs of templates, `code` is the file that reads the settings which the schema marks, `planned` describes a program that
    does not exist yet. `test` is the file of the test that runs the program.
    """

    name: str
    outputs: tuple[str, ...] = ()
    code: str | None = None
    planned: str | None = None
    test: str | None = None

    def reads(self, output: str) -> bool:
        """True if the reader reads the outputs of a template."""
        return any(fnmatch.fnmatchcase(output, glob) for glob in self.outputs)


@dataclass(frozen=True, slots=True)
class Waiver:
    """One entry of `waivers`: a control that the targets of these globs may violate up to and including the day `expires`."""

    index: int
    policy: str
    control: str
    targets: tuple[str, ...]
    reason: str
    expires: date
