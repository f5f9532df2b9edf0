"""Arguments that have no meaning are errors, and a setting is asked for by its path."""

from pathlib import Path

import pytest

import weft.client


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"require": "Valid"}, ValueError, "`require='Valid'` is not known: did you mean `valid`?"),
        ({"require": "last_good"}, ValueError, "did you mean `last-good`?"),
        ({"require": 5}, ValueError, "expected `valid`, `last-good`, `defaults`"),
        ({"environ": "secret"}, ValueError, '`environ` must be True, False, "secrets" or a mapping'),
        ({"environ": None}, ValueError, "`environ` must be"),
        ({"environ": 1}, ValueError, "`environ` must be"),
        ({"debounce": "0.1"}, TypeError, "`debounce` must be a number of seconds, and not '0.1'"),
        ({"debounce": True}, TypeError, "`debounce` must be a number"),
        ({"debounce": -1}, ValueError, "`debounce` must be a number of seconds that is not negative, and not -1"),
        ({"debounce": float("nan")}, ValueError, "not negative"),
        ({"last_good": 5}, TypeError, "`last_good` must be the path of a folder, as a text or a `Path`, and not 5"),
        ({"last_good": ""}, ValueError, "`last_good` is an empty text"),
        ({"last_good": b"/x"}, TypeError, "`last_good` must be the path"),
        ({"secrets": ["/x"]}, TypeError, "`secrets` must be the path"),
        ({"secrets": "a\0b"}, ValueError, "`secrets` contains the character NUL"),
        ({"watch": "no"}, TypeError, "`watch` must be True or False, and not 'no'"),
        ({"inotify": 1}, TypeError, "`inotify` must be True or False"),
        ({"allow_older": "yes"}, TypeError, "`allow_older` must be True or False"),
        ({"require": "defaults", "defaults": 5}, TypeError, "`defaults` must be the path"),
    ],
)
def test_an_option_without_a_meaning_is_told(world, options, error, text):
    with pytest.raises(error) as caught:
        weft.client.open(world.mount.folder, **{"watch": False, **options})
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("source", "error", "text"),
    [
        (None, TypeError, "`source` must be the path of a folder"),
        (5, TypeError, "and not 5"),
        (b"/etc/weft", TypeError, "and not b'/etc/weft'"),
        ("", ValueError, "`source` is an empty text"),
        ("a\0b", ValueError, "the character NUL"),
    ],
)
def test_a_source_is_a_path_or_has_the_methods_of_one(source, error, text):
    with pytest.raises(error) as caught:
        weft.client.open(source)
    assert text in str(caught.value)


def test_every_option_in_its_usual_form_is_taken(world):
    config = weft.client.open(
        Path(world.mount.folder), last_good=str(world.kept), secrets=world.secrets.folder, environ={}, watch=False,
        debounce=0, require="valid", allow_older=True, inotify=False,
    )  # fmt: skip
    assert config["pool.max"] == 10


def test_a_configuration_is_asked_as_its_snapshot_is(world):
    config = world.open(watch=False)
    assert "pool.max" in config
    assert "pool" in config
    assert "pool.maxx" not in config
    assert 5 not in config
    assert list(config) == list(config.snapshot)
    assert dict(config) == dict(config.snapshot)
    with pytest.raises(weft.client.NoSetting, match="an empty text is not the path of a setting"):
        config[""]


@pytest.mark.parametrize("path", [0, None, b"pool", ("pool", "max"), ["pool"]])
def test_a_path_is_a_text(world, path):
    config = world.open(watch=False)
    for ask in (config.__getitem__, config.get, config.snapshot.get):
        with pytest.raises(TypeError, match="a setting has a text as its path"):
            ask(path)


def test_what_cannot_be_explained_is_told_with_a_similar_setting(world):
    config = world.open(watch=False)
    with pytest.raises(weft.client.NoSetting, match=r"no setting pool.maks: did you mean `pool.max`\?"):
        config.explain("pool.maks")
