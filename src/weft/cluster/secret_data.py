"""Secrets on their way into a cluster: references become values in memory, and comparisons use digests.

A Secret is rendered with references. Here it gets the values, as `data`: server-side apply never removes a key from `stringData`. To tell
whether a value has changed without keeping it, the inventory holds a digest of each: HMAC-SHA-256 with a key in a Secret of the
target's namespace, so nobody without that key can try out guesses. A digest of the reference itself, without a key, says
whether the reference has changed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from weft.base.problems import Problem, WeftError
from weft.cluster.manifests import Manifest
from weft.project.target import Target
from weft.secret_files import resolving
from weft.secrets.references import is_reference

_START: Final = "ref+"
_SHORTEST: Final = 4
"""Shorter secrets are not searched in texts: every text contains them."""


@dataclass(frozen=True)
class Secrets:
    """The secrets of some targets by target and reference."""

    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)

    def filled(self, manifest: Manifest) -> dict[str, Any]:
        """The object with secrets instead of references, all as `data`."""
        known = self.values.get(manifest.target.name, {})
        return as_data(manifest.data, lambda text: _replaced(text, known))

    def scrubbed(self, text: str) -> str:
        """A text of the server without any of the secrets, plain or in base64."""
        for known in self.values.values():
            for secret in known.values():
                for written in (secret, base64.b64encode(secret.encode()).decode()):
                    if len(written) >= _SHORTEST:
                        text = text.replace(written, "***")
        return text


def resolve(manifests: Iterable[Manifest]) -> Secrets:
    """The secrets that the Secrets among the manifests refer to.

    Raises WeftError with a problem for every reference that cannot be resolved, or that is in an object other than a Secret.
    """
    wanted: dict[str, tuple[Target, dict[str, None]]] = {}
    problems: list[Problem] = []
    for manifest in manifests:
        if manifest.is_secret:
            _, texts = wanted.setdefault(manifest.target.name, (manifest.target, {}))
            texts.update(dict.fromkeys(_references(manifest)))
        else:
            problems += _misplaced(manifest)
    values = {}
    for name, (target, texts) in wanted.items():
        try:
            values[name] = resolving.resolve(target, list(texts))
        except WeftError as error:
            problems += error.problems
    if problems:
        raise WeftError(*problems)
    return Secrets(values)


def as_data(secret: Mapping[str, Any], value: Any = lambda text: text) -> dict[str, Any]:
    """A Secret with its `stringData` as `data`; every value first passes through a function."""
    texts = {key: _encoded(value(_decoded(text))) for key, text in (secret.get("data") or {}).items()}
    texts |= {key: _encoded(value(str(text))) for key, text in (secret.get("stringData") or {}).items()}
    rest = {key: below for key, below in secret.items() if key not in ("data", "stringData")}
    return {**rest, "data": texts} if texts or "data" in secret or "stringData" in secret else rest


def reference_digests(manifest: Manifest) -> dict[str, str]:
    """A digest of each value as rendered, with references."""
    data = as_data(manifest.data).get("data") or {}
    return {key: hashlib.sha256(text.encode()).hexdigest()[:32] for key, text in data.items()}


def value_digests(data: Mapping[str, Any], key: bytes) -> dict[str, str]:
    """A keyed digest of each value of a Secret."""
    return {
        name: hmac.new(key, f"{name}\0{text}".encode(), hashlib.sha256).hexdigest()
        for name, text in (data.get("data") or {}).items()
    }


def _references(manifest: Manifest) -> Iterator[str]:
    """The references in the values of a Secret: whole values, and those of the target's settings inside longer texts."""
    known = resolving.references(manifest.target)
    for text in _texts(manifest.data):
        if is_reference(text):
            yield text
        elif _START in text:
            yield from (reference for reference in known if reference in text)


def _texts(secret: Mapping[str, Any]) -> Iterator[str]:
    yield from (str(text) for text in (secret.get("stringData") or {}).values())
    yield from (_decoded(text) for text in (secret.get("data") or {}).values())


def _replaced(text: str | bytes, known: Mapping[str, str]) -> str | bytes:
    if isinstance(text, bytes) or _START not in text or not known:
        return text
    either = "|".join(map(re.escape, sorted(known, key=len, reverse=True)))
    return re.sub(either, lambda match: known[match[0]], text)  # in one pass: a secret may look like a reference itself


def _misplaced(manifest: Manifest) -> Iterator[Problem]:
    """References outside of Secrets: their text would be taken for the secret."""
    stack: list[tuple[tuple[str | int, ...], Any]] = [((), manifest.data)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, dict):
            stack += [((*path, key), below) for key, below in value.items()]
        elif isinstance(value, list):
            stack += [((*path, number), below) for number, below in enumerate(value)]
        elif is_reference(value):
            message = f"{manifest.key} contains a reference to a secret, which only Secrets may"
            hint = "move the setting into a Secret, and let the program read it from there"
            yield manifest.problem("reference-applied", message, path, hint)


def _encoded(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def _decoded(text: Any) -> Any:
    """The text behind base64; bytes that are not text stay bytes."""
    try:
        content = base64.b64decode(str(text), validate=True)
    except binascii.Error:
        return str(text)  # the server refuses it
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content
