"""The reader of events says what the reader of nodes says, or nothing."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from weft.files import yaml11, yaml12, yaml_events

WORDS = (
    "a", "b c", "yes", "off", "~", "", "<<", "=", "1", "017", "0x1F", "1_000", "1e3", ".inf", "9223372036854775808", "2026-01-02",
    "'x'", '"a\\nb"', "'017'", "&a 1", "*a", "!!str 1", "! 1", "!other x", "{}", "[]", "[a, 1]", "{a: 1, b: off}", "{a: 1, a: 2}",
    "? a", "|", "|\n    a\n    b", ">-\n    a\n    b", "- 1", "- - a", "a: b", "[", "]", "#", "@", "\t", "\x85", "\ufeff", "😀",
)  # fmt: skip
"""Values, ordinary ones and odd ones."""
KEYS = ("a:", "b:", "'c':", "1:", "off:", "<<:", "&k d:", "? e\n:", "-", "- a:", "", "---", "...")
"""What stands before them."""


@st.composite
def texts(draw: st.DrawFn) -> str:
    lines = [
        "  " * draw(st.integers(0, 2)) + draw(st.sampled_from(KEYS)) + " " + draw(st.sampled_from(WORDS))
        for _ in range(draw(st.integers(0, 6)))
    ]
    return "\n".join(lines) + draw(st.sampled_from(("", "\n")))


def read(text: str) -> list[object] | None:
    return yaml_events.documents(text, yaml11.plain, yaml12.DEPTH_LIMIT)


@given(st.one_of(texts(), st.text(alphabet="ab: \n-#\"'\\01.{}[],&*!|>?", max_size=30)))
def test_it_says_what_the_reader_of_nodes_says(text: str) -> None:
    found = read(text)
    if found is not None:
        assert repr(found) == repr(list(yaml.load_all(text, Loader=yaml11.Loader)))


def test_it_reads_what_manifests_mostly_contain() -> None:
    text = """apiVersion: v1
kind: ConfigMap
metadata: {name: app, labels: {}}
data:
  A: "1"
  B: |
    - x
    y
---
spec:
  ports:
  - {name: http, port: 80, ready: yes}
  - - 0644
---
"""
    assert read(text) == [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "app", "labels": {}},
            "data": {"A": "1", "B": "- x\ny\n"},
        },
        {"spec": {"ports": [{"name": "http", "port": 80, "ready": True}, [420]]}},
        None,
    ]


def test_it_leaves_what_is_nested_too_deep_to_the_other_reader() -> None:
    limit = yaml12.DEPTH_LIMIT
    assert read("[" * limit + "]" * limit) is not None
    assert read("[" * (limit + 1) + "]" * (limit + 1)) is None
    assert read("[" * 100_000) is None


@pytest.mark.parametrize(
    "text", ["a: 1\na: 2", "1: a", "off: a", "? [a]\n: b", "<<: {a: 1}", "a: &b 1", "a: &b {c: 1}", "a: !!str 1", "a: !b [1]", "*a", "a: ["]
)  # fmt: skip
def test_it_leaves_the_rest_to_the_other_reader(text: str) -> None:
    assert read(text) is None
