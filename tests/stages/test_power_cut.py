"""A power cut at any moment of a write, after a recording of its system calls.

What a disk may hold after a power cut is simulated (docs/decisions/0013-crash-order.md): of a file, what it held at its last fsync,
and anything at all if it was written to since; of every name in a folder, what it meant at the last fsync of the folder, or
anything that it came to mean since. A recording is right if for each moment and each such choice every output is whole, and
everything that is there is in the record.
"""

import ast
import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from weft.stages.write import RECORD, File, write

OLD = {"a.yaml": "old a\n", "dev/b.yaml": "old b\n", "dev/gone/d.yaml": "old d\n", "x": "a file\n"}
NEW = {"a.yaml": "new a\n" * 50, "dev/b.yaml": "new b\n", "new/deep/f.yaml": "new f\n", "x/y": "in a folder now\n"}
PROGRAM = """
import sys
from pathlib import Path
from weft.stages.write import File, write
write(Path(sys.argv[1]), [File.of(path, text, "t") for path, text in {texts!r}.items()], lambda _: True, sync={sync})
"""
CALLS = "openat,write,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir"
CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (\d+)(?:<.*>)?$")
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
HANDLE = re.compile(r"^\d+<([^>]*)>")


@dataclass
class Content:
    """A file, whatever its names are; what was written since its last fsync may be lost."""

    data: bytes = b""
    safe: bool = True


@dataclass
class Disk:
    """What every name may mean after a power cut: the last of each list for sure once its folder was synced."""

    names: dict[str, list[Content | None]] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    """Folders that were removed; their files are gone for sure when the folder around them was synced."""

    made: set[str] = field(default_factory=set)
    """Folders that may not be there yet."""

    def now(self, path):
        return self.names.get(path, [None])[-1]

    def mean(self, path, content):
        self.names.setdefault(path, [None]).append(content)

    def settle(self, folder):
        self.made = {one for one in self.made if str(Path(one).parent) != folder}
        gone = {one for one in self.removed if str(Path(one).parent) == folder}
        for path in self.names:
            if str(Path(path).parent) == folder or gone.intersection(map(str, Path(path).parents)):
                del self.names[path][:-1]


def play(disk, name, arguments):
    """Change the disk as a system call does."""
    texts = QUOTED.findall(arguments)
    handle = HANDLE.match(arguments)
    if name == "openat" and "O_CREAT" in arguments:
        disk.mean(texts[0], Content())
    elif name == "write" and handle and disk.now(handle[1]):
        content = disk.now(handle[1])
        content.data += ast.literal_eval(f'b"{texts[0]}"')
        content.safe = False
    elif name in ("fsync", "fdatasync"):
        content = disk.now(handle[1])
        if content is not None:
            content.safe = True
        else:
            disk.settle(handle[1])
    elif name.startswith("rename"):
        disk.mean(texts[1], disk.now(texts[0]))
        disk.mean(texts[0], None)
    elif name.startswith("link"):
        disk.mean(texts[1], disk.now(texts[0]))
    elif name == "rmdir" or "AT_REMOVEDIR" in arguments:
        disk.removed.add(texts[0])
    elif name.startswith("mkdir"):
        disk.removed.discard(texts[0])
        disk.made.add(texts[0])
    elif name.startswith("unlink"):
        disk.mean(texts[0], None)


def judge(disk, root):
    """Raise AssertionError unless every choice that a power cut leaves is a good one."""
    records = disk.names[str(root / RECORD)]
    assert all(record and record.safe for record in records), "the record may be empty"
    recorded = [json.loads(record.data)["files"].keys() for record in records]
    for path in OLD.keys() | NEW.keys():
        for content in disk.names.get(str(root / path), [None]):
            if content is None:
                assert not (path in OLD and path in NEW), f"{path} may be gone"
                continue
            assert content.safe, f"{path} may be empty"
            assert content.data.decode() in (OLD.get(path), NEW.get(path)), f"{path} may be torn"
            assert all(path in files for files in recorded), f"{path} may be unknown"


def recorded(root, sync):
    """The system calls of a write over old outputs, and the disk before them."""
    write(root, [File.of(path, text, "t") for path, text in OLD.items()], lambda _: True)
    disk = Disk()
    for path in (*OLD, RECORD):
        disk.names[str(root / path)] = [Content((root / path).read_bytes())]
    log = root.parent / "log"
    program = [sys.executable, "-c", PROGRAM.format(texts=NEW, sync=sync), root]
    subprocess.run(["strace", "-f", "-y", "-s", "100000", "-e", f"trace={CALLS}", "-o", log, *program], check=True)
    calls = [CALL.match(line) for line in log.read_text().splitlines()]
    return disk, [(call[1], call[2]) for call in calls if call and str(root) in call[2]]


def replay(disk, root, calls):
    """Check the disk after each of the calls."""
    for name, arguments in calls:
        play(disk, name, arguments)
        judge(disk, root)


@pytest.mark.programs("strace")
def test_a_power_cut_at_any_moment_leaves_whole_files_that_the_record_knows(tmp_path):
    root = tmp_path / "build"
    disk, calls = recorded(root, sync=True)
    assert len(calls) > 30
    judge(disk, root)
    replay(disk, root, calls)
    for path, meanings in disk.names.items():
        if ".weft-" not in path or path.endswith(RECORD):
            assert len(meanings) == 1, f"{path} is not safe when the command ends"
    assert {one for one in disk.made if ".weft-" not in one} == set()
    assert {path: disk.now(str(root / path)).data.decode() for path in NEW} == NEW


@pytest.mark.programs("strace")
def test_the_simulation_finds_what_is_not_synced(tmp_path):
    root = tmp_path / "build"
    disk, calls = recorded(root, sync=False)
    with pytest.raises(AssertionError, match="may be"):
        replay(disk, root, calls)
