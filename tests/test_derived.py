"""What is derived from the schemas: the bundle, reference pages, types, custom resources, and changes between two versions."""

import functools
import json
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from run import run
from scratch import catalog_of
from test_third_party import DRAWN, NAMES, SCHEMAS, VALUES, catalog, damaged, domain, instances, judge, places
from weft import load_project
from weft.derived.bundle import bundle
from weft.validate import SchemaCheck


def refs(schema):
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for below in schema.values():
            yield from refs(below)
    elif isinstance(schema, list):
        for below in schema:
            yield from refs(below)


def validator(schema):
    """How `jsonschema` alone reads a schema."""
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


@functools.cache
def project():
    return load_project(".")


@functools.cache
def bundled(name):
    return validator(bundle(catalog(name).documents))


@functools.cache
def bundled_domain(name):
    return validator(bundle(domain(name).documents))


def has_whole_floats(value):
    """Whether a number like 1.0 is in a value: only draft 4 takes it for no integer."""
    if isinstance(value, dict | list):
        return any(map(has_whole_floats, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float) and value.is_integer()


@pytest.mark.parametrize("of", [catalog, domain])
@pytest.mark.parametrize("name", NAMES)
def test_a_bundle_is_one_schema_that_refers_only_to_itself(name, of):
    made = bundle(of(name).documents)
    Draft202012Validator.check_schema(made)
    names = {ref.removeprefix("#/$defs/") for ref in refs(made) if ref != "#"}
    assert names <= made.get("$defs", {}).keys()


@pytest.mark.parametrize("name", NAMES)
@settings(DRAWN, max_examples=8)
@given(data=st.data())
def test_a_bundle_judges_as_the_schemas_do(name, data):
    value = data.draw(st.sampled_from(instances(name, "valid") + instances(name, "invalid")))
    if data.draw(st.booleans()) and len(list(places(value))) > 1:
        value = data.draw(damaged(value))
    if not has_whole_floats(value):
        assert bundled(name).is_valid(value) == judge(name).is_valid(value)
        assert bundled_domain(name).is_valid({"it": value}) == judge(name).is_valid(value)


@settings(DRAWN, max_examples=50)
@given(below=SCHEMAS, values=st.lists(VALUES, min_size=1, max_size=5))
def test_any_schema_can_be_bundled(below, values):
    with tempfile.TemporaryDirectory() as folder:
        found = catalog_of(folder, {"properties": {"it": below}})
    one, many = validator(bundle(found.documents)), SchemaCheck(found)
    for value in values:
        assert one.is_valid({"it": value}) == many.accepts({"it": value})


def test_the_bundle_of_the_reference_project_judges_as_the_project(tmp_path):
    done = run("schema", "bundle", "-o", tmp_path / "bundle.json")
    assert done.code == 0
    assert "wrote" in done.err
    text = (tmp_path / "bundle.json").read_text("utf-8")
    assert run("schema", "bundle").out == text
    one = validator(json.loads(text))

    @settings(DRAWN, max_examples=20)
    @given(data=st.data())
    def law(data):
        value = data.draw(st.sampled_from([target.config for target in project().targets()]).flatmap(damaged))
        assert one.is_valid(value) == (not project().schema_check.problems(value))

    law()
    assert all(one.is_valid(target.config) for target in project().targets())
