"""Validation: the message for a value that breaks a keyword, where, and never with a secret in it."""

import json

import pytest

from run import run
from scratch import catalog_of, make_project
from weft.schema.violations import _MESSAGES
from weft.stages.validate import SchemaCheck


def check_of(folder, schema):
    return SchemaCheck(catalog_of(folder, schema))


def problems(folder, schema, value):
    dialect = {"$schema": schema["$schema"]} if "$schema" in schema else {}
    return check_of(folder, {**dialect, "properties": {"a": schema}}).problems({"a": value})


def codes(folder, schema, value):
    return [(problem.code, problem.path) for problem in problems(folder, schema, value)]


# schema, value, code, path, words of the message, words of the hint
KEYWORDS = {
    "type": ({"type": "integer"}, "5", "wrong-type", "/a", "whole number", "quotes"),
    "type of several": ({"type": ["string", "null"]}, 1, "wrong-type", "/a", "a text or null", None),
    "type of an unquoted text": ({"type": "string"}, 1, "wrong-type", "/a", "a text", "quotes"),
    "required": ({"required": ["x"]}, {}, "missing-required", "/a/x", "a.x is required", None),
    "additionalProperties": (
        {"properties": {"size": {}}, "additionalProperties": False},
        {"sise": 1},
        "unknown-key",
        "/a/sise",
        "`sise` in a",
        "`size`",
    ),
    "unevaluatedProperties": (
        {"allOf": [{"properties": {"x": {}}}], "unevaluatedProperties": False},
        {"x": 1, "y": 2},
        "unknown-key",
        "/a/y",
        "`y` in a",
        None,
    ),
    "enum": ({"enum": ["small", "large"]}, "smal", "not-allowed", "/a", "`small`, `large`", "`small`"),
    "enum of mixed values": ({"enum": [1, None, "x"]}, 2, "not-allowed", "/a", "`1`, `null`, `x`", None),
    "const": ({"const": 1}, 2, "not-allowed", "/a", "`1`", None),
    "minimum": ({"minimum": 2, "maximum": 5}, 1, "out-of-range", "/a", "at least 2", "maximum 5"),
    "maximum": ({"maximum": 5, "x-unit": "seconds"}, 6, "out-of-range", "/a", "at most 5 seconds", None),
    "exclusiveMinimum": ({"exclusiveMinimum": 0}, 0, "out-of-range", "/a", "more than 0", None),
    "exclusiveMaximum": ({"exclusiveMaximum": 1}, 1, "out-of-range", "/a", "less than 1", None),
    "multipleOf": ({"multipleOf": 4}, 6, "out-of-range", "/a", "a multiple of 4", None),
    "minLength": ({"minLength": 3}, "ab", "wrong-size", "/a", "at least 3 characters, not 2", None),
    "minLength of 1": ({"minLength": 1}, "", "wrong-size", "/a", "must not be empty", None),
    "maxLength": ({"maxLength": 1}, "\U0001f600b", "wrong-size", "/a", "at most 1 character", None),
    "minItems": ({"minItems": 2}, [1], "wrong-size", "/a", "at least 2 items, not 1", None),
    "maxItems": ({"maxItems": 2}, [1, 2, 3], "wrong-size", "/a", "at most 2 items, not 3", None),
    "minProperties": ({"minProperties": 2}, {"x": 1}, "wrong-size", "/a", "at least 2 keys, not 1", None),
    "maxProperties": ({"maxProperties": 2}, {"x": 1, "y": 1, "z": 1}, "wrong-size", "/a", "at most 2 keys", None),
    "pattern": ({"pattern": "^x", "examples": ["xy"]}, "y", "wrong-format", "/a", "^x", "`xy`"),
    "format": ({"format": "email"}, "nobody", "wrong-format", "/a", "email", None),
    "uniqueItems": ({"uniqueItems": True}, [1, 2, 1], "not-unique", "/a", "twice", None),
    "dependentRequired": (
        {"dependentRequired": {"x": ["y"]}},
        {"x": 1},
        "missing-required",
        "/a/y",
        "a.x is set",
        None,
    ),
    "propertyNames": ({"propertyNames": {"pattern": "^x"}}, {"y": 1}, "bad-key", "/a/y", "`y`", None),
    "anyOf": (
        {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        [],
        "wrong-type",
        "/a",
        "a text or a whole number",
        None,
    ),
    "oneOf": ({"oneOf": [{"type": "number"}, {"minimum": 1}]}, 2, "ambiguous", "/a", "more than one", None),
    "not": ({"not": {}}, 1, "unknown-key", "/a", "a", None),
    "not of a key": ({"not": {"required": ["z"]}}, {"z": 1}, "schema", "/a/z", "a must not have `z`", None),
    "not of keys": ({"not": {"required": ["y", "z"]}}, {"y": 1, "z": 1}, "schema", "/a", "`y` and `z` together", None),
    "not of values": ({"not": {"enum": ["x"]}}, "x", "schema", "/a", 'must not be one of `"x"`', None),
    "not of properties": (
        {"not": {"properties": {"b": {"const": True}}, "required": ["b"]}},
        {"b": True},
        "schema",
        "/a",
        "one that has the key `b` and whose `b` is `true`",
        None,
    ),
    "not of no keys": ({"not": {"required": []}}, {}, "schema", "/a", 'one that fits {"required": []}', None),
    "not of keys that say nothing": (
        {"not": {"properties": {}}},
        1,
        "schema",
        "/a",
        'that fits {"properties": {}}',
        None,
    ),
    "not of anything else": ({"not": {"uniqueItems": True}}, [], "schema", "/a", '{"uniqueItems": true}', None),
    "contains": ({"contains": {"const": 1}}, [2], "wrong-size", "/a", "at least 1 item that is `1`", None),
    "minContains": (
        {"contains": {"const": 1}, "minContains": 2},
        [1],
        "wrong-size",
        "/a",
        "at least 2 items that are `1`",
        None,
    ),
    "maxContains": (
        {"contains": {"type": "string"}, "maxContains": 1},
        ["x", "y"],
        "wrong-size",
        "/a",
        "at most 1 item that is a text",
        None,
    ),
    "items": ({"prefixItems": [{}, {}], "items": False}, [1, 2, 3], "wrong-size", "/a", "at most 2 items, not 3", None),
    "items of none": ({"items": False}, [1], "wrong-size", "/a", "must be empty, and has 1 item", None),
    "additionalItems": (
        {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{}], "additionalItems": False},
        [1, 2],
        "wrong-size",
        "/a",
        "at most 1 item, not 2",
        None,
    ),
    "unevaluatedItems": (
        {"allOf": [{"prefixItems": [{}]}], "unevaluatedItems": False},
        [1, 2],
        "wrong-size",
        "/a",
        "at most 1 item, not 2",
        None,
    ),
    "unevaluatedItems between others": (
        {"contains": {"const": 1}, "unevaluatedItems": False},
        [1, 2, 1],
        "unknown-key",
        "/a/1",
        "a[1]",
        None,
    ),
    "propertyNames of a list": (
        {"propertyNames": {"enum": ["left", "right"]}},
        {"lefd": 1},
        "bad-key",
        "/a/lefd",
        "the key `lefd` of a must be one of `left`, `right`",
        "`left`",
    ),
    "dependencies": (
        {"dependentSchemas": {"x": {"required": ["y"]}}},
        {"x": 1},
        "missing-required",
        "/a/y",
        "a.y",
        None,
    ),
}


@pytest.mark.parametrize("name", KEYWORDS)
def test_each_keyword_has_its_words(tmp_path, name):
    schema, value, code, path, words, hint = KEYWORDS[name]
    (problem,) = problems(tmp_path, schema, value)
    assert (problem.code, problem.path) == (code, path)
    assert words in problem.message
    assert (hint or "") in (problem.hint or "")
    assert problem.schema.startswith("schema.json#/properties/a")


def test_no_keyword_is_without_a_test():
    assert {name.split()[0] for name in KEYWORDS} >= set(_MESSAGES)


def test_draft_4_makes_the_bound_itself_exclusive(tmp_path):
    schema = {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "properties": {"a": {"minimum": 0, "exclusiveMinimum": True}},
    }
    (problem,) = check_of(tmp_path, schema).problems({"a": 0})
    assert "more than 0" in problem.message


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"kind": "file", "path": 1}, [("wrong-type", "/a/path")]),
        ({"kind": "url"}, [("missing-required", "/a/href")]),
        ({"kind": "url", "href": 1}, [("wrong-type", "/a/href")]),
        ({"kind": "url", "href": "x", "more": 1}, [("unknown-key", "/a/more")]),
        ("text", [("wrong-format", "/a")]),
        (5, [("wrong-type", "/a")]),
    ],
)
def test_the_alternative_that_was_meant_is_told(tmp_path, keyword, value, expected):
    def kind(name, key):
        return {
            "type": "object",
            "properties": {"kind": {"const": name}, key: {"type": "string"}},
            "required": ["kind", key],
            "additionalProperties": False,
        }

    schema = {keyword: [kind("file", "path"), kind("url", "href"), {"type": "string", "pattern": "^ref"}]}
    assert codes(tmp_path, schema, value) == expected


def test_an_unknown_kind_is_told_with_all_kinds(tmp_path):
    kinds = [
        {"type": "object", "properties": {"kind": {"const": name}}, "required": ["kind"]} for name in ("file", "url")
    ]
    (problem,) = problems(tmp_path, {"oneOf": kinds}, {"kind": "ur"})
    assert problem.path == "/a/kind"


@pytest.mark.parametrize(("value", "code"), [({}, "missing-required"), ({"x": 1, "y": 1}, "ambiguous")])
def test_one_of_two_keys(tmp_path, value, code):
    (problem,) = problems(tmp_path, {"oneOf": [{"required": ["x"]}, {"required": ["y"]}]}, value)
    assert (problem.code, problem.path) == (code, "/a")
    assert "`x`, `y`" in problem.message


@pytest.mark.parametrize("own", ["say it so", {"minimum": "say it so", "type": "another"}])
def test_the_schema_may_have_its_own_words(tmp_path, own):
    (problem,) = problems(tmp_path, {"type": "integer", "minimum": 2, "errorMessage": own}, 1)
    assert problem.message == "a: say it so"


def test_own_words_for_another_keyword_are_not_used(tmp_path):
    (problem,) = problems(tmp_path, {"minimum": 2, "errorMessage": {"maximum": "too much"}}, 1)
    assert "too much" not in problem.message


def test_every_mistake_is_told_at_once(tmp_path):
    schema = {
        "properties": {"x": {"type": "integer"}, "y": {"minimum": 1}},
        "required": ["z"],
        "additionalProperties": False,
    }
    assert sorted(codes(tmp_path, schema, {"x": "t", "y": 0, "u": 1, "v": 2})) == [
        ("missing-required", "/a/z"),
        ("out-of-range", "/a/y"),
        ("unknown-key", "/a/u"),
        ("unknown-key", "/a/v"),
        ("wrong-type", "/a/x"),
    ]


def test_several_missing_keys_are_told_one_by_one(tmp_path):
    assert codes(tmp_path, {"required": ["x", "it's", "y"]}, {"x": 1}) == [
        ("missing-required", "/a/it's"),
        ("missing-required", "/a/y"),
    ]


SECRET = "hunter2-and-more"  # the word that no report may hold
SENSITIVE = {"type": "string", "x-sensitive": True}


@pytest.mark.parametrize(
    "schema",
    [
        SENSITIVE | {"enum": ["ref+env://A"]},
        SENSITIVE | {"const": "ref+env://A"},
        SENSITIVE | {"maxLength": 2},
        SENSITIVE | {"format": "email"},
        SENSITIVE | {"pattern": "^ref"},
        SENSITIVE | {"not": {"minLength": 1}},
        {"x-sensitive": True, "type": "integer"},
        {"x-sensitive": True, "anyOf": [{"type": "integer"}, {"type": "boolean"}]},
        {"x-sensitive": True, "oneOf": [{"const": "x"}, {"const": "y"}]},
    ],
)
@pytest.mark.parametrize("inside", ["itself", "mapping", "list", "alternative"])
def test_a_secret_is_never_quoted(tmp_path, schema, inside):
    around, value = {
        "itself": (schema, SECRET),
        "mapping": ({"type": "object", "properties": {"s": schema}}, {"s": SECRET}),
        "list": ({"type": "array", "items": schema}, [SECRET]),
        "alternative": ({"anyOf": [{"properties": {"s": schema}}, {"type": "integer"}]}, {"s": SECRET}),
    }[inside]
    found = problems(tmp_path, around, value)
    assert found
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    "wrong", [{"type": "array"}, {"const": {}}, {"enum": [1]}, {"maxProperties": 0}, {"not": {"type": "object"}}, False]
)
def test_a_parent_of_a_secret_is_not_quoted_either(tmp_path, wrong):
    schema = {"allOf": [{"properties": {"s": SENSITIVE}}, wrong]}
    found = problems(tmp_path, schema, {"s": SECRET})
    assert found
    assert SECRET not in repr(found)


def test_a_secret_in_a_rule_is_not_quoted(tmp_path):
    schema = {"properties": {"a": SENSITIVE}, "x-kubernetes-validations": [{"rule": "self.a"}]}
    make_project(tmp_path, {"schema.json": schema, "base.yaml": "a: ref+env://VERY_PRIVATE_NAME\n"})
    result = run("validate", "--format", "json", cwd=tmp_path)
    assert result.code == 1
    assert "VERY_PRIVATE_NAME" not in result.out


CONDITIONAL = {
    "properties": {"kind": {"enum": ["s3", "disk"]}},
    "if": {"properties": {"kind": {"const": "s3"}}, "required": ["kind"]},
    "then": {"required": ["bucket"]},
    "else": {"properties": {"size": {"minimum": 1}}},
}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"kind": "s3"}, [("missing-required", "/a/bucket")]),
        ({"kind": "s3", "size": 0, "bucket": "b"}, []),
        ({"kind": "disk", "size": 0}, [("out-of-range", "/a/size")]),
        ({"size": 0}, [("out-of-range", "/a/size")]),
    ],
)
def test_what_holds_under_a_condition_is_told_as_if_it_always_held(tmp_path, value, expected):
    assert codes(tmp_path, CONDITIONAL, value) == expected


FORMATS = {
    "email": ("a@example.org", "nobody"),
    "ipv4": ("10.0.0.1", "10.0.0.300"),
    "ipv6": ("::1", "::g"),
    "hostname": ("a.example.org", "-a-"),
    "uri": ("https://example.org/x", "not a uri"),
    "date": ("2024-02-29", "2023-02-29"),
    "date-time": ("2024-01-01T00:00:00Z", "yesterday"),
    "time": ("12:00:00Z", "25:00:00Z"),
    "duration": ("P1D", "one day"),
    "uuid": ("2eb8aa08-aa98-11ea-b4aa-73b441d16380", "2eb8aa08"),
    "regex": ("^a+$", "("),
    "json-pointer": ("/a/b", "a/b"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_formats_are_checked(tmp_path, name):
    good, bad = FORMATS[name]
    assert codes(tmp_path, {"format": name}, good) == []
    assert codes(tmp_path, {"format": name}, bad) == [("wrong-format", "/a")]


def test_a_format_is_told_beside_another_mistake(tmp_path):
    schema = {"properties": {"u": {"format": "uri"}, "n": {"minimum": 1}}}
    assert sorted(codes(tmp_path, schema, {"u": "not a uri", "n": 0})) == [
        ("out-of-range", "/a/n"),
        ("wrong-format", "/a/u"),
    ]


def test_an_unknown_format_is_no_rule(tmp_path):
    assert codes(tmp_path, {"format": "quantity-of-mine"}, "x") == []


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"^\p{Lu}", "\u00c4", "\u00e4"),
        (r"^(?<x>a)\k<x>$", "aa", "ab"),
        (r"^(?!x)", "y", "x"),
        (r"^a(?<!b)$", "a", "b"),
        (r"^\d+$", "12", "a"),
        (r"^[\w.-]+$", "a.b-c", "a b"),
    ],
)
def test_a_pattern_that_python_reads_otherwise(tmp_path, pattern, good, bad):
    assert codes(tmp_path, {"pattern": pattern}, good) == []
    assert codes(tmp_path, {"pattern": pattern}, bad) == [("wrong-format", "/a")]


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({"type": "integer"}, 10**400, []),
        ({"type": "integer", "maximum": 10}, 10**400, [("out-of-range", "/a")]),
        ({"maximum": 10**30}, 10**31, [("out-of-range", "/a")]),
        ({"maximum": 9007199254740992}, 9007199254740993, [("out-of-range", "/a")]),
        ({"type": "integer"}, 2.0, []),
        ({"type": "integer"}, 1e300, []),
        ({"multipleOf": 0.1}, 0.3, []),
        ({"multipleOf": 0.01}, 19.99, []),
        ({"enum": [1]}, True, [("not-allowed", "/a")]),
        ({"const": 0}, False, [("not-allowed", "/a")]),
        ({"enum": [1]}, 1.0, []),
        ({"uniqueItems": True}, [1, True], []),
        ({"type": "number"}, True, [("wrong-type", "/a")]),
    ],
)
def test_numbers(tmp_path, schema, value, expected):
    assert codes(tmp_path, schema, value) == expected


@pytest.mark.parametrize("name", ["a/b", "a~b", "a.b", "", "\u20ac", 'q"t', "0", "a b"])
def test_keys_of_any_kind_are_pointed_at(tmp_path, name):
    pointer = "/a/" + name.replace("~", "~0").replace("/", "~1")
    assert codes(tmp_path, {"additionalProperties": {"type": "integer"}}, {name: "x"}) == [("wrong-type", pointer)]
    assert codes(tmp_path, {"additionalProperties": False}, {name: "x"}) == [("unknown-key", pointer)]


def test_unknown_keys_that_match_no_pattern(tmp_path):
    schema = {"patternProperties": {"^x-": {}}, "properties": {"y": {}}, "additionalProperties": False}
    assert codes(tmp_path, schema, {"x-a": 1, "y": 1, "z": 1}) == [("unknown-key", "/a/z")]


def test_a_name_inside_another_is_not_taken_for_unknown(tmp_path):
    schema = {"allOf": [{"properties": {"size": {}}}], "unevaluatedProperties": False}
    assert codes(tmp_path, schema, {"size": 1, "siz": 2}) == [("unknown-key", "/a/siz")]


def test_a_long_value_is_shortened(tmp_path):
    (problem,) = problems(tmp_path, {"type": "string", "pattern": "^x"}, "y" * 5000)
    assert len(problem.message) < 200


def test_a_report_as_json_has_the_promised_shape(tmp_path):
    make_project(tmp_path, {"schema.json": {"properties": {"a": {"type": "integer"}}}, "base.yaml": "\na: x\n"})
    result = run("validate", "--format", "json", cwd=tmp_path)
    (problem,) = json.loads(result.out)["problems"]
    shown = {key: problem[key] for key in ("code", "severity", "path", "file", "line", "column", "targets", "schema")}
    assert shown == {
        "code": "wrong-type",
        "severity": "error",
        "path": "/a",
        "file": "base.yaml",
        "line": 2,
        "column": 4,
        "targets": ["default"],
        "schema": "schema.json#/properties/a/type",
    }
    assert problem.keys() - shown.keys() == {"message", "hint"}


def test_thousands_of_unknown_keys_are_all_reported_and_the_first_compared(tmp_path):
    schema = {"properties": {"first_setting": {}, **{f"s{i}": {} for i in range(99)}}, "additionalProperties": False}
    found = problems(tmp_path, schema, {f"first_settin{i}": 1 for i in range(1000)})
    assert len(found) == 1000
    assert found[0].hint == "did you mean `first_setting`?"
    assert found[-1].hint.startswith("choose from `first_setting`, ")


def test_the_place_of_every_bad_key_is_known(tmp_path):
    found = codes(tmp_path, {"propertyNames": {"pattern": "^[a-z]+$"}}, {f"key{i}": 1 for i in range(3000)})
    assert found == [("bad-key", f"/a/key{i}") for i in range(3000)]


@pytest.mark.parametrize("last", [{"i": 7}, {"i": 7.0}])
def test_equal_mappings_of_a_long_list_are_found(tmp_path, last):
    schema = {"uniqueItems": True}
    items = [{"i": i} for i in range(3000)]
    assert codes(tmp_path, schema, items) == []
    assert codes(tmp_path, schema, [*items, last]) == [("not-unique", "/a")]
    assert codes(tmp_path, schema, [*items, 10**400, 10**400]) == [("not-unique", "/a")]


def test_what_unevaluated_properties_say_of_a_value_is_reported_at_it(tmp_path):
    schema = {"allOf": [{"properties": {"x": {}}}], "unevaluatedProperties": {"type": "integer"}}
    assert codes(tmp_path, schema, {"x": "a", "y": "b", "z": 1}) == [("wrong-type", "/a/y")]


# --- what is said once for all configurations ---


def test_a_wrong_scalar_is_reported_in_each_configuration_as_in_the_first(tmp_path):
    check = check_of(
        tmp_path, {"properties": {"a": {"enum": ["red", "green"]}, "b": {"enum": ["red"]}, "c": {"maximum": 1}}}
    )
    alone = [
        check_of(tmp_path, check._catalog.documents.joined[check._catalog.documents.root]).problems(each)
        for each in CONFIGS
    ]
    assert [check.problems(each) for each in CONFIGS] == alone
    assert [check.problems(each) for each in reversed(CONFIGS)] == alone[::-1]


CONFIGS = [
    {"a": "rad"},
    {"b": "rad"},
    {"a": "rad", "c": 2},
    {"a": ["rad"]},
    {"c": 2.0},
    {"c": 3},
    {"a": None},
    {"a": True},
]


def test_a_hint_that_was_too_costly_in_one_configuration_is_given_in_another(tmp_path):
    names = [f"alpha{number:03}" for number in range(300)]
    last = "s119"
    check = check_of(tmp_path, {"properties": {f"s{number:03}": {"enum": names} for number in range(120)}})
    many = {f"s{number:03}": "alpah119" for number in range(120)}
    assert next(one for one in check.problems(many) if one.path == f"/{last}").hint is None
    (found,) = check.problems({last: "alpah119"})
    assert "alpha119" in found.hint


def test_zeros_of_both_signs_are_quoted_as_they_are(tmp_path):
    check = check_of(tmp_path, {"properties": {"a": {"exclusiveMinimum": 0}}})
    assert ["0.0" in one.message for value in (0.0, -0.0) for one in check.problems({"a": value})] == [True, True]
    assert "-0.0" in check.problems({"a": -0.0})[0].message
