"""Targets share what their lower layers give; what comes out is what each of them gives alone."""

import tempfile

from hypothesis import given
from hypothesis import strategies as st

from rounds import examples
from scratch import catalog_of, make_project
from weft import load_project
from weft.secrets.taint import Views


def group(prefix):
    return {
        "type": "object",
        "properties": {
            "size": {"type": "integer", "default": 1, "x-env": f"{prefix}_SIZE"},
            "name": {"type": "string", "x-env": f"{prefix}_NAME"},
            "key": {"type": "string", "x-sensitive": True, "x-env": f"{prefix}_KEY"},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}, "default": {"a": "b"}},
            "ports": {"type": "array", "items": {"properties": {"port": {"type": "integer", "default": 80}}}},
        },
    }


SCHEMA = {
    "type": "object",
    "properties": {
        "one": {"type": "object", "properties": {"group": group("A"), "other": group("B")}},
        "two": group("C"),
    },
}
TEMPLATE = """{% for domain in (one, two, one.group, one.other) %}
{{ domain | public | to_json }}
{{ domain | env | to_yaml }}
{% endfor %}
{{ config | public | to_yaml }}
"""
SECRETS = "{{ config | secret_env | to_json }}\n{{ config | to_json }}\n{{ one.group.size * 2 }}\n"
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "size": st.integers(0, 3),
        "name": st.sampled_from("ab"),
        "key": st.sampled_from(["ref+env://A", "ref+env://B"]),
        "labels": st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"), max_size=2),
        "ports": st.lists(st.fixed_dictionaries({}, optional={"port": st.integers(1, 3)}), max_size=2),
    },
)
LAYER = st.fixed_dictionaries(
    {}, optional={"one": st.fixed_dictionaries({}, optional={"group": VALUES, "other": VALUES}), "two": VALUES}
)


@given(st.data())
@examples(100)
def test_a_fleet_gives_what_each_target_gives_alone(data):
    tenants = [f"t{number}" for number in range(data.draw(st.integers(2, 24)))]
    files = {
        "base.yaml": data.draw(LAYER),
        "schema.json": SCHEMA,
        "templates/a.j2": TEMPLATE,
        "templates/b.j2": SECRETS,
    }
    files |= {f"tenants/{name}.yaml": data.draw(LAYER) for name in tenants if data.draw(st.booleans())}
    outputs = [{"template": "a.j2", "path": "{tenant}/a"}, {"template": "b.j2", "path": "{tenant}/b", "secrets": True}]
    with tempfile.TemporaryDirectory() as folder:
        make_project(
            folder,
            files,
            layers=["base", "tenants/{tenant}"],
            dimensions={"tenant": {"values": tenants}},
            outputs=outputs,
        )
        fleet = load_project(folder)
        together = {target.name: target.render() for target in fleet.targets()}
        again = {target.name: target.render() for target in reversed(fleet.targets())}
        alone = {name: load_project(folder).target(name).render() for name in tenants[:3]}
    assert together == again
    assert alone == {name: together[name] for name in alone}


def test_one_mapping_at_two_paths_keeps_both(tmp_path):
    shared = {"one": {"group": {"key": "ref+env://A"}}}
    shared["one"]["other"] = shared["one"]["group"]
    root = catalog_of(tmp_path, SCHEMA).root
    for reveal in (False, True):
        one = Views(reveal=reveal).of(root, shared)["one"]
        assert [one[name].path for name in ("group", "other")] == [("one", "group"), ("one", "other")]
        assert [one[name].node for name in ("group", "other")] == [root.at(("one", "group")), root.at(("one", "other"))]


def test_a_project_that_is_opened_again_uses_the_same_schemas_until_they_change(tmp_path):
    folder = make_project(tmp_path, {"schema.json": {"properties": {"a": {"maximum": 3}}}, "base/a.yaml": "a: 5\n"})
    first, second = load_project(folder), load_project(folder)
    assert second.catalog is first.catalog
    assert [one.code for one in second.target().problems()] == ["out-of-range"]
    (folder / "schema.json").write_text('{"properties": {"a": {"maximum": 9}}}')
    assert load_project(folder).target().problems() == []


def test_a_schema_behind_another_link_is_another_schema(tmp_path):
    folder = make_project(tmp_path, {"old.json": {"maximum": 9}, "new.json": {"maximum": 3}, "base/a.yaml": "a: 5\n"})
    (folder / "schema.json").write_text('{"properties": {"a": {"$ref": "app.json"}}}')
    (folder / "app.json").symlink_to("old.json")
    assert load_project(folder).target().problems() == []
    (folder / "app.json").unlink()
    (folder / "app.json").symlink_to("new.json")
    assert [one.code for one in load_project(folder).target().problems()] == ["out-of-range"]
