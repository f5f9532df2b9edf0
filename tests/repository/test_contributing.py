"""The modules that the pages for contributors show do what the pages say."""

import re
import sys
import types

import pytest

from reference import ROOT
from weft import Place, Problem
from weft.base import codes
from weft.checks import Finished, Tree, programs, texts_of
from weft.derived.editors.association import Association
from weft.files.reading import ProjectFiles
from weft.report.report import Report
from weft.secrets.providers import ProviderError, Reference
from weft.stages.render.finished import Rendered

ASSOCIATIONS = (Association("Weft overlays", "schemas/overlay.json", ("overlays/*.yaml", "overlays/*.json")),)


def module(page):
    """The module that a page shows."""
    text = (ROOT / "docs" / "contributing" / f"{page}.md").read_text("utf-8")
    shown = types.ModuleType("shown")
    exec(re.search(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)[1], vars(shown))
    return shown


def test_the_check_reports_what_its_program_says(monkeypatch):
    check = module("new-check")
    monkeypatch.setattr(codes, "_registry", dict(codes._registry))
    codes.add_outputs_codes(["nginx"])  # as happens to the name of every check
    rendered = Rendered("dev/nginx.conf", "dev", "nginx.conf.j2", 0, text="lisen 80;\n")
    output = Finished(rendered.path, Tree([rendered], texts_of([rendered])))
    said = programs.Answer(1, f'nginx: [emerg] unknown directive "lisen" in {output.file}:1\n')
    asked = []
    monkeypatch.setattr(programs, "ask", lambda *question: asked.append(question) or said)
    found = list(check.check(output))
    assert asked == [([check.PROGRAM, "-t", "-c", output.file], output.file.parent)]
    assert [(one.code, one.message) for one in found] == [
        ("nginx", 'nginx: [emerg] unknown directive "lisen" in dev/nginx.conf:1')
    ]
    assert found[0].place == Place("dev/nginx.conf", 1)
    monkeypatch.setattr(programs, "ask", lambda *_: programs.Answer(0, "fine"))
    assert list(check.check(output)) == []


def test_the_provider_resolves_references(monkeypatch, tmp_path):
    provider = module("new-provider")
    keyring = types.SimpleNamespace(get_password=lambda service, name: {("shop", "db"): "word"}.get((service, name)))
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    there, absent, wrong = (
        Reference("keyring", *parts, {}) for parts in (("shop", "db"), ("shop", "cache"), ("a/b", "c"))
    )
    assert provider.resolve(there, ProjectFiles(tmp_path)) == "word"
    assert (provider.complaint(there), provider.complaint(wrong)) == (None, "SERVICE must not contain a slash")
    with pytest.raises(ProviderError, match="the keyring has no cache of shop"):
        provider.resolve(absent, ProjectFiles(tmp_path))


@pytest.mark.parametrize("before", [None, '{"name": "shop", "directory": "."}'])
def test_the_editor_adds_the_schemas_once(before):
    editor = module("new-editor")
    after = editor.settings(before, ASSOCIATIONS)
    assert "schemas/overlay.json" in after
    assert "overlays/*.yaml" in after
    assert not before or '"name": "shop", "directory": "."' in after
    assert editor.settings(after, ASSOCIATIONS) == after


def test_the_report_format_has_a_line_for_each_problem(tmp_path):
    problems = [Problem("rule", "too small", place=Place("a.yaml", 3, 5)), Problem("rule", "too large", path="/app")]
    lines = module("new-report-format").as_lines(Report(problems, tmp_path)).splitlines()
    assert sorted(lines) == ["/app: error: too large [rule]", "a.yaml:3:5: error: too small [rule]"]
