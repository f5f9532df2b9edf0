"""What programs do to a library that follows their configuration: many files, other folders, listeners that end or hang, links."""

import json
import logging
import os
import resource
import subprocess
import sys
import threading
import time

import pytest

from mounted import Mount
from weft import client
from weft.client import listeners
from weft.client.notifier import Notifier
from weft.client.sources import Folder
from world import until


def test_a_program_with_thousands_of_open_files_is_followed(world):
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limits[1] != resource.RLIM_INFINITY and limits[1] < 1500:
        pytest.skip("a process may not have so many files here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limits[0], 1500), limits[1]))
    handles = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        config = world.open()
        world.set(pool={"max": 20})
        until(lambda: config["pool.max"] == 20)
    finally:
        for handle in handles:
            os.close(handle)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.parametrize("error", [SystemExit(1), GeneratorExit(), RuntimeError("broken")], ids=repr)
def test_a_listener_that_ends_its_thread_ends_nothing_else(world, error, caplog):
    config = world.open()

    @config.on_change
    def fail(_):
        raise error

    world.set(pool={"max": 20})
    until(lambda: config["pool.max"] == 20)
    world.set(pool={"max": 30})
    until(lambda: config["pool.max"] == 30)
    assert "a listener of all settings failed" in caplog.text


@pytest.mark.parametrize("error", [SystemExit("not now"), GeneratorExit("not now"), TimeoutError("not now")], ids=repr)
def test_whatever_a_listener_raises_before_a_change_is_a_refusal_with_its_words(world, error):
    config, asked = world.open(watch=False), []

    @config.before_change
    def fail(_):
        raise error

    @config.before_change
    def other(_):
        asked.append(1)
        raise client.Refused("nor now")

    world.set(pool={"max": 20})
    assert not config.refresh()
    assert [problem.message.partition(": ")[2] for problem in config.status.problems] == ["not now", "nor now"]
    assert asked == [1]


def test_an_error_of_the_library_itself_does_not_end_the_following(world, monkeypatch, caplog):
    monkeypatch.setattr(time, "sleep", lambda _: None)
    config = world.open()
    real, broken = config._source.token, threading.Event()

    def token():
        if not broken.is_set():
            broken.set()
            raise RuntimeError("broken")
        return real()

    monkeypatch.setattr(config._source, "token", token)
    world.set(pool={"max": 20})
    until(lambda: config["pool.max"] == 20)
    assert "it is tried again" in caplog.text


HANGS = """
import sys, time, weft.client
from weft.client import listeners
listeners.PATIENCE = 0.1
config = weft.client.open(sys.argv[1], watch=False)
@config.before_change
def hang(_):
    time.sleep(1000)
print("open", flush=True)
sys.stdin.readline()
assert not config.refresh()
"""


def test_a_listener_that_hangs_does_not_keep_a_program_from_ending(world):
    program = subprocess.Popen(
        [sys.executable, "-c", HANGS, world.mount.folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert program.stdout.readline() == "open\n"
    world.set(pool={"max": 20})
    program.communicate("\n", timeout=20)
    assert program.returncode == 0


def test_a_listener_that_hangs_after_a_change_is_named(world, monkeypatch, caplog):
    monkeypatch.setattr(listeners, "PATIENCE", 0.05)
    config, ended = world.open(watch=False), threading.Event()

    @config.on_change
    def hang(_):
        until(lambda: "hang has been at work" in caplog.text)
        ended.set()

    world.set(pool={"max": 20})
    with caplog.at_level(logging.WARNING):
        config.refresh()
    assert ended.is_set()


def test_a_file_that_is_missing_at_the_start_is_followed_when_it_comes(world, tmp_path):
    path, kept = tmp_path / "bundle.json", tmp_path / "kept-file"
    write(world, path, pool={"max": 20})
    client.open(path, watch=False, last_good=kept).close()
    path.unlink()
    with client.open(path, last_good=kept, debounce=0.01) as config:
        assert config.status.origin == "last-good"
        write(world, path, pool={"max": 30})
        until(lambda: config["pool.max"] == 30)


def test_a_program_may_change_its_folder(world, monkeypatch, tmp_path):
    monkeypatch.chdir(world.folder)
    with client.open("mount", last_good="kept", secrets="secrets", debounce=0.01) as config:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        monkeypatch.chdir(elsewhere)
        world.set(pool={"max": 20})
        until(lambda: config["pool.max"] == 20)
        assert list(elsewhere.iterdir()) == []


def test_a_link_that_leads_nowhere_hides_no_change(world, tmp_path):
    folder = tmp_path / "plain"
    folder.mkdir()
    put(world.files(), folder)
    (folder / ".#app.json").symlink_to("me@host.1:2")  # as Emacs locks a file
    with client.open(folder, debounce=0.01) as config:
        put(world.files(pool={"max": 20}), folder)
        until(lambda: config["pool.max"] == 20)


def write(world, path, **settings):
    path.write_text(json.dumps(world.files(**settings)))


def put(files, folder):
    for name, text in files.items():
        (folder / name).write_text(text)


@pytest.mark.parametrize("above", [False, True], ids=["the link itself", "a link above"])
def test_a_link_that_is_switched_is_noticed_at_once(tmp_path, above):
    for name in ("one", "two"):
        (tmp_path / name / "inside").mkdir(parents=True)
    link = tmp_path / "current"
    link.symlink_to("one")
    path = link / "inside" if above else link
    notifier = Notifier(Folder(path).folders)
    notifier.wait(0)
    link.with_name("new").symlink_to("two")
    assert notifier.wait(0.5)
    link.with_name("new").replace(link)
    begun = time.monotonic()
    assert notifier.wait(3)
    while notifier.wait(0.2):
        pass
    (link / "inside" / "file").touch() if above else (link / "file").touch()
    assert notifier.wait(3)
    assert time.monotonic() - begun < 3
    notifier.close()


def test_a_folder_that_is_replaced_is_watched_again(world):
    config = world.open()
    for number in (20, 30):
        fresh = Mount(world.folder / f"fresh-{number}")
        fresh.publish(world.files(pool={"max": number}))
        world.mount.folder.rename(world.folder / f"old-{number}")
        fresh.folder.rename(world.mount.folder)
        until(lambda number=number: config["pool.max"] == number, 3)
