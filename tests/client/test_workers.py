"""A gunicorn with four workers while its configuration is replaced many times: each worker always has one whole, accepted revision."""

import contextlib
import json
import threading
import time

import pytest

from mounted import Mount
from rounds import share
from weft.files.bundle import MANIFEST, written
from workers import Workers, asked
from world import until

pytestmark = pytest.mark.unmeasured("the program is what is tested, in processes of its own")
NUMBER = {"type": "object", "properties": {"number": {"type": "integer", "minimum": 0}}}
SCHEMA = {
    "type": "object",
    "properties": {"one": NUMBER, "two": NUMBER},
    "x-kubernetes-validations": [{"rule": "self.one.number == self.two.number", "message": "both are the same"}],
}


def bundle(revision, one=None, two=None):
    """The files of a revision, whose number is in each of them; the line of an overlay is the number, too."""
    values = {"one": {"number": revision if one is None else one}, "two": {"number": revision if two is None else two}}
    origins = {f"{domain}.number": f"overlays/{domain}.yaml:{revision}" for domain in values}
    others = {"other.txt": str(revision)}
    return written(values, json.dumps(SCHEMA), origins, {}, others, project="shop", target="one", revision=revision)


def out_of_range(revision, folder):
    """A value that the schema refuses, and what the status must say: the file, and the lines of the overlays."""
    return bundle(revision, one=-revision), (f"{folder}/one.json", [f"overlays/one.yaml:{revision}"])


def against_a_rule(revision, folder):
    """Values that a rule refuses."""
    overlays = [f"overlays/one.yaml:{revision}", f"overlays/two.yaml:{revision}"]
    return bundle(revision, two=revision + 1), (f"{folder}/one.json", overlays)


def torn(revision, folder):
    """A file of another revision, which no overlay is to blame for."""
    return {**bundle(revision), "two.json": bundle(revision - 1)["two.json"]}, (f"{folder}/{MANIFEST}", [])


WRONG = (out_of_range, against_a_rule, torn)


@contextlib.contextmanager
def asking(workers, digests):
    """Ask each worker all the time, in a thread of its own; gives the number of answers of each."""
    stop, failed, count = threading.Event(), [], dict.fromkeys(workers.pids, 0)

    def work(pid, connection):
        last = 0
        try:
            while not stop.is_set():
                told = asked(connection, "/")
                revision = told["revision"]
                numbers = {*told["settings"].values(), int(told["files"]["other.txt"])}
                assert (told["pid"], numbers, told["digest"]) == (pid, {revision}, digests[revision])
                assert revision >= last, f"revision {revision} comes after {last}"
                last = revision
                count[pid] += 1
                time.sleep(0.002)
        except Exception as error:  # noqa: BLE001 - whatever it is, a request was lost or wrong
            failed.append(error)

    connections = workers.connected()
    threads = [threading.Thread(target=work, args=each) for each in connections.items()]
    for thread in threads:
        thread.start()
    try:
        yield count
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
        for each in connections.values():
            each.close()
    assert failed == []


@pytest.mark.soak
@pytest.mark.programs("gunicorn", "uvicorn")
@pytest.mark.parametrize("preload", [False, True], ids=["each opens", "forked"])
def test_workers_always_have_one_whole_accepted_revision(servers, tmp_path, chance, preload):
    mount = Mount(tmp_path / "mount")
    digests = {}
    """Those of the revisions that must be accepted."""

    def publish(revision):
        files = bundle(revision)
        digests[revision] = json.loads(files[MANIFEST])["digest"]
        mount.publish(files)

    publish(1)
    workers = Workers(servers, mount.folder, preload=preload)
    with contextlib.closing(workers), asking(workers, digests) as count:
        refused, last = 0, 1
        for revision in range(2, share(1000) + 2):
            if revision % 10:
                publish(revision)
                last = revision
                time.sleep(chance.random() * 0.06)
                continue
            reached(workers, last)  # it is gone once there is another one
            files, wanted = WRONG[refused % len(WRONG)](revision, mount.folder)
            mount.publish(files)
            refused += 1
            for pid in workers.pids:
                until(lambda pid=pid, wanted=wanted: wanted in refusals(workers, pid))
                assert workers.ask(pid)["revision"] == last
        reached(workers, last)
        for pid in workers.pids:
            status = workers.ask(pid, "/config/status")
            assert (status["refused"], status["problems"]) == (refused, [])
    assert min(count.values()) > share(1000)


def reached(workers, revision):
    """Wait until every worker has a revision."""
    for pid in workers.pids:
        until(lambda pid=pid: workers.ask(pid)["revision"] == revision)


def refusals(workers, pid):
    """What a worker says it refuses: the file, and the lines of the overlays that set the values."""
    return [(each["file"], each["set_by"]) for each in workers.ask(pid, "/config/status")["problems"]]
