"""The law of acceptance: what `weft validate` accepts, `weft render` accepts, and what one reports as an error, the other does."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from rounds import examples
from run import run
from scratch import make_project

ERROR = re.compile(r"^error\[([a-z0-9-]+)\]: (.*)(?:\n  --> (.*))?", re.MULTILINE)
TEMPLATES = {
    "all.j2": "{{ config | public | to_yaml }}\n",
    "defined.j2": "{{ app.size }}\n",
    "maybe.j2": "{{ app.name }}\n",
    "guarded.j2": "{{ app.name | default('none') }}\n",
    "old.j2": "{{ app.title }}\n",
    "undefined.j2": "{{ app.nothing }}\n",
    "secret.j2": "{{ app.password }}\n",
    "env.j2": "{{ app | env | to_yaml }}\n",
    "fails.j2": "{{ 1 // app.size }}\n",
    "object.j2": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ app.name }}'}\n",
    "include.j2": "{% include 'maybe.j2' %}{% include app.file %}\n",
    "half.j2": "{{ '\\ud83d' }}\n",
}
PATHS = [
    "out",
    "out/in",
    "{environment}/out",
    "{environment}",
    "{environment}/out/in",
    "{tenant}",
    "{environment}/{tenant}/x",
    "{environment}/{tenant}/.{tenant}",
    "{environment}/" + 256 * "a",
]
CONDITIONS = [
    "self.app.flag",
    "self.app.size > 1",
    "self.app.size == '1'",
    "self.app.name == 'a'",
    "has(self.app.name)",
]
VALUES = {
    "size": st.sampled_from([0, 1, 2, 99, "1", None]),
    "name": st.sampled_from(["a", "B", "b", "", None]),
    "title": st.sampled_from(["a", "b", 5, None]),
    "label": st.sampled_from(["a", "b", "1"]),
    "flag": st.booleans(),
    "file": st.sampled_from(["defined.j2", "nowhere.j2"]),
    "password": st.sampled_from(["ref+env://P", "ref+nothing", "plain"]),
}
LAYERS = ["base", "environments/dev", "environments/prod", "tenants/acme"]


def settings():
    """The schema of each setting: types, defaults that fit or do not, variables that are shared or not, an old name."""
    size, name, label = st.sampled_from([{}, {"default": 1}, {"default": 0}, {"default": 99}]), st.just({}), st.just({})
    variables = st.sampled_from([{}, {"x-env": "ONE"}, {"x-env": "OTHER"}])
    return st.fixed_dictionaries(
        {
            "size": _both({"type": "integer", "maximum": 50}, size, variables),
            "name": _both({"type": "string", "minLength": 1}, name, variables),
            "label": _both({"type": "string"}, label, variables),
            "flag": st.just({"type": "boolean", "default": True}),
            "file": st.just({"type": "string", "default": "defined.j2"}),
            "password": st.just({"type": "string", "x-sensitive": True}),
            "title": st.sampled_from(
                [{"type": "string"}, *({"type": "string", "x-renamed-to": f"app.{new}"} for new in ("name", "label"))]
            ),
        }
    )


def _both(fixed, *drawn):
    return st.tuples(*drawn).map(
        lambda several: {key: value for one in (fixed, *several) for key, value in one.items()}
    )


def outputs():
    entry = st.fixed_dictionaries(
        {"template": st.sampled_from(sorted(TEMPLATES)), "path": st.sampled_from(PATHS)},
        optional={
            "when": st.sampled_from(CONDITIONS),
            "secrets": st.booleans(),
            "check": st.just("kubernetes"),
            "scope": st.sampled_from(["environment", "tenant"]),
        },
    )
    return st.lists(entry, max_size=3)


def overlays():
    return st.dictionaries(st.sampled_from(LAYERS), st.fixed_dictionaries({}, optional=VALUES), max_size=3)


def project(folder, properties, layers, entries):
    app = {"type": "object", "additionalProperties": False, "properties": properties}
    files = {
        "schema.json": {"type": "object", "properties": {"app": app}, "required": ["app"]},
        "base.yaml": {"app": {}},
        "tenants/acme.yaml": {"app": {}},
        **{f"{name}.yaml": {"app": values} for name, values in layers.items()},
        **{f"templates/{name}": text for name, text in TEMPLATES.items()},
    }
    dimensions = {"environment": {"values": ["dev", "prod"]}, "tenant": {"files": "tenants/*.yaml", "optional": True}}
    patterns = ["base", "environments/{environment}", "tenants/{tenant}"]
    make_project(folder, files, dimensions=dimensions, layers=patterns, outputs=entries)


def errors(report):
    return sorted(match.groups() for match in ERROR.finditer(report))


@examples(200)
@given(settings(), overlays(), outputs())
def test_validate_accepts_what_render_accepts(properties, layers, entries):
    with TemporaryDirectory() as name:
        folder = Path(name)
        project(folder, properties, layers, entries)
        validated = run("validate", cwd=folder)
        rendered = run("render", cwd=folder)
        assert errors(validated.out) == errors(rendered.err)
        assert (validated.code, rendered.code) in ((0, 0), (1, 1)), (validated, rendered)
        assert bool(errors(rendered.err)) == (rendered.code == 1)
        assert (folder / "build").exists() == (rendered.code == 0)
        assert run("validate", "--outputs", cwd=folder).code == validated.code, "no output here asks a program"
