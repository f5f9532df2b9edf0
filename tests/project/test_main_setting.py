"""The setting behind a line, found quickly: one that changes it."""

import pytest

from reference import project
from weft.files.lines import lines_of
from weft.project import impact
from weft.project.impact import main_setting_behind

PATH = "local/acme/configmaps.yaml"


@pytest.fixture(scope="module")
def output():
    target = project().target("local/acme")
    return target, next(one for one in target.outputs.rendered(target.view)[0] if one.path == PATH)


@pytest.mark.parametrize("name", ["PORT", "MAX_SEARCH_RESULTS", "ALLOWED_ORIGINS", "DEBUG"])
def test_the_setting_of_a_line_is_one_that_changes_it(output, name):
    target, one = output
    line = next(number for number, text in enumerate(lines_of(one.text), 1) if text.startswith(f"  {name}: "))
    found = main_setting_behind(target, one, line)
    assert name in [target.schemas.root.at(found[:length]).env for length in range(len(found) + 1)]
    assert line in impact._lines(target, one, impact._with_others(target, found))


def test_a_fixed_line_has_none(output):
    target, one = output
    line = next(number for number, text in enumerate(lines_of(one.text), 1) if text == "kind: ConfigMap")
    assert main_setting_behind(target, one, line) is None
    assert main_setting_behind(target, one, 10_000) is None


def test_a_setting_whose_name_and_value_a_line_does_not_show_is_not_tried(output, monkeypatch):
    target, one = output
    line = next(number for number, text in enumerate(lines_of(one.text), 1) if text == "kind: ConfigMap")
    monkeypatch.setattr(impact, "_lines", lambda *_: (line,))
    assert main_setting_behind(target, one, line) is None
