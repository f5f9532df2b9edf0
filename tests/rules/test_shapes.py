"""The CEL type of each place of a schema, and the values that are handed over there."""

import pytest

from scratch import catalog_of
from weft.rules.shapes import Shapes, Unreadable

TEXT, INTEGER, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}
TYPES = [
    # what the schema says, the kind, whether null too
    ({}, "dyn", False),
    (TEXT, "string", False),
    ({"type": ["string", "null"]}, "string", True),
    ({"type": "boolean"}, "bool", False),
    ({"type": ["boolean", "null"]}, "bool", True),
    ({"type": "null"}, "dyn", False),
    (INTEGER, "int", False),
    (NUMBER, "double", False),
    ({"type": ["integer", "number"]}, "double", False),
    ({"type": ["integer", "null"]}, "int", True),
    ({"type": ["integer", "string"]}, "dyn", False),
    ({"enum": ["a", "b"]}, "string", False),
    ({"enum": ["a", None]}, "string", True),
    ({"enum": ["a", 1]}, "dyn", False),
    ({"const": 1}, "int", False),
    ({"const": 1.5}, "double", False),
    ({"type": "number", "enum": [1, 2]}, "double", False),
    ({"type": ["string", "integer"], "enum": ["a"]}, "string", False),
    # formats
    ({"type": "string", "format": "date"}, "timestamp", False),
    ({"type": "string", "format": "date-time"}, "timestamp", False),
    ({"type": ["string", "null"], "format": "duration"}, "duration", True),
    ({"type": "string", "format": "byte"}, "bytes", False),
    ({"type": "string", "format": "email"}, "string", False),
    # what is sensitive is a reference, whatever the schema says
    ({"type": "string", "x-sensitive": True}, "string", False),
    ({"type": "string", "format": "date", "x-sensitive": True}, "string", False),
    ({"type": ["integer", "null"], "x-sensitive": True}, "string", True),
    ({"type": "object", "properties": {"a": TEXT}, "x-sensitive": True}, "dyn", False),
    ({"type": "array", "items": TEXT, "x-sensitive": True}, "dyn", False),
    # objects and lists
    ({"type": "object"}, "map", False),
    ({"type": "object", "properties": {"a": TEXT}}, "message", False),
    ({"type": ["object", "null"], "properties": {"a": TEXT}}, "message", True),
    ({"type": ["object", "null"]}, "dyn", False),
    ({"properties": {"a": TEXT}}, "message", False),
    ({"required": ["a"]}, "map", False),
    ({"items": TEXT}, "list", False),
    ({"items": TEXT, "properties": {"a": TEXT}}, "dyn", False),
    ({"type": "object", "properties": {"a": TEXT}, "additionalProperties": False}, "message", False),
    ({"type": "object", "properties": {"a": TEXT}, "additionalProperties": True}, "dyn", False),
    ({"type": "object", "properties": {"a": TEXT}, "patternProperties": {"x": TEXT}}, "dyn", False),
    ({"type": "array"}, "list", False),
    ({"type": ["array", "null"], "items": TEXT}, "dyn", False),
    # alternatives
    ({"anyOf": [TEXT, {"minLength": 1, "type": "string"}]}, "string", False),
    ({"anyOf": [{"$ref": "#/$defs/text"}, {"$ref": "#/$defs/long"}]}, "string", False),
    ({"anyOf": [{"$ref": "#/$defs/text"}, INTEGER]}, "dyn", False),
    ({"anyOf": [TEXT, {}]}, "dyn", False),
    ({"anyOf": [INTEGER, NUMBER]}, "double", False),
    ({"anyOf": [INTEGER, {"type": "integer", "minimum": 5}]}, "int", False),
    ({"allOf": [INTEGER, NUMBER]}, "int", False),
    ({"allOf": [{"$ref": "#/$defs/text"}]}, "string", False),
    ({"anyOf": [TEXT, {"type": "null"}]}, "string", True),
]


def place(folder, schema):
    defs = {"text": TEXT, "long": {"type": "string", "minLength": 5}}
    return catalog_of(folder, {"$defs": defs, "properties": {"v": schema}}).root.child("v")


@pytest.mark.parametrize(("schema", "kind", "nullable"), TYPES, ids=[str(schema) for schema, *_ in TYPES])
def test_the_type_of_a_place(tmp_path, schema, kind, nullable):
    shape = Shapes().of(place(tmp_path, schema))
    assert (shape.kind, shape.nullable) == (kind, nullable)


@pytest.mark.parametrize(
    ("schema", "item"),
    [
        ({"type": "array", "items": INTEGER}, "int"),
        ({"type": "array"}, "dyn"),
        ({"type": "array", "prefixItems": [INTEGER], "items": TEXT}, None),
        ({"type": "object", "additionalProperties": INTEGER}, "int"),
        ({"type": "object", "additionalProperties": True}, None),
        ({"type": "object", "additionalProperties": {}}, None),
        ({"type": "object", "additionalProperties": False}, None),
        ({"type": "object"}, None),
        ({"type": "object", "patternProperties": {"^x": INTEGER}, "additionalProperties": False}, "int"),
        ({"type": "object", "patternProperties": {"^x": INTEGER, "^y": TEXT}}, None),
        ({"type": "object", "patternProperties": {"^x": INTEGER}, "additionalProperties": INTEGER}, None),
        ({"type": "object", "unevaluatedProperties": TEXT}, "string"),
    ],
)
def test_what_a_list_or_a_map_holds(tmp_path, schema, item):
    shapes = Shapes()
    below = shapes.of(place(tmp_path, schema)).item
    assert (below and shapes.of(below).kind) == item


@pytest.mark.parametrize(
    ("schema", "value", "given"),
    [
        (INTEGER, 8.0, 8),
        (INTEGER, 2**63 - 1, 2**63 - 1),
        (INTEGER, -(2**63), -(2**63)),
        (INTEGER, 2**63, 2.0**63),
        (INTEGER, -(2**63) - 1, -(2.0**63)),
        (INTEGER, 2.0**63, 2.0**63),
        (INTEGER, 8.5, 8.5),
        (NUMBER, 8, 8.0),
        (NUMBER, 8.0, 8.0),
        ({}, 8, 8),
        ({}, 8.0, 8.0),
        ({"type": ["integer", "string"]}, 8.0, 8),
        ({"type": ["integer", "number", "string"]}, 8.0, 8.0),
        ({"type": "boolean"}, True, True),
        ({}, None, None),
        ({}, {"a": [1, "é"]}, {"a": [1, "é"]}),
    ],
)
def test_a_value_is_handed_over_as_of_its_type(tmp_path, schema, value, given):
    handed = Shapes().value(place(tmp_path, schema), value)
    assert (handed, type(handed)) == (given, type(given))


@pytest.mark.parametrize(
    ("schema", "value", "words"),
    [
        (NUMBER, 10**309, "too large"),
        (INTEGER, 10**309, "too large"),
        (TEXT, "\ud800", "half of a surrogate pair"),
        ({}, {"\udfff": 1}, "half of a surrogate pair"),
        ({"type": "string", "format": "date"}, "tomorrow", "`tomorrow` is neither a date nor a date with time"),
        ({"type": "string", "format": "date-time"}, "0001-01-01T00:00:00+01:00", "is outside the years 1 to 9999"),
        ({"type": "string", "format": "duration"}, "P1Y", "`P1Y` is not a duration of a fixed length"),
        ({"type": "string", "format": "duration"}, "P", "is not a duration"),
        ({"type": "string", "format": "duration"}, "P999999999W", "is too long"),
        ({"type": "string", "format": "duration"}, "P3700000D", "is too long"),
        ({"type": "string", "format": "byte"}, "%", "`%` is not Base64"),
    ],
)
def test_what_cel_cannot_take_is_said(tmp_path, schema, value, words):
    with pytest.raises(Unreadable) as refused:
        Shapes().value(place(tmp_path, schema), value)
    assert words in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT1S", 1), ("PT1.5S", 1.5), ("PT1M", 60), ("PT1H", 3600), ("P1D", 86400), ("P1W", 604800), ("P1DT1S", 86401),
        ("1s", 1), ("1.5s", 1.5), ("1m", 60), ("1h", 3600), ("1d", 86400), ("1w", 604800), ("1ms", 0.001),
        ("1h1m", 3660), ("-1h", -3600), ("+1h", 3600), ("5us", 5e-6), ("5µs", 5e-6), ("5000ns", 5e-6),
    ],
)  # fmt: skip
def test_a_duration_is_as_long_as_it_says(tmp_path, text, seconds):
    length = Shapes().value(place(tmp_path, {"type": "string", "format": "duration"}), text)
    assert length.ToTimedelta().total_seconds() == seconds
