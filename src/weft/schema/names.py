"""Names that are alike: what somebody may have meant who wrote another one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Final

_JOINTS: Final = re.compile(r"[\W_]+")
_ALIKE: Final = 0.8


class Names:
    """Some names, to be asked for others that resemble one of them, however they are joined and in whatever case."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(filter(None, map(_bare, names)))
        self._asked: dict[str, bool] = {}

    def resemble(self, name: str) -> bool:
        """Whether a name is one of these, or nearly so: a letter more, less, or other in every five."""
        if name not in self._asked:
            bare = _bare(name)
            candidates = [known for known in self._names if abs(len(known) - len(bare)) <= max(1, len(known) // 4)]
            self._asked[name] = bare in candidates or bool(
                difflib.get_close_matches(bare, candidates, n=1, cutoff=_ALIKE)
            )
        return self._asked[name]


def _bare(name: str) -> str:
    return _JOINTS.sub("", name).lower()
