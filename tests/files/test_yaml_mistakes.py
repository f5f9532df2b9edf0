"""Clear messages for syntax errors, at the place of the mistake, with a hint that helps."""

import pytest

from weft.files import datafile, yaml12

CONFLICT = "a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> other\nc: 3\n"

# the text, where the mistake is, words of the message, words of the hint, and the text after the hint was followed
MISTAKES = {
    "at sign": ("a: @x", (1, 4), "cannot start with `@`", "quotes", "a: '@x'"),
    "percent sign": ("a: [%x]", (1, 5), "cannot start with `%`", "quotes", "a: ['%x']"),
    "comma": ("a: ,x", (1, 4), "cannot start with `,`", "quotes", "a: ',x'"),
    "question mark": ("a: ? b", (1, 4), "cannot start with `?`", "quotes", "a: '? b'"),
    "a colon in a text": ("a: http://x: y", (1, 12), "colon", "quotes", "a: 'http://x: y'"),
    "a key below a value": ("a: x\n b: y", (2, 3), "already has a value", "indentation", "a: x\nb: y"),
    "glob": ("a: *.example.com", (1, 4), "alias", "quotes", "a: '*.example.com'"),
    "ampersand": ("a: & b", (1, 4), "anchor", "quotes", "a: '& b'"),
    "Windows path": ('a: "C:\\dir"', (1, 7), "backslash", "single quotes", "a: 'C:\\dir'"),
    "text after a quoted one": ('a: "x" y', (1, 8), "ends before this", '\\"', 'a: "\\"x\\" y"'),
    "apostrophe": ("a: 'it's'", (1, 8), "ends before this", "''", "a: 'it''s'"),
    "template": ("a: {{ x }}y", (1, 11), "ends before this", "quotes", "a: '{{ x }}y'"),
    "indentation": ("a:\n  b: 1\n c: 2\n", (3, 2), "indented like this", "indentation", "a:\n  b: 1\n  c: 2\n"),
    "no colon": ("a: 1\nb\nc: 2", (2, 1), "has none", "", "a: 1\nb: \nc: 2"),
    "list on the line of its key": ("a: - b", (1, 4), "line of its key", "next line", "a:\n- b"),
    "block text": ("a: |x", (1, 5), "on the line below", "quotes", "a: '|x'"),
    "open list": ("a: [1, 2", (2, 1), "never closed", "`]`", "a: [1, 2]"),
    "open mapping": ("{a: 1\nb: 2}", (2, 2), "without a comma", "`,`", "{a: 1,\nb: 2}"),
    "open quotes": ("a: 'x", (1, 6), "never ends", "close", "a: 'x'"),
    "list and mapping": ("- a\nb: 1", (2, 1), "does not start with `- `", "indentation", "- a\n- b: 1"),
    "directive": ("%FOO\n---\na: 1", (1, 5), "directive", "remove", "---\na: 1"),
    "YAML 1.1": ("# x\n%YAML 1.1\n---\na: yes", (2, 1), "requests YAML 1.1", "remove", "# x\n---\na: yes"),
    "conflict": (CONFLICT, (2, 1), "merge conflict was left here, up to line 6", "one side", "a: 1\nb: 1\nc: 3\n"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_and_its_hint_helps(name):
    text, place, message, hint, corrected = MISTAKES[name]
    with pytest.raises(yaml12.YamlError) as caught:
        yaml12.parse(text)
    error = caught.value
    assert (error.code, error.line, error.column) == ("syntax", *place)
    assert message in error.message
    assert hint in (error.hint or "")
    yaml12.parse(corrected)


@pytest.mark.parametrize("text", ["%YAML 1.2\n---\na: 1", "a: |\n  %YAML 1.1\n", "---\na: '%YAML 1.1'"])
def test_what_only_looks_like_another_version_is_read(text):
    yaml12.parse(text)


def test_a_merge_conflict_in_json_is_named_too():
    text = '{\n<<<<<<< HEAD\n"a": 1\n||||||| base\n"a": 0\n=======\n"a": 2\n>>>>>>> other\n}\n'
    with pytest.raises(yaml12.YamlError, match="merge conflict was left here, up to line 8") as caught:
        datafile.parse_json(text)
    assert (caught.value.line, caught.value.column) == (2, 1)


def test_marks_inside_a_text_are_no_conflict():
    assert yaml12.parse("a: |\n  <<<<<<< x\n  >>>>>>> y\n") == {"a": "<<<<<<< x\n>>>>>>> y\n"}
