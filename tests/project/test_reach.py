"""How far settings reach: with few renderings the same as with one rendering for each setting, and no way of reading is missed."""

import copy
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scratch import make_project
from weft import load_project
from weft.base.paths import parse_dotted
from weft.project.impact import uses_of
from weft.project.lines import changed_lines, lines_of_each, spans
from weft.project.reach import read_by, settings_of, uses_of_all
from weft.schema.node import Node
from weft.stages.render.filters import same_digests

# --- the search, on texts whose lines are known functions of their settings ---

NAMES = [f"s{number}" for number in range(40)]
OTHER = {name: f"new-{name}-" for name in NAMES}
SOME = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True)
LINE = st.one_of(
    SOME.map(lambda names: ("shown", names)),
    SOME.map(lambda names: ("hidden", names)),
    SOME.map(lambda names: ("present", names)),
    st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)).map(lambda names: ("chosen", [*names])),
    st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)).map(lambda names: ("equal", [*names])),
    st.just(("fixed", [])),
    st.sampled_from(NAMES).map(lambda name: ("broken", [name])),
)
WEIGHTED = st.one_of(LINE, SOME.map(lambda names: ("shown", names)), st.just(("fixed", [])))


def text_of(lines, changed):
    """The text if some settings have their other values; None if one of them breaks it."""
    found = []
    for number, (kind, names) in enumerate(lines):
        there = [name in changed for name in names]
        shown = [OTHER[name] if name in changed else name for name in names]
        if kind == "broken" and there[0]:
            return None
        if kind == "shown":
            found.append(f"{number}: {' '.join(shown)}")
        elif kind == "hidden":  # a digest, or a sum
            found.append(f"{number}: {hash(tuple(there))}")
        elif kind == "chosen":
            found.append(f"{number}: {shown[1] if there[0] else 'nobody'}")
        elif kind == "equal":
            found.append(f"{number}: {there[0] == there[1]}")
        else:
            found.append(f"{number}: fixed")
        if kind == "present" and there[0]:
            found += ["more", "lines"]
    return "".join(f"{line}\n" for line in found)


@given(st.lists(WEIGHTED, max_size=30))
@example(
    [("equal", ["s1", "s3"]), ("present", ["s0"])]
)  # two changes that cancel each other out, next to lines that come
@example([("equal", ["s0", "s1"]), ("shown", ["s0"])])
def test_groups_tell_the_same_as_single_settings(lines):
    text = text_of(lines, ())
    found = lines_of_each(text, OTHER, lambda names: text_of(lines, names))
    single = {name: text_of(lines, [name]) for name in NAMES}
    lone = {name: None if other is None else changed_lines(text, other) for name, other in single.items()}
    together = {name for kind, names in lines if kind == "chosen" for name in names}
    assert {name: found[name] for name in NAMES if name not in together} == {
        name: lone[name] for name in NAMES if name not in together
    }
    for name in together:  # a value that only shows together with another one may be found, and never less than alone
        assert lone[name] is None or set(lone[name]) <= set(found[name])


def test_many_settings_take_few_renderings():
    names = [f"setting_{number}" for number in range(500)]
    text = "".join(f"{name}\n" for name in names[:250])
    asked = []

    def text_with(changed):
        asked.append(changed)
        return "".join(f"{name}{'!' if name in changed else ''}\n" for name in names[:250])

    found = lines_of_each(text, dict.fromkeys(names, ""), text_with)
    assert found == {name: (number + 1,) if number < 250 else () for number, name in enumerate(names)}
    assert len(asked) == 1 + 2 * 9


def test_lines_are_written_as_spans():
    assert spans([3, 7, 8, 9, 11]) == "3,7-9,11"


# --- which settings a template reads ---

SCHEMA = {
    "properties": {
        "top": {"type": "string"},
        "app": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "x-env": "NAME"},
                "size": {"type": "integer"},
                "secret": {"type": "string", "x-sensitive": True},
                "labels": {"type": "object"},
                "hosts": {"type": "array", "items": {"type": "object"}},
                "log": {"type": "object", "properties": {"level": {"type": "string"}, "file": {"type": "string"}}},
            },
        },
    }
}
CONFIG = {
    "top": "t",
    "app": {
        "name": "n",
        "size": 3,
        "labels": {"a": "1", "b": "2"},
        "hosts": [{"name": "h", "port": 1}, {"name": "i", "port": 2}],
        "log": {"level": "info", "file": "f"},
    },
}
LOG = {"app.log.level", "app.log.file"}
LABELS = {"app.labels.a", "app.labels.b"}
PORTS = {"app.hosts[0].port", "app.hosts[1].port"}


@pytest.mark.parametrize(
    ("template", "read"),
    [
        ("{{ app.name }}", {"app.name"}),
        ("{{ app['name'] }}{{ app.log.get('level') }}", {"app.name", "app.log.level"}),
        ("{{ app.log.get('other', 'x') }}", set()),
        ("{% for key in app.log %}{{ key }}{% endfor %}{{ app.log | length }}", set()),
        ("{% for key in app.log %}{{ app.log[key] }}{% endfor %}", LOG),
        ("{% for key, value in app.log.items() %}{{ key }}{% endfor %}", LOG),
        ("{% for host in app.hosts %}{{ host.port }}{% endfor %}", PORTS),
        ("{% for value in app.log.values() %}{{ value }}{% endfor %}{{ app.name }}", {*LOG, "app.name"}),
        ("{% for key, value in app.log.items() %}{{ key }}{% endfor %}{{ app.name }}", {*LOG, "app.name"}),
        ("{{ app.log.copy is defined }}{{ app.name }}", {"app.name"}),
        ("{{ app.hosts | map(attribute='port') | join }}", PORTS),
        ("{{ app.labels | to_yaml }}", LABELS),
        ("{{ app.labels | to_json }}", LABELS),
        ("{{ app.labels | tojson }}", LABELS),
        ("{{ app.labels | dictsort }}", LABELS),
        ("{{ app.labels | items | list }}", LABELS),
        ("{{ app.labels }}", LABELS),
        ("{{ dict(app.labels) }}", LABELS),
        ("{{ dict(**app.labels) }}", LABELS),
        ("{{ dict(app.labels, x='y').x }}", LABELS),
        ("{{ app.labels == {'a': '1'} }}", LABELS),
        ("{{ {'a': '1'} == app.labels }}", LABELS),
        ("{{ [app.labels] == [{'a': '2'}] }}", LABELS),
        ("{{ app.labels != {} }}", LABELS),
        ("{{ app.labels in [{'a': '1'}] }}", LABELS),
        ("{{ app.labels.values() | list }}", LABELS),
        ("{{ '%(a)s' | format(**app.labels) }}", LABELS),
        ("{{ '{0[a]}'.format(app.labels) }}", {"app.labels.a"}),
        ("{{ app | env }}", {"app.name"}),
        ("{{ (app | public).size }}", {"app.size"}),
        ("{{ (config | public).app.log.level }}", {"app.log.level"}),
        ("{{ config.app.size }}", {"app.size"}),
        ("{% import 'part.j2' as part with context %}{{ part.size() }}", {"app.size"}),
        ("{{ app.labels | xmlattr }}", LABELS),
        ("{{ app.labels | urlencode }}", LABELS),
        ("{{ app.labels | tojson | sha256 }}", LABELS),
        ("{{ app.hosts[0] | tojson }}", {"app.hosts[0].name", "app.hosts[0].port"}),
    ],
)
def test_no_way_of_reading_is_missed(tmp_path, template, read):
    target = opened(tmp_path, template, CONFIG)
    (output,) = target.outputs.rendered(target.view)[0]
    found = read_by(target, [output])[output.path]
    assert found == {("top",)} | {parse_dotted(path) for path in read}
    assert found <= set(settings_of(target))


def opened(folder, template, config, **weft):
    make_project(
        folder,
        {
            "schema.json": SCHEMA,
            "base.yaml": json.dumps(config),
            "templates/out.j2": template,
            "templates/part.j2": "{% macro size() %}{{ app.size }}{% endmacro %}",
        },
        outputs=[{"template": "out.j2", "path": "out"}],
        **weft,
    )
    project = load_project(folder)
    (target,) = project.targets()
    assert not project.problems([target])
    return target


def test_a_branch_for_reading_has_no_way_around():
    """A method of mappings that somebody adds to Python must not read without a note."""
    node = Node.__new__(Node)
    from weft.secrets.taint import _Noting

    known = {
        "__contains__", "__delitem__", "__len__", "__setitem__", "__reversed__", "__sizeof__", "__ior__", "__lt__", "__le__", "__gt__",
        "__ge__", "clear", "fromkeys", "keys", "pop", "popitem", "setdefault", "update", "__class_getitem__", "__getattribute__", "__new__",
        "__doc__", "__repr__", "__init__",
    }  # fmt: skip
    assert set(vars(dict)) - known <= set(vars(_Noting))
    assert repr(_Noting([("a", 1)], node, (), set())) == "{'a': 1}"


# --- both together ---

SETTINGS = [f"v{number}" for number in range(12)]
TEMPLATE = """
{% for part in app.parts %}
{% set first = app[part.names[0]] %}
{% if part.kind == "shown" %}
{% for name in part.names %}{{ app[name] }} {% endfor %}

{% elif part.kind == "chosen" %}
{% if first %}
yes
{% else %}
no
{% endif %}
{% elif part.kind == "special" %}
{% if first == "x" %}
special
{% endif %}
{% elif part.kind == "upper" %}
{{ first | string | upper }}
{% elif part.kind == "number" %}
{{ 1 + first }}
{% elif part.kind == "equal" %}
{% for name in part.names %}
{% if app[name] == first %}
{{ name }}
{% endif %}
{% endfor %}
{% elif part.kind == "digest" %}
{{ app | to_json | sha256 }}
{% endif %}
fixed
{% endfor %}
"""
KINDS = ("shown", "shown", "chosen", "special", "upper", "number", "equal", "digest", "fixed")
PARTS = st.lists(
    st.fixed_dictionaries(
        {"kind": st.sampled_from(KINDS), "names": st.lists(st.sampled_from(SETTINGS), min_size=1, max_size=3)}
    ),
    max_size=12,
)
VALUES = st.sampled_from(["x", "y1", "", 0, 1, 5, True, False, 7.5])


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return opened(tmp_path_factory.mktemp("project"), TEMPLATE, {"app": {"parts": []}})


@given(PARTS, st.fixed_dictionaries(dict.fromkeys(SETTINGS, VALUES)))
def test_all_settings_at_once_are_explained_like_each(shared, parts, values):
    target = copy.copy(shared)
    vars(target).pop("view", None)
    vars(target)["shared_config"] = {"app": {"parts": parts, **values}}
    outputs = target.outputs.rendered(target.view)[0]
    settings = [("app", name) for name in SETTINGS]
    found = uses_of_all(target, outputs, settings)
    with same_digests():
        assert found == {path: dict(uses) for path in settings if (uses := uses_of(target, path))}
