"""Rollouts: many targets deployed in steps, with gates between them, and back again if a gate fails.

A rollout is a state machine whose state is in the cluster, written before each move, so that another machine can go on after a crash:

    deploying  ->  baking  ->  gating  ->  deploying (the next step)  ...  ->  done
                                  |
                                  +->  rolling back (the targets that it touched)  ->  rolled back
                                  +->  stopped

Every phase can be entered twice: a deploy that is done changes nothing, a bake time counts from a moment that is written down, and a
target goes back to the revision that it had when the rollout came to it. Clock, pause and gates are given, so tests need not sleep.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from weft.base.problems import CannotRun, Problem, Severity, UsageError, WeftError
from weft.base.wording import counted
from weft.cluster import deploying, execution, inventory, manifests, planning, revisions, verbs
from weft.cluster.client import APPLY
from weft.cluster.connections import Connections
from weft.cluster.gates import ask
from weft.cluster.inventory import Inventory, path_of
from weft.cluster.lock import Lock, who
from weft.cluster.names import MANAGER, PROJECT, ROLE, ROLLOUT
from weft.cluster.outcomes import Order, Outcome, Stop
from weft.cluster.plans import Options
from weft.project.entries import Gate, Rollout
from weft.project.project import Project
from weft.project.target import Target
from weft.project.targets import matches

DEPLOYING: Final = "deploying"
BAKING: Final = "baking"
GATING: Final = "gating"
ROLLING_BACK: Final = "rolling back"
DONE: Final = "done"
STOPPED: Final = "stopped"
ROLLED_BACK: Final = "rolled back"
ABORTED: Final = "aborted"
ENDED: Final = (DONE, STOPPED, ROLLED_BACK, ABORTED)
_FIELD: Final = "rollout.json"
LOCK: Final = "the rollout"
"""What is locked; no target can have this name."""


@dataclass(frozen=True)
class State:
    """Where a rollout is.

    `steps` are the targets of each step; `step` is the current one, from 0. `before` maps touched targets to their revisions from before, 0
    for targets that were new. `unpin` deploys targets that are pinned, too; `wait` is how many seconds a lock is waited for;
    `allow_environment` names environments that may be deployed into a cluster of another one. `since` is
    when the current phase began, in seconds since 1970. `digest` is that of the rendered objects: a rollout goes on with the sources that
    it began with.
    """

    steps: tuple[tuple[str, ...], ...]
    time: str
    who: str
    reason: str = ""
    bake: int = 0
    gates: tuple[Mapping[str, Any], ...] = ()
    failure: str = "rollback"
    digest: str = ""
    commit: str = ""
    step: int = 0
    phase: str = DEPLOYING
    since: float = 0
    paused: bool = False
    before: Mapping[str, int] = field(default_factory=dict)
    message: str = ""
    unpin: bool = False
    wait: float = 0
    allow_environment: tuple[str, ...] = ()

    @property
    def has_ended(self) -> bool:
        """True if nothing happens any more."""
        return self.phase in ENDED

    @property
    def touched(self) -> list[str]:
        """The targets that the rollout has come to."""
        return [name for step in self.steps[: self.step + 1] for name in step if name in self.before]


@dataclass(frozen=True)
class World:
    """What a rollout needs from outside: the time in seconds since 1970, a pause, and the answer of a gate (None: it holds)."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    gate: Callable[[Gate, Sequence[str]], str | None] = ask


def steps_of(names: Sequence[str], rollout: Rollout) -> tuple[tuple[str, ...], ...]:
    """The targets of each step, in the order of the project."""
    if rollout.waves:
        return _waves(names, rollout.waves)
    share, ends = rollout.step / 100, list[int]()
    while not ends or ends[-1] < len(names):
        ends.append(min(len(names), max(math.ceil(share * len(names) - 1e-9), (ends[-1] if ends else 0) + 1)))
        grown = {"linear": share + rollout.step / 100, "exponential": share * rollout.factor, "canary": 1.0}
        share = grown[rollout.strategy]
    return tuple(tuple(names[start:end]) for start, end in zip([0, *ends], ends, strict=False) if end > start)


def _waves(names: Sequence[str], waves: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    left, found = list(names), []
    for globs in waves:
        wave = [name for name in left if any(matches(name.split("/"), glob.split("/")) for glob in globs)]
        left = [name for name in left if name not in wave]
        found.append(tuple(wave))
    return tuple(wave for wave in (*found, tuple(left)) if wave)


class Rollouts:
    """The rollout of a project in the namespace of a target; there is one at a time."""

    def __init__(self, project: Project, connections: Connections, target: Target, world: World = World()) -> None:
        self._project = project
        self._connections = connections
        self._world = world
        self._client, self._namespace = connections.home(target)

    def read(self) -> State | None:
        """The state; None if there never was a rollout. Raises CannotRun if somebody damaged it."""
        found = self._client.find(path_of(self._namespace, ROLLOUT))
        if found is None:
            return None
        try:
            data = json.loads(found["data"][_FIELD])
            data["steps"] = tuple(map(tuple, data["steps"]))
            data["gates"] = tuple(data["gates"])
            data["allow_environment"] = tuple(data.get("allow_environment", ()))
            return State(**data)
        except (ValueError, LookupError, TypeError):
            message = f"ConfigMap {self._namespace}/{ROLLOUT} was changed by somebody and cannot be read"
            hint = f"delete it: `kubectl delete configmap {ROLLOUT} --namespace {self._namespace}`"
            raise CannotRun(Problem("cluster-inventory", message, hint=hint)) from None

    def begin(
        self,
        targets: Sequence[Target],
        rollout: Rollout,
        reason: str = "",
        *,
        unpin: bool = False,
        wait: float = 0,
        allow_environment: tuple[str, ...] = (),
    ) -> State:
        """Write the state of a new rollout. Raises CannotRun if one has not ended, WeftError without `unpin` if targets are pinned."""
        current = self.read()
        if current is not None and not current.has_ended:
            hint = "`weft rollout resume` goes on with it, `weft rollout abort` ends it"
            raise CannotRun(Problem("cluster-locked", f"a rollout of {current.who} is {current.phase}", hint=hint))
        if not unpin:
            self._check_pins(targets)
        commit, _ = execution.sources(self._project)
        state = State(
            steps_of([target.name for target in targets], rollout),
            datetime.fromtimestamp(self._world.now(), UTC).isoformat(timespec="seconds"),
            who(),
            reason,
            rollout.bake,
            tuple(asdict(gate) for gate in rollout.gates),
            rollout.failure,
            self._digest(targets),
            commit,
            since=self._world.now(),
            unpin=unpin,
            wait=wait,
            allow_environment=allow_environment,
        )
        return self._write(state)

    def _check_pins(self, targets: Sequence[Target]) -> None:
        """Raise WeftError if targets are pinned."""
        pinned = [one for one in self._client.each(self._inventory, targets) if one.pinned is not None]
        if pinned:
            raise WeftError(*map(inventory.pin_problem, pinned))

    def pause(self) -> State:
        """Let a rollout stop after the target that it is at. Raises UsageError if there is none."""
        return self._write(replace(self._running(), paused=True))

    def abort(self, *, back: bool) -> State:
        """End a rollout; with `back`, `go_on` then rolls its targets back. Raises UsageError if there is none."""
        state = replace(
            self._running(), paused=False, phase=ROLLING_BACK if back else ABORTED, message="somebody aborted it"
        )
        return self._write(state)

    def go_on(self, *, stop: Stop | None = None, told: Callable[[str], None] = lambda _: None) -> State:
        """Go on with a rollout until it ends, or is paused.

        Raises UsageError if there is none, WeftError if the sources are not those that it began with.
        """
        stop = stop or Stop()
        state = self._running()
        with Lock(self._client, LOCK, self._namespace, wait=state.wait):
            state = self._write(replace(state, paused=False))
            if state.phase != ROLLING_BACK:
                self._check_sources(state)
            heard = (-1, "")
            while not state.has_ended:
                current = self.read() or state
                if current.paused or current.has_ended or stop.wanted:
                    return current
                if current.phase == ROLLING_BACK:
                    state = current
                if heard != (state.step, state.phase):
                    heard = state.step, state.phase
                    told(said(state))
                state = self._write(self._moved(state, stop, told))
            told(said(state))
        return state

    def _moved(self, state: State, stop: Stop, told: Callable[[str], None]) -> State:
        """The state after one move."""
        if state.phase == DEPLOYING:
            return self._deployed(state, stop, told)
        if state.phase == BAKING:
            left = state.since + state.bake - self._world.now()
            if left > 0:
                self._world.sleep(min(left, 5))
                return state
            return self._entered(state, GATING)
        if state.phase == GATING:
            return self._judged(state)
        return self._rolled_back(state, told)

    def _entered(self, state: State, phase: str, **changed: Any) -> State:
        return replace(state, phase=phase, since=self._world.now(), **changed)

    def _deployed(self, state: State, stop: Stop, told: Callable[[str], None]) -> State:
        """Deploy the targets of a step that are not yet deployed."""
        for name in state.steps[state.step]:
            ended = self._interrupted(state, stop)
            if ended is not None:
                return ended
            target = self._project.target(name)
            if name not in state.before:
                state = self._write(replace(state, before={**state.before, name: self._inventory(target).revision}))
            try:
                outcome = self._deploy(target, state)
            except CannotRun:
                raise
            except WeftError as error:
                return self._failed(state, f"{name}: {error.problems[0].message}")
            told(f"  {name}: {outcome.status}")
            if not outcome.is_good:
                reasons = "; ".join(one.message for one in outcome.problems if one.severity is Severity.ERROR)
                return self._failed(state, f"{name} was {outcome.status}: {reasons}")
        return self._entered(state, BAKING)

    def _interrupted(self, state: State, stop: Stop) -> State | None:
        """The state in which somebody ended the deploy of a step: by Ctrl-C, a pause or an abort; None if nobody did."""
        current = self.read()
        if current is not None and current.phase != DEPLOYING:
            return current
        is_paused = stop.wanted or (current is not None and current.paused)
        return replace(state, paused=True) if is_paused else None

    def _deploy(self, target: Target, state: State) -> Outcome:
        plan = planning.plan(self._project, [target], self._connections, _options(state))
        reason = state.reason or f"rollout of {state.time}, step {state.step + 1}"
        how = Order(reason, wait_for_lock=state.wait, unpin=state.unpin)
        return deploying.deploy(self._project, plan, how, sleep=self._world.sleep)[0]

    def _judged(self, state: State) -> State:
        for gate in state.gates:
            wrong = self._world.gate(_gate(gate), state.touched)
            if wrong is not None:
                return self._failed(state, f"a gate after step {state.step + 1} does not hold: {wrong}")
        if state.step + 1 == len(state.steps):
            return self._entered(state, DONE)
        return self._entered(state, DEPLOYING, step=state.step + 1)

    def _failed(self, state: State, message: str) -> State:
        return self._entered(state, ROLLING_BACK if state.failure == "rollback" else STOPPED, message=message)

    def _rolled_back(self, state: State, told: Callable[[str], None]) -> State:
        """Deploy the revisions from before again, the last touched target first."""
        failures = []
        for name in reversed(state.touched):
            target = self._project.target(name)
            before, now = state.before[name], self._inventory(target)
            untouched = now.revision == before and not now.pending
            if untouched or not before or self._is_back(target, now, before):
                continue  # it was not reached, is back already, or was new and has nothing to go back to
            how = Order(f"back: {state.message}", wait_for_lock=state.wait)
            asked = _options(state)
            outcomes = verbs.roll_back(self._project, self._connections, target, before, lambda _: True, how, asked)
            is_back = all(one.is_good for one in outcomes)
            told(f"  {name}: back to revision {before}, and pinned to it" if is_back else f"  {name}: not rolled back")
            failures += [] if is_back else [name]
        message = state.message + (f"; not rolled back: {', '.join(failures)}" if failures else "")
        return self._entered(state, ROLLED_BACK, message=message)

    def _is_back(self, target: Target, now: Inventory, number: int) -> bool:
        """True if the current revision of a target restores the one with this number."""
        if now.pending:
            return False
        client, namespace = self._connections.home(target)
        known = revisions.every(client, target.name, namespace)
        return any(one.number == now.revision and one.restores == number for one in known)

    def _inventory(self, target: Target) -> Inventory:
        client, namespace = self._connections.home(target)
        return inventory.read(client, target.name, namespace, self._project.name)

    def _running(self) -> State:
        state = self.read()
        if state is None or state.has_ended:
            said = f"the last one is {state.phase}" if state else "there has been none"
            raise UsageError(Problem("unknown-cluster-revision", f"no rollout is under way: {said}"))
        return state

    def _check_sources(self, state: State) -> None:
        targets = [self._project.target(name) for step in state.steps for name in step]
        if self._digest(targets) != state.digest:
            where = f" of the commit {state.commit[:9]}" if state.commit else ""
            hint = f"go on with the sources{where}, or `weft rollout abort` and begin again"
            message = "the sources render other objects than those that the rollout began with"
            raise WeftError(Problem("cluster-changed", message, hint=hint))

    def _digest(self, targets: Sequence[Target]) -> str:
        rendered = manifests.render(self._project, targets, manifests.UnaskedScopes()).manifests
        return manifests.digest_of({name: [one.digest for one in some] for name, some in sorted(rendered.items())})

    def _write(self, state: State) -> State:
        data = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": ROLLOUT,
                "namespace": self._namespace,
                "labels": {ROLE: "rollout"},
                "annotations": {PROJECT: self._project.name},
            },
            "data": {_FIELD: json.dumps(asdict(state))},
        }
        path = path_of(self._namespace, ROLLOUT)
        self._client.request("PATCH", path, data, parameters={"fieldManager": MANAGER, "force": "true"}, content=APPLY)
        return state


def _options(state: State) -> Options:
    return Options(server=True, resolve=True, allow_environment=state.allow_environment)


def _gate(data: Mapping[str, Any]) -> Gate:
    return Gate(tuple(data.get("command") or ()), data.get("promql"), data.get("server"))


def said(state: State) -> str:
    """The state in a line."""
    where = (
        f"step {state.step + 1} of {len(state.steps)}, {counted(len(state.steps[state.step]), 'target')}: {state.phase}"
    )
    return (
        f"{state.phase}: {state.message}"
        if state.has_ended and state.message
        else state.phase
        if state.has_ended
        else where
    )
