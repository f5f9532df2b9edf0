"""What a program says about its configuration to those who ask over HTTP."""

import asyncio
import dataclasses
import json
import re

import pytest
from prometheus_client import CollectorRegistry, generate_latest

import weft.client
from weft.client.health import metrics


def ask(config, path):
    """The status and the body that the application answers."""
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(config.asgi({"type": "http", "path": path}, None, send))
    assert int(dict(sent[0]["headers"])[b"content-length"]) == len(sent[1]["body"])
    return sent[0]["status"], sent[1]["body"].decode()


def test_a_program_is_alive_and_ready(world):
    config = world.open(watch=False)
    assert ask(config, "/livez") == (200, "ok\n")
    assert ask(config, "/config/readyz/") == (200, "ok\n")
    assert ask(config, "/other")[0] == 404


def test_a_program_with_what_was_kept_is_alive_and_not_ready(world):
    world.open(watch=False)
    world.set(pool={"min": 99})
    config = world.open(watch=False)
    assert ask(config, "/livez")[0] == 200
    assert ask(config, "/readyz")[0] == 503
    world.set(pool={"max": 20})
    config.refresh()
    assert ask(config, "/readyz")[0] == 200


def test_a_program_that_is_stale_stays_ready_and_says_why(world):
    config = world.open(watch=False)
    world.set(pool={"min": 99})
    config.refresh()
    assert ask(config, "/readyz")[0] == 200
    text = ask(config, "/status")[1]
    assert text.endswith("}\n")
    status = json.loads(text)
    assert status["problems"][0]["message"] == "min is above max"
    assert status["problems"][0]["set_by"] == ["base.json:1"]
    assert status["stale_since"]


def test_metrics_are_read_by_those_who_collect_them(world):
    world.set(revision=3)
    world.secrets.publish({"APP_PASSWORD": "x"})
    config = world.open(watch=False)
    world.set(revision=4, app={"port": 81}, pool={"max": 20})
    config.refresh()
    world.set(revision=5, pool={"min": 99})
    config.refresh()
    text = metrics(config.status, now=config.status.since + 60)
    found = dict(re.findall(r"^([a-z_]+(?:{.*})?) (\S+)$", text, re.MULTILINE))
    assert found.pop("weft_config_stale_seconds")
    assert found == {
        f'weft_config_info{{digest="{config.status.digest}",revision="4"}}': "1",
        "weft_config_age_seconds": "60",
        "weft_config_pending_restarts": "1",
        "weft_config_warnings": "0",
        "weft_config_accepted_total": "2",
        "weft_config_refused_total": "1",
    }
    typed = re.findall(r"^# TYPE (\w+) (gauge|counter)$", text, re.MULTILINE)
    assert {name for name, _ in typed} == {name.partition("{")[0] for name in found} | {"weft_config_stale_seconds"}
    assert ask(config, "/metrics")[1].startswith("# HELP weft_config_info")


def test_the_same_figures_are_among_those_of_prometheus_client(world):
    world.set(revision=3)
    config = world.open(watch=False)
    registry = CollectorRegistry()
    registry.register(weft.client.Collector(config))
    world.set(revision=4, pool={"min": 99})
    config.refresh()

    def untimed(text):
        return re.sub(r"^(\w+_seconds) .*", r"\1", text, flags=re.MULTILINE).replace(".0\n", "\n").splitlines()

    assert untimed(generate_latest(registry).decode()) == untimed(metrics(config.status))
    assert registry.get_sample_value("weft_config_refused_total") == 1
    world.set(revision=5, pool={"max": 20})
    config.refresh()
    assert registry.get_sample_value("weft_config_info", {"revision": "5", "digest": config.status.digest}) == 1


def test_a_server_starts_and_ends_the_application(world):
    config = world.open(watch=False)
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    sent = []

    async def receive():
        return next(messages)

    async def send(message):
        sent.append(message["type"])

    asyncio.run(config.asgi({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_what_is_no_http_is_answered_as_the_server_expects(world):
    config = world.open(watch=False)
    sent = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append((message["type"], message.get("code")))

    asyncio.run(config.asgi({"type": "websocket", "path": "/status"}, receive, send))
    assert sent == [("websocket.close", 1000)]
    with pytest.raises(ValueError, match="answers HTTP, and not smtp"):
        asyncio.run(config.asgi({"type": "smtp"}, receive, send))


def test_figures_have_all_their_digits(world):
    config = world.open(watch=False)
    status = dataclasses.replace(config.status, since=1000.25, stale_since=2000.0, refused=12345678)
    text = metrics(status, now=123456789.5)
    assert "weft_config_age_seconds 123455789.25\n" in text
    assert "weft_config_stale_seconds 123454789.5\n" in text
    assert "weft_config_refused_total 12345678\n" in text


def test_listeners_of_the_status_hear_of_every_look(world, caplog):
    config = world.open(watch=False)
    heard = []
    config.on_status(lambda _: 1 / 0)
    config.on_status(lambda status: heard.append(bool(status.stale_since)))
    world.set(pool={"min": 99})
    config.refresh()
    world.set(pool={"max": 20})
    config.refresh()
    assert heard == [True, False]
    assert isinstance(config.status, weft.client.Status)
    assert "a listener of the status failed" in caplog.text
