"""A way to the API server on which requests and answers get lost: `cluster.proxy()` starts it, and `fresh()` of the cluster ends it.

    proxy = cluster.proxy()
    config = proxy.kubeconfig_of("admin")                  # a client with this file goes through the proxy
    proxy.verdict = lambda request: "lose" if request.method == "PATCH" and request.number == 3 else "pass"

A verdict is `pass`, `cut` (the connection ends, and the server hears nothing), `lose` (the server does it, and the connection
ends before the answer), `hang` (nobody answers until the proxy ends), or an answer of its own: (status, headers, document).
`asked` are the requests, in their order.
"""

import http.client
import http.server
import json
import threading
from dataclasses import dataclass

from https import Https


@dataclass(frozen=True)
class Request:
    """What a client asks: `number` counts all requests from 1, and `path` has its question."""

    number: int
    method: str
    path: str
    body: bytes


class Proxy:
    """The proxy of a cluster."""

    def __init__(self, cluster, verdict="pass"):
        self.cluster, self.verdict, self.asked = cluster, verdict, []
        self._released, self._lock = threading.Event(), threading.Lock()
        self._server = Https(cluster, type("Handler", (Handler,), {"proxy": self}))
        self.address = self._server.address

    def start(self):
        """Begin."""
        self._server.listen()
        return self

    def close(self):
        """End, also what hangs."""
        self._released.set()
        self._server.close()

    def kubeconfig_of(self, user, namespace=None):
        """A file for a client that goes through the proxy."""
        return self.cluster.kubeconfig_of(user, namespace, self.address)

    def judged(self, method, path, body):
        """Note a request, and give what is to become of it."""
        with self._lock:
            request = Request(len(self.asked) + 1, method, path, body)
            self.asked.append(request)
        verdict = self.verdict(request) if callable(self.verdict) else self.verdict
        if verdict == "hang":
            self._released.wait()
        return verdict


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection of a client."""

    proxy = None
    protocol_version = "HTTP/1.1"

    def forward(self):
        """Pass a request on, or do what the verdict says."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        verdict = self.proxy.judged(self.command, self.path, body)
        if isinstance(verdict, tuple):
            status, headers, document = verdict
            self.reply(status, {"Content-Type": "application/json", **headers}, json.dumps(document).encode())
        elif verdict in ("pass", "lose"):
            self.ask(body, passes=verdict == "pass")
        else:
            self.close_connection = True

    def ask(self, body, *, passes):
        """Ask the server, and pass its answer on or not."""
        connection = self.proxy.cluster.connection()
        try:
            headers = {name: value for name, value in self.headers.items() if name not in ("Host", "Connection")}
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            if not passes:
                answer.read()
                self.close_connection = True
            elif answer.chunked:
                self.stream(answer)
            else:
                self.reply(answer.status, dict(answer.headers), answer.read())
        except (OSError, http.client.HTTPException):
            self.close_connection = True  # as if there were no proxy
        finally:
            connection.close()

    def reply(self, status, headers, text):
        """Answer at once."""
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(text))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def stream(self, answer):
        """Pass on what comes piece by piece."""
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        while piece := answer.read1():
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *words):
        """Say nothing."""


for _method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
    setattr(Handler, f"do_{_method}", Handler.forward)
