"""Runs observations, each in a process of its own that is forked from this one, which has imported the libraries already.

A request is a line of JSON; the answer is a file, and a line `done`. Run by the Python of the application.
"""

import json
import os
import sys
import traceback
from pathlib import Path

import aiohttp  # noqa: F401
import application.api
import application.metrics
import application.traces  # noqa: F401
import elasticsearch  # noqa: F401
import fastapi  # noqa: F401
import limits.storage  # noqa: F401
import openfeature.contrib.provider.flagd  # noqa: F401
import opentelemetry.exporter.otlp.proto.grpc.trace_exporter
import opentelemetry.exporter.otlp.proto.http.trace_exporter  # noqa: F401
import psycopg  # noqa: F401
import pymongo  # noqa: F401
import redis  # noqa: F401
import sqlalchemy.dialects.postgresql.psycopg  # noqa: F401
import theine  # noqa: F401

import weft.client.config  # noqa: F401


def observe(request):
    """Make one observation in this process."""
    os.environ.clear()
    os.environ.update(request["environment"])
    os.dup2(2, 1)  # the answers of the parent are not to be mixed with what libraries print
    try:
        import observations

        answer = {"value": getattr(observations, request["what"])(*request["arguments"])}
    except BaseException:  # noqa: BLE001 - the test shows it
        answer = {"error": traceback.format_exc()}
    Path(request["answer"]).write_text(json.dumps(answer), "utf-8")


for line in sys.stdin:
    child = os.fork()
    if not child:
        observe(json.loads(line))
        os._exit(0)
    os.waitpid(child, 0)
    sys.stdout.write("done\n")
    sys.stdout.flush()
