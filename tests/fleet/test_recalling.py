"""A project whose last run is recalled gives what an opened one gives, and opens nothing until something asks for more."""

import time
from contextlib import closing

import pytest
from small_fleet import fleet, put

from run import run
from weft.files import yaml11
from weft.files.reading import files_of
from weft.files.store import FOLDER, Store
from weft.fleet.memory import Memory
from weft.fleet.options import Options
from weft.project.project import load_project

WEFT_YAML = """version: 1
project: recalled
schema: schema.json
dimensions:
  environment: {values: [default, prod], aliases: {production: prod}}
  size: {setting: app.size}
  tenant: {files: "overlays/tenants/*.yaml", optional: true}
layers: [overlays/base, "overlays/sizes/{size}", "overlays/tenants/{tenant}"]
outputs:
  - {template: all.yaml.j2, path: "{environment}/{tenant}/all.yaml", apply: true}
  - {template: all.yaml.j2, path: "{environment}/{tenant}/other.yaml"}
kubernetes: {namespace: app.name}
"""
SCHEMA = """{"type": "object", "properties": {"app": {"type": "object", "properties": {
  "name": {"type": "string", "default": "none"}, "size": {"type": "string", "default": "small"}}}}}"""


@pytest.fixture
def folder(tmp_path):
    """A project with a dimension that targets may leave out, and one that follows from a setting."""
    files = {
        "weft.yaml": WEFT_YAML,
        "schema.json": SCHEMA,
        "templates/all.yaml.j2": "kind: ConfigMap\napiVersion: v1\nmetadata: {name: {{ app.name }}}\ndata: {size: {{ app.size }}}\n",
        "overlays/base.yaml": "app: {name: base}\n",
        "overlays/sizes/large.yaml": "app: {name: big}\n",
        "overlays/sizes/small.yaml": "{}\n",
        "overlays/tenants/a.yaml": "app: {size: large}\n",
        "overlays/tenants/b.yaml": "app: {name: bee}\n",
    }
    for name, text in files.items():
        put(tmp_path / name, text)
    time.sleep(0.05)  # the times of files must be older than what is remembered
    return tmp_path


def opened(folder, *globs):
    """The project as a command gets it, for the targets that these globs name."""
    memory = Memory(files_of(folder, ()), Options({}))
    with closing(memory):
        project = memory.opened_for(globs)
        made = project.run(project.targets(*globs))
        return (
            project,
            made,
            {one.path: made.documents(one.path) for one in made.files},
            {one.path: made.text(one.path) for one in made.files},
        )


def settled(folder, *globs):
    """Let the run be remembered, when the times of all files can be trusted."""
    for _ in range(2):
        opened(folder, *globs)
        time.sleep(0.05)


def is_open(project):
    return bool({"schemas", "outputs", "fleet"} & vars(project).keys())


def facts(folder, *globs):
    """What a project says about these targets, made from nothing."""
    project = load_project(folder)
    targets = project.targets(*globs)
    made = project.run(targets)
    return (
        [one.identity for one in targets],
        {one.name: project.home(one) for one in targets},
        made.files,
        made.digests,
        made.problems,
        {one.path: yaml11.Documents(made.text(one.path)).data for one in made.files},
    )


def facts_of(project, made, documents, _):
    targets = project.targets(*project.recalled.globs)
    homes = {one.name: project.home(one) for one in targets}
    return [one.identity for one in targets], homes, made.files, made.digests, made.problems, documents


@pytest.mark.parametrize("globs", [(), ("prod",), ("production/*", "default")], ids=" ".join)
def test_the_second_time_nothing_is_opened_and_all_is_the_same(folder, globs):
    first = opened(folder, *globs)
    assert is_open(first[0])
    assert facts_of(*first) == facts(folder, *globs)
    settled(folder, *globs)
    known = opened(folder, *globs)
    assert not is_open(known[0])
    assert facts_of(*known) == facts(folder, *globs)
    assert not is_open(known[0])


def test_a_run_of_render_is_recalled(folder):
    for _ in range(2):
        assert run("render", cwd=folder).code == 0
        time.sleep(0.05)
    project, *_ = opened(folder)
    assert not is_open(project)


def test_what_is_asked_beyond_the_run_is_made(folder):
    settled(folder)
    project, *_ = opened(folder)
    assert not is_open(project)
    one = project.target("prod/a")
    assert (one.config["app"]["size"], one.explain("app.name").value) == ("large", "big")
    assert [other.name for other in project.targets("prod")] == ["prod"]
    assert len(project.run([one]).files) == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("overlays/tenants/a.yaml", "app: {size: small}\n"),
        ("overlays/tenants/c.yaml", "{}\n"),
        ("overlays/sizes/small.yaml", "app: {name: tiny}\n"),
        ("schema.json", SCHEMA.replace("none", "other")),
        ("templates/all.yaml.j2", "kind: Secret\napiVersion: v1\nmetadata: {name: x}\n"),
        ("weft.yaml", WEFT_YAML.replace("[default, prod]", "[prod, default]")),
    ],
)
def test_what_has_changed_is_seen(folder, name, text):
    settled(folder)
    put(folder / name, text)
    assert facts_of(*opened(folder)) == facts(folder)


def test_after_new_time_stamps_nothing_is_opened(folder):
    settled(folder)
    for path in folder.rglob("*.yaml"):
        path.touch()
    time.sleep(0.05)
    project, *_ = opened(folder)
    assert not is_open(project)


def test_a_recalled_project_can_change_its_overrides(folder):
    settled(folder)
    project, *_ = opened(folder)
    assert project.with_overrides({"app.name": "other"}).target("prod").config["app"]["name"] == "other"
    assert project.refreshed([]).target("prod").config["app"]["name"] == "base"
    assert any(path.endswith("schema.json") for path in opened(folder)[0].opened_from)


def test_whoever_needs_the_whole_project_gets_it(folder):
    settled(folder)
    memory = Memory(files_of(folder, ()), Options({}))
    with closing(memory):
        project = memory.opened_for((), whole=True)
        assert is_open(project)
        assert project.recalled is not None


def test_errors_are_not_recalled(folder):
    put(folder / "overlays/base.yaml", "app: {name: 1}\n")
    for _ in range(2):
        project, made, *_ = opened(folder)
        assert [one.code for one in made.problems if one.severity.name == "ERROR"]
        assert is_open(project)


@pytest.mark.parametrize(
    "text", ["a: !!binary aGk=\n", "{1: one}\n", "a: .nan\n---\n- [x]\n", "plain\n", "a: 1\n---\n"]
)
def test_documents_are_as_they_are_parsed(folder, text):
    put(folder / "templates/all.yaml.j2", text)
    settled(folder)
    *_, documents, texts = opened(folder)
    parsed = {path: yaml11.Documents(text).data for path, text in texts.items()}
    assert repr(documents) == repr(parsed)


@pytest.mark.parametrize("kind", ["documents", "result", "texts", "run", "details"])
def test_what_is_damaged_or_gone_is_made_again(folder, kind):
    expected = facts(folder)
    settled(folder)
    store = Store(folder / FOLDER)
    store._try(lambda connection: connection.execute("UPDATE entry SET data = 'x' WHERE kind = ?", (kind,)))
    store.close()
    assert facts_of(*opened(folder)) == expected
    store = Store(folder / FOLDER)
    store.keep_newest(kind, 0)
    store.close()
    assert facts_of(*opened(folder)) == expected


def test_a_fleet_whose_targets_are_few(tmp_path):
    folder = fleet(tmp_path / "project")
    settled(folder)
    assert facts_of(*opened(folder)) == facts(folder)
