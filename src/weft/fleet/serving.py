"""What a worker without the project's folder does: it unpacks the archive of a project, and makes results.

`serve` is all that such a worker is asked to call. Its arguments and answers are plain data, so that a worker with another Weft can say
so: only the same Weft, with the same Python and packages, gives the same results. Nothing is kept in a store, and no path of the worker is
in an answer.
"""

from __future__ import annotations

import multiprocessing.util
import os
import pickle
import platform
import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from weft.files.reading import ProjectFiles
from weft.files.signatures import digest_of
from weft.files.store import Store
from weft.fleet.archives import below, unpack
from weft.fleet.making import Maker
from weft.fleet.options import Installation, Options, installation
from weft.project.project import open_project

MADE: Final = "made"
"""The answer with results."""
LACKS: Final = "lacks"
"""The answer of a worker that needs the archive."""
DIFFERS: Final = "differs"
"""The answer of a worker with another installation."""
_KEPT: Final = 4
"""How many projects a worker keeps open."""
_WITHOUT_STORE: Final = Path(os.devnull, "weft")

Reply = tuple[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker opens: the archive with a digest, as a project with some options; `common` is the common part of the keys."""

    digest: str
    folder: str
    allowed: tuple[str, ...]
    options: Options
    common: str


@dataclass(frozen=True, slots=True)
class _Opened:
    """A project that was opened from an archive, and what removes its files."""

    process: int
    maker: Maker
    remove: Callable[[], Any]


_opened: dict[bytes, _Opened] = {}
_one_at_a_time = threading.Lock()


def serve(code: str, job: bytes, part: bytes, archive: bytes | None = None) -> Reply:
    """The results of some targets, pickled, or why there are none; `code` is the digest of the installation that is wanted.

    Raises WeftError if the project cannot be opened.
    """
    with _one_at_a_time:
        here = installed()
        if here.digest() != code:
            return DIFFERS, (
                f"{platform.node()}, process {os.getpid()}",
                here.version,
                here.python,
                list(here.packages),
            )
        maker = _maker(job, archive)
        if maker is None:
            return LACKS, None
        identities: Sequence[Any] = pickle.loads(part)  # noqa: S301 - the caller could send any code as well
        return MADE, pickle.dumps([maker.make(maker.project.of(identity)) for identity in identities], protocol=5)


@cache
def installed() -> Installation:
    """Weft as it is installed in this process."""
    return installation()


def _maker(job: bytes, archive: bytes | None) -> Maker | None:
    """What makes results of a job; None if its archive is not here."""
    known = _opened.get(job)
    if known is not None and known.process == os.getpid():  # not that of a process from which this one was forked
        return known.maker
    if archive is None:
        return None
    what: Job = pickle.loads(job)  # noqa: S301 - the caller could send any code as well
    if digest_of(archive) != what.digest:
        return None
    while len(_opened) >= _KEPT:
        _opened.pop(next(iter(_opened))).remove()
    _opened[job] = _open(what, archive)
    return _opened[job].maker


def _open(job: Job, archive: bytes) -> _Opened:
    root = Path(tempfile.mkdtemp(prefix="weft-archive-")).resolve()
    remove = multiprocessing.util.Finalize(
        None, shutil.rmtree, (root, True), exitpriority=1
    )  # in a worker of a pool too
    try:
        unpack(archive, root)
        files = ProjectFiles(below(root, job.folder), tuple(below(root, folder) for folder in job.allowed))
        project = open_project(files, job.options.overrides, job.options.environment)
        return _Opened(os.getpid(), Maker(project, Store(_WITHOUT_STORE), job.common, str(root)), remove)
    except BaseException:
        remove()
        raise
