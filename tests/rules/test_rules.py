"""Rules: CEL expressions of `x-kubernetes-validations`, which mean here what they mean in Kubernetes."""

import json
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from rounds import examples
from run import run
from scratch import catalog_of, make_project
from weft.rules import RuleCheck, deciding, is_transition, settings_of
from weft.rules.functions import acyclic
from weft.rules.names import escape, unescape
from weft.rules.quantities import quantity

INTEGER, NUMBER, TEXT = {"type": "integer"}, {"type": "number"}, {"type": "string"}
LIMITS = {
    "properties": {"min": INTEGER, "max": INTEGER},
    "x-kubernetes-validations": [{"rule": "self.min <= self.max"}],
}
GOOD, BAD = {"min": 1, "max": 2}, {"min": 2, "max": 1}


def check_of(folder, schema, **neighbours):
    check = RuleCheck(catalog_of(folder, schema, **neighbours))
    assert check.broken == []
    return check


def found(check, config):
    return [(problem.code, problem.path) for problem in check.problems(config)]


def verdict(folder, rule, properties, config, **entry):
    """What one rule at the root reports for a configuration."""
    schema = {"properties": properties, "x-kubernetes-validations": [{"rule": rule, **entry}]}
    return check_of(folder, schema).problems(config)


def broken(folder, rule, properties=None, **entry):
    schema = {"properties": properties or {}, "additionalProperties": False}
    return RuleCheck(catalog_of(folder, schema | {"x-kubernetes-validations": [{"rule": rule, **entry}]})).broken


@pytest.mark.parametrize(
    ("escaped", "plain"),
    [
        ("__namespace__", "namespace"),
        ("__in__", "in"),
        ("__true__", "true"),
        ("a__dash__b", "a-b"),
        ("a__dot__b__slash__c", "a.b/c"),
        ("a__underscores__b", "a__b"),
        ("__dash__", "-"),
        ("__underscores__dash__underscores__", "__dash__"),
        ("plain_name", "plain_name"),
    ],
)
def test_names_are_escaped_as_in_kubernetes(escaped, plain):
    assert unescape(escaped) == plain
    assert escape(plain) == escaped


@given(st.from_regex(r"[A-Za-z_./-][A-Za-z0-9_./-]*", fullmatch=True))
def test_every_name_that_can_be_escaped_comes_back(name):
    assert unescape(escape(name)) == name


@pytest.mark.parametrize("name", ["", "1a", "a b", "é", "a$"])
def test_a_name_that_no_expression_can_reach(name):
    assert escape(name) is None


@pytest.mark.parametrize("name", ["namespace", "in", "my-key", "a.b/c", "a__b"])
@pytest.mark.parametrize("value", [True, False])
def test_a_rule_reads_settings_whatever_their_names(tmp_path, name, value):
    escaped = {
        "namespace": "__namespace__",
        "in": "__in__",
        "my-key": "my__dash__key",
        "a.b/c": "a__dot__b__slash__c",
        "a__b": "a__underscores__b",
    }[name]
    properties = {name: {"type": "boolean"}}
    assert (verdict(tmp_path, f"self.{escaped}", properties, {name: value}) == []) is value
    assert verdict(tmp_path, f"!has(self.{escaped})", properties, {}) == []


@pytest.mark.parametrize("name", ["namespace", "my-key"])
def test_names_are_escaped_below_the_root_too(tmp_path, name):
    rule = f"self.all(k, self[k].{'__namespace__' if name == 'namespace' else 'my__dash__key'})"
    schema = {
        "properties": {
            "map": {
                "additionalProperties": {"properties": {name: {"type": "boolean"}}},
                "x-kubernetes-validations": [{"rule": rule}],
            }
        }
    }
    check = check_of(tmp_path, schema)
    assert found(check, {"map": {"a": {name: True}}}) == []
    assert found(check, {"map": {"a": {name: False}}}) == [("rule", "/map")]


@pytest.mark.parametrize(
    ("rule", "config", "codes"),
    [
        ("self.n < 0.5", {"n": 1}, ["rule"]),
        ("self.n < 0.5", {"n": 0}, []),
        ("self.n == 1.0", {"n": 1}, []),
        ("self.i == 2", {"i": 2.0}, []),
        ("self.i % 3 == 2", {"i": 8.0}, []),
        ("self.either % 3 == 2", {"either": 8.0}, []),
        ("type(self.n) == double", {"n": 8}, []),
        ("type(self.n) == double", {"n": 8.0}, []),
        ("self.i + 1 == 3", {"i": 2}, []),
        ("self.i / 2 == 1", {"i": 3}, []),
        ("self.list.all(x, x < 0.5)", {"list": [0, 0.25]}, []),
        ("self.list.all(x, x < 0.5)", {"list": [0, 1]}, ["rule"]),
        ("double(self.i) < self.n", {"i": 1, "n": 2}, []),
        ("self.i / 0 == 1", {"i": 1}, ["rule-undecided"]),
        ("self.i == 9223372036854775807", {"i": 2**63 - 1}, []),
        ("self.i > 1", {"i": 2**64}, []),
        ("self.i > 1", {}, ["rule-undecided"]),
        ("!has(self.i) || self.i > 1", {}, []),
        ("!has(self.i) || self.i > 1", {"i": 1}, ["rule"]),
        ("has(self.text) == has(self.i)", {"text": "a"}, ["rule"]),
        ("self.text.size() == 4", {"text": "\u20ac\U0001f600ab"}, []),
        ("self.text.matches('^a+$')", {"text": "aab"}, ["rule"]),
        ("self.text == 'self.nothing'", {"text": "self.nothing"}, []),
        ("'self.nothing' != self.text", {"text": "x"}, []),
        ("self.any", {"any": 1}, ["rule-undecided"]),
        ("self.text > self.any", {"text": "a", "any": 1}, ["rule-undecided"]),
        ("self.text in ['a', 'b']", {"text": "c"}, ["rule"]),
    ],
)
def test_a_rule_says_yes_or_no_or_why_not(tmp_path, rule, config, codes):
    properties = {"n": NUMBER, "i": INTEGER, "text": TEXT, "list": {"type": "array", "items": NUMBER}, "any": {}}
    properties["either"] = {"type": ["integer", "string"]}
    assert [problem.code for problem in verdict(tmp_path, rule, properties, config)] == codes


def test_what_is_not_set_is_named(tmp_path):
    (problem,) = verdict(tmp_path, "self.a.b > 1", {"a": {"properties": {"b": INTEGER}}}, {"a": {}})
    assert "`b` is not set" in problem.message
    assert "a.b" in problem.hint


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({}, "failed rule: self.i > 1"),
        ({"message": "told"}, "told"),
        ({"message": "told", "messageExpression": "'i is ' + string(self.i)"}, "i is 1"),
        ({"message": "told", "messageExpression": "'i is ' + self.text"}, "told"),
        ({"message": "told", "messageExpression": "string(1 / (self.i - 1))"}, "told"),
        ({"message": "told", "messageExpression": "'  '"}, "told"),
        ({"message": "told", "messageExpression": "''"}, "told"),
        ({"messageExpression": "self.text"}, "failed rule: self.i > 1"),
    ],
)
def test_the_message_is_computed_where_it_can_be(tmp_path, entry, message):
    (problem,) = verdict(tmp_path, "self.i > 1", {"i": INTEGER, "text": TEXT}, {"i": 1}, **entry)
    assert problem.message == message


@pytest.mark.parametrize(
    ("field", "path"), [(".a.b", "/a/b"), ("['a'].b", "/a/b"), (".a['x.y/z']", "/a/x.y~1z"), (".a.my-key", "/a/my-key")]
)
def test_the_field_path_moves_the_problem(tmp_path, field, path):
    properties = {"a": {"properties": {"b": INTEGER, "x.y/z": INTEGER, "my-key": INTEGER}}}
    (problem,) = verdict(tmp_path, "self.a.b > 1", properties, {"a": {"b": 1}}, fieldPath=field)
    assert problem.path == path


WITH = {"$defs": {"limits": LIMITS}}


@pytest.mark.parametrize(
    ("schema", "wrap", "path"),
    [
        (LIMITS, lambda value: value, ""),
        ({"properties": {"a": LIMITS}}, lambda value: {"a": value}, "/a"),
        ({"properties": {"a": {"items": LIMITS}}}, lambda value: {"a": [GOOD, value]}, "/a/1"),
        ({"properties": {"a": {"prefixItems": [LIMITS]}}}, lambda value: {"a": [value]}, "/a/0"),
        ({"additionalProperties": LIMITS}, lambda value: {"x/y": value}, "/x~1y"),
        ({"patternProperties": {"^x": LIMITS}}, lambda value: {"xy": value, "y": BAD}, "/xy"),
        ({**WITH, "properties": {"a": {"$ref": "#/$defs/limits"}}}, lambda value: {"a": value}, "/a"),
        ({**WITH, "items": {"$ref": "#/$defs/limits"}}, lambda value: [value], "/0"),
        ({"allOf": [LIMITS]}, lambda value: value, ""),
        ({**WITH, "allOf": [{"properties": {"a": {"$ref": "#/$defs/limits"}}}]}, lambda value: {"a": value}, "/a"),
        (LIMITS | {"properties": LIMITS["properties"] | {"a": {"$ref": "#"}}}, lambda value: GOOD | {"a": value}, "/a"),
        ({"properties": {"a": {"$ref": "other.json#/properties/b"}}}, lambda value: {"a": value}, "/a"),
    ],
)
def test_rules_hold_wherever_the_schema_leads(tmp_path, schema, wrap, path):
    check = check_of(tmp_path, schema, other={"properties": {"b": LIMITS}})
    assert found(check, wrap(GOOD)) == []
    assert found(check, wrap(BAD)) == [("rule", path)]


@pytest.mark.parametrize("schema", [{"anyOf": [LIMITS, {}]}, {"oneOf": [LIMITS]}, {"if": LIMITS}, {"not": LIMITS}])
def test_rules_of_alternatives_are_not_asked(tmp_path, schema):
    assert found(check_of(tmp_path, schema), BAD) == []


def test_a_rule_of_a_recursive_schema_holds_at_every_depth(tmp_path):
    schema = LIMITS | {"properties": LIMITS["properties"] | {"below": {"type": "array", "items": {"$ref": "#"}}}}
    config = BAD | {"below": [GOOD | {"below": [BAD, GOOD]}]}
    assert found(check_of(tmp_path, schema), config) == [("rule", ""), ("rule", "/below/0/below/0")]


@pytest.mark.parametrize(
    ("rule", "reads"),
    [
        ("self.a.b > self.c", [("a", "b"), ("c",)]),
        ("has(self.a.b) && self.a.b.c == 1", [("a", "b", "c")]),
        ("!has(self.a) || !has(self.a.b)", [("a", "b")]),
        ("self.list.all(x, x > 1)", [("list",)]),
        ("self.a.b.size() == 1", [("a", "b")]),
        ("size(self) == 1", [()]),
        ("self['a'] == 1", [("a",)]),
        ("self.a['b'] == 1", [("a", "b")]),
        ("self.a[self.b] == 1", [("a",), ("b",)]),
        ("cel.bind(x, self.a.b, x > 1)", [("a", "b")]),
        ("self.?a.b.orValue(1) == 1", [("a", "b")]),
        ("[1].all(self, self > 0)", []),
        ("self.a == 'self.b'", [("a",)]),
        ("self . a . b == 1", [("a", "b")]),
        ("self.map.exists(k, self.map[k].on)", [("map",)]),
        ("self.map.exists(k, v, v == self.c && k == self.d)", [("map",), ("c",), ("d",)]),
        ("[self.a, self.b][0] == 1", [("a",), ("b",)]),
        ("{self.a: self.b}[1] == 1", [("a",), ("b",)]),
        ("{'k': [{'l': self.a.b}]}.size() == 1", [("a", "b")]),
        ("self.a ? self.b : self.c", [("a",), ("b",), ("c",)]),
        ("self.a.startsWith(self.b)", [("a",), ("b",)]),
        ("self.list.all(self, self.x > 1) && self.a", [("list",), ("a",)]),
        ("self.list.map(x, x.y).exists(z, z == self.a.b)", [("list",), ("a", "b")]),
        ("cel.bind(x, self.a, cel.bind(y, x.b, y.c == self.d))", [("a",), ("d",)]),
        ("cel.bind(x, self.a, true)", [("a",)]),
        ("self.a[?'b'].orValue(1) == 1", [("a", "b")]),
        ("self.a[0].b == 1", [("a",)]),
        ("self.a[''] == 1", [("a",)]),
        ("oldSelf.a == self.b", [("b",)]),
        ("oldSelf.list.all(x, x > self.b)", [("b",)]),
        ("has(self.a) && has(self.a.b)", [("a", "b")]),
        ("has(self.a.b) || self.a.c == 1", [("a", "b"), ("a", "c")]),
        ("self.a == 1 && self.a.b == 1", [("a",)]),
        ("self.a__dash__b.__in__ == 1 && self['a__dash__b'] == 1", [("a-b", "in"), ("a__dash__b",)]),
        ("optional.of(self.a).hasValue()", [("a",)]),
        ("1 == 1", []),
    ],
)
def test_a_rule_is_given_only_what_it_reads(rule, reads):
    assert sorted(settings_of(rule)) == sorted(reads)


def test_what_a_rule_does_not_read_cannot_disturb_it(tmp_path):
    properties = {"a": INTEGER, "odd": {}}
    assert verdict(tmp_path, "self.a == 1", properties, {"a": 1, "odd": 2**70}) == []


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        ("self.a ==", ""),
        ("self.nothing == 1", "nothing"),
        ("self.a == nothing", "nothing"),
        ("nothing(self.a)", "nothing"),
        ("self.a.nothing()", "nothing"),
        ("spec.a == 1", "spec"),
        ("has(self.a.b)", "b"),
        ("self.list.all(x, y > 1)", "y"),
    ],
)
def test_a_rule_that_means_nothing_is_a_problem_of_the_schema(tmp_path, rule, word):
    properties = {"a": INTEGER | {"additionalProperties": False}, "list": {"type": "array", "items": INTEGER}}
    (problem,) = broken(tmp_path, rule, properties)
    assert problem.code in ("rule-invalid", "unsupported-function")
    assert problem.schema == "schema.json#/x-kubernetes-validations/0/rule"
    assert word in problem.message


def test_a_broken_rule_is_told_with_its_line(tmp_path):
    text = '{\n "x-kubernetes-validations": [\n  {"rule": "true"},\n  {"rule": "self.("}\n ]\n}\n'
    make_project(tmp_path, {"schema.json": text})
    result = run("validate", cwd=tmp_path)
    assert result.code == 1
    assert "schema.json:4:18" in result.out


@pytest.mark.parametrize("rule", ["self.a >= oldSelf.a", "self == oldSelf"])
def test_transition_rules_wait_for_a_revision(tmp_path, rule):
    assert verdict(tmp_path, rule, {"a": INTEGER}, {"a": 1}) == []


def test_a_setting_named_like_old_self_is_no_transition(tmp_path):
    assert verdict(tmp_path, "self.oldSelfie == 1", {"oldSelfie": INTEGER}, {"oldSelfie": 2})


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("500m", 0.5),
        ("1", 1),
        ("1.5", 1.5),
        (".5", 0.5),
        ("2k", 2000),
        ("4Gi", 4 * 1024**3),
        ("1e3", 1000),
        ("1E3", 1000),
        ("1E", 1e18),
        ("1Ei", 2**60),
        ("-1Ki", -1024),
        ("100n", 1e-7),
        ("3u", 3e-6),
    ],
)
def test_a_quantity_is_the_number_that_kubernetes_reads(text, number):
    assert float(quantity(text)) == number


@pytest.mark.parametrize("text", ["", "1Ki ", "1K", "Gi", "1 Gi", "1GB", "0x10", "1e", "--1", "1\n"])
def test_what_is_no_quantity(text):
    with pytest.raises(ValueError, match="not a quantity"):
        quantity(text)


@pytest.mark.parametrize(
    ("rule", "config", "codes"),
    [
        ("quantity(self.a).isLessThan(quantity(self.b))", {"a": "500m", "b": "1"}, []),
        ("quantity(self.a).isLessThan(quantity(self.b))", {"a": "1Gi", "b": "1G"}, ["rule"]),
        ("quantity(self.a).compareTo(quantity(self.b)) == 0", {"a": "1000m", "b": "1"}, []),
        ("isQuantity(self.a)", {"a": "1 GB"}, ["rule"]),
        ("quantity(self.a).isGreaterThan(quantity('1'))", {"a": "much"}, ["rule-undecided"]),
        ("isIP(self.a)", {"a": "10.0.0.1"}, []),
        ("isIP(self.a)", {"a": "10.0.0.300"}, ["rule"]),
        ("isURL(self.a)", {"a": "https://example.org/x"}, []),
        ("self.a.find('[0-9]+') == '12'", {"a": "ab12c3"}, []),
        ("self.a.findAll('[0-9]+') == ['12', '3']", {"a": "ab12c3"}, []),
    ],
)
def test_functions_of_kubernetes(tmp_path, rule, config, codes):
    assert [problem.code for problem in verdict(tmp_path, rule, {"a": TEXT, "b": TEXT}, config)] == codes


@pytest.mark.parametrize(
    ("graph", "free"),
    [
        ({}, True),
        ({"a": {}}, True),
        ({"a": {"needs": ["b"]}, "b": {"needs": []}}, True),
        ({"a": {"needs": ["gone"]}}, True),
        ({"a": {"needs": ["a"]}}, False),
        ({"a": {"needs": ["b"]}, "b": {"needs": ["c"]}, "c": {"needs": ["a"]}}, False),
        ({"x": {"needs": ["a"]}, "a": {"needs": ["b"]}, "b": {"needs": ["a"]}}, False),
        ({"a": {"needs": ["b", "c"]}, "b": {"needs": ["d"]}, "c": {"needs": ["d"]}, "d": {}}, True),
    ],
)
def test_acyclic(tmp_path, graph, free):
    assert acyclic(graph, "needs") is free
    needs = {"properties": {"needs": {"type": "array", "items": TEXT}}}
    problems = verdict(tmp_path, "acyclic(self.map, 'needs')", {"map": {"additionalProperties": needs}}, {"map": graph})
    assert [problem.code for problem in problems] == ([] if free else ["rule"])


def test_a_long_chain_is_no_cycle():
    assert acyclic({str(number): {"needs": [str(number + 1)]} for number in range(5000)}, "needs")


def test_equal_values_of_different_types_are_not_mistaken(tmp_path):
    check = check_of(tmp_path, {"properties": {"a": {}}, "x-kubernetes-validations": [{"rule": "self.a == true"}]})
    assert found(check, {"a": True}) == []
    assert found(check, {"a": 1}) != []
    assert found(check, {"a": True}) == []


CONDITION = {
    "schema.json": {
        "properties": {
            "app": {
                "type": "object",
                "properties": {"on": {"type": "boolean"}, "my-rate": NUMBER, "namespace": TEXT},
                "additionalProperties": False,
            }
        }
    },
    "templates/a.j2": "a\n",
}


@pytest.mark.parametrize(
    ("when", "app", "code", "written"),
    [
        ("self.app.on", {"on": True}, 0, True),
        ("self.app.on", {"on": False}, 0, False),
        ("has(self.app.on)", {"namespace": "a"}, 0, False),
        ("self.app.my__dash__rate > 0.5", {"my-rate": 1}, 0, True),
        ("self.app.__namespace__ == 'a'", {"namespace": "a"}, 0, True),
        ("true", {"on": True}, 0, True),
        ("self.app.on", {"namespace": "a"}, 1, False),
        ("self.app.namespace_", {"on": True}, 1, False),
        ("self.app.my__dash__rate", {"my-rate": 1}, 1, False),
        ("nothing", {"on": True}, 1, False),
        ("self.app.on ==", {"on": True}, 1, False),
    ],
)
def test_a_condition_decides_whether_there_is_an_output(tmp_path, when, app, code, written):
    outputs = [{"template": "a.j2", "path": "a", "when": when}]
    make_project(tmp_path, CONDITION | {"base.yaml": {"app": app}}, outputs=outputs)
    assert run("render", cwd=tmp_path).code == code
    assert (tmp_path / "build/a").exists() == written


@pytest.mark.parametrize(
    ("rule", "place", "words"),
    [
        ("self.i == 'a'", (1, 8), "`==`: a whole number and a text"),
        ("self.i > 1 && self.text == 5", (1, 25), "`==`: a text and a whole number"),
        ("has(self.i) ? self.text == true : false", (1, 25), "a text and true or false"),
        ("self.text != self.i", (1, 11), "a text and a whole number"),
        ("5 < self.text", (1, 3), "a whole number and a text"),
        ("self.i == null", (1, 8), "a whole number and null"),
        ("self.i == 2.0", (1, 8), "a whole number and a number"),
        ("self.list.all(x, x > 'a')", (1, 20), "`>`: a whole number and a text"),
        ("self.list == ['a']", (1, 11), "a list of whole numbers and a list of texts"),
        ("'a' in self.list", (1, 5), "`in`: a text and a list of whole numbers"),
        ("self.map.all(k, self.map[k] > 'a')", (1, 29), "a whole number and a text"),
        ("self.map.all(k, v, v > 'a')", (1, 22), "a whole number and a text"),
        ("self.text == 'a' &&\n  self.i == 'é'", (2, 10), "a whole number and a text"),
        ("'é€😀' == self.i", (1, 7), "a text and a whole number"),
        ("self.when > '2026-01-01'", (1, 11), "a point in time and a text"),
        ("quantity(self.text) > 5", (1, 21), "a quantity and a whole number"),
        ("self.or_null == 'a'", (1, 14), "a whole number or null and a text"),
    ],
)
def test_a_comparison_of_unlike_types_is_a_mistake_of_the_schema(tmp_path, rule, place, words):
    (problem,) = broken(tmp_path, rule, TYPED)
    assert problem.code == "rule-invalid"
    assert "compares unlike types" in problem.message
    assert words in problem.message
    assert problem.within == place
    assert f"({place[0]}:{place[1]} in the expression)" in problem.message


@pytest.mark.parametrize(
    "rule",
    [
        "self.text == 'self.i == 5'",
        "self.n > 1",
        "self.i < 2.5 && self.n >= self.i && 1u < self.n",
        "self.text + 'a' == 'b'",
        "self.text.size() == 4",
        "self.i + 1 == 2",
        "self.free[0] == 'a'",
        "self.free.all(x, x > 1)",
        "self.any == 'a' && self.any == 1",
        "self.either == 'a' || self.either == 1",
        "self.or_null == null || self.or_null == 5",
        "self.when > timestamp('2026-01-01T00:00:00Z')",
        "self.span < duration('1h')",
        "self.below.below.i == 1",
        "self.map.exists(k, k == 'a' && self.map[k] == 1)",
    ],
)
def test_what_may_be_equal_is_no_mistake(tmp_path, rule):
    assert broken(tmp_path, rule, TYPED) == []


TYPED = {
    "i": INTEGER,
    "n": NUMBER,
    "text": TEXT,
    "list": {"type": "array", "items": INTEGER},
    "free": {"type": "array"},
    "map": {"type": "object", "additionalProperties": INTEGER},
    "any": {},
    "either": {"type": ["integer", "string"]},
    "or_null": {"type": ["integer", "null"]},
    "when": {"type": "string", "format": "date-time"},
    "span": {"type": "string", "format": "duration"},
    "below": {"$ref": "#"},
}


@pytest.mark.parametrize(
    ("rule", "column", "hint"),
    [
        ("self.tex == 'a'", 6, "did you mean `text`?"),
        ("has(self.tex)", 10, "did you mean `text`?"),
        ("self.below.below.tex == 'a'", 18, "did you mean `text`?"),
        ("self . tex == 'a'", 8, "did you mean `text`?"),
        ("self.items.all(x, x.prot > 1)", 21, "did you mean `port`?"),
        ("self.items[0].prot > 1", 15, "did you mean `port`?"),
        ("cel.bind(x, self.items[0], x.prot > 1)", 30, "did you mean `port`?"),
        ("self.in == 'a'", 6, "a setting of that name is `self.__in__`"),
        ("self.my-key == 'a'", 6, "write `my__dash__key`"),
        ("self.text.lessThan('a')", 11, "did you mean `isLessThan`?"),
        ("oldSelf.i.orValue(1) == 1", 11, None),
    ],
)
def test_a_mistake_is_reported_with_its_column_and_what_was_meant(tmp_path, rule, column, hint):
    more = {"items": {"type": "array", "items": {"properties": {"port": INTEGER}}}}
    problem = broken(tmp_path, rule, TYPED | more | dict.fromkeys(("in", "namespace", "my-key"), TEXT))[0]
    assert (problem.within, problem.hint) == ((1, column), hint)


MISTAKES = yaml.safe_load(Path(__file__).with_name("mistakes.yaml").read_text("utf-8"))


def test_every_mistake_says_what_is_wrong_where_and_what_to_write(tmp_path):
    """The exact text that users read; all in one schema, and so in one environment."""
    schema = {
        "properties": TYPED,
        "additionalProperties": False,
        "x-kubernetes-validations": [{"rule": rule} for rule in MISTAKES],
    }
    reported = {rule: [] for rule in MISTAKES}
    for problem in RuleCheck(catalog_of(tmp_path, schema)).broken:
        rule = list(MISTAKES)[int(problem.schema.split("/")[-2])]
        line, column = problem.within
        message = problem.message.removeprefix("the rule ").removesuffix(f" ({line}:{column} in the expression)")
        hint = f"; {problem.hint}" if problem.hint else ""
        reported[rule].append(f"{line}:{column} {problem.code}: {message}{hint}")
    assert reported == MISTAKES


@pytest.mark.parametrize("text", [r"r'\n'", r"'\''", r"'(\\'", r"'\'\'('", "'''a'('''", '"""[\n"\n"""', r'"""\""""'])
def test_brackets_in_texts_hold_nothing_together(tmp_path, text):
    rule = {"rule": f"{text} == {text} && '(' != ')' // ("}
    assert RuleCheck(catalog_of(tmp_path, {"x-kubernetes-validations": [rule]})).broken == []


@pytest.mark.parametrize("rule", ["true) || (false", "true, 1: false", "(true", "true}", "'a", "", " ", "true // (\n"])
def test_brackets_of_an_expression_are_its_own(tmp_path, rule):
    schema = {"x-kubernetes-validations": [{"rule": rule}]}
    good = rule.startswith("true //")
    if rule:
        assert (RuleCheck(catalog_of(tmp_path, schema)).broken == []) is good


GROWING = INTEGER | {"x-kubernetes-validations": [{"rule": "self >= oldSelf", "message": "shrinks"}]}
TRANSITIONS = {
    "type": "object",
    "properties": {
        "count": INTEGER | {"x-kubernetes-validations": [{"rule": "self >= oldSelf", "message": "count"}]},
        "in": TEXT,
        "last": INTEGER,
        "next": INTEGER,
        "plain": {"type": "array", "items": GROWING},
        "named": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {"type": "object", "properties": {"name": TEXT, "n": GROWING}},
        },
        "granular": {
            "type": "object",
            "properties": {"a": INTEGER | {"x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "a"}]}},
        },
        "atomic": {
            "type": "object",
            "x-kubernetes-map-type": "atomic",
            "properties": {"a": INTEGER | {"x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "a"}]}},
            "x-kubernetes-validations": [{"rule": "!has(oldSelf.a) || has(self.a)", "message": "atomic"}],
        },
        "fresh": INTEGER
        | {
            "x-kubernetes-validations": [
                {
                    "rule": "self > oldSelf.orValue(4)",
                    "messageExpression": "oldSelf.hasValue() ? 'was ' + string(oldSelf.value()) : 'was nothing'",
                    "optionalOldSelf": True,
                }
            ]
        },
    },
    "x-kubernetes-validations": [
        {"rule": "!has(oldSelf.__in__) || self.__in__ == oldSelf.__in__", "message": "in"},
        {"rule": "!has(oldSelf.last) || !has(self.next) || self.next >= oldSelf.last", "message": "last"},
    ],
}


CHANGES = [
    ({"count": 1}, {"count": 2}, []),
    ({"count": 2}, {"count": 1}, ["count"]),
    ({"count": 2}, {"count": 2.0}, []),
    ({}, {"count": 1}, []),
    ({"in": "a"}, {"in": "a"}, []),
    ({"in": "a"}, {"in": "b"}, ["in"]),
    ({}, {"in": "b"}, []),
    ({"granular": {"a": 1}}, {"granular": {"a": 2}}, ["a"]),
    ({"atomic": {"a": 1}}, {"atomic": {"a": 2}}, []),
    ({"atomic": {"a": 1}}, {"atomic": {}}, ["atomic"]),
    ({"atomic": {}}, {"atomic": {"a": 1}}, []),
    ({}, {"fresh": 5}, []),
    ({}, {"fresh": 4}, ["was nothing"]),
    ({"fresh": 5}, {"fresh": 5}, ["was 5"]),
    ({"fresh": 5}, {"fresh": 6}, []),
    ({"count": 3}, {"count": 2}, ["count"]),
    ({"last": 1}, {"next": 2}, []),
    ({"plain": [2]}, {"plain": [1]}, []),
    ({"named": [{"name": "a", "n": 2}]}, {"named": [{"name": "b", "n": 1}, {"name": "a", "n": 2}]}, []),
    ({"named": [{"name": "a", "n": 2}]}, {"named": [{"name": "b", "n": 3}, {"name": "a", "n": 1}]}, ["shrinks"]),
    ({"named": {"name": "a", "n": 2}}, {"named": [{"name": "a", "n": 1}]}, []),
    ({"named": [{"name": "a", "n": 2}, {"name": "b", "n": 2}]}, {"named": [{"name": "b", "n": 1}]}, ["shrinks"]),
    ({"last": 3}, {"next": 2}, ["last"]),
    ({"count": 2}, {"count": 2}, []),
]


@pytest.mark.parametrize(("old", "new", "messages"), CHANGES)
def test_rules_over_old_self(tmp_path, old, new, messages):
    check = check_of(tmp_path, TRANSITIONS)
    assert check.problems(new) == []
    assert [problem.message for problem in check.transitions(new, old)] == messages


def test_what_a_rule_said_of_one_change_is_not_said_of_another(tmp_path):
    check = check_of(tmp_path, TRANSITIONS)
    for old, new, messages in CHANGES:
        assert [problem.message for problem in check.transitions(new, old)] == messages


def test_cel_is_not_loaded_before_an_expression_is_compiled():
    code = "import sys, weft.rules, weft.project; print([name for name in sys.modules if 'cel_expr' in name or 'protobuf' in name])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_comma_at_the_top_is_named(tmp_path):
    (problem,) = broken(tmp_path, "true, false")
    assert "unexpected ','" in problem.message


UNIQUE = "self.all(x, self.exists_one(y, x.n == y.n))"
UNIQUE_ITEMS = {"type": "array", "items": {"type": "object", "properties": {"n": TEXT}}}


@pytest.mark.parametrize(("count", "codes"), [(99, []), (120, ["rule-undecided"])])
def test_a_rule_that_takes_too_many_steps_is_undecided(tmp_path, count, codes):
    listed = UNIQUE_ITEMS | {"x-kubernetes-validations": [{"rule": UNIQUE}]}
    check = check_of(tmp_path, {"properties": {"l": listed}})
    problems = check.problems({"l": [{"n": str(index)} for index in range(count)]})
    assert [problem.code for problem in problems] == codes
    assert all("it takes more than 10000 steps" in problem.message for problem in problems)


@pytest.mark.parametrize(
    ("holder", "good", "bad"),
    [
        ({"type": "object", "additionalProperties": {"$ref": "#/$defs/tree"}}, {"a": {"b": {}}}, {"a": {}, "b": {}}),
        ({"type": "array", "items": {"$ref": "#/$defs/tree"}}, [[[]]], [[], []]),
    ],
)
def test_a_list_or_a_map_that_contains_itself_has_rules(tmp_path, holder, good, bad):
    tree = holder | {"x-kubernetes-validations": [{"rule": "self.size() < 2"}]}
    check = check_of(tmp_path, {"$defs": {"tree": tree}, "properties": {"t": {"$ref": "#/$defs/tree"}}})
    assert found(check, {"t": good}) == []
    assert found(check, {"t": bad}) == [("rule", "/t")]


NAMED_ALIKE = {
    "label": {"type": "object", "additionalProperties": TEXT},
    "LabelEntry": TEXT,
    "max_size": INTEGER,
    "maxSize": INTEGER,
}


@pytest.mark.parametrize("names", [list(NAMED_ALIKE), list(reversed(NAMED_ALIKE))])
def test_properties_whose_names_are_alike_do_not_meet(tmp_path, capfd, names):
    rule = "self.label.all(k, self.label[k] == self.LabelEntry) && self.max_size < self.maxSize"
    properties = {name: NAMED_ALIKE[name] for name in names}
    config = {"label": {"a": "x"}, "LabelEntry": "x", "max_size": 1, "maxSize": 2}
    assert verdict(tmp_path, rule, properties, config) == []
    assert len(verdict(tmp_path, rule, properties, config | {"LabelEntry": "y"})) == 1
    assert capfd.readouterr().err == ""


FREE = {"type": "object", "properties": {"a-b": TEXT, "in": TEXT}, "additionalProperties": True}


@pytest.mark.parametrize(
    "rule",
    [
        "'a-b' in self.o && !('a__dash__b' in self.o)",
        "self.o.all(key, key == 'a-b' || key == 'in')",
        "self.o == {'a-b': 'x', 'in': ''}",
        "self.o.a__dash__b == 'x' && self.o['a-b'] == 'x'",
        "self.o.?a__dash__b.orValue('') == 'x' && self.o[?'a-b'].orValue('') == 'x'",
        "has(self.o.a__dash__b) && has(self.o.__in__) && self.o.__in__ == ''",
        "[self.o].all(one, one.a__dash__b == 'x' && one.size() == 2)",
    ],
)
def test_properties_beside_free_keys_keep_their_names(tmp_path, rule):
    assert verdict(tmp_path, rule, {"o": FREE}, {"o": {"a-b": "x", "in": ""}}) == []


@pytest.mark.parametrize("field", ["needs", "depends-on", "in"])
def test_a_cycle_is_found_whatever_the_field_is_called(tmp_path, field):
    entry = {"type": "object", "properties": {field: {"type": "array", "items": TEXT}}}
    properties = {"svc": {"type": "object", "additionalProperties": entry}}
    rule = f"acyclic(self.svc, '{field}')"
    assert verdict(tmp_path, rule, properties, {"svc": {"a": {field: ["b"]}, "b": {}}}) == []
    (problem,) = verdict(tmp_path, rule, properties, {"svc": {"a": {field: ["b"]}, "b": {field: ["a"]}}})
    assert problem.code == "rule"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("b", "the entry `a` is not a mapping"),
        ({"needs": [["b"]]}, "`needs` of the entry `a` is not a list of texts"),
        ({"needs": "b"}, "`needs` of the entry `a` is not a list of texts"),
        ({"needs": 1}, "`needs` of the entry `a` is not a list of texts"),
    ],
)
def test_a_graph_that_is_none_is_undecided(tmp_path, entry, words):
    (problem,) = verdict(tmp_path, "acyclic(self.svc, 'needs')", {"svc": {"type": "object"}}, {"svc": {"a": entry}})
    assert problem.code == "rule-undecided"
    assert words in problem.message


def test_what_a_rule_said_is_remembered_and_not_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(deciding, "_REMEMBERED", 3)
    check = check_of(tmp_path, {"properties": {"n": INTEGER}, "x-kubernetes-validations": [{"rule": "self.n > 0"}]})
    (expression,) = check.expressions
    sizes = []
    for number in (1, 2, 2, 3, 4, 4):
        assert check.problems({"n": number}) == []
        sizes.append(len(expression.remembered))
    assert sizes == [1, 2, 2, 3, 1, 1]


@pytest.mark.parametrize(
    ("rule", "transition"),
    [
        ("self.n >= oldSelf.n", True),
        ("self.n == 1", False),
        ("self.n == 'oldSelf'", False),
        ("self.oldSelf == 1", False),
        ("self.n >= oldSelf.", False),
    ],
)
def test_a_rule_is_a_transition_where_it_reads_the_value_before(rule, transition):
    assert is_transition(rule) is transition


DATED, LASTING = {"type": "string", "format": "date-time"}, {"type": "string", "format": "duration"}


@pytest.mark.parametrize(
    ("rule", "schema", "value", "words"),
    [
        ("self.a > 0", INTEGER, 10**400, "a whole number is too large"),
        ("self.a > 0.0", NUMBER, -(10**400), "a whole number is too large"),
        ("self.a > duration('1h')", LASTING, "P9999999999D", "too long"),
        ("self.a > duration('1h')", LASTING, "P9999999D", "too long"),
        ("self.a > duration('1h')", LASTING, "9" * 20 + "h", "too long"),
        ("self.a > timestamp('2020-01-01T00:00:00Z')", DATED, "0001-01-01T00:00:00+10:00", "outside the years"),
        ("self.a == 'x'", TEXT, "\ud800", "not valid Unicode"),
        ("self.a.size() > 0", {"type": "object", "additionalProperties": TEXT}, {"\ud800": ""}, "not valid Unicode"),
        ("self.a.all(x, x > 0)", {"type": "array", "items": INTEGER}, 1, "neither a list nor a map"),
        ("self.a.b > 0", {"type": "object", "properties": {"b": INTEGER}}, 1, "that is not a mapping"),
        ("self.a + 9223372036854775807 > 0", INTEGER, 1, "a whole number beyond 64 bits"),
        ("self.a % 0 == 0", INTEGER, 1, "it divides by zero"),
        ("self.a.isSorted()", {"type": "array"}, [1, "a"], "orders values of several types"),
        ("semver(self.a).major() > 1", TEXT, "9" * 20 + ".0.0", "a number that is too large"),
        ("quantity(self.a).div(3).isInteger()", TEXT, "9" * 99, "too large or too precise"),
    ],
)
def test_what_cel_cannot_take_is_undecided_in_plain_words(tmp_path, rule, schema, value, words):
    (problem,) = verdict(tmp_path, rule, {"a": schema}, {"a": value})
    assert problem.code == "rule-undecided"
    assert words in problem.message


def test_a_condition_that_takes_too_many_steps_is_undecided(tmp_path):
    schema = {"type": "object", "properties": {"l": UNIQUE_ITEMS}}
    when = UNIQUE.replace("self", "self.l")
    outputs = [{"template": "a.j2", "path": "a", "when": when}]
    files = {"base.yaml": {"l": [{"n": str(index)} for index in range(120)]}, "templates/a.j2": "a\n"}
    make_project(tmp_path, files | {"schema.json": schema}, outputs=outputs)
    done = run("render", cwd=tmp_path)
    assert done.code == 1
    assert "error[rule-undecided]: the condition cannot be decided: it takes more than 10000 steps" in done.err


def test_what_the_package_gives_up_without_a_reason_that_is_known_is_undecided_in_its_words(tmp_path):
    check = check_of(tmp_path, {"properties": {"n": INTEGER}, "x-kubernetes-validations": [{"rule": "self.n > 0"}]})
    (expression,) = check.expressions
    expression.__dict__["program"] = mock.Mock(eval=mock.Mock(side_effect=RuntimeError("no more stack")))
    (problem,) = check.problems({"n": 1})
    assert (problem.code, problem.hint) == ("rule-undecided", None)
    assert problem.message.endswith(": it cannot be run: no more stack")


@example(pairs=[(1, 2), (2, 1)], order=[0, 1, 0])
@examples(50)
@given(
    pairs=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=6),
    order=st.lists(st.integers(0, 5), min_size=1, max_size=12),
)
def test_configurations_that_share_parts_are_judged_as_if_each_was_alone(tmp_path_factory, pairs, order):
    check = check_of(
        tmp_path_factory.mktemp("shared"),
        {
            "properties": {"one": {"$ref": "#/$defs/limits"}, "list": {"items": {"$ref": "#/$defs/limits"}}},
            "x-kubernetes-validations": [{"rule": "!has(self.one) || self.one.min < 3"}],
            "$defs": {"limits": LIMITS},
        },
    )
    parts = [{"min": low, "max": high} for low, high in pairs]
    chosen = [parts[number % len(parts)] for number in order]
    configs = [{"one": part, "list": [part, other]} for part, other in zip(chosen, reversed(chosen), strict=True)]
    for config in (*configs, *configs):
        alone = check.problems(json.loads(json.dumps(config)))
        assert check.problems(config, shared=True) == alone


def test_a_configuration_that_is_not_shared_may_change(tmp_path):
    check, config = check_of(tmp_path, LIMITS), dict(GOOD)
    assert found(check, config) == []
    config["min"] = 5
    assert found(check, config) == [("rule", "")]
