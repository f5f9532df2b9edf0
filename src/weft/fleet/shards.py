"""Shards: a run as several parts, each of which another machine may do.

`Shard(2, 5)` has every fifth of the targets in the order of the digests of their names. So it depends on nothing but the names which targets a
shard has; shards differ by at most one target; and targets that follow each other, such as those of one environment, which may all be
large, go to different shards. The results of a shard are kept next to its outputs: `joining` puts them together again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from weft.base.watching import Watch
from weft.files.signatures import digest_of
from weft.fleet.remembering import Remembering
from weft.fleet.results import header
from weft.project.result import Result
from weft.project.runs import Renderer
from weft.project.target import Target
from weft.stages.render.finished import Texts
from weft.stages.write.record import Part

_WRITTEN: Final = re.compile(r"([1-9][0-9]*)/([1-9][0-9]*)\Z")


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several parts of a run, the first of which has the number 1."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """The shard `I/N`. Raises ValueError for anything else."""
        found = _WRITTEN.match(text)
        if found is None or int(found[1]) > int(found[2]):
            raise ValueError(text)
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def part(self, targets: Sequence[Target]) -> list[Target]:
        """The targets of this shard, in the order of all of them."""
        by_digest = sorted((target.name for target in targets), key=digest_of)
        mine = set(by_digest[self.number - 1 :: self.of])
        return [target for target in targets if target.name in mine]


class Keeping(Renderer):
    """A renderer that keeps the results of another one as data."""

    def __init__(self, renderer: Remembering) -> None:
        self.renderer = renderer
        self._headers: dict[str, Any] = {}

    def results(self, targets: Sequence[Target], watch: Watch) -> Iterator[Result]:
        """The results of these targets."""
        for result in self.renderer.results(targets, watch):
            self._headers[result.target] = header(result)
            yield result

    @property
    def text(self) -> Texts:
        """Gives the text of an output by its path."""
        return self.renderer.text

    def kept(self, shard: Shard, globs: Sequence[str], every: Sequence[str]) -> Part:
        """What is kept of a shard of the targets with the names `every`, which these globs name."""
        known = self.renderer.known
        results = {name: [known[name].key if name in known else None, one] for name, one in self._headers.items()}
        details = {"globs": list(globs), "targets": list(every), "results": results}
        about = {
            "number": shard.number,
            "of": shard.of,
            "common": self.renderer.common,
            "run": digest_of(json.dumps([self.renderer.common, list(globs), list(every)])),
        }
        return Part(about, json.dumps(details, ensure_ascii=False, separators=(",", ":")) + "\n")
