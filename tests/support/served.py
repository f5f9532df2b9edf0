"""An application of a web server that follows its configuration, for tests and measurements with several workers.

`/` answers what one snapshot has, `/config/…` what the client says about itself. Each change is written into the file `$NOTES`, with its time.
"""

import json
import os
import threading
import time
from pathlib import Path

import weft.client

config = weft.client.open(os.environ["SOURCE"], inotify=os.environ.get("INOTIFY") != "no")


@config.on_change
def note(change):
    """Write down which revision is in force since when, on the clock that all processes share."""
    line = f"{os.getpid()} {change.new.revision} {time.monotonic()}\n"
    with Path(os.environ["NOTES"]).open("a") as notes:
        notes.write(line)


def follower():
    """The number of the thread that follows the source."""
    return next(each.native_id for each in threading.enumerate() if each.name == "weft-config")


async def app(scope, receive, send):
    """What gunicorn serves."""
    if scope["type"] == "lifespan" or scope["path"].startswith("/config/"):
        await config.asgi(scope, receive, send)
        return
    snapshot = config.snapshot
    settings = {path: snapshot[path] for path in snapshot}
    told = {"pid": os.getpid(), "thread": follower(), "revision": snapshot.revision, "digest": snapshot.digest}
    body = json.dumps({**told, "settings": settings, "files": dict(snapshot.files)}, default=dict).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
