"""No input takes more than 10 s and 1 GB: each case is a file in the project of tests/cases/_base, made by a small recipe."""

import json
import os
import shutil
from functools import partial
from pathlib import Path

import pytest

from limited import limited
from run import run
from weft.base.problems import did_you_mean
from weft.checks.kubernetes import complaints

BASE = Path(__file__).parents[1] / "cases" / "_base"
OVERLAY = "overlays/base/zz.yaml"


def lines(start, number, line):
    return start + "".join(line.format(n=n) for n in range(number))


LONG = "".join(chr(0x4E00 + n % 5000) for n in range(300_000))
BROKEN = {
    "an alias of a long text": (
        OVERLAY,
        "shop:\n  motto: &a " + "x" * 1_000_000 + lines("\n  banners:\n", 3000, "    - *a\n"),
        "alias-bomb",
        4,
    ),
    "many brackets": (OVERLAY, "shop: " + "[" * 100_000 + "]" * 100_000, "syntax", 1),
    "many hyphens": (OVERLAY, "- " * 100_000 + "x", "syntax", 1),
    "many braces": (OVERLAY, "{a: " * 100_000 + "x" + "}" * 100_000, "syntax", 1),
    "a long hexadecimal number": (OVERLAY, "shop:\n  port: 0x" + "f" * 900_000, "not-a-json-number", 2),
    "a long number": (OVERLAY, "shop:\n  port: " + "9" * 900_000, "not-a-json-number", 2),
    "many merge keys": (OVERLAY, lines("a0: &a0 {b: c}\n", 30_000, "c{n}: {{<<: *a0}}\n"), "merge-key", 2),
    "many unknown keys": (OVERLAY, lines("shop:\n  checkout:\n", 5000, "    key{n}: x\n"), "unknown-key", 3),
    "many wrong values": (OVERLAY, lines("shop:\n  banners:\n", 5000, "    - {n}\n"), "wrong-type", 3),
    "many wrong items": (
        OVERLAY,
        lines("shop:\n  payments:\n", 2000, "    - {{name: n{n}, url: 'http://a', timeout: x}}\n"),
        "wrong-type",
        3,
    ),
    "a long key": (OVERLAY, "shop:\n  " + "k" * 1_000_000 + ": 1\n", "syntax", 2),
    "a long key of all sorts": (OVERLAY, f"shop:\n  ? {LONG}\n  : 1\n", "unknown-key", 2),
    "deep JSON": ("overlays/base/zz.json", '{"a":' * 50_000 + "1" + "}" * 50_000, "syntax", 1),
    "a deep project file": ("weft.yaml", "version: " + "[" * 100_000, "syntax", 1),
}


def tenant(properties, **parts):
    """The schema of a tenant with more properties."""
    known = {"name": {"type": "string"}, "tier": {}, "environments": {}}
    return json.dumps({"type": "object", "properties": known | properties, "additionalProperties": False, **parts})


def old_names(number):
    return {f"k{n}": {"x-renamed-to": f"tenant.k{n + 1}"} for n in range(number)} | {f"k{number}": {}}


def chain(number):
    return {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(number)} | {f"d{number}": {}}


def nested(number, last):
    levels = {f"d{n}": {"properties": {"a": {"$ref": f"#/$defs/d{n + 1}"}, "b": {"default": 1}}} for n in range(number)}
    return levels | {f"d{number}": last}


TENANT = "schemas/tenant.schema.json"
SLOW = {
    "a chain of references": (
        TENANT,
        tenant({"more": {"$ref": "#/$defs/d0"}}, **{"$defs": chain(5000)}),
        {"schema-too-costly"},
    ),
    "settings inside settings": (
        TENANT,
        tenant({"more": {"$ref": "#/$defs/d0"}}, **{"$defs": nested(400, {})}),
        {"schema-too-costly"},
    ),
    "settings inside settings that contain the first": (
        TENANT,
        tenant({"more": {"$ref": "#/$defs/d0"}}, **{"$defs": nested(400, {"$ref": "#/$defs/d0"})}),
        {"schema-too-costly"},
    ),
    "as many settings inside settings as may be": (
        TENANT,
        tenant({"more": {"$ref": "#/$defs/d0"}}, **{"$defs": nested(97, {})}),
        set(),
    ),
    "many sensitive settings": (
        TENANT,
        tenant({f"k{n}": {"type": "string", "x-sensitive": True} for n in range(15_000)}),
        set(),
    ),
    "a chain of old names": (TENANT, tenant(old_names(15_000)), {"schema-too-costly"}),
    "as many old names as may be": (TENANT, tenant(old_names(1000)), set()),
    "many patterns for keys": (
        TENANT,
        tenant({"more": {"patternProperties": {f"^k{n}$": {"type": "integer"} for n in range(20_000)}}}),
        {"schema-too-costly"},
    ),
    "many alternatives": (
        TENANT,
        tenant({"more": {"oneOf": [{"properties": {f"k{n}": {}}, "required": [f"k{n}"]} for n in range(9_000)]}}),
        set(),
    ),
    "a long enum": (TENANT, tenant({"name": {"enum": [f"x{n}" for n in range(50_000)]}}), {"not-allowed"}),
    "unknown keys of weft.yaml": ("weft.yaml", lines("version: 1\n", 50_000, "k{n}: 1\n"), {"unknown-key"}),
}


@pytest.fixture
def project(tmp_path):
    return shutil.copytree(BASE, tmp_path / "shop")


def problems(project):
    return json.loads(run("validate", "--format", "json", cwd=project).out)["problems"]


@pytest.mark.soak(few=3)
@pytest.mark.parametrize("name", BROKEN)
def test_a_hostile_file_is_reported_soon(name, project):
    file, text, code, line = BROKEN[name]
    (project / file).write_text(text, "utf-8")
    found = limited(problems, project)
    assert (code, file, line) in [(one["code"], one["file"], one["line"]) for one in found]


@pytest.mark.soak(few=1)
@pytest.mark.parametrize("name", SLOW)
def test_a_hostile_schema_is_reported_soon(name, project):
    file, text, codes = SLOW[name]
    assert len(text) < 1_000_000
    (project / file).write_text(text, "utf-8")
    assert {one["code"] for one in limited(problems, project)} >= codes


@pytest.mark.soak(few=1)
@pytest.mark.parametrize("options", [("config", "production"), ("explain", "production", "--all")])
def test_a_long_set_is_explained_soon(options, project):
    items = ", ".join(f'"{number}"' for number in range(8000))
    schema = (project / "schemas/shop.schema.json").read_text("utf-8").replace(', "pattern": "^[a-z]{2}$"', "")
    (project / "schemas/shop.schema.json").write_text(schema, "utf-8")
    (project / "overlays/environments/production.yaml").write_text(f"shop:\n  languages: [{items}]\n", "utf-8")
    assert limited(partial(run, *options, cwd=project)).code == 0


def test_a_report_cuts_long_names(project):
    long = "k" * 300_000
    (project / OVERLAY).write_text(f"shop:\n  ? {long}\n  : 1\n", "utf-8")
    for options in ((), ("--format", "github")):
        told = shown(project, *options)
        assert max(map(len, told.split("\n"))) < 3000
        assert f"there is no setting `{'k' * 79}[299,882 more characters]{'k' * 39}` in shop" in told
    assert long in problems(project)[0]["path"]


@pytest.mark.parametrize("name", [OVERLAY, "weft.yaml"])
def test_a_large_file_is_not_read(name, project):
    path = project / name
    path.unlink(missing_ok=True)
    with path.open("wb") as file:
        file.truncate(200 * 1024 * 1024)
    assert "209,715,200 bytes, but only 33,554,432 are allowed" in limited(shown, project)


@pytest.mark.parametrize("name", [OVERLAY, "weft.yaml", "schemas/shop.schema.json", "templates/shop.ini.j2"])
def test_a_pipe_is_not_waited_for(name, project):
    path = project / name
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    assert "it is not a regular file" in limited(shown, project)


def test_long_names_that_are_alike_are_not_compared():
    assert limited(did_you_mean, LONG, [f"{LONG[::-1]}{n}" for n in range(10)]) is None
    assert did_you_mean("chekcout", ["checkout", LONG]) == "did you mean `checkout`?"


def shown(project, *options):
    result = run("validate", *options, cwd=project)
    return result.out + result.err


def test_a_report_shows_a_hundred_problems_and_counts_the_rest(project):
    (project / OVERLAY).write_text(lines("shop:\n  checkout:\n", 150, "    key{n}: x\n"), "utf-8")
    text = shown(project)
    assert text.count("error[") == 100
    assert f"and 50 more: 50 unknown-key in {OVERLAY}\n150 errors\n" in text
    assert shown(project, "--max-problems", "0").count("error[") == 150
    assert shown(project, "--max-problems", "3").count("error[") == 3
    assert len(problems(project)) == 150
    annotations = shown(project, "--format", "github").splitlines()
    assert len(annotations) == 101
    assert annotations[-1] == f"::notice title=more problems::and 50 more: 50 unknown-key in {OVERLAY}"


@pytest.mark.parametrize(
    "text",
    [
        "!!int name: x",
        "a: !!float x",
        "a: !!timestamp 2020-99-99",
        "a: !!null [x]",
        "[" * 100_000 + "]" * 100_000,
        "- " * 100_000 + "x",
        lines("x0: &a0 [x, x]\n", 0, "") + "".join(f"x{n + 1}: &a{n + 1} [*a{n}, *a{n}, *a{n}]\n" for n in range(40)),
    ],
)
def test_a_hostile_manifest_is_not_yaml(text):
    found = limited(messages, text)
    assert found[0].startswith("the manifest is not YAML: ")


def messages(text):
    return [problem.message for problem in complaints(text)]


def test_positions_in_a_manifest_are_looked_up_in_one_pass(monkeypatch):
    import yaml

    composed = []
    original = yaml.compose_all
    monkeypatch.setattr(
        yaml, "compose_all", lambda text, **named: composed.append(len(text)) or original(text, **named)
    )
    good = "---\n".join(f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a{n}}}\n" for n in range(50))
    assert messages(good) == []
    assert sum(composed) <= len(good)
    assert len(messages(good.replace("name: a", "name: _"))) == 50
    assert sum(composed) <= 2 * len(good)
