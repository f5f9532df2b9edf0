"""What somebody may do to `weft agent`: bundles made by hand, commands that never stop, a folder that is removed, signals in any number."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agents import World, until
from mounted import Mount
from run import run
from weft.files.bundle import digest_of

pytestmark = pytest.mark.programs("sh")
CANARY = "canary-of-an-attack-77"  # pragma: allowlist secret
ANY = {"schema.json": b'{"type": "object"}', "origins.json": b"{}"}


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.close()


def signed(content, domain="app", schema=None):
    """A bundle of one domain, with a good digest."""
    files = {**ANY, "app.json": content} | ({"schema.json": schema} if schema else {})
    manifest = {
        "format": 1,
        "project": "shop",
        "target": "one",
        "digest": digest_of(files),
        "values": {domain: "app.json"},
    }
    return {"weft.json": json.dumps(manifest).encode(), **files}


def sleeper(world, name="program"):
    """A program that writes down each start with the file that it reads."""
    path = world.folder / name
    path.write_text(
        f"#!/bin/sh\necho $$ > {world.folder}/pid\nhead -n 1 {world.into}/app.conf >> {world.folder}/starts\nexec sleep 100\n"
    )
    path.chmod(0o755)
    return path


def starts(world):
    """What the program had at each of its starts."""
    return (world.folder / "starts").read_text().split("\n")[:-1]


# --- bundles ---

STRANGE = {
    "deep": (signed(b'{"x":' + b"[" * 500 + b"]" * 500 + b"}"), "it is nested deeper than 128 levels"),
    "UTF-16": (signed('{"name": 5}'.encode("utf-16"), schema=b'{"properties": {"app": {"type": "string"}}}'), "it is not UTF-8"),
    "half a character": (signed(b'{"\\ud800": 1}'), "half of a surrogate pair"),
    "NUL": (signed(b"{}", "a\0b"), "cannot be the name of a file"),
    "a path out of the folder": (signed(b"{}", "x/../../../evil"), "cannot be the name of a file"),
    "an absolute path": (signed(b"{}", "/tmp/evil-of-an-attack"), "cannot be the name of a file"),
    "the state of the agent": (signed(b"{}", "..weft"), "cannot be the name of a file"),
    "a long name": (signed(b"{}", "a" * 300), "cannot be the name of a file"),
}  # fmt: skip


@pytest.mark.parametrize("name", STRANGE)
def test_a_bundle_made_by_hand_is_refused_and_the_program_lives(world, name):
    files, reason = STRANGE[name]
    around = sorted(path.name for path in world.folder.iterdir())
    agent = world.agent("--notify", ":", "--exec", "sleep", "100", render=False)
    until((world.into / "app.json").exists)
    world.mount.publish(files)
    world.said(agent, reason)
    assert agent.poll() is None
    assert json.loads((world.into / "app.json").read_text())["size"] == 1
    assert len(world.homes()) == 1
    assert sorted(path.name for path in world.folder.iterdir()) == sorted({*around, "into", "log-0"})
    world.set(size=2)
    until(lambda: json.loads((world.into / "app.json").read_text())["size"] == 2)


@pytest.mark.parametrize("name", STRANGE)
def test_a_start_with_a_bundle_made_by_hand_uses_what_is_good(world, name):
    files, reason = STRANGE[name]
    kept = ("--last-good", world.folder / "kept")
    assert world.once(*kept, render=False)[0] == 0
    world.mount.publish(files)
    code, said = world.once(*kept, render=False)
    assert code == 0
    assert reason in said
    assert "the last good revision is in place" in said
    shutil.rmtree(world.into)
    assert world.once(*kept, render=False)[0] == 0
    assert json.loads((world.into / "app.json").read_text())["size"] == 1
    shutil.rmtree(world.into)
    code, said = world.once(render=False)
    assert code == 1
    assert reason in said


def test_two_domains_that_do_not_fit_into_one_folder_are_refused(world):
    files = {**ANY, "app.json": b"{}"}
    manifest = {
        "format": 1,
        "project": "a",
        "target": "b",
        "digest": digest_of(files),
        "values": {"a": "app.json", "a.json/b": "app.json"},
    }
    world.mount.publish({"weft.json": json.dumps(manifest).encode(), **files})
    code, said = world.once(render=False)
    assert code == 1
    assert "a.json cannot be a file and the folder of a.json/b.json" in said


SPOILED = """
import sys
from weft.agent import agent
from weft.cli import main
known = agent.made
def made(revision, renders):
    if revision.settled.snapshot["app.size"] == 13:
        raise ZeroDivisionError(sys.argv[0])
    return known(revision, renders)
agent.made = made
main()
"""


def test_what_nobody_expected_refuses_one_revision_and_is_in_the_log(world):
    (world.folder / "spoiled.py").write_text(SPOILED)
    command = [
        sys.executable,
        "spoiled.py",
        "agent",
        "--source",
        "mount",
        "--into",
        "into",
        "--render",
        f"{world.template}:app.conf",
    ]
    agent = world.start([*command, "--exec", "sleep", "100"])
    world.becomes(1, agent)
    world.set(size=13)
    world.said(agent, "an unexpected ZeroDivisionError, which the log explains")
    assert "Traceback" in agent.log.read_text()
    world.set(size=2)
    world.becomes(2, agent)


# --- secrets ---


def secretive(world):
    """A mounted Secret, and a bundle that has it."""
    secrets = Mount(world.folder / "secrets")
    secrets.publish({"APP_PASSWORD": CANARY})
    world.set(secrets={"app.password": "APP_PASSWORD"})
    return secrets, ("--secrets", secrets.folder)


def test_the_secret_before_the_last_one_is_in_no_log_either(world):
    secrets, options = secretive(world)
    world.template.write_text("size = {{ app.size }}\npassword = {{ app.password }}\n")
    notify = f"echo old is {CANARY}; test ! -e {world.folder}/bad"
    agent = world.agent(*options, "--notify", notify)
    world.becomes(1, agent)
    (world.folder / "bad").touch()
    secrets.publish({"APP_PASSWORD": "another-secret-77"})  # pragma: allowlist secret
    world.said(agent, "old is ***")
    until(lambda: CANARY in (world.into / "app.conf").read_text())
    assert CANARY not in agent.log.read_text()


def test_a_template_that_uses_a_secret_as_a_name_does_not_tell_it(world):
    _, options = secretive(world)
    world.template.write_text("size = {{ app.size }}\n{{ app[app.password] }}\n")
    code, said = world.once(*options)
    assert code == 1
    assert "app.*** is not set" in said
    assert CANARY not in said


def test_a_secret_at_the_end_of_what_is_kept_of_an_output_is_not_told(world):
    _, options = secretive(world)
    half = CANARY[:-5]
    blanks = f"head -c {65536 - len(half)} /dev/zero | tr '\\0' ' '"
    code, said = world.once(*options, "--check", f"{blanks}; echo {CANARY}; exit 1")
    assert code == 1
    assert "the check ended with 1" in said
    assert CANARY[:4] not in said


# --- commands ---


def test_memory_stays_small_while_a_check_prints(world):
    agent = world.agent("--check", "yes", "--timeout", "4")
    most = 0
    while agent.poll() is None:
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{agent.pid}/status").read_text())
        most = max(most, int(found[1])) if found else most
        time.sleep(0.1)
    assert most < 150_000


def test_what_a_notification_leaves_running_is_not_waited_for(world):
    agent = world.agent("--timeout", "3", "--notify", f"echo left; (sleep 4; touch {world.folder}/later) &")
    world.becomes(1, agent)
    world.set(size=2)
    world.becomes(2, agent)
    until(lambda: "app.size" in agent.log.read_text(), seconds=2, said=agent.log.read_text)
    assert "no answer" not in agent.log.read_text()
    until((world.folder / "later").exists)


# --- the program ---


def test_a_restarted_program_gets_the_values_that_waited_for_it(world):
    world.template.write_text("{{ app.port }}\n")
    agent = world.agent("--restart", "--notify", ":", "--exec", sleeper(world))
    until(lambda: starts(world) == ["80"])
    world.set(port=81)
    world.said(agent, "what waits for a restart: app.port")
    os.kill(int((world.folder / "pid").read_text()), signal.SIGTERM)
    until(lambda: starts(world) == ["80", "81"])
    world.said(agent, "is in place: app.port")


def test_a_program_that_is_gone_brings_the_old_files_back_and_ends_the_agent(world):
    program = sleeper(world)
    agent = world.agent("--exec", program)
    until(lambda: starts(world) == ["size = 1"])
    program.unlink()
    world.set(size=2)
    assert agent.wait(20) == 3
    assert "cannot be started: No such file or directory" in agent.log.read_text()
    assert world.size() == 1


def test_a_program_that_is_gone_and_comes_back_is_started_with_the_new_files(world):
    program = sleeper(world)
    agent = world.agent("--restart", "--exec", program)
    until(lambda: starts(world) == ["size = 1"])
    program.rename(world.folder / "away")
    world.set(size=2)
    world.said(agent, "the program is started again in 1 s")
    world.said(agent, "the program is started again in 2 s")
    assert (agent.poll(), world.size()) == (None, 1)
    (world.folder / "away").rename(program)
    until(lambda: starts(world) == ["size = 1", "size = 2"])
    world.becomes(2, agent)


def test_a_folder_is_no_program(world):
    (world.folder / "tools").mkdir()
    agent = world.agent("--exec", "./tools")
    assert agent.wait(20) == 3
    assert "./tools cannot be started: it is a folder" in agent.log.read_text()


STUBBORN = """
import signal, sys, time
def end(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(0.5)
    sys.exit(7)
signal.signal(signal.SIGTERM, end)
open(sys.argv[1], "w").close()
while True:
    time.sleep(0.05)
"""


@pytest.mark.parametrize("pause", [0.05, 0.0005])
def test_many_signals_end_an_agent_with_the_code_of_its_program(world, pause):
    (world.folder / "stubborn.py").write_text(STUBBORN)
    agent = world.agent("--exec", sys.executable, "stubborn.py", "ready")
    until((world.folder / "ready").exists)
    end = time.monotonic() + 20
    while agent.poll() is None and time.monotonic() < end:
        agent.send_signal(signal.SIGTERM)
        time.sleep(pause)
    assert agent.poll() == 7


# --- a terminal ---

READER = """
import os, signal, sys
signal.signal(signal.SIGINT, lambda *_: (open("keys", "a").write("INT"), sys.exit(5)))
open("heard", "w").write(sys.stdin.readline())
sys.stdin.readline()
"""


def test_in_a_terminal_the_program_reads_and_the_keys_end_both(world):
    (world.folder / "reader.py").write_text(READER)
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(world.folder)
        options = ["--source", "mount", "--into", "into", "--restart", "--exec", sys.executable, "reader.py"]
        os.execv(sys.executable, [sys.executable, "-m", "weft", "agent", *options])
    try:
        os.write(terminal, b"hello\n")
        until(lambda: (world.folder / "heard").read_text() == "hello\n")
        os.write(terminal, b"\x03")
        found = until(lambda: [one for one in [os.waitpid(pid, os.WNOHANG)] if one[0]])
    finally:
        os.close(terminal)
    assert os.waitstatus_to_exitcode(found[0][1]) == 5
    assert (world.folder / "keys").read_text() == "INT"


# --- the folder ---


def test_a_folder_that_is_removed_is_made_again(world):
    agent = world.agent()
    world.said(agent, "is in place")
    shutil.rmtree(world.into)
    world.becomes(1, agent)
    world.said(agent, f"{world.into} was removed or replaced: it is made again")
    world.set(size=2)
    world.becomes(2, agent)
    assert world.once()[0] == 3


def test_an_agent_that_lost_its_folder_to_another_one_ends_and_says_so(world):
    program = sleeper(world)
    first = world.agent("--exec", program)
    world.said(first, "is in place")
    shutil.rmtree(world.into)
    world.into.mkdir()
    second = world.agent()
    world.becomes(1, second)
    assert first.wait(20) == 3
    assert f"another agent keeps {world.into}: process {second.pid}" in first.log.read_text()
    world.set(size=2)
    world.becomes(2, second)


def test_a_folder_that_cannot_be_made_again_is_said_once_and_tried_again(world):
    agent = world.agent()
    world.said(agent, "is in place")
    away = world.folder / "away"
    world.into.rename(away)
    world.into.symlink_to("nowhere")
    world.said(agent, "is a link to nowhere, which is missing")
    time.sleep(6)
    assert agent.log.read_text().count("which is missing") == 1
    world.into.unlink()
    world.becomes(1, agent)


def test_a_link_to_nowhere_is_no_folder(world):
    world.into.symlink_to("nowhere")
    code, said = world.once()
    assert code == 3
    assert f"{world.into} is a link to nowhere, which is missing" in said


def test_a_pipe_in_the_place_of_the_state_is_not_waited_for(world):
    world.into.mkdir()
    os.mkfifo(world.into / "..weft.json")
    agent = world.agent()
    assert agent.wait(20) == 3
    assert "..weft.json: it is not a regular file" in agent.log.read_text()


def test_a_generous_umask_gives_nobody_the_files(world):
    before = os.umask(0)
    try:
        assert world.once("--render", f"{world.template}:some/more.conf")[0] == 0
    finally:
        os.umask(before)
    home = world.into / world.homes()[0]
    modes = [
        path.stat().st_mode & 0o777
        for path in (world.into, home, home / "some", home / "some/more.conf", home / "app.conf")
    ]
    assert modes == [0o755, 0o755, 0o755, 0o644, 0o644]
    _, options = secretive(world)
    world.set(secrets={"app.password": "APP_PASSWORD"}, size=2)
    assert world.once(*options)[0] == 0
    home = world.into / world.homes()[0]
    assert [path.stat().st_mode & 0o777 for path in (home, home / "app.conf")] == [0o700, 0o600]


# --- the command line ---


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--render", "a:x", "--render", "a:x/y"], "x cannot be a file and the folder of x/y"),
        (["--health-timeout", "nan"], "nan is not a number of seconds"),
        (["--timeout", "1e400"], "--timeout"),
        (["--check", ""], "--check needs a command"),
        (["--notify", " "], "--notify needs a command"),
        (["--last-good", "x"], "--last-good is the folder of --source"),
        (["--last-good", "x/kept"], "--last-good is inside the folder of --source"),
        (["--into", "x/into"], "--into is inside the folder of --source"),
        (["--source", "x/one.json", "--into", "x"], "--into is the folder of --source"),
        (["--secrets", "s", "--into", "s/into"], "--into is inside the folder of --secrets"),
    ],
)
def test_usage(tmp_path, arguments, message):
    (tmp_path / "x").mkdir()
    (tmp_path / "x/one.json").touch()
    done = run("agent", "--source", "x", "--into", "y", "--once", *arguments, cwd=tmp_path)
    assert done.code == 2
    assert message in " ".join(done.err.split())


def test_a_template_that_is_missing_is_looked_for_in_its_folder_alone(world, monkeypatch):
    monkeypatch.setattr(os, "walk", lambda *_: pytest.fail("the disk was searched"))
    code, said = world.once("--render", f"{world.folder}/app.conf.j3:x")
    assert code == 1
    assert f"there is no template `app.conf.j3` in {world.folder}" in said
    assert "did you mean `app.conf.j2`?" in said


# --- the first process ---


def can_be_first():
    """True if this user may start a process that is the first one of its own."""
    unshare = shutil.which("unshare")
    return (
        bool(unshare)
        and subprocess.run([unshare, "-p", "-f", "--mount-proc", "true"], check=False, capture_output=True).returncode
        == 0
    )


def test_the_first_process_of_a_container_collects_what_others_leave(world):
    if not can_be_first():
        pytest.skip("this user may not start a first process")
    script = world.folder / "leaving"
    script.write_text(
        f"#!/bin/sh\nfor _ in 1 2 3; do (sleep 0.1 &); done\nsleep 3\ngrep -l '^State:.Z' /proc/[0-9]*/status > {world.folder}/zombies\nexit 7\n"
    )
    script.chmod(0o755)
    agent = world.start(
        [
            "unshare",
            "-p",
            "-f",
            "--mount-proc",
            sys.executable,
            "-m",
            "weft",
            "agent",
            "--source",
            "mount",
            "--into",
            "into",
            "--exec",
            script,
        ]
    )
    assert agent.wait(20) == 7
    assert (world.folder / "zombies").read_text() == ""
