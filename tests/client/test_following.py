"""Following a source: it is read when it is quiet, whole, and by each process for itself."""

import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from weft.client import notifier as watching
from weft.client.notifier import Notifier, settled
from weft.client.sources import Folder, Unreadable
from world import until


def handles():
    """The open files of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_folder_that_is_removed_and_made_again_is_followed(world, monkeypatch):
    monkeypatch.setattr(watching, "POLL", 0.2)
    config = world.open()
    for maximum in (20, 30):
        shutil.rmtree(world.mount.folder)
        until(lambda: config.status.stale_since)
        world.mount.folder.mkdir()
        world.set(pool={"max": maximum})
        until(lambda maximum=maximum: config["pool.max"] == maximum)
        assert config.status.problems == ()


def test_a_source_is_read_when_it_is_quiet_whatever_else_happens_in_its_folder(tmp_path):
    notifier = Notifier([tmp_path])
    file, changes, stop = tmp_path / "file", [], threading.Event()

    def write():
        for number in range(10):
            file.write_text(str(number))
            changes.append(time.monotonic())
            (tmp_path / "..other").touch()
            (tmp_path / "..other").unlink()
            time.sleep(0.02)
        while not stop.wait(0.01):
            (tmp_path / "..other").touch()

    thread = threading.Thread(target=write)
    thread.start()
    until(lambda: changes)
    settled(file.read_text, notifier, 0.1)
    waited = time.monotonic() - changes[-1]
    stop.set()
    thread.join()
    notifier.close()
    assert len(changes) == 10
    assert 0.1 <= waited < 0.3


def test_a_source_that_is_never_quiet_is_read_nevertheless(tmp_path):
    notifier = Notifier([tmp_path])
    begun = time.monotonic()
    settled(time.monotonic, notifier, 0.05, longest=0.2)
    notifier.close()
    assert 0.2 <= time.monotonic() - begun < 1


def test_a_process_that_is_forked_gives_back_the_handles_of_its_parent(world):
    config = world.open()
    until(lambda: config._notifier._watches)
    before = handles()
    child = os.fork()
    if child == 0:
        for _ in range(200):  # its own thread opens a folder now and then
            if handles() == before:
                os._exit(0)
            time.sleep(0.01)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_source_that_is_replaced_while_it_is_read_is_read_again(world, monkeypatch):
    source = Folder(world.mount.folder)
    read, turns = Folder._contents, []

    def replaced(self):
        turns.append(1)
        if len(turns) == 1:
            world.set(pool={"max": 20})
            raise Unreadable("it was removed")
        return read(self)

    monkeypatch.setattr(Folder, "_contents", replaced)
    assert b"20" in source.read().contents["pool.json"]
    assert len(turns) == 2


def test_a_source_that_is_replaced_all_the_time_is_reported(world, monkeypatch):
    read = Folder._contents

    def replaced(self):
        found = read(self)
        world.set()
        return found

    monkeypatch.setattr(Folder, "_contents", replaced)
    with pytest.raises(Unreadable, match="changes all the time"):
        Folder(world.mount.folder).read()
