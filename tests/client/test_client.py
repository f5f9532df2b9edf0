"""A running program: what it reads is always one whole accepted revision, whatever becomes of its source."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, Required, TypedDict

import pydantic
import pytest

import weft.client
from scratch import make_project
from weft import WeftError, load_project
from weft.client import listeners
from world import SCHEMA, sealed, until

CANARY = "canary-of-a-program-17"  # pragma: allowlist secret


# --- reading ---


def test_a_program_reads_settings_by_their_paths(world):
    config = world.open(watch=False)
    assert (config["app.name"], config["pool.max"], config["app.hosts"]) == ("shop", 10, ())
    assert config.get("app.nothing", 5) == 5
    assert dict(config.snapshot["pool"]) == {"min": 1, "max": 10}
    assert "app.name" in config.snapshot
    assert "app.nothing" not in config.snapshot
    assert sorted(config.snapshot) == ["app.hosts", "app.mode", "app.name", "app.port", "pool.max", "pool.min"]
    with pytest.raises(weft.client.NoSetting, match=r"no setting app.nam: did you mean `app.name`\?"):
        config["app.nam"]


def test_a_bundle_may_be_one_file(world):
    file = world.folder / "bundle.json"
    file.write_text(json.dumps(world.files(pool={"max": 20})))
    config = weft.client.open(file, debounce=0.01)
    world.opened.append(config)
    file.write_text(json.dumps(world.files(pool={"max": 30})))
    until(lambda: config["pool.max"] == 30)
    file.write_text("[]")
    until(lambda: config.status.stale_since)
    assert "is not a JSON object with the files of a bundle" in config.status.problems[0].message


def test_a_source_of_ones_own_may_lack_a_file(world):
    class Memory:
        folders = ()

        def __init__(self):
            self.files = world.files()

        def token(self):
            return tuple(self.files)

        def read(self):
            return weft.client.Reading({name: text.encode() for name, text in self.files.items()}, "memory")

    source = Memory()
    config = weft.client.open(source, watch=False)
    del source.files["pool.json"]
    refused(world, config, "bundle-refused", "this file of the bundle is missing")


def test_a_key_with_a_dot_is_a_setting_like_others(world):
    schema = {"type": "object", "properties": {**SCHEMA["properties"], "labels": {"type": "object"}}}
    world.set(schema=schema, labels={"app.example.com/name": "shop", "list": [{"a": 1}, {"a": 2}]})
    config = world.open(watch=False)
    (name,) = (one for one in config.snapshot if "example" in one)
    assert config[name] == "shop"
    assert name in config.snapshot
    assert "labels.list" in [*config.snapshot]
    assert config["labels.list[1].a"] == 2
    assert "labels.list[2]" not in config.snapshot
    assert "labels.[" not in config.snapshot


def test_a_revision_with_another_schema_is_checked_by_it(world):
    config = world.open(watch=False)
    schema = json.loads(json.dumps(SCHEMA))
    schema["properties"]["pool"]["properties"]["max"]["maximum"] = 15
    world.set(schema=schema, pool={"max": 20}, others={"more.txt": "x"})
    refused(world, config, "out-of-range", "pool.max")


def test_a_snapshot_never_changes(world):
    config = world.open(watch=False)
    with pytest.raises(TypeError):
        config.snapshot["app"]["name"] = "x"
    before = config.snapshot
    world.set(app={"hosts": ["a"]})
    assert config.refresh()
    assert (before["app.hosts"], config["app.hosts"]) == ((), ("a",))


def test_a_bundle_is_made_of_the_whole_configuration_only(world):
    text = "{{ config.app | bundle }}"
    made = make_project(
        world.folder / "other",
        {
            "schema.json": SCHEMA,
            "base.json": {"app": {"name": "shop", "password": "ref+env://A"}},
            "templates/a.j2": text,
        },
        outputs=[{"template": "a.j2", "path": "out"}],
    )
    with pytest.raises(WeftError, match="`bundle` takes the whole configuration"):
        load_project(made).target().render()


def test_nothing_of_a_bundle_is_secret(world):
    files = world.files()
    assert "ref+env" not in "".join(files.values())
    assert json.loads(files["weft.json"])["secrets"] == {"app.password": "APP_PASSWORD"}


# --- following ---


@pytest.mark.parametrize("inotify", [True, False])
def test_a_new_revision_takes_the_place_of_the_old_one(world, inotify):
    config = world.open(inotify=inotify)
    for number in range(2, 6):
        world.set(app={"hosts": [f"h{number}"]}, pool={"max": 10 + number})
        until(lambda number=number: config["pool.max"] == 10 + number)
        assert config["app.hosts"] == (f"h{number}",)
    assert (config.status.accepted, config.status.refused) == (5, 0)


def test_listeners_hear_of_their_settings(world):
    config = world.open(watch=False)
    heard, every = [], []
    config.on_change("pool")(
        lambda change: heard.append((change.settings, change.old["pool.max"], change.new["pool.max"]))
    )
    config.on_change(lambda change: every.append(change.settings))
    config.on_change("app.name")(lambda _: 1 / 0)
    world.set(pool={"max": 20}, app={"name": "other"})
    config.refresh()
    world.set(pool={"max": 20}, app={"name": "another"})
    config.refresh()
    assert heard == [(("pool.max",), 10, 20)]
    assert [*map(sorted, every)] == [["app.name", "pool.max"], ["app.name"]]


def test_changes_are_awaited(world):
    async def first():
        config = world.open()
        changes = config.changes("pool")
        waiting = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0)
        world.set(pool={"max": 11})
        found = await asyncio.wait_for(waiting, 10)
        await changes.aclose()
        return found.settings

    assert asyncio.run(first()) == ("pool.max",)


def test_a_forked_process_follows_the_source_by_itself(world):
    config = world.open()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        with_new = 0
        for _ in range(1000):
            if config["pool.max"] == 33:
                with_new = 1
                break
            time.sleep(0.01)
        os.write(write, bytes([with_new]))
        os._exit(0)
    world.set(pool={"max": 33})
    assert os.read(read, 1) == b"\x01"
    os.waitpid(child, 0)


# --- what is refused ---


def refused(world, config, code, text):
    """The source has something that is not accepted: the old revision stays, and the status says why."""
    before = config.snapshot
    assert not config.refresh()
    assert config.snapshot is before
    problems = config.status.problems
    assert config.status.stale_since
    assert any(problem.code == code and text in problem.message for problem in problems), problems
    return problems[0]


def test_a_value_that_the_schema_refuses_is_told_with_both_lines(world, caplog):
    config = world.open(watch=False)
    world.set(app={"name": "x"})
    problem = refused(world, config, "wrong-size", "app.name")
    assert (problem.place.file, problem.place.line) == (f"{world.mount.folder}/app.json", 2)
    assert [(one.file, one.line) for one in problem.related] == [("base.json", 1)]
    assert f"stays in force: {world.mount.folder}/app.json:2" in caplog.text
    assert "(set by base.json:1)" in caplog.text
    assert config.status.refused == 1
    assert not config.refresh()
    assert config.status.refused == 1


def test_rules_decide_also_over_what_was(world):
    config = world.open(watch=False)
    world.set(pool={"min": 11})
    refused(world, config, "rule", "min is above max")
    world.set(pool={"max": 9})
    refused(world, config, "rule", "a pool never shrinks")
    world.set(pool={"max": 12})
    assert config.refresh()
    assert (config.status.stale_since, config.status.problems) == (None, ())


def test_a_rule_over_everything_is_told_with_the_settings_that_it_reads(world):
    rule = {"rule": "self.pool.max != 20 || self.app.port == 81", "message": "both change"}
    world.set(schema={**SCHEMA, "x-kubernetes-validations": [rule]})
    config = world.open(watch=False)
    world.set(schema={**SCHEMA, "x-kubernetes-validations": [rule]}, pool={"max": 20})
    problem = refused(world, config, "rule", "both change")
    assert (problem.place.file, problem.place.line) == (f"{world.mount.folder}/pool.json", 3)
    assert [(one.file, one.line) for one in problem.related] == [("base.json", 1)]


def test_a_missing_secret_of_the_configuration_is_a_rule_as_everywhere(world):
    config = world.open(watch=False)
    world.set(app={"password": None})
    refused(world, config, "rule", "it needs a password")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"app.json": "{"}, "digest"),
        ({"app.json": '{"name": "evil", "port": 80}'}, "digest"),
        ({"weft.json": "{"}, "it is not JSON"),
        ({"weft.json": "[]"}, "not the manifest of a bundle"),
        ({"weft.json": '{"format": 99}'}, "update Weft first"),
        ({"weft.json": '{"format": 1, "values": {"a": "../../etc/passwd"}, "target": "", "digest": ""}'}, "manifest"),
        ({"pool.json": None}, "cannot be read"),
        ({"weft.json": None}, "cannot be read"),
    ],
)
def test_a_torn_or_edited_bundle_is_refused(world, change, text):
    config = world.open(watch=False)
    files = {**world.files(pool={"max": 50}), **change}
    world.mount.publish({name: content for name, content in files.items() if content is not None})
    refused(world, config, "bundle-refused", text)
    world.set(pool={"max": 50})
    assert config.refresh()


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ([], "a schema must be an object"),
        ({"properties": {"app": {"type": "strnig"}}}, "strnig"),
        ({"$ref": "#/$defs/nowhere"}, "does not exist"),
        ({"$ref": "https://example.com/app.json"}, "never fetched from the network"),
        ({"$schema": "https://example.com/draft", "type": "object"}, "not a JSON Schema draft"),
        ({"properties": {"app": {"pattern": "("}}}, "regular expression"),
        ({"x-kubernetes-validations": [{"rule": "self.app.name =="}]}, "it ends too early"),
        ({"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}, "refers to itself"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_schema_that_cannot_be_used_is_explained(world, schema, text):
    config = world.open(watch=False)
    files = world.files(pool={"max": 50})
    files["schema.json"] = json.dumps(schema)
    world.mount.publish(sealed(files))
    assert not config.refresh()
    assert text in str(WeftError(*config.status.problems))
    assert config["pool.max"] == 10


def test_a_program_that_never_gets_a_bad_revision_loads_nothing_that_explains_one(world):
    program = "import sys, weft.client; weft.client.open(sys.argv[1]); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program, world.mount.folder], capture_output=True, text=True, check=True
    )
    heavy = {"asyncio", "click", "jinja2", "jsonschema", "referencing", "yaml"}
    assert heavy & set(done.stdout.split()) == set()


def test_files_of_two_revisions_are_refused(world):
    config = world.open(watch=False)
    one, other = world.files(app={"hosts": ["a"]}), world.files(pool={"max": 50})
    world.mount.publish({**one, "pool.json": other["pool.json"]})
    refused(world, config, "bundle-refused", "of different revisions")


def test_a_link_that_leads_out_of_the_folder_is_refused(world):
    config = world.open(watch=False)
    (world.folder / "secret.json").write_text(CANARY)
    link = world.mount.folder / "..data" / "app.json"
    link.unlink()
    link.symlink_to(world.folder / "secret.json")
    (world.mount.folder / "..data").touch()
    problem = refused(world, config, "bundle-refused", "leads out of")
    assert CANARY not in problem.message


def test_an_older_revision_is_refused_unless_allowed(world):
    world.set(revision=7)
    config, other = world.open(watch=False), world.open(watch=False, allow_older=True)
    world.set(revision=6, pool={"max": 20})
    refused(world, config, "bundle-refused", "this is revision 6, and revision 7 is in force")
    assert other.refresh()
    world.set(revision=8, pool={"max": 21})
    assert config.refresh()
    assert config.status.revision == 8


@pytest.mark.parametrize("how", ["refuses", "raises", "blocks"])
def test_a_listener_may_refuse_a_change(world, how, monkeypatch):
    monkeypatch.setattr(listeners, "PATIENCE", 0.1)
    config = world.open(watch=False)
    ended = threading.Event()

    @config.before_change("pool")
    def can_connect(change):
        if change.new["pool.max"] == 20:
            if how == "blocks":
                ended.wait(10)
            raise weft.client.Refused("no connection") if how == "refuses" else OSError("no connection")

    world.set(pool={"max": 20})
    problem = refused(world, config, "change-refused", "did not answer" if how == "blocks" else "no connection")
    assert "can_connect" in problem.message
    world.set(pool={"max": 21})
    assert config.refresh()
    ended.set()


# --- the start ---


@pytest.mark.parametrize("spoil", ["missing", "refused", "torn"])
def test_a_program_starts_with_the_last_good_revision(world, spoil):
    world.set(pool={"max": 15})
    world.open(watch=False)
    if spoil == "missing":
        (world.mount.folder / "..data").unlink()
    elif spoil == "refused":
        world.set(pool={"min": 99})
    else:
        world.mount.publish({**world.files(), "app.json": "{"})
    config = world.open(watch=False)
    assert config["pool.max"] == 15
    assert (config.status.origin, bool(config.status.stale_since)) == ("last-good", True)
    assert config.status.problems
    with pytest.raises(WeftError):
        world.open(watch=False, require="valid")
    world.set(pool={"max": 16})
    assert config.refresh()
    assert (config.status.origin, config["pool.max"]) == ("source", 16)


@pytest.mark.parametrize(
    ("refused", "reason"),
    [
        ({"revision": 8, "pool": {"max": 15}}, "a pool never shrinks"),
        ({"revision": 8, "pool": {"max": 20}, "app": {"name": "other"}}, "a listener refused it before the restart"),
        ({"revision": 6, "pool": {"max": 25}}, "revision 7 is in force"),
    ],
    ids=["by a rule over oldSelf", "by a listener", "by its number"],
)
def test_a_restart_accepts_nothing_that_was_refused_before(world, refused, reason):
    world.set(revision=7, pool={"max": 20})
    config = world.open(watch=False)

    @config.before_change("app.name")
    def refuse(_):
        raise weft.client.Refused("not now")

    world.set(**refused)
    assert not config.refresh()
    for _ in range(2):
        again = world.open(watch=False)
        assert reason in str(WeftError(*again.status.problems))
        assert (again.status.revision, again["pool.max"], again["app.name"]) == (7, 20, "shop")
    with pytest.raises(WeftError, match=reason):
        world.open(watch=False, require="valid")
    world.set(revision=9, pool={"max": 30}, app={"name": "other"})
    assert world.open(watch=False)["app.name"] == "other"


def test_a_listener_may_agree_after_a_restart(world):
    config = world.open(watch=False)

    @config.before_change
    def refuse(_):
        raise weft.client.Refused("not now")

    world.set(app={"name": "other"})
    assert not config.refresh()
    again = world.open(watch=False)
    assert again["app.name"] == "shop"
    assert again.refresh()
    assert (again["app.name"], world.open(watch=False)["app.name"]) == ("other", "other")


def test_a_setting_that_needs_a_restart_has_its_new_value_after_one(world):
    world.open(watch=False)
    world.set(app={"port": 81})
    again = world.open(watch=False)
    assert (again["app.port"], again.status.pending_restart) == (81, ())


def test_what_was_refused_is_not_taken_at_the_next_start(world):
    config = world.open(watch=False)
    world.set(pool={"min": 99})
    config.refresh()
    again = world.open(watch=False)
    assert again["pool.min"] == 1
    assert [problem.code for problem in again.status.problems] == ["rule"]


def test_without_anything_a_start_fails_with_every_reason(world):
    world.mount.publish({**world.files(), "app.json": "{"})
    with pytest.raises(WeftError, match="digest"):
        world.open(watch=False)


def test_a_last_good_that_was_damaged_is_not_used(world):
    world.open(watch=False)
    (world.kept / "last-good.json").write_text('{"weft.json": "%%%"}')
    world.mount.publish({})
    with pytest.raises(WeftError):
        world.open(watch=False)


def test_a_disk_that_is_full_keeps_no_program_from_a_new_revision(world, caplog):
    world.kept.write_text("not a folder")
    config = world.open(watch=False)
    world.set(pool={"max": 20})
    assert config.refresh()
    assert "the last good configuration is not kept" in caplog.text


# --- restarts, pinned settings, secrets ---


def test_a_setting_that_needs_a_restart_waits_for_it(world, caplog):
    config = world.open(watch=False)
    world.set(app={"port": 81}, pool={"max": 20})
    assert config.refresh()
    assert (config["app.port"], config["pool.max"]) == (80, 20)
    assert config.status.pending_restart == ("app.port",)
    assert config.explain("app.port")["pending_restart"]
    world.set(app={"port": 81}, pool={"max": 30})
    config.refresh()
    assert caplog.text.count("a restart is needed for the new values of app.port") == 1
    assert world.open(watch=False)["app.port"] == 81
    world.set(pool={"max": 30})
    config.refresh()
    assert config.status.pending_restart == ()


def test_what_does_not_fit_the_value_that_waits_is_refused_as_a_whole(world):
    schema = json.loads(json.dumps(SCHEMA))
    schema["x-kubernetes-validations"] = [{"rule": "self.app.port == 80 || self.pool.max > 100", "message": "both"}]
    world.set(schema=schema, app={"port": 81}, pool={"max": 200})
    config = world.open(watch=False)
    schema_2 = json.loads(json.dumps(schema))
    schema_2["x-kubernetes-validations"] = [{"rule": "self.app.port == 80 || self.pool.max < 300", "message": "both"}]
    world.set(schema=schema_2, app={"port": 80}, pool={"max": 400})
    refused(world, config, "change-refused", "app.port cannot change without a restart")


def test_a_variable_pins_its_setting(world):
    config = world.open(watch=False, environ={"POOL_MIN": "4", "APP_PORT": "90"})
    assert (config["pool.min"], config["app.port"]) == (4, 90)
    assert dict(config.status.pinned) == {"app.port": "APP_PORT", "pool.min": "POOL_MIN"}
    assert config.explain("pool.min")["variable"] == "POOL_MIN"
    world.set(pool={"min": 2, "max": 20})
    config.refresh()
    assert (config["pool.min"], config["pool.max"]) == (4, 20)
    assert world.open(watch=False)["pool.min"] == 2
    with pytest.raises(WeftError, match="POOL_MIN"):
        world.open(watch=False, environ={"POOL_MIN": "many"}, require="valid")


@pytest.mark.parametrize("text", [".nan", ".inf", "-.inf", "1e999"])
def test_a_variable_is_a_number_that_json_has(world, text):
    schema = json.loads(json.dumps(SCHEMA))
    schema["properties"]["pool"]["properties"]["min"]["type"] = "number"
    for each in (SCHEMA, schema):
        world.set(schema=each)
        with pytest.raises(WeftError, match="the environment variable POOL_MIN"):
            world.open(watch=False, environ={"POOL_MIN": text}, require="valid")


def test_a_variable_is_read_once(world, monkeypatch):
    monkeypatch.setenv("POOL_MIN", "4")
    config = world.open(watch=False, environ=True)
    monkeypatch.setenv("POOL_MIN", "5")
    world.set(pool={"max": 20})
    assert config.refresh()
    assert config["pool.min"] == 4


def test_variables_may_be_for_secrets_only(world):
    environ = {"POOL_MIN": "4", "APP_PASSWORD": CANARY}
    config = world.open(watch=False, environ="secrets")
    assert (config["pool.min"], "app.password" in config.snapshot) == (1, False)
    with pytest.MonkeyPatch.context() as patch:
        for name, text in environ.items():
            patch.setenv(name, text)
        config = world.open(watch=False, environ="secrets")
    assert (config["pool.min"], config["app.password"]) == (1, CANARY)
    assert config.status.pinned == {}


def test_secrets_come_from_their_own_folder_and_are_never_shown(world, caplog):
    world.secrets.publish({"APP_PASSWORD": f"{CANARY}\n"})
    config = world.open()
    assert config["app.password"] == CANARY
    heard = []
    config.on_change("app.password")(lambda change: heard.append(change.settings))
    world.secrets.publish({"APP_PASSWORD": f"{CANARY}-new"})
    until(lambda: heard == [("app.password",)])
    assert config["app.password"] == f"{CANARY}-new"
    shown = (
        f"{config!r} {config.snapshot!r} {config.status!r} {config.status.as_dict()} {config.explain('app.password')}"
    )
    assert CANARY not in shown + caplog.text
    assert CANARY not in (world.kept / "last-good.json").read_text()


# --- objects ---


@dataclass(frozen=True)
class Pool:
    min: int
    max: int


@dataclass(frozen=True)
class App:
    name: str
    port: int
    hosts: list[str]
    mode: Literal["fast", "safe"] = "safe"
    other: str | None = None


class PoolDict(TypedDict):
    min: int
    max: int


class Model(pydantic.BaseModel):
    min: int
    max: int


@pytest.mark.parametrize("shape", [Pool, Model])
def test_an_object_follows_the_settings(world, shape):
    config = world.open(watch=False)
    pool = config.bind(shape, "pool")
    assert (pool.min, pool.max) == (1, 10)
    assert isinstance(pool, shape)
    seen = []
    config.on_change("pool")(lambda _: seen.append(pool.max))
    world.set(pool={"max": 20})
    config.refresh()
    assert (pool.max, seen) == (20, [20])
    with pytest.raises(AttributeError):
        pool.max = 5


def test_a_typed_dict_follows_the_settings(world):
    config = world.open(watch=False)
    pool = config.bind(PoolDict, "pool")
    world.set(pool={"max": 20})
    config.refresh()
    assert dict(pool) == {"min": 1, "max": 20}


class Whole(TypedDict):
    pool: PoolDict
    app: "NotRequired[dict[str, Any]]"
    nothing: "NotRequired[str]"


def test_the_whole_configuration_is_an_object_too(world):
    config = world.open(watch=False)
    whole, plain = config.bind(Whole), config.bind(dict[str, Any])
    heard = []
    config.on_change()(heard.append)
    world.set(pool={"max": 20}, app={"hosts": ["a"]})
    config.refresh()
    assert (whole["pool"]["max"], plain["pool"]["max"], plain["app"]["hosts"]) == (20, 20, ["a"])
    assert len(heard) == 1


class Needing(TypedDict, total=False):
    pool: PoolDict
    nothing: "Required[str]"


def test_a_typed_dict_whose_annotations_are_texts_says_what_it_needs(world):
    with pytest.raises(WeftError, match="nothing is not set, and Needing needs it"):
        world.open(watch=False).bind(Needing)


def test_an_object_has_the_types_of_its_class(world):
    config = world.open(watch=False)
    app = config.bind(App, "app")
    assert (app.name, app.hosts, app.mode, app.other) == ("shop", [], "safe", None)


@dataclass
class Wrong:
    name: int


@dataclass
class Missing:
    nothing: int


@pytest.mark.parametrize(
    ("shape", "at", "text"),
    [
        (Wrong, "app", "app.name is a text, and int is wanted"),
        (Missing, "app", "app.nothing is not set, and Missing needs it"),
        (Pool, "none", "there is no setting none for Pool"),
    ],
)
def test_settings_that_do_not_fit_a_class_are_told(world, shape, at, text):
    with pytest.raises(WeftError, match=text):
        world.open(watch=False).bind(shape, at)


def test_a_revision_that_does_not_fit_a_class_is_refused(world):
    @dataclass
    class Small:
        max: Literal[10, 11]

    config = world.open(watch=False)
    small = config.bind(Small, "pool")
    world.set(pool={"max": 12})
    refused(world, config, "change-refused", "Small does not accept the change: pool.max is none of 10, 11")
    assert small.max == 10
    del small
    assert config.refresh()
