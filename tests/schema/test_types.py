"""The types that a schema accepts: one answer for everybody who asks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from rounds import examples
from scratch import catalog_of
from weft.derived.crd.definition import Structural
from weft.derived.overlay_schema import overlay_schema
from weft.schema.envvars import from_text
from weft.schema.types import ANY_TYPE, TYPE_WORDS, AcceptedTypes, type_for_schemas

NAMES = ("a", "b")
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([-1.5, 0.5, 1.0, 2.0]) | st.text(max_size=2)
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.text(max_size=1), SCALARS, max_size=2)
PLAIN = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(sorted(TYPE_WORDS)) | st.lists(st.sampled_from(sorted(TYPE_WORDS)), min_size=1, unique=True),
        "enum": st.lists(VALUES, min_size=1, max_size=3),
        "const": VALUES,
        "minimum": st.integers(-2, 2),
        "maxLength": st.integers(0, 2),
        "$ref": st.sampled_from([f"#/$defs/{name}" for name in NAMES]),
    },
)  # fmt: skip


def composed(schemas):
    several = st.lists(schemas, min_size=1, max_size=3)
    return st.tuples(PLAIN, st.fixed_dictionaries({}, optional={
        "allOf": several, "anyOf": several, "oneOf": several, "not": schemas, "if": schemas, "then": schemas,
        "properties": st.dictionaries(st.text(max_size=1), schemas, max_size=2),
    })).map(lambda parts: parts[0] | parts[1])  # fmt: skip


SCHEMAS = st.booleans() | st.recursive(PLAIN, composed, max_leaves=6)


@examples(600)
@given(SCHEMAS, st.tuples(SCHEMAS, SCHEMAS), st.lists(VALUES, min_size=1, max_size=12))
def test_a_value_that_a_schema_accepts_has_one_of_the_types(schema, others, values):
    definitions = dict(zip(NAMES, others, strict=True))
    types = AcceptedTypes(lambda ref: definitions[ref.rpartition("/")[2]])
    found = types.of(schema)
    assert found <= ANY_TYPE
    assert "number" not in found or "integer" in found
    for value in values:
        try:
            accepted = Draft202012Validator({"$defs": definitions, "allOf": [schema]}).is_valid(value)
        except RecursionError:  # `a` is `a`
            return
        assert not accepted or type_for_schemas(value) in found, (schema, value)


NUMBER = {"integer", "number"}


@pytest.mark.parametrize(
    ("schema", "types"),
    [
        (True, ANY_TYPE),
        (False, set()),
        ({}, ANY_TYPE),
        ({"type": "number"}, NUMBER),
        ({"type": "number", "enum": [1, 2]}, {"integer"}),
        ({"type": "number", "enum": [1, 2.5]}, NUMBER),
        ({"type": "integer", "enum": ["x", 2.5, 3]}, {"integer"}),
        ({"enum": [1.0]}, {"integer"}),
        ({"const": None}, {"null"}),
        ({"anyOf": [{"type": "string"}, {"minimum": 1}]}, ANY_TYPE),
        ({"type": ["string", "null"], "anyOf": [{"type": "string"}, {"type": "integer"}]}, {"string"}),
        ({"allOf": [{"type": "string"}, {"oneOf": [{"const": "a"}, {"const": 1}]}]}, {"string"}),
        ({"type": "string", "allOf": [{"type": "integer"}]}, set()),
        ({"oneOf": [{"const": 1}, {"const": "a"}]}, {"integer", "string"}),
    ],
)
def test_examples(schema, types):
    assert AcceptedTypes({}.__getitem__).of(schema) == types


def test_a_schema_that_is_part_of_itself_ends():
    schema = {"anyOf": [{"type": "string"}, {"allOf": [{"$ref": "#"}]}]}
    assert AcceptedTypes(lambda _: schema).of(schema) == ANY_TYPE


def node_of(folder, schema):
    return catalog_of(folder, {"type": "object", "properties": {"x": schema}}).root.child("x")


ONE_OF_TWO = {"type": "number", "enum": [1, 2]}
TEXT_OR_BOUND = {"anyOf": [{"type": "string"}, {"minimum": 1}]}


@pytest.mark.parametrize(
    ("schema", "types", "overlay", "crd", "value"),
    [
        (ONE_OF_TWO, {"integer"}, ["integer", "null"], "integer", 2),
        (TEXT_OR_BOUND, set(), None, None, 2),
        ({"type": "number"}, {"number"}, ["number", "null"], "number", 2),
        ({"$ref": "#/$defs/text", "$defs": {"text": {"type": "string"}}}, {"string"}, ["string", "null"], "string", "2"),
    ],
)  # fmt: skip
def test_everybody_who_asks_gets_the_same_answer(tmp_path, schema, types, overlay, crd, value):
    schema = {**schema}
    definitions = schema.pop("$defs", {})
    root = catalog_of(tmp_path, {"type": "object", "properties": {"x": schema}, "$defs": definitions}).root
    node = root.child("x")
    assert node.types == types
    assert overlay_schema(root, "x")["properties"]["x"].get("type") == overlay
    assert Structural().schema(root, ())["properties"]["x"].get("type") == crd
    assert from_text(node, "2") == value


def test_what_only_alternatives_describe_is_what_they_say(tmp_path):
    branches = [{"properties": {"y": {"type": "string"}}}, {"properties": {"y": {"allOf": [{"type": "null"}]}}}]
    node = node_of(tmp_path, {"anyOf": branches}).child("y")
    assert node.certain_types == ANY_TYPE
    assert node.types == {"string", "null"}
    bound = node_of(tmp_path, {"anyOf": [branches[0], {"properties": {"y": {"minimum": 1}}}]}).child("y")
    assert bound.types == set()
