"""From a bundle to a snapshot: secrets and pinned settings are put in, what needs a restart is held back, and the whole is checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, Final

from weft.base.paths import Path, dotted, get, has, parse_dotted, pointer
from weft.base.problems import Problem, Severity, WeftError, reason_of
from weft.client.judging import Bundle, Judge
from weft.client.snapshot import Group, Snapshot, changed
from weft.files.bundle import is_file_name
from weft.files.reading import OutsideError, ProjectFiles
from weft.schema.node import MISSING, Node
from weft.schema.reload import RESTART, reload_of

_LISTED: Final = 10
"""The settings that a warning names; of more it says how many."""


@dataclass(frozen=True)
class Pinned:
    """What does not come from the bundle: settings that environment variables set, and sensitive ones from files named like theirs."""

    values: Mapping[Path, Any] = field(default_factory=dict, repr=False)
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[Path, str] = field(default_factory=dict, repr=False)
    secret_files: Mapping[str, str] = field(default_factory=dict)
    secret_variables: Mapping[str, str] = field(default_factory=dict)
    empty: frozenset[Path] = frozenset()
    """Sensitive settings whose file is empty."""

    @classmethod
    def of(
        cls, judge: Judge, environ: Mapping[str, str], folder: FilePath | None, *, only_secrets: bool = False
    ) -> Pinned:
        """Those of a schema; the variables of all settings count, or `only_secrets`.

        Raises WeftError if the text of a variable is none for its setting.
        """
        values: dict[Path, Any] = {}
        variables: dict[str, str] = {}
        secrets: dict[Path, str] = {}
        files: dict[str, str] = {}
        secret_variables: dict[str, str] = {}
        empty: set[Path] = set()
        mounted = _mounted(folder) if folder else None
        for name, path, node in judge.variables if environ or folder else ():
            if node.hidden:
                content = _content(folder, mounted / name) if folder and mounted and is_file_name(name) else None
                if content:
                    secrets[path], files[dotted(path)] = content, f"{folder}/{name}"
                elif name in environ:
                    secrets[path], secret_variables[dotted(path)] = environ[name], name
                elif content == "":
                    empty.add(path)
            elif name in environ and not only_secrets:
                values[path] = _value(node, name, environ[name])
                variables[dotted(path)] = name
        return cls(values, variables, secrets, files, secret_variables, frozenset(empty))


def _mounted(folder: FilePath) -> FilePath:
    """The folder that has all files of a mounted Secret now, so that those of two of its revisions are never mixed."""
    try:
        return (folder / "..data").resolve(strict=True)
    except OSError:
        return folder


def _content(folder: FilePath, file: FilePath) -> str | None:
    """The content of a mounted Secret's file, without the line end that editors add; None if there is none. Raises WeftError."""
    try:
        return ProjectFiles(folder).read(file).decode("utf-8").removesuffix("\n")
    except FileNotFoundError:
        return None
    except OutsideError:
        reason = f"the secret {file} leads out of {folder}"
    except OSError as error:
        reason = f"the secret {file} cannot be read: {reason_of(error)}"
    except UnicodeDecodeError:
        reason = f"the secret {file} is not UTF-8"
    raise WeftError(Problem("bundle-refused", reason, hint="correct the mounted Secret, or its permissions"))


def _value(node: Node, name: str, text: str) -> Any:
    from weft.schema.envvars import from_text

    try:
        value = from_text(node, text)
    except (ValueError, OverflowError) as error:
        raise WeftError(Problem("bad-variable", f"the environment variable {name}: {error}")) from None
    if isinstance(value, float) and not math.isfinite(value):
        raise WeftError(Problem("bad-variable", f"the environment variable {name}: the value must be a finite number"))
    return value


@dataclass(frozen=True)
class Settled:
    """A snapshot that was accepted, and the settings whose new value waits for a restart."""

    snapshot: Snapshot
    pending: tuple[str, ...]
    pinned: Pinned


def settle(
    judge: Judge,
    bundle: Bundle,
    pinned: Pinned,
    previous: Snapshot | None,
    *,
    hold: bool = True,
    allow_older: bool = False,
) -> Settled:
    """The snapshot of a bundle after a previous one. Raises WeftError with why it cannot be the configuration.

    A setting that says `x-reload: restart` keeps the value with which the program has started, unless the program is restarted, so that nothing
    is on `hold`. The new values are checked, and so is what is in force with the old values of such settings.
    """
    if previous is not None and not allow_older:
        _refuse_older(bundle.manifest.revision, previous.revision)
    values = _with(bundle.values, pinned.values)
    references = {parse_dotted(path): f"ref+env://{name or 'SECRET'}" for path, name in bundle.manifest.secrets.items()}
    before = None if previous is None else without_secrets(judge.root, previous.tree)
    problems = judge.problems(bundle, _with(values, references), before)
    if problems:
        raise WeftError(*problems)
    if previous is not None:
        _refuse_lost([path for path in references if path not in pinned.secrets and has(previous.tree, path)], pinned)
    differing = changed(before, values) if before is not None and hold else ()
    pending = [path for path in differing if reload_of(judge.root, path) == RESTART]
    values = _with(values, {path: _at(before, path) for path in pending})
    problems = judge.problems(bundle, _with(values, references), before) if pending else []
    if problems:
        names = ", ".join(map(dotted, pending))
        message = f"{names} cannot change without a restart, and the other new values do not fit the old ones"
        raise WeftError(Problem("change-refused", message), *problems)
    values = _with(values, {path: text for path, text in pinned.secrets.items() if path in references})
    manifest = bundle.manifest
    snapshot = Snapshot(values, judge.root, manifest.digest, manifest.revision, bundle.others, pinned.secrets)
    return Settled(snapshot, tuple(map(dotted, pending)), pinned)


def overruled(bundle: Bundle, first: Bundle, pinned: Pinned) -> tuple[Problem, ...]:
    """A warning for each pinned setting to which the source gives another value than it did in the first bundle."""
    return tuple(
        bundle.placed(
            Problem(
                "setting-pinned",
                f"the new value of {dotted(path)} is ignored: the environment variable {pinned.variables[dotted(path)]} pins it",
                Severity.WARNING,
                path=pointer(path),
                hint="remove the variable, and restart the program",
            )
        )
        for path in pinned.values
        if _at(bundle.values, path) != _at(first.values, path)
    )


def _at(values: Any, path: Path) -> Any:
    return get(values, path) if has(values, path) else MISSING


def without_value(bundle: Bundle, pinned: Pinned) -> tuple[Problem, ...]:
    """A warning that names the sensitive settings of a bundle that have no value: no file, no variable, or an empty one."""
    names = [path for path in bundle.manifest.secrets if parse_dotted(path) not in pinned.secrets]
    if not names:
        return ()
    empty = [path for path in names if parse_dotted(path) in pinned.empty]
    missing = [path for path in names if path not in empty]
    parts = [f"{_joined(missing)} without a file or variable"] if missing else []
    parts += [f"{_joined(empty)} with an empty one"] if empty else []
    message = f"sensitive settings have no value: {' and '.join(parts)}"
    hint = "mount a Secret with a file for each of them, named by its `x-env`"
    return (Problem("unresolved-reference", message, Severity.WARNING, hint=hint),)


def _joined(names: list[str]) -> str:
    shown = ", ".join(names[:_LISTED])
    return f"{shown} and {len(names) - _LISTED} more" if len(names) > _LISTED else shown


def _refuse_lost(secrets: list[Path], pinned: Pinned) -> None:
    if secrets:
        empty = [dotted(path) for path in secrets if path in pinned.empty]
        missing = [dotted(path) for path in secrets if path not in pinned.empty]
        parts = [f"has no file any more for {', '.join(missing)}"] if missing else []
        parts += [f"has an empty file for {', '.join(empty)}"] if empty else []
        message = f"the mounted Secret {' and '.join(parts)}, which the program reads"
        raise WeftError(Problem("bundle-refused", message, hint="mount a Secret with all of them"))


def _refuse_older(new: int | None, old: int | None) -> None:
    if old is not None and new is not None and new < old:
        message = f"this is revision {new}, and revision {old} is in force"
        raise WeftError(Problem("bundle-refused", message, hint="give it a higher number"))


def _with(values: Mapping[str, Any], more: Mapping[Path, Any]) -> dict[str, Any]:
    """A copy of values with more or fewer (MISSING) of them. What is not on the way to one of them is shared, and must not be changed."""
    result = dict(values)
    own: dict[Path, dict[str, Any]] = {(): result}
    for path, value in more.items():
        around = _own(own, path[:-1])
        if around is None:
            continue  # something else than a mapping is there, which the schema refuses
        if value is MISSING:
            around.pop(str(path[-1]), None)
        else:
            around[str(path[-1])] = value
    return result


def _own(own: dict[Path, dict[str, Any]], path: Path) -> dict[str, Any] | None:
    """The mapping at a path, as a copy that may be changed; None if something else is there."""
    for length in range(1, len(path) + 1):
        if path[:length] not in own:
            around, key = own[path[: length - 1]], str(path[length - 1])
            below = around.get(key, {})
            if not isinstance(below, Mapping):
                return None
            own[path[:length]] = around[key] = dict(below)
    return own[path]


def without_secrets(node: Node, value: Any) -> Any:
    """A copy of a snapshot's values as plain data, without the sensitive settings: the schema is for references in their place."""
    if isinstance(value, Group):
        below = ((key, node.child(key), one) for key, one in dict.items(value))
        return {key: without_secrets(child, one) for key, child, one in below if not child.hidden}
    return [without_secrets(node.child(0), one) for one in value] if isinstance(value, tuple) else value
