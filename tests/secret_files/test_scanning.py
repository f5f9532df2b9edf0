"""The search for secrets in plain text: `weft secrets scan`."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

import weft
from lookalikes import ALNUM, HEX, KINDS, PW, WRITTEN, b64, forms, pem, text, uuid
from reference import ROOT
from repository import commit, git
from run import run
from scratch import make_project, write_files
from sensitive import CANARY, SCHEMA
from weft.secret_files import scanning
from weft.secret_files.baseline import NAME, Baseline
from weft.secret_files.scanning import Scanner, Text

TOKEN = KINDS["github pat"][1]


def shop(folder, files=()):
    base = {"base.yaml": "app: {secret: 'ref+env://A'}\n"}
    return make_project(folder, {"schema.json": SCHEMA, **base, **dict(files)})


def places(problems):
    return [(p.place.file, p.place.line, p.place.column) for p in problems if p.code == "plaintext-secret"]


def found(folder, *paths, schema_only=False):
    project = weft.load_project(folder)
    texts = scanning.files(project, [folder / path for path in paths])
    return places(finding.problem() for finding in Scanner(project, schema_only=schema_only).scan(texts))


def scan(folder, *args, code, **options):
    """`weft secrets scan`; the problems of its report."""
    result = run("secrets", "scan", "--format", "json", *args, cwd=folder, **options)
    assert result.code == code, result
    assert TOKEN not in result.out + result.err
    assert CANARY not in result.out + result.err
    return json.loads(result.out)["problems"] if result.out else result.err


@pytest.fixture
def detector():
    pytest.importorskip("kingfisher_sdk", reason="kingfisher-secret-scanner is not installed: run `make setup`")


@pytest.fixture(scope="module")
def anywhere(tmp_path_factory):
    """A search that knows the forms of secrets, and a small schema."""
    pytest.importorskip("kingfisher_sdk", reason="kingfisher-secret-scanner is not installed: run `make setup`")
    return Scanner(weft.load_project(shop(tmp_path_factory.mktemp("anywhere"))))


# --- what the schema knows ---

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
    assert (result.code, result.out, result.err) == (0, "", "no secrets in plain text found\n")


# --- what is known by its form ---


@pytest.mark.soak(few=20)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_secret_is_found_wherever_it_is_written(kind, anywhere):
    for form, name, content in forms(kind):
        searched = Text(name, content.encode())
        findings = list(anywhere.scan([searched]))
        assert len(findings) == 1, (form, findings)
        (finding,) = findings
        rest = "\n".join(searched.lines[finding.line - 1 :])[finding.column - 1 :]
        assert rest.startswith(finding.secret), form
        problem = finding.problem()
        assert problem.traits.quoting.name == "NEVER"
        assert problem.hint
        assert finding.secret not in f"{problem}{finding!r}"


@pytest.mark.parametrize("where", WRITTEN)
def test_a_password_is_found_wherever_it_is_written(where, anywhere):
    name, before, after = WRITTEN[where]
    content = f"x: 1\n{before}{PW}{after}"
    (finding,) = anywhere.scan([Text(name, content.encode())])
    start = len(f"x: 1\n{before}")
    assert (finding.line, finding.column) == (content.count("\n", 0, start) + 1, start - content.rfind("\n", 0, start))


def test_every_rule_of_ours_finds_something(anywhere):
    import kingfisher_sdk

    path = ROOT / "src/weft/data/secret_rules.yml"
    rules = yaml.safe_load(path.read_text("utf-8"))["rules"]
    ours = kingfisher_sdk.Scanner(kingfisher_sdk.Rules([path], builtins=False, confidence="low", cache=False))
    texts = [form[1:] for kind in KINDS for form in forms(kind)]
    texts += [(name, before + PW + after) for name, before, after in WRITTEN.values()]
    inputs = [kingfisher_sdk.ScanInput(path=name, data=content.encode()) for name, content in texts]
    finding = {one.rule_id for source in inputs for one in ours.scan_input(source)}
    assert [rule["id"] for rule in rules if rule["id"] not in finding] == []


@pytest.mark.parametrize("depth", [1, 2])
def test_base64_is_looked_into(depth, anywhere):
    value = TOKEN
    for _ in range(depth):
        value = b64(value)
    (finding,) = anywhere.scan([Text("secret.yaml", f"data:\n  config: {value}\n".encode())])
    assert (finding.line, finding.kind) == (2, "github-pat")


def test_nothing_hides_in_a_block_that_is_public(anywhere):
    block = pem("CERTIFICATE").replace("\n", f"\npassword: {PW}\n", 1)
    assert [one.line for one in anywhere.scan([Text("a.yaml", block.encode())])] == [2]


HARMLESS = {
    "references": "password: ref+vault://a/b#c\ntoken: 'ref+sops://secrets.yaml#/a1b2c3d4e5f6'\n",
    "variables": "password: ${PASSWORD}\nurl: postgresql://app:${PASSWORD}@db/app\ntoken: $TOKEN_OF_2026\n",
    "a template": "password: {{ app.password }}\nsecret: '{{ app.secret }}'\nurl: redis://:{{ app.password }}@cache\n",
    "a command": "password: $(cat /run/secrets/password1)\n",
    "words": "secrets: true # as references\npassword: null\npassword_required: false\ntoken: default\n",
    "placeholders": "password: <your-password>\nurl: postgresql://<user>:<password>@<host>/app\ntoken: xxxxxxxxxxxxxxxx\n",
    "names": "secretName: app-tls-2026\nexistingSecret: redis-auth-v2\ntokenAudience: https://vault.internal/\n",
    "digests": f"image: app@sha256:{text(HEX, 64)}\ncommit: {text(HEX, 40)}\netag: {text(HEX, 32)}\nid: {uuid()}\n",
    "integrity": f'"integrity": "sha512-{b64(text(ALNUM, 64))}"\n',
    "a certificate": f"tls.crt: |\n  {pem('CERTIFICATE')}\n",
    "public keys": f"{pem('PUBLIC KEY')}\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{text(ALNUM, 43)} me\n",
    "what is encrypted": f"{pem('AGE ENCRYPTED FILE')}\npassword: ENC[AES256_GCM,data:{b64(text(ALNUM, 12))}]\n",
    "prose": "The password must have 12 characters. Use a token: see the documentation.\npassword: the one of the database\n",
    "addresses": "https://git.internal/a/b.git\nredis://cache:6379/0\nssh://git@git.internal/x\nhttp://[::1]:8080/a@b\n",
    "code": "password = get_password()\nself.token = token\nsecret: str = field(repr=False)\napi_key=os.environ['KEY']\n",
}


@pytest.mark.parametrize("case", HARMLESS)
@pytest.mark.parametrize("name", ["a.yaml", "a.conf.j2", "a.md", "a.py"])
def test_what_is_no_secret_is_left_alone(case, name, anywhere):
    assert [(one.kind, one.line) for one in anywhere.scan([Text(name, HARMLESS[case].encode())])] == []


ENCODED = {
    "Latin-1": (f"# für alle: ä\ntoken: {TOKEN}\n".encode("latin-1"), 2, 8),
    "UTF-8 with a mark": (f"token: {TOKEN}\n".encode("utf-8-sig"), 1, 8),
    "UTF-16 with a mark": (f"a: 1\ntoken: {TOKEN}\n".encode("utf-16"), 2, 8),
    "UTF-32 with a mark": (f"a: 1\ntoken: {TOKEN}\n".encode("utf-32"), 2, 8),
    "UTF-16 without one": (f"a: 1\ntoken: {TOKEN}\n".encode("utf-16-le"), None, None),
    "a binary file": (b"\x7fELF\0\0\1" + TOKEN.encode() + b"\0\xff\xfe", None, None),
    "line ends of Windows": (f"a: 1\r\ntoken: {TOKEN}\r\n".encode(), 2, 8),
    "characters of several bytes before it": (f"# ä€😀 {TOKEN}\n".encode(), 1, 7),
    "a line of 2 MB": (b"x" * 1_000_000 + b" " + TOKEN.encode() + b" " + b"y" * 1_000_000, 1, 1_000_002),
    "a file of 6 MB": (b"a: 1\n" * 1_200_000 + TOKEN.encode(), 1_200_001, 1),
    "no line end": (TOKEN.encode(), 1, 1),
}


@pytest.mark.parametrize("case", ENCODED)
def test_a_secret_is_found_in_files_of_every_kind(case, anywhere):
    data, line, column = ENCODED[case]
    (finding,) = anywhere.scan([Text("a.txt", data)])
    assert finding.secret == TOKEN
    place = finding.problem().place
    assert (place.file, place.line, place.column) == ("a.txt", line, column)


def test_secrets_that_stand_close_are_all_found(anywhere):
    other = KINDS["slack bot"][1]
    line = f"a: {TOKEN} # and {other}, {TOKEN}\n{TOKEN}\n"
    assert [(one.line, one.column) for one in anywhere.scan([Text("a.yaml", line.encode())])] == [
        (1, 4),
        (1, 4 + len(TOKEN) + 7),
        (2, 1),
    ]


def test_a_setting_that_the_schema_knows_is_reported_once(detector, tmp_path):
    block = "".join(f"    {line}\n" for line in pem("RSA PRIVATE KEY").splitlines())
    shop(tmp_path, {"base.yaml": f"app:\n  secret: |\n{block}  other: {TOKEN} # {KINDS['slack bot'][1]}\n"})
    lines = [line for _, line, _ in found(tmp_path)]
    assert lines == [2, len(block.splitlines()) + 3, len(block.splitlines()) + 3]


@pytest.mark.parametrize(
    ("content", "left"),
    [
        (f"token: {TOKEN}  # pragma: allowlist secret\n", 0),
        (f"# pragma: allowlist nextline secret\ntoken: {TOKEN}\n", 0),
        (f"# pragma: allowlist secret\ntoken: {TOKEN}\n", 1),
        (f"token: {TOKEN}  # kingfisher:ignore gitleaks:allow\n", 1),
    ],
)
def test_only_the_comments_of_weft_allow_a_line(content, left, anywhere):
    assert len(list(anywhere.scan([Text("a.yaml", content.encode())]))) == left


def test_an_alias_bomb_does_not_keep_the_scan_busy(detector, tmp_path):
    levels = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    shop(tmp_path, {"bomb.yaml": f"a0: &a0 lol\n{levels}", "tag.yaml": "a: !!int many\n"})
    list(Scanner(weft.load_project(tmp_path)).scan([]))  # the rules are read
    start = time.monotonic()
    assert found(tmp_path) == []
    assert time.monotonic() - start < 5


def test_blocks_that_never_end_do_not_keep_the_scan_busy(anywhere):
    start = time.monotonic()
    assert list(anywhere.scan([Text("a.pem", b"-----BEGIN CERTIFICATE-----\n" * 100_000)])) == []
    assert time.monotonic() - start < 20


def test_lines_that_yaml_counts_otherwise_do_no_harm(tmp_path):
    shop(tmp_path, {"x.yaml": f'app:\n  name: "{chr(0x2028) * 20}"\n  secret: {CANARY}'})
    assert len(found(tmp_path, schema_only=True)) == 1


def test_a_file_that_is_too_big_is_named(detector, tmp_path, monkeypatch):
    monkeypatch.setattr(scanning, "_LIMIT", 5000)
    shop(tmp_path, {"big.txt": f"{TOKEN}\n" * 200})
    assert [problem["code"] for problem in scan(tmp_path, code=0)] == ["not-scanned"]
    git(tmp_path, "init", "-q")
    commit(tmp_path)
    (tmp_path / "big.txt").unlink()
    (problem,) = scan(tmp_path, "--history", code=0)
    assert (problem["code"], problem["file"]) == ("not-scanned", "big.txt")


# --- which files ---


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


def test_a_symbolic_link_is_not_followed_unless_it_is_named(tmp_path):
    outside = write_files(tmp_path / "outside", {"x.yaml": f"app: {{secret: {CANARY}}}\n"})
    folder = shop(tmp_path / "project", {})
    (folder / "link.yaml").symlink_to(outside / "x.yaml")
    (folder / "gone.yaml").symlink_to("nowhere")
    (folder / "folder").symlink_to(outside)
    assert found(folder, schema_only=True) == []
    assert found(folder, "link.yaml", schema_only=True) == [(str(outside / "x.yaml"), 1, 15)]
    git(folder, "init", "-q")
    assert found(folder, schema_only=True) == []


def test_a_file_that_is_not_there(tmp_path):
    shop(tmp_path)
    result = run("secrets", "scan", "none.yaml", "--schema-only", cwd=tmp_path)
    assert result.code == 3
    assert "there is no" in result.err


# --- history ---


@pytest.fixture
def history(detector, tmp_path):
    """A repository that held a token in its second commit, and no longer does."""
    shop(tmp_path, {"a.conf": "a = 1\n"})
    git(tmp_path, "init", "-q", "-b", "main")
    commits = [commit(tmp_path, "first")]
    for content in (f"a = 1\nb = {TOKEN}\n", f"a = 2\nb = {TOKEN}\n", "a = 2\n"):
        (tmp_path / "a.conf").write_text(content)
        commits.append(commit(tmp_path))
    return tmp_path, commits


def test_a_secret_that_was_committed_and_removed_is_found_in_the_commit_that_brought_it(history):
    folder, commits = history
    assert scan(folder, code=0) == []
    for args in (["--since", commits[0]], ["--history"], ["--since", commits[0], "a.conf"]):
        (problem,) = scan(folder, *args, code=1)
        assert (problem["file"], problem["line"], problem["column"]) == ("a.conf", 2, 5)
        assert problem["message"].endswith(f"in commit {commits[1][:12]}")
        assert "rotate" in problem["hint"]
    assert f"in commit {commits[2][:12]}" in scan(folder, "--since", commits[1], code=1)[0]["message"]
    assert scan(folder, "--since", commits[2], code=0) == []
    assert scan(folder, "--since", commits[0], "base.yaml", code=0) == []


def test_a_secret_that_a_file_still_holds_is_reported_in_the_file(history):
    folder, commits = history
    (folder / "a.conf").write_text(f"a = 3\nb = {TOKEN}\n")
    (problem,) = scan(folder, "--since", commits[0], code=1)
    assert "commit" not in problem["message"]


def test_history_holds_messages_merges_literals_and_names_of_every_kind(history):
    folder, _ = history
    odd = ":a ü [x]*.yaml"
    git(folder, "checkout", "-q", "-b", "side", "HEAD~2")
    write_files(folder, {odd: f"app: {{secret: {CANARY}}}\n"})
    side = commit(folder, "side")
    (folder / odd).unlink()
    commit(folder, "side")
    git(folder, "checkout", "-q", "main")
    git(folder, "merge", "-q", "--no-commit", "side")
    (folder / "merged.txt").write_text(KINDS["slack bot"][1])
    merge = commit(folder, f"Merge\n\nwith {KINDS['stripe'][1]}")
    (folder / "merged.txt").unlink()
    commit(folder)
    problems = scan(folder, "--since", "HEAD~2", code=1)
    assert [(one["file"], one["message"].rpartition(", in ")[2]) for one in problems] == [
        (odd, f"commit {side[:12]}"),
        ("merged.txt", f"commit {merge[:12]}"),
        (None, f"the message of commit {merge[:12]}, line 3"),
    ]
    write_files(folder, {odd: "app: {name: x}\n"})
    assert [one["file"] for one in scan(folder, "--since", "HEAD~2", odd, code=1)] == [odd]


def test_submodules_and_links_have_no_content_of_their_own(history):
    folder, commits = history
    (folder / "link.txt").symlink_to("/etc/passwd")
    git(folder, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    git(folder, "add", "link.txt")
    assert scan(folder, "--staged", code=0) == []
    git(folder, "commit", "-q", "-m", "x")
    assert scan(folder, "--since", commits[-1], code=0) == []


def test_what_a_partial_clone_lacks_is_not_fetched(history, tmp_path_factory):
    folder, _ = history
    git(folder, "config", "uploadpack.allowFilter", "true")
    clone = tmp_path_factory.mktemp("partial") / "clone"
    git(folder, "clone", "-q", "--filter=blob:none", f"file://{folder}", str(clone))
    result = run("secrets", "scan", "--history", cwd=clone)
    assert (result.code, "Git does not have" in result.err) == (3, True), result


def test_a_project_below_the_top_of_a_repository_is_searched_alone(detector, tmp_path):
    folder = shop(tmp_path / "sub/project", {})
    git(tmp_path, "init", "-q")
    first = commit(tmp_path)
    write_files(tmp_path, {"other.txt": TOKEN, "sub/project/mine.txt": TOKEN})
    commit(tmp_path)
    (folder / "mine.txt").unlink()
    (problem,) = scan(folder, "--since", first, code=1)
    assert problem["file"] == "mine.txt"


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["--since", "nonsense"], 2, "unknown-revision"),
        (["--since", "--all"], 2, "unknown-revision"),
        (["--since", ""], 2, "unknown-revision"),
        (["--since", "HEAD", "--history"], 2, "cannot be combined"),
        (["--staged", "--history"], 2, "cannot be combined"),
        (["--staged", "--write-baseline"], 2, "cannot be combined"),
        (["a.conf", "--write-baseline"], 2, "cannot be combined"),
    ],
)
def test_what_cannot_be_asked(args, code, message, history):
    result = run("secrets", "scan", *args, cwd=history[0])
    assert (result.code, message in result.err) == (code, True), result


@pytest.mark.parametrize("args", [["--history"], ["--since", "HEAD"], ["--staged"]])
def test_history_needs_a_repository(args, detector, tmp_path):
    shop(tmp_path)
    result = run("secrets", "scan", *args, cwd=tmp_path, env={"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)})
    assert (result.code, "no-repository" in result.err) == (3, True), result


def test_a_shallow_clone_says_what_it_lacks(history, tmp_path_factory):
    folder, commits = history
    clone = tmp_path_factory.mktemp("shallow") / "clone"
    git(folder, "clone", "-q", "--depth", "2", f"file://{folder}", str(clone))
    result = run("secrets", "scan", "--history", cwd=clone)
    assert (result.code, "shallow-clone" in result.err) == (3, True), result
    assert f"before commit {commits[2][:12]}" in result.err
    assert "git fetch --unshallow" in result.err
    assert run("secrets", "scan", "--since", commits[0], cwd=clone).code == 2
    assert scan(clone, "--since", commits[2], code=0) == []


# --- the index ---


def test_what_is_staged_is_scanned_and_not_what_the_files_hold(detector, tmp_path):
    shop(tmp_path, {"a.txt": f"{TOKEN}\n", "b.txt": "b\n"})
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "a.txt")
    (tmp_path / "a.txt").write_text("nothing\n")
    (tmp_path / "b.txt").write_text(f"{TOKEN}\n")
    (problem,) = scan(tmp_path, "--staged", code=1)  # before there is any commit
    assert (problem["file"], problem["line"]) == ("a.txt", 1)
    git(tmp_path, "commit", "-q", "-m", "x")
    assert scan(tmp_path, "--staged", code=0) == []


def test_the_hook_of_this_repository_stops_a_commit(detector, tmp_path):
    folder = shop(tmp_path / "sub", {})
    git(tmp_path, "init", "-q")
    commit(tmp_path)
    hook = tmp_path / ".githooks/pre-commit"
    hook.parent.mkdir()
    hook.write_text((ROOT / ".githooks/pre-commit").read_text())
    hook.chmod((ROOT / ".githooks/pre-commit").stat().st_mode)
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parent.parent)
    (tmp_path / "weft.yaml").symlink_to(folder / "weft.yaml")
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA))
    (tmp_path / "base.yaml").write_text("app: {name: x}\n")
    git(tmp_path, "config", "core.hooksPath", ".githooks")
    (tmp_path / "a.txt").write_text(f"{TOKEN}\n")
    git(tmp_path, "add", "a.txt")
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "x"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "a.txt:1:1" in done.stdout + done.stderr
    assert TOKEN not in done.stdout + done.stderr
    (tmp_path / "a.txt").write_text("nothing\n")
    done = subprocess.run([*command, "a.txt"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# --- the baseline ---


def test_a_baseline_accepts_what_is_found_and_nothing_else(detector, tmp_path):
    shop(tmp_path, {"a.txt": f"x\n{TOKEN}\n", "base.yaml": f"app: {{secret: {CANARY}}}\n"})
    assert len(scan(tmp_path, code=1)) == 2
    result = run("secrets", "scan", "--write-baseline", cwd=tmp_path)
    assert (result.code, result.err) == (0, f"wrote {NAME}, which accepts 2 findings\n")
    written = (tmp_path / NAME).read_text()
    assert not {TOKEN, CANARY} & set(re.findall(r'"([^"]*)"', written))
    assert scan(tmp_path, code=0) == []
    (tmp_path / "a.txt").write_text(f"moved\nx\n{TOKEN}\n")  # another line
    assert scan(tmp_path, code=0) == []
    (tmp_path / "a.txt").write_text(f"{TOKEN}\n{KINDS['slack bot'][1]}\n")  # another secret
    (tmp_path / "b.txt").write_text(f"{TOKEN}\n")  # another file
    assert places_of(scan(tmp_path, code=1)) == [("a.txt", 2), ("b.txt", 1)]
    (tmp_path / "b.txt").unlink()
    (tmp_path / "a.txt").write_text(f"{TOKEN}\n")
    run("secrets", "scan", "--write-baseline", cwd=tmp_path)
    assert (tmp_path / NAME).read_text() == written  # the salt stays


def places_of(problems):
    return [(problem["file"], problem["line"]) for problem in problems]


def test_an_entry_whose_secret_is_gone_is_named(detector, tmp_path):
    shop(tmp_path, {"a.txt": f"{TOKEN}\n", "b.txt": f"{TOKEN}\n"})
    run("secrets", "scan", "--write-baseline", cwd=tmp_path)
    (tmp_path / "a.txt").write_text("nothing\n")
    (problem,) = scan(tmp_path, code=0)
    assert (problem["code"], problem["severity"], problem["file"]) == ("stale-baseline", "warning", NAME)
    assert "a.txt (github-pat)" in problem["message"]
    assert [one["code"] for one in scan(tmp_path, "a.txt", code=0)] == ["stale-baseline"]
    assert scan(tmp_path, "b.txt", code=0) == []
    assert scan(tmp_path, "--schema-only", code=0) == []  # which does not look for it
    (tmp_path / "a.txt").unlink()
    assert len(scan(tmp_path, code=0)) == 1
    run("secrets", "scan", "--write-baseline", cwd=tmp_path)
    assert scan(tmp_path, code=0) == []


def test_what_the_history_holds_is_accepted_on_its_own(history):
    folder, commits = history
    result = run("secrets", "scan", "--history", "--write-baseline", cwd=folder)
    assert result.err.endswith("accepts 1 finding\n")
    for args in ([], ["--history"], ["--since", commits[1]]):
        assert scan(folder, *args, code=0) == []
    run("secrets", "scan", "--write-baseline", cwd=folder)  # which does not look there
    assert scan(folder, "--history", code=0) == []


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"accepted": []}',
        '{"salt": 1, "accepted": []}',
        '{"salt": "a", "accepted": {}}',
        '{"salt": "a", "accepted": ["a.txt"]}',
        '{"salt": "a", "accepted": [{"file": "a.txt"}]}',
        '{"salt": "a", "accepted": [{"file": "a", "kind": "b", "fingerprint": 1}]}',
        '{"salt": "a", "accepted": [{"file": "a", "kind": "b", "fingerprint": "c", "history": "d"}]}',
        '{"salt": "a", "accepted": [{"file": "a", "kind": "b", "fingerprint": "c", "more": "d"}]}',
        b"\xff",
    ],
)
def test_a_baseline_that_is_none_is_refused(content, tmp_path):
    shop(tmp_path, {NAME: content})
    result = run("secrets", "scan", "--schema-only", cwd=tmp_path)
    assert (result.code, "error[bad-baseline]" in result.err) == (1, True), result
    assert NAME in result.err
    assert "--write-baseline" in result.err


def test_a_baseline_that_cannot_be_read(tmp_path):
    shop(tmp_path)
    (tmp_path / NAME).mkdir()
    result = run("secrets", "scan", "--schema-only", cwd=tmp_path)
    assert (result.code, "unreadable" in result.err) == (3, True), result


def test_a_fingerprint_depends_on_the_salt_and_the_file():
    one, other = Baseline(), Baseline()
    assert len({base.entry(file, "k", "hunter2", history=False) for base in (one, other) for file in "ab"}) == 4


# --- around it ---


def test_without_the_detector_its_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "kingfisher_sdk", None)
    shop(tmp_path)
    result = run("secrets", "scan", cwd=tmp_path)
    assert result.code == 3
    assert "pip install 'kingfisher-secret-scanner" in result.err
    assert run("secrets", "scan", "--schema-only", cwd=tmp_path).code == 0


def test_nothing_that_the_detector_offers_for_the_network_is_used():
    source = (ROOT / "src/weft/secret_files/detector.py").read_text("utf-8")
    assert set(re.findall(r"kingfisher_sdk\.(\w+)", source)) == {"ScanInput", "Rules", "DetectionPolicy", "Scanner"}


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
