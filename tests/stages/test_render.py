"""Templates: what they can do, what they cannot, and how a mistake in one is reported."""

import pytest
from jinja2.runtime import Macro

from scratch import make_project, write_files
from weft import WeftError, load_project
from weft.base.paths import dotted
from weft.project.impact import uses_of
from weft.project.reach import read_by
from weft.stages.render.filters import same_digests
from weft.stages.render.sandbox import Sandbox

SCHEMA = {
    "properties": {
        "app": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "x-env": "APP_NAME"},
                "port": {"type": "integer", "x-env": "APP_PORT"},
                "on": {"type": "boolean"},
                "nothing": {"type": ["string", "null"]},
                "tags": {"type": "array", "items": {"type": "string"}},
                "optional": {"type": "string"},
                "path": {"type": "string"},
                "node": {"type": "string"},
                "public": {"type": "string"},
                "copy": {"type": "string"},
                "update": {"type": "string"},
                "password": {"type": "string", "x-sensitive": True, "x-env": "APP_PASSWORD"},
                "keys_": {"type": "array", "items": {"type": "string", "x-sensitive": True}},
            },
        },
        "cache": {
            "type": "object",
            "properties": {name: {"type": "string"} for name in ("items", "keys", "values", "get", "pop", "size")},
        },
        "config": {"type": "object", "properties": {"x": {"type": "integer"}}},
        "odd-name": {"type": "object", "properties": {"x": {"type": "integer"}}},
        "empty": {"type": "object"},
    }
}
BASE = {
    "app": {
        "name": "shop",
        "port": 80,
        "on": True,
        "nothing": {"$value": None},
        "tags": ["a", "b"],
        "password": "ref+env://WORD",
        "keys_": ["ref+env://K"],
    },
    "cache": {"items": "i", "keys": "k", "values": "v", "get": "g"},
    "odd-name": {"x": 1},
}


def project_with(folder, template, *, output=None, base=None, **files):
    """A project with one template, whose output is `out`."""
    outputs = [{"template": "main.j2", "path": "out", **(output or {})}]
    contents = {"schema.json": SCHEMA, "base.json": base or BASE, "templates/main.j2": template}
    others = {f"templates/{name}.j2": text for name, text in files.items()}
    return make_project(folder, {**contents, **others}, outputs=outputs)


def rendered(folder, template, **options):
    return load_project(project_with(folder, template, **options)).target().render()["out"]


def refused(folder, template, **options):
    """The only problem of a template."""
    with pytest.raises(WeftError) as caught:
        rendered(folder, template, **options)
    (problem,) = caught.value.problems
    return problem


TEXTS = {
    "{{ app.name }}:{{ app.port }}": "shop:80",
    "{{ app['name'] }}": "shop",
    "{{ config.app.name }}": "shop",
    "{{ config['odd-name'].x }}": "1",
    "{{ cache.items }}{{ cache.keys }}{{ cache.values }}{{ cache.get }}": "ikvg",
    "{% for key, value in app.items() %}{% if key == 'port' %}{{ value }}{% endif %}{% endfor %}": "80",
    "{{ app.get('name') }}": "shop",
    "{{ app | length }}": "7",
    "{% for tag in app.tags %}{{ loop.index }}{{ tag }}{% endfor %}": "1a2b",
    "{% if app.on %}\nyes\n{% endif %}\nend\n": "yes\nend\n",
    "a:\n  {% if app.on %}\n  yes\n  {% endif %}\n": "a:\n  yes\n",
    "{{ app.optional | default('none') }}": "none",
    "{% if app.optional is defined %}x{% else %}y{% endif %}": "y",
    "{% if app.path is defined %}x{% else %}y{% endif %}": "y",
    "{% if app.copy is defined %}x{% else %}y{% endif %}": "y",
    "{{ app.nothing is none }}": "true",
    "{{ app.on }} {{ not app.on }} {{ app.nothing }} {{ true }} {{ none }}": "true false null true null",
    "{{ [app.on, app.nothing, 'x', 1] }}{{ {'a': app.on} }}{{ ('b',) }}": '[true, null, "x", 1]{"a": true}["b"]',
    "{{ [app.on, app.nothing, 1] | join(',') }} {{ [{'v': app.on}] | join(attribute='v') }}": "true,null,1 true",
    "{{ app.on ~ '!' ~ app.nothing }}{{ true ~ none }}": "true!nulltruenull",
    "{{ (app.on | string) + '!' }}{{ 1.0 | string }}": "true!1.0",
    "{{ 1e21 }} {{ 0.1 }} {{ 1.0 }} {{ 12345678901234567890 }}": "1.0e+21 0.1 1.0 12345678901234567890",
    "{{ app.on | b64encode }}{{ {'A': app.on, 'B': none} | env_file }}": "dHJ1ZQ==A=true\nB=null\n",
    "{% macro m() %}{{ app.on }}{% endmacro %}{{ m() }}{% set x %}{{ app.on }}{% endset %}{{ x }}": "truetrue",
    "{{ app.tags }}{% for tag in app.tags %}{{ tag }}{% endfor %}{{ app.name ~ app.tags }}": '["a", "b"]abshop["a", "b"]',
    "{{ target.name }} {{ project }}": None,
    "{# a comment #}x": "x",
    "{% raw %}{{ x }}{% endraw %}": "{{ x }}",
    "<{{ '<&>' }}>": "<<&>>",
    "{{ app.tags | to_json }}": '["a", "b"]',
    "{{ app.tags | to_yaml }}": '- "a"\n- "b"',
    "{{ {'a': app.tags} | to_yaml }}": 'a:\n  - "a"\n  - "b"',
    "{{ 'no' | quote }}{{ 1 | quote }}{{ none | quote }}": '"no"1null',
    "{{ app | env | to_json }}": '{"APP_NAME": "shop", "APP_PORT": "80"}',
    "{{ app | public | length }}": None,
    "{{ 'x' | b64encode }}": "eA==",
    "{{ 'x' | sha256 }}": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
    "{{ app | env | env_file }}": "APP_NAME=shop\nAPP_PORT=80\n",
    "{{ app | env | export }}": "export APP_NAME=shop\nexport APP_PORT=80\n",
    "{% if app.password %}set{% endif %}": "set",
    "no newline": "no newline",
    "a newline\n": "a newline\n",
    "\n\n": "\n\n",
}


@pytest.mark.parametrize("template", TEXTS, ids=lambda template: template[:50])
def test_what_templates_make(tmp_path, template):
    text = rendered(tmp_path, template)
    assert TEXTS[template] is None or text == TEXTS[template]


def test_ours_wins_over_a_domain_of_the_same_name(tmp_path):
    assert rendered(tmp_path, "{{ config.config.x }}", base={"config": {"x": 7}}) == "7"


def test_templates_may_share_parts(tmp_path):
    text = rendered(
        tmp_path,
        "{% extends 'frame.j2' %}{% import 'macros.j2' as m %}{% block body %}{{ m.line(app.name) }}{% include 'part.j2' %}{% endblock %}",
        frame="<{% block body %}{% endblock %}>",
        macros="{% macro line(text) %}[{{ text }}]{% endmacro %}",
        part="{{ app.port }}",
    )
    assert text == "<[shop]80>"


WRONG = [
    # template, code, line
    ("{{ app.name }}\n{{ nme }}\n", "undefined", 2),
    ("\n\n{{ app.nmae }}", "undefined", 3),
    ("{{ app.optional }}", "undefined", 1),
    ("{{ app.path }}", "undefined", 1),
    ("{{ app['path'] }}", "undefined", 1),
    ("{{ app.node }}", "undefined", 1),
    ("{{ app.public }}", "undefined", 1),
    ("{{ app.copy }}", "undefined", 1),
    ("{{ app.update }}", "undefined", 1),
    ("{{ cache.pop }}", "undefined", 1),
    ("{{ app['nmae'] }}", "undefined", 1),
    ("{{ app.name.x }}", "undefined", 1),
    ("{{ app.tags[5] }}", "undefined", 1),
    ("{% if app.optional %}x{% endif %}", "undefined", 1),
    ("{% for x in app.optional %}{% endfor %}", "undefined", 1),
    ("{{ app.optional ~ 'x' }}", "undefined", 1),
    ("x\n{% if %}", "template-syntax", 2),
    ("{% endif %}", "template-syntax", 1),
    ("{{ app.name", "template-syntax", 1),
    ("{% if app.on %}\n\n", "template-syntax", None),
    ("{{ app.name | nofilter }}", "template-syntax", 1),
    ("\n{{ app.name is notest }}", "template-syntax", 2),
    ("{% include 'gone.j2' %}", "template-not-found", 1),
    ("{{ 1 / 0 }}", "template-failed", 1),
    ("{{ app.name + 1 }}", "template-failed", 1),
    ("{{ app.name | env }}", "template-failed", 1),
    ("{{ nofunction() }}", "undefined", 1),
    ("{% for i in range(999999999) %}x{% endfor %}", "template-too-costly", 1),
    # out of the sandbox
    ("{{ app.__class__ }}", None, 1),
    ("{{ ''.__class__.__mro__ }}", None, 1),
    ("{{ app.name.__init__.__globals__ }}", None, 1),
    ("{{ app | attr('__class__') }}", None, 1),
    ("{{ self.__init__.__globals__ }}", None, 1),
    ("{{ cycler.__init__.__globals__.os }}", None, 1),
    ("{{ '{0.__class__}'.format(app) }}", None, 1),
    ("{% do app.tags.append('x') %}", "template-syntax", 1),
    ("{{ app.tags.append('x') }}", "template-unsafe", 1),
    ("{{ app.update({'x': 1}) }}", None, 1),
    ("{{ app.tags.clear() }}", "template-unsafe", 1),
]


@pytest.mark.parametrize(("template", "code", "line"), WRONG, ids=[one[0][:50] for one in WRONG])
def test_a_mistake_names_the_template_and_the_line(tmp_path, template, code, line):
    problem = refused(tmp_path, template)
    assert problem.code in ((code,) if code else ("template-unsafe", "undefined"))
    assert problem.place.file == "templates/main.j2"
    assert line is None or problem.place.line == line
    assert "object at 0x" not in problem.message


def test_a_copy_of_a_project_compiles_nothing_again_and_another_template_of_the_same_name_does(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    compiled = []
    compile_it = Sandbox._compile
    monkeypatch.setattr(Sandbox, "_compile", lambda *args: compiled.append(args) or compile_it(*args))
    texts = [rendered(tmp_path / name, text) for name, text in zip("abc", ("one", "one", "two"), strict=True)]
    assert (texts, len(compiled)) == (["one", "one", "two"], 2)
    mistakes = [refused(tmp_path / name, "\n{{ app.nam }}").place for name in "de"]
    assert [(place.file, place.line) for place in mistakes] == [("templates/main.j2", 2)] * 2
    assert len(compiled) == 3


def test_a_setting_that_is_not_set_is_named_with_a_hint(tmp_path):
    problem = refused(tmp_path, "{{ app.nmae }}")
    assert problem.path == "/app/nmae"
    assert "name" in problem.hint
    problem = refused(tmp_path, "{{ app.optional }}")
    assert problem.path == "/app/optional"
    assert "default" in problem.hint


@pytest.mark.parametrize(
    ("main", "part", "line"),
    [
        ("\n\n{% include 'part.j2' %}", "\n{{ nothing_here }}", 2),
        (
            "{% import 'part.j2' as p with context %}\n{{ p.m() }}",
            "{% macro m() %}\n\n{{ nothing_here }}{% endmacro %}",
            3,
        ),
        ("{% from 'part.j2' import m %}\n{{ m(1) }}", "\n\n\n{% macro m(x) %}{{ x.y.z }}{% endmacro %}", 4),
        ("{% extends 'part.j2' %}", "\n{% block b %}\n{{ nothing_here }}{% endblock %}", 3),
        ("\n{% include 'part.j2' %}", "x\ny\n{% if %}", 3),
        ("\n{% include 'part.j2' %}", "{{ app.password }}", 1),
    ],
)
def test_a_mistake_in_a_part_names_the_part(tmp_path, main, part, line):
    problem = refused(tmp_path, main, part=part)
    assert (problem.place.file, problem.place.line) == ("templates/part.j2", line)


EXPOSING = [
    "{{ app.password }}",
    "{{ app.password | upper }}",
    "{{ app['password'] ~ '' }}",
    "{{ app.password | to_json }}",
    "{{ app | to_yaml }}",
    "{{ app | to_json }}",
    "{{ config | to_yaml }}",
    "{{ app.password | tojson }}",
    "{{ app.password | b64encode }}",
    "{{ app.password | sha256 }}",
    "{{ app.password | quote }}",
    "{{ app.password | length }}",
    "{{ app.password == 'x' }}",
    "{{ app.password | default('x') }}",
    "{{ app.password | replace('a', 'b') }}",
    "{{ '%s' | format(app.password) }}",
    "{{ '{}'.format(app.password) }}",
    "{% set x = app.password %}{{ x }}",
    "{% for key, value in app.items() %}{{ value }}{% endfor %}",
    "{{ app.values() | join }}",
    "{{ app.keys_ | join }}",
    "{{ app.keys_[0] }}",
    "{{ app.keys_ | to_yaml }}",
    "{{ app | secret_env | to_json }}",
    "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(app.password) }}",
    "{{ [app.password] | to_json }}",
    "{{ {'a': app.password} | to_yaml }}",
    "{{ app.password | e }}",
    "{{ app.password | urlencode }}",
    "{{ app.password | string }}",
    "{{ app.password | list }}",
    "{{ app.password | trim }}",
]


@pytest.mark.parametrize("template", EXPOSING)
def test_a_secret_in_an_ordinary_output_fails_the_build(tmp_path, template):
    problem = refused(tmp_path, f"\n{template}")
    assert problem.code == "secret-exposed"
    assert problem.path in ("/app/password", "/app/keys_/0")
    assert (problem.place.file, problem.place.line) == ("templates/main.j2", 2)


@pytest.mark.parametrize(
    "template",
    [
        "{{ app }}",
        "{{ config }}",
        "{{ app.keys_ }}",
        "{{ app.keys_ | pprint }}",
        "{{ '%r' | format(app.password) }}",
        "{{ app.password._path }}",
        "{{ app.password is string }}",
    ],
)
def test_a_secret_is_never_seen_in_an_ordinary_output(tmp_path, template):
    base = {"app": {**BASE["app"], "password": "ref+env://CANARY", "keys_": ["ref+env://CANARY"]}}
    try:
        text = rendered(tmp_path, template, base=base)
    except WeftError as error:
        text = repr(error.problems)
    assert "CANARY" not in text


def test_an_output_for_secrets_holds_references(tmp_path):
    output = {"secrets": True}
    assert rendered(tmp_path, "{{ app.password }} {{ app | secret_env | to_json }}", output=output) == (
        'ref+env://WORD {"APP_PASSWORD": "ref+env://WORD"}'
    )


def test_public_leaves_secrets_out_at_every_depth(tmp_path):
    text = rendered(tmp_path, "{{ config | public | to_json }}")
    assert "ref+" not in text
    assert '"name": "shop"' in text


RELOADS = {
    "properties": {
        "app": {
            "type": "object",
            "x-reload": "restart",
            "properties": {
                "name": {"type": "string"},
                "password": {"type": "string", "x-sensitive": True},
                "log": {"type": "object", "x-reload": "live", "properties": {"file": {"x-reload": "restart"}}},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "hosts": {"type": "array", "items": {"properties": {"weight": {"x-reload": "live"}}}},
                "pool": {"type": "object", "properties": {"size": {"x-reload": "live"}}},
            },
        },
        "free": {"type": "object"},
    }
}
VALUES = {
    "app": {
        "name": "shop",
        "password": "ref+env://WORD",
        "log": {"file": "/log", "level": "info"},
        "labels": {"a": "b"},
        "hosts": [{"weight": 1}],
        "pool": {"size": 3},
    },
    "free": {"a": 1},
}


def test_restart_only_leaves_out_what_a_program_takes_by_itself(tmp_path):
    template = "{{ config | restart_only | to_json }}\n{{ app.log | restart_only | to_json }} {{ app.labels | restart_only | to_json }}"
    files = {"schema.json": RELOADS, "base.json": VALUES, "templates/main.j2": template}
    make_project(tmp_path, files, outputs=[{"template": "main.j2", "path": "out"}])
    target = load_project(tmp_path).target()
    (output,) = target.outputs.rendered(target.view)[0]
    whole = '{"app": {"name": "shop", "log": {"file": "/log"}, "labels": {"a": "b"}, "hosts": [{"weight": 1}]}}'
    assert output.text == f'{whole}\n{{"file": "/log"}} {{"a": "b"}}'
    assert {dotted(path) for path in read_by(target, [output])["out"]} == {"app.name", "app.log.file", "app.labels.a", "app.hosts[0].weight"}  # fmt: skip


def test_a_template_that_changes_a_configuration_spoils_no_other(tmp_path):
    make_project(
        tmp_path,
        {
            "schema.json": SCHEMA,
            "base.json": BASE,
            "templates/a.j2": "{% set app = {'name': 'changed'} %}{{ app.name }}",
            "templates/b.j2": "{{ app.name }}",
        },
        outputs=[{"template": f"{name}.j2", "path": name} for name in "ab"],
    )
    assert load_project(tmp_path).target().render() == {"a": "changed", "b": "shop"}


# --- outputs


def fleet(folder, outputs, **files):
    templates = {"templates/t.j2": "{{ target.name }}\n", "templates/u.j2": "u\n"}
    overlays = {"base.json": BASE, "tenants/acme.yaml": "app: {port: 81}\n"}
    return make_project(
        folder,
        {"schema.json": SCHEMA, **overlays, **templates, **files},
        layers=["base", "tenants/{tenant}"],
        dimensions={
            "environment": {"values": ["dev", "prod"]},
            "tenant": {"files": "tenants/*.yaml", "optional": True},
        },
        outputs=outputs,
    )


def paths(folder):
    project = load_project(folder)
    finished, problems = project.render(project.targets())
    assert problems == []
    return sorted(one.path for one in finished)


@pytest.mark.parametrize(
    ("output", "found"),
    [
        ({"path": "{environment}/{tenant}/x"}, ["dev/acme/x", "dev/x", "prod/acme/x", "prod/x"]),
        ({"path": "{environment}/x", "scope": "environment"}, ["dev/x", "prod/x"]),
        ({"path": "{environment}-{tenant}/x", "scope": "tenant"}, ["dev-acme/x", "prod-acme/x"]),
        ({"path": "a/{tenant}/{environment}.x"}, ["a/acme/dev.x", "a/acme/prod.x", "a/dev.x", "a/prod.x"]),
        ({"path": "{environment}/{tenant}/x", "when": "self.app.port == 81"}, ["dev/acme/x", "prod/acme/x"]),
        ({"path": "{environment}/{tenant}/x", "when": "!has(self.app.port)"}, []),
        ({"path": "./{environment}//{tenant}/x"}, ["dev/acme/x", "dev/x", "prod/acme/x", "prod/x"]),
    ],
)
def test_paths_scopes_and_conditions(tmp_path, output, found):
    assert paths(fleet(tmp_path, [{"template": "t.j2", **output}])) == found


def problems_of(folder):
    try:
        project = load_project(folder)
        return project.render(project.targets())[1]
    except WeftError as error:
        return list(error.problems)


@pytest.mark.parametrize(
    ("outputs", "code"),
    [
        ([{"template": "t.j2", "path": "x"}], "same-path"),
        ([{"template": "t.j2", "path": "{environment}/x"}], "same-path"),
        ([{"template": n, "path": "{environment}/{tenant}/x"} for n in ("t.j2", "u.j2")], "same-path"),
        (
            [
                {"template": "t.j2", "path": "{environment}/{tenant}/x"},
                {"template": "u.j2", "path": "./{environment}/{tenant}//x"},
            ],
            "same-path",
        ),
        (
            [
                {"template": "t.j2", "path": "{environment}/{tenant}/x"},
                {"template": "u.j2", "path": "{environment}/{tenant}/x/y"},
            ],
            "same-path",
        ),
        ([{"template": "t.j2", "path": "{environment}-{tenant}"}], "output-path"),
        ([{"template": "t.j2", "path": "../x"}], "output-outside"),
        ([{"template": "t.j2", "path": "/x"}], "output-outside"),
        ([{"template": "t.j2", "path": "a/../../x"}], "output-outside"),
        ([{"template": "t.j2", "path": "."}], "output-outside"),
        ([{"template": "gone.j2", "path": "x"}], "template-not-found"),
        ([{"template": "../schema.json", "path": "x"}], "template-not-found"),
        ([{"template": "t.j2", "path": "{environment}/{tenant}/x", "when": "self."}], "rule-invalid"),
        ([{"template": "t.j2", "path": "{environment}/{tenant}/x", "when": "app.port > 1"}], "rule-invalid"),
        (
            [{"template": "t.j2", "path": "{environment}/{tenant}/x", "when": "self.app.optional == 'x'"}],
            "rule-undecided",
        ),
        ([{"template": "t.j2", "path": "{environment}/{tenant}/x", "when": "self.app.port"}], "rule-invalid"),
        ([{"template": "t.j2", "path": "{environment}/{tenant}/x", "check": "kubernets"}], "unknown-check"),
        ([{"template": "t.j2", "path": "{environment}/{tenant}/x", "scope": "tenants"}], "project-invalid"),
        ([{"template": "t.j2", "path": "{enviroment}/x"}], "project-invalid"),
    ],
)
def test_an_output_that_is_wrong_is_told_with_its_line(tmp_path, outputs, code):
    found = problems_of(fleet(tmp_path, outputs))
    assert {problem.code for problem in found} == {code}
    assert all(problem.place.file == "weft.yaml" and problem.place.line for problem in found)


@pytest.mark.parametrize("path", [".weft-record", ".weft-new/x", ".weft-new"])
def test_an_output_cannot_take_the_place_of_what_weft_keeps(tmp_path, path):
    folder = fleet(tmp_path, [{"template": "u.j2", "path": path, "scope": "environment", "when": "true"}])
    assert problems_of(folder)


def test_a_broken_template_that_no_target_uses_is_told_all_the_same(tmp_path):
    folder = fleet(tmp_path, [{"template": "t.j2", "path": "{environment}/x", "when": "false"}])
    write_files(folder, {"templates/t.j2": "{% if %}"})
    assert [problem.code for problem in problems_of(folder)] == ["template-syntax"]


def test_a_template_that_is_not_utf8(tmp_path):
    folder = fleet(tmp_path, [{"template": "t.j2", "path": "{environment}/{tenant}/x"}])
    write_files(folder, {"templates/t.j2": b"\xff"})
    assert [(problem.code, problem.place.file) for problem in problems_of(folder)] == [("not-utf8", "templates/t.j2")]


def test_every_mistake_of_every_template_is_told_at_once(tmp_path):
    folder = fleet(
        tmp_path,
        [{"template": f"{name}.j2", "path": f"{{environment}}/{{tenant}}/{name}"} for name in "tu"],
        **{"templates/t.j2": "{{ a }}", "templates/u.j2": "{{ b }}"},
    )
    assert [(problem.code, len(problem.targets)) for problem in problems_of(folder)] == [
        ("undefined", 4),
        ("undefined", 4),
    ]


def test_a_target_that_is_wrong_is_not_rendered_and_the_others_are_judged(tmp_path):
    folder = fleet(tmp_path, [{"template": "t.j2", "path": "{environment}/{tenant}/x"}])
    write_files(folder, {"templates/t.j2": "{{ b }}", "tenants/acme.yaml": "app: {port: x}\n"})
    found = [(problem.code, problem.targets) for problem in problems_of(folder)]
    assert sorted(found) == [("undefined", ("dev", "prod")), ("wrong-type", ("dev/acme", "prod/acme"))]


def test_the_templates_folder_may_have_another_name(tmp_path):
    folder = make_project(
        tmp_path,
        {"schema.json": SCHEMA, "base.json": BASE, "tpl/deep/x.j2": "{{ b }}"},
        templates="tpl",
        outputs=[{"template": "deep/x.j2", "path": "x"}],
    )
    (problem,) = problems_of(folder)
    assert (problem.place.file, problem.place.line) == ("tpl/deep/x.j2", 1)


UNSET = """{{ app.nope }} {{ app.optional | default('x') }}
{{ nothere ~ 'x' }}{% if app.absent %}x{% endif %}
{% for x in app.missing %}{{ x.y }}{% endfor %}
{% include 'part.j2' %}
{{ app.gone.deeper[0] | upper }}{{ app.lost + 1 }}{{ app.name.foo }}
"""


def test_everything_that_is_not_there_is_reported_at_once(tmp_path):
    with pytest.raises(WeftError) as caught:
        rendered(tmp_path, UNSET, part="{{ app.inside }}")
    assert {(problem.code, str(problem.place), problem.path) for problem in caught.value.problems} == {
        ("undefined", "templates/main.j2:1:8", "/app/nope"),
        ("undefined", "templates/main.j2:2:4", None),
        ("undefined", "templates/main.j2:2:30", "/app/absent"),
        ("undefined", "templates/main.j2:3:17", "/app/missing"),
        ("undefined", "templates/part.j2:1:8", "/app/inside"),
        ("undefined", "templates/main.j2:5:8", "/app/gone"),
        ("undefined", "templates/main.j2:5:40", "/app/lost"),
        ("undefined", "templates/main.j2:5:63", None),
    }


@pytest.mark.parametrize(
    ("template", "message", "hint"),
    [
        ("{{ target.naem }}", "there is no `target.naem`", "did you mean `name`?"),
        ("{{ target.tenant }}", "there is no `target.tenant`", "choose from `name`"),
        ("{{ {'size': 1}.sise }}", "a mapping has no `sise`", "did you mean `size`?"),
        ("{{ 'x'.y }}", "a text has no `y`", None),
        ("{{ app.tags[7] }}", "a list of 2 items has no `7`", None),
        ("{% for x in app.tags %}{{ loop.foo }}{% endfor %}", "the value before it has no `foo`", None),
        ("{% include 'mian.j2' %}", "there is no template `mian.j2` in templates/", "did you mean `main.j2`?"),
        ("{% include 'xyz' %}", "there is no template `xyz` in templates/", "choose from `main.j2`"),
    ],
)
def test_what_is_not_there_is_said_in_our_own_words(tmp_path, template, message, hint):
    problem = refused(tmp_path, template)
    assert (problem.message, problem.hint) == (message, hint)


def test_a_dimension_that_a_target_does_not_have_is_named(tmp_path):
    files = {
        "schema.json": {},
        "base.yaml": "{}",
        "tenants/acme.yaml": "{}",
        "templates/main.j2": "{{ target.tenant }}",
    }
    dimensions = {"environment": {"values": ["dev"]}, "tenant": {"files": "tenants/*.yaml", "optional": True}}
    outputs = [{"template": "main.j2", "path": "{environment}/{tenant}/x"}]
    make_project(tmp_path, files, dimensions=dimensions, layers=["base", "tenants/{tenant}"], outputs=outputs)
    _, (problem,) = load_project(tmp_path).render(load_project(tmp_path).targets())
    assert problem.message == "target.tenant is not set: dev has no tenant"
    assert problem.hint == "guard it with `is defined`, or give the output `scope: tenant`"


# --- once ---

ONCE = "{% macro called(text, number=0) %}{{ app.name }} {{ text }} {{ number }} {{ target.name }}{% endmacro %}"
IMPORTED = '{% from "macros.j2" import called with context %}'


def of_two(folder, one, other, macros=ONCE, **more):
    """A project with two outputs, whose templates may import the same macros."""
    outputs = [{"template": f"{name}.j2", "path": f"{{stage}}/{name}"} for name in ("one", "other")]
    files = {"schema.json": SCHEMA, "base.json": BASE, "stages/a.yaml": "{}", "stages/b.yaml": "{}"}
    texts = {"one": one, "other": other, "macros": macros}
    stages = {"stage": {"files": "stages/*.yaml"}}
    files |= {f"templates/{name}.j2": text for name, text in texts.items()}
    return load_project(make_project(folder, files | more, dimensions=stages, layers=["base"], outputs=outputs))


def test_once_gives_what_the_macro_gives_for_each_target_and_its_arguments(tmp_path):
    calls = [f"called{way}" for way in ('("x")', '("x", 1)', '("x", 1.0)', '("x", true)', '("1")', "(1)")]
    plain = IMPORTED + "".join(f"{{{{ {call} }}}}|" for call in calls)
    kept = IMPORTED + "".join(f"{{{{ {call.replace('(', ' | once(', 1)} }}}}|" for call in calls)
    for target in of_two(tmp_path, plain, kept * 2).targets():
        texts = target.render()
        assert texts[f"{target.name}/other"] == texts[f"{target.name}/one"] * 2


def test_once_calls_a_macro_once_for_all_templates_of_a_target(tmp_path, monkeypatch):
    called = []
    monkeypatch.setattr(Macro, "_invoke", lambda _, *arguments: called.append(arguments) or "text")
    (first, second) = of_two(tmp_path, *[IMPORTED + '{{ called | once("x") }}{{ called | once("x") }}'] * 2).targets()
    assert first.render() == {"a/one": "texttext", "a/other": "texttext"}
    assert len(called) == 1
    second.render()
    assert len(called) == 2


def test_each_template_that_calls_a_macro_once_reads_what_the_macro_reads(tmp_path):
    project = of_two(tmp_path, *[IMPORTED + '{{ called | once("x") }}'] * 2)
    target = project.target("a")
    uses = dict(uses_of(target, ("app", "name")))
    assert uses == {"a/one": (1,), "a/other": (1,)}


def test_a_text_without_digests_is_kept_apart(tmp_path):
    macros = "{% macro called(text) %}{{ text | sha256 }}{% endmacro %}"
    target = of_two(tmp_path, *[IMPORTED + '{{ called | once("x") }}'] * 2, macros).target("a")
    with same_digests():
        without = target.outputs.rendered(target.view)[0][0].text
    assert without == "0" * 64
    assert target.render()["a/one"].startswith("2d711642b726b044")


def test_a_macro_that_fails_is_told_in_each_template(tmp_path):
    macros = "{% macro called(text) %}{{ app.optional }}{{ text }}{% endmacro %}"
    project = of_two(tmp_path, *[IMPORTED + '{{ called | once("x") }}'] * 2, macros)
    found = project.problems([project.target("a")])
    assert [(one.code, one.place.file) for one in found] == [("undefined", "templates/macros.j2")]
    with pytest.raises(WeftError):
        project.target("a").render()


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'text' | once }}",
        "{{ app | once }}",
        "{% macro m(a) %}{% endmacro %}{{ m | once([1]) }}",
        "{{ range | once(1) }}",
    ],
)
def test_once_takes_macros_with_texts_and_numbers(tmp_path, template):
    problem = refused(tmp_path, template)
    assert (problem.code, problem.message) == (
        "template-failed",
        "`once` takes a macro, and texts and numbers for it, as in `content | once(name)`",
    )
