"""Custom resources: the definition that is derived from the schemas, without an API server (tests/cluster has one)."""

import json
import subprocess
import tempfile

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from definitions import crd_of, read_as_json_schema, spec_of, unstructural
from published_schemas import HARD, NAMES, SCHEMAS, VALUES, domain, has_whole_floats, instances, validator
from reference import project
from rounds import examples
from run import run
from scratch import catalog_of, make_project, write_files
from weft.checks import programs
from weft.derived.crd.notes import ANNOTATION, Note, annotation


def told(notes):
    return "\n".join(map(str, notes))


def test_the_custom_resource_of_the_reference_project_is_one_that_kubernetes_takes():
    done = run("schema", "crd", "--group", "config.example.com", "--kind", "AppConfig")
    assert done.code == 0
    kubernetes = pytest.importorskip(
        "weft.checks.kubernetes", reason="kubernetes-validate is not installed: run `make setup`"
    )
    assert [problem.message for problem in kubernetes.complaints(done.out)] == []
    made = yaml.safe_load(done.out)
    assert list(unstructural(spec_of(made))) == []
    judged = jsonschema.Draft4Validator(read_as_json_schema(spec_of(made)))
    assert all(judged.is_valid(target.config) for target in project().targets())
    assert not judged.is_valid(project().target("production").config | {"database": {"postgresql": {"port": 0}}})
    assert "acyclic" not in json.dumps(spec_of(made))
    noted = "feature_flags: a rule of `x-kubernetes-validations` is omitted, because it calls a function that Kubernetes does not have"
    assert noted in done.err
    assert noted in made["metadata"]["annotations"][ANNOTATION]


@pytest.mark.programs("kubectl")
def test_kubectl_reads_the_custom_resource_of_the_reference_project(tmp_path):
    done = run("schema", "crd", "--group", "config.example.com", "--kind", "AppConfig")
    write_files(tmp_path, {"crd.yaml": done.out})
    command = [programs.find("kubectl"), "label", "--local", "--dry-run=client", "-f", "crd.yaml", "a=b", "-o", "name"]
    read = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert read.stdout.strip() == "customresourcedefinition.apiextensions.k8s.io/appconfigs.config.example.com", (
        read.stderr
    )


@pytest.mark.soak(few=4)
@pytest.mark.parametrize("name", NAMES)
def test_a_custom_resource_of_any_schema_is_structural_and_takes_what_is_valid(name):
    made, _ = crd_of(domain(name).root)
    assert list(unstructural(spec_of(made))) == []
    judged = jsonschema.Draft4Validator(read_as_json_schema(spec_of(made)))
    for value in instances(name, "valid"):
        assert not [error.message for error in judged.iter_errors({"it": value})]


@examples(60, **HARD)
@given(below=SCHEMAS, values=st.lists(VALUES, min_size=1, max_size=8))
def test_a_custom_resource_takes_every_valid_value(below, values):
    schema = {"type": "object", "properties": {"it": below}, "additionalProperties": False}
    with tempfile.TemporaryDirectory() as folder:
        found = catalog_of(folder, schema)
        made, notes = crd_of(found.root)
        assert list(unstructural(spec_of(made))) == []
        judged, plain = jsonschema.Draft4Validator(read_as_json_schema(spec_of(made))), validator(schema)
        for value in values:
            taken = "treated as a mapping" in told(notes)
            if not has_whole_floats(value) and not taken and plain.is_valid({"it": value}):
                assert judged.is_valid({"it": value}), spec_of(made)


def test_a_custom_resource_says_what_it_can_and_names_the_rest(tmp_path):
    schema = {
        "type": "object",
        "properties": {
            "key": {"type": "string", "minLength": 9, "x-sensitive": True, "default": "CANARY"},
            "ratio": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            "size": {"type": ["integer", "string"]},
            "any": {"type": ["object", "string"]},
            "name": {"type": ["string", "null"], "pattern": "^(?!x)"},
            "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
            "jobs": {
                "type": "array",
                "items": {"type": "object", "properties": {"name": {"type": "string"}}, "additionalProperties": False},
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            },
            "inner": {
                "type": "object",
                "properties": {"port": {"type": "integer", "default": 1}},
                "additionalProperties": False,
            },
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "down": {"$ref": "#"},
        },
        "additionalProperties": False,
        "oneOf": [{"required": ["size"]}, {"properties": {"name": {"const": "a"}}, "required": ["name"]}],
        "x-kubernetes-validations": [{"rule": "self.ratio < 0.9", "message": "too\nmuch"}, {"rule": "self.any == 'x'"}],
    }
    made, notes = crd_of(catalog_of(tmp_path, schema).root)
    spec = spec_of(made)
    assert list(unstructural(spec)) == []
    assert made["spec"]["names"]["plural"] == "things"
    properties = spec["properties"]
    assert properties["key"]["pattern"].startswith("^ref")
    assert "CANARY" not in str(made)
    assert properties["ratio"] == {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
        "exclusiveMinimum": True,
        "exclusiveMaximum": True,
    }
    assert properties["size"] == {"x-kubernetes-int-or-string": True}
    assert properties["any"] == properties["down"] == {"x-kubernetes-preserve-unknown-fields": True}
    assert properties["name"] == {"type": "string", "nullable": True}
    assert properties["tags"]["x-kubernetes-list-type"] == "set"
    assert properties["jobs"]["x-kubernetes-list-map-keys"] == properties["jobs"]["items"]["required"] == ["name"]
    assert properties["inner"]["default"] == {}
    assert properties["labels"] == {"type": "object", "additionalProperties": {"type": "string"}}
    assert spec["x-kubernetes-validations"] == [{"rule": "self.ratio < 0.9", "message": "too much"}]
    assert spec["allOf"] == [
        {"oneOf": [{"required": ["size"]}, {"properties": {"name": {"enum": ["a"]}}, "required": ["name"]}]}
    ]
    for note in (
        "any: `type` is omitted, because a structural schema cannot express it (a place has one type there, and this may be of object or string)",
        "down: `$ref` is omitted",
        "name: the `pattern` `^(?!x)` is omitted",
        "self.any == 'x'",
    ):
        assert note in told(notes)


@pytest.mark.parametrize(
    ("pattern", "spelling"),
    [
        ("^[*+?]\\++\\\\1$", "^[*+?]\\++\\\\1$"),
        ("^(?<year>[0-9]{4})$", "^(?P<year>[0-9]{4})$"),
        ("[\\u00e9-\\u{1F600}]\\0", "[\\x{e9}-\\x{1f600}]\\x00"),
        ("(?i:a)(?:b)[^\\]]\\p{L}\\bc", "(?i:a)(?:b)[^\\]]\\p{L}\\bc"),
        ("(a{1,10}){1,100}b{1000}", "(a{1,10}){1,100}b{1000}"),
        ("^.{1,1001}$", None),
        ("((a{10}){10}){11}", None),
        ("(a{2}|b{1,900}){2}", None),
        ("(?=a)", None),
        ("(?<!a)b", None),
        ("(a)\\1", None),
        ("(?<n>a)\\k<n>", None),
        ("\\cA", None),
        ("[\\b]", None),
        ("[^]", None),
        ("[[:alpha:]]", None),
        ("\\p{Letter}", None),
        ("\\ud83d", None),
    ],
)
def test_a_pattern_is_written_as_go_reads_it_or_left_out(tmp_path, pattern, spelling):
    schema = {"type": "object", "properties": {"it": {"type": "string", "pattern": pattern}}}
    made, notes = crd_of(catalog_of(tmp_path, schema).root)
    assert spec_of(made)["properties"]["it"].get("pattern") == spelling
    assert (f"the `pattern` `{pattern}` is omitted" in told(notes)) == (spelling is None)


def test_a_custom_resource_keeps_the_limits_of_a_whole_number_or_text(tmp_path):
    limits = {"minimum": 1, "maxLength": 4, "pattern": "^[0-9]+%$", "enum": [1, "2%"]}
    rules = {"x-kubernetes-validations": [{"rule": "self != 3"}]}
    schema = {"type": "object", "properties": {"it": {"type": ["integer", "string"], **limits, **rules}}}
    made, _ = crd_of(catalog_of(tmp_path, schema).root)
    assert spec_of(made)["properties"]["it"] == {"x-kubernetes-int-or-string": True, **limits, **rules}


def test_a_custom_resource_merges_only_lists_whose_items_the_api_server_can_tell_apart(tmp_path):
    def of(items):
        return {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["key"],
            "items": {"type": "object", **items},
        }

    lists = {
        "plain": of({"properties": {"key": {"type": "string"}}}),
        "either": of({"properties": {"key": {"type": ["integer", "string"]}}}),
        "mapping": of({"properties": {"key": {"type": "object"}}}),
        "perhaps": of({"properties": {"key": {"type": ["string", "null"]}}}),
        "item": of({"type": ["object", "null"], "properties": {"key": {"type": "string"}}}),
        "set": {"type": "array", "items": {"type": ["string", "null"]}, "x-kubernetes-list-type": "set"},
    }
    made, notes = crd_of(catalog_of(tmp_path, {"type": "object", "properties": lists}).root)
    properties = spec_of(made)["properties"]
    assert {name: properties[name]["x-kubernetes-list-type"] for name in lists} == {
        "plain": "map",
        "either": "map",
        **dict.fromkeys(("mapping", "perhaps", "item", "set"), "atomic"),
    }
    assert all(f"{name}: `x-kubernetes-list-type` is not `" in told(notes) for name in [*lists][2:])


def test_a_custom_resource_compares_with_earlier_values_only_where_there_are_some(tmp_path):
    rules = {"x-kubernetes-validations": [{"rule": "self.key == oldSelf.key"}]}
    item = {"type": "object", "properties": {"key": {"type": "string", "maxLength": 9}}, **rules}
    keyed = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["key"], "maxItems": 9}
    schema = {
        "type": "object",
        "properties": {
            "single": item,
            "keyed": {"type": "array", "items": item, **keyed},
            "listed": {"type": "array", "items": item},
            "whole": {"type": "object", "properties": {"inside": item}, "x-kubernetes-map-type": "atomic"},
        },
    }
    made, notes = crd_of(catalog_of(tmp_path, schema).root)
    properties = spec_of(made)["properties"]
    inner = [properties["single"], properties["keyed"]["items"]]
    assert [one["x-kubernetes-validations"] for one in inner] == [rules["x-kubernetes-validations"]] * 2
    assert "x-kubernetes-validations" not in str([properties["listed"], properties["whole"]])
    left_out = [str(note).partition(":")[0] for note in notes if "compares with an earlier value" in note.text]
    assert left_out == ["listed[]", "whole.inside"]


def ruled(rule, **more):
    return {"x-kubernetes-validations": [{"rule": rule, **more}]}


def test_a_default_in_a_custom_resource_passes_the_rules_as_it_is_written(tmp_path):
    below = {"size": {"type": "integer", "default": 3}, "limit": {"type": "integer"}}
    inner = {"type": "object", "properties": below, "additionalProperties": False}
    schema = {
        "type": "object",
        "properties": {
            "plain": inner,
            "full": {**inner, **ruled("self.size < 5")},
            "above": {"type": "object", "properties": {"inner": {**inner, "default": {}, **ruled("self.size < 5")}}},
            "broken": {**inner, **ruled("has(self.limit)")},
        },
    }
    made, notes = crd_of(catalog_of(tmp_path, schema).root)
    properties = spec_of(made)["properties"]
    assert [properties[name].get("default") for name in schema["properties"]] == [
        {},
        {"size": 3},
        {"inner": {"size": 3}},
        None,
    ]
    assert properties["above"]["properties"]["inner"]["default"] == {"size": 3}
    assert "broken: the `default` is omitted, because it breaks a rule: a value is required" in told(notes)
    assert spec_of(made)["required"] == ["broken"]


def test_a_custom_resource_has_only_rules_that_an_api_server_compiles(tmp_path):
    anything, text = {"type": "array", "items": {}}, {"type": "string"}
    schema = {
        "type": "object",
        "properties": {
            "list": {**anything, **ruled("self.size() < 3")},
            "lists": {"type": "array", "items": anything, **ruled("self.size() < 3")},
            "time": {**text, "format": "duration", **ruled("self > duration('1m')")},
            "free": {"type": "object", **ruled("self.size() < 3")},
            "good": {"type": "array", "items": text, **ruled("self.size() < 3")},
        },
    }
    made, notes = crd_of(catalog_of(tmp_path, schema).root)
    found = {name: "x-kubernetes-validations" in below for name, below in spec_of(made)["properties"].items()}
    assert found == {**dict.fromkeys(schema["properties"], False), "good": True}
    omitted = [str(note).partition(":")[0] for note in notes if note.keyword == "x-kubernetes-validations"]
    assert omitted == ["list", "lists", "time", "free"]


def test_a_custom_resource_has_only_rules_that_an_api_server_can_afford(tmp_path):
    texts = {"type": "array", "items": {"type": "string"}}
    compared = ruled("self.all(one, self.exists(other, one == other))")
    schema = {
        "type": "object",
        "properties": {
            "many": {**texts, **compared},
            "few": {"type": "array", "items": {"type": "string", "maxLength": 64}, "maxItems": 99, **compared},
            "of many": {"type": "array", "items": {"type": "string", **ruled("self.matches('^a+$')")}},
            "of few": {
                "type": "array",
                "maxItems": 9,
                "items": {"type": "string", "maxLength": 9, **ruled("self.matches('^a+$')")},
            },
        },
    }
    made, notes = crd_of(catalog_of(tmp_path, schema).root)
    kept = [
        name for name, below in spec_of(made)["properties"].items() if "x-kubernetes-validations" in json.dumps(below)
    ]
    assert kept == ["few", "of few"]
    rules = [note for note in notes if note.path]
    assert [note.path for note in rules] == [("many",), ("of many", "[]")]
    assert [note.location for note in rules] == [
        "schema.json#/properties/many/x-kubernetes-validations/0",
        "schema.json#/properties/of many/items/x-kubernetes-validations/0",
    ]
    assert all("times what an API server allows" in note.text for note in rules)


def test_all_rules_of_a_custom_resource_together_have_a_limit(tmp_path):
    one = {"type": "array", "maxItems": 900, "items": {"type": "string", "maxLength": 9}}
    one |= ruled("self.all(one, self.exists(other, one == other))")
    schema = {"type": "object", "properties": {f"p{number}": one for number in range(40)}}
    made, notes = crd_of(catalog_of(tmp_path, schema).root)
    kept = json.dumps(spec_of(made)).count("self.all")
    assert 10 < kept < 40
    assert len([note for note in notes if "all rules together may cost more" in note.text]) == 40 - kept


def test_a_rule_that_costs_too_much_for_an_api_server_is_a_warning(tmp_path):
    schema = {
        "type": "object",
        "properties": {"names": {"type": "array", "items": {"type": "string"}}, "size": {"type": "integer"}},
        "additionalProperties": False,
        "x-kubernetes-validations": [
            {"rule": "self.names.isSorted()"},
            {"rule": "self.size < 3", "messageExpression": "'the size is ' + string(self.size)"},
            {"rule": "self.size > 0", "messageExpression": "'the size is %d'.format([self.size])"},
        ],
    }
    make_project(tmp_path, {"schema.json": schema})
    done = run("-C", str(tmp_path), "schema", "check")
    assert done.code == 0
    assert done.out.count("warning[rule-too-costly]") == 2
    assert "hint: limit names (`maxItems`), names[] (`maxLength`)" in done.out
    assert "write `'at most %d'.format([number])`" in done.out
    assert "#/x-kubernetes-validations/1/messageExpression" in done.out


def test_keywords_that_a_structural_schema_lacks_become_rules_if_an_api_server_takes_them(tmp_path):
    text = {"type": "string", "maxLength": 20}
    below = {
        "keys": {
            "type": "object",
            "propertyNames": {"pattern": "^[a-z]+$", "maxLength": 9},
            "additionalProperties": text,
        },
        "listed": {"type": "object", "propertyNames": {"enum": ["a", "b"]}, "additionalProperties": text},
        "patterned": {"type": "object", "patternProperties": {"^x-": text}, "additionalProperties": False},
        "lookahead": {"type": "object", "propertyNames": {"pattern": "^(?!a)"}, "additionalProperties": text},
        "open": {"type": "object", "propertyNames": {"pattern": "^a"}},
        "unique": {"type": "array", "uniqueItems": True, "maxItems": 50, "items": text},
        "endless": {"type": "array", "uniqueItems": True, "items": text},
        "needing": {
            "type": "object",
            "properties": {"a": text, "b": text, "c": text},
            "dependentRequired": {"a": ["b"]},
            "dependentSchemas": {"b": {"required": ["c"]}},
        },
    }
    made, notes = crd_of(catalog_of(tmp_path, {"type": "object", "properties": below}).root)
    made = spec_of(made)["properties"]
    rules = {name: [rule["rule"] for rule in one.get("x-kubernetes-validations", ())] for name, one in made.items()}
    assert rules["keys"] == ['self.all(key, key.size() <= 9 && key.matches("^[a-z]+$"))']
    assert rules["listed"] == ['self.all(key, key in ["a", "b"])']
    assert rules["patterned"] == ['self.all(key, key.matches("^x-"))']
    assert rules["unique"] == ["self.all(one, self.exists_one(other, other == one))"]
    assert made["needing"]["allOf"] == [
        {"anyOf": [{"not": {"required": ["a"]}}, {"required": ["b"]}]},
        {"anyOf": [{"not": {"required": ["b"]}}, {"required": ["c"]}]},
    ]
    assert {note.path: note.keyword for note in notes} == {
        ("lookahead",): "propertyNames",
        ("open",): "propertyNames",
        ("endless",): "uniqueItems",
        (): "additionalProperties",
    }


def test_notes_fit_into_the_annotation_of_a_custom_resource():
    few, many = [Note(("a",), "type", "`type`\nis omitted")], [Note((f"p{n}",), "type", "x" * 90) for n in range(9000)]
    assert annotation(few) == "a: `type` is omitted"
    assert len(annotation(many)) < 256 * 1024
    assert annotation(many).endswith("more, which `weft schema crd` prints")


def test_a_rule_in_a_custom_resource_has_the_form_that_an_api_server_takes(tmp_path):
    def of(**more):
        schema = {
            "type": "object",
            "properties": {"a": {"type": "array", "items": {"type": "string"}}},
            **ruled("self.a.size() < 3", **more),
        }
        made, notes = crd_of(catalog_of(tmp_path, {"type": "object", "properties": {"it": schema}}).root)
        (rule,) = spec_of(made)["properties"]["it"]["x-kubernetes-validations"]
        return {key: value for key, value in rule.items() if key != "rule"}, told(notes)

    assert of(fieldPath=".a", message=" too\n many ")[0] == {"fieldPath": ".a", "message": "too many"}
    assert of(fieldPath="a")[0] == of(fieldPath=".a[0]")[0] == {}
    assert "the `fieldPath` a is omitted" in of(fieldPath="a")[1]
    assert of(message="  ")[0] == {}
    assert len(of(message="m" * 3000)[0]["message"]) == 2048
    computed, notes = of(message="many", messageExpression="'many: ' + string(self.a.size())")
    assert computed == {"message": "many"}
    assert "the `messageExpression` of a rule is omitted" in notes
    cheap = "'many: %d'.format([self.a.size()])"
    assert of(message="many", messageExpression=cheap)[0] == {"message": "many", "messageExpression": cheap}


@pytest.mark.parametrize("wrong", [{"group": "example"}, {"kind": "thing"}, {"plural": "Things"}, {"version": "1"}])
def test_names_that_kubernetes_would_refuse_are_usage_errors(wrong):
    names = {"group": "config.example.com", "kind": "Thing", "plural": "things", "version": "v1"} | wrong
    done = run("schema", "crd", *(f"--{key}={value}" for key, value in names.items()))
    assert done.code == 2
    assert "is not valid" in done.err


def test_a_default_that_makes_a_mapping_invalid_is_left_out(tmp_path):
    below = {"a": {"type": "boolean", "default": False}, "b": {"type": "integer"}}
    schema = {"type": "object", "properties": below, "dependentRequired": {"a": ["b"]}}
    made, notes = crd_of(catalog_of(tmp_path, schema).root)
    assert spec_of(made)["properties"]["a"] == {"type": "boolean"}
    assert "a: the `default` is omitted, because an API server would fill it in where it is not valid" in told(notes)


def test_a_default_that_needs_others_is_written_with_them(tmp_path):
    inner = {"type": "object", "properties": {"a": {"type": "integer", "default": 1}}, "required": ["a"], "default": {}}
    made, _ = crd_of(catalog_of(tmp_path, {"type": "object", "properties": {"it": inner}}).root)
    assert spec_of(made)["properties"]["it"]["default"] == {"a": 1}
