"""Replacing a file: the old content or the new one, whole, and nothing else in the folder is touched."""

import errno
import os
import stat

import pytest

from run import run
from scratch import make_project, write_files
from weft import CannotRun, ConfigMapManager, WeftError
from weft.derived.docs import INDEX
from weft.files import atomic
from weft.files.atomic import content_of, replace_file, replace_files, stage


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_has_the_permissions_that_the_umask_leaves(tmp_path):
    before = os.umask(0o027)
    try:
        replace_file(tmp_path / "x", "é\r\n")
    finally:
        os.umask(before)
    assert (tmp_path / "x").read_bytes() == "é\r\n".encode()
    assert mode_of(tmp_path / "x") == 0o640


def test_a_file_keeps_its_permissions(tmp_path):
    (tmp_path / "x").write_text("old")
    (tmp_path / "x").chmod(0o751)
    replace_file(tmp_path / "x", b"new")
    assert (mode_of(tmp_path / "x"), (tmp_path / "x").read_text()) == (0o751, "new")


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EIO])
def test_a_file_system_that_syncs_no_folders_is_no_reason_to_fail(tmp_path, monkeypatch, number):
    fsync = os.fsync

    def refuse(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(number, os.strerror(number))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", refuse)
    if number == errno.EIO:
        with pytest.raises(CannotRun):
            replace_file(tmp_path / "x", "new")
    else:
        replace_file(tmp_path / "x", "new")
    assert (tmp_path / "x").read_text() == "new"


def test_a_private_file_is_closed_whatever_it_was(tmp_path):
    (tmp_path / "x").write_text("old")
    (tmp_path / "x").chmod(0o666)
    replace_file(tmp_path / "x", "new", private=True)
    assert mode_of(tmp_path / "x") == 0o600


@pytest.mark.parametrize(("private", "existing"), [(True, None), (False, 0o600), (True, 0o644)])
def test_what_is_not_for_others_is_not_theirs_while_it_is_staged(tmp_path, monkeypatch, private, existing):
    if existing is not None:
        (tmp_path / "x").touch(existing)
    seen = []
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: seen.append(os.fstat(handle).st_mode) or write(handle, data))
    replace_file(tmp_path / "x", "new", private=private)
    assert [stat.S_IMODE(mode) for mode in seen] == [0o600]


def test_a_link_stays_a_link_and_its_file_is_replaced(tmp_path):
    write_files(tmp_path, {"real/x": "old"})
    (tmp_path / "middle").symlink_to("real/x")
    (tmp_path / "link").symlink_to("middle")
    (tmp_path / "to-nothing").symlink_to("real/y")
    replace_file(tmp_path / "link", "new")
    replace_file(tmp_path / "to-nothing", "made")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "to-nothing").is_symlink()
    assert {name: (tmp_path / "real" / name).read_text() for name in names(tmp_path / "real")} == {
        "x": "new", "y": "made"
    }  # fmt: skip


def test_a_link_that_leads_out_of_the_folder_is_refused_where_the_project_names_the_file(tmp_path):
    write_files(tmp_path, {"outside": "mine", "project/x": ""})
    (tmp_path / "project/link").symlink_to("../outside")
    (tmp_path / "project/folder").symlink_to("..")
    for name in ("link", "folder/outside"):
        with pytest.raises(WeftError) as refused:
            replace_file(tmp_path / "project" / name, "new", within=tmp_path / "project")
        assert [problem.code for problem in refused.value.problems] == ["output-outside"]
    assert (tmp_path / "outside").read_text() == "mine"


def in_the_way(folder):
    (folder / "folder").mkdir()
    (folder / "loop").symlink_to("loop")
    (folder / "file").touch()
    os.mkfifo(folder / "pipe")
    return folder


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("folder", "is a directory"),
        ("loop", "too many levels of symbolic links"),
        ("file/x", "not a directory"),
        ("pipe", "it is not a regular file"),
        ("no-folder/x", "no such file or directory"),
        ("n\0ul", "embedded null byte"),
        ("x" * 300, "file name too long"),
    ],
)
def test_what_cannot_be_replaced_is_reported_by_its_own_name_and_leaves_nothing(tmp_path, name, reason):
    in_the_way(tmp_path)
    before = names(tmp_path)
    with pytest.raises(CannotRun) as refused:
        replace_file(tmp_path / name, "new")
    (problem,) = refused.value.problems
    assert problem.code == "cannot-write"
    assert (str(tmp_path / name) in problem.message) or "\0" in name
    assert problem.message.endswith(f": {reason}")
    assert ".weft" not in problem.message
    assert "\0" not in problem.message
    assert names(tmp_path) == before


@pytest.mark.parametrize("call", ["write", "replace", "fsync", "chmod"])
def test_a_failure_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch, call):
    (tmp_path / "x").write_text("old")

    def fail(*_, **__):
        raise OSError(28, "No space left on device", str(tmp_path / "staged"))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(CannotRun, match="/x: no space left on device"):
            replace_file(tmp_path / "x", "new")
    assert (names(tmp_path), (tmp_path / "x").read_text()) == (["x"], "old")


def test_the_name_of_what_is_staged_is_never_that_of_a_file(tmp_path, monkeypatch):
    taken = tmp_path / ".weft-taken"
    taken.write_text("mine")
    monkeypatch.setattr(atomic, "token_hex", lambda _: "taken")
    with pytest.raises(CannotRun):
        replace_file(tmp_path / "x", "new")
    assert taken.read_text() == "mine"


@pytest.mark.parametrize(
    ("write", "options", "folders"),
    [
        (replace_file, {}, [False, True]),
        (replace_file, {"durable": True}, [False, True]),
        (replace_file, {"durable": False}, []),
        (stage, {}, [False]),
        (stage, {"durable": False}, []),
    ],
)
def test_only_a_durable_file_waits_for_the_disk(tmp_path, monkeypatch, write, options, folders):
    waited = []
    monkeypatch.setattr(os, "fsync", lambda handle: waited.append(stat.S_ISDIR(os.fstat(handle).st_mode)))
    write(tmp_path / "x", "new", **options)
    assert waited == folders


@pytest.mark.parametrize("write", [replace_file, stage])
def test_a_file_is_for_everybody_unless_it_is_private(tmp_path, write):
    before = os.umask(0)
    try:
        write(tmp_path / "x", "new")
        write(tmp_path / "y", "new", private=True)
    finally:
        os.umask(before)
    assert [mode_of(tmp_path / name) for name in "xy"] == [0o666, 0o600]


def test_folders_that_lack_are_made_where_that_is_asked(tmp_path):
    for content in ("made", "again"):
        replace_file(tmp_path / "a/b/x", content, parents=True)
        assert (tmp_path / "a/b/x").read_text() == content
    with pytest.raises(CannotRun):
        replace_file(tmp_path / "c/x", "new")
    assert not (tmp_path / "c").exists()


def test_a_long_name_can_be_replaced(tmp_path):
    replace_file(tmp_path / ("x" * 255), "new")
    assert names(tmp_path) == ["x" * 255]


def test_only_a_plain_file_has_content(tmp_path):
    in_the_way(tmp_path)
    (tmp_path / "link").symlink_to("file")
    assert content_of(tmp_path / "file") == b""
    for name in ("folder", "loop", "file/x", "pipe", "nothing", "link"):
        assert content_of(tmp_path / name) is None


# --- every command that writes a file


SCHEMA = {"type": "object", "properties": {"app": {"type": "object", "properties": {"a": {"type": "integer"}}}}}
WRITERS = {
    "bundle": ["schema", "bundle", "-o", "x"],
    "overlay": ["schema", "overlay", "-o", "x"],
    "crd": ["schema", "crd", "--group", "a.example", "--kind", "A", "-o", "x"],
    "docs": ["schema", "docs", "-o", "."],
    "report": ["policy", "report", "--format", "html", "-o", "x"],
}


@pytest.fixture
def project(tmp_path):
    policies = {"title": "P", "standard": "S", "url": "https://example.com", "controls": []}
    files = {"schema.json": SCHEMA, "base.yaml": "app: {a: 1}\n", "policies/p.yaml": policies}
    return make_project(tmp_path / "project", files)


@pytest.mark.parametrize("name", WRITERS)
def test_a_command_follows_a_link_and_leaves_the_files_beside_it(project, name):
    file = INDEX if name == "docs" else "x"
    write_files(project, {f"{file}.new": "mine", "real": "<!-- old -->"})
    (project / file).symlink_to("real")
    done = run(*WRITERS[name], cwd=project)
    assert done.code == 0, done
    assert (project / f"{file}.new").read_text() == "mine"
    assert (project / file).is_symlink()
    assert len((project / "real").read_text()) > 20
    assert not list(project.glob(".weft-*"))


def test_a_settings_file_that_leads_out_of_the_project_is_refused(project):
    write_files(project.parent, {"outside": "{}"})
    write_files(project, {".vscode/settings.json.weft-new": "mine"})
    (project / ".vscode/settings.json").symlink_to("../../outside")
    done = run("ide", cwd=project)
    assert done.code == 1
    assert "outside-project" in done.err + done.out
    assert (project.parent / "outside").read_text() == "{}"
    (project / ".vscode/settings.json").unlink()
    assert run("ide", cwd=project).code == 0
    assert (project / ".vscode/settings.json.weft-new").read_text() == "mine"


def test_a_config_map_is_written_through_a_link(tmp_path):
    (tmp_path / "x").symlink_to("real")
    manager = ConfigMapManager(environment="production")
    assert manager.export_to_yaml(manager.create_database_config(), tmp_path / "x") == tmp_path / "x"
    assert names(tmp_path) == ["real", "x"]
    with pytest.raises(CannotRun):
        manager.export_to_yaml([], tmp_path / "n\0ul")


def test_several_files_change_together(tmp_path):
    write_files(tmp_path, {"a": b"1"})
    replace_files({tmp_path / "a": (b"1", b"2"), tmp_path / "new" / "b": (None, b"3")}, tmp_path)
    assert [(tmp_path / name).read_bytes() for name in ("a", "new/b")] == [b"2", b"3"]


@pytest.mark.parametrize(
    "last",
    [
        {"c": (b"other", b"2")},
        {"c": (None, b"2")},
        {"c/x": (None, b"2")},
        {"d": (b"1", b"2")},
        {"folder": (None, b"2")},
    ],
)
def test_either_all_files_change_or_none(tmp_path, last):
    write_files(tmp_path, {"a": b"1", "c": b"1", "folder/x": b"1"})
    changes = {"a": (b"1", b"2"), "new/deep/b": (None, b"3"), **last}
    with pytest.raises(CannotRun):
        replace_files({tmp_path / name: change for name, change in changes.items()}, tmp_path)
    assert names(tmp_path) == ["a", "c", "folder"]
    assert (tmp_path / "a").read_bytes() == b"1"


def test_what_was_written_is_undone_when_a_later_file_fails(tmp_path, monkeypatch):
    write_files(tmp_path, {"a": b"1", "z": b"1"})
    real = atomic.replace_file

    def failing(path, content, **options):
        if path.name == "z":
            raise CannotRun(atomic.cannot_write(path, OSError(28, "No space left on device")))
        real(path, content, **options)

    monkeypatch.setattr(atomic, "replace_file", failing)
    changes = {"a": (b"1", b"2"), "new/deep/b": (None, b"3"), "z": (b"1", b"2")}
    with pytest.raises(CannotRun, match="no space left"):
        replace_files({tmp_path / name: change for name, change in changes.items()}, tmp_path)
    assert (names(tmp_path), (tmp_path / "a").read_bytes()) == (["a", "z"], b"1")
