"""The files of a mounted Secret, and others that a program reads: nothing outside is read, and nothing blocks."""

import json
import os
import threading

import pytest

from weft import WeftError
from weft.client import notifier
from world import SCHEMA, sealed, until

CANARY = "canary-of-a-file-41"  # pragma: allowlist secret


def soon(call):
    """What a call gives, which must not block."""
    found = []
    thread = threading.Thread(target=lambda: found.append(call()), daemon=True)
    thread.start()
    thread.join(10)
    assert found, "it blocks"
    return found[0]


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({}, "app.password without a file or variable"),
        ({"APP_PASSWORD": ""}, "app.password with an empty one"),
        ({"APP_PASSWORD": "\n"}, "app.password with an empty one"),
    ],
)
def test_a_secret_without_a_value_is_a_warning_from_the_start(world, caplog, files, text):
    world.secrets.publish(files)
    config = world.open(watch=False)
    (warning,) = config.status.warnings
    assert (warning.code, warning.message) == ("unresolved-reference", f"sensitive settings have no value: {text}")
    assert text in caplog.text
    world.secrets.publish({"APP_PASSWORD": CANARY})
    assert config.refresh()
    assert config.status.warnings == ()


def test_an_empty_file_is_told_as_an_empty_one(world):
    world.secrets.publish({"APP_PASSWORD": CANARY})
    config = world.open(watch=False)
    world.secrets.publish({"APP_PASSWORD": ""})
    assert not config.refresh()
    assert "the mounted Secret has an empty file for app.password" in config.status.problems[0].message
    assert config["app.password"] == CANARY


def test_a_secret_that_leads_out_of_its_folder_is_refused(world):
    (world.folder / "outside").write_text(CANARY)
    (world.secrets.folder / "APP_PASSWORD").symlink_to(world.folder / "outside")
    with pytest.raises(WeftError, match="APP_PASSWORD leads out of") as caught:
        world.open(watch=False)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("name", ["/etc/hostname", "../outside", "a/../../outside", "..data", ".", "x\ny"])
def test_a_variable_that_is_no_file_name_is_never_a_path(world, name):
    (world.folder / "outside").write_text(CANARY)
    world.secrets.publish({"OTHER": "x"})
    schema = json.loads(json.dumps(SCHEMA))
    schema["properties"]["app"]["properties"]["password"]["x-env"] = "ONE"
    files = {name: text.replace('"ONE"', json.dumps(name)) for name, text in world.files(schema=schema).items()}
    world.mount.publish(sealed(files))
    config = world.open(watch=False)
    assert "app.password" not in config


def test_a_pipe_as_a_secret_blocks_nobody(world):
    world.secrets.publish({"APP_PASSWORD": CANARY})
    config = world.open(watch=False)
    file = world.secrets.folder / "..data" / "APP_PASSWORD"
    file.unlink()
    os.mkfifo(file)
    assert soon(config.refresh) is False
    assert "it is not a regular file" in config.status.problems[0].message


def test_a_pipe_in_the_folder_of_the_last_good_blocks_nobody(world):
    world.kept.mkdir()
    os.mkfifo(world.kept / "last-good.json")
    os.mkfifo(world.kept / "refused")
    config = soon(lambda: world.open(watch=False))
    assert config["pool.max"] == 10
    assert "it is not a regular file" in config.status.warnings[0].message


def test_a_pipe_in_the_source_blocks_nobody(world):
    config = world.open(watch=False)
    file = world.mount.folder / "..data" / "pool.json"
    file.unlink()
    os.mkfifo(file)
    assert soon(config.refresh) is False
    assert "it is not a regular file" in config.status.problems[0].message


# --- what cannot be kept ---


@pytest.mark.parametrize("look", ["the same", "another", "a refused"])
def test_what_could_not_be_kept_is_kept_at_a_later_look(world, caplog, look):
    world.secrets.publish({"APP_PASSWORD": CANARY})
    world.kept.write_text("not a folder")
    config = world.open(watch=False)
    (warning,) = config.status.warnings
    assert warning.code == "cannot-write"
    assert "the last good configuration is not kept" in warning.message
    config.refresh()
    assert caplog.text.count("the last good configuration is not kept") == 1
    world.kept.unlink()
    if look != "the same":
        world.set(pool={"max": 20} if look == "another" else {"min": 99})
    config.refresh()
    assert config.status.warnings == ()
    world.mount.publish({})
    assert world.open(watch=False)["pool.max"] == (20 if look == "another" else 10)


def test_a_folder_that_was_full_is_tried_again_by_itself(world, monkeypatch):
    monkeypatch.setattr(notifier, "POLL", 0.05)
    world.kept.write_text("not a folder")
    config = world.open()
    world.kept.unlink()
    until((world.kept / "last-good.json").exists)
    until(lambda: all(warning.code != "cannot-write" for warning in config.status.warnings))
