"""A CustomResourceDefinition whose `spec` is the configuration, so that the API server itself enforces types and rules."""

from __future__ import annotations

import re
from typing import Any

from weft.base.problems import Problem, UsageError
from weft.derived.crd.structural import Structural
from weft.schema.node import Node

_GROUP = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+\Z")
_KIND = re.compile(r"[A-Z][A-Za-z0-9]{0,62}\Z")
_PLURAL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?\Z")
_VERSION = re.compile(r"v[1-9][0-9]*((alpha|beta)[1-9][0-9]*)?\Z")


def definition(
    root: Node, *, group: str, kind: str, plural: str | None, version: str
) -> tuple[dict[str, Any], list[str]]:
    """The CustomResourceDefinition, and a note for everything that it cannot express.

    Raises UsageError for a group, kind, plural or version that Kubernetes would reject.
    """
    plural = plural or _plural(kind.lower())
    for pattern, value, what in (
        (_GROUP, group, "group is a domain such as `config.example.com`"),
        (_KIND, kind, "kind is in CamelCase, such as `AppConfig`"),
        (_PLURAL, plural, "plural is in lower case, such as `appconfigs`"),
        (_VERSION, version, "version is `v1`, `v1beta2` or the like"),
    ):
        if not pattern.match(value):
            raise UsageError(Problem("bad-name", f"`{value}` is not valid: a {what}"))
    derivation = Structural()
    spec = derivation.schema(root, ())
    if spec.get("type") != "object":
        spec = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    if derivation.closed:
        count = derivation.closed
        derivation.notes.append(
            f"unknown keys are dropped by the API server instead of being rejected ({count} mappings)"
        )
    if derivation.computed:
        count = derivation.computed
        derivation.notes.append(
            f"an API server limits what the computation of a message may cost: `messageExpression` is omitted (rules: {count})"
        )
    if derivation.unlimited:
        places = ", ".join(dict.fromkeys(derivation.unlimited))
        derivation.notes.append(
            f"an API server may refuse rules for what they could cost, unless `maxItems` or `maxProperties` limits what they read: {places}"
        )
    names = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()}
    whole = {"type": "object", "properties": {"spec": spec}, "required": ["spec"]}
    served = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": whole}}
    body = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": [served]},
    }
    return body, derivation.notes


def _plural(name: str) -> str:
    if re.search(r"(s|x|z|ch|sh)\Z", name):
        return name + "es"
    return name[:-1] + "ies" if re.search(r"[^aeiou]y\Z", name) else name + "s"
