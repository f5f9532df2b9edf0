"""Gates of a rollout: a program that must end well, or a query of a metrics server that must hold."""

from __future__ import annotations

import json
import math
import os
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from typing import Final

from weft.project.entries import Gate

_SECONDS: Final = 300


def ask(gate: Gate, names: Sequence[str]) -> str | None:
    """Why a gate does not hold; None if it does."""
    return _query(gate) if gate.promql is not None else _run(gate, names)


def _run(gate: Gate, names: Sequence[str]) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - weft.yaml names the program
            gate.command,
            env={**os.environ, "WEFT_TARGETS": " ".join(names)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"`{gate.command[0]}` did not end within {_SECONDS} seconds"
    except OSError as error:
        return f"`{gate.command[0]}` cannot be started: {error.strerror}"
    return f"`{' '.join(gate.command)}` ended with {done.returncode}" if done.returncode else None


def _query(gate: Gate) -> str | None:
    address = f"{str(gate.server).rstrip('/')}/api/v1/query?{urllib.parse.urlencode({'query': gate.promql})}"
    try:
        with urllib.request.urlopen(address, timeout=30) as response:  # noqa: S310 - the schema allows http and https only
            answer = json.load(response)
        data = answer["data"]
        samples = [data["result"]] if data["resultType"] == "scalar" else [one["value"] for one in data["result"]]
        values = [float(sample[1]) for sample in samples]
    except (OSError, ValueError, LookupError, TypeError) as error:
        return f"`{gate.promql}` could not be asked of {gate.server}: {type(error).__name__}"
    if not values:
        return f"`{gate.promql}` returns nothing"
    return f"`{gate.promql}` returns 0" if any(value == 0 or math.isnan(value) for value in values) else None
