"""Pages whose parts are compared with what they are about: examples of templates and problems, decisions, guarantees."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from run import run
from scratch import make_project
from weft import load_project
from weft.stages.render.filters import FILTERS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "templates.md"
TEXT = PAGE.read_text("utf-8")
EXAMPLES = re.findall(r"^```jinja\n(.*?)^```\n```text\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
SCHEMA = {
    "properties": {
        "app": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "x-env": "APP_NAME"},
                "replicas": {"type": "object", "x-reload": "restart"},
                "origins": {"type": "array", "items": {"type": "string"}, "x-env": "ORIGINS"},
                "greeting": {"type": "string", "x-env": "GREETING"},
                "timeout": {"type": "integer"},
                "password": {"type": "string", "x-sensitive": True, "x-env": "APP_PASSWORD"},
            },
        }
    }
}


def made(folder, template):
    config = yaml.safe_load(re.search(r"^```yaml\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)[1])
    outputs = [{"template": "it.j2", "path": "it", "secrets": "secret" in template}]
    make_project(folder, {"schema.json": SCHEMA, "base.json": config, "templates/it.j2": template}, outputs=outputs)
    return load_project(folder).target().render()["it"]


@pytest.mark.parametrize(("template", "text"), EXAMPLES, ids=[template.strip()[:40] for template, _ in EXAMPLES])
def test_an_example_makes_what_the_page_says(tmp_path, template, text):
    assert made(tmp_path, template) == text


def test_every_filter_has_an_example():
    shown = {name for template, _ in EXAMPLES for name in re.findall(r"\|\s*(\w+)", template)}
    assert set(FILTERS) - shown == set()


def test_the_pages_of_all_settings_are_fresh():
    result = run("schema", "docs", "--check", cwd=PAGE.parents[2])
    assert result.code == 0, result.err


PROBLEMS = PAGE.with_name("problems.md").read_text("utf-8")
DOCUMENTED = re.findall(r"^### (\S+)$", PROBLEMS, re.MULTILINE)
ROOT = PAGE.parents[2]
REPORTS = [
    path.read_text("utf-8")
    for glob in ("tests/cases/*/expected.txt", "tests/cluster/reports/*.txt")
    for path in sorted(ROOT.glob(glob))
]


def test_every_code_is_documented_once():
    assert len(set(DOCUMENTED)) == len(DOCUMENTED)


@pytest.mark.parametrize("example", re.findall(r"^```text\n(.*?)\n```", PROBLEMS, re.DOTALL | re.MULTILINE))
def test_an_example_is_what_weft_says(example):
    assert any(example in report for report in REPORTS)


# --- decisions ---

DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
assert len(DECISIONS) >= 14


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_a_number_a_status_a_date_and_what_was_not_taken(path):
    text = path.read_text("utf-8")
    months = "January|February|March|April|May|June|July|August|September|October|November|December"
    head = rf"# {int(path.name[:4])}\. .+\n\n\*\*Status:\*\* (?:accepted|superseded|rejected), \d+ (?:{months}) \d{{4}}[.;]"
    assert re.match(head, text)
    alternatives = text.partition("## What was not taken\n")[2].partition("\n## ")[0]
    assert re.search(r"^- \S", alternatives, re.MULTILINE)


# --- guarantees ---

GUARANTEES = (ROOT / "docs" / "explanation" / "running-programs.md").read_text("utf-8")
ROWS = re.findall(r"^\| (?!what holds|not guaranteed)(.*) \|$", GUARANTEES, re.MULTILINE)
assert len(ROWS) > 30


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.rpartition("::")[2].strip("`"))
def test_a_guarantee_names_the_test_that_shows_it(row):
    named = re.search(r"\| `(tests/\S+\.py)::(\w+)`$", row)
    assert named, row
    body = ast.parse((ROOT / named[1]).read_text("utf-8")).body
    names = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    names |= {
        target.id
        for node in body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert named[2] in names


def test_what_is_not_guaranteed_is_on_the_page():
    text = (ROOT / "tests" / "client" / "test_not_guaranteed.py").read_text("utf-8")
    assert [name for name in re.findall(r"^def (test_\w+)", text, re.MULTILINE) if name not in GUARANTEES] == []
