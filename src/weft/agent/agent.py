"""The agent: it follows a source, and tries each revision of it before the old one is given up."""

from __future__ import annotations

import os
import shlex
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from weft.agent.folder import Folder
from weft.agent.making import Render, made
from weft.agent.program import Ended, Program
from weft.agent.revisions import Revision, Revisions
from weft.base.paths import dotted
from weft.base.problems import CannotRun, Problem, WeftError
from weft.checks.programs import NoAnswerError, Started, ask, words
from weft.client.kept import Kept
from weft.client.notifier import Notifier, settled
from weft.client.snapshot import changed
from weft.files.bundle import digest_of

LIMIT: Final = 30.0
"""Seconds that a check or a notification may take."""
SUCCESSES: Final = 3
"""How often the health command must succeed in a row."""
_SURVIVAL: Final = 2.0
"""Seconds that a restarted program must live to be well, if nobody says how its health is asked."""
_DEBOUNCE: Final = 0.05
_SHOWN: Final = 20


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
        self._commands = Started()
        self._ending = threading.Event()
        self._again = threading.Event()
        self._revision: Revision | None = None
        self._secretive: Revision | None = None
        self._seen: object = None
        self._due: float | None = None

    def run(self) -> int:
        """Follow the source until the program ends, or somebody ends the agent. Returns the exit code.

        Raises WeftError if nothing can be used at the start, and CannotRun if the folder cannot be kept.
        """
        self._commands.own_this_thread()
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
                    self._program.kill()
                self._notifier.close()
            return code

    def signal(self, number: int, *, ends: bool) -> None:
        """Pass a signal on to the program; without one, it ends the agent, or lets it look at the source again."""
        if ends:
            self._ending.set()
        elif not self._program:
            self._again.set()
        if self._program:
            self._program.pass_on(number, ends=ends)
        self._notifier.wake()
        if ends:
            self._commands.end()

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
            self._voice.problems(refused)
            self._voice.event("the last good revision is in place")
        if self._program and not self._program.is_running and not self._options.once:
            self._program.start()

    def _first(self, revision: Callable[[], Revision]) -> tuple[Problem, ...]:
        """Try a revision at the start. Returns why it cannot be used."""
        self._seen = self._revisions.token()
        try:
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
            return self._revisions.of(contents, place, None, hold=False) if contents else None
        except WeftError as error:
            self._voice.problems(
                [replace(problem, hint="the last good revision is not used") for problem in error.problems]
            )
            return None

    # --- following ---

    def _code(self) -> int | None:
        """The exit code of the agent, if it has to end now."""
        if self._program is None:
            return 0 if self._ending.is_set() else None
        if self._program.is_running:
            return None
        if self._ending.is_set() or not self._options.restart:
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
            self._program.start()

    def _wait(self) -> None:
        """Wait until something happens, and look at the source if it has changed."""
        timeout = max(0.0, self._due - time.monotonic()) if self._due is not None else None
        self._notifier.wait(timeout)
        if self._again.is_set() or self._revisions.token() != self._seen:
            self._again.clear()
            settled(self._revisions.token, self._notifier, _DEBOUNCE)
            self._look()

    def _look(self) -> None:
        """Try what the source has now; whatever is wrong with it, the agent goes on."""
        self._seen = self._revisions.token()
        restarts = bool(self._program) and not self._options.notify
        try:
            self._try(self._revisions.read(self._revision, hold=not restarts))
        except WeftError as error:
            self._voice.problems(error.problems)

    def _after_the_end(self) -> int:
        """The exit code once the program, which was asked to end, has ended."""
        while self._program and self._program.is_running:
            self._notifier.wait()
        return (self._program.code if self._program else 0) or 0

    # --- one revision ---

    def _try(self, revision: Revision) -> None:
        """Make the files of a revision, check them, put them in place and tell the program. Raises WeftError if it is refused."""
        files = made(revision, self._options.renders)
        digest = digest_of(files)
        state = self._folder.state
        self._secretive = revision
        if digest == state.digest:
            self._take(revision)
            return
        if digest == state.refused:
            raise _refusal(revision, "it was refused before, and is not tried again until its files change")
        home = self._folder.stage(files, private=revision.has_secrets)
        try:
            reason = self._said(self._options.check, "the check", folder=home)
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
        self._folder.swap(home)
        reason = None if self._options.once else self._delivered(bake=old is not None)
        if reason and old:
            self._folder.refuse(digest)
            again = self._delivered(bake=False)
            back = f"the old files are in place again; then {again}" if again else "the old files are in place again"
            raise _refusal(revision, f"{reason}; {back}")
        if reason:
            self._voice.problems(
                [Problem("agent-refused", f"revision {revision.name} is the first one, and stays: {reason}")]
            )
        self._folder.accept(home, digest)
        self._take(revision)

    def _take(self, revision: Revision) -> None:
        """A revision is good."""
        old, self._revision = self._revision, revision
        snapshot = revision.settled.snapshot
        found = [dotted(path) for path in changed(old.settled.snapshot.tree, snapshot.tree)] if old else []
        names = ", ".join(found[:_SHOWN]) + (f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")
        self._voice.event(f"revision {revision.name} is in place" + (f": {names}" if names else ""))
        if revision.settled.pending:
            self._voice.event(f"what waits for a restart: {', '.join(revision.settled.pending)}")
        if self._kept:
            try:
                self._kept.write(revision.bundle.contents)
            except CannotRun as error:
                self._voice.problems(error.problems)

    def _delivered(self, *, bake: bool) -> str | None:
        """Tell the program of the files in place, and see whether it is well. Returns why it is not."""
        if self._program and not self._program.is_running:
            self._due = None
            self._program.start()
        elif self._options.notify:
            reason = self._said(self._options.notify, "the notification")
            if reason:
                return reason
        elif self._program:
            self._program.restart()
        return self._unwell() if bake else None

    def _unwell(self) -> str | None:
        """Ask for the health of the program. Returns why it is not well."""
        if not self._options.health:
            return self._died(_SURVIVAL) if self._program else None
        end = time.monotonic() + self._options.health_timeout
        pause = min(1.0, self._options.health_timeout / (4 * SUCCESSES))
        row, reason = 0, "it was never asked"
        while row < SUCCESSES:
            left = end - time.monotonic()
            if left <= 0:
                return f"the program is not well within {self._options.health_timeout:g} s: {reason}"
            found = self._said(self._options.health, "the health command", limit=left)
            row, reason = (0, found) if found else (row + 1, reason)
            died = self._died(pause)
            if died:
                return died
        return None

    def _died(self, seconds: float) -> str | None:
        """Wait for some time, or until the program has ended. Returns how it ended."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._ending.is_set():
                raise Ended
            if self._program and not self._program.is_running:
                return f"the program ended with {self._program.code}"
            self._notifier.wait(min(left, 0.1))
        return None

    def _said(
        self, command: str | None, what: str, *, folder: Path | None = None, limit: float | None = None
    ) -> str | None:
        """Run a command of the caller. Returns why it failed, without secrets. Raises Ended if the agent is ended meanwhile."""
        if command is None:
            return None
        text = command.replace("{}", shlex.quote(str((folder or self._folder.path).absolute())))
        pid = self._program.pid if self._program else None
        text = text.replace("{pid}", str(pid)) if pid else text
        limit = self._options.limit if limit is None else limit
        try:
            answer = ask(["sh", "-c", text], Path.cwd(), environment=os.environ, limit=limit)
        except NoAnswerError as error:
            reason = f"{what} {error}"
        else:
            said = self._secretive.masked(answer.text) if self._secretive else answer.text
            reason = f"{what} ended with {answer.code}: {words(said)}".removesuffix(": ") if answer.code else ""
        if self._ending.is_set():
            raise Ended
        return reason or None


def _refusal(revision: Revision, reason: str) -> WeftError:
    return WeftError(Problem("agent-refused", f"revision {revision.name} is refused: {reason}"))
