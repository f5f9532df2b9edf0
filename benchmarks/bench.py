"""What Weft costs, as ratios against other work done in the same run.

    make bench [TENANTS=300]

A copy of the reference project gets many tenants of one environment. Besides Weft, the same layers go through the script that
people write first: PyYAML, deepmerge and jsonschema for every target.
"""

from __future__ import annotations

import copy
import os
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

TENANTS = int(os.environ.get("TENANTS", "300"))


def timed(work: Callable[[], Any], runs: int = 3) -> float:
    """The shortest of several runs, in seconds."""
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def fleet(folder: Path) -> Path:
    """A copy of the reference project with many tenants."""
    source = reference_project()
    for name in ("schemas", "overlays", "templates", "weft.yaml"):
        copy_of = shutil.copytree if (source / name).is_dir() else shutil.copy
        copy_of(source / name, folder / name)
    shutil.rmtree(folder / "overlays" / "tenants")
    (folder / "overlays" / "tenants").mkdir()
    for number in range(TENANTS):
        tier = ("free", "standard", "premium")[number % 3]
        text = f"tenant: {{name: t{number}, tier: {tier}}}\napplication: {{search: {{max_results: {1000 + number}}}}}\n"
        (folder / "overlays" / "tenants" / f"t{number}.yaml").write_text(text)
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


def main() -> None:
    """Print the figures and their ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = fleet(Path(name))
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
        sys.stdout.write(f"{len(targets)} targets\n")
        for title, seconds in rows.items():
            sys.stdout.write(
                f"{title:40} {seconds * per_target:8.2f} ms a target   {seconds / base:6.2f} of the script\n"
            )
        one = command(reference_project(), "render", "production", "-o", name)
        every = command(reference_project(), "schema", "reach", "production")
        sys.stdout.write(
            f"{'weft schema reach of a target':40} {every * 1000:8.1f} ms            {every / one:6.2f} of its weft render\n"
        )
    start = timed(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True), 5)
    helped = timed(lambda: subprocess.run([sys.executable, "-m", "weft", "--help"], check=True, capture_output=True), 5)
    sys.stdout.write(
        f"{'weft --help':40} {helped * 1000:8.1f} ms            {helped / start:6.2f} of an empty Python\n"
    )


if __name__ == "__main__":
    main()
