"""The pages for template authors: every example is run, and makes what the page says."""

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
