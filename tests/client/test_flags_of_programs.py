"""Flags are of the same revision as the settings, and as safe: OpenFeature asks the provider of `weft.client`."""

import json

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEvent
from openfeature.flag_evaluation import ErrorCode, Reason

import weft.client
from rounds import share
from weft import WeftError
from world import until


def flag(variants, default, **more):
    return {"state": "ENABLED", "variants": variants, "defaultVariant": default, **more}


ON = {"on": True, "off": False}
FLAGS = {
    "new": flag(ON, "off"),
    "beta": flag(ON, "off", targeting={"if": [{"$ref": "testers"}, "on", "off"]}),
    "share": flag(ON, "off", targeting={"fractional": [["on", 30], ["off", 70]]}),
    "colour": flag({"red": "#f00", "blue": "#00f"}, "red"),
    "limit": flag({"few": 5, "many": 50}, "few"),
    "rate": flag({"low": 0.5}, "low"),
    "theme": flag({"dark": {"a": 1}}, "dark"),
    "gone": flag(ON, "on", state="DISABLED"),
}


def definitions(flags=FLAGS, testers=("ann",)):
    shared = {"testers": {"in": [{"var": "targetingKey"}, list(testers)]}}
    text = json.dumps({"$schema": "https://flagd.dev/schema/v0/flags.json", "flags": flags, "$evaluators": shared})
    return {"flags.json": text}


@pytest.fixture
def client(world):
    world.set(others=definitions())
    config = world.open(watch=False)
    api.set_provider_and_wait(weft.client.FlagProvider(config))
    client = api.get_client()
    client.config = config
    yield client
    api.shutdown()
    api.clear_providers()


@pytest.mark.parametrize(
    ("ask", "key", "default", "wanted"),
    [
        (OpenFeatureClient.get_boolean_value, "new", True, False),
        (OpenFeatureClient.get_string_value, "colour", "", "#f00"),
        (OpenFeatureClient.get_integer_value, "limit", 0, 5),
        (OpenFeatureClient.get_float_value, "rate", 0.0, 0.5),
        (OpenFeatureClient.get_float_value, "limit", 0.0, 5.0),
        (OpenFeatureClient.get_object_value, "theme", {}, {"a": 1}),
    ],
)
def test_a_flag_of_each_type(client, ask, key, default, wanted):
    value = ask(client, key, default)
    assert (value, type(value)) == (wanted, type(wanted))


def test_the_details_are_those_of_the_specification(client):
    static = client.get_boolean_details("new", True)
    assert (static.variant, static.reason, static.error_code) == ("off", Reason.STATIC, None)
    targeted = client.get_boolean_details("beta", False, EvaluationContext("ann"))
    assert (targeted.value, targeted.variant, targeted.reason) == (True, "on", Reason.TARGETING_MATCH)
    disabled = client.get_boolean_details("gone", False)
    assert (disabled.value, disabled.reason) == (False, Reason.DISABLED)
    missing = client.get_boolean_details("nothing", True)
    assert (missing.value, missing.error_code, missing.reason) == (True, ErrorCode.FLAG_NOT_FOUND, Reason.ERROR)
    other = client.get_string_details("new", "x")
    assert (other.value, other.error_code) == ("x", ErrorCode.TYPE_MISMATCH)
    assert api.get_provider_metadata().name == "weft"


def test_an_event_names_the_flags_that_changed_with_those_that_use_a_shared_rule(client, world):
    heard = []
    client.add_handler(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, lambda event: heard.append(event.flags_changed))
    world.set(others=definitions({**FLAGS, "new": flag(ON, "on")}, testers=("ann", "bob")))
    client.config.refresh()
    until(lambda: [sorted(one) for one in heard] == [["beta", "new"]])
    assert client.get_boolean_value("new", False)
    assert client.get_boolean_value("beta", False, EvaluationContext("bob"))
    world.set(others=definitions({**FLAGS, "new": flag(ON, "on")}, testers=("ann", "bob")), pool={"max": 20})
    client.config.refresh()
    assert len(heard) == 1


@pytest.mark.parametrize(
    "others",
    [
        {},
        {"flags.json": "{"},
        {"flags.json": '{"flags": {"new": {"state": "ENABLED", "variants": {}, "defaultVariant": "on"}}}'},
        {"flags.json": "{}"},
        {"flags.json": '{"flags": []}'},
        {"flags.json": "[]"},
        {"flags.json": '{"flags": {"new": 5}}'},
        definitions({"new": flag(ON, "maybe")}),
        definitions({"new": flag(ON, "off", targeting={"nope": [1]})}),
        definitions({"new": flag(ON, "off", targeting={"if": [{"starts_wiht": ["a", "b"]}, "on"]})}),
        definitions({"new": flag(ON, "off", targeting={"if": [False, {"if": [{"nope": []}, "on"]}, "off"]})}),
        definitions({"new": flag(ON, "off", targeting={"if": [{"$ref": "tseters"}, "on", "off"]})}),
        definitions({"new": flag(ON, "off", targeting={"if": [{"in": ["a", ["a"]]}, "on", "of"]})}),
        definitions({"new": flag(ON, "off", targeting={"fractional": [["on", 30], ["of", 70]]})}),
        definitions({"new": flag(ON, "off", targeting={"cat": ["o", "m"]})}),
        definitions({"new": flag(ON, "off", targeting="on")}),
    ],
    ids=lambda others: others.get("flags.json", "missing").partition("flags.json")[2][-60:] or None,
)
def test_flags_that_the_core_does_not_take_keep_the_last_good_ones(client, world, others):
    events = []
    client.add_handler(ProviderEvent.PROVIDER_STALE, lambda _: events.append("stale"))
    world.set(others=others, pool={"max": 20})
    assert not client.config.refresh()
    assert (client.config["pool.max"], client.get_boolean_details("new", True).value) == (10, False)
    until(lambda: events == ["stale"])
    client.add_handler(ProviderEvent.PROVIDER_READY, lambda _: events.append("ready"))
    world.set(others=definitions(), pool={"max": 21})
    assert client.config.refresh()
    until(lambda: events[-1] == "ready")


@pytest.mark.parametrize(
    ("others", "text"),
    [
        ({}, r"the bundle has no file flags\.json"),
        ({"flags.json": "{}"}, "flags.json: it has no `flags`"),
        (definitions({"new": flag(ON, "off", targeting={"nope": 1})}), "the flag new: flagd has no operator `nope`"),
        (
            definitions({"new": flag(ON, "off", targeting={"if": [{"$ref": "tseters"}, "on"]})}),
            "there is no shared rule tseters",
        ),
        (
            definitions({"new": flag(ON, "off", targeting={"if": [True, "no", "off"]})}),
            "its targeting gives no, which is none of its variants",
        ),
        ({"flags.json": "{"}, "flags.json is not JSON"),
        ({"flags.json": '{"flags": {"new": {"state": "ENABLED"}}}'}, "flags.json: the flag new has no variants"),
        ({"flags.json": '{"flags": {}, "$evaluators": 5}'}, "`\\$evaluators` is not a mapping"),
        (
            {
                "flags.json": json.dumps(
                    {
                        "flags": {"new": flag(ON, "off", targeting={"if": [{"$ref": "a"}, "on"]})},
                        "$evaluators": {"a": {"!": [{"$ref": "a"}]}},
                    }
                )
            },
            "the shared rule a refers to itself",
        ),
    ],
    ids=["missing", "no flags", "operator", "shared rule", "variant", "no JSON", "variants", "shared rules", "itself"],
)
def test_a_start_without_flags_that_can_be_evaluated_is_told(world, others, text):
    world.set(others=others)
    with pytest.raises(WeftError, match=text):
        weft.client.FlagProvider(world.open(watch=False))


@pytest.mark.parametrize(
    "targeting",
    [
        {},
        {"if": [{"==": [{"var": "plan"}, "gold"]}, True]},
        {"if": [{"sem_ver": [{"var": "version"}, ">=", "1.2.0"]}, "on", None]},
        {"if": [{"some": [{"var": "groups"}, {"==": [{"var": ""}, "x"]}]}, "on", {"fractional": [["true"], ["off"]]}]},
        {"or": [{"var": "wanted"}, "off"]},
        {"$ref": "testers_only"},
    ],
    ids=str,
)
def test_flags_that_the_core_can_evaluate_are_taken_without_a_word(world, targeting, caplog):
    variants, shared = {**ON, "true": True}, {"testers_only": {"if": [True, "on"]}}
    text = json.dumps({"flags": {"new": flag(variants, "off", targeting=targeting)}, "$evaluators": shared})
    world.set(others={"flags.json": text})
    weft.client.FlagProvider(world.open(watch=False))
    assert [record for record in caplog.records if record.name.startswith("openfeature")] == []


def test_a_default_that_is_true_is_the_variant_of_that_name(world):
    world.set(others=definitions({"new": flag({"true": "yes", "false": "no"}, True)}))
    provider = weft.client.FlagProvider(world.open(watch=False))
    assert provider.resolve_string_details("new", "").value == "yes"


@pytest.mark.soak
def test_ids_keep_their_variants_over_restarts_and_reloads(client, world):
    contexts = [EvaluationContext(f"user-{number}") for number in range(share(10_000))]
    before = [client.get_boolean_value("share", False, one) for one in contexts]
    assert 0.25 < sum(before) / len(before) < 0.35
    world.set(others=definitions({**FLAGS, "new": flag(ON, "on")}), pool={"max": 20})
    client.config.refresh()
    assert [client.get_boolean_value("share", False, one) for one in contexts] == before
    again = weft.client.FlagProvider(world.open(watch=False))
    assert [again.resolve_boolean_details("share", False, one).value for one in contexts] == before
    raised = {**FLAGS, "share": flag(ON, "off", targeting={"fractional": [["on", 50], ["off", 50]]})}
    world.set(others=definitions(raised), pool={"max": 21})
    client.config.refresh()
    after = [client.get_boolean_value("share", False, one) for one in contexts]
    assert all(now for now, then in zip(after, before, strict=True) if then)


@pytest.mark.parametrize("name", ["app.json", "weft.json", "schema.json", "../evil", "a b"])
def test_another_file_has_a_name_of_its_own(world, name):
    with pytest.raises(WeftError, match="cannot be the name of another file"):
        world.set(others={name: "x"})
