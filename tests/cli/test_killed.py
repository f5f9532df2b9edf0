"""`weft render` killed at any moment, from its first line of Python to its last."""

import shutil
import subprocess
import sys
import time

import pytest

from run import run
from scratch import make_project, write_files
from weft.stages.write import RECORD

SCHEMA = {"properties": {"app": {"type": "object", "properties": {"text": {"type": "string"}}}}}
TENANTS = [f"t{number}" for number in range(25)]
COMMAND = [sys.executable, "-m", "weft", "render"]


def text_of(generation):
    return f"{generation} " * 500


def outputs(folder):
    """Every output with its text, less the record and what a killed run leaves."""
    return {path.relative_to(folder).as_posix(): path.read_text().strip() for path in sorted(folder.glob("t*/*"))}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """A project that is rendered, and how long it takes to render it again."""
    folder = tmp_path_factory.mktemp("killed") / "project"
    files = {"schema.json": SCHEMA, "base.yaml": f"app: {{text: {text_of('old')}}}\n", "templates/it": "{{ app.text }}"}
    dimensions = {"tenant": {"values": TENANTS}}
    outputs = [
        {"template": "it", "path": "{tenant}/it"},
        {"template": "it", "path": "{tenant}/secret", "secrets": True},
    ]
    make_project(folder, files, dimensions=dimensions, outputs=outputs)
    subprocess.run(COMMAND, cwd=folder, check=True, capture_output=True)
    shutil.rmtree(folder / "build")
    begun = time.monotonic()
    subprocess.run(COMMAND, cwd=folder, check=True, capture_output=True)
    return folder, time.monotonic() - begun


@pytest.mark.soak
@pytest.mark.parametrize("number", range(40))
def test_killed_at_any_moment_every_file_is_whole_and_the_next_render_repairs_all(
    rendered, tmp_path, chance, request, number
):
    original, duration = rendered
    project = tmp_path / "project"
    shutil.copytree(original, project)
    old = "old"
    for kill in range(8 if request.config.option.rounds else 1):
        new = f"new-{kill}"
        before = outputs(project / "build")
        write_files(project, {"base.yaml": f"app: {{text: {text_of(new)}}}\n"})
        kill_a_render(project, duration * moment(chance))
        after = outputs(project / "build")
        assert after.keys() == before.keys()
        assert set(after.values()) <= {text_of(old).strip(), text_of(new).strip()}
        assert run("render", cwd=project).code == 0
        assert outputs(project / "build") == dict.fromkeys(before, text_of(new).strip())
        assert sorted(path.name for path in (project / "build").iterdir()) == sorted([RECORD, *TENANTS])
        assert run("render", "--check", cwd=project).code == 0
        old = new


def moment(chance):
    """A share of a render's time, half of them near its end, where files are written."""
    return chance.choice([chance.uniform(0, 1.1), chance.uniform(0.7, 1.0)])


def kill_a_render(project, after):
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(COMMAND, cwd=project, **quiet) as process:
        time.sleep(after)
        process.kill()
