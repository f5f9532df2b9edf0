"""The report: problems are added by targets and stages, and come out grouped and sorted."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.base.problems import Place, Problem, Severity
from weft.report.report import Report
from weft.report.text import text

PROBLEMS = st.lists(
    st.builds(
        Problem,
        st.sampled_from(["rule", "wrong-type", "missing-required"]),
        st.sampled_from(["one", "other"]),
        path=st.sampled_from(["/a", "/b"]),
        place=st.none() | st.builds(Place, st.sampled_from(["x", "y"]), st.none() | st.integers(1, 3)),
        targets=st.lists(st.sampled_from(["p", "q"]), unique=True).map(tuple),
    ),
    max_size=8,
)


def wrong(target, place=None, message="wrong", code="wrong-type", **details):
    return Problem(code, message, path="/a", place=place, targets=(target,), **details)


@given(PROBLEMS, st.randoms())
def test_the_order_in_which_problems_are_added_does_not_matter(problems, random):
    mixed = list(problems)
    random.shuffle(mixed)
    one, other = Report(problems), Report()
    for problem in mixed:
        other.add([problem])
    shape = [(problem.code, problem.message, problem.place, set(problem.targets)) for problem in one]
    assert [(problem.code, problem.message, problem.place, set(problem.targets)) for problem in other] == shape


@given(PROBLEMS)
def test_a_report_of_a_report_is_the_same(problems):
    once = Report(problems).problems
    assert Report(once).problems == once


def test_what_several_targets_share_stands_once():
    place = Place("a.yaml", 1, 1)
    (one,) = Report([wrong("x", place), wrong("y", place)])
    assert one.targets == ("x", "y")


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"place": Place("a.yaml", 1)}, {"place": Place("b.yaml", 1)}),
        ({"message": "this"}, {"message": "that"}),
        ({"hint": "this"}, {"hint": "that"}),
        ({"severity": Severity.NOTE}, {"severity": Severity.ERROR}),
        ({"schema": "s#/1"}, {"schema": "s#/2"}),
        ({"related": (Place("c", 1),)}, {"related": (Place("c", 2),)}),
    ],
)
def test_what_differs_in_what_is_said_stays_apart(left, right):
    assert len(Report([wrong("x", **left), wrong("y", **right)])) == 2


def missing(target, file, message, *, nearest):
    return wrong(target, Place(file, 1, 1, nearest=nearest), message, "missing-required")


def test_what_nothing_sets_is_missing_once_wherever_it_could_have_been_set():
    near = [
        missing("x", "x.yaml", "nothing sets it", nearest=True),
        missing("y", "y.yaml", "nothing sets it", nearest=True),
    ]
    (one,) = Report(reversed(near))
    assert (one.place.file, one.targets) == ("x.yaml", ("x", "y"))


def test_what_a_null_removes_is_missing_where_the_null_stands():
    exact = [
        missing("x", "x.yaml", "null removes it", nearest=False),
        missing("y", "y.yaml", "null removes it", nearest=False),
    ]
    assert [problem.place.file for problem in Report(exact)] == ["x.yaml", "y.yaml"]


def test_two_reasons_for_what_is_missing_are_two_problems():
    reasons = [
        missing("x", "a.yaml", "nothing sets it", nearest=True),
        missing("y", "a.yaml", "null removes it", nearest=True),
    ]
    assert len(Report(reasons)) == 2


def test_other_problems_stay_where_they_are_even_if_their_place_is_only_the_nearest():
    places = [Place("x.yaml", 1, nearest=True), Place("y.yaml", 1, nearest=True)]
    assert len(Report(wrong("x", place) for place in places)) == 2


def test_files_come_in_order_and_what_has_no_place_comes_last():
    places = [None, Place("b", 1), Place("a", 10), Place("a", 2, 5), Place("a", 2, 1)]
    assert [problem.place for problem in Report(wrong("x", place) for place in places)] == [
        Place("a", 2, 1),
        Place("a", 2, 5),
        Place("a", 10),
        Place("b", 1),
        None,
    ]


def test_what_another_code_says_better_of_a_setting_is_not_repeated():
    form, other = wrong("x", code="bad-reference"), Problem("bad-reference", "elsewhere", path="/b")
    unresolved = wrong("x", code="unresolved-reference")
    assert {problem.path for problem in Report([form, other])} == {"/a", "/b"}
    assert Report([form, other, unresolved]).problems == [unresolved, other]


def test_it_counts_and_fails_by_severity():
    report = Report([wrong("x", severity=Severity.WARNING)])
    assert (report.fails(), report.fails(strict=True), bool(report), bool(Report())) == (False, True, True, False)
    assert report.counts == {Severity.WARNING: 1}
    report.add([wrong("x")])
    assert report.fails()
    assert len(report) == 2


@pytest.fixture
def shown(tmp_path):
    tmp_path.joinpath("a.yaml").write_text("password: hunter2\nport: hunter3\n", "utf-8")

    def show(*problems):
        return text(Report(problems, tmp_path))

    return show


def at(line, code, **details):
    return Problem(code, "wrong", place=Place("a.yaml", line, 1), **details)


def test_the_line_is_shown(shown):
    assert "port: hunter3" in shown(at(2, "wrong-type"))


@pytest.mark.parametrize("code", ["plaintext-secret", "literal-secret"])
def test_the_line_of_a_secret_is_not_shown(code, shown):
    assert "hunter" not in shown(at(1, code))
    assert "a.yaml:1:1" in shown(at(1, code))


def test_no_line_of_a_file_with_a_literal_secret_is_shown(shown):
    assert "hunter" not in shown(at(2, "wrong-type"), at(1, "literal-secret"))
    assert "hunter3" in shown(at(2, "wrong-type"), at(1, "plaintext-secret"))


def test_a_secret_that_is_found_later_hides_the_lines_too(tmp_path):
    tmp_path.joinpath("a.yaml").write_text("password: hunter2\nport: hunter3\n", "utf-8")
    report = Report([at(2, "wrong-type")], tmp_path)
    assert "hunter3" in text(report)
    report.add([at(1, "literal-secret")])
    assert "hunter" not in text(report)


def test_a_problem_that_is_marked_shows_no_line(shown):
    assert "hunter" not in shown(at(2, "syntax", quiet=True))


def test_an_empty_report_is_an_empty_text():
    assert text(Report([], Path())) == ""


def test_what_a_terminal_would_obey_is_shown_as_escapes(tmp_path):
    (tmp_path / "a.j2").write_text("x\x1b[1my \u202e{{ z }}\n", "utf-8")
    problem = wrong("a", Place("a.j2", 1, 9), message="no `\x1b[2J`", code="undefined")
    shown = text(Report([problem], tmp_path))
    assert "no `\\x1b[2J`" in shown
    assert "| x\\x1b[1my \\u202e{{ z }}\n" in shown
    line, carets = shown.splitlines()[3:5]
    assert carets.index("^") - carets.index("|") == line.index("{{") - line.index("|") + len("\x1b[31m")
