"""What a kubeconfig says is done: which server is asked, how it proves who it is, and how the user does. No API server is needed for that."""

import base64
import contextlib
import http.server
import json
import select
import shlex
import socket
import ssl
import stat
import sys
import threading
from urllib.parse import urlsplit

import pytest
import yaml
from cryptography.hazmat.primitives import serialization

from authority import Authority
from weft.base.problems import CannotRun, UsageError
from weft.cluster.client import Resource, connect
from weft.cluster.kubeconfig import Entry
from weft.cluster.transport import _proxy

HOST = "127.0.0.1"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with what it was asked; without the token that the server expects, or where `moved` says, as an API server would."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        said = [value for name, value in self.headers.items() if name == "Authorization"]
        self.server.seen.append(self.headers)
        status = 401 if self.server.token and said != [f"Bearer {self.server.token}"] else self.server.status
        peer = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
        name = dict(pair[0] for pair in peer["subject"])["commonName"] if peer else None
        status = 401 if name and name == self.server.refused else status
        body = self.server.body or json.dumps({"path": self.path, "user": name}).encode()
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        if self.server.after is not None:
            self.send_header("Retry-After", self.server.after)
        if self.server.warning is not None:
            self.send_header("Warning", self.server.warning.encode().decode("latin-1"))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    token = refused = body = after = warning = None
    status = 200

    def handle_error(self, *_):
        pass

    def process_request(self, request, client_address):
        self.connections.append(request)
        super().process_request(request, client_address)

    @property
    def address(self):
        return f"https://{HOST}:{self.server_port}"


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def server(authority, tmp_path):
    """A server for HTTPS that asks for a certificate of the user and does not insist; its own is for 127.0.0.1 and api.example."""
    (tmp_path / "server.pem").write_bytes(b"".join(authority.issue(HOST, "api.example")))
    (tmp_path / "ca.crt").write_bytes(authority.certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(tmp_path / "ca.crt")
    started = Server((HOST, 0), Handler)
    started.socket = context.wrap_socket(started.socket, server_side=True, do_handshake_on_connect=False)
    started.seen, started.connections = [], []
    threading.Thread(target=started.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield started
    started.shutdown()
    started.server_close()


@pytest.fixture
def config(tmp_path, server):
    """Writes a kubeconfig whose one context `here` names this user; more of the cluster, and more keys, can be stated."""

    def write(user=None, *, name="config", cluster=None, **more):
        about = {"server": server.address, "certificate-authority": "ca.crt", **(cluster or {})}
        data = {
            "current-context": "here",
            "clusters": [{"name": "c", "cluster": {key: value for key, value in about.items() if value is not None}}],
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": user or {}}],
            **more,
        }
        path = tmp_path / name
        path.write_text(yaml.safe_dump(data))
        return path

    return write


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@contextlib.contextmanager
def connected(*files, context=None):
    """A client for these kubeconfigs."""
    client = connect(context, kubeconfig=":".join(map(str, files)) or None)
    with contextlib.closing(client):
        yield client


def ask(*files, context=None, path="/version"):
    """The answer to a request as a user of these kubeconfigs."""
    with connected(*files, context=context) as client:
        return client.get(path)


def program(folder, text, name="login"):
    """A program in Python."""
    path = folder / name
    inner = folder / f"{name}.py"
    inner.write_text(f"import json, os, sys\n{text}\n")
    path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(inner))} "$@"\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def with_user(address):
    """An address with a user and a password."""
    return address.replace("//", "//u:canary@")


def encoded(content):
    return base64.b64encode(content).decode()


def test_paths_start_at_the_kubeconfig(config, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert ask(config()) == {"path": "/version", "user": None}


def test_what_is_written_in_base64_goes_before_files(config, authority, server):
    certificate, key = authority.issue("anna")
    user = {"client-certificate-data": encoded(certificate), "client-key-data": encoded(key), "client-key": "missing"}
    cluster = {"certificate-authority-data": encoded(authority.certificate), "certificate-authority": "missing"}
    assert ask(config(user, cluster=cluster))["user"] == "anna"


def test_a_certificate_may_be_in_files(config, authority, tmp_path):
    certificate, key = authority.issue("anna")
    (tmp_path / "anna.crt").write_bytes(certificate)
    (tmp_path / "anna.key").write_bytes(key)
    assert ask(config({"client-certificate": "anna.crt", "client-key": "anna.key"}))["user"] == "anna"


def test_a_server_of_another_authority_is_not_asked(config, server):
    with pytest.raises(CannotRun, match="its certificate is not trusted"):
        ask(config({"token": "canary"}, cluster={"certificate-authority-data": encoded(Authority().certificate)}))
    assert server.seen == []


def test_a_server_of_another_authority_is_asked_if_the_kubeconfig_says_so(config):
    other = {"certificate-authority": None, "insecure-skip-tls-verify": True}
    assert ask(config(cluster=other))["path"] == "/version"


@pytest.mark.parametrize(("name", "asks"), [("api.example", True), ("other.example", False)])
def test_the_name_in_the_servers_certificate_can_be_stated(config, server, name, asks):
    path = config(cluster={"tls-server-name": name})
    if asks:
        assert ask(path)["path"] == "/version"
    else:
        with pytest.raises(CannotRun, match=r"other\.example"):
            ask(path)


def test_the_path_of_a_server_comes_first(config, server):
    assert ask(config(cluster={"server": f"{server.address}/k8s/clusters/c-1/"}))["path"] == "/k8s/clusters/c-1/version"


def test_files_are_read_as_one(config, server):
    first = config(
        name="first", clusters=[], users=[], contexts=[{"name": "there", "context": {"cluster": "c", "user": "u"}}]
    )
    second = config({"token": "of the second"}, name="second", users=[{"name": "u", "user": {"token": "second"}}])
    third = config(name="third", users=[{"name": "u", "user": {"token": "third"}}])
    ask(first, second, third, context="there")
    assert server.seen[0]["Authorization"] == "Bearer second"


def test_the_first_current_context_is_current(config, server):
    context = {"cluster": "c", "user": "u"}
    first = config(
        name="first", contexts=[{"name": "a", "context": {**context, "namespace": "one"}}], **{"current-context": "a"}
    )
    second = config(name="second")
    with connected(first, second) as client:
        assert (client.context, client.namespace) == ("a", "one")


def test_a_password_is_sent(config, server):
    word = "with:a-colon"
    ask(config({"username": "anna", "password": word}))
    assert base64.b64decode(server.seen[0]["Authorization"].removeprefix("Basic ")).decode() == f"anna:{word}"


def test_a_user_can_act_as_another_one(config, server):
    extra = {"Scopes": ["x", "z"], "example.com/x": ["1"]}
    user = {"token": "t", "as": "bob", "as-uid": "7", "as-groups": ["a", "b"], "as-user-extra": extra}
    ask(config(user))
    headers = server.seen[0]
    assert (headers["Impersonate-User"], headers["Impersonate-Uid"]) == ("bob", "7")
    assert headers.get_all("Impersonate-Group") == ["a", "b"]
    assert headers.get_all("Impersonate-Extra-scopes") == ["x", "z"]
    assert headers["Impersonate-Extra-example.com%2fx"] == "1"


def test_a_file_with_a_token_is_read_again_when_the_token_has_ended(config, server, tmp_path):
    (tmp_path / "token").write_text("old\n")
    with connected(config({"tokenFile": "token", "token": "other"})) as client:
        server.token = "old"
        client.get("/version")
        (tmp_path / "token").write_text("new\n")
        server.token = "new"
        assert client.get("/version")["path"] == "/version"
    assert [one["Authorization"] for one in server.seen] == ["Bearer old", "Bearer old", "Bearer new"]


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_a_program_is_asked_for_a_token_and_again_when_it_has_ended(config, server, tmp_path, version):
    given = tmp_path / "token"
    given.write_text("one")
    program(
        tmp_path,
        f"print(json.dumps({{'status': {{'token': open({str(given)!r}).read()}}}}))\n"
        f"open({str(tmp_path / 'asked')!r}, 'a').write(json.dumps([sys.argv[1:], os.environ['MORE'], json.loads(os.environ['KUBERNETES_EXEC_INFO'])]) + '\\n')",
    )
    api = f"client.authentication.k8s.io/{version}"
    spec = {"apiVersion": api, "command": "./login", "args": ["--now"], "env": [{"name": "MORE", "value": "x"}]}
    with connected(config({"exec": spec})) as client:
        server.token = "one"
        client.get("/version")
        client.get("/version")
        given.write_text("two")
        server.token = "two"
        client.each(client.get, ["/version"] * 8)
    asked = [json.loads(line) for line in (tmp_path / "asked").read_text().splitlines()]
    info = {"apiVersion": api, "kind": "ExecCredential", "spec": {"interactive": False}}
    assert asked == [[["--now"], "x", info]] * 2  # eight requests that are refused together ask once


def test_a_program_may_know_the_cluster_and_give_a_certificate(config, server, authority, tmp_path):
    certificate, key = authority.issue("anna")
    status = {"clientCertificateData": certificate.decode(), "clientKeyData": key.decode()}
    program(
        tmp_path,
        f"cluster = json.loads(os.environ['KUBERNETES_EXEC_INFO'])['spec']['cluster']\n"
        f"assert (cluster['server'], cluster['config']) == ({server.address!r}, {{'a': 1}}), cluster\n"
        f"assert cluster['certificate-authority-data']\n"
        f"print(json.dumps({{'status': {status!r}}}))",
    )
    spec = {"apiVersion": "client.authentication.k8s.io/v1", "command": "./login", "provideClusterInfo": True}
    extensions = [{"name": "client.authentication.k8s.io/exec", "extension": {"a": 1}}]
    assert ask(config({"exec": spec}, cluster={"extensions": extensions}))["user"] == "anna"


def test_a_connection_is_used_again_unless_the_server_has_ended_it(config, server):
    with connected(config()) as client:
        client.get("/version")
        client.get("/version")
        assert len(server.connections) == 1
        server.connections[0].shutdown(socket.SHUT_RDWR)
        client.get("/version")
    assert len(server.connections) == 2


def test_the_name_of_an_object_stays_in_its_place(config, server):
    resource = Resource("", "v1", "ConfigMap", "configmaps", namespaced=True)
    assert (
        ask(config(), path=resource.path("shop", "../a b%?#"))["path"]
        == "/api/v1/namespaces/shop/configmaps/..%2Fa%20b%25%3F%23"
    )


def test_a_connection_that_was_idle_for_long_is_not_used_again(config, server, monkeypatch):
    monkeypatch.setattr("weft.cluster.transport._IDLE_SECONDS", 0.0)
    with connected(config()) as client:
        client.get("/version")
        client.get("/version")
    assert len(server.connections) == 2


@pytest.mark.parametrize(("after", "pause"), [(None, 0.4), ("3", 3), ("-5", 0.4), ("nan", 0.4), ("soon", 0.4)])
def test_a_busy_server_is_asked_again_after_a_pause(config, server, after, pause):
    pauses = []

    def wait(seconds):
        pauses.append(seconds)
        server.status = 200

    server.status, server.after = 503, after
    with connected(config()) as client:
        client._sleep = wait
        assert client.get("/version")["path"] == "/version"
    assert pauses == [pause]


def test_a_warning_may_have_any_letters(config, server):
    server.warning = '299 - "größer \\"als\\""'
    with connected(config()) as client:
        assert client.request("GET", "/version").warnings == ('größer "als"',)


@pytest.mark.parametrize("status", [200, 302])
def test_what_is_not_an_api_server_is_named(config, server, status):
    server.status, server.body = status, b"<html>"
    with pytest.raises(CannotRun, match="does not answer as an API server does"):
        ask(config())


def test_events_come_line_by_line_and_a_line_that_is_cut_is_none(config, server):
    server.body = b'{"type": "ADDED"}\n\n{"type": "DELETED"}\n{"type": "MO'
    with connected(config()) as client:
        assert [event["type"] for event in client.watch("/api/v1/pods")] == ["ADDED", "DELETED"]


def test_a_watch_has_new_credentials_too(config, server, tmp_path):
    (tmp_path / "token").write_text("old\n")
    with connected(config({"tokenFile": "token"})) as client:
        client.get("/version")
        (tmp_path / "token").write_text("new\n")
        server.token, server.body = "new", b'{"type": "ADDED"}\n'
        assert len(list(client.watch("/api/v1/pods"))) == 1


def test_a_certificate_that_has_ended_is_given_again(config, server, authority, tmp_path):
    for number in range(2):
        (tmp_path / f"{number}.json").write_text(json.dumps({"status": dict(zip(
            ("clientCertificateData", "clientKeyData"), (part.decode() for part in authority.issue(f"anna-{number}")), strict=True
        ))}))  # fmt: skip
    program(
        tmp_path,
        f"import pathlib\nhere = pathlib.Path({str(tmp_path)!r})\nprint((here / '0.json').read_text())\n(here / '1.json').exists() and (here / '1.json').rename(here / '0.json')",
    )
    with connected(config({"exec": LOGIN})) as client:
        assert client.get("/version")["user"] == "anna-0"
        server.refused = "anna-0"
        assert client.get("/version")["user"] == "anna-1"


def test_an_address_of_version_6_needs_no_port(config):
    with pytest.raises(CannotRun, match=r"refused|unreachable|cannot assign"):
        ask(config(cluster={"server": "http://[::1]", "certificate-authority": None}))


def test_nobody_is_followed_to_another_address(config, server):
    server.status = 302
    with pytest.raises(CannotRun):
        ask(config({"token": "canary"}))
    assert len(server.seen) == 1


class Proxy(threading.Thread):
    """Lets requests for a connection through, and counts them."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.create_server((HOST, 0))
        self.address = f"http://{HOST}:{self.socket.getsockname()[1]}"
        self.asked = []

    def run(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            head = client.makefile("rb", buffering=0)
            name = head.readline().split()[1].decode()
            while head.readline().strip():
                pass
            self.asked.append(name)
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            other = socket.create_connection(name.rsplit(":", 1))
            threading.Thread(target=self._pass, args=(client, other), daemon=True).start()

    @staticmethod
    def _pass(client, other):
        while True:
            for ready in select.select([client, other], [], [])[0]:
                data = ready.recv(65536)
                if not data:
                    client.close()
                    other.close()
                    return
                (other if ready is client else client).sendall(data)


@pytest.fixture
def proxy():
    started = Proxy()
    started.start()
    yield started
    started.socket.close()


def test_the_proxy_of_the_kubeconfig_is_asked(config, server, proxy):
    assert ask(config(cluster={"proxy-url": proxy.address}))["path"] == "/version"
    assert proxy.asked == [server.address.removeprefix("https://")]


def test_a_proxy_that_does_not_answer_is_named_without_its_password(config):
    with pytest.raises(CannotRun, match=r"refused, through the proxy 127\.0\.0\.1:1"):
        ask(config(cluster={"proxy-url": with_user("http://127.0.0.1:1")}))


def test_somebody_whom_the_server_does_not_know_is_told_so(config, server):
    server.status = 403
    server.body = b'{"message": "forbidden: User \\"system:anonymous\\" cannot get path", "reason": "Forbidden"}'
    with pytest.raises(CannotRun, match="does not know who asks"):
        ask(config())


def test_what_a_login_program_says_to_people_reaches_them(config, tmp_path, capfd):
    program(tmp_path, "print('open this page', file=sys.stderr); print(json.dumps({'status': {'token': 't'}}))")
    ask(config({"exec": LOGIN}))
    assert "open this page" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("server", "excepted", "asked"),
    [
        ("https://api.example", "", True),
        ("https://api.example", "api.example", False),
        ("https://10.1.2.3:6443", "10.2.0.0/16, api.example", True),
        ("https://10.1.2.3:6443", "api.example, 10.1.0.0/16", False),
        ("https://127.0.0.1:6443", "", False),
        ("https://localhost", "", False),
        ("http://10.1.2.3", "", False),
    ],
)
def test_the_proxy_of_the_environment_is_for_servers_that_it_does_not_except(server, excepted, asked, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", excepted)
    found = _proxy(Entry("c", {}), urlsplit(server))
    assert (found is not None and found.hostname == "proxy.example") is asked


def test_without_a_kubeconfig_there_must_be_a_service_account(monkeypatch, tmp_path):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(CannotRun, match="this is not a pod with a service account"):
        connect(None)


def test_the_service_account_of_a_pod_is_used(server, tmp_path, monkeypatch):
    for name, text in {"token": "of the pod\n", "namespace": "shop\n"}.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", HOST)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.server_port))
    monkeypatch.setattr("weft.cluster.kubeconfig._SERVICE_ACCOUNT", tmp_path)
    with connected() as client:
        client.get("/version")
    assert (client.namespace, server.seen[0]["Authorization"]) == ("shop", "Bearer of the pod")


LOGIN = {"apiVersion": "client.authentication.k8s.io/v1", "command": "./login"}
MISTAKES = {
    "not-yaml": ("a: 1\nb: [", "FILE:3 is not YAML"),
    "a-list": ("[1]", "is not a kubeconfig"),
    "contexts-no-list": ({"contexts": {"a": 1}}, "`contexts` of `FILE` must be a list of objects"),
    "user-no-object": ({"users": [{"name": "u", "user": "canary"}]}, "each of `users` in FILE must have a `name` and an object `user`"),
    "user-no-name": ({"users": [{"user": {}}]}, "each of `users` in FILE must have a `name` and an object `user`"),
    "current-no-text": ({"current-context": ["canary"]}, "`current-context` of `FILE` must be a text"),
    "no-such-cluster": ({"clusters": []}, "the context `here` names the cluster `c`, which is missing"),
    "no-such-user": ({"users": None}, "the context `here` names the user `u`, which is missing"),
    "no-server": ({"cluster": {"server": None}}, "`server` of the cluster `c` must be an address that begins with https:// or http://"),
    "server-no-url": ({"cluster": {"server": "host:6443"}}, "`server` of the cluster `c` must be an address"),
    "server-no-host": ({"cluster": {"server": "https:///x"}}, "`server` of the cluster `c` must be an address"),
    "server-bad-port": ({"cluster": {"server": "https://canary:x"}}, "`server` of the cluster `c` must be an address"),
    "server-with-user": ({"cluster": {"server": with_user("https://127.0.0.1:1")}}, "`server` of the cluster `c` must not contain a user"),
    "insecure-text": ({"cluster": {"insecure-skip-tls-verify": "false"}}, "`insecure-skip-tls-verify` of `c` must be true or false"),
    "insecure-and-secure": ({"cluster": {"insecure-skip-tls-verify": True}}, "leave out one of them"),
    "groups-a-text": ({"user": {"as-groups": "canary"}}, "`as-groups` of `u` must be a list of texts"),
    "extra-a-list": ({"user": {"as-user-extra": ["canary"]}}, "`as-user-extra` of `u` must be an object"),
    "extra-of-texts": ({"user": {"as-user-extra": {"a": "canary"}}}, "`a` of `u` must be a list of texts"),
    "token-file-empty": ({"user": {"tokenFile": "empty"}}, "there is no token in"),
    "token-file-binary": ({"user": {"tokenFile": "binary"}}, "there is no token in"),
    "token-no-text": ({"user": {"token": 4711}}, "`token` of `u` must be a text"),
    "no-base64": ({"cluster": {"certificate-authority-data": "canary!"}}, "`certificate-authority-data` of `c` is not base64 of PEM"),
    "no-pem": ({"cluster": {"certificate-authority-data": encoded(b"canary")}}, "the kubeconfig cannot be used"),
    "binary-ca": ({"cluster": {"certificate-authority": "binary"}}, "binary is not PEM"),
    "no-key": ({"user": {"client-certificate": "ca.crt"}}, "the user `u` needs both `client-certificate` and `client-key`"),
    "no-file": ({"user": {"tokenFile": "nowhere"}}, "nowhere, cannot be read: No such file or directory"),
    "no-ca-file": ({"cluster": {"certificate-authority": "nowhere"}}, "nowhere, the `certificate-authority` of `c`, cannot be read"),
    "pem-of-nothing": ({"user": {"client-certificate-data": encoded(b"canary"), "client-key-data": encoded(b"canary")}}, "cannot be used: they are not PEM"),
    "token-of-two-lines": ({"user": {"token": "canary\ncanary"}}, "what the user `u` sends as Authorization has characters"),
    "auth-provider": ({"user": {"auth-provider": {"name": "oidc"}}}, "its successor is `exec`"),
    "socks": ({"cluster": {"proxy-url": with_user("socks5://127.0.0.1:1")}}, "`proxy-url` of the cluster `c` must be an address that begins with http://"),
    "proxy-without-host": ({"cluster": {"proxy-url": with_user("http://")}}, "`proxy-url` of the cluster `c` must be an address"),
    "proxy-for-http": ({"cluster": {"server": "http://127.0.0.1:1", "proxy-url": "http://p:1"}}, "is for servers with https:// only"),
    "exec-old": ({"user": {"exec": {**LOGIN, "apiVersion": "client.authentication.k8s.io/v1alpha1"}}}, "needs the `apiVersion`"),
    "exec-asks": ({"user": {"exec": {**LOGIN, "interactiveMode": "Always"}}}, "needs a terminal"),
    "exec-no-command": ({"user": {"exec": {**LOGIN, "command": None}}}, "has no `command`"),
    "exec-args": ({"user": {"exec": {**LOGIN, "args": "canary"}}}, "`args` of `u` must be a list of texts"),
    "exec-env": ({"user": {"exec": {**LOGIN, "env": ["A=canary"]}}}, "`env` of `u` must be a list of objects"),
    "exec-extensions": ({"user": {"exec": {**LOGIN, "provideClusterInfo": True}}, "cluster": {"extensions": 5}}, "`extensions` of `c`"),
    "exec-missing": ({"user": {"exec": {**LOGIN, "command": "weft-login", "installHint": "get it"}}}, "there is no program weft-login; get it"),
    "exec-fails": ({"user": {"exec": LOGIN}, "program": "print('canary'); sys.exit(4)"}, "the program ./login ended with 4"),
    "exec-no-json": ({"user": {"exec": LOGIN}, "program": "print('canary')"}, "the program ./login gives no credential"),
    "exec-no-token": ({"user": {"exec": LOGIN}, "program": "print('{\"status\": {}}')"}, "the program ./login gives no token"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_what_is_wrong_is_named_and_no_secret_is_shown(config, tmp_path, name):
    wrong, message = MISTAKES[name]
    path = tmp_path / "config"
    if isinstance(wrong, str):
        path.write_text(wrong)
    else:
        more = {key: value for key, value in wrong.items() if key not in ("user", "cluster", "program")}
        config(wrong.get("user"), cluster=wrong.get("cluster"), **more)
        program(tmp_path, wrong.get("program", ""))
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(CannotRun) as caught:
        ask(path)
    (problem,) = caught.value.problems
    assert problem.code == "cluster-credentials"
    assert message.replace("FILE", str(path)) in problem.message
    assert "canary" not in f"{problem.message} {problem.hint}"


def test_a_key_with_a_pass_phrase_asks_nobody(config, tmp_path, authority):
    certificate, key = authority.issue("anna")
    locked = serialization.load_pem_private_key(key, None).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"canary")
    )
    user = {"client-certificate-data": encoded(certificate), "client-key-data": encoded(locked)}
    with pytest.raises(CannotRun, match="the key of the user `u` has a pass phrase"):
        ask(config(user))


def test_a_certificate_of_another_key_is_named(config, authority):
    (certificate, _), (_, key) = authority.issue("anna"), authority.issue("bob")
    user = {"client-certificate-data": encoded(certificate), "client-key-data": encoded(key)}
    with pytest.raises(CannotRun, match="the certificate and the key of the user `u` cannot be used"):
        ask(config(user))


def test_a_user_without_a_home_has_no_kubeconfig(monkeypatch):
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr("pathlib.Path.home", classmethod(lambda _: (_ for _ in ()).throw(RuntimeError("no home"))))
    with pytest.raises(CannotRun, match="there is no kubeconfig"):
        connect(None)


def test_a_kubeconfig_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "gone"))
    with pytest.raises(UsageError) as caught:
        connect("admin")
    assert str(tmp_path / "gone") in str(caught.value)


def test_an_unknown_context_has_a_suggestion(config):
    with pytest.raises(UsageError) as caught:
        ask(config(), context="her")
    assert "here" in str(caught.value.problems[0].hint)
    with pytest.raises(UsageError, match="there is no context `gone`"):
        ask(config(**{"current-context": "gone"}))
