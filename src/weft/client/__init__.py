"""What a running program uses to read its configuration, and to follow it without a restart.

    config = weft.client.open("/etc/weft")          # a bundle: what `config | bundle` renders, mounted as a folder
    config["database.pool.size"]                    # of one whole revision that schema and rules accept
    settings = config.bind(Settings, "database")    # an object of your own class that follows every change

    @config.on_change("database.pool")
    def resize(change): ...

    @config.before_change
    def can_connect(change): ...                    # raises `Refused` to keep the old revision

*A snapshot* is one revision. A new one is checked before it takes the place of the old one: by its digest, the schema, the rules, the rules over
`oldSelf`, and every listener. If anything refuses it, the old one stays, `config.status` says why, and the next change of the source is looked
at again. *The last good one* is kept on disk, for a start at which the source is missing or wrong.

Start reading at `config.Config`, then `settling.settle`.

May import: base, files, report, schema, rules, secrets, and the stage that validates.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from weft.client.collector import Collector
    from weft.client.config import Config
    from weft.client.flags import FlagProvider
    from weft.client.listeners import Change, Refused
    from weft.client.options import Require
    from weft.client.snapshot import NoSetting, Snapshot
    from weft.client.sources import File, Folder, Reading, Source, Unreadable
    from weft.client.status import Status

__all__ = [
    "Change", "Collector", "Config", "File", "FlagProvider", "Folder", "NoSetting", "Reading", "Refused", "Snapshot", "Source", "Status", "Unreadable", "open"
]  # fmt: skip
_HOMES = {
    **dict.fromkeys(("Change", "Refused"), "weft.client.listeners"),
    "Collector": "weft.client.collector",
    "Config": "weft.client.config",
    "FlagProvider": "weft.client.flags",
    "Status": "weft.client.status",
    **dict.fromkeys(("NoSetting", "Snapshot"), "weft.client.snapshot"),
    **dict.fromkeys(("File", "Folder", "Reading", "Source", "Unreadable"), "weft.client.sources"),
}


def open(  # noqa: A001 - as in `weft.client.open`
    source: str | os.PathLike[str] | Source,
    *,
    last_good: str | os.PathLike[str] | None = None,
    require: Require = "last-good",
    defaults: str | os.PathLike[str] | Source | None = None,
    secrets: str | os.PathLike[str] | None = None,
    environ: bool | Literal["secrets"] | Mapping[str, str] = False,
    allow_older: bool = False,
    watch: bool = True,
    debounce: float = 0.03,
    inotify: bool = True,
) -> Config:
    """The configuration in a bundle, and every later one that takes its place.

    `source` is the folder of a bundle, a file with one, or anything with the methods of `Source`. `last_good` is a folder of the program in which the last accepted
    bundle is kept. `require` says what a start accepts: `valid` (only what the source has), `last-good` (also what is kept), or `defaults` (also the
    bundle in `defaults`, which comes with the program). `secrets` is the folder of a mounted Secret, with a file for each sensitive setting, named by its `x-env`. With `environ`, environment variables (`x-env`) pin
    their settings: they win over the bundle, and never change; with `environ="secrets"`, only those of sensitive settings count. `allow_older` accepts revisions with a lower number than the current one.
    A source is read `debounce` seconds after it has changed; `inotify=False` only polls.

    Raises WeftError with every problem if there is nothing that can be used, and ValueError or TypeError for options that have no meaning, or do not
    fit each other.
    """
    from weft.client.config import Config
    from weft.client.options import opened_source, options_of

    options = options_of(
        last_good=last_good,
        require=require,
        defaults=defaults,
        secrets=secrets,
        environ=environ,
        debounce=debounce,
        allow_older=allow_older,
        watch=watch,
        inotify=inotify,
    )
    config = Config(opened_source("source", source), options)
    return config.watch() if watch else config


def __getattr__(name: str) -> Any:
    """What needs the validators is imported when it is asked for."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
