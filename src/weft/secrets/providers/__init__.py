"""Providers resolve references such as `ref+env://NAME` to secrets, each for one kind of secret store.

A reference is `ref+SCHEME://PATH?PARAMETER=VALUE#KEY`, percent-encoded like any URI. A provider is a module with the name of its
scheme, in this package or in another one with an entry point of the group `weft.providers`:

    FORM = "NAME"                # the word for PATH in hints
    KEY = "never"                # whether `#KEY` may follow: never, may or must
    PARAMETERS = ()              # the names of its parameters

    def complaint(reference: Reference) -> str | None: ...      # an error in the form of PATH; nothing is read
    def resolve(reference: Reference, files: ProjectFiles) -> str: ... # the secret; raises ProviderError

`files` are those of the project, with its `folder`: a provider of files reads them through `documents.read`, which refuses files outside
of the project unless allowed. A provider is imported only when a reference names it, and its packages only when a secret is fetched.

The message for a missing secret consists of the reason and the hint of the ProviderError; `secret_files.resolving` turns it into a
problem with a place. Modules in this package that are not providers are listed in `_plugins`. A provider that needs a package has an
extra with its name.

Start reading at `env`, the shortest one; `documents` and `identities` are shared by providers that read files.

May import: the same as `secrets`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from weft.base.extras import how_to_install
from weft.base.overlay import OPERATORS, data_path
from weft.base.paths import Path as SettingPath
from weft.base.paths import dotted, pointer
from weft.base.plugins import Plugins
from weft.base.problems import Problem, Severity, choices, did_you_mean
from weft.files.reading import ProjectFiles
from weft.schema.node import Node
from weft.secrets.references import is_reference

GROUP: Final = "weft.providers"
_PARTS = re.compile(
    r"ref\+(?P<scheme>[^:/?#]+)://(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#(?P<key>.*))?\Z", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Reference:
    """The parts of a reference, percent-decoded; `key` is None without a `#`."""

    scheme: str
    path: str
    key: str | None
    parameters: Mapping[str, str]


class ProviderError(Exception):
    """Raised if a reference cannot be resolved, with the reason and a hint. Neither ever contains a secret."""

    def __init__(self, reason: str, hint: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.hint = reason, hint


def schemes() -> tuple[str, ...]:
    """The available schemes of references."""
    return _plugins().names


def parse(text: str) -> Reference:
    """The parts of a reference.

    Raises ProviderError if the text is not a reference, or does not have the form that its provider requires.
    """
    match = _PARTS.match(text)
    if match is None:
        raise ProviderError("it is not a reference", "write `ref+SCHEME://PATH#KEY`")
    try:
        key = None if match["key"] is None else unquote(match["key"], errors="strict")
        path = unquote(match["path"], errors="strict")
        parameters = dict(parse_qsl(match["query"] or "", keep_blank_values=True, errors="strict"))
    except UnicodeDecodeError:
        raise ProviderError("its percent-encoding is not UTF-8") from None
    reference = Reference(match["scheme"], path, key, parameters)
    _refuse_form(reference, _provider(reference.scheme))
    return reference


def _refuse_form(reference: Reference, provider: Any) -> None:
    form = f"ref+{reference.scheme}://{provider.FORM}"
    if not reference.path:
        raise ProviderError("nothing follows its `://`", f"write `{form}`")
    if "\0" in reference.path:
        raise ProviderError("its path contains the character NUL")
    if provider.KEY == "must" and not reference.key:
        raise ProviderError("it lacks its key", f"write `{form}`")
    if provider.KEY == "never" and reference.key is not None:
        raise ProviderError(f"`{reference.scheme}` does not accept a `#` with a key", f"write `{form}`")
    _refuse_parameters(reference, provider.PARAMETERS)
    complaint = provider.complaint(reference)
    if complaint:
        raise ProviderError(complaint, f"write `{form}`")


def _refuse_parameters(reference: Reference, possible: Sequence[str]) -> None:
    for name in reference.parameters:
        if name not in possible:
            hint = (
                did_you_mean(name, possible) or f"its parameters are {choices(possible)}"
                if possible
                else "it has no parameters"
            )
            raise ProviderError(f"`{reference.scheme}` has no parameter `{name}`", hint)


def resolve(text: str, files: ProjectFiles) -> str:
    """The secret of a reference, for a project with these files.

    Raises ProviderError, which never contains a secret.
    """
    reference = parse(text)
    provider = _provider(reference.scheme)
    try:
        secret: str = provider.resolve(reference, files)
    except ImportError as error:
        package = (error.name or "a package").partition(".")[0]
        raise ProviderError(
            f"the package {package} is not installed", how_to_install(reference.scheme, package)
        ) from None
    return secret


def misformed(root: Node, data: Any) -> Iterator[Problem]:
    """The problems of the form of references in the sensitive settings of an overlay; nothing is resolved.

    The paths of the problems are those in the overlay.
    """
    for path, text in _sensitive_leaves(root, data, ()):
        if is_reference(text):  # a text that only starts like a reference is a literal
            found = judge(text, data_path(path))
            if found:
                yield replace(found, path=pointer(path))


def _sensitive_leaves(node: Node, data: Any, path: SettingPath) -> Iterator[tuple[SettingPath, Any]]:
    """The leaves of an overlay in sensitive settings, with their paths in it; most of a schema holds none."""
    if isinstance(data, dict | list) and node.holds_secrets:
        for step, below in data.items() if isinstance(data, dict) else enumerate(data):
            yield from _sensitive_leaves(node if step in OPERATORS else node.child(step), below, (*path, step))
    elif node.sensitive:
        yield path, data


def judge(text: str, path: SettingPath) -> Problem | None:
    """The problem of a reference in a setting: a warning if its scheme is unknown here, or has two providers."""
    match = _PARTS.match(text)
    if match and match["scheme"] not in _plugins():
        known = schemes()
        message = f"{dotted(path)}: there is no provider for the scheme `{match['scheme']}`"
        hint = did_you_mean(match["scheme"], known) or f"the known schemes are {choices(known)}"
        return Problem("unknown-scheme", message, Severity.WARNING, hint=hint)
    try:
        parse(text)
    except ProviderError as error:
        return Problem("bad-reference", f"{dotted(path)}: {error.reason}", hint=error.hint)
    except ImportError:
        return None  # a provider of another package that lacks a dependency; resolving reports it
    return _plugins().unused(match["scheme"]) if match else None


def _provider(scheme: str) -> Any:
    if scheme not in _plugins():
        hint = did_you_mean(scheme, schemes()) or f"the known schemes are {choices(schemes())}"
        raise ProviderError(f"there is no provider for the scheme `{scheme}`", hint)
    return _plugins().load(scheme)


@cache
def _plugins() -> Plugins:
    return Plugins("provider", GROUP, __name__, __path__, ("documents", "identities"))
