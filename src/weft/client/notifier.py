"""Noticing changes: the kernel says when something is renamed or written in a folder, and a slow poll finds what it does not say.

A watch of the file or of `..data` itself would fire once and then never again, because the kubelet replaces both. So the folder is watched, which
stays. A folder that is removed and created again gets a new watch at the next poll.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import struct
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

POLL: Final = 5.0
"""Seconds between two polls while the kernel can be asked, and a backstop for what it does not say (NFS, a folder created again)."""
FAST_POLL: Final = 0.2
"""Seconds between two polls where it cannot; with half of it, an idle program would use 0.1 % of a core."""
_MASK: Final = 0x2 | 0x4 | 0x8 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800
"""Modified, attributes, written and closed, moved from and to, created, deleted, itself deleted or moved (`inotify(7)`)."""
_GONE: Final = 0x400 | 0x800 | 0x8000
"""Itself deleted or moved, or not watched any more."""
_EVENT: Final = struct.Struct("iIII")


class Notifier:
    """Waits for changes in some folders. Where there is no `inotify`, it only waits for a short time."""

    def __init__(self, folders: Iterable[Path], *, inotify: bool = True) -> None:
        self._folders = tuple(folders)
        self._wake, self._woken = os.pipe()
        self._handle = _inotify() if inotify and self._folders else None
        self._watches: dict[Path, tuple[int, str]] = {}
        """The watch of each folder, and where the folder really was then: it may be a link that is switched."""
        self._selector = selectors.DefaultSelector()  # `select` takes no handles above 1,023
        for handle in filter(None, (self._wake, self._handle)):
            self._selector.register(handle, selectors.EVENT_READ)

    def close(self) -> None:
        """Give back what the kernel lent."""
        self._selector.close()
        for handle in (self._wake, self._woken, self._handle):
            if handle is not None:
                with contextlib.suppress(OSError):
                    os.close(handle)

    def wake(self) -> None:
        """Let `wait` return now, from another thread."""
        with contextlib.suppress(OSError):
            os.write(self._woken, b"x")

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until something may have changed; true if somebody said so, false after the time of a poll.

        Nobody says what happened before a folder was watched, so the first wait after that is over at once.
        """
        if self._watch():
            return True
        poll = POLL if self._watches else FAST_POLL
        ready = self._selector.select(poll if timeout is None else min(timeout, poll))
        for key, _ in ready:
            data = os.read(key.fd, 65536)
            if key.fd == self._handle:
                self._forget(data)
        return bool(ready)

    def _watch(self) -> bool:
        """Watch the folders that are there and not watched; true if there was one."""
        is_new = False
        for folder in self._folders if self._handle is not None else ():
            known, real = self._watches.get(folder), os.path.realpath(folder)
            if known is not None and known[1] != real:
                self._end(folder)
            if folder not in self._watches:
                number = _libc().inotify_add_watch(self._handle, os.fsencode(real), _MASK)
                if number >= 0:
                    self._watches[folder] = number, real
                    is_new = True
        return is_new

    def _end(self, folder: Path) -> None:
        number, _ = self._watches.pop(folder)
        if all(other != number for other, _ in self._watches.values()):
            _libc().inotify_rm_watch(self._handle, number)

    def _forget(self, events: bytes) -> None:
        """A folder that is gone, or is another one now, is not watched any more."""
        start = 0
        while start + _EVENT.size <= len(events):
            number, mask, _, length = _EVENT.unpack_from(events, start)
            start += _EVENT.size + length
            if mask & _GONE:
                for folder in [one for one, (known, _) in self._watches.items() if known == number]:
                    self._end(folder)


def settled(token: Callable[[], Any], notifier: Notifier, quiet: float, longest: float = 1.0) -> None:
    """Wait until a source has not changed for a short time, so that one update is not taken for several."""
    since = time.monotonic()
    end = since + longest
    last = token()
    while (left := min(since + quiet, end) - time.monotonic()) > 0:
        notifier.wait(left)  # it returns early for each event, also for those that change nothing
        now = token()
        if now != last:
            last, since = now, time.monotonic()


def _inotify() -> int | None:
    """A handle of `inotify`; None where there is none."""
    with contextlib.suppress(OSError, AttributeError):
        handle: int = _libc().inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        return handle if handle >= 0 else None
    return None


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)
