"""How a configuration is opened: the options of `open`, checked before anything is read."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

from weft.base.problems import choices, did_you_mean
from weft.client.sources import AtPath, Source

Require = Literal["valid", "last-good", "defaults"]
_SWITCHES: Final = ("allow_older", "watch", "inotify")


@dataclass(frozen=True)
class Options:
    """How a configuration is opened; `open` says what each of them means."""

    last_good: Path | None = None
    require: Require = "last-good"
    defaults: Source | None = None
    environ: Mapping[str, str] | None = None
    environ_has_secrets_only: bool = False
    secrets: Path | None = None
    allow_older: bool = False
    debounce: float = 0.03
    inotify: bool = True


def options_of(
    *, last_good: Any, require: Any, defaults: Any, secrets: Any, environ: Any, debounce: Any, **switches: Any
) -> Options:
    """The options that `open` was called with. Raises TypeError or ValueError for one that has no meaning."""
    for name in _SWITCHES:
        if not isinstance(switches[name], bool):
            raise TypeError(f"`{name}` must be True or False, and not {switches[name]!r}")
    if require not in get_args(Require):
        hint = did_you_mean(str(require), get_args(Require)) or f"expected {choices(get_args(Require))}"
        raise ValueError(f"`require={require!r}` is not known: {hint}")
    if (require == "defaults") is (defaults is None):
        raise ValueError(
            '`require="defaults"` and `defaults=…`, the bundle that comes with the program, need each other'
        )
    return Options(
        last_good=None if last_good is None else path_of("last_good", last_good).absolute(),
        require=require,
        defaults=None if defaults is None else opened_source("defaults", defaults),
        environ=_environ(environ),
        environ_has_secrets_only=isinstance(environ, str),
        secrets=None if secrets is None else path_of("secrets", secrets).absolute(),
        allow_older=switches["allow_older"],
        debounce=_seconds("debounce", debounce),
        inotify=switches["inotify"],
    )


def opened_source(name: str, source: Any) -> Source:
    """The source that an argument names, or is. Raises TypeError or ValueError."""
    if all(hasattr(source, method) for method in ("read", "token", "folders")):
        found: Source = source
        return found
    return AtPath(path_of(name, source))


def path_of(name: str, value: Any) -> Path:
    """The path in an argument. Raises TypeError or ValueError."""
    if not isinstance(value, str | os.PathLike) or isinstance(os.fspath(value), bytes):
        raise TypeError(f"`{name}` must be the path of a folder, as a text or a `Path`, and not {value!r}")
    text = os.fspath(value)
    if not text:
        raise ValueError(f"`{name}` is an empty text, and not the path of a folder; the current folder is `.`")
    if "\0" in text:
        raise ValueError(f"`{name}` contains the character NUL, so it cannot be a path: {text!r}")
    return Path(text)


def _environ(value: Any) -> Mapping[str, str] | None:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, bool) or value == "secrets":
        return dict(os.environ) if value else None
    raise ValueError(f'`environ` must be True, False, "secrets" or a mapping of variables, and not {value!r}')


def _seconds(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"`{name}` must be a number of seconds, and not {value!r}")
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"`{name}` must be a number of seconds that is not negative, and not {value!r}")
    return float(value)
