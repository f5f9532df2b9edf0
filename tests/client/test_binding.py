"""Objects of a program's own classes that follow the settings."""

import copy
import dataclasses
import enum
import gc
import pickle
import threading
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from weft import WeftError


@dataclasses.dataclass
class Pool:
    min: int
    max: int


@dataclasses.dataclass(frozen=True, order=True)
class Ordered:
    max: int


@dataclasses.dataclass
class Sized:
    max: int

    def __len__(self):
        return self.max

    def __iter__(self):
        return iter((self.max,))

    def __contains__(self, one):
        return one == self.max


@dataclasses.dataclass
class Underscored:
    max: int
    _now: int = 7
    computed: int = dataclasses.field(init=False, default=3)


class Mode(enum.Enum):
    FAST = "fast"
    SAFE = "safe"


class Slow(enum.Enum):
    SLOW = "slow"


@dataclasses.dataclass
class Converted:
    name: Path
    mode: Mode


@dataclasses.dataclass
class WrongMode:
    mode: Slow


@dataclasses.dataclass
class Fixed:
    hosts: tuple[str, int]


@dataclasses.dataclass
class FixedTexts:
    hosts: tuple[str, str]


@dataclasses.dataclass
class Many:
    hosts: tuple[str, ...]


@dataclasses.dataclass
class Forward:
    max: "NobodyKnowsIt"  # noqa: F821 - that is the point


class Named(NamedTuple):
    max: int


class Plain:
    max: int


T = typing.TypeVar("T")


@dataclasses.dataclass
class General(typing.Generic[T]):
    max: T


@pytest.mark.parametrize("shape", [int, str, list[str], Named, Plain, Any, object, 5, "Pool", None])
def test_what_has_no_attributes_cannot_be_bound(world, shape):
    with pytest.raises(
        TypeError, match="`bind` takes a data class, a TypedDict, a model of `pydantic` or a dictionary"
    ):
        world.open(watch=False).bind(shape, "pool")


@pytest.mark.parametrize("shape", [Pool | None, typing.Optional[Pool], Pool | Sized])  # noqa: UP045 - another type
def test_a_choice_of_classes_cannot_be_bound(world, shape):
    with pytest.raises(
        TypeError, match=r"`bind` takes one class, and not .*: an object that follows the settings stays"
    ):
        world.open(watch=False).bind(shape, "pool")


def test_an_annotation_that_names_nothing_is_told(world):
    with pytest.raises(TypeError, match="an annotation of Forward names NobodyKnowsIt, which does not exist"):
        world.open(watch=False).bind(Forward, "pool")


@pytest.mark.parametrize("shape", [dict, dict[str, int], Mapping, Mapping[str, int], General[int], General])
def test_dictionaries_and_general_classes_can_be_bound(world, shape):
    bound = world.open(watch=False).bind(shape, "pool")
    assert (bound.max if hasattr(bound, "max") else bound["max"]) == 10


def test_fields_may_have_any_name_and_need_not_be_given(world):
    bound = world.open(watch=False).bind(Underscored, "pool")
    assert (bound.max, bound._now, bound.computed) == (10, 7, 3)


def test_enumerations_and_paths_are_converted(world):
    config = world.open(watch=False)
    bound = config.bind(Converted, "app")
    assert (bound.name, bound.mode) == (Path("shop"), Mode.SAFE)
    with pytest.raises(WeftError, match=r"app\.mode is none of 'slow', which Slow has"):
        config.bind(WrongMode, "app")


def test_the_items_of_a_tuple_have_their_own_types(world):
    world.set(app={"hosts": ["a", "b"]})
    config = world.open(watch=False)
    assert config.bind(FixedTexts, "app").hosts == config.bind(Many, "app").hosts == ("a", "b")
    with pytest.raises(WeftError, match=r"app.hosts\[1\] is a text, and int is wanted"):
        config.bind(Fixed, "app")
    world.set(app={"hosts": ["a"]})
    config.refresh()
    with pytest.raises(WeftError, match=r"app\.hosts has 1 items, and 2 are wanted"):
        config.bind(FixedTexts, "app")


def test_a_bound_object_is_copied_as_what_it_is_now(world):
    config = world.open(watch=False)
    for bound, now in ((config.bind(Pool, "pool"), Pool(1, 10)), (config.bind(dict, "pool"), {"min": 1, "max": 10})):
        for other in (copy.copy(bound), copy.deepcopy(bound), pickle.loads(pickle.dumps(bound))):
            assert type(other) is type(now)
            assert other == now == bound
    bound = config.bind(Pool, "pool")
    assert dataclasses.asdict(bound) == {"min": 1, "max": 10}
    assert dataclasses.replace(bound, max=5) == Pool(1, 5)


def test_methods_with_two_underscores_are_those_of_the_class(world):
    config = world.open(watch=False)
    sized, ordered, pool = config.bind(Sized, "pool"), config.bind(Ordered, "pool"), config.bind(Pool, "pool")
    assert (len(sized), list(sized), 10 in sized) == (10, [10], True)
    assert hash(ordered) == hash(Ordered(10))
    assert ordered < Ordered(11)
    assert not Ordered(11) < ordered
    for call in (len, iter, hash):
        with pytest.raises(TypeError):
            call(pool)
    with pytest.raises(AttributeError):
        del pool.max


def test_an_object_that_the_program_has_dropped_is_forgotten(world):
    config = world.open(watch=False)
    for _ in range(50):
        config.bind(Pool, "pool")
        config.bind(dict, "pool")
    gc.collect()
    config.bind(Pool, "pool")
    assert len(config._listeners.before) + len(config._listeners.after) <= 2


def test_a_revision_that_comes_while_an_object_is_bound_is_not_missed(world):
    config = world.open()
    begun = threading.Event()

    @dataclasses.dataclass
    class Slow:
        max: int

        def __post_init__(self):
            if not begun.is_set():
                begun.set()
                thread.join(0.5)

    def swap():
        begun.wait(10)
        world.set(pool={"max": 20})
        config.refresh()

    thread = threading.Thread(target=swap)
    thread.start()
    bound = config.bind(Slow, "pool")
    thread.join(10)
    assert (bound.max, config["pool.max"]) == (20, 20)
