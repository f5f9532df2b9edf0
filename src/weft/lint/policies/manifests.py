"""Controls over rendered outputs: which objects a control looks at, what its rule sees, and where the objects are.

A rule reads `object`, a document of an output; `pod`, the pods that the object makes (`spec.template` of a Deployment), which is
null for other objects; and `containers`, all containers of those pods. Nothing is known about their types before the rule runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, Final

from weft.base.problems import Place
from weft.files import yaml12
from weft.project.target import Target
from weft.rules import Expression, Mistake, Request, Shapes, compiled
from weft.schema.catalog import Catalog
from weft.schema.documents import DIALECT, Documents
from weft.schema.node import Node
from weft.stages.render.finished import Rendered

PODS: Final = "pods"
"""What `over` says for the pods of every rendered object that makes some."""

_AT: Final = "weft:/manifest"
_VARIABLES: Final = ("object", "pod", "containers")
_BEFORE: Final = "".join(f"cel.bind({name}, self.{name}, " for name in _VARIABLES) + "\n"
_AFTER: Final = "\n" + ")" * len(_VARIABLES)
_WHERE: Final = (("spec", "jobTemplate", "spec", "template"), ("spec", "template"))
_DOCUMENTS: Final = re.compile(r"^---.*\n?", re.MULTILINE)


@dataclass(frozen=True)
class Over:
    """What a control looks at: the pods, the objects of some kinds, or the documents of outputs with matching templates."""

    pods: bool = False
    kinds: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()

    @classmethod
    def of(cls, entry: Any) -> Over | None:
        """What the key `over` of a control says; None if the control is over settings."""
        if entry is None:
            return None
        if entry == PODS:
            return cls(pods=True)
        return cls(False, tuple(entry.get("kinds", ())), tuple(entry.get("outputs", ())))

    @staticmethod
    def written(rule: Expression) -> str:
        """A rule over documents without what binds its variables."""
        return rule.source.removeprefix(_BEFORE).removesuffix(_AFTER)

    def includes(self, manifest: Manifest) -> bool:
        """True if the control is about this document."""
        if self.pods:
            return manifest.pod is not None
        if self.outputs:
            return any(fnmatchcase(manifest.template, glob) for glob in self.outputs)
        return manifest.kind in self.kinds


@dataclass(frozen=True)
class Manifest:
    """One document of a rendered output, and where it begins."""

    template: str
    place: Place
    data: Mapping[str, Any]

    @property
    def kind(self) -> str | None:
        """The kind of a Kubernetes object; None for any other document."""
        return self.data.get("kind") if "apiVersion" in self.data else None

    @property
    def name(self) -> str:
        """What people call the document: kind and name of an object, or the path of its output."""
        metadata = self.data.get("metadata")
        name = metadata.get("name") if isinstance(metadata, Mapping) else None
        return f"{self.kind} {name}" if self.kind and name else self.place.file

    @property
    def pod(self) -> Mapping[str, Any] | None:
        """The pods that the object makes."""
        if self.kind == "Pod":
            return self.data
        for steps in _WHERE if self.kind else ():
            below: Any = self.data
            for step in steps:
                below = below.get(step) if isinstance(below, Mapping) else None
            if isinstance(below, Mapping) and isinstance(below.get("spec"), Mapping) and "containers" in below["spec"]:
                return below
        return None

    @property
    def seen(self) -> dict[str, Any]:
        """What a rule sees."""
        spec = self.pod["spec"] if self.pod else {}
        containers = [*spec.get("initContainers", ()), *spec.get("containers", ())]
        return {"object": self.data, "pod": self.pod, "containers": containers}


@cache
def seen_node() -> Node:
    """The place in which rules over outputs are compiled and decided: nothing is known about the documents."""
    schema = {"$schema": DIALECT, "properties": {name: {} for name in _VARIABLES}}
    return Catalog(Documents(_AT, {_AT: schema}, {_AT: "-"}, ())).root


def compiled_over(rules: Mapping[str, str], shapes: Shapes) -> dict[str, Expression | list[Mistake]]:
    """The rules over outputs, by position: each compiled, or its mistakes."""
    requests = [Request(f"{_BEFORE}{rule}{_AFTER}", seen_node()) for rule in rules.values()]
    results = compiled(requests, shapes)
    return {where: _unbound(result) for where, result in zip(rules, results, strict=True)}


def manifests(target: Target) -> list[Manifest]:
    """All documents that a target renders as mappings."""
    outputs, _ = target.outputs.rendered(target.view)
    return [manifest for output in outputs for manifest in _documents(output)]


def _documents(output: Rendered) -> Iterator[Manifest]:
    if not output.path.endswith((".yaml", ".yml", ".json")):
        return
    starts = [0, *(match.end() for match in _DOCUMENTS.finditer(output.text))]
    for start, end in zip(starts, [*starts[1:], len(output.text)], strict=True):
        text = _DOCUMENTS.sub("", output.text[start:end])
        try:
            data = yaml12.parse(text)
        except yaml12.YamlError:  # its check reports it
            continue
        if isinstance(data, dict):
            line = output.text.count("\n", 0, start) + _lead(text)
            yield Manifest(output.template, Place(output.path, line, 1), data)


def _lead(text: str) -> int:
    """The line, from 1, on which a document begins after its comments."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            return number
    return 1


def _unbound(result: Expression | list[Mistake]) -> Expression | list[Mistake]:
    """Mistakes with their lines in the rule itself."""
    if isinstance(result, Expression):
        return result
    return [replace(mistake, line=max(1, mistake.line - 1)) for mistake in result]
