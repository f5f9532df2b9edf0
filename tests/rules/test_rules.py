"""Rules: CEL expressions of `x-kubernetes-validations`, which mean here what they mean in Kubernetes."""

import pytest

from run import run
from scratch import catalog_of, make_project
from weft.rules.expressions import Expression, RuleCheck, unescape
from weft.rules.functions import acyclic, quantity

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
    """What one rule at the root says of a configuration."""
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
        ("self.i", {"i": 1}, ["rule-undecided"]),
        ("self.text > self.any", {"text": "a", "any": 1}, ["rule-undecided"]),
        ("self.text in ['a', 'b']", {"text": "c"}, ["rule"]),
    ],
)
def test_a_rule_says_yes_or_no_or_why_not(tmp_path, rule, config, codes):
    properties = {"n": NUMBER, "i": INTEGER, "text": TEXT, "list": {"type": "array", "items": NUMBER}}
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
        ("has(self.a.b) && self.a.b.c == 1", [("a", "b")]),
        ("self.list.all(x, x > 1)", [("list",)]),
        ("self.a.b.size() == 1", [("a", "b")]),
        ("size(self) == 1", [()]),
        ("self['a'] == 1", [()]),
        ("self.a['b'] == 1", [("a",)]),
        ("self.a == 'self.b'", [("a",)]),
        ("self . a . b == 1", [("a", "b")]),
        ("self.map.exists(k, self.map[k].on)", [("map",)]),
        ("1 == 1", []),
    ],
)
def test_a_rule_is_given_only_what_it_reads(rule, reads):
    assert sorted(Expression(rule).reads) == sorted(reads)


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
    assert (problem.code, problem.schema) == ("rule-invalid", "schema.json#/x-kubernetes-validations/0")
    assert word in problem.message


def test_a_broken_rule_is_told_with_its_line(tmp_path):
    text = '{\n "x-kubernetes-validations": [\n  {"rule": "true"},\n  {"rule": "self.("}\n ]\n}\n'
    make_project(tmp_path, {"schema.json": text})
    result = run("validate", cwd=tmp_path)
    assert result.code == 1
    assert "schema.json:4:3" in result.out


@pytest.mark.parametrize("rule", ["self.a >= oldSelf.a", "self == oldSelf", "oldSelf.hasValue() || self.a == 1"])
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
    assert quantity(text) == number


@pytest.mark.parametrize("text", ["", "1Ki ", "1K", "Gi", "1 Gi", "1GB", "0x10", "1e", "--1", "1\n"])
def test_what_is_no_quantity(text):
    with pytest.raises(ValueError, match="no quantity"):
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
    ("rule", "words"),
    [
        ("self.i == 'a'", "compares unlike types in `self.i == 'a'`: a number and a text"),
        ("self.i > 1 && self.text == 5", "compares unlike types in `"),
        ("has(self.i) ? self.text == true : false", "`self.text == true`: a text and true or false"),
        ("self.text != self.i", "a text and a number"),
        ("5 < self.text", "a number and a text"),
        ("self.i == null", "a number and null"),
        ("self.text == 'self.i == 5'", None),
        ("self.i == 2.0", None),
        ("self.n > 1", None),
        ("self.text + 'a' == 'b'", None),
        ("self.text.size() == 4", None),
        ("self.i + 1 == 2", None),
        ("self.list[0] == 'a'", None),
        ("self.list.all(x, x > 1)", None),
        ("self.any == 'a' && self.any == 1", None),
    ],
)
def test_a_comparison_of_unlike_types_is_a_mistake_of_the_schema(tmp_path, rule, words):
    properties = {"i": INTEGER, "n": NUMBER, "text": TEXT, "list": {"type": "array"}, "any": {}}
    schema = {"properties": properties, "x-kubernetes-validations": [{"rule": rule}]}
    check = RuleCheck(catalog_of(tmp_path, schema))
    told = [problem.message for problem in check.broken]
    assert (words is None) == (told == [])
    assert words is None or words in told[0]
