"""What a long run says about itself: how fast it is and how long it will take, and at the end what took how long."""

import contextlib
import io
import re

import pytest
from sound_fleet import sound_fleet

from run import Terminal, run
from weft.base import timing
from weft.cli import common


@pytest.fixture
def clock(monkeypatch):
    """A clock that this test sets, and what is written to a terminal."""
    now = [100.0]
    monkeypatch.setattr(common.time, "monotonic", lambda: now[0])
    lines = []
    monkeypatch.setattr(common.click, "echo", lambda text, **_: lines.append(text.replace("\r\x1b[K", "")))
    monkeypatch.setenv("TERM", "xterm")
    return now, lines


@pytest.mark.parametrize(
    ("seconds", "done", "shown"),
    [
        (2.0, 1700, "targets: 1700 of 10000, 850/s, 10 s left"),
        (2.0, 0, "targets: 0 of 10000"),
        (10.0, 25, "targets: 25 of 10000, 2.5/s, 66 min 30 s left"),
        (100.0, 9999, "targets: 9999 of 10000, 100/s, 0 s left"),
    ],
)
def test_progress_has_the_rate_and_the_time_that_is_left(clock, seconds, done, shown):
    now, lines = clock
    with contextlib.redirect_stderr(Terminal(io.BytesIO())), common.progress() as watch:
        watch("targets", 0, 10000)
        now[0] += seconds
        watch("targets", done, 10000)
    assert lines == [shown, ""]


def test_each_kind_of_work_has_a_rate_of_its_own(clock):
    now, lines = clock
    with contextlib.redirect_stderr(Terminal(io.BytesIO())), common.progress() as watch:
        watch("targets", 0, 10)
        now[0] += 50
        watch("checks", 0, 10)
        now[0] += 1
        watch("checks", 5, 10)
    assert lines[-2:] == ["checks: 5 of 10, 5.0/s, 1 s left", ""]


@pytest.mark.parametrize("command", ["render", "validate"])
def test_timings_say_how_long_each_stage_took(tmp_path, command):
    folder = sound_fleet(tmp_path / "project")
    result = run(command, "--timings", cwd=folder)
    table = dict(re.findall(r"^([a-z ]+?) +(\d+\.\d\d) s", result.err, re.MULTILINE))
    assert (result.code, [*table]) == (0, [*timing.STAGES, "all stages"])
    sums = sum(float(seconds) for name, seconds in table.items() if name != "all stages")
    assert abs(sums - float(table["all stages"])) < 0.06
    assert float(table["open"]) > 0
    assert "look for changes" not in run(command, cwd=folder).err


def test_a_stage_in_another_one_counts_for_itself_only(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    timing.begin()
    with timing.CHECK:
        now[0] += 1
        with timing.MERGE:
            now[0] += 10
            with timing.CHECK:
                now[0] += 100
        now[0] += 1000
    now[0] += 10000
    taken = {name: seconds for name, seconds in timing.taken().items() if seconds}
    assert taken == {"read and merge": 10, "check": 1101}


def test_what_processes_took_is_added_up(monkeypatch):
    timing.begin()
    earlier = timing.taken()
    timing.add({"render": 2.0})
    timing.add({"render": 3.0})
    assert timing.since(earlier)["render"] == 5.0
    timing.begin()
    assert timing.taken()["render"] == 0


def test_the_times_of_workers_are_in_the_table(tmp_path, monkeypatch):
    from weft.fleet import remembering, workers

    monkeypatch.setattr(workers, "CHUNK", 2)
    monkeypatch.setattr(remembering, "CHUNK", 2)
    added = []
    monkeypatch.setattr(remembering.timing, "add", added.append)
    assert run("render", "--jobs", "2", "--no-cache", cwd=sound_fleet(tmp_path / "project")).code == 0
    assert len(added) == 4
    assert all(seconds["render"] > 0 for seconds in added)
