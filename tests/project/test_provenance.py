"""Where a value comes from: the file, line and column that won, and all that it overrides."""

import json

import pytest

from run import run
from scratch import make_project, write_files
from weft import UsageError, load_project
from weft.base.paths import parse_dotted
from weft.base.problems import Place
from weft.project.provenance import setters

SCHEMA = {
    "additionalProperties": False,
    "$defs": {
        "port": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "name": {"type": "string"},
                "number": {"type": "integer"},
                "protocol": {"type": "string", "default": "TCP"},
            },
        }
    },
    "properties": {
        "app": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "name": {"type": "string", "default": "app"},
                "size": {"type": "integer", "default": 5},
                "owner": {"type": ["string", "null"]},
                "log": {
                    "type": "object",
                    "properties": {"level": {"type": "string", "default": "info"}, "file": {"type": "string"}},
                },
                "plain": {"type": "array"},
                "items": {"type": "array", "items": {"type": "object", "properties": {"a": {"default": 1}, "b": {}}}},
                "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                "ports": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {"$ref": "#/$defs/port"},
                },
                "given": {"type": "array", "default": ["x"]},
                "selector": {"type": "object", "x-kubernetes-map-type": "atomic"},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "password": {"type": "string", "x-sensitive": True},
            },
            "x-kubernetes-validations": [{"rule": "self.size > 0", "message": "size", "fieldPath": ".size"}],
        }
    },
}


def explain(folder, low, high, path, **options):
    """The explanation of a path where two layers, `low` and `high`, are given as texts."""
    make_project(folder, {"schema.json": SCHEMA, "low.yaml": low, "high.yaml": high}, layers=["low", "high"])
    target = load_project(folder, **options).target()
    assert [problem for problem in target.problems() if problem.code != "literal-secret"] == []
    return target.explain(path).as_dict()


def at(entry):
    """`file:line:column` of an origin or of a shadowed value."""
    return None if entry is None else f"{entry['file']}:{entry['line']}:{entry['column']}"


NOTHING = "app: {}\n"

ORIGINS = [
    # path, low, high, value, origin, shadowed
    ("app.name", "app:\n  name: a\n", NOTHING, "a", "low.yaml:2:9", []),
    ("app.name", "app:\n  name: a\n", "app: {name: b}\n", "b", "high.yaml:1:13", ["low.yaml:2:9"]),
    ("app.name", NOTHING, NOTHING, "app", None, []),
    ("app.log.level", "app: {log: {level: debug}}\n", "app:\n  log:\n    file: x\n", "debug", "low.yaml:1:20", []),
    (
        "app.log",
        "app: {log: {level: debug}}\n",
        "app:\n  log:\n    file: x\n",
        {"level": "debug", "file": "x"},
        "high.yaml:3:5",
        ["low.yaml:1:12"],
    ),
    ('app.labels["a.b/c"]', "app:\n  labels:\n    a.b/c: x\n", NOTHING, "x", "low.yaml:3:12", []),
    # removed: the default holds, and the file that removed it is who to ask
    ("app.size", "app: {size: 1}\n", "app: {size: null}\n", 5, "high.yaml:1:13", ["low.yaml:1:13"]),
    (
        "app.log.level",
        "app: {log: {level: debug}}\n",
        "app: {log: null}\n",
        "info",
        "high.yaml:1:12",
        ["low.yaml:1:20"],
    ),
    (
        "app.log.level",
        "app: {log: {level: debug}}\n",
        "app:\n  log: {$patch: replace, file: x}\n",
        "info",
        "high.yaml:2:8",
        ["low.yaml:1:20"],
    ),
    (
        "app.log.file",
        "app: {log: {level: debug}}\n",
        "app:\n  log: {$patch: replace, file: x}\n",
        "x",
        "high.yaml:2:32",
        [],
    ),
    ("app.owner", "app: {owner: me}\n", "app: {owner: {$value: null}}\n", None, "high.yaml:1:23", ["low.yaml:1:14"]),
    # plain lists
    ("app.plain", "app: {plain: [1, 2]}\n", "app: {plain: [3]}\n", [3], "high.yaml:1:14", ["low.yaml:1:14"]),
    ("app.plain[0]", "app: {plain: [1, 2]}\n", "app: {plain: [3]}\n", 3, "high.yaml:1:15", []),
    ("app.plain[1]", "app:\n  plain:\n    - 1\n    - 2\n", NOTHING, 2, "low.yaml:4:7", []),
    ("app.plain", "app: {plain: [1]}\n", "app: {plain: {$append: [2]}}\n", [1, 2], "high.yaml:1:14", ["low.yaml:1:14"]),
    ("app.plain[0]", "app: {plain: [1]}\n", "app: {plain: {$append: [2]}}\n", 1, "low.yaml:1:15", []),
    ("app.plain[1]", "app: {plain: [1]}\n", "app: {plain: {$append: [2]}}\n", 2, "high.yaml:1:25", []),
    ("app.plain[0]", "app: {plain: [1]}\n", "app: {plain: {$prepend: [2]}}\n", 2, "high.yaml:1:26", []),
    ("app.plain[0]", "app: {plain: [1]}\n", "app: {plain: {$replace: [2]}}\n", 2, "high.yaml:1:26", []),
    ("app.plain[2]", "app: {plain: [1, 1]}\n", "app: {plain: {$append: [1]}}\n", 1, "high.yaml:1:25", []),
    ("app.items[1].b", "app:\n  items:\n    - {b: 1}\n    - {b: 2}\n", NOTHING, 2, "low.yaml:4:11", []),
    ("app.items[0].a", "app:\n  items:\n    - {b: 1}\n", NOTHING, 1, None, []),
    ("app.given[0]", NOTHING, "app: {given: {$append: [y]}}\n", "x", None, []),
    ("app.given[1]", NOTHING, "app: {given: {$append: [y]}}\n", "y", "high.yaml:1:25", []),
    ("app.plain[1]", "app: {plain: [1, 2, 3]}\n", "app: {plain: {$remove: [2]}}\n", 3, "low.yaml:1:21", []),
    (
        "app.plain[0]",
        "app: {plain: [2, 3]}\n",
        "app: {plain: {$remove: [2], $prepend: [2]}}\n",
        2,
        "high.yaml:1:40",
        [],
    ),
    (
        "app.plain[2]",
        "app: {plain: [1, 2, 3]}\n",
        "app: {plain: {$remove: [2], $append: [9]}}\n",
        9,
        "high.yaml:1:39",
        [],
    ),
    # sets
    ("app.tags[0]", "app: {tags: [a, b]}\n", "app: {tags: {$remove: [a]}}\n", "b", "low.yaml:1:17", []),
    ("app.tags[0]", "app: {tags: [a]}\n", "app: {tags: [b]}\n", "a", "low.yaml:1:14", []),
    ("app.tags[1]", "app: {tags: [a]}\n", "app: {tags: [b]}\n", "b", "high.yaml:1:14", []),
    ("app.tags[0]", "app: {tags: [a, b]}\n", "app: {tags: {$replace: [b]}}\n", "b", "high.yaml:1:25", []),
    # map-lists
    (
        "app.ports[0].number",
        "app: {ports: [{name: a, number: 1}]}\n",
        "app: {ports: [{name: b, number: 2}, {name: a, number: 3}]}\n",
        3,
        "high.yaml:1:55",
        ["low.yaml:1:33"],
    ),
    (
        "app.ports[1].number",
        "app: {ports: [{name: a, number: 1}]}\n",
        "app: {ports: [{name: b, number: 2}, {name: a, number: 3}]}\n",
        2,
        "high.yaml:1:33",
        [],
    ),
    (
        "app.ports[0].number",
        "app: {ports: [{name: z}, {name: a, number: 1}]}\n",
        "app: {ports: [{name: z, $patch: delete}]}\n",
        1,
        "low.yaml:1:44",
        [],
    ),
    ("app.ports[0].protocol", "app: {ports: [{name: a}]}\n", NOTHING, "TCP", None, []),
    # items of an atomic list that are equal are identified by where the layers put them
    ("app.plain[0]", "app: {plain: [1, 1]}\n", "app: {plain: {$append: [1]}}\n", 1, "low.yaml:1:15", []),
    ("app.plain[1]", "app: {plain: [1, 1]}\n", "app: {plain: {$append: [1]}}\n", 1, "low.yaml:1:18", []),
    ("app.plain[2]", "app: {plain: [1, 1]}\n", "app: {plain: {$append: [1]}}\n", 1, "high.yaml:1:25", []),
    ("app.plain[0]", "app: {plain: [1, 2]}\n", "app: {plain: {$prepend: [2]}}\n", 2, "high.yaml:1:26", []),
    ("app.plain[2]", "app: {plain: [1, 2]}\n", "app: {plain: {$prepend: [2]}}\n", 2, "low.yaml:1:18", []),
    # atomic mappings
    ("app.selector.a", "app: {selector: {a: 1, b: 2}}\n", "app: {selector: {a: 3}}\n", 3, "high.yaml:1:21", []),
]


@pytest.mark.parametrize(
    ("path", "low", "high", "value", "origin", "shadowed"),
    ORIGINS,
    ids=[f"{one[0]} {one[1]} {one[2]}" for one in ORIGINS],
)
def test_the_origin_of_a_value(tmp_path, path, low, high, value, origin, shadowed):
    found = explain(tmp_path, low, high, path)
    assert found["value"] == value
    assert at(found["origin"]) == origin
    if shadowed:
        assert [at(entry) for entry in found["shadowed"]] == shadowed


@pytest.mark.parametrize(
    ("path", "low", "high"),
    [
        ("app.selector.b", "app: {selector: {a: 1, b: 2}}\n", "app: {selector: {a: 3}}\n"),
        ("app.log.file", "app: {log: {file: x}}\n", "app: {log: {$patch: replace}}\n"),
        ("app.log.file", "app: {log: {file: x}}\n", "app: {log: null}\n"),
        ("app.owner", "app: {owner: me}\n", "app: {owner: null}\n"),
    ],
)
def test_a_value_that_an_upper_layer_took_away_comes_from_nowhere_below(tmp_path, path, low, high):
    found = explain(tmp_path, low, high, path)
    assert found["value"] is None
    assert found["origin"] is None or found["origin"]["file"] == "high.yaml"


def test_the_json_of_an_explanation(tmp_path):
    make_project(
        tmp_path,
        {"schema.json": SCHEMA, "low.yaml": "app:\n  size: 7\n", "high.yaml": "app: {size: 9}\n"},
        layers=["low", "high"],
    )
    result = run("explain", "default", "app.size", "--format", "json", cwd=tmp_path)
    assert result.code == 0
    assert json.loads(result.out) == {
        "path": "app.size",
        "value": 9,
        "origin": {"layer": "high", "file": "high.yaml", "line": 1, "column": 13},
        "shadowed": [{"layer": "low", "file": "low.yaml", "line": 2, "column": 9, "value": 7}],
        "default": 5,
        "rules": [{"rule": "self.size > 0", "schema": "schema.json#/properties/app/x-kubernetes-validations/0"}],
    }


@pytest.mark.parametrize(
    ("path", "rules"), [("app", ["self.size > 0"]), ("app.size", ["self.size > 0"]), ("app.log", []), ("app.name", [])]
)
def test_the_rules_of_a_mapping_are_those_that_read_anything_in_it(tmp_path, path, rules):
    explained = explain(tmp_path, "app: {size: 1, name: a, log: {level: info}}\n", NOTHING, path)
    assert [rule["rule"] for rule in explained["rules"]] == rules


def test_the_layers_of_the_command_line_are_origins_too(tmp_path):
    found = explain(tmp_path, "app: {size: 7}\n", NOTHING, "app.size", overrides={"app.size": "8"})
    assert (found["value"], found["origin"]["layer"], found["origin"]["line"]) == (8, "--set", None)
    assert [at(entry) for entry in found["shadowed"]] == ["low.yaml:1:13"]


def test_files_of_one_layer_are_told_apart(tmp_path):
    make_project(
        tmp_path, {"schema.json": SCHEMA, "base/a.yaml": "app: {name: a}\n", "base/b.yaml": "app:\n  size: 2\n"}
    )
    target = load_project(tmp_path).target()
    assert target.explain("app.name").as_dict()["origin"] == {
        "layer": "base",
        "file": "base/a.yaml",
        "line": 1,
        "column": 13,
    }
    assert at(target.explain("app.size").as_dict()["origin"]) == "base/b.yaml:2:9"


def test_a_json_overlay_has_lines_too(tmp_path):
    make_project(tmp_path, {"schema.json": SCHEMA, "base.json": '{\n  "app": {\n    "name": "a"\n  }\n}\n'})
    assert at(load_project(tmp_path).target().explain("app.name").as_dict()["origin"]) == "base.json:3:13"


def test_a_literal_secret_is_hidden_wherever_it_would_be_shown(tmp_path):
    found = explain(tmp_path, "app: {password: canary1}\n", "app: {password: canary2}\n", "app.password")
    assert "canary" not in json.dumps(found)
    for path in ("app", "app.password"):
        for kind in ("text", "json"):
            result = run("explain", "default", path, "--format", kind, cwd=tmp_path)
            assert "canary" not in result.out + result.err


def test_a_reference_is_shown(tmp_path):
    assert explain(tmp_path, "app: {password: ref+env://WORD}\n", NOTHING, "app.password")["value"] == "ref+env://WORD"


@pytest.mark.parametrize(
    ("path", "hint"), [("app.sise", "size"), ("ap", "app"), ("app.ports[0].nmae", None), ("app.name.x", None)]
)
def test_a_setting_that_does_not_exist_is_a_usage_error(tmp_path, path, hint):
    with pytest.raises(UsageError) as caught:
        explain(tmp_path, "app: {ports: [{name: a}], plain: [1]}\n", NOTHING, path)
    assert hint is None or hint in caught.value.problems[0].hint


@pytest.mark.parametrize("path", ["app.log.file", "app.plain[7]", "app.ports[0].name"])
def test_a_setting_that_nobody_set_is_explained(tmp_path, path):
    found = explain(tmp_path, NOTHING, NOTHING, path)
    assert (found["value"], found["origin"], found["shadowed"], found["default"]) == (None, None, [], None)


def test_an_item_beyond_the_end_of_a_list_is_explained(tmp_path):
    assert explain(tmp_path, "app: {plain: [1]}\n", "app: {plain: {$append: [2]}}\n", "app.plain[7]")["value"] is None


PLACES = [
    # what is wrong, in which layer, and where its report must point
    ("app:\n  sise: 1\n", NOTHING, "unknown-key", "low.yaml:2:3"),
    ("app:\n  size: x\n", "app: {name: b}\n", "wrong-type", "low.yaml:2:9"),
    ("app: {size: x}\n", "app:\n  size: y\n", "wrong-type", "high.yaml:2:9"),
    (
        "app: {ports: [{name: a, number: 1}]}\n",
        "app:\n  ports:\n    - {name: b}\n    - {name: a, number: x}\n",
        "wrong-type",
        "high.yaml:4:25",
    ),
    ("app:\n  tags: [a, 1]\n", NOTHING, "wrong-type", "low.yaml:2:13"),
    ("app:\n  tags: [a]\n", "app:\n  tags: {$append: [b, 1]}\n", "wrong-type", "high.yaml:2:23"),
    ("app:\n  plain: [1]\n", "app: {plain: {$append: 2}}\n", "operator-misused", "high.yaml:1:15"),
    (
        "app:\n  ports: [{name: a}]\n",
        "app:\n  ports:\n    - {name: z, $patch: delete}\n",
        "nothing-to-remove",
        "high.yaml:3:7",
    ),
    ("app: {name: a}\n", "app:\n  ports:\n    $append:\n      - {number: 1}\n", "list-key", "high.yaml:4:9"),
    ("app: {name: a}\n", "app:\n  owner: null\n", "nothing-to-remove", "high.yaml:2:3"),
    ("app:\n  size: 0\n", "app: {name: a}\n", "rule", "low.yaml:2:9"),
    ("app:\n  password: literal\n", NOTHING, "literal-secret", "low.yaml:2:13"),
]


@pytest.mark.parametrize(("low", "high", "code", "place"), PLACES, ids=[f"{one[2]} {one[3]}" for one in PLACES])
def test_a_problem_points_at_what_causes_it(tmp_path, low, high, code, place):
    make_project(tmp_path, {"schema.json": SCHEMA, "low.yaml": low, "high.yaml": high}, layers=["low", "high"])
    (problem,) = load_project(tmp_path).target().problems()
    assert (problem.code, f"{problem.place.file}:{problem.place.line}:{problem.place.column}") == (code, place)


@pytest.mark.parametrize("low", ["app:\n  log:\n    level: info\n", "app: {log: {level: info}}\n"])
def test_what_is_not_there_is_missed_at_the_key_around_it(tmp_path, low):
    """Also where the problem is one of a value, which has no place, and not of a key."""
    rule = {"rule": "has(self.file)", "message": "where to?", "fieldPath": ".file"}
    log = {"type": "object", "x-kubernetes-validations": [rule], "properties": {"file": {}, "level": {}}}
    schema = {"properties": {"app": {"type": "object", "properties": {"log": log}}}}
    make_project(tmp_path, {"schema.json": schema, "base.yaml": low})
    (problem,) = load_project(tmp_path).target().problems()
    assert (problem.code, problem.path) == ("rule", "/app/log/file")
    line, column = problem.place.line, problem.place.column
    assert low.splitlines()[line - 1][column - 1 :].startswith("log:")


REDUNDANT = [
    ("app: {name: a}\n", "app: {name: a}\n", ["high.yaml:1:13"]),
    ("app: {name: app}\n", NOTHING, ["low.yaml:1:13"]),
    ("app: {plain: [1]}\n", "app: {plain: [1]}\n", ["high.yaml:1:14"]),
    ("app: {name: a}\n", "app: {name: b}\n", []),
    ("app: {size: 5}\n", NOTHING, ["low.yaml:1:13"]),
    ("app: {size: 6}\n", "app: {size: 5}\n", []),
    ("app: {labels: {a: '1'}}\n", "app: {labels: {a: '1', b: '2'}}\n", ["high.yaml:1:19"]),
    ("app: {plain: [1]}\n", "app: {plain: {$append: [1]}}\n", []),
    ("app: {size: 6}\n", "app: {size: null}\n", []),
    ("app: {plain: [1]}\n", "app: {plain: [1.0]}\n", ["high.yaml:1:14"]),
    ("app: {plain: [1]}\n", "app: {plain: [true]}\n", []),
]


@pytest.mark.parametrize(("low", "high", "places"), REDUNDANT)
def test_an_override_that_changes_nothing_is_told_when_asked(tmp_path, low, high, places):
    make_project(tmp_path, {"schema.json": SCHEMA, "low.yaml": low, "high.yaml": high}, layers=["low", "high"])
    assert run("validate", cwd=tmp_path).code == 0
    strict = run("validate", "--strict", "--format", "json", cwd=tmp_path)
    found = [problem for problem in json.loads(strict.out)["problems"] if problem["code"] == "redundant"]
    assert [at(problem) for problem in found] == places
    assert strict.code == (1 if places else 0)


def test_a_problem_of_many_targets_is_one_with_a_count(tmp_path):
    tenants = {f"tenants/t{number}.yaml": "app: {name: x}\n" for number in range(30)}
    files = {"schema.json": SCHEMA, "base.yaml": "app:\n  size: big\n", **tenants}
    make_project(
        tmp_path, files, layers=["base", "tenants/{tenant}"], dimensions={"tenant": {"files": "tenants/*.yaml"}}
    )
    project = load_project(tmp_path)
    (problem,) = project.problems(project.targets())
    assert (len(problem.targets), problem.place.line) == (30, 2)
    write_files(tmp_path, {"tenants/t3.yaml": "app: {size: 1}\n"})
    project = load_project(tmp_path)
    (problem,) = project.problems(project.targets())
    assert len(problem.targets) == 29


def test_a_required_setting_that_null_removes_is_reported_with_all_that_set_it(tmp_path):
    app = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
    layers = {"one.yaml": "app: {name: a}\n", "two.yaml": "app:\n  name: b\n", "three.yaml": "app:\n  name: null\n"}
    schema = {"properties": {"app": app}}
    make_project(tmp_path, {"schema.json": schema, **layers}, layers=["one", "two", "three"])
    (problem,) = load_project(tmp_path).target().problems()
    assert problem.message == "app.name is required, and null removes it here"
    places = [f"{place.file}:{place.line}:{place.column}" for place in (problem.place, *problem.related)]
    assert places == ["three.yaml:2:3", "two.yaml:2:9", "one.yaml:1:13"]


def test_what_no_file_says_anything_near_to_is_missed_in_the_last_file(tmp_path):
    """What the command line sets is above all files, and no place to write it."""
    schema = {"required": ["app"], "properties": {"app": {"type": "object"}, "x": {"type": "integer"}}}
    make_project(tmp_path, {"schema.json": schema, "one.yaml": "x: 1\n", "two.yaml": "x: 2\n"}, layers=["one", "two"])
    for overrides in ({}, {"x": "3"}):
        (problem,) = load_project(tmp_path, overrides=overrides).target().problems()
        assert (problem.code, problem.place) == ("missing-required", Place("two.yaml", 1, 1))
        assert problem.place.nearest


def test_every_item_of_a_list_that_grew_at_both_ends_is_found_where_it_was_added(tmp_path):
    layers = {
        "one.yaml": "app: {plain: [30, 40]}\n",
        "two.yaml": "app: {plain: {$prepend: [20], $append: [50, 51]}}\n",
        "three.yaml": "app: {plain: {$prepend: [10, 11], $append: [60]}}\n",
    }
    make_project(tmp_path, {"schema.json": SCHEMA, **layers}, layers=["one", "two", "three"])
    target = load_project(tmp_path).target()
    plain = target.config["app"]["plain"]
    assert plain == [10, 11, 20, 30, 40, 50, 51, 60]
    for index, value in enumerate(plain):
        origin = target.explain(("app", "plain", index)).as_dict()["origin"]
        assert layers[origin["file"]][origin["column"] - 1 :].startswith(str(value)), origin
        assert target.explain(("app", "plain", index)).as_dict()["shadowed"] == []


@pytest.mark.parametrize(
    ("high", "path", "operator"),
    [
        ("app: {log: {$patch: replace, level: debug}}\n", "app.log", "$patch: replace"),
        ("app: {log: {$patch: replace, level: debug}}\n", "app.log.level", None),
        ("app: {log: {level: debug}}\n", "app.log", None),
        ("app: {ports: [{name: a, $patch: replace}]}\n", "app.ports[0]", "$patch: replace"),
        ("app: {plain: {$append: [2]}}\n", "app.plain[1]", "$append"),
        ("app: {plain: {$replace: [2]}}\n", "app.plain[0]", "$replace"),
        ("app: {owner: {$value: null}}\n", "app.owner", "$value"),
    ],
)
def test_the_operator_by_which_a_file_says_something(tmp_path, high, path, operator):
    low = "app: {log: {level: info}, plain: [1], ports: [{name: a, number: 1}]}\n"
    make_project(tmp_path, {"schema.json": SCHEMA, "low.yaml": low, "high.yaml": high}, layers=["low", "high"])
    target = load_project(tmp_path).target()
    found = setters(target.schemas.root, target.resolution.layers, target.config, parse_dotted(path))
    assert all(" value=" not in repr(setter) for setter in found), "a value may be a secret"
    assert (found[0].layer, found[0].operator) == ("high", operator)


@pytest.mark.parametrize(
    ("path", "layers"),
    [
        (("app", "x", "$value"), ["high.yaml"]),
        (("app", "x", "$append", 0), ["high.yaml"]),
        (("app", "x", "a"), ["high.yaml", "low.yaml"]),
        (("app", "x", "b"), ["high.yaml"]),
    ],
)
def test_inside_value_nothing_is_an_instruction(tmp_path, path, layers):
    low, high = "app: {x: {a: 1}}\n", "app: {x: {$value: {$value: 1, $append: [2], b: null}}}\n"
    files = {"schema.json": {"properties": {"app": {"type": "object"}}}, "low.yaml": low, "high.yaml": high}
    make_project(tmp_path, files, layers=["low", "high"])
    target = load_project(tmp_path).target()
    found = setters(target.schemas.root, target.resolution.layers, target.config, path)
    assert [setter.place.file for setter in found] == layers
    where = found[0].place
    assert (tmp_path / where.file).read_text("utf-8")[where.column - 1] in "1{2n["


@pytest.mark.parametrize(
    ("low", "high", "place", "related"),
    [
        ("app: {a: 2, b: 1}\n", "app: {}\n", "low.yaml:1:10", ["low.yaml:1:16"]),
        ("app: {a: 1, b: 1}\n", "app: {a: 2}\n", "high.yaml:1:10", ["low.yaml:1:16"]),
        ("app: {a: 1, b: 2}\n", "app: {b: 0}\n", "high.yaml:1:10", ["low.yaml:1:10"]),
        ("app: {b: 0}\n", "app: {}\n", "low.yaml:1:10", []),
    ],
)
def test_a_broken_rule_points_at_the_setting_that_the_highest_layer_sets(tmp_path, low, high, place, related):
    """And the other settings that the rule reads are listed too; `a` has a default, which no file sets."""
    app = {
        "type": "object",
        "properties": {"a": {"type": "integer", "default": 1}, "b": {"type": "integer"}},
        "x-kubernetes-validations": [{"rule": "self.a <= self.b"}],
    }
    schema = {"properties": {"app": app}}
    make_project(tmp_path, {"schema.json": schema, "low.yaml": low, "high.yaml": high}, layers=["low", "high"])
    (problem,) = load_project(tmp_path).target().problems()
    places = [f"{one.file}:{one.line}:{one.column}" for one in (problem.place, *problem.related)]
    assert (problem.code, places) == ("rule", [place, *related])
