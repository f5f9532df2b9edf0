"""Functions of the program that are called: checked when they are registered, and watched while they run."""

from __future__ import annotations

import functools
import inspect
import threading
import weakref
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from weft.base.paths import Path, dotted, parse_dotted
from weft.base.problems import Problem, Severity, WeftError
from weft.client.listeners import Change, Listener, Listeners
from weft.client.snapshot import Snapshot

if TYPE_CHECKING:
    from weft.client.awaiting import Changes
    from weft.client.binding import Bound

T = TypeVar("T")

Kind = Literal["before_change", "on_change", "on_status"]


class Calls:
    """The functions of one configuration, and in which of them a thread is: they must not ask for another change."""

    def __init__(self) -> None:
        self._now = threading.local()

    @property
    def inside(self) -> Kind | None:
        """How the function is registered that this thread is running; None if it runs none."""
        return getattr(self._now, "kind", None)

    def watched(self, function: Any, kind: Kind) -> Callable[[Any], Any]:
        """A function that calls another one. Raises TypeError for what cannot be called, and for an `async` function, which nobody would await."""
        if not callable(function):
            raise TypeError(f"`{kind}` takes a function, and not {function!r}")
        if _is_coroutine(function):
            raise TypeError(f"`{kind}` takes an ordinary function, and {_name(function)} is `async`: {_INSTEAD[kind]}")

        def call(argument: Any) -> Any:
            outside, self._now.kind = self.inside, kind
            try:
                found = function(argument)
            finally:
                self._now.kind = outside
            if inspect.iscoroutine(found):
                found.close()
                raise TypeError(f"{_name(function)} gives what nobody awaits: {_INSTEAD[kind]}")
            return found

        functools.update_wrapper(call, function, updated=())
        call.__qualname__ = _name(function)
        return call

    def refuse_inside(self, what: str, *kinds: Kind) -> None:
        """Raise RuntimeError if this thread is in a function of one of these kinds, or of any if none is given."""
        if self.inside and (not kinds or self.inside in kinds):
            raise RuntimeError(
                f"`{what}` was called in a function of `{self.inside}`, which is a part of a change that has not ended: call it when the function has returned"
            )


class Registered(Calls):
    """What of the program follows one configuration: functions, objects that are bound, and those who wait for changes."""

    def __init__(self, listeners: Listeners) -> None:
        super().__init__()
        self._listeners = listeners
        self._followers: list[tuple[Callable[[], bool], tuple[Listener, ...]]] = []
        self._awaited: weakref.WeakSet[Changes] = weakref.WeakSet()
        self.unknown: list[Path] = []
        """Paths that were unknown when something was registered for them."""

    def function(self, given: Any, kind: Kind, expect: Callable[[Path], None]) -> Any:
        """Register a function, or what registers one for a path: with and without parentheses, as decorators are.

        Raises TypeError for what is neither a path nor a function, and ValueError for a text that cannot be a path.
        """
        listeners = self._listeners.before if kind == "before_change" else self._listeners.after
        if callable(given):
            listeners.append(Listener((), self.watched(given, kind)))
            return given
        if not isinstance(given, str):
            raise TypeError(f"`{kind}` takes the path of a setting as a text, or a function, and not {given!r}")
        path = parse_dotted(given) if given else ()

        def register(function: T) -> T:
            listeners.append(Listener(path, self.watched(function, kind)))
            expect(path)
            return function

        return register

    def following(self, made: Bound[T]) -> T:
        """The object that follows a class that was bound, for as long as the program has it."""

        def check(change: Change) -> None:
            if made.is_used:
                made.fit(change.new)

        def take(change: Change) -> None:
            if made.is_used:
                made.take(change.new)

        check.__qualname__ = made.name
        proxy = made.proxy()
        before, after = Listener(made.path, check), Listener(made.path, take)
        self.drop_unused()
        self._listeners.before.append(before)
        self._listeners.after.insert(0, after)
        self._followers.append((lambda: made.is_used, (before, after)))
        return proxy

    def changes(self, path: Path) -> Changes:
        """What an `async` function waits for, as long as the program has it and it has not ended."""
        from weft.client.awaiting import Changes  # it needs asyncio, and only programs that have it already need that

        found = Changes()
        reference = weakref.ref(found)

        def put(change: Change) -> None:
            if waiting := reference():
                waiting.put(change)

        def is_used() -> bool:
            waiting = reference()
            return waiting is not None and not waiting.has_ended

        listener = Listener(path, put)
        self._listeners.after.append(listener)
        self._followers.append((is_used, (listener,)))
        self._awaited.add(found)
        return found

    def drop_unused(self) -> None:
        """Forget what follows for an object that the program has dropped. Only who holds the lock of the configuration may ask for that."""
        for one in [one for one in self._followers if not one[0]()]:
            self._followers.remove(one)
            for listener in one[1]:
                for listeners in (self._listeners.before, self._listeners.after):
                    if listener in listeners:
                        listeners.remove(listener)

    def end(self) -> None:
        """End what `async` functions wait for."""
        for waiting in list(self._awaited):
            waiting.end()


_INSTEAD = {
    "before_change": "let an ordinary function decide, such as with `asyncio.run_coroutine_threadsafe(…).result()`",
    "on_change": "use `async for change in config.changes(…)`",
    "on_status": "let an ordinary function wake the `async` one, such as with `loop.call_soon_threadsafe(…)`",
}


def _is_coroutine(function: Any) -> bool:
    call = getattr(type(function), "__call__", None)  # noqa: B004 - the method itself, of an object that can be called
    return any(inspect.iscoroutinefunction(one) or inspect.isasyncgenfunction(one) for one in (function, call))


def _name(function: Any) -> str:
    return str(getattr(function, "__qualname__", repr(function)))


def unheard(paths: Iterable[Path], snapshot: Snapshot) -> tuple[Problem, ...]:
    """A warning for each path of a listener that a revision does not have."""
    unknown = [path for path in dict.fromkeys(paths) if not snapshot.describes(path)]
    return tuple(
        Problem(
            "unknown-path",
            f"a listener waits for changes of {dotted(path)}, and there is no such setting",
            Severity.WARNING,
            hint=snapshot.similar(dotted(path)) or "it is called once a revision has that setting",
        )
        for path in unknown
    )


def without_secrets_of(change: Change, error: WeftError) -> WeftError:
    """What listeners said about a change, without the secrets before and after it."""
    return WeftError(
        *(
            replace(problem, message=change.new.masked.text(problem.message, change.old.masked))
            for problem in error.problems
        )
    )
