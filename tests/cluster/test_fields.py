"""The quick comparison of an object with what is wanted of it never says that nothing differs where the thorough one finds something."""

import json

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from weft.cluster import fields

NAMES = st.sampled_from(("a", "b", "name", "data", "port"))
SCALARS = st.sampled_from((None, True, False, 0, 1, 1.0, "", "a", "1", "500m", "0.5"))
VALUES = st.recursive(
    SCALARS, lambda inner: st.dictionaries(NAMES, inner, max_size=3) | st.lists(inner, max_size=3), max_leaves=8
)
OBJECTS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("spec", "data", "stringData", "rules"), VALUES),
        "metadata": st.dictionaries(NAMES, VALUES, max_size=3),  # which the server makes an object
    },
)


def owned(data):
    """Trees that may be those of a manager of such an object: its fields, lists divided or whole, and some that it does not have."""
    if isinstance(data, dict) and data:
        parts = {f"f:{name}": owned(value) for name, value in data.items()}
        some = st.fixed_dictionaries({}, optional=parts)
        return st.one_of(
            st.just({}), some, some.map(lambda tree: {**tree, ".": {}}), some.map(lambda tree: {**tree, "f:z": {}})
        )
    if isinstance(data, list) and data:
        keyed = [item for item in data if isinstance(item, dict) and item.get("name") not in (None, [], {})]
        trees = [st.just({}), st.just({f"v:{json.dumps(data[0])}": {}}), st.just({f"i:{len(data) - 1}": {}})]
        if keyed and not isinstance(keyed[0]["name"], dict | list):
            key = json.dumps({"name": keyed[0]["name"]}, separators=(",", ":"))
            trees.append(owned(keyed[0]).map(lambda tree: {f"k:{key}": tree}))
        return st.one_of(trees)
    return st.just({})


@st.composite
def situations(draw):
    """An object as it is, as it is wanted (often the same, or a part of it), and the fields that Weft owns."""
    wanted = draw(OBJECTS)
    live = draw(
        st.one_of(st.just(wanted), OBJECTS, st.just({**wanted, "status": {}}), OBJECTS.map(lambda more: more | wanted))
    )
    return live, wanted, draw(owned(draw(st.sampled_from((live, wanted)))))


@given(situations())
@example(({"data": {"a": "1", "b": "2"}}, {"data": {"a": "1"}}, {"f:data": {"f:a": {}, "f:b": {}}}))
@example(({"data": {"a": "1"}}, {"data": {}}, {}))
@example(({"metadata": {"finalizers": [{"a": 1, "b": 2}]}}, {"metadata": {"finalizers": [{"a": 1}]}}, {}))
@example(({"spec": {"a": True}}, {"spec": {"a": 1}}, {}))
@example(({"spec": {"a": "x"}}, {"spec": {"a": None}}, {"f:spec": {"f:a": {}}}))
def test_what_holds_has_no_difference(situation):
    live, wanted, ours = situation
    assume(fields.holds(live, wanted, ours))
    tree = fields.tree_of(wanted, ours)
    assert fields.differences(live, wanted, fields.merged((tree, ours)), tolerant=True) == []


@pytest.mark.parametrize(
    ("live", "wanted", "ours", "holds"),
    [
        ({"spec": {"a": 1, "b": 2}}, {"spec": {"a": 1}}, {"f:spec": {"f:a": {}}}, True),
        ({"spec": {"a": 1, "b": 2}}, {"spec": {"a": 1}}, {"f:spec": {"f:b": {}}}, False),
        ({"spec": {"c": [{"name": "x", "d": 1}]}}, {"spec": {"c": [{"name": "x"}]}}, {"f:spec": {"f:c": {'k:{"name":"x"}': {".": {}, "f:name": {}}}}}, True),
        ({"spec": {"c": [{"name": "x"}]}}, {"spec": {"c": [{"name": "x"}]}}, {"f:spec": {"f:c": {'k:{"name":"y"}': {}}}}, False),
        ({"data": {"a": "1"}}, {"data": {"a": "2"}}, {}, False),
    ],
)  # fmt: skip
def test_what_is_wanted_holds(live, wanted, ours, holds):
    assert fields.holds(live, wanted, ours) is holds
