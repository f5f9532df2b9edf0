"""The wheel: what is in it, and that everything works from it in an empty folder, far from this repository."""

import compileall
import contextlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import hatchling.build
import pytest

from reference import PARTS, ROOT

pytestmark = pytest.mark.programs("sh")  # each starts Pythons of its own
GUARD = Path(__file__).parents[1] / "guard"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """What every builder asks of the backend that pyproject.toml names (PEP 517)."""
    folder = tmp_path_factory.mktemp("wheel")
    with contextlib.chdir(ROOT):
        return folder / hatchling.build.build_wheel(str(folder))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The wheel as an installer leaves it: a wheel of Python alone is unpacked and compiled."""
    target = tmp_path_factory.mktemp("installed")
    zipfile.ZipFile(wheel).extractall(target)
    assert compileall.compile_dir(target, quiet=1)
    return target


@pytest.fixture
def python(installed, tmp_path):
    """Run Python in an empty folder where `weft` is the installed wheel, and nothing of the checkout is on the path."""

    def run(*args, code=0):
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE", "PYTHON", "WEFT"))
        }
        env = {
            **kept,
            "PYTHONPATH": f"{installed}{os.pathsep}{GUARD}",
            "PYTHONSAFEPATH": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        done = subprocess.run(
            [sys.executable, *map(str, args)], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return run


def below(folder):
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_the_package_its_data_and_the_reference_project(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"weft"}
    (info,) = {name.partition("/")[0] for name in names if not name.startswith("weft/")}
    assert info.endswith(".dist-info")
    assert {f"{info}/{name}" for name in ("METADATA", "RECORD", "entry_points.txt", "licenses/LICENSE")} <= names
    package = {"weft/" + name for name in below(ROOT / "src" / "weft")}
    sources = [ROOT / part for part in PARTS]
    project = {f"weft/reference/{path.name}" for path in sources if path.is_file()} | {
        f"weft/reference/{path.name}/{name}" for path in sources for name in below(path)
    }
    assert {"weft/py.typed", "weft/data/weft.schema.json", "weft/data/chart/gitignore"} <= package
    assert {"weft/reference/weft.yaml", "weft/reference/schemas/root.schema.json"} <= project
    assert {name for name in names if name.startswith("weft/")} == package | project


FACADE = """
import json, pathlib, weft, yaml
from weft import ConfigMapManager, ConfigMapUtils, ConfigurationValidator, EnvironmentTier

manager = ConfigMapManager(namespace="elsewhere-prod", environment=EnvironmentTier.PRODUCTION)
domains = ("application", "database", "security", "ml", "monitoring")
made = {domain: getattr(manager, f"create_{domain}_config")() for domain in domains}
configs = manager.generate_all_configs()
manager.export_to_yaml(configs, "all.yaml")
validator = ConfigurationValidator()
database = made["database"]
print(json.dumps({
    "file": weft.__file__,
    "kinds": [config["kind"] for config in made.values()],
    "namespaces": sorted({config["metadata"]["namespace"] for config in configs}),
    "all": configs == list(made.values()),
    "exported": list(yaml.safe_load_all(pathlib.Path("all.yaml").read_text())) == configs,
    "valid": [getattr(validator, f"validate_{domain}_config")(made[domain]) for domain in domains],
    "invalid": validator.validate_database_config({"DB_PORT": "no port"})[0],
    "merged": ConfigMapUtils.merge_configs({"A": "1"}, {"B": "2"}),
    "filtered": all(name.startswith("DB_") for name in ConfigMapUtils.filter_by_prefix(database["data"], "DB_")),
    "env": ConfigMapUtils.transform_to_env_format({"A": "1"}),
}))
"""


def test_the_facade_works_from_the_wheel(python, installed):
    result = json.loads(python("-c", FACADE).stdout)
    assert Path(result["file"]).is_relative_to(installed)
    assert result == {
        "file": result["file"], "kinds": ["ConfigMap"] * 5, "namespaces": ["elsewhere-prod"], "all": True, "exported": True,
        "valid": [[True, []]] * 5, "invalid": False, "merged": {"A": "1", "B": "2"}, "filtered": True,
        "env": result["env"],
    }  # fmt: skip
    assert "A=1" in result["env"]


def test_a_new_project_renders_from_the_wheel(python, tmp_path):
    python("-m", "weft", "init", "demo")
    done = python("-m", "weft", "-C", "demo", "render")
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert {"development", "production"} <= {path.name for path in (tmp_path / "demo" / "build").iterdir()}
    python("-m", "weft", "-C", "demo", "validate", "--outputs", "--strict")
    python("-m", "weft", "-C", "demo", "schema", "overlay", "--check")
    python("-m", "weft", "-C", "demo", "render", "--check")


def test_a_project_is_made_from_a_schema(python, tmp_path):
    schema = {
        "type": "object",
        "properties": {"port": {"type": "integer", "default": 80}},
        "additionalProperties": False,
    }
    (tmp_path / "shop.schema.json").write_text(json.dumps(schema), "utf-8")
    python("-m", "weft", "init", "--schema", "shop.schema.json", "demo")
    assert python("-m", "weft", "-C", "demo", "config", "production", "shop.port").stdout.strip() == "80"
    python("-m", "weft", "-C", "demo", "render")
    done = python("-m", "weft", "-C", "demo", "validate", "--set", "shop.port=eighty", code=2)
    assert "shop.port" in done.stdout + done.stderr


def test_a_project_is_made_from_a_chart(python, tmp_path):
    chart = tmp_path / "chart"
    chart.mkdir()
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: shop\nversion: 1.0.0\n", "utf-8")
    values = "# how many\nreplicas: 2\nimage: {repository: shop, tag: null}\nnothing: null\nnodeSelector: {}\n"
    (chart / "values.yaml").write_text(values, "utf-8")
    python("-m", "weft", "init", "--chart", "chart", "demo")
    data = json.loads(python("-m", "weft", "-C", "demo", "config", "production", "--format", "json").stdout)
    assert data == {"replicas": 2, "image": {"repository": "shop", "tag": None}, "nothing": None, "nodeSelector": {}}
    python("-m", "weft", "-C", "demo", "render")
    assert "# how many" in (tmp_path / "demo" / "overlays" / "base.yaml").read_text("utf-8")
