"""What is a secret by the schemas, and what is none: the same answer for validation, the mask and templates."""

import json

import pytest

from run import run
from scratch import catalog_of, make_project
from weft.secrets.masking import Mask, mask

SECRET = {"type": "string", "x-sensitive": True}
LIST = {"$defs": {"list": {"type": "array", "items": {"type": "string", "maxLength": 2}}}}
FINE = {
    "what allOf describes is not left to unevaluatedProperties": (
        {"type": "object", "unevaluatedProperties": SECRET, "allOf": [{"properties": {"b": {"type": "string"}}}]},
        {"b": "ordinary", "c": "ref+env://C"},
    ),
    "a first item is not left to unevaluatedItems": (
        {"properties": {"keys": {"type": "array", "prefixItems": [{"type": "string"}], "unevaluatedItems": SECRET}}},
        {"keys": ["ordinary", "ref+env://C"]},
    ),
    "a list by a reference with a sibling": (
        {"properties": {"keys": {"$ref": "#/$defs/list", "x-sensitive": True}}},
        {"keys": ["ref+env://A", "ref+env://B"]},
    ),
    "the same list elsewhere": ({"properties": {"names": {"$ref": "#/$defs/list"}}}, {"names": ["ab"]}),
    "an object or null": (
        {"properties": {"creds": {"type": ["object", "null"], "x-sensitive": True}}},
        {"creds": {"user": "ref+env://A"}},
    ),
    "one of several types": (
        {
            "properties": {
                "pw": {"x-sensitive": True, "oneOf": [{"type": "string", "minLength": 3}, {"type": "integer"}]}
            }
        },
        {"pw": "ref+env://A"},
    ),
    "required keys by allOf": (
        {"properties": {"creds": {"type": "object", "x-sensitive": True, "allOf": [{"required": ["user"]}]}}},
        {"creds": {"user": "ref+env://A"}},
    ),
    "a key of a free mapping that is called like a secret": (
        {"properties": {"password": SECRET, "labels": {"type": "object"}}},
        {"labels": {"password": "ordinary"}},  # pragma: allowlist secret
    ),
}


@pytest.mark.parametrize("key", ["GITHUB_TOKEN", "github-token", "github token", "GitHub_Token", "githubtoken"])
def test_a_key_that_a_pattern_of_secrets_would_name_in_another_spelling_is_hidden(key, tmp_path):
    patterns = {"type": "object", "patternProperties": {"^[a-z]+_token$": SECRET, "^githubtoken_$": SECRET}}
    root = catalog_of(tmp_path, patterns).root
    shown = mask(root, {key: "Summer2026", "region": "eu", "tokens": "many"})
    assert shown == {key: "Summer2026" if key == "githubtoken" else "***", "region": "eu", "tokens": "many"}


def made(folder, app, overlay):
    return make_project(folder, {"schema.json": {"properties": {"app": app}, **LIST}, "base.yaml": {"app": overlay}})


@pytest.mark.parametrize("kind", FINE)
def test_what_is_no_mistake_is_neither_refused_nor_hidden(kind, tmp_path):
    app, overlay = FINE[kind]
    result = run("config", "default", "app", "--format", "json", cwd=made(tmp_path, app, overlay))
    assert (result.code, result.err, json.loads(result.out)) == (0, "", overlay)


def test_a_literal_in_one_of_several_types_is_a_literal_and_nothing_else(tmp_path):
    app = {"properties": {"pw": {"anyOf": [SECRET, {"type": "integer"}]}}}
    result = run("validate", "--format", "json", cwd=made(tmp_path, app, {"pw": "Summer2026"}))
    assert {problem["code"] for problem in json.loads(result.out)["problems"]} == {"literal-secret"}


def test_what_is_sensitive_by_a_reference_with_a_sibling_is_refused_as_a_literal(tmp_path):
    app = {"properties": {"keys": {"$ref": "#/$defs/list", "x-sensitive": True}}}
    result = run("validate", "--format", "json", cwd=made(tmp_path, app, {"keys": ["ab"]}))
    assert {problem["code"] for problem in json.loads(result.out)["problems"]} == {"literal-secret"}


def test_the_value_of_a_secret_is_hidden_wherever_else_it_stands(tmp_path):
    root = catalog_of(tmp_path, {"properties": {"pw": SECRET, "name": {"type": "string"}}}).root
    data = {"pw": "Summer2026", "name": "Summer2026"}
    assert mask(root, data) == {"pw": "***", "name": "***"}
    assert Mask(root, [data])(root.child("name"), "Summer2026") == "***"
    assert mask(root, {"pw": "ref+env://A", "name": "ref+env://A"}) == {"pw": "ref+env://A", "name": "ref+env://A"}


@pytest.mark.parametrize("name", ["pasword", "PassWord", "pass_word", "passwords", "APP_PW"])
def test_what_is_called_like_a_secret_is_hidden(name, tmp_path):
    root = catalog_of(tmp_path, {"properties": {"password": SECRET | {"x-env": "APP_PW"}, "name": {}}}).root
    assert mask(root, {name: "x", "nmae": "y"}) == {name: "***", "nmae": "y"}


def test_a_dimension_cannot_be_a_secret(tmp_path):
    files = {"schema.json": {"properties": {"app": {"properties": {"tier": SECRET}}}}, "base.yaml": "app: {}"}
    make_project(tmp_path, files, layers=["base", "{tier}"], dimensions={"tier": {"setting": "app.tier"}})
    result = run("validate", cwd=tmp_path)
    assert result.code == 1
    assert "app.tier is sensitive" in result.out
