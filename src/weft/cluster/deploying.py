"""The deploy of many targets: environments before their tenants, several at one time (`execution` has that of one)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Final

from weft.base.problems import Problem, has_errors
from weft.cluster.client import Client
from weft.cluster.connections import read_note, write_note
from weft.cluster.execution import Execution
from weft.cluster.inventory import Inventory
from weft.cluster.outcomes import Order, Outcome, Stop
from weft.cluster.plans import Plan, TargetPlan
from weft.project.project import Project

_AT_ONCE: Final = 4
"""Targets that are deployed at one time."""


def deploy(
    project: Project,
    plan: Plan,
    how: Order | None = None,
    *,
    stop: Stop | None = None,
    told: Callable[[Outcome], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Outcome]:
    """Deploy what a plan says, environments before their tenants; the plan must have asked the server and resolved references.

    A target that a plan refuses is not touched, and neither are those below it. `told` hears of each target that is done. On Ctrl-C, the
    objects at work are finished, and the outcomes say what was written.
    """
    stop, how = stop or Stop(), how or Order()
    outcomes: dict[str, Outcome] = {}
    levels: dict[int, list[TargetPlan]] = {}
    for one in plan.targets:
        levels.setdefault(one.name.count("/"), []).append(one)
    for _, some in sorted(levels.items()):
        ready = []
        for one in some:
            above = next((outcomes[name] for name in outcomes if one.name.startswith(f"{name}/")), None)
            early = _not_begun(project, one, above, how, stop)
            if early is None:
                ready.append(one)
            else:
                outcomes[one.name] = early
                told(early)
        for client in dict.fromkeys(one.client for one in ready if one.writes):
            _note(project, client, next(one for one in ready if one.client is client))

        def run(one: TargetPlan) -> Outcome:
            outcome = Execution(project, one, plan.secrets, how, stop, sleep).run()
            told(outcome)
            return outcome

        outcomes |= {one.target: one for one in _in_parallel(run, ready, stop)}
    return [outcomes[one.name] for one in plan.targets]


def _in_parallel(run: Callable[[TargetPlan], Outcome], plans: Sequence[TargetPlan], stop: Stop) -> list[Outcome]:
    """The outcomes of several targets; Ctrl-C lets those at work finish their object."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        futures = [pool.submit(run, one) for one in plans]
        while True:
            try:
                wait(futures)
                return [future.result() for future in futures]
            except KeyboardInterrupt:
                stop.now()


def _not_begun(project: Project, one: TargetPlan, above: Outcome | None, how: Order, stop: Stop) -> Outcome | None:
    """The outcome of a target that is not deployed at all; None if it is."""
    if stop.wanted:
        return Outcome(one.name, "interrupted", one.inventory.revision)
    problems = [problem for problem in one.every_problem if has_errors([problem])]
    if one.inventory.pinned is not None and how.restores is None and not how.unpin and one.writes:
        problems.append(pinned(one.inventory))
    if above is not None and not above.is_good:
        message = f"{one.name} was not deployed, because {above.target} was not"
        problems.append(Problem("cluster-skipped", message, targets=(one.name,)))
    if problems:
        return Outcome(one.name, "refused", one.inventory.revision, problems=problems)
    first = not one.inventory.revision or one.inventory.pending
    pins = how.restores is not None and one.inventory.pinned != how.restores
    unpins = how.unpin and one.inventory.pinned is not None
    if not one.writes and not (first or pins or unpins):
        return Outcome(one.name, "unchanged", one.inventory.revision)
    return None


def pinned(inventory: Inventory) -> Problem:
    """The problem of a target that somebody rolled back."""
    message = f"{inventory.target} is pinned to revision {inventory.pinned}, to which somebody rolled it back"
    hint = "deploy with `--unpin` when the sources are right again"
    return Problem("cluster-pinned", message, targets=(inventory.target,), hint=hint)


def _note(project: Project, client: Client, one: TargetPlan) -> None:
    """Note what a cluster is for, at the first deploy into it."""
    if read_note(client) is None:
        write_note(client, project, one.target)
