"""Whatever the source has, the program goes on with what is in force, says what is wrong, and takes the next good revision."""

import json
import shutil
import time

import pytest

import weft.client
from weft import WeftError
from weft.client import notifier, settling
from weft.client.judging import Judge
from weft.client.sources import File, Folder
from weft.files.bundle import digest_of, parse_manifest
from weft.files.reading import ProjectFiles
from world import SCHEMA, until

CANARY = "canary-of-a-source-23"  # pragma: allowlist secret


def sealed_with(files, changes, manifest):
    """A bundle with changes by somebody who knows how the digest is made."""
    changed = {**files, **changes}
    data = {**json.loads(files["weft.json"]), **manifest}
    try:
        names = parse_manifest(json.dumps(data).encode()).files
        encoded = {name: changed[name].encode("utf-8", "surrogateescape") for name in names}
        data["digest"] = digest_of(encoded)
    except ValueError:
        encoded = {name: text.encode() for name, text in changed.items()}
    return {**encoded, "weft.json": json.dumps(data).encode()}


def problem_of(config):
    """What keeps the source from being accepted."""
    assert config.status.stale_since
    return config.status.problems[0]


@pytest.mark.parametrize(
    ("changes", "manifest", "text"),
    [
        ({"app.json": "[]"}, {}, "app must be a mapping, not a list"),
        ({"app.json": "null"}, {}, "app must be a mapping, not null"),
        ({"app.json": "\udcff"}, {}, "it is not UTF-8"),
        ({"app.json": "[" * 5000}, {}, "it is n"),  # which version of Python says not JSON, and which nested too deep
        ({"app.json": '{"name": "shop", "x": ' + "[" * 900 + "]" * 900 + "}"}, {}, "it is nested deeper than"),
        (
            {"app.json": '{"name": "shop", "x": ' + '{"x":' * 200 + "1" + "}" * 200 + "}"},
            {},
            "it is nested deeper than 128",
        ),
        ({"app.json": '{\0"\0a\0"\0:\0001\0}\0'}, {}, "it is not JSON"),
        ({"app.json": "\udcff\udcfe{\0}\0"}, {}, "it is not UTF-8"),
        ({"app.json": '{"name": "shop", "\\ud800": 1}'}, {}, "half of a surrogate pair"),
        ({"app.json": '{"name": "shop", "x": ["\\udfff"]}'}, {}, "half of a surrogate pair"),
        ({}, {"values": {"\ud800": "app.json"}}, "half of a surrogate pair"),
        ({}, {"secrets": {"app." + "a." * 200 + "b": "X"}}, "a setting is nested deeper than 128 levels"),
        ({"app.json": '{"name": "x"}', "origins.json": "{"}, {}, "app.name must have at least 2 characters"),
        ({"app.json": '{"name": "x"}', "origins.json": '{"app.name": 5}'}, {}, "app.name must have at least 2"),
        ({"schema.json": ""}, {}, "no data"),
        ({"schema.json": "[" * 100000}, {}, "nested deeper"),
        ({"schema.json": '{"$ref": "other.json"}'}, {}, "a file that does not exist"),
        ({"schema.json": '{"x-kubernetes-validations": [{"rule": "1 +"}]}'}, {}, "the rule does not compile"),
        ({}, {"secrets": {"a..b": "X"}}, "`a..b` is not a path"),
        ({}, {"secrets": {"app.name.x": "X"}}, ""),
        ({}, {"secrets": {"app.hosts[5]": "X"}}, ""),
        ({}, {"others": 5}, "not the manifest of a bundle"),
        ({}, {"format": -1}, "-1 is not a format"),
        ({}, {"format": True}, "True is not a format"),
        ({}, {"format": 1.0}, "1.0 is not a format"),
        ({}, {"revision": 10**30}, "more than 64 bits"),
        ({}, {"revision": -(2**64)}, "more than 64 bits"),
        ({"pool.json": '{"max": NaN}'}, {}, "NaN is not a number of JSON"),
        ({"pool.json": '{"max": -Infinity}'}, {}, "-Infinity is not a number of JSON"),
        ({"pool.json": '{"max": 1e999}'}, {}, "1e999 is not a number of JSON"),
        ({}, {"values": []}, "not the manifest of a bundle"),
        ({}, {"values": {}}, "app.name is required"),
    ],
)
def test_a_strange_bundle_with_a_good_digest_is_refused_and_the_next_one_taken(world, changes, manifest, text):
    config = world.open()
    world.mount.publish(sealed_with(world.files(app={"port": 81}), changes, manifest))
    until(lambda: config.status.stale_since)
    assert text in problem_of(config).message
    assert (config["app.port"], config["pool.max"]) == (80, 10)
    config.explain("pool.max")
    json.dumps(config.status.as_dict())
    world.set(pool={"max": 20})
    until(lambda: config["pool.max"] == 20)
    assert (config.status.problems, config.status.refused) == ((), 1)


def test_if_checking_fails_the_program_goes_on_and_so_does_following(world, monkeypatch, caplog):
    config = world.open()
    with monkeypatch.context() as patch:
        patch.setattr(Judge, "problems", lambda *_: 1 / 0)
        world.set(pool={"max": 20})
        until(lambda: config.status.stale_since)
        assert "checking it failed (ZeroDivisionError)" in problem_of(config).message
        assert "Traceback" in caplog.text
    world.set(pool={"max": 30})
    until(lambda: config["pool.max"] == 30)


@pytest.mark.parametrize(("turn", "origin"), [(1, "source"), (2, "last-good")])
def test_if_checking_one_of_them_fails_at_the_start_the_other_is_used(world, monkeypatch, turn, origin):
    world.open(watch=False)
    world.set(pool={"max": 20})
    known, turns = Judge.problems, []

    def fail_once(*args):
        turns.append(1)
        return 1 / 0 if len(turns) == turn else known(*args)

    monkeypatch.setattr(Judge, "problems", fail_once)
    config = world.open(watch=False)
    assert (config.status.origin, config.status.refused) == (origin, turn - 1)


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (shutil.rmtree, "copied cannot be read: No such file or directory"),
        (
            lambda folder: (shutil.rmtree(folder), folder.write_text("")),
            "is not a JSON object with the files of a bundle",
        ),
        (lambda folder: (folder / "weft.json").write_text(""), "weft.json: it is not JSON"),
        (lambda folder: (folder / "pool.json").unlink(), "pool.json cannot be read: No such file or directory"),
        (
            lambda folder: ((folder / "pool.json").unlink(), (folder / "pool.json").mkdir()),
            "pool.json cannot be read: Is a directory",
        ),
        (
            lambda folder: ((folder / "pool.json").unlink(), (folder / "pool.json").symlink_to("/etc/hostname")),
            "pool.json leads out of",
        ),
        (lambda folder: ((folder / "pool.json").unlink(), (folder / "pool.json").symlink_to("pool.json")), "pool.json"),
    ],
    ids=["missing", "a file", "empty", "without a file", "a folder in it", "a link to outside", "a link to itself"],
)
def test_a_folder_that_cannot_be_read_is_told_with_its_place(world, spoil, text):
    folder = world.folder / "copied"
    folder.mkdir()
    for name, content in world.files().items():
        (folder / name).write_text(content)
    config = weft.client.open(folder, watch=False)
    spoil(folder)
    assert not config.refresh()
    assert text in problem_of(config).message
    assert str(folder) in problem_of(config).message
    with pytest.raises(WeftError, match=f"{folder}"):
        weft.client.open(folder, watch=False)


def test_what_could_not_be_read_is_read_again_though_nothing_changes(world, monkeypatch, caplog):
    monkeypatch.setattr(notifier, "POLL", 0.1)
    config, files = world.open(), world.files(pool={"max": 20})

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(ProjectFiles, "read", refuse)
        world.mount.publish(files)
        until(lambda: config.status.stale_since)
        assert "weft.json cannot be read: Permission denied" in problem_of(config).message
        time.sleep(0.5)
        assert (config.status.refused, caplog.text.count("stays in force")) == (1, 1)
    until(lambda: config["pool.max"] == 20)
    heard = []
    config.on_status(heard.append)
    time.sleep(0.4)
    assert heard == []


def test_what_was_refused_is_not_read_again_while_nothing_changes(world, monkeypatch):
    monkeypatch.setattr(notifier, "POLL", 0.1)
    config = world.open()
    heard = []
    config.on_status(heard.append)
    world.set(pool={"min": 99})
    until(lambda: config.status.stale_since)
    time.sleep(0.5)
    assert len(heard) == 1


@pytest.mark.parametrize("kind", [Folder, File])
def test_other_permissions_are_a_change(world, kind):
    folder = world.folder / "copied"
    folder.mkdir()
    (folder / "weft.json").write_text("{}")
    source = kind(folder if kind is Folder else folder / "weft.json")
    before = source.token()
    time.sleep(0.02)
    (folder / "weft.json").chmod(0o400)
    assert source.token() != before


def test_a_file_that_is_written_slowly_is_taken_when_it_is_whole(world):
    folder = world.folder / "copied"
    folder.mkdir()
    for name, content in world.files().items():
        (folder / name).write_text(content)
    config = weft.client.open(folder, debounce=0.01)
    world.opened.append(config)
    for name, content in world.files(pool={"max": 20}).items():
        with (folder / name).open("w") as file:
            for start in range(0, len(content), 1 + len(content) // 3):
                file.write(content[start : start + 1 + len(content) // 3])
                file.flush()
                time.sleep(0.03)
        assert config["pool.max"] in (10, 20)
    until(lambda: config["pool.max"] == 20)
    assert config.status.problems == ()


def test_another_revision_that_is_wrong_in_the_same_way_is_another_refusal(world, caplog):
    config = world.open(watch=False)
    for _ in range(3):
        world.set(pool={"min": 99})
        config.refresh()
        config.refresh()
    assert config.status.refused == 3
    assert caplog.text.count("min is above max") == 3


def test_a_start_and_a_return_are_in_the_log(world, caplog):
    caplog.set_level("INFO", "weft.client")
    world.set(revision=3)
    config = world.open(watch=False)
    assert f"revision 3 is in force, from {world.mount.folder}" in caplog.text
    world.set(revision=4, pool={"min": 99})
    config.refresh()
    world.set(revision=3)
    config.refresh()
    assert "revision 3 is in force: no setting has changed" in caplog.text
    world.mount.publish({})
    caplog.clear()
    world.open(watch=False)
    assert f"revision 3 is in force, from {world.kept}" in caplog.text
    assert "revision 3 stays in force" in caplog.text
    assert "cannot be read" in caplog.text


# --- a mounted Secret ---

TWO = {**SCHEMA["properties"]["app"]["properties"]}
TWO["user"] = {"type": "string", "x-sensitive": True, "x-env": "APP_USER"}
PAIR = {**SCHEMA, "properties": {**SCHEMA["properties"], "app": {**SCHEMA["properties"]["app"], "properties": TWO}}}


def test_the_files_of_a_secret_are_of_one_revision(world, monkeypatch):
    world.secrets.publish({"APP_PASSWORD": "old", "APP_USER": "old"})
    world.set(schema=PAIR, app={"user": "ref+env://APP_USER"})
    config = world.open(watch=False)
    known, turns = settling._content, []

    def swapped_meanwhile(*args):
        found = known(*args)
        turns.append(1)
        if len(turns) == 1:
            world.secrets.publish({"APP_PASSWORD": "new", "APP_USER": "new"})
        return found

    monkeypatch.setattr(settling, "_content", swapped_meanwhile)
    world.set(schema=PAIR, app={"user": "ref+env://APP_USER"}, pool={"max": 20})
    config.refresh()
    assert config["app.user"] == config["app.password"]
    config.refresh()
    assert (config["app.user"], config["app.password"]) == ("new", "new")


def test_a_secret_that_is_gone_keeps_the_old_one(world):
    world.secrets.publish({"APP_PASSWORD": CANARY})
    config = world.open(watch=False)
    world.secrets.publish({})
    assert not config.refresh()
    assert "has no file any more for app.password" in problem_of(config).message
    assert config["app.password"] == CANARY
    world.secrets.publish({"APP_PASSWORD": f"{CANARY}-2"})
    assert config.refresh()
    assert config["app.password"] == f"{CANARY}-2"


@pytest.mark.parametrize(("content", "text"), [(b"\xff", "is not UTF-8"), (None, "cannot be read: is a directory")])
def test_a_secret_that_cannot_be_read_is_told(world, content, text):
    config = world.open(watch=False)
    world.secrets.publish({"APP_PASSWORD": content or b""})
    if content is None:
        file = world.secrets.folder / "..data" / "APP_PASSWORD"
        file.unlink()
        file.mkdir()
    assert not config.refresh()
    assert text in problem_of(config).message
    assert "APP_PASSWORD" in problem_of(config).message
