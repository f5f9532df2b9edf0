"""Schemas as people write them: every draft, every way to refer, and what is said about one that is wrong."""

import gc
import json
import re

import jsonschema
import pytest
from jsonschema_specifications import REGISTRY as METASCHEMAS

from run import run
from scratch import catalog_of, make_project, write_files
from weft import WeftError, load_project
from weft.derived.overlay_schema import overlay_schema
from weft.files.reading import ProjectFiles
from weft.schema.catalog import Catalog
from weft.schema.loader import load_documents
from weft.stages.validate import SchemaCheck

DRAFTS = {
    "4": "http://json-schema.org/draft-04/schema#",
    "6": "http://json-schema.org/draft-06/schema#",
    "7": "http://json-schema.org/draft-07/schema#",
    "2019-09": "https://json-schema.org/draft/2019-09/schema",
    "2020-12": "https://json-schema.org/draft/2020-12/schema",
}


def codes(catalog, config):
    return [(problem.code, problem.path) for problem in SchemaCheck(catalog).problems(config)]


def service(draft):
    """One schema in the words of each draft: definitions, an identifier, a tuple, an exclusive bound, a dependency."""
    definitions = "$defs" if draft.startswith("20") else "definitions"
    schema = {
        "$schema": DRAFTS[draft],
        "id" if draft == "4" else "$id": "https://example.com/schemas/service.json",
        "type": "object",
        "required": ["name"],
        "additionalProperties": False,
        "properties": {
            "name": {"$ref": f"#/{definitions}/name"},
            "port": {"type": "integer", "minimum": 0, "default": 80},
            "ratio": {"type": "number", "minimum": 0, "exclusiveMinimum": True}
            if draft == "4"
            else {"type": "number", "exclusiveMinimum": 0},
            "user": {"type": "string"},
            "password": {"type": "string"},
            "below": {"$ref": "#"},
        },
        definitions: {"name": {"type": "string", "minLength": 2}},
    }
    pair = [{"type": "string"}, {"type": "integer"}]
    if draft == "2020-12":
        schema["properties"]["pair"] = {"prefixItems": pair, "items": False}
    else:
        schema["properties"]["pair"] = {"items": pair, "additionalItems": False}
    schema["dependentRequired" if draft.startswith("20") else "dependencies"] = {"user": ["password"]}
    return schema


VALID = [
    {"name": "ab"},
    {"name": "ab", "port": 0, "ratio": 0.5, "pair": ["x", 1], "user": "u", "password": "p"},
    {"name": "ab", "below": {"name": "cd", "below": {"name": "ef"}}},
    {"name": "ab", "pair": []},
]
INVALID = {
    ("missing-required", "/name"): {},
    ("wrong-size", "/name"): {"name": "a"},
    ("wrong-type", "/port"): {"name": "ab", "port": "80"},
    ("out-of-range", "/port"): {"name": "ab", "port": -1},
    ("out-of-range", "/ratio"): {"name": "ab", "ratio": 0},
    ("unknown-key", "/prot"): {"name": "ab", "prot": 1},
    ("missing-required", "/password"): {"name": "ab", "user": "u"},
    ("wrong-type", "/pair/1"): {"name": "ab", "pair": ["x", "y"]},
    ("missing-required", "/below/name"): {"name": "ab", "below": {}},
    ("wrong-size", "/below/below/name"): {"name": "ab", "below": {"name": "cd", "below": {"name": "e"}}},
}


@pytest.mark.parametrize("draft", DRAFTS)
def test_a_schema_of_any_draft_can_be_the_root(tmp_path, draft):
    catalog = catalog_of(tmp_path, service(draft))
    for config in VALID:
        assert codes(catalog, catalog.root.fill(config)) == []
    for finding, config in INVALID.items():
        assert codes(catalog, catalog.root.fill(config)) == [finding]
    assert len(codes(catalog, {"name": "ab", "pair": ["x", 1, 2]})) == 1
    assert catalog.root.fill({"name": "ab"}) == {"name": "ab", "port": 80}


@pytest.mark.parametrize("draft", DRAFTS)
@pytest.mark.parametrize("outer", ["7", "2020-12"])
def test_a_schema_of_any_draft_can_be_the_only_domain(tmp_path, draft, outer):
    root = {
        "$schema": DRAFTS[outer],
        "type": "object",
        "properties": {"service": {"$ref": "vendor/service.json"}},
        "additionalProperties": False,
    }
    make_project(
        tmp_path,
        {
            "schema.json": root,
            "vendor/service.json": service(draft),
            "base.yaml": "service: {name: ab, pair: [x, 1], below: {name: cd}}\n",
        },
    )
    target = load_project(tmp_path).target()
    assert target.problems() == []
    assert target.config["service"]["port"] == target.config["service"]["below"]["port"] == 80
    for (code, path), config in INVALID.items():
        write_files(tmp_path, {"base.yaml": {"service": config}})
        found = load_project(tmp_path).target().problems()
        assert [(problem.code, problem.path) for problem in found] == [(code, f"/service{path}")]
    write_files(tmp_path, {"base.yaml": {"service": {"name": "ab", "pair": ["x", 1, 2]}}})
    assert load_project(tmp_path).target().problems()


@pytest.mark.parametrize("draft", DRAFTS)
def test_the_overlay_schema_can_be_derived_of_any_draft(tmp_path, draft):
    derived = overlay_schema(catalog_of(tmp_path, service(draft)).root, "x")
    validator = jsonschema.Draft7Validator(derived)
    validator.check_schema(derived)
    for config in VALID:
        assert validator.is_valid(config)
    assert validator.is_valid({"below": {"port": 1}})
    assert validator.is_valid({"port": None, "below": None})
    assert not validator.is_valid({"prot": 1})
    assert not validator.is_valid({"below": {"prot": 1}})
    assert not validator.is_valid({"port": "80"})


@pytest.mark.parametrize(
    "spelling",
    [
        "http://json-schema.org/draft-07/schema#",
        "http://json-schema.org/draft-07/schema",
        "https://json-schema.org/draft-07/schema#",
        "https://json-schema.org/draft-07/schema",
        "http://json-schema.org/draft-04/schema",
        "https://json-schema.org/draft-06/schema",
        "http://json-schema.org/draft/2020-12/schema",
        "https://json-schema.org/draft/2020-12/schema#",
        "http://json-schema.org/draft/2019-09/schema#",
    ],
)
def test_a_draft_may_be_spelled_oddly(tmp_path, spelling):
    draft = next(draft for draft in DRAFTS if draft in spelling.replace("draft-0", "draft-"))
    catalog = catalog_of(tmp_path, {**service(draft), "$schema": spelling})
    for config in VALID:
        assert codes(catalog, config) == []
    for finding, config in INVALID.items():
        assert codes(catalog, config) == [finding]


KEYWORDS = sorted(
    {name for uri in METASCHEMAS for name in METASCHEMAS.contents(uri).get("properties", ())} - {"$schema"}
)
ODD = [None, 5, "x", ["x"], [{}, []], {"a": 5}, {"$ref": 5}]


@pytest.mark.soak
@pytest.mark.parametrize("keyword", KEYWORDS)
@pytest.mark.parametrize("draft", DRAFTS)
def test_any_keyword_may_have_any_value_in_any_draft(tmp_path, draft, keyword):
    """A draft's metaschema says nothing about the keywords of later ones, which Weft follows in all of them."""
    for number, value in enumerate(ODD):
        part = {keyword: value}
        schema = {"properties": {"a": part, "b": {"items": part}, "c": part | {"type": "string"}}}
        config = {"a": "x", "b": [1, "x", {"a": 1}]}
        folder = make_project(
            tmp_path / str(number),
            {"schema.json": {"$schema": DRAFTS[draft], **schema}, "overlays/base/all.yaml": config},
        )
        for command in (["validate"], ["schema", "check"]):
            assert run("-C", folder, *command).code in (0, 1), value


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("$ref", {"a": "b"}), ("if", 5), ("dependentSchemas", 5), ("dependentRequired", {"a": 5}), ("contentEncoding", 5)],
)
def test_a_keyword_of_a_later_draft_with_a_wrong_value_is_a_mistake(tmp_path, keyword, value):
    schema = {"$schema": DRAFTS["4"], "properties": {"a": {keyword: value}}}
    with pytest.raises(WeftError) as caught:
        catalog_of(tmp_path, schema)
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == ("schema-invalid", None)
    assert f"`{keyword}` is a keyword" in problem.hint


def test_without_a_draft_it_is_the_newest(tmp_path):
    catalog = catalog_of(tmp_path, {"prefixItems": [{"type": "string"}]})
    assert codes(catalog, [1]) == [("wrong-type", "/0")]


@pytest.mark.parametrize("draft", ["4", "6", "7"])
def test_what_stands_beside_a_ref_says_nothing_in_the_old_drafts(tmp_path, draft):
    schema = {
        "$schema": DRAFTS[draft],
        "definitions": {"any": {}},
        "properties": {"a": {"$ref": "#/definitions/any", "type": "string", "maximum": 3}},
    }
    assert codes(catalog_of(tmp_path, schema), {"a": 5}) == []


@pytest.mark.parametrize("draft", ["2019-09", "2020-12"])
def test_what_stands_beside_a_ref_counts_in_the_new_drafts(tmp_path, draft):
    schema = {
        "$schema": DRAFTS[draft],
        "$defs": {"any": {}},
        "properties": {"a": {"$ref": "#/$defs/any", "maximum": 3}},
    }
    assert codes(catalog_of(tmp_path, schema), {"a": 5}) == [("out-of-range", "/a")]


def test_an_exclusive_bound_of_draft_4_is_told_as_one(tmp_path):
    schema = {"$schema": DRAFTS["4"], "properties": {"a": {"minimum": 0, "exclusiveMinimum": True}}}
    (problem,) = SchemaCheck(catalog_of(tmp_path, schema)).problems({"a": 0})
    assert "more than 0" in problem.message
    assert "True" not in f"{problem.hint}"


# --- references


def one_ref(ref, **definitions):
    return {"properties": {"a": {"$ref": ref}}, **definitions}


@pytest.mark.parametrize(
    "schema",
    [
        one_ref("#/$defs/n", **{"$defs": {"n": {"type": "integer"}}}),
        one_ref("#/definitions/n", definitions={"n": {"type": "integer"}}),
        one_ref("#n", **{"$defs": {"n": {"$anchor": "n", "type": "integer"}}}),
        one_ref("#/properties/b", x=1) | {"properties": {"a": {"$ref": "#/properties/b"}, "b": {"type": "integer"}}},
        one_ref(
            "#/$defs/two/items/0", **{"$schema": DRAFTS["2019-09"], "$defs": {"two": {"items": [{"type": "integer"}]}}}
        ),
        one_ref("#/$defs/all/allOf/1", **{"$defs": {"all": {"allOf": [{}, {"type": "integer"}]}}}),
        one_ref("#/$defs/a%20b", **{"$defs": {"a b": {"type": "integer"}}}),
        one_ref("#/$defs/a~1b", **{"$defs": {"a/b": {"type": "integer"}}}),
        one_ref("#/$defs/a~0b", **{"$defs": {"a~b": {"type": "integer"}}}),
        one_ref("#/$defs/100%25", **{"$defs": {"100%": {"type": "integer"}}}),
        one_ref("#/$defs/%2541", **{"$defs": {"%41": {"type": "integer"}}}),
        one_ref("#/$defs/Record%3Cstring%2C%22a%22%3E", **{"$defs": {'Record<string,"a">': {"type": "integer"}}}),
        one_ref("#/$defs/gr%C3%B6%C3%9Fe", **{"$defs": {"größe": {"type": "integer"}}}),
        one_ref("#/$defs/größe", **{"$defs": {"größe": {"type": "integer"}}}),
        one_ref("#/$defs/a%23b", **{"$defs": {"a#b": {"type": "integer"}}}),
        one_ref("#/components/schemas/n", components={"schemas": {"n": {"type": "integer"}}}),
        one_ref("#/components/m", components={"m": {"$ref": "#/components/n"}, "n": {"type": "integer"}}),
        one_ref("#/x-types/m", **{"x-types": {"m": {"allOf": [{"$ref": "#/x-types/n"}]}, "n": {"type": "integer"}}}),
        one_ref(
            "https://example.com/n.json", **{"$defs": {"n": {"$id": "https://example.com/n.json", "type": "integer"}}}
        ),
        one_ref(
            "n.json", **{"$id": "https://example.com/a/root.json", "$defs": {"n": {"$id": "n.json", "type": "integer"}}}
        ),
        one_ref(
            "b/n.json#/$defs/deep",
            **{
                "$id": "https://example.com/a/root.json",
                "$defs": {
                    "n": {"$id": "b/n.json", "$defs": {"deep": {"$ref": "#/$defs/own"}, "own": {"type": "integer"}}}
                },
            },
        ),
        one_ref("urn:example:n", **{"$defs": {"n": {"$id": "urn:example:n", "type": "integer"}}}),
        one_ref("#n", **{"$schema": DRAFTS["7"], "definitions": {"n": {"$id": "#n", "type": "integer"}}}),
        one_ref("#n", **{"$schema": DRAFTS["4"], "definitions": {"n": {"id": "#n", "type": "integer"}}}),
        {"$ref": "#/$defs/root", "$defs": {"root": {"properties": {"a": {"type": "integer"}}}}},
        {"allOf": [{"$ref": "#/$defs/root"}], "$defs": {"root": {"properties": {"a": {"type": "integer"}}}}},
        {"properties": {"a": {"$dynamicRef": "#n"}}, "$defs": {"n": {"$dynamicAnchor": "n", "type": "integer"}}},
    ],
    ids=lambda schema: json.dumps(schema)[:60],
)
def test_a_reference_leads_to_its_schema(tmp_path, schema):
    catalog = catalog_of(tmp_path, schema)
    assert "integer" in catalog.root.child("a").types
    assert codes(catalog, {"a": 1}) == []
    assert codes(catalog, {"a": "x"}) == [("wrong-type", "/a")]
    assert type(SchemaCheck(catalog)._screen).__module__.startswith("jsonschema_rs"), (
        "the fast validator must know it too"
    )


@pytest.mark.parametrize(
    ("root", "neighbours"),
    [
        (one_ref("n.json"), {"n.json": {"type": "integer"}}),
        (one_ref("./sub/n.json"), {"sub/n.json": {"type": "integer"}}),
        (one_ref("sub/m.json"), {"sub/m.json": {"$ref": "../n.json"}, "n.json": {"type": "integer"}}),
        (one_ref("n.json#/$defs/deep"), {"n.json": {"$defs": {"deep": {"type": "integer"}}}}),
        (one_ref("n.json#deep"), {"n.json": {"$defs": {"x": {"$anchor": "deep", "type": "integer"}}}}),
        (one_ref("n.yaml"), {"n.yaml": "type: integer\n"}),
        (one_ref("a%20b.json"), {"a b.json": {"type": "integer"}}),
        (one_ref("n.json") | {"$id": "root.json"}, {"n.json": {"type": "integer"}}),
        (one_ref("n.json") | {"$id": "schema.json"}, {"n.json": {"$id": "n.json", "type": "integer"}}),
        (one_ref("n.json") | {"$id": "https://example.com/s/root.json"}, {"n.json": {"type": "integer"}}),
        (
            one_ref("n.json") | {"$id": "https://example.com/s/root.json"},
            {"n.json": {"$id": "https://example.com/s/n.json", "type": "integer"}},
        ),
        (one_ref("sub/n.json") | {"$id": "https://example.com/s/root.json"}, {"sub/n.json": {"type": "integer"}}),
        (one_ref("https://other.org/n"), {"elsewhere/any.json": {"$id": "https://other.org/n", "type": "integer"}}),
        (
            one_ref("https://other.org/n#/$defs/x"),
            {"n.json": {"$id": "https://other.org/n#", "$defs": {"x": {"type": "integer"}}}},
        ),
        (one_ref("/schemas/n"), {"n.json": {"$id": "/schemas/n", "type": "integer"}}),
        (one_ref("urn:x:n"), {"n.json": {"$id": "urn:x:n", "type": "integer"}}),
        (
            one_ref("m.json#/definitions/p"),
            {"m.json": {"definitions": {"p": {"$ref": "schema.json#/definitions/n"}}}, "other.json": {}},
        ),
    ],
    ids=lambda value: json.dumps(value)[:60],
)
def test_a_reference_leads_to_another_file(tmp_path, root, neighbours):
    schema = {**root, "definitions": {"n": {"type": "integer"}}}
    write_files(
        tmp_path, {"schemas/schema.json": schema, **{f"schemas/{name}": text for name, text in neighbours.items()}}
    )
    catalog = Catalog(load_documents(tmp_path / "schemas/schema.json", ProjectFiles(tmp_path)))
    assert catalog.root.child("a").types == {"integer"}
    assert codes(catalog, {"a": 1}) == []
    assert codes(catalog, {"a": "x"}) == [("wrong-type", "/a")]


@pytest.mark.parametrize("draft", DRAFTS)
def test_a_schema_may_refer_to_a_metaschema(tmp_path, draft):
    catalog = catalog_of(tmp_path, {"properties": {"schema": {"$ref": DRAFTS[draft]}}})
    assert codes(catalog, {"schema": {"type": "string", "properties": {"a": {"minLength": 1}}}}) == []
    assert codes(catalog, {"schema": {"type": "text"}})
    assert codes(catalog, {"schema": {"properties": {"a": {"minLength": "one"}}}}), "nested schemas are schemas too"
    assert overlay_schema(catalog.root, "x")


def test_a_property_named_like_a_keyword_is_a_property(tmp_path):
    names = [
        "$ref",
        "$id",
        "id",
        "$schema",
        "properties",
        "items",
        "default",
        "x-sensitive",
        "propertyNames",
        "$defs",
        "type",
    ]
    schema = {"properties": {name: {"type": "integer"} for name in names}, "additionalProperties": False}
    catalog = catalog_of(tmp_path, schema)
    assert codes(catalog, dict.fromkeys(names, 1)) == []
    for name in names:
        assert codes(catalog, {name: "x"}) == [("wrong-type", f"/{name}")]
    assert [name for name in catalog.root.properties if not catalog.root.child(name).types] == []


def test_a_reference_inside_a_value_is_a_value(tmp_path):
    value = {"$ref": "nowhere.json", "$id": "x"}
    schema = {"properties": {"a": {"default": value, "enum": [value], "examples": [value]}, "b": {"const": value}}}
    catalog = catalog_of(tmp_path, schema)
    assert catalog.root.fill({}) == {"a": value}
    assert codes(catalog, {"a": value, "b": value}) == []


def test_a_sensitive_setting_is_one_wherever_its_schema_is_kept(tmp_path):
    schema = one_ref(
        "#/components/login", components={"login": {"properties": {"word": {"type": "string", "x-sensitive": True}}}}
    )
    catalog = catalog_of(tmp_path, schema)
    assert codes(catalog, {"a": {"word": "ref+env://WORD"}}) == []
    assert codes(catalog, {"a": {"word": "canary"}}) == [("literal-secret", "/a/word")]


# --- what is wrong with schemas


def refused(folder, files, **weft):
    """The problems of a project that cannot be loaded, as code, file, line and column."""
    make_project(folder, {"base.yaml": "a: 1\n", **files}, **weft)
    with pytest.raises(WeftError) as caught:
        load_project(folder)
    return [(p.code, p.place.file, p.place.line, p.place.column) for p in caught.value.problems]


@pytest.mark.parametrize(
    ("schema", "code", "place"),
    [
        ('{\n  "type": "text"\n}', "schema-invalid", (2, 11)),
        ('{\n  "properties": {\n    "a": {"minimum": "1"}\n  }\n}', "schema-invalid", (3, 22)),
        ('{"$schema": "https://example.com/mine"}', "schema-invalid", (1, 13)),
        ('{"$schema": "http://json-schema.org/draft-03/schema#"}', "schema-invalid", (1, 13)),
        ("[]", "schema-invalid", (1, 1)),
        ('"x"', "schema-invalid", (1, 1)),
        ("null", "schema-invalid", (1, 1)),
        ('{"pattern": "("}', "schema-invalid", (1, 13)),
        ('{"x-kubernetes-list-type": "bag"}', "schema-invalid", (1, 28)),
        ('{"x-kubernetes-list-type": "map"}', "schema-invalid", (1, 1)),
        ('{"$ref": "#/$defs/x"}', "schema-ref-nowhere", (1, 10)),
        ('{"$ref": "#anchor"}', "schema-ref-nowhere", (1, 10)),
        ('{"$ref": "gone.json"}', "schema-ref-nowhere", (1, 10)),
        ('{"$ref": "schema.json#/$defs/x"}', "schema-ref-nowhere", (1, 10)),
        ('{"$ref": "https://example.com/x.json"}', "schema-ref-network", (1, 10)),
        ('{"$ref": "http://json-schema.org/draft-07/schema#/definitions/gone"}', "schema-ref-nowhere", (1, 10)),
        ('{"allOf": [{"$ref": "#"}]}', "schema-ref-cycle", None),
        ('{"properties": {"a": {"$ref": "#/properties/a"}}}', "schema-ref-cycle", None),
        ('{"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"anyOf": [{"$ref": "#/$defs/a"}]}}}', "schema-ref-cycle", None),
        (
            '{"components": {"a": {"$ref": "#/components/gone"}}, "$ref": "#/components/a"}',
            "schema-ref-nowhere",
            (1, 31),
        ),
        ("{", "syntax", (1, 2)),
        ("", "empty-file", (1, 1)),
        ('{"a": 1, "a": 2}', "duplicate-key", None),
    ],
)
def test_a_schema_that_is_wrong_is_told_with_its_place(tmp_path, schema, code, place):
    (found,) = refused(tmp_path, {"schema.json": schema})
    assert found[:2] == (code, "schema.json")
    if place:
        assert found[2:] == place
    assert found[2] is not None


def test_every_problem_of_every_schema_file_is_told(tmp_path):
    schema = {"properties": {"a": {"$ref": "a.json"}, "b": {"$ref": "b.json"}, "c": {"$ref": "c.json"}}}
    found = refused(tmp_path, {"schema.json": schema, "a.json": {"type": 1}, "b.json": {"$ref": "gone.json"}})
    assert sorted(problem[:2] for problem in found) == [
        ("schema-invalid", "a.json"),
        ("schema-ref-nowhere", "b.json"),
        ("schema-ref-nowhere", "schema.json"),
    ]


def test_a_schema_that_is_not_there(tmp_path):
    ((code, file, *_),) = refused(tmp_path, {}, schema="schemas/root.schema.json")
    assert (code, file) == ("schema-not-found", "weft.yaml")


def test_a_search_for_a_schema_passes_over_what_it_cannot_read(tmp_path):
    tmp_path.joinpath("folder.json").mkdir()
    tmp_path.joinpath("loop.json").symlink_to("loop.json")
    files = {
        "schema.json": one_ref("https://example.com/n"),
        "broken.json": "{",
        "deep.json": "[" * 200_000,
        "list.json": "[1]",
    }
    assert [found[0] for found in refused(tmp_path, files)] == ["schema-ref-network"]
    write_files(tmp_path, {"n.json": {"$id": "https://example.com/n"}})
    assert load_project(tmp_path).target().problems() == []


def test_a_schema_with_a_byte_order_mark_and_other_line_ends(tmp_path):
    text = '\ufeff{"properties":\r\n {"a":\r\n  {"type": "text"}}}'
    assert refused(tmp_path, {"schema.json": text.encode()}) == [("schema-invalid", "schema.json", 3, 12)]


def test_no_schema_is_ever_fetched(tmp_path, monkeypatch):
    def no_network(*_):
        pytest.fail("a connection was opened")

    monkeypatch.setattr("socket.socket.connect", no_network)
    monkeypatch.setattr("socket.create_connection", no_network)
    refs = ["https://json.schemastore.org/package.json", "http://localhost:1/x.json", "ftp://localhost/x.json"]
    schema = {"properties": {str(index): {"$ref": ref} for index, ref in enumerate(refs)}}
    assert {found[0] for found in refused(tmp_path, {"schema.json": schema})} == {"schema-ref-network"}


# --- what nodes know


@pytest.mark.parametrize(
    ("schema", "config", "finding"),
    [
        (True, {"a": 1}, []),
        ({}, {"a": 1}, []),
        ({"properties": {"a": True, "b": False}}, {"a": 1}, []),
        ({"properties": {"a": True, "b": False}}, {"b": 1}, ["/b"]),
        ({"additionalProperties": True}, {"z": {"y": 1}}, []),
        ({"patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": False}, {"x-a": "s"}, []),
        ({"patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": False}, {"x-a": 1}, ["/x-a"]),
        ({"patternProperties": {"^x-": {}}, "additionalProperties": False}, {"y": 1}, ["/y"]),
        ({"patternProperties": {"^a": {"minLength": 2}, "b$": {"maxLength": 3}}}, {"ab": "abcd"}, ["/ab"]),
        ({"patternProperties": {"^\\p{L}+$": {"type": "integer"}}}, {"é": 1}, []),
        ({"patternProperties": {"^\\p{L}+$": {"type": "integer"}}}, {"é": "x"}, ["/é"]),
        (
            {"allOf": [{"properties": {"a": {}}}], "properties": {"b": {}}, "unevaluatedProperties": False},
            {"a": 1, "b": 2},
            [],
        ),
        ({"allOf": [{"properties": {"a": {}}}], "unevaluatedProperties": False}, {"z": 1}, ["/z"]),
        (
            {
                "properties": {"kind": {}},
                "if": {"properties": {"kind": {"const": "x"}}},
                "then": {"properties": {"x": {}}},
                "unevaluatedProperties": False,
            },
            {"kind": "y", "x": 1},
            ["/x"],
        ),
        ({"unevaluatedProperties": {"type": "integer"}}, {"a": "x"}, ["/a"]),
        ({"properties": {"a": {"type": ["string", "null"]}}}, {"a": None}, []),
        ({"properties": {"a": {"nullable": True, "type": "string"}}}, {"a": None}, ["/a"]),
        (
            {"properties": {"l": {"prefixItems": [{"type": "string"}], "items": {"type": "integer"}}}},
            {"l": ["x", 1, "y"]},
            ["/l/2"],
        ),
        ({"properties": {"l": {"contains": {"const": 1}, "minContains": 2}}}, {"l": [1, 2]}, ["/l"]),
        ({"properties": {"l": {"prefixItems": [{}], "unevaluatedItems": False}}}, {"l": [1, 2]}, ["/l"]),
        ({"dependentSchemas": {"a": {"required": ["b"]}}}, {"a": 1}, ["/b"]),
        ({"properties": {"a": {"not": {"type": "string"}}}}, {"a": "x"}, ["/a"]),
    ],
    ids=lambda value: json.dumps(value)[:50],
)
def test_schemas_of_many_shapes(tmp_path, schema, config, finding):
    catalog = catalog_of(tmp_path, schema)
    assert [path for _, path in codes(catalog, config)] == finding
    assert overlay_schema(catalog.root, "x")


def test_a_schema_that_accepts_nothing_is_told_once(tmp_path):
    assert len(codes(catalog_of(tmp_path, False), {"a": 1})) == 1


RECURSIVE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "value": {"type": "integer", "default": 0},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                "next": {"$ref": "#/$defs/node"},
                "named": {"type": "object", "additionalProperties": {"$ref": "#/$defs/node"}},
            },
            "additionalProperties": False,
        }
    },
    "properties": {"tree": {"$ref": "#/$defs/node"}},
}


def test_a_schema_that_contains_itself_ends(tmp_path):
    catalog = catalog_of(tmp_path, RECURSIVE)
    filled = catalog.root.fill({"tree": {"children": [{}, {"children": [{"value": 1}]}]}})
    assert [child["value"] for child in filled["tree"]["children"]] == [0, 0]
    assert filled["tree"]["children"][1]["children"][0]["value"] == 1
    assert codes(catalog, filled) == codes(catalog, catalog.root.fill({})) == []
    assert codes(catalog, {"tree": {"named": {"x": {"next": {"value": "1"}}}}}) == [
        ("wrong-type", "/tree/named/x/next/value")
    ]
    assert len(overlay_schema(catalog.root, "x")["definitions"]) < 10


DEFAULTS = [
    ({"properties": {"a": {"default": 1}}}, {}, {"a": 1}),
    ({"properties": {"a": {"default": 1}}}, {"a": 2}, {"a": 2}),
    ({"properties": {"a": {"default": None, "type": ["string", "null"]}}}, {}, {"a": None}),
    ({"properties": {"a": {"default": "x", "type": "integer"}}}, {}, {}),
    ({"properties": {"o": {"properties": {"a": {"default": 1}}}}}, {}, {"o": {"a": 1}}),
    ({"properties": {"o": {"properties": {"a": {"default": 1}}}}}, {"o": {"b": 2}}, {"o": {"a": 1, "b": 2}}),
    ({"properties": {"o": {"required": ["b"], "properties": {"a": {"default": 1}, "b": {}}}}}, {}, {}),
    ({"properties": {"o": {"default": {}, "properties": {"a": {"default": 1}}}}}, {}, {"o": {"a": 1}}),
    ({"properties": {"o": {"default": {"b": 2}, "properties": {"a": {"default": 1}}}}}, {}, {"o": {"a": 1, "b": 2}}),
    (
        {"properties": {"l": {"items": {"properties": {"a": {"default": 1}}}}}},
        {"l": [{}, {"a": 2}]},
        {"l": [{"a": 1}, {"a": 2}]},
    ),
    ({"additionalProperties": {"properties": {"a": {"default": 1}}}}, {"x": {}}, {"x": {"a": 1}}),
    (
        {"patternProperties": {"^x": {"properties": {"a": {"default": 1}}}}},
        {"x1": {}, "y": {}},
        {"x1": {"a": 1}, "y": {}},
    ),
    ({"allOf": [{"properties": {"a": {"default": 1}}}, {"properties": {"b": {"default": 2}}}]}, {}, {"a": 1, "b": 2}),
    ({"anyOf": [{"properties": {"a": {"default": 1}}}, {"properties": {"b": {"default": 2}}}]}, {}, {}),
    ({"properties": {"a": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"default": 5}}}, {}, {"a": 5}),
    ({"properties": {"a": {"$ref": "#/$defs/n", "default": 6}}, "$defs": {"n": {"default": 5}}}, {}, {"a": 6}),
]


@pytest.mark.parametrize(("schema", "config", "filled"), DEFAULTS, ids=lambda value: json.dumps(value)[:60])
def test_defaults(tmp_path, schema, config, filled):
    root = catalog_of(tmp_path, schema).root
    before = json.dumps(config)
    assert root.fill(config) == filled
    assert json.dumps(config) == before
    assert root.fill(filled) == filled, "filling twice fills nothing more"


EXCLUSIVE = [
    (
        {"oneOf": [{"required": ["file"]}, {"required": ["url"]}], "properties": {"file": {"default": "x"}, "url": {}}},
        {"url": "u"},
    ),
    ({"not": {"required": ["file", "url"]}, "properties": {"file": {"default": "x"}, "url": {}}}, {"url": "u"}),
    ({"maxProperties": 1, "properties": {"file": {"default": "x"}, "url": {}}}, {"url": "u"}),
    ({"dependentRequired": {"file": ["mode"]}, "properties": {"file": {"default": "x"}, "url": {}}}, {"url": "u"}),
    ({"dependentSchemas": {"file": {"required": ["mode"]}}, "properties": {"file": {"default": "x"}}}, {"url": "u"}),
    ({"propertyNames": {"enum": ["url"]}, "properties": {"file": {"default": "x"}}}, {"url": "u"}),
    (
        {
            "properties": {"kind": {"default": "file"}, "url": {}},
            "if": {"properties": {"kind": {"const": "file"}}, "required": ["kind"]},
            "then": {"properties": {"url": False}},
        },
        {"url": "u"},
    ),
    (
        {
            "properties": {"kind": {"enum": ["a", "b"], "default": "a"}, "x": {}},
            "oneOf": [
                {"properties": {"kind": {"const": "a"}, "x": {"type": "string"}}},
                {"properties": {"kind": {"const": "b"}, "x": {"type": "integer"}}, "required": ["kind"]},
            ],
        },
        {"kind": "b", "x": 1},
    ),
    (
        {
            "properties": {"a": {"properties": {"b": {"default": 1}, "c": {}}}},
            "not": {"properties": {"a": {"required": ["b", "c"]}}, "required": ["a"]},
        },
        {"a": {"c": 1}},
    ),
    ({"enum": [{"url": "u"}], "properties": {"file": {"default": "x"}}}, {"url": "u"}),
    (
        {
            "properties": {"file": {"default": "x"}},
            "allOf": [{"additionalProperties": False, "properties": {"url": {}}}],
        },
        {"url": "u"},
    ),
]


SET = {"type": "array", "x-kubernetes-list-type": "set"}
MAP = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
PLAIN = {"type": "array", "items": {"type": "string"}}
LISTS = [
    ({"anyOf": [SET, SET]}, "set"),
    ({"anyOf": [SET, {"type": "null"}]}, "set"),
    ({"anyOf": [SET, MAP]}, "atomic"),
    ({"anyOf": [SET, PLAIN]}, "atomic"),
    ({"oneOf": [PLAIN, SET]}, "atomic"),
    ({**SET, "anyOf": [MAP, PLAIN]}, "set"),
    ({"allOf": [SET, MAP]}, "atomic"),
]


@pytest.mark.parametrize(("schema", "kind"), LISTS)
def test_a_list_merges_in_the_way_that_all_its_alternatives_agree_on(tmp_path, schema, kind):
    assert catalog_of(tmp_path, {"properties": {"x": schema}}).root.child("x").list_type == kind


@pytest.mark.parametrize(("schema", "config"), EXCLUSIVE, ids=lambda value: json.dumps(value)[:60])
@pytest.mark.parametrize("inside", [False, True], ids=["root", "domain"])
def test_defaults_never_make_a_valid_configuration_invalid(tmp_path, schema, config, inside):
    assert jsonschema.Draft202012Validator(schema).is_valid(config), "the case itself"
    if inside:
        schema, config = {"properties": {"app": schema}}, {"app": config}
    make_project(tmp_path, {"schema.json": schema, "base.yaml": config})
    assert load_project(tmp_path).target().problems() == []


def test_no_schema_that_is_wrong_leaves_a_traceback(tmp_path):
    make_project(
        tmp_path, {"schema.json": '{"$ref": 1, "properties": {"a": {"$ref": ["x"]}}, "$id": {}}', "base.yaml": "a: 1\n"}
    )
    result = run("validate", cwd=tmp_path)
    assert result.code == 1
    assert re.search(r"schema-invalid", result.out + result.err)


def test_only_schemas_of_the_documents_have_a_location_in_them(tmp_path):
    """A schema as written is copied and gone; a new object that gets its id is not it."""
    names = (f"s{number}" for number in range(2000))
    properties = {name: {"type": "object", "properties": {"x": {"type": "string"}}} for name in names}
    documents = catalog_of(tmp_path, {"type": "object", "properties": properties}).documents
    gc.collect()
    others = [{"number": number} for number in range(20_000)]
    assert {documents.location(other) for other in others} == {"schema.json#"}


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
@pytest.mark.parametrize("others", [[], [False], [{"type": "string"}], [{"properties": {"b": False}}]])
def test_an_alternative_that_allows_nothing_says_nothing_about_a_value(tmp_path, keyword, others):
    catalog = catalog_of(tmp_path, {"properties": {"a": {keyword: [False, *others]}}})
    for value in (5, [1], {"b": 1}):
        expected = others[-1:] == [{"properties": {"b": False}}] and not isinstance(value, dict)
        assert (codes(catalog, {"a": value}) == []) == expected


def test_a_schema_in_a_keyword_of_an_older_draft_is_checked(tmp_path):
    schema = {"$schema": DRAFTS["2020-12"], "properties": {"a": {"additionalItems": {"$ref": 5}}}}
    folder = make_project(tmp_path, {"schema.json": schema, "overlays/base/all.yaml": {"a": [1]}})
    result = run("-C", folder, "validate")
    assert result.code == 1
    assert "schema-invalid" in result.out
    assert "$ref must be a text, not `5`" in result.out


def test_a_missing_schema_is_not_looked_for_in_the_file_that_refers_to_it(tmp_path):
    with pytest.raises(WeftError) as raised:
        catalog_of(tmp_path, {"$ref": "schemas.json"})
    assert raised.value.problems[0].hint is None
    with pytest.raises(WeftError) as raised:
        catalog_of(tmp_path, {"$ref": "schemas.json"}, schema2={})
    assert raised.value.problems[0].hint == "did you mean `schema2.json`?"
