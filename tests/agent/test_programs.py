"""Real programs with an agent: each changes a setting live, refuses a bad one by itself, and loses no request and no connection meanwhile."""

import contextlib
import http.client
import json
import shlex
import socket
import struct
import sys
import threading
import time
import urllib.request

import pytest

from agents import World, until
from servers import HOST, UNPRIVILEGED, find, free_port, listens

pytestmark = pytest.mark.unmeasured("the program is what is tested, and the agent is another process")


@pytest.fixture
def opened():
    """What is closed at the end of a test."""
    with contextlib.ExitStack() as stack:
        yield lambda one: stack.enter_context(contextlib.closing(one))


@pytest.fixture
def world(servers):
    """A folder that the users of servers can read."""
    folder = servers.root / f"agent-{len(list(servers.root.iterdir()))}"
    folder.mkdir()
    made = World(folder)
    yield made
    made.close()


@contextlib.contextmanager
def asking(ask):
    """Call a function all the time, in another thread; it must never fail."""
    stop, failed, count = threading.Event(), [], [0]

    def work():
        while not stop.is_set():
            try:
                ask()
                count[0] += 1
            except Exception as error:  # noqa: BLE001 - whatever it is, a request was lost
                failed.append(error)
                return
            time.sleep(0.005)

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join(30)
    assert failed == []
    assert count[0] > 20


def script(world, name, text):
    """A program in Python, as a command of a shell."""
    path = world.folder / name
    path.write_text(text)
    return shlex.join([sys.executable, str(path)])


# --- redis ---


class Redis:
    """One connection."""

    def __init__(self, port):
        self.socket = socket.create_connection((HOST, port), 5)
        self.stream = self.socket.makefile("rb")

    def close(self):
        """End it."""
        self.stream.close()
        self.socket.close()

    def ask(self, *words):
        """An answer: a text, or a list of texts."""
        self.socket.sendall((" ".join(words) + "\r\n").encode())
        kind = self.stream.readline().decode().strip()
        if not kind:
            raise ConnectionError("it was closed")
        if kind[0] == "*":
            return [self.stream.readline() and self.stream.readline().decode().strip() for _ in range(int(kind[1:]))]
        return kind


SET_ALL = """
import socket, sys
port, file = int(sys.argv[1]), sys.argv[2]
refused = []
with socket.create_connection(("127.0.0.1", port), 5) as one, one.makefile("rb") as answers, open(file) as lines:
    for line in lines:
        if line.startswith("maxmemory"):
            one.sendall(f"CONFIG SET {line.strip()}\\r\\n".encode())
            refused += [said for said in [answers.readline().decode().strip()] if said != "+OK"]
sys.exit("; ".join(refused) or 0)
"""


@pytest.mark.programs("redis-server")
def test_redis_changes_its_memory_and_refuses_a_bad_policy(world, opened):
    port = free_port()
    world.template.write_text(
        f'port {port}\nbind {HOST}\ndir {world.folder}\nsave ""\nmaxmemory {{{{ app.size }}}}mb\nmaxmemory-policy {{{{ app.name }}}}\n'
    )
    world.set(size=10, name="noeviction")
    notify = f"{script(world, 'set_all.py', SET_ALL)} {port} {{}}/app.conf"
    agent = world.agent("--notify", notify, "--exec", find("redis-server"), world.into / "app.conf")
    until(lambda: listens(port), said=agent.log.read_text)
    client, watcher = opened(Redis(port)), opened(Redis(port))
    ran = client.ask("CONFIG GET maxmemory")
    assert ran == ["maxmemory", str(10 * 2**20)]
    with asking(lambda: watcher.ask("PING")):
        world.set(size=20, name="allkeys-lru")
        world.said(agent, "is in place: app.name, app.size")
        assert client.ask("CONFIG GET maxmemory") == ["maxmemory", str(20 * 2**20)]
        assert client.ask("CONFIG GET maxmemory-policy") == ["maxmemory-policy", "allkeys-lru"]
        world.set(size=30, name="nonsense")
        world.said(agent, "is refused: the notification ended with 1: -ERR")
        assert client.ask("CONFIG GET maxmemory") == ["maxmemory", str(20 * 2**20)]
        assert "maxmemory 20mb" in (world.into / "app.conf").read_text()
        world.set(size=40, name="allkeys-lru")
        world.said(agent, "is in place: app.size")
        assert client.ask("CONFIG GET maxmemory") == ["maxmemory", str(40 * 2**20)]


# --- prometheus ---

RELOAD = """
import sys, urllib.error, urllib.request
try:
    urllib.request.urlopen(urllib.request.Request(sys.argv[1] + "/-/reload", method="POST"), timeout=10)
except urllib.error.HTTPError as error:
    sys.exit(error.read().decode())
"""


@pytest.mark.programs("prometheus", "promtool")
@pytest.mark.parametrize("checked", [True, False], ids=["by its checker", "by itself"])
def test_prometheus_changes_its_interval_and_refuses_a_timeout_above_it(world, opened, checked):
    port = free_port()
    world.template.write_text(
        "global:\n  scrape_interval: {{ app.size }}s\nscrape_configs:\n  - job_name: one\n    scrape_timeout: {{ app.other }}s\n"
    )
    world.set(size=30, other=5)
    url = f"http://{HOST}:{port}"
    check = ("--check", f"{shlex.quote(find('promtool'))} check config {{}}/app.conf") if checked else ()
    notify = ("--notify", f"{script(world, 'reload.py', RELOAD)} {url}")
    arguments = (f"--config.file={world.into}/app.conf", f"--storage.tsdb.path={world.folder}/data")
    web = (f"--web.listen-address={HOST}:{port}", "--web.enable-lifecycle")
    agent = world.agent(*check, *notify, "--exec", find("prometheus"), *arguments, *web)

    def is_ready():
        with urllib.request.urlopen(f"{url}/-/ready", timeout=5) as answer:
            return answer.status == 200

    until(is_ready, 60, said=agent.log.read_text)
    one = opened(http.client.HTTPConnection(HOST, port, timeout=10))
    one.auto_open = False
    one.connect()

    def healthy():
        one.request("GET", "/-/healthy")
        with one.getresponse() as answer:
            assert (answer.status, bool(answer.read())) == (200, True)

    def interval():
        with urllib.request.urlopen(f"{url}/api/v1/status/config", timeout=10) as answer:
            return json.load(answer)["data"]["yaml"].split("scrape_interval: ")[1].split("\n")[0]

    with asking(healthy):
        assert interval() == "30s"
        world.set(size=20, other=5)
        world.said(agent, "is in place: app.size")
        assert interval() == "20s"
        world.set(size=15, other=17)
        world.said(
            agent, "is refused: the check ended with 1" if checked else "is refused: the notification ended with 1"
        )
        assert "greater than scrape interval" in agent.log.read_text()
        assert interval() == "20s"
        assert "scrape_interval: 20s" in (world.into / "app.conf").read_text()
        world.set(size=25, other=17)
        world.said(agent, "is in place: app.size, app.other")
        assert interval() == "25s"


# --- gunicorn ---

APPLICATION = """
import os
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [os.environ["SIZE"].encode()]
"""


@pytest.mark.programs("gunicorn")
def test_gunicorn_changes_its_workers_and_refuses_a_bad_number(world):
    port = free_port()
    (world.folder / "small.py").write_text(APPLICATION)
    world.template.write_text(
        f'bind = "{HOST}:{port}"\nchdir = "{world.folder}"\nraw_env = ["SIZE={{{{ app.size }}}}"]\nworkers = {{{{ app.other }}}}\n'
        "accesslog = None\n"
    )
    world.set(size=1, other=2)
    gunicorn = find("gunicorn")
    check = f"{shlex.quote(gunicorn)} --check-config -c {{}}/app.conf.py small:app"
    options = ("--render", f"{world.template}:app.conf.py", "--check", check, "--notify", "kill -HUP {pid}")
    agent = world.agent(*options, "--exec", gunicorn, "-c", world.into / "app.conf.py", "small:app", render=False)
    until(lambda: listens(port), said=agent.log.read_text)

    def answer():
        one = http.client.HTTPConnection(HOST, port, timeout=10)
        try:
            one.request("GET", "/")
            found = one.getresponse()
            assert found.status == 200
            return found.read().decode()
        finally:
            one.close()

    with asking(answer):
        assert answer() == "1"
        world.set(size=2, other=3)
        until(lambda: {answer() for _ in range(20)} == {"2"}, said=agent.log.read_text)
        world.set(size=3, other=-1)
        world.said(agent, "is refused: the check ended with 1")
        assert {answer() for _ in range(20)} == {"2"}
        world.set(size=4, other=1)
        until(lambda: {answer() for _ in range(20)} == {"4"}, said=agent.log.read_text)


# --- pgbouncer ---


class Console:
    """One connection to the console of PgBouncer, in its own protocol."""

    def __init__(self, port):
        self.socket = socket.create_connection((HOST, port), 5)
        words = b"user\0pgbouncer\0database\0pgbouncer\0\0"
        self.socket.sendall(struct.pack("!ii", len(words) + 8, 196608) + words)
        self._messages()

    def close(self):
        """End it."""
        self.socket.close()

    def ask(self, text):
        """The rows of an answer. Raises LookupError with an error."""
        words = text.encode() + b"\0"
        self.socket.sendall(b"Q" + struct.pack("!i", len(words) + 4) + words)
        found = self._messages()
        for kind, body in found:
            if kind == b"E":
                raise LookupError(body.decode().replace("\0", " "))
        return [row(body) for kind, body in found if kind == b"D"]

    def _messages(self):
        found = []
        while not found or found[-1][0] != b"Z":
            kind = self._exactly(1)
            found.append((kind, self._exactly(struct.unpack("!i", self._exactly(4))[0] - 4)))
        return found

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise ConnectionError("it was closed")
            data += more
        return data


def row(body):
    """The texts of a row."""
    found, place = [], 2
    for _ in range(struct.unpack("!h", body[:2])[0]):
        (size,) = struct.unpack("!i", body[place : place + 4])
        found.append(body[place + 4 : place + 4 + max(size, 0)].decode())
        place += 4 + max(size, 0)
    return found


TELL = """
import sys
sys.path[:0] = sys.argv[2].split(":")
from test_programs import Console
try:
    Console(int(sys.argv[1])).ask("RELOAD")
except LookupError as error:
    sys.exit(str(error))
"""


ALONE = """
import pathlib, subprocess, sys, time
port, file, *command = sys.argv[1:]
alone = pathlib.Path(sys.argv[0]).with_name("alone.ini")
alone.write_text(f"%include {file}\\n[pgbouncer]\\nlisten_port = {port}\\n")
server = subprocess.Popen([*command, alone], stderr=subprocess.PIPE, text=True)
try:
    _, said = server.communicate(timeout=1)
    sys.exit(said or server.returncode)
except subprocess.TimeoutExpired:
    server.kill()
    server.communicate()
"""


@pytest.mark.programs("pgbouncer")
@pytest.mark.parametrize("how", ["RELOAD", "SIGHUP"])
def test_pgbouncer_changes_its_pool_and_refuses_a_bad_mode(world, opened, how):
    port = free_port()
    world.template.write_text(
        "[databases]\none = host=127.0.0.1\n[pgbouncer]\nauth_type = any\nadmin_users = pgbouncer\n"
        f"listen_addr = {HOST}\nlisten_port = {port}\nunix_socket_dir =\n"
        "default_pool_size = {{ app.size }}\npool_mode = {{ app.name }}\n"
    )
    world.set(size=10, name="session")
    reload = f"{script(world, 'tell.py', TELL)} {port} {shlex.quote(':'.join(sys.path))}"
    options = ("--notify", reload) if how == "RELOAD" else ("--notify", "kill -HUP {pid}")
    command = (find("pgbouncer"), *(("-u", UNPRIVILEGED) if UNPRIVILEGED else ()))
    check = f"{script(world, 'alone.py', ALONE)} {free_port()} {{}}/app.conf {shlex.join(command)}"
    agent = world.agent(*options, "--check", check, "--exec", *command, world.into / "app.conf")
    until(lambda: listens(port), said=agent.log.read_text)
    client, watcher = opened(Console(port)), opened(Console(port))

    def size():
        return next(found[1] for found in client.ask("SHOW CONFIG") if found[0] == "default_pool_size")

    with asking(lambda: watcher.ask("SHOW VERSION")):
        assert size() == "10"
        world.set(size=20, name="session")
        world.said(agent, "is in place: app.size")
        until(lambda: size() == "20")
        world.set(size=30, name="nonsense")
        world.said(agent, "is refused: the check ended with 1")
        assert 'invalid value "nonsense" for parameter pool_mode' in agent.log.read_text()
        assert "default_pool_size = 20" in (world.into / "app.conf").read_text()
        assert size() == "20"
        world.set(size=40, name="session")
        world.said(agent, "is in place: app.size", count=2)
        until(lambda: size() == "40")
