"""Every value can be explained: laws over random layers, whole subtrees, and the outputs that a setting makes."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from rounds import examples
from run import run
from scratch import make_project
from weft import UsageError, load_project
from weft.files.formats import to_yaml
from weft.project.impact import settings_behind, uses_of
from weft.project.provenance import leaves_of

TEXT = {"type": "string"}
INTEGER = {"type": "integer"}
SCHEMA = {
    "additionalProperties": False,
    "properties": {
        "app": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "name": TEXT,
                "size": INTEGER,
                "on": {"type": "boolean"},
                "ratio": {"type": "number"},
                "log": {"type": "object", "properties": {"level": TEXT, "file": TEXT, "deep": {"type": "object"}}},
                "labels": {"type": "object", "additionalProperties": TEXT},
                "plain": {"type": "array", "items": INTEGER},
                "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": TEXT},
                "ports": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {
                        "type": "object",
                        "properties": {"name": TEXT, "number": INTEGER, "hosts": {"items": TEXT}},
                    },
                },
            },
        }
    },
}
LAYERS = ["one", "two", "three"]
WORDS = st.text("abcxyz", min_size=1, max_size=4)
NUMBERS = st.integers(-3, 3)
PORT = st.fixed_dictionaries({}, optional={"number": NUMBERS, "hosts": st.lists(WORDS, min_size=1, max_size=2)})


def part():
    """What one layer may contain for `app`, with operators; some of it for lists that the lower layers have or have not."""
    plain = st.lists(NUMBERS, min_size=1, max_size=3)
    tags = st.lists(WORDS, min_size=1, max_size=3, unique=True)
    ports = st.dictionaries(st.sampled_from(["http", "grpc", "debug"]), PORT, min_size=1).map(
        lambda found: [{"name": name, **port} for name, port in found.items()]
    )
    return st.fixed_dictionaries(
        {},
        optional={
            "name": WORDS,
            "size": NUMBERS,
            "on": st.booleans(),
            "ratio": st.sampled_from([0.5, 1.25]),
            "log": st.fixed_dictionaries(
                {},
                optional={"level": WORDS, "file": WORDS, "deep": st.dictionaries(WORDS, WORDS, min_size=1, max_size=2)},
            )
            | st.fixed_dictionaries({"$patch": st.just("replace"), "level": WORDS}),
            "labels": st.dictionaries(WORDS, WORDS, min_size=1, max_size=2),
            "plain": plain | operated(plain),
            "tags": tags | operated(tags),
            "ports": ports | ports.map(lambda found: {"$replace": found}) | ports.map(lambda found: {"$append": found}),
        },
    )


def operated(items):
    """An operator over a list."""
    both = st.fixed_dictionaries({}, optional={"$append": items, "$prepend": items}).filter(bool)
    return both | items.map(lambda found: {"$replace": found}) | items.map(lambda found: {"$value": found})


def placed(folder, parts):
    """A project whose layers say these things, as files whose lines a person can read."""
    files = {f"{name}.yaml": to_yaml({"app": said}) + "\n" for name, said in zip(LAYERS, parts, strict=True)}
    make_project(Path(folder), {"schema.json": SCHEMA, **files}, layers=LAYERS)
    return load_project(folder).target()


DRAWN = examples(100, suppress_health_check=list(HealthCheck))


@DRAWN
@given(st.tuples(part(), part(), part()))
def test_every_leaf_stands_where_its_explanation_says(parts):
    with tempfile.TemporaryDirectory() as folder:
        target = placed(folder, parts)
        assert target.problems() == []
        for path in leaves_of(target.config.get("app", {}), ("app",)):
            explanation = target.explain(path)
            if explanation.value in ({}, []):
                continue
            origin = explanation.as_dict()["origin"]
            line = Path(folder, origin["file"]).read_text().splitlines()[origin["line"] - 1]
            assert line[origin["column"] - 1 :] == json.dumps(explanation.value), (path, origin)


@DRAWN
@given(st.tuples(part(), part(), part()), st.data())
def test_a_broken_value_is_told_where_it_stands(parts, data):
    with tempfile.TemporaryDirectory() as folder:
        target = placed(folder, parts)
        typed = [
            path
            for path in leaves_of(target.config.get("app", {}), ("app",))
            if target.schemas.root.at(path).types
            and target.explain(path).value not in ({}, [])
            and path[-1] != "name"  # which may identify the items of a list
        ]
        if not typed:
            return
        path = data.draw(st.sampled_from(typed))
        origin = target.explain(path).as_dict()["origin"]
        file = Path(folder, origin["file"])
        lines = file.read_text().splitlines()
        lines[origin["line"] - 1] = lines[origin["line"] - 1][: origin["column"] - 1] + "{odd: [1]}"
        file.write_text("\n".join(lines) + "\n")
        told = load_project(folder).target().problems()
        places = [(problem.place.file, problem.place.line, problem.place.column) for problem in told]
        assert (origin["file"], origin["line"], origin["column"]) in places, [problem.message for problem in told]
        assert len(places) <= 2  # a merge conflict below keeps the lower value


def shop(folder, low="app: {name: a, size: 3, plain: [1, 2]}\n", high="app:\n  plain: {$append: [3]}\n", template=None):
    text = template or (
        "name: {{ app.name }}\n{% if app.size > 2 %}\nlarge: yes\n{% endif %}\n"
        "fixed: 1\nlist: {{ app.plain | join(',') }}\nboth: {{ app.name }}-{{ app.size }}\n"
    )
    outputs = [{"template": "it.j2", "path": "it.txt"}, {"template": "other.j2", "path": "other.txt"}]
    files = {
        "schema.json": SCHEMA,
        "low.yaml": low,
        "high.yaml": high,
        "templates/it.j2": text,
        "templates/other.j2": "x",
    }
    make_project(folder, files, layers=["low", "high"], outputs=outputs)
    return load_project(folder).target()


@pytest.mark.parametrize(
    ("path", "lines"),
    [("app.name", (1, 5)), ("app.size", (5,)), ("app.plain[2]", (4,)), ("app.plain", (4,)), ("app", (1, 4, 5))],
)
def test_the_lines_that_a_setting_makes(tmp_path, path, lines):
    target = shop(tmp_path)
    assert uses_of(target, target.find(path)) == [("it.txt", lines)]


@pytest.mark.parametrize(
    ("line", "paths"),
    [
        (1, [("app", "name")]),
        (3, []),
        (4, [("app", "plain", 0), ("app", "plain", 1), ("app", "plain", 2)]),
        (5, [("app", "name"), ("app", "size")]),
    ],
)
def test_the_settings_behind_a_line(tmp_path, line, paths):
    assert settings_behind(shop(tmp_path), "it.txt", line) == paths


def test_a_switch_is_behind_what_it_lets_in(tmp_path):
    target = shop(tmp_path, low="app: {on: true}\n", high="{}\n", template="a\n{% if app.on %}\nb\n{% endif %}\nc\n")
    assert settings_behind(target, "it.txt", 2) == [("app", "on")]
    assert settings_behind(target, "it.txt", 3) == []


def test_a_line_that_is_not_there(tmp_path):
    target = shop(tmp_path)
    for output, line, words in (
        ("it.txt", 6, "has 5 lines"),
        ("it.text", 1, "did you mean"),
        ("it.txt", 0, "no line 0"),
    ):
        with pytest.raises(UsageError) as told:
            settings_behind(target, output, line)
        assert words in f"{told.value.problems[0].message} {told.value.problems[0].hint}"


def test_the_command_line_shows_the_settings_behind_a_line(tmp_path):
    shop(tmp_path)
    assert run("render", cwd=tmp_path).code == 0
    result = run("explain", "--output", "build/it.txt:5", cwd=tmp_path)
    assert (result.code, result.out.splitlines()) == (
        0,
        ['app.name  "a"   low.yaml:1:13', "app.size  3   low.yaml:1:22"],
    )
    data = json.loads(
        run("explain", "--output", str(tmp_path / "build/it.txt:5"), "--format", "json", cwd=tmp_path).out
    )
    assert (data["target"], data["output"], [one["path"] for one in data["settings"]]) == (
        "default",
        "it.txt",
        ["app.name", "app.size"],
    )
    assert "fixed text of the template" in run("explain", "--output", "it.txt:3", cwd=tmp_path).out


@pytest.mark.parametrize(
    "args",
    [
        ["--output", "it.txt"],
        ["--output", "nowhere.txt:1"],
        ["--output", "it.txt:1", "default"],
        ["default"],
        ["default", "app.name", "--all"],
        [],
    ],
)
def test_what_cannot_be_explained_is_a_usage_error(tmp_path, args):
    shop(tmp_path)
    result = run("explain", *args, cwd=tmp_path)
    assert (result.code, result.out) == (2, "")


def test_a_mapping_is_explained_leaf_by_leaf(tmp_path):
    shop(tmp_path)
    result = run("explain", "default", "app", cwd=tmp_path)
    assert result.out.splitlines() == [
        "app   in default",
        '  app.name      "a"   low.yaml:1:13',
        "  app.size      3   low.yaml:1:22",
        "  app.plain[0]  1   low.yaml:1:33",
        "  app.plain[1]  2   low.yaml:1:36",
        "  app.plain[2]  3   high.yaml:2:21   by $append",
    ]
    assert run("explain", "default", "--all", cwd=tmp_path).out.splitlines()[1:] == result.out.splitlines()[1:]
    data = json.loads(run("explain", "default", "app", "--format", "json", cwd=tmp_path).out)
    assert [item["path"] for item in data["items"]] == [
        "app.name",
        "app.size",
        "app.plain[0]",
        "app.plain[1]",
        "app.plain[2]",
    ]
    assert data["items"][4]["origin"]["operator"] == "$append"


def test_what_was_removed_says_by_whom(tmp_path):
    shop(tmp_path, high="app: {name: null}\n")
    out = run("explain", "default", "app.name", cwd=tmp_path).out
    assert out.splitlines()[:3] == [
        "app.name = null   in default",
        "  removed  high.yaml:1:13   null",
        '  over     low.yaml:1:13   "a"',
    ]


def test_the_outputs_that_use_a_setting_are_named(tmp_path):
    shop(tmp_path)
    assert "  in       it.txt:1,5" in run("explain", "default", "app.name", cwd=tmp_path).out.splitlines()
    data = json.loads(run("explain", "default", "app.name", "--format", "json", cwd=tmp_path).out)
    assert data["outputs"] == [{"path": "it.txt", "lines": [1, 5]}]
