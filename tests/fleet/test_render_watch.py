"""`weft render --watch`: after each change, the outputs are what a run from nothing gives; what is broken keeps the last ones."""

import os
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given, note
from hypothesis import strategies as st
from small_fleet import cold, outputs, put, remove
from sound_fleet import sound_fleet
from test_incremental import EDITS, told

from run import run
from weft.base.problems import WeftError, has_errors
from weft.base.watching import unwatched
from weft.cli.rendering import writing
from weft.files.reading import files_of
from weft.fleet.following import Follower
from weft.fleet.memory import Memory
from weft.fleet.options import Options

BY_HAND = {"an output", "the store"}
"""Edits of what nobody watches."""


class Session:
    """A follower in this process, and the folder that it writes into."""

    def __init__(self, folder):
        self.folder = folder
        build = folder / "build"
        self.memory = Memory(files_of(folder), Options({}), ignored=[build])
        self.follower = Follower(self.memory, [])
        self.written = self.memory.written(build)
        self.how = writing(folder, build, build, check=False, sync=False, wait=0)

    def again(self):
        """Render after a change. Returns the problems."""
        if self.memory.trace.files:
            self.follower._notice()
        try:
            done = self.follower.run(unwatched)
        except WeftError as error:
            return list(error.problems)
        if self.how.finish(done, self.written, 0) == 0:
            self.follower.written()
        self.follower.remember()
        return list(done.problems)


def agree(session):
    """What the follower reports and leaves is what a run from nothing gives."""
    build = session.folder / "build"
    before = outputs(build) if build.exists() else {}
    problems = session.again()
    wanted, cold_problems = cold(session.folder)
    assert set(map(repr, told(problems))) == set(map(repr, told(cold_problems)))
    assert (outputs(build) if build.exists() else {}) == (before if has_errors(cold_problems) else wanted)


@pytest.mark.soak(few=8)
@pytest.mark.parametrize("name", sorted(EDITS.keys() - BY_HAND))
def test_a_follower_sees_every_edit_and_the_way_back(tmp_path, name):
    session = Session(sound_fleet(tmp_path / "project"))
    agree(session)
    for number in range(3):
        EDITS[name](session.folder, number)
        agree(session)


@given(st.lists(st.tuples(st.sampled_from(sorted(EDITS.keys() - BY_HAND)), st.integers(0, 1000)), max_size=6))
def test_a_follower_gives_what_runs_from_nothing_give(tmp_path_factory, edits):
    session = Session(sound_fleet(tmp_path_factory.mktemp("fleet") / "project"))
    agree(session)
    for name, number in edits:
        note(f"{name} {number}")
        EDITS[name](session.folder, number)
        agree(session)
    after = run("render", "--no-sync", cwd=session.folder)
    wanted, problems = cold(session.folder)
    assert after.code == (1 if has_errors(problems) else 0)
    assert has_errors(problems) or outputs(session.folder / "build") == wanted


def test_a_change_of_one_overlay_renders_only_the_targets_that_read_it(tmp_path):
    session = Session(sound_fleet(tmp_path / "project"))
    session.again()
    project = session.follower._project
    put(session.folder / "overlays/tenants/a.yaml", "app: {size: 44}\n")
    session.again()
    assert session.follower._done.fresh == {"dev/a", "prod/a"}
    assert session.follower._project.outputs is project.outputs
    put(session.folder / "templates/note.txt.j2", "other\n")
    session.again()
    assert session.follower._project.outputs is not project.outputs


def test_a_link_to_another_schema_is_followed(tmp_path):
    session = Session(sound_fleet(tmp_path / "project"))
    schema = next((session.folder / "schemas").glob("*.json"))
    for name in ("old.json", "new.json"):
        put(session.folder / "elsewhere" / name, schema.read_text("utf-8"))
    schema.unlink()
    schema.symlink_to("../elsewhere/old.json")
    session.again()
    project = session.follower._project
    schema.unlink()
    schema.symlink_to("../elsewhere/new.json")
    session.again()
    assert session.follower._project.outputs is not project.outputs  # it was opened again


def test_a_value_that_only_changes_its_type_is_seen(tmp_path):
    session = Session(sound_fleet(tmp_path / "project"))
    put(session.folder / "overlays/tenants/a.yaml", "app: {size: 1}\n")
    agree(session)
    put(session.folder / "overlays/tenants/a.yaml", "app: {size: true}\n")
    agree(session)


def test_what_an_error_kept_from_being_written_is_written_after_it(tmp_path):
    session = Session(sound_fleet(tmp_path / "project"))
    agree(session)
    put(session.folder / "overlays/tenants/a.yaml", "app: {size: 44}\n")
    put(session.folder / "overlays/tenants/b.yaml", "app: {size: many}\n")
    agree(session)
    put(session.folder / "overlays/tenants/b.yaml", "app: {size: 4}\n")
    agree(session)
    assert b'size: "44"' in outputs(session.folder / "build")["dev/a/app.yaml"]


def test_an_output_that_was_edited_meanwhile_is_noticed_by_the_next_command(tmp_path):
    session = Session(sound_fleet(tmp_path / "project"))
    session.again()
    (session.folder / "build/prod/b/app.yaml").write_text("by hand")
    time.sleep(0.05)  # else its time is too new to be trusted
    put(session.folder / "overlays/tenants/a.yaml", "app: {size: 44}\n")
    session.again()
    assert "1 written" in run("render", cwd=session.folder).err
    assert outputs(session.folder / "build") == cold(session.folder)[0]


def line_with(process, text, seconds=20):
    """The next line of stderr with a text."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        line = process.stderr.readline()
        if text in line:
            return line
        assert line or process.poll() is None, "it has ended"
    raise AssertionError(text)


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is a signal")
def test_saving_an_overlay_writes_it_a_broken_one_is_reported_and_ctrl_c_ends(tmp_path):
    folder = sound_fleet(tmp_path / "project")
    process = subprocess.Popen(
        [sys.executable, "-m", "weft", "render", "--watch"], cwd=folder, stderr=subprocess.PIPE, text=True
    )
    try:
        line_with(process, "8 targets")
        put(folder / "overlays/tenants/a.yaml", "app: {size: 44}\n")
        assert "2 written, 6 unchanged" in line_with(process, "8 targets")
        before = outputs(folder / "build")
        assert b'size: "44"' in before["prod/a/app.yaml"]
        put(folder / "overlays/tenants/a.yaml", "app: [\n")
        line_with(process, "error[")
        line_with(process, "nothing was written")
        assert outputs(folder / "build") == before
        remove(folder / "overlays/tenants/a.yaml")
        assert "0 written, 6 unchanged, 2 removed" in line_with(process, "6 targets")
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert time.monotonic() - begun < 1
        assert process.stderr.read().split() == ["interrupted"]
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.parametrize("options", [["--watch", "--check"], ["--watch", "--shard", "1/2"], ["--watch", "--join", "x"]])
def test_what_cannot_be_watched_is_refused(tmp_path, options):
    result = run("render", *options, cwd=sound_fleet(tmp_path / "project"))
    assert (result.code, "cannot be used together" in result.err) == (2, True)
