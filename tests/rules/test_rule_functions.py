"""Every function that expressions may call: an example of each, with its types checked and run."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from scratch import catalog_of
from weft.rules import RuleCheck
from weft.rules.functions import ELSEWHERE, FUNCTIONS
from weft.rules.mistakes import FUNCTION_NAMES
from weft.rules.quantities import calculated, divided, divided_whole, quantity, semver

EXAMPLES = {
    "acyclic": [
        "acyclic({'a': {'needs': ['b']}, 'b': {'needs': ['c']}}, 'needs')",
        "!acyclic({'a': {'on': ['a']}}, 'on')",
    ],
    "isSorted": [
        "[1, 2, 2].isSorted()",
        "!['b', 'a'].isSorted()",
        "[false, true].isSorted()",
        "[b'a', b'b'].isSorted()",
    ],
    "min": [
        "[3, 1, 2].min() == 1",
        "['b', 'a'].min() == 'a'",
        "[1.5, 0.5].min() == 0.5",
        "[duration('1h'), duration('1m')].min() == duration('60s')",
    ],
    "max": [
        "[3, 1, 2].max() == 3",
        "[timestamp('2026-01-01T00:00:00Z')].max() == timestamp('2026-01-01T00:00:00Z')",
        "[b'a', b'b'].max() == b'b'",
    ],
    "sum": [
        "[1, 2, 3].sum() == 6",
        "[0.5, 1.0].sum() == 1.5",
        "[duration('1h'), duration('1m')].sum() == duration('61m')",
        "[1u, 2u].sum() == 3u",
        "[1].filter(x, x > 1).sum() == 0",
    ],
    "indexOf": [
        "[1, 2, 2].indexOf(2) == 1",
        "['a'].indexOf('b') == -1",
        "'abc'.indexOf('c') == 2",
        "[1, dyn(true)].indexOf(dyn(true)) == 1",
    ],
    "lastIndexOf": [
        "[1, 2, 2].lastIndexOf(2) == 2",
        "[1].lastIndexOf(3) == -1",
        "'abcc'.lastIndexOf('c') == 3",
        "[3, 1].lastIndexOf(3) == 0",
        "[dyn(true), 1].lastIndexOf(dyn(true)) == 0",
    ],
    "find": [
        "'abc 123'.find('[0-9]+') == '123'",
        "'abc'.find('x') == ''",
        "'abab'.find('a(b)') == 'ab'",
        # as RE2 has it: digits and words are those of ASCII, `$` is the end, and no expression takes forever
        "'\u0663 1'.find(r'\\d') == '1' && '\u00e9a'.find(r'\\w') == 'a'",
        "'a\\n'.find('a$') == ''",
        "'\ue000b'.find(r'\\pL') == 'b'",
        f"'{'a' * 60}!'.find('^(a+)+$') == ''",
    ],
    "findAll": [
        "'1 a 23'.findAll('[0-9]+') == ['1', '23']",
        "'1 a 23'.findAll('[0-9]+', 1) == ['1']",
        "'1 a 23 4'.findAll('[0-9]+', 2) == ['1', '23']",
        "'1 a 23'.findAll('[0-9]+', 0) == []",
        "'1 a 23'.findAll('[0-9]+', -1).size() == 2",
        "'abc'.findAll('x*').size() == 4",
    ],
    "url": ["string(url('https://a.example/x').getHost()) == 'a.example'"],
    "isURL": [
        "isURL('https://user:pw@a.example:80/p?q=v#f')",
        "isURL('/absolute')",
        "!isURL('../relative')",
        "!isURL('https://a:b:c/')",
        "!isURL('https://a/%zz')",
        "isURL('https://a/%20?100%')",
    ],
    "getScheme": ["url('https://a.example/').getScheme() == 'https'", "url('/p').getScheme() == ''"],
    "getHost": [
        "url('https://a.example:80/').getHost() == 'a.example:80'",
        "url('https://[::1]:80/').getHost() == '[::1]:80'",
        "url('/p').getHost() == ''",
    ],
    "getHostname": [
        "url('https://a.example:80/').getHostname() == 'a.example'",
        "url('https://[::1]:80/').getHostname() == '::1'",
    ],
    "getPort": ["url('https://a.example:80/').getPort() == '80'", "url('https://a.example/').getPort() == ''"],
    "getEscapedPath": [
        "url('https://a.example/p q/').getEscapedPath() == '/p%20q/'",
        "url('https://a.example').getEscapedPath() == ''",
    ],
    "getQuery": [
        "url('https://a.example/?k=a&k=b').getQuery() == {'k': ['a', 'b']}",
        "url('https://a.example/?').getQuery() == {}",
    ],
    "ip": [
        "ip('10.0.0.1') == ip('10.0.0.1')",
        "ip('2001:DB8::1') == ip('2001:db8:0::1')",
        "cidr('10.0.0.1/8').ip() == ip('10.0.0.1')",
    ],
    "isIP": [
        "isIP('127.0.0.1')",
        "isIP('::1')",
        "!isIP('127.0.0.256')",
        "!isIP('127.0.0.01')",
        "!isIP('fe80::1%eth0')",
        "!isIP('::ffff:1.2.3.4')",
    ],
    "ip.isCanonical": ["ip.isCanonical('2001:db8::abcd')", "!ip.isCanonical('2001:DB8::ABCD')"],
    "family": ["ip('127.0.0.1').family() == 4", "ip('::1').family() == 6"],
    "isUnspecified": ["ip('0.0.0.0').isUnspecified()", "!ip('::1').isUnspecified()"],
    "isLoopback": ["ip('127.0.0.1').isLoopback()", "!ip('10.0.0.1').isLoopback()"],
    "isLinkLocalMulticast": [
        "ip('224.0.0.1').isLinkLocalMulticast()",
        "!ip('224.0.1.1').isLinkLocalMulticast()",
        "ip('ff02::1').isLinkLocalMulticast()",
        "ip('ff12::1').isLinkLocalMulticast()",
        "!ip('ff05::1').isLinkLocalMulticast()",
    ],
    "isLinkLocalUnicast": [
        "ip('169.254.169.254').isLinkLocalUnicast()",
        "!ip('192.168.0.1').isLinkLocalUnicast()",
        "ip('fe80::1').isLinkLocalUnicast()",
    ],
    "isGlobalUnicast": [
        "ip('192.168.0.1').isGlobalUnicast()",
        "!ip('255.255.255.255').isGlobalUnicast()",
        "!ip('ff00::1').isGlobalUnicast()",
    ],
    "string": [
        "string(ip('2001:DB8::1')) == '2001:db8::1'",
        "string(cidr('10.0.0.0/8')) == '10.0.0.0/8'",
        "string(5) == '5'",
        "string(true) == 'true'",
    ],
    "cidr": ["cidr('10.0.0.0/8') == cidr('10.0.0.0/8')", "cidr('10.0.0.1/8') != cidr('10.0.0.0/8')"],
    "isCIDR": [
        "isCIDR('192.168.0.0/16')",
        "isCIDR('::1/128')",
        "!isCIDR('192.168.0.0/33')",
        "!isCIDR('10.0.0.0')",
        "!isCIDR('10.0.0.0/08')",
    ],
    "containsIP": [
        "cidr('10.0.0.0/8').containsIP('10.1.2.3')",
        "cidr('10.0.0.0/8').containsIP(ip('10.1.2.3'))",
        "!cidr('10.0.0.0/8').containsIP('11.0.0.1')",
        "!cidr('10.0.0.0/8').containsIP('::1')",
    ],
    "containsCIDR": [
        "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')",
        "!cidr('10.1.0.0/16').containsCIDR(cidr('10.0.0.0/8'))",
        "!cidr('10.0.0.0/8').containsCIDR('::/0')",
    ],
    "masked": ["cidr('10.0.0.1/8').masked() == cidr('10.0.0.0/8')"],
    "prefixLength": ["cidr('10.0.0.0/8').prefixLength() == 8"],
    "quantity": [
        "quantity('1000m') == quantity('1')",
        "quantity('1Gi') == quantity('1024Mi')",
        "quantity('1Gi') != quantity('1G')",
    ],
    "isQuantity": [
        "isQuantity('1.3Gi')",
        "isQuantity('10000k')",
        "!isQuantity('1,3G')",
        "!isQuantity('200K')",
        "!isQuantity('Mi')",
        "!isQuantity('\u0663')",
    ],
    "isInteger": [
        "quantity('50k').isInteger()",
        "!quantity('9999999999999999999999999999999999999G').isInteger()",
        "!quantity('1500m').isInteger()",
    ],
    "asInteger": ["quantity('50k').asInteger() == 50000"],
    "asApproximateFloat": [
        "quantity('50k').sub(20000).asApproximateFloat() == 30000.0",
        "quantity('1500m').asApproximateFloat() == 1.5",
    ],
    "sign": ["sign(quantity('-1')) == -1", "sign(quantity('0')) == 0", "sign(quantity('1Ki')) == 1"],
    "add": ["quantity('50k').add(quantity('20k')) == quantity('70k')", "quantity('50k').add(20) == quantity('50020')"],
    "sub": [
        "quantity('50k').sub(quantity('20k')) == quantity('30k')",
        "quantity('50k').add(20).sub(quantity('100k')).sub(-50000) == quantity('20')",
    ],
    "mul": ["quantity('50k').mul(2) == quantity('100k')"],
    "div": ["quantity('7').div(2) == quantity('3500m')", "quantity('1').div(3, 2) == quantity('0.34')"],
    "divInt": ["quantity('7').divInt(2) == quantity('3')"],
    "isGreaterThan": [
        "quantity('150Mi').isGreaterThan(quantity('100Mi'))",
        "semver('1.10.0').isGreaterThan(semver('1.9.0'))",
        "!quantity('10').isGreaterThan(quantity('9.5').add(1))",
    ],
    "isLessThan": [
        "quantity('50M').isLessThan(quantity('100M'))",
        "semver('1.0.0-rc.1').isLessThan(semver('1.0.0'))",
        "semver('1.0.0-rc.2').isLessThan(semver('1.0.0-rc.10'))",
    ],
    "compareTo": [
        "quantity('200M').compareTo(quantity('0.2G')) == 0",
        "quantity('50M').compareTo(quantity('50Mi')) == -1",
        "semver('1.2.3').compareTo(semver('0.1.2')) == 1",
        "semver('1.2.3+a').compareTo(semver('1.2.3+b')) == 0",
    ],
    "semver": [
        "semver('1.2.3') == semver('1.2.3')",
        "semver('v1.2', true) == semver('1.2.0')",
        "semver('01.01.01', true) == semver('1.1.1')",
    ],
    "isSemver": [
        "isSemver('0.1.0-alpha.1')",
        "!isSemver('v1.0')",
        "!isSemver('1.2.\u0663')",
        "isSemver('v1.0', true)",
        "!isSemver('1.0-rc', true)",
        "!isSemver('1.0.01')",
    ],
    "major": ["semver('1.2.3').major() == 1"],
    "minor": ["semver('1.2.3').minor() == 2"],
    "patch": ["semver('1.2.3-a+b').patch() == 3"],
    "validate": [
        "!format.dns1123Label().validate('a-b').hasValue()",
        "format.dns1123Label().validate('A').hasValue()",
        "size(format.dns1123Label().validate('A').value()) == 1",
    ],
    "format.named": [
        "format.named('uuid').hasValue()",
        "!format.named('nothing').hasValue()",
        "!format.named('date').value().validate('2026-01-31').hasValue()",
    ],
    "format.dns1123Label": ["format.dns1123Label().validate('a.b').hasValue()"],
    "format.dns1123Subdomain": [
        "!format.dns1123Subdomain().validate('a.b').hasValue()",
        "format.dns1123Subdomain().validate('a..b').hasValue()",
    ],
    "format.dns1035Label": [
        "format.dns1035Label().validate('1a').hasValue()",
        "!format.dns1035Label().validate('a1').hasValue()",
    ],
    "format.dns1123LabelPrefix": [
        "!format.dns1123LabelPrefix().validate('my-').hasValue()",
        "format.dns1123LabelPrefix().validate('-my').hasValue()",
    ],
    "format.dns1123SubdomainPrefix": ["!format.dns1123SubdomainPrefix().validate('a.my-').hasValue()"],
    "format.dns1035LabelPrefix": [
        "!format.dns1035LabelPrefix().validate('my-').hasValue()",
        "format.dns1035LabelPrefix().validate('1-').hasValue()",
    ],
    "format.qualifiedName": [
        "!format.qualifiedName().validate('a.example/b_C').hasValue()",
        "format.qualifiedName().validate('/b').hasValue()",
    ],
    "format.labelValue": [
        "!format.labelValue().validate('').hasValue()",
        "format.labelValue().validate('-').hasValue()",
    ],
    "format.uri": ["!format.uri().validate('https://a.example').hasValue()", "format.uri().validate('a').hasValue()"],
    "format.uuid": ["!format.uuid().validate('123e4567-e89b-12d3-a456-426614174000').hasValue()"],
    "format.byte": ["!format.byte().validate('aGVsbG8=').hasValue()", "format.byte().validate('%').hasValue()"],
    "format.date": [
        "!format.date().validate('2026-01-31').hasValue()",
        "format.date().validate('2026-02-31').hasValue()",
    ],
    "format.datetime": [
        "!format.datetime().validate('2026-01-31T00:00:00Z').hasValue()",
        "format.datetime().validate('x').hasValue()",
    ],
}
"""Expressions that are true, by the function that they are about."""

OF_THE_PACKAGE = {
    "macros": [
        "[1, 2].all(x, x > 0) && [1, 2].exists(x, x > 1) && [1, 2].exists_one(x, x > 1)",
        "[1, 2].map(x, x + 1) == [2, 3] && [1, 2].map(x, x > 1, x + 1) == [3] && [1, 2].filter(x, x > 1) == [2]",
        "{'a': 1}.all(k, k == 'a')",
    ],
    "two variables": [
        "[3, 4].all(i, x, x == i + 3) && {'a': 1}.exists(k, v, k == 'a' && v == 1) && [1].existsOne(i, x, x == 1)",
        "[1, 2].transformList(i, x, x * i) == [0, 2] && {'a': 1}.transformMap(k, v, v + 1) == {'a': 2}",
        "{'a': 'b'}.transformMapEntry(k, v, {v: k}) == {'b': 'a'}",
    ],
    "optional": [
        "optional.of(1).hasValue() && !optional.none().hasValue() && optional.of(1).orValue(2) == 1",
        "{'a': 1}.?b.orValue(2) == 2 && {'a': 1}[?'a'].value() == 1 && [1][?3].orValue(0) == 0",
        "optional.of(1).optMap(x, x + 1).value() == 2 && optional.ofNonZeroValue(0).or(optional.of(3)).value() == 3",
    ],
    "strings": [
        "'a,b'.split(',') == ['a', 'b'] && ['a', 'b'].join('-') == 'a-b' && 'abc'.substring(1) == 'bc' && 'a'.charAt(0) == 'a'",
        "'A'.lowerAscii() == 'a' && 'a'.upperAscii() == 'A' && ' a '.trim() == 'a' && 'aa'.replace('a', 'b') == 'bb'",
        "'%s is %d'.format(['a', 1]) == 'a is 1' && 'ab'.reverse() == 'ba' && size(strings.quote('a')) == 3",
        "'abc'.contains('b') && 'abc'.startsWith('a') && 'abc'.endsWith('c') && 'abc'.matches('^a') && size('é€') == 2",
    ],
    "sets": ["sets.contains([1, 2], [1]) && sets.intersects([1], [1]) && sets.equivalent([1, 2], [2, 1])"],
    "lists": [
        "[2, 1].sort() == [1, 2] && [1, 1].distinct() == [1] && [[1], [2]].flatten() == [1, 2] && [1, 2, 3].slice(0, 2) == [1, 2]",
        "lists.range(2) == [0, 1] && ['bb', 'a'].sortBy(x, size(x)) == ['a', 'bb'] && [1, 2].reverse() == [2, 1]",
    ],
    "math": ["math.greatest(1, 2) == 2 && math.least([1, 2]) == 1 && math.abs(-1) == 1 && math.round(1.5) == 2.0"],
    "encoders": ["base64.encode(b'a') == 'YQ==' && base64.decode('YQ==') == b'a'"],
    "bindings": ["cel.bind(x, [2, 1], x[0] > x[1])"],
    "time": [
        "duration('1h30m') == duration('90m') && duration('90s').getSeconds() == 90",
        "timestamp('2026-01-31T12:00:00Z').getFullYear() == 2026 && timestamp('2026-01-31T12:00:00Z').getHours('+01:00') == 13",
        "timestamp('2026-01-31T12:00:00Z') + duration('1h') > timestamp('2026-01-31T12:30:00Z')",
    ],
    "conversions": [
        "int('5') == 5 && double(1) == 1.0 && uint(1) == 1u && string(1.5) == '1.5' && bytes('a') == b'a' && type(1) == int && dyn(1) == 1.0"
    ],
}


def judged(folder, rule, config, properties=None):
    """The codes that one rule reports for a configuration, or for its own mistakes."""
    schema = {"type": "object", "properties": properties or {}, "x-kubernetes-validations": [{"rule": rule}]}
    check = RuleCheck(catalog_of(folder, schema))
    assert check.broken == [], check.broken[0].message
    return check.problems(config)


@pytest.mark.parametrize("rule", [rule for rules in (EXAMPLES | OF_THE_PACKAGE).values() for rule in rules])
def test_what_a_function_says(tmp_path, rule):
    assert judged(tmp_path, rule, {}) == []


def test_every_declared_function_has_an_example():
    assert {function.name for function in FUNCTIONS} == set(EXAMPLES)
    for name, rules in EXAMPLES.items():
        assert all(name in rule for rule in rules)


def test_every_overload_is_declared_with_its_types():
    declared = [f"{one.signature}{' (not in Kubernetes)' if one.ours else ''}" for one in FUNCTIONS]
    assert declared == Path(__file__).with_name("functions.txt").read_text("utf-8").splitlines()


def test_every_function_is_known_by_its_name():
    assert {function.name.rpartition(".")[2] for function in FUNCTIONS} <= FUNCTION_NAMES
    assert not FUNCTION_NAMES & ELSEWHERE.keys()


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("quantity(self.text).isInteger()", "`much` is not a quantity"),
        ("ip(self.text).family() == 4", "`much` is not an IP address"),
        ("cidr(self.text).prefixLength() == 4", "`much` is not a network"),
        ("url(self.text).getPort() == ''", "`much` is not a URL"),
        ("semver(self.text).major() == 1", "`much` is not a semantic version"),
        ("self.none.min() == 1", "the list is empty"),
        ("self.text.find(self.text + '(') == ''", "is not a regular expression"),
        ("quantity('1500m').asInteger() == 1", "not a whole number"),
        ("quantity('1').divInt(size(self.none)) == quantity('1')", "divides by zero"),
        ("self.none[3] == 1", "item 3 of a list of 0"),
        ("1 / size(self.none) == 1", "divides by zero"),
        ("self.any > 'a'", "`>` does not work on a whole number and a text"),
        ("{'a': 1}[self.text] == 1", "a map has no key `much`"),
        ("!has(self.gone) && {'a': 1}[self.text] == 1", "a map has no key `much`"),
    ],
)
def test_what_a_function_cannot_say_is_a_problem(tmp_path, rule, words):
    properties = {
        "text": {"type": "string"},
        "none": {"type": "array", "items": {"type": "integer"}},
        "any": {},
        "gone": {},
    }
    (problem,) = judged(tmp_path, rule, {"text": "much", "none": [], "any": 5}, properties)
    assert problem.code == "rule-undecided"
    assert words in problem.message
    assert "has()" not in (problem.hint or "")


UNDECIDED = yaml.safe_load(Path(__file__).with_name("undecided.yaml").read_text("utf-8"))
TEXT, INTEGER = {"type": "string"}, {"type": "integer"}
PROPERTIES = {
    "text": TEXT,
    "none": {"type": "array", "items": INTEGER},
    "any": {},
    "map": {"type": "object", "additionalProperties": INTEGER},
    "gone": {},
    "deep": {"properties": {"gone": TEXT, "in": TEXT, "more": {"properties": {"gone": TEXT}}}},
    "items": {"type": "array", "items": {"properties": {"a": TEXT, "b": TEXT}}},
    "big": INTEGER,
}
VALUES = {
    "text": "much", "none": [], "any": 5, "map": {"a": 1}, "deep": {"more": {}}, "items": [{"a": "x"}], "big": 2**63 - 1
}  # fmt: skip


def test_every_reason_why_a_rule_is_undecided_is_said_with_what_to_do(tmp_path):
    """The exact text that users read; all in one schema."""
    rules = [{"rule": rule} for rule in UNDECIDED]
    schema = {"properties": PROPERTIES, "x-kubernetes-validations": rules}
    check = RuleCheck(catalog_of(tmp_path, schema))
    reported = {}
    for problem in check.problems(VALUES):
        rule = list(UNDECIDED)[int(problem.schema.split("/")[-2])]
        assert problem.message.startswith(f"it cannot be decided whether a rule holds (failed rule: {rule}): ")
        reason = problem.message.removeprefix(f"it cannot be decided whether a rule holds (failed rule: {rule}): ")
        reported[rule] = f"{reason}; {problem.hint}" if problem.hint else reason
    assert check.broken == []
    assert reported == UNDECIDED


INT64, UINT64 = st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**64 - 1)
DOUBLE = st.floats(allow_nan=False, allow_infinity=False)


def literal(number, kind):
    if kind == "double":
        return f"double('{number!r}')"
    return f"uint('{number}')" if kind == "uint" else f"int('{number}')"


NUMBERS = st.one_of(
    st.tuples(INT64, st.just("int")), st.tuples(UINT64, st.just("uint")), st.tuples(DOUBLE, st.just("double"))
)


@pytest.mark.parametrize("operator", ["<", "<=", ">", ">="])
@given(one=NUMBERS, other=NUMBERS)
@example(one=(2**53 + 1, "int"), other=(float(2**53), "double"))
@example(one=(-1, "int"), other=(2**64 - 1, "uint"))
@example(one=(2**63 - 1, "int"), other=(2.0**63, "double"))
def test_numbers_of_all_types_have_one_order(tmp_path_factory, operator, one, other):
    rule = f"({literal(*one)} {operator} {literal(*other)}) == {'true' if ordered(one[0], operator, other[0]) else 'false'}"
    assert judged(tmp_path_factory.mktemp("a"), rule, {}) == []


def ordered(one, operator, other):
    """What an API server says: whole numbers are compared exactly, and as doubles with doubles."""
    if isinstance(one, float) or isinstance(other, float):
        one, other = float(one), float(other)
    return {"<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other}[operator]


@given(one=NUMBERS, other=NUMBERS)
@example(one=(1, "int"), other=(1.0, "double"))
@example(one=(1, "uint"), other=(1, "int"))
def test_numbers_of_unknown_types_are_equal_by_value(tmp_path_factory, one, other):
    same = ordered(one[0], "<=", other[0]) and ordered(one[0], ">=", other[0])
    expected = "true" if same else "false"
    rule = f"(dyn({literal(*one)}) == dyn({literal(*other)})) == {expected}"
    assert judged(tmp_path_factory.mktemp("a"), rule, {}) == []


@pytest.mark.parametrize(
    ("schema", "value", "rule"),
    [
        ({"type": "integer"}, 8.0, "self.v / 3 == 2 && type(self.v) == int"),
        ({"type": "integer"}, 8.0, "string(self.v) == '8'"),
        ({"type": "number"}, 8, "self.v / 3.0 > 2.6 && type(self.v) == double"),
        ({"enum": [1, 2]}, 2, "self.v / 2 == 1"),
        ({"type": "number", "enum": [1, 2]}, 2, "self.v / 4.0 == 0.5"),
        ({"type": ["integer", "string"]}, 8.0, "type(self.v) == int"),
        ({}, 8.5, "self.v == 8.5"),
        ({"type": "integer"}, 2**64, "self.v > 9223372036854775807"),
        ({"type": "string", "format": "date"}, "2026-01-31", "self.v.getMonth() == 0"),
        ({"type": "string", "format": "date-time"}, "2026-01-31T12:00:00+02:00", "self.v.getHours() == 10"),
        ({"type": "string", "format": "duration"}, "PT1H30M", "self.v == duration('90m')"),
        ({"type": "string", "format": "duration"}, "P1W", "self.v == duration('168h')"),
        ({"type": "string", "format": "duration"}, "1h30m", "self.v == duration('90m')"),
        ({"type": "string", "format": "byte"}, "YWI=", "self.v == b'ab' && size(self.v) == 2"),
        ({"type": "array", "items": {"type": "number"}}, [1, 2], "self.v.all(x, x / 4.0 < 0.6)"),
        ({"type": ["integer", "null"]}, None, "self.v == null"),
        ({"type": ["integer", "null"]}, 8, "self.v != null && self.v > 7"),
        ({"anyOf": [{"type": "integer"}, {"type": "integer", "minimum": 5}]}, 8, "self.v + 1 == 9"),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, "a", "self.v == 'a' || self.v == 5"),
        ({"allOf": [{"type": "integer"}, {"type": "number"}]}, 8, "self.v / 3 == 2"),
        (
            {"prefixItems": [{"type": "integer"}, {"type": "string"}], "type": "array"},
            [1, "a"],
            "self.v[1] == 'a' && self.v[0] == 1",
        ),
        (
            {"type": "object", "patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": False},
            {"xy": 1},
            "self.v.all(k, self.v[k] < 2.5)",
        ),
        (
            {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": True},
            {"a": 1, "b": 2},
            "self.v.b == 2 && size(self.v) == 2",
        ),
        (
            {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
            {"k": ["a"]},
            "self.v['k'][0] == 'a'",
        ),
        (
            {
                "properties": {
                    "foo_bar": {"additionalProperties": {"type": "integer"}},
                    "fooBar": {"additionalProperties": {"type": "integer"}},
                }
            },
            {"foo_bar": {"a": 1}, "fooBar": {"a": 1}},
            "self.v.foo_bar['a'] + self.v.fooBar['a'] == 2",
        ),
    ],
)
def test_a_value_is_of_the_type_that_the_schema_says(tmp_path, schema, value, rule):
    assert judged(tmp_path, rule, {"v": value}, {"v": schema}) == []


@pytest.mark.parametrize("form", ["date", "date-time", "duration", "byte"])
def test_a_text_that_is_not_of_its_format_cannot_be_decided(tmp_path, form):
    wanted = {"byte": "b''", "duration": "duration('1h')"}.get(form, "timestamp('2026-01-01T00:00:00Z')")
    (problem,) = judged(tmp_path, f"self.v == {wanted}", {"v": "%"}, {"v": {"type": "string", "format": form}})
    assert problem.code == "rule-undecided"
    assert "`%` is" in problem.message


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=9_000)))
def test_durations_are_read_as_iso_8601_and_as_go_writes_them(tmp_path_factory, length):
    seconds = int(length.total_seconds())
    rule = f"self.iso == duration('{seconds}s') && self.go == self.iso"
    properties = {key: {"type": "string", "format": "duration"} for key in ("iso", "go")}
    hours, rest = divmod(seconds, 3600)
    config = {"iso": f"PT{hours}H{rest}S", "go": f"{hours}h{rest}s"}
    assert judged(tmp_path_factory.mktemp("a"), rule, config, properties) == []


@given(st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - they get one
def test_points_in_time_are_read_to_the_microsecond(tmp_path_factory, moment):
    rule = f"self.v == timestamp('{moment.isoformat().replace('+00:00', 'Z')}')"
    config = {"v": moment.isoformat()}
    assert judged(tmp_path_factory.mktemp("a"), rule, config, {"v": {"type": "string", "format": "date-time"}}) == []


@given(st.integers(-(10**15), 10**15), st.sampled_from(["", "k", "M", "m", "Ki", "Mi", "e3", "E-2"]))
def test_equal_quantities_have_one_text(number, suffix):
    text = quantity(f"{number}{suffix}")
    assert quantity(text) == text


@given(
    st.tuples(*[st.integers(0, 10**9)] * 3), st.lists(st.from_regex(r"[a-z][a-z0-9-]{0,5}", fullmatch=True), max_size=3)
)
def test_a_version_keeps_its_text(numbers, before):
    text = ".".join(map(str, numbers)) + ("-" + ".".join(before) if before else "")
    assert semver(f"{text}+build.1") == text


def test_what_an_expression_reads_as_json_is_what_json_says(tmp_path):
    value = {"a": [1, 2.5, "é€😀", None, True, {"b": []}]}
    rule = f"self.v == {json.dumps(value, ensure_ascii=False)}"
    assert judged(tmp_path, rule, {"v": value}, {"v": {}}) == []


def test_quantities_are_calculated_with_a_hundred_digits():
    """More than that nobody means, and a text of a megabyte must not be multiplied exactly."""
    large, rest = "1" + "0" * 99, "0." + "0" * 98 + "1"
    assert (quantity(large + ".5"), quantity(large)) == (large, large)
    add = calculated(Decimal.__add__)
    assert add(large, "1") == large[:-1] + "1"
    assert add(large, "0.1") == large
    assert add("1", rest) == "1." + rest[2:]
    assert add("10", rest) == "10"
    assert divided("1" + "0" * 95, 1) == "1" + "0" * 95
    with pytest.raises(ArithmeticError):
        divided("1" + "0" * 96, 1)
    assert divided_whole(large, 1) == large
    with pytest.raises(ArithmeticError):
        divided_whole(large + "0", 1)


def test_a_quotient_has_four_digits_or_as_many_as_are_asked_for():
    assert [divided("1", 3, *digits) for digits in ((), (0,), (2,), (10,))] == ["0.3334", "1", "0.34", "0.3333333334"]
    for digits in (-1, 11):
        with pytest.raises(ValueError, match="0 to 10 digits"):
            divided("1", 3, digits)
    for divide in (divided, divided_whole):
        with pytest.raises(ValueError, match="divides by zero"):
            divide("1", 0)
