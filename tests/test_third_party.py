"""Schemas of others, as they are published: Weft judges by them as `jsonschema` does, and derives overlay schemas of them."""

import copy
import functools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from jsonschema.validators import validator_for

from rounds import examples
from scratch import catalog_of, make_project
from weft import WeftError, load_project
from weft.formats import to_json
from weft.overlay import overlay_schema
from weft.schema.loader import load_documents
from weft.schema.node import Catalog
from weft.validate import SchemaCheck

pytestmark = pytest.mark.unmeasured("laws of many examples, whose code other tests run")

FOLDER = Path(__file__).parent / "third_party"
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
    return Catalog(load_documents(FOLDER / "schemas" / f"{name}.json", FOLDER))


@functools.cache
def check(name):
    return SchemaCheck(catalog(name))


@functools.cache
def overlays_of(name):
    return Draft7Validator(overlay_schema(catalog(name).root, name))


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


def layer(value):
    """A value as an overlay sets it: a null that is meant is `$value: null`."""
    if isinstance(value, dict):
        return {key: layer(below) for key, below in value.items()}
    if isinstance(value, list):
        return [layer(below) for below in value]
    return {"$value": None} if value is None else value


def has_no_directive(value):
    """Whether no key of a value is one that an overlay reads as an instruction."""
    if isinstance(value, dict):
        return all(not key.startswith("$") and has_no_directive(below) for key, below in value.items())
    return not isinstance(value, list) or all(map(has_no_directive, value))


def places(value, path=()):
    """Every place of a value."""
    yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, below in pairs:
        yield from places(below, (*path, step))


@st.composite
def cuts(draw, value):
    """A mapping of which only some keys are left, on every level."""
    if isinstance(value, dict):
        return {key: draw(cuts(below)) for key, below in value.items() if draw(st.integers(0, 3))}
    if isinstance(value, list):
        return [draw(cuts(below)) for below in value]
    return value


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


def judged_alike(name, value):
    accepted = judge(name).is_valid(value)
    told = check(name).problems(value)
    assert (not told) == accepted, [problem.message for problem in told] or "Weft finds nothing wrong"
    below = SchemaCheck(domain(name)).problems({"it": value})
    assert (not below) == accepted, [problem.message for problem in below] or "Weft finds nothing wrong"
    if accepted:
        root = catalog(name).root
        filled = root.fill(value)
        if not judge(name).is_valid(filled):
            filled = root.fill(value, cautious=True)
        assert judge(name).is_valid(filled), "the defaults make it invalid"


def test_every_schema_has_instances_and_is_in_the_list_of_sources():
    assert sorted(path.stem for path in FOLDER.glob("instances/*.yaml")) == NAMES
    rows = [line.split("|")[1] for line in FOLDER.joinpath("README.md").read_text("utf-8").splitlines() if "|" in line]
    assert sorted(name.strip() for row in rows[2:] for name in row.split(",")) == NAMES


@pytest.mark.soak(few=8)
@pytest.mark.parametrize("name", NAMES)
def test_what_it_accepts_is_a_valid_configuration_of_a_project(tmp_path, name):
    for number, value in enumerate(value for value in instances(name, "valid") if has_no_directive(value)):
        assert judge(name).is_valid(value)
        root = make_project(tmp_path / f"{number}-root", {"schema.json": schema_of(name), "base.json": layer(value)})
        files = {"schema.json": root_over(name), f"{name}.json": schema_of(name), "base.json": {"it": layer(value)}}
        below = make_project(tmp_path / f"{number}-domain", files)
        for folder in (root, below):
            target = load_project(folder).target()
            assert [problem.message for problem in target.problems()] == []
            config = target.config if folder == root else target.config["it"]
            assert judge(name).is_valid(config)


@pytest.mark.soak(few=8)
@pytest.mark.parametrize("name", NAMES)
def test_what_it_refuses_is_no_valid_configuration_of_a_project(tmp_path, name):
    for number, value in enumerate(value for value in instances(name, "invalid") if has_no_directive(value)):
        assert not judge(name).is_valid(value)
        folder = make_project(tmp_path / str(number), {"schema.json": schema_of(name), "base.json": layer(value)})
        told = load_project(folder).target().problems()
        assert told, f"{value} is accepted"
        assert all(problem.message for problem in told)


@pytest.mark.parametrize("name", NAMES)
@examples(12, **HARD)
@given(data=st.data())
def test_a_damaged_configuration_is_judged_like_jsonschema_does(name, data):
    value = data.draw(st.sampled_from(instances(name, "valid")).flatmap(damaged))
    judged_alike(
        name, data.draw(damaged(value)) if len(list(places(value))) > 1 and data.draw(st.booleans()) else value
    )


@pytest.mark.parametrize("name", NAMES)
@examples(12, **HARD)
@given(data=st.data())
def test_every_part_of_a_valid_configuration_is_a_valid_overlay(name, data):
    part = data.draw(st.sampled_from(instances(name, "valid")).flatmap(cuts))
    assert [error.message for error in overlays_of(name).iter_errors(part)] == []


@pytest.mark.soak(few=8)
@pytest.mark.parametrize("of", [catalog, domain])
@pytest.mark.parametrize("name", NAMES)
def test_its_overlay_schema_is_a_schema(name, of):
    derived = json.loads(to_json(overlay_schema(of(name).root, name)))
    Draft7Validator.check_schema(derived)
    assert Draft7Validator(derived).is_valid({})


@pytest.mark.parametrize("name", ["asyncapi", "draft-07"])
def test_a_schema_that_contains_itself_in_many_ways_is_walked_through_in_the_end(tmp_path, name):
    folder = make_project(tmp_path, {"schema.json": schema_of(name), "base.json": layer(instances(name, "valid")[0])})
    command = [sys.executable, "-m", "weft", "-C", str(folder), "validate", "--strict"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)  # a process, as it may hang
    assert done.returncode in (0, 1), done.stderr


@pytest.mark.parametrize("wrong", [{"type": "strnig"}, {"minLength": "2"}, {"required": "x"}, {"properties": []}])
def test_a_schema_that_is_kept_outside_of_all_keywords_is_checked_too(tmp_path, wrong):
    with pytest.raises(WeftError) as told:
        catalog_of(tmp_path, {"properties": {"a": {"$ref": "#/components/x"}}, "components": {"x": wrong}})
    assert [problem.code for problem in told.value.problems] == ["schema-invalid"]


@pytest.mark.parametrize(
    "value", [{"pair": ["a", 1]}, {"pair": [1, 1]}, {"pair": ["a", 1, 2]}, {"some": {"a": 1}}, {"x": 1}]
)
def test_a_part_of_a_schema_of_an_older_draft_keeps_its_meaning(tmp_path, value):
    old = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "definitions": {
            "pair": {"items": [{"type": "string"}, {"type": "integer"}], "additionalItems": False},
            "some": {"dependencies": {"a": ["b"]}},
            "x": {"$ref": "#/definitions/n", "minimum": 5},
            "n": {"type": "integer"},
        },
    }
    properties = {name: {"$ref": f"old.json#/definitions/{name}"} for name in ("pair", "some", "x")}
    found = SchemaCheck(catalog_of(tmp_path, {"properties": properties}, old=old)).problems(value)
    ((name, inside),) = value.items()
    alone = judge_of({**old, "$ref": f"#/definitions/{name}"})
    assert (not found) == alone.is_valid(inside)


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


@examples(120, **HARD)
@given(below=SCHEMAS, values=st.lists(VALUES, min_size=1, max_size=5))
def test_both_validators_judge_alike(below, values):
    schema = {"properties": {"it": below}}
    plain = validator_for(schema)(schema)
    with tempfile.TemporaryDirectory() as folder:
        found = SchemaCheck(catalog_of(folder, schema))
    for value in values:
        accepted = plain.is_valid({"it": value})
        assert found.accepts({"it": value}) == accepted
        assert (not found.problems({"it": value})) == accepted
