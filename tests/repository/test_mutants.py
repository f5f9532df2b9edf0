"""`make mutants` draws evenly and the same again, and tells lines that tests guard from lines that none does."""

import ast
import re
import subprocess
from collections import Counter

import mutants
import pytest

from reference import ROOT
from scratch import write_files


def drawn(seed, count=70):
    return mutants.drawn(ROOT, seed, count)


def test_a_seed_draws_the_same_again_and_another_seed_others():
    assert drawn("9525935") == drawn("9525935")
    assert drawn("4fa4163") != drawn("9525935")


def test_lines_are_drawn_evenly_over_the_subjects():
    subject = {
        file: name for name, patterns in mutants.SUBJECTS.items() for file in mutants.subject_files(ROOT, patterns)
    }
    found = drawn("f00")
    assert Counter(subject[mutant.file] for mutant in found) == dict.fromkeys(mutants.SUBJECTS, 10)
    assert len({(mutant.file, mutant.line) for mutant in found}) == len(found)


def test_every_mutant_is_a_change_that_can_be_compiled():
    for mutant in drawn("abc", 21):
        text = mutant.text(ROOT)
        compile(text, mutant.file, "exec")
        assert text != ast.unparse(ast.parse((ROOT / mutant.file).read_text("utf-8")))


CHANGED = {
    "a < b": ["a <= b"],
    "a <= b > c": ["a < b > c", "a <= b >= c"],
    "a in b": ["a not in b"],
    "a is not None": ["a is None"],
    "a and b": ["a or b"],
    "a + b": ["a - b"],
    "not a": ["a"],
    "True": ["False"],
    "0": ["1"],
    "a if b else c": ["a if not b else c"],
    "[a for a in b if c]": ["[a for a in b]", "[a for a in b if not c]"],
    "if a:\n    b()": ["if not a:\n    b()", "if a:\n    pass"],
    "while a:\n    continue": ["while not a:\n    continue", "while a:\n    pass"],
    "a += b": ["pass"],
    "raise a": ["pass"],
    "def f():\n    return a": ["def f():\n    return None"],
    "def f():\n    yield a": ["def f():\n    pass"],
    # what no test could notice
    "def f() -> Literal[1]:\n    return False": ["def f() -> Literal[1]:\n    return True"],
    "def f(a: Literal[1]):\n    return None": [],
    "_REMEMBERED: Final = 10": [],
    "'''About 1.'''": [],
    "if TYPE_CHECKING:\n    a()": [],
    "a(slots=True)": ["pass"],
    "a(maxsize=1)": ["pass"],
}


@pytest.mark.parametrize("source", CHANGED)
def test_the_changes_that_are_possible(source):
    found = []
    for index in range(len(list(mutants.changes(ast.parse(source))))):
        tree = ast.parse(source)
        list(mutants.changes(tree))[index].apply()
        found.append(ast.unparse(ast.fix_missing_locations(tree)))
    assert sorted(found) == sorted(CHANGED[source])


def test_the_tests_are_those_that_pytest_collects_without_those_of_the_checkout():
    names = mutants.everything(ROOT)
    assert {name.split("/")[1] for name in names} >= {"stages", "project", "platform", "cli"}
    assert [name for name in names if name.startswith(("tests/cases/", "tests/repository/"))] == [mutants.ALSO]


def test_a_subject_whose_files_have_moved_is_an_error(tmp_path):
    with pytest.raises(SystemExit, match=r"src/weft/gone/\*\.py matches no file"):
        mutants.subject_files(tmp_path, ["gone/*.py"])


@pytest.mark.programs("sh")  # it starts whole runs of tests
def test_a_line_that_no_test_guards_survives(tmp_path, monkeypatch, capsys):
    files = {
        "src/weft/__init__.py": "",
        "src/weft/stages/__init__.py": "",
        "src/weft/stages/merge.py": "def guarded(number):\n    return number + 1\n\n\ndef free(number):\n    return number - 1\n",
        "tests/stages/test_merge.py": "from weft.stages.merge import guarded\n\ndef test_it():\n    assert guarded(1) == 2\n",
    }
    subprocess.run(["git", "init", "-q", write_files(tmp_path, files)], check=True)
    monkeypatch.setattr(mutants, "SUBJECTS", {"merge": ("stages/merge.py",)})
    assert mutants.run(tmp_path, ["1", "2"], 2, 1) == 0.5
    recorded, *lines = capsys.readouterr().out.splitlines()
    assert recorded.startswith("all tests recorded"), "once for both seeds"
    for seed, (*judged, summary) in (("1", lines[:3]), ("2", lines[3:])):
        noticed, survived = sorted(judged, key=lambda line: line.startswith("SURVIVED"))
        assert re.match(r"noticed .* src/weft/stages/merge\.py:2: .* \(stages/test_merge\.py::test_it\)$", noticed)
        assert re.match(r"SURVIVED .* src/weft/stages/merge\.py:6: ", survived)
        assert f"SEED={seed} COUNT=2: 1 of 2 noticed" in summary
    monkeypatch.setattr(mutants, "run", lambda *_: 0.94)
    assert mutants.main(["--seed", "1"]) == 1


def test_a_mutant_meets_the_tests_that_run_its_line_and_are_likeliest_to_notice_first(tmp_path, monkeypatch):
    there = (
        "cli/test_cases.py",
        "cli/test_b.py",
        "rules/test_names.py",
        "rules/test_syntax.py",
        "repository/test_x.py",
    )
    write_files(tmp_path, {f"tests/{module}": "" for module in there})
    monkeypatch.setattr(mutants, "FIRST", 3)
    monkeypatch.setattr(mutants, "SECOND", 5)
    modules = ("rules/test_names.py", "rules/test_rules.py", "cli/test_a.py", "cli/test_b.py")
    own, near, slow, quick = (f"tests/{module}::test" for module in modules)
    seconds = {own: 9.0, near: 8.0, slow: 7.0, quick: 0.1, f"{quick}[2]": 0.2, f"{quick}[3]": 0.3}
    tests = {"src/weft/rules/names.py": {5: [f"{quick}[3]", slow, f"{quick}[2]", quick, near, own], 6: []}}
    recording = mutants.Recording(tmp_path, tests, seconds)
    rest = ["tests/cli/test_b.py", "tests/rules/test_names.py", "tests/rules/test_syntax.py"]
    groups = [[own, near, quick], [slow, f"{quick}[2]"], rest]
    assert list(recording.groups("src/weft/rules/names.py", 5)) == groups
    assert next(recording.groups("src/weft/rules/names.py", 6)) == [own, mutants.ALSO, near]


@pytest.mark.programs("sh")  # it starts whole runs of tests
def test_a_mutant_that_does_not_end_or_takes_all_memory_is_ended(tmp_path, monkeypatch):
    checkout = mutants.Checkout(tmp_path / "copy")
    checkout.root.mkdir()
    code, output = checkout.run("-c", "print('a', flush=True)\nwhile True: pass", seconds=3)
    assert (code, output) == (-9, "a\n\nFAILED (timeout)")
    monkeypatch.setattr(mutants, "MEMORY", 1 << 30)
    code, output = checkout.run("-c", "bytearray(2 << 30)")
    assert (code, "MemoryError" in output) == (1, True)
    assert checkout.run("-c", "bytearray(2 << 20)") == (0, "")


@pytest.mark.parametrize(
    ("code", "output", "noticed"),
    [
        (0, "3 passed", None),
        (1, "FAILED tests/a.py::test_b[c d] - assert 1", "a.py::test_b[c d]"),
        (2, "ERROR tests/a.py - SyntaxError", "a.py"),
        (4, "ImportError while loading conftest '/x/tests/conftest.py'.", "conftest '/x/tests/conftest.py'."),
        (4, "ERROR: not found: tests/a.py::test_b[x]", None),
        (5, "no tests ran", None),
        (-9, "", "a crash, or a test without end"),
    ],
)
def test_noticed_means_that_a_test_failed(monkeypatch, tmp_path, code, output, noticed):
    monkeypatch.setattr(mutants.Checkout, "test_within", lambda *_: (code, output))
    assert mutants.noticed_by(mutants.Checkout(tmp_path), mutants.Recording(tmp_path, {}, {}), ["x"]) == noticed
