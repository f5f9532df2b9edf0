"""Functions that follow a configuration: what they may be, and what they may not do."""

import asyncio
import functools
import gc
import logging

import pytest

import weft.client
from weft.client import listeners
from world import until


class Callable:
    async def __call__(self, change):
        raise weft.client.Refused("no")


async def coroutine(_):
    raise weft.client.Refused("no")


async def generator(_):
    yield


@pytest.mark.parametrize("function", [coroutine, generator, Callable(), functools.partial(coroutine)])
@pytest.mark.parametrize("register", ["before_change", "on_change", "on_status"])
def test_a_coroutine_is_no_listener_because_nobody_would_await_it(world, register, function):
    config = world.open(watch=False)
    with pytest.raises(TypeError, match=f"`{register}` takes an ordinary function, and .* is `async`"):
        getattr(config, register)(function)
    if register != "on_status":
        with pytest.raises(TypeError, match="is `async`"):
            getattr(config, register)("app")(function)


def test_a_function_that_gives_a_coroutine_agrees_to_nothing(world):
    config = world.open(watch=False)
    config.before_change(lambda change: [coroutine(change)][0])
    world.set(pool={"max": 20})
    assert not config.refresh()
    assert "gives what nobody awaits" in config.status.problems[0].message


@pytest.mark.parametrize("what", [5, None, b"app", ["app"]])
def test_what_is_neither_a_path_nor_a_function_is_no_listener(world, what):
    config = world.open(watch=False)
    for register in (config.before_change, config.on_change):
        with pytest.raises(TypeError, match="takes the path of a setting as a text, or a function, and not"):
            register(what)
        with pytest.raises(TypeError, match="takes a function, and not 5"):
            register("app")(5)
        with pytest.raises(ValueError, match="is not a path"):
            register("app[")
    with pytest.raises(TypeError, match="`on_status` takes a function"):
        config.on_status(what)


def test_a_listener_of_what_is_no_setting_is_warned_of(world, caplog):
    world.secrets.publish({"APP_PASSWORD": "x"})
    config = world.open(watch=False)
    for path in ("app", "app.password", "app.hosts[3]", "pool.max", ""):
        config.on_change(path)(print)
    assert config.status.warnings == ()
    config.before_change("pol.max")(print)
    config.on_change("nothing.like.it")(print)
    first, second = config.status.warnings
    assert "waits for changes of pol.max, and there is no such setting" in first.message
    assert (first.code, first.hint) == ("unknown-path", "did you mean `pool.max`?")
    assert second.hint == "it is called once a revision has that setting"
    assert caplog.text.count("did you mean `pool.max`?") == 1
    world.set(pool={"max": 20})
    config.refresh()
    assert len(config.status.warnings) == 2
    assert caplog.text.count("did you mean `pool.max`?") == 1


def test_a_listener_that_registers_another_one_of_an_unknown_setting_blocks_nobody(world, monkeypatch):
    monkeypatch.setattr(listeners, "PATIENCE", 1)
    config = world.open(watch=False)
    config.before_change(lambda _: config.on_change("pol")(print))
    world.set(pool={"max": 20})
    assert config.refresh()
    assert config.status.warnings[-1].hint == "did you mean `pool`?"


def test_the_group_that_is_meant_is_proposed(world):
    config = world.open(watch=False)
    config.on_change("pol")(print)
    assert config.status.warnings[-1].hint == "did you mean `pool`?"


@pytest.mark.parametrize("register", ["before_change", "on_change", "on_status"])
def test_a_listener_cannot_ask_for_another_change(world, register):
    config = world.open(watch=False)
    said, heard = [], []

    def ask(_):
        try:
            config.refresh()
        except RuntimeError as error:
            said.append(str(error))

    getattr(config, register)(ask)
    config.on_change(lambda change: heard.append((change.old["pool.max"], change.new["pool.max"])))
    world.set(pool={"max": 20})
    assert config.refresh()
    world.set(pool={"max": 30})
    assert config.refresh()
    assert said == [said[0]] * 2
    assert f"`refresh` was called in a function of `{register}`" in said[0]
    assert heard == [(10, 20), (20, 30)]


def test_a_listener_that_asks_for_another_change_refuses_with_the_reason(world):
    config = world.open(watch=False)
    config.before_change(lambda _: config.refresh())
    world.set(pool={"max": 20})
    assert not config.refresh()
    assert "is a part of a change that has not ended" in config.status.problems[0].message


def test_a_listener_may_ask_for_a_change_of_another_configuration(world):
    config, other = world.open(watch=False), world.open(watch=False)
    config.on_change(lambda _: other.refresh())
    world.set(pool={"max": 20})
    config.refresh()
    assert other["pool.max"] == 20


# --- changes that are awaited ---


def test_a_change_before_the_first_wait_is_not_missed(world):
    async def all_of_them():
        config = world.open(watch=False)
        changes = config.changes("pool")
        for number in (20, 30):
            world.set(pool={"max": number})
            config.refresh()
        return [(await asyncio.wait_for(anext(changes), 5)).new["pool.max"] for _ in range(2)]

    assert asyncio.run(all_of_them()) == [20, 30]


def test_closing_ends_what_coroutines_wait_for(world):
    async def every():
        config = world.open()
        found, heard = [], asyncio.Event()

        async def wait():
            async for change in config.changes():
                found.append(change.new["pool.max"])
                heard.set()

        waiting = asyncio.ensure_future(wait())
        await asyncio.sleep(0.05)
        world.set(pool={"max": 20})
        await asyncio.wait_for(heard.wait(), 5)
        config.close()
        await asyncio.wait_for(waiting, 5)
        return found + [one async for one in config.changes()]

    assert asyncio.run(every()) == [20]


def test_a_loop_that_is_closed_is_no_failure(world, caplog):
    caplog.set_level(logging.DEBUG)
    config = world.open(watch=False)
    kept = []

    async def wait():
        changes = config.changes()
        kept.append(changes)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(changes), 0.01)

    asyncio.run(wait())
    world.set(pool={"max": 20})
    assert config.refresh()
    assert "Traceback" not in caplog.text
    kept.clear()
    gc.collect()
    config.refresh()
    assert config._listeners.after == []


def test_a_coroutine_in_another_loop_goes_on_with_the_same_changes(world):
    config = world.open()
    changes = config.changes("pool")
    world.set(pool={"max": 20})
    until(lambda: config["pool.max"] == 20)

    async def first():
        return (await anext(changes)).new["pool.max"]

    assert asyncio.run(first()) == 20
    world.set(pool={"max": 30})
    assert asyncio.run(first()) == 30
