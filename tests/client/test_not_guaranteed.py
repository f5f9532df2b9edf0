"""What a program cannot rely on (docs/explanation/running-programs.md): each test shows what happens instead."""

import weft.client
from world import sealed


def test_two_quick_revisions_may_be_one_change(world):
    config = world.open(watch=False)
    heard = []
    config.on_change(lambda change: heard.append((change.old["pool.max"], change.new["pool.max"])))
    world.set(pool={"max": 20})
    world.set(pool={"max": 30})
    config.refresh()
    assert heard == [(10, 30)]


def test_a_listener_that_fails_after_a_change_does_not_take_it_back(world, caplog):
    config = world.open(watch=False)
    config.on_change("pool")(lambda _: 1 / 0)
    world.set(pool={"max": 20})
    assert config.refresh()
    assert config["pool.max"] == 20
    assert "a listener of pool failed" in caplog.text


def test_variables_of_the_environment_change_nothing(world, monkeypatch):
    monkeypatch.setenv("POOL_MIN", "5")
    config = world.open(watch=False)
    assert config["pool.min"] == 1


def test_a_start_without_a_last_good_has_no_earlier_revision_and_no_listeners(world):
    world.set(revision=7, pool={"max": 20})
    config = world.open(watch=False, last_good=None)

    @config.before_change("app.name")
    def refuse(_):
        raise weft.client.Refused("not now")

    world.set(revision=6, pool={"max": 15}, app={"name": "other"})
    assert not config.refresh()
    again = world.open(watch=False, last_good=None)
    assert (again.status.revision, again["pool.max"], again["app.name"]) == (6, 15, "other")


def test_a_digest_is_no_signature(world):
    config = world.open(watch=False)
    files = world.files()
    files["app.json"] = files["app.json"].replace("shop", "evil")
    world.mount.publish(sealed(files))
    assert config.refresh()
    assert config["app.name"] == "evil"


def test_files_that_are_copied_one_by_one_are_refused_until_they_fit(world):
    folder = world.folder / "copied"
    folder.mkdir()
    for name, text in world.files().items():
        (folder / name).write_text(text)
    config = weft.client.open(folder, watch=False)
    refused = 0
    for name, text in world.files(pool={"max": 20}).items():
        staged = world.folder / "staged"
        staged.write_text(text)
        staged.replace(folder / name)
        refused += not config.refresh() and bool(config.status.stale_since)
        assert config["pool.max"] == (20 if config.status.accepted == 2 else 10)
    assert refused
    assert config["pool.max"] == 20
