"""How a configuration is, for those who ask over HTTP: an ASGI application, and metrics as text."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
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
        if scope["type"] == "websocket":
            await receive()  # what a client asks first
            await send({"type": "websocket.close", "code": 1000, "reason": "ask with HTTP"})
            return
        if scope["type"] != "http":
            raise ValueError(f"this application answers HTTP, and not {scope['type']}")
        status, kind, text = _answer(str(scope.get("path", "")).rstrip("/").rpartition("/")[2], config.status)
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(text)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": text})

    return answer


async def _lifespan(receive: Receive, send: Send) -> None:
    """What a server says to an application when it starts and ends."""
    while True:
        message = await receive()
        if message["type"] in ("lifespan.startup", "lifespan.shutdown"):
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


@dataclass(frozen=True)
class Figure:
    """One of the figures; the name of a counter ends in `_total`."""

    name: str
    about: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """`counter` or `gauge`."""
        return "counter" if self.name.endswith("_total") else "gauge"


def figures(status: Status, now: float | None = None) -> list[Figure]:
    """The status as figures; `now` is in seconds since 1970."""
    moment = time.time() if now is None else now
    revision = {"digest": status.digest, "revision": "" if status.revision is None else str(status.revision)}
    stale = 0.0 if status.stale_since is None else moment - status.stale_since
    return [
        Figure("weft_config_info", "The revision in force.", 1, revision),
        Figure("weft_config_age_seconds", "How long the revision is in force.", moment - status.since),
        Figure("weft_config_stale_seconds", "How long the source has something that is not accepted.", stale),
        Figure(
            "weft_config_pending_restarts", "Settings whose new value waits for a restart.", len(status.pending_restart)
        ),
        Figure(
            "weft_config_warnings",
            "What `config.status.warnings` has: mounts, secrets, pinned settings.",
            len(status.warnings),
        ),
        Figure("weft_config_accepted_total", "Revisions that were accepted since the start.", status.accepted),
        Figure("weft_config_refused_total", "Revisions that were refused since the start.", status.refused),
    ]


def metrics(status: Status, now: float | None = None) -> str:
    """The figures in the text format of metrics."""
    lines = []
    for each in figures(status, now):
        labels = ",".join(f'{name}="{value}"' for name, value in each.labels.items())
        lines += [f"# HELP {each.name} {each.about}", f"# TYPE {each.name} {each.kind}"]
        lines.append(f"{each.name}{f'{{{labels}}}' if labels else ''} {_in_full(each.value)}")
    return "".join(f"{line}\n" for line in lines)


def _in_full(value: float) -> str:
    """A number with all its digits: `:g` has six of them."""
    return str(int(value)) if value == int(value) else repr(float(value))
