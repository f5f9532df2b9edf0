"""The application with one more endpoint, which makes an observation in the worker that answers: gunicorn runs `observed:app`.

An observation sees the parts that the worker made at its start, so that what changes for it has changed without a restart.
"""

import asyncio
import os
import threading
import traceback

import observations
from fastapi import Body

from application import parts

PARTS = []
ONE_AT_A_TIME = threading.Lock()


class Kept(parts.Parts):
    """The parts, which the application itself keeps to itself."""

    def __init__(self, settings):
        super().__init__(settings)
        PARTS.append(self)


parts.Parts = Kept
from application.main import app  # noqa: E402 - it takes its parts from there


def running(work):
    """The application runs already."""
    return asyncio.run(work(observations.Caller(app), app))


observations.parts = lambda: PARTS[0]
observations.running = running


def observe(what: str = Body(), arguments: list = Body()):  # noqa: B008
    """What the function of observations.py with this name gives, and the worker."""
    made = PARTS[0]
    with ONE_AT_A_TIME:
        made.answers._near.clear()
        made.cache.client.flushall()
        made.store.client.flushall()
        kept = made.webhooks._session, made.webhooks._loop
        try:
            return {"pid": os.getpid(), "value": getattr(observations, what)(*arguments)}
        except BaseException:  # noqa: BLE001 - the test shows it
            return {"pid": os.getpid(), "error": traceback.format_exc()}
        finally:
            made.webhooks._session, made.webhooks._loop = kept


app.add_api_route("/observe", observe, methods=["POST"])
