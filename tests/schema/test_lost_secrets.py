"""`x-sensitive` in odd places: honored, or an error, and never passed over."""

import pytest

from scratch import catalog_of
from weft.schema.lost_secrets import lost_secrets

SECRET = {"type": "string", "x-sensitive": True}
WITH_SECRET = {"properties": {"pw": {"$ref": "#/$defs/secret"}}}


@pytest.mark.parametrize(
    "schema",
    [
        {"not": {"properties": {"pw": SECRET}}},
        {"propertyNames": SECRET},
        {"contentSchema": SECRET},
        {"properties": {"a": {"not": WITH_SECRET}}},
        {"if": {"not": {"properties": {"pw": SECRET}}}},
    ],
)
def test_a_secret_that_no_value_can_be_is_an_error(tmp_path, schema):
    found = list(lost_secrets(catalog_of(tmp_path, schema | {"$defs": {"secret": SECRET}})))
    assert [problem.code for problem in found] == ["schema-invalid"]


@pytest.mark.parametrize(
    "schema",
    [
        {"not": WITH_SECRET, "properties": {"other": {"$ref": "#/$defs/secret"}}},
        {"properties": {"pw": SECRET}, "not": {"required": ["pw"]}},
        {"patternProperties": {"^x": SECRET}},
        {"if": {"properties": {"pw": SECRET}}},
        {"properties": {"list": {"contains": SECRET}}},
        {},
    ],
)
def test_a_secret_that_is_also_a_setting_is_none(tmp_path, schema):
    assert list(lost_secrets(catalog_of(tmp_path, schema | {"$defs": {"secret": SECRET}}))) == []


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"if": {"properties": {"pw": SECRET}}}, ("pw",)),
        ({"if": {"allOf": [WITH_SECRET]}}, ("pw",)),
        ({"properties": {"list": {"contains": SECRET}}}, ("list", 3)),
        ({"properties": {"list": {"contains": WITH_SECRET}}}, ("list", 0, "pw")),
        ({"anyOf": [{"properties": {"list": {"contains": SECRET}}}, True]}, ("list", 0)),
        ({"patternProperties": {r"^\p{L}+$": SECRET}}, ("pw",)),
        ({"patternProperties": {"^(?<name>pw)$": SECRET}}, ("pw",)),
        ({"patternProperties": {"^(?=a)(a|aa|b(?!c))+$": SECRET}}, ("a" * 40 + "!",)),
    ],
)
def test_a_secret_is_seen(tmp_path, schema, path):
    assert catalog_of(tmp_path, schema | {"$defs": {"secret": SECRET}}).root.at(path).sensitive


def test_what_a_condition_says_of_plain_settings_is_not_taken_for_a_description(tmp_path):
    root = catalog_of(
        tmp_path, {"if": {"properties": {"kind": {"const": "x"}}}, "then": {"properties": {"n": {}}}}
    ).root
    assert root.properties == ("n",)
