"""Schemas of others, as they are published, with instances; and drawn schemas and values."""

import copy
import functools
import json
import tempfile
from pathlib import Path

import yaml
from hypothesis import HealthCheck
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for

from scratch import catalog_of
from weft.files.reading import ProjectFiles
from weft.schema.catalog import Catalog
from weft.schema.loader import load_documents

FOLDER = Path(__file__).parents[1] / "third_party"
NAMES = sorted(path.stem for path in FOLDER.glob("schemas/*.json"))
assert NAMES, f"there is no schema in {FOLDER}"
HARD = {"suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]}
"""What is drawn from schemas takes its time."""


@functools.cache
def schema_of(name):
    return json.loads(FOLDER.joinpath("schemas", f"{name}.json").read_text("utf-8"))


@functools.cache
def instances(name, kind):
    found = yaml.safe_load(FOLDER.joinpath("instances", f"{name}.yaml").read_text("utf-8"))[kind]
    assert found, f"{name} has no {kind} instance"
    return found


@functools.cache
def judge(name):
    """The schema for `jsonschema` alone, which Weft must agree with; formats are checked by both."""
    return judge_of(schema_of(name))


def judge_of(schema):
    """A validator of `jsonschema`, of the schema's own draft."""
    validator = validator_for(schema)
    return validator(schema, format_checker=validator.FORMAT_CHECKER)


@functools.cache
def catalog(name):
    return Catalog(load_documents(FOLDER / "schemas" / f"{name}.json", ProjectFiles(FOLDER)))


@functools.cache
def domain(name):
    """The schema as the only domain of a root of the newest draft."""
    with tempfile.TemporaryDirectory() as folder:
        return catalog_of(folder, root_over(name), **{name: schema_of(name)})


def root_over(name):
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"it": {"$ref": f"{name}.json"}},
        "additionalProperties": False,
    }


def places(value, path=()):
    """Every place of a value."""
    yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, below in pairs:
        yield from places(below, (*path, step))


@st.composite
def damaged(draw, value):
    """A value with one place removed, or replaced by something else."""
    value = copy.deepcopy(value)
    path = draw(st.sampled_from([path for path in places(value) if path]))
    holder = functools.reduce(lambda below, step: below[step], path[:-1], value)
    if draw(st.booleans()):
        del holder[path[-1]]
    else:
        odd = [None, True, 0, -1, 2.5, 10**20, "", "x", "ref+env://X", [], [[]], [1, "1"], {}, {"x": 1}, {"name": None}]
        holder[path[-1]] = copy.deepcopy(draw(st.sampled_from(odd)))
    return value


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([0.5, 1.0, -2.0, "", "a", "ab", "é𝄞"])
)
VALUES = st.recursive(
    SCALARS, lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from("abc"), below, max_size=3)
)
KEYWORDS = {
    "type": st.lists(
        st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"]), min_size=1, unique=True
    ),
    "enum": st.lists(VALUES, min_size=1, max_size=3),
    "const": VALUES,
    "minimum": st.integers(-2, 2),
    "exclusiveMaximum": st.integers(-2, 2),
    "multipleOf": st.sampled_from([1, 2, 0.5]),
    "minLength": st.integers(0, 2),
    "maxLength": st.integers(0, 2),
    "pattern": st.sampled_from(["^a", "b$", "^[a-z]*$", "."]),
    "minItems": st.integers(0, 2),
    "maxItems": st.integers(0, 2),
    "uniqueItems": st.booleans(),
    "required": st.lists(st.sampled_from("abc"), unique=True),
    "minProperties": st.integers(0, 2),
    "maxProperties": st.integers(0, 2),
}


def _wider(below):
    named = st.dictionaries(st.sampled_from("abc"), below, max_size=2)
    several = st.lists(below, min_size=1, max_size=2)
    composed = {
        "properties": named,
        "patternProperties": st.dictionaries(st.sampled_from(["^a", "b"]), below, max_size=1),
        "additionalProperties": below,
        "propertyNames": below,
        "unevaluatedProperties": below,
        "items": below,
        "prefixItems": several,
        "contains": below,
        "unevaluatedItems": below,
        "allOf": several,
        "anyOf": several,
        "oneOf": several,
        "not": below,
        "if": below,
        "then": below,
        "else": below,
        "dependentSchemas": named,
    }
    return st.fixed_dictionaries({}, optional=KEYWORDS) | st.fixed_dictionaries({}, optional=composed)


SCHEMAS = st.recursive(st.booleans() | st.fixed_dictionaries({}, optional=KEYWORDS), _wider, max_leaves=6)


def validator(schema):
    """How `jsonschema` alone reads a schema."""
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def has_whole_floats(value):
    """Whether a number like 1.0 is in a value: only draft 4 takes it for no integer."""
    if isinstance(value, dict | list):
        return any(map(has_whole_floats, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float) and value.is_integer()
