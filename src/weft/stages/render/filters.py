"""The filters that templates have in addition to Jinja's own."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from jinja2 import pass_context
from jinja2.filters import do_indent
from jinja2.runtime import Context, Macro

from weft.files import formats
from weft.schema import envvars
from weft.schema.reload import LIVE, RELOAD, RESTART, reload_of
from weft.secrets.taint import Branch, Lasting
from weft.stages.render.budget import size
from weft.stages.render.printing import in_words
from weft.stages.render.unset import TargetNames, Wanted

T = TypeVar("T")
M = TypeVar("M", bound=Lasting)
_PARTS: Final = "parts"
"""What is kept of variables that are those of several groups one after the other: the variables of each group."""
_SCALARS: Final = frozenset((str, int, bool, float))
DIGESTS: Final = {"sha256": "0" * 64}
"""The filters that make a digest of a text, with the one that all texts have inside of `same_digests`."""
_SAME_DIGESTS: Final[ContextVar[bool]] = ContextVar("same_digests", default=False)


def to_yaml(value: Any) -> str:
    """Block-style YAML; combine with `indent`."""
    return _once(value, "yaml", _lasting_yaml) if isinstance(value, Lasting) else formats.to_yaml(value)


def _lasting_yaml(mapping: Lasting) -> str:
    parts = mapping.made.get(_PARTS)
    return "\n".join(map(to_yaml, parts)) if parts else formats.to_yaml(mapping)


def to_json(value: Any, indent: int | None = None) -> str:
    """JSON in one line, or indented."""
    if isinstance(value, Lasting):
        return _once(value, f"json {indent}", lambda one: formats.to_json(one, indent))
    return formats.to_json(value, indent)


def env(value: Any) -> Mapping[str, str]:
    """The ordinary settings below a mapping of the configuration, as environment variables: a mapping from name to text.

    Of a list of mappings, the later one's variables win.
    """
    if not isinstance(value, list):
        return _once(_branch(value, "env"), "env", _environment)
    found: dict[str, str] = {}
    for branch in value:
        found.update(env(branch))
    return found


def _environment(branch: Branch) -> Lasting:
    found = Lasting(())
    if branch.node.env:
        _add_ordinary(found, [envvars.variable(branch.node, branch, branch.path)])
    names = branch.node.open_variables
    parts: list[Lasting] = []
    own = bool(branch.node.env)  # a variable of its own may have the name of one in a group
    for key in branch:
        name = names.get(key)
        if name and type(below := branch[key]) in _SCALARS:  # most settings: no secret, and a variable of their own
            found[name], own = below if type(below) is str else envvars.to_text(below), True
        elif branch.node.child(key).declares_variables:
            added = _add_below(found, branch, key)
            own = own or not added
            parts += added
    if not own:
        _note_parts(found, parts)
    return found


def _add_below(found: Lasting, branch: Branch, key: str) -> list[Lasting]:
    """Add the variables of a setting; for a group, they are also given back."""
    below = branch[key]
    if isinstance(below, Branch):
        part = _once(below, "env", _environment)
        found.update(part)
        return [part]
    if below is not None:
        _add_ordinary(found, envvars.variables(branch.node.child(key), below, (*branch.path, key)))
    return []


def _note_parts(found: Lasting, parts: list[Lasting]) -> None:
    """Note which groups variables come from, if each is in one of them, and all are."""
    if parts and sum(map(len, parts)) == len(found):
        found.made[_PARTS] = [part for part in parts if part]
        found.size = 1 + sum(size(part) - 2 for part in parts)  # without what each of them counts for itself


def _add_ordinary(found: dict[str, str], variables: Iterable[envvars.Variable]) -> None:
    found.update((variable.name, variable.text) for variable in variables if not variable.sensitive)


def secret_env(value: Any) -> dict[str, Any]:
    """The sensitive settings below a mapping of the configuration: name to reference."""
    return {variable.name: variable.value for variable in _variables(value, "secret_env") if variable.sensitive}


def public(value: Any) -> Any:
    """A mapping of the configuration without its sensitive settings."""
    return _branch(value, "public").public()


@pass_context
def restart_only(context: Context, value: Any) -> Any:
    """The settings of a mapping of the configuration that a program reads at its start only (`x-reload: restart`), without the sensitive ones."""
    branch, config = _branch(value, "restart_only"), context.get("config")
    around = reload_of(config.node, branch.path) if isinstance(config, Branch) else LIVE
    return _once(branch, "restart_only", lambda one: _read_at_start(one.public(), around))


def _read_at_start(branch: Branch, around: str) -> dict[str, Any]:
    """What needs a restart below a mapping, around which `x-reload` says this; nothing else counts as read."""
    found: dict[str, Any] = {}
    for key in branch.keys():  # noqa: SIM118 - all items of a branch would count as read
        said = branch.node.child(key).keyword(RELOAD, around)
        below = dict.get(branch, key)
        inside = _read_at_start(below, said) if isinstance(below, Branch) else None
        if inside:
            found[key] = inside
        elif inside is None and said == RESTART:
            found[key] = branch[key]
    return found


@pass_context
def bundle(
    context: Context, value: Any, revision: int | None = None, files: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The files that a program needs to follow the configuration while it runs, without secrets: name to text. Takes `config`."""
    branch = _branch(value, "bundle")
    target = context.get("target")
    if branch.path or not isinstance(target, TargetNames):
        raise TypeError("`bundle` takes the whole configuration: `config | bundle`")
    others = {name: str(in_words(text)) for name, text in (files or {}).items()}
    key = "bundle", target["name"], revision, *others.items()
    return _once(branch, key, lambda one: target.bundle(Wanted(_plain(one.public()), revision, others)))


def _plain(value: Any) -> Any:
    """A copy of what a template sees as plain mappings and lists."""
    if isinstance(value, dict):
        return {key: _plain(below) for key, below in value.items()}
    return [_plain(below) for below in value] if isinstance(value, list) else value


def env_file(value: Mapping[str, str]) -> str:
    """Variables as lines of a `.env` file, quoted where needed."""
    return formats.env_lines(_shell(value))


def indent(value: Any, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    """The text with its lines indented, except for the first one and blank ones; Jinja's own filter does the rest."""
    if type(value) is str and not first and not blank:
        lines = f"{value}\n".splitlines()
        if "" not in lines:
            return f"\n{width if isinstance(width, str) else ' ' * width}".join(lines)
    return do_indent(value, width, first, blank)


def export(value: Mapping[str, str]) -> str:
    """Variables as `export` lines for a POSIX shell."""
    return formats.export_lines(_shell(value))


def b64encode(value: str) -> str:
    """Base64 of a text in UTF-8."""
    return base64.b64encode(str(in_words(value)).encode()).decode()


def sha256(value: str) -> str:
    """The SHA-256 digest of a text, in hexadecimal."""
    return hashlib.sha256(str(in_words(value)).encode()).hexdigest()


def digests_are_same() -> bool:
    """True inside of `same_digests`."""
    return _SAME_DIGESTS.get()


@contextmanager
def same_digests() -> Iterator[None]:
    """Inside, all texts have the same digest and are not even made: it changes with a setting, but does not contain it."""
    token = _SAME_DIGESTS.set(True)
    try:
        yield
    finally:
        _SAME_DIGESTS.reset(token)


def timestamp(value: str) -> int:
    """Seconds since 1970 of a date or time in ISO 8601, in UTC if it has no zone; for a date, of its first second."""
    moment = datetime.fromisoformat(value)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def quote(value: Any) -> str:
    """A scalar that every YAML reader reads as exactly this value."""
    return formats.yaml_scalar(value)


def _variables(value: Any, name: str) -> list[envvars.Variable]:
    if isinstance(value, list):
        return [variable for branch in value for variable in _variables(branch, name)]
    return [*_of_branch(_branch(value, name))]


def _of_branch(branch: Branch) -> Sequence[envvars.Variable]:
    """The variables of a branch, in the schema's order."""
    return _once(branch, "variables", _found_in)


def _found_in(branch: Branch) -> Sequence[envvars.Variable]:
    own = [envvars.variable(branch.node, branch, branch.path)] if branch.node.env else []
    return [*own, *(found for key in branch for found in _inside(branch, key))]


def _inside(branch: Branch, key: str) -> Sequence[envvars.Variable]:
    node = branch.node.child(key)
    if not node.declares_variables:
        return ()
    value = branch[key]
    return _of_branch(value) if isinstance(value, Branch) else envvars.variables(node, value, (*branch.path, key))


@pass_context
def once(context: Context, value: Macro, *arguments: Any) -> str:
    """The text that a macro makes of some texts and numbers, made once for all templates of a target; it may use nothing else that changes."""
    config = context.get("config")
    if not isinstance(value, Macro) or not all(isinstance(one, str | int | float | None) for one in arguments):
        raise TypeError("`once` takes a macro, and texts and numbers for it, as in `content | once(name)`")
    if not isinstance(config, Branch):
        return str(value(*arguments))
    code = value._func.__code__  # noqa: SLF001 - a macro has no other name that tells it from those of other templates
    # with values that may be missing, or without digests, a macro makes other texts
    made_how = context.environment.undefined, digests_are_same(), context["target"]["name"]
    key = code.co_filename, code.co_firstlineno, *made_how, *((type(one), one) for one in arguments)
    return _once(config, key, lambda _: str(value(*arguments)))


def _once(mapping: M, name: Hashable, make: Callable[[M], T]) -> T:
    """What `make` makes of a mapping; the next one who asks gets the same."""
    if name not in mapping.made:
        mapping.made[name] = make(mapping)
    made: T = mapping.made[name]
    return made


def _branch(value: Any, name: str) -> Branch:
    if not isinstance(value, Branch):
        raise TypeError(f"`{name}` takes a mapping of the configuration, as in `database | {name}`")
    return value


def _shell(value: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, str(in_words(text))) for name, text in value.items()]


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "b64encode": b64encode,
    "bundle": bundle,
    "env": env,
    "env_file": env_file,
    "export": export,
    "indent": indent,
    "once": once,
    "public": public,
    "quote": quote,
    "restart_only": restart_only,
    "secret_env": secret_env,
    "sha256": sha256,
    "timestamp": timestamp,
    "to_json": to_json,
    "to_yaml": to_yaml,
}
