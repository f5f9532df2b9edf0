"""What may be in force: a bundle that schema and rules accept, after the one before it, which may be from before a restart.

The last good bundle is kept on disk, next to the digest of what listeners refused. A start compares the source with it, so it decides
as if the program had never been away. Where the source has nothing that is accepted, the last good one is used; where there is none either, the
bundle that comes with the program, if its author wants that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from weft.base.problems import CannotRun, Place, Problem, Severity, WeftError
from weft.client.judging import Bundle, Judge, opened
from weft.client.kept import Kept
from weft.client.options import Options
from weft.client.settling import Pinned, Settled, settle
from weft.client.sources import Reading, Source, Unreadable

Origin = Literal["source", "last-good", "defaults"]
logger = logging.getLogger("weft.client")


@dataclass(frozen=True)
class Accepted:
    """A bundle that may be in force, and what follows from it."""

    bundle: Bundle
    settled: Settled
    origin: Origin = "source"


class Acceptance:
    """Decides about bundles, and keeps the last good one."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._kept = Kept(options.last_good) if options.last_good else None
        self._judge: Judge | None = None
        self._to_write: dict[str, Callable[[Kept], None]] = {}
        self.not_kept: tuple[Problem, ...] = ()
        """A warning if the folder `last_good` lacks what it should have; writing that is tried again."""

    def of(self, reading: Reading, previous: Accepted | None, *, hold: bool = False) -> Accepted:
        """What was read, after a previous one. Raises WeftError with why it cannot be in force.

        The number of the revision that comes with the program is compared with nothing: it is older and newer than any other.
        """
        return self._judged(opened(reading.contents, reading.place), previous, hold=hold)

    def _judged(self, bundle: Bundle, previous: Accepted | None, *, hold: bool = False) -> Accepted:
        options = self._options
        self._judge = judge = Judge.of(bundle, self._judge)
        only_secrets = options.environ_has_secrets_only
        pinned = Pinned.of(judge, options.environ or {}, options.secrets, only_secrets=only_secrets)
        before = None if previous is None else previous.settled.snapshot
        allow_older = options.allow_older or (previous is not None and previous.origin == "defaults")
        return Accepted(bundle, settle(judge, bundle, pinned, before, hold=hold, allow_older=allow_older))

    def keep(self, accepted: Accepted) -> None:
        """Keep a bundle as the last good one, now or, if that fails, at a later look."""
        self._to_write = {"the last good configuration": lambda kept: kept.write(accepted.bundle.contents)}
        self.write()

    def refuse(self, accepted: Accepted) -> None:
        """Remember that listeners refused a bundle."""
        self._to_write["what listeners refused"] = lambda kept: kept.refuse(accepted.bundle.manifest.digest)
        self.write()

    def write(self) -> None:
        """Write what is not in the folder yet."""
        self.not_kept = ()
        if self._kept is None:
            self._to_write = {}
            return
        for what, write in list(self._to_write.items()):
            try:
                write(self._kept)
                del self._to_write[what]
            except (CannotRun, OSError) as error:
                reason = error.problems[0].message if isinstance(error, CannotRun) else str(error)
                self.not_kept = (_not_kept(self._kept, what, reason),)
                return

    # --- the start ---

    def first(self, source: Source) -> tuple[Accepted, Exception | None]:
        """What a program starts with, and why it is not what the source has, if it is not. Raises WeftError with every problem."""
        last, damaged = self._last_good()
        try:
            return self._after(source.read(), last), None
        except Exception as error:  # noqa: BLE001 - whatever the source has, there may be a last good one
            refused = error
        if last is not None and self._options.require != "valid":
            return replace(last, origin="last-good"), refused
        if self._options.defaults is None:
            raise WeftError(*reasons(refused), *damaged)
        try:
            return replace(self.of(self._options.defaults.read(), None), origin="defaults"), refused
        except Exception as error:
            raise WeftError(*reasons(refused), *damaged, *reasons(error)) from error

    def _last_good(self) -> tuple[Accepted | None, tuple[Problem, ...]]:
        """What is kept, or why it cannot be used."""
        contents = self._kept.read() if self._kept else None
        if self._kept is None or contents is None:
            return None, ()
        try:
            return self.of(Reading(contents, str(self._kept.path)), None), ()
        except Exception as error:  # noqa: BLE001 - whatever is kept, there is the source
            return None, reasons(error)

    def _after(self, reading: Reading, last: Accepted | None) -> Accepted:
        """What the source has at the start. Raises WeftError if it is refused."""
        bundle = opened(reading.contents, reading.place)
        if last is not None and last.bundle.contents == bundle.contents:
            return replace(last, bundle=bundle)
        if self._kept and self._kept.has_refused(bundle.manifest.digest):
            hint = "change the source; `refresh` asks the listeners again"
            raise WeftError(Problem("change-refused", "a listener refused it before the restart", hint=hint))
        found = self._judged(bundle, last)
        self.keep(found)
        return found


def _not_kept(kept: Kept, what: str, reason: str) -> Problem:
    hint = "it is tried again every five seconds; until then, a restart starts with what was kept before"
    message = f"{what} is not kept: {reason}"
    return Problem("cannot-write", message, Severity.WARNING, place=Place(str(kept.path.parent)), hint=hint)


def reasons(error: Exception) -> tuple[Problem, ...]:
    """Why a bundle is not accepted, from what reading and checking it raised."""
    if isinstance(error, WeftError):
        return error.problems
    if isinstance(error, Unreadable):
        return (Problem("bundle-refused", str(error)),)
    logger.error("checking a bundle failed", exc_info=error)
    reason = f"checking it failed ({type(error).__name__}), which the log explains"
    return (Problem("bundle-refused", reason, hint="was this bundle made by `config | bundle`?"),)
