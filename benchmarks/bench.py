"""What Weft costs, as ratios against other work done in the same run.

    make bench [SIZES="100 1000"] [PEERS="cue pkl"] [TENANTS=300]

First fleets of the given sizes, by Weft, by a script, by other tools, and what is allowed (fleet/). Then a copy of the reference
project gets many tenants of one environment, and the same layers go through PyYAML, deepmerge and jsonschema for every target.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from fleet import acceptance, reference
from fleet.fleets import Run, chosen_peers
from fleet.measuring import CommandFailed
from fleet.peers import OtherOutput
from fleet.results import FILE, Results, machine
from weft.version import __version__

SMALL = (1, 10)
"""Fleets in which only the start counts: the beginning of the line on the page."""


def say(text: str) -> None:
    """A line of the report."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def fleets(sizes: list[int], names: list[str] | None) -> Results:
    """Measure fleets of several sizes. Raises CommandFailed and OtherOutput."""
    peers = chosen_peers(names, say)
    with tempfile.TemporaryDirectory() as scratch:
        run = Run(Path(scratch), say)
        for size in SMALL:
            run.growth(size)
        for size in sorted(sizes):
            run.fleet(size, peers)
        run.calibrate()
        run.singles()
    versions = {"Weft": __version__} | {peer.tool: peer.version() for peer in peers}
    return Results(machine(), versions, tuple(run.rows))


def main() -> None:
    """Print the figures, their ratios and what is allowed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", type=int, default=[100, 1000, 10_000], help="the numbers of targets")
    parser.add_argument(
        "--peers", nargs="*", help="the other tools, by their names; all that are installed when left out"
    )
    parser.add_argument(
        "--tenants", type=int, default=int(os.environ.get("TENANTS", "300")), help="of the reference project"
    )
    parser.add_argument("--write", action="store_true", help="keep the figures in benchmarks/results.json")
    chosen = parser.parse_args()
    try:
        results = fleets(chosen.sizes, chosen.peers)
    except (CommandFailed, OtherOutput) as failure:
        sys.exit(f"error: {failure}")
    say(f"\nmeasured, allowed, factor; seconds are scaled by {results.scale():.2f}")
    for bound in acceptance.bounds(results):
        say(bound.line())
    if chosen.write:
        FILE.write_text(results.text(), "utf-8")
        say(f"{FILE.name} is written; make reference pictures draws the page from it")
    say("")
    reference.measure(chosen.tenants, say)


if __name__ == "__main__":
    main()
