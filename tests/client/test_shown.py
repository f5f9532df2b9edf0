"""Secrets are masked in whatever the library gives out, as soon as somebody prints it."""

import copy
import json
import logging
import pickle
import pprint
from dataclasses import dataclass, field
from typing import Any, TypedDict

import pydantic
import pytest

import weft.client
from weft import WeftError

CANARY = "canary-of-a-print-31"  # pragma: allowlist secret


@pytest.fixture
def config(world):
    world.secrets.publish({"APP_PASSWORD": CANARY})
    return world.open(watch=False)


@dataclass
class App:
    name: str
    password: str


@dataclass
class Quiet:
    name: str
    password: str = field(repr=False)


@dataclass
class Own:
    password: str

    def __repr__(self):
        return f"<Own {self.password!r}>"


class Model(pydantic.BaseModel):
    name: str
    password: str


class Named(pydantic.BaseModel):
    secret: str = pydantic.Field(alias="password")


class Shouting(pydantic.BaseModel):
    password: str

    @pydantic.field_validator("password")
    @classmethod
    def shout(cls, value):
        return value.upper()


class Dict(TypedDict):
    name: str
    password: str


@dataclass
class Whole:
    app: App


def texts(value):
    """Every way to print a value."""
    return f"{value!r} {value!s} {value} {pprint.pformat(value)} {[value]}"


@pytest.mark.parametrize(
    "look",
    [
        lambda config: config,
        lambda config: config.snapshot,
        lambda config: config.snapshot.tree,
        lambda config: config.snapshot.items(),
        lambda config: config.snapshot.values(),
        lambda config: config["app"],
        lambda config: config["app"].items(),
        lambda config: config["app"].values(),
        lambda config: config.snapshot.tree.items(),
        lambda config: config.explain("app"),
        lambda config: config.get("app"),
        lambda config: config.status,
    ],
)
def test_a_snapshot_and_its_parts_show_no_secret(config, look):
    assert config["app.password"] == config["app"]["password"] == CANARY
    shown = texts(look(config))
    assert CANARY not in shown
    assert shown


@pytest.mark.parametrize("shape", [App, Quiet, Own, Model, Named, Dict, dict[str, Any]])
def test_a_bound_object_shows_no_secret(config, shape):
    bound = config.bind(shape, "app")
    assert CANARY not in texts(bound)
    if shape in (App, Model):
        assert "name='shop'" in repr(bound)
        assert bound.password == CANARY


@pytest.mark.parametrize("shape", [Whole, dict[str, Any]])
def test_nor_does_one_with_others_inside(config, shape):
    shown = texts(config.bind(shape))
    assert CANARY not in shown
    assert "shop" in shown


def test_a_sensitive_field_that_its_class_changes_is_masked_by_its_name(config):
    bound = config.bind(Shouting, "app")
    assert bound.password == CANARY.upper()
    assert CANARY.upper() not in texts(bound)


def test_a_short_secret_hides_no_other_text(world):
    world.secrets.publish({"APP_PASSWORD": "s"})
    config = world.open(watch=False)
    assert repr(config["app"]) == "{'name': 'shop', 'port': 80, 'hosts': [], 'mode': 'safe', 'password': '***'}"
    assert repr(config.bind(App, "app")) == "App(name='shop', password='***')"


class Bad(pydantic.BaseModel):
    password: str

    @pydantic.field_validator("password")
    @classmethod
    def refuse(cls, value):
        raise ValueError(f"bad {value} and {value[:10]}")


class BadAsAWhole(pydantic.BaseModel):
    password: str

    @pydantic.model_validator(mode="after")
    def refuse(self):
        raise ValueError(f"bad {self.password}")


@dataclass
class BadData:
    password: str

    def __post_init__(self):
        raise ValueError(f"bad {self.password!r}")


@pytest.mark.parametrize("shape", [Bad, BadAsAWhole, BadData])
def test_what_a_class_says_of_a_secret_is_masked(config, shape):
    with pytest.raises(WeftError, match=rf"^app does not fit {shape.__name__}") as caught:
        config.bind(shape, "app")
    assert CANARY not in str(caught.value)
    assert CANARY[:10] not in str(caught.value)


def test_what_a_listener_says_of_a_secret_is_masked_in_problems_status_and_log(config, world, caplog):
    caplog.set_level(logging.DEBUG)

    @config.before_change
    def refuse(change):
        raise weft.client.Refused(f"{change.old['app.password']} and {change.new['app.password']!r}")

    world.secrets.publish({"APP_PASSWORD": f"other-{CANARY}"})
    assert not config.refresh()
    assert "refuse does not accept the change: *** and '***'" in config.status.problems[0].message
    assert CANARY not in caplog.text + json.dumps(config.status.as_dict())


def test_what_a_listener_raises_after_a_change_is_in_the_log_without_secrets(config, world, caplog):
    def quote(change):
        raise RuntimeError(f"cannot use {change.new['app.password']}")

    config.on_change("app.password")(quote)
    config.on_change("pool")(lambda _: 1 / 0)
    world.secrets.publish({"APP_PASSWORD": f"other-{CANARY}"})
    world.set(pool={"max": 20})
    assert config.refresh()
    assert "RuntimeError: cannot use ***" in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert CANARY not in caplog.text


def test_a_group_is_a_dictionary_that_cannot_be_changed(config):
    group = config["app"]
    for change in (
        lambda: group.update(name="x"),
        lambda: group.pop("name"),
        lambda: group.setdefault("x", 1),
        group.clear,
        lambda: group.__ior__({"name": "x"}),
        lambda: group.__delitem__("name"),
        lambda: group.__setitem__("name", "x"),
    ):
        with pytest.raises(TypeError, match="a snapshot never changes"):
            change()
    assert group == {"name": "shop", "password": CANARY, "port": 80, "hosts": (), "mode": "safe"}
    assert json.loads(json.dumps(group))["name"] == "shop"
    for other in (dict(group), copy.copy(group), copy.deepcopy(group), pickle.loads(pickle.dumps(group)), group | {}):
        assert type(other) is dict
        assert other == group
