"""The check `dictconfig`: Python's logging.config.dictConfig accepts the file, and every handler that writes a file works.

Modules that the configuration names may be next to it. Log files are written to a temporary folder, one record by each handler; if a
handler's formatter is called `json`, the record must be one line of JSON, whatever its message.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from weft.base.problems import Place, Problem
from weft.checks import programs
from weft.files.lines import lines_of

if TYPE_CHECKING:
    from weft.checks import Finished

PROGRAM = "python"
INSTALL = "Python"

_TRY: Final = r"""
import json, logging, logging.config, os, sys
file, folder = sys.argv[1:]
sys.path.insert(0, os.path.dirname(file))
sys.stdout = open(os.devnull, "w")

def complain(text):
    sys.stderr.write("weft: " + " ".join(text.split()) + "\n")
    sys.exit(1)

with open(file, encoding="utf-8") as stream:
    config = json.load(stream)
logs = {}
for name, handler in (config.get("handlers") or {}).items():
    if isinstance(handler, dict) and "filename" in handler:
        logs[name] = handler["filename"] = os.path.join(folder, name + ".log")
try:
    logging.config.dictConfig(config)
except Exception as error:
    complain(f"{error}: {error.__cause__}" if error.__cause__ else str(error))
for name, log in logs.items():
    handler, = (one for one in map(lambda ref: ref(), logging._handlerList) if one and one.name == name)
    handler.setLevel(logging.NOTSET)
    handler.handle(logging.makeLogRecord({"name": "weft", "levelno": 50, "levelname": "CRITICAL", "msg": "a \"b\"\nc"}))
    handler.flush()
    lines = open(log, encoding="utf-8").read().splitlines()
    if config["handlers"][name].get("formatter") == "json":
        try:
            good = len(lines) == 1 and isinstance(json.loads(lines[0]), dict)
        except ValueError:
            good = False
        if not good:
            complain(f"the handler '{name}' does not write one line of JSON per record, but: {' '.join(lines)}")
    elif not lines:
        complain(f"the handler '{name}' writes nothing")
"""
_REPORTED = re.compile(r"^weft: (.*)$", re.MULTILINE)


def check(output: Finished) -> Iterator[Problem]:
    """The problems that Python's logging reports for its configuration."""
    try:
        json.loads(output.text)
    except ValueError as error:
        place = Place("", error.lineno, error.colno) if isinstance(error, json.JSONDecodeError) else None
        yield Problem("dictconfig", f"the logging configuration is not JSON: {error}", place=place)
        return
    with tempfile.TemporaryDirectory(prefix="weft-logging-") as folder:
        answer = programs.ask(["python", "-B", "-c", _TRY, output.file, folder], output.file.parent)
    if answer.code == 0 and not answer.text.strip():
        return
    reported = _REPORTED.search(answer.text)
    last = (answer.text.strip().splitlines() or [f"it ended with {answer.code}"])[-1]
    message = programs.words(reported[1] if reported else last)
    line = _line_of(output.text, message)
    yield Problem("dictconfig", f"logging: {message}", place=Place("", line) if line else None)


def _line_of(text: str, message: str) -> int | None:
    """The line of a name that the message quotes: the last one that appears in the file, as a value or as a key."""
    for name in reversed(re.findall(r"'([^']+)'", message)):
        for number, line in enumerate(lines_of(text), 1):
            if json.dumps(name) in line:
                return number
    return None
