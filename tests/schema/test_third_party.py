"""Schemas of others, as they are published: Weft validates with them as `jsonschema` does, and derives overlay schemas of them."""

import functools
import json
import subprocess
import sys
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from jsonschema.validators import validator_for

import published_schemas as published
from rounds import examples
from scratch import catalog_of, make_project
from weft import WeftError, load_project
from weft.derived.overlay_schema import overlay_schema
from weft.files.formats import to_json
from weft.stages.validate import SchemaCheck

pytestmark = pytest.mark.unmeasured("laws of many examples, whose code other tests run")


@functools.cache
def check(name):
    return SchemaCheck(published.catalog(name))


@functools.cache
def overlays_of(name):
    return Draft7Validator(overlay_schema(published.catalog(name).root, name))


def layer(value):
    """A value as an overlay sets it: an intended null is `$value: null`."""
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


@st.composite
def cuts(draw, value):
    """A mapping of which only some keys are left, on every level."""
    if isinstance(value, dict):
        return {key: draw(cuts(below)) for key, below in value.items() if draw(st.integers(0, 3))}
    if isinstance(value, list):
        return [draw(cuts(below)) for below in value]
    return value


def judged_alike(name, value):
    accepted = published.judge(name).is_valid(value)
    told = check(name).problems(value)
    assert (not told) == accepted, [problem.message for problem in told] or "Weft finds nothing wrong"
    below = SchemaCheck(published.domain(name)).problems({"it": value})
    assert (not below) == accepted, [problem.message for problem in below] or "Weft finds nothing wrong"
    if accepted:
        root = published.catalog(name).root
        filled = root.fill(value)
        if not published.judge(name).is_valid(filled):
            filled = root.fill(value, cautious=True)
        assert published.judge(name).is_valid(filled), "the defaults make it invalid"


def test_every_schema_has_instances_and_is_in_the_list_of_sources():
    assert sorted(path.stem for path in published.FOLDER.glob("instances/*.yaml")) == published.NAMES
    rows = [
        line.split("|")[1]
        for line in published.FOLDER.joinpath("README.md").read_text("utf-8").splitlines()
        if "|" in line
    ]
    assert sorted(name.strip() for row in rows[2:] for name in row.split(",")) == published.NAMES


@pytest.mark.soak(few=8)
@pytest.mark.parametrize("name", published.NAMES)
def test_what_it_accepts_is_a_valid_configuration_of_a_project(tmp_path, name):
    for number, value in enumerate(value for value in published.instances(name, "valid") if has_no_directive(value)):
        assert published.judge(name).is_valid(value)
        root = make_project(
            tmp_path / f"{number}-root", {"schema.json": published.schema_of(name), "base.json": layer(value)}
        )
        files = {
            "schema.json": published.root_over(name),
            f"{name}.json": published.schema_of(name),
            "base.json": {"it": layer(value)},
        }
        below = make_project(tmp_path / f"{number}-domain", files)
        for folder in (root, below):
            target = load_project(folder).target()
            assert [problem.message for problem in target.problems()] == []
            config = target.config if folder == root else target.config["it"]
            assert published.judge(name).is_valid(config)


@pytest.mark.soak(few=8)
@pytest.mark.parametrize("name", published.NAMES)
def test_what_it_refuses_is_no_valid_configuration_of_a_project(tmp_path, name):
    for number, value in enumerate(value for value in published.instances(name, "invalid") if has_no_directive(value)):
        assert not published.judge(name).is_valid(value)
        folder = make_project(
            tmp_path / str(number), {"schema.json": published.schema_of(name), "base.json": layer(value)}
        )
        told = load_project(folder).target().problems()
        assert told, f"{value} is accepted"
        assert all(problem.message for problem in told)


@pytest.mark.parametrize("name", published.NAMES)
@examples(12, **published.HARD)
@given(data=st.data())
def test_a_damaged_configuration_is_judged_like_jsonschema_does(name, data):
    value = data.draw(st.sampled_from(published.instances(name, "valid")).flatmap(published.damaged))
    judged_alike(
        name,
        data.draw(published.damaged(value))
        if len(list(published.places(value))) > 1 and data.draw(st.booleans())
        else value,
    )


@pytest.mark.parametrize("name", published.NAMES)
@examples(12, **published.HARD)
@given(data=st.data())
def test_every_part_of_a_valid_configuration_is_a_valid_overlay(name, data):
    part = data.draw(st.sampled_from(published.instances(name, "valid")).flatmap(cuts))
    assert [error.message for error in overlays_of(name).iter_errors(part)] == []


@pytest.mark.soak(few=8)
@pytest.mark.parametrize("of", [published.catalog, published.domain])
@pytest.mark.parametrize("name", published.NAMES)
def test_its_overlay_schema_is_a_schema(name, of):
    derived = json.loads(to_json(overlay_schema(of(name).root, name)))
    Draft7Validator.check_schema(derived)
    assert Draft7Validator(derived).is_valid({})


@pytest.mark.parametrize("name", ["asyncapi", "draft-07"])
def test_a_schema_that_contains_itself_in_many_ways_is_walked_through_in_the_end(tmp_path, name):
    folder = make_project(
        tmp_path, {"schema.json": published.schema_of(name), "base.json": layer(published.instances(name, "valid")[0])}
    )
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
    alone = published.judge_of({**old, "$ref": f"#/definitions/{name}"})
    assert (not found) == alone.is_valid(inside)


@examples(120, **published.HARD)
@given(below=published.SCHEMAS, values=st.lists(published.VALUES, min_size=1, max_size=5))
def test_both_validators_judge_alike(below, values):
    schema = {"properties": {"it": below}}
    plain = validator_for(schema)(schema)
    with tempfile.TemporaryDirectory() as folder:
        found = SchemaCheck(catalog_of(folder, schema))
    for value in values:
        accepted = plain.is_valid({"it": value})
        assert found.accepts({"it": value}) == accepted
        assert (not found.problems({"it": value})) == accepted
