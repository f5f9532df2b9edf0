"""References: their form is checked where they are used, and they are resolved in memory by env, file, age, sops and vault."""

import http.server
import json
import os
import re
import subprocess
import sys
import threading
from dataclasses import dataclass
from importlib import metadata

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import weft
from planted import SENSITIVE, plant
from run import run
from scratch import make_project
from sensitive import CANARY, SCHEMA, age_file
from weft.checks import programs
from weft.cli import cli
from weft.files.reading import ProjectFiles
from weft.secrets import providers


def project(folder, secret, **files):
    make_project(folder, {"schema.json": SCHEMA, "base.yaml": yaml.safe_dump({"app": {"secret": secret}}), **files})
    return folder


def reason(text, folder):
    with pytest.raises(providers.ProviderError) as caught:
        providers.resolve(text, ProjectFiles(folder))
    return caught.value.reason


def hint(text, folder):
    with pytest.raises(providers.ProviderError) as caught:
        providers.resolve(text, ProjectFiles(folder))
    return caught.value.hint


# --- the form, checked without resolving ---

WRONG = {
    "ref+env://#": ("bad-reference", "nothing follows", "ref+env://NAME"),
    "ref+env://A-B": ("bad-reference", "not the name of an environment variable", "ref+env://NAME"),
    "ref+env://A#/b": ("bad-reference", "does not accept a `#`", "ref+env://NAME"),
    "ref+env://A?x=1": ("bad-reference", "no parameter `x`", "it has no parameters"),
    "ref+file://../up": ("bad-reference", "must stay inside the project", "ref+file://PATH"),
    "ref+file://a/..%2f../b": ("bad-reference", "must stay inside the project", "ref+file://PATH"),
    "ref+file://a#b": ("bad-reference", "did you mean `#/b`?", "ref+file://PATH"),
    "ref+file://%ff": ("bad-reference", "percent-encoding", None),
    "ref+file://a%00b": ("bad-reference", "NUL", None),
    "ref+age://a.yaml.age": ("bad-reference", "it lacks its key", "ref+age://FILE#/json/pointer"),
    "ref+age://a.yaml.age#": ("bad-reference", "it lacks its key", "ref+age://FILE#/json/pointer"),
    "ref+sops://a.yaml": ("bad-reference", "it lacks its key", "ref+sops://FILE#/json/pointer"),
    "ref+vault://secret/app": ("bad-reference", "it lacks its key", "ref+vault://MOUNT/PATH#KEY"),
    "ref+vault://secret#key": ("bad-reference", "not a mount and the path", "ref+vault://MOUNT/PATH#KEY"),
    "ref+vault://secret/../x#key": ("bad-reference", "not a mount and the path", "ref+vault://MOUNT/PATH#KEY"),
    "ref+vault://secret/app?kv=3#key": ("bad-reference", "`kv` is 1 or 2", "ref+vault://MOUNT/PATH#KEY"),
    "ref+vault://secret/app?kvv=2#key": ("bad-reference", "no parameter `kvv`", "did you mean `kv`?"),
    "ref+vualt://secret/app#key": (
        "unknown-scheme",
        "there is no provider for the scheme `vualt`",
        "did you mean `vault`?",
    ),
    "ref+awssecrets://x": (
        "unknown-scheme",
        "there is no provider for the scheme `awssecrets`",
        "the known schemes are `age`, `env`",
    ),
}


ALLOW = "keep it in /run/secrets, or allow its folder with `--allow-read DIR` or WEFT_ALLOW_READ"


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_reference_is_a_problem_at_its_line_and_column(text, tmp_path):
    code, message, advice = WRONG[text]
    (problem,) = weft.load_project(project(tmp_path, text)).target().problems()
    assert (problem.code, problem.severity) == (code, "warning" if code == "unknown-scheme" else "error")
    assert message in problem.message
    assert problem.message.startswith("app.secret: ")
    assert (advice or "") in (problem.hint or "")
    assert (problem.place.file, problem.place.line, problem.place.column) == ("base.yaml", 2, 11)
    assert run("validate", cwd=tmp_path).code == (0 if code == "unknown-scheme" else 1)


@pytest.mark.parametrize(
    "text", ["ref+env://A", "ref+file://a", "ref+file:///etc/a#/b", "ref+age://a#/b", "ref+vault://a/b?kv=1#c d"]
)
def test_what_is_well_formed_is_no_problem_and_is_not_resolved(text, tmp_path):
    assert weft.load_project(project(tmp_path, text)).target().problems() == []


def test_references_are_judged_inside_of_operators_lists_and_open_mappings(tmp_path):
    base = "app:\n  keys: {$append: ['ref+envv://A']}\n  tokens: {a: 'ref+env://?', b: {$value: 'ref+env://-'}}\n"
    project(tmp_path, "x", **{"base.yaml": base})
    found = weft.load_project(tmp_path).target().problems()
    assert [(p.code, p.place.line, p.place.column) for p in found] == [
        ("unknown-scheme", 2, 20),
        ("bad-reference", 3, 15),
        ("bad-reference", 3, 42),
    ]


def test_a_reference_in_an_ordinary_setting_is_a_text(tmp_path):
    project(tmp_path, "x", **{"base.yaml": "app: {name: 'ref+env://'}"})
    assert weft.load_project(tmp_path).target().problems() == []


@given(st.text(max_size=30))
def test_judging_never_fails_whatever_stands_in_a_reference(rest):
    for scheme in providers.schemes():
        for text in (f"ref+{scheme}://{rest}", f"ref+{scheme}{rest}", f"ref+{rest}"):
            found = providers.judge(text, ("app",))
            assert found is None or found.code in ("bad-reference", "unknown-scheme")


def test_every_scheme_is_a_module_with_what_a_provider_has():
    assert providers.schemes() == ("age", "env", "file", "sops", "vault")
    for scheme in providers.schemes():
        module = providers._provider(scheme)
        assert module.KEY in ("never", "may", "must")
        assert isinstance(module.FORM, str)
        assert f"ref+{scheme}://" in module.__doc__


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Creates a package whose provider has a given name."""

    def make(name):
        (tmp_path / "site/acme-1.dist-info").mkdir(parents=True)
        (tmp_path / "site/acme-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
        points = f"[weft.providers]\n{name} = acme_provider\n"
        (tmp_path / "site/acme-1.dist-info/entry_points.txt").write_text(points)
        (tmp_path / "site/acme_provider.py").write_text(
            "FORM, KEY, PARAMETERS = 'X', 'may', ('loud',)\n"
            "def complaint(reference): return None\n"
            "def resolve(reference, folder): return reference.path.upper() + reference.parameters.get('loud', '')\n"
        )
        monkeypatch.syspath_prepend(tmp_path / "site")

    providers._plugins.cache_clear()
    yield make
    providers._plugins.cache_clear()


def test_another_package_can_offer_a_provider(tmp_path, install):
    install("acme")
    assert "acme" in {point.name for point in metadata.entry_points(group=providers.GROUP)}
    assert providers.resolve("ref+acme://word?loud=!", ProjectFiles(tmp_path)) == "WORD!"
    assert providers.judge("ref+acne://x", ()).hint == "did you mean `acme`?"
    assert providers.judge("ref+env://X", ()) is None


def test_a_provider_with_the_name_of_one_of_weft_is_not_used_and_warned_of(tmp_path, install, monkeypatch):
    install("env")
    monkeypatch.setenv("WEFT_TEST_A", CANARY)
    assert providers.resolve("ref+env://WEFT_TEST_A", ProjectFiles(tmp_path)) == CANARY
    project(tmp_path, "ref+env://WEFT_TEST_A")
    (problem,) = weft.load_project(tmp_path).target().problems()
    assert (problem.code, problem.severity, problem.message) == (
        "plugin-not-used",
        "warning",
        "the provider `env` of the package acme is not used: Weft has a provider with that name",
    )


# --- env and file ---


def test_env(tmp_path, monkeypatch):
    monkeypatch.setenv("WEFT_TEST_A", CANARY)
    monkeypatch.setenv("WEFT_TEST_EMPTY", "")
    assert providers.resolve("ref+env://WEFT_TEST_A", ProjectFiles(tmp_path)) == CANARY
    assert reason("ref+env://WEFT_TEST_EMPTY", tmp_path) == "the environment variable WEFT_TEST_EMPTY is empty"
    assert reason("ref+env://WEFT_TEST_AA", tmp_path) == "the environment variable WEFT_TEST_AA is not set"
    assert hint("ref+env://WEFT_TEST_AA", tmp_path) == "did you mean `WEFT_TEST_A`?"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("ref+file://a.txt", "two\nlines"),
        ("ref+file://windows.txt", "word"),
        ("ref+file://b.yaml#/db/password", "p#w"),
        ("ref+file://b.yaml#/db/port", "5432"),
        ("ref+file://b.yaml#/db/on", "true"),
        ("ref+file://b.yaml#/list/1", "y"),
        ("ref+file://b.yaml#/a~1b", "slash"),
        ("ref+file://with%20space.json#/k%20y", "json"),
    ],
)
def test_file(text, wanted, tmp_path):
    (tmp_path / "a.txt").write_text("two\nlines\n")
    (tmp_path / "windows.txt").write_bytes(b"word\r\n")
    (tmp_path / "b.yaml").write_text("db: {password: 'p#w', port: 5432, on: true}\nlist: [x, y]\na/b: slash\n")
    (tmp_path / "with space.json").write_text('{"k y": "json"}')
    assert providers.resolve(text, ProjectFiles(tmp_path)) == wanted
    assert (
        providers.resolve(text.replace("://", f"://{tmp_path}/"), ProjectFiles(tmp_path / "elsewhere", (tmp_path,)))
        == wanted
    )


@pytest.mark.parametrize(
    ("text", "why", "advice"),
    [
        ("ref+file://b.ymal", "b.ymal: no such file or directory", "did you mean `b.yaml`?"),
        ("ref+file://folder", "folder: is a directory", None),
        ("ref+file://raw", "raw is not a text in UTF-8", None),
        ("ref+file://b.yaml#/db/pasword", "there is no value at `/db/pasword`", "did you mean `password`?"),
        ("ref+file://b.yaml#/db/zzz", "there is no value at `/db/zzz`", None),
        ("ref+file://b.yaml#/db/password/0", "there is no value at `/db/password/0`", None),
        ("ref+file://b.yaml#/list/2", "there is no value at `/list/2`", None),
        ("ref+file://b.yaml#/db", "the value at `/db` is a mapping, not a single value", None),
        ("ref+file://b.yaml#/db/none", "the value at `/db/none` is null, not a single value", None),
        ("ref+file://bad.yaml#/a", "bad.yaml:1:22 is not YAML as Weft reads it (duplicate-key)", None),
        ("ref+file://bad.json#/a", "bad.json:1:2 is not JSON as Weft reads it (syntax)", None),
        ("ref+file://link", "link is outside of the project", ALLOW),
    ],
)
def test_a_file_that_does_not_give_a_secret(text, why, advice, tmp_path):
    home = tmp_path / "home"
    (home / "folder").mkdir(parents=True)
    (home / "raw").write_bytes(b"\xff\xfe" + CANARY.encode())
    (home / "b.yaml").write_text(f"db: {{password: {CANARY}, none: null}}\nlist: [x, y]\n")
    (home / "bad.yaml").write_text("{same: canary-zebra, same: 1}")
    (home / "bad.json").write_text("{canary-zebra}")
    (tmp_path / "outside").write_text(CANARY)
    (home / "link").symlink_to(tmp_path / "outside")
    assert reason(text, home) == why
    assert hint(text, home) == advice
    assert "canary" not in f"{reason(text, home)} {hint(text, home)}"


# --- age and sops ---


@pytest.fixture(scope="module")
def identity():
    pyrage = pytest.importorskip("pyrage", reason="pyrage is not installed: run `make setup`")
    return pyrage.x25519.Identity.generate()


@pytest.fixture
def opened(identity, monkeypatch):
    for name in ("WEFT_AGE_IDENTITY", "WEFT_AGE_IDENTITY_FILE", "SOPS_AGE_KEY", "SOPS_AGE_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WEFT_AGE_IDENTITY", str(identity))
    return identity


@pytest.mark.parametrize("armored", [True, False])
def test_age(armored, opened, tmp_path, monkeypatch):
    age_file(tmp_path / "s.yaml.age", {"db": {"password": CANARY}}, opened, armored=armored)
    assert providers.resolve("ref+age://s.yaml.age#/db/password", ProjectFiles(tmp_path)) == CANARY
    (tmp_path / "key.txt").write_text(f"# created: today\n# public key: x\n{opened}\n")
    monkeypatch.delenv("WEFT_AGE_IDENTITY")
    monkeypatch.setenv("WEFT_AGE_IDENTITY_FILE", str(tmp_path / "key.txt"))
    assert providers.resolve("ref+age://s.yaml.age#/db/password", ProjectFiles(tmp_path)) == CANARY


@pytest.mark.programs("ssh-keygen")
def test_age_with_an_ssh_key(tmp_path, monkeypatch):
    pyrage = pytest.importorskip("pyrage", reason="pyrage is not installed: run `make setup`")
    key = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    recipient = pyrage.ssh.Recipient.from_str(key.with_suffix(".pub").read_text().strip())
    (tmp_path / "s.age").write_bytes(pyrage.encrypt(f"a: {CANARY}".encode(), [recipient]))
    monkeypatch.delenv("WEFT_AGE_IDENTITY", raising=False)
    monkeypatch.setenv("WEFT_AGE_IDENTITY_FILE", str(key))
    assert providers.resolve("ref+age://s.age#/a", ProjectFiles(tmp_path)) == CANARY


def test_an_age_file_that_does_not_open(opened, tmp_path, monkeypatch):
    import pyrage

    age_file(tmp_path / "other.age", {"a": CANARY}, pyrage.x25519.Identity.generate())
    (tmp_path / "junk.age").write_text("canary")
    assert reason("ref+age://other.age#/a", tmp_path) == "other.age is not encrypted for the given age identity"
    assert reason("ref+age://junk.age#/a", tmp_path) == "junk.age is not an age file, or is damaged"
    monkeypatch.setenv("WEFT_AGE_IDENTITY", "canary-AGE-SECRET-KEY-1")
    assert reason("ref+age://other.age#/a", tmp_path) == "line 1 of WEFT_AGE_IDENTITY is not an age identity"
    monkeypatch.setenv("WEFT_AGE_IDENTITY", "-----BEGIN OPENSSH PRIVATE KEY-----\ncanary")
    assert reason("ref+age://other.age#/a", tmp_path) == "WEFT_AGE_IDENTITY contains an SSH key that age cannot use"
    monkeypatch.delenv("WEFT_AGE_IDENTITY")
    assert reason("ref+age://other.age#/a", tmp_path) == "no age identity is given"
    monkeypatch.setenv("WEFT_AGE_IDENTITY_FILE", str(tmp_path / "none"))
    assert "no such file" in reason("ref+age://other.age#/a", tmp_path)
    monkeypatch.setenv("WEFT_AGE_IDENTITY_FILE", sys.executable)
    assert "contains no age identity" in reason("ref+age://other.age#/a", tmp_path)


CLEAR = """\
db:
  password: canary-zebra-umbrella-4711
  port: 5432
  rate: 1.5e-07
  big: 1e21
  flag: true
  none: null
  list: [a, "b", {c: d}]
  "we.ird:key": x
  multi: |
    line1
    line2
  # a comment
  empty: ""
  note_unencrypted: seen
  size_unencrypted: 2.50
  flag_unencrypted: true
"""


@pytest.fixture(scope="module")
def sops(identity):
    pytest.importorskip("cryptography", reason="cryptography is not installed: run `make setup`")
    program = programs.find("sops")

    def encrypt(path, text, *options):
        path.write_text(text)
        env = os.environ | {"SOPS_DISABLE_VERSION_CHECK": "1"}
        if "--mac-only-encrypted" in options:  # which is an option of the configuration only
            rule = {"mac_only_encrypted": True, "age": str(identity.to_public())}
            (path.parent / "sops.config").write_text(json.dumps({"creation_rules": [rule]}))
            options = ()
            env["SOPS_CONFIG"] = str(path.parent / "sops.config")
        command = [program, "encrypt", "--in-place", "--age", str(identity.to_public()), *options, path]
        subprocess.run(command, check=True, capture_output=True, env=env)
        assert "canary" not in path.read_text()

    return encrypt


@pytest.mark.programs("sops")
@pytest.mark.parametrize(
    "options",
    [[], ["--mac-only-encrypted"], ["--encrypted-regex", "^(password|list)$"], ["--unencrypted-suffix", "_clear"]],
    ids=" ".join,
)
@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_sops(suffix, options, sops, opened, tmp_path):
    file = tmp_path / f"s.{suffix}"
    sops(file, CLEAR if suffix == "yaml" else json.dumps(yaml.safe_load(CLEAR)), *options)
    assert ("mac_only_encrypted" in file.read_text()) == ("--mac-only-encrypted" in options)
    values = {"password": CANARY, "port": "5432", "flag": "true", "list/2/c": "d", "we.ird:key": "x", "empty": ""}
    for key, value in {**values, "multi": "line1\nline2\n", "note_unencrypted": "seen"}.items():
        assert providers.resolve(f"ref+sops://s.{suffix}#/db/{key}", ProjectFiles(tmp_path)) == value


@pytest.mark.programs("sops")
def test_sops_keys_may_be_given_as_sops_wants_them(sops, opened, tmp_path, monkeypatch):
    sops(tmp_path / "s.yaml", CLEAR)
    monkeypatch.delenv("WEFT_AGE_IDENTITY")
    monkeypatch.setenv("SOPS_AGE_KEY", str(opened))
    assert providers.resolve("ref+sops://s.yaml#/db/password", ProjectFiles(tmp_path)) == CANARY


def _swap(text):
    """Two values exchanged."""
    first, second = re.search(r"ENC\[.*\]", text)[0], re.search(r"we.ird:key: (ENC.*)", text)[1]
    return text.replace(first, "\0").replace(second, first).replace("\0", second)


TAMPERED = {
    "two values exchanged": (_swap, "`db:password` was changed after it was encrypted"),
    "a clear text in place": (
        lambda text: re.sub(r"password: .*", "password: other", text),
        "`db:password` is not encrypted",
    ),
    "an unencrypted value changed": (lambda text: text.replace(": seen", ": unseen"), "the MAC differs"),
    "a value removed": (lambda text: re.sub(r"    port: .*\n", "", text), "the MAC differs"),
    "broken base64": (lambda text: text.replace("data:", "data:!", 1), "was changed after it was encrypted"),
    "another date": (lambda text: re.sub(r'lastmodified: "....', 'lastmodified: "1999', text), "was changed"),
    "no age": (lambda text: text.replace("    age:", "    pgp:"), "has no age recipient"),
    "key groups": (lambda text: text.replace("sops:\n", "sops:\n    key_groups: [1]\n"), "uses key_groups of SOPS"),
    "no sops": (lambda text: text.replace("sops:", "spos:"), "is not encrypted with SOPS"),
    "a bad rule": (
        lambda text: text.replace("unencrypted_suffix: _unencrypted", 'encrypted_regex: "("'),
        "is not a regular expression",
    ),
}


@pytest.mark.programs("sops")
@pytest.mark.parametrize("how", TAMPERED)
def test_a_sops_file_that_was_changed_is_refused(how, sops, opened, tmp_path):
    change, why = TAMPERED[how]
    sops(tmp_path / "s.yaml", CLEAR)
    text = (tmp_path / "s.yaml").read_text()
    assert change(text) != text
    (tmp_path / "s.yaml").write_text(change(text))
    told = reason("ref+sops://s.yaml#/db/password", tmp_path)
    assert why in told
    assert "canary" not in told


# --- vault ---

KV = {
    "kv1/app": {"word": CANARY, "n": 1},
    "team/kv2/data/app": {"data": {"word": CANARY, "in": {"side": "deep"}}, "metadata": {"version": 3}},
    "kv1/a%20b%3Fc": {"word": "odd name"},
    "cubbyhole/odd": ["no mapping"],
}
MOUNTS = {"kv1": ("kv1/", None), "team/kv2": ("team/kv2/", {"version": "2"}), "cubbyhole": ("cubbyhole/", None)}


class Vault(http.server.BaseHTTPRequestHandler):
    """The part of Vault's HTTP API that reading a KV secret takes (https://developer.hashicorp.com/vault/api-docs/secret/kv)."""

    def do_GET(self):
        path = self.path.removeprefix("/v1/")
        if self.headers["X-Vault-Token"] != "root":
            self._answer(403, {"errors": [f"permission denied {CANARY}"]})
        elif path.startswith("sys/internal/ui/mounts/"):
            rest = path.removeprefix("sys/internal/ui/mounts/")
            mount = next((mount for name, mount in MOUNTS.items() if rest.startswith(f"{name}/")), None)
            if rest.startswith("silent/"):
                self._answer(200, {"data": None})
            elif mount is None:
                self._answer(403, {"errors": ["preflight capability check returned 403"]})
            else:
                self._answer(200, {"data": {"path": mount[0], "type": "kv", "options": mount[1]}})
        elif path in KV:
            self._answer(200, {"data": KV[path]})
        else:
            self._answer(500 if "broken" in path else 404, {"errors": []})

    def _answer(self, code, data):
        body = json.dumps(data).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    pytest.importorskip("hvac", reason="hvac is not installed: run `make setup`")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Vault) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()


@pytest.fixture
def vault(server, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("VAULT_ADDR", server)
    monkeypatch.setenv("VAULT_TOKEN", "root")
    return server


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("ref+vault://kv1/app#word", CANARY),
        ("ref+vault://kv1/app#n", "1"),
        ("ref+vault://team/kv2/app#word", CANARY),
        ("ref+vault://team/kv2/app#/in/side", "deep"),
        ("ref+vault://kv1/app?kv=1#word", CANARY),
        ("ref+vault://kv1/a%20b%3Fc#word", "odd name"),
    ],
)
def test_vault(text, wanted, vault, tmp_path):
    assert providers.resolve(text, ProjectFiles(tmp_path)) == wanted


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ref+vault://kv1/none#word", "Vault has no secret at kv1/none, or it was deleted"),
        ("ref+vault://kv1/app#wort", "there is no value at `/wort`"),
        ("ref+vault://nomount/app#word", "Vault rejects the token, or its policies do not allow this path"),
        ("ref+vault://silent/app#word", "Vault does not report the version of this engine"),
        ("ref+vault://cubbyhole/odd#word", "Vault answered without data for cubbyhole/odd"),
        ("ref+vault://kv1/broken#word", "Vault answered with an error (InternalServerError)"),
    ],
)
def test_a_vault_that_gives_no_secret(text, why, vault, tmp_path):
    assert reason(text, tmp_path) == why


def test_a_vault_that_does_not_know_us(vault, tmp_path, monkeypatch):
    monkeypatch.setenv("VAULT_TOKEN", "wrong")
    assert "rejects the token" in reason("ref+vault://kv1/app#word", tmp_path)
    monkeypatch.delenv("VAULT_TOKEN")
    assert reason("ref+vault://kv1/app#word", tmp_path) == "there is no Vault token"
    monkeypatch.setenv("VAULT_TOKEN", "root")
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:1")
    assert reason("ref+vault://kv1/app#word", tmp_path) == "Vault cannot be reached at VAULT_ADDR (ConnectionError)"
    monkeypatch.delenv("VAULT_ADDR")
    assert reason("ref+vault://kv1/app#word", tmp_path) == "VAULT_ADDR is not set"


@pytest.mark.parametrize(("text", "package"), [("ref+age://s.age#/a", "pyrage"), ("ref+vault://a/b#c", "hvac")])
def test_a_package_that_is_missing_is_named_with_how_to_install_it(text, package, tmp_path, monkeypatch):
    (tmp_path / "s.age").write_text("x")
    monkeypatch.setenv("WEFT_AGE_IDENTITY", "x")
    monkeypatch.setitem(sys.modules, package, None)
    assert reason(text, tmp_path) == f"the package {package} is not installed"
    assert hint(text, tmp_path).startswith(f"in the environment of Weft, run `pip install '{package}>=")


# --- config --reveal, secrets check ---

FORMATS = ("yaml", "json", "env", "export", "properties")


@pytest.mark.parametrize("form", FORMATS)
def test_reveal_prints_the_secrets_in_every_format_and_says_so(form, tmp_path):
    project(tmp_path, "ref+env://WEFT_TEST_A")
    result = run("config", "default", "--format", form, "--reveal", cwd=tmp_path, env={"WEFT_TEST_A": CANARY})
    assert result.code == 0
    assert CANARY in result.out
    assert "ref+" not in result.out
    assert "prints secrets in plain text" in result.err
    assert CANARY not in result.err
    result = run("config", "default", "--format", form, cwd=tmp_path, env={"WEFT_TEST_A": CANARY})
    assert CANARY not in result.out + result.err


def test_reveal_takes_a_part_and_only_its_references(tmp_path):
    base = "app: {secret: 'ref+env://WEFT_TEST_A', other: 'ref+env://WEFT_ABSENT'}"
    project(tmp_path, "x", **{"base.yaml": base})
    result = run("config", "default", "app.secret", "--reveal", cwd=tmp_path, env={"WEFT_TEST_A": CANARY})
    assert (result.code, result.out) == (0, f'"{CANARY}"\n')


def test_reveal_prints_nothing_when_a_reference_fails_and_tells_all_of_them(tmp_path):
    base = (
        "app:\n  secret: ref+env://WEFT_TEST_A\n  other: ref+env://WEFT_ABSENT\n  keys: [ref+file://none, ref+x://y]\n"
    )
    project(tmp_path, "x", **{"base.yaml": base})
    result = run("config", "default", "--reveal", cwd=tmp_path, env={"WEFT_TEST_A": CANARY})
    assert (result.code, result.out) == (1, "")
    for line in (
        "app.other: the environment variable WEFT_ABSENT is not set",
        "base.yaml:3:10",
        "app.keys[0]: none: no such file or directory",
        "base.yaml:4:10",
        "app.keys[1]: there is no provider for the scheme `x`",
    ):
        assert line in result.err
    assert CANARY not in result.err


def test_reveal_prints_nothing_of_a_target_with_problems(tmp_path):
    project(tmp_path, "x", **{"base.yaml": "app: {secret: 'ref+env://WEFT_TEST_A', name: 5}"})
    result = run("config", "default", "--reveal", cwd=tmp_path, env={"WEFT_TEST_A": CANARY})
    assert (result.code, result.out) == (1, "")


def test_check_says_which_references_resolve(tmp_path):
    base = "app:\n  secret: ref+env://WEFT_TEST_A\n  other: ref+env://WEFT_TEST_A\n  keys: [ref+file://none]\n"
    project(tmp_path, "x", **{"base.yaml": base})
    env = {"WEFT_TEST_A": CANARY}
    result = run("secrets", "check", cwd=tmp_path, env=env)
    assert result.code == 1
    assert result.out == (
        "ok      ref+env://WEFT_TEST_A  (app.secret and 1 more)\nfailed  ref+file://none  (app.keys[0])\n"
    )
    assert "base.yaml:4:10" in result.err
    assert "1 of 2 references resolve" in result.err
    data = json.loads(run("secrets", "check", "default", "--format", "json", cwd=tmp_path, env=env).out)
    assert data["references"] == [
        {
            "reference": "ref+env://WEFT_TEST_A",
            "resolves": True,
            "reason": None,
            "settings": ["app.secret", "app.other"],
            "targets": ["default"],
        },
        {
            "reference": "ref+file://none",
            "resolves": False,
            "reason": "none: no such file or directory",
            "settings": ["app.keys[0]"],
            "targets": ["default"],
        },
    ]
    assert [(p["code"], p["line"]) for p in data["problems"]] == [("unresolved-reference", 4)]
    (tmp_path / "none").write_text(CANARY)
    result = run("secrets", "check", cwd=tmp_path, env=env)
    assert (result.code, result.err) == (0, "2 of 2 references resolve\n")


def test_check_tells_a_reference_of_a_wrong_form_once(tmp_path):
    project(tmp_path, "ref+vualt://a/b#c")
    result = run("secrets", "check", cwd=tmp_path)
    assert result.code == 1
    assert result.err.count("there is no provider for the scheme") == 1
    assert "did you mean `vault`?" in result.err


def test_check_fails_where_a_literal_stands(tmp_path):
    project(tmp_path, CANARY)
    result = run("secrets", "check", cwd=tmp_path)
    assert result.code == 1
    assert "literal-secret" in result.err
    assert CANARY not in result.out + result.err


# --- canaries: secrets behind every provider come out of `--reveal` and of nothing else ---

COMMANDS = {
    "config": [["config", "production/acme"]],
    "diff": [["diff", "local", "production"]],
    "explain": [["explain", "local", SENSITIVE[0][0]], ["explain", "local", "--all"]],
    "policy report": [["policy", "report", "production"]],
    "render": [["render", "local", "-o", "build"]],
    "schema": [["schema", "overlay", "-o", "-"]],
    "secrets check": [["secrets", "check", "local"]],
    "secrets scan": [["secrets", "scan", "--schema-only", "overlays"]],
    "targets": [["targets"]],
    "validate": [["validate", "local", "--strict"]],
}


def canary(number):
    return f"canary-{number}-zebra"


def every_call():
    """The commands above, in every format that they have."""
    for name, calls in COMMANDS.items():
        command = cli
        for word in name.split():
            command = command.get_command(None, word)
        option = next((param for param in command.params if "--format" in param.opts), None)
        for call in calls:
            yield from ([*call, "--format", form] for form in option.type.choices) if option else [call]


@pytest.fixture(params=["without sops", pytest.param("with sops", marks=pytest.mark.programs("sops"))])
def planted(request, identity, server, opened, tmp_path, monkeypatch):
    """The reference project with a canary behind every sensitive setting, each provider in turn."""
    home = tmp_path / "project"
    home.mkdir()
    names = {f"n{number}": canary(number) for number in range(len(SENSITIVE))}
    references = []
    for number in range(len(SENSITIVE)):
        references.append(
            [
                f"ref+env://CANARY_{number}",
                f"ref+file://kept/all.yaml#/n{number}",
                f"ref+age://kept/all.yaml.age#/n{number}",
                f"ref+vault://kv1/canaries#n{number}",
                *([f"ref+sops://kept/sops.yaml#/n{number}"] if request.param == "with sops" else []),
            ][number % (5 if request.param == "with sops" else 4)]
        )
        monkeypatch.setenv(f"CANARY_{number}", canary(number))
    plant(home, references.__getitem__)
    (home / "kept").mkdir()
    (home / "kept/all.yaml").write_text(json.dumps(names))
    age_file(home / "kept/all.yaml.age", names, identity)
    if request.param == "with sops":
        request.getfixturevalue("sops")(home / "kept/sops.yaml", json.dumps(names))
    monkeypatch.setitem(KV, "kv1/canaries", names)
    for name, value in {"VAULT_ADDR": server, "VAULT_TOKEN": "root", "HOME": str(tmp_path / "home")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return home


def leaks(folder, results):
    """Where a canary appears that should be nowhere."""
    told = [result.args for result in results if "-zebra" in result.told]
    kept = folder / "project/kept/all.yaml"
    files = [path for path in folder.rglob("*") if path.is_file() and path != kept and b"-zebra" in path.read_bytes()]
    return told, files


@dataclass
class Told:
    args: list
    code: int
    told: str


def call(args, folder):
    result = run(*args, cwd=folder, env={"WEFT_TRACEBACK": None})
    return Told(args, result.code, result.out + result.err)


def test_reveal_shows_every_canary(planted):
    for form in ("yaml", "json"):
        result = run("config", "production/acme", "--reveal", "--format", form, cwd=planted)
        assert result.code == 0
        assert {canary(number) for number in range(len(SENSITIVE))} == set(re.findall(r"canary-\d+-zebra", result.out))
        assert "-zebra" not in result.err


@pytest.mark.soak(few=3)
@pytest.mark.parametrize("args", list(every_call()), ids=" ".join)
def test_no_command_shows_a_canary(args, planted, tmp_path):
    result = call(args, planted)
    in_a_store = (planted / "kept/sops.yaml").exists()  # one provider more moves the key that a policy wants there
    finds = args[0] == "diff" or (args[0] == "policy" and not in_a_store)
    assert result.code == (1 if finds else 0)
    assert leaks(tmp_path, [result]) == ([], [])


def test_no_failure_shows_a_canary(planted, tmp_path, monkeypatch):
    monkeypatch.setitem(KV, "kv1/canaries", {"n0": canary(0)})
    monkeypatch.delenv("CANARY_0")
    if (planted / "kept/sops.yaml").exists():
        text = (planted / "kept/sops.yaml").read_text()
        (planted / "kept/sops.yaml").write_text(_swap_first_two(text))
    age_file(planted / "kept/all.yaml.age", [canary(1)], opened_by())
    template = next((planted / "templates").rglob("*.env.j2"))
    template.write_text(template.read_text() + "{{ (0 // 0) }}{{ self }}\n")
    calls = [["render", "local"], ["validate", "local"], ["config", "local"], ["config", "local", "--reveal"]]
    calls += [["config", "local", "--reveal", "--format", "env"], ["secrets", "check", "local", "--format", "json"]]
    results = [call(args, planted) for args in calls]
    assert {tuple(result.args[:2]) for result in results if result.code} >= {
        ("render", "local"),
        ("secrets", "check"),
        ("config", "local"),
    }
    assert leaks(tmp_path, results) == ([], [])


def test_a_provider_that_crashes_with_the_secret_in_its_hands_shows_nothing(planted, tmp_path, monkeypatch):
    def crash(reference, folder):
        raise RuntimeError(os.environ["CANARY_0"])

    monkeypatch.setattr("weft.secrets.providers.env.resolve", crash)
    results = [call(["config", "local", "--reveal"], planted), call(["secrets", "check", "local"], planted)]
    assert {result.code for result in results} == {3}
    assert all("internal error: RuntimeError" in result.told for result in results)
    assert leaks(tmp_path, results) == ([], [])


def opened_by():
    """An identity that nobody here has."""
    import pyrage

    return pyrage.x25519.Identity.generate()


def _swap_first_two(text):
    first, second = re.findall(r"ENC\[[^\]]*\]", text)[:2]
    return text.replace(first, "\0").replace(second, first).replace("\0", second)


def test_a_package_that_many_settings_need_is_reported_once(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "hvac", None)
    names = [f"word{number}" for number in range(40)]
    schema = {"properties": {name: {"type": "string", "x-sensitive": True} for name in names}}
    base = "".join(f"{name}: ref+vault://a/{name}#c\n" for name in names)
    make_project(tmp_path, {"schema.json": schema, "base.yaml": base})
    data = json.loads(run("secrets", "check", "--format", "json", cwd=tmp_path).out)
    (problem,) = data["problems"]
    assert problem["message"] == "word0, word1 and 38 more: the package hvac is not installed"
    assert (problem["path"], problem["line"], problem["targets"]) == ("/word0", 1, ["default"])


def test_few_settings_that_fail_for_one_reason_are_reported_each(tmp_path, monkeypatch):
    monkeypatch.delenv("VAULT_ADDR", raising=False)
    pytest.importorskip("hvac", reason="hvac is not installed: run `make setup`")
    schema = {"properties": {name: {"type": "string", "x-sensitive": True} for name in ("a", "b")}}
    make_project(tmp_path, {"schema.json": schema, "base.yaml": "a: ref+vault://a/x#c\nb: ref+vault://a/y#c\n"})
    data = json.loads(run("secrets", "check", "--format", "json", cwd=tmp_path).out)
    assert [problem["path"] for problem in data["problems"]] == ["/a", "/b"]
