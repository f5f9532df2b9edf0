"""`weft init --chart`: the values stay those of the chart, and the schema accepts what the chart shows, but no slip of the pen."""

import json

import pytest
import yaml

from run import run
from scratch import write_files
from weft.api.charts.comments import notes_of

README_SCHEMA = {
    "$schema": "http://json-schema.org/schema#",
    "type": "object",
    "properties": {
        "resourcesPreset": {"type": "string", "default": "nano"},
        "resources": {
            "type": "object",
            "properties": {"requests": {"type": "object", "default": {}}, "limits": {"type": "object", "default": {}}},
        },
        "metrics": {
            "type": "object",
            "properties": {
                "annotations": {
                    "type": "object",
                    "properties": {
                        "prometheus": {"type": "object", "properties": {"io/path": {"type": "string", "default": "/m"}}}
                    },
                }
            },
        },
    },
}
README_VALUES = "resourcesPreset: nano\nresources: {}\nmetrics:\n  annotations:\n    prometheus.io/path: /metrics\n"


def imported(folder, values, schema=None, chart="name: x\n", **files):
    """A project from a chart, and what `weft init` said on stderr."""
    write_files(folder, {"chart/Chart.yaml": chart, "chart/values.yaml": values, **files})
    if schema is not None:
        write_files(folder, {"chart/values.schema.json": schema})
    result = run("init", "new", "--chart", "chart", cwd=folder)
    assert result.code == 0, result
    silent = run("validate", "--strict", cwd=folder / "new")
    assert (silent.code, silent.out) == (0, ""), silent
    return folder / "new", result.err


def rendered(project):
    assert (result := run("render", "production", cwd=project)).code == 0, result
    return yaml.safe_load(project.joinpath("build/production/values.yaml").read_text("utf-8"))


def schema_of(project):
    return json.loads(project.joinpath("schemas/values.schema.json").read_text("utf-8"))


def said_of(project, overlay):
    """The codes and places of what is wrong with an overlay for production."""
    write_files(project, {"overlays/environments/production.yaml": overlay})
    result = run("validate", "production", "--format", "json", cwd=project)
    return [(problem["code"], problem["path"]) for problem in json.loads(result.out)["problems"]]


# --- the chart's own schema ---


@pytest.mark.parametrize(
    ("schema", "values"),
    [
        (README_SCHEMA, README_VALUES),
        (
            {
                "$schema": "http://json-schema.org/draft-04/schema#",
                "properties": {"a": {"$ref": "#/definitions/a"}},
                "definitions": {"a": {"properties": {"port": {"type": "integer", "default": 1, "maximum": 2}}}},
            },
            "a: {}\n",
        ),
        (
            {
                "$schema": "https://json-schema.org/draft/2019-09/schema",
                "properties": {"a": {"$ref": "#/$defs/a", "default": {"port": 5}}, "default": {"default": 1}},
                "$defs": {"a": {"properties": {"port": {"default": 1}}, "default": {"port": 2}}},
                "allOf": [{"properties": {"b": {"default": 3}}}],
            },
            "c: 1\n",
        ),
        ({"properties": {"a": {"$ref": "#/parts/a"}}, "parts": {"a": {"type": "integer", "default": 1}}}, "{}\n"),
        ({"properties": {"a": {"default": [1], "items": {"properties": {"x": {"default": 1}}}}}}, "a: [{}]\n"),
    ],
)
def test_defaults_of_the_schema_never_reach_the_values_as_with_helm(tmp_path, schema, values):
    project, _ = imported(tmp_path, values, schema)
    assert rendered(project) == yaml.safe_load(values)


def test_what_is_no_keyword_stays_in_the_schema(tmp_path):
    schema = {
        "properties": {
            "default": {"type": "object", "properties": {"default": {"const": {"default": 1}}}},
            "mode": {"enum": [{"default": 1}, "x"], "examples": [{"default": 2}]},
        }
    }
    project, _ = imported(tmp_path, "mode: x\n", schema)
    assert schema_of(project) == schema


def test_a_default_is_still_shown_as_an_example(tmp_path):
    project, _ = imported(tmp_path, "{}\n", {"properties": {"port": {"type": "integer", "default": 80}}})
    assert schema_of(project)["properties"]["port"] == {"type": "integer", "examples": [80]}


def test_comments_describe_what_the_schema_of_a_chart_does_not(tmp_path):
    schema = {"properties": {"a": {"type": "string"}, "b": {"description": "Mine."}, "c": {"$ref": "#/definitions/c"}}}
    schema |= {"definitions": {"c": {}}, "$schema": "http://json-schema.org/draft-07/schema#"}
    project, _ = imported(tmp_path, "# The first.\na: x\n# Other.\nb: 1\n# Not read.\nc: 1\nd: 1 # unlisted\n", schema)
    properties = schema_of(project)["properties"]
    assert properties["a"] == {"type": "string", "description": "The first."}
    assert properties["b"] == {"description": "Mine."}
    assert properties["c"] == {"$ref": "#/definitions/c"}
    assert "d" not in properties


# --- other charts ---

DEPENDENCIES = """
    apiVersion: v2
    name: c
    dependencies:
      - {name: grafana, version: 12.x, condition: grafana.enabled}
      - {name: redis, alias: cache, condition: "features.cache,cache.enabled", tags: [fast]}
      - {name: common, version: 1.x, import-values: [{child: data, parent: shared.data}]}
    """


@pytest.mark.parametrize(
    "overlay",
    [
        "grafana: {persistence: {enabled: true}}",
        "grafana: {enabled: false, sidecar: {dashboards: {deep: {er: 1}}}}",
        "grafana: {kube-state-metrics: {enabled: true}}",
        "grafana: {adminUser: 7}",
        "cache: {architecture: standalone}",
        "features: {cache: false}",
        "common: {x: 1}",
        "tags: {fast: true}",
        "shared: {data: {any: thing}}",
        "global: {imageRegistry: x, redis: {password: y}}",
        "grafana: {$value: null}",
    ],
)
def test_the_sections_of_other_charts_are_open(tmp_path, overlay):
    values = "grafana: {enabled: true, adminUser: admin, sidecar: {dashboards: {enabled: true}}}\nfeatures: {own: 1}\n"
    project, _ = imported(tmp_path, values, chart=DEPENDENCIES)
    assert said_of(project, overlay) == []
    rendered(project)


@pytest.mark.parametrize(
    ("overlay", "problem"),
    [
        ("redis: {architecture: standalone}", ("unknown-key", "/redis")),  # it is called by its alias
        ("grafana: {enabled: maybe}", ("wrong-type", "/grafana/enabled")),
        ("features: {cahce: true}", ("unknown-key", "/features/cahce")),
        ("features: {cache: [1]}", ("wrong-type", "/features/cache")),
        ("grafana: [1]", ("wrong-type", "/grafana")),
    ],
)
def test_what_is_the_charts_own_stays_closed(tmp_path, overlay, problem):
    project, _ = imported(tmp_path, "features: {own: 1}\n", chart=DEPENDENCIES)
    assert problem in said_of(project, overlay)


def test_charts_of_the_first_version_and_packed_ones_are_dependencies_too(tmp_path):
    files = {
        "chart/requirements.yaml": {"dependencies": [{"name": "old"}]},
        "chart/charts/unpacked/Chart.yaml": "name: unpacked\n",
        "chart/charts/two-words-1.2.3.tgz": b"",
        "chart/charts/README.md": "no chart",
    }
    project, _ = imported(tmp_path, "a: 1\n", **files)
    assert said_of(project, "old: {x: 1}\nunpacked: {x: 1}\ntwo-words: {x: 1}\n") == []
    assert said_of(project, "README: {x: 1}\n") == [("unknown-key", "/README")]


def test_values_that_a_dependency_exports_may_stand_anywhere(tmp_path):
    chart = "name: x\ndependencies: [{name: d, import-values: [data]}]\n"
    project, _ = imported(tmp_path, "a: 1\n", chart=chart)
    assert said_of(project, "exported: {x: 1}\n") == []


def test_a_chart_file_that_cannot_be_read_is_reported(tmp_path):
    write_files(tmp_path, {"chart/Chart.yaml": "a: [\n", "chart/values.yaml": "a: 1\n"})
    result = run("init", "new", "--chart", "chart", cwd=tmp_path)
    assert (result.code, "Chart.yaml" in result.err) == (1, True), result


# --- what the values show ---

SHOWN = """
    serviceMonitor:
      enabled: true
      # interval: 30s
      # relabelings:
      #   - sourceLabels: [x]
    service:
      nodePort: ""
      type: ClusterIP
      port: 80
    pdb:
      minAvailable: 1
    # Example:
    # tolerations:
    #   - key: x
    tolerations: {}
    securityContext: {}
      # capabilities:
      #   drop:
      #   - ALL
    extraEnv: []
    # FOO: bar
    image: {tag: "1.2", repository: nginx}
    podAnnotations: {a: b}
    env: {A: b}
    hosts:
      - host: a
        paths: [{path: /}]
    size: 8Gi
    later:
    """


@pytest.mark.parametrize(
    "overlay",
    [
        "serviceMonitor: {interval: 30s, relabelings: [{targetLabel: y}]}",
        "service: {nodePort: 30080}",
        "service: {port: '{{ .Values.x }}'}",
        "pdb: {minAvailable: 50%}",
        "tolerations: [{key: y, operator: Exists}]",
        "tolerations: {anything: 1}",
        "securityContext: {runAsUser: 1, capabilities: {add: [x]}}",
        "extraEnv: [{name: x, value: y}]",
        "extraEnv: {FOO: x}",
        "image: {tag: 1.3}",
        "podAnnotations: {prometheus.io/path: /x}",
        "env: {B: c}",
        "hosts: [{host: b, className: x, paths: []}]",
        "size: 10",
        "later: {any: [thing]}",
    ],
)
def test_an_inferred_schema_accepts_what_comments_and_placeholders_show(tmp_path, overlay):
    project, _ = imported(tmp_path, SHOWN)
    assert said_of(project, overlay) == []


def test_a_port_may_be_named_where_kubernetes_lets_it(tmp_path):
    values = "service: {port: 80, targetPort: 8080}\nprobe: {}\n#  httpGet:\n#    port: 8080\n"
    project, _ = imported(tmp_path, values)
    assert said_of(project, "service: {targetPort: http}\nprobe: {httpGet: {port: http}}") == []
    assert said_of(project, "service: {port: http}") == [("wrong-format", "/service/port")]


@pytest.mark.parametrize(
    ("overlay", "problem"),
    [
        ("serviceMonitor: {intervall: 30s}", ("unknown-key", "/serviceMonitor/intervall")),
        ("serviceMonitor: {enabled: 'yes'}", ("wrong-type", "/serviceMonitor/enabled")),
        ("service: {port: eighty}", ("wrong-format", "/service/port")),
        ("service: {nodePort: [1]}", ("merge-conflict", "/service/nodePort")),
        ("image: {repository: 3}", ("wrong-type", "/image/repository")),
        ("Example: {}", ("unknown-key", "/Example")),
        ("hosts: [{host: [b]}]", ("wrong-type", "/hosts/0/host")),
    ],
)
def test_an_inferred_schema_still_finds_slips(tmp_path, overlay, problem):
    project, _ = imported(tmp_path, SHOWN)
    assert problem in said_of(project, overlay)


COMMENTS = {
    "# One.\na: 1\n": {"a": "One."},
    "# One\n# and two.\na: 1\n": {"a": "One\nand two."},
    "# Of the file.\n\na: 1\n": {},
    "a: 1 # behind\nb: '# no'\nc: \"x # no\"\n": {"a": "behind"},
    "# -- Docs.\n# More.\na: 1\n": {"a": "Docs.\nMore."},
    "# Ignored.\n# -- (string) Docs.\n# @default -- x\na: 1\n": {"a": "Docs."},
    "# a.b -- Elsewhere.\na: {b: 1}\n": {"a.b": "Elsewhere."},
    "## @section Common\n## @param a.b [array] Text of it\n## @param a.c\na: {b: []}\n": {"a.b": "Text of it"},
    "a:\n  # Inside.\n  b: 1\n": {"a.b": "Inside."},
    "a:\n# Not of b.\n  b: 1\n": {},
    "# @schema\n# type: integer\n# @schema\n# Port.\na: 1\n": {"a": "Port."},
    "a: |\n  # no comment\n  x\n# Yes.\nb: 1\n": {"b": "Yes."},
    "# ----\na: 1\n": {},
    "# Shown.\n# x: 1\n# Own.\na: 1\n": {"x": "Shown.", "a": "Own."},
    "a: &x\n  # One.\n  b: 1\nc: *x\nd:\n  <<: *x\n  # Two.\n  e: 1\n": {"a.b": "One.", "d.e": "Two."},
    "- a\n": {},
    "# only\n": {},
}


@pytest.mark.parametrize("text", COMMENTS)
def test_comments_become_descriptions(text):
    assert {".".join(path): said for path, said in notes_of(text).descriptions.items()} == COMMENTS[text]


def test_descriptions_reach_the_schema_and_the_editors(tmp_path):
    project, _ = imported(tmp_path, "# How many.\nreplicas: 1\n# -- Image.\nimage:\n  tag: x # which\n")
    for name in ("values.schema.json", "generated/overlay.schema.json"):
        text = project.joinpath("schemas", name).read_text("utf-8")
        assert all(f'"description": "{said}"' in text for said in ("How many.", "Image.", "which")), name


@pytest.mark.parametrize(
    ("values", "refused", "accepted"),
    [
        ("# @schema\n# type: integer\n# minimum: 1\n# @schema\na: 2\n", "a: 0", "a: 3"),
        ("# @schema\n# enum: [x, z]\n# @schema\na: x\n", "a: w", "a: z"),
        ("a: x # @schema enum:[x, z];type:string\n", "a: w", "a: z"),
        ("# @schema type:[string, integer]\na: x\n", "a: [1]", "a: 1"),
        ("# @schema\n# type: [string, array]\n# @schema\na: ''\n", "a: 1", "a: [x]"),
        ("# @schema\n# additionalProperties: true\n# @schema\na: {b: 1}\n", "a: {b: []}", "a: {c: 1}"),
    ],
)
def test_a_schema_in_a_comment_counts(tmp_path, values, refused, accepted):
    project, _ = imported(tmp_path, values)
    assert said_of(project, refused) != []
    assert said_of(project, accepted) == []
    assert said_of(project, "a: {$value: null}") == []


@pytest.mark.parametrize(
    "stated", ["type: integer", "type: nothing", "minimum: x", "$ref: '#/x'", "enum: [y]", "[", "1: 2"]
)
def test_a_schema_in_a_comment_that_is_wrong_or_refuses_the_value_is_passed_over(tmp_path, stated):
    project, _ = imported(tmp_path, f"# @schema\n# {stated}\n# @schema\na: x\n")
    assert said_of(project, "a: z") == []


# --- secrets ---


def test_the_last_of_several_keys_counts_and_is_warned_of(tmp_path):
    project, said = imported(tmp_path, "a: {x: 1, z: 2}\nb: 3\na: {x: 4}\n")
    assert rendered(project) == {"a": {"x": 4}, "b": 3}
    assert "warning[duplicate-key]: the key `a` appears twice in this mapping, and Helm uses the last one\n" in said
    assert "values.yaml:3:1\n" in said


def test_what_a_schema_refers_to_on_the_network_is_not_checked_and_warned_of(tmp_path):
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "properties": {
            "context": {"$ref": "https://k8s.example/defs.json#/SecurityContext", "description": "Who runs it.", "type": "object"},
            "any": {"anyOf": [{"type": "string"}, {"$ref": "more.json#/x"}]},
            "port": {"type": "integer"},
        },
        "definitions": {},
    }  # fmt: skip
    more = {"$schema": "http://json-schema.org/draft-07/schema#", "x": {"$ref": "https://k8s.example/y.json"}}
    project, said = imported(tmp_path, "context: {group: 1}\nport: 80\n", schema, **{"chart/more.json": more})
    assert said.count("warning[schema-ref-network]") == 2
    assert "  --> values.schema.json:1:" in said
    assert "  --> more.json:1:" in said
    assert schema_of(project)["properties"]["context"] == {"description": "Who runs it."}
    assert said_of(project, "context: {user: [1]}\nany: 7\nport: x") == [("wrong-type", "/port")]


def test_secrets_in_plain_text_are_warned_of_and_never_shown(tmp_path):
    values = """
        dbPassword: hunter2
        auth: {password: "", token: tok3n, existingSecret: of-somebody, secretName: x, automountServiceAccountToken: "y"}
        users: [{name: x, password: s3cret}]
        key: "{{ .Values.password }}"
        apiKey: ref+env://KEY
        token: ${TOKEN}
        """
    project, said = imported(tmp_path, values.replace("ref+env", "x+env"))
    assert said.count("warning[plaintext-secret]") == 4
    for path in ("dbPassword", "auth.token", "users[0].password", "apiKey"):
        assert f"{path} looks like a secret" in said
    assert "overlays/base.yaml:" in said
    assert not any(secret in said for secret in ("hunter2", "tok3n", "s3cret"))
    line = project.joinpath("overlays/base.yaml").read_text("utf-8").splitlines().index("dbPassword: hunter2") + 1
    assert f"overlays/base.yaml:{line}:1" in said


def test_a_chart_without_secrets_is_imported_without_a_warning(tmp_path):
    assert "warning" not in imported(tmp_path, "a: 1\npassword: ''\n")[1]
