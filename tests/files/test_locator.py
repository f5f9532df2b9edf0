"""Positions: from a path in a file, or from a problem, to line and column."""

import pytest

from scratch import write_files
from weft.base.overlay import Source
from weft.base.problems import Place, Problem
from weft.files.locator import locate, placed, placed_at_rule


@pytest.mark.parametrize(
    ("path", "key", "line", "column"),
    [
        (("a", "b"), False, 2, 6),
        (("a", "b"), True, 2, 3),
        (("a", "c", 1), False, 3, 10),
        (("a", "zzz"), False, 1, 1),
        (("zzz", "deeper"), False, 1, 1),
        ((), False, 1, 1),
    ],
)
def test_a_place_is_that_of_the_value_or_of_the_key_around_it(tmp_path, path, key, line, column):
    write_files(tmp_path, {"base.yaml": "a:\n  b: 1\n  c: [x, y]\n"})
    source = Source("base.yaml", path=tmp_path / "base.yaml")
    place = locate(source, path, key=key)
    assert place == Place("base.yaml", line, column)
    assert place.nearest == ("zzz" in path)


def test_a_source_without_a_file_has_no_line():
    assert locate(Source("--set a.b", {"a": {"b": 1}}), ("a", "b")) == Place("--set a.b")


def test_a_file_that_cannot_be_read_as_yaml_has_no_line(tmp_path):
    write_files(tmp_path, {"base.yaml": "a: [\n"})
    source = Source("base.yaml", path=tmp_path / "base.yaml")
    assert locate(source, ("a", "b")) == locate(source, ()) == Place("base.yaml")


def test_a_file_that_is_gone_when_a_report_asks_has_no_line(tmp_path):
    write_files(tmp_path, {"base.yaml": "a: {b: 1}\n"})
    source = Source("base.yaml", path=tmp_path / "base.yaml")
    tmp_path.joinpath("base.yaml").unlink()
    assert locate(source, ("a", "b")) == Place("base.yaml")


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_places_are_the_same_whatever_ends_a_line(tmp_path, newline):
    write_files(tmp_path, {"base.yaml": newline.join([b"\xef\xbb\xbfa:", b"  b: 1", b"  c: 2", b""])})
    source = Source("base.yaml", path=tmp_path / "base.yaml")
    assert locate(source, ("a", "c")) == Place("base.yaml", 3, 6)


@pytest.mark.parametrize(("code", "column"), [("wrong-type", 6), ("unknown-key", 3), ("nothing-to-remove", 3)])
def test_the_code_of_a_problem_says_whether_it_stands_at_the_key_or_at_the_value(tmp_path, code, column):
    write_files(tmp_path, {"base.yaml": "a:\n  b: 1\n"})
    problem = placed(Problem(code, "wrong", path="/a/b"), Source("base.yaml", path=tmp_path / "base.yaml"))
    assert problem.place == Place("base.yaml", 2, column)


def test_what_is_missing_stands_at_the_key_of_what_is_around_it(tmp_path):
    write_files(tmp_path, {"base.yaml": "x: 1\na:\n  b: 1\n"})
    problem = placed(
        Problem("missing-required", "wrong", path="/a/c"), Source("base.yaml", path=tmp_path / "base.yaml")
    )
    assert problem.place == Place("base.yaml", 2, 1)


def test_a_problem_can_be_placed_where_its_rule_is_written(tmp_path):
    write_files(tmp_path, {"schemas/a.json": '{\n "rules": [\n  "x",\n  "y"]}\n'})
    problem = placed_at_rule(Problem("rule-invalid", "wrong", schema="schemas/a.json#/rules/1"), tmp_path)
    assert problem.place == Place("schemas/a.json", 4, 3)


def test_a_rule_in_a_file_that_is_not_there_has_no_line(tmp_path):
    assert placed_at_rule(Problem("rule-invalid", "wrong", schema="gone.json#/x"), tmp_path).place == Place("gone.json")


def test_a_mistake_inside_a_rule_stands_at_its_character(tmp_path):
    write_files(tmp_path, {"schemas/a.json": '{"rule": "self.a <\\nself.b"}\n'})
    problem = Problem("rule-invalid", "wrong", schema="schemas/a.json#/rule", within=(1, 6))
    assert placed_at_rule(problem, tmp_path).place == Place("schemas/a.json", 1, 16)


def test_a_character_is_not_looked_for_in_what_is_only_around_the_rule(tmp_path):
    write_files(tmp_path, {"a.yaml": "text: abcdef\n"})
    source = Source("a.yaml", path=tmp_path / "a.yaml")
    assert locate(source, ("text",), within=(1, 3)) == Place("a.yaml", 1, 9)
    assert locate(source, ("text", "gone"), within=(1, 3)) == Place("a.yaml", 1, 1)
