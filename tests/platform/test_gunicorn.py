"""The web server: gunicorn runs with the rendered files and a small application, and answers what it knows about a request."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import reference
from servers import free_port

pytestmark = [
    pytest.mark.programs("application-python"),
    pytest.mark.unmeasured("about the data of the reference project, not about code"),
]

ECHO = """\
import json
import resource
import sys


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    said = {
        "scheme": scope["scheme"],
        "client": scope["client"][0],
        "descriptors": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "worker": "uvicorn_worker" in sys.modules,
    }
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(said).encode()})
"""


def python():
    """The Python of the reference application."""
    return shutil.which("application-python", path=str(Path(sys.prefix, "application", "bin"))) or "application-python"


@contextlib.contextmanager
def serving(folder, **overrides):
    """The port of a gunicorn that runs with the rendered files of development and other settings."""
    port = free_port()
    texts = {path.replace("__", "."): value for path, value in overrides.items()}
    fixed = {
        "application.server.app": "echo:app",
        "application.server.host": "127.0.0.1",
        "application.server.port": str(port),
        "application.server.max_workers": "1",
        "application.metrics.enabled": "false",
        "application.debug": "false",
        "kubernetes.image.folder": str(folder),
        "monitoring.logging.folder": str(folder / "logs"),
    }
    files = reference.changed({**fixed, **texts}).target("development").render()
    for name in ("gunicorn.conf.py", "logging.json", "json_lines.py"):
        folder.joinpath(name).write_text(files[f"development/application/{name}"], "utf-8")
    folder.joinpath("echo.py").write_text(ECHO, "utf-8")
    log = folder.joinpath("log.txt").open("w")
    command = [python(), "-m", "gunicorn", "--config", str(folder / "gunicorn.conf.py")]
    server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    try:
        for _ in range(600):
            assert server.poll() is None, folder.joinpath("log.txt").read_text("utf-8")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield port
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        log.close()


def ask(connection, **headers):
    """The status and what the application knows, over a connection that stays open."""
    connection.request("GET", "/", headers={name.replace("_", "-"): text for name, text in headers.items()})
    answer = connection.getresponse()
    text = answer.read()
    return answer.status, json.loads(text) if answer.status == 200 else None


def connect(port):
    """A connection that is closed at the end of a `with`."""
    return contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60))


def unfinished(port, size):
    """What the server answers to headers that do not end."""
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * size)
        return connection.recv(1000)


def once(port, **headers):
    """The same over a connection of its own."""
    with connect(port) as connection:
        return ask(connection, **headers)


FORWARDED = {"X_Forwarded_For": "203.0.113.7", "X_Forwarded_Proto": "https"}


def test_a_trusted_proxy_says_who_the_client_is_and_its_connections_stay_open(tmp_path):
    with serving(tmp_path, application__server__trusted_proxies='["127.0.0.0/8"]') as port:
        with connect(port) as connection:
            status, said = ask(connection, **FORWARDED)
            assert (status, said["scheme"], said["client"]) == (200, "https", "203.0.113.7")
            assert said["worker"], "the worker is the one of the settings"
            opened = connection.sock
            time.sleep(3)  # longer than the two seconds of before
            assert ask(connection)[0] == 200
            assert connection.sock is opened
        assert unfinished(port, 9000).startswith(b"HTTP/1.1 400 "), "more than 8 KiB of headers, and no end"


def test_anybody_else_is_not_believed(tmp_path):
    overrides = {
        "application__server__trusted_proxies": '["10.0.0.0/8"]',
        "performance__resources__limits__file_descriptors": "300",
        "performance__network__connections__total": "100",
        "performance__network__connections__per_host": "100",
    }
    with serving(tmp_path, **overrides) as port:
        _, said = once(port, **FORWARDED)
        assert (said["scheme"], said["client"]) == ("http", "127.0.0.1")
        assert said["descriptors"] == 300
