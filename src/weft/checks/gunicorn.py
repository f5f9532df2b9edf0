"""The check `gunicorn`: `gunicorn --check-config` accepts the settings.

The application itself is not available when its settings are checked; a small one stands in for it.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from weft.base.problems import Place, Problem
from weft.checks import programs
from weft.files.lines import lines_of

if TYPE_CHECKING:
    from weft.checks import Finished

PROGRAM = "gunicorn"
INSTALL = "pip install gunicorn"

_STAND_IN: Final = "def app(environ, start_response):\n    return []\n"
_SETTING = re.compile(r"Invalid value for (\w+): (.*)")


def check(output: Finished) -> Iterator[Problem]:
    """The problems that gunicorn reports for its settings."""
    with tempfile.TemporaryDirectory(prefix="weft-gunicorn-") as name:
        folder = Path(name)
        (folder / "weft_stand_in.py").write_text(_STAND_IN, "utf-8")
        command = ["gunicorn", "--check-config", "--config", str(output.file), "--chdir", name, "weft_stand_in:app"]
        answer = programs.ask(command, folder)
    if answer.code == 0:
        return
    text = answer.text.replace(str(output.file), output.path).strip()
    raised = re.findall(rf'File "{re.escape(output.path)}", line (\d+)', text)
    setting = _SETTING.search(text)
    if setting:
        line = _line_of(output.text, setting[1])
        message = f"invalid value for {setting[1]}: {setting[2]}"
    else:
        line = int(raised[-1]) if raised else None
        message = text.splitlines()[-1] if text else f"it ended with {answer.code}"
    yield Problem("gunicorn", f"gunicorn: {programs.words(message)}", place=Place("", line) if line else None)


def _line_of(text: str, setting: str) -> int | None:
    found = [number for number, line in enumerate(lines_of(text), 1) if re.match(rf"{setting}\s*=", line)]
    return found[-1] if found else None
