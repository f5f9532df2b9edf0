"""`weft agent`: a folder always has the files of one good revision, whatever becomes of its source, its program and the agent itself."""

import fcntl
import json
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import threading
import time

import pytest

from agents import World, bundle, until
from reference import ROOT
from run import run

pytestmark = pytest.mark.programs("sh")  # each starts an agent, and many of these a program
CANARY = "canary-of-an-agent-41"  # pragma: allowlist secret

SERVICE = """
import os, signal, sys, time
from pathlib import Path
conf, seen = Path(sys.argv[1]), Path(sys.argv[2])

def note(text):
    with seen.open("a") as stream:
        stream.write(text + "\\n")

def load(*_):
    size = conf.read_text().split("\\n")[0]
    note(size)
    if size == "size = 13":
        sys.exit(13)

for name in ("USR1", "USR2"):
    signal.signal(getattr(signal, "SIG" + name), lambda *_, name=name: note(name))
signal.signal(signal.SIGHUP, load)
signal.signal(signal.SIGQUIT, lambda *_: (note("QUIT"), os._exit(4)))
signal.signal(signal.SIGTERM, lambda *_: (note("TERM"), os._exit(7)))
note(f"start {os.getpid()}")
load()
while True:
    time.sleep(0.05)
"""


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def service(world):
    """A program that reads the file when it starts and after SIGHUP, and writes down what happens to it."""
    (world.folder / "service.py").write_text(SERVICE)
    world.seen = world.folder / "seen"
    return ("--exec", sys.executable, world.folder / "service.py", world.into / "app.conf", world.seen)


def seen(world):
    """What the service wrote down, without the process ids."""
    return [
        re.sub(r" \d+$", "", line) if line.startswith("start") else line
        for line in world.seen.read_text().split("\n")[:-1]
    ]


# --- files ---


def test_an_init_container_writes_one_revision_and_ends(world):
    assert world.once() == (0, f"agent: revision {digest(world)} is in place\n")
    assert (world.into / "app.conf").read_text() == "size = 1\nname = shop\n"
    assert (world.into / "app.conf").readlink().as_posix() == "..data/app.conf"
    assert [(world.into / "..data").readlink().as_posix()] == world.homes()


def digest(world):
    return json.loads((world.mount.folder / "weft.json").read_text())["digest"][:12]


def test_without_templates_each_domain_is_a_json_file(world):
    world.once(render=False)
    assert json.loads((world.into / "app.json").read_text()) == {"name": "shop", "size": 1, "port": 80}


def test_a_bundle_may_be_one_file_and_an_output_may_be_in_a_folder(world):
    source = world.folder / "bundle.json"
    source.write_text(json.dumps(bundle(size=5)))
    agent = world.agent("--render", f"{world.template}:conf.d/more/app.conf", source=source)
    world.becomes(5, agent)
    staged = world.folder / "staged"
    staged.write_text(json.dumps(bundle(size=6)))
    staged.replace(source)
    world.becomes(6, agent)
    assert (world.into / "conf.d/more/app.conf").read_text().startswith("size = 6")
    source.write_text('{"weft.json"')
    world.said(agent, "is not a JSON object with the files of a bundle as texts")
    assert world.size() == 6


def test_all_files_change_at_once_and_old_ones_are_removed(world):
    several = [part for number in range(20) for part in ("--render", f"{world.template}:file-{number}")]
    agent = world.agent(*several)
    world.becomes(1, agent)
    stop, missing = threading.Event(), []

    def look():
        while not stop.is_set():
            if not os.path.lexists(world.into / "..data"):
                missing.append(time.monotonic())

    watcher = threading.Thread(target=look)
    watcher.start()
    for size in range(2, 12):
        world.set(size=size)
        mixed = set()
        while size not in mixed:
            data = world.into / (world.into / "..data").readlink()
            try:
                found = {(data / f"file-{number}").read_text() for number in range(20)}
            except FileNotFoundError:
                continue  # the link moved on, and what it led to is gone
            assert len(found) == 1
            mixed.add(int(found.pop().split("\n")[0].removeprefix("size = ")))
    stop.set()
    watcher.join()
    assert missing == []
    until(lambda: len(world.homes()) == 1)


def test_an_output_that_is_no_longer_made_loses_its_link(world):
    world.once("--render", f"{world.template}:second.conf")
    world.set(size=2)
    world.once()
    assert sorted(path.name for path in world.into.iterdir() if not path.name.startswith("..")) == ["app.conf"]


# --- what is refused ---


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"size": 0}, "overlays/base.yaml:3"),
        ({"size": 400}, None),
        ({"unknown": 1}, "unknown"),
        ({"name": 5}, "error[wrong-type]"),
    ],
)
def test_a_revision_that_the_schema_refuses_is_said_and_the_agent_goes_on(world, settings, reason):
    agent = world.agent()
    world.becomes(1, agent)
    world.set(**settings)
    if reason:
        world.said(agent, reason)
        assert world.size() == 1
    world.set(size=2) if reason else world.becomes(400, agent)
    if not reason:
        world.set(size=3)
        world.said(agent, "it shrinks too fast")
        assert world.size() == 400
    else:
        world.becomes(2, agent)


def test_the_check_reads_the_new_files_before_they_are_in_place(world):
    script = world.folder / "check"
    text = f'read -r line < "$1/app.conf"\necho "$1 $line" >> {world.folder}/checked\n'
    script.write_text(f'#!/bin/sh\n{text}test "$line" != "size = 66" || (echo no 66 please; false)\n')
    script.chmod(0o755)
    agent = world.agent("--check", f"{script} {{}}")
    world.becomes(1, agent)
    world.set(size=66)
    world.said(agent, "the check ended with 1: no 66 please")
    place, line = (world.folder / "checked").read_text().split("\n")[1].split(" ", 1)
    assert line == "size = 66"
    assert re.fullmatch(rf"{world.into}/\.\.weft_[0-9a-f]+", place)
    assert world.size() == 1
    assert len(world.homes()) == 1
    world.set(size=67)
    world.becomes(67, agent)


def test_a_template_that_fails_is_said_with_its_line(world):
    world.template.write_text("size = 1\n{{ app.nothing }}\n")
    code, said = world.once()
    assert code == 1
    assert f"{world.template}:2:8" in said
    assert "app.nothing is not set" in said
    assert world.homes() == []


def test_a_template_runs_in_the_sandbox(world):
    world.template.write_text("{{ config.__class__ }}\n")
    assert "template-unsafe" in world.once()[1]


def test_a_start_without_anything_usable_ends_with_1_or_keeps_what_is_in_place(world):
    world.set(size=0)
    code, said = world.once()
    assert (code, world.homes()) == (1, [])
    assert "out-of-range" in said
    world.set(size=3)
    world.once()
    world.set(size=0)
    code, said = world.once()
    assert (code, world.size()) == (0, 3)
    assert "the last good revision is in place" in said


@pytest.mark.parametrize("what", ["missing", "torn", "half", "outside"])
def test_a_source_that_cannot_be_used_changes_nothing(world, what):
    agent = world.agent()
    world.becomes(1, agent)
    files = bundle(size=9)
    if what == "missing":
        (world.mount.folder / "..data").unlink()
    elif what == "torn":
        world.mount.publish(files | {"app.json": files["app.json"][:20]})
    elif what == "half":
        world.mount.publish(files | {"app.json": bundle(size=8)["app.json"]})
    else:
        secret = world.folder / "outside"
        secret.write_text(files["app.json"])
        home = world.mount.folder / "..outside"
        home.mkdir()
        for name, text in files.items():
            (home / name).symlink_to(secret) if name == "app.json" else (home / name).write_text(text)
        (world.mount.folder / "..data_tmp").symlink_to(home.name)
        (world.mount.folder / "..data_tmp").replace(world.mount.folder / "..data")
    world.said(agent, "bundle-refused")
    assert ("leads out of" in agent.log.read_text()) == (what == "outside")
    assert world.size() == 1
    world.mount.publish(bundle(size=2))
    world.becomes(2, agent)


def test_the_last_good_bundle_is_used_for_a_start_without_a_source(world):
    kept = ("--last-good", world.folder / "kept")
    world.set(size=4, revision=4)
    world.once(*kept)
    for path in (world.into, world.mount.folder):
        subprocess.run([sys.executable, "-c", f"import shutil; shutil.rmtree({str(path)!r})"], check=True)
    code, said = world.once(*kept)
    assert (code, world.size()) == (0, 4)
    assert "the last good revision is in place" in said


def test_an_older_revision_is_refused_also_after_a_restart(world):
    kept = ("--last-good", world.folder / "kept")
    world.set(size=4, revision=4)
    world.once(*kept)
    world.set(size=3, revision=3)
    code, said = world.once(*kept)
    assert (code, world.size()) == (0, 4)
    assert "this is revision 3, and revision 4 is in force" in said


# --- the folder ---


def test_a_second_agent_says_who_keeps_the_folder(world):
    agent = world.agent()
    world.becomes(1, agent)
    code, said = world.once()
    assert code == 3
    assert f"another agent keeps {world.into}: process {agent.pid} on " in said
    agent.kill()
    agent.wait()
    assert world.once()[0] == 0


def test_the_lock_of_an_agent_that_was_killed_while_it_started_a_command_is_waited_for(world):
    """The child has a copy of it from its fork until it is another program."""
    assert world.once()[0] == 0
    handle = os.open(world.into / "..weft.lock", os.O_RDWR)
    fcntl.flock(handle, fcntl.LOCK_EX)
    threading.Timer(0.3, os.close, [handle]).start()
    assert world.once()[0] == 0


def test_what_is_in_the_way_stays(world):
    world.into.mkdir()
    (world.into / "app.conf").write_text("mine")
    code, said = world.once()
    assert code == 3
    assert f"{world.into}/app.conf cannot be replaced" in said
    assert ((world.into / "app.conf").read_text(), world.homes()) == ("mine", [])


def test_a_link_that_leads_elsewhere_is_not_followed(world):
    world.into.mkdir()
    elsewhere = world.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").touch()
    (world.into / "..data").symlink_to(elsewhere)
    code, said = world.once()
    assert code == 3
    assert f"it leads to {elsewhere}" in said
    assert (elsewhere / "precious").exists()


def test_a_folder_that_cannot_be_made_is_said(world):
    (world.folder / "file").touch()
    code, said = world.once(into=world.folder / "file/into")
    assert code == 3
    assert "cannot-write" in said


FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
from weft.cli import main
main()
"""


def test_files_that_do_not_fit_leave_nothing(world):
    world.once()
    world.template.write_text("size = {{ app.size }}\n{{ 'x' * 200000 }}")
    world.set(size=2)
    (world.folder / "full.py").write_text(FULL)
    done = subprocess.run(
        [sys.executable, "full.py", "agent", "--source", "mount", "--into", "into", "--once", "--render", f"{world.template}:app.conf"],
        cwd=world.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert "file too large" in done.stderr
    assert (world.size(), len(world.homes())) == (1, 1)


def test_a_good_revision_that_was_edited_is_not_trusted(world):
    world.once()
    (world.into / world.homes()[0] / "app.conf").write_text("size = 999\n")
    world.set(size=0)
    assert world.once()[0] == 1


# --- the program ---


def test_a_program_is_started_after_the_first_revision_and_its_exit_code_is_the_agents(world, service):
    agent = world.agent(*service)
    until(lambda: seen(world) == ["start", "size = 1"])
    for number, name in ((signal.SIGUSR1, "USR1"), (signal.SIGUSR2, "USR2"), (signal.SIGHUP, "size = 1")):
        agent.send_signal(number)
        until(lambda name=name: seen(world)[-1] == name)
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(20) == 7
    assert seen(world)[-1] == "TERM"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGQUIT, 4), (signal.SIGINT, 130)])
def test_other_signals_that_end_it(world, service, number, code):
    agent = world.agent(*service)
    until(lambda: "size = 1" in seen(world))
    agent.send_signal(number)
    assert agent.wait(20) in (code, 1)


def test_a_program_that_ends_ends_the_agent(world, service):
    agent = world.agent(*service)
    pid = int(until(lambda: "size = 1" in seen(world) and world.seen.read_text().split()[1]))
    os.kill(pid, signal.SIGKILL)
    assert agent.wait(20) == 137


def test_a_new_revision_restarts_the_program_or_notifies_it(world, service):
    agent = world.agent(*service)
    until(lambda: "size = 1" in seen(world))
    world.set(size=2)
    until(lambda: seen(world) == ["start", "size = 1", "TERM", "start", "size = 2"])
    agent.send_signal(signal.SIGTERM)
    agent.wait(20)
    world.seen.unlink()
    agent = world.agent("--notify", "kill -HUP {pid}", *service)
    until(lambda: "size = 2" in seen(world))
    world.set(size=3)
    until(lambda: seen(world) == ["start", "size = 2", "size = 3"])


def test_what_needs_a_restart_waits_for_one(world, service):
    world.template.write_text("size = {{ app.port }}\n")
    agent = world.agent("--notify", "kill -HUP {pid}", *service)
    until(lambda: "size = 80" in seen(world))
    world.set(port=81)
    world.said(agent, "what waits for a restart: app.port")
    assert world.size() == 80
    agent.send_signal(signal.SIGTERM)
    agent.wait(20)
    agent = world.agent(*service)
    world.becomes(81, agent)
    world.set(port=82)
    world.becomes(82, agent)


def test_restarts_have_growing_pauses_in_which_the_source_is_followed(world, service):
    agent = world.agent("--restart", *service)
    until(lambda: "size = 1" in seen(world))
    for pause in (1, 2):
        os.kill(int(world.seen.read_text().split("start ")[-1].split()[0]), signal.SIGKILL)
        world.said(agent, f"the program ended with 137: it starts again in {pause} s")
        count = seen(world).count("start")
        until(lambda count=count: seen(world).count("start") > count and seen(world)[-1] == "size = 1")
    os.kill(int(world.seen.read_text().split("start ")[-1].split()[0]), signal.SIGKILL)
    world.said(agent, "it starts again in 4 s")
    world.set(size=2)
    until(lambda: seen(world)[-1] == "size = 2", seconds=3)


def test_a_program_that_dies_of_a_revision_gets_the_old_files_back(world, service):
    agent = world.agent(*service)
    until(lambda: "size = 1" in seen(world))
    world.set(size=13)
    world.said(agent, "is refused: the program ended with 13; the old files are in place again")
    until(lambda: seen(world) == ["start", "size = 1", "TERM", "start", "size = 13", "start", "size = 1"])
    assert (agent.poll(), world.size(), len(world.homes())) == (None, 1, 1)


# --- notify, health, back ---


def notify(world):
    """A notification that writes down what is in place, and hangs, or fails, where a file says so."""
    script = world.folder / "notify"
    text = f'#!/bin/sh\nread -r line < {world.into}/app.conf; echo "$line" >> {world.folder}/notified\n'
    script.write_text(
        f"{text}test ! -e {world.folder}/hang || read -r never < {world.folder}/pipe\ntest ! -e {world.folder}/fail\n"
    )
    script.chmod(0o755)
    os.mkfifo(world.folder / "pipe")
    return script


def notified(world):
    return (world.folder / "notified").read_text().split("\n")[:-1]


def test_bad_health_brings_the_old_files_back_and_the_revision_is_not_tried_again(world):
    health = f'read -r line < {world.into}/app.conf; test "$line" != "size = 2"'
    options = ("--notify", notify(world), "--health", health, "--health-timeout", "1")
    agent = world.agent(*options)
    until(lambda: notified(world) == ["size = 1"])
    world.set(size=2)
    world.said(
        agent, "the program is not well within 1 s: the health command ended with 1; the old files are in place again"
    )
    assert notified(world) == ["size = 1", "size = 2", "size = 1"]
    assert (world.size(), len(world.homes())) == (1, 1)
    world.set(size=2, origins={})
    world.said(agent, "it was refused before")
    agent.kill()
    agent.wait()
    agent = world.agent(*options)
    world.said(agent, "it was refused before")
    assert (world.size(), notified(world)) == (1, ["size = 1", "size = 2", "size = 1"])
    world.set(size=3)
    world.becomes(3, agent)
    until(lambda: json.loads((world.into / "..weft.json").read_text())["refused"] is None)


def test_health_must_succeed_three_times_in_a_row(world):
    script = world.folder / "health"
    script.write_text(f"#!/bin/sh\necho x >> {world.folder}/asked\ntest -e {world.folder}/well\n")
    script.chmod(0o755)
    agent = world.agent("--notify", ":", "--health", script, "--health-timeout", "6")
    world.becomes(1, agent)
    world.set(size=2)
    asked = world.folder / "asked"
    until(lambda: asked.read_text().count("x") == 2)
    (world.folder / "well").touch()
    world.said(agent, "app.size")
    assert asked.read_text().count("x") in (5, 6)


def test_a_notification_that_hangs_is_ended_and_one_that_fails_refuses(world):
    agent = world.agent("--notify", notify(world), "--timeout", "1")
    until(lambda: notified(world) == ["size = 1"])
    (world.folder / "hang").touch()
    world.set(size=2)
    world.said(
        agent,
        "the notification gave no answer within 1 seconds; the old files are in place again; then the notification gave",
    )
    (world.folder / "hang").unlink()
    (world.folder / "fail").touch()
    world.set(size=3)
    world.said(agent, "the notification ended with 1")
    (world.folder / "fail").unlink()
    world.set(size=4)
    world.becomes(4, agent)
    world.said(agent, "app.size")


def test_hup_looks_again_and_term_ends(world):
    agent = world.agent()
    world.becomes(1, agent)
    agent.send_signal(signal.SIGHUP)
    world.said(agent, "nothing has changed")
    assert agent.log.read_text().count("is in place") == 1
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(20) == 0


def test_term_during_a_trial_ends_at_once_and_the_next_start_has_the_good_revision(world):
    options = ("--notify", ":", "--health", "false", "--health-timeout", "60")
    agent = world.agent(*options)
    world.becomes(1, agent)
    world.set(size=2)
    world.becomes(2, agent)
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(5) == 0
    world.set(size=0)
    assert world.once()[0] == 0
    assert world.size() == 1


def test_term_ends_a_command_that_hangs(world):
    os.mkfifo(world.folder / "pipe")
    agent = world.agent(
        "--check", f"echo > {world.folder}/began; read -r never < {world.folder}/pipe", "--timeout", "60"
    )
    until((world.folder / "began").exists)
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(20) == 0
    assert world.homes() == []


# --- secrets ---


def test_secrets_reach_the_files_of_the_owner_and_no_log(world):
    secrets = world.folder / "secrets"
    secrets.mkdir()
    (secrets / "APP_PASSWORD").write_text(CANARY)
    world.template.write_text("size = {{ app.size }}\npassword = {{ app.password }}\n")
    world.set(secrets={"app.password": "APP_PASSWORD"})
    check = 'while read -r line; do echo "$line"; done < {}/app.conf; exit '
    agent = world.agent("--secrets", secrets, "--check", check + "0")
    world.becomes(1, agent)
    assert CANARY in (world.into / "app.conf").read_text()
    assert (world.into / "app.conf").stat().st_mode & 0o777 == 0o600
    (secrets / "APP_PASSWORD").write_text(CANARY + "-rotated")
    until(lambda: f"{CANARY}-rotated" in (world.into / "app.conf").read_text())
    world.set(secrets={"app.password": "APP_PASSWORD"}, size=2)
    code, said = world.once("--secrets", secrets, "--check", check + "9", into=world.folder / "other")
    assert code == 1
    assert "password = ***" in said
    assert CANARY not in said + agent.log.read_text()


# --- killed ---


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(300))
def test_killed_at_any_moment_the_next_start_has_a_good_revision(tmp_path, seed):
    chance = random.Random(seed)
    world = World(tmp_path)
    health = f'read -r line < {world.into}/app.conf; case "$line" in *3) false;; esac'
    options = ("--notify", ":", "--health", health, "--health-timeout", "0.3")
    world.once()
    try:
        agent = world.agent(*options)
        until(lambda: "is in place" in agent.log.read_text())
        for _ in range(chance.randint(1, 3)):
            world.set(size=chance.choice((2, 3, 12, 13)))
            time.sleep(chance.random() * 0.3)
        agent.kill()
        agent.wait()
        known = json.loads((world.into / "..weft.json").read_text())
        world.set(size=0)
        code, said = world.once()
        assert code == 0, said
        assert world.size() in (1, 2, 12)
        assert world.homes() == [known["good"]]
    finally:
        world.close()


# --- the command line ---


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["redis"], "a program to run comes after --exec"),
        (["--exec"], "--exec needs a program"),
        (["--restart"], "--restart is for the program"),
        (["--once", "--exec", "true"], "--once ends before"),
        (["--notify", "kill {pid}"], "{pid} is the program of --exec"),
        (["--render", "app.conf"], "expected TEMPLATE:FILE"),
        (["--render", "a:../b"], "must be a path inside"),
        (["--render", "a:b", "--render", "c:b"], "two templates make b"),
        (["--into", "x"], "--into is the folder of --source"),
    ],
)
def test_usage(tmp_path, arguments, message):
    (tmp_path / "x").mkdir()
    done = run("agent", "--source", "x", "--into", "y", *arguments, cwd=tmp_path)
    assert done.code == 2
    assert message in " ".join(done.err.split())


# --- the page ---

SERVICED = """
import signal, sys, time
from pathlib import Path
if "--test" in sys.argv:
    sys.exit("size = 66" in Path(sys.argv[2]).read_text())
if "--ping" in sys.argv:
    sys.exit(0)
signal.signal(signal.SIGHUP, lambda *_: Path("loaded").write_text(Path(sys.argv[1]).read_text()))
while True:
    time.sleep(0.05)
"""


def test_the_commands_of_the_page(world, monkeypatch):
    page = (ROOT / "docs/reference/programs.md").read_text("utf-8").partition("## Programs that cannot use")[2]
    block = re.search(r"```sh\n(.*?)```", page, re.DOTALL)[1]
    places = {"/etc/weft": world.mount.folder, "/etc/service": world.into, "service.conf.j2": world.template}
    for name, place in places.items():
        block = block.replace(name, str(place))
    once, always = (shlex.split(line) for line in block.splitlines() if line)
    serviced = world.folder / "bin/serviced"
    serviced.parent.mkdir()
    (world.folder / "serviced.py").write_text(SERVICED)
    command = shlex.join([sys.executable, str(world.folder / "serviced.py")])  # whose path may have a blank in it
    serviced.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    serviced.chmod(0o755)
    monkeypatch.setenv("PATH", f"{serviced.parent}{os.pathsep}{os.environ['PATH']}")
    done = run(*once[1:], cwd=world.folder)
    assert (done.code, world.size("service.conf")) == (0, 1)
    agent = world.start([sys.executable, "-m", *always])
    world.said(agent, "is in place")
    world.set(size=2)
    until(lambda: "size = 2" in (world.folder / "loaded").read_text())
    world.set(size=66)
    world.said(agent, "the check ended with 1")
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(20) == 143
