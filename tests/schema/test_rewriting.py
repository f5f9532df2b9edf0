"""Hints of how to write a value: what one proposes is accepted, and nothing is proposed where nothing would be."""

import re
from functools import cache
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratch import catalog_of
from weft.files import yaml12
from weft.schema.rewriting import written
from weft.stages.validate import SchemaCheck

PROPOSED = re.compile(r"(?:write|or|mean|example) `([^`]*)`")

WORDS = """
    yes No y off on true null ~ None 17 017 0017 089 -5 1_000 1'000.5 1,5 1,500 12:30 1.10 1e3 1e-1 0x1F 0o17 +5 .5 10m x DEBUG #
"""
words = st.sampled_from(["", "1 000", "a: b", *WORDS.split()])
numbers = st.one_of(st.integers(-20, 2000), st.floats(-5, 5, allow_nan=False), st.integers(0, 10**25)).map(str)
scalars = st.one_of(words, numbers, st.text("01789._,xX-+e'\"", max_size=6))
sources = st.one_of(scalars, scalars.map(lambda text: written(text) if '"' in text else f'"{text}"'))

types = st.sampled_from(("integer", "number", "string", "boolean", "null", "array", "object"))
values = st.one_of(scalars, st.integers(0, 20), st.booleans(), st.floats(0, 3, allow_nan=False))
limits = st.fixed_dictionaries({}, optional={"minimum": st.integers(0, 20), "maxLength": st.integers(1, 4)})
typed = st.builds(
    lambda one, more: {"type": one, **more}, st.one_of(types, st.lists(types, min_size=1, unique=True)), limits
)
listed = st.lists(values, min_size=1, max_size=4, unique_by=repr).map(lambda some: {"enum": some})
lists = types.map(lambda name: {"type": "array", "items": {"type": name}})
one = st.one_of(typed, listed, lists, values.map(lambda value: {"const": value}))
schemas = st.one_of(one, st.lists(one, min_size=2, max_size=3).map(lambda some: {"anyOf": some}))


@cache
def check_of(schema):
    with TemporaryDirectory() as folder:
        return SchemaCheck(catalog_of(folder, {"properties": {"a": eval(schema)}}))


def proposals(source, hint):
    """The texts that somebody would write who follows a hint."""
    if hint == "remove the quotes":
        assert source[:1] in ("'", '"'), "there are no quotes to remove"
        return [source[1:-1]]
    if hint == "put it in quotes":
        return [f'"{source}"']
    return PROPOSED.findall(hint)


def data_of(source):
    try:
        return yaml12.parse(f"a: {source}")
    except yaml12.YamlError:
        return None


@given(source=sources, schema=schemas)
def test_what_a_hint_proposes_is_accepted(source, schema):
    data = data_of(source)
    if not isinstance(data, dict) or isinstance(data["a"], dict | list):
        return
    check = check_of(repr(schema))
    for problem in check.problems(data):
        for proposed in proposals(source, problem.hint or ""):
            assert not check.problems(yaml12.parse(f"a: {proposed}")), (problem.message, problem.hint)


@pytest.mark.parametrize(
    ("value", "schema", "hint"),
    [
        ("yes", {"type": "integer"}, None),
        ("y", {"type": "number"}, None),
        ("n", {"type": ["integer", "null"]}, None),
        ("off", {"type": ["boolean", "integer"]}, "write `false`: in YAML 1.2 `off` is a text"),
        ("YES", {"enum": [True, False]}, "write `true`: in YAML 1.2 `YES` is a text"),
        ("on", {"const": True}, "write `true`: in YAML 1.2 `on` is a text"),
        ("no", {"anyOf": [{"type": "boolean"}, {"type": "integer"}]}, "write `false`: in YAML 1.2 `no` is a text"),
        ("no", {"type": "array", "items": {"type": "integer"}}, None),
        ("no", {"type": "array"}, "write `[no]` for a list of one item"),
        ("017", {"type": "integer"}, "write `17`, or `15` if it is octal (0o17)"),
        ("0644", {"type": "integer", "maximum": 511}, "write `420` if it is octal (0o644)"),
        ("0089", {"type": "integer"}, "write `89`"),
        ("-017", {"type": "integer"}, "write `-17`"),
        ("1_000", {"type": "integer"}, "write `1000`"),
        ("1,5", {"type": "number"}, "write `1.5`"),
        ("1,500", {"type": "number"}, None),
        ("0x1F", {"type": "integer"}, "write `31` without quotes"),
        ("1e3", {"type": "integer"}, "write `1000` without quotes"),
        ("5", {"type": "integer"}, "remove the quotes"),
        ("5", {"type": "integer", "minimum": 6}, None),
        ("5", {"enum": [5, 6]}, "remove the quotes"),
        (5, {"enum": ["5", "6"]}, "put it in quotes"),
        (True, {"type": "string"}, "put it in quotes"),
        (True, {"type": "string", "maxLength": 3}, None),
        ({}, {"type": "string"}, None),
        (1, {"type": "boolean"}, "write `true`"),
        ("debug", {"enum": ["DEBUG", "INFO"]}, "did you mean `DEBUG`?"),
        ("l", {"enum": ["1", "true"]}, None),
    ],
)
def test_the_hint_for_a_value(value, schema, hint):
    (problem,) = check_of(repr(schema)).problems({"a": value})
    assert problem.hint == hint
