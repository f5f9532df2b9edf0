"""The fast ways of filters give what the plain ways give."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2.filters import do_indent

from scratch import catalog_of
from weft.files import formats
from weft.schema import envvars
from weft.schema.node import MISSING
from weft.secrets.taint import Branch, Lasting, Tainted, Views
from weft.stages.render import budget, filters
from weft.stages.render.budget import size
from weft.stages.render.sandbox import Sandbox

GROUP = {
    "type": "object",
    "properties": {
        "text": {"type": "string", "x-env": "G_TEXT"},
        "number": {"type": "number", "default": 2, "x-env": "G_NUMBER"},
        "whole": {"type": "integer", "x-env": "G_WHOLE"},
        "on": {"type": "boolean", "x-env": "G_ON"},
        "list": {"type": "array", "x-env": "G_LIST"},
        "key": {"type": "string", "x-sensitive": True, "x-env": "G_KEY"},
        "old_key": {"type": "string", "x-renamed-to": "key"},
        "plain": {"type": "string"},
        "deep": {
            "type": "object",
            "x-env": "G_DEEP",
            "properties": {"a": {"default": "x", "x-env": "G_TEXT"}, "token": {"type": "string", "x-sensitive": True}},
        },
    },
}
SCHEMA = {
    "type": "object",
    "properties": {
        "one": GROUP,
        "two": {"type": "object", "properties": {"x": {"x-env": "T_X"}, "in": GROUP}},
        "three": {"type": "object", "properties": {"x": {"type": "string", "x-env": "D_X"}, "y": {"x-env": "D_Y"}}},
        "free": {"type": "object", "additionalProperties": {"type": "string", "x-env": "FREE"}},
        "open": {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False},
    },
}
TEXTS = st.sampled_from(["", "a", "yes", "ü", "a\nb", 'q"\\', "\x7f", "\u2028", "x" * 70, "ref+env://A"]) | st.text(
    max_size=5
)
SCALARS = TEXTS | st.booleans() | st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    SCALARS,
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [*GROUP["properties"], *SCHEMA["properties"], "x", "y", "in", "a", "token", "tokens", "Key"]
            ),
            below,
        )
    ),
    max_leaves=20,
)
CONFIGS = st.dictionaries(st.sampled_from([*SCHEMA["properties"], "other"]), VALUES)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return catalog_of(tmp_path_factory.mktemp("schema"), SCHEMA).root


def slowly(value):
    """A function for scalars that has no fast way."""
    return formats.yaml_scalar(value)


def branches(value):
    """Every branch of what a template sees."""
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [*([value] if isinstance(value, Branch) else []), *(found for one in below for found in branches(one))]


@given(CONFIGS, st.booleans())
def test_variables_are_those_of_the_schema_one_by_one(root, config, reveal):
    for branch in branches(Views(reveal=reveal).of(root, config)):
        found = envvars.variables(branch.node, branch, branch.path)
        expected = {variable.name: variable.text for variable in found if not variable.sensitive}
        for _ in range(2):
            assert [*filters.env(branch).items()] == [*expected.items()]
        assert filters.to_yaml(filters.env(branch)) == formats.to_yaml(expected, slowly)
        assert size(filters.env(branch)) == size(Lasting(expected))


@given(CONFIGS, st.booleans())
def test_a_view_hides_what_each_node_conceals(root, config, reveal):
    def seen(node, value, path):
        if not reveal and node.conceals(value):
            return path
        if isinstance(value, dict):
            return {key: seen(node.child(key), below, (*path, key)) for key, below in value.items()}
        if isinstance(value, list):
            return [seen(node.child(index), below, (*path, index)) for index, below in enumerate(value)]
        return value

    def told(value):
        if isinstance(value, Tainted):
            return value._path
        if isinstance(value, dict):
            return {key: told(below) for key, below in value.items()}
        return [told(below) for below in value] if isinstance(value, list) else value

    views = Views(reveal=reveal)
    for _ in range(2):
        assert repr(told(views.of(root, config))) == repr(seen(root, config, ()))


@given(CONFIGS)
def test_defaults_are_filled_in_property_by_property(root, config):
    def filled(node, value):
        if isinstance(value, dict):
            given = {name: filled(node.child(name), below) for name, below in value.items()}
            every = {name: given.get(name, node.child(name).default) for name in (*node.properties, *given)}
            return {name: below for name, below in every.items() if below is not MISSING}
        if isinstance(value, list):
            return [filled(node.child(index), item) for index, item in enumerate(value)]
        whole = isinstance(value, float) and value.is_integer() and node.types == {"integer"}
        return int(value) if whole else value

    before = copy.deepcopy(config)
    for shared in (False, True, True):
        assert repr(root.fill(config, shared=shared)) == repr(filled(root, config))
    assert config == before


@given(VALUES)
def test_yaml_is_the_same_line_by_line(value):
    assert formats.to_yaml(value) == formats.to_yaml(value, slowly)


@given(st.dictionaries(TEXTS | st.sampled_from(["k" * 2000, "null"]), TEXTS))
def test_texts_in_yaml_are_the_same_line_by_line(value):
    assert formats.to_yaml(value) == formats.to_yaml(value, slowly)


@given(
    st.text(alphabet="ab \n\r\x0b\x0c\x1c\x85\u2028", max_size=12),
    st.integers(0, 3) | st.sampled_from(["\t", "> ", ""]),
    st.booleans(),
    st.booleans(),
)
def test_text_is_indented_as_jinja_does(text, width, first, blank):
    assert filters.indent(text, width, first, blank) == do_indent(text, width, first, blank)


@given(st.dictionaries(TEXTS, SCALARS | st.lists(SCALARS)))
def test_the_size_of_a_mapping_that_lasts_is_that_of_its_items(value):
    expected = 2 + len(value) + sum(map(size, value.values()))
    for _ in range(2):
        assert size(lasting := Lasting(value)) == size(lasting) == expected


class Text(str):
    """A text that filters do not know as one, so they pay for it in the slow way."""

    __slots__ = ()


@pytest.mark.parametrize("name", ["upper", "quote", "to_json", "b64encode", "length", "int", "title"])
@given(text=st.text(max_size=5) | st.sampled_from(["x" * 63, "x" * 64, "x" * 200, "12", '00"\x1f\U00010000']))
def test_a_short_text_costs_the_same_in_the_fast_way(name, text):
    """Except for what Python adds to rare characters."""
    function, paid, results = Sandbox().filters[name], [], []
    for value in (text, Text(text)):
        with budget.fresh_budget():
            results.append(function(value))
            paid.append(budget.MAX_STEPS - budget._BUDGET.get().left)
    assert results[0] == results[1]
    assert paid[1] - 1 <= paid[0] <= paid[1]


@given(SCALARS | st.lists(SCALARS, max_size=2))
def test_what_is_printed_is_the_same_where_it_may_be_escaped(value):
    sandbox = Sandbox(autoescape=False)
    plain, volatile = "{{ value }}", "{% autoescape false %}{{ value }}{% endautoescape %}"
    assert sandbox.from_string(plain).render(value=value) == sandbox.from_string(volatile).render(value=value)
    escaped = sandbox.from_string("{% autoescape true %}{{ value }}{% endautoescape %}").render(value="<&")
    assert escaped == "&lt;&amp;"
