"""Canaries: a secret, and the reference to it, comes out only where an output is declared to contain secrets."""

import json
import re

import pytest

import weft
from planted import LAYER, SENSITIVE, plant
from run import run
from scratch import catalog_of, make_project, write_files
from weft.base import paths
from weft.schema.node import MISSING
from weft.secrets.masking import mask
from weft.secrets.references import literals
from weft.secrets.taint import Tainted, TaintError, Views, public

pytestmark = pytest.mark.unmeasured("whole runs of the command line, whose code other tests run")

TARGETS = ("local", "production/*", "production")
OF_SERVERS = (("database", "postgresql", "pooler", "password"), ("database", "redis", "server", "internal_password"))
"""What only the servers read, which the tenants of an environment share: their files are not rendered for a tenant."""
FORMATS = ("yaml", "json", "env", "export", "properties")


@pytest.fixture(scope="module")
def referring(tmp_path_factory):
    return weft.load_project(plant(tmp_path_factory.mktemp("references"), "ref+env://CANARY_{}_END".format))


@pytest.fixture(scope="module")
def clear(tmp_path_factory):
    return plant(tmp_path_factory.mktemp("literals"), "canary-{}-hunter2-hunter2-hunter2-hunter2".format)


# --- references ---


def test_references_are_rendered_only_where_secrets_belong_and_there_all_of_them(referring):
    rendered, problems = referring.render(referring.targets(*TARGETS))
    assert {problem.code for problem in problems} <= {"kubernetes-unknown-kind"}  # notes on custom resources
    assert {one.target for one in rendered} >= {"local", "production", "production/acme"}
    wanted = {str(number) for number in range(len(SENSITIVE))}
    held = {}
    for one in rendered:
        found = set(re.findall(r"CANARY_(\d+)_END", one.text))
        assert one.secrets or not found, one.path
        assert one.secrets or "ref+" not in one.text, one.path
        held.setdefault(one.target, set()).update(found)
    servers = {str(SENSITIVE.index(path)) for path in OF_SERVERS}
    missing = {
        target: lacking
        for target, found in held.items()
        if (lacking := wanted - found - (servers if "/" in target else set()))
    }
    assert not missing, {paths.dotted(SENSITIVE[int(n)]) for numbers in missing.values() for n in numbers}


@pytest.mark.soak(few=2)
@pytest.mark.parametrize("target", ["local", "production/acme"])
@pytest.mark.parametrize("form", FORMATS)
def test_configurations_are_printed_with_references_and_variables_without(form, target, referring):
    result = run("config", target, "--format", form, cwd=referring.folder)
    assert result.code == 0
    found = set(re.findall(r"CANARY_(\d+)_END", result.out))
    assert len(found) == (len(SENSITIVE) if form in ("yaml", "json") else 0)
    assert "CANARY" not in result.err
    assert "***" not in result.out


@pytest.mark.parametrize("form", ["env", "export", "properties"])
def test_a_sensitive_part_alone_is_not_printed_as_a_variable(form, referring):
    result = run("config", "local", paths.dotted(SENSITIVE[0]), "--format", form, cwd=referring.folder)
    assert "CANARY" not in result.out + result.err
    assert (result.code, result.out) == (0, "")


# --- literals ---


def test_every_literal_is_a_problem_with_its_place(clear):
    problems = weft.load_project(clear).target("production", tenant="acme").problems()
    places = {problem.path: problem for problem in problems}
    assert {problem.code for problem in problems} == {"literal-secret"}
    assert set(places) == {paths.pointer(path) for path in SENSITIVE}
    lines = (clear / LAYER).read_text("utf-8").splitlines()
    for number, path in enumerate(SENSITIVE):
        place = places[paths.pointer(path)].place
        assert place.file == LAYER
        assert lines[place.line - 1][place.column - 1 :].startswith(f"canary-{number}-")


@pytest.mark.soak(few=2)
@pytest.mark.parametrize(
    "command",
    [
        ["validate", "production/**"],
        ["validate", "local", "production/acme", "--outputs", "--strict"],
        ["validate", "production/acme", "--format", "json"],
        ["render", "production/acme"],
        *(["config", "production/acme", "--format", form] for form in FORMATS),
        ["config", "local", "database"],
        ["diff", "local", "production"],
        ["diff", "local", "production", "--format", "json"],
        ["targets", "--format", "json"],
        *(["explain", "local", domain] for domain in dict.fromkeys(path[0] for path in SENSITIVE)),
    ],
    ids=" ".join,
)
def test_no_command_repeats_a_literal(command, clear):
    result = run(*command, cwd=clear)
    assert "hunter2" not in result.out + result.err
    assert "canary-" not in result.out + result.err
    assert result.code == (0 if command[0] == "targets" else 1)


@pytest.mark.parametrize("options", [[], ["--format", "json"]])
def test_an_explanation_of_a_literal_hides_it(options, clear):
    result = run("explain", "local", paths.dotted(SENSITIVE[0]), *options, cwd=clear)
    assert "hunter2" not in result.out
    assert "***" in result.out


def test_no_exception_and_no_problem_repeats_a_literal(clear):
    target = weft.load_project(clear).target("production", tenant="acme")
    with pytest.raises(weft.WeftError) as caught:
        target.render()
    explained = [target.explain(path) for path in SENSITIVE]
    told = [caught.value, *caught.value.args, *caught.value.problems, *target.problems(), *explained]
    assert caught.value.problems
    for one in (*told, *(one.as_dict() for one in (*caught.value.problems, *explained))):
        assert "hunter2" not in f"{one} {one!r}"


# --- literals in a small project ---

SECRET = {"type": "string", "x-sensitive": True, "x-env": "APP_SECRET", "title": "Secret"}
APP = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "default": "demo", "x-env": "APP_NAME"},
        "port": {"type": "integer", "maximum": 65535},
        "secret": SECRET,
        "pin": {"type": "integer", "x-sensitive": True},
        "code": {"type": ["string", "null"], "x-sensitive": True},
        "either": {"oneOf": [{"type": "string", "x-sensitive": True}, {"type": "integer"}]},
        "keys": {"type": "array", "items": {"type": "string", "x-sensitive": True}},
        "logins": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["user"],
            "items": {
                "type": "object",
                "required": ["user"],
                "properties": {"user": {"type": "string"}, "word": {"type": "string", "x-sensitive": True}},
            },
        },
        "vault": {"type": "object", "x-sensitive": True, "additionalProperties": {"type": "string"}},
        "tokens": {"type": "object", "additionalProperties": {"type": "string", "x-sensitive": True}},
    },
}
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "properties": {"app": APP},
}

LITERALS = {
    "plain": "app: {secret: hunter2}",
    "in block style": "app:\n  secret: hunter2\n",
    "next to a misspelled key": "app: {prot: 1, secret: hunter2}",
    "next to a wrong value": "app: {port: 70000, secret: hunter2}",
    "after a wrong type": "app: {secret: hunter2, port: eighty}",
    "twice, the second time as a duplicate key": "app: {secret: hunter2, secret: hunter2}",
    "before a mistake in the syntax": "app: {secret: hunter2, port: ]}",
    "as a folded text": "app:\n  secret: >-\n    hunter2\n    hunter2\n",
    "quoted over two lines": 'app:\n  secret: "hunter2\n    hunter2"\n',
    "a number": "app: {pin: 77007700}",
    "a number for a text": "app: {secret: 77007700}",
    "a truth value": "app: {secret: [77007700, true]}",
    "a mapping": "app: {secret: {user: hunter2}}",
    "a mapping that is sensitive as a whole": "app: {vault: {user: hunter2}}",
    "a value in an open mapping": "app: {tokens: {github: hunter2}}",
    "an item of a list": "app: {keys: [ref+env://A, hunter2]}",
    "an appended item": "app: {keys: {$append: [hunter2]}}",
    "a replaced list": "app: {keys: {$replace: [hunter2]}}",
    "an item of a map-list": "app: {logins: [{user: a, word: hunter2}]}",
    "exactly this value": "app: {secret: {$value: hunter2}}",
    "under a condition": "app: {either: hunter2}",
    "almost a reference": "app: {secret: 'ref+ENV://hunter2'}",
    "a reference without a scheme": "app: {secret: 'ref+hunter2'}",
    "with an anchor": "app: {secret: &a hunter2, name: *a}",
}


@pytest.fixture
def literal_project(request, tmp_path):
    overlay = LITERALS[request.getfixturevalue("literal")]
    return make_project(tmp_path, {"schema.json": SCHEMA, "base.yaml": overlay}, dimensions=STAGES)


STAGES = {"stage": {"values": ["one", "two"]}}


@pytest.mark.parametrize("literal", LITERALS)
def test_a_literal_is_refused_and_hidden_wherever_it_stands(literal, literal_project):
    data = json.loads(run("validate", "--format", "json", cwd=literal_project).out)
    codes = {problem["code"] for problem in data["problems"]}
    if not codes & {"duplicate-key", "yaml-syntax", "syntax"}:
        assert "literal-secret" in codes
    for command in (
        ["validate"],
        ["validate", "--format", "json"],
        ["render"],
        ["config", "one"],
        ["diff", "one", "two"],
    ):
        result = run(*command, cwd=literal_project)
        shown = result.out + result.err
        if "anchor" in literal and command[0] == "config":
            continue  # giving a secret to an ordinary setting by an alias publishes it
        assert "hunter2" not in shown, shown
        assert "77007700" not in shown, shown
        assert result.code == 1 or (command[0] in ("config", "diff") and result.code in (1, 3))


@pytest.mark.parametrize(("options", "env"), [(["--set", "app.secret=hunter2"], {}), (["--set", "app.pin=x77"], {})])
@pytest.mark.parametrize("command", [["validate"], ["validate", "--format", "json"], ["render"], ["config", "one"]])
def test_a_literal_from_outside_is_refused_and_hidden(command, options, env, tmp_path):
    make_project(tmp_path, {"schema.json": SCHEMA, "base.yaml": "app: {}"}, dimensions=STAGES)
    result = run(*command, *options, cwd=tmp_path, env=env)
    assert result.code in (1, 2)
    assert "hunter2" not in result.out + result.err
    assert "x77" not in result.out + result.err


@pytest.mark.parametrize("command", [["validate"], ["render"], ["config", "one"], ["explain", "one", "app.secret"]])
def test_a_secret_in_the_environment_becomes_a_reference(command, tmp_path):
    make_project(tmp_path, {"schema.json": SCHEMA, "base.yaml": "app: {}"}, dimensions=STAGES)
    result = run(*command, "--from-env", cwd=tmp_path, env={"APP_SECRET": "hunter2"})
    assert result.code == 0
    assert "hunter2" not in result.out + result.err
    assert "ref+env://APP_SECRET" in result.out or command[0] in ("validate", "render")


@pytest.mark.parametrize("where", ["default", "examples", "enum", "const"])
def test_a_literal_in_the_schema_is_never_a_value(where, tmp_path):
    held = ["hunter2"] if where in ("examples", "enum") else "hunter2"
    schema = {"type": "object", "properties": {"app": {"properties": {"secret": SECRET | {where: held}}}}}
    make_project(tmp_path, {"schema.json": schema, "base.yaml": "app: {}"}, dimensions=STAGES)
    for command in (
        ["config", "one"],
        ["explain", "one", "app.secret"],
        ["explain", "one", "app.secret", "--format", "json"],
    ):
        result = run(*command, cwd=tmp_path)
        assert "hunter2" not in result.out + result.err


# --- templates ---

ELSEWHERE = {
    "an include": ("{% include 'part.j2' %}", "{{ app.secret }}"),
    "an import": ("{% import 'part.j2' as part with context %}{{ part.show() }}", "{% macro show() %}{{ app.secret }}{% endmacro %}"),
    "a base template": ("{% extends 'part.j2' %}", "{% block body %}{{ app.secret }}{% endblock %}"),
}  # fmt: skip
HARMLESS = {
    "a condition": ("{% if app.secret %}set{% endif %}", "set"),
    "is defined": ("{{ app.secret is defined }}", "true"),
    "public": ("{{ app | public | to_json }}", '{"name": "demo"}'),
    "env": ("{{ app | env }}", '{"APP_NAME": "demo"}'),
    "the keys": ("{{ app | list }}", '["name", "secret"]'),
    "the names of secrets": ("{{ (app | secret_env).keys() | list }}", '["APP_SECRET"]'),
}


def templated(folder, templates, **output):
    files = {f"templates/{name}": text for name, text in templates.items()}
    overlay = "app: {secret: ref+env://CANARY}"
    outputs = [{"template": "out.j2", "path": "{stage}/out", **output}]
    return make_project(
        folder, {"schema.json": SCHEMA, "base.yaml": overlay, **files}, dimensions=STAGES, outputs=outputs
    )


def refused(folder):
    with pytest.raises(weft.WeftError) as caught:
        pytest.fail(str(weft.load_project(folder).target("one").render()))
    problem = caught.value.problems[0]
    assert "CANARY" not in f"{caught.value!r} {problem!r} {problem.as_dict()}"
    return problem


@pytest.mark.parametrize("leak", ELSEWHERE)
def test_a_secret_used_in_another_template_is_reported_there(leak, tmp_path):
    out, part = ELSEWHERE[leak]
    problem = refused(templated(tmp_path, {"out.j2": out, "part.j2": "first\nsecond\n" + part}))
    assert (problem.code, problem.path) == ("secret-exposed", "/app/secret")
    assert (problem.place.file, problem.place.line) == ("templates/part.j2", 3)


@pytest.mark.parametrize("use", HARMLESS)
def test_what_gives_nothing_away_is_allowed(use, tmp_path):
    template, text = HARMLESS[use]
    assert weft.load_project(templated(tmp_path, {"out.j2": template})).target("one").render() == {"one/out": text}


def test_a_reference_is_written_into_an_output_for_secrets(tmp_path):
    project = weft.load_project(templated(tmp_path, {"out.j2": "{{ app.secret }}"}, secrets=True))
    assert project.target("one").render() == {"one/out": "ref+env://CANARY"}


def test_a_secret_that_is_not_set_is_no_secret(tmp_path):
    project = weft.load_project(templated(tmp_path, {"out.j2": "{{ app.pin is defined }}"}))
    assert project.root.at(("app", "pin")).default is MISSING
    assert project.target("one").render() == {"one/out": "false"}


def test_a_secret_that_is_null_is_null_in_a_template(tmp_path):
    folder = templated(tmp_path, {"out.j2": "{{ app.code is none }} {{ app.code | default('nothing', true) }}"})
    write_files(folder, {"base.yaml": "app: {code: {$value: null}}\n"})
    assert weft.load_project(folder).target("one").render() == {"one/out": "true nothing"}


def test_the_instruction_of_a_sensitive_mapping_is_no_literal(tmp_path):
    layers = {
        "base.yaml": "app: {vault: {old: ref+env://OLD}}\n",
        "top.yaml": "app: {vault: {$patch: replace, new: ref+env://NEW}}\n",
    }
    make_project(tmp_path, {"schema.json": SCHEMA, **layers}, layers=["base", "top"])
    target = weft.load_project(tmp_path).target()
    assert target.problems() == []
    assert target.config["app"]["vault"] == {"new": "ref+env://NEW"}


def test_a_secret_in_a_template_has_no_attributes_of_its_own():
    """Python asks values for `__copy__` and the like; to say no gives nothing away, and to refuse would stop the render."""
    tainted = Tainted(("app", "secret"))
    assert not hasattr(tainted, "__copy__")
    with pytest.raises(TaintError, match=r"^app\.secret$"):
        _ = tainted.copy


def test_what_is_public_has_no_sensitive_items_either(tmp_path):
    """And no reference: a copy that may be shown to templates of any output."""
    root = catalog_of(tmp_path, SCHEMA).root
    logins = [{"user": "a", "word": "ref+env://A"}, {"user": "b"}]
    app = {
        "name": "x",
        "port": 1,
        "secret": "ref+env://S",
        "keys": ["ref+env://K"],
        "logins": logins,
        "tokens": {"t": "ref+env://T"},
    }
    wanted = {"name": "x", "port": 1, "keys": [], "logins": [{"user": "a"}, {"user": "b"}], "tokens": {}}
    assert public(root, {"app": app}) == {"app": wanted}
    assert public(root.at(("app", "keys")), ["ref+env://K"]) == []
    assert public(root.at(("app", "logins")), logins) == [{"user": "a"}, {"user": "b"}]
    assert Views(reveal=True).of(root, {"app": app}).public() == {"app": wanted}


def test_what_is_masked_shows_references_and_nothing_else_that_is_sensitive(tmp_path):
    root = catalog_of(tmp_path, SCHEMA).root
    app = {
        "name": "x",
        "secret": "hunter2",
        "code": None,
        "keys": ["hunter2", "ref+env://K"],
        "logins": [{"user": "a", "word": "hunter2"}],
        "vault": {"a": "hunter2", "b": {"hunter2": ["hunter2", None]}, "c": None},
        "tokens": ["hunter2"],
    }
    assert mask(root, {"app": app}) == {
        "app": {
            "name": "x",
            "secret": "***",
            "code": None,
            "keys": ["***", "ref+env://K"],
            "logins": [{"user": "a", "word": "***"}],
            "vault": {"a": "***", "b": "***", "c": None},
            "tokens": ["***"],
        }
    }


def test_every_literal_of_an_overlay_is_found_also_where_it_does_not_win(tmp_path):
    overlay = {
        "app": {
            "name": "x",
            "secret": "a",
            "code": None,
            "pin": 0,
            "keys": {"$append": ["ref+env://K", "b"]},
            "logins": [{"user": "u", "word": "c"}],
            "vault": {"$patch": "replace", "user": "d"},
            "tokens": {"$value": {"t": "e"}},
        }
    }
    assert list(literals(catalog_of(tmp_path, SCHEMA).root, overlay)) == [
        ("app", "secret"),
        ("app", "pin"),
        ("app", "keys", "$append", 1),
        ("app", "logins", 0, "word"),
        ("app", "vault", "user"),
        ("app", "tokens", "$value", "t"),
    ]
