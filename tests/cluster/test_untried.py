"""Objects that a server cannot try yet are held against its OpenAPI documents, or against the CRD that the plan brings."""

import copy

import pytest

from weft.cluster.client import connect
from weft.cluster.manifests import Manifest, key_of
from weft.cluster.openapi import Documents

pytestmark = pytest.mark.cluster

NAMESPACE = "shop-test"
WIDGETS = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  names: {kind: Widget, plural: widgets, singular: widget, listKind: WidgetList}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                size: {type: integer}
                port: {x-kubernetes-int-or-string: true}
                tags: {type: object, additionalProperties: {type: string}}
                free: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {known: {type: boolean}}}
                parts: {type: array, items: {type: object, properties: {name: {type: string}}}}
                maybe: {type: string, nullable: true}
                inner: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}
"""
WIDGET = """
apiVersion: example.com/v1
kind: Widget
metadata: {{name: w, namespace: {{{{ app.namespace }}}}}}
spec: {spec}
"""


def widget(shop, spec, version="v1"):
    """Let the project bring a kind and one object of it."""
    text = WIDGETS.strip() + "\n---" + WIDGET.format(spec=spec).replace("example.com/v1", f"example.com/{version}")
    (shop.folder / "templates" / "extra.yaml.j2").write_text(text)
    shop.set("environments/test", extra=True)


@pytest.mark.parametrize("options", [(), ("--server",)])
def test_a_field_that_the_server_does_not_know_is_in_the_plan(shop, options):
    shop.uncheck()
    shop.set("environments/test", bad_field=True)
    said = shop.weft("plan", "test", *options, code=1)
    assert "Service shop-test/shop: spec.colour: the server knows no such field" in said.err
    assert "templates/app.yaml.j2:" in said.err
    assert "not yet tried: namespace shop-test is created by this plan" in said.out


def test_a_wrong_type_is_in_the_plan_at_its_overlay_line_and_nothing_is_written(shop, cluster):
    shop.uncheck()
    template = shop.folder / "templates" / "app.yaml.j2"
    template.write_text(
        template.read_text().replace("{name: http, port: {{ app.port }}", "{name: http, port: port-{{ app.port }}")
    )
    shop.set("environments/test", port=9000)
    said = shop.deploy("test", code=1)
    assert "Service shop-test/shop: spec.ports[0].port: expected integer, found string" in said.err
    assert "overlays/environments/test.yaml:" in said.err
    assert cluster.read("Namespace", None, NAMESPACE) is None


def test_a_secret_is_checked_and_not_quoted(shop):
    shop.uncheck()
    template = shop.folder / "templates" / "secret.yaml.j2"
    template.write_text(template.read_text() + "  number: 4711\n")
    said = shop.weft("plan", "test", code=1)
    assert "Secret shop-test/shop-secret: stringData.number: expected string, found integer" in said.err
    assert "4711" not in said.err + said.out


def test_an_object_of_a_new_kind_is_held_against_its_definition(shop, cluster):
    widget(shop, "{size: 3, port: http, tags: {a: b}, free: {x: [1]}, parts: [{name: a}], maybe: null}")
    said = shop.weft("plan", "test")
    assert "not yet tried: the kind Widget is created by this plan" in said.out
    widget(
        shop,
        "{sise: 3, port: true, tags: {a: 1}, free: {known: 1, other: 2}, parts: [{name: a}, {nam: b}], inner: {metadata: {labels: [a]}}}",
    )
    said = shop.deploy("test", code=1).err
    for message in (
        "spec.sise: the server knows no such field",
        "did you mean `size`?",
        "spec.port: expected integer or string, found boolean",
        "spec.tags.a: expected string, found integer",
        "spec.free.known: expected boolean, found integer",
        "spec.parts[1].nam: the server knows no such field",
        "spec.inner.metadata.labels: expected object, found array",
    ):
        assert message in said
    assert "free.other" not in said
    assert cluster.read("Namespace", None, NAMESPACE) is None
    widget(shop, "{size: 3}", version="v2")
    assert "the CRD of this plan has no Widget of example.com/v2" in shop.weft("plan", "test", code=1).err


DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "a", "namespace": "default", "labels": {"app": "a"}},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "a"}},
        "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
        "template": {
            "metadata": {"labels": {"app": "a"}},
            "spec": {
                "containers": [
                    {
                        "name": "a",
                        "image": "example.org/a:1",
                        "env": [{"name": "A", "value": "1"}],
                        "resources": {"requests": {"cpu": 1, "memory": "1Gi"}},
                        "securityContext": {"runAsNonRoot": True},
                        "ports": [{"containerPort": 80}],
                    }
                ]
            },
        },
    },
}
CONTAINER = ("spec", "template", "spec", "containers", 0)
CHANGES = [
    (("spec", "replicas"), "1"),
    (("spec", "replicas"), True),
    (("spec", "replicas"), None),
    (("spec", "replica"), 1),
    (("spec", "selector"), ["app"]),
    (("spec", "strategy", "rollingUpdate", "maxSurge"), True),
    (("spec", "strategy", "rollingUpdate", "maxSurge"), 1),
    (("spec", "strategy", "rollingUpdates"), {}),
    (("metadata", "labels", "app"), 1),
    (("metadata", "label"), {}),
    (("metadata", "annotations"), {"a": False}),
    ((*CONTAINER, "env", 0, "value"), 1),
    ((*CONTAINER, "env", 0, "val"), "1"),
    ((*CONTAINER, "env"), {"A": "1"}),
    ((*CONTAINER, "resources", "requests", "cpu"), "100m"),
    ((*CONTAINER, "resources", "requests", "cpu"), 0.5),
    ((*CONTAINER, "resources", "requests", "cpu"), [1]),
    ((*CONTAINER, "securityContext", "runAsNonRoot"), "true"),
    ((*CONTAINER, "ports", 0, "containerPort"), "http"),
    ((*CONTAINER, "livenessProbe"), {"httpGet": {"port": "http", "path": "/"}}),
    ((*CONTAINER, "livenessProbe"), {"httpGet": {"port": 1.5}}),
    (("colour",), "red"),
]


def changed(path, value):
    data = copy.deepcopy(DEPLOYMENT)
    holder = data
    for step in path[:-1]:
        holder = holder.setdefault(step, {}) if isinstance(holder, dict) else holder[step]
    holder[path[-1]] = value
    return data


def test_the_documents_and_the_server_decide_alike(shop, cluster):
    """Each of the changes is taken by both, or refused by both, at the same place."""
    client = connect("admin", kubeconfig=str(cluster.kubeconfig))
    documents = Documents(client)
    different = []
    for path, value in CHANGES:
        data = changed(path, value)
        target = shop.project().target("test")
        problems = list(documents.problems(Manifest(key_of(data), data, target)))
        url = cluster.path("Deployment", "default", "a") + "?dryRun=All&fieldManager=weft&fieldValidation=Strict"
        status, answer = cluster.request("PATCH", url, data, "application/apply-patch+yaml")
        if bool(problems) != (status >= 400) or (problems and str(path[-1]) not in problems[0].message):
            different.append((path, value, [str(one) for one in problems], status, answer.get("message")))
    client.close()
    assert different == []
