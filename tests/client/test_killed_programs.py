"""A program that follows its configuration is killed at any moment: the next start has an accepted revision, and none that was refused."""

import json
import random
import subprocess
import sys
import time

import pytest

import weft.client
from mounted import Mount
from weft.files.bundle import MANIFEST, written
from world import until

pytestmark = pytest.mark.programs("sh")  # each starts a program, and they are many
SCHEMA = {"type": "object", "properties": {"app": {"properties": {"number": {"type": "integer", "minimum": 0}}}}}
UNLOVED = 5
"""The listener of the program refuses all multiples."""

PROGRAM = f"""
import sys, time
from pathlib import Path
import weft.client
source, kept, notes = sys.argv[1:]

def note(text):
    with Path(notes).open("a") as file:
        file.write(text + "\\n")

config = weft.client.open(source, last_good=kept, debounce=0.002, watch=False)
note(f"force {{config.status.revision}}")

@config.before_change
def ask(change):
    if change.new["app.number"] % {UNLOVED} == 0:
        raise weft.client.Refused(f"not {{change.new.revision}}")

@config.on_status
def report(status):
    for problem in status.problems:
        if "does not accept" in problem.message:
            note(f"refused {{problem.message.split()[-1]}}")

config.on_change(lambda change: note(f"force {{change.new.revision}}"))
config.watch()
time.sleep(60)
"""


def bundle(revision, number=None):
    """The files of a revision."""
    values = {"app": {"number": revision if number is None else number, "list": [revision] * 500}}
    others = {"number.txt": str(revision)}
    return written(values, json.dumps(SCHEMA), {}, {}, others, project=None, target="one", revision=revision)


def published(chance, revision):
    """Some files of a revision, and whether schema and digest accept them."""
    kind = chance.choice(["good", "good", "good", "invalid", "torn"])
    files = bundle(revision, -revision) if kind == "invalid" else bundle(revision)
    if kind == "torn":
        files["app.json"] = files["app.json"][:-30]
    return files, kind == "good"


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(300))
def test_killed_at_any_moment_a_program_starts_with_an_accepted_revision(tmp_path, seed):
    chance = random.Random(seed)
    mount, kept, notes = Mount(tmp_path / "mount"), tmp_path / "kept", tmp_path / "notes"
    files = bundle(1)
    mount.publish(files)
    digests = {1: digest(files)}
    command = [sys.executable, "-c", PROGRAM, mount.folder, kept, notes]
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: notes.exists() and "force 1\n" in notes.read_text(), 30)
        for revision in range(2, 2 + chance.randint(1, 12)):
            files, is_good = published(chance, revision)
            if is_good:
                digests[revision] = digest(files)
            mount.publish(files)
            time.sleep(chance.random() * 0.04)
    finally:
        program.kill()
        program.wait()
    told = [line.split() for line in notes.read_text().splitlines()]
    refused = {int(number) for word, number in told if word == "refused"}
    last = max(int(number) for word, number in told if word == "force")

    mount.publish({})
    config = weft.client.open(mount.folder, last_good=kept, watch=False)
    assert config.status.origin == "last-good"
    check(config, digests, refused, last)
    mount.publish(files)
    config = weft.client.open(mount.folder, last_good=kept, watch=False)
    assert config.status.origin == ("source" if config.status.revision == revision else "last-good")
    check(config, digests, refused, last)
    found = config.status.revision
    mount.publish({})
    assert weft.client.open(mount.folder, last_good=kept, watch=False).status.revision == found


def check(config, digests, refused, last):
    """What is in force is whole, was accepted, and is not older than what was in force."""
    revision = config.status.revision
    assert revision in digests
    assert revision not in refused
    assert revision >= last
    assert (config["app.number"], config["app.list"][499], config.snapshot.digest) == (
        revision,
        revision,
        digests[revision],
    )


def digest(files):
    """The digest in a manifest."""
    return json.loads(files[MANIFEST])["digest"]
