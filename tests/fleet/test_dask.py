"""Rendering with the workers of a real Dask scheduler: the same bytes as here, also if a worker is killed in the middle."""

import os
import re
import shutil
import signal
import subprocess

import pytest
from small_fleet import fleet, outputs, put

import reference
from installed import found
from servers import HOST, Server, free_port, listens, until

pytestmark = pytest.mark.programs("dask-python")

SOURCE = reference.ROOT / "src"
TENANTS = 400


class Cluster:
    """A scheduler, and workers that have nothing of the project."""

    def __init__(self, folder):
        self.folder, self.port, self.servers = folder, free_port(), []
        self._start("scheduler", ["scheduler", "--host", HOST, "--port", self.port], lambda: listens(self.port))

    @property
    def address(self):
        return f"dask://{HOST}:{self.port}"

    def worker(self, name, source=SOURCE):
        """One more worker, with Weft in a folder."""
        args = ["worker", f"tcp://{HOST}:{self.port}", "--host", HOST, "--no-nanny", "--nthreads", "1", "--name", name]
        place = self.folder / name
        return self._start(
            name, [*args, "--local-directory", place], lambda: "Registered to" in self._log(name), source
        )

    def _log(self, name):
        return (self.folder / name / "log").read_text("utf-8", "replace")

    def _start(self, name, args, ready, source=SOURCE):
        place = self.folder / name
        (place / "tmp").mkdir(parents=True)
        command = [found("dask-python"), "-m", "dask", *args, "--no-dashboard"]
        server = Server(place, command, ready, env={"PYTHONPATH": str(source), "TMPDIR": str(place / "tmp")})
        self.servers.append(server)
        return server.start()


def archives(server):
    return list((server.folder / "tmp").glob("weft-archive-*"))


@pytest.fixture
def cluster(tmp_path):
    cluster = Cluster(tmp_path / "cluster")
    yield cluster
    for server in reversed(cluster.servers):
        server.kill()


@pytest.fixture
def project(tmp_path):
    folder = fleet(tmp_path / "project")
    for number in range(TENANTS):
        put(folder / f"overlays/tenants/t{number}.yaml", f"app: {{size: {number % 70 + 1}, noted: true}}\n")
    return folder


def start(project, *args):
    """Begin `weft render` in the environment of the workers."""
    env = {"PATH": os.environ["PATH"], "HOME": str(project.parent), "PYTHONPATH": str(SOURCE), "LANG": "C.UTF-8"}
    command = [found("dask-python"), "-m", "weft", "render", *map(str, args)]
    return subprocess.Popen(command, cwd=project, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def render(project, *args):
    """What `weft render` says on stderr, and its exit code."""
    process = start(project, *args)
    out, err = process.communicate(timeout=60)
    assert out == ""
    return process.returncode, err


def test_outputs_are_those_of_this_machine_though_a_worker_is_killed(project, cluster):
    assert render(project, "--no-cache", "-o", "here")[0] == 0
    first, second = cluster.worker("first"), cluster.worker("second")
    process = start(project, "--executor", cluster.address)
    until(lambda: archives(first))  # it has begun
    first.process.send_signal(signal.SIGSTOP)
    assert process.poll() is None
    first.kill()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert outputs(project / "build") == outputs(project / "here")
    assert archives(second)
    assert "Removing worker" in cluster.servers[0].log or "Remove worker" in cluster.servers[0].log
    code, again = render(project, "--executor", "dask://127.0.0.1:1")  # nothing has changed, so nobody is asked
    assert (code, re.sub(r"\d+\.\d s", "", again)) == (
        0,
        f"{2 * (TENANTS + 4)} targets, {4 * TENANTS + 8} files in build: 0 written, {4 * TENANTS + 8} unchanged, 0 removed, \n",
    )


def test_problems_are_those_of_this_machine(project, cluster):
    cluster.worker("first")
    put(project / "overlays/tenants/t7.yaml", "app: {size: many}\n")
    (project / "overlays/tenants/t8.yaml").unlink()
    (project / "overlays/tenants/t8.yaml").symlink_to("/nowhere/else.yaml")
    here = render(project, "--no-cache")
    assert here[0] == 1
    assert "/nowhere/else.yaml" in here[1]
    assert render(project, "--executor", cluster.address) == here


def test_a_worker_with_another_weft_is_refused(project, cluster, tmp_path):
    shutil.copytree(SOURCE, tmp_path / "other", ignore=shutil.ignore_patterns("__pycache__"))
    version = tmp_path / "other/weft/version.py"
    version.write_text(re.sub(r'"\d[^"]*"', '"99.1"', version.read_text("utf-8")), "utf-8")
    cluster.worker("other", tmp_path / "other")
    code, err = render(project, "--executor", cluster.address)
    assert code == 3
    assert err.startswith("error[workers-differ]: the worker ")
    assert "has Weft 99.1 with Python 3." in err


def test_a_worker_without_weft_is_reported(project, cluster, tmp_path):
    cluster.worker("bare", tmp_path)
    code, err = render(project, "--executor", cluster.address)
    assert code == 3
    assert err.startswith("error[workers-differ]: there is no Weft like this one in the worker tcp://127.0.0.1:")


def test_a_scheduler_without_workers_and_none_at_all_are_reported(project, cluster):
    code, err = render(project, "--executor", cluster.address)
    assert (code, err.splitlines()[0]) == (
        3,
        f"error[no-executor]: the Dask scheduler at {HOST}:{cluster.port} has no workers",
    )
    cluster.servers[0].kill()
    code, err = render(project, "--executor", cluster.address)
    assert (code, err.splitlines()[0]) == (
        3,
        f"error[no-executor]: the Dask scheduler at {HOST}:{cluster.port} cannot be reached",
    )


def test_ctrl_c_ends_at_once(project, cluster):
    worker = cluster.worker("first")
    process = start(project, "--executor", cluster.address)
    until(lambda: archives(worker))
    worker.process.send_signal(signal.SIGSTOP)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert not (project / "build").exists()
