"""Real servers for tests, each on free ports of 127.0.0.1 and in a folder of its own. The fixture `servers` ends all that it started.

- `servers.postgresql("max_connections = 20")` is a primary, `servers.replica(primary)` follows it.
- `servers.pgbouncer(text)` runs a rendered pgbouncer.ini; `sql("SHOW POOLS")` asks it, and each of the above.
- `servers.redis(text)`, `servers.redis_cluster(text)` and `servers.sentinel(text)` run rendered files, too.
- `stop()`, `start()` and `kill()` of each keep its port and its data.

What `text` says comes first, then what a test needs (port, folder, address), so that those lines win. Files that the text
names by relative paths are given as `files`, {name: text}, and are written into the folder in which the server runs.
"""

import contextlib
import json
import os
import pwd
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from weft.checks import programs

HOST = "127.0.0.1"
PATIENCE = 60
"""The seconds until a server must answer; usually it takes less than one."""
UNPRIVILEGED = pwd.getpwnam("nobody").pw_name if os.geteuid() == 0 else None
"""The user for servers that refuse to run as root."""
ENDS_WITH_US = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()
"""Linux ends the server if the tests are ended before they could do it."""


OF_A_CLUSTER = {
    "etcd": "etcd/etcd",
    "kube-apiserver": "kubernetes/kube-apiserver",
    "kube-controller-manager": "kubernetes/kube-controller-manager",
    "crds": "crds",
}
"""What `make setup-cluster` builds, programs and a folder of CRDs, and where the virtual environment has it."""


def find(program):
    """Where a program is; Debian keeps those of PostgreSQL in a folder for each version.

    Those of a cluster are the project's own, or those of another release in the folder that `WEFT_CLUSTER_BIN` names.
    """
    if program in OF_A_CLUSTER:
        own, named = Path(sys.prefix, OF_A_CLUSTER[program]), os.environ.get("WEFT_CLUSTER_BIN")
        place = Path(named, program) if named and (program.startswith("kube-") or not own.exists()) else own
        return str(place.absolute()) if place.exists() else None
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    return shutil.which(program, path=os.pathsep.join(map(str, versions))) or programs.find.__wrapped__(program)


def free_port():
    """A port on which nobody listens."""
    with socket.socket() as one:
        one.bind((HOST, 0))
        return one.getsockname()[1]


def owner(user):
    """What makes a process one of another user."""
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}


def until(condition, patience=PATIENCE):
    """Wait until a condition holds, and give what it gave; a condition that cannot be asked yet does not hold."""
    end = time.monotonic() + patience
    while True:
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            if found := condition():
                return found
        assert time.monotonic() < end, f"not within {patience} seconds"
        time.sleep(0.02)


def listens(port):
    """Whether somebody listens on a port."""
    with socket.socket() as one:
        return one.connect_ex((HOST, port)) == 0


def answers(url):
    """Whether a server answers a request without an error."""
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.status < 400


class Server:
    """A program that runs until it is stopped, and can be started again."""

    stops_by = signal.SIGTERM
    becomes_its_user = False
    """Whether it is started as root and becomes its user by itself; its program may be where only root can look."""

    def __init__(self, folder, command, ready, *, port=None, env=None, user=None):
        self.folder, self.command, self.ready, self.port, self.user = folder, list(map(str, command)), ready, port, user
        kept = {name: os.environ[name] for name in ("PATH", "TZ") if name in os.environ}
        self.env = {**kept, "HOME": str(folder), "LANG": "C.UTF-8", **(env or {})}
        self.process = None

    @property
    def address(self):
        """`host:port`."""
        return f"{HOST}:{self.port}"

    @property
    def log(self):
        """All that it has printed."""
        return (self.folder / "log").read_text("utf-8", "replace")

    @property
    def pid(self):
        """The process."""
        return self.process.pid

    def start(self):
        """Start it, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*ENDS_WITH_US, *self.command],
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **owner(None if self.becomes_its_user else self.user),
            )

        def is_ready():
            assert self.process.poll() is None, f"it ended with {self.process.returncode}"
            return self.ready()

        try:
            until(is_ready)
        except AssertionError as error:
            raise AssertionError(f"{shlex.join(self.command)}: {error}\n{self.log[-3000:]}") from None
        return self

    def stop(self):
        """End it as an operator does, and wait for the end."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(self.stops_by)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(15)
        self.kill()

    def kill(self):
        """End it at once, with its children."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def get(self, path):
        """What it answers to a GET: JSON as data, else text."""
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=10) as answer:
            text = answer.read().decode()
            return json.loads(text) if "json" in answer.headers.get_content_type() else text


class SpeaksPostgreSQL(Server):
    """What `psql` can ask."""

    asked_as = ("postgres", "postgres")

    def sql(self, text, *, database=None, user=None):
        """The rows of an answer, as lists of texts; asks over a socket, which needs no password."""
        name, by = database or self.asked_as[0], user or self.asked_as[1]
        return self._rows(f"host={self.folder} dbname={name} user={by}", text, owner(self.user))

    def over_tcp(self, connection, text):
        """The rows of an answer, asked with the words of a connection string: `host=localhost user=… password=…`."""
        return self._rows(f"port={self.port} dbname={self.asked_as[0]} {connection}", text, {})

    def _rows(self, connection, text, by):
        psql = [find("psql"), "-X", "-q", "-A", "-t", "-F", "\x1f", "-v", "ON_ERROR_STOP=1"]
        done = subprocess.run(
            [*psql, "-d", f"port={self.port} {connection}", "-c", text],
            env=self.env,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            **by,
        )
        if done.returncode:
            raise SqlError(done.stderr.strip())
        return [line.split("\x1f") for line in done.stdout.splitlines()]


class SqlError(OSError):
    """What the server said about a statement that it refused."""


class PostgreSQL(SpeaksPostgreSQL):
    """A server of PostgreSQL: user `postgres`, password `postgres`, and `sql` to ask it."""

    password = "postgres"
    stops_by = signal.SIGINT  # the fast shutdown, which does not wait for clients

    def is_replica(self):
        """Whether it only follows another server."""
        return self.sql("SELECT pg_is_in_recovery()") == [["t"]]


class PgBouncer(SpeaksPostgreSQL):
    """PgBouncer: `sql` asks its console."""

    asked_as = ("pgbouncer", "pgbouncer")
    becomes_its_user = True


class Redis(Server):
    """A server of Redis, or a sentinel."""

    tls = False

    def ask(self, *words, user=None, password=None, options=()):
        """The lines of an answer; Redis's error messages too."""
        login = [*(["--user", user] if user else []), *(["-a", password, "--no-auth-warning"] if password else [])]
        command = [find("redis-cli"), "-h", HOST, "-p", str(self.port), *login, *options]
        done = subprocess.run([*command, *words], capture_output=True, text=True, check=True, cwd=self.folder)
        return done.stdout.rstrip("\n").splitlines()

    @property
    def is_up(self):
        """Whether it answers; that it wants a password is an answer."""
        if self.tls:
            return listens(self.port)
        with socket.create_connection((HOST, self.port), timeout=1) as one:
            one.sendall(b"PING\r\n")
            said = one.recv(100)
            return said.startswith((b"+PONG", b"-NOAUTH", b"-DENIED"))


class Servers:
    """Starts servers; all are ended when it is closed."""

    def __init__(self):
        self.root = Path(tempfile.mkdtemp(prefix="weft-servers-"))
        self.root.chmod(0o755)  # servers of other users find their folders below it
        self.started = []

    def close(self):
        """End every server, the last one first, and remove what they wrote."""
        for server in reversed(self.started):
            server.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    def folder(self, name, files=None, user=None):
        """A folder for a server, with files; both belong to its user, and nobody else can read the files."""
        folder = self.root / f"{name}-{len(list(self.root.iterdir()))}"
        folder.mkdir(mode=0o700)
        self.write(folder, files, user)
        return folder

    def write(self, folder, files, user=None):
        """Write files into a folder of a server."""
        for name, text in (files or {}).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
            path.chmod(0o600)
        if user:
            for path in (folder, *folder.rglob("*")):
                shutil.chown(path, user, pwd.getpwnam(user).pw_gid)

    def run(self, server):
        """Start a server that this object will end."""
        self.started.append(server)
        return server.start()

    def start(self, *command, ready, port=None, env=None, files=None, folder=None):
        """Any program: `ready` is an address that must answer, or a function that says whether it is ready."""
        folder = folder or self.folder(Path(command[0]).name, files)
        asked = ready if callable(ready) else lambda: answers(ready)
        return self.run(Server(folder, [find(str(command[0])) or command[0], *command[1:]], asked, port=port, env=env))

    # --- PostgreSQL ---

    def _postgresql(self, folder, data, text, hba):
        port = free_port()
        mine = (
            f"listen_addresses = '{HOST}'\nport = {port}\nunix_socket_directories = '{folder}'\n"
            "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n"
        )
        files = {"weft.conf": text + "\n" + mine} | ({"pg_hba.conf": hba} if hba else {})
        self.write(data, files, UNPRIVILEGED)
        with (data / "postgresql.conf").open("a") as file:
            file.write("\ninclude 'weft.conf'\n")
        command = [find("postgres"), "-D", data]
        server = PostgreSQL(folder, command, lambda: server.sql("SELECT 1"), port=port, user=UNPRIVILEGED)
        return self.run(server)

    def _by(self, user, *command):
        done = subprocess.run(
            list(map(str, command)),
            cwd=self.root,
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(self.root)},
            capture_output=True,
            text=True,
            check=False,
            **owner(user),
        )
        assert done.returncode == 0, done.stderr + done.stdout

    def postgresql(self, text="", *, hba=None, files=None):
        """A new server of PostgreSQL with lines of postgresql.conf; `files` are next to that file, and so is pg_hba.conf.

        Over TCP it wants the password, over its socket it does not.
        """
        folder = self.folder("postgresql", {"password": PostgreSQL.password}, UNPRIVILEGED)
        data = folder / "data"
        login = ("-U", "postgres", "--pwfile", folder / "password", "--auth-local=trust", "--auth-host=scram-sha-256")
        self._by(UNPRIVILEGED, find("initdb"), "-D", data, "--no-sync", "-E", "UTF8", "--locale=C.UTF-8", *login)
        self.write(data, files, UNPRIVILEGED)
        return self._postgresql(folder, data, text, hba)

    def replica(self, primary, text="", *, hba=None):
        """A server that follows another one by streaming; the lines of postgresql.conf are added to the other's."""
        folder = self.folder("replica", user=UNPRIVILEGED)
        data = folder / "data"
        source = ("-h", primary.folder, "-p", str(primary.port), "-U", "postgres")
        self._by(
            UNPRIVILEGED, find("pg_basebackup"), *source, "-D", data, "-R", "-X", "stream", "-c", "fast", "--no-sync"
        )
        return self._postgresql(folder, data, (data / "weft.conf").read_text("utf-8") + text, hba)

    def pgbouncer(self, text, *, settings=None, files=None):
        """PgBouncer with a rendered pgbouncer.ini, whose databases are where it says; `settings` replace some of its own."""
        port = free_port()
        folder = self.folder("pgbouncer", {"pgbouncer.ini": text, **(files or {})}, UNPRIVILEGED)
        mine = {
            "listen_addr": HOST,
            "listen_port": port,
            "unix_socket_dir": folder,
            "logfile": "",
            "pidfile": "",
            "user": "",
        }
        lines = "".join(f"{name} = {value}\n" for name, value in (mine | (settings or {})).items())
        self.write(folder, {"run.ini": f"%include pgbouncer.ini\n{lines}"}, UNPRIVILEGED)
        drop = ("-u", UNPRIVILEGED) if UNPRIVILEGED else ()
        command = [find("pgbouncer"), *drop, folder / "run.ini"]
        server = PgBouncer(folder, command, lambda: server.sql("SHOW VERSION"), port=port, user=UNPRIVILEGED)
        return self.run(server)

    # --- Redis ---

    def redis(self, text="", *, settings=None, files=None, tls=False, options=()):
        """Redis with a rendered redis.conf; `settings` replace lines of it. With `tls` its only port is one for TLS."""
        port = free_port()
        folder = self.folder("redis", files)
        ports = {"port": 0, "tls-port": port} if tls else {"port": port, "tls-port": 0}
        mine = {
            **ports,
            "bind": HOST,
            "dir": folder,
            "daemonize": "no",
            "logfile": '""',
            "pidfile": '""',
            "supervised": "no",
        }
        lines = "".join(f"{name} {value}\n" for name, value in (mine | (settings or {})).items())
        self.write(folder, {"redis.conf": f"{text}\n{lines}"})
        command = [find("redis-server"), folder / "redis.conf", *options]
        server = Redis(folder, command, lambda: server.is_up, port=port)
        server.tls = tls
        return self.run(server)

    def redis_replica(self, primary, text="", *, settings=None, **more):
        """A Redis that follows another one."""
        return self.redis(text, settings={"replicaof": f"{HOST} {primary.port}", **(settings or {})}, **more)

    def redis_cluster(self, text="", *, settings=None, nodes=3, replicas=0, user=None, password=None, **more):
        """The nodes of a cluster that is formed, each with the text as its redis.conf."""
        made = []
        for _ in range(nodes):
            mine = {"cluster-enabled": "yes", "cluster-port": free_port(), "cluster-announce-ip": HOST}
            made.append(self.redis(text, settings=mine | (settings or {}), **more))
        addresses = [server.address for server in made]
        create = ("--cluster", "create", *addresses, "--cluster-replicas", str(replicas), "--cluster-yes")
        made[0].ask(*create, user=user, password=password)
        for server in made:
            until(lambda one=server: "cluster_state:ok" in one.ask("CLUSTER", "INFO", user=user, password=password))
        return made

    def sentinel(self, text="", *, monitor=None, name="main", quorum=1, settings=None, files=None):
        """A sentinel of Redis with a rendered sentinel.conf, or one that monitors a server under a name."""
        port = free_port()
        mine = {"port": port, "bind": HOST, "daemonize": "no", "logfile": '""', "pidfile": '""'} | (settings or {})
        lines = "".join(f"{key} {value}\n" for key, value in mine.items())
        watched = f"sentinel monitor {name} {HOST} {monitor.port} {quorum}\n" if monitor else ""
        folder = self.folder("sentinel", {**(files or {}), "sentinel.conf": f"{text}\n{lines}{watched}"})
        command = [find("redis-server"), folder / "sentinel.conf", "--sentinel"]
        server = Redis(folder, command, lambda: server.is_up, port=port)
        return self.run(server)

    # --- monitoring ---

    def prometheus(self, text, *, files=None, options=()):
        """Prometheus with a rendered prometheus.yml; `options` are flags."""
        port = free_port()
        folder = self.folder("prometheus", {"prometheus.yml": text, **(files or {})})
        flags = (f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data")
        command = (find("prometheus"), *flags, f"--web.listen-address={HOST}:{port}", *options)
        return self.run(Server(folder, command, lambda: answers(f"http://{HOST}:{port}/-/ready"), port=port))

    def alertmanager(self, text, *, files=None, options=()):
        """Alertmanager with a rendered alertmanager.yml; it looks for no other."""
        port = free_port()
        folder = self.folder("alertmanager", {"alertmanager.yml": text, **(files or {})})
        flags = (
            f"--config.file={folder}/alertmanager.yml",
            f"--storage.path={folder}/data",
            "--cluster.listen-address=",
        )
        command = (find("prometheus-alertmanager"), *flags, f"--web.listen-address={HOST}:{port}", *options)
        return self.run(Server(folder, command, lambda: answers(f"http://{HOST}:{port}/-/ready"), port=port))
