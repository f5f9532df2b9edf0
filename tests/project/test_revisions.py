"""Since a revision: what changed, and rules that compare with what was."""

import json
import subprocess

import pytest

from run import run
from scratch import make_project, write_files

RULES = {
    "x-kubernetes-validations": [
        {"rule": "self.size >= oldSelf.size", "message": "size never shrinks", "fieldPath": ".size"}
    ],
    "type": "object",
    "properties": {
        "size": {"type": "integer", "default": 1},
        "name": {
            "type": "string",
            "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "name is for ever"}],
        },
        "fresh": {
            "type": "integer",
            "x-kubernetes-validations": [
                {
                    "rule": "oldSelf.hasValue() || self == 0",
                    "messageExpression": "'begin with 0, not ' + string(self)",
                    "optionalOldSelf": True,
                }
            ],
        },
        "plain": {
            "type": "array",
            "items": {"type": "integer", "x-kubernetes-validations": [{"rule": "self == oldSelf"}]},
        },
        "ports": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "number": {
                        "type": "integer",
                        "x-kubernetes-validations": [{"rule": "self >= oldSelf", "message": "up only"}],
                    },
                },
            },
        },
        "password": {"type": "string", "x-sensitive": True},
    },
}
SCHEMA = {"properties": {"app": RULES}, "additionalProperties": False}


def git(folder, *args):
    subprocess.run(
        ["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@b", *args], check=True, capture_output=True
    )


def repository(folder, base, inside="."):
    """A repository whose first commit holds a project with this base layer."""
    git(folder, "init", "--quiet")
    make_project(folder / inside, {"schema.json": SCHEMA, "base.yaml": base})
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    return folder / inside


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("{size: 2}", "{size: 3}", []),
        ("{size: 2}", "{size: 1}", ["size never shrinks"]),
        ("{size: 2}", "{}", ["size never shrinks"]),
        ("{name: a}", "{name: a}", []),
        ("{name: a}", "{name: b}", ["name is for ever"]),
        ("{}", "{name: b}", []),
        ("{name: a}", "{}", []),
        ("{}", "{fresh: 0}", []),
        ("{}", "{fresh: 5}", ["begin with 0, not 5"]),
        ("{fresh: 0}", "{fresh: 5}", []),
        ("{plain: [1, 2]}", "{plain: [2, 1]}", []),
        ("{ports: [{name: a, number: 5}]}", "{ports: [{name: b, number: 1}, {name: a, number: 6}]}", []),
        ("{ports: [{name: a, number: 5}]}", "{ports: [{name: b, number: 9}, {name: a, number: 4}]}", ["up only"]),
    ],
)
def test_rules_over_the_past_are_judged_since_a_revision(tmp_path, old, new, told):
    folder = repository(tmp_path, f"app: {old}\n")
    write_files(folder, {"base.yaml": f"app: {new}\n"})
    assert run("validate", cwd=folder).code == 0, "without a past, nothing is wrong"
    result = run("validate", "--since", "HEAD", "--format", "json", cwd=folder)
    problems = json.loads(result.out)["problems"]
    assert [problem["message"] for problem in problems] == told
    assert result.code == (1 if told else 0)
    assert all(problem["file"] == "base.yaml" and problem["line"] == 1 for problem in problems if new != "{}")


def test_what_changed_since_a_revision(tmp_path):
    folder = repository(tmp_path, "app: {size: 2, name: a}\n", inside="deep/inside")
    assert (result := run("diff", "--since", "HEAD", cwd=folder)).code == 0, result
    write_files(folder, {"base.yaml": "app: {size: 3, plain: [1], password: ref+env://NEW}\n"})
    result = run("diff", "--since", "HEAD", cwd=folder)
    assert (result.code, result.out.splitlines()) == (
        1,
        [
            "~ app.size: 2 -> 3   in default",
            '- app.name: "a"   in default',
            "+ app.plain: [1]   in default",
            '+ app.password: "ref+env://NEW"   in default',
        ],
    )
    data = json.loads(run("diff", "--since", "HEAD", "--format", "json", cwd=folder).out)
    assert data[0] == {"path": "app.size", "before": 2, "after": 3, "targets": ["default"]}


def test_the_same_change_in_many_targets_is_one_line(tmp_path):
    git(tmp_path, "init", "--quiet")
    dimensions = {"env": {"values": ["a", "b", "c", "d", "e"]}, "tenant": {"files": "tenants/*.yaml", "optional": True}}
    files = {"schema.json": SCHEMA, "base.yaml": "app: {size: 2}\n", "tenants/old.yaml": "{}"}
    make_project(tmp_path, files, dimensions=dimensions)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    write_files(tmp_path, {"base.yaml": "app: {size: 3}\n", "tenants/new.yaml": "{}"})
    (tmp_path / "tenants/old.yaml").unlink()
    lines = run("diff", "--since", "HEAD", cwd=tmp_path).out.splitlines()
    assert lines[0] == "~ app.size: 2 -> 3   in a, b, c and 2 more"
    assert "+ target a/new" in lines
    assert "- target a/old" in lines
    only = run("diff", "--since", "HEAD", "b", cwd=tmp_path).out.splitlines()
    assert only == ["~ app.size: 2 -> 3   in b"]


def test_a_revision_that_cannot_be_compared_with_is_told(tmp_path):
    folder = repository(tmp_path, "app: {size: 2}\n")
    for command in ("diff", "validate"):
        result = run(command, "--since", "nowhere", cwd=folder)
        assert (result.code, "there is no revision `nowhere`" in result.err) == (2, True), result
        assert run(command, "--since", "--output=x", cwd=folder).code == 2
    write_files(folder, {"weft.yaml": "version: 1\n"})
    git(folder, "commit", "--quiet", "-a", "-m", "broken")
    make_project(folder, {})
    result = run("diff", "--since", "HEAD", cwd=folder)
    assert (result.code, "cannot be loaded" in result.err) == (3, True), result


SINCE = {
    "diff": ["diff", "--since", "{}"],
    "validate": ["validate", "--since", "{}"],
    "schema diff": ["schema", "diff", "--since", "{}"],
    "schema diff of files": ["schema", "diff", "--", "{}:schema.json", "schema.json"],
}
"""Every command that reads a revision."""


def since(name, revision, **options):
    result = run(*(word.format(revision) for word in SINCE[name]), **options)
    return result.code, "".join(line for line in (result.out + result.err).splitlines(True) if line[:1] in "e ")


@pytest.mark.parametrize("name", SINCE)
@pytest.mark.parametrize("revision", ["nowhere", "--output=x"])
def test_an_unknown_revision_has_one_answer(tmp_path, name, revision):
    folder = repository(tmp_path, "app: {size: 2}\n")
    message = f"error[unknown-revision]: there is no revision `{revision}`"
    hint = "   = hint: name a branch, a tag or a commit, such as `HEAD~1`"
    assert since(name, revision, cwd=folder) == (2, f"{message}\n{hint}\n")


@pytest.mark.parametrize("name", SINCE)
def test_where_there_is_no_repository_has_one_answer(tmp_path, name):
    make_project(tmp_path, {"schema.json": SCHEMA, "base.yaml": "{}"})
    code, told = since(name, "HEAD", cwd=tmp_path, env={"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)})
    assert (code, told.count("error[no-repository]")) == (3, 1), told
    assert told.endswith("   = hint: only files in a Git repository have earlier revisions\n")


@pytest.mark.parametrize("name", SINCE)
def test_where_git_is_not_installed_has_one_answer(tmp_path, name):
    folder = repository(tmp_path, "app: {size: 2}\n")
    assert since(name, "HEAD", cwd=folder, env={"PATH": str(tmp_path)}) == (
        3,
        "error[no-git]: git cannot be started: no such file or directory\n   = hint: install git\n",
    )


def test_a_link_of_the_repository_that_leads_out_of_it_does_no_harm(tmp_path):
    folder = repository(tmp_path, "app: {size: 2}\n")
    (folder / "link").symlink_to("/etc/hostname")
    (folder / "up").symlink_to("../../x")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "links")
    assert run("diff", "--since", "HEAD", cwd=folder).code == 0


def test_a_project_that_is_younger_than_the_revision(tmp_path):
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", "nothing")
    make_project(tmp_path, {"schema.json": SCHEMA, "base.yaml": "{}"})
    result = run("diff", "--since", "HEAD", cwd=tmp_path)
    assert (result.code, "there was no weft.yaml" in result.err) == (3, True), result
