"""Providers: where the secrets are kept that references such as `ref+env://NAME` stand for.

A reference is `ref+SCHEME://PATH?PARAMETER=VALUE#KEY`, percent-encoded like any URI. A provider is a module named like its
scheme, here or offered by another package through an entry point of the group `weft.providers`:

    FORM = "NAME"                # how PATH is called in hints
    KEY = "never"                # whether `#KEY` may follow: never, may or must
    PARAMETERS = ()              # the names of the parameters that it takes

    def complaint(reference: Reference) -> str | None: ...      # what is wrong with the form of PATH; nothing is read
    def resolve(reference: Reference, files: ProjectFiles) -> str: ... # the secret; raises ProviderError

`files` are those of the project, with its `folder`: a provider of files reads them through `documents.read`, which refuses what lies
outside and is not allowed. Providers are imported only when a reference names them, their packages only when a secret is
fetched.

What a person reads when a secret is missing is the reason and the hint of the ProviderError; `secret_files.resolving` makes it a
problem and gives it a place. A module here that is no provider is named in `_plugins`. A provider that needs a package has an extra
of its name.

Begin with `env`, the shortest one; `documents` and `identities` are what those share that read files.

May import: what `secrets` may.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from weft.base.overlay import data_path
from weft.base.paths import Path as SettingPath
from weft.base.paths import dotted, leaves, pointer
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
    """A reference taken apart and percent-decoded; `key` is None without a `#`."""

    scheme: str
    path: str
    key: str | None
    parameters: Mapping[str, str]


class ProviderError(Exception):
    """Raised where a reference cannot be resolved: the reason, and what to do. Neither ever holds a secret."""

    def __init__(self, reason: str, hint: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.hint = reason, hint


def schemes() -> tuple[str, ...]:
    """The schemes that references may have here."""
    return _plugins().names


def parse(text: str) -> Reference:
    """The parts of a reference.

    Raises ProviderError when the text is none, or is not of the form that its provider takes.
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
        raise ProviderError("its path holds the character NUL")
    if provider.KEY == "must" and not reference.key:
        raise ProviderError("it lacks its key", f"write `{form}`")
    if provider.KEY == "never" and reference.key is not None:
        raise ProviderError(f"`{reference.scheme}` takes no `#` and no key", f"write `{form}`")
    _refuse_parameters(reference, provider.PARAMETERS)
    complaint = provider.complaint(reference)
    if complaint:
        raise ProviderError(complaint, f"write `{form}`")


def _refuse_parameters(reference: Reference, possible: Sequence[str]) -> None:
    for name in reference.parameters:
        if name not in possible:
            hint = did_you_mean(name, possible) or f"it takes {choices(possible) if possible else 'none'}"
            raise ProviderError(f"`{reference.scheme}` has no parameter `{name}`", hint)


def resolve(text: str, files: ProjectFiles) -> str:
    """The secret that a reference of a project with these files stands for.

    Raises ProviderError, which never holds a secret.
    """
    reference = parse(text)
    provider = _provider(reference.scheme)
    try:
        secret: str = provider.resolve(reference, files)
    except ImportError as error:
        package = (error.name or "a package").partition(".")[0]
        raise ProviderError(
            f"the package {package} is not installed", f"pip install 'weft[{reference.scheme}]'"
        ) from None
    return secret


def misformed(root: Node, data: Any) -> Iterator[Problem]:
    """What is wrong with the form of the references in the sensitive settings of an overlay; nothing is resolved.

    The paths of the problems are those in the overlay.
    """
    for path, text in leaves(data):
        where = data_path(path)
        if is_reference(text) and root.at(where).sensitive:  # what only begins like a reference is a literal
            found = judge(text, where)
            if found:
                yield replace(found, path=pointer(path))


def judge(text: str, path: SettingPath) -> Problem | None:
    """What is wrong with a reference in a setting: a warning where nobody here knows its scheme, or two do."""
    match = _PARTS.match(text)
    if match and match["scheme"] not in _plugins():
        known = schemes()
        message = f"{dotted(path)}: no provider knows the scheme `{match['scheme']}`"
        hint = did_you_mean(match["scheme"], known) or f"known are {choices(known)}"
        return Problem("unknown-scheme", message, Severity.WARNING, hint=hint)
    try:
        parse(text)
    except ProviderError as error:
        return Problem("bad-reference", f"{dotted(path)}: {error.reason}", hint=error.hint)
    except ImportError:
        return None  # a provider of another package that lacks something; resolving tells
    return _plugins().unused(match["scheme"]) if match else None


def _provider(scheme: str) -> Any:
    if scheme not in _plugins():
        hint = did_you_mean(scheme, schemes()) or f"known are {choices(schemes())}"
        raise ProviderError(f"no provider knows the scheme `{scheme}`", hint)
    return _plugins().load(scheme)


@cache
def _plugins() -> Plugins:
    return Plugins("provider", GROUP, __name__, __path__, ("documents", "identities"))
