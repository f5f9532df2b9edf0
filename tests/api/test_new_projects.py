"""`weft init`: what it writes is a whole project, and what a chart's values say is not lost on the way."""

import json

import pytest
import yaml
from jsonschema import Draft7Validator

from run import run
from scratch import write_files
from weft import load_project
from weft.files import yaml12

DRAFTS = [
    "http://json-schema.org/draft-04/schema#",
    "http://json-schema.org/draft-06/schema#",
    "http://json-schema.org/draft-07/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "https://json-schema.org/draft/2020-12/schema",
    None,
]


def start(folder, *args):
    """A new project in `folder`/new, which must have succeeded."""
    result = run("init", "new", *args, cwd=folder)
    assert result.code == 0, result
    return folder / "new"


def is_whole(project):
    """It validates, renders, does not change when rendered again, and its editors accept its overlays."""
    assert (result := run("validate", cwd=project)).code == 0, result
    assert (result := run("render", cwd=project)).code == 0, result
    assert (result := run("render", "--check", cwd=project)).code == 0, result
    schema = json.loads(project.joinpath("schemas/generated/overlay.schema.json").read_text("utf-8"))
    Draft7Validator.check_schema(schema)
    overlays = [*project.glob("overlays/**/*.yaml")]
    assert overlays
    for overlay in overlays:
        data = yaml12.parse(overlay.read_text("utf-8"))
        assert [error.message for error in Draft7Validator(schema).iter_errors(data)] == [], overlay
    settings = json.loads(project.joinpath("schemas/generated/weft.schema.json").read_text("utf-8"))
    assert Draft7Validator(settings).is_valid(yaml12.parse(project.joinpath("weft.yaml").read_text("utf-8")))


def chart(folder, values, schema=None):
    """A chart, and a project that was started from it."""
    write_files(folder, {"chart/Chart.yaml": "name: x\n", "chart/values.yaml": values})
    if schema is not None:
        write_files(folder, {"chart/values.schema.json": schema})
    return start(folder, "--chart", str(folder / "chart"))


def rendered(project):
    assert (result := run("render", "production", cwd=project)).code == 0, result
    return yaml.safe_load(project.joinpath("build/production/values.yaml").read_text("utf-8"))


@pytest.mark.parametrize("args", [(), ("--schema", "s.json"), ("--chart", "chart")])
def test_a_new_project_is_whole_and_there_is_nothing_to_warn_of(tmp_path, args):
    write_files(tmp_path, {"s.json": {"type": "object"}, "chart/values.yaml": "a: 1\n"})
    project = start(tmp_path, *args)
    is_whole(project)
    assert (result := run("validate", "--strict", cwd=project)).code == 0, result


@pytest.mark.parametrize("name", ["shop", "Mein Laden", "123", "...", "a.b_c", "true", "no"])
def test_a_project_may_be_named_anything(tmp_path, name):
    assert run("init", name, cwd=tmp_path).code == 0
    is_whole(tmp_path / name)
    assert isinstance(load_project(tmp_path / name).name, str)


def test_the_name_of_the_folder_is_that_of_the_project(tmp_path):
    assert run("init", "a/b/Shop One", cwd=tmp_path).code == 0
    assert load_project(tmp_path / "a/b/Shop One").name == "shop-one"


def test_an_empty_folder_may_be_there_already(tmp_path):
    tmp_path.joinpath("new").mkdir()
    is_whole(start(tmp_path))
    assert run("-C", str(tmp_path / "new"), "init", ".", cwd=tmp_path).code == 3


@pytest.mark.parametrize("args", [(), ("--schema", "s.json"), ("--chart", "chart")])
@pytest.mark.parametrize("there", ["new/notes.txt", "new/.hidden", "new"])
def test_what_is_in_the_way_is_not_touched(tmp_path, there, args):
    write_files(tmp_path, {there: "mine", "s.json": {"type": "object"}, "chart/values.yaml": "a: 1\n"})
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    result = run("init", "new", *args, cwd=tmp_path)
    assert (result.code, result.out) == (3, "")
    assert "new" in result.err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_schema_and_a_chart_exclude_each_other(tmp_path):
    write_files(tmp_path, {"s.json": {}, "chart/values.yaml": "a: 1\n"})
    assert run("init", "new", "--schema", "s.json", "--chart", "chart", cwd=tmp_path).code == 2
    assert not tmp_path.joinpath("new").exists()


@pytest.mark.parametrize("draft", DRAFTS)
def test_a_project_from_a_schema_of_any_draft_is_whole(tmp_path, draft):
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "port": {"$ref": "#/definitions/port", "description": "p"},
            "password": {"type": "string", "x-sensitive": True},
            "mode": {"enum": ["a", "b"], "default": "a"},
        },
        "definitions": {"port": {"type": "integer", "default": 80}},
    }
    write_files(tmp_path, {"my-app.schema.json": {**({"$schema": draft} if draft else {}), **schema}})
    project = start(tmp_path, "--schema", str(tmp_path / "my-app.schema.json"))
    is_whole(project)
    (target, *_) = load_project(project).targets()
    assert list(target.config) == ["my_app"]
    assert target.config["my_app"]["mode"] == "a"


@pytest.mark.parametrize(
    "name", ["root.schema.json", "root.json", "ROOT.schema.json", "9.json", "ä ö.json", "x#y.json", "50%.json"]
)
def test_a_project_from_a_schema_of_any_file_name_is_whole(tmp_path, name):
    schema = {"type": "object", "properties": {"found": {"const": 1, "default": 1}}}
    write_files(tmp_path, {f"given/{name}": schema})
    project = start(tmp_path, "--schema", str(tmp_path / "given" / name))
    is_whole(project)
    (target, *_) = load_project(project).targets()
    assert [*target.config.values()] == [{"found": 1}]


@pytest.mark.parametrize(
    "schema",
    [
        "{",
        "[]",
        '{"type": "objekt"}',
        '{"$ref": "gone.json"}',
        '{"$ref": "https://example.com/x.json"}',
        '{"$schema": "x"}',
        b"\xff",
    ],
)
def test_a_schema_that_is_wrong_is_told_and_leaves_nothing(tmp_path, schema):
    write_files(tmp_path, {"s.json": schema})
    result = run("init", "new", "--schema", "s.json", cwd=tmp_path)
    assert result.code == 1, result
    assert "s.json" in result.err
    assert not tmp_path.joinpath("new").exists()


VALUES = {
    "empty": "",
    "only comments": "# nothing\n# here\n",
    "an empty mapping": "{}\n",
    "comments": "# head\na: 1 # one\n# between\nb:\n  # inside\n  c: x # y\n# tail\n",
    "a bare null": "a:\nb: 1\n",
    "a bare null at the end": "b: 1\na:",
    "a bare null with a comment": "a: # to be set\nb: 1\n",
    "a bare null with a space": "a: \nb: 1\n",
    "a bare null below": "a:\n  b:\n  c: 1\nd:\n",
    "spelled nulls": "a: ~\nb: null\nc: Null\nd: NULL\ne: 1\n",
    "spelled nulls with comments": "a: ~ # x\nb: null   # y\nc: {d: 1} # null\n",
    "nulls in a flow mapping": "a: {b: null, c: ~, d: , e: 1}\n",
    "nulls in a flow list": "a: [null, ~, 1]\n",
    "nulls in a list": "a:\n  -\n  - ~\n  - null # x\n  - b:\n    c: 1\n",
    "a null in a list of mappings": "a:\n  - name: x\n    value:\n  - name: z\n    value: ~\n",
    "an explicit null tag": "a: !!null null\nb: !!str null\n",
    "an anchored null": "a: &x null\nb: *x\n",
    "anchors": "a: &a {x: 1, z: [1, 2]}\nb: *a\nc: [*a, *a]\n",
    "a null inside of an anchor": "a: &a\n  x:\n  z: 1\nb: *a\n",
    "texts that look like others": 'a: "null"\nb: "~"\nc: "1.0"\nd: "0x10"\ne: "true"\nf: ""\ng: "yes"\n',
    "numbers": "a: 1\nb: 1.5\nc: -3\nd: 1e3\ne: 0\n",
    "block texts": "a: |\n  one\n\n  two: null\nb: >-\n  folded\n  text\nc: |+\n  kept\n\n",
    "odd keys": '"a.b": 1\n"c/d": {"~": 1}\n"": 2\nnginx.ingress.kubernetes.io/x: "y"\n',
    "a document mark": "---\na: 1\n",
    "a null after a document mark": "---\na:\n...\n",
    "windows line ends": "a: 1\r\nb:\r\nc: ~\r\n",
    "wide characters": "ä: ö\n\U0001d11e: {b: null, c: é}\n",
    "empty things": "a: {}\nb: []\nc: ''\nd: [{}, []]\n",
    "a null next to a text that says null": "a: null # null\nb: 'x: null'\nnull_: ~\n",
    "directives of overlays": "a: {$patch: x}\n",
    "templates": "a: '{{ .Release.Name }}'\nb: \"${X}\"\nc: '{% raw %}'\n",
    "a setting that looks like a secret": "password: ''\nauth: {existingSecret: , token: ~}\n",
    "a reference as a text": "a: ref+env://X\n",
    "mixed lists": "a: [1, x, {b: c}, [d]]\n",
    "real": """
        # Default values for shop.
        replicaCount: 1

        image:
          repository: nginx
          pullPolicy: IfNotPresent
          # Overrides the image tag whose default is the chart appVersion.
          tag: ""

        imagePullSecrets: []
        serviceAccount:
          create: true
          annotations: {}
          name:
        podAnnotations: {}
        securityContext: {}
          # capabilities:
          #   drop:
          #   - ALL
        service: {type: ClusterIP, port: 80, nodePort: }
        ingress:
          enabled: false
          annotations: {}
            # kubernetes.io/tls-acme: "true"
          hosts:
            - host: chart-example.local
              paths:
                - path: /
                  pathType: ImplementationSpecific
                  backend: ~
          tls: []
        resources: {}
        nodeSelector: {}
        config: |
          [server]
          port = 80
        extra:
        """,
}
DIRECTIVES = {"directives of overlays", "a reference as a text"}


@pytest.mark.parametrize("what", [what for what in VALUES if what not in DIRECTIVES])
def test_the_rendered_values_are_those_of_the_chart(tmp_path, what):
    project = chart(tmp_path, VALUES[what])
    expected = yaml.safe_load(tmp_path.joinpath("chart/values.yaml").read_bytes()) or {}
    if what == "numbers":
        expected["d"] = 1000.0  # PyYAML reads `1e3` as a text, helm as a number
    assert rendered(project) == expected
    is_whole(project)


@pytest.mark.parametrize(
    ("values", "meant"),
    [
        ("a: yes\nb: [off, On, 'no']\n", {"a": True, "b": [False, True, "no"]}),
        ("mode: 0644\nlarge: 1_000\n", {"mode": 420, "large": 1000}),
        ("a: &a no\nb: *a\n", {"a": False, "b": False}),
        ("day: 2026-11-23\ntime: 12:30\n", {"day": "2026-11-23", "time": "12:30"}),
        ("# yes\na: 'x # yes'\nb: y # yes\n", {"a": "x # yes", "b": True}),
        ("a: &a {x: 1, z: 2}\nb:\n  <<: *a\n  x: 3\n", {"a": {"x": 1, "z": 2}, "b": {"x": 3, "z": 2}}),
        ("pos: {x: 1, y: 2}\non: {1: a}\n", {"pos": {"x": 1, "true": 2}, "true": {"1": "a"}}),
        ("a: !!bool yes\nb: !!binary aGVsbG8=\n", {"a": True, "b": "hello"}),
        ("m: {x, z: 1}\n", {"m": {"x": None, "z": 1}}),
        ("m:\n  ? x\n  ? z\n", {"m": {"x": None, "z": None}}),
        ("a: !secret x\nb: !map {y: !list [1]}\n", {"a": "x", "b": {"true": [1]}}),
        (
            "v: {1.10: a, 2.0: b, 1e3: c, 1e6: d, 0.00001: e}\n",
            {"v": {"1.1": "a", "2": "b", "1000": "c", "1e+06": "d", "1e-05": "e"}},
        ),
        (
            "a: 08\nb: 18446744073709551615\nc: 1e400\nd: 0b12\n",
            {"a": 8.0, "b": 18446744073709551615, "c": "1e400", "d": "0b12"},
        ),
        ("a: !!binary 1e21\nb: {y: <<}\n", {"a": "\ufffd\ufffd\ufffd", "b": {"true": "<<"}}),
    ],
)
def test_values_are_read_as_helm_reads_them(tmp_path, values, meant):
    project = chart(tmp_path, values)
    assert rendered(project) == meant
    is_whole(project)


def test_a_value_of_a_chart_is_removed_by_a_null_that_is_meant(tmp_path):
    project = chart(tmp_path, "probe: {path: /}\nitems: [{name: a}]\n")
    overlay = "probe: {$value: null}\nitems: [{name: b, other: [1]}]\n"
    write_files(project, {"overlays/environments/production.yaml": overlay})
    assert rendered(project) == {"probe": None, "items": [{"name": "b", "other": [1]}]}


def test_files_are_meant_from_where_weft_was_told_to_start(tmp_path):
    write_files(tmp_path, {"sub/chart/values.yaml": "a: 1\n"})
    result = run("-C", "sub", "init", "new", "--chart", "chart", cwd=tmp_path)
    assert (result.code, "weft -C sub/new render" in result.err) == (0, True), result


def test_a_schema_comes_with_the_files_that_it_refers_to(tmp_path):
    port = {"type": "integer", "default": 80}
    schema = {"properties": {"port": {"$ref": "../common/port.json"}, "near": {"$ref": "near.json#/$defs/x"}}}
    near = {"$defs": {"x": {"const": "x", "default": "x"}}}
    write_files(tmp_path, {"app/app.json": schema, "app/near.json": near, "common/port.json": port})
    project = start(tmp_path, "--schema", str(tmp_path / "app/app.json"))
    is_whole(project)
    (target, *_) = load_project(project).targets()
    assert target.config == {"app": {"port": 80, "near": "x"}}


def test_a_repository_that_was_just_made_is_no_obstacle(tmp_path):
    tmp_path.joinpath("new/.git").mkdir(parents=True)
    is_whole(start(tmp_path))


@pytest.mark.parametrize("what", sorted(DIRECTIVES))
def test_values_that_mean_something_to_weft_are_told_or_kept(tmp_path, what):
    write_files(tmp_path, {"chart/values.yaml": VALUES[what]})
    result = run("init", "new", "--chart", "chart", cwd=tmp_path)
    assert result.code in (0, 1)
    if result.code == 0 and run("validate", cwd=tmp_path / "new").code == 0:
        assert rendered(tmp_path / "new") == yaml.safe_load(VALUES[what])


def test_the_comments_of_a_chart_are_kept(tmp_path):
    base = chart(tmp_path, VALUES["comments"]).joinpath("overlays/base.yaml").read_text("utf-8")
    for comment in ("# head", "# one", "# between", "# inside", "# y", "# tail"):
        assert comment in base


def test_the_schema_of_a_chart_is_that_of_the_project(tmp_path):
    schema = {
        "$schema": "https://json-schema.org/draft-07/schema#",
        "type": "object",
        "required": ["image"],
        "properties": {"image": {"type": "string"}, "port": {"type": ["integer", "null"]}},
    }
    project = chart(tmp_path, "image: x\nport:\nfree: {a: ~}\n", schema)
    is_whole(project)
    assert json.loads(project.joinpath("schemas/values.schema.json").read_text("utf-8")) == schema
    assert rendered(project) == {"image": "x", "port": None, "free": {"a": None}}
    write_files(project, {"overlays/environments/production.yaml": "image: 3\n"})
    assert "image" in run("validate", cwd=project).err + run("validate", cwd=project).out
    assert run("validate", cwd=project).code == 1


def test_an_inferred_schema_refuses_a_slip_of_the_pen(tmp_path):
    project = chart(tmp_path, VALUES["real"])
    write_files(project, {"overlays/environments/production.yaml": "image: {tga: x}\n"})
    assert run("validate", cwd=project).code == 1
    write_files(project, {"overlays/environments/production.yaml": "replicaCount: 3\nextra: {any: thing}\n"})
    assert run("validate", cwd=project).code == 0
    assert rendered(project)["replicaCount"] == 3


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ("a: 1\nb: !!int x\n", "values.yaml:2:4"),
        ("a: 1\n---\nb: 2\n", "values.yaml:2:1"),
        ("a: [\n", "values.yaml:"),
        ("- a\n", "values.yaml"),
        ("just a text\n", "values.yaml"),
        (b"a: \xff\n", "values.yaml:1"),
    ],
)
def test_values_that_cannot_be_read_are_told_and_leave_nothing(tmp_path, values, place):
    write_files(tmp_path, {"chart/values.yaml": values})
    result = run("init", "new", "--chart", "chart", cwd=tmp_path)
    assert result.code == 1, result
    assert place in result.err
    assert not tmp_path.joinpath("new").exists()


def test_a_chart_without_values_is_told(tmp_path):
    write_files(tmp_path, {"chart/Chart.yaml": "name: x\n"})
    result = run("init", "new", "--chart", "chart", cwd=tmp_path)
    assert result.code == 1
    assert "values.yaml" in result.err
    assert not tmp_path.joinpath("new").exists()
