"""The deploy of many targets: environments before their tenants, several at one time (`execution` has that of one)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Final

from weft.base.problems import Problem, has_errors
from weft.cluster.connections import read_note, write_note
from weft.cluster.execution import Execution
from weft.cluster.inventory import Inventory, pin_problem
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
    for some in _levels(plan):
        ready = []
        for one in some:
            above = next((outcomes[name] for name in outcomes if one.name.startswith(f"{name}/")), None)
            early = _not_begun(project, one, above, how, stop)
            if early is None:
                ready.append(one)
            else:
                outcomes[one.name] = early
                told(early)
        _note_clusters(project, ready)

        def run(one: TargetPlan) -> Outcome:
            outcome = Execution(project, one, plan.secrets, how, stop, sleep).run()
            told(outcome)
            return outcome

        outcomes |= {one.target: one for one in _in_parallel(run, ready, stop)}
    return [outcomes[one.name] for one in plan.targets]


def _levels(plan: Plan) -> list[list[TargetPlan]]:
    """The targets, and then those below them."""
    levels: dict[int, list[TargetPlan]] = {}
    for one in plan.targets:
        levels.setdefault(one.name.count("/"), []).append(one)
    return [some for _, some in sorted(levels.items())]


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
    problems = list(_refusals(one, above, how))
    if problems:
        return Outcome(one.name, "refused", one.inventory.revision, problems=problems)
    if not one.writes and not _alters_inventory(one.inventory, how):
        return Outcome(one.name, "unchanged", one.inventory.revision)
    return None


def _refusals(one: TargetPlan, above: Outcome | None, how: Order) -> Iterator[Problem]:
    """Why a target cannot be deployed: its own errors, its pin, and the environment that it is in."""
    yield from (problem for problem in one.every_problem if has_errors([problem]))
    if one.inventory.pinned is not None and how.restores is None and not how.unpin and one.writes:
        yield pin_problem(one.inventory)
    if above is not None and not above.is_good:
        message = f"{one.name} was not deployed, because {above.target} was not"
        yield Problem("cluster-skipped", message, targets=(one.name,))


def _alters_inventory(inventory: Inventory, how: Order) -> bool:
    """True if there is something to deploy besides objects: the first revision, one that was not ended, or the pin."""
    first = not inventory.revision or inventory.pending
    pins = how.restores is not None and inventory.pinned != how.restores
    unpins = how.unpin and inventory.pinned is not None
    return first or pins or unpins


def _note_clusters(project: Project, plans: Sequence[TargetPlan]) -> None:
    """Note what clusters are for, at the first deploy into each."""
    for client in dict.fromkeys(one.client for one in plans if one.writes):
        if read_note(client) is None:
            write_note(client, project, next(one.target for one in plans if one.client is client))
