"""What the commands for live clusters share: their options, questions, and exit statuses."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from weft.base.wording import counted
from weft.cli.common import MAX_PROBLEMS, complete_target, put

if TYPE_CHECKING:
    from weft.base.problems import Problem
    from weft.cluster.connections import Beginning
    from weft.cluster.outcomes import Order, Outcome
    from weft.cluster.plans import Plan, TargetPlan

_F = TypeVar("_F", bound=Callable[..., Any])


def targets_argument(function: _F) -> _F:
    """`[TARGET]...`."""
    return click.argument("names", nargs=-1, metavar="[TARGET]...", shell_complete=complete_target)(function)


def context_option(function: _F) -> _F:
    """`--context`."""
    return click.option(
        "--context", metavar="NAME", help="The context of the kubeconfig, instead of the one that weft.yaml names."
    )(function)


def environment_option(function: _F) -> _F:
    """`--allow-environment`."""
    return click.option(
        "--allow-environment",
        multiple=True,
        metavar="NAME",
        help="Allow targets of this environment in a cluster that is for another one; may be repeated.",
    )(function)


def planning_options(function: _F) -> _F:
    """The options of commands that plan."""
    function = environment_option(function)
    return click.option(
        "--rebuild-inventory",
        "rebuild",
        is_flag=True,
        help="Rebuild the inventories from the labels of the objects, if somebody has damaged one.",
    )(function)


def writing_options(function: _F) -> _F:
    """The options of commands that write: `--yes`, `--reason`, `--timeout`, `--wait`."""
    function = click.option(
        "--wait",
        type=click.FloatRange(min=0),
        default=0,
        metavar="SECONDS",
        help="Wait for a lock that somebody holds.",
    )(function)
    function = click.option(
        "--timeout",
        type=click.FloatRange(min=0),
        metavar="SECONDS",
        help="How long to wait for readiness; 0 does not wait.  [default: cluster.timeout of weft.yaml]",
    )(function)
    function = click.option("--reason", default="", metavar="TEXT", help="Why; kept in the history.")(function)
    return click.option("--yes", "-y", is_flag=True, help="Do not ask.")(function)


def order_of(reason: str, timeout: float | None, wait: float, *, unpin: bool = False) -> Order:
    """What the options say about a deploy."""
    from weft.cluster.outcomes import Order

    return Order(reason, timeout, wait, unpin=unpin)


def show_plan(plan: Plan, format_: str) -> None:
    """Print a plan."""
    import json

    from weft.cluster import plan_report

    if format_ == "json":
        put(json.dumps(plan_report.as_dict(plan), indent=2, ensure_ascii=False) + "\n")
    elif format_ == "markdown":
        put(plan_report.markdown(plan))
    else:
        click.echo(plan_report.text(plan, style=_styled), nl=False)


def show_problems(problems: Sequence[Problem], folder: Any) -> None:
    """Print problems for people."""
    from weft.cli.report import show
    from weft.report.report import Report

    report = Report(problems, folder)
    report.at_most = MAX_PROBLEMS.get()
    if report:
        show(report)


def code_of(problems: Sequence[Problem]) -> int:
    """The exit status for problems: 0 without errors, 3 if the environment prevents the work, 1 otherwise."""
    from weft.base.codes import About
    from weft.base.problems import has_errors

    errors = [problem for problem in problems if has_errors([problem])]
    if not errors:
        return 0
    return 3 if all(problem.traits.about is About.ENVIRONMENT for problem in errors) else 1


class Question:
    """Shows a plan and asks whether to go on; `plan` is the one that it has seen."""

    def __init__(self, folder: Any, *, yes: bool, share: int) -> None:
        self._folder = folder
        self._yes = yes
        self._share = share
        self.plan: Plan | None = None
        self.refused = False

    def __call__(self, plan: Plan) -> bool:
        """True if the plan should be deployed. Raises UsageError if nobody can be asked."""
        self.plan = plan
        show_plan(plan, "text")
        show_problems(plan.problems, self._folder)
        possible = [one for one in plan.targets if not one.is_refused]
        if not possible:
            self.refused = True
            return False
        if not plan.differs:
            return True
        many = [one for one in possible if one.removed_share > self._share]
        if self._yes and not many:
            return True
        self.refused = not self._is_confirmed(plan, many)
        return not self.refused

    @property
    def problems(self) -> Sequence[Problem]:
        """The problems that were shown with the plan."""
        return self.plan.problems if self.plan else ()

    def _is_confirmed(self, plan: Plan, many: Sequence[TargetPlan]) -> bool:
        """Ask somebody, and say which targets lose many objects. Raises UsageError if nobody can be asked."""
        if not sys.stdin.isatty():
            hint = (
                "to remove so many objects, confirm it on a terminal, or raise `cluster.prune`" if many else "add --yes"
            )
            raise click.UsageError(f"a deploy asks first, and there is no terminal: {hint}")
        question = "Deploy this?"
        if many:
            shares = ", ".join(f"{one.removed_share:.0f} % of {one.name}" for one in many)
            question = f"This removes {shares}, more than the {self._share} % of `cluster.prune`. Deploy it?"
        if click.confirm(with_beginnings(plan.beginnings, question), err=True):
            return True
        click.echo("nothing was written", err=True)
        return False


def with_beginnings(beginnings: Sequence[Beginning], question: str) -> str:
    """A question, after what the first deploy into a cluster notes there."""
    notes = [
        f"This is the first deploy into this cluster: {one}; others are refused from then on." for one in beginnings
    ]
    return "\n".join([*notes, question])


def show_outcome(outcome: Outcome) -> None:
    """Print what happened to a target."""
    colors = {"deployed": "green", "unchanged": "green", "interrupted": "yellow"}
    said = f"{outcome.target}: {outcome.status}"
    if outcome.status == "deployed":
        said += f" as revision {outcome.revision}, {len(outcome.written)} written, {len(outcome.removed)} removed"
    elif outcome.written:
        said += f" after {counted(len(outcome.written), 'object')}: " + ", ".join(map(str, outcome.written[:6]))
        said += " ..." if len(outcome.written) > 6 else ""
    click.echo(click.style(said, fg=colors.get(outcome.status, "red")))
    for key, reason in outcome.kept:
        click.echo(f"  kept {key}: {reason}")


def end(ctx: click.Context, question: Question, outcomes: Sequence[Outcome], folder: Any) -> None:
    """Exit with the status of a deploy."""
    shown = set(map(id, question.problems))
    problems = [problem for one in outcomes for problem in one.problems]
    show_problems([problem for problem in problems if id(problem) not in shown], folder)
    if any(one.status == "interrupted" for one in outcomes):
        ctx.exit(130)
    is_bad = question.refused or not all(one.is_good for one in outcomes)
    ctx.exit(code_of([*problems, *question.problems]) or int(is_bad))


def _styled(text: str, style: str) -> str:
    return click.style(text, dim=True) if style == "dim" else click.style(text, fg=style)
