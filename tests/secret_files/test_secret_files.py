"""Encrypted files, and the search for secrets in clear: `weft secrets edit|encrypt|decrypt|rotate|scan`."""

import json
import os
import pty
import re
import shlex
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

import weft
from reference import ROOT
from run import run
from scratch import make_project
from sensitive import CANARY, SCHEMA, age_file
from weft.secret_files import age_files, scanning

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


def git(folder, *args):
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false", *args], cwd=folder,
        check=True, capture_output=True,
    )  # fmt: skip


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
    assert "still holds the secrets in clear" in result.err
    written = home / "deep/er/a.yaml.age"
    assert written.read_text().startswith("-----BEGIN AGE ENCRYPTED FILE-----")
    result = weft_secrets("decrypt", "deep/er/a.yaml.age", cwd=home)
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
        (None, "nobody is named who may read"),
        ("# none\n", "names no recipient"),
        ("age1canarynokey\n", "`age1canarynokey` is no public key"),
        ("a private key", "one of them is no public key"),
        ("ssh-ed25519 AAAA\n", "is no public key"),
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
    assert "is not the" in result.err
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


@pytest.mark.parametrize("command", ["decrypt", "rotate", "edit"])
def test_without_an_identity_nothing_is_read(command, home):
    result = weft_secrets(command, "s.yaml.age", cwd=home, WEFT_AGE_IDENTITY=None)
    assert result.code == 1
    assert "no age identity is given" in result.err
    assert "WEFT_AGE_IDENTITY" in result.err


def test_a_file_that_is_missing(home):
    for command in ("decrypt", "rotate", "encrypt"):
        result = weft_secrets(command, "none.age", cwd=home)
        assert result.code == 3
        assert "no such file" in result.err


def test_without_pyrage_the_extra_is_named(home, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyrage", None)
    (home / "a.json").write_text("{}")
    for command in (["decrypt", "s.yaml.age"], ["encrypt", "a.json"]):
        result = weft_secrets(*command, cwd=home)
        assert result.code == 3
        assert "pip install 'weft[age]'" in result.err


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
    assert "tracked.yaml is tracked by git" in result.err
    assert (repository / "tracked.yaml").read_text() == "a: 1\n"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system does not say where stdout leads")
def test_decrypt_refuses_a_redirection_into_a_file_that_git_tracks(repository):
    env = os.environ | {"WEFT_AGE_IDENTITY": str(ME)}
    command = [sys.executable, "-m", "weft", "secrets", "decrypt", "s.yaml.age"]
    for name, code in (("tracked.yaml", 1), ("secret.yaml", 0)):
        with (repository / name).open("w") as file:
            done = subprocess.run(command, cwd=repository, env=env, stdout=file, stderr=subprocess.PIPE, check=False)
        assert done.returncode == code, done.stderr
        assert (CANARY in (repository / name).read_text()) == (code == 0)


def test_decrypt_refuses_a_link_to_a_file_that_git_tracks(repository):
    (repository / "secret.yaml").symlink_to("tracked.yaml")
    before = (repository / "tracked.yaml").read_text()
    result = weft_secrets("decrypt", "s.yaml.age", "-o", "secret.yaml", cwd=repository)
    assert (result.code, "is tracked by git" in result.err) == (1, True), result
    assert (repository / "tracked.yaml").read_text() == before


def test_when_git_does_not_say_nothing_is_written(repository, monkeypatch):
    monkeypatch.setenv("PATH", "")
    result = weft_secrets("decrypt", "s.yaml.age", "-o", "secret.yaml", cwd=repository)
    assert result.code == 1
    assert "git does not say" in result.err


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
        ("path.write_text('a: canary-zebra: b')", 1, "is not the YAML that Weft reads (syntax)"),
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
    end = time.monotonic() + 20
    while not (file.exists() and " " in file.read_text()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return file.read_text().split(" ", 1)


def _runs(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# --- scan ---

TOKEN = "ghp_" + "wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx"  # the form of a GitHub token, and none


def shop(folder, files):
    base = {"base.yaml": "app: {secret: 'ref+env://A'}\n"}
    return make_project(folder, {"schema.json": SCHEMA, **base, **files})


def found(folder, *paths, **options):
    problems = scanning.scan(weft.load_project(folder), [folder / path for path in paths], **options)
    return [(p.place.file, p.place.line, p.place.column) for p in problems]


@pytest.fixture
def detector():
    pytest.importorskip("detect_secrets", reason="detect-secrets is not installed: run `make setup`")


SCHEMA_FINDS = {
    "a literal in a layer": ({"base.yaml": f"app:\n  secret: {CANARY}\n"}, ("base.yaml", 2, 11)),
    "in a file that no target reads": ({"old/copy.yml": f"app: {{keys: [{CANARY}]}}\n"}, ("old/copy.yml", 1, 14)),
    "inside of an operator": ({"x.yaml": f"app: {{keys: {{$append: [{CANARY}]}}}}\n"}, ("x.yaml", 1, 24)),
    "in JSON": ({"x.json": f'{{"app": {{"secret": "{CANARY}"}}}}'}, ("x.json", 1, 20)),
    "a variable": ({".env": f"APP_NAME=x\nAPP_SECRET={CANARY}\n"}, (".env", 2, 12)),
    "an exported variable": ({"a.env": f"  export APP_OTHER='{CANARY}'"}, ("a.env", 1, 18)),
    "a variable of one stage": ({".env.production": "APP_SECRET=abc"}, (".env.production", 1, 12)),
}


@pytest.mark.parametrize("case", SCHEMA_FINDS)
def test_what_the_schema_knows_is_found_at_its_place(case, tmp_path):
    files, place = SCHEMA_FINDS[case]
    shop(tmp_path, files)
    assert found(tmp_path, schema_only=True) == [place]
    for form in ("text", "json"):
        result = run("secrets", "scan", "--schema-only", "--format", form, cwd=tmp_path)
        assert result.code == 1
        assert CANARY not in result.out + result.err
        assert place[0] in result.out


@pytest.mark.parametrize(
    "files",
    [
        {"base.yaml": f"app:\n  secret: {CANARY} # pragma: allowlist secret\n"},
        {"x.yaml": f"app:\n  # pragma: allowlist nextline secret\n  secret: {CANARY}\n"},
        {".env": "APP_SECRET=\nAPP_OTHER=''\nAPP_NAME=x\n#APP_SECRET=x\n"},
        {".env": "APP_SECRET=ref+env://X\nAPP_OTHER=${OTHER}\n"},
        {"notes.txt": "APP_SECRET=abc\n"},
        {"other.yaml": f"settings: {{secret: {CANARY}}}\n", "list.yaml": "[1]", "bad.yaml": "a: b: c", "one.json": "1"},
        {"s.yaml": "-----BEGIN AGE ENCRYPTED FILE-----\napp: {secret: x}\n", "b.yaml": b"app: {secret: x}\0"},
    ],
)
def test_what_is_allowed_or_no_secret_is_not_found(files, tmp_path):
    shop(tmp_path, files)
    assert found(tmp_path, schema_only=True) == []
    result = run("secrets", "scan", "--schema-only", cwd=tmp_path)
    assert (result.code, result.out, result.err) == (0, "", "no secret in clear was found\n")


def test_the_detectors_find_what_the_schema_does_not_know(detector, tmp_path):
    files = {
        "a.py": f'x = 1\ntoken = "{TOKEN}"\n',
        "t.yaml.j2": "password: hunter2hunter2\n",
        "k.pem": "-----BEGIN RSA PRIVATE KEY-----\n",
        "h.yaml": "thing: &x\n  - id: 3f786850e387550fdab836ed7e6dc881de23001b\n  - *x\n",
        "ok.py": f'token = "{TOKEN}"  # pragma: allowlist secret\n',
        "l.yaml.j2": "{% for k, v in {\n 'secret': app,\n}.items() %}\n{% set password = 'hunter2hunter2' %}\n",
        "w.yaml": "secrets: true # as references\npassword: null\n",
        "r.yaml": "password: ref+vault://a/b#c\nother_password: ${PASSWORD}\nsecret: '{{ app.secret }}'\n",
    }
    shop(tmp_path, files)
    assert found(tmp_path) == [
        ("a.py", 2, 1),
        ("h.yaml", 2, 3),
        ("k.pem", 1, 1),
        ("l.yaml.j2", 4, 1),
        ("t.yaml.j2", 1, 1),
    ]
    result = run("secrets", "scan", "a.py", "ok.py", cwd=tmp_path)
    assert result.code == 1
    assert "a.py:2:1" in result.out
    assert TOKEN not in result.out + result.err
    assert "k.pem" not in result.out


def test_one_line_is_told_once(detector, tmp_path):
    shop(tmp_path, {"base.yaml": "app:\n  secret: hunter2hunter2\n"})
    assert found(tmp_path) == [("base.yaml", 2, 11)]


def test_an_alias_bomb_does_not_keep_the_scan_busy(detector, tmp_path):
    levels = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    shop(tmp_path, {"bomb.yaml": f"a0: &a0 lol\n{levels}", "tag.yaml": "a: !!int many\n"})
    start = time.monotonic()
    assert found(tmp_path) == []
    assert time.monotonic() - start < 5


def test_git_says_which_files_there_are(tmp_path):
    literal = f"app: {{secret: {CANARY}}}\n"
    shop(tmp_path, {"in.yaml": literal, "new.yaml": literal, "ignored.yaml": literal, ".gitignore": "ignored.yaml\n"})
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "in.yaml")
    assert [file for file, _, _ in found(tmp_path, schema_only=True)] == ["in.yaml", "new.yaml"]
    assert [file for file, _, _ in found(tmp_path, "ignored.yaml", schema_only=True)] == ["ignored.yaml"]
    (tmp_path / "sub").mkdir()
    assert found(tmp_path, "sub", schema_only=True) == []
    (tmp_path / "sub/x.yaml").write_text(literal)
    assert [file for file, _, _ in found(tmp_path, "sub", schema_only=True)] == ["sub/x.yaml"]


def test_a_file_that_is_not_there(tmp_path):
    shop(tmp_path, {})
    result = run("secrets", "scan", "none.yaml", "--schema-only", cwd=tmp_path)
    assert result.code == 3
    assert "there is no" in result.err


def test_without_detect_secrets_the_extra_is_named(tmp_path, monkeypatch):
    for name in ("detect_secrets", "detect_secrets.core.scan"):
        monkeypatch.setitem(sys.modules, name, None)
    shop(tmp_path, {})
    result = run("secrets", "scan", cwd=tmp_path)
    assert result.code == 3
    assert "pip install 'weft[scan]'" in result.err
    assert run("secrets", "scan", "--schema-only", cwd=tmp_path).code == 0


def test_the_hook_for_pre_commit_runs_on_the_files_that_it_gets(detector, tmp_path):
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert {"id", "name", "entry", "language"} <= hook.keys()
    assert hook["additional_dependencies"] == [
        re.search(r'^scan = \["([^"]+)"\]', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]
    ]
    shop(tmp_path, {"bad.py": f'token = "{TOKEN}"\n', "good.py": "x = 1\n"})
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for name, code in (("bad.py", 1), ("good.py", 0)):
        command = [*shlex.split(hook["entry"]), *hook.get("args", []), name]
        done = subprocess.run(
            command, cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stderr
        assert TOKEN not in done.stdout + done.stderr


def test_the_overlays_and_templates_of_this_repository_hold_no_secret(detector):
    problems = scanning.scan(weft.load_project(ROOT), [ROOT / name for name in ("overlays", "templates", "weft.yaml")])
    assert [(p.place.file, p.place.line) for p in problems] == []


def test_ended_says_which_signal_it_was():
    assert str(age_files.Ended(15)) == "SIGTERM"
