"""The reference project, which is this repository, and the platform's facts that it must hold (tests/platform/facts/*.csv)."""

import csv
import re
import shutil
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import yaml

import weft
from weft.secret_files import resolving

ROOT = Path(__file__).resolve().parents[2]
FACTS = Path(__file__).parents[1] / "platform" / "facts"
ENVIRONMENTS = ("local", "development", "staging", "production")
PARTS = ("weft.yaml", "schemas", "overlays", "templates")
OF_THE_PROJECT = (
    *("amtool", "docker-compose", "feast", "gunicorn", "jaeger", "kubectl", "mlflow", "otelcol"),
    *("pgbouncer", "promtool", "redis-server", "spleeter"),
)
"""The programs that the checks of its outputs ask."""


@cache
def project():
    """The project, loaded once; tests only read it."""
    return weft.load_project(ROOT)


def changed(overrides=None, environment=None):
    """The project with other settings."""
    return project().with_overrides(overrides or {}, environment)


@cache
def targets():
    """All its targets by name."""
    return {target.name: target for target in project().targets()}


@cache
def rendered(name):
    """The outputs of a target."""
    return targets()[name].render()


def objects(name):
    """The objects of a target that a cluster takes, in the order of its kustomization."""
    texts = rendered(name)
    listed = yaml.safe_load(texts[f"{name}/kustomization.yaml"])["resources"]
    return [each for file in listed for each in yaml.safe_load_all(texts[f"{name}/{file}"]) if each]


def facts(*globs):
    """The rows of the CSV files that the globs name, without those that the page of changed settings lists."""
    return [row for row in given(*globs) if not is_changed(row)]


def given(*globs):
    """The rows of the CSV files that the globs name; a glob without rows is a mistake in the test."""
    rows = []
    for glob in globs:
        texts = [path.read_text("utf-8") for path in sorted(FACTS.glob(glob))]
        found = [row for text in texts for row in csv.DictReader(text.splitlines())]
        assert found, f"no facts in {glob}"
        rows += found
    return rows


@cache
def changes():
    """The table of docs/reference/given-settings.md: given setting, new setting and reason of each row."""
    text = (ROOT / "docs/reference/given-settings.md").read_text("utf-8")
    return [
        [cell.strip() for cell in row] for row in re.findall(r"^\| (`.*?) \| (.*?) \| (.*?) \|$", text, re.MULTILINE)
    ]


@cache
def _changed():
    return [name for cell, _, _ in changes() for name in re.findall(r"`([^`]+)`", cell)]


def is_changed(row):
    """Whether the page of changed settings lists a row of the facts by its variable or its path."""
    names = {row.get("env_var"), row.get("key"), row["path"]} - {None}
    return any(fnmatchcase(name, pattern) for name in names for pattern in _changed())


def copy(folder):
    """A copy of the project that a test may change, with the code and the tests that its readers name."""
    readers = yaml.safe_load((ROOT / "weft.yaml").read_text("utf-8"))["readers"].values()
    named = {reader[key] for reader in readers for key in ("code", "test") if key in reader}
    for part in [*PARTS, *sorted(named)]:
        source, destination = ROOT / part, folder / part
        if source.is_dir():
            shutil.copytree(source, destination)
        else:
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, destination)
    return folder


def deployable(folder):
    """Copy the project for the context `admin`, with a file for each reference to one; gives variables for the other references."""
    for name in PARTS:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    with (folder / "weft.yaml").open("a") as file:
        file.write('clusters: {"**": admin}\n')
    variables = {}
    for target in weft.load_project(folder).targets():
        for reference in resolving.references(target):
            scheme, _, where = reference.partition("://")
            if scheme == "ref+env":
                variables[where] = f"canary-{where.lower()}"
            elif scheme == "ref+file":
                path = folder / re.split("[?#]", where)[0]
                path.parent.mkdir(exist_ok=True)
                path.write_text("canary of a file\n")
    return variables
