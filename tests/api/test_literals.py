"""Mappings in expressions: a key for the new value follows the last entry, and the expression decides what it did."""

import pytest

from weft.api.parts.literals import insertions, names
from weft.rules.compiling import runnable


def extended(source, like="live", name="qa"):
    for offset, text in insertions(source, like, name, lambda word: word.replace(like, name)):
        source = source[:offset] + text + source[offset:]
    return source


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{'dev': 1, 'live': 2}[self]", "{'dev': 1, 'live': 2, 'qa': 2}[self]"),
        ("{'live': 2, 'dev': 1}[self]", "{'live': 2, 'dev': 1, 'qa': 2}[self]"),
        ('{"live": "a-live"}[self]', '{"live": "a-live", "qa": "a-qa"}[self]'),
        ("{'live': 2, }[self]", "{'live': 2, 'qa': 2, }[self]"),
        ("{\n 'live': 2 // two, or {'live': 3}\n}[self]", "{\n 'live': 2, 'qa': 2 // two, or {'live': 3}\n}[self]"),
        ("{ // ours\n 'live': 2}[self]", "{ // ours\n 'live': 2, 'qa': 2}[self]"),
        ("{'live': // why\n 2\n +\n 3}[self]", "{'live': // why\n 2\n +\n 3, 'qa': 2 + 3}[self]"),
        ("{'live': self == '}' ? 1 : 2}[self]", "{'live': self == '}' ? 1 : 2, 'qa': self == '}' ? 1 : 2}[self]"),
        ("{'live': [1, 2], 'dev': [3]}[self]", "{'live': [1, 2], 'dev': [3], 'qa': [1, 2]}[self]"),
        ("{'live': {'live': 1}['live']}[self]", "{'live': {'live': 1, 'qa': 1}['live'], 'qa': {'qa': 1}['qa']}[self]"),
        ("[self in {'live': 1} ? 'a' : 'b', self]", "[self in {'live': 1, 'qa': 1} ? 'a' : 'b', self]"),
        ("{'dev': 1, 'qa': 3, 'live': 2}[self]", None),
        ("{'dev': 1}[self]", None),
        ("self in ['live', 'dev']", None),
        ("self == \"{'live': 1}\"", None),
        ("{'li' + 've': 1}['live']", None),
        ("{}", None),
        ("{'live': 1", None),
        ("}{'live': 1}", "}{'live': 1, 'qa': 1}"),
    ],
)
def test_a_mapping_gets_a_key_with_the_value_of_the_other(before, after):
    assert extended(before) == (after or before)


@pytest.mark.parametrize("source", ["{'dev': 1, 'live': 2}[self]", "{'live': self == '}' ? 1 : 2,}[self]"])
def test_an_extended_expression_decides_for_the_new_value_as_for_the_other(source):
    for value in ("live", "qa"):
        assert runnable(extended(source)).eval(data={"self": value}).value() == 2


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("self == 'live'", True),
        ("self in ['dev', \"live\"]", True),
        ("{'live': 1}[self]", False),
        ("{'live': 'live'}[self]", False),
        ("self == 'alive'", False),
        ("self.live", False),
        ("{'live': 1}[self] > 0 || self == 'live'", True),
    ],
)
def test_a_name_elsewhere_is_seen(source, named):
    assert names(source, "live") is named
