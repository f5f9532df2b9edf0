"""Figures for Prometheus: every worker counts into files, and gunicorn's master serves the sum of all on a port of its own.

The files are in `$PROMETHEUS_MULTIPROC_DIR`, as prometheus-client calls it. The rendered gunicorn.conf.py calls `when_ready` and
`child_exit`. The port is not that of the API, so no ingress exposes the figures.
"""

from __future__ import annotations

import hmac
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    make_wsgi_app,
    multiprocess,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from application.settings import Metrics

_PAUSE = 5
"""Seconds between two looks at what the process uses."""


class Measured:
    """Counts and times the requests of a worker."""

    def __init__(self, app: ASGIApp, settings: Metrics) -> None:
        self._app = app
        self._requests = Counter("http_requests", "Requests that were answered.", ("method", "status"))
        self._seconds = Histogram(
            "http_request_duration_seconds", "How long answers took.", ("method",), buckets=settings.buckets
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and note its status and how long it took."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        began, status = time.perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            self._requests.labels(scope["method"], str(status)).inc()
            self._seconds.labels(scope["method"]).observe(time.perf_counter() - began)


class _Quiet(WSGIRequestHandler):
    """Scrapes are not worth a line in the log."""

    def log_message(self, *_: Any) -> None:
        """Write nothing."""


def exposition(settings: Metrics) -> Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]:
    """The WSGI application that answers a scrape: only at its path, and only with the credentials that are set."""
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    figures = make_wsgi_app(registry)
    wanted = None
    if settings.username and settings.password:
        credentials = f"{settings.username}:{settings.password.get_secret_value()}"
        wanted = f"Basic {b64encode(credentials.encode()).decode()}"

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] != settings.path:
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"there is nothing here\n"]
        if wanted and not hmac.compare_digest(environ.get("HTTP_AUTHORIZATION", "").encode(), wanted.encode()):
            start_response("401 Unauthorized", [("WWW-Authenticate", 'Basic realm="metrics"')])
            return [b"the user name and the password of the scraper are needed\n"]
        return figures(environ, start_response)

    return answer


def start(settings: Metrics) -> None:
    """Note what this process uses, as long as it lives."""
    if settings.enabled and settings.resources:
        threading.Thread(target=_note_resources, name="resources", daemon=True).start()


def _note_resources() -> None:
    """Copy the figures that prometheus-client finds of one process into those that are summed over the workers."""
    own = CollectorRegistry()
    ProcessCollector(registry=own)
    memory = Gauge("process_resident_memory_bytes", "Memory that is used.", multiprocess_mode="livesum", registry=None)
    files = Gauge(
        "process_open_fds", "Files and connections that are open.", multiprocess_mode="livesum", registry=None
    )
    seconds = Counter("process_cpu_seconds", "Time that the processor worked.", registry=None)
    before = 0.0
    while True:
        found = {sample.name: sample.value for metric in own.collect() for sample in metric.samples}
        memory.set(found["process_resident_memory_bytes"])
        files.set(found["process_open_fds"])
        seconds.inc(found["process_cpu_seconds_total"] - before)
        before = found["process_cpu_seconds_total"]
        time.sleep(_PAUSE)


def when_ready(_: Any) -> None:
    """Gunicorn's hook when its master listens: serve the figures from a thread of it."""
    settings = Metrics()
    if settings.enabled:
        server = make_server("", settings.port, exposition(settings), handler_class=_Quiet)
        threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()


def child_exit(_: Any, worker: Any) -> None:
    """Gunicorn's hook when a worker has ended: drop what only a living worker counts."""
    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
