"""What a server refuses, as problems at the line that causes it.

A refusal names fields; a field of an object leads to its line in the output, to the template, and to the overlay that set the value. The text of the server may
contain values, so nothing is quoted for Secrets, and known secrets are removed from every text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from weft.base.problems import Problem, Severity
from weft.base.wording import cut
from weft.cluster import fields
from weft.cluster.client import Cause, Client, Refused
from weft.cluster.live import missing_right
from weft.cluster.manifests import SECRET, Key, Manifest
from weft.cluster.secret_data import Secrets

CONFLICT: Final = "FieldManagerConflict"
_UNDECLARED: Final = re.compile(r"(?P<field>\.\S*): field not declared in schema")
_UNKNOWN: Final = re.compile(r'unknown field "(?P<field>[^"]+)"')
_TYPED: Final = re.compile(r"(?P<field>\.[^\s:]+): (?P<text>expected .*|.*)\Z", re.DOTALL)
_CONFLICT_WITH: Final = re.compile(r'conflict with "(?P<manager>[^"]*)"')
_WRAPPED: Final = re.compile(r"\Afailed to create typed patch object \([^)]*\): ")
_IMMUTABLE: Final = re.compile(r"immutable|may not be changed|updates to .* are forbidden", re.IGNORECASE)


def of_refusal(client: Client, manifest: Manifest, error: Refused, secrets: Secrets) -> Iterator[Problem]:
    """The problems of a refused apply."""
    right = error.missing_right
    if right:
        yield missing_right(client, right["verb"], manifest.key, manifest.target.name)
    elif any(cause.reason == CONFLICT for cause in error.causes):
        for cause in error.causes:
            yield _conflict(manifest, cause)
    elif error.causes and error.status == 422:
        for cause in error.causes:
            yield _at_field(
                manifest, cause.field, quotable(manifest.key, cause.message, secrets), _IMMUTABLE.search(cause.message)
            )
    else:
        yield from _by_message(manifest, error, secrets)


def of_warning(manifest: Manifest, text: str, secrets: Secrets) -> Problem:
    """A warning of the server for an object that it accepts."""
    said = quotable(manifest.key, text, secrets)
    problem = manifest.problem("cluster-warning", f"{manifest.key}: the server warns: {said}")
    return replace(problem, severity=Severity.WARNING)


def _conflict(manifest: Manifest, cause: Cause) -> Problem:
    with_whom = _CONFLICT_WITH.search(cause.message)
    path = fields.of_message(cause.field, manifest.data)
    who = f"`{with_whom['manager']}`" if with_whom else "another manager"
    message = f"{manifest.key}: {cause.field.lstrip('.')} belongs to {who}"
    return manifest.problem(
        "cluster-conflict", message, path, CONFLICT_HINT.format(kind=manifest.key.kind, field=cause.field.lstrip("."))
    )


CONFLICT_HINT: Final = (
    "take it, yield it or share it with `cluster: {{ownership: {{{kind}.{field}: take}}}}` in weft.yaml, or leave it out of the template; "
    "once, `weft deploy --force-conflicts` takes it, and `weft drift --adopt` writes the live value into the overlay"
)


def _by_message(manifest: Manifest, error: Refused, secrets: Secrets) -> Iterator[Problem]:
    """The problems of refusals whose fields are only in the text."""
    message = _WRAPPED.sub("", error.text)
    names = [match["field"] for match in _UNDECLARED.finditer(message)] or [
        match["field"] for match in _UNKNOWN.finditer(message)
    ]
    for name in names:
        yield _at_field(manifest, name, "the server knows no such field")
    if names:
        return
    typed = _TYPED.match(message)
    if typed and error.status in (400, 500):
        yield _at_field(manifest, typed["field"], quotable(manifest.key, typed["text"], secrets))
    else:
        yield manifest.problem(
            "cluster-refused", f"{manifest.key}: the server refuses it: {quotable(manifest.key, message, secrets)}"
        )


def _at_field(manifest: Manifest, name: str, text: str, immutable: object = None) -> Problem:
    path = fields.of_message(name, manifest.data)
    hint = None
    if immutable:
        hint = "this field cannot change: give the object another name, or delete it first (`kubectl delete`)"
    where = f" {name.lstrip('.')}" if name.strip("[].") else ""
    return manifest.problem("cluster-refused", f"{manifest.key}:{where}: {text}", path, hint)


def quotable(key: Key, text: str, secrets: Secrets) -> str:
    """A text of the server about an object, for people: nothing about a Secret, which it may quote."""
    if key.type == SECRET:
        return "the text of the server is not shown, because it may contain a value"
    return cut(secrets.scrubbed(" ".join(text.split())))
