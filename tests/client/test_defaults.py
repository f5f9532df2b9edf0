"""`require="defaults"`: a first start without a good source uses a bundle that comes with the program."""

import json

import pytest

import weft.client
from weft import WeftError


@pytest.fixture
def shipped(world):
    """A bundle next to the program, of a higher revision than those of the source."""
    folder = world.folder / "shipped"
    folder.mkdir()
    for name, text in world.files(revision=90, pool={"max": 5}).items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def start(world, shipped):
    """Start the program."""
    return lambda **options: world.open(watch=False, require="defaults", defaults=shipped, **options)


def test_a_first_start_without_a_source_uses_what_comes_with_the_program(world, start):
    world.mount.publish({})
    config = start()
    assert (config["pool.max"], config.status.origin, config.status.refused) == (5, "defaults", 1)
    assert "cannot be read" in config.status.problems[0].message
    assert not (world.kept / "last-good.json").exists()
    world.set(revision=3, pool={"max": 20})
    assert config.refresh()
    assert (config["pool.max"], config.status.origin, config.status.revision) == (20, "source", 3)
    world.set(revision=2, pool={"max": 30})
    assert not config.refresh()


def test_a_source_or_a_last_good_revision_comes_first(world, start):
    assert (start()["pool.max"], start().status.origin) == (10, "source")
    world.mount.publish({})
    assert (start()["pool.max"], start().status.origin) == (10, "last-good")


def test_the_same_bundle_in_the_source_is_the_last_good_one(world, start, shipped):
    world.mount.publish({})
    config = start()
    world.mount.publish({path.name: path.read_text() for path in shipped.iterdir()})
    config.refresh()
    assert config.status.origin == "source"
    assert (world.kept / "last-good.json").exists()


def test_they_are_checked_like_all_others_and_every_reason_is_told(world, start, shipped):
    world.mount.publish({})
    (shipped / "pool.json").write_text(json.dumps({"min": 1, "max": 6}))
    with pytest.raises(WeftError) as error:
        start()
    assert [str(problem.message)[:20] for problem in error.value.problems] == [
        f"{world.mount.folder}/"[:20],
        "the files do not have the digest"[:20],
    ]


def test_one_without_the_other_is_a_mistake(world, shipped):
    for options in ({"require": "defaults"}, {"defaults": shipped}):
        with pytest.raises(ValueError, match="need each other"):
            weft.client.open(world.mount.folder, **options)
