"""A run in shards: each target is in one of them, and joined they are what one run would have written."""

import json
import os
import shutil

import pytest
from small_fleet import outputs, put
from sound_fleet import sound_fleet

from run import run
from weft.fleet.shards import Shard


class Named:
    def __init__(self, name):
        self.name = name


def shards(folder, number=3, *args):
    """Render all shards of a project, each into its folder, as other machines would do it."""
    for one in range(1, number + 1):
        result = run("render", *args, "--shard", f"{one}/{number}", "-o", f"../shards/{one}", "--no-cache", cwd=folder)
        assert result.code == 0, result
    return [f"../shards/{one}" for one in range(1, number + 1)]


def everything(folder):
    """All files of a folder with their contents and permissions, the record included."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mode)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def project(tmp_path):
    return sound_fleet(tmp_path / "project")


@pytest.mark.parametrize("number", [1, 2, 3, 7, 40])
def test_every_target_is_in_one_shard_and_shards_differ_by_at_most_one_target(number):
    every = [Named(f"environment-{index % 4}/tenant-{index}") for index in range(33)]
    parts = [[one.name for one in Shard(index, number).part(every)] for index in range(1, number + 1)]
    assert sorted(name for part in parts for name in part) == sorted(one.name for one in every)
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_the_targets_of_a_shard_depend_on_names_only_and_keep_the_order_of_the_project():
    every = [Named(f"production/tenant-{index}") for index in range(20)]
    names = [one.name for one in Shard(2, 3).part(every)]
    assert names == sorted(names, key=[one.name for one in every].index)
    assert {one.name for one in Shard(2, 3).part(every[::-1])} == set(names)


def test_targets_that_stand_side_by_side_are_spread_over_all_shards():
    every = [Named(f"{environment}/t{index}") for environment in ("dev", "prod") for index in range(60)]
    for number in range(1, 5):
        large = [one for one in Shard(number, 4).part(every) if one.name.startswith("prod")]
        assert 8 <= len(large) <= 22


def test_a_shard_does_not_get_the_same_tenant_of_every_environment():
    every = [Named(f"e{environment}/t{tenant}") for environment in range(6) for tenant in range(4)]
    for number in range(1, 5):
        assert len({one.name.partition("/")[2] for one in Shard(number, 4).part(every)}) > 1


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "1/0", "a/b", "-1/3", "1/3/5", "01/3", " 1/3"])
def test_a_shard_that_is_none_is_refused(project, text):
    result = run("render", "--shard", text, cwd=project)
    assert (result.code, "expected I/N" in result.err) == (2, True)


@pytest.mark.parametrize("number", [1, 3, 11])
def test_joined_shards_are_byte_for_byte_what_one_run_writes(project, number):
    assert run("render", "-o", "../whole", cwd=project).code == 0
    folders = shards(project, number)
    result = run("render", "--join", *folders, "-o", "../joined", cwd=project)
    assert result.code == 0, result
    assert everything(project.parent / "joined") == everything(project.parent / "whole")
    assert "8 targets, 8 files in " in result.err


def test_the_shards_of_some_targets_are_joined_into_a_folder_with_others(project):
    for folder in ("../whole", "../joined"):
        assert run("render", "-o", folder, cwd=project).code == 0
    put(project / "overlays/base/app.yaml", "app: {name: changed}\n")
    assert run("render", "prod/*", "-o", "../whole", cwd=project).code == 0
    folders = shards(project, 2, "prod/*")
    assert run("render", "--join", *folders, "-o", "../joined", cwd=project).code == 0
    assert everything(project.parent / "joined") == everything(project.parent / "whole")


def test_shards_are_joined_with_the_options_that_they_were_rendered_with(project):
    folders = shards(project, 2, "--set", "app.size=7")
    result = run("render", "--join", *folders, "-o", "../joined", cwd=project)
    assert (result.code, result.err.count("error[shard-other]")) == (1, 2)
    assert "other schemas, templates or options" in result.err
    assert run("render", "--join", *folders, "--set", "app.size=7", "-o", "../joined", cwd=project).code == 0


def test_only_variables_of_settings_tell_environments_apart(project):
    schema = json.loads((project / "schemas/app.json").read_text())
    schema["properties"]["size"]["x-env"] = "SIZE"
    (project / "schemas/app.json").write_text(json.dumps(schema))
    for one in (1, 2):
        env = {"RUNNER": str(one), "SIZE": "8"}
        args = ["--from-env", "--shard", f"{one}/2", "-o", f"../shards/{one}"]
        assert run("render", *args, cwd=project, env=env).code == 0
    join = ["render", "--join", "../shards/1", "../shards/2", "-o", "../joined", "--from-env"]
    assert run(*join, cwd=project, env={"SIZE": "9"}).code == 1
    assert run(*join, cwd=project, env={"SIZE": "8"}).code == 0
    assert b'size: "8"' in outputs(project.parent / "joined")["dev/a/app.yaml"]


def refused(project, folders, code, *texts, args=()):
    """Joining is refused with a code, and writes nothing."""
    result = run("render", "--join", *folders, "-o", "../joined", *args, cwd=project)
    assert (result.code, f"error[{code}]" in result.err) == (1, True), result
    assert not (project.parent / "joined").exists()
    for text in texts:
        assert text in result.err
    return result


def test_a_missing_shard_is_named(project):
    folders = shards(project)
    refused(project, folders[:1] + folders[2:], "shard-missing", "shard 2 is missing: 2 of 3 are there", "--shard 2/3")
    refused(project, folders[1:2], "shard-missing", "the shards 1, 3 are missing: 1 of 3 are there")


def test_a_shard_that_is_there_twice_is_named(project):
    folders = shards(project)
    shutil.copytree(project.parent / "shards/2", project.parent / "copy")
    refused(project, [*folders, "../copy"], "shard-missing", "shard 2 is there twice, in")


def test_shards_of_runs_with_other_numbers_are_not_joined(project):
    folders = shards(project, 2)
    result = run("render", "--shard", "3/3", "-o", "../shards/3", cwd=project)
    assert result.code == 0
    refused(project, [*folders, "../shards/3"], "shard-other", "is one of 3 shards, but shard 1 of 2 in")


def test_shards_of_other_targets_are_not_joined(project):
    first = shards(project, 2, "prod/*")[0]
    shutil.move(project.parent / "shards/1", project.parent / "first")
    second = shards(project, 2)[1]
    refused(project, [first.replace("shards/1", "first"), second], "shard-other", "rendered for other targets")


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("overlays/base/app.yaml", "app: {name: other}\n", "other overlays of"),
        ("overlays/tenants/a.yaml", "app: {size: 33}\n", "other overlays of"),
        ("overlays/exceptions/prod-b.yaml", "app: {size: 33}\n", "other overlays of prod/b"),
        ("overlays/tenants/new.yaml", "app: {size: 33}\n", "when the project had other targets than now"),
        ("templates/size.j2", 'extent: "{{ app.size }}"\n', "other schemas, templates or options"),
    ],
)
def test_shards_of_an_earlier_version_of_the_project_are_not_joined(project, name, text, why):
    folders = shards(project)
    put(project / name, text)
    refused(project, folders, "shard-other", why, "render")


def edited(path):
    path.write_text("by hand", "utf-8")


def flipped(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[:-20])


def linked(path):
    shutil.move(path, path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


@pytest.mark.parametrize("damage", [edited, flipped, cut, os.unlink, linked])
@pytest.mark.parametrize("kind", ["output", "details", "record"])
def test_a_damaged_shard_is_never_joined(project, damage, kind):
    folders = shards(project, 2)
    shard = project.parent / "shards/1"
    record, details = shard / ".weft-record", shard / ".weft-shard"
    damage({"output": next(shard.rglob("app.yaml")), "details": details, "record": record}[kind])
    result = run("render", "--join", *folders, "-o", "../joined", cwd=project)
    assert result.code in (1, 3), result
    assert not (project.parent / "joined").exists()


def test_a_shard_with_an_output_outside_of_its_folder_is_not_joined(project):
    folders = shards(project, 1)
    record, details = (project.parent / "shards/1" / name for name in (".weft-record", ".weft-shard"))
    forged = details.read_text().replace("dev/a/app.yaml", "../../../evil")
    from weft.files.signatures import digest_of

    data = json.loads(record.read_text())
    data["shard"]["details"] = digest_of(forged)
    details.write_text(forged)
    record.write_text(json.dumps(data))
    refused(project, folders, "shard-damaged", "../../../evil, where none can be")


def test_the_folder_of_a_whole_run_is_no_shard(project):
    assert run("render", cwd=project).code == 0
    refused(project, ["build"], "shard-damaged", "does not hold the whole of a shard")
    refused(project, ["nowhere"], "shard-missing", "there is no folder")


def test_joining_needs_folders_and_is_no_shard_itself(project):
    assert run("render", "--join", cwd=project).code == 2
    assert run("render", "--join", "x", "--shard", "1/2", cwd=project).code == 2


def test_a_folder_holds_one_shard_and_nothing_of_the_run_before(project):
    for number in (1, 2):
        assert run("render", "--shard", f"{number}/2", "-o", "../one", cwd=project).code == 0
    folder = project.parent / "one"
    record = json.loads((folder / ".weft-record").read_text())
    assert record["shard"]["number"] == 2
    assert set(outputs(folder)) - {".weft-shard"} == set(record["files"])
    assert len(record["files"]) == 4


def test_a_whole_run_into_the_folder_of_a_shard_makes_it_no_shard(project):
    assert run("render", cwd=project).code == 0
    assert run("render", "--shard", "1/1", "-o", "build", cwd=project).code == 0
    assert (project / "build/.weft-shard").exists()
    assert run("render", cwd=project).code == 0
    assert run("render", cwd=project).code == 0
    assert not (project / "build/.weft-shard").exists()
    assert "shard" not in json.loads((project / "build/.weft-record").read_text())


def test_the_same_shard_again_changes_nothing(project):
    shards(project, 2)
    before = everything(project.parent / "shards")
    times = {path: path.stat().st_mtime_ns for path in (project.parent / "shards").rglob("*")}
    shards(project, 2)
    assert everything(project.parent / "shards") == before
    assert {path: path.stat().st_mtime_ns for path in (project.parent / "shards").rglob("*")} == times


def test_an_empty_shard_is_a_shard(project):
    folders = shards(project, 20)
    assert any(not json.loads((project / folder / ".weft-record").read_text())["files"] for folder in folders)
    assert run("render", "--join", *folders, "-o", "../joined", cwd=project).code == 0


def test_what_no_shard_can_see_is_found_when_they_are_joined(project):
    put(project / "overlays/environments/stage.yaml", "app: {}\n")
    for one in (1, 2):
        result = run("render", "--shard", f"{one}/2", "-o", f"../shards/{one}", cwd=project)
        assert "unused-file" not in result.err
    whole = run("render", "-o", "../whole", cwd=project)
    joined = run("render", "--join", "../shards/1", "../shards/2", "-o", "../joined", cwd=project)
    assert "unused-file" in joined.err
    assert joined.err.splitlines()[:-1] == whole.err.splitlines()[:-1]


@pytest.mark.parametrize(
    ("name", "old", "new", "code"),
    [
        ("weft.yaml", '"{environment}/{tenant}/app.yaml"', '"{environment}/app.yaml"', "same-path"),
        ("templates/app.yaml.j2", "metadata: {name:", "metadata: {namespace: shop, name: same} #", "object-twice"),
    ],
)
def test_targets_of_two_shards_that_get_in_the_way_of_each_other_are_reported(project, name, old, new, code):
    text = (project / name).read_text()
    assert old in text
    (project / name).write_text(text.replace(old, new))
    whole = run("render", "prod/a", "prod/b", "-o", "../whole", cwd=project)
    assert f"error[{code}]" in whole.err
    shard = {run_.part([Named("prod/a"), Named("prod/b")])[0].name: run_.number for run_ in (Shard(1, 2), Shard(2, 2))}
    assert sorted(shard.values()) == [1, 2]
    folders = shards(project, 2, "prod/a", "prod/b")
    result = refused(project, folders, code)
    assert result.err == whole.err
