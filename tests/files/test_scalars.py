"""The position in a file of a line and a column inside one of its texts."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from weft.files.yaml12 import position


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20), st.integers(0, 19), st.booleans()
)
@example("a'b", 2, False)
@example('a"\\b', 3, True)
@example("😀é", 1, True)
def test_a_column_inside_a_text_is_found_in_the_file(text, index, ascii_only):
    index %= len(text)
    for written in (json.dumps(text, ensure_ascii=ascii_only), "'" + text.replace("'", "''") + "'"):
        found = position(f"key: {written}\n", ("key",), within=(1, index + 1))
        raw = f"key: {written}\n"[found[1] - 1 :]
        if found[1] > 6:  # otherwise the text is not on one line, and its start is given
            assert raw[0] in (text[index], "\\")


@pytest.mark.parametrize(
    ("written", "within", "place"),
    [
        ("key: a && b\n", (1, 6), (1, 11)),
        ("key: >-\n  a &&\n  b\n", (1, 6), (3, 3)),
        ("key: >-\n\n    a &&\n    b\nmore: 1\n", (2, 1), (3, 5)),
        ("key: >-\n  a\n\n\n  b\n", (3, 1), (5, 3)),
        ("key: >-\n  a\n    b\n  c\n", (2, 3), (3, 5)),
        ("key: >-\n  a\n\n  b\n", (2, 1), (4, 3)),
        ("key: |\n  a &&\n    b\n", (2, 3), (3, 5)),
        ("key: |\n  a &&\n\n  b\n", (3, 1), (4, 3)),
        ("key: a &&\n  b\n", (1, 6), (2, 3)),
        ('key: "a\\n  b"\n', (2, 3), (1, 12)),
        ('{"key": "a \\u00e9 b"}\n', (1, 5), (1, 19)),
        ("key: a\n", (1, 9), (1, 6)),
        ("key: a\n", (7, 1), (1, 6)),
        ("key: 5\n", (1, 1), (1, 6)),
    ],
)
def test_a_place_inside_a_text_of_yaml(written, within, place):
    assert position(written, ("key",), within=within) == place
