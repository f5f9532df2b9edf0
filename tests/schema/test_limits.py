"""The strictest limits: what several schemas say together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from weft.schema.limits import LIMITS, strictest

NUMBERS = st.integers(-3, 3) | st.sampled_from([-1.5, 0.5, 2.5])
COUNTS = st.integers(0, 3)
SCHEMAS = st.lists(
    st.fixed_dictionaries({}, optional={
        keyword: st.sampled_from([1, 2, 3, 0.5, 1.5, 0.25]) if keyword == "multipleOf"
        else NUMBERS if keyword.endswith("imum") else COUNTS
        for keyword in LIMITS
    }),
    min_size=1, max_size=3,
)  # fmt: skip
VALUES = (
    NUMBERS | st.integers(-12, 12) | st.text(max_size=4) | st.lists(st.none(), max_size=4)
    | st.dictionaries(st.text(max_size=1), st.none(), max_size=4)
)  # fmt: skip


@given(SCHEMAS, st.lists(VALUES, min_size=1, max_size=20))
def test_the_strictest_limits_accept_what_all_schemas_accept(schemas, values):
    together, one = Draft202012Validator({"allOf": schemas}), Draft202012Validator(strictest(schemas))
    for value in values:
        assert together.is_valid(value) == one.is_valid(value), value


@pytest.mark.parametrize(
    ("schemas", "limits"),
    [
        ([True, {}], {}),
        ([{"minimum": 1}, {"minimum": 3}, {"minimum": 2}], {"minimum": 3}),
        ([{"minimum": 5, "exclusiveMinimum": 3}], {"minimum": 5}),
        ([{"minimum": 5}, {"exclusiveMinimum": 5}], {"exclusiveMinimum": 5}),
        ([{"maximum": 5}, {"exclusiveMaximum": 6}], {"maximum": 5}),
        ([{"multipleOf": 4}, {"multipleOf": 6}], {"multipleOf": 12}),
        ([{"multipleOf": 0.25}, {"multipleOf": 0.1}], {"multipleOf": 0.5}),
        ([{"minimum": 1, "exclusiveMinimum": True}, {"maximum": 2, "exclusiveMaximum": False}],
         {"exclusiveMinimum": 1, "maximum": 2}),
        ([{"minLength": 1}, {"maxItems": 2}, {"minLength": 2}], {"minLength": 2, "maxItems": 2}),
    ],
)  # fmt: skip
def test_examples(schemas, limits):
    assert strictest(schemas) == limits
