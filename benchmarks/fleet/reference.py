"""The reference project with many tenants, as ratios against the script that people write first."""

from __future__ import annotations

import copy
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import deepmerge
import jsonschema
import yaml

import weft
from weft.api.facade import reference_project


def timed(work: Callable[[], Any], runs: int = 3) -> float:
    """The shortest of several runs, in seconds."""
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def copied(folder: Path) -> Path:
    """A copy of the reference project in a folder that is there."""
    source = reference_project()
    for name in ("schemas", "overlays", "templates", "weft.yaml"):
        copy_of = shutil.copytree if (source / name).is_dir() else shutil.copy
        copy_of(source / name, folder / name)
    return folder


def with_tenants(folder: Path, number: int) -> Path:
    """The same with so many tenants in the place of its own."""
    tenants = copied(folder) / "overlays" / "tenants"
    shutil.rmtree(tenants)
    tenants.mkdir()
    for index in range(number):
        tier = ("free", "standard", "premium")[index % 3]
        text = f"tenant: {{name: t{index}, tier: {tier}}}\napplication: {{search: {{max_results: {1000 + index}}}}}\n"
        (tenants / f"t{index}.yaml").write_text(text, "utf-8")
    return folder


def plain_script(folder: Path, targets: list[Any]) -> None:
    """The same layers with PyYAML, deepmerge and jsonschema, target by target; no rules, no rendering."""
    schema = weft.load_project(folder).catalog.documents
    joined = {"$schema": schema.dialect(), "$ref": schema.root}
    validator = jsonschema.Draft202012Validator(joined, registry=schema.registry)
    for target in targets:
        config: dict[str, Any] = {}
        for layer in target.resolution.layers:
            for source in layer.sources:
                config = deepmerge.always_merger.merge(
                    config, copy.deepcopy(yaml.load(source.path.read_bytes(), yaml.CSafeLoader))
                )
        list(validator.iter_errors(config))


def command(folder: Path, *words: str) -> float:
    """The seconds that a command takes in a project, with the start of Python."""
    return timed(
        lambda: subprocess.run([sys.executable, "-m", "weft", *words], cwd=folder, check=True, capture_output=True)
    )


def measure(tenants: int, say: Callable[[str], None]) -> None:
    """Say the figures and their ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = with_tenants(Path(name), tenants)
        _fleet(folder, say)
        one = command(reference_project(), "render", "production", "-o", name)
        every = command(reference_project(), "schema", "reach", "production")
        say(
            f"{'weft schema reach of a target':40} {every * 1000:8.1f} ms            {every / one:6.2f} of its weft render"
        )
    start = timed(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True), 5)
    helped = timed(lambda: subprocess.run([sys.executable, "-m", "weft", "--help"], check=True, capture_output=True), 5)
    say(f"{'weft --help':40} {helped * 1000:8.1f} ms            {helped / start:6.2f} of an empty Python")


def _fleet(folder: Path, say: Callable[[str], None]) -> None:
    """The stages, from Python: what a target costs in each."""
    targets = weft.load_project(folder).targets("production/*")
    per_target = 1000 / len(targets)
    rows = {}

    def validate() -> None:
        project = weft.load_project(folder)
        project.problems(project.targets("production/*"))

    def render() -> None:
        project = weft.load_project(folder)
        chosen = project.targets("production/*")
        project.write(chosen, project.render(chosen)[0], folder / "build")

    rows["plain script: parse, merge, validate"] = base = timed(lambda: plain_script(folder, targets), 1)
    rows["weft: parse, merge, validate, rules"] = timed(validate)
    rows["weft: the same, render, check, write"] = timed(render, 1)
    rows["weft: the same, nothing changed"] = timed(render)
    say(f"the reference project with {len(targets)} targets")
    for title, seconds in rows.items():
        say(f"{title:40} {seconds * per_target:8.2f} ms a target   {seconds / base:6.2f} of the script")
