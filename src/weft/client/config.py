"""The configuration of a running program: always one whole, accepted revision, replaced when its source has a better one."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, KeysView
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

from weft.base.paths import Path, dotted, parse_dotted
from weft.base.problems import Problem, WeftError
from weft.client.accepting import Acceptance, Accepted, reasons
from weft.client.listeners import Change, Listeners
from weft.client.mounts import never_updated
from weft.client.options import Options
from weft.client.registering import Registered, unheard, without_secrets_of
from weft.client.settling import overruled, without_value
from weft.client.snapshot import Snapshot, changed
from weft.client.sources import Folder, Reading, Source, Unreadable
from weft.client.status import Status

if TYPE_CHECKING:  # what not every program uses is imported when it is used
    from weft.client.awaiting import Changes
    from weft.client.health import Application
    from weft.client.notifier import Notifier

T = TypeVar("T")
logger = logging.getLogger("weft.client")


class Config:
    """What `open` gives: `config["database.pool.size"]` is the value in the current snapshot."""

    def __init__(self, source: Source, options: Options) -> None:
        self._source = source
        self._options = options
        self._acceptance = Acceptance(options)
        self._secrets = Folder(options.secrets) if options.secrets else None
        self._listeners = Listeners()
        self._registered = Registered(self._listeners)
        self._lock = threading.RLock()
        self._seen: Any
        self._again_at: float | None
        self._current: Accepted
        self._snapshot: Snapshot
        self._status: Status
        self._start()
        self._read = self._snapshot.__getitem__
        self._notifier: Notifier | None = None
        self._closed = False

    # --- reading ---

    def __getitem__(self, path: str) -> Any:
        return self._read(path)

    def __contains__(self, path: object) -> bool:
        return path in self._snapshot

    def __iter__(self) -> Iterator[str]:
        return iter(self._snapshot)

    def keys(self) -> KeysView[str]:
        """The paths of all settings, so that `dict(config)` has all of the current snapshot."""
        return self._snapshot.keys()

    def get(self, path: str, default: Any = None) -> Any:
        """The value of a setting, or something else if it is not set."""
        return self._snapshot.get(path, default)

    @property
    def snapshot(self) -> Snapshot:
        """The current snapshot: what is read of it belongs together."""
        return self._snapshot

    @property
    def status(self) -> Status:
        """Which revision this is, and why it is not a newer one."""
        return self._status

    def __repr__(self) -> str:
        return f"<Config of {self._source!r}: {self._snapshot!r}>"

    def bind(self, shape: type[T], at: str = "") -> T:
        """An object of a data class, a TypedDict or a model of `pydantic` whose attributes are the settings at a path, and follow them.

        A later revision that does not fit is refused, as long as the program has the object. What the object shows of itself is without secrets.

        Raises WeftError if the settings do not fit, TypeError for a class that cannot be bound, RuntimeError in a function of `before_change`.
        """
        self._registered.refuse_inside("bind", "before_change")
        with self._lock:  # no revision is swapped between reading the settings and hearing of their changes
            from weft.client.binding import Bound

            made = Bound(shape, _path(at))
            made.take(self._snapshot)
            return self._registered.following(made)

    def explain(self, path: str) -> dict[str, Any]:
        """Where a setting comes from: `{value, origin, variable, file, pending_restart}`; the value is masked if it is sensitive.

        `origin` is the line of an overlay, `variable` the environment variable that pins it, `file` that of a mounted Secret.
        Raises NoSetting, with a similar setting, if there is none.
        """
        self._snapshot[path]
        steps = parse_dotted(path)
        name, status, pinned = dotted(steps), self._status, self._current.settled.pinned
        origin = self._current.bundle.origin(steps)
        return {
            "value": self._snapshot.shown(steps),
            "origin": f"{origin.file}:{origin.line}" if origin else "a default of the schema",
            "variable": pinned.variables.get(name) or pinned.secret_variables.get(name),
            "file": pinned.secret_files.get(name),
            "pending_restart": name in status.pending_restart,
        }

    @property
    def asgi(self) -> Application:
        """An ASGI application with `/livez`, `/readyz`, `/status` and `/metrics`."""
        from weft.client.health import application

        return application(self)

    # --- following ---

    def on_change(self, path: str | Callable[[Change], Any] = "") -> Any:
        """Call a function after each change of the settings at or below a path: `@config.on_change("database.pool")`.

        An unknown path is a warning in `status`. Raises TypeError for an `async` function, and for what is neither a path nor a function.
        """
        return self._registered.function(path, "on_change", self._expect)

    def before_change(self, path: str | Callable[[Change], Any] = "") -> Any:
        """Ask a function before each change; if it raises `Refused`, or anything else, or takes too long, the change does not happen."""
        return self._registered.function(path, "before_change", self._expect)

    def on_status(self, function: Callable[[Status], T]) -> Callable[[Status], T]:
        """Call a function after each look at the source, whether it was accepted or not."""
        self._listeners.of_status.append(self._registered.watched(function, "on_status"))
        return function

    def changes(self, path: str = "") -> Changes:
        """The changes from now on, in an asynchronous program: `async for change in config.changes("flags")`. `close` ends them."""
        found = self._registered.changes(_path(path))
        self._expect(_path(path))
        if self._closed:
            found.end()
        return found

    def _expect(self, path: Path) -> None:
        """Warn if somebody waits for changes of an unknown setting."""
        if not self._snapshot.describes(path):
            self._registered.unknown.append(path)
            if self._registered.inside == "before_change":
                return  # the change that is asked about has the lock, and its end brings the warning
            with self._lock:
                self._status = replace(self._status, warnings=self._warnings(self._current))

    def watch(self) -> Config:
        """Follow the source in a thread of this process, from now on; a process that is forked follows it again by itself."""
        if not self._closed and self._notifier is None:
            folders = (*self._source.folders, *([self._options.secrets] if self._options.secrets else []))
            from weft.client.notifier import Notifier

            self._notifier = Notifier(folders, inotify=self._options.inotify)
            threading.Thread(target=self._follow, args=(self._notifier,), name="weft-config", daemon=True).start()
            _WATCHING.add(self)
        return self

    def close(self) -> None:
        """Stop following the source, and end `changes`."""
        self._closed = True
        notifier, self._notifier = self._notifier, None
        if notifier:
            notifier.wake()
        self._registered.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _follow(self, notifier: Notifier) -> None:
        from weft.client.notifier import settled

        while not self._closed:
            try:
                notifier.wait()
                is_due = self._again_at is not None and time.monotonic() >= self._again_at
                if is_due or self._token() != self._seen:
                    settled(self._token, notifier, self._options.debounce)
                    self.refresh()
            except Exception:  # whatever it is, the program must not go deaf
                if not self._closed:
                    logger.exception("the source could not be looked at; it is tried again")
                    time.sleep(1)
        notifier.close()

    def _after_fork(self) -> None:
        notifier, self._notifier = self._notifier, None
        if notifier:
            notifier.close()  # the handles of the parent, of which this process has copies
        self._lock = threading.RLock()
        self.watch()

    # --- a new revision ---

    def refresh(self) -> bool:
        """Look at the source now; true if a new revision is in force. What is refused is in `status`.

        Raises RuntimeError in a listener of this configuration: the change of which it hears has not ended.
        """
        self._registered.refuse_inside("refresh")
        with self._lock:
            token = self._token()
            try:
                return self._consider(self._source.read())
            except Exception as error:  # noqa: BLE001 - whatever the source has, the program goes on with what is in force
                self._stay(reasons(error), is_another=token != self._seen)
                self._again_at = self._due(error)
            finally:
                self._seen = token
            return False

    def _token(self) -> Any:
        return self._source.token(), self._secrets.token() if self._secrets else None

    def _consider(self, reading: Reading) -> bool:
        accepted = self._acceptance.of(reading, self._current, hold=True)
        bundle, found = accepted.bundle, accepted.settled
        change = _between(self._snapshot, found.snapshot)
        self._registered.drop_unused()
        try:
            self._listeners.ask(change)
        except WeftError as error:
            self._acceptance.refuse(accepted)
            raise without_secrets_of(change, error) from None
        fresh = bool(change.settings or change.files) or bundle.manifest != self._current.bundle.manifest
        if bundle.contents != self._current.bundle.contents or self._current.origin == "defaults":
            self._acceptance.keep(accepted)
        elif self._acceptance.not_kept:
            self._acceptance.write()
        self._again_at = self._due(None)
        self._current = accepted
        if found.pending and found.pending != self._status.pending_restart:
            logger.warning("a restart is needed for the new values of %s", ", ".join(found.pending))
        now, was_stale = time.time(), self._status.stale_since is not None
        self._status = Status(
            revision=bundle.manifest.revision,
            digest=bundle.manifest.digest,
            since=now if fresh else self._status.since,
            origin="source",
            pending_restart=found.pending,
            warnings=self._warnings(accepted),
            pinned=found.pinned.variables,
            refused=self._status.refused,
            accepted=self._status.accepted + fresh,
        )
        self._snapshot = found.snapshot
        self._read = found.snapshot.__getitem__
        names = (*change.settings, *change.files)
        if fresh or was_stale:
            logger.info("revision %s is in force: %s", self._name(), ", ".join(names[:20]) or "no setting has changed")
        if names:
            self._listeners.tell(change)
        self._listeners.report(self._status)
        return fresh

    def _stay(self, problems: tuple[Problem, ...], *, is_another: bool) -> None:
        """Stay with what is in force, and remember why; `is_another` if the source has changed since the last look."""
        is_new = is_another or problems != self._status.problems
        now = self._status.stale_since or time.time()
        if self._acceptance.not_kept:
            self._acceptance.write()
        refused, warnings = self._status.refused + is_new, self._warnings(self._current)
        self._status = replace(self._status, stale_since=now, problems=problems, refused=refused, warnings=warnings)
        if is_new:
            self._log_refusal()
        self._listeners.report(self._status)

    def _warnings(self, accepted: Accepted) -> tuple[Problem, ...]:
        """What should be looked at and keeps nothing from being in force; what is new of it is in the log."""
        settled, has_secrets = accepted.settled, self._options.secrets or self._options.environ
        warnings = (
            *self._mounts,
            *self._acceptance.not_kept,
            *(without_value(accepted.bundle, settled.pinned) if has_secrets else ()),
            *unheard(self._registered.unknown, settled.snapshot),
            *overruled(accepted.bundle, self._initial, settled.pinned),
        )
        for warning in warnings:
            if warning not in self._status.warnings:
                logger.warning("%s", WeftError(warning))
        return warnings

    def _due(self, error: Exception | None) -> float | None:
        """When the source is read again though nothing changes: what prevented reading or writing may end."""
        if not isinstance(error, Unreadable) and not self._acceptance.not_kept:
            return None
        from weft.client.notifier import POLL

        return time.monotonic() + POLL

    def _log_refusal(self) -> None:
        for problem in self._status.problems:
            setters = ", ".join(f"{place.file}:{place.line}" for place in problem.related)
            origin = f" (set by {setters})" if setters else ""
            logger.warning("revision %s stays in force: %s%s", self._name(), WeftError(problem), origin)

    def _name(self) -> str:
        return str(self._status.digest[:12] if self._status.revision is None else self._status.revision)

    # --- the start ---

    def _start(self) -> None:
        """Begin with what the source has, or with what is used in its place."""
        self._seen = self._token()
        accepted, error = self._acceptance.first(self._source)
        refused = reasons(error) if error else ()
        self._again_at = self._due(error)
        self._current, self._initial, self._snapshot = accepted, accepted.bundle, accepted.settled.snapshot
        now = time.time()
        self._status = Status(
            revision=accepted.bundle.manifest.revision,
            digest=accepted.bundle.manifest.digest,
            since=now,
            origin=accepted.origin,
            stale_since=now if refused else None,
            problems=refused,
            pinned=accepted.settled.pinned.variables,
            refused=1 if refused else 0,
        )
        logger.info("revision %s is in force, from %s", self._name(), accepted.bundle.place)
        self._log_refusal()
        self._mounts = never_updated(self._source, accepted.bundle.contents, self._options.secrets)
        self._status = replace(self._status, warnings=self._warnings(accepted))


def _between(old: Snapshot, new: Snapshot) -> Change:
    files = (name for name in dict.fromkeys((*old.files, *new.files)) if old.files.get(name) != new.files.get(name))
    return Change(old, new, tuple(map(dotted, changed(old.tree, new.tree))), tuple(files))


def _path(text: str) -> Path:
    """A dotted path; an empty text is the whole configuration."""
    return parse_dotted(text) if text else ()


_WATCHING: weakref.WeakSet[Config] = weakref.WeakSet()


def _again() -> None:
    for config in list(_WATCHING):
        config._after_fork()  # noqa: SLF001 - threads do not survive a fork


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_again)
