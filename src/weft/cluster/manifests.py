"""What will be deployed: the objects of the outputs with `apply: true`, exactly as they were rendered.

A manifest keeps the output and the document that it comes from, so everything said about one of its fields can name the line of the
output, the template behind it, and the overlay that set the value. References to secrets stay references here: `secret_data` replaces
them in memory, at the last moment.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NamedTuple, Protocol

from weft.base.problems import Place, Problem, Severity, WeftError, has_errors
from weft.base.watching import Watch, unwatched
from weft.files import yaml11
from weft.project.impact import main_setting_behind
from weft.project.project import Project
from weft.project.target import Target
from weft.stages.render.finished import OutputFile, Rendered, Texts

SECRET: Final = ("", "Secret")
NAMESPACE: Final = ("", "Namespace")
CRD: Final = ("apiextensions.k8s.io", "CustomResourceDefinition")


class Key(NamedTuple):
    """What only one object of a cluster has; all versions of an API are views of one object."""

    group: str
    kind: str
    namespace: str
    name: str

    @property
    def type(self) -> tuple[str, str]:
        """The group and the kind."""
        return self.group, self.kind

    def __str__(self) -> str:
        """`ConfigMap shop/app`, `Namespace shop`."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    def text(self) -> str:
        """The key as one text, for inventories: `group/kind/namespace/name`. No part can contain a slash."""
        return "/".join(self)


def key_of_text(text: str) -> Key | None:
    """The key of such a text; None if it is not one."""
    parts = text.split("/")
    return Key(*parts) if len(parts) == 4 and parts[1] and parts[3] else None


def key_of(data: Mapping[str, Any]) -> Key:
    """The key of an object."""
    metadata = data.get("metadata") or {}
    group = str(data.get("apiVersion") or "").rpartition("/")[0]
    return Key(group, str(data.get("kind")), str(metadata.get("namespace") or ""), str(metadata.get("name") or ""))


@dataclass(frozen=True)
class Source:
    """The output that objects come from; its text is fetched when somebody asks for a line of it."""

    file: OutputFile
    texts: Texts = field(repr=False)

    @cached_property
    def output(self) -> Rendered:
        """The output with its text."""
        return self.file.with_text(self.texts(self.file.path))

    @cached_property
    def positions(self) -> yaml11.Documents:
        """Where its documents and their fields are."""
        return yaml11.Documents(self.output.text)


@dataclass(frozen=True)
class Manifest:
    """An object to deploy: `data` as rendered, with its namespace; `within` is its path in the document, for items of a List."""

    key: Key
    data: Mapping[str, Any] = field(repr=False)
    target: Target
    source: Source | None = None
    document: int = 0
    within: tuple[str | int, ...] = ()

    @property
    def api_version(self) -> str:
        """The `apiVersion`."""
        return str(self.data["apiVersion"])

    @property
    def is_secret(self) -> bool:
        """True for a Secret, whose values are never shown."""
        return self.key.type == SECRET

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the object as rendered, with references."""
        return digest_of(self.data)

    def place(self, path: Sequence[str | int] = ()) -> Place | None:
        """The line of the output with a field, or with the nearest one above it."""
        if self.source is None:
            return None
        output = self.source.output
        found = self.source.positions.find(self.document, (*self.within, *(path or ("kind",))))
        text = output.text.splitlines()[found[0] - 1] if found and not output.secrets else None
        line, column = found or (None, None)
        return Place(output.path, line, column, text)

    def problem(self, code: str, message: str, path: Sequence[str | int] = (), hint: str | None = None) -> Problem:
        """A problem at a field, with the overlay that set its value and the line of the template next to it."""
        place, related = self.place(path), list[Place]()
        if place is not None and place.line and self.source is not None:
            origin = self.target.outputs.template_line(self.target.view, self.source.file, place.line)
            related = [origin] if origin else []
            overlay = self.overlay_place(path) if path else None
            if overlay is not None:
                place, related = overlay, [place, *related]
        return Problem(
            code,
            message,
            place=place,
            related=tuple(related),
            targets=(self.target.name,),
            hint=hint,
            quiet=self.is_secret,
        )

    def overlay_place(self, path: Sequence[str | int]) -> Place | None:
        """The line of the overlay that set the value of a field; None if no setting changes the line, or none is set by a file."""
        place = self.place(path)
        if place is None or not place.line or self.source is None:
            return None
        setting = main_setting_behind(self.target, self.source.output, place.line)
        setters = self.target.explain(setting).setters if setting is not None else ()
        return setters[0].place if setters else None


def digest_of(data: Any) -> str:
    """The SHA-256 of data, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True)
class Rendering:
    """The manifests of each target, and the warnings of rendering."""

    manifests: Mapping[str, Sequence[Manifest]]
    problems: list[Problem]

    @property
    def warnings(self) -> list[Problem]:
        """The warnings of rendering."""
        return [one for one in self.problems if one.severity is Severity.WARNING]


class Scopes(Protocol):
    """Where objects live."""

    def is_namespaced(self, target: Target, api_version: str, kind: str) -> bool:
        """Whether objects of an apiVersion and a kind are in namespaces."""

    def namespace(self, target: Target) -> str:
        """The namespace of what names none, in a target whose settings name none."""


@dataclass(frozen=True)
class UnaskedScopes:
    """Where objects live if no server is asked: all are in namespaces, and those that name none in `default`."""

    default: str = "default"

    def is_namespaced(self, _target: Target, _api_version: str, _kind: str) -> bool:
        """True."""
        return True

    def namespace(self, _target: Target) -> str:
        """The same for all targets."""
        return self.default


def render(project: Project, targets: Sequence[Target], scopes: Scopes, watch: Watch = unwatched) -> Rendering:
    """The manifests of targets, by the targets' names.

    Raises WeftError with every problem of configurations and outputs, so that what `weft render` refuses is never deployed.
    """
    _check_outputs(project)
    run = project.run(targets, watch)
    if has_errors(run.problems):
        raise WeftError(*run.problems)
    by_name = {target.name: target for target in targets}
    found: dict[str, list[Manifest]] = {name: [] for name in by_name}
    wrong: list[Problem] = []
    for file in run.files:
        if not project.file.outputs[file.entry].apply:
            continue
        documents = run.documents(file.path)
        for manifest in _manifests(project, by_name[file.target], Source(file, run.text), documents, scopes):
            if manifest.key.name:
                found[file.target].append(manifest)
            else:
                wrong.append(manifest.problem("cluster-refused", "the object has no name, so it cannot be deployed"))
    for manifests in found.values():
        wrong += _twice(manifests)
    if wrong:
        raise WeftError(*wrong)
    return Rendering(found, run.problems)


def _check_outputs(project: Project) -> None:
    """Raise WeftError if the project deploys nothing."""
    if not any(output.apply for output in project.file.outputs):
        hint = "add `apply: true` to the outputs that the cluster takes"
        place = project.file.place("outputs", key=True) if project.file.outputs else None
        raise WeftError(Problem("nothing-applied", "no output of weft.yaml is deployed", place=place, hint=hint))


def _manifests(
    project: Project, target: Target, source: Source, documents: Sequence[Any], scopes: Scopes
) -> Iterator[Manifest]:
    namespace = project.home(target).namespace or scopes.namespace(target)
    for number, document in enumerate(documents):
        for data, within in _objects(document, ()):
            metadata = dict(data.get("metadata") or {})
            if scopes.is_namespaced(target, str(data.get("apiVersion")), str(data.get("kind"))):
                metadata["namespace"] = metadata.get("namespace") or namespace
            else:
                metadata.pop("namespace", None)
            full = {**data, "metadata": metadata}
            yield Manifest(key_of(full), full, target, source, number, within)


def _objects(data: Any, within: tuple[str | int, ...]) -> Iterator[tuple[dict[str, Any], tuple[str | int, ...]]]:
    """The objects of a document; a List contains some."""
    if not isinstance(data, dict):
        return
    if str(data.get("kind", "")).endswith("List") and isinstance(data.get("items"), list):
        for number, item in enumerate(data["items"]):
            yield from _objects(item, (*within, "items", number))
    elif data.get("apiVersion") and data.get("kind"):
        yield data, within


def _twice(manifests: Iterable[Manifest]) -> Iterator[Problem]:
    """Objects that a target has twice."""
    first: dict[Key, Manifest] = {}
    for manifest in manifests:
        other = first.setdefault(manifest.key, manifest)
        if other is not manifest:
            yield manifest.problem("object-twice", f"{manifest.key} is rendered twice", ("metadata", "name"))
