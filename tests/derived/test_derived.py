"""What is derived from the schemas: the bundle, reference pages, types, custom resources, and changes between two versions."""

import copy
import functools
import itertools
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import jsonschema
import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument
from hypothesis_jsonschema import from_schema

from definitions import crd_of
from published_schemas import (
    HARD,
    KEYWORDS,
    NAMES,
    SCHEMAS,
    VALUES,
    catalog,
    damaged,
    domain,
    has_whole_floats,
    instances,
    judge,
    judge_of,
    places,
    root_over,
    schema_of,
    validator,
)
from rounds import examples
from run import run
from scratch import catalog_of, make_project, write_files
from weft import load_project
from weft.derived.compatibility.changes import compare
from weft.derived.docs import pages
from weft.derived.overlay_schema import overlay_schema
from weft.derived.types import typed_schema
from weft.files.formats import flatten
from weft.schema.bundled import bundled
from weft.schema.walk import rebuild, subschemas
from weft.stages.validate import SchemaCheck


def refs(schema):
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for below in schema.values():
            yield from refs(below)
    elif isinstance(schema, list):
        for below in schema:
            yield from refs(below)


@functools.cache
def project():
    return load_project(".")


@functools.cache
def bundle_of(name):
    return validator(bundled(catalog(name).documents))


@functools.cache
def bundled_domain(name):
    return validator(bundled(domain(name).documents))


@pytest.mark.soak(few=4)
@pytest.mark.parametrize("of", [catalog, domain])
@pytest.mark.parametrize("name", NAMES)
def test_a_bundle_is_one_schema_that_refers_only_to_itself(name, of):
    made = bundled(of(name).documents)
    assert jsonschema_rs.meta.is_valid(made)
    names = {ref.removeprefix("#/$defs/") for ref in refs(made) if ref != "#"}
    assert names <= made.get("$defs", {}).keys()


@pytest.mark.parametrize("name", NAMES)
@examples(8, **HARD)
@given(data=st.data())
def test_a_bundle_judges_as_the_schemas_do(name, data):
    value = data.draw(st.sampled_from(instances(name, "valid") + instances(name, "invalid")))
    if data.draw(st.booleans()) and len(list(places(value))) > 1:
        value = data.draw(damaged(value))
    if not has_whole_floats(value):
        assert bundle_of(name).is_valid(value) == judge(name).is_valid(value)
        assert bundled_domain(name).is_valid({"it": value}) == judge(name).is_valid(value)


@examples(50, **HARD)
@given(below=SCHEMAS, values=st.lists(VALUES, min_size=1, max_size=5))
def test_any_schema_can_be_bundled(below, values):
    with tempfile.TemporaryDirectory() as folder:
        found = catalog_of(folder, {"properties": {"it": below}})
    one, many = validator(bundled(found.documents)), SchemaCheck(found)
    for value in values:
        assert one.is_valid({"it": value}) == many.accepts({"it": value})


def test_the_bundle_of_the_reference_project_judges_as_the_project(tmp_path):
    done = run("schema", "bundle", "-o", tmp_path / "bundle.json")
    assert done.code == 0
    assert "wrote" in done.err
    text = (tmp_path / "bundle.json").read_text("utf-8")
    assert run("schema", "bundle").out == text
    one = validator(json.loads(text))

    @examples(20, **HARD)
    @given(data=st.data())
    def law(data):
        value = data.draw(st.sampled_from([target.config for target in project().targets()]).flatmap(damaged))
        assert one.is_valid(value) == (not project().schemas.schema_check.problems(value))

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
                "x-reload": "restart",
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
                    "names": {
                        "type": "array",
                        "items": {"type": "string"},
                        "x-kubernetes-list-type": "set",
                        "x-reload": "live",
                    },
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
        "`8` in one; `5` in two\n- **A new value:** needs a restart",
        "- **A new value:** needs no restart\n- **Merging:** layers are joined, each value once (list type `set`)",
        "list type `set`",
        "identified by `name` (list type `map`)",
        "**Deprecated.** Use `app.key` instead.",
        "described [elsewhere](app.md#app)",
    ):
        assert expected in text
    assert "CANARY" not in text + index
    levels = [len(marks) for marks in re.findall(r"^(#+) ", text, re.MULTILINE)]
    assert all(below <= level + 1 for level, below in itertools.pairwise(levels))  # site generators want it
    assert 3 in levels
    assert "[`app.port`](app.md#app.port)" in index
    (folder / "two.yaml").write_text("app: {port: 6}", "utf-8")
    stale = run("schema", "docs", "--check", cwd=folder)
    assert stale.code == 1
    assert "weft schema docs" in stale.err
    (folder / "two.yaml").write_text("app: {port: 66}", "utf-8")
    wrong = run("schema", "docs", cwd=folder)
    assert wrong.code == 1
    assert "`6` in two" not in (folder / "docs/settings/app.md").read_text("utf-8")


@pytest.mark.soak(few=4)
@pytest.mark.parametrize("name", NAMES)
def test_pages_can_be_made_of_any_schema(tmp_path, name):
    files = {"schema.json": root_over(name), f"{name}.json": schema_of(name)}
    made = pages(load_project(make_project(tmp_path, files)))
    assert sum(map(len, made.values())) < 1_500_000


def changes_of(folder, old, new, **neighbours):
    before = catalog_of(f"{folder}/old", old, **neighbours).documents
    after = catalog_of(f"{folder}/new", new, **neighbours).documents
    return compare(before, after)


def is_breaking(changes):
    return any(change.effect == "breaking" for change in changes)


def parts(schema):
    """Every schema within a schema that is a mapping, itself included."""
    if isinstance(schema, dict):
        yield schema
        for _, below in subschemas(schema):
            yield from parts(below)


@st.composite
def versions(draw):
    """A schema, and one that differs from it in a place or two."""
    old = draw(SCHEMAS.filter(lambda schema: isinstance(schema, dict)))
    new = copy.deepcopy(old)
    for _ in range(draw(st.integers(1, 2))):
        one = draw(st.sampled_from(list(parts(new))))
        if one and draw(st.booleans()):
            del one[draw(st.sampled_from(sorted(one)))]
        else:
            one.update(draw(SCHEMAS.filter(lambda schema: isinstance(schema, dict))))
    return old, new


def agree(old, new, values):
    """Whether the law holds for some values: what did not break takes them all."""
    with tempfile.TemporaryDirectory() as folder:
        found = changes_of(folder, {"properties": {"it": old}}, {"properties": {"it": new}})
    if not is_breaking(found):
        before, after = validator(old), validator(new)
        for value in values:
            assert after.is_valid(value) or not before.is_valid(value), found
    return found


@examples(60, **HARD)
@given(pair=versions(), values=st.lists(VALUES, min_size=5, max_size=20))
def test_where_nothing_breaks_every_valid_value_stays_valid(pair, values):
    agree(*pair, values)


def without_mappings(schema):
    """The same schema for values that are not mappings: hypothesis-jsonschema 0.23 cannot make those with this hypothesis."""
    if not isinstance(schema, dict):
        return schema
    types = schema.get("type", ["null", "boolean", "integer", "number", "string", "array"])
    kept = {key: value for key, value in schema.items() if key not in ("unevaluatedItems", "unevaluatedProperties")}
    kept = rebuild(kept, lambda _, below: without_mappings(below))
    return kept | {"type": [name for name in types if name != "object"] or ["null"]}


@examples(40, **HARD)
@given(data=st.data())
def test_where_nothing_breaks_every_value_made_of_the_old_schema_is_valid(data):
    old, new = map(without_mappings, data.draw(versions()))
    try:
        values = from_schema(old)
        values.validate()
    except (InvalidArgument, jsonschema.SchemaError):
        return
    if not values.is_empty:
        agree(old, new, [data.draw(values) for _ in range(3)])


@pytest.mark.soak(few=4)
@pytest.mark.parametrize("name", NAMES)
@examples(2, **HARD)
@given(data=st.data())
def test_a_published_schema_may_change_without_breaking(name, data):
    old = schema_of(name)
    new = copy.deepcopy(old)
    one = data.draw(st.sampled_from(list(parts(new))))
    words = sorted(one.keys() & {*KEYWORDS, "additionalProperties", "required", "anyOf", "title"})
    for word in words[:1]:
        del one[word]
    with tempfile.TemporaryDirectory() as folder:
        found = compare(catalog(name).documents, catalog_of(folder, new).documents)
    if not is_breaking(found):
        after = judge_of(new)
        for value in instances(name, "valid"):
            assert after.is_valid(value), found


def test_every_kind_of_change_is_told_with_its_effect(tmp_path):
    def app(**properties):
        return {"type": "object", "properties": properties, "additionalProperties": False}

    text, number = {"type": "string"}, {"type": "integer"}
    for old, new, expected in (
        (app(a=text), app(), ("breaking", "removed", "a")),
        (app(), app(a=text), ("compatible", "added", "a")),
        (app(a={"type": ["string", "null"]}), app(a=text), ("breaking", "type", "a")),
        (app(a=number), app(a={"type": "number"}), ("compatible", "type", "a")),
        (app(a={**number, "maximum": 9}), app(a={**number, "maximum": 8}), ("breaking", "bound", "a")),
        (app(a={**number, "maximum": 9}), app(a={**number, "exclusiveMaximum": 9}), ("breaking", "bound", "a")),
        (app(a={**number, "maximum": 9}), app(a={**number, "maximum": 10}), ("compatible", "bound", "a")),
        (app(a=text), {**app(a=text), "required": ["a"]}, ("breaking", "required", "a")),
        ({**app(a=text), "required": ["a"]}, app(a=text), ("compatible", "required", "a")),
        (app(a={"enum": ["x", "y"]}), app(a={"enum": ["x"]}), ("breaking", "values", "a")),
        (app(a={"enum": ["x"]}), app(a={"enum": ["x", "y"]}), ("compatible", "values", "a")),
        (app(a=text), app(a={**text, "pattern": "^x"}), ("breaking", "pattern", "a")),
        (app(a={**text, "format": "date"}), app(a=text), ("compatible", "format", "a")),
        (app(a=text), app(a={"anyOf": [number, {"type": "boolean"}]}), ("breaking", "composed", "a")),
        (app(a=text), app(a={"anyOf": [number, text]}), None),
        (app(a={"oneOf": [number, text]}), app(a={"oneOf": [text, number, {"type": "null"}]}), None),
        (app(a={"not": {"const": 1}}), app(a={"not": {"enum": [1, 2]}}), ("breaking", "composed", "a")),
        (app(a={"not": {"enum": [1, 2]}}), app(a={"not": {"const": 1}}), None),
        (app(a={"items": text}), app(a={"items": {**text, "maxLength": 3}}), ("breaking", "bound", "a[]")),
        ({}, {"additionalProperties": False}, ("breaking", "removed", "<name>")),
        (app(a=text), app(a={**text, "x-kubernetes-validations": [{"rule": "self != ''"}]}), ("breaking", "rule", "a")),
        (app(a={**number, "default": 1}), app(a={**number, "default": 2}), ("compatible", "default", "a")),
        (app(a={**number, "default": 1}), app(a=number), ("breaking", "default", "a")),
        (app(a={**number, "x-env": "A"}), app(a={**number, "x-env": "B"}), ("breaking", "x-env", "a")),
        (app(a={**number, "x-unit": "seconds"}), app(a={**number, "x-unit": "ms"}), ("breaking", "x-unit", "a")),
        (app(a=text), app(a={**text, "x-sensitive": True}), ("breaking", "x-sensitive", "a")),
        (app(a=text), app(a={**text, "title": "A"}), ("cosmetic", "title", "a")),
        (
            {"patternProperties": {"^a": {"items": text}}},
            {"patternProperties": {"^a": {"items": text, "x-kubernetes-list-type": "set"}}},
            ("breaking", "x-kubernetes-list-type", "<^a>"),
        ),
        (
            {"prefixItems": [text, {**text, "default": "a"}]},
            {"prefixItems": [text, text]},
            ("breaking", "default", "[1]"),
        ),
        (
            {"unevaluatedProperties": {"items": text}},
            {"unevaluatedProperties": {"items": text, "x-kubernetes-list-type": "set"}},
            ("breaking", "x-kubernetes-list-type", "<name>"),
        ),
        (
            {"unevaluatedItems": {**text, "x-unit": "s"}},
            {"unevaluatedItems": {**text, "x-unit": "ms"}},
            ("breaking", "x-unit", "[]"),
        ),
        # a rule for a part of the listed values
        (
            app(a={"const": {"b": 5}}),
            app(a=app(b={**number, "x-kubernetes-validations": [{"rule": "self < 3"}]})),
            ("breaking", "rule", "a"),
        ),
        (app(a={"const": 5}), app(a={**number, "title": "A"}), None),
        # which also checks values without an earlier one
        (
            app(a={**number, "x-kubernetes-validations": [{"rule": "self == oldSelf"}]}),
            app(a={**number, "x-kubernetes-validations": [{"rule": "self == oldSelf", "optionalOldSelf": True}]}),
            ("breaking", "rule", "a"),
        ),
    ):
        found = [(str(one.effect), one.code, one.path) for one in changes_of(tmp_path, old, new)]
        assert (expected in found) if expected else not any(one[0] == "breaking" for one in found), (old, new, found)


def test_a_renamed_setting_is_breaking_and_told_with_its_successor(tmp_path):
    old = {
        "properties": {"a": {"type": "string", "title": "It"}, "b": {"type": "string"}},
        "additionalProperties": False,
    }
    new = {
        "properties": {"c": {"type": "string", "title": "It"}, "b": {"type": "string"}},
        "additionalProperties": False,
    }
    gone, added = changes_of(tmp_path, old, new)
    assert (gone.path, added.path) == ("a", "c")
    assert "x-renamed-to: c" in gone.hint
    kept = {
        **new,
        "properties": {**new["properties"], "a": {**old["properties"]["a"], "deprecated": True, "x-renamed-to": "c"}},
    }
    assert not is_breaking(changes_of(tmp_path, old, kept))
    assert "as announced: use `c`" in changes_of(tmp_path, kept, new)[0].message


def test_revisions_of_git_are_compared_and_places_named(tmp_path):
    folder = make_project(
        tmp_path,
        {
            "schema.json": {"properties": {"app": {"$ref": "app.json"}}},
            "app.json": {"properties": {"a": {"type": "string"}}},
        },
    )
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *command], check=True)
    assert run("schema", "diff", "--since", "HEAD", cwd=folder).code == 0
    (folder / "app.json").write_text('{"properties": {"a": {\n  "type": "integer"}}}\n', "utf-8")
    done = run("schema", "diff", "--since", "HEAD", cwd=folder)
    assert done.code == 1
    assert 'breaking: app.a allows fewer types: "string" -> "integer"\n  --> app.json:2:3' in done.out
    both = run("schema", "diff", "HEAD:schema.json", "schema.json", "--format", "json", cwd=folder)
    assert both.code == 1
    assert json.loads(both.out)["summary"]["breaking"] == 1
    for wrong in (
        ["nowhere:schema.json", "schema.json"],
        ["HEAD:none.json", "schema.json"],
        ["none.json", "schema.json"],
        [],
        ["--since=--output=x"],
    ):
        assert run("schema", "diff", *wrong, cwd=folder).code == 2


def generated(language, *args, **kwargs):
    done = run("schema", "types", "--language", language, *args, **kwargs)
    assert done.code == 0, done.err
    return done.out


def program(name):
    return shutil.which(name, path=str(Path(sys.prefix, "node_modules", ".bin"))) or shutil.which(name)


@pytest.mark.unmeasured("measures mypy")
@pytest.mark.programs("sh")  # it starts mypy
def test_mypy_takes_the_types_for_python(tmp_path):
    (tmp_path / "made.py").write_text(generated("python"), "utf-8")
    use = """
        from made import Configuration

        def size(config: Configuration) -> int:
            return config["database"]["postgresql"]["pool"]["size"]

        def wrong(config: Configuration) -> str:
            return config["database"]["postgresql"]["pool"]["size"]
    """
    write_files(tmp_path, {"use.py": use})
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "use.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "use.py:8: error: Incompatible return value type" in done.stdout, done.stdout
    assert "Found 1 error" in done.stdout


@pytest.mark.programs("node", "json2ts", "tsc")
def test_tsc_takes_the_types_for_typescript(tmp_path):
    made = generated("typescript")
    use = 'import type { Configuration } from "./made";\nexport const size = (it: Configuration): number => it.database.postgresql.pool.size;\n'
    write_files(tmp_path, {"made.ts": made, "use.ts": use})
    command = [program("tsc"), "--noEmit", "--strict", "use.ts"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


ODD = {
    "properties": {
        "a": {"type": "string", "description": 'ends */ here """ and \\d \\'},
        "class": {"type": "integer", "default": 1},
        "a-b": {"type": "object", "properties": {"below": {"$ref": "#"}}},
        "secret": {"type": "string", "x-sensitive": True, "default": "CANARY"},
    },
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    "language", ["python", pytest.param("typescript", marks=pytest.mark.programs("node", "json2ts"))]
)
def test_odd_names_and_texts_do_not_break_the_types(tmp_path, language):
    made = generated(language, cwd=make_project(tmp_path, {"schema.json": ODD}))
    assert "CANARY" not in made
    if language == "python":
        compile(made, "made.py", "exec")
        assert "'class': int" in made
    else:
        assert "class: number;" in made


def test_types_leave_keys_open_that_patterns_describe_and_keep_the_names_of_types(tmp_path):
    text = {"type": "string"}
    named = {"properties": {"a": text}, "additionalProperties": False}
    schema = {"properties": {"any": named, "app": {**named, "patternProperties": {"^x-": text}}}}
    made = typed_schema(catalog_of(tmp_path, schema), closed=True)["properties"]
    assert "additionalProperties" not in made["app"]
    assert made["any"]["additionalProperties"] is False
    assert (made["any"]["title"], made["app"]["title"]) == ("AnyMapping", "App")


def test_a_generator_that_is_missing_is_told(monkeypatch):
    monkeypatch.setattr("weft.derived.types.find_spec", lambda _: None)
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    for language, hint in (("python", "pip install 'datamodel-code-generator>="), ("typescript", "npm install")):
        done = run("schema", "types", "--language", language)
        assert done.code == 3
        assert hint in done.err


SECRET = {"type": "string", "x-sensitive": True}
SPELLED_OUT = {
    "the examples of a list": {"type": "array", "items": SECRET, "examples": [["CANARY"], ["ref+env://SHOWN"]]},
    "the values of a list": {"type": "array", "items": SECRET, "enum": [["CANARY"]]},
    "a default": {**SECRET, "default": "CANARY"},
    "the example of a mapping": {"type": "object", "properties": {"a": SECRET}, "examples": [{"a": "CANARY"}]},
    "the default of a mapping": {"type": "object", "properties": {"a": SECRET}, "default": {"a": "CANARY"}},
    "the value of a mapping": {"type": "object", "properties": {"a": SECRET}, "const": {"a": "CANARY"}},
    "the values of a free mapping": {"type": "object", "additionalProperties": SECRET, "enum": [{"b": "CANARY"}]},
}


@pytest.mark.parametrize("name", SPELLED_OUT)
def test_no_derived_file_repeats_a_secret_that_the_schema_spells_out(tmp_path, name):
    schema = {"type": "object", "properties": {"app": {"type": "object", "properties": {"it": SPELLED_OUT[name]}}}}
    found = catalog_of(tmp_path, schema)
    made = {
        "bundle": bundled(found.documents),
        "overlay": overlay_schema(found.root, "it"),
        "crd": crd_of(found.root),
        "types": typed_schema(found, closed=True),
        "docs": pages(load_project(make_project(tmp_path, {"schema.json": schema}))),
        "diff": [one.as_dict() for one in changes_of(tmp_path, schema, {"properties": {"app": False}})],
    }
    assert [kind for kind, what in made.items() if "CANARY" in json.dumps(what, default=str)] == []
    assert "SHOWN" in json.dumps([made["bundle"], made["overlay"], made["docs"]]) or "examples of a list" not in name
    assert validator(made["bundle"]).is_valid({"app": {"it": "CANARY"}}) is False


def test_a_list_that_contains_itself_has_a_page(tmp_path):
    tree = {"type": "array", "items": {"$ref": "#/$defs/tree"}}
    schema = {"$defs": {"tree": tree}, "properties": {"app": {"properties": {"tree": {"$ref": "#/$defs/tree"}}}}}
    made = pages(load_project(make_project(tmp_path, {"schema.json": schema})))
    assert "each item is such a list again" in made["app.md"]


def test_an_overlay_schema_refuses_unknown_keys_that_are_unevaluated(tmp_path):
    def takes(**more):
        closed = {"type": "object", "properties": {"a": {}}, "unevaluatedProperties": False, **more}
        made = overlay_schema(catalog_of(tmp_path, {"properties": {"it": closed}}).root, "it")
        return [jsonschema.Draft7Validator(made).is_valid({"it": {key: 1}}) for key in ("a", "b", "c")]

    assert takes() == [True, False, False]
    assert takes(anyOf=[{"properties": {"b": {}}}]) == [True, True, False]
    assert takes(patternProperties={"^b": {}}) == [True, True, False]
    # what may evaluate any key leaves the mapping open
    assert takes(**{"if": {"properties": {"b": {}}}}) == takes(anyOf=[{"patternProperties": {"^b": {}}}]) == [True] * 3
    assert takes(anyOf=[{"additionalProperties": {}}]) == [True] * 3


def test_an_overlay_schema_takes_the_operators_of_a_list_that_may_be_something_else(tmp_path):
    either = {"type": ["array", "string", "null"], "items": {"type": "string"}}
    schema = {"properties": {"it": either, "plain": {"type": ["string", "null"]}}}
    found = catalog_of(tmp_path, schema)
    judged = jsonschema.Draft7Validator(overlay_schema(found.root, "it"))
    layers = {"schema.json": schema, "base.yaml": "it: [a]\n", "top.yaml": "it: {$append: [b]}\n"}
    project = load_project(make_project(tmp_path, layers, layers=["base", "top"]))
    (target,) = project.targets()
    assert target.config["it"] == ["a", "b"]
    assert judged.is_valid({"it": {"$append": ["b"]}})
    assert not judged.is_valid({"plain": {"$append": ["b"]}})
