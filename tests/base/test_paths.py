"""Paths: dotted for people, JSON pointers for machines, and back without loss."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.base.paths import dotted, follow, get, has, parse_dotted, parse_pointer, pointer

keys = st.text(st.characters(exclude_categories=("Cs",)), max_size=8) | st.sampled_from(
    ["a.b", "", " ", "0", "12", "[", "]", '"', "\\", "~", "/", "~1", "a[0]", ".a", "a.", "é", "²", "\n", "-"]
)
indexes = st.integers(0, 99)

DOTTED = {
    ("a",): "a",
    ("a", "b_c", "d-e"): "a.b_c.d-e",
    ("a", 0): "a[0]",
    ("a", 0, "b"): "a[0].b",
    (0, 1): "[0][1]",
    ("labels", "app.kubernetes.io/name"): 'labels["app.kubernetes.io/name"]',
    ("a b",): '["a b"]',
    ("",): '[""]',
    ('say "hi"',): r'["say \"hi\""]',
    ("größe", "日本"): "größe.日本",
    ("0",): "0",
    ("a", "0", "b"): "a.0.b",
}


@pytest.mark.parametrize("path", DOTTED, ids=map(repr, DOTTED))
def test_dotted_paths_read_as_people_write_them(path):
    assert dotted(path) == DOTTED[path]
    assert parse_dotted(DOTTED[path]) == path


@given(st.lists(keys | indexes, min_size=1).map(tuple))
def test_every_path_can_be_written_and_read_back(path):
    assert parse_dotted(dotted(path)) == path


@given(st.lists(keys | indexes).map(tuple))
def test_pointers_lose_only_the_type_of_an_index(path):
    assert parse_pointer(pointer(path)) == tuple(map(str, path))


@pytest.mark.parametrize(
    ("path", "text"), [((), ""), (("",), "/"), (("a", 0), "/a/0"), (("a/b", "m~n"), "/a~1b/m~0n"), (("~1",), "/~01")]
)
def test_pointers_are_those_of_rfc_6901(path, text):
    assert pointer(path) == text
    assert parse_pointer(text) == tuple(map(str, path))


@pytest.mark.parametrize(
    "text", ["", ".", ".a", "a.", "a..b", "a[", "a[x]", "a]", 'a["b', '["\\q"]', "a[-1]", "a[0", 'a"b"']
)
def test_a_text_that_is_no_path_is_refused_in_words(text):
    with pytest.raises(ValueError, match="is not a path") as caught:
        parse_dotted(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "path"),
    [("/a/b", ("a", "b")), ("/a~1b/0", ("a/b", "0")), ("a[0].b", ("a", 0, "b")), ("a[0]b", ("a", 0, "b"))],
)
def test_pointers_and_dotted_paths_are_told_apart(text, path):
    assert parse_dotted(text) == path


DATA = {
    "labels": {"app.kubernetes.io/name": "x", "app": {"kubernetes": 1}},
    "ports": [{"number": 80}, {"number": 443}],
    "by_number": {"0": "zero", "1.5": "one and a half"},
    "a.b": {"c.d": 2},
    "a": {"b": {"x": 3}},
    "": {"": 4},
}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('labels["app.kubernetes.io/name"]', ("labels", "app.kubernetes.io/name")),
        ("labels.app.kubernetes.io/name", ("labels", "app.kubernetes.io/name")),
        ("labels.app.kubernetes", ("labels", "app", "kubernetes")),
        ("ports[1].number", ("ports", 1, "number")),
        ("ports.1.number", ("ports", 1, "number")),
        ("/ports/1/number", ("ports", 1, "number")),
        ("by_number[0]", ("by_number", "0")),
        ("by_number.1.5", ("by_number", "1.5")),
        ("a.b.c.d", ("a.b", "c.d")),
        ("a.b.x", ("a", "b", "x")),
        ("//", ("", "")),
    ],
)
def test_what_people_write_is_followed_to_what_there_is(text, path):
    assert follow(DATA, parse_dotted(text)) == path
    assert has(DATA, path)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("nothing", ()),
        ("ports[2]", ("ports",)),
        ("ports.number", ("ports",)),
        ("ports.²", ("ports",)),
        ("ports[1].name", ("ports", 1)),
        ("a.b.y", ("a", "b")),
        ("labels.app.kubernetes.io", ("labels", "app", "kubernetes")),
    ],
)
def test_a_path_to_nowhere_says_how_far_it_led(text, found):
    with pytest.raises(KeyError) as caught:
        follow(DATA, parse_dotted(text))
    assert caught.value.args[0] == found


def test_the_empty_path_is_everything():
    assert follow(DATA, ()) == ()
    assert get(DATA, ()) is DATA


@pytest.mark.parametrize("path", [("ports", 2), ("ports", "x"), ("labels", 0), ("ports", 0, "number", "x"), ("z",)])
def test_nothing_stands_where_there_is_nothing(path):
    assert not has(DATA, path)
