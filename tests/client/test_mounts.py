"""What deserves attention although a revision is accepted: mounts that are never updated, settings that a variable pins."""

import json
import os
import subprocess
import sys

import pytest

import weft.client
from weft.client.health import metrics
from weft.client.mounts import never_updated
from weft.client.sources import File, Folder

VOLUME = "/var/lib/kubelet/pods/0f/volumes/kubernetes.io~configmap/shop"
REVISION = f"{VOLUME}/..2026_11_28_10_00_00.123"


def line(point, root):
    """A line of the kernel's list."""
    return f"612 590 259:1 {root} {point} ro,relatime - ext4 /dev/root rw\n"


def places(source, text, *, names=("weft.json", "app.json"), secrets=None):
    """The places of the warnings."""
    found = never_updated(source, names, secrets, text)
    assert {problem.code for problem in found} <= {"never-updated"}
    return [problem.place.file for problem in found]


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "a b"
    made.mkdir()
    (made / "weft.json").write_text("{}")
    return made


def test_a_whole_volume_is_no_reason_for_a_warning(folder):
    text = line("/", "/") + line(str(folder).replace(" ", r"\040"), VOLUME) + line("/etc/hosts", "/x/etc-hosts")
    assert places(Folder(folder), text) == []
    assert places(File(folder / "weft.json"), text) == []
    assert places(Folder(folder), text, secrets=folder) == []


@pytest.mark.parametrize("root", [f"{REVISION}/weft.json", "/srv/weft.json"])
def test_a_file_that_is_mounted_by_itself(folder, root):
    file = folder / "weft.json"
    text = line(str(file).replace(" ", r"\040"), root)
    assert places(Folder(folder), text) == [str(file)]
    assert places(File(file), text) == [str(file)]
    assert places(File(folder / "other.json"), text) == []
    assert places(Folder(folder.parent), text, secrets=folder) == [str(file)]


@pytest.mark.parametrize("root", [REVISION, f"{REVISION}/conf", f"{VOLUME}/conf//deleted"])
def test_a_folder_of_a_revision_that_is_mounted_by_itself(folder, root):
    text = line(str(folder).replace(" ", r"\040"), root)
    assert places(Folder(folder), text) == [str(folder)]


def test_a_link_to_a_folder_is_where_it_leads(folder):
    link = folder.parent / "link"
    link.symlink_to(folder)
    text = line(str(folder / "weft.json").replace(" ", r"\040"), f"{REVISION}/weft.json")
    assert places(Folder(link), text) == [str(folder / "weft.json")]
    assert places(File(link / "weft.json"), text) == [str(folder / "weft.json")]


def test_without_such_a_list_nothing_is_said(folder, monkeypatch):
    monkeypatch.setattr("weft.client.mounts._MOUNTS", folder / "none")
    assert never_updated(Folder(folder), ["weft.json"], None) == ()
    assert places(Folder(folder), "nonsense\n\n") == []


BOUND = """
import ctypes, json, logging, os, sys
libc = ctypes.CDLL(None, use_errno=True)
NEW_NAMESPACE, BIND, PRIVATE = 0x20000, 0x1000, 0x4000 | 0x40000
def done(result):
    if result:
        sys.exit(f"not allowed: {os.strerror(ctypes.get_errno())}")
done(libc.unshare(NEW_NAMESPACE))
done(libc.mount(None, b"/", None, PRIVATE, None))
volume, point = map(os.fsencode, sys.argv[1:3])
done(libc.mount(volume + b"/..data/app.json", point + b"/app.json", None, BIND, None))
import weft.client
logging.basicConfig(level="WARNING")
config = weft.client.open(sys.argv[2], watch=False)
print(json.dumps(config.status.as_dict()["warnings"]))
"""


def test_a_real_mount_of_a_file_is_in_the_status_and_in_the_log(world):
    """As the kubelet does it for `subPath`: the file of the current revision is bound."""
    if os.geteuid() != 0:
        pytest.skip("NOT TRIED: a real bind mount needs root")
    folder = world.folder / "mounted by file"
    folder.mkdir()
    for name, text in world.files().items():
        (folder / name).write_text(text)
    command = [sys.executable, "-c", BOUND, world.mount.folder, folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.stderr.startswith("not allowed"):
        pytest.skip(f"NOT TRIED: a real bind mount is {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    (warning,) = json.loads(done.stdout)
    assert (warning["code"], warning["severity"]) == ("never-updated", "warning")
    assert warning["file"] == str(folder / "app.json")
    assert "mount the whole volume" in warning["hint"]
    assert f"{folder / 'app.json'}: this is mounted by itself" in done.stderr


# --- pinned settings ---


def test_a_change_of_a_pinned_setting_is_a_warning_until_it_is_taken_back(world, caplog):
    world.secrets.publish({"APP_PASSWORD": "x"})
    config = world.open(watch=False, environ={"POOL_MIN": "4"})
    assert config.status.warnings == ()
    world.set(pool={"min": 2, "max": 20})
    config.refresh()
    (warning,) = config.status.warnings
    assert (warning.code, warning.severity) == ("setting-pinned", "warning")
    assert "pool.min is ignored: the environment variable POOL_MIN pins it" in warning.message
    assert (warning.place.file, warning.place.line) == (f"{world.mount.folder}/pool.json", 2)
    assert config.status.as_dict()["warnings"][0]["set_by"] == ["base.json:1"]
    world.set(pool={"min": 2, "max": 30})
    config.refresh()
    assert caplog.text.count("the environment variable POOL_MIN pins it") == 1
    world.set(pool={"max": 30})
    config.refresh()
    assert config.status.warnings == ()
    assert (config["pool.min"], config.status.problems) == (4, ())


def test_a_warning_of_a_mount_stays(world, monkeypatch):
    mounts = world.folder / "mounts"
    mounts.write_text(line(world.mount.folder, REVISION))
    monkeypatch.setattr("weft.client.mounts._MOUNTS", mounts)
    world.secrets.publish({"APP_PASSWORD": "x"})
    config = world.open(watch=False)
    world.set(pool={"max": 20})
    config.refresh()
    assert [problem.code for problem in config.status.warnings] == ["never-updated"]
    assert "weft_config_warnings 1\n" in metrics(config.status)


def test_where_a_setting_comes_from(world):
    world.secrets.publish({"APP_PASSWORD": "x"})
    environ = {"POOL_MIN": "4", "APP_PASSWORD": "y"}
    config = world.open(watch=False, environ=environ)
    assert config.explain("pool.min") == {
        "value": 4,
        "origin": "a default of the schema",
        "variable": "POOL_MIN",
        "file": None,
        "pending_restart": False,
    }
    assert config.explain("app.name")["origin"] == "base.json:1"
    secret = config.explain("app.password")
    assert (secret["value"], secret["variable"]) == ("***", None)
    assert secret["file"] == f"{world.secrets.folder}/APP_PASSWORD"
    assert config['app["password"]'] == "x"
    assert config.explain('app["password"]')["file"] == secret["file"]
    other = weft.client.open(world.mount.folder, watch=False, environ=environ)
    assert (other["app.password"], other.explain("app.password")["variable"]) == ("y", "APP_PASSWORD")
