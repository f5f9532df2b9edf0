"""Files outside of a project are not read, however a file of the project refers to them, unless the caller allows it."""

import json
import os
import re
import subprocess

import pytest

from run import run
from scratch import make_project, write_files
from weft import Place, Problem, load_project
from weft.files.reading import OutsideError, ProjectFiles
from weft.report.formats import FORMATS
from weft.report.report import Report

SCHEMA = {
    "properties": {"app": {"type": "object", "properties": {"text": {"type": "string"}, "pass": {"type": "string"}}}}
}
CANARY = "canary-7f3a"
OUTPUTS = [{"template": "it.j2", "path": "it"}]


@pytest.fixture
def project(tmp_path):
    write_files(
        tmp_path / "outside",
        {
            "overlay.yaml": f"app: {{text: {CANARY}}}\n",
            "broken.yaml": f"{CANARY}: [\n",
            "schema.json": {"title": CANARY, **SCHEMA},
            "template.j2": f"{CANARY}\n",
            "house.policy.yaml": f"title: {CANARY}\n",
            f"{CANARY}.yaml": "{}\n",
        },
    )
    files = {"schema.json": SCHEMA, "base.yaml": "app: {text: x}\n", "templates/it.j2": "{{ app.text }}\n"}
    return make_project(tmp_path / "project", files, outputs=OUTPUTS)


def weft(project, **changes):
    path = project / "weft.yaml"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def link(project, name, target):
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def schema(project, ref):
    (project / "schema.json").write_text(json.dumps({"properties": {"app": {"$ref": ref}}}))


def overlay_file(project):
    link(project, "base.yaml", "../outside/overlay.yaml")


def absolute_overlay_file(project):
    link(project, "base.yaml", project.parent / "outside/overlay.yaml")


def broken_overlay(project):
    link(project, "base.yaml", "../outside/broken.yaml")


def overlay_folder(project):
    link(project, "base", "../outside")


def chain_of_links(project):
    link(project, "one.yaml", "two.yaml")
    link(project, "two.yaml", "../outside/overlay.yaml")
    link(project, "base.yaml", "one.yaml")


def folder_above(project):
    link(project, "overlays", "../outside")
    weft(project, layers=["overlays/overlay"])


def template_file(project):
    link(project, "templates/it.j2", "../../outside/template.j2")


def templates_folder(project):
    (project / "templates/it.j2").unlink()
    (project / "templates").rmdir()
    link(project, "templates", "../outside")
    weft(project, outputs=[{"template": "template.j2", "path": "it"}])


def templates_elsewhere(project):
    weft(project, templates="../outside", outputs=[{"template": "template.j2", "path": "it"}])


def included_template(project):
    write_files(project, {"templates/it.j2": "{% include 'other.j2' %}\n"})
    link(project, "templates/other.j2", "../../outside/template.j2")


def imported_template(project):
    write_files(project, {"templates/it.j2": "{% import 'other.j2' as other %}{{ other.x }}\n"})
    link(project, "templates/other.j2", "../../outside/template.j2")


def root_schema(project):
    weft(project, schema="../outside/schema.json")


def absolute_root_schema(project):
    weft(project, schema=str(project.parent / "outside/schema.json"))


def linked_schema(project):
    link(project, "schema.json", "../outside/schema.json")


def relative_reference(project):
    schema(project, "../outside/schema.json#/properties/app")


def encoded_reference(project):
    schema(project, "%2e%2e/outside/schema%2Ejson#/properties/app")


def file_reference(project):
    schema(project, (project.parent / "outside/schema.json").as_uri() + "#/properties/app")


def file_reference_with_a_host(project):
    schema(project, f"file://localhost{project.parent}/outside/schema.json#/properties/app")


def reference_to_what_is_no_schema(project):
    schema(project, "file:///etc/passwd")


def reference_to_a_link(project):
    link(project, "other.json", "../outside/schema.json")
    schema(project, "other.json#/properties/app")


def identified_reference(project):
    """A reference to a sibling address of the schema is looked for next to it."""
    link(project, "other.json", "../outside/schema.json")
    contents = {"$id": "https://example.com/a/root.json", "properties": {"app": {"$ref": "other.json#/properties/app"}}}
    write_files(project, {"schema.json": contents})


def identified_reference_up(project):
    ref = "https://example.com/a/../outside/schema.json#/properties/app"
    write_files(
        project, {"schema.json": {"$id": "https://example.com/root.json", "properties": {"app": {"$ref": ref}}}}
    )
    link(project, "outside", "../outside")


def project_file(project):
    (project / "weft.yaml").rename(project.parent / "outside/weft.yaml")
    link(project, "weft.yaml", "../outside/weft.yaml")


def values_of_a_dimension(project):
    link(project, "tenants", "../outside")
    outputs = [{"template": "it.j2", "path": "{tenant}"}]
    weft(
        project,
        dimensions={"tenant": {"files": "tenants/*.yaml"}},
        layers=["base", "tenants/{tenant}"],
        outputs=outputs,
    )


def values_of_a_dimension_elsewhere(project):
    weft(project, dimensions={"tenant": {"files": "../outside/*.yaml"}})


def process_environment(project):
    link(project, "base.yaml", "/proc/self/environ")


def standard_input(project):
    link(project, "base.yaml", "/dev/stdin")


def device(project):
    link(project, "templates/it.j2", "/dev/zero")


WAYS = [
    overlay_file, absolute_overlay_file, broken_overlay, overlay_folder, chain_of_links, folder_above, template_file,
    templates_folder, templates_elsewhere, included_template, imported_template, root_schema, absolute_root_schema,
    linked_schema, relative_reference, encoded_reference, file_reference, file_reference_with_a_host,
    reference_to_what_is_no_schema, reference_to_a_link, identified_reference, identified_reference_up, project_file,
    values_of_a_dimension, values_of_a_dimension_elsewhere, process_environment, standard_input, device,
]  # fmt: skip
COMMANDS = [
    ("validate",), ("validate", "--outputs", "--strict"), ("render",), ("config", "default"), ("explain", "default", "--all"), ("targets",),
    ("schema", "check"), ("validate", "--format", "json"), ("validate", "--format", "sarif"), ("diff", "default", "default"),
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_what_lies_outside_is_refused_with_a_place_and_nothing_of_it_is_shown(project, way):
    way(project)
    told = json.loads(run("validate", "--outputs", "--format", "json", cwd=project).out)["problems"]
    assert "outside-project" in [one["code"] for one in told]
    for one in told:
        if one["code"] == "outside-project":
            assert one["file"]
            assert re.match(r"\S.* (refers to a file|is) outside of the project", one["message"])
            assert "--allow-read DIR" in one["hint"]
    for command in COMMANDS:
        result = run(*command, cwd=project)
        said = result.out + result.err
        assert CANARY not in said, command
        assert "root:" not in said, command
        if "--outputs" in command or command == ("render",):
            assert result.code == 1, command
    assert not (project / "build").exists()


@pytest.mark.parametrize("way", [overlay_file, folder_above, template_file, included_template, root_schema, linked_schema,
    relative_reference, file_reference, reference_to_a_link, values_of_a_dimension], ids=lambda way: way.__name__)  # fmt: skip
@pytest.mark.parametrize("how", ["before", "after", "variable", "python"])
def test_the_caller_can_allow_a_folder(project, way, how):
    way(project)
    (project.parent / "outside/broken.yaml").unlink()
    (project.parent / "outside/house.policy.yaml").unlink()
    allowed = project.parent / "outside"
    if how == "python":
        assert load_project(project, allow_read=[allowed]).targets()
        return
    command = {
        "before": ("--allow-read", allowed, "validate", "--outputs"),
        "after": ("validate", "--outputs", "--allow-read", "../outside"),
        "variable": ("validate", "--outputs"),
    }[how]
    env = {"WEFT_ALLOW_READ": f"/nowhere{os.pathsep}{allowed}"} if how == "variable" else {}
    result = run(*command, cwd=project, env=env)
    assert result.code == 0, result.out


def test_no_file_of_the_project_can_allow_a_folder(project):
    overlay_file(project)
    for name in ("allow_read", "allow-read", "allowRead"):
        weft(project, **{name: [".."]})
        assert run("validate", cwd=project).code == 1


def test_a_folder_that_is_not_there_cannot_be_allowed(project):
    result = run("validate", "--allow-read", "../outsied", cwd=project)
    assert (result.code, "there is no folder" in result.err) == (2, True)


def test_links_that_stay_inside_are_followed(project):
    write_files(
        project, {"shared/base.yaml": "app: {text: y}\n", "shared/it.j2": "{{ app.text }}\n", "shared/s.json": SCHEMA}
    )
    link(project, "base.yaml", "shared/base.yaml")
    link(project, "templates/it.j2", "../shared/it.j2")
    link(project, "schema.json", project / "shared/s.json")
    assert load_project(project).target().render() == {"it": "y\n"}


def test_a_project_that_is_reached_through_a_link_is_the_project(project):
    (project.parent / "way").symlink_to(project)
    assert run("-C", project.parent / "way", "validate", "--outputs", cwd="/").code == 0


@pytest.mark.parametrize("name", ["base.yaml", "templates/it.j2", "schema.json"])
def test_a_pipe_is_refused_and_not_waited_for(project, name):
    (project / name).unlink()
    os.mkfifo(project / name)
    told = json.loads(run("validate", "--outputs", "--format", "json", cwd=project).out)["problems"]
    assert [one["code"] for one in told] in (["unreadable"], ["schema-not-found"])


def test_the_same_is_said_of_what_is_not_there(project):
    link(project, "base.yaml", "../outside/nothing.yaml")
    missing = run("validate", cwd=project).out
    link(project, "base.yaml", "../outside/overlay.yaml")
    assert run("validate", cwd=project).out == missing.replace("nothing.yaml", "overlay.yaml")
    for ref in ("../outside/nothing.json", "../outside/schema.json"):
        schema(project, ref)
        assert "outside-project" in run("validate", cwd=project).out


def test_a_rule_pack_outside_is_refused(project):
    weft(project, policies="../outside")
    result = run("validate", "--policy", "all", cwd=project)
    assert ("outside-project" in result.out, CANARY in result.out, result.code) == (True, False, 1)
    weft(project, policies="policies")
    link(project, "policies/house.policy.yaml", "../../outside/house.policy.yaml")
    result = run("validate", "--policy", "all", cwd=project)
    assert ("outside-project" in result.out, CANARY in result.out, result.code) == (True, False, 1)


def test_settings_of_an_editor_outside_are_neither_read_nor_written(project):
    write_files(project.parent, {"outside/settings.json": f"{CANARY} ["})
    link(project, ".vscode/settings.json", "../../outside/settings.json")
    result = run("ide", cwd=project)
    assert (result.code, "outside-project" in result.err, CANARY in result.err) == (1, True, False)
    assert (project.parent / "outside/settings.json").read_text() == f"{CANARY} ["


def test_scanning_a_folder_passes_links_over(project):
    write_files(project.parent, {"outside/key.txt": f"key = {'AKIA'}IOSFODNN7EXAMPL2\n"})
    link(project, "key.txt", "../outside/key.txt")
    assert run("secrets", "scan", "--schema-only", cwd=project).code == 0


def test_a_report_quotes_no_line_of_what_lies_outside(project):
    """The place of an output may be that of a link in the project, and a check may count more lines than there are."""
    link(project, "it", "../outside/overlay.yaml")
    report = Report([Problem("promtool", "wrong", place=Place("it", 1))], project)
    assert CANARY not in FORMATS["text"](report)


# --- references


@pytest.fixture
def secret(project):
    write_files(project.parent, {"outside/secret.txt": CANARY})
    contents = {"properties": {"app": {"properties": {"pass": {"type": "string", "x-sensitive": True}}}}}
    reference = f"ref+file://{project.parent}/outside/secret.txt"
    return write_files(project, {"schema.json": contents, "base.yaml": f"app: {{pass: '{reference}'}}\n",
        "templates/it.j2": "{{ app.pass }}\n"})  # fmt: skip


def test_references_are_not_followed_by_commands_that_check(secret, monkeypatch):
    weft(secret, outputs=[{"template": "it.j2", "path": "it", "secrets": True}])
    monkeypatch.setattr("weft.secrets.providers.resolve", None)
    for command in (
        ("validate", "--outputs", "--strict"),
        ("render",),
        ("diff", "default", "default"),
        ("config", "default"),
    ):
        result = run(*command, cwd=secret)
        assert (result.code, CANARY in result.out) == (0, False), command
    assert "ref+file" in (secret / "build/it").read_text()


def test_where_references_are_resolved_a_file_outside_needs_the_same_permission(secret):
    for command in (("config", "default", "--reveal"), ("secrets", "check")):
        refused = run(*command, cwd=secret)
        assert (refused.code, CANARY in refused.out) == (1, False)
        assert "is outside of the project" in refused.out + refused.err
        assert "--allow-read" in refused.out + refused.err
        assert run(*command, "--allow-read", "../outside", cwd=secret).code == 0
    assert CANARY in run("config", "default", "--reveal", "--allow-read", "../outside", cwd=secret).out


def test_secrets_of_a_container_are_allowed(secret, monkeypatch):
    monkeypatch.setattr("weft.secrets.providers.documents._SECRETS", secret.parent / "outside")
    assert CANARY in run("config", "default", "--reveal", cwd=secret).out


# --- revisions


def git(folder, *arguments):
    options = ["-c", "user.name=T", "-c", "user.email=t@example.com"]
    subprocess.run(["git", "-C", folder, *options, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(project):
    git(project, "init", "-q")
    return project


def commit(repository):
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "x")


@pytest.mark.parametrize("target", ["../outside/overlay.yaml", "/proc/self/environ"])
def test_links_of_a_revision_are_not_followed_out_of_it(repository, target):
    link(repository, "base.yaml", target)
    link(repository, "other.json", "/etc/passwd")
    commit(repository)
    (repository / "base.yaml").unlink()
    write_files(repository, {"base.yaml": "app: {text: x}\n"})
    for command in (
        ("diff", "--since", "HEAD"),
        ("validate", "--since", "HEAD"),
        ("schema", "diff", "HEAD:other.json", "schema.json"),
    ):
        result = run(*command, cwd=repository)
        assert CANARY not in result.out + result.err
        assert "root:" not in result.out + result.err


def test_what_is_allowed_now_is_allowed_of_a_revision(tmp_path):
    write_files(tmp_path, {"shared/schema.json": SCHEMA})
    project = make_project(tmp_path / "config", {"base.yaml": "app: {text: x}\n"}, schema="../shared/schema.json")
    git(tmp_path, "init", "-q")
    commit(tmp_path)
    write_files(project, {"base.yaml": "app: {text: y}\n"})
    result = run("diff", "--since", "HEAD", "--allow-read", "../shared", cwd=project)
    assert "app.text" in result.out


# --- the mechanism


def test_a_file_is_opened_where_it_was_looked_at(tmp_path, monkeypatch):
    """What is exchanged for a link between the look and the opening is not followed."""
    write_files(tmp_path, {"project/a": "mine", "outside": CANARY})
    real = ProjectFiles.real

    def exchanged(self, path):
        found = real(self, path)
        (tmp_path / "project/a").unlink()
        (tmp_path / "project/a").symlink_to("../outside")
        return found

    monkeypatch.setattr(ProjectFiles, "real", exchanged)
    with pytest.raises(OSError, match="symbolic links"):
        ProjectFiles(tmp_path / "project").read(tmp_path / "project/a")


@pytest.mark.parametrize("name", ["../project-2/a", "/etc/passwd", "sub/../../outside", "../outside/../outside/a"])
def test_names_that_only_begin_alike_are_outside(tmp_path, name):
    write_files(tmp_path, {"project/a": "", "project-2/a": CANARY, "outside/a": CANARY})
    files = ProjectFiles(tmp_path / "project")
    with pytest.raises(OutsideError):
        files.read(files.folder / name)


def test_a_link_is_refused_also_in_a_folder_that_was_looked_at(tmp_path):
    write_files(tmp_path, {"project/sub/a": "mine", "outside/a": CANARY, "project/other": ""})
    files = ProjectFiles(tmp_path / "project")
    assert files.read(tmp_path / "project/sub/a") == b"mine"
    for name, destination in (("sub/b", "../../outside/a"), ("sub/c", "../../outside")):
        (tmp_path / "project" / name).symlink_to(destination)
    for name in ("sub/b", "sub/c/a", "sub/c", "sub/../../outside/a"):
        with pytest.raises(OutsideError):
            files.read(tmp_path / "project" / name)
    (tmp_path / "project/sub/d").symlink_to("../other")
    assert files.read(tmp_path / "project/sub/d") == b""
    assert files.real(tmp_path / "project/sub/..") == os.path.realpath(tmp_path / "project")


def test_no_more_than_some_folders_are_remembered(tmp_path):
    write_files(tmp_path, {f"project/{number}/a": str(number) for number in range(200)})
    files = ProjectFiles(tmp_path / "project")
    for number in range(200):
        assert files.read(tmp_path / f"project/{number}/a") == str(number).encode()
    assert len(files._folders) < 100
