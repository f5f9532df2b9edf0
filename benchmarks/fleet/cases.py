"""What is measured of Weft in a fleet: each case with its command, and with what comes before it."""

from __future__ import annotations

import copy
import os
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fleet.measuring import Command
from fleet.workload import Workload, as_yaml, put

CACHE: Final = ".weft_cache"
"""Where Weft remembers what it has done, next to weft.yaml."""
OUTPUT: Final = "build"
SETTING: Final = "application.server.size"


class Fleet:
    """A project of many tenants, whose files the cases change."""

    def __init__(self, folder: Path, workload: Workload) -> None:
        self.folder, self.workload, self.changes = folder, workload, 0
        self.size = len(workload.tenants)
        self.tenant = f"t{min(5, self.size - 1)}"
        """The one whose files are changed, and that is asked about."""
        self.target = f"production/{self.tenant}"

    def forget(self) -> None:
        """As in a fresh clone: nothing is rendered, and nothing remembered."""
        for name in (CACHE, OUTPUT):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def keep(self) -> None:
        """As the last command has left it."""

    def touch(self) -> None:
        """Give all files new time stamps, so that each must be read to know that it is the same."""
        for name in ("schemas", "overlays", "templates", OUTPUT):
            for folder, _, names in os.walk(self.folder / name):
                for each in names:
                    os.utime(Path(folder, each))

    def change_tenant(self) -> None:
        """Change a value of one tenant."""
        upper = copy.deepcopy(self.workload.tenants[self.tenant])
        self.changes += 1
        upper.setdefault("application", {}).setdefault("server", {})["size"] = self.changes
        put(self.folder / "overlays" / "tenants" / f"{self.tenant}.yaml", as_yaml(upper))

    def change_base(self) -> None:
        """Change a value that nearly all tenants have."""
        self._change("overlays/base/application.yaml", r"(?m)^(    size: )\d+", 0)

    def change_schema(self) -> None:
        """Change what one setting may be."""
        self._change("schemas/application.schema.json", r'("maximum": )\d+', 1000)

    def _change(self, name: str, pattern: str, least: int) -> None:
        """Put a number that no change had before in the place of the first one that a pattern finds."""
        self.changes += 1
        path = self.folder / name
        path.write_text(re.sub(pattern, rf"\g<1>{least + self.changes}", path.read_text("utf-8"), count=1), "utf-8")


@dataclass(frozen=True)
class Case:
    """A command of Weft, and what is done before it is run."""

    key: str
    words: str
    """The arguments of `weft`, in which TARGET is one target of the fleet."""
    prepare: Callable[[Fleet], None]
    about: str
    completes: bool = False
    """Whether the words are those that a person has typed in a shell, which asks for the last one."""

    def command(self, fleet: Fleet) -> Command:
        """What is run in a fleet."""
        words = self.words.replace("TARGET", fleet.target)
        if self.completes:
            script = "import sys; sys.argv[0] = 'weft'; from weft.cli import main; main()"
            variables = {"_WEFT_COMPLETE": "bash_complete", "COMP_WORDS": f"weft {words}"}
            variables["COMP_CWORD"] = str(len(words.split()))
            return Command([sys.executable, "-c", script], fleet.folder, variables)
        return weft(fleet.folder, *words.split())


def weft(folder: Path, *words: str | Path, accepted: tuple[int, ...] = (0,)) -> Command:
    """A command of Weft in a project."""
    return Command([sys.executable, "-m", "weft", *words], folder, accepted=accepted)


CASES: Final = (
    Case("cold", "render", Fleet.forget, "a fresh clone: nothing is rendered, nothing is remembered"),
    Case("unchanged", "render", Fleet.keep, "the same again"),
    Case("touched", "render", Fleet.touch, "the same again, but every file has a new time stamp and must be read"),
    Case("one tenant changed", "render", Fleet.change_tenant, "a value of one tenant"),
    Case("base changed", "render", Fleet.change_base, "a value that nearly all tenants have"),
    Case("schema changed", "render", Fleet.change_schema, "a bound of one setting"),
    Case("validate", "validate", Fleet.forget, "validate only, nothing is remembered"),
    Case("targets", "targets", Fleet.forget, "the list of all targets, nothing is remembered"),
    Case("one target", "render TARGET", Fleet.forget, "one target of the fleet, nothing is remembered"),
    Case("config", f"config TARGET {SETTING}", Fleet.forget, "one value, nothing is remembered"),
    Case("explain", f"explain TARGET {SETTING}", Fleet.forget, "where one value comes from"),
    Case("first TAB", "config TARGET", Fleet.forget, "the first completion of a target", completes=True),
    Case("TAB", "config TARGET", Fleet.keep, "the next completion of a target", completes=True),
)
"""In the order in which they are measured: what one leaves behind is what `keep` finds."""
WITH_LOOPS: Final = Case("cold, loops", "render", Fleet.forget, "a fresh clone, with the template of loops")
"""What is measured of the other template."""
