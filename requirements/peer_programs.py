"""`make setup-peers`: Helm, with which `make peers` compares Weft. Says what it will build and how big it is first.

It is built from its module and kept in `$WEFT_TOOLS` as the other programs are (builds.py, programs.py). kubectl, the other tool
of the comparison, comes with `make setup-tools`. Nothing else needs Helm: docs/decisions/0020-peers.md.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builds import Go
from programs import build_go, go_folder, link_to, run_script, say, tools_folder

HELM: Final = "helm.sh/helm/v4"


@dataclass(frozen=True)
class Helm(Go):
    """Helm, which knows its release."""

    @property
    def release(self) -> str:
        """The release that the module pins."""
        found = re.search(rf"\b{HELM} (v\S+)", (self.module / "go.mod").read_text("utf-8"))
        return found[1] if found else "unknown"

    def written(self) -> Mapping[str, str]:
        """The release, as Helm's own build writes it."""
        return {f"{HELM}/internal/version.version": self.release}


PEER: Final = Helm("helm", 67, {"helm": f"{HELM}/cmd/helm"})
SCRATCH: Final = 1500
"""How many MB the modules and the cache of Go take while it is built."""


def announce(peer: Go) -> None:
    """Say what will be built, from what and how big it is."""
    say("make setup-peers builds what Weft is compared with:")
    say(f"  {peer.makes}: from requirements/go/{peer.name}, {peer.size} MB, into {go_folder(peer)}")
    say(f"  up to {SCRATCH} MB of modules and of Go's cache, which are removed afterwards; some minutes on two cores")


def main() -> None:
    """Build it if it is missing."""
    parser = argparse.ArgumentParser(description="Build what Weft is compared with.")
    parser.add_argument("--venv", type=Path, default=Path(".venv"))
    venv = parser.parse_args().venv
    tools_folder().mkdir(parents=True, exist_ok=True)
    if not go_folder(PEER).exists():
        announce(PEER)
        build_go([PEER], venv / "bin" / "python")
    link_to({venv / "bin" / program: go_folder(PEER) / program for program in PEER.programs})


if __name__ == "__main__":
    run_script(main)
