"""The merge contract: tests/merge_cases/*.yaml are its examples, the laws below hold for everything that hypothesis thinks of."""

import copy
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from scratch import catalog_of
from weft.base.overlay import Layer, Source
from weft.base.paths import get, has, parse_pointer
from weft.project.provenance import setters
from weft.schema.node import MISSING
from weft.stages.layer_settings import leaves, set_twice
from weft.stages.merge import OPERATORS, merge

FOLDER = Path(__file__).parents[1] / "merge_cases"


@dataclass(frozen=True)
class Case:
    """`layers` merge to `result` (to `filled` with the schema's defaults) with `problems`; what is None is not looked at."""

    schema: dict
    what: str
    layers: list
    result: dict | None = None
    filled: dict | None = None
    problems: tuple = ()
    ordered: bool = False


def read_cases():
    for path in sorted(FOLDER.glob("*.yaml")):
        data = yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)
        for case in data["cases"]:
            yield pytest.param(Case(data["schema"], **case), id=f"{path.stem}: {case['what']}")


CASES = list(read_cases())
assert CASES, f"there is no case in {FOLDER}"


def fold(root, layers):
    """The layers merged one after the other, and every problem as in the cases."""
    value, found = {}, []
    for index, layer in enumerate(layers):
        value, problems = merge(root, value, layer, defaults=True)
        found += [{"layer": index, "code": problem.code, "path": problem.path} for problem in problems]
    return value, found


@pytest.mark.parametrize("case", CASES)
def test_the_contract(case, tmp_path):
    root = catalog_of(tmp_path, case.schema).root
    before = copy.deepcopy(case.layers)
    merged, problems = fold(root, case.layers)
    assert problems == list(case.problems)
    if case.result is not None:
        assert merged == case.result
        assert json.dumps(merged, sort_keys=not case.ordered) == json.dumps(case.result, sort_keys=not case.ordered)
    if case.filled is not None:
        assert root.fill(merged) == case.filled
    assert case.layers == before


def test_every_problem_is_reported_in_these_words(tmp_path, request):
    """The exact text that users read; `--update-expected` rewrites the file: review the changes."""
    reported = []
    for number, parameters in enumerate(CASES):
        case, value = parameters.values[0], {}
        root = catalog_of(tmp_path / str(number), case.schema).root
        for layer in case.layers:
            value, problems = merge(root, value, layer, defaults=True)
            reported += [
                f"{parameters.id}\n  {problem.path or '/'} {problem.code}: {problem.message}\n  = {problem.hint}\n"
                for problem in problems
            ]
    expected = FOLDER / "messages.txt"
    if request.config.getoption("update_expected"):
        expected.write_text("".join(reported), "utf-8")
    assert "".join(reported) == expected.read_text("utf-8")


SCHEMA = {
    "$defs": {
        "service": {
            "properties": {
                "name": {"type": "string"},
                "replicas": {"type": "integer"},
                "labels": {"type": "object"},
                "tags": {"$ref": "#/$defs/tags"},
            }
        },
        "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
    },
    "properties": {
        "text": {"type": "string"},
        "number": {"type": "number"},
        "plain": {"type": "array"},
        "tags": {"$ref": "#/$defs/tags"},
        "services": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {"$ref": "#/$defs/service"},
        },
        "selector": {"type": "object", "x-kubernetes-map-type": "atomic"},
        "free": {"type": "object", "additionalProperties": {"type": "string"}},
        "again": {"$ref": "#"},
    },
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return catalog_of(tmp_path_factory.mktemp("schema"), SCHEMA).root


words = st.sampled_from(["a", "b", "c", "d"])
scalars = st.one_of(words, st.integers(0, 3), st.booleans(), st.floats(0, 2, allow_subnormal=False))
word_sets = st.lists(words, unique=True, max_size=4)
services = st.lists(
    st.fixed_dictionaries(
        {"name": words},
        optional={
            "replicas": st.integers(0, 3),
            "labels": st.dictionaries(words, words, max_size=2),
            "tags": word_sets,
        },
    ),
    unique_by=lambda item: item["name"],
    max_size=4,
)
values = {
    "text": words,
    "number": st.integers(0, 3) | st.floats(0, 3, allow_subnormal=False),
    "plain": st.lists(scalars, max_size=3),
    "tags": word_sets,
    "services": services,
    "selector": st.dictionaries(words, scalars, max_size=3),
    "free": st.dictionaries(words, words, max_size=3),
}
overlays = st.recursive(
    st.fixed_dictionaries({}, optional=values),
    lambda below: st.fixed_dictionaries({}, optional={**values, "again": below}),
    max_leaves=3,
)
"""Layers without operators that agree about types."""


odd_values = st.recursive(
    scalars | st.none() | st.floats(-1, 1) | st.sampled_from(["", "replace", "delete"]),
    lambda below: (
        st.lists(below, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [*SCHEMA["properties"], "a", "b", "$patch", "$value", "$append", "$remove", "$odd", "$replace"]
            ),
            below,
            max_size=4,
        )
    ),
    max_leaves=12,
)
odd_layers = overlays | st.dictionaries(
    st.sampled_from([*SCHEMA["properties"], "other", "$patch"]), odd_values, max_size=4
)
"""Layers with all kinds of mistakes."""


class Slow(dict):
    """A mapping that is not merged in the fast way."""


def slow(value):
    return Slow((key, slow(below)) for key, below in value.items()) if isinstance(value, dict) else value


@given(overlays, overlays | odd_layers)
def test_ordinary_layers_are_merged_in_a_faster_way_with_the_same_result(root, lower, upper):
    below, _ = merge(root, {}, lower, defaults=True)
    slowly = slow(below)
    (fast, found), (expected, problems) = merge(root, below, upper), merge(root, slowly, upper)
    assert json.dumps(fast) == json.dumps(expected)
    assert (fast is below) == (expected is slowly)
    # except for the words about the type of `Slow`, which JSON does not have
    assert [(one.code, one.path, one.hint) for one in found] == [(one.code, one.path, one.hint) for one in problems]


def plainly(root, *layers):
    """The layers merged, without problems."""
    value = {}
    for layer in layers:
        value, problems = merge(root, value, layer)
        assert problems == []
    return value


@given(overlays)
def test_an_empty_layer_is_neutral(root, layer):
    assert plainly(root, layer) == plainly(root, {}, layer) == plainly(root, layer, {})


@given(overlays)
def test_a_layer_that_sets_nothing_shares_everything(root, layer):
    merged = plainly(root, layer)
    assert merge(root, merged, {})[0] is merged


@given(overlays, overlays)
def test_a_layer_twice_is_a_layer_once(root, lower, upper):
    once = plainly(root, lower, upper)
    assert plainly(root, lower, upper, upper) == once
    assert plainly(root, once, once) == once


@given(overlays, overlays, overlays)
def test_it_does_not_matter_which_layers_are_merged_first(root, low, middle, high):
    left, _ = merge(root, plainly(root, low, middle), high)
    right, _ = merge(root, plainly(root, low), plainly(root, middle, high))
    assert left == right


@given(overlays, overlays)
def test_what_a_layer_does_not_mention_is_shared_with_the_lower_layer(root, lower, upper):
    below = plainly(root, lower)
    merged = plainly(root, lower, upper)

    def compare(low, up, value):
        for key, kept in low.items():
            if key not in up:
                assert value[key] is kept
            elif key in ("again", "free"):
                compare(kept, up[key], value[key])

    compare(below, upper, merge(root, below, upper)[0])
    assert merged == merge(root, below, upper)[0]


@given(overlays, overlays)
def test_a_mapping_taken_whole_holds_nothing_from_below(root, lower, upper):
    merged, problems = merge(root, {"again": plainly(root, lower)}, {"again": {"$patch": "replace", **upper}})
    assert not problems
    assert merged == {"again": plainly(root, upper)}


@given(overlays, st.lists(words | st.integers(0, 3), max_size=4, unique_by=str))
def test_a_list_taken_whole_holds_nothing_from_below(root, lower, items):
    for key in ("plain", "tags"):
        merged, problems = merge(root, plainly(root, lower), {key: {"$replace": items}})
        assert not problems
        assert merged[key] == items


@given(overlays.filter(bool), st.data())
def test_null_removes_one_key_and_no_other(root, layer, data):
    lower = plainly(root, layer)
    key = data.draw(st.sampled_from(sorted(lower)))
    merged, problems = merge(root, lower, {key: None})
    assert not problems
    assert merged == {other: value for other, value in lower.items() if other != key}
    assert [problem.code for problem in merge(root, merged, {key: None})[1]] == ["nothing-to-remove"]


@given(overlays, overlays, overlays)
def test_every_value_has_exactly_one_origin(root, low, middle, high):
    given_layers = [
        Layer(name, (Source(f"{name}.yaml", data),))
        for name, data in (("low", low), ("middle", middle), ("high", high))
    ]
    config = plainly(root, low, middle, high)
    for path, _, value in root.walk(config):
        if isinstance(value, dict | list):
            continue
        found = setters(root, given_layers, config, path)
        assert found, f"nobody set {path}"
        assert (found[0].value, type(found[0].value)) == (value, type(value)), path
        assert len({setter.layer for setter in found}) == len(found)


def json_with(keys):
    return st.recursive(
        st.none() | scalars,
        lambda below: st.lists(below, max_size=3) | st.dictionaries(keys, below, max_size=3),
        max_leaves=8,
    )


anything = st.dictionaries(
    st.sampled_from(sorted(values)),
    json_with(st.sampled_from([*OPERATORS, "$apend", "name", "a", "again"])) | st.just({"$patch": "replace"}),
    max_size=4,
)


@given(st.lists(anything, min_size=1, max_size=3), st.booleans())
def test_no_overlay_breaks_the_merge_and_no_input_changes(root, layers, defaults):
    before = copy.deepcopy(layers)
    value = {}
    for layer in layers:
        lower = copy.deepcopy(value)
        kept = value
        value, problems = merge(root, kept, layer, defaults=defaults)
        assert kept == lower
        for problem in problems:
            assert exists(layer, problem.path), problem
    assert layers == before


def exists(data, pointer):
    for step in parse_pointer(pointer):
        data = data[int(step)] if isinstance(data, list) else data[step]
    return True


@given(anything.filter(lambda layer: "$value" not in json.dumps(layer)), anything)
def test_operators_never_end_up_in_a_configuration(root, lower, upper):
    if "$value" in json.dumps(upper):
        return
    value, problems = fold(root, [lower, upper])
    if not problems:
        assert not any(f'"{name}"' in json.dumps(value) for name in OPERATORS)


@given(overlays)
def test_leaves_cover_everything_that_a_layer_sets(root, layer):
    found = dict(leaves(root, layer))
    for path, _, value in root.walk(layer):
        if path and not isinstance(value, dict | list):
            assert any(path[: len(leaf)] == leaf for leaf in found), path
    assert len(set(found.values())) == len(found)


def layer_of(*contents):
    return Layer("base", tuple(Source(f"{index}.yaml", data) for index, data in enumerate(contents)))


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        ({"text": "a"}, {"text": "b"}, ["text"]),
        ({"text": "a"}, {"text": "a"}, ["text"]),
        ({"text": "a"}, {"number": 1}, []),
        ({"again": {"text": "a"}}, {"again": {"number": 1}}, []),
        ({"again": {"text": "a"}}, {"again": None}, ["again"]),
        ({"again": None}, {"again": {"text": "a"}}, ["again"]),
        ({"free": {"a": "x"}}, {"free": {"$patch": "replace", "b": "x"}}, ["free"]),
        ({"selector": {"a": 1}}, {"selector": {"b": 1}}, ["selector"]),
        ({"plain": [1]}, {"plain": {"$append": [1]}}, ["plain"]),
        ({"services": [{"name": "a", "replicas": 1}]}, {"services": [{"name": "b", "replicas": 1}]}, []),
    ],
)
def test_files_of_one_layer_must_not_set_the_same_leaf(root, one, other, clash):
    found = list(set_twice(root, layer_of(one, other)))
    assert [path[0] for _, path, _, _ in found] == clash
    for source, path, first, first_path in found:
        assert has(source.data, path)
        assert has(first.data, first_path)


def test_an_item_named_by_two_files_of_one_layer_is_not_set_twice(root):
    """Naming the item is how a file says which one it means."""
    one = {"services": [{"name": "a", "replicas": 1}]}
    other = {"services": [{"name": "a", "labels": {"x": "y"}}]}
    assert list(set_twice(root, layer_of(one, other))) == []


def test_two_files_of_one_layer_that_set_the_same_leaf_of_an_item(root):
    one = {"services": [{"name": "b"}, {"name": "a", "replicas": 1}]}
    other = {"services": [{"name": "a", "replicas": 2}]}
    found = [(path, first_path) for _, path, _, first_path in set_twice(root, layer_of(one, other))]
    assert (("services", 0, "replicas"), ("services", 1, "replicas")) in found


def test_a_missing_lower_value_is_not_null(root):
    node = root.child("free")
    assert merge(node, MISSING, {"a": "x"}) == ({"a": "x"}, [])
    assert get(merge(root, {"free": {"a": "x"}}, {"free": {"b": "y"}})[0], ("free", "b")) == "y"


def test_a_deep_overlay_shares_what_lies_beside_its_path(root):
    lower = {"again": {"again": {"again": {"text": "a", "free": {"a": "x"}}, "plain": [1]}}}
    upper = {"again": {"again": {"again": {"text": "a"}, "text": "new"}}}
    merged, _ = merge(root, lower, upper)
    assert merged["again"]["again"]["plain"] is lower["again"]["again"]["plain"]
    assert merged["again"]["again"]["again"] is lower["again"]["again"]["again"], "it was set to what it was"


def test_a_merge_that_is_not_told_to_leaves_defaults_out(tmp_path):
    root = catalog_of(tmp_path, {"properties": {"given": {"type": "array", "default": ["a"]}}}).root
    upper = {"given": {"$append": ["b"]}}
    assert merge(root, {}, upper) == ({"given": ["b"]}, [])
    assert merge(root, {}, upper, defaults=True) == ({"given": ["a", "b"]}, [])


@pytest.mark.parametrize(
    ("one", "other", "twice"),
    [
        ({"text": "a"}, {"text": "b"}, [("text",)]),
        ({"text": "a"}, {"number": 1}, []),
        ({"selector": {"a": "x"}}, {"selector": {"b": "y"}}, [("selector",)]),
        ({"free": {"a": "x"}}, {"free": {"a": "y"}}, [("free", "a")]),
        ({"free": {"a": "x"}}, {"free": {"b": "y"}}, []),
        ({"free": {"a": "x"}}, {"free": {"$patch": "replace"}}, [("free",)]),
        ({"free": {"$patch": "replace"}}, {"free": {"a": "x"}}, [("free", "a")]),
        ({"again": {"free": {"a": "x"}}}, {"again": {"free": None}}, [("again", "free")]),
    ],
)
def test_two_files_of_one_layer_set_the_same_at_any_depth(root, one, other, twice):
    assert [path for _, path, _, _ in set_twice(root, layer_of(one, other))] == twice
