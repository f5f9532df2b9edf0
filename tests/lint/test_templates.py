"""Static checks of templates: what is reported, where, and that valid templates have no reports."""

import pytest

import reference
from run import run
from scratch import make_project
from weft import Severity, load_project
from weft.lint.templates import template_problems

SCHEMA = {
    "additionalProperties": False,
    "properties": {
        "app": {
            "type": "object",
            "additionalProperties": False,
            "required": ["name"],
            "properties": {
                "name": {"type": "string"},
                "size": {"type": "integer", "default": 3},
                "timeout": {"type": "integer"},
                "items": {"type": "string", "default": "x"},
                "log": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"level": {"default": "info"}, "file": {"type": "string"}},
                },
                "maybe": {"type": "object", "properties": {"x": {"type": "integer"}}, "additionalProperties": False},
                "ports": {
                    "type": "array",
                    "default": [],
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["number"],
                        "properties": {"number": {"type": "integer"}, "host": {"type": "string"}},
                    },
                },
                "labels": {"type": "object", "default": {}, "additionalProperties": {"type": "string"}},
                "password": {"type": "string", "x-sensitive": True},
                "kind": {"type": "string", "default": "plain"},
                "certificate": {"type": "string"},
                "channels": {"type": "array", "default": [], "items": {"type": "string"}},
                "pager": {"type": "object", "properties": {"key": {"type": "string"}}},
            },
            "if": {"required": ["kind"], "properties": {"kind": {"const": "tls"}}},
            "then": {"required": ["certificate"]},
            "x-kubernetes-validations": [
                {"rule": "!('pager' in self.channels) || (has(self.pager) && has(self.pager.key))"}
            ],
        },
        "other": {"type": "object"},
    },
    "required": ["app"],
}


def told(folder, template, *, secrets=False, **more):
    files = {"schema.json": SCHEMA, "base.yaml": "app: {name: a}\n", "templates/it.j2": template}
    files |= {f"templates/{name}.j2": text for name, text in more.items()}
    outputs = [{"template": "it.j2", "path": "it.txt", "secrets": secrets}]
    make_project(folder, files, outputs=outputs)
    return template_problems(load_project(folder))


RIGHT = [
    "{{ app.name }} {{ app.size }} {{ app.log.level }} {{ app['name'] }} {{ config.app.name }}",
    "{{ app.items }} {% for k, v in app.log.items() %}{{ k }}{{ v }}{% endfor %} {{ app.get('timeout', 1) }}",
    "{% if app.timeout is defined %}{{ app.timeout }}{% endif %}",
    "{% if app.timeout is undefined %}-{% else %}{{ app.timeout }}{% endif %}",
    "{% if app.timeout is not defined %}-{% else %}{{ app.timeout }}{% endif %}",
    "{% if app.timeout is defined and app.timeout > 3 %}{{ app.timeout + 1 }}{% endif %}",
    "{{ app.timeout if app.timeout is defined else 0 }}",
    "{{ app.timeout | default(30) }} {{ app.timeout | d(1) + 1 }}",
    "{% if 'timeout' in app %}{{ app.timeout }}{% endif %}",
    "{% if app.maybe is defined %}{{ app.maybe.x | default(1) }}{% endif %}",
    "{% set size = app.size %}{{ size }} {% set x = 1 %}{{ x }}",
    "{% for port in app.ports %}{{ port.number }} {{ port.host | default('-') }} {{ loop.index }}{% endfor %}",
    "{% for port in app.ports if port.host is defined %}{{ port.number }}{% else %}none{% endfor %}",
    "{% for name, value in app.labels.items() %}{{ name }}={{ value }}{% endfor %} {{ app.labels['a.b'] | default('') }}",
    "{% macro m(a, b=app.size) %}{{ a }}{{ b }}{{ caller() }}{% endmacro %}{% call m(1) %}x{% endcall %}",
    "{% with log = app.log %}{{ log.level }}{% endwith %} {{ range(3) | list }} {{ namespace(a=1).a }}",
    "{% set p = app | public %}{{ p.name }} {{ (app | public).name }} {{ app | env | to_yaml }}",
    "{% if app.password is defined and app.password %}has one{% endif %}",
    "{% if other is defined %}{{ other.anything | default('') }}{% endif %}",
    "{{ target.name }} {{ target.environment | default('') }} {{ project }} {{ output_path }} {{ weft_version }}",
    "{% import 'lib.j2' as lib %}{{ lib.f(app.name) }}{% from 'lib.j2' import f as g %}{{ g(1) }}",
    "{% include 'part.j2' %}",
    "{% if app.size > 1 %}{% set x = 1 %}{% else %}{% set x = 2 %}{% endif %}{{ x }}",
    "{% if app.timeout is undefined %}-{% elif app.timeout > 3 %}{{ app.timeout }}{% endif %}",
    "{% if app.size > 4 %}a{% elif app.timeout is undefined %}b{% else %}{{ app.timeout }}{% endif %}",
    "{% if app.timeout is undefined or app.timeout > 3 %}x{% endif %}",
    "{% if app.get('timeout') %}{{ app.timeout }}{% endif %}",
    "{% if app.timeout | default(0) > 3 %}{{ app.timeout }}{% endif %}",
    "{% for port in app.ports if port.host is defined %}{{ port.host }}{% endfor %}",
    "{% for port in app.ports %}{% include 'port.j2' %}{% endfor %}",
    "{% if app.timeout is defined %}{% include 'timeout.j2' %}{% endif %}",
    "{% extends 'page.j2' %}{% set title = app.name %}{% block body %}{{ kind }}{{ g() }}{% endblock %}",
    "{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ app.name }}{% endmacro %}{{ f() }}",
    "{% import 'in_context.j2' as lib with context %}{{ lib.f() }}",
    "{% include 'itself.j2' %}",
    # an alternative, or a rule, may demand what the condition asks for
    "{% if app.kind == 'tls' %}{{ app.certificate }}{% endif %}",
    "{% set also = app.channels if app.size > 1 else [] %}{% if 'pager' in also %}{{ app.pager.key }}{% endif %}",
    "{% set text %}x{% endset %}{{ text }} {% filter upper %}{{ app.name }}{% endfilter %}",
]


@pytest.mark.parametrize("template", RIGHT)
def test_nothing_is_told_of_what_is_right(tmp_path, template):
    more = {
        "lib": "{% macro f(x) %}{{ x.anything }}{% endmacro %}",
        "in_context": "{% macro f() %}{{ app.name }}{% endmacro %}",
        "part": "{{ app.size }}",
        "port": "{{ port.number }} {{ loop.index }}",
        "timeout": "{{ app.timeout }}",
        "page": "{{ title }}{% set kind = 1 %}{% macro g() %}{% endmacro %}{% block body %}{% endblock %}",
        "itself": "{% set n = 1 %}{% if app.size > 9 %}{% include 'itself.j2' %}{% endif %}",
    }
    assert [problem.message for problem in told(tmp_path, template, **more)] == []


WRONG = [
    # template, code, line:column, words
    ("a\n{{ app.nmae }}", "undefined", "2:8", "there is no setting `nmae` in app; did you mean `name`?"),
    ("{{ app.log.levle }}", "undefined", "1:12", "in app.log; did you mean `level`?"),
    ("{{ app['nmae'] }}", "undefined", "1:9", "did you mean `name`?"),
    ("{{ config.ap.name }}", "undefined", "1:11", "at the top level; did you mean `app`?"),
    ("{{ ap.name }}", "undefined", "1:4", "`ap` is not defined; did you mean `app`?"),
    ("{% if app.sise > 1 %}x{% endif %}", "undefined", "1:11", "did you mean `size`?"),
    ("{% for port in app.ports %}\n{{ port.nubmer }}{% endfor %}", "undefined", "2:9", "did you mean `number`?"),
    ("{% for port in app.portz %}{% endfor %}", "undefined", "1:20", "did you mean `ports`?"),
    ("{% set log = app.log %}{{ log.fiel }}", "undefined", "1:31", "did you mean `file`?"),
    ("{{ app.nmae | default(1) }}", "undefined", "1:8", "did you mean `name`?"),
    ("{% if app.nmae is defined %}{% endif %}", "undefined", "1:11", "did you mean `name`?"),
    ("{{ app.timeout }}", "may-be-absent", "1:8", "app.timeout may be absent"),
    ("{{ app.maybe.x }}", "may-be-absent", "1:8", "app.maybe may be absent"),
    ("{% if app.timeout > 3 %}x{% endif %}", "may-be-absent", "1:11", "app.timeout may be absent"),
    (
        "{% for port in app.ports %}{{ port.host }}{% endfor %}",
        "may-be-absent",
        "1:36",
        "app.ports[0].host may be absent",
    ),
    ("{% if app.size is defined %}{{ app.timeout }}{% endif %}", "may-be-absent", "1:36", "app.timeout"),
    ("{% if app.timeout is defined %}{% else %}{{ app.timeout }}{% endif %}", "may-be-absent", "1:11", "app.timeout"),
    ("{% if app.password %}x{% endif %}", "may-be-absent", "1:11", "app.password may be absent"),
    ("{{ other.x }}", "may-be-absent", "1:4", "other may be absent"),
    ("{{ app.certificate }}", "may-be-absent", "1:8", "app.certificate may be absent"),
    ("{% if app.size > 1 %}{{ app.pager.key }}{% endif %}", "may-be-absent", "1:29", "app.pager may be absent"),
    ("{% if app.size > 1 %}{% set x = app.log %}{% endif %}{{ x.fiel }}{{ y }}", "undefined", "1:69", "`y`"),
    ("{% if app.timeout is defined or app.timeout > 3 %}x{% endif %}", "may-be-absent", "1:11", "app.timeout"),
    ("{% if app.timeout is defined %}a{% elif app.timeout > 3 %}b{% endif %}", "may-be-absent", "1:11", "app.timeout"),
    ("pw: {{ app.password }}", "secret-exposed", "1:12", "app.password is sensitive"),
    ("{% set pw = app.password %}\n{{ pw }}", "secret-exposed", "2:4", "app.password is sensitive"),
]


@pytest.mark.parametrize(("template", "code", "where", "words"), WRONG, ids=[one[0] for one in WRONG])
def test_a_mistake_is_told_before_anything_is_rendered(tmp_path, template, code, where, words):
    problems = [problem for problem in told(tmp_path, template) if problem.code == code]
    assert problems, "nothing was reported"
    problem = problems[0]
    assert (problem.place.file, f"{problem.place.line}:{problem.place.column}") == ("templates/it.j2", where)
    assert words in f"{problem.message}; {problem.hint}"
    assert problem.severity is (Severity.WARNING if code == "may-be-absent" else Severity.ERROR)


def test_what_is_included_is_judged_in_its_own_file(tmp_path):
    problems = told(tmp_path, "{% include 'part.j2' %}", part="a\n{{ app.nmae }}")
    assert [(problem.place.file, problem.place.line) for problem in problems] == [("templates/part.j2", 2)]


def test_what_is_included_knows_what_is_set_around_it(tmp_path):
    template = "{% set log = app.log %}{% include 'part.j2' %}{% include 'part.j2' without context %}"
    messages = [problem.message for problem in told(tmp_path, template, part="{{ log.levle }}")]
    assert messages == ["there is no setting `levle` in app.log"]
    (unguarded,) = told(
        tmp_path, "{% if app.timeout is defined %}{% endif %}{% include 'part.j2' %}", part="{{ app.timeout }}"
    )
    assert unguarded.code == "may-be-absent"
    (unset,) = told(tmp_path, "{% for port in app.ports %}{% endfor %}{% include 'part.j2' %}", part="{{ port }}")
    assert (unset.code, unset.place.file) == ("undefined", "templates/part.j2")


def test_what_is_imported_with_the_context_is_judged_too(tmp_path):
    lib = "{% macro f() %}{{ app.nmae }}{% endmacro %}"
    (problem,) = told(tmp_path, "{% import 'lib.j2' as lib with context %}{{ lib.f() }}", lib=lib)
    assert (problem.code, problem.place.file) == ("undefined", "templates/lib.j2")


def test_a_secret_may_stand_where_secrets_are_declared(tmp_path):
    assert [problem.code for problem in told(tmp_path, "{{ app.password | default('') }}", secrets=True)] == []


def test_the_templates_of_the_reference_project_are_right():
    assert template_problems(reference.project()) == []


def test_the_command_judges_schemas_and_templates(tmp_path):
    told(tmp_path, "a\n{{ app.nmae }} {{ app.timeout }}")
    result = run("schema", "check", cwd=tmp_path)
    assert result.code == 1
    assert "templates/it.j2:2:8" in result.out
    assert "did you mean `name`?" in result.out
    told(tmp_path, "{{ app.timeout }}")
    assert run("schema", "check", cwd=tmp_path).code == 0
    assert run("schema", "check", "--strict", cwd=tmp_path).code == 1
    told(tmp_path, "{{ app.name }}")
    assert run("schema", "check", "--strict", "--format", "json", cwd=tmp_path).code == 0


def test_the_command_tells_a_schema_that_is_wrong(tmp_path):
    told(tmp_path, "{{ app.name }}")
    (tmp_path / "schema.json").write_text('{"type": "objekt"}')
    result = run("schema", "check", cwd=tmp_path)
    assert (result.code, "schema.json:1:10" in result.out) == (1, True), result
