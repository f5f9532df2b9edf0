"""Regular expressions of schemas: which are valid, what they match, what they cost, and that both validators agree on them."""

import contextlib

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rounds import examples
from weft.schema import patterns
from weft.schema.documents import DIALECT
from weft.schema.ecma import PatternError, translate
from weft.schema.explaining import assuming, explainer
from weft.schema.formats import OWN, conforms

COSTLY = r"^(?=a)(a|aa|b(?!c))+$"
LONG = "a" * 40 + "!"

# pattern, text, whether it matches by ECMA 262
MATCHES = [
    (r"^\w$", "é", False),
    (r"(?=\w)é", "é", False),
    (r"(?=\d)٣", "٣", False),
    (r"^[\d]$", "٣", False),
    (r"^[^\W]$", "é", False),
    (r"^\W$", "é", True),
    (r"^\s$", "\ufeff", True),
    (r"^\s$", "\x85", False),
    (r"^[\s\S]$", "\n", True),
    (r"^[^]$", "\n", True),
    (r"[]", "a", False),
    (r"^a$", "a\n", False),
    (r"(?=a)a$", "a\n", False),
    (r"^\cJ$", "\n", True),
    (r"^\0$", "\0", True),
    (r"^[\b]$", "\b", True),
    (r"^\x41\u0041\u{41}$", "AAA", True),
    (r"^\ud83d\ude00$", "\U0001f600", True),
    (r"^[\ud83d\ude00-\ud83d\ude05]$", "\U0001f602", True),
    (r"^[^\ud800-\udfff]$", "a", True),
    (r"^[\ud800-\udfff]$", "a", False),
    (r"^[a&&b]$", "&", True),
    (r"^[[:alpha:]]$", "a]", True),
    (r"^[\w-]+$", "a-b", True),
    (r"^[a-\d]$", "-", True),
    (r"^x{2$", "x{2", True),
    (r"^a{,3}$", "a{,3}", True),
    (r"^\-\/\@$", "-/@", True),
    (r"^(?<n>a)\k<n>$", "aa", True),
    (r"^(a)\1\0$", "aa\0", True),
    (r"^(?=x)?a", "a", True),
    (r"^(?!x)*a", "a", True),
    (r"^(?=a)+a", "b", False),
    (r"(?<=a)b", "ab", True),
    (r"(?<!a)b", "ab", False),
    (r"^\p{Lu}[\p{L}_]*$", "Äé_", True),
    (r"^\P{L}$", "é", False),
    (r"^\p{Script=Greek}$", "\u03b1", True),
    (r"(?i)^A$", "a", True),
    (r"^(?i:a)b$", "Ab", True),
    (r"^.{1,65535}$", "a", True),
]


@pytest.mark.parametrize(("pattern", "text", "expected"), MATCHES)
def test_a_pattern_means_what_ecma_262_says_to_both_validators(pattern, text, expected):
    assert patterns.matches(pattern, text) is expected
    assert screens({"pattern": patterns.for_engine(pattern)}, text) is expected


# pattern, words of the reason, the character (from 0) at which it shows
INVALID = [
    ("a(", "not closed", 1),
    ("a)", "closes nothing", 1),
    ("[a", "not closed", 0),
    ("[a\\", "no meaning", 2),
    ("*a", "nothing to repeat", 0),
    ("a|*", "nothing to repeat", 2),
    ("a++", "nothing to repeat", 2),
    ("^*", "nothing to repeat", 1),
    (r"\b+", "nothing to repeat", 0),
    ("a{3,2}", "larger number", 1),
    ("[z-a]", "larger character", 1),
    ("(?>a)", "no such kind", 0),
    ("(?P<n>a)", "(?<name>", 0),
    (r"a\Z", "write `$`", 1),
    (r"\A", "write `^`", 0),
    (r"\8", "no group", 0),
    (r"(a)\2", "no group", 3),
    (r"\k<n>", "no group", 0),
    (r"\x4", "no meaning", 0),
    (r"\u{110000}", "last character", 0),
    ("a\\", "no meaning", 1),
]


@pytest.mark.parametrize(("pattern", "words", "offset"), INVALID)
def test_what_is_no_regular_expression_of_ecma_262_has_a_reason_and_a_place(pattern, words, offset):
    refused = patterns.refusal(pattern)
    assert words in refused.reason
    assert (refused.offset, refused.valid) == (offset, False)


@pytest.mark.parametrize("pattern", [r"\p{NoSuchProperty}", "(?:(?:.{1,1000}){1000}){1000}"])
def test_a_valid_pattern_that_the_engine_cannot_use_is_not_called_invalid(pattern):
    assert patterns.refusal(pattern).valid
    assert not patterns.is_valid(pattern)


@pytest.mark.parametrize("pattern", [COSTLY, r"^(a|a|(?!b)a)*\1$", r"^((?!x)a+)+$"])
def test_the_limit_of_a_backtracking_pattern_is_no_mismatch(pattern):
    assert patterns.backtracks(pattern)
    with pytest.raises(patterns.TooCostly):
        patterns.matches(pattern, LONG)


def test_a_pattern_without_lookaround_has_no_limit():
    assert not patterns.backtracks("^(a+)+$")
    assert not patterns.matches("^(a+)+$", "a" * 10_000 + "!")


def test_half_a_surrogate_pair_in_a_value_is_some_other_character():
    assert patterns.matches("^.$", "\ud800")


def screens(schema, value):
    """The answer of the fast validator."""
    validator = jsonschema_rs.validator_for(
        schema, validate_formats=True, formats=dict(OWN), pattern_options=patterns.OPTIONS
    )
    return validator.is_valid(value)


ATOMS = st.sampled_from(
    ["a", "b", "-", r"\d", r"\w", r"\s", r"\W", ".", "[a-f]", "[^b]", r"[\w-]", r"\.", "é", "[é-ü]"]
)
LOOKS = st.sampled_from(["(?=a)", "(?!b)", "(?<=a)", "(?<!b)", r"(?=\w)", r"(?!\d)"])
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda below: st.one_of(
        st.tuples(below, below).map("".join),
        st.tuples(below, below).map("|".join).map("(?:{})".format),
        st.tuples(below, st.sampled_from(["*", "+", "?", "{1,2}", "*?"])).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
        st.tuples(LOOKS, below).map("".join),
        below.map("({})".format),
        below.map("^{}$".format),
    ),
    max_leaves=8,
)
TEXTS = st.text("ab-.1é \n٣_", max_size=6)
VALUES = st.dictionaries(TEXTS, st.one_of(TEXTS, st.integers(0, 2)), max_size=4)


@examples(300)
@given(EXPRESSIONS, EXPRESSIONS, VALUES, st.sampled_from([False, True, {"type": "integer"}]))
def test_both_validators_agree_about_patterns(first, second, value, others):
    schema = {
        "patternProperties": {first: {"type": "string", "pattern": second}},
        "additionalProperties": others,
        "propertyNames": {"not": {"pattern": f"^{second}b"}},
    }
    respelled = {
        "patternProperties": {patterns.for_engine(first): {"type": "string", "pattern": patterns.for_engine(second)}},
        "additionalProperties": others,
        "propertyNames": {"not": {"pattern": patterns.for_engine(f"^{second}b")}},
    }
    assert explainer(schema, formats=True).is_valid(value) is screens(respelled, value)


@examples(200)
@given(EXPRESSIONS, VALUES)
def test_both_validators_agree_about_what_is_left_over(pattern, value):
    schema = {"anyOf": [{"patternProperties": {pattern: {"type": "string"}}}, True], "unevaluatedProperties": False}
    branch = {"patternProperties": {patterns.for_engine(pattern): {"type": "string"}}}
    assert explainer(schema, formats=True).is_valid(value) is screens(schema | {"anyOf": [branch, True]}, value)


@given(EXPRESSIONS, TEXTS)
def test_a_translation_can_be_translated_again(pattern, text):
    again = translate(translate(pattern).text).text
    assert screens({"pattern": again}, text) is patterns.matches(pattern, text)


@given(st.text("(?<=!)[]^$|*+{1,2}\\dbpx-P:k>a", max_size=12))
def test_any_text_is_a_pattern_or_refused(pattern):
    with contextlib.suppress(PatternError):
        translate(pattern)
    refused = patterns.refusal(pattern)
    assert refused is None or 0 <= refused.offset <= len(pattern)


NAMES = ["date", "date-time", "email", "hostname", "ipv4", "ipv6", "regex", "uri", "uuid", "duration", "json-pointer"]
SAMPLES = [
    "2024-01-31",
    "2024-01-31T00:00:00Z",
    "a@b.c",
    "a.b",
    "1.2.3.4",
    "::1",
    "a(",
    "[^]",
    "http://x",
    "P1D",
    "/a",
    "1",
]


@pytest.mark.parametrize("name", [*NAMES, "of-mine"])
@pytest.mark.parametrize("dialect", [DIALECT, "http://json-schema.org/draft-04/schema#"])
def test_both_validators_agree_about_formats(name, dialect):
    schema = {"$schema": dialect, "format": name}
    for text in SAMPLES:
        assert conforms(dialect, name, text) is screens(schema, text)
        assert explainer(schema, dialect, formats=True).is_valid(text) is screens(schema, text)
        assert explainer(schema, dialect, formats=False).is_valid(text)


def test_a_costly_pattern_is_taken_both_ways_and_noted():
    schema = {"pattern": COSTLY}
    for answer in (True, False):
        with assuming(answer) as undecided:
            assert explainer(schema, formats=True).is_valid(LONG) is answer
        assert undecided.found == [(schema, COSTLY, LONG)]
    with pytest.raises(patterns.TooCostly):
        explainer(schema, formats=True).is_valid(LONG)


def test_a_part_with_a_draft_of_its_own_keeps_to_the_one_engine():
    inside = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "patternProperties": {r"^\p{L}$": {"type": "string"}},
    }
    assert not explainer({"properties": {"a": inside}}, formats=True).is_valid({"a": {"é": 1}})
