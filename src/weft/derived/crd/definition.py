"""A CustomResourceDefinition whose `spec` is the configuration, so that the API server itself enforces types and rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from weft.base.problems import Problem, Severity, UsageError
from weft.derived.crd.admission import admitted
from weft.derived.crd.notes import ANNOTATION, Note, annotation, omitted_rule
from weft.derived.crd.structural import Structural
from weft.rules.validations import KEYWORD
from weft.schema.node import Node

_NULLS = "`type` is not checked for a `null` in a mapping: the API server drops one that is not allowed, and fills in the default"
_GROUP = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+\Z")
_KIND = re.compile(r"[A-Z][A-Za-z0-9]{0,62}\Z")
_PLURAL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?\Z")
_VERSION = re.compile(r"v[1-9][0-9]*((alpha|beta)[1-9][0-9]*)?\Z")


def definition(
    root: Node, *, group: str, kind: str, plural: str | None, version: str
) -> tuple[dict[str, Any], list[Note]]:
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
    notes = [*derivation.notes, *_refused(spec, derivation)]
    notes.append(Note((), "type", _NULLS))
    if derivation.closed:
        text = f"unknown keys are dropped by the API server instead of being rejected, unless a client asks for strict validation as `kubectl` does: `additionalProperties: false` is omitted ({derivation.closed} mappings)"
        notes.append(Note((), "additionalProperties", text))
    names = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()}
    whole = {"type": "object", "properties": {"spec": spec}, "required": ["spec"]}
    served = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": whole}}
    body = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"} | ({"annotations": {ANNOTATION: annotation(notes)}} if notes else {}),
        "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": [served]},
    }
    return body, notes


def too_costly(root: Node) -> Iterator[Problem]:
    """A warning for every rule that an API server would refuse for what it may cost."""
    derivation = Structural()
    for rule in admitted(derivation.schema(root, ())):
        location = derivation.locations.get(id(rule.entry))
        for name, hint in rule.too_costly.items() if location else ():
            subject = "the rule" if name == "rule" else f"the `{name}`"
            message = f"{subject} would be refused in a CustomResourceDefinition: {rule.refused[name]}"
            where = f"{location}/{name}"
            yield Problem("rule-too-costly", message, Severity.WARNING, schema=where, hint=hint)


def _refused(spec: dict[str, Any], derivation: Structural) -> Iterator[Note]:
    """A note for every expression that an API server refuses, which is removed."""
    for rule in admitted(spec):
        keyword, location = derivation.stands_for.get(id(rule.entry)), derivation.locations.get(id(rule.entry))
        if keyword and rule.refused:
            yield replace(keyword, text=f"{keyword.text}, and a rule instead is refused: {rule.refused['rule']}")
        elif "rule" in rule.refused:
            yield Note(rule.path, KEYWORD, omitted_rule(rule.entry["rule"], rule.refused["rule"]), location)
        elif "messageExpression" in rule.refused:
            text = f"the `messageExpression` of a rule is omitted, because {rule.refused['messageExpression']}"
            yield Note(rule.path, "messageExpression", text, f"{location}/messageExpression")


def _plural(name: str) -> str:
    if re.search(r"(s|x|z|ch|sh)\Z", name):
        return name + "es"
    return name[:-1] + "ies" if re.search(r"[^aeiou]y\Z", name) else name + "s"
