"""Edits of files: what is wanted is there afterwards, and every other line stays as it was, byte for byte."""

import json
from itertools import zip_longest

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from rounds import examples
from weft.files import edits, yaml12
from weft.files.datafile import parse_named
from weft.files.edits import EditError, with_insertion, with_value
from weft.files.jsonc import END

KEYS = st.text("abxyé_", min_size=1, max_size=3)
TEXTS = st.sampled_from(["a", "no", "1.5", "it's", 'a "b"', "a: b", "# x", "ref+env://X", "two\nlines", "", "ü 😀"])
SCALARS = TEXTS | st.integers(-9, 99) | st.booleans() | st.floats(-9, 9).map(lambda number: round(number, 2))
DATA = st.recursive(
    SCALARS, lambda below: st.lists(below, max_size=3) | st.dictionaries(KEYS, below, max_size=3), max_leaves=8
)
ROOTS = st.dictionaries(KEYS, DATA, max_size=4)


@st.composite
def styled(draw, value):
    """YAML of a value: blocks and brackets mixed, with comments, with either line end."""
    flow = draw(st.sampled_from([None, False, True]))
    text = yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True, sort_keys=False, width=1000)
    if draw(st.booleans()):
        text = f"# above\n{text}# below\n"
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return text if draw(st.booleans()) else text.rstrip("\r\n")


@st.composite
def spaced_json(draw, value):
    indent = draw(st.sampled_from([None, 1, 2, 4, "\t"]))
    text = json.dumps(value, indent=indent, ensure_ascii=draw(st.booleans()))
    return text + draw(st.sampled_from(["", "\n", "\n\n"]))


def reads(text, name, value):
    """Whether a file means this; JSON that is read as YAML may have escapes that are none."""
    try:
        return parse_named(text.encode(), name) == value
    except yaml12.YamlError:
        return False


def containers(data, path=()):
    """The paths of all mappings and lists."""
    if isinstance(data, dict | list):
        yield path
        for step, below in data.items() if isinstance(data, dict) else enumerate(data):
            yield from containers(below, (*path, step))


def wanted(data, path, value):
    """The data with the value, made in another way than `edits` does it."""
    if len(path) == 1:
        return [*data, value] if path[0] == END else {**data, path[0]: value}
    if isinstance(data, list):
        return [wanted(below, path[1:], value) if index == path[0] else below for index, below in enumerate(data)]
    return {key: wanted(below, path[1:], value) if key == path[0] else below for key, below in data.items()}


def is_subsequence(few, many):
    rest = iter(many)
    return all(any(character == other for other in rest) for character in few)


def untouched_lines(before, after):
    """How many lines of a text are not, one after the other, lines of another."""
    ours, theirs = before.splitlines(keepends=True), after.splitlines(keepends=True)
    start = next((at for at, pair in enumerate(zip_longest(ours, theirs)) if pair[0] != pair[1]), len(ours))
    end = next((at for at, pair in enumerate(zip_longest(ours[::-1], theirs[::-1])) if pair[0] != pair[1]), len(ours))
    return max(len(ours) - start - end, 0)


@pytest.mark.parametrize(("name", "writing"), [("a.yaml", styled), ("a.json", spaced_json), ("weft.yaml", spaced_json)])
@examples(150)
@given(data=st.data())
def test_a_value_is_put_in_and_all_other_lines_stay(name, writing, data):
    value = data.draw(ROOTS)
    before = data.draw(writing(value))
    assume(reads(before, name, value))
    above = data.draw(st.sampled_from(list(containers(value))))
    inner = value
    for step in above:
        inner = inner[step]
    last = END if isinstance(inner, list) else data.draw(KEYS.filter(lambda key: key not in inner))
    new = data.draw(DATA)
    after = with_value(before, name, (*above, last), new)
    assert parse_named(after.encode(), name) == wanted(value, (*above, last), new)
    assert untouched_lines(before, after) <= 2  # the line that gets a comma, or brackets that become a block
    assert ("\r" in after) <= ("\r" in before)
    if name.endswith(".json") or (name == "weft.yaml" and value):
        json.loads(after)
        assert is_subsequence(before.strip(), after)


@pytest.mark.parametrize(
    ("before", "path", "after"),
    [
        (
            "a:\n- b: |\n    text\n\n  c: 1 # x\n# end\n",
            ("a", 0, "d"),
            "a:\n- b: |\n    text\n\n  c: 1 # x\n  d: v\n# end\n",
        ),
        ("a:\n- b: |\n    text\n\n# end\n", ("a", END), "a:\n- b: |\n    text\n\n- v\n# end\n"),
        ("a:\n  b: 1 # b\n  # more of a\nc: 2\n", ("a", "d"), "a:\n  b: 1 # b\n  # more of a\n  d: v\nc: 2\n"),
        ("a: [\n  1, # one\n  2 # two\n]\n", ("a", END), "a: [\n  1, # one\n  2, # two\n  v\n]\n"),
        ("a: [1, 2,]\n", ("a", END), "a: [1, 2, v]\n"),
        ("a: {} # none\nb: 1\n", ("a", "c"), "a: # none\n  c: v\nb: 1\n"),
        ("# c\n{}\n", ("a", "b"), "# c\na:\n  b: v\n"),
        ("a:\n  b: 1", ("a", "c"), "a:\n  b: 1\n  c: v\n"),
        ("a:\n  b:\n", ("a", "c"), "a:\n  b:\n  c: v\n"),
        ("a: 'x'\n...\n", ("b",), "a: 'x'\nb: v\n...\n"),
        ("a: &x [1]\n", ("a", END), "a: &x [1, v]\n"),
    ],
)
def test_it_stands_where_people_would_write_it(before, path, after):
    assert with_value(before, "a.yaml", path, "v") == after


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ('{\n  "a": {"b": 1}\n}', {"x": {"y": 1}}, '{\n  "a": {"b": 1, "c": {"x": {"y": 1}}}\n}'),
        ('{\n  "a": {}\n}', [1, 2], '{\n  "a": {\n    "c": [1, 2]\n  }\n}'),
        (
            '{\n\t"a": {\n\t\t"b": 1\n\t}\n}',
            {"x": 1, "y": 2},
            '{\n\t"a": {\n\t\t"b": 1,\n\t\t"c": {\n\t\t\t"x": 1,\n\t\t\t"y": 2\n\t\t}\n\t}\n}',
        ),
        ('{"a": {"b": 1}}', {"x": 1}, '{"a": {"b": 1, "c": {"x": 1}}}'),
    ],
)
def test_it_is_written_as_its_neighbours_in_json(before, value, after):
    assert with_value(before, "a.json", ("a", "c"), value) == after


@pytest.mark.parametrize(
    ("before", "path", "message"),
    [
        ("a: &x [1]\nb: *x\n", ("b", END), "alias"),
        ("a: &x [1]\nb: *x\n", ("a", END), "does not allow"),
        ("a: &x {c: 1}\nb: [*x]\n", ("b", 0, "d"), "alias"),
        ("a: 1\n", ("a", "b"), "a mapping is expected"),
        ("a:\n", ("a", "b"), "a mapping is expected"),
        ("a: 1\n", ("a", END), "a list is expected"),
        ("a: {b: 1}\n", ("a", END), "a list is expected"),
        ("a: [1]\n", ("a", "b"), "a mapping is expected"),
        ("a: 1\n", ("a",), "already"),
        ("# nothing\n", ("a",), "no settings"),
        ("a: [1\n", ("a",), "not YAML"),
    ],
)
def test_what_cannot_be_edited_is_refused(before, path, message):
    with pytest.raises(EditError, match=message):
        with_value(before, "a.yaml", path, "v")


@pytest.mark.parametrize(
    ("before", "path"),
    [('{"a": 1}', ("a", "b")), ('{"a": [1]}', ("a", "b")), ('{"a": {}}', ("a", END, "c")), ('{"a": 1', ("b",)), ("[]", ("a",))],
)  # fmt: skip
def test_what_cannot_be_edited_in_json_is_refused(before, path):
    try:
        after = with_value(before, "a.json", path, "v")
    except EditError:
        return
    assert path == ("a", END, "c")  # in JSON, `-` may be a key
    assert json.loads(after) == {"a": {END: {"c": "v"}}}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"r": "a[\\"x\\"] é"}', "a.json"),
        ('r: "a[\\"x\\"] é"\n', "a.yaml"),
        ("r: 'a[\"x\"] é' # why\n", "a.yaml"),
        ('r: a["x"] é # why\n', "a.yaml"),
        ('r: |-\n  a["x"] é\n', "a.yaml"),
        ('r: >-\n  a["x"]\n  é\n', "a.yaml"),
    ],
)
@pytest.mark.parametrize("insertion", ["'q'", '"q"', "q"])
def test_a_text_gets_an_insertion(text, name, insertion):
    after = with_insertion(text, name, ("r",), 2, insertion)
    assert parse_named(after.encode(), name) == {"r": f'a[{insertion}"x"] é'}
    assert after.count("\n") == text.count("\n")


def test_an_insertion_that_would_change_more_is_refused():
    with pytest.raises(EditError):
        with_insertion("r: a[x]\n", "a.yaml", ("r",), 4, ", 'q': 1 # ")


@pytest.mark.parametrize(("writing", "name"), [(styled, "a.yaml"), (spaced_json, "a.json")])
@examples(60)
@given(data=st.data())
def test_leaves_stand_where_they_say(writing, name, data):
    value = data.draw(ROOTS)
    text = data.draw(writing(value))
    assume(reads(text, name, value))
    for leaf in edits.leaves(text, name):
        inner = value
        for step in leaf.path:
            inner = inner[step]
        assert inner == leaf.data or inner in ({}, [])
        if isinstance(leaf.data, str) and leaf.data.isalnum():
            assert leaf.data in text[leaf.start : leaf.end] or "\\u" in text
