"""Who reads a setting, where only some of the targets are asked."""

import pytest

from scratch import make_project
from weft import load_project
from weft.lint.reach import reach_warnings

SCHEMA = {
    "properties": {
        "alerts": {
            "type": "object",
            "properties": {
                "on": {"type": "boolean", "default": False},
                "limits": {"type": "object", "properties": {"low": {"type": "integer"}, "high": {"type": "integer"}}},
            },
        },
        "lost": {"type": "integer"},
    }
}
ALERTS = """
{% for name, limit in alerts.limits.items() if alerts.on or name == "low" %}{{ name }}: {{ limit }}
{% endfor %}
"""
FILES = {
    "schema.json": SCHEMA,
    "base.yaml": {"alerts": {"limits": {"low": 1, "high": 2}}, "lost": 1},
    "b.yaml": {"alerts": {"on": True}},
    "templates/alerts.txt.j2": ALERTS,
    "test.py": "",
}


@pytest.fixture
def project(tmp_path):
    return load_project(
        make_project(
            tmp_path,
            FILES,
            dimensions={"environment": {"values": ["a", "b"]}},
            layers=["base", "{environment}"],
            outputs=[{"template": "alerts.txt.j2", "path": "{environment}.txt"}],
            readers={"pager": {"outputs": ["alerts.txt.j2"], "test": "test.py"}},
        )
    )


@pytest.mark.parametrize("targets", [["a"], ["b"], ["a", "b"]])
def test_what_another_target_may_read_is_no_warning_and_what_none_can_is_one(project, targets):
    found = reach_warnings(project, [project.target(name) for name in targets])
    assert [problem.message for problem in found] == ["nothing reads lost: no output contains it"]
