"""The agent: it follows a source, and tries each revision of it before the old one is given up."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from weft.agent.asking import SURVIVAL, Asking
from weft.agent.folder import Folder, Taken
from weft.agent.making import Render, made
from weft.agent.masking import Masking
from weft.agent.program import CannotStart, Ended, Program
from weft.agent.revisions import Revision, Revisions
from weft.base.paths import dotted
from weft.base.problems import CannotRun, Problem, WeftError
from weft.client.kept import Kept
from weft.client.notifier import Notifier, settled
from weft.client.snapshot import changed
from weft.files.bundle import digest_of

LIMIT: Final = 30.0
"""Seconds that a check or a notification may take."""
_DEBOUNCE: Final = 0.05
_SHOWN: Final = 20
_logger = logging.getLogger("weft.agent")


@dataclass(frozen=True)
class Options:
    """What an agent does; `weft agent --help` says what each of them means."""

    source: Path
    into: Path
    renders: tuple[Render, ...] = ()
    check: str | None = None
    notify: str | None = None
    program: tuple[str, ...] = ()
    health: str | None = None
    health_timeout: float = 30.0
    limit: float = LIMIT
    last_good: Path | None = None
    secrets: Path | None = None
    restart: bool = False
    once: bool = False


@dataclass(frozen=True)
class Voice:
    """What an agent says: events, in one line each, and problems."""

    event: Callable[[str], None]
    problems: Callable[[Sequence[Problem]], None]


class Agent:
    """Keeps a folder, and a program, at the newest revision of a source that is good. `run` does it; other threads may `signal`."""

    def __init__(self, options: Options, voice: Voice) -> None:
        self._options = options
        self._voice = voice
        self._folder = Folder(options.into)
        self._revisions = Revisions(options.source, options.secrets)
        self._kept = Kept(options.last_good) if options.last_good else None
        self._notifier = Notifier(self._revisions.folders)
        self._program = Program(options.program, self._notifier.wake) if options.program else None
        self._again = threading.Event()
        self._revision: Revision | None = None
        self._masking = Masking()
        self._asking = Asking(options.into, options.limit, self._program, self._notifier, self._masking)
        self._is_first = True
        self._is_untried = False
        self._lacking: tuple[Problem, ...] = ()
        self._seen: object = None
        self._due: float | None = None

    def run(self) -> int:
        """Follow the source until the program ends, or somebody ends the agent. Returns the exit code.

        Raises WeftError if nothing can be used at the start, and CannotRun if the folder cannot be kept, or the program cannot be started.
        """
        try:
            return self._run()
        except WeftError as error:
            raise self._masking.error(error) from None

    def _run(self) -> int:
        self._asking.own_this_thread()
        with self._folder.locked():
            try:
                self._begin()
                if self._options.once:
                    return 0
                while (code := self._code()) is None:
                    self._wait()
            except Ended:
                return self._after_the_end()
            finally:
                if self._program:
                    self._program.end()
                self._notifier.close()
            return code

    def signal(self, number: int, *, ends: bool) -> None:
        """Pass a signal on to the program; without one, it ends the agent, or lets it look at the source again."""
        if ends:
            self._asking.ending.set()
        elif not self._program:
            self._again.set()
        if self._program:
            self._program.pass_on(number, ends=ends)
        self._notifier.wake()
        if ends:
            self._asking.end()

    def reap(self) -> None:
        """Collect the processes that others have left to this one, as the first process of a container must; not those waited for here."""
        with contextlib.ExitStack() as held:
            started = (self._program, self._asking.started) if self._program else (self._asking.started,)
            own = set().union(*(held.enter_context(one.held()) for one in started))
            with contextlib.suppress(ChildProcessError):
                while found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                    if found.si_pid in own:
                        return
                    os.waitpid(found.si_pid, 0)

    # --- the start ---

    def _begin(self) -> None:
        self._folder.recover()
        self._revision = self._last_good()
        refused = self._first(lambda: self._revisions.read(self._revision, hold=False))
        if refused and not self._folder.state.good:
            last_good = self._revision
            more = self._first(lambda: last_good) if last_good else ()
            if more or not last_good:
                raise WeftError(*dict.fromkeys((*refused, *more)))
        if refused:
            self._say(refused)
            self._voice.event("the last good revision is in place")
        if self._program and not self._program.is_running and not self._options.once:
            self._program.start()

    def _first(self, revision: Callable[[], Revision]) -> tuple[Problem, ...]:
        """Try a revision at the start. Returns why it cannot be used."""
        self._seen = self._revisions.token()
        try:
            with self._guarded():
                self._try(revision())
        except CannotRun:
            raise
        except WeftError as error:
            return error.problems
        return ()

    def _last_good(self) -> Revision | None:
        """The revision that is kept on disk, if it can still be used."""
        contents = self._kept.read() if self._kept else None
        try:
            place = str(self._kept and self._kept.path)
            with self._guarded():
                return self._revisions.of(contents, place, None, hold=False) if contents else None
        except WeftError as error:
            self._say(replace(problem, hint="the last good revision is not used") for problem in error.problems)
            return None

    # --- following ---

    def _code(self) -> int | None:
        """The exit code of the agent, if it has to end now."""
        if self._program is None:
            return 0 if self._asking.ending.is_set() else None
        if self._program.is_running:
            return None
        if self._asking.ending.is_set() or not self._options.restart:
            return self._program.code or 0
        self._start_again()
        return None

    def _start_again(self) -> None:
        """Start a program again that has ended by itself, after a pause in which the source is followed."""
        assert self._program
        if self._due is None:
            pause = self._program.pause()
            self._due = time.monotonic() + pause
            self._voice.event(f"the program ended with {self._program.code}: it starts again in {pause:.0f} s")
        elif time.monotonic() >= self._due:
            self._due = None
            if self._is_untried or (self._revision and self._revision.settled.pending):
                self._look()
            if not self._program.is_running and self._due is None:
                try:
                    self._program.start()
                except CannotStart as error:
                    self._later(error)

    def _later(self, error: CannotStart) -> None:
        """Start a program later that cannot be started now. Raises the error if nobody asked for that."""
        if not self._program or not self._options.restart:
            raise error
        pause = self._program.pause()
        self._due = time.monotonic() + pause
        self._say(error.problems)
        self._voice.event(f"the program is started again in {pause:.0f} s")

    def _wait(self) -> None:
        """Wait until something happens, and look at the source if it has changed."""
        timeout = max(0.0, self._due - time.monotonic()) if self._due is not None else None
        self._notifier.wait(timeout)
        self._mend()
        if self._again.is_set() or self._revisions.token() != self._seen:
            self._again.clear()
            settled(self._revisions.token, self._notifier, _DEBOUNCE)
            self._look()

    def _look(self) -> None:
        """Try what the source has now; whatever is wrong with it, the agent goes on."""
        self._seen = self._revisions.token()
        starts = self._program and not (self._options.notify and self._program.is_running)
        try:
            with self._guarded():
                self._try(self._revisions.read(self._revision, hold=not starts))
        except CannotStart as error:
            self._is_untried = True
            self._later(error)
        except WeftError as error:
            self._say(error.problems)

    def _mend(self) -> None:
        """Make the folder again if somebody has removed it. Raises Taken if another agent has it now."""
        if self._folder.is_owned and not self._lacking:
            return
        try:
            self._folder.own()
            self._folder.recover()
            if self._revision:
                with self._guarded():
                    self._fill(self._revision)
        except Taken:
            raise
        except WeftError as error:
            if error.problems != self._lacking:
                self._say(error.problems)
            self._lacking = error.problems
        else:
            self._lacking = ()
            self._again.set()  # what was tried meanwhile has failed
            self._voice.event(f"{self._folder.path} was removed or replaced: it is made again")

    def _fill(self, revision: Revision) -> None:
        """Put the files of the revision in force into a folder that has lost them; the program knows them already."""
        files = made(revision, self._options.renders)
        digest = digest_of(files)
        if digest != self._folder.state.digest:
            home = self._folder.stage(files, private=revision.has_secrets)
            self._folder.swap(home)
            self._folder.accept(home, digest)

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """Whatever goes wrong with one revision is a reason to refuse it, as WeftError, and never the end of the agent."""
        try:
            yield
        except (WeftError, Ended):
            raise
        except Exception as error:  # noqa: BLE001 - a revision may come from anybody, and the program must live
            _logger.error("%s", self._masking.text("".join(traceback.format_exception(error))))  # noqa: TRY400 - without secrets
            message = f"the revision is refused: an unexpected {type(error).__name__}, which the log explains"
            raise WeftError(Problem("agent-refused", message)) from None

    def _say(self, problems: Iterable[Problem]) -> None:
        self._voice.problems([self._masking.problem(problem) for problem in problems])

    def _after_the_end(self) -> int:
        """The exit code once the program, which was asked to end, has ended."""
        while self._program and self._program.is_running:
            self._notifier.wait()
        return (self._program.code if self._program else 0) or 0

    # --- one revision ---

    def _try(self, revision: Revision) -> None:
        """Make the files of a revision, check them, put them in place and tell the program. Raises WeftError if it is refused."""
        self._masking.learn(self._revision, revision)
        files = made(revision, self._options.renders)
        digest = digest_of(files)
        state = self._folder.state
        if digest == state.digest:
            self._take(revision)
            return
        if digest == state.refused:
            raise _refusal(revision, "it was refused before, and is not tried again until its files change")
        home = self._folder.stage(files, private=revision.has_secrets)
        try:
            reason = self._asking.said(self._options.check, "the check", folder=home)
        except BaseException:
            self._folder.discard(home)
            raise
        if reason:
            self._folder.discard(home)
            raise _refusal(revision, reason)
        self._put(revision, home, digest)

    def _put(self, revision: Revision, home: Path, digest: str) -> None:
        """Put checked files in place; the old ones come back if the program is not well with them. Raises WeftError then."""
        if self._program and self._program.code is not None and not self._options.restart:
            self._folder.discard(home)
            raise Ended
        old = self._folder.state.good
        try:
            self._folder.swap(home)
            reason = None if self._options.once else self._delivered(bake=old is not None)
        except Ended:
            raise
        except Exception:
            with contextlib.suppress(CannotRun):
                self._folder.take_back(home)
            raise
        if reason and old:
            self._folder.refuse(digest)
            raise self._back(revision, reason)
        if reason:
            self._say([Problem("agent-refused", f"revision {revision.name} is the first one, and stays: {reason}")])
        self._folder.accept(home, digest)
        self._take(revision)

    def _back(self, revision: Revision, reason: str) -> WeftError:
        """Tell the program that the old files are in place again. Returns the refusal; raises CannotStart."""
        back = f"{reason}; the old files are in place again"
        try:
            again = self._delivered(bake=False)
        except CannotStart:
            self._say(_refusal(revision, back).problems)
            raise
        return _refusal(revision, f"{back}; then {again}" if again else back)

    def _take(self, revision: Revision) -> None:
        """A revision is good."""
        old, self._revision = self._revision, revision
        self._is_untried = False
        is_first, self._is_first = self._is_first, False
        if not is_first and old and old.bundle.contents == revision.bundle.contents and old.settled == revision.settled:
            self._voice.event(f"nothing has changed: revision {revision.name} stays")
        else:
            self._tell(old, revision)
        if self._kept:
            try:
                self._kept.write(revision.bundle.contents)
            except CannotRun as error:
                self._say(error.problems)

    def _tell(self, old: Revision | None, revision: Revision) -> None:
        snapshot, pending = revision.settled.snapshot, revision.settled.pending
        found = [dotted(path) for path in changed(old.settled.snapshot.tree, snapshot.tree)] if old else []
        names = ", ".join(found[:_SHOWN]) + (f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")
        self._voice.event(f"revision {revision.name} is in place" + (f": {names}" if names else ""))
        if pending:
            self._voice.event(f"what waits for a restart: {', '.join(pending)}")

    def _delivered(self, *, bake: bool) -> str | None:
        """Tell the program of the files in place, and see whether it is well. Returns why it is not."""
        if self._program and not self._program.is_running:
            self._due = None
            self._program.start()
        elif self._options.notify:
            reason = self._asking.said(self._options.notify, "the notification")
            if reason:
                return reason
        elif self._program:
            self._program.restart()
        return self._unwell() if bake else None

    def _unwell(self) -> str | None:
        """Ask for the health of the program. Returns why it is not well."""
        if self._options.health:
            return self._asking.unwell(self._options.health, self._options.health_timeout)
        return self._asking.died(SURVIVAL) if self._program else None


def _refusal(revision: Revision, reason: str) -> WeftError:
    return WeftError(Problem("agent-refused", f"revision {revision.name} is refused: {reason}"))
