"""What is remembered: it is used, it is safe under other processes and damage, and it never prevents a run."""

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_fleet import FILES, cold, fleet, outputs, put, remove

from run import run
from weft.files.signatures import signature
from weft.files.store import Store
from weft.fleet import unchanged
from weft.fleet import written as written_folder
from weft.fleet.written import Written
from weft.project import project as opened
from weft.project.target import Target

WEFT = [sys.executable, "-m", "weft"]
SOURCE = Path(written_folder.__file__).parents[2]


@pytest.fixture
def folder(tmp_path):
    return fleet(tmp_path / "project")


@pytest.fixture
def made(monkeypatch):
    """The names of the targets that are rendered."""
    names = []
    result = Target.result
    monkeypatch.setattr(Target, "result", lambda target: names.append(target.name) or result(target))
    return names


def settled(folder):
    """Render, and wait until the times of all files can be trusted."""
    assert run("render", cwd=folder).code == 0
    time.sleep(0.05)
    assert run("render", cwd=folder).code == 0


@pytest.mark.parametrize(
    "words",
    [["render"], ["render", "dev"], ["render", "--check"], ["validate"], ["validate", "--set", "app.size=9"]],
    ids=" ".join,
)
def test_a_run_in_which_nothing_has_changed_does_not_open_the_project(folder, words, monkeypatch):
    settled(folder)
    first = run(*words, cwd=folder)
    monkeypatch.setattr(opened, "open_project", None)
    again = run(*words, cwd=folder)
    assert (again.code, again.out) == (first.code, first.out) == (0, "")


def test_after_a_change_of_one_tenant_only_its_targets_are_made(folder, made):
    settled(folder)
    made.clear()
    put(folder / "overlays/tenants/a.yaml", "app: {size: 8}\n")
    result = run("render", cwd=folder)
    assert "2 written" in result.err
    assert sorted(made) == ["dev/a", "prod/a"]


def test_a_change_back_needs_nothing_to_be_made(folder, made):
    settled(folder)
    put(folder / "overlays/base/app.yaml", "app: {name: other}\n")
    settled(folder)
    made.clear()
    put(folder / "overlays/base/app.yaml", FILES["overlays/base/app.yaml"])
    assert "8 written" in run("render", cwd=folder).err
    assert made == []


def test_validate_and_render_share_what_they_find(folder, made):
    assert run("validate", cwd=folder).code == 0
    made.clear()
    assert "8 written" in run("render", cwd=folder).err
    assert made == []


def test_a_copy_of_the_project_with_its_store_makes_nothing_again(folder, made, tmp_path):
    settled(folder)
    made.clear()
    shutil.copytree(folder, tmp_path / "clone", ignore=shutil.ignore_patterns("build"))
    assert "8 written" in run("render", cwd=tmp_path / "clone").err
    assert made == []
    assert outputs(tmp_path / "clone/build") == outputs(folder / "build")


def test_an_output_that_somebody_edited_is_written_again(folder):
    settled(folder)
    path = folder / "build/dev/a/app.yaml"
    before = path.read_bytes()
    path.write_bytes(before[::-1])
    assert run("render", "--check", cwd=folder).out == "update dev/a/app.yaml\n"
    assert "1 written" in run("render", cwd=folder).err
    assert path.read_bytes() == before


def test_a_folder_of_outputs_that_became_a_link_is_refused(folder):
    settled(folder)
    shutil.move(folder / "build/dev", folder / "elsewhere")
    (folder / "build/dev").symlink_to(folder / "elsewhere")
    result = run("render", cwd=folder)
    assert (result.code, "is a symbolic link" in result.err) == (1, True)


def test_without_a_cache_nothing_is_left(folder):
    assert run("render", "--no-cache", cwd=folder).code == 0
    assert run("validate", cwd=folder, env={"WEFT_NO_CACHE": "1"}).code == 0
    assert not (folder / ".weft_cache").exists()


@pytest.mark.skipif(os.geteuid() == 0 and not hasattr(os, "fork"), reason="nothing is read-only here")
@pytest.mark.parametrize("there", ["a file", "a folder without a file"])
def test_a_store_that_cannot_be_used_is_not_in_the_way(folder, there):
    put(folder / ".weft_cache", "a file") if there == "a file" else (folder / ".weft_cache/results.sqlite").mkdir(
        parents=True
    )
    assert "8 written" in run("render", cwd=folder).err
    assert outputs(folder / "build") == cold(folder)[0]


@pytest.mark.soak(few=3)
@pytest.mark.parametrize("seed", range(30))
def test_a_damaged_store_is_made_again(folder, seed, chance):
    settled(folder)
    file = folder / ".weft_cache/results.sqlite"
    run("cache", "stat", cwd=folder)  # which closes the file
    content = bytearray(file.read_bytes())
    random_ = random.Random(f"{seed} {chance.random()}")
    for _ in range(random_.choice((1, 20, 400))):
        content[random_.randrange(len(content))] = random_.randrange(256)
    file.write_bytes(content[: random_.choice((None, None, random_.randrange(len(content))))])
    remove(folder / "build")
    put(folder / "overlays/tenants/a.yaml", "app: {size: 8}\n")
    for _ in range(2):
        assert run("render", cwd=folder).code == 0
        assert outputs(folder / "build") == cold(folder)[0]


def test_results_of_another_python_are_not_used(folder, made, monkeypatch):
    settled(folder)
    made.clear()
    monkeypatch.setattr("sys.version", "another")
    assert run("render", cwd=folder).code == 0
    assert len(made) == 8


@pytest.mark.programs("python3")
def test_several_processes_may_render_at_a_time(folder):
    commands = [["render", "-o", f"out{number}"] for number in range(3)] + [["validate"]]
    for size in (11, 12):
        put(folder / "overlays/tenants/a.yaml", f"app: {{size: {size}}}\n")
        started = [
            subprocess.Popen([*WEFT, *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            for words in commands
        ]
        said = [process.communicate(timeout=120)[0] for process in started]
        assert [process.returncode for process in started] == [0] * len(started), said
        for number in range(3):
            assert outputs(folder / f"out{number}") == cold(folder)[0]


@pytest.mark.programs("python3")
@pytest.mark.soak(few=2)
@pytest.mark.parametrize("after", [0.05, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
def test_a_killed_run_leaves_nothing_that_misleads_the_next_one(folder, after):
    for number in range(60):
        put(folder / f"overlays/tenants/t{number}.yaml", f"app: {{size: {number % 80 + 1}}}\n")
    process = subprocess.Popen(
        [*WEFT, "render", "--jobs", "2"], cwd=folder, stderr=subprocess.DEVNULL, start_new_session=True
    )
    time.sleep(after)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    put(folder / "overlays/tenants/t7.yaml", "app: {size: 77}\n")
    assert run("render", cwd=folder).code == 0
    assert outputs(folder / "build") == cold(folder)[0]


@pytest.mark.programs("python3")
def test_several_processes_make_what_one_makes(folder, monkeypatch):
    for number in range(100):
        put(folder / f"overlays/tenants/t{number}.yaml", f"app: {{size: {number % 80 + 1}}}\n")
    monkeypatch.setattr("weft.fleet.remembering.CHUNK", 4)
    monkeypatch.setattr("weft.fleet.workers.CHUNK", 4)
    assert run("render", "--jobs", "3", "-o", "many", "--no-cache", cwd=folder).code == 0
    assert run("render", "--jobs", "1", "-o", "one", "--no-cache", cwd=folder).code == 0
    assert outputs(folder / "many") == outputs(folder / "one") == cold(folder)[0]


def test_old_results_are_removed(folder, monkeypatch):
    monkeypatch.setattr("weft.fleet.memory._FEW", 0)
    monkeypatch.setattr("weft.fleet.memory._MANY", 2)
    sizes = []
    for size in range(1, 12):
        put(folder / "overlays/base/app.yaml", f"app: {{name: n{size}}}\n")
        assert run("render", cwd=folder).code == 0
        sizes.append(Store(folder / ".weft_cache").sizes()["result"][0])
    assert max(sizes) <= 8 * 3 + 8
    assert outputs(folder / "build") == cold(folder)[0]


def test_the_cache_can_be_looked_at_and_removed(folder):
    assert "0 kB on the disk" in run("cache", "stat", cwd=folder).out
    settled(folder)
    shown = run("cache", "stat", cwd=folder).out
    assert "results of targets: 8" in shown
    assert [line.partition(":")[0] for line in shown.splitlines()[1:]] == [
        "results of targets", "runs", "texts of targets", "output folders"
    ]  # fmt: skip
    assert "removed" in run("cache", "clear", cwd=folder).err
    assert not (folder / ".weft_cache").exists()
    assert "nothing to remove" in run("cache", "clear", cwd=folder).err


@pytest.mark.parametrize("words", [["config", "dev/a"], ["explain", "dev/a", "app.size"], ["targets"]], ids=" ".join)
def test_an_answer_is_given_again_until_something_changes(folder, words, monkeypatch):
    first = run(*words, cwd=folder)
    assert first.code == 0
    time.sleep(0.05)
    run(*words, cwd=folder)
    put(folder / "overlays/tenants/a.yaml", "app: {size: 44}\n")
    put(folder / "overlays/tenants/new.yaml", "app: {size: 45}\n")
    second = run(*words, cwd=folder)
    assert second.out != first.out
    with monkeypatch.context() as patch:
        patch.setattr(opened, "open_project", None)
        patch.setattr(opened, "load_project", None)
        assert run(*words, cwd=folder) == second
    remove(folder / "overlays/tenants/new.yaml")
    put(folder / "overlays/tenants/a.yaml", FILES["overlays/tenants/a.yaml"])
    assert run(*words, cwd=folder) == first


def test_an_output_that_is_edited_while_others_are_written_is_written_again(folder, monkeypatch):
    """By somebody who is faster than Weft: between the plan and the end."""
    settled(folder)
    before = (folder / "build/dev/a/app.yaml").read_bytes()
    put(folder / "overlays/tenants/b.yaml", "app: {size: 8}\n")
    note = Written.note

    def edited(written, changes, *rest):
        put(folder / "build/dev/a/app.yaml", "by hand")  # kept by this run
        put(folder / "build/dev/b/app.yaml", "by hand")  # written by this run
        note(written, changes, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(Written, "note", edited)
        assert "2 written" in run("render", cwd=folder).err
    assert "2 written" in run("render", cwd=folder).err
    assert (folder / "build/dev/a/app.yaml").read_bytes() == before
    assert outputs(folder / "build") == cold(folder)[0]


def test_a_private_output_that_others_may_read_is_made_private_again(folder):
    path = folder / "weft.yaml"
    path.write_text(path.read_text("utf-8").replace('note.txt", ', 'note.txt", secrets: true, '), "utf-8")
    put(folder / "overlays/base/noted.yaml", "app: {noted: true}\n")
    settled(folder)
    note = folder / "build/dev/a/note.txt"
    assert note.stat().st_mode & 0o777 == 0o600
    note.chmod(0o644)
    assert run("render", cwd=folder).code == 0
    assert note.stat().st_mode & 0o777 == 0o600


def test_after_one_target_is_rendered_the_others_are_still_known(folder, monkeypatch):
    settled(folder)
    assert run("render", "dev/a", cwd=folder).code == 0
    read = []
    looked = written_folder.look_at
    monkeypatch.setattr(written_folder, "look_at", lambda path: read.append(path) or looked(path))
    assert run("render", cwd=folder).code == 0
    assert [path for path in read if not path.endswith(".weft-record")] == []


CHECK = """
from weft.base.problems import Problem, Severity
def check(output):
    yield Problem("heavy", "{message}", Severity.WARNING)
    output.notes.append({note})
"""


def plugin(place, message, note="1"):
    """A package with a check that is found by its entry point."""
    put(place / "heavy_check.py", CHECK.format(message=message, note=note))
    put(place / "heavy-1.0.dist-info/METADATA", "Name: heavy\nVersion: 1.0\n")
    put(place / "heavy-1.0.dist-info/entry_points.txt", "[weft.checks]\nheavy = heavy_check\n")


def weft(folder, place, *words):
    """A process of its own, which finds the package."""
    return subprocess.run(
        [*WEFT, *words], cwd=folder, env={**os.environ, "PYTHONPATH": f"{place}:{SOURCE}"}, capture_output=True, text=True, check=False
    ).stderr  # fmt: skip


@pytest.mark.programs("python3")
def test_a_changed_check_of_another_package_is_noticed(folder, tmp_path):
    path = folder / "weft.yaml"
    path.write_text(path.read_text("utf-8").replace("check: kubernetes", "check: [kubernetes, heavy]"), "utf-8")
    plugin(tmp_path / "one", "it is heavy")
    assert "it is heavy" in weft(folder, tmp_path / "one", "render")
    assert "it is heavy" in weft(folder, tmp_path / "one", "render")
    plugin(tmp_path / "one", "it is much lighter")
    assert "it is much lighter" in weft(folder, tmp_path / "one", "render")
    plugin(tmp_path / "two", "it is elsewhere")
    assert "it is elsewhere" in weft(folder, tmp_path / "two", "render")


@pytest.mark.programs("python3")
def test_results_whose_notes_cannot_be_kept_are_made_each_time(folder, tmp_path):
    path = folder / "weft.yaml"
    path.write_text(path.read_text("utf-8").replace("check: kubernetes", "check: heavy"), "utf-8")
    plugin(tmp_path / "one", "it is heavy", "object()")
    for _ in range(2):
        assert "it is heavy" in weft(folder, tmp_path / "one", "render")
        assert len(outputs(folder / "build")) == 8


def test_a_result_with_errors_is_not_kept(folder):
    put(folder / "overlays/tenants/a.yaml", "app: {size: 99, noted: false}\n")
    assert run("render", cwd=folder).code == 1
    assert Store(folder / ".weft_cache").sizes()["result"][0] == 6


@pytest.mark.parametrize(("age", "trusted"), [(0, False), (19, False), (25, True)])
def test_what_changed_a_moment_ago_is_not_trusted(age, trusted):
    status = os.stat_result(
        (0o100644, 7, 1, 1, 0, 0, 5, 0, 0, 0), {"st_mtime_ns": 10**18 + 1, "st_ctime_ns": 10**18 + 1}
    )
    assert (signature(status, 10**18 + 1 + age * 10**6) is not None) == trusted


@pytest.mark.parametrize(("age", "trusted"), [(25, False), (1900, False), (2100, True)])
def test_on_a_file_system_that_counts_seconds_a_moment_is_longer(age, trusted):
    status = os.stat_result((0o100644, 7, 1, 1, 0, 0, 5, 0, 0, 0), {"st_mtime_ns": 10**18, "st_ctime_ns": 10**18})
    assert (signature(status, 10**18 + age * 10**6) is not None) == trusted


def test_a_shard_needs_a_folder_of_its_own(folder):
    settled(folder)
    result = run("render", "--shard", "1/2", cwd=folder)
    assert (result.code, "add -o DIR" in result.err) == (2, True)
    assert outputs(folder / "build") == cold(folder)[0]


def test_outputs_of_a_target_that_is_gone_are_removed_whoever_looked_at_the_change_before(folder):
    settled(folder)
    remove(folder / "overlays/tenants/c.yaml")
    assert run("validate", cwd=folder).code == 0
    for _ in range(2):
        assert run("render", "--check", cwd=folder).out == "remove dev/c/app.yaml\nremove prod/c/app.yaml\n"
    assert "2 removed" in run("render", cwd=folder).err
    assert outputs(folder / "build") == cold(folder)[0]


def test_the_folder_of_another_project_is_refused_whoever_looked_at_the_change_before(folder):
    settled(folder)
    path = folder / "weft.yaml"
    path.write_text(path.read_text("utf-8").replace("project: fleet", "project: other"), "utf-8")
    assert run("validate", cwd=folder).code == 0
    assert run("render", cwd=folder).code == 3


@pytest.mark.parametrize("link", [".weft_cache", ".weft_cache/results.sqlite", ".weft_cache/results.sqlite-wal"])
def test_a_store_that_is_a_link_is_not_used(folder, tmp_path, link):
    put(tmp_path / "mine/keep", "mine")
    (folder / link).parent.mkdir(exist_ok=True)
    (folder / link).symlink_to(tmp_path / ("mine" if link == ".weft_cache" else "mine/keep"))
    assert run("render", cwd=folder).code == 0
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["keep"]
    assert (tmp_path / "mine/keep").read_text() == "mine"
    run("cache", "clear", cwd=folder)
    assert (tmp_path / "mine/keep").read_text() == "mine"


def test_a_locked_store_is_waited_for_once(folder, monkeypatch):
    settled(folder)
    monkeypatch.setattr("weft.files.store._WAIT", 0.5)
    put(folder / "overlays/tenants/a.yaml", "app: {size: 8}\n")
    with contextlib.closing(sqlite3.connect(folder / ".weft_cache/results.sqlite", isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        begun = time.monotonic()
        assert "2 written" in run("render", cwd=folder).err
        assert time.monotonic() - begun < 3
    assert outputs(folder / "build") == cold(folder)[0]


# --- several at a time, and odd files ---


def test_two_runs_into_one_folder_do_not_take_the_files_of_the_other_for_theirs(folder, monkeypatch):
    """The other one writes after this one has read in short what it had left, and before it reads the list of files."""
    settled(folder)
    holds = Written.holds

    def meanwhile(written, last):
        monkeypatch.undo()
        assert run("render", "--set", "app.size=9", cwd=folder).code == 0
        return holds(written, last)

    monkeypatch.setattr(Written, "holds", meanwhile)
    assert run("render", cwd=folder).code == 0
    assert run("render", cwd=folder).code == 0
    assert outputs(folder / "build") == cold(folder)[0]


def test_details_of_another_run_are_not_taken_for_those_of_this_one(folder, monkeypatch):
    settled(folder)
    key = next(iter(store_of(folder)))
    last = unchanged.recall(Store(folder / ".weft_cache"), key)
    put(folder / "overlays/tenants/a.yaml", "app: {size: 8}\n")
    assert run("render", cwd=folder).code == 0
    store = Store(folder / ".weft_cache")
    assert unchanged.recall_details(store, key, last.token, folder) is None
    again = unchanged.recall(store, key)
    assert unchanged.recall_details(store, key, again.token, folder) is not None


def store_of(folder):
    """The keys of the runs in the store of a project."""
    found = sqlite3.connect(folder / ".weft_cache/results.sqlite")
    with contextlib.closing(found):
        return [key for (key,) in found.execute("SELECT key FROM entry WHERE kind = 'run'")]


@pytest.mark.parametrize(
    "make", [lambda path: path.symlink_to("nowhere"), os.mkfifo], ids=["a link to nowhere", "a pipe"]
)
def test_an_overlay_that_cannot_be_read_is_not_one_that_is_absent(folder, make):
    settled(folder)
    make(folder / "overlays/base/more.yaml")
    assert run("render", "--no-cache", cwd=folder).code == 1
    assert run("render", cwd=folder).code == 1


def test_a_record_that_became_a_link_is_not_that_of_the_folder(folder, tmp_path):
    settled(folder)
    record = folder / "build/.weft-record"
    record.rename(tmp_path / "record")
    record.symlink_to(tmp_path / "record")
    assert "bad-record" in run("render", cwd=folder).err


@pytest.mark.programs("python3")
@pytest.mark.skipif(os.name != "posix", reason="names are bytes there only")
def test_names_that_are_not_utf_8_can_be_shown_and_remembered(folder):
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    missing = subprocess.run([*WEFT, "render", b"\xff"], cwd=folder, env=environment, capture_output=True, check=False)
    assert (missing.returncode, b"unknown-target" in missing.stderr) == (2, True)
    put(folder / "overlays/base" / os.fsdecode(b"\xff.yaml"), "app: {size: 4}\n")
    for _ in range(2):
        done = subprocess.run([*WEFT, "render"], cwd=folder, env=environment, capture_output=True, check=False)
        assert (done.returncode, b"internal error" in done.stderr) == (0, False), done.stderr
