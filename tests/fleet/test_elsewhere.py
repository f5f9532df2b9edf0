"""An executor that is handed in gives what this machine gives: the same outputs, problems and keys, and no paths of its own."""

import json
import multiprocessing
import os
import pickle
import tempfile
import zlib
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from small_fleet import fleet, put

import reference
from weft.base.problems import CannotRun
from weft.files.reading import files_of
from weft.files.signatures import digest_of
from weft.files.store import FOLDER, Store
from weft.fleet import serving
from weft.fleet.archives import IncompleteError, archive_of, matching
from weft.fleet.memory import Memory
from weft.fleet.options import Options
from weft.fleet.workers import AHEAD, CHUNK, cores

TENANTS = 40
TARGETS = 2 * (1 + TENANTS + 5)


@pytest.fixture
def project(tmp_path):
    """A fleet with links, with a file of an allowed folder."""
    folder = fleet(tmp_path / "place" / "project")
    for number in range(TENANTS):
        put(
            folder / f"overlays/tenants/t{number}.yaml",
            f"app: {{size: {number + 1}, noted: {str(number % 3 == 0).lower()}}}\n",
        )
    put(folder / "kept/one.yaml", "app: {size: 77}\n")
    put(folder.parent / "shared/two.yaml", "app: {size: 78}\n")
    for name, end in (("l1", "../../kept/one.yaml"), ("l2", "../../../shared/two.yaml")):
        (folder / f"overlays/tenants/{name}.yaml").symlink_to(end)
    (folder / "overlays/exceptions").mkdir()
    put(folder / "more/tenth.yaml", "app: {name: tenth}\n")
    (folder / "overlays/exceptions/prod-t9").symlink_to("../../more")
    (folder / "templates/parts").symlink_to("../parts")
    put(folder / "parts/part.j2", "a part\n")
    put(folder / "templates/note.txt.j2", '{{ target.name }}\n{% set part = "parts/part.j2" %}{% include part %}\n')
    return folder


def options(**more):
    return Options(**{"overrides": {"app.name": "boat"}, **more})


@contextmanager
def done(folder, executor=None, allow=("shared",), **more):
    """A run from nothing, with all that is seen of it."""
    files = files_of(folder, [folder.parent / name for name in allow])
    given = more.pop("given", None) or options(allowed=tuple(map(str, files.allowed)))
    memory = Memory(files, given, executor=executor, **more)
    try:
        yield memory.run([])
    finally:
        memory.close()


def seen(folder, executor=None, **more):
    """What a run gives: the texts of outputs, the problems, and all that the store holds of results."""
    Store(folder / FOLDER).clear()
    with done(folder, executor, **more) as result:
        texts = {file.path: result.run.text(file.path) for file in result.run.files}
        problems = [*map(repr, result.problems)]
    store = Store(folder / FOLDER)
    entries = store._try(
        lambda one: one.execute("SELECT kind, key, data FROM entry WHERE kind IN ('result', 'texts')").fetchall()
    )
    store.close()
    return texts, problems, sorted(entries or ())


class Inline(Executor):
    """Calls at once, as one worker, in this process."""

    def __init__(self, answer=None):
        self.answer = answer or serving.serve
        self.sent = []

    def submit(self, function, /, *args):
        assert function is serving.serve
        self.sent.append(len(args[3] or b""))
        future = Future()
        try:
            future.set_result(pickle.loads(pickle.dumps(self.answer(*args))))
        except Exception as error:  # noqa: BLE001 - as every executor does
            future.set_exception(error)
        return future


@pytest.fixture(autouse=True)
def _forgetful(tmp_path, monkeypatch):
    """No test finds what another one has opened, or its files."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield
    while serving._opened:
        serving._opened.popitem()[1].remove()


def left():
    return list(Path(tempfile.gettempdir()).glob("weft-archive-*"))


def test_threads_give_what_this_process_gives(project):
    wanted = seen(project, workers=1)
    assert len(wanted[2]) == 2 * TARGETS
    with ThreadPoolExecutor(3) as pool:
        assert seen(project, pool) == wanted


@pytest.mark.programs("python3")
def test_new_processes_give_what_this_process_gives_and_leave_nothing(project):
    wanted, before = seen(project, workers=1), left()
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        assert seen(project, pool) == wanted
    assert left() == before


def broken(folder):
    """Files with mistakes, and with what is outside of the project."""
    put(folder.parent / "secret/three.yaml", "app: {size: 79}\n")
    ends = {
        "m1": "../../../secret/three.yaml",
        "m2": "../../kept/none.yaml",
        "m3": "/nowhere/there.yaml",
        "m4": "m4.yaml",
    }
    for name, end in ends.items():
        (folder / f"overlays/tenants/{name}.yaml").symlink_to(end)
    put(folder / "overlays/tenants/m5.yaml", "app: [\n")
    put(folder / "overlays/tenants/m6.yaml", "app: {size: many, plain: 1}\n")
    (folder / "overlays/tenants/m7.yaml").mkdir()
    put(folder / "overlays/tenants/m8.yaml", "- 1\n")
    (folder / "overlays/exceptions/dev-t1").symlink_to("/etc")


def test_problems_are_the_same_and_name_the_places_of_this_machine(project):
    broken(project)
    wanted = seen(project, workers=1)
    assert len(wanted[1]) > 6
    assert f"at {project.parent}/secret/three.yaml" in str(wanted[1]) or f"{project.parent}/secret/three.yaml" in str(
        wanted[1]
    )
    with ThreadPoolExecutor(2) as pool:
        assert seen(project, pool) == wanted


def test_a_project_with_a_file_that_cannot_be_read_is_rendered_here(project, tmp_path):
    os.mkfifo(project / "overlays/tenants/pipe.yaml")
    wanted = seen(project, workers=1)
    assert "not a regular file" in str(wanted[1])
    inline = Inline()
    assert seen(project, inline) == wanted
    assert inline.sent == []


def test_a_project_that_changes_under_the_run_is_rendered_here(project):
    memory = Memory(files_of(project, [project.parent / "shared"]), options(), executor=Inline(), keep=False)
    opened = memory.open()
    assert archive_of(opened)
    put(project / "schemas/tenant.json", "{}")
    with pytest.raises(IncompleteError):
        archive_of(opened)
    memory.close()


def test_the_archive_is_sent_to_a_worker_that_lacks_it_and_to_no_other(project):
    inline = Inline()
    wanted = seen(project, inline)
    chunks = -(-TARGETS // CHUNK)
    assert len([size for size in inline.sent if size]) <= min(chunks, AHEAD * cores())
    again = Inline()
    assert seen(project, again) == wanted
    assert again.sent == [0] * chunks
    put(project / "overlays/base/app.yaml", "app: {name: other}\n")
    other = Inline()
    with done(project, other) as result:
        assert result.problems == []
    assert any(other.sent)


def test_a_archive_holds_what_a_project_may_read_and_nothing_else(project):
    for name in ("notes.txt", "overlays/unread/x.yaml", ".git/config"):
        put(project / name, "mine")
    memory = Memory(files_of(project, [project.parent / "shared"]), options(), keep=False)
    _, files, links = pickle.loads(zlib.decompress(archive_of(memory.open())))
    memory.close()
    names = {Path(name).relative_to(project.parent).as_posix() for name in files}
    assert {
        "project/weft.yaml",
        "project/parts/part.j2",
        "project/kept/one.yaml",
        "shared/two.yaml",
        "project/more/tenth.yaml",
    } <= names
    assert not [name for name in names if "notes" in name or "unread" in name or ".git" in name]
    assert len(links) == 4


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("a/{x}", ["a/b.yaml", "a/c"]),
        ("a/{x}/{y}-{z}", ["a/c/d-e.yaml"]),
        ("a/{x}/d-e", ["a/c/d-e.yaml"]),
        ("a/b", ["a/b.yaml"]),
        ("a/[b]", ["a/[b].yaml"]),
        ("n/{x}", []),
        ("a/*.yaml", ["a/[b].yaml", "a/b.yaml"]),
        ("../p/a/{x}/e", []),
    ],
)
def test_a_pattern_finds_every_file_that_it_can_name(tmp_path, pattern, found):
    for name in ("a/b.yaml", "a/c/d-e.yaml", *(["a/[b].yaml"] if "[" in pattern or "*" in pattern else [])):
        put(tmp_path / "p" / name, "")
    here = files_of((tmp_path / "p").resolve())
    assert sorted(path.relative_to(here.folder).as_posix() for path in matching(here, pattern)) == found


def differing(before, after):
    """The outputs of a run that an earlier one did not have."""
    return [path for path, digest in after.run.digests.items() if before.run.digests.get(path) != digest]


def test_what_elsewhere_made_is_remembered_here(project):
    with done(project, Inline()) as first:
        assert first.run is not None
    with done(project, Inline(answer=None)) as second:
        assert second.run is None
        assert second.outputs == first.outputs == len(first.run.digests)
    put(project / "overlays/exceptions/prod-t3.yaml", "app: {size: 50}\n")  # where there was nothing
    with done(project, Inline()) as third:
        assert differing(first, third) == ["prod/t3/app.yaml"]
    put(project / "overlays/tenants/t4.yaml", "app: {size: 51}\n")
    inline = Inline()
    with done(project, inline) as fourth:
        assert differing(third, fourth) == ["dev/t4/app.yaml", "prod/t4/app.yaml"]
    assert len(inline.sent) == 2  # two targets: one chunk, which lacks the archive at first


@pytest.mark.programs("python3")
def test_a_new_file_is_noticed_after_a_run_of_new_processes(project, monkeypatch):
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    with done(project, workers=2) as first:
        assert first.run is not None
    put(project / "overlays/exceptions/prod-t3.yaml", "app: {size: 50}\n")
    with done(project, workers=2) as second:
        assert differing(first, second) == ["prod/t3/app.yaml"]


def test_only_variables_of_settings_are_sent_and_no_secret(project):
    schema = json.loads((project / "schemas/app.json").read_text("utf-8"))
    schema["properties"]["size"]["x-env"] = "APP_SIZE"
    schema["properties"]["password"]["x-env"] = "APP_PASSWORD"
    put(project / "schemas/app.json", json.dumps(schema))
    environment = {
        "APP_SIZE": "44",
        "APP_PASSWORD": "plain-text-17",  # pragma: allowlist secret
        "TOKEN": "plain-text-18",  # pragma: allowlist secret
    }
    given = options(environment=environment)
    sent = []

    def answer(*args):
        sent.append(args[1])
        return serving.serve(*args)

    assert seen(project, Inline(answer), given=given) == seen(project, workers=1, given=given)
    assert b"APP_SIZE" in sent[0]
    assert b"plain-text" not in sent[0]
    assert b"TOKEN" not in sent[0]


def refusal(project, answer):
    with pytest.raises(CannotRun) as caught, done(project, Inline(answer)):
        pass
    return caught.value.problems[0]


def test_a_worker_with_another_installation_is_refused(project):
    here = serving.installed()
    newer = ("two, process 7", "99.0", here.python, list(here.packages))
    problem = refusal(project, lambda *_: (serving.DIFFERS, newer))
    assert problem.code == "workers-differ"
    assert problem.message.startswith("the worker two, process 7 has Weft 99.0 with Python 3.")
    packages = [*(name for name in here.packages if not name.startswith("click-")), "click-1.0.dist-info/folder"]
    problem = refusal(project, lambda *_: (serving.DIFFERS, ("two", here.version, here.python, packages)))
    assert problem.message.startswith("the worker two has click 1.0, which this process has not, and not click ")
    problem = refusal(project, lambda *_: (serving.DIFFERS, ("two", here.version, here.python, list(here.packages))))
    assert problem.message == f"the worker two has other code of Weft {here.version} than here"


def test_a_worker_refuses_another_installation():
    kind, (name, version, python, packages) = serving.serve("another", b"", b"")
    here = serving.installed()
    assert (kind, version, python, tuple(packages)) == (serving.DIFFERS, here.version, here.python, here.packages)
    assert f"process {os.getpid()}" in name


def test_an_executor_that_fails_is_reported(project):
    def fails(*_):
        raise ModuleNotFoundError("No module named 'weft'\nat all")

    problem = refusal(project, fails)
    assert problem.code == "worker-failed"
    assert "ModuleNotFoundError: No module named 'weft' at all" in problem.message
    problem = refusal(project, lambda *_: (serving.LACKS, None))
    assert "the archive arrived damaged" in problem.message
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(CannotRun), done(project, pool):
        pass


def test_a_worker_keeps_few_projects_and_takes_no_damaged_archive(project):
    code = serving.installed().digest()
    memory = Memory(files_of(project, [project.parent / "shared"]), options(), keep=False)
    opened = memory.open()
    archive, part, before = archive_of(opened), pickle.dumps([]), left()
    jobs = [
        pickle.dumps(serving.Job(digest_of(archive), str(project), (), options(), str(number))) for number in range(6)
    ]
    assert serving.serve(code, jobs[0], part) == (serving.LACKS, None)
    assert serving.serve(code, jobs[0], part, archive[:-1]) == (serving.LACKS, None)
    for job in jobs:
        assert serving.serve(code, job, part, archive)[0] == serving.MADE
    assert len(left()) - len(before) == len(serving._opened) < len(jobs)
    memory.close()


def test_everything_that_a_run_reads_is_in_the_archive(project):
    memory = Memory(files_of(project, [project.parent / "shared"]), options(), keep=False, workers=1)
    done_here = memory.run([])
    _, files, _ = pickle.loads(zlib.decompress(archive_of(memory.open())))
    memory.close()
    assert {os.path.realpath(path) for path in done_here.project.files.trace.files} <= files.keys()


@pytest.mark.programs("python3")  # for minutes are few: it renders all of it twice
def test_the_reference_project_is_rendered_elsewhere(tmp_path):
    folder = reference.copy(tmp_path / "project") or tmp_path / "project"
    wanted = seen(folder, workers=1, allow=(), given=Options({}))
    with ThreadPoolExecutor(2) as pool:
        assert seen(folder, pool, allow=(), given=Options({})) == wanted
