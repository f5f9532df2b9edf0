"""A store of results in the folder of a project: the folder `.weft_cache`, with one SQLite file.

Losing it costs time and nothing else, so every failure is a miss: a store that cannot be written is not written, one that is damaged or of
another version is made again. Each entry has the digest of its data, which is checked whenever it is read: SQLite itself does not notice a
changed bit. Several processes may use one store.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Final, TypeVar

from weft.files.atomic import replace_file

FOLDER: Final = ".weft_cache"
_FILE: Final = "results.sqlite"
_VERSION: Final = 1
_WAIT: Final = 5.0
"""Seconds to wait for another process that writes."""
_SIZE: Final = 16
_PAGES: Final = 512
"""The kilobytes of the file that each process keeps in memory."""
_TAG: Final = "Signature: 8a477f597d28d172789f06886806bc55\n# Results that Weft keeps to work faster. This folder may be removed.\n"
_T = TypeVar("_T")


class Store:
    """The entries of a store, by their kind and key. It is opened when it is first used, by each process for itself."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._connection: sqlite3.Connection | None = None
        self._process = 0
        self._broken = False

    def get(self, kind: str, key: str) -> bytes | None:
        """The data of an entry; None if there is none, or it is damaged."""
        row = self._try(
            lambda store: store.execute(
                "SELECT digest, data FROM entry WHERE kind = ? AND key = ?", (kind, key)
            ).fetchone()
        )
        if row is None or not isinstance(row[1], bytes) or row[0] != _digest(row[1]):
            return None
        return row[1]

    def can_write(self) -> bool:
        """True if entries can be stored; the folder is made."""
        return self._try(lambda _: True, create=True) is True and os.access(self.folder, os.W_OK)

    def put(self, entries: Iterable[tuple[str, str, bytes]]) -> None:
        """Store entries, each with its kind and key; a failed write is ignored."""
        rows = [(kind, key, _digest(data), data) for kind, key, data in entries]
        if rows:
            self._try(lambda store: _write(store, rows), create=True)

    def age(self, used: Iterable[tuple[str, str]]) -> None:
        """Begin a generation that uses these entries, and remove those that neither it nor the last one has used."""
        entries = list(used)
        self._try(lambda store: _age(store, entries))

    def keep_newest(self, kind: str, number: int) -> None:
        """Remove all entries of a kind but the newest ones."""
        query = (
            "DELETE FROM entry WHERE kind = ?1 AND rowid NOT IN "
            "(SELECT rowid FROM entry WHERE kind = ?1 ORDER BY rowid DESC LIMIT ?2)"
        )
        self._try(lambda store: store.execute(query, (kind, number)))

    def sizes(self) -> dict[str, tuple[int, int]]:
        """The number of entries of each kind, and their bytes."""
        query = "SELECT kind, count(*), sum(length(data)) FROM entry GROUP BY kind"
        rows = self._try(lambda store: store.execute(query).fetchall())
        return {kind: (number, size) for kind, number, size in rows or ()}

    def count(self, kind: str) -> int:
        """The number of entries of one kind."""
        query = "SELECT count(*) FROM entry WHERE kind = ?"
        return self._try(lambda store: int(store.execute(query, (kind,)).fetchone()[0])) or 0

    def size(self) -> int:
        """The bytes of the folder on the disk."""
        with contextlib.suppress(OSError):
            return sum(entry.stat().st_size for entry in os.scandir(self.folder))
        return 0

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None and self._process == os.getpid():
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None

    def clear(self) -> bool:
        """Remove the store with everything in it. Returns whether there was one."""
        self.close()
        there = self.folder.is_dir() and not self.folder.is_symlink()
        shutil.rmtree(self.folder, ignore_errors=True)
        return there

    def _try(self, work: Callable[[sqlite3.Connection], _T], *, create: bool = False) -> _T | None:
        """The result of some work with the file; None if there is no file, or it cannot be used."""
        try:
            store = self._opened(create=create)
            return None if store is None else work(store)
        except sqlite3.OperationalError as error:  # it is locked, read-only or full
            if "no such" in str(error):  # a file of another program, or of another version
                self._discard()
            self._broken = True  # nobody waits a second time
            return None
        except (sqlite3.Error, OSError, OverflowError, UnicodeError):
            self._discard()
            return None

    def _opened(self, *, create: bool) -> sqlite3.Connection | None:
        if self._process != os.getpid():  # a connection must not be used after a fork
            self._connection, self._process = None, os.getpid()
        if self._broken:
            return None
        if self._connection is None and not self._leads_elsewhere():
            file = self.folder / _FILE
            if create and not file.exists():
                _make_folder(self.folder)
            if create or file.is_file():
                self._connection = _connected(file)
        return self._connection

    def _leads_elsewhere(self) -> bool:
        """True if the folder or a file in it is a link, which a project could contain to have another file overwritten."""
        if self.folder.is_symlink():
            return True
        with contextlib.suppress(OSError), os.scandir(self.folder) as found:
            return any(entry.is_symlink() for entry in found)
        return False

    def _discard(self) -> None:
        """Remove a damaged file, so that the next run makes a new one."""
        self.close()
        self._broken = True
        with contextlib.suppress(OSError):
            (self.folder / _FILE).unlink()


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=_SIZE).digest()


def _make_folder(folder: Path) -> None:
    """Make the folder, which Git and backup programs leave out: https://bford.info/cachedir/."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, text in ((".gitignore", "*\n"), ("CACHEDIR.TAG", _TAG)):
        if not (folder / name).exists():
            replace_file(folder / name, text, durable=False)


def _connected(file: Path) -> sqlite3.Connection:
    """The opened file. What a power failure spoils is noticed by its digest, so nothing waits for the disk."""
    store = sqlite3.connect(file, timeout=_WAIT, isolation_level=None, check_same_thread=False)
    try:
        store.execute("PRAGMA synchronous = OFF")
        store.execute("PRAGMA journal_mode = WAL")
        store.execute(f"PRAGMA cache_size = -{_PAGES}")
        (version,) = store.execute("PRAGMA user_version").fetchone()
        if version != _VERSION:
            with _transaction(store):
                store.execute("DROP TABLE IF EXISTS entry")
                store.execute(
                    "CREATE TABLE entry (kind TEXT, key TEXT, generation INTEGER, digest BLOB, data BLOB, UNIQUE (kind, key))"
                )
                store.execute("CREATE TABLE IF NOT EXISTS counter (generation INTEGER)")
                store.execute("DELETE FROM counter")
                store.execute("INSERT INTO counter VALUES (0)")
                store.execute(f"PRAGMA user_version = {_VERSION}")
    except BaseException:
        store.close()
        raise
    return store


def _write(store: sqlite3.Connection, rows: list[tuple[str, str, bytes, bytes]]) -> None:
    with _transaction(store):
        (now,) = store.execute("SELECT generation FROM counter").fetchone()
        store.executemany(
            "INSERT OR REPLACE INTO entry (kind, key, generation, digest, data) VALUES (?, ?, ?, ?, ?)",
            [(kind, key, now, digest, data) for kind, key, digest, data in rows],
        )


def _age(store: sqlite3.Connection, used: list[tuple[str, str]]) -> None:
    with _transaction(store):
        (now,) = store.execute("UPDATE counter SET generation = generation + 1 RETURNING generation").fetchone()
        store.executemany("UPDATE entry SET generation = ? WHERE kind = ? AND key = ?", [(now, *one) for one in used])
        for kind in {kind for kind, _ in used}:
            store.execute("DELETE FROM entry WHERE kind = ? AND generation < ?", (kind, now - 1))


@contextlib.contextmanager
def _transaction(store: sqlite3.Connection) -> Iterator[None]:
    store.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            store.execute("ROLLBACK")
        raise
    store.execute("COMMIT")
