"""Results kept by the identity of what they were made of."""

import gc
import weakref

from weft.base.recent import Latest, Recent


class Thing(dict):
    pass


def of(recent, value, make):
    """The kept result, or a new one that is kept."""
    known = recent.find(value)
    return recent.keep(value, make(value)) if known is None else known


def test_the_same_object_gives_the_same_result_and_an_equal_one_another():
    recent, made = Recent(), []
    first, equal = {"a": 1}, {"a": 1}
    results = [of(recent, value, lambda value: made.append(value) or [value]) for value in (first, equal, first)]
    assert results[0] is results[2]
    assert results[0] is not results[1]
    assert len(made) == 2


def test_no_more_than_a_few_objects_are_kept():
    recent, kept = Recent(), []
    for number in range(1000):
        thing = Thing(number=number)
        kept.append(weakref.ref(thing))
        assert of(recent, thing, lambda value: value["number"]) == number
    del thing
    gc.collect()
    assert sum(one() is not None for one in kept) <= 16


def test_the_id_of_an_object_that_is_gone_is_not_taken_for_it():
    recent = Recent()
    for number in range(1000):  # each lives where the last one did, unless that is kept
        assert of(recent, {"number": number}, lambda value: value["number"]) == number


def test_equal_arguments_have_one_latest_result():
    latest = Latest()
    assert latest.find((1, 2)) is None
    kept = latest.keep((1, 2), ["a"])
    assert latest.find((1, 2)) is kept


def test_what_is_asked_for_again_and_again_stays_and_the_rest_goes():
    latest = Latest()
    shared = latest.keep("base", ["base"])
    for number in range(5000):
        latest.keep(number, [number])
        assert latest.find("base") is shared
        assert latest.find(number) == [number]
    assert latest.find(0) is None
    assert len(latest._known) <= 1000
