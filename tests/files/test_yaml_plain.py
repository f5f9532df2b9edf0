"""The fast reader of YAML says what the careful one says, or nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.files import yaml12, yaml_plain

WORDS = (
    "a", "b-c", "d.e", "_f", "yes", "null", "~", "<<", "1", "012", "1_000", "-5", "+7", "0x1F", "0o17", ".5", "1e3", "1e999",
    ".inf", "true", "http://a/b", "a b", "a  b ", "a:b", "a: b", "a:", "-", "- a", "?", "? a", "a#b", "a #b", "#", "'x'",
    '"x y"', '"a\\n"', "''", "'it''s'", '"é\u2028"', "é", "&a b", "*a", "!!str 1", "! x", "{}", "[a, b]", "{a: 1}", "|", ">",
    "😀", "'ü — 😀'", '"\xa0"', '"\u200b"', "---", "...", "%YAML 1.1", "\t", "\x85", "\ufeff", "a@b", "@a", "`", "=", ",a", "(a)", "2026-01-02", "1:30", "a: 'b'", "",
)  # fmt: skip
"""Parts of lines, ordinary ones and odd ones."""


@st.composite
def texts(draw: st.DrawFn) -> str:
    lines = [
        " " * draw(st.integers(0, 4)) + draw(st.sampled_from(("a:", "b:", "c:", "d-e:", "a", '"q":', ""))) + draw(
            st.sampled_from((" ", "", "  "))
        ) + draw(st.sampled_from(WORDS)) + draw(st.sampled_from(("", "", " ", " # c", "#")))
        for _ in range(draw(st.integers(0, 6)))
    ]  # fmt: skip
    return draw(st.sampled_from(("\n", "\n", "\n", "\r\n"))).join(lines) + draw(st.sampled_from(("", "\n", "\n\n")))


@st.composite
def nested(draw: st.DrawFn, depth: int = 0) -> str:
    """Mappings of scalars, with comments."""
    lines = []
    for name in draw(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=4, unique=draw(st.integers(0, 9)) > 0)):
        if depth < 3 and draw(st.booleans()):
            lines.append(f"{name}:{draw(st.sampled_from(('', ' ', ' # x')))}")
            indent = " " * draw(st.integers(0 if draw(st.integers(0, 9)) == 0 else 1, 3))
            lines += [indent + line for line in draw(nested(depth=depth + 1)).split("\n")]
        else:
            lines.append(f"{name}: {draw(st.sampled_from(WORDS))}")
    return "\n".join(lines)


@given(st.one_of(texts(), nested(), st.text(alphabet="ab: \n-#\"'\\01.{", max_size=30)))
def test_it_says_what_the_careful_reader_says(text: str) -> None:
    plain = yaml_plain.read(text, yaml12.scalar)
    if plain is not None:
        assert repr(plain) == repr(yaml12.parse_any(text))


def test_it_reads_what_overlays_mostly_contain() -> None:
    text = """# yaml-language-server: $schema=x
app:
  port: 8080
  rate: 0.5   # a comment

  url: https://example.org:8443/a
  motd: "it's fine"
  deep:
      on: 'true'
  last: -1
other: {other}
"""
    assert yaml_plain.read(text.replace("{other}", "x y"), yaml12.scalar) == {
        "app": {"port": 8080, "rate": 0.5, "url": "https://example.org:8443/a", "motd": "it's fine", "deep": {"on": "true"}, "last": -1},
        "other": "x y",
    }  # fmt: skip
    assert yaml_plain.read(text, yaml12.scalar) is None


@pytest.mark.parametrize(
    "text", ["", "\n", "# only\n", "a:\n", "a: 1\na: 2\n", "a: 1\n  b: 2\n", " a: 1\nb: 2\n", "a:\n  b: 1\n c: 2\n"]
)
def test_it_leaves_to_the_careful_reader_what_has_no_plain_meaning(text: str) -> None:
    assert yaml_plain.read(text, yaml12.scalar) is None


def test_numbers_that_json_cannot_represent_are_left_to_the_careful_reader() -> None:
    with pytest.raises(yaml12.YamlError, match="JSON has no number"):
        yaml12.parse("a: 1e999\n")


def test_deep_nesting_is_left_to_the_careful_reader() -> None:
    text = "\n".join(f"{' ' * depth}a:" for depth in range(95)) + " 1\n"
    assert yaml_plain.read(text, yaml12.scalar) is None
    assert yaml12.parse(text)
