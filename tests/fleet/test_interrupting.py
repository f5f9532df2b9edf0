"""Ctrl-C ends a run of many targets within a moment: no process is left, and nothing is half written."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_fleet import outputs, put
from sound_fleet import sound_fleet

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc"),
    pytest.mark.programs("python3"),
]
TENANTS = 300


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A fleet of 600 targets and two environments."""
    folder = sound_fleet(tmp_path_factory.mktemp("large") / "project")
    for number in range(TENANTS):
        put(folder / f"overlays/tenants/t{number}.yaml", f"app: {{size: {number % 80 + 1}}}\n")
    return folder


def processes_of(group):
    """The processes of a group that still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, its_group = path.read_text("utf-8").rpartition(")")[2].split()[:3]
            found += [path] if its_group == str(group) and state != "Z" else []
    return found


def begun(folder, *args):
    """`weft render` in a group of its own, as a terminal starts it."""
    command = [sys.executable, "-m", "weft", "render", "--jobs", "2", *args]
    return subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True, start_new_session=True)


def ended(folder, *args):
    """The exit code of a run that nobody interrupts."""
    process = begun(folder, *args)
    process.communicate(timeout=100)
    return process.returncode


def interrupted(process):
    """Press Ctrl-C. Returns the exit code and the seconds until the end."""
    start = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=20)[1]
    assert said.split() == ["interrupted"], said
    return process.returncode, time.monotonic() - start


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_ctrl_c_ends_the_workers_and_writes_nothing(large):
    process = begun(large, "--no-cache")
    try:
        wait_for(lambda: len(processes_of(process.pid)) >= 3)
        code, seconds = interrupted(process)
        assert code == 130
        assert seconds < 1.5
        wait_for(lambda: not processes_of(process.pid), 1)
        assert not (large / "build").exists()
    finally:
        process.kill()


def test_a_worker_stops_in_the_middle_of_slow_targets(tmp_path):
    folder = sound_fleet(tmp_path / "project")
    loops = "{% for i in range(300) %}{% for j in range(300) %}{% endfor %}{% endfor %}"
    put(folder / "templates/note.txt.j2", loops * 4)
    put(folder / "overlays/base/app.yaml", "app: {noted: true}\n")
    for number in range(80):
        put(folder / f"overlays/tenants/t{number}.yaml", "app: {size: 1}\n")
    process = begun(folder, "--no-cache")
    try:
        wait_for(lambda: len(processes_of(process.pid)) >= 3)
        time.sleep(0.3)
        code, seconds = interrupted(process)
        assert code == 130
        assert seconds < 0.7  # the 32 targets of a chunk take much longer
    finally:
        process.kill()


def test_ctrl_c_while_files_are_written_leaves_the_earlier_ones(large):
    args = ["-o", "../out", "--no-cache"]
    assert ended(large, *args) == 0
    out = large.parent / "out"
    before = {**outputs(out), "record": (out / ".weft-record").read_bytes()}
    put(large / "overlays/regions/north.yaml", "app: {name: other}\n")
    process = begun(large, *args)
    try:
        wait_for(lambda: any(path.name.startswith("new-") for path in out.glob(".weft-*/*")))
        code, seconds = interrupted(process)
        assert code == 130
        assert seconds < 1.5
        assert {**outputs(out), "record": (out / ".weft-record").read_bytes()} == before
        assert not list(out.glob(".weft-*/*"))
    finally:
        process.kill()
        (large / "overlays/regions/north.yaml").unlink()


def test_what_was_made_before_ctrl_c_is_not_made_again(large):
    process = begun(large, "-o", "../again")
    try:
        wait_for(lambda: len(processes_of(process.pid)) >= 3)
        time.sleep(0.3)
        assert interrupted(process)[0] == 130
    finally:
        process.kill()
    assert ended(large, "-o", "../again") == 0
    assert len(outputs(large.parent / "again")) == 2 * (TENANTS + 4)
