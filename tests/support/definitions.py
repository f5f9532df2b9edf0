"""CustomResourceDefinitions on a real API server: what it says to one, and to objects of one.

`cluster` is anything with `request(method, path, body)` that gives a status and a document.
"""

import re
import time

from weft.base.paths import parse_pointer
from weft.derived.crd.definition import definition
from weft.stages.merge import merge

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SERVED = 15
"""Seconds that a definition may take to be served."""


def causes(answer):
    """What an API server says is wrong: (place, message) for each mistake."""
    found = [(one["field"], one["message"]) for one in (answer.get("details") or {}).get("causes", ())]
    return found or [("", str(answer.get("message")))]


def refusals(cluster, made):
    """What the server says against a definition, which is not stored: (place, message) for each mistake."""
    status, answer = cluster.request("POST", f"{DEFINITIONS}?dryRun=All", made)
    return causes(answer) if status >= 400 else []


def define(cluster, made):
    """Store a definition in place of one of the same name, and wait until the server serves it."""
    name = made["metadata"]["name"]
    status, answer = cluster.request("DELETE", f"{DEFINITIONS}/{name}")
    until(lambda: cluster.request("GET", f"{DEFINITIONS}/{name}")[0] == 404)
    status, answer = cluster.request("POST", DEFINITIONS, made)
    assert status < 400, causes(answer)
    until(lambda: is_established(cluster.request("GET", f"{DEFINITIONS}/{name}")[1]))
    until(lambda: cluster.request("GET", path_of(made))[0] == 200)


def is_established(definition):
    conditions = (definition.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)


def until(holds):
    last = time.monotonic() + SERVED
    while not holds():
        assert time.monotonic() < last, "the server does not serve the definition"
        time.sleep(0.02)


def path_of(made):
    spec = made["spec"]
    return f"/apis/{spec['group']}/{spec['versions'][0]['name']}/namespaces/default/{spec['names']['plural']}"


def judge(cluster, made, config):
    """What the server says about an object that is not stored: its `spec` if it takes it, and what is wrong otherwise.

    Unknown keys are mistakes, as for `kubectl`.
    """
    spec = made["spec"]
    body = {
        "apiVersion": f"{spec['group']}/{spec['versions'][0]['name']}",
        "kind": spec["names"]["kind"],
        "metadata": {"name": "one"},
        "spec": config,
    }
    status, answer = cluster.request("POST", f"{path_of(made)}?dryRun=All&fieldValidation=Strict", body)
    return (answer["spec"], []) if status < 400 else (None, causes(answer))


def definition_of(schema, kind="Thing"):
    """A definition whose objects have this structural schema in `spec`."""
    plural, group = f"{kind.lower()}s", "tests.example.com"
    whole = {"type": "object", "properties": {"spec": schema}}
    served = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": whole}}
    names = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": [served]},
    }


def steps(place):
    """The steps of a place as the server writes it: `spec.a[b.c].d[0]`."""
    return [name or key for name, key in re.findall(r"([^.\[\]]+)|\[([^\]]*)\]", place)]


LOGICAL = {"title", "description", "default", "type", "nullable", "additionalProperties"}


def unstructural(schema, path="", inside=False):
    """What makes a schema not structural, by the words of the Kubernetes documentation."""
    forbidden = {"$ref", "$defs", "definitions", "dependencies", "patternProperties", "const", "if", "examples"}
    forbidden |= {"deprecated", "additionalItems", "prefixItems", "contains", "propertyNames"}
    yield from (f"{path}: {word}" for word in forbidden & schema.keys())
    free = schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("x-kubernetes-int-or-string")
    if inside:
        yield from (f"{path}: {word} within a junctor" for word in LOGICAL & schema.keys())
    elif not isinstance(schema.get("type"), str) and not free:
        yield f"{path}: no type"
    if schema.get("uniqueItems") or schema.get("additionalProperties") is False:
        yield f"{path}: uniqueItems, or additionalProperties: false"
    if "properties" in schema and "additionalProperties" in schema:
        yield f"{path}: properties and additionalProperties"
    if schema.get("type") == "array" and "items" not in schema and not inside:
        yield f"{path}: no items"
    for name, below in schema.get("properties", {}).items():
        yield from unstructural(below, f"{path}.{name}", inside)
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            yield from unstructural(schema[word], f"{path}.{word}", inside)
    for word in ("allOf", "anyOf", "oneOf"):
        for below in schema.get(word, ()):
            yield from unstructural(below, f"{path}.{word}", inside=True)
            yield from (
                f"{path}.{name} is unknown outside"
                for name in below.get("properties", {}).keys()
                - schema.get("properties", schema.get("properties", {})).keys()
                if not inside
            )
    if "not" in schema:
        yield from unstructural(schema["not"], f"{path}.not", inside=True)


def read_as_json_schema(schema):
    """A structural schema for `jsonschema`: draft 4 has its flags next to the bounds, `nullable` is one more type."""
    if isinstance(schema, list):
        return [read_as_json_schema(below) for below in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: read_as_json_schema(below) if key != "enum" else below for key, below in schema.items()}
    if schema.get("nullable") is True and isinstance(schema.get("type"), str):
        result["type"] = [schema["type"], "null"]
    if schema.get("x-kubernetes-int-or-string") is True:
        result["type"] = ["integer", "string"] + ["null"] * bool(schema.get("nullable"))
    return result


def crd_of(root):
    return definition(root, group="config.example.com", kind="Thing", plural=None, version="v1")


def spec_of(made):
    return made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]


OPENING = {"type", "$ref", "items", "prefixItems", "patternProperties", "additionalProperties"}
"""Keywords without which anything is allowed at a place."""
COMBINING = {"anyOf", "oneOf", "not", "if", "dependentSchemas", "dependencies"}
"""Keywords whose schemas may be anywhere, and are about a place and what is inside."""


def explains(note, problem, config):
    """Whether a note says why the server accepts what Weft reports."""
    if (note.path, note.keyword) == ((), "type"):
        return is_null(config, problem.path or "")
    path = parse_pointer(problem.path or "")
    if note.keyword == "default":  # Weft fills it in if it cannot make a configuration valid without
        return path[:-1] == note.path[:-1]
    if len(path) < len(note.path) or not all(
        wanted in (step, "[]") or wanted.startswith("<")
        for step, wanted in zip(map(str, path), note.path, strict=False)
    ):
        return False
    if note.path and note.keyword in OPENING | COMBINING:
        return True
    return note.location is not None and (problem.schema or "").startswith(note.location)


def is_null(config, path):
    """Whether there is a null at a path, not as an item of a list."""
    *above, last = parse_pointer(path) or ("",)
    for step in above:
        config = (
            config[int(step)] if isinstance(config, list) else config.get(step, {}) if isinstance(config, dict) else {}
        )
    return isinstance(config, dict) and last in config and config[last] is None


def decide(schemas, config):
    """What Weft says about a configuration that one layer has: what it merges to, and what is wrong."""
    merged, wrong = merge(schemas.root, {}, config)
    if wrong:  # a null is the value itself here, and removes nothing
        merged, wrong = config, [problem for problem in wrong if problem.code != "nothing-to-remove"]
    filled = schemas.filled(merged)
    return merged, wrong or schemas.schema_check.problems(filled) or schemas.rule_check.problems(filled)


def disagreement(cluster, made, notes, schemas, config):
    """How Weft and the server disagree about a configuration without a note that explains it; None if they do not."""
    merged, problems = decide(schemas, config)
    stored, said = judge(cluster, made, merged)
    if stored is not None and problems:
        left = [problem for problem in problems if not any(explains(note, problem, merged) for note in notes)]
        return f"only Weft refuses it: {[str(one) for one in left]}" if left else None
    if stored is None and not problems:
        return f"only the server refuses it: {said}"
    return None
