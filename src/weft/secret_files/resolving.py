"""Reveal: the references of a target, resolved in memory. What comes out holds secrets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from weft.base import paths
from weft.base.problems import Problem, WeftError
from weft.project.provenance import place_of
from weft.project.target import Target
from weft.report.report import Report
from weft.schema.node import Node
from weft.secrets import providers
from weft.secrets.references import is_reference

_AT_ONCE: Final = 8  # a vault may need a moment for each


@dataclass(frozen=True)
class Checked:
    """One reference: the settings that hold it in the targets, and why it cannot be resolved, None when it can."""

    reference: str
    settings: tuple[str, ...]
    targets: tuple[str, ...]
    reason: str | None

    def as_dict(self) -> dict[str, Any]:
        """`{reference, resolves, reason, settings, targets}`; a secret is nowhere in it."""
        return {
            "reference": self.reference,
            "resolves": self.reason is None,
            "reason": self.reason,
            "settings": list(self.settings),
            "targets": list(self.targets),
        }


@dataclass(frozen=True)
class _Use:
    """A setting of a target that holds a reference."""

    target: Target
    path: paths.Path
    reference: str


def reveal(target: Target, where: paths.Path = ()) -> Any:
    """The part of a target's configuration at a path, with the secrets in the place of their references.

    Raises WeftError with a problem for every reference that cannot be resolved.
    """
    node, value = target.schemas.root.at(where), paths.get(target.config, where)
    found = list(_references(node, value, where))
    secrets = _resolve((text for _, text in found), target.schemas.folder)
    problems = [problem for path, text in found for problem in _failed(target, path, secrets[text])]
    if problems:
        raise WeftError(*Report(problems))
    return _filled(node, value, secrets)


def check(targets: Iterable[Target]) -> tuple[list[Checked], list[Problem]]:
    """Every reference of these targets, resolved once and forgotten, and a problem for each setting whose does not."""
    uses = [
        _Use(target, path, reference)
        for target in targets
        for path, reference in _references(target.schemas.root, target.config)
    ]
    secrets = _resolve((use.reference for use in uses), uses[0].target.schemas.folder) if uses else {}
    groups: dict[str, list[_Use]] = {reference: [] for reference in secrets}
    for use in uses:
        groups[use.reference].append(use)
    checked = [_checked(group, secrets[reference]) for reference, group in groups.items()]
    problems = [problem for use in uses for problem in _failed(use.target, use.path, secrets[use.reference])]
    return checked, Report(problems).problems


def _checked(uses: Sequence[_Use], secret: str | providers.ProviderError) -> Checked:
    """What came of one reference that all of `uses` hold."""
    settings = dict.fromkeys(paths.dotted(use.path) for use in uses)
    targets = dict.fromkeys(use.target.name for use in uses)
    reason = secret.reason if isinstance(secret, providers.ProviderError) else None
    return Checked(uses[0].reference, tuple(settings), tuple(targets), reason)


def _references(node: Node, value: Any, path: paths.Path = ()) -> Iterator[tuple[paths.Path, str]]:
    for below, place, leaf in node.walk(value, path):
        if place.sensitive and is_reference(leaf):
            yield below, leaf


def _resolve(references: Iterable[str], folder: Path) -> dict[str, str | providers.ProviderError]:
    def one(text: str) -> str | providers.ProviderError:
        try:
            return providers.resolve(text, folder)
        except providers.ProviderError as error:
            return error

    distinct = list(dict.fromkeys(references))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(distinct, pool.map(one, distinct), strict=True))


def _failed(target: Target, path: paths.Path, secret: str | providers.ProviderError) -> Iterator[Problem]:
    if isinstance(secret, providers.ProviderError):
        place = place_of(target.schemas.root, target.resolution.layers, target.config, path)
        message = f"{paths.dotted(path)}: {secret.reason}"
        problem = Problem("unresolved-reference", message, path=paths.pointer(path), place=place, hint=secret.hint)
        yield target.own(problem)


def _filled(node: Node, value: Any, secrets: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(node.child(key), below, secrets) for key, below in value.items()}
    if isinstance(value, list):
        return [_filled(node.child(index), below, secrets) for index, below in enumerate(value)]
    return secrets[value] if node.sensitive and is_reference(value) else value
