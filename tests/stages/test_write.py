"""Writing: at every moment each file is the old one or the new one, and nothing that is not ours is touched."""

import contextlib
import errno
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import threading
import types
from pathlib import Path

import pytest

from rounds import share
from run import run
from scratch import make_project, write_files
from weft import CannotRun, WeftError
from weft.stages import write as stage
from weft.stages.write import RECORD, Changes, File, write
from weft.stages.write.replacing import Replacing

OLD = {
    "a.yaml": "old a\n",
    "dev/b.yaml": "old b\n",
    "dev/c.yaml": "same\n",
    "dev/gone/d.yaml": "old d\n",
    "dev/e.yaml": "old e\n",
}
NEW = {"a.yaml": "new a\n", "dev/b.yaml": "new b\n", "dev/c.yaml": "same\n", "prod/f.yaml": "new f\n", "dev/e.yaml": ""}


def files_of(texts, target="t"):
    return [File.of(path, text, target) for path, text in texts.items()]


def put(root, texts, **options):
    return write(root, files_of(texts), lambda _: True, **options)


def tree(root):
    """Every file below a folder with its text, the record apart; folders that hold nothing count too."""
    found = {}
    for path in sorted(Path(root).rglob("*")):
        if path.is_file():
            found[path.relative_to(root).as_posix()] = path.read_text()
        elif not any(path.iterdir()):
            found[path.relative_to(root).as_posix() + "/"] = None
    found.pop(RECORD, None)
    return found


@pytest.fixture
def root(tmp_path):
    return tmp_path / "build"


def test_files_are_created_updated_kept_and_removed(root):
    assert put(root, OLD) == Changes(tuple(sorted(OLD)), (), (), 0)
    assert tree(root) == OLD
    assert put(root, NEW) == Changes(("prod/f.yaml",), ("a.yaml", "dev/b.yaml", "dev/e.yaml"), ("dev/gone/d.yaml",), 1)
    assert tree(root) == NEW
    assert not put(root, NEW)
    assert tree(root) == NEW


def test_the_output_folder_is_made_however_deep_it_lies(root):
    for _ in range(2):
        put(root / "a/b", OLD)
        assert tree(root / "a/b") == OLD


def test_a_file_is_in_the_record_while_weft_changes_or_removes_it(root, monkeypatch):
    """So whenever the process dies, every file of Weft's is known."""
    put(root, OLD)
    changed = {}

    def watched(call):
        def recorded(path, *target, **options):
            names = [Path(each).relative_to(root).as_posix() for each in (path, *target)]
            for name in names if call.__name__ != "rename" else names[:1]:
                if name == RECORD or not name.startswith(".weft-"):  # else it is where old and new files wait
                    changed[name] = name in json.loads((root / RECORD).read_text())["files"]
            return call(path, *target, **options)

        return recorded

    for call in ("replace", "unlink", "rename"):
        monkeypatch.setattr(os, call, watched(getattr(os, call)))
    put(root, NEW)
    assert changed.pop(RECORD) is False
    assert changed == dict.fromkeys(["a.yaml", "dev/b.yaml", "prod/f.yaml", "dev/e.yaml", "dev/gone/d.yaml"], True)


def test_the_record_is_what_every_weft_of_this_version_can_read(root):
    put(root, {"b": "x", "a": "y"}, project="shop")
    assert json.loads((root / RECORD).read_text()) == {"version": 1, "project": "shop", "files": {"a": "t", "b": "t"}}


def test_where_folders_cannot_be_locked_they_are_written_all_the_same(root, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(stage, "os", types.SimpleNamespace(name="nt"))
        with stage._locked(root, wait=0):
            patch.undo()
            root.mkdir(exist_ok=True)
            (root / "x").write_text("x")
    assert tree(root) == {"x": "x"}


def test_what_did_not_change_keeps_its_time_and_its_file(root):
    put(root, OLD)
    os.utime(root / "dev/c.yaml", (1, 1))
    before = (root / "dev/c.yaml").stat()
    put(root, NEW)
    after = (root / "dev/c.yaml").stat()
    assert (after.st_mtime, after.st_ino) == (1, before.st_ino)


def test_a_run_that_changes_nothing_touches_nothing(root):
    put(root, OLD)
    for path in (root, *root.rglob("*")):
        os.utime(path, (1, 1))
    put(root, OLD)
    assert {path.stat().st_mtime for path in (root, *root.rglob("*"))} == {1}


def test_a_text_is_written_as_it_is(root):
    texts = {"x": "a\r\nb\n\n", "y": "\ufeffé😀", "z": "\x00\x01"}
    put(root, texts)
    assert {name: (root / name).read_bytes() for name in texts} == {name: text.encode() for name, text in texts.items()}


def test_files_that_hold_secrets_are_for_their_owner_alone(root):
    write(root, [File.of("open", "x", "t"), File.of("secret", "x", "t", private=True)], lambda _: True)
    assert (root / "secret").stat().st_mode & 0o777 == 0o600
    assert (root / "open").stat().st_mode & 0o044
    write(root, [File.of("secret", "y", "t", private=True)], lambda _: True)
    assert (root / "secret").stat().st_mode & 0o777 == 0o600


def test_a_secret_is_for_its_owner_alone_before_it_has_its_place(root):
    root.mkdir()
    with Replacing(root, durable=False) as replacing:
        for private in (False, True):
            replacing.stage("x", "x", private=private)
        (staging,) = root.iterdir()
        public, private = (path.stat().st_mode & 0o777 for path in sorted(staging.iterdir()))
        assert staging.stat().st_mode & 0o777 == 0o700
    assert private == 0o600
    assert public & 0o044


def test_a_file_that_becomes_a_secret_is_closed(root):
    write(root, [File.of("x", "x", "t")], lambda _: True)
    write(root, [File.of("x", "x", "t", private=True)], lambda _: True)
    assert (root / "x").stat().st_mode & 0o777 == 0o600


def test_foreign_files_are_neither_removed_nor_counted(root):
    put(root, OLD)
    write_files(root, {"dev/gone/mine.txt": "mine", "mine.yaml": "mine"})
    put(root, NEW)
    assert tree(root) == {**NEW, "dev/gone/mine.txt": "mine", "mine.yaml": "mine"}


def test_a_foreign_file_in_the_way_is_refused_and_nothing_is_written(root):
    put(root, OLD)
    write_files(root, {"prod/f.yaml": "mine"})
    with pytest.raises(WeftError) as caught:
        put(root, NEW)
    assert [problem.code for problem in caught.value.problems] == ["not-ours"]
    assert tree(root) == {**OLD, "prod/f.yaml": "mine"}


def test_every_foreign_file_in_the_way_is_told(root):
    write_files(root, {"a.yaml": "mine", "dev/b.yaml": "mine"})
    with pytest.raises(WeftError) as caught:
        put(root, OLD)
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("foreign", ["a.yaml/mine.txt", "dev"])
def test_a_foreign_folder_or_file_in_the_way_is_refused_and_kept(root, foreign):
    write_files(root, {foreign: "mine"})
    with pytest.raises(WeftError):
        put(root, OLD)
    assert (root / foreign).read_text() == "mine"


def test_a_file_that_somebody_changed_is_written_again(root):
    put(root, OLD)
    (root / "a.yaml").write_text("edited")
    assert put(root, OLD).updated == ("a.yaml",)


def test_a_file_that_somebody_removed_is_written_again(root):
    put(root, OLD)
    shutil.rmtree(root / "dev")
    assert put(root, OLD).created == ("dev/b.yaml", "dev/c.yaml", "dev/e.yaml", "dev/gone/d.yaml")
    assert tree(root) == OLD


def test_a_stale_file_that_somebody_removed_is_no_change(root):
    put(root, OLD)
    shutil.rmtree(root / "dev/gone")
    assert put(root, {path: text for path, text in OLD.items() if "gone" not in path}).removed == ()
    assert json.loads((root / RECORD).read_text())["files"].keys() == OLD.keys() - {"dev/gone/d.yaml"}


def test_a_part_removes_only_what_belongs_to_its_targets(root):
    every = files_of({"dev/x": "x", "dev/y": "y"}, "dev") + files_of({"prod/x": "x", "prod/y": "y"}, "prod")
    write(root, every, lambda _: True)
    changes = write(root, files_of({"dev/x": "x"}, "dev"), lambda target: target == "dev")
    assert changes.removed == ("dev/y",)
    assert sorted(tree(root)) == ["dev/x", "prod/x", "prod/y"]
    write(root, files_of({"prod/x": "x"}, "prod"), lambda target: target == "prod")
    assert sorted(tree(root)) == ["dev/x", "prod/x"]


def test_nothing_wanted_leaves_nothing_of_ours(root):
    put(root, OLD)
    write_files(root, {"mine": "mine"})
    put(root, {})
    assert tree(root) == {"mine": "mine"}


@pytest.mark.parametrize(("before", "after"), [("x", "x/y"), ("x/y", "x"), ("x/y/z", "x"), ("x", "x/y/z")])
def test_a_file_may_become_a_folder_and_the_reverse(root, before, after):
    put(root, {before: "old"})
    put(root, {after: "new"})
    assert tree(root) == {after: "new"}


def test_a_dry_run_says_the_same_and_writes_nothing(root):
    assert put(root, OLD, dry_run=True).created == tuple(sorted(OLD))
    assert not root.exists()
    put(root, OLD)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    dry = put(root, NEW, dry_run=True)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before
    assert dry == put(root, NEW)


# --- links


@pytest.fixture
def outside(tmp_path):
    return write_files(tmp_path / "outside", {"b.yaml": "foreign", "gone/d.yaml": "foreign", "x": "foreign"})


@pytest.mark.parametrize("texts", [OLD, NEW, {}, {"dev/new.yaml": "new"}], ids=["same", "changed", "none", "another"])
def test_a_folder_that_became_a_link_is_not_followed(root, outside, texts):
    put(root, OLD)
    shutil.rmtree(root / "dev")
    (root / "dev").symlink_to(outside)
    with contextlib.suppress(WeftError):
        put(root, texts)
    assert tree(outside) == {"b.yaml": "foreign", "gone/d.yaml": "foreign", "x": "foreign"}


@pytest.mark.parametrize("name", ["a.yaml", RECORD, ".weft-new", ".weft.json.new", f"{RECORD}.new"])
def test_a_file_that_became_a_link_is_replaced_or_refused_but_not_written_through(root, outside, name):
    put(root, OLD)
    (root / name).unlink(missing_ok=True)
    (root / name).symlink_to(outside / "x" if name != ".weft-new" else outside)
    with contextlib.suppress(WeftError):
        put(root, NEW)
    assert tree(outside) == {"b.yaml": "foreign", "gone/d.yaml": "foreign", "x": "foreign"}


def test_a_stale_file_that_became_a_link_takes_only_the_link_with_it(root, outside):
    put(root, OLD)
    (root / "dev/gone/d.yaml").unlink()
    (root / "dev/gone/d.yaml").symlink_to(outside / "x")
    put(root, NEW)
    assert tree(root) == NEW
    assert (outside / "x").read_text() == "foreign"


@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "foreign"])
@pytest.mark.parametrize("private", [True, False], ids=["secret", "open"])
@pytest.mark.parametrize("text", ["same", "other"])
def test_a_link_in_the_place_of_an_output_is_refused_and_its_file_stays_as_it_is(
    root, outside, recorded, private, text
):
    if recorded:
        write(root, [File.of("a", text, "t")], lambda _: True)
        (root / "a").unlink()
    root.mkdir(exist_ok=True)
    write_files(outside, {"a": "same"})
    (outside / "a").chmod(0o644)
    (root / "a").symlink_to(outside / "a")
    with pytest.raises(WeftError) as refused:
        write(root, [File.of("a", text, "t", private=private)], lambda _: True)
    assert [problem.code for problem in refused.value.problems] == ["not-ours"]
    assert ((outside / "a").read_text(), (outside / "a").stat().st_mode & 0o777) == ("same", 0o644)


@pytest.mark.parametrize("name", ["a.yaml", "dev", RECORD])
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_pipe_in_the_way_is_refused_and_not_waited_for(root, name, dry_run):
    root.mkdir()
    os.mkfifo(root / name)
    with pytest.raises(WeftError) as refused:
        put(root, OLD, dry_run=dry_run)
    assert {problem.code for problem in refused.value.problems} <= {"not-ours", "bad-record"}
    assert (root / name).is_fifo()


def test_the_output_folder_itself_may_be_a_link(root, tmp_path):
    (tmp_path / "real").mkdir()
    root.symlink_to(tmp_path / "real")
    put(root, OLD)
    put(root, NEW)
    assert tree(tmp_path / "real") == NEW


# --- what the environment refuses


@pytest.mark.parametrize("where", ["file", "file/below", "loop", "/proc/weft", "/dev/null/x"])
def test_a_folder_that_cannot_be_is_told(tmp_path, where):
    write_files(tmp_path, {"file": "mine"})
    (tmp_path / "loop").symlink_to("loop")
    for dry_run in (False, True) if not where.startswith("/") else (False,):
        with contextlib.suppress(CannotRun):
            put(tmp_path / where, OLD, dry_run=dry_run)
            assert dry_run, "it was written"
    assert (tmp_path / "file").read_text() == "mine"


@pytest.fixture
def plain_user():
    """Not being root, who may write everywhere."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)


def test_a_folder_without_permission_is_told(plain_user):
    with tempfile.TemporaryDirectory() as folder:  # `tmp_path` is in a folder of root's
        root = Path(folder, "out")
        put(root, OLD)
        (root / "dev").chmod(0o500)
        try:
            with pytest.raises(CannotRun):
                put(root, NEW)
        finally:
            (root / "dev").chmod(0o700)
        put(root, NEW)
        assert tree(root) == NEW


def test_a_link_to_nowhere_that_is_not_ours_is_in_the_way(root, tmp_path):
    root.mkdir()
    (root / "a.yaml").symlink_to(tmp_path / "nowhere")
    with pytest.raises(WeftError) as told:
        put(root, OLD)
    assert [problem.code for problem in told.value.problems] == ["not-ours"]
    assert (root / "a.yaml").is_symlink()


def test_the_outputs_of_two_projects_do_not_share_a_folder(root):
    write(root, [File.of("a", "x", "t")], lambda _: True, project="one")
    with pytest.raises(CannotRun) as told:
        write(root, [File.of("b", "y", "t")], lambda _: True, project="two")
    assert [problem.code for problem in told.value.problems] == ["other-project"]
    assert tree(root) == {"a": "x"}
    write(root, [File.of("b", "y", "t")], lambda _: True, project="one")
    assert tree(root) == {"b": "y"}


def test_a_file_of_another_target_that_still_exists_is_not_overwritten(root):
    write(root, [File.of("a", "x", "dev")], lambda name: name == "dev")
    with pytest.raises(WeftError) as told:
        write(root, [File.of("a", "y", "prod")], lambda name: name == "prod")
    assert [problem.code for problem in told.value.problems] == ["same-path"]
    write(root, [File.of("a", "y", "prod")], lambda name: name in ("dev", "prod"))
    assert tree(root) == {"a": "y"}


def test_a_link_between_two_folders_of_the_output_is_refused(root):
    (root / "dev").mkdir(parents=True)
    (root / "prod").symlink_to("dev")
    with pytest.raises(WeftError):
        put(root, {"dev/a": "1", "prod/a": "2"})
    assert tree(root / "dev") == {}


@pytest.mark.parametrize("there", ["a.yaml/x", "dev"])
def test_what_is_in_the_way_is_told_before_anything_is_written(root, there):
    write_files(root, {there: "mine"})
    for dry_run in (True, False):
        with pytest.raises(WeftError) as told:
            put(root, OLD, dry_run=dry_run)
        assert {problem.code for problem in told.value.problems} == {"not-ours"}
    assert tree(root) == {there: "mine"}


def test_folders_that_a_killed_run_left_empty_are_removed(root):
    put(root, {"a/b/c.yaml": "x", "d.yaml": "y"})
    (root / "a/b/c.yaml").unlink()
    (root / "a/b").rmdir()
    put(root, {"d.yaml": "y"})
    assert not (root / "a").exists()


BAD_RECORDS = {
    "not json": "{",
    "a list": "[]",
    "nothing": "",
    "another version": '{"version": 99, "files": {}}',
    "no files": '{"version": 1}',
    "files are a list": '{"version": 1, "files": ["a"]}',
    "not text": b"\xff\xfe",
    "nested without end": "[" * 100_000,
}


@pytest.mark.parametrize("content", BAD_RECORDS.values(), ids=BAD_RECORDS)
def test_a_record_that_is_not_ours_stops_the_run(root, content):
    write_files(root, {RECORD: content, "a.yaml": "mine"})
    with pytest.raises(CannotRun) as caught:
        put(root, OLD)
    assert [problem.code for problem in caught.value.problems] == ["bad-record"]
    assert (root / "a.yaml").read_text() == "mine"
    assert sorted(path.name for path in root.iterdir()) == sorted([RECORD, "a.yaml"])


@pytest.mark.parametrize(
    "path", ["../outside/x", "/etc/hostname", "dev/../../outside/x", "", ".", "dev", "n\0ul", RECORD]
)
def test_a_record_that_names_what_cannot_be_ours_is_no_reason_to_remove_it(root, outside, path):
    put(root, OLD)
    record = json.loads((root / RECORD).read_text())
    record["files"][path] = "t"
    (root / RECORD).write_text(json.dumps(record))
    with contextlib.suppress(WeftError):
        put(root, NEW)
    assert (outside / "x").read_text() == "foreign"
    assert (root / "dev").is_dir()
    assert Path("/etc/hostname").exists() or path != "/etc/hostname"


def test_two_processes_do_not_write_into_one_folder(root):
    put(root, OLD)
    handle = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(CannotRun) as caught:
            put(root, NEW)
        assert [problem.code for problem in caught.value.problems] == ["busy"]
        assert tree(root) == OLD
        assert put(root, NEW, dry_run=True).updated, "to look needs no lock"
    finally:
        os.close(handle)
    put(root, NEW)
    assert tree(root) == NEW


CALLS = ("replace", "rename", "unlink", "rmdir", "mkdir", "chmod", "link", "fsync")


def each_call_fails(patch, fail_at):
    """Let change number n of the file system fail, a write after its first half."""
    count = 0

    def counted():
        nonlocal count
        count += 1
        return count == fail_at

    def wrap(original):
        def call(*args, **options):
            if counted():
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(args[0]))
            return original(*args, **options)

        return call

    write_whole = os.write

    def write_half(handle, data):
        if counted():
            write_whole(handle, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write_whole(handle, data)

    for name in set(CALLS) - {"rmdir"}:  # an empty folder that stays does no harm
        patch.setattr(os, name, wrap(getattr(os, name)))
    patch.setattr(os, "write", write_half)
    return lambda: count


def test_a_disk_that_fills_up_at_any_moment_leaves_all_files_old_or_all_new(tmp_path, monkeypatch):
    for moment in range(1, 200):
        root = tmp_path / str(moment)
        put(root, OLD)
        with monkeypatch.context() as patch:
            calls = each_call_fails(patch, moment)
            with contextlib.suppress(CannotRun):
                put(root, NEW)
            done = calls() < moment
        assert without_staging(root) in (OLD, NEW), moment
        assert json.loads((root / RECORD).read_text())["files"].keys() in (OLD.keys(), NEW.keys())
        put(root, NEW)
        assert tree(root) == NEW
        if done:
            break
    assert 20 < moment < 199, "every moment was tried"


@pytest.mark.parametrize("call", ["write", "replace"])
def test_what_refuses_is_named_and_not_what_was_staged_for_it(root, monkeypatch, call):
    def fail(*names):
        raise OSError(errno.EACCES, "Permission denied", *(str(name) for name in names if call == "replace"))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(CannotRun, match=f"^{root}/(a.yaml|{RECORD}): permission denied"):
        put(root, {"a.yaml": "x"})


def without_staging(root):
    """The files of a folder, less a staging folder that could not be removed."""
    return {path: text for path, text in tree(root).items() if not path.startswith(".weft-")}


def check_old_or_new(root):
    for path, text in tree(root).items():
        if not path.startswith(".weft"):
            assert text in (OLD.get(path), NEW.get(path)), path
    for path in OLD.keys() & NEW.keys():
        assert (root / path).is_file()


# --- killed


CRASH = """
import os, shutil, sys
from pathlib import Path
from weft.stages.write import File, write

old, new, folder = {old!r}, {new!r}, Path({folder!r})

def put(root, texts):
    write(root, [File.of(path, text, "t") for path, text in texts.items()], lambda _: True)

def die_at(moment):
    count = 0
    def counted(original):
        def call(*args, **options):
            nonlocal count
            count += 1
            if count == moment:
                os._exit(9)
            return original(*args, **options)
        return call
    for name in {calls!r} + ("open", "write", "close"):
        setattr(os, name, counted(getattr(os, name)))

put(folder / "before", old)
for moment in range(1, 300):
    root = folder / str(moment)
    shutil.copytree(folder / "before", root)
    child = os.fork()
    if not child:
        die_at(moment)
        put(root, new)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        break
"""


@pytest.mark.parametrize("back", [False, True], ids=["then again", "then back"])
def test_killed_at_any_moment_every_file_is_old_or_new_and_the_next_run_repairs_all(tmp_path, back):
    code = textwrap.dedent(CRASH).format(old=OLD, new=NEW, folder=str(tmp_path), calls=CALLS)
    subprocess.run([sys.executable, "-c", code], check=True)
    moments = [root for root in tmp_path.iterdir() if root.name != "before"]
    assert len(moments) > 10
    for root in moments:
        check_old_or_new(root)
        put(root, OLD if back else NEW)
        assert tree(root) == (OLD if back else NEW), root.name


KILLED = """
import os, random, signal, sys, time
from pathlib import Path
from weft.stages.write import File, write

root, rounds, files = Path(sys.argv[1]), int(sys.argv[2]), 150

def texts(generation):
    return [File.of(f"{number % 7}/{number}.txt", f"{generation} " * 200 + f"{generation}\\n", "t") for number in range(files)]

write(root, texts(0), lambda _: True)
random.seed(sys.argv[3])
for generation in range(1, rounds + 1):
    child = os.fork()
    if not child:
        write(root, texts(generation), lambda _: True)
        os._exit(0)
    time.sleep(random.random() * 0.03)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    for number in range(files):
        words = (root / f"{number % 7}" / f"{number}.txt").read_text().split()
        assert len(words) == 201 and len(set(words)) == 1 and int(words[0]) <= generation, words[:3]
write(root, texts("end"), lambda _: True)
found = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
assert len(found) == files + 1, found
"""


@pytest.mark.soak
def test_killed_again_and_again_nothing_is_ever_torn(tmp_path, chance):
    command = [sys.executable, "-c", KILLED, tmp_path / "build", str(share(250)), str(chance.random())]
    subprocess.run(command, check=True)


# --- the command


SCHEMA = {"properties": {"app": {"type": "object", "properties": {"port": {"type": "integer"}}}}}


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    files = {"schema.json": SCHEMA, "base.yaml": "app: {port: 1}\n", "templates/port.j2": "{{ app.port }}\n"}
    dimensions = {"environment": {"values": ["dev", "prod"]}, "tenant": {"files": "tenants/*.yaml", "optional": True}}
    tenants = {f"tenants/{name}.yaml": "app: {port: 2}\n" for name in ("acme", "zen")}
    outputs = [{"template": "port.j2", "path": "{environment}/{tenant}/port"}]
    return make_project(
        folder, files | tenants, layers=["base", "tenants/{tenant}"], dimensions=dimensions, outputs=outputs
    )


ALL = [f"{environment}/{tenant}port" for environment in ("dev", "prod") for tenant in ("", "acme/", "zen/")]


def test_check_writes_nothing_and_says_whether_anything_would_change(project):
    assert run("render", "--check", cwd=project).code == 1
    assert not (project / "build").exists()
    assert run("render", cwd=project).code == 0
    assert run("render", "--check", cwd=project).code == 0
    write_files(project, {"base.yaml": "app: {port: 3}\n"})
    result = run("render", "--check", cwd=project)
    assert result.code == 1
    assert sorted(result.out.split()) == sorted(["update", "dev/port", "update", "prod/port"])
    assert (project / "build/dev/port").read_text() == "1\n"


def test_a_removed_tenant_takes_its_files_with_it(project):
    run("render", cwd=project)
    assert sorted(tree(project / "build")) == sorted(ALL)
    (project / "tenants/zen.yaml").unlink()
    run("render", "dev", cwd=project)
    assert sorted(tree(project / "build")) == sorted(path for path in ALL if "zen" not in path)


def test_a_part_of_the_fleet_leaves_the_rest_alone(project):
    run("render", cwd=project)
    write_files(project, {"base.yaml": "app: {port: 3}\n", "tenants/acme.yaml": "app: {port: 4}\n"})
    run("render", "prod/acme", cwd=project)
    assert tree(project / "build") == {
        path: "4\n" if path == "prod/acme/port" else "2\n" if "/port" in path[5:] else "1\n" for path in ALL
    }


def test_another_output_folder_stands_where_the_command_was_started(project, tmp_path):
    assert run("render", "-o", tmp_path / "elsewhere", cwd=project).code == 0
    assert run("-C", project, "render", "-o", "here", cwd=tmp_path).code == 0
    assert sorted(tree(tmp_path / "elsewhere")) == sorted(ALL)
    assert sorted(tree(project / "here")) == sorted(ALL)
    assert not (project / "build").exists()


def test_a_folder_that_cannot_be_written_ends_with_3(project):
    write_files(project, {"build": "a file"})
    result = run("render", cwd=project)
    assert result.code == 3
    assert "cannot-write" in result.err


def test_nothing_is_written_while_anything_is_wrong(project):
    run("render", cwd=project)
    write_files(project, {"base.yaml": "app: {port: 3}\n", "tenants/zen.yaml": "app: {port: x}\n"})
    assert run("render", cwd=project).code == 1
    assert (project / "build/dev/port").read_text() == "1\n"


def test_what_may_be_lost_does_not_wait_for_the_disk(root, monkeypatch):
    waited = []
    monkeypatch.setattr(os, "fsync", waited.append)
    put(root, OLD, sync=False)
    put(root, NEW, sync=False)
    assert waited == []
    put(root, OLD)
    assert waited
    waited.clear()
    put(root, OLD)
    assert waited == [], "nothing changed"


def test_every_folder_whose_names_changed_waits_for_the_disk(root, monkeypatch):
    put(root, OLD)
    folders = set()

    def record(handle, fsync=os.fsync):
        folders.add(os.path.realpath(f"/dev/fd/{handle}"))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", record)
    put(root, NEW)
    changed = {str(root), f"{root}/dev", f"{root}/prod"}
    assert {folder for folder in folders if Path(folder).is_dir()} == changed


def test_the_record_is_on_the_disk_before_and_after_files_change(root, monkeypatch):
    waited = []

    def record(handle, fsync=os.fsync):
        waited.append((os.path.realpath(f"/dev/fd/{handle}"), sorted(path.name for path in root.rglob("*.yaml"))))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", record)
    put(root, {"a.yaml": "1"})
    folders = [files for name, files in waited if name == str(root)]
    assert folders[0] == [], "the folder of the record is synced before the first file of the output is there"
    assert folders[-1] == ["a.yaml"]


# --- what is not Weft's


@pytest.mark.parametrize("name", [".weft-new", ".weft-0123456789abcdef", ".weft-0123456789abcdef/new-1"])
def test_a_folder_of_a_user_is_not_taken_for_one_that_a_killed_run_left(root, name):
    write_files(root, {f"{name}/mine.txt": "mine"})
    put(root, OLD)
    put(root, NEW)
    assert (root / name / "mine.txt").read_text() == "mine"


def test_what_a_killed_run_left_is_removed(root):
    write_files(root, {".weft-0123456789abcdef/new-1": "x", ".weft-0123456789abcdef/old-2": "x"})
    put(root, OLD)
    assert tree(root) == OLD


BAD_NAMES = [
    "\0",
    "a\nb",
    "\x1b[31m",
    "a" * 256,
    "é" * 128,
    ".git/hooks/post-checkout",
    ".GIT/config",
    "a/.git ",
    "git~1/x",
    "x/",
]


@pytest.mark.parametrize("path", BAD_NAMES)
def test_a_path_that_no_output_may_have_is_refused_when_the_project_is_read(project, path):
    output = {"template": "port.j2", "path": path}
    weft = json.loads((project / "weft.yaml").read_text())
    (project / "weft.yaml").write_text(json.dumps(weft | {"outputs": [output]}))
    told = json.loads(run("validate", "--format", "json", cwd=project).out)["problems"]
    assert [(one["code"] in ("output-reserved", "project-invalid"), one["line"]) for one in told] == [(True, 1)]


@pytest.mark.parametrize(
    ("paths", "code"),
    [(["it", "IT"], "same-path"), (["con.yaml"], "output-path"), (["a/LPT1"], "output-path"), (["a:b"], "output-path"), (["a."], "output-path"),
     (["console.yaml", "nully", "a/b c"], None)],
)  # fmt: skip
def test_a_path_that_other_systems_do_not_have_is_warned_of(project, paths, code):
    weft = json.loads((project / "weft.yaml").read_text())
    outputs = [{"template": "port.j2", "path": "{environment}/{tenant}/" + path} for path in paths]
    (project / "weft.yaml").write_text(json.dumps(weft | {"outputs": outputs}))
    result = run("validate", "--outputs", "--format", "json", cwd=project)
    problems = json.loads(result.out)["problems"]
    assert (result.code, [(one["code"], one["severity"]) for one in problems]) == (
        0,
        [(code, "warning")] if code else [],
    )


def test_a_path_that_its_dimensions_make_unfit_is_refused(project):
    weft = json.loads((project / "weft.yaml").read_text())
    weft["outputs"] = [{"template": "port.j2", "path": "." + "{environment}/hooks"}]
    weft["dimensions"]["environment"]["values"] = ["git", "prod"]
    (project / "weft.yaml").write_text(json.dumps(weft))
    assert "output-reserved" in run("render", cwd=project).err
    assert not (project / "build").exists()


@pytest.mark.parametrize("path", ["a" * 256, "\ud800", ".git/config", "x\n", "./a.yaml", "a//b"])
def test_a_record_that_names_what_no_output_can_be_is_read_without_it(root, path):
    put(root, OLD)
    write_files(root, {".git/config": "mine"})
    record = json.loads((root / RECORD).read_text())
    record["files"][path] = "t"
    (root / RECORD).write_text(json.dumps(record))
    put(root, {})
    assert tree(root) == {".git/config": "mine"}


def test_a_record_that_is_too_big_to_be_one_is_not_read(root):
    root.mkdir()
    with (root / RECORD).open("wb") as file:
        file.truncate(2**40)  # a hole, which takes no space
    with pytest.raises(CannotRun, match="not a record"):
        put(root, OLD)


def test_the_usual_folder_is_not_followed_out_of_the_project(project, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (project / "build").symlink_to("../elsewhere")
    for options in ((), ("-o", "build")):
        result = run("render", *options, cwd=project)
        assert (result.code, "output-outside" in result.err) == (1, True)
    assert not any((tmp_path / "elsewhere").iterdir())
    assert run("render", "-o", tmp_path / "elsewhere", cwd=project).code == 0


# --- all or none


def test_a_folder_that_refuses_is_noticed_before_anything_is_replaced(plain_user):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "out")
        put(root, OLD)
        before = {path: path.stat().st_ino for path in root.rglob("*")}
        (root / "dev").chmod(0o500)
        try:
            with pytest.raises(CannotRun, match=f"^{root}/dev/b.yaml: permission denied; no file was changed"):
                put(root, NEW)
        finally:
            (root / "dev").chmod(0o700)
        assert tree(root) == OLD
        assert {path: path.stat().st_ino for path in root.rglob("*") if path.name != RECORD}.items() <= before.items()


def test_a_folder_of_another_file_system_is_noticed_before_anything_is_replaced(root, monkeypatch):
    put(root, OLD)
    real = Path.stat

    def stat(self, **options):
        found = real(self, **options)
        return os.stat_result((*found[:2], 99, *found[3:10])) if self == root / "dev" else found

    monkeypatch.setattr(Path, "stat", stat)
    with pytest.raises(CannotRun, match=f"^{root}/dev/b.yaml: invalid cross-device link"):
        put(root, NEW)
    monkeypatch.undo()
    assert tree(root) == OLD


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EXDEV, errno.EDQUOT, errno.EACCES, errno.EIO])
def test_what_was_replaced_is_put_back_with_its_permissions_and_its_file(root, monkeypatch, number):
    put(root, OLD)
    (root / "a.yaml").chmod(0o640)
    before = {path: path.stat().st_ino for path in root.rglob("*") if path.is_file()}
    replace = os.replace

    def refuse_the_last(path, target):
        if Path(target) == root / "prod/f.yaml":
            raise OSError(number, os.strerror(number), str(path), str(target))
        return replace(path, target)

    monkeypatch.setattr(os, "replace", refuse_the_last)
    with pytest.raises(CannotRun, match=f"^{root}/prod/f.yaml: "):
        put(root, dict(reversed(NEW.items())) | {"prod/f.yaml": NEW["prod/f.yaml"]})
    monkeypatch.undo()
    assert tree(root) == OLD
    assert {path: path.stat().st_ino for path in root.rglob("*") if path.is_file()} == before
    assert (root / "a.yaml").stat().st_mode & 0o777 == 0o640


def test_without_hard_links_a_copy_is_the_way_back(root, monkeypatch):
    put(root, OLD)
    monkeypatch.setattr(os, "link", lambda *_, **__: (_ for _ in ()).throw(OSError(errno.EPERM, "no")))
    rename = os.rename

    def refuse(path, target):
        if Path(path) == root / "dev/gone/d.yaml":
            raise OSError(errno.EIO, "input/output error", str(path))
        return rename(path, target)

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(CannotRun, match=r"dev/gone/d.yaml: input/output error; no file was changed"):
        put(root, NEW)
    monkeypatch.undo()
    assert tree(root) == OLD


def test_a_disk_that_fails_while_an_old_file_is_kept_ends_it(root, monkeypatch):
    put(root, OLD)
    monkeypatch.setattr(os, "link", lambda *_, **__: (_ for _ in ()).throw(OSError(errno.EIO, "input/output error")))
    with pytest.raises(CannotRun, match="input/output error; no file was changed"):
        put(root, NEW)
    assert tree(root) == OLD


def test_an_interruption_right_after_a_folder_was_removed_brings_it_back(root, monkeypatch):
    put(root, OLD)
    rmdir = os.rmdir

    def interrupted(path, **options):
        rmdir(path, **options)
        if Path(path) == root / "dev/gone":
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "rmdir", interrupted)
    with pytest.raises(KeyboardInterrupt):
        put(root, NEW)
    monkeypatch.undo()
    assert tree(root) == OLD


def test_what_cannot_be_put_back_is_named(root, monkeypatch):
    put(root, OLD)
    replace, broken = os.replace, []

    def break_for_good(path, target):
        if broken or Path(target) == root / "dev/b.yaml":
            broken.append(target)
            raise OSError(errno.EIO, "Input/output error", str(path))
        return replace(path, target)

    monkeypatch.setattr(os, "replace", break_for_good)
    with pytest.raises(
        CannotRun, match=rf"dev/b.yaml: input/output error; these files could not be restored: {root}/a.yaml"
    ):
        put(root, NEW)
    monkeypatch.undo()
    check_old_or_new(root)
    put(root, NEW)
    assert tree(root) == NEW


# --- waiting for another


def test_another_render_is_waited_for(root):
    put(root, OLD)
    handle = os.open(root, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    timer = threading.Timer(0.2, os.close, [handle])
    timer.start()
    assert put(root, NEW, wait=30)
    timer.join()
    assert tree(root) == NEW


def test_it_is_not_waited_for_without_end(root):
    put(root, OLD)
    handle = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(CannotRun, match="another Weft"):
            put(root, NEW, wait=0.1)
    finally:
        os.close(handle)
