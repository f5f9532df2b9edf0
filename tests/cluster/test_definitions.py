"""The CustomResourceDefinitions that `weft schema crd` writes, on an API server: it takes them, and decides about objects as Weft does.

Where they decide differently, a note of the definition names the keyword that is left out.
"""

import copy
from functools import cache

import pytest
from hypothesis import HealthCheck, given, note
from hypothesis import strategies as st

from definitions import crd_of, define, disagreement, judge, refusals
from published_schemas import HARD, NAMES, instances, places, root_over, schema_of
from reference import project
from rounds import examples
from scratch import make_project
from weft import load_project

pytestmark = pytest.mark.cluster
SHARED = {"suppress_health_check": [*HARD["suppress_health_check"], HealthCheck.function_scoped_fixture]}


@cache
def of_reference():
    return crd_of(project().root)


def configs():
    return [target.config for target in project().targets()]


def test_the_merged_configurations_of_the_reference_project_are_stored_as_they_are(cluster):
    made, _ = of_reference()
    define(cluster, made)
    for config in configs():
        assert judge(cluster, made, config) == (config, [])


def at(config, path):
    for step in path:
        config = config[step]
    return config


def near(value):
    """Values next to one: a little larger, smaller, longer or of another type."""
    if isinstance(value, bool):
        return [not value, str(value).lower(), int(value)]
    if isinstance(value, int | float):
        return [value + 1, value - 1, -value, value * 1000, 0, str(value), [value]]
    if isinstance(value, str):
        return [value + "x", value[1:], value.upper(), "", f" {value}", value * 40, [value], 1]
    if isinstance(value, list):
        return [value + value[:1], value[1:], value * 60, [], {}, [*value, None], [*value, "x"]]
    if value is None:
        return ["", 0, {}, []]
    return [{}, [], {**value, "unknown_key": 1}, {**value, "A b": {}}, "x", dict.fromkeys(value)]


def is_current(path):
    """Whether a path leads to a setting by its present name: values under an old one have no effect."""
    return bool(path) and not any(map(is_old, (project().root.at(path[:size]) for size in range(1, len(path) + 1))))


@cache
def is_old(node):
    """Whether a setting, or one in it, has another name now."""
    return bool(node.renamed_to) or any(is_old(node.child(name)) for name in node.properties)


@st.composite
def changed(draw, config, others):
    """A configuration with some places changed: removed, replaced by something similar, or taken from another target."""
    config = copy.deepcopy(config)
    for _ in range(draw(st.integers(1, 3))):
        *above, last = draw(st.sampled_from([path for path in places(config) if is_current(path)]))
        holder = at(config, above)
        kind = draw(st.sampled_from(["near", "near", "near", "gone", "null", "other"]))
        if kind == "near":
            holder[last] = draw(st.sampled_from(near(holder[last])))
        elif kind == "gone":
            del holder[last]
        elif kind == "null":
            holder[last] = None
        else:
            other = draw(st.sampled_from(others))
            try:
                holder[last] = copy.deepcopy(at(other, (*above, last)))
            except (LookupError, TypeError):
                holder[last] = copy.deepcopy(holder[last])
    return config


def with_schema(folder, name):
    """A project whose only domain has a published schema."""
    return load_project(make_project(folder, {"schema.json": root_over(name), f"{name}.json": schema_of(name)}))


def test_thirty_published_schemas_are_taken(cluster, tmp_path):
    assert len(NAMES) >= 30
    said = {name: refusals(cluster, crd_of(with_schema(tmp_path / name, name).schemas.root)[0]) for name in NAMES}
    assert {name: one for name, one in said.items() if one} == {}


@pytest.mark.soak(few=4)
@pytest.mark.parametrize("name", NAMES)
def test_a_published_schema_is_taken_and_decides_alike(cluster, tmp_path, name):
    schemas = with_schema(tmp_path, name).schemas
    made, notes = crd_of(schemas.root)
    assert refusals(cluster, made) == []
    define(cluster, made)
    tried = [value for kind in ("valid", "invalid") for value in instances(name, kind)]
    different = [disagreement(cluster, made, notes, schemas, {"it": value}) for value in tried if value is not None]
    assert [one for one in different if one] == []


@examples(2000, **SHARED)
@given(data=st.data())
def test_a_changed_configuration_is_decided_alike(shared_cluster, data):
    made, notes = of_reference()
    if not getattr(shared_cluster, "has_reference", False):
        define(shared_cluster, made)
        shared_cluster.has_reference = True
    config = data.draw(st.sampled_from(configs()).flatmap(lambda one: changed(one, configs())))
    said = disagreement(shared_cluster, made, notes, project().schemas, config)
    note(str(said))
    assert said is None
