"""Settings as environment variables and back: what a program reads is what the configuration says."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from run import run
from scratch import catalog_of, make_project
from weft import load_project
from weft.schema.envvars import declared, from_text, settings_from, to_text, variables

pytestmark = pytest.mark.unmeasured("laws of many examples, whose code other tests run")

TYPES = {
    "text": {"type": "string"},
    "whole": {"type": "integer"},
    "number": {"type": "number"},
    "switch": {"type": "boolean"},
    "texts": {"type": "array", "items": {"type": "string"}},
    "wholes": {"type": "array", "items": {"type": "integer"}},
    "numbers": {"type": "array", "items": {"type": "number"}},
    "switches": {"type": "array", "items": {"type": "boolean"}},
    "pairs": {"type": "array", "items": {"type": "object"}},
    "lists": {"type": "array", "items": {"type": "array", "items": {"type": "string"}}},
    "map": {"type": "object"},
    "maybe_text": {"type": ["string", "null"]},
    "maybe_whole": {"type": ["integer", "null"]},
    "maybe_texts": {"type": ["array", "null"], "items": {"type": "string"}},
    "level": {"enum": ["low", "high"]},
    "size": {"enum": [1, 2, 4]},
}
SCHEMA = {"properties": {name: {**schema, "x-env": name.upper()} for name, schema in TYPES.items()}}
VALUES = {
    "text": st.text(),
    "whole": st.integers(),
    "number": st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    "switch": st.booleans(),
    "texts": st.lists(st.text()),
    "wholes": st.lists(st.integers()),
    "numbers": st.lists(st.integers() | st.floats(allow_nan=False, allow_infinity=False)),
    "switches": st.lists(st.booleans()),
    "pairs": st.lists(st.dictionaries(st.text(), st.integers() | st.text() | st.none())),
    "lists": st.lists(st.lists(st.text())),
    "map": st.dictionaries(st.text(), st.none() | st.integers() | st.lists(st.text())),
    "maybe_text": st.text(),
    "maybe_whole": st.integers(),
    "maybe_texts": st.lists(st.text()),
    "level": st.sampled_from(["low", "high"]),
    "size": st.sampled_from([1, 2, 4]),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return catalog_of(tmp_path_factory.mktemp("schema"), SCHEMA).root


@pytest.mark.parametrize("name", TYPES)
@given(data=st.data())
def test_every_value_survives_the_environment(root, name, data):
    value = data.draw(VALUES[name])
    text = to_text(value)
    assert isinstance(text, str)
    assert from_text(root.child(name), text) == value


TEXTS = [
    ("text", "no", "no"),
    ("text", "8080", "8080"),
    ("text", "", ""),
    ("text", " x ", " x "),
    ("whole", "8080", 8080),
    ("whole", " 8080 ", 8080),
    ("whole", "-1", -1),
    ("whole", "1e3", 1000),
    ("whole", "8080.0", 8080),
    ("number", "0.5", 0.5),
    ("number", "1", 1),
    ("switch", "true", True),
    ("switch", "TRUE", True),
    ("switch", "1", True),
    ("switch", "yes", True),
    ("switch", "on", True),
    ("switch", "False", False),
    ("switch", "0", False),
    ("switch", "no", False),
    ("switch", "off", False),
    ("texts", "a,b", ["a", "b"]),
    ("texts", "a, b", ["a", "b"]),
    ("texts", "a", ["a"]),
    ("texts", "", []),
    ("texts", '["a,b", "c"]', ["a,b", "c"]),
    ("wholes", "1,2", [1, 2]),
    ("wholes", "[1, 2]", [1, 2]),
    ("map", '{"a": 1}', {"a": 1}),
    ("map", "{}", {}),
    ("maybe_whole", "5", 5),
    ("maybe_whole", "null", None),
    ("maybe_whole", "", None),
    ("level", "low", "low"),
    ("size", "2", 2),
]


@pytest.mark.parametrize(("name", "text", "value"), TEXTS, ids=[f"{name} {text!r}" for name, text, _ in TEXTS])
def test_the_type_decides_what_a_text_means(root, name, text, value):
    found = from_text(root.child(name), text)
    assert (found, type(found)) == (value, type(value))


REFUSED = [
    ("whole", "eight"),
    ("whole", ""),
    ("whole", "1.5"),
    ("whole", "012"),
    ("whole", "1e400"),
    ("whole", "9" * 5000),
    ("whole", ".inf"),
    ("number", ".nan"),
    ("number", "1,5"),
    ("number", "true"),
    ("switch", "2"),
    ("switch", "tru"),
    ("switch", ""),
    ("wholes", "1,x"),
    ("wholes", "[1, 2"),
    ("wholes", "1,,2"),
    ("map", "a=1"),
    ("map", '{"a": 1, "a": 2}'),
    ("map", ""),
    ("map", f'{{"a": {"9" * 5000}}}'),
    ("maybe_whole", "nil"),
    ("size", "two"),
]


@pytest.mark.parametrize(("name", "text"), REFUSED, ids=[f"{name} {text[:20]!r}" for name, text in REFUSED])
def test_a_text_that_does_not_convert_is_reported_and_shown(root, name, text):
    data, problems = settings_from(root, {name.upper(): text})
    assert data == {}
    assert [problem.code for problem in problems] == ["bad-variable"]
    assert name.upper() in problems[0].message
    assert f"not `{text[:60]}" in problems[0].message


def test_a_text_in_which_a_secret_may_stand_is_not_shown(nested):
    _, problems = settings_from(nested, {"LOGIN": "canary", "KEYS": '["canary", {'})
    assert [problem.code for problem in problems] == ["bad-variable", "bad-variable"]
    assert "canary" not in str(problems)


def test_every_variable_that_does_not_convert_is_told(root):
    _, problems = settings_from(root, {"WHOLE": "x", "SWITCH": "y", "TEXT": "fine", "OTHER": "z"})
    assert [problem.message.split()[2].strip(":") for problem in problems] == ["WHOLE", "SWITCH"]


def test_only_declared_variables_are_taken(root):
    assert settings_from(root, {"PATH": "/bin", "TEXT": "a", "whole": "1"}) == ({"text": "a"}, [])


NESTED = {
    "$defs": {
        "pool": {"type": "object", "properties": {"size": {"type": "integer", "x-env": "POOL_SIZE"}}},
        "tree": {
            "type": "object",
            "properties": {"depth": {"type": "integer", "x-env": "DEPTH"}, "below": {"$ref": "#/$defs/tree"}},
        },
    },
    "properties": {
        "db": {
            "type": "object",
            "properties": {
                "pool": {"$ref": "#/$defs/pool"},
                "password": {"type": "string", "x-env": "PASSWORD", "x-sensitive": True},
                "keys": {"type": "array", "items": {"type": "string", "x-sensitive": True}, "x-env": "KEYS"},
                "login": {
                    "type": "object",
                    "x-env": "LOGIN",
                    "properties": {"user": {"type": "string"}, "word": {"type": "string", "x-sensitive": True}},
                },
            },
        },
        "tree": {"$ref": "#/$defs/tree"},
        "when": {"anyOf": [{"properties": {"x": {"type": "integer", "x-env": "MAYBE"}}}, {"type": "null"}]},
    },
}


@pytest.fixture(scope="module")
def nested(tmp_path_factory):
    return catalog_of(tmp_path_factory.mktemp("nested"), NESTED).root


def test_declared_variables_follow_references_and_end(nested):
    found = {name: path for name, path, _ in declared(nested)}
    assert found["POOL_SIZE"] == ("db", "pool", "size")
    assert found["DEPTH"][-1] == "depth"
    assert found["MAYBE"] == ("when", "x")


def test_variables_are_those_of_settings_that_have_a_value(nested):
    config = {"db": {"pool": {"size": 5}, "password": None}, "tree": {"below": {"depth": 2}}, "other": 1}
    assert [(one.name, one.path, one.text, one.sensitive) for one in variables(nested, config)] == [
        ("POOL_SIZE", ("db", "pool", "size"), "5", False),
        ("DEPTH", ("tree", "below", "depth"), "2", False),
    ]


@pytest.mark.parametrize(
    "config", [{"password": "canary"}, {"keys": ["canary"]}, {"login": {"user": "me", "word": "canary"}}]
)
def test_a_variable_that_holds_a_secret_anywhere_is_sensitive(nested, config):
    found = list(variables(nested, {"db": config}))
    assert all(one.sensitive for one in found if "canary" in one.text)


LAYERED = {
    "properties": {
        "app": {
            "type": "object",
            "properties": {
                "port": {"type": "integer", "x-env": "APP_PORT", "minimum": 1, "default": 80},
                "owner": {"type": ["integer", "null"], "x-env": "APP_OWNER"},
                "tags": {"type": "array", "items": {"type": "string"}, "x-env": "APP_TAGS"},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}, "x-env": "APP_LABELS"},
            },
        }
    }
}


@pytest.fixture
def project(tmp_path):
    return make_project(
        tmp_path, {"schema.json": LAYERED, "base.yaml": "app: {port: 8080, owner: 7, tags: [a, b], labels: {x: y}}\n"}
    )


def test_the_environment_lies_above_all_overlays(project):
    config = load_project(project, environment={"APP_PORT": "9000", "APP_TAGS": "c"}).target().config
    assert config["app"] == {"port": 9000, "owner": 7, "tags": ["c"], "labels": {"x": "y"}}


def test_set_lies_above_the_environment(project):
    loaded = load_project(project, environment={"APP_PORT": "9000"}, overrides={"app.port": "9001"})
    assert loaded.target().config["app"]["port"] == 9001


@pytest.mark.parametrize("text", ["", "null"])
def test_a_variable_that_says_null_sets_null(project, text):
    target = load_project(project, environment={"APP_OWNER": text}).target()
    assert target.problems() == []
    assert target.config["app"]["owner"] is None


def test_null_may_be_set_where_no_layer_sets_anything(project):
    project.joinpath("base.yaml").write_text("app: {port: 1}\n")
    target = load_project(project, overrides={"app.owner": "null"}).target()
    assert target.problems() == []
    assert target.config["app"]["owner"] is None


def test_a_value_from_the_environment_is_validated_and_named(project):
    result = run("validate", "--from-env", "--format", "json", cwd=project, env={"APP_PORT": "0"})
    assert result.code == 1
    assert '"out-of-range"' in result.out
    assert '"file": "--from-env ' in result.out


def test_a_variable_that_does_not_convert_ends_the_run(project):
    result = run("config", "default", "--from-env", cwd=project, env={"APP_PORT": "eighty"})
    assert (result.code, result.out) == (1, "")
    assert "APP_PORT" in result.err
    assert "not `eighty`" in result.err


def test_without_the_option_the_environment_says_nothing(project):
    result = run("config", "default", "app.port", cwd=project, env={"APP_PORT": "1"})
    assert (result.code, result.out) == (0, "8080\n")


def test_what_config_prints_as_env_is_what_from_env_reads(project, tmp_path):
    printed = run("config", "default", "--format", "env", cwd=project)
    from dotenv import dotenv_values

    tmp_path.joinpath(".env").write_text(printed.out)
    read = dotenv_values(tmp_path / ".env")
    assert read == {"APP_PORT": "8080", "APP_OWNER": "7", "APP_TAGS": "a,b", "APP_LABELS": '{"x": "y"}'}
    assert load_project(project, environment=read).target().config == load_project(project).target().config


@given(st.dictionaries(st.sampled_from(["WHOLE", "SWITCH", "TEXTS", "MAP", "NUMBERS", "SIZE"]), st.text(max_size=6)))
def test_no_environment_is_too_strange_to_read(root, environment):
    assume(environment)
    data, problems = settings_from(root, environment)
    assert len(data) + len(problems) == len(environment)
