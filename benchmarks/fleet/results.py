"""What was measured, as it is kept in benchmarks/results.json."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fleet.measuring import Cost

FILE: Final = Path(__file__).resolve().parents[1] / "results.json"
SCRIPT, FLOOR, WEFT = "script", "floor", "weft"
"""The tools that are measured in every run."""
CALIBRATION: Final = 1000
"""How many targets the script renders to say how fast a machine is."""
MILLISECONDS: Final = 1.13
"""What it takes for a target on the machine for which the seconds of the acceptance hold."""


@dataclass(frozen=True)
class Row:
    """What one tool took for one case: seconds of CPU, seconds that passed, MB of memory. `size` counts targets, or what the case says."""

    tool: str
    case: str
    size: int
    cpu: float
    wall: float
    memory: float

    @classmethod
    def of(cls, tool: str, case: str, size: int, cost: Cost) -> Row:
        """The row of a cost."""
        return cls(tool, case, size, cost.cpu, cost.wall, cost.memory)


@dataclass(frozen=True)
class Results:
    """The rows of one run, and what they depend on."""

    machine: Mapping[str, str]
    versions: Mapping[str, str]
    rows: tuple[Row, ...]

    def find(self, tool: str, case: str, size: int) -> Row | None:
        """The row of a case; None if it was not measured."""
        return next((row for row in self.rows if (row.tool, row.case, row.size) == (tool, case, size)), None)

    def sizes(self, tool: str = WEFT, case: str = "cold") -> list[int]:
        """The sizes at which a tool was measured."""
        return sorted(row.size for row in self.rows if (row.tool, row.case) == (tool, case))

    def of_case(self, case: str, size: int) -> Iterator[Row]:
        """The rows of all tools for a case."""
        return (row for row in self.rows if (row.case, row.size) == (case, size))

    def scale(self) -> float:
        """How much slower this machine is than the one for which the seconds of the acceptance hold."""
        script = self.find(SCRIPT, "cold", CALIBRATION)
        assert script
        return script.cpu / CALIBRATION * 1000 / MILLISECONDS

    def text(self) -> str:
        """As JSON, a row a line."""
        rows = ",\n".join(f"  {json.dumps(rounded(row))}" for row in self.rows)
        head = json.dumps({"machine": dict(self.machine), "versions": dict(self.versions)}, indent=1)
        return f'{head[:-2]},\n "rows": [\n{rows}\n ]\n}}\n'

    @classmethod
    def read(cls, text: str) -> Results:
        """From JSON."""
        data = json.loads(text)
        return cls(data["machine"], data["versions"], tuple(Row(**row) for row in data["rows"]))


def kept() -> Results:
    """What the last `make bench-docs` has measured."""
    return Results.read(FILE.read_text("utf-8"))


def rounded(row: Row) -> dict[str, Any]:
    """A row with as many digits as mean something."""
    return {
        key: round(value, 4) if isinstance(value, float) else value for key, value in dataclasses.asdict(row).items()
    }


def machine() -> dict[str, str]:
    """What the figures depend on besides the programs."""
    said = Path("/proc/cpuinfo").read_text("utf-8") if Path("/proc/cpuinfo").exists() else ""
    today = dt.datetime.now(dt.UTC)
    model = re.search(r"^model name\s*: (.*)$", said, re.MULTILINE)
    return {
        "processor": model[1] if model else platform.machine(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "date": f"{today.day} {today:%B %Y}",
    }
