"""Weft and other tools in the same situations, with a real API server: `make peers` writes results.json here.

    make peers [TOOLS="Weft kubectl"] [SITUATIONS="killed large"]

Without these it tries all, and writes; with some it only prints. The table of docs/explanation/peers.md is made from the
file by `make reference`.
"""

import argparse
import contextlib
import datetime as dt
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))

from situations import SITUATIONS
from tools import TOOLS
from trial import Trial

import cluster as real
from servers import find

RESULTS = Path(__file__).with_name("results.json")


def outcome(situation, tool, cluster):
    """What a tool makes of a situation: (phrase, whether that is good)."""
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(tool, cluster, Path(folder))
        try:
            return situation.tried(trial)
        finally:
            cluster.relax()


def results(situations, tools):
    """The outcomes of all, with what they depend on."""
    with contextlib.closing(real.Cluster()) as cluster:
        cluster.start()
        server = cluster.ask("GET", "/version")["gitVersion"].lstrip("v")
        tried = []
        for situation in situations:
            outcomes = {}
            for tool in tools:
                phrase, good = outcome(situation, tool, cluster)
                outcomes[tool.name] = {"outcome": phrase, "good": good}
                print(f"{situation.key}: {tool.name}: {'good' if good else 'bad'}: {phrase}", flush=True)
            tried.append(
                {
                    "situation": situation.key,
                    "title": situation.title,
                    "criterion": situation.criterion,
                    "outcomes": outcomes,
                }
            )
        with tempfile.TemporaryDirectory() as folder:
            versions = {tool.name: tool(Path(folder), cluster).version() for tool in tools}
    return {"date": dt.datetime.now(dt.UTC).date().isoformat(), "kubernetes": server, "tools": versions, "tried": tried}


def main():
    """Try what the arguments name."""
    parser = argparse.ArgumentParser(description="Try Weft and other tools in the same situations.")
    parser.add_argument("--tools", nargs="*", help="the first words of their names")
    parser.add_argument("--situations", nargs="*", choices=[one.key for one in SITUATIONS])
    options = parser.parse_args()
    missing = [program for program in ("kube-apiserver", "kubectl", "helm") if find(program) is None]
    if missing:
        sys.exit(f"error: not installed: {', '.join(missing)}; run make setup-tools setup-cluster setup-peers")
    tools = [tool for tool in TOOLS if not options.tools or tool.name.split()[0] in options.tools]
    chosen = [one for one in SITUATIONS if not options.situations or one.key in options.situations]
    found = results(chosen, tools)
    if not (options.tools or options.situations):
        RESULTS.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
        print(f"written: {RESULTS}; now `make reference`")


if __name__ == "__main__":
    main()
