"""Draw the pictures of the documentation: `make pictures`. A test redraws them and compares.

`report.svg` and `explain.svg` are what Weft prints, in a terminal that is drawn by rich; `packages.svg` is drawn from the
imports of src/weft, which grimp reads, and from the first lines of the packages' docstrings; `benchmark-*.svg` are drawn from
what `make bench-docs` has measured.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import sys
import tempfile
import tomllib
from collections.abc import Callable
from html import escape
from pathlib import Path
from unittest import mock

import grimp
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

from weft.cli import main as weft

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "benchmarks"))
from fleet import plots  # noqa: E402 - found from the line above
from fleet.results import kept  # noqa: E402

IMAGES = ROOT / "docs" / "images"


def pictures() -> dict[str, str]:
    """Every picture: its name, and the SVG."""
    return {name: draw() for name, draw in DRAWN.items()}


def report() -> str:
    """Two mistakes in a new project, as `weft validate` reports them."""
    with tempfile.TemporaryDirectory() as scratch:
        printed("init", "shop", cwd=Path(scratch))
        overlay = Path(scratch, "shop", "overlays", "environments", "production.yaml")
        overlay.write_text("app:\n  log_levl: debug\n  replicas: {min: 12, max: 10}\n", "utf-8")
        return terminal("weft validate", printed("validate", cwd=overlay.parents[2]))


def explanation() -> str:
    """Where a value of the reference project comes from."""
    arguments = ("explain", "production/acme", "application.autoscaling.min_replicas")
    return terminal(f"weft {' '.join(arguments)}", printed(*arguments, cwd=ROOT))


def printed(*arguments: str, cwd: Path) -> str:
    """What `weft` prints on a terminal, with its colors."""
    out = Terminal(io.BytesIO(), encoding="utf-8", newline="")
    variables = {"TERM": "xterm-256color", "COLUMNS": "100"}
    with (
        mock.patch.object(sys, "argv", ["weft", *arguments]),
        mock.patch.dict(os.environ, variables),
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(out),
        contextlib.suppress(SystemExit),
    ):
        os.environ.pop("NO_COLOR", None)
        weft()
    out.flush()
    return out.buffer.getvalue().decode()


class Terminal(io.TextIOWrapper):
    """A stream that says that a person reads it."""

    def isatty(self) -> bool:
        """Yes."""
        return True


def terminal(command: str, text: str) -> str:
    """A drawn terminal in which a command was run."""
    width = max(map(len, Text.from_ansi(text).plain.splitlines()))  # lines are not broken
    console = Console(
        record=True, width=max(width, 80), file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(Text(f"$ {command}", style="bold"))
    console.print(Text.from_ansi(text.rstrip()))
    svg = console.export_svg(title="weft", theme=DIMMED_MONOKAI)
    return re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)  # fonts are not fetched from elsewhere


# --- the packages ---

STYLE = (
    "text { fill: #1f2933; font-size: 13px } .name { font-weight: 600 } .floor { fill: #e8eef7 } .dot { fill: #2f6fd0 }"
    " .cell { fill: none; stroke: #cbd5e1 } @media (prefers-color-scheme: dark) { text { fill: #e5e9f0 }"
    " .floor { fill: #243142 } .cell { stroke: #3b4a5e } .dot { fill: #7fb2ff } }"
)
ROW, NAME, LEFT, TOP, CELL = 30, 116, 560, 118, 26


def packages() -> str:
    """The packages as floors, the highest on top, and their imports: all dots are on one side of the diagonal."""
    contracts = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    floors = [floor for floor in contracts[0]["layers"] if ROOT.joinpath("src", "weft", floor).is_dir()]
    graph = grimp.build_graph("weft", cache_dir=None)
    imports = {
        (importer.split(".")[1], imported.split(".")[1])
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
        if importer.count(".") and imported.count(".")
    }
    lines = [line for row, floor in enumerate(floors) for line in drawn(row, floor, floors, imports)]
    width, height = LEFT + CELL * len(floors) + 24, TOP + ROW * len(floors) + 24
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" font-family="system-ui, sans-serif">',
            "<title>The packages of weft: each may import those below it</title>",
            f"<style>{STYLE}</style>",
            '<text x="12" y="30" class="name">Each package may import those below it.</text>',
            '<text x="12" y="50">A dot: the package of this row imports that of the column.</text>',
            *(
                f'<text class="name" transform="translate({LEFT + CELL * column + 17} {TOP - 10}) rotate(-60)">{floor}</text>'
                for column, floor in enumerate(floors)
            ),
            *lines,
            "</svg>",
            "",
        ]
    )


def drawn(row: int, floor: str, floors: list[str], imports: set[tuple[str, str]]) -> list[str]:
    """One floor: its name, what it is about, and whom it imports."""
    y = TOP + ROW * row
    docstring = (
        ast.get_docstring(ast.parse(ROOT.joinpath("src", "weft", floor, "__init__.py").read_text("utf-8"))) or ""
    )
    about = docstring.splitlines()[0].rstrip(".").replace("`", "")
    about = about if len(about) <= 54 else f"{about[:53].rsplit(' ', 1)[0]} …"
    shapes = [
        f'<rect class="floor" x="8" y="{y}" width="{LEFT - 20}" height="{ROW - 4}" rx="4"/>',
        f'<text class="name" x="16" y="{y + 18}">{floor}</text>',
        f'<text x="{NAME}" y="{y + 18}">{escape(about)}</text>',
    ]
    for column, other in enumerate(floors):
        x = LEFT + CELL * column
        shapes.append(f'<rect class="cell" x="{x}" y="{y}" width="{CELL - 4}" height="{ROW - 4}" rx="3"/>')
        if other != floor and (floor, other) in imports:
            shapes.append(f'<circle class="dot" cx="{x + CELL / 2 - 2:g}" cy="{y + ROW / 2 - 2:g}" r="5"/>')
    return shapes


DRAWN: dict[str, Callable[[], str]] = {
    "report.svg": report,
    "explain.svg": explanation,
    "packages.svg": packages,
    "benchmark-tools.svg": lambda: plots.tools(kept()),
    "benchmark-sizes.svg": lambda: plots.sizes(kept()),
    "benchmark-memory.svg": lambda: plots.memory(kept()),
}
"""What draws each picture, by its name."""

if __name__ == "__main__":
    for name, svg in pictures().items():
        IMAGES.joinpath(name).write_text(svg, "utf-8")
        print(f"docs/images/{name}")
