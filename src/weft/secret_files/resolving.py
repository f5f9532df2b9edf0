"""Reveal: the references of a target, resolved in memory. The results contain secrets."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final

from weft.base import paths
from weft.base.problems import Problem, WeftError
from weft.base.wording import shortened
from weft.files.reading import ProjectFiles
from weft.project.provenance import place_of
from weft.project.target import Target
from weft.report.report import Report
from weft.schema.node import Node
from weft.secrets import providers
from weft.secrets.references import is_reference

_AT_ONCE: Final = 8  # a vault may be slow for each
_EACH: Final = 3
"""Up to this number of settings that fail for the same reason have a problem each; more share one, which names `_NAMED`."""
_NAMED: Final = 2


@dataclass(frozen=True)
class Checked:
    """One reference: the settings of the targets that contain it, and why it cannot be resolved, or None."""

    reference: str
    settings: tuple[str, ...]
    targets: tuple[str, ...]
    reason: str | None

    def as_dict(self) -> dict[str, Any]:
        """`{reference, resolves, reason, settings, targets}`; it contains no secrets."""
        return {
            "reference": self.reference,
            "resolves": self.reason is None,
            "reason": self.reason,
            "settings": list(self.settings),
            "targets": list(self.targets),
        }


@dataclass(frozen=True)
class _Use:
    """A setting of a target that contains a reference."""

    target: Target
    path: paths.Path
    reference: str


def reveal(target: Target, where: paths.Path = ()) -> Any:
    """The part of a target's configuration at a path, with secrets instead of references.

    Raises WeftError with a problem for every reference that cannot be resolved.
    """
    node, value = target.schemas.root.at(where), paths.get(target.shared_config, where)
    found = list(_references(node, value, where))
    secrets = _resolve((text for _, text in found), target.schemas.files)
    problems = _failed([_Use(target, path, text) for path, text in found], secrets)
    if problems:
        raise WeftError(*Report(problems))
    return _filled(node, value, secrets)


def references(target: Target) -> list[str]:
    """The references in the configuration of a target, each once."""
    return list(dict.fromkeys(text for _, text in _references(target.schemas.root, target.shared_config)))


def resolve(target: Target, wanted: Collection[str]) -> dict[str, str]:
    """The secrets of references of a target.

    Raises WeftError with a problem for every setting whose reference cannot be resolved.
    """
    secrets = _resolve(wanted, target.schemas.files)
    found = _references(target.schemas.root, target.shared_config)
    problems = _failed([_Use(target, path, text) for path, text in found if text in secrets], secrets)
    if problems:
        raise WeftError(*Report(problems))
    return {text: secret for text, secret in secrets.items() if isinstance(secret, str)}


def check(targets: Iterable[Target]) -> tuple[list[Checked], list[Problem]]:
    """Every reference of these targets, resolved once and not kept, and a problem for each setting with an unresolved reference."""
    uses = [
        _Use(target, path, reference)
        for target in targets
        for path, reference in _references(target.schemas.root, target.shared_config)
    ]
    secrets = _resolve((use.reference for use in uses), uses[0].target.schemas.files) if uses else {}
    groups: dict[str, list[_Use]] = {reference: [] for reference in secrets}
    for use in uses:
        groups[use.reference].append(use)
    checked = [_checked(group, secrets[reference]) for reference, group in groups.items()]
    return checked, Report(_failed(uses, secrets)).problems


def _checked(uses: Sequence[_Use], secret: str | providers.ProviderError) -> Checked:
    """The result for one reference, which all of `uses` contain."""
    settings = dict.fromkeys(paths.dotted(use.path) for use in uses)
    targets = dict.fromkeys(use.target.name for use in uses)
    reason = secret.reason if isinstance(secret, providers.ProviderError) else None
    return Checked(uses[0].reference, tuple(settings), tuple(targets), reason)


def _references(node: Node, value: Any, path: paths.Path = ()) -> Iterator[tuple[paths.Path, str]]:
    for below, place, leaf in node.walk(value, path):
        if place.sensitive and is_reference(leaf):
            yield below, leaf


def _resolve(references: Iterable[str], files: ProjectFiles) -> dict[str, str | providers.ProviderError]:
    def one(text: str) -> str | providers.ProviderError:
        try:
            return providers.resolve(text, files)
        except providers.ProviderError as error:
            return error

    distinct = list(dict.fromkeys(references))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(distinct, pool.map(one, distinct), strict=True))


def _failed(uses: Iterable[_Use], secrets: dict[str, str | providers.ProviderError]) -> list[Problem]:
    """A problem for each setting whose reference cannot be resolved; a shared one for many that fail for the same reason.

    A missing package affects every reference that needs it, and is fixed once.
    """
    groups: dict[tuple[str, str | None], dict[paths.Path, list[_Use]]] = {}
    for use in uses:
        secret = secrets[use.reference]
        if isinstance(secret, providers.ProviderError):
            groups.setdefault((secret.reason, secret.hint), {}).setdefault(use.path, []).append(use)
    return [problem for (reason, hint), found in groups.items() for problem in _of_one_reason(reason, hint, found)]


def _of_one_reason(reason: str, hint: str | None, found: dict[paths.Path, list[_Use]]) -> Iterator[Problem]:
    if len(found) <= _EACH:
        for use in (use for uses in found.values() for use in uses):
            yield _unresolved(f"{paths.dotted(use.path)}: {reason}", hint, use, {use.target.name})
    else:
        message = f"{shortened(map(paths.dotted, found), _NAMED)}: {reason}"
        targets = dict.fromkeys(use.target.name for uses in found.values() for use in uses)
        yield _unresolved(message, hint, next(iter(found.values()))[0], targets)


def _unresolved(message: str, hint: str | None, use: _Use, targets: Iterable[str]) -> Problem:
    """The problem of a setting, or of several, of which this is the first."""
    place = place_of(use.target.schemas.root, use.target.resolution.layers, use.target.shared_config, use.path)
    where = paths.pointer(use.path)
    problem = Problem("unresolved-reference", message, path=where, place=place, hint=hint)
    return replace(use.target.own(problem), targets=tuple(targets))


def _filled(node: Node, value: Any, secrets: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(node.child(key), below, secrets) for key, below in value.items()}
    if isinstance(value, list):
        return [_filled(node.child(index), below, secrets) for index, below in enumerate(value)]
    return secrets[value] if node.sensitive and is_reference(value) else value
