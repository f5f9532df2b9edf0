"""What people see who edit an overlay: the real yaml-language-server completes, explains and checks it by the derived schema."""

import functools
import json
import re

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from language_server import LanguageServer, find_server
from reference import ROOT, targets
from rounds import examples
from run import run
from scratch import write_files

pytestmark = pytest.mark.programs("node", "yaml-language-server")

MODELINE = "# yaml-language-server: $schema=../schemas/generated/overlay.schema.json\n"

ROUTE = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "weight": {"type": "integer", "minimum": 0, "maximum": 100, "x-unit": "percent"},
        "tls": {
            "type": "object",
            "properties": {"enabled": {"type": "boolean", "default": True}, "version": {"enum": ["1.2", "1.3"]}},
            "required": ["enabled"],
            "additionalProperties": False,
        },
    },
    "additionalProperties": False,
}
STORES = [
    {"properties": {"kind": {"const": "file"}, "path": {"type": "string"}}, "required": ["kind", "path"]},
    {"properties": {"kind": {"const": "bucket"}, "bucket": {"type": "string"}}, "required": ["kind", "bucket"]},
]
APP = {
    "title": "Application",
    "description": "What serves the requests.",
    "type": "object",
    "required": ["mode", "timeout"],
    "minProperties": 2,
    "properties": {
        "mode": {"description": "How it works.", "enum": ["fast", "safe"], "default": "safe", "x-env": "APP_MODE"},
        "level": {"enum": ["low", "high", None], "default": None},
        "timeout": {
            "description": "How long it waits.",
            "type": "integer",
            "minimum": 1,
            "maximum": 60,
            "default": 5,
            "x-unit": "seconds",
            "x-env": "APP_TIMEOUT",
        },
        "note": {"type": ["string", "null"], "x-env": "APP_NOTE"},
        "switch": {"type": ["boolean", "null"]},
        "hosts": {"type": ["array", "null"], "items": {"type": "string"}},
        "debug": {"type": "boolean", "markdownDescription": "Tells **everything**.", "default": False},
        "tags": {"type": "array", "items": {"enum": ["red", "blue"]}, "x-kubernetes-list-type": "set", "minItems": 1},
        "routes": {
            "type": "array",
            "items": {"$ref": "#/$defs/route"},
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
        "steps": {"type": "array", "items": {"$ref": "#/$defs/route"}},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "token": {"type": "string", "x-sensitive": True, "description": "Lets it in."},
        "store": {"type": "object", "properties": {"kind": {"enum": ["file", "bucket"]}}, "oneOf": STORES},
    },
    "additionalProperties": False,
}
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"app": APP},
    "additionalProperties": False,
    "$defs": {"route": ROUTE},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small project with everything in its schema that an editor must understand."""
    folder = tmp_path_factory.mktemp("project")
    weft = {"version": 1, "schema": "schema.json", "layers": ["overlays/base", "overlays/{environment}"]}
    weft["dimensions"] = {"environment": {"values": ["test"]}}
    write_files(folder, {"schema.json": SCHEMA, "weft.yaml": weft, "overlays/base.yaml": MODELINE + "app: {}\n"})
    assert run("schema", "overlay", cwd=folder).code == 0
    return folder


@pytest.fixture(scope="module")
def server(folder):
    """One server for all tests: starting one takes half a second."""
    command = find_server()
    with LanguageServer(command, folder) as server:
        yield server


APP_KEYS = {
    "mode",
    "level",
    "timeout",
    "note",
    "debug",
    "switch",
    "hosts",
    "tags",
    "routes",
    "steps",
    "labels",
    "token",
    "store",
    "$patch",
}
LIST_KEYS = {"$append", "$prepend", "$remove", "$replace", "$value"}
COMPLETIONS = {
    "|": {"app"},
    "app:\n  |": APP_KEYS,
    "app: {m|}": APP_KEYS,
    "app:\n  debug: true\n  |": APP_KEYS - {"debug"},
    "app:\n  mode: |": {"fast", "safe", "null"},
    "app:\n  level: |": {"low", "high", "null"},
    "app:\n  level:\n    |": {"$value"},
    "app:\n  debug: |": {"true", "false", "null"},
    "app:\n  $patch: |": {"replace"},
    "app:\n  note: |": {"null"},
    "app:\n  switch: |": {"true", "false", "null"},
    "app:\n  switch:\n    |": {"$value"},
    "app:\n  hosts: |": {"null"},
    "app:\n  hosts:\n    |": LIST_KEYS,
    "app:\n  note:\n    |": {"$value"},
    "app:\n  tags:\n    |": LIST_KEYS,
    "app:\n  tags:\n    - |": {"red", "blue"},
    "app:\n  tags:\n    $append:\n      - |": {"red", "blue"},
    "app:\n  tags: {$prepend: [|]}": {"red", "blue"},
    "app:\n  routes:\n    - |": {"name", "weight", "tls", "$patch"},
    "app:\n  routes:\n    - name: a\n      $patch: |": {"replace", "delete"},
    "app:\n  steps:\n    - name: a\n      $patch: |": {"replace"},
    "app:\n  routes:\n    - name: a\n      tls:\n        |": {"enabled", "version", "$patch"},
    "app:\n  routes:\n    $append:\n      - |": {"name", "weight", "tls", "$patch"},
    "app:\n  routes:\n    $append:\n      - name: a\n        |": {"weight", "tls", "$patch"},
    "app:\n  routes:\n    $append:\n      - name: a\n        tls:\n          version: |": {'"1.2"', '"1.3"', "null"},
    "app:\n  store:\n    |": {"kind", "path", "bucket", "$patch"},
    "app:\n  store:\n    kind: |": {"file", "bucket", "null"},
}


@pytest.mark.parametrize("text", COMPLETIONS)
def test_keys_values_and_operators_are_completed(server, text):
    assert set(server.completions("overlays/base.yaml", MODELINE + text)) == COMPLETIONS[text]


INSERTED = {
    "app:\n  timeout|": ("timeout", "timeout: ${1:5}"),
    "app:\n  note|": ("note", "note: "),
    "app:\n  switch|": ("switch", "switch: "),
    "app:\n  tags|": ("tags", "tags:\n  "),
    "app:\n  token|": ("token", "token: ${1:ref+env://NAME}"),
    "app:\n  debug|": ("debug", "debug: "),
    "app|": ("app", "app:\n  "),
    "app:\n  routes:\n    - name: a\n      tls|": ("tls", "tls:\n  "),
}


@pytest.mark.parametrize("text", INSERTED)
def test_a_completed_key_brings_no_settings_that_nobody_asked_for(server, text):
    """An overlay holds what it changes: a completed mapping is empty, whatever is required or has a default inside."""
    label, inserted = INSERTED[text]
    item = server.completions("overlays/base.yaml", MODELINE + text)[label]
    assert item["textEdit"]["newText"].rstrip("$1") == inserted


HOVERS = {
    "app:\n  ti|meout: 5": ["How long it waits.", "Unit: seconds", "Default: 5", r"Environment variable: APP\_TIMEOUT"],
    "app:\n  mo|de: fast": ["How it works.", 'Default: "safe"', r"Environment variable: APP\_MODE", "* `fast`"],
    "app:\n  no|te: x": [r"Environment variable: APP\_NOTE"],
    "app:\n  de|bug: true": ["Tells **everything**.", "Default: `false`"],
    "app:\n  routes:\n    - wei|ght: 5": ["Unit: percent"],
    "app:\n  routes:\n    $append:\n      - name: a\n        tls:\n          en|abled: true": ["Default: true"],
    "app:\n  tags:\n    $pre|pend: [red]": ["Add these items before those of the lower layers."],
    "app:\n  routes:\n    - $pa|tch: delete": ["`replace`", "`delete`"],
    "app:\n  swi|tch: true": ["#### switch\n"],
    "app:\n  routes:\n    - wei|ght: 5\n": ["#### weight\n"],
    "ap|p: {}": ["#### Application", "What serves the requests."],
}


@pytest.mark.parametrize("text", HOVERS)
def test_hover_tells_description_unit_default_and_variable(server, text):
    shown = server.hover("overlays/base.yaml", MODELINE + text)
    assert [words for words in HOVERS[text] if words not in shown] == []


DIAGNOSTICS = {
    "aap: {}": [(2, "Property aap is not allowed.")],
    "app:\n  mode: safe\n  timout: 5": [(4, "Property timout is not allowed.")],
    "app:\n  timeout: '5'": [(3, "Incorrect type. Expected one of integer, null.")],
    "app:\n  timeout: 0": [(3, "Value is below the minimum of 1.")],
    "app:\n  timeout: 61": [(3, "Value is above the maximum of 60.")],
    "app:\n  mode: slow": [(3, 'Value is not accepted. Valid values: "fast", "safe", null.')],
    "app:\n  level: mid": [(3, 'Value is not accepted. Valid values: "low", "high", null.')],
    "app:\n  debug: yes": [(3, "Incorrect type. Expected one of boolean, null.")],
    "app:\n  note: 5": [(3, "Incorrect type. Expected one of string, null.")],
    "app:\n  note: {a: 1}": [(3, "Incorrect type. Expected one of string, null.")],
    "app:\n  switch: 5": [(3, "Incorrect type. Expected one of boolean, null.")],
    "app:\n  hosts: 5": [(3, "Incorrect type. Expected one of array, object, null.")],
    "app:\n  hosts: {$append: [a], $remove: [b]}": [],
    "app:\n  hosts: {$append: [1]}": [(3, 'Incorrect type. Expected "string".')],
    "app:\n  store: file": [(3, "Incorrect type. Expected one of object, null.")],
    "app:\n  labels: {a: b, c: 1}": [(3, "Incorrect type. Expected one of string, null.")],
    "app:\n  tags:\n    - red\n    - green": [(5, 'Value is not accepted. Valid values: "red", "blue".')],
    "app:\n  tags: [null]": [(3, 'Incorrect type. Expected "string".'), (3, 'Value is not accepted. Valid values: "red", "blue".')],
    "app:\n  tags:\n    $append: [green]": [(4, 'Value is not accepted. Valid values: "red", "blue".')],
    "app:\n  tags:\n    $apend: [red]": [(4, "Property $apend is not allowed.")],
    "app:\n  tags:\n    $append: red": [(4, 'Incorrect type. Expected "array".')],
    "app:\n  routes:\n    - name: a\n      wieght: 5": [(5, "Property wieght is not allowed.")],
    "app:\n  routes:\n    $append:\n      - {name: a}\n      - {name: b, weight: 101}": [(6, "Value is above the maximum of 100.")],
    "app:\n  steps:\n    - name: a\n      $patch: delete": [(5, 'Value is not accepted. Valid values: "replace".')],
    "app:\n  $patch: delete": [(3, 'Value is not accepted. Valid values: "replace".')],
    "app:\n  token: hunter2": [(3, "A secret: write a reference to it, such as ref+env://NAME or ref+file://path, never the value.")],
    "app:\n  mode: fast\n  mode: safe": [(4, "Map keys must be unique")],
}  # fmt: skip


def test_what_is_wrong_is_marked_where_it_stands_and_nothing_else(server):
    files = [(f"overlays/wrong-{number}.yaml", MODELINE + text) for number, text in enumerate(DIAGNOSTICS)]
    assert dict(zip(DIAGNOSTICS, server.diagnostics(*files), strict=True)) == DIAGNOSTICS


PARTIAL = [
    "{}",
    "app:",
    "app: null",
    "app: {}",
    "app:\n  debug: true",
    "app:\n  mode: null\n  timeout: null\n  tags: null\n  routes: null\n  store: null\n  labels: {a: null}\n  token: null",
    "app:\n  $patch: replace\n  timeout: 1",
    "app:\n  note: {$value: null}\n  level: {$value: null}",
    "app:\n  note: {$value: text}\n  level: high",
    "app:\n  tags: []",
    "app:\n  tags: {$append: [red], $prepend: [blue]}",
    "app:\n  tags: {$replace: []}\n  steps: {$value: [{name: a}]}",
    "app:\n  routes:\n    - {name: a, $patch: delete}\n    - {name: b, $patch: replace, weight: 0}\n    - {weight: 5}",
    "app:\n  routes:\n    $append: [{name: a, tls: {version: '1.2'}}]\n    $prepend: [{name: b, tls: {}}]",
    "app:\n  store: {bucket: x}",
    "app:\n  store: {kind: bucket}",
    "app:\n  store: {kind: file, bucket: null}",
    "app:\n  token: ref+env://TOKEN",
]


def test_what_only_lower_layers_complete_is_not_marked(server):
    found = server.diagnostics(
        *[(f"overlays/partial-{number}.yaml", MODELINE + text) for number, text in enumerate(PARTIAL)]
    )
    assert dict(zip(PARTIAL, found, strict=True)) == {text: [] for text in PARTIAL}


@pytest.mark.parametrize(("editor", "path"), [("vscode", ()), ("zed", ("lsp", "yaml-language-server", "settings"))])
def test_with_the_settings_that_weft_writes_files_need_no_modeline(tmp_path, editor, path):
    command = find_server()
    layers = ["overlays/base", "overlays/{environment}", "{environment}-top"]
    weft = {
        "version": 1,
        "schema": "schema.json",
        "layers": layers,
        "dimensions": {"environment": {"values": ["test"]}},
    }
    write_files(tmp_path, {"schema.json": SCHEMA, "weft.yaml": weft})
    assert run("schema", "overlay", cwd=tmp_path).code == 0
    assert run("ide", "--editor", editor, cwd=tmp_path).code == 0
    written = json.loads((tmp_path / f".{editor}" / "settings.json").read_text("utf-8"))
    yaml = functools.reduce(dict.__getitem__, path, written)
    settings = yaml["yaml"] if path else {"schemas": yaml["yaml.schemas"]}
    ours = ["overlays/base.yaml", "overlays/base/a.yml", "overlays/test.yaml", "overlays/test/b.yaml", "test-top.yaml"]
    others = ["other.yaml", "overlays/base/deep/a.yaml", "schemas/test.yaml", "overlays/base.txt"]
    with LanguageServer(command, tmp_path, settings) as server:
        assert [set(server.completions(name, "|")) for name in ours] == [{"app"}] * len(ours)
        assert "layers" in server.completions("weft.yaml", "|")
        assert [name for name in others if "app" in server.completions(name, "|")] == []


def told(server, paths):
    """What the server has against files, as {path: [(line, message)]}."""
    assert paths
    for path in paths:
        modeline = re.match(r"# yaml-language-server: \$schema=(\S+)\n", path.read_text("utf-8"))
        assert modeline, f"{path} names no schema"
        assert (path.parent / modeline[1]).resolve().parent.name == "generated"
        assert (path.parent / modeline[1]).is_file()
    found = server.diagnostics(*[(path, path.read_text("utf-8")) for path in paths])
    return {path: diagnostics for path, diagnostics in zip(paths, found, strict=True) if diagnostics}


def test_no_file_of_this_repository_is_marked(server):
    overlays = [path for path in (ROOT / "overlays").rglob("*") if path.is_file()]
    assert told(server, [*overlays, ROOT / "weft.yaml"]) == {}


CHART = {
    "values.yaml": "# how many\nreplicas: 2\nimage: {tag: '1.0', pullSecrets: []}\nnode: null\nenabled: yes\nhosts: [a, b]\n",
    "values.schema.json": {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "required": ["replicas", "image"],
        "properties": {"replicas": {"type": "integer", "minimum": 1}, "image": {"required": ["tag"]}},
    },
}


@pytest.mark.parametrize("kind", ["nothing", "schema", "chart", "chart without a schema"])
def test_no_file_of_a_new_project_is_marked(server, tmp_path, kind):
    write_files(tmp_path, {"app.schema.json": SCHEMA, **{f"chart/{name}": text for name, text in CHART.items()}})
    options = {"nothing": [], "schema": ["--schema", "app.schema.json"]}.get(kind, ["--chart", "chart"])
    if kind == "chart without a schema":
        (tmp_path / "chart" / "values.schema.json").unlink()
    assert run("init", "new", *options, cwd=tmp_path).code == 0
    project = tmp_path / "new"
    assert told(server, [*project.glob("*.yaml"), *(project / "overlays").rglob("*.yaml")]) == {}


@st.composite
def pieces(draw, value):
    """What one layer may contain of a configuration's value: a part of it, with operators."""
    if isinstance(value, dict):
        part = {}
        for key, below in value.items():
            kind = draw(st.integers(0, 7))
            if kind == 1:
                part[key] = None
            elif kind > 2:
                part[key] = {"$value": None} if below is None else draw(pieces(below))
        return part | ({"$patch": "replace"} if draw(st.integers(0, 9)) == 0 else {})
    if isinstance(value, list):
        operator = draw(st.sampled_from(["", "", "$append", "$prepend", "$replace", "$value"]))
        items = [item for item in value if draw(st.integers(0, 3))]
        return {operator: items} if operator else items
    return value


@functools.cache
def configurations():
    """Some different configurations of the reference project, as a caller may set them."""
    names = ["local", "development", "staging", "production", "production/acme"]
    return [targets()[name].config for name in names]


@examples(8, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_layer_of_a_valid_configuration_is_marked(server, data):
    config = data.draw(st.sampled_from(configurations()))
    layers = data.draw(st.lists(pieces(config), min_size=10, max_size=10))
    for layer in layers:
        layer.pop("$patch", None)  # the configuration as a whole is nobody's to replace
    folder = ROOT / "overlays"
    modeline = MODELINE.encode().decode()
    texts = [
        (folder / f"drawn-{number}.yaml", modeline + json.dumps(layer, indent=1)) for number, layer in enumerate(layers)
    ]
    for (_, text), found in zip(texts, server.diagnostics(*texts), strict=True):
        assert [(message, text.splitlines()[line - 1]) for line, message in found] == []
