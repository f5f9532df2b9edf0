"""YAML as Weft reads it: the 1.2 core schema, plain data only, and a position for everything that a report may name."""

import json
import math
import subprocess
import sys

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from weft.files import yaml12
from weft.files.datafile import parse_json
from weft.files.yaml12 import YamlError, decode, parse, position

SCALARS = {
    # null
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "": None,
    "nULL": "nULL",
    "nil": "nil",
    # booleans: two words in three spellings, and no others
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
    "tRUE": "tRUE",
    "yes": "yes",
    "Yes": "Yes",
    "no": "no",
    "NO": "NO",
    "on": "on",
    "off": "off",
    "y": "y",
    "n": "n",
    # whole numbers
    "0": 0,
    "-0": 0,
    "7": 7,
    "+7": 7,
    "-7": -7,
    "8080": 8080,
    "9223372036854775808": 2**63,
    "123456789012345678901234567890": 123456789012345678901234567890,
    "0o14": 12,
    "0x1F": 31,
    "0xff": 255,
    # identifiers that look like numbers
    "012": "012",
    "007": "007",
    "00": "00",
    "-012": "-012",
    "0o8": "0o8",
    "0b11": "0b11",
    "0xG": "0xG",
    "-0x1F": "-0x1F",
    "1_000": "1_000",
    "1,000": "1,000",
    "1:30": "1:30",
    "12:30:45": "12:30:45",
    "1.2.3": "1.2.3",
    "1e": "1e",
    "e3": "e3",
    "+": "+",
    "-": None,  # the mark of a list item: the whole text is a list
    ".": ".",
    "1 2": "1 2",
    # numbers with a point or an exponent
    "1.0": 1.0,
    "0.5": 0.5,
    ".5": 0.5,
    "5.": 5.0,
    "-.5": -0.5,
    "+1.5": 1.5,
    "1e3": 1000.0,
    "1E-3": 0.001,
    "1.5e+3": 1500.0,
    "1.e3": 1000.0,
    "-0.0": -0.0,
    "01.5": "01.5",
    # texts
    "2001-12-14": "2001-12-14",
    "2001-12-14t21:59:43.10-05:00": "2001-12-14t21:59:43.10-05:00",
    "=": "=",
    "<<": "<<",
    "inf": "inf",
    "NaN": "NaN",
    "500m": "500m",
    "10Gi": "10Gi",
    "a#b": "a#b",
    "http://x:80/": "http://x:80/",
    "größe": "größe",
    "日本": "日本",
    "😀": "😀",
}


@pytest.mark.parametrize("text", [text for text in SCALARS if text not in ("-", "")])
def test_a_plain_scalar(text):
    value = parse(f"key: {text}\n")["key"]
    assert (value, type(value)) == (SCALARS[text], type(SCALARS[text]))
    assert yaml12.scalar(text) == SCALARS[text]
    assert math.copysign(1, value) == math.copysign(1, SCALARS[text]) if isinstance(value, float) else True


@pytest.mark.parametrize("text", [text for text in SCALARS if text not in ("-", "")])
def test_a_quoted_scalar_is_a_text(text):
    assert parse(f"[\"{text}\", '{text}']") == [text, text]


@pytest.mark.parametrize("text", ["012", "no", "1.0", "true", "null", "1:30", "~", "0x1F"])
def test_a_key_is_the_text_that_was_written(text):
    assert parse(f"{text}: 1\n") == {text: 1}


def test_nothing_after_the_colon_is_null():
    assert parse("a:\nb: [~, ]\n") == {"a": None, "b": [None]}


def test_a_lone_dash_is_a_list_of_null():
    assert parse("-\n") == [None]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: !!str 8080", "8080"),
        ("a: !!int '8080'", 8080),
        ("a: !!float 1", 1.0),
        ("a: !!bool true", True),
        ("a: !!null ''", None),
        ("a: !!map {b: 1}", {"b": 1}),
        ("a: !!seq [1]", [1]),
        ("a: |\n  x\n  y\n", "x\ny\n"),
        ("a: >-\n  x\n  y\n", "x y"),
        ('a: "\\u00e9\\x41\\n"', "éA\n"),
        ("a: 'it''s'", "it's"),
        ("a: x # comment\n", "x"),
        ("a: {b: 1,\n\tc: 2}", {"b": 1, "c": 2}),
        ('{\n\t"b": 1,\n\t"a": {\n\t\t"c": 2\n\t}\n}\n', {"c": 2}),
        ("a:\t1", 1),
        ("? a\n: 1", 1),
        ("%YAML 1.2\n---\na: no\n...\n", "no"),
        ("a: &x 1\nb: *x\n", 1),
    ],
)
def test_more_than_plain_scalars(text, value):
    found = parse(text)["a"]
    assert (found, type(found)) == (value, type(value))


def test_json_is_yaml():
    text = '{"a": [1, 2.5, true, null, "012", {"b": "\\u00e9 \\\\ \\/ \\t"}], "c": {}}'
    assert parse(text) == parse_json(text) == json.loads(text)


def test_an_alias_is_the_value_that_it_names():
    assert parse("a: &x {p: [1]}\nb: *x\n") == {"a": {"p": [1]}, "b": {"p": [1]}}


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_marks(newline, mark):
    text = decode((mark + newline.join(["a: 1", "b:", "  c: |", "    x", "    y", ""])).encode())
    assert parse(text) == {"a": 1, "b": {"c": "x\ny\n"}}
    assert position(text, ("b", "c")) == (3, 6)
    assert position(text, ("a",)) == (1, 4)
    assert position(text, ("a",), key=True) == (1, 1)


ERRORS = {
    "a: 1\nb: 2\na: 3\n": ("duplicate-key", 3, 1),
    "a: {b: 1, 'b': 2}\n": ("duplicate-key", 1, 11),
    "a:\n\tb: 1\n": ("tab-indentation", 2, 1),
    "a:\n  b: 1\n \tc: 1\n": ("tab-indentation", 3, 2),
    "": ("empty-file", 1, 1),
    "# nothing\n\n": ("empty-file", 1, 1),
    "a: [1, 2\n": ("syntax", None, None),
    "a: 'x\n": ("syntax", None, None),
    "a: b: c\n": ("syntax", 1, 5),
    "a: 1\n b: 2\n": ("syntax", 2, 3),
    "a: 1\n- b\n": ("syntax", 2, 1),
    "a: @x\n": ("syntax", 1, 4),
    "a: `x`\n": ("syntax", 1, 4),
    "a: %x\n": ("syntax", 1, 4),
    "a: *nowhere\n": ("syntax", 1, 4),
    "a: \x00\n": ("syntax", 1, 4),
    "a: x\x07\n": ("syntax", 1, 5),
    'a: "\\q"\n': ("syntax", 1, 5),
    'a: "\\ud800"\n': ("syntax", 1, 7),
    "a: 1\n---\nb: 2\n": ("several-documents", 3, 1),
    "a: !mine 1\n": ("bad-tag", 1, 4),
    "a: !!set {b}\n": ("bad-tag", 1, 4),
    "a: !!binary aGk=\n": ("bad-tag", 1, 4),
    "a: !!python/object:os.system {}\n": ("bad-tag", 1, 4),
    "a: !!int x\n": ("bad-tag", 1, 4),
    "a: !!bool yes\n": ("bad-tag", 1, 4),
    "a: !!str [1]\n": ("bad-tag", 1, 4),
    "a: &x [*x]\n": ("alias-cycle", 1, 4),
    "b: 1\na: &x {y: {z: *x}}\n": ("alias-cycle", 2, 4),
    "? [a]\n: 1\n": ("bad-key", 1, 3),
    "? {a: 1}\n: 1\n": ("bad-key", 1, 3),
    "!!int 1: a\n": ("bad-key", 1, 1),
    "a: &x {b: 1}\nc:\n  <<: *x\n": ("merge-key", 3, 3),
    "a: .inf\n": ("not-a-json-number", 1, 4),
    "a: [1, -.Inf]\n": ("not-a-json-number", 1, 8),
    "a: .nan\n": ("not-a-json-number", 1, 4),
    "a: 1e400\n": ("not-a-json-number", 1, 4),
    f"a: {'9' * 5000}\n": ("not-a-json-number", 1, 4),
}


@pytest.mark.parametrize("text", ERRORS, ids=lambda text: repr(text)[:40])
def test_what_is_no_yaml_of_ours_is_told_where_it_stands(text):
    code, line, column = ERRORS[text]
    with pytest.raises(YamlError) as caught:
        parse(text)
    error = caught.value
    assert error.code == code
    if line:
        assert (error.line, error.column) == (line, column)
    assert error.line <= text.count("\n") + 1, "a report cannot show a line that is not there"
    assert len(error.message) < 300


JSON_ERRORS = {
    "": "empty-file",
    " \n": "empty-file",
    "{": "syntax",
    "{'a': 1}": "syntax",
    '{"a": 1,}': "syntax",
    '{"a": 1} {}': "syntax",
    '{"a": 01}': "syntax",
    '{"a": "\t"}': "syntax",
    '{"a": 1, "a": 2}': "duplicate-key",
    '{"a": NaN}': "not-a-json-number",
    '{"a": -Infinity}': "not-a-json-number",
    '{"a": 1e400}': "not-a-json-number",
    '{"a": -1e400}': "not-a-json-number",
    f'{{"a": {"9" * 5000}}}': "not-a-json-number",
}


@pytest.mark.parametrize("text", JSON_ERRORS, ids=lambda text: repr(text)[:40])
def test_what_is_no_json_of_ours(text):
    with pytest.raises(YamlError) as caught:
        parse_json(text)
    assert caught.value.code == JSON_ERRORS[text]
    assert len(caught.value.message) < 300


@pytest.mark.parametrize("text", ['{"a": "\\ud800"}', '{"\\udfff": 1}', '["x\\ud83dy"]'])
def test_json_texts_that_no_file_can_hold_are_refused(text):
    with pytest.raises(YamlError):
        parse_json(text)


def test_json_pairs_of_surrogates_are_one_character():
    assert parse_json('"\\ud83d\\ude00"') == "😀"


@pytest.mark.parametrize(
    ("data", "line", "column", "byte"),
    [
        (b"a: \xff", 1, 4, "0xff"),
        (b"a: 1\nb: caf\xe9\n", 2, 7, "0xe9"),
        ("é: 1\n".encode() + b"b: \xc3(", 2, 4, "0xc3"),
        (b"\xef\xbb\xbfa: \xff", 1, 4, "0xff"),
        (b"\xef\xbb\xbfa: 1\nbc: \xe9", 2, 5, "0xe9"),
        ("a: 1".encode("utf-16"), 1, 1, "0xff"),
        (b"a: \xed\xa0\x80", 1, 4, "0xed"),
        (b"a: \xc0\x80", 1, 4, "0xc0"),
    ],
)
def test_a_file_that_is_not_utf8_names_the_first_bad_byte(data, line, column, byte):
    with pytest.raises(YamlError) as caught:
        decode(data)
    error = caught.value
    assert (error.code, error.line, error.column) == ("not-utf8", line, column)
    assert byte in error.message


def test_a_thousand_laughs_are_fine():
    lines = ["a0: &a0 [x, x, x, x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 6)]
    assert len(parse("\n".join(lines))["a5"]) == 3


def test_a_billion_laughs_are_an_error():
    lines = ["a0: &a0 [x, x, x, x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(YamlError) as caught:
        parse("\n".join(lines))
    assert caught.value.code == "alias-bomb"
    assert caught.value.line > 3


def test_many_values_without_aliases_are_no_bomb():
    assert len(parse(f"a: [{'&' + 'x 1, '}{'1, ' * 60_000}]\n")["a"]) == 60_001


DEEP = """
import sys
from weft.files.datafile import parse_json
from weft.files.yaml12 import YamlError, parse, position
depth = int(sys.argv[1])
texts = {
    "flow list": "[" * depth + "]" * depth,
    "flow mapping": "{a: " * depth + "1" + "}" * depth,
    "block list": "- " * depth + "1",
    "anchored": "&a " + "[" * depth + "]" * depth,
    "left open": "[" * depth,
}
for name, text in texts.items():
    for read in (parse, parse_json, lambda text: position(text, (0,))):
        try:
            read(text)
        except YamlError as error:
            assert error.code in ("syntax", "too-deep"), (name, error.code)
"""


@pytest.mark.parametrize("depth", [500, 900, 3_000, 100_000])
def test_deep_nesting_is_told_and_does_not_end_the_interpreter(depth):
    done = subprocess.run([sys.executable, "-c", DEEP, str(depth)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr[-300:]) == (0, "")


def test_nesting_that_people_write_is_fine():
    assert parse("[" * 60 + "]" * 60)
    assert parse("\n".join(" " * depth + "a:" for depth in range(60)))


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        (("a",), (1, 4), (1, 1)),
        (("b",), (3, 3), (2, 1)),
        (("b", "c"), (3, 6), (3, 3)),
        (("b", "a.b"), (4, 11), (4, 3)),
        (("l", 0), (7, 5), None),
        (("l", 1), (8, 5), None),
        (("l", 1, "x"), (8, 8), (8, 5)),
        (("l", "1", "x"), (8, 8), (8, 5)),
        (("f", 1, "y"), (9, 12), (9, 9)),
        (("t",), (10, 4), (10, 1)),
        (("é😀",), (11, 5), (11, 1)),
        (("é😀", "b"), (11, 9), (11, 6)),
    ],
)
def test_positions_of_values_and_keys(path, value, key):
    text = (
        "a: 1\nb:\n  c: x # comment\n  'a.b':  y\n\nl:\n  - p\n  - x: 1\nf: [1, {y: 2}]\nt: |\n  é\né😀: {b: 1}\n"
    ).replace("|\n  é\n", "|1-\n")
    assert position(text, path) == value
    if key:
        assert position(text, path, key=True) == key


def test_positions_in_json_that_spells_characters_as_pairs():
    text = json.dumps({"a": "😀", "b": 1})
    assert position(text, ("b",)) == (1, text.index("1") + 1)


@pytest.mark.parametrize("path", [("z",), ("a", "b"), ("a", 0), ("l", 2), ("l", "x"), ("l", "²"), ("l", -1), (0,)])
def test_what_is_not_there_has_no_position(path):
    assert position("a: 1\nl: [1, 2]\n", path) is None


@pytest.mark.parametrize("text", ["", "a: [", "\x00"])
def test_a_text_that_is_not_yaml_has_no_positions(text):
    assert position(text, ("a",)) is None


def test_the_last_of_two_equal_keys_is_the_one_that_is_pointed_at():
    assert position("a: 1\na: 2\n", ("a",), key=True) == (2, 1)


texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12) | st.sampled_from(
    [
        "",
        " ",
        "no",
        "012",
        "~",
        "a: b",
        "- x",
        "# x",
        "'",
        '"',
        "line\nbreak\n",
        "\ttab",
        "{",
        "]",
        "&a",
        "*a",
        "!t",
        "%",
        "@",
    ]
)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
json_data = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(texts, below, max_size=4),
    max_leaves=15,
)
styles = st.fixed_dictionaries(
    {
        "default_flow_style": st.sampled_from([True, False, None]),
        "default_style": st.sampled_from([None, '"', "'"]),
        "width": st.sampled_from([20, 80, 1000]),
        "indent": st.sampled_from([2, 4]),
        "allow_unicode": st.booleans(),
        "sort_keys": st.booleans(),
        "explicit_start": st.booleans(),
    }
)


def all_paths(data, path=()):
    yield path, data
    if isinstance(data, dict):
        for key, value in data.items():
            yield from all_paths(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from all_paths(value, (*path, index))


def tail(text, place):
    """The text from a place on; lines end where YAML ends them."""
    line, column = place
    return "\n".join(text.split("\n")[line - 1 :])[column - 1 :]


def value_at(text):
    """The first value in a JSON text."""
    return json.JSONDecoder().raw_decode(text)[0]


@given(json_data, st.sampled_from([None, 1, 4]), st.booleans())
def test_json_is_read_back_and_every_position_shows_its_value(data, indent, ascii_only):
    text = json.dumps(data, indent=indent, ensure_ascii=ascii_only)
    assert same(parse_json(text), data)
    if not ascii_only or "\\ud" not in text:  # libyaml does not join the surrogate pairs of JSON
        assert same(parse(text), data)
        for path, value in all_paths(data):
            assert same(value_at(tail(text, position(text, path))), value)
            if path and isinstance(path[-1], str):
                assert value_at(tail(text, position(text, path, key=True))) == path[-1]


def same(one, other):
    """Equal, and of equal types; a whole float may be read as it was written."""
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


@given(json_data, styles)
def test_what_another_program_writes_is_read_as_that_data(data, style):
    dumped = yaml.safe_dump(data, **style)
    if yaml.safe_load(dumped) != data or "!!" in dumped:  # a style that cannot hold the data, or says types by tags
        return
    read = parse(dumped)
    assert read == data or differs_by_design(read, data)


def differs_by_design(read, data):
    """PyYAML writes YAML 1.1: what is a text there may be a number here (`1e3`), and the reverse (`1_000`)."""
    pairs = zip((value for _, value in all_paths(read)), (value for _, value in all_paths(data)), strict=True)
    return all(
        one == other or (isinstance(other, str) and one == yaml12.scalar(other)) or str(one) == str(other)
        for one, other in pairs
        if not isinstance(one, dict | list)
    )


@given(json_data, styles)
def test_every_position_points_into_the_text(data, style):
    text = yaml.safe_dump(data, **style)
    lines = text.split("\n")
    try:
        read = parse(text)
    except YamlError:
        return
    for path, value in all_paths(read):
        line, column = position(text, path)
        assert 1 <= line <= len(lines)
        assert 1 <= column <= len(lines[line - 1]) + 1
        if path and isinstance(path[-1], str) and style["default_style"] == '"' and path[-1].isascii():
            key_line, key_column = position(text, path, key=True)
            assert lines[key_line - 1][key_column - 1 :].lstrip("? ").startswith('"')
            assert (key_line, key_column) <= (line, column)
        if isinstance(value, int) and not isinstance(value, bool) and style["default_style"] is None:
            assert lines[line - 1][column - 1 :].startswith(str(value))
