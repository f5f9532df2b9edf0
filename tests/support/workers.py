"""A gunicorn with several uvicorn workers that serves `served.py`, and connections of which it is known who answers them."""

import http.client
import json
import os
import sys
from pathlib import Path

from servers import HOST, Server, free_port, listens

NUMBER = 4


class Workers:
    """`ask(pid, "/")` asks one worker; `preload` opens the configuration before the workers are forked."""

    def __init__(self, servers, source, *, preload=False, inotify=True, number=NUMBER):
        folder = servers.folder("workers")
        self.notes = folder / "notes"
        self.notes.touch()
        port = free_port()
        options = ["-k", "uvicorn_worker.UvicornWorker", "-w", number, "-b", f"{HOST}:{port}", "--keep-alive", 600]
        command = [sys.executable, "-m", "gunicorn", *options, *(["--preload"] if preload else []), "served:app"]
        path = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        env = {"SOURCE": str(source), "NOTES": str(self.notes), "INOTIFY": "yes" if inotify else "no"}
        env |= {"PYTHONPATH": os.pathsep.join(path)}
        self.server = servers.run(Server(folder, command, lambda: listens(port), port=port, env=env))
        self._number = number
        self._connections = self.connected()
        self.pids = sorted(self._connections)

    def close(self):
        """End the connections."""
        for each in self._connections.values():
            each.close()

    def ask(self, pid, path="/"):
        """What a worker answers, as data."""
        return asked(self._connections[pid], path)

    def connected(self):
        """A connection to each of the workers: there is no other way to choose one than to try."""
        found = {}
        for _ in range(2000):
            one = http.client.HTTPConnection(HOST, self.server.port, timeout=30)
            pid = asked(one, "/")["pid"]
            if pid in found:
                one.close()
            found.setdefault(pid, one)
            if len(found) == self._number:
                return found
        raise AssertionError(f"only {len(found)} workers answer")


def asked(connection, path):
    """What is answered on a connection, as data."""
    connection.request("GET", path)
    with connection.getresponse() as answer:
        body = answer.read()
        assert answer.status == 200, body
        return json.loads(body)
