"""How a configuration is, for those who ask over HTTP: an ASGI application, and metrics as text."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from weft.client.status import Status

if TYPE_CHECKING:
    from weft.client.config import Config

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


def application(config: Config) -> Application:
    """Answers `/livez` (the process runs), `/readyz` (the source was accepted), `/status` and `/metrics`; nothing of it is secret."""

    async def answer(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        status, kind, text = _answer(str(scope.get("path", "")).rstrip("/").rpartition("/")[2], config.status)
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(text)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": text})

    return answer


async def _lifespan(receive: Receive, send: Send) -> None:
    """What a server says to an application when it starts and ends."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _answer(name: str, status: Status) -> tuple[int, str, bytes]:
    if name == "livez":
        return 200, "text/plain", b"ok\n"
    if name == "readyz":
        is_ready = status.origin == "source"
        return (200, "text/plain", b"ok\n") if is_ready else (503, "text/plain", b"the source was not accepted yet\n")
    if name == "status":
        return 200, "application/json", f"{json.dumps(status.as_dict(), indent=1)}\n".encode()
    if name == "metrics":
        return 200, "text/plain; version=0.0.4", metrics(status).encode()
    return 404, "text/plain", b"ask for /livez, /readyz, /status or /metrics\n"


def metrics(status: Status, now: float | None = None) -> str:
    """The status in the text format of metrics; `now` is in seconds since 1970."""
    moment = time.time() if now is None else now
    label = f'{{revision="{"" if status.revision is None else status.revision}",digest="{status.digest}"}}'
    stale = 0.0 if status.stale_since is None else moment - status.stale_since
    pending = len(status.pending_restart)
    rows = [
        ("info", "gauge", "The revision in force.", label, 1),
        ("age_seconds", "gauge", "How long the revision is in force.", "", moment - status.since),
        ("stale_seconds", "gauge", "How long the source has something that is not accepted.", "", stale),
        ("pending_restarts", "gauge", "Settings whose new value waits for a restart.", "", pending),
        ("accepted_total", "counter", "Revisions that were accepted since the start.", "", status.accepted),
        ("refused_total", "counter", "Revisions that were refused since the start.", "", status.refused),
    ]
    return "".join(
        f"# HELP weft_config_{name} {text}\n# TYPE weft_config_{name} {kind}\nweft_config_{name}{labels} {value:g}\n"
        for name, kind, text, labels, value in rows
    )
