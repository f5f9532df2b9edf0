"""Who waits for a change hears of it, whenever it happens."""

import threading
import time

import pytest

from weft.client.notifier import FAST_POLL, Notifier


@pytest.fixture
def notifier(tmp_path):
    made = Notifier([tmp_path / "a"])
    yield made
    made.close()


def waited(notifier, seconds=2.0):
    """Whether somebody said that something has changed, and how long that took."""
    begun = time.monotonic()
    return notifier.wait(seconds), time.monotonic() - begun


def test_what_happens_before_the_first_wait_is_not_missed(notifier, tmp_path):
    (tmp_path / "a").mkdir()
    said, seconds = waited(notifier)
    assert said
    assert seconds < 1
    assert waited(notifier, 0.05)[0] is False


def test_a_change_ends_the_wait(notifier, tmp_path):
    (tmp_path / "a").mkdir()
    notifier.wait()
    threading.Timer(0.05, (tmp_path / "a" / "b").write_text, ["x"]).start()
    said, seconds = waited(notifier)
    assert said
    assert seconds < 1


def test_another_thread_ends_the_wait_also_before_it_begins(notifier, tmp_path):
    (tmp_path / "a").mkdir()
    notifier.wait()
    notifier.wake()
    assert waited(notifier)[0]
    threading.Timer(0.05, notifier.wake).start()
    assert waited(notifier)[0]


def test_a_folder_that_is_not_there_is_looked_for_often(notifier):
    said, seconds = waited(notifier)
    assert not said
    assert seconds < FAST_POLL + 0.5


def test_a_folder_that_is_created_again_is_watched_again(notifier, tmp_path):
    folder = tmp_path / "a"
    for _ in range(2):
        folder.mkdir()
        assert waited(notifier)[0]
        (folder / "b").write_text("x")
        assert waited(notifier)[0]
        (folder / "b").unlink()
        folder.rmdir()
        while notifier.wait(0.01):
            pass
