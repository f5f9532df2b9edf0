"""Checks: programs that read outputs, the cache of what they said, and what happens where they cannot be asked."""

import json
import sys
import textwrap
import time
from types import SimpleNamespace

import pytest

from run import run
from scratch import make_project, write_files
from weft import Severity, checks, load_project
from weft.checks import programs
from weft.cli import common
from weft.stages.render.finished import Rendered

SCHEMA = {"properties": {"app": {"type": "object", "properties": {"word": {"type": "string", "default": "good"}}}}}
TEMPLATE = "# head\n{% if true %}\nfirst: 1\n{% endif %}\nword: {{ app.word }}\nlast: 2\n"
READER = """
    from pathlib import Path
    from weft.checks import programs
    from weft.base.problems import Place, Problem

    PROGRAM = {program!r}
    INSTALL = "the package of readers"

    def check(output):
        answer = programs.ask([PROGRAM, output.file], output.file.parent, limit=0.5)
        for number, line in enumerate(answer.text.splitlines(), 1):
            if "bad" in line:
                yield Problem("reader", f"it says: {{programs.words(line)}}", place=Place("", number))
        if answer.code:
            yield Problem("reader", f"reader ended with {{answer.code}}: {{programs.words(answer.text)}}")
"""


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """A cache folder of its own, without the results of earlier programs."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    programs.find.cache_clear()
    checks._plugins.cache_clear()
    yield
    programs.find.cache_clear()
    checks._plugins.cache_clear()


def project(folder, monkeypatch, script, program="reader"):
    """A project whose output is checked by `reader`, a plug-in that asks a program, which is a shell script."""
    files = {
        "schema.json": SCHEMA,
        "base.yaml": "{}",
        "templates/it.j2": TEMPLATE,
        "plugin/reader_check.py": textwrap.dedent(READER.format(program=program)),
        "plugin/reader-1.dist-info/METADATA": "Name: reader\nVersion: 1\n",
        "plugin/reader-1.dist-info/entry_points.txt": "[weft.checks]\nreader = reader_check\n",
    }
    outputs = [{"template": "it.j2", "path": "it.txt", "check": "reader"}]
    make_project(folder, files, outputs=outputs)
    if script is not None:
        write_files(folder, {"bin/reader": f"#!/bin/sh\necho run >> {folder}/runs\n{script}\n"})
        (folder / "bin/reader").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}/bin:/usr/bin:/bin")
    monkeypatch.setenv("PYTHONPATH", str(folder / "plugin"))
    monkeypatch.syspath_prepend(str(folder / "plugin"))
    monkeypatch.delitem(sys.modules, "reader_check", raising=False)
    return folder


def said(folder, **overrides):
    """The problems of all checks of a project, in this process."""
    loaded = load_project(folder, overrides=overrides)
    return loaded.check_outputs(loaded.targets())


def test_a_check_that_crashes_is_named_with_its_line(tmp_path, monkeypatch):
    project(tmp_path, monkeypatch, "exit 0")
    crash = 'def check(output):\n    return [{}["secret detail"]]\n'
    (tmp_path / "plugin" / "reader_check.py").write_text(crash, "utf-8")
    result = run("validate", cwd=tmp_path, env={"WEFT_TRACEBACK": None})
    assert (result.code, result.out) == (3, "")
    assert result.err.startswith("weft: internal error: KeyError in reader_check, line 2: ")
    assert "secret detail" not in result.err


def test_a_plug_in_with_the_name_of_a_check_of_weft_is_not_used_and_warned_of(tmp_path, monkeypatch):
    folder = project(tmp_path, monkeypatch, None)
    write_files(folder, {"plugin/reader-1.dist-info/entry_points.txt": "[weft.checks]\nkubernetes = reader_check\n"})
    outputs = [{"template": "it.j2", "path": "it.txt", "check": "kubernetes"}]
    make_project(folder, {"templates/it.j2": "a: 1\n"}, outputs=outputs)
    found = {problem.code: problem for problem in said(folder).problems}
    assert "check-skipped" not in found, "the installed one would look for its program"
    assert found["plugin-not-used"].message == (
        "the check `kubernetes` of the package reader is not used: Weft has a check with that name"
    )
    assert found["plugin-not-used"].severity == "warning"


def test_a_plug_in_of_another_package_is_found_by_its_name(tmp_path, monkeypatch):
    project(tmp_path, monkeypatch, 'cat "$1"')
    result = run("validate", "--outputs", cwd=tmp_path)
    assert (result.code, "1 checks ran: reader 1; none was skipped" in result.err) == (0, True), result


def test_a_complaint_names_output_template_and_the_words_of_the_program(tmp_path, monkeypatch):
    project(tmp_path, monkeypatch, 'cat "$1"')
    (problem,) = said(tmp_path, **{"app.word": "bad"}).problems
    assert (problem.code, problem.message) == ("reader", "it says: word: bad")
    assert (problem.place.file, problem.place.line, problem.place.text) == ("it.txt", 3, "word: bad")
    assert [(place.file, place.line) for place in problem.related] == [("templates/it.j2", 5)]
    result = run("validate", "--outputs", "--set", "app.word=bad", cwd=tmp_path)
    assert result.code == 1
    for words in ("it.txt:3", " 3 | word: bad", "see also templates/it.j2:5"):
        assert words in result.out


def test_what_a_program_said_is_kept_by_the_content(tmp_path, monkeypatch):
    project(tmp_path, monkeypatch, 'cat "$1"')
    runs = tmp_path / "runs"
    assert said(tmp_path, **{"app.word": "bad"}).problems == said(tmp_path, **{"app.word": "bad"}).problems
    assert runs.read_text() == "run\n"
    assert said(tmp_path).problems == []
    assert said(tmp_path).problems == []
    assert runs.read_text() == "run\nrun\n"
    (tmp_path / "bin/reader").write_text(f"#!/bin/sh\necho run >> {runs}\necho bad\n")  # a new version of the program
    assert len(said(tmp_path).problems) == 1
    assert runs.read_text() == "run\nrun\nrun\n"


def test_the_other_outputs_of_a_target_belong_to_the_question_and_are_hashed_once(tmp_path, monkeypatch):
    hashed = []

    class Text(str):
        __slots__ = ()

        def __repr__(self):
            hashed.append(str(self))
            return super().__repr__()

    def outputs(other):
        return [
            *(
                Rendered(f"{number}.txt", "one", "it.j2", 0, ("reader",), text=Text("word: good"))
                for number in range(20)
            ),
            Rendered("beside.txt", "one", "it.j2", 1, text=Text(other)),
            Rendered("two.txt", "two", "it.j2", 0, ("reader",), text=Text(f"two, {other}")),
        ]

    project(tmp_path, monkeypatch, 'cat "$1"')
    monkeypatch.setattr(checks, "_AT_ONCE", 1)
    for other in ("old", "old", "new"):
        files = outputs(other)
        assert checks.run(files, [], checks.texts_of(files), ask_programs=True).problems == []
        assert len(hashed) == 22
        hashed.clear()
    assert (tmp_path / "runs").read_text() == "run\n" * 42, "both targets have another file, and are asked again"


@pytest.mark.parametrize("spoiled", ["{", "[]x", '[{"code": 1}]', ""])
def test_a_spoiled_cache_is_no_answer(tmp_path, monkeypatch, spoiled):
    project(tmp_path, monkeypatch, "echo bad")
    assert len(said(tmp_path).problems) == 1
    for file in (tmp_path / "cache").rglob("*.json"):
        file.write_text(spoiled)
    assert len(said(tmp_path).problems) == 1


def test_a_cache_that_cannot_be_written_is_no_mistake(tmp_path, monkeypatch):
    project(tmp_path, monkeypatch, "echo bad")
    (tmp_path / "cache").write_text("a file")
    assert len(said(tmp_path).problems) == 1


def test_a_missing_program_is_told_once_and_is_no_error(tmp_path, monkeypatch):
    project(tmp_path, monkeypatch, None)
    report = said(tmp_path)
    (problem,) = report.problems
    assert (problem.code, problem.severity) == ("check-skipped", Severity.WARNING)
    assert "the program reader is not installed" in problem.message
    assert problem.hint == "reader comes with the package of readers"
    assert (report.asked.total(), report.skipped["reader"]) == (0, 1)
    assert run("validate", "--outputs", cwd=tmp_path).code == 0
    result = run("validate", "--outputs", "--strict", cwd=tmp_path)
    assert (result.code, "skipped: reader 1" in result.err) == (1, True)


def interrupted(what, *_):
    """Somebody who presses Ctrl-C while the checks run."""
    if what == "checks":
        raise KeyboardInterrupt


@pytest.mark.programs("sleep")
@pytest.mark.parametrize("script", ["sleep 30", "exec sleep 30", "trap '' INT; sleep 30 & wait; sleep 30"])
def test_an_interruption_ends_the_programs_with_all_that_they_started(tmp_path, monkeypatch, script):
    folder = project(tmp_path, monkeypatch, script)
    (folder / "plugin/reader_check.py").write_text(
        (folder / "plugin/reader_check.py").read_text("utf-8").replace("limit=0.5", "limit=60"), "utf-8"
    )
    loaded = load_project(folder)
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        loaded.check_outputs(loaded.targets(), interrupted)
    assert time.monotonic() - begun < 5  # and not 30
    assert not list((tmp_path / "cache").rglob("*.json")), "nobody heard the end of the answer"


def test_an_interruption_starts_nothing_more(monkeypatch):
    asked = []

    def check(output):
        asked.append(output.path)
        time.sleep(0.01)
        return ()

    monkeypatch.setattr(checks, "_load", lambda _: SimpleNamespace(check=check, PROGRAM="true", INSTALL="it"))
    monkeypatch.setattr(checks.memory, "key", lambda *_: "")
    monkeypatch.setattr(checks.memory, "recall", lambda _: None)
    monkeypatch.setattr(checks.memory, "keep", lambda *_: None)
    outputs = [Rendered(f"{number}", "it", "it.j2", 0, ("slow",), text="") for number in range(1000)]
    with pytest.raises(KeyboardInterrupt):
        checks.run(outputs, [], checks.texts_of(outputs), ask_programs=True, watch=interrupted)
    assert len(asked) < 100


def test_a_program_is_not_started_any_more_once_its_run_has_ended(tmp_path):
    started = programs.Started()
    started.end()
    with pytest.raises(programs.NoAnswerError, match="the run has ended"):
        started.run([sys.executable, "-c", "pass"], tmp_path, None, 1)


def test_long_work_shows_how_far_it_is_on_a_terminal_only(tmp_path, monkeypatch):
    project(tmp_path, monkeypatch, 'cat "$1"')
    monkeypatch.setattr(common, "PATIENCE", -1.0)
    monkeypatch.setenv("TERM", "xterm")
    shown = run("validate", "--outputs", cwd=tmp_path, terminal=True)
    assert "targets: 0 of 1" in shown.err
    assert (
        shown.err.rpartition("\x1b[K")[2] == "1 checks ran: reader 1; none was skipped\n1 target checked, no problems\n"
    )
    for quiet in (run("validate", cwd=tmp_path), run("validate", cwd=tmp_path, terminal=True, env={"TERM": "dumb"})):
        assert quiet.err == "1 target checked, no problems\n"
    monkeypatch.setattr(common, "PATIENCE", 60.0)
    assert run("validate", cwd=tmp_path, terminal=True).err == "1 target checked, no problems\n"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("sleep 30", "gave no answer within 0 seconds"),
        ("exit 3", "reader ended with 3"),
        ("printf '\\377\\376\\000'; exit 1", "reader ended with 1"),
        ("kill -9 $$", "reader ended with -9"),
        ("yes | head -c 3000000; exit 1", "…"),
    ],
)
def test_a_program_that_hangs_or_prints_nonsense_is_a_problem(tmp_path, monkeypatch, script, words):
    project(tmp_path, monkeypatch, script)
    (problem,) = said(tmp_path).problems
    assert words in problem.message
    assert problem.severity is Severity.ERROR
    assert problem.place.file == "it.txt"
    assert [place.file for place in problem.related] == ["templates/it.j2"]
    assert len(problem.message) < 400


def test_a_program_that_cannot_be_started_is_a_problem(tmp_path, monkeypatch):
    project(tmp_path, monkeypatch, "")
    (tmp_path / "bin/reader").write_bytes(b"\x00\x01")
    (problem,) = said(tmp_path).problems
    assert (problem.code, "could not be started" in problem.message) == ("check-failed", True)


def test_to_render_runs_no_program(tmp_path, monkeypatch):
    project(tmp_path, monkeypatch, "echo bad")
    assert run("render", cwd=tmp_path).code == 0
    assert not (tmp_path / "runs").exists()


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    project(tmp_path, monkeypatch, 'cat "$1"')
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    said(tmp_path)
    assert list((tmp_path / "scratch").iterdir()) == []


def test_the_report_of_a_check_as_json(tmp_path, monkeypatch):
    project(tmp_path, monkeypatch, 'cat "$1"')
    result = run("validate", "--outputs", "--format", "json", "--set", "app.word=bad", cwd=tmp_path)
    (problem,) = json.loads(result.out)["problems"]
    assert (problem["file"], problem["line"], problem["code"]) == ("it.txt", 3, "reader")


@pytest.mark.parametrize(
    ("template", "line", "expected"),
    [
        ("a\nb\nc\n", 2, 2),
        ("{# c #}\na\n", 1, 2),
        ("{% for i in range(3) %}\nx\n{% endfor %}\ny\n", 3, 2),
        ("{% for i in range(3) %}\nx\n{% endfor %}\ny\n", 4, 4),
        ("{{ app.word }}\n{{ app.word }}", 2, 2),
        ("{% macro m() %}\none\ntwo\n{% endmacro %}\nhead\n{{ m() }}\ntail\n", 3, 6),
        ("{% if false %}\nno\n{% endif %}\nyes\n", 1, 4),
    ],
)
def test_the_line_of_a_template_that_makes_a_line(tmp_path, template, line, expected):
    outputs = [{"template": "it.j2", "path": "it.txt"}]
    make_project(tmp_path, {"schema.json": SCHEMA, "base.yaml": "{}", "templates/it.j2": template}, outputs=outputs)
    loaded = load_project(tmp_path)
    target = loaded.target()
    ((one,), _) = loaded.render([target])
    assert loaded.outputs.template_line(target.view, one, line).line == expected
