"""Encrypted files: `weft secrets edit|encrypt|decrypt|rotate`."""

import json
import os
import pty
import shlex
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from repository import git
from run import run
from sensitive import CANARY, age_file
from weft.secret_files import age_files, private_folder

pyrage = pytest.importorskip("pyrage", reason="pyrage is not installed: run `make setup`")
ME, OTHER = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
ENV = {"WEFT_AGE_IDENTITY": str(ME), "WEFT_AGE_IDENTITY_FILE": None, "VISUAL": None}


def weft_secrets(*args, cwd, identity=ME, **env):
    return run("secrets", *args, cwd=cwd, env=ENV | {"WEFT_AGE_IDENTITY": str(identity)} | env)


def editor(folder, code):
    """An editor that is a Python program: `path` is the file that it got."""
    file = folder / "editor.py"
    file.write_text(f"import os, sys, time, pathlib\npath = pathlib.Path(sys.argv[1])\n{code}\n")
    return shlex.join([sys.executable, str(file)])


def decrypted(path, identity=ME):
    return pyrage.decrypt(path.read_bytes(), [identity]).decode()


@pytest.fixture
def home(tmp_path):
    """A folder with recipients, and a file that only ME can read."""
    (tmp_path / ".weft-recipients").write_text(f"# me\n{ME.to_public()}\n")
    age_file(tmp_path / "s.yaml.age", {"word": CANARY}, ME)
    return tmp_path


# --- encrypt, decrypt, rotate ---


def test_encrypt_and_decrypt_give_the_same_bytes(home):
    (home / "deep/er").mkdir(parents=True)
    clear = f"# kept\nword: {CANARY}   # as it is\n"
    (home / "deep/er/a.yaml").write_text(clear)
    result = weft_secrets("encrypt", "deep/er/a.yaml", cwd=home)
    assert (result.code, result.out) == (0, "")
    assert "still contains the secrets in plain text" in result.err
    written = home / "deep/er/a.yaml.age"
    assert written.read_text().startswith("-----BEGIN AGE ENCRYPTED FILE-----")
    result = weft_secrets("decrypt", "deep/er/a.yaml.age", "-o", "-", cwd=home)
    assert (result.code, result.out, result.err) == (0, clear, "")
    assert weft_secrets("encrypt", "deep/er/a.yaml", cwd=home).code == 2
    before = written.read_bytes()
    assert weft_secrets("encrypt", "deep/er/a.yaml", "--force", cwd=home).code == 0
    assert written.read_bytes() != before
    assert weft_secrets("encrypt", "deep/er/a.yaml", "-o", "b.age", cwd=home).code == 0
    assert decrypted(home / "b.age") == clear


def test_recipients_on_the_command_line_count_alone(home):
    (home / "a.json").write_text('{"a": 1}')
    assert weft_secrets("encrypt", "a.json", "--recipient", str(OTHER.to_public()), cwd=home).code == 0
    assert decrypted(home / "a.json.age", OTHER) == '{"a": 1}'
    with pytest.raises(pyrage.DecryptError):
        decrypted(home / "a.json.age")


@pytest.mark.parametrize(
    ("recipients", "message"),
    [
        (None, "there are no recipients for"),
        ("# none\n", "lists no recipients"),
        ("age1canarynokey\n", "`age1canarynokey` is not a public key"),
        ("a private key", "one of them is not a public key"),
        ("ssh-ed25519 AAAA\n", "is not a public key"),
    ],
)
def test_wrong_recipients_are_told_and_private_keys_are_not_repeated(recipients, message, home):
    (home / ".weft-recipients").unlink()
    if recipients:
        (home / ".weft-recipients").write_text(recipients.replace("a private key", str(OTHER)))
    (home / "a.json").write_text("{}")
    result = weft_secrets("encrypt", "a.json", cwd=home)
    assert result.code in (1, 2)
    assert message in result.err
    assert "AGE-SECRET-KEY" not in result.err
    assert not (home / "a.json.age").exists()


@pytest.mark.parametrize(("name", "text"), [("a.yaml", f"a: {CANARY}: b"), ("a.json", f"{{{CANARY}}}"), ("b.yaml", "")])
def test_what_is_no_data_is_not_encrypted(name, text, home):
    (home / name).write_text(text)
    result = weft_secrets("encrypt", name, cwd=home)
    assert result.code == 1
    assert f"{name}" in result.err
    assert "as Weft reads it" in result.err
    assert CANARY not in result.err
    assert not (home / f"{name}.age").exists()


def test_rotate_lets_the_new_recipients_in_and_the_old_ones_out(home):
    (home / ".weft-recipients").write_text(f"{OTHER.to_public()}\n")
    result = weft_secrets("rotate", "s.yaml.age", cwd=home)
    assert (result.code, result.err) == (0, "wrote s.yaml.age for 1 recipient\n")
    assert json.loads(decrypted(home / "s.yaml.age", OTHER)) == {"word": CANARY}
    result = weft_secrets("rotate", "s.yaml.age", cwd=home)
    assert result.code == 1
    assert "is not encrypted for the given age identity" in result.err


@pytest.mark.parametrize("command", ["decrypt -o -", "rotate", "edit"])
def test_without_an_identity_nothing_is_read(command, home):
    result = weft_secrets(*command.split(), "s.yaml.age", cwd=home, WEFT_AGE_IDENTITY=None)
    assert result.code == 1
    assert "no age identity is given" in result.err
    assert "WEFT_AGE_IDENTITY" in result.err


def test_a_file_that_is_missing(home):
    for command in (["decrypt", "-o", "-"], ["rotate"], ["encrypt"]):
        result = weft_secrets(*command, "none.age", cwd=home)
        assert result.code == 3
        assert "no such file" in result.err


def test_without_pyrage_it_is_named(home, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyrage", None)
    (home / "a.json").write_text("{}")
    for command in (["decrypt", "s.yaml.age", "-o", "-"], ["encrypt", "a.json"]):
        result = weft_secrets(*command, cwd=home)
        assert result.code == 3
        assert "pip install 'pyrage>=" in result.err


# --- decrypt and git ---


@pytest.fixture
def repository(home):
    git(home, "init", "-q")
    (home / ".gitignore").write_text("secret.yaml\n")
    (home / "tracked.yaml").write_text("a: 1\n")
    git(home, "add", "tracked.yaml", ".gitignore")
    return home


def test_decrypt_writes_a_private_file_that_git_does_not_track(repository):
    (repository / "secret.yaml").write_text("old")
    (repository / "secret.yaml").chmod(0o644)
    result = weft_secrets("decrypt", "s.yaml.age", "-o", "secret.yaml", cwd=repository)
    assert (result.code, result.out) == (0, "")
    assert CANARY in (repository / "secret.yaml").read_text()
    assert stat.S_IMODE((repository / "secret.yaml").stat().st_mode) == 0o600


def test_decrypt_refuses_a_file_that_git_tracks(repository):
    result = weft_secrets("decrypt", "s.yaml.age", "-o", "tracked.yaml", cwd=repository)
    assert result.code == 1
    assert "tracked.yaml is tracked by Git" in result.err
    assert (repository / "tracked.yaml").read_text() == "a: 1\n"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system does not say where stdout leads")
def test_decrypt_refuses_a_redirection_into_a_file_that_git_tracks(repository):
    git(repository, "commit", "-q", "-m", "x")
    env = os.environ | {"WEFT_AGE_IDENTITY": str(ME)}
    command = [sys.executable, "-m", "weft", "secrets", "decrypt", "s.yaml.age"]
    for name, more, code in (
        ("tracked.yaml", [], 1),
        ("tracked.yaml", ["-o", "-"], 1),
        ("secret.yaml", ["-o", "-"], 0),
    ):
        with (repository / name).open("w") as file:
            done = subprocess.run(
                [*command, *more], cwd=repository, env=env, stdout=file, stderr=subprocess.PIPE, check=False
            )
        assert done.returncode == code, done.stderr
        assert (CANARY in (repository / name).read_text()) == (code == 0)
        assert (b"the shell emptied it before Weft started: run `git restore tracked.yaml`" in done.stderr) == (
            code == 1
        )
    git(repository, "restore", "tracked.yaml")
    assert (repository / "tracked.yaml").read_text() == "a: 1\n"
    with (repository / "tracked.yaml").open("a") as file:  # `>>` empties nothing
        done = subprocess.run(
            [*command, "-o", "-"], cwd=repository, env=env, stdout=file, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, b"emptied" in done.stderr) == (1, False), done.stderr
    assert (repository / "tracked.yaml").read_text() == "a: 1\n"


def test_decrypt_writes_to_a_pipe_only_if_it_is_asked_to(home):
    result = weft_secrets("decrypt", "s.yaml.age", cwd=home)
    assert (result.code, result.out) == (2, "")
    assert "`-o -`" in result.err
    assert CANARY in weft_secrets("decrypt", "s.yaml.age", "-o", "-", cwd=home).out
    done = run("secrets", "decrypt", "s.yaml.age", cwd=home, env=ENV, terminal=True)
    assert CANARY in done.out


def test_decrypt_refuses_a_link_to_a_file_that_git_tracks(repository):
    (repository / "secret.yaml").symlink_to("tracked.yaml")
    before = (repository / "tracked.yaml").read_text()
    result = weft_secrets("decrypt", "s.yaml.age", "-o", "secret.yaml", cwd=repository)
    assert (result.code, "is tracked by Git" in result.err) == (1, True), result
    assert (repository / "tracked.yaml").read_text() == before


def test_when_git_does_not_say_nothing_is_written(repository, monkeypatch):
    monkeypatch.setenv("PATH", "")
    result = weft_secrets("decrypt", "s.yaml.age", "-o", "secret.yaml", cwd=repository)
    assert result.code == 1
    assert "Git cannot determine whether" in result.err


# --- edit ---


def test_edit_changes_the_file_through_a_private_file_that_is_gone_afterwards(home):
    code = (
        f"pathlib.Path({str(home / 'seen')!r}).write_text(f'{{path}}\\n{{path.stat().st_mode & 0o777:o}}\\n"
        "{path.parent.stat().st_mode & 0o777:o}')\n"
        "path.write_text('word: changed\\n')"
    )
    result = weft_secrets("edit", "s.yaml.age", cwd=home, EDITOR=editor(home, code))
    assert (result.code, result.out, result.err) == (0, "", "wrote s.yaml.age\n")
    assert decrypted(home / "s.yaml.age") == "word: changed\n"
    path, mode, around = (home / "seen").read_text().splitlines()
    assert (mode, around) == ("600", "700")
    assert path.endswith("/s.yaml")
    assert not Path(path).exists()
    assert not Path(path).parent.exists()


def test_edit_leaves_an_unchanged_file_alone(home):
    before = (home / "s.yaml.age").read_bytes()
    result = weft_secrets("edit", "s.yaml.age", cwd=home, EDITOR=editor(home, "path.write_bytes(path.read_bytes())"))
    assert (result.code, result.err) == (0, "unchanged s.yaml.age\n")
    assert (home / "s.yaml.age").read_bytes() == before


def test_edit_begins_a_file(home):
    result = weft_secrets("edit", "new.json.age", cwd=home, EDITOR=editor(home, "path.write_text('{\"a\": 1}')"))
    assert result.code == 0
    assert decrypted(home / "new.json.age") == '{"a": 1}'
    result = weft_secrets("edit", "none.yaml.age", cwd=home, EDITOR=editor(home, ""))
    assert result.code == 0
    assert not (home / "none.yaml.age").exists()


@pytest.mark.parametrize(
    ("code", "exit_code", "message"),
    [
        ("path.write_text('a: canary-zebra: b')", 1, "is not YAML as Weft reads it (syntax)"),
        ("path.write_text('a: other'); sys.exit(3)", 3, "ended with code 3; nothing was changed"),
        ("path.unlink()", 3, "no such file"),
    ],
)
def test_an_edit_that_fails_changes_nothing(code, exit_code, message, home):
    before = (home / "s.yaml.age").read_bytes()
    result = weft_secrets("edit", "s.yaml.age", cwd=home, EDITOR=editor(home, code))
    assert result.code == exit_code
    assert message in result.err
    assert "canary" not in result.err
    assert (home / "s.yaml.age").read_bytes() == before
    assert [path.name for path in home.iterdir() if path.name.startswith(".s")] == []


def test_an_editor_that_does_not_exist(home):
    result = weft_secrets("edit", "s.yaml.age", cwd=home, EDITOR="no-such-editor")
    assert result.code == 3
    assert "no-such-editor: no such file" in result.err
    assert "set EDITOR" in result.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_edit_and_leaves_nothing_behind(number, home):
    seen = home / "seen"
    code = (
        f"path.write_text('a: b')\npathlib.Path({str(seen)!r}).write_text(f'{{os.getpid()}} {{path}}')\ntime.sleep(60)"
    )
    before = (home / "s.yaml.age").read_bytes()
    env = os.environ | {"WEFT_AGE_IDENTITY": str(ME), "EDITOR": editor(home, code)}
    env.pop("VISUAL", None)
    process = subprocess.Popen(
        [sys.executable, "-m", "weft", "secrets", "edit", "s.yaml.age"], cwd=home, env=env, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    pid, path = _wait(seen)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 128 + number, err
    assert not Path(path).parent.exists()
    assert not _runs(int(pid))
    assert (home / "s.yaml.age").read_bytes() == before
    assert CANARY not in (out + err).decode()


def killed_edit(home, places, code="time.sleep(60)"):
    """An edit that is killed at once, and the file in plain text that it left; its editor lives on."""
    seen = home / "seen"
    seen.unlink(missing_ok=True)
    code = f"pathlib.Path({str(seen)!r}).write_text(f'{{os.getpid()}} {{path}}')\n{code}"
    env = os.environ | {"WEFT_AGE_IDENTITY": str(ME), "EDITOR": editor(home, code)} | places
    env.pop("VISUAL", None)
    process = subprocess.Popen([sys.executable, "-m", "weft", "secrets", "edit", "s.yaml.age"], cwd=home, env=env)
    pid, path = _wait(seen)
    process.kill()
    process.wait()
    return int(pid), Path(path)


@pytest.mark.skipif(os.name != "posix", reason="there are no locks")
def test_the_next_edit_removes_what_one_that_was_killed_has_left(home, monkeypatch):
    memory = home / "memory"
    memory.mkdir()
    places = {"XDG_RUNTIME_DIR": str(memory)}
    pid, path = killed_edit(home, places)
    assert path.is_relative_to(memory)
    others = [memory / name for name in ("weft-edit-file", "weft-other", "else")]
    others[0].write_text("not a folder")
    os.mkfifo(memory / "weft-edit-pipe")
    for other in others[1:]:
        other.mkdir()
    (memory / "weft-edit-link").symlink_to(memory / "else")
    quiet = {"EDITOR": editor(home, ""), **places}
    result = weft_secrets("edit", "s.yaml.age", cwd=home, **quiet)
    assert "removed" not in result.err  # the editor is still there, with a person in it
    assert CANARY in path.read_text()
    os.kill(pid, signal.SIGKILL)
    _until(lambda: not _runs(pid))
    result = weft_secrets("edit", "s.yaml.age", cwd=home, **quiet)
    assert result.err == "removed what 1 edit had left in plain text when killed\nunchanged s.yaml.age\n"
    assert not path.parent.exists()
    assert sorted(file.name for file in memory.iterdir()) == [
        "else",
        "weft-edit-file",
        "weft-edit-link",
        "weft-edit-pipe",
        "weft-other",
    ]


def test_what_was_left_in_other_folders_is_removed_too(home, monkeypatch):
    place = home / "memory"
    place.mkdir()
    left = place / "weft-edit-abc"
    left.mkdir()
    monkeypatch.setattr(private_folder, "_places", lambda: [str(home), str(place)])
    with private_folder.private_folder() as mine:
        assert private_folder.remove_left_behind() == 1
        assert not left.exists()
        assert mine.path.is_dir()
    assert not mine.path.exists()


def test_places_are_the_memory_first_and_only_those_that_can_be_used(home, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home / "none"))
    assert str(home / "none") not in private_folder._places()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home))
    assert private_folder._places()[0] == str(home)


@pytest.mark.skipif(os.name != "posix", reason="there are no pseudo-terminals")
def test_on_a_terminal_a_wrong_text_may_be_mended_and_ctrl_c_is_the_editors(home):
    count = home / "count"
    code = (
        f"count = pathlib.Path({str(count)!r})\n"
        "count.write_text('x' + (count.read_text() if count.exists() else ''))\n"
        "os.kill(os.getppid(), 2)\n"
        "path.write_text('a: b: canary-zebra' if len(count.read_text()) == 1 else path.read_text().replace(': ', '-'))"
    )
    env = os.environ | {"WEFT_AGE_IDENTITY": str(ME), "EDITOR": editor(home, code)}
    env.pop("VISUAL", None)
    ours, theirs = pty.openpty()
    os.write(ours, b"y\n")
    done = subprocess.run(
        [sys.executable, "-m", "weft", "secrets", "edit", "s.yaml.age"], cwd=home, env=env, stdin=theirs,
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 0, done.stderr
    assert "Edit it again?" in done.stderr
    assert "canary" not in done.stdout + done.stderr
    assert decrypted(home / "s.yaml.age") == "a-b-canary-zebra"


def _wait(file):
    _until(lambda: file.exists() and " " in file.read_text())
    return file.read_text().split(" ", 1)


def _until(happens):
    end = time.monotonic() + 20
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.02)


def _runs(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_ended_says_which_signal_it_was():
    assert str(age_files.Ended(15)) == "SIGTERM"
