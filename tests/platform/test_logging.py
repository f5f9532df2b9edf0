"""The logs: what logging.json and json_lines.py write when Python's logging reads them, and how long it is kept."""

import functools
import json
import os
import re
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import reference

WRITE = """
import json, logging, logging.config, os, sys, time
config = json.load(open("logging.json"))
for handler in config["handlers"].values():
    if "filename" in handler:
        handler["filename"] = handler["filename"].replace("/var/log/spotify-ai-agent", os.path.abspath("logs"))
def begin():
    logging.config.dictConfig(config)
def go_to(day):
    # the clock of the process, `day` days after 2026-01-01
    time.time = lambda: 1767268800 + 86400 * day
    time.time_ns = lambda: int(time.time() * 10**9)
log, audit = logging.getLogger("shop"), logging.getLogger("audit")
"""


@functools.cache
def logging_files(overrides):
    """What production has for its logs, by name."""
    target = reference.changed(dict(overrides)).target("production")
    return {Path(path).name: text for path, text in target.render().items() if "/application/" in path}


def write_logs(folder, script, overrides=None, start="begin()\n"):
    """What the application's logging writes in a process of its own: its standard output, and its files by their names below the folder."""
    files = logging_files(tuple((overrides or {}).items()))
    for name in ("logging.json", "json_lines.py"):
        (folder / name).write_text(files[name])
    command = [sys.executable, "-B", "-c", WRITE + start + script]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    logs = folder / "logs"
    paths = [path for path in logs.rglob("*") if path.is_file() and path.suffix != ".lock"]
    return done.stdout, {path.relative_to(logs).as_posix(): path.read_text() for path in paths}


def messages(text):
    return [json.loads(line)["message"] for line in text.splitlines()]


AUDIT = f"audit/{socket.gethostname()}.log"

# --- lines ---


def test_records_are_lines_of_json(tmp_path):
    script = """
log.info("not written: production logs warnings")
log.warning('a "b"\\nc é %s', 5, extra={"tenant": "acme", "what": {1, 2}, "level": "mine"})
try:
    1 / 0
except ZeroDivisionError:
    log.exception("it broke")
audit.info("who did what")
"""
    out, files = write_logs(tmp_path, script)
    assert out == files["app.log"]
    first, second = map(json.loads, out.splitlines())
    seen = tuple(first[key] for key in ("message", "level", "logger", "tenant"))
    assert seen == ('a "b"\nc é 5', "WARNING", "shop", "acme")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", first["time"])
    assert "ZeroDivisionError" in second["exception"]
    assert messages(files[AUDIT]) == ["who did what"]


def test_lines_are_for_people_where_the_format_is_text(tmp_path):
    out, _ = write_logs(tmp_path, "log.warning('hello')", {"monitoring.logging.format": "text"})
    assert re.fullmatch(r"[-\d]+ [:,\d]+ WARNING  shop: hello\n", out)


def test_the_level_is_the_setting(tmp_path):
    script = "log.info('a'); log.error('b')"
    assert messages(write_logs(tmp_path, script, {"monitoring.logging.level": "ERROR"})[0]) == ["b"]
    assert messages(write_logs(tmp_path, script, {"monitoring.logging.level": "INFO"})[0]) == ["a", "b"]


# --- files ---

ROTATION = "monitoring.logging.rotation"


@pytest.mark.parametrize("trigger", ["daily", "size"])
def test_a_full_file_is_closed_and_old_ones_are_removed(tmp_path, trigger):
    overrides = {f"{ROTATION}.max_size": "1KB", f"{ROTATION}.backup_count": "2", f"{ROTATION}.trigger": trigger}
    _, files = write_logs(tmp_path, "[log.warning('number %d', n) for n in range(60)]", overrides)
    assert sorted(files) == ["app.log", "app.log.1", "app.log.2", AUDIT]
    kept = ["app.log.2", "app.log.1", "app.log"]
    assert all(len(files[name]) <= 1000 for name in kept)
    numbers = [message for name in kept for message in messages(files[name])]
    assert numbers == [f"number {n}" for n in range(60 - len(numbers), 60)]


@pytest.mark.parametrize(
    ("trigger", "days", "closed"), [("daily", 1, 1), ("weekly", 7, 1), ("weekly", 0, 0), ("size", 30, 0)]
)
def test_a_file_is_closed_when_its_day_or_week_is_over(tmp_path, trigger, days, closed):
    script = f"go_to(5); begin(); log.warning('before'); go_to({5 + days}); log.warning('after')"
    _, files = write_logs(tmp_path, script, {f"{ROTATION}.trigger": trigger}, start="")
    logs = {name: messages(text) for name, text in files.items() if name.startswith("app")}
    assert logs == ({"app.log.1": ["before"], "app.log": ["after"]} if closed else {"app.log": ["before", "after"]})


def test_a_file_that_another_process_wrote_yesterday_is_closed(tmp_path):
    write_logs(tmp_path, "log.warning('before')")
    past = time.time() - 86400
    os.utime(tmp_path / "logs/app.log", (past, past))
    _, files = write_logs(tmp_path, "log.warning('after')")
    assert (messages(files["app.log.1"]), messages(files["app.log"])) == (["before"], ["after"])


def test_workers_share_a_file_and_lose_no_line(tmp_path):
    script = """
children = [os.fork(), os.fork()]
[(log.warning("%d %d", os.getpid(), n), audit.info("%d %d", os.getpid(), n)) for n in range(100)]
if children[1]:
    os.waitpid(children[1], 0)
if all(children):
    os.waitpid(children[0], 0)
"""
    overrides = {f"{ROTATION}.max_size": "2KB", f"{ROTATION}.backup_count": "100"}
    _, files = write_logs(tmp_path, script, overrides)
    for log in ("app", "audit"):
        mine = [text for name, text in files.items() if name.startswith(log)]
        lines = [message for text in mine for message in messages(text)]
        assert len(lines) == len(set(lines)) == 4 * 100
        assert len(mine) > 10


# --- how long they are kept ---

DAYS = 400
EVERY_DAY = f"""
go_to(0)
begin()
for day in range({DAYS}):
    go_to(day)
    log.warning("%d", day)
    for _ in range(2):  # the second makes the day's file too large
        audit.info("%d", day)
"""


@pytest.mark.parametrize("keep", [90])
def test_what_is_audited_is_kept_as_long_as_the_setting_says_and_not_longer(tmp_path, keep):
    overrides = {"security.audit.retention_days": str(keep), f"{ROTATION}.max_size": "150B"}
    overrides |= {f"{ROTATION}.backup_count": "30"}
    _, files = write_logs(tmp_path, EVERY_DAY, overrides, start="")
    audited = sorted({int(message) for name, text in files.items() if "audit" in name for message in messages(text)})
    assert audited == list(range(DAYS - 1 - keep, DAYS))
    logged = sorted({int(message) for name, text in files.items() if "audit" not in name for message in messages(text)})
    assert logged == list(range(DAYS - 31, DAYS))


def test_the_rendered_retention_is_that_of_the_setting_where_pods_come_and_go(tmp_path):
    """A new pod removes what a pod that is gone has left, and leaves what is still to be kept."""
    folder = tmp_path / "logs/audit"
    folder.mkdir(parents=True)
    now = datetime.now(UTC)
    for name, days in {"gone.log": 366, "gone.log.2025-01-01T000000-1": 400, "recent.log": 364}.items():
        (folder / name).write_text('{"message": "left"}\n')
        at = (now - timedelta(days=days)).timestamp()
        os.utime(folder / name, (at, at))
    _, files = write_logs(tmp_path, "audit.info('new')")
    assert {name: messages(text) for name, text in files.items() if "audit" in name} == {
        "audit/recent.log": ["left"],
        AUDIT: ["new"],
    }
