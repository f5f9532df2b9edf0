"""No report shows what may be a secret that was written in the wrong place, by the wrong name, or in a broken file."""

import json

import pytest

from run import run
from scratch import make_project
from weft.report.formats import FORMATS

SCHEMA = {
    "properties": {
        "app": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "name": {"type": "string"},
                "size": {"type": "integer"},
                "password": {"type": "string", "x-sensitive": True},
                "pin": {"type": "string", "x-renamed-to": "app.password", "maxLength": 2},
            },
        },
        "plain": {"type": "object", "properties": {"colour": {"type": "integer"}}},
    },
    "additionalProperties": False,
}
SECRET = "Summer2026"
OVERLAYS = {
    "as a tag": "app:\n  password: !Summer2026\n",
    "as a tag of another type": "app:\n  password: !!int Summer2026\n",
    "as an anchor": "app:\n  password: &Summer2026\n",
    "next to a tag that is wrong": "app:\n  password: Summer2026\n  size: !odd 1\n",
    "under a misspelled name": "app:\n  pasword: Summer2026\n",
    "one level too high": "password: Summer2026\n",
    "in a flow mapping under a misspelled name": "app: {size: 1, pasword: Summer2026}\n",
    "under a misspelled name in a broken file": "app:\n  pasword: Summer2026\n  size: [\n",
    "on the line after its name in a broken file": "app:\n  password:\n    Summer2026: [\n",
    "where a mapping belongs": "app: Summer2026\n",
    "in a comment next to a reference": "app: {password: ref+env://X, size: a}  # was Summer2026\n",
    "under an old name": "app:\n  pin: Summer2026\n",
}


def made(folder, overlay):
    return make_project(folder, {"schema.json": SCHEMA, "base.yaml": overlay})


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("kind", OVERLAYS)
def test_a_secret_is_not_shown(kind, form, tmp_path):
    result = run("validate", "--strict", "--format", form, cwd=made(tmp_path, OVERLAYS[kind]))
    assert result.code == 1
    assert SECRET not in result.out + result.err


@pytest.mark.parametrize(
    ("overlay", "line"),
    [
        ("app:\n  nmae: blue\n", "  nmae: ***"),
        ("plain:\n  color: blue\n  colour: red\n", "  colour: red"),
        ("app:\n  size: blue  # was 1\n", "  size: blue  # ..."),
        ("app:\n  size: [1\n  name: x\n", "  name: ***"),
        ("# \u2028 \x85\nplain:\n  colour: blue\n", "  colour: blue"),
        ("# \u2028\nplain:\n  colour: x\x0c\n", "  colour: ***"),
        ("app:\n  size: blue\n", "  size: blue"),
        ("plain: blue\n", "plain: blue"),
        ("plain:\n  colour: !odd blue\n", "  colour: !odd blue"),
        ("app: {password: ref+env://X, size: blue}\n", "app: {password: ref+env://X, size: blue}"),
        ("app:\n  password: ref+env://X\n  size: !odd 1\n", "  size: !odd 1"),
    ],
)
def test_a_line_without_a_secret_is_shown(overlay, line, tmp_path):
    assert f"| {line}" in run("validate", cwd=made(tmp_path, overlay)).out


def test_the_line_of_a_rule_is_shown_even_if_it_names_a_secret(tmp_path):
    rule = {"rule": "1 / self.size == 1", "message": "no"}
    app = SCHEMA["properties"]["app"] | {"x-kubernetes-validations": [rule]}
    files = {"schema.json": {"properties": {"app": app}}, "base.yaml": "app: {size: 0}\n"}
    out = run("validate", cwd=make_project(tmp_path, files)).out
    assert "error[rule-undecided]" in out
    assert "1 / self.size == 1" in out


def test_a_message_says_what_is_wrong_without_the_value(tmp_path):
    result = run("validate", "--format", "json", cwd=made(tmp_path, OVERLAYS["as a tag"]))
    (problem,) = json.loads(result.out)["problems"]
    assert (problem["code"], problem["line"], problem["column"]) == ("bad-tag", 2, 13)
    assert "an unknown YAML tag" in problem["message"]
