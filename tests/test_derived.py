"""What is derived from the schemas: the bundle, reference pages, types, custom resources, and changes between two versions."""

import functools
import json
import re
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from run import run
from scratch import catalog_of, make_project
from test_third_party import (
    DRAWN,
    NAMES,
    SCHEMAS,
    VALUES,
    catalog,
    damaged,
    domain,
    instances,
    judge,
    places,
    root_over,
    schema_of,
)
from weft import load_project
from weft.derived.bundle import bundle
from weft.derived.docs import pages
from weft.formats import flatten
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


def links(text):
    return re.findall(r"\]\(([^)\s]*)\)", text)


def test_every_setting_of_the_reference_project_is_on_its_page_and_every_link_leads_somewhere():
    made = pages(project(), project().targets("*"))
    assert set(made) == {"README.md", *(f"{name}.md" for name in project().root.properties)}
    for name, text in made.items():
        for link in links(re.sub(r"`[^`]*`", "", text)):
            page, _, anchor = link.partition("#")
            assert not anchor or f'<a id="{anchor}"></a>' in made[page or name], link
    for path, _ in flatten(project().target("production/acme").config):
        plain = path.partition("[")[0]
        assert f"`{plain}`" in made[f"{path.partition('.')[0]}.md"] or "elsewhere" in "".join(made.values()), path


def test_a_page_says_all_that_the_schema_says(tmp_path):
    schema = {
        "title": "Shop",
        "properties": {
            "app": {
                "title": "Application",
                "description": "What is sold.",
                "properties": {
                    "port": {
                        "title": "Port",
                        "description": "Where it listens.",
                        "type": "integer",
                        "minimum": 1,
                        "maximum": 9,
                        "default": 8,
                        "x-env": "PORT",
                        "x-unit": "doors",
                    },
                    "key": {
                        "type": "string",
                        "default": "ref+env://CANARY",
                        "x-sensitive": True,
                        "examples": ["CANARY"],
                    },
                    "names": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
                    "jobs": {
                        "type": "array",
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["name"],
                        "items": {"type": "object", "properties": {"name": {"enum": ["a|b", "`c`"]}}},
                    },
                    "old": {"type": "string", "deprecated": True, "x-renamed-to": "app.key"},
                    "again": {"$ref": "#/properties/app"},
                },
                "x-kubernetes-validations": [{"rule": "self.port != 3", "message": "three is taken"}],
            }
        },
    }
    layers = {"layers": ["base", "{environment}"], "dimensions": {"environment": {"values": ["one", "two"]}}}
    folder = make_project(
        tmp_path,
        {"schema.json": schema, "base.yaml": "app: {key: ref+env://CANARY}", "two.yaml": "app: {port: 5}"},
        **layers,
    )
    assert run("schema", "docs", "--check", cwd=folder).code == 1
    assert run("schema", "docs", cwd=folder).code == 0
    assert run("schema", "docs", "--check", cwd=folder).code == 0
    text = (folder / "docs/settings/app.md").read_text("utf-8")
    index = (folder / "docs/settings/README.md").read_text("utf-8")
    for expected in (
        "`app.port`",
        "**Port.** Where it listens.",
        "a whole number, at least 1, at most 9, in doors",
        "**Default:** `8`",
        "`PORT`",
        "`8` in one; `5` in two",
        "three is taken: `self.port != 3`",
        "three is taken (a rule of `app`)",
        "**Sensitive:**",
        "list type `set`",
        "told apart by `name` (list type `map`)",
        "**Deprecated.** Use `app.key` instead.",
        "described [elsewhere](app.md#app)",
    ):
        assert expected in text
    assert "CANARY" not in text + index
    assert "[`app.port`](app.md#app.port)" in index
    (folder / "two.yaml").write_text("app: {port: 6}", "utf-8")
    stale = run("schema", "docs", "--check", cwd=folder)
    assert stale.code == 1
    assert "weft schema docs" in stale.err
    (folder / "two.yaml").write_text("app: {port: 66}", "utf-8")
    wrong = run("schema", "docs", cwd=folder)
    assert wrong.code == 1
    assert "`6` in two" not in (folder / "docs/settings/app.md").read_text("utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_pages_can_be_made_of_any_schema(tmp_path, name):
    files = {"schema.json": root_over(name), f"{name}.json": schema_of(name)}
    made = pages(load_project(make_project(tmp_path, files)))
    assert sum(map(len, made.values())) < 1_500_000
