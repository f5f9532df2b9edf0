"""From a bundle to a snapshot: secrets and pinned settings are put in, what needs a restart is held back, and the whole is checked."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from weft.base.paths import Path, dotted, get, has, parse_dotted
from weft.base.problems import Problem, WeftError
from weft.client.judging import Bundle, Judge
from weft.client.snapshot import Snapshot, changed, thawed
from weft.schema.envvars import declared, from_text, put
from weft.schema.node import Node
from weft.schema.reload import RESTART, reload_of


@dataclass(frozen=True)
class Pinned:
    """What does not come from the bundle: settings that environment variables set, and sensitive ones from files named like theirs."""

    values: Mapping[Path, Any] = field(default_factory=dict, repr=False)
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[Path, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls, root: Node, environ: Mapping[str, str], folder: FilePath | None, *, only_secrets: bool = False
    ) -> Pinned:
        """Those of a schema; the variables of all settings count, or `only_secrets`.

        Raises WeftError if the text of a variable is none for its setting.
        """
        values: dict[Path, Any] = {}
        variables: dict[str, str] = {}
        secrets: dict[Path, str] = {}
        for name, path, node in declared(root):
            if node.hidden:
                found = _content(folder, name) or environ.get(name)
                secrets |= {path: found} if found is not None else {}
            elif name in environ and not only_secrets:
                values[path] = _value(node, name, environ[name])
                variables[dotted(path)] = name
        return cls(values, variables, secrets)


def _content(folder: FilePath | None, name: str) -> str | None:
    """The content of a mounted Secret's file, without the line end that editors add."""
    try:
        return (folder / name).read_text("utf-8").removesuffix("\n") if folder else None
    except (OSError, UnicodeDecodeError):
        return None


def _value(node: Node, name: str, text: str) -> Any:
    try:
        return from_text(node, text)
    except ValueError as error:
        raise WeftError(Problem("bad-variable", f"the environment variable {name}: {error}")) from None


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
    values = copy.deepcopy(dict(bundle.values))
    for path, value in pinned.values.items():
        put(values, path, value)
    references = {parse_dotted(path): f"ref+env://{name or 'SECRET'}" for path, name in bundle.manifest.secrets.items()}
    before = None if previous is None else without_secrets(judge.root, thawed(previous.tree))
    problems = judge.problems(bundle, _with(values, references), before)
    if problems:
        raise WeftError(*problems)
    differing = changed(before, values) if before is not None and hold else ()
    pending = [path for path in differing if reload_of(judge.root, path) == RESTART]
    for path in pending:
        _restore(values, before, path)
    problems = judge.problems(bundle, _with(values, references), before) if pending else []
    if problems:
        names = ", ".join(map(dotted, pending))
        message = f"{names} cannot change without a restart, and the other new values do not fit the old ones"
        raise WeftError(Problem("change-refused", message), *problems)
    values = _with(values, {path: text for path, text in pinned.secrets.items() if path in references})
    manifest = bundle.manifest
    snapshot = Snapshot(values, judge.root, manifest.digest, manifest.revision, bundle.others)
    return Settled(snapshot, tuple(map(dotted, pending)), pinned)


def _refuse_older(new: int | None, old: int | None) -> None:
    if old is not None and new is not None and new < old:
        message = f"this is revision {new}, and revision {old} is in force"
        raise WeftError(Problem("bundle-refused", message, hint="give it a higher number"))


def _with(values: dict[str, Any], more: Mapping[Path, Any]) -> dict[str, Any]:
    """A copy of values with more of them; a rule may ask whether a sensitive setting is set."""
    result = copy.deepcopy(values)
    for path, value in more.items():
        put(result, path, value)
    return result


def without_secrets(node: Node, value: Any) -> Any:
    """A copy without the sensitive settings: the schema is for references in their place."""
    if isinstance(value, Mapping):
        return {
            key: without_secrets(node.child(key), below) for key, below in value.items() if not node.child(key).hidden
        }
    return [without_secrets(node.child(0), below) for below in value] if isinstance(value, list) else value


def _restore(values: dict[str, Any], before: Any, path: Path) -> None:
    """Put the old value of a setting into new values, or remove it if it had none."""
    if has(before, path):
        put(values, path, copy.deepcopy(get(before, path)))
    elif has(values, path):
        del get(values, path[:-1])[path[-1]]
