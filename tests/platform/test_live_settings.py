"""Which settings running programs take by themselves: each says so, `x-reload: live`, or that a restart is needed."""

import pytest

import reference
from weft.base.paths import dotted
from weft.lint.reach import Survey, setting_of
from weft.project.reach import settings_of
from weft.schema.reload import LIVE, RELOAD, RESTART, reload_of

pytestmark = pytest.mark.unmeasured("about the data of the reference project, not about code")


def every_setting():
    """All settings of the schemas, with or without a value."""
    project = reference.project()
    survey = Survey(project, about=())
    return [one.path for one in survey.reach(project.target("production"), project.target("production/acme"))]


def test_every_setting_says_whether_it_needs_a_restart():
    root, silent = reference.project().root, []
    for path in every_setting():
        nodes = (root.at(path[:length]) for length in range(len(path) + 1))
        if not any(node.keyword(RELOAD) for node in nodes):
            silent.append(dotted(path))
    assert silent == []


def test_a_secret_needs_a_restart_because_it_comes_in_a_variable():
    root = reference.project().root
    sensitive = [path for path in every_setting() if root.at(path).hidden]
    assert len(sensitive) > 30
    live = {dotted(path) for path in sensitive if reload_of(root, path) == LIVE}
    assert {path for path in live if not path.startswith(("monitoring.alerting.", "kubernetes."))} == set()


@pytest.mark.parametrize("target", ["local", "production", "production/acme"])
def test_there_are_settings_of_both_kinds(target):
    root = reference.project().root
    kinds = {reload_of(root, setting_of(path)) for path in settings_of(reference.targets()[target])}
    assert kinds == {LIVE, RESTART}
