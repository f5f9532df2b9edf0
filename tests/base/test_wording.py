"""How messages list and count."""

import pytest

from weft.base.wording import counted, in_targets, shortened


@pytest.mark.parametrize(("number", "words"), [(0, "0 targets"), (1, "1 target"), (2, "2 targets")])
def test_things_are_counted(number, words):
    assert counted(number, "target") == words


@pytest.mark.parametrize(
    ("names", "words"), [([], ""), (["a"], "a"), (["a", "b"], "a, b"), (["a", "b", "c", "d"], "a, b and 2 more")]
)
def test_a_long_list_is_shortened(names, words):
    assert shortened(names, 2) == words


def test_targets_are_counted_and_named():
    assert in_targets(iter("abcde")) == "in 5 targets: a, b, c, d and 1 more"
    assert in_targets(["a"]) == "in 1 target: a"
