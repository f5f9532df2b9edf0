"""Names that are alike: what somebody may have meant who wrote another one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from weft.base.paths import parse_dotted

if TYPE_CHECKING:
    from weft.schema.catalog import Catalog
    from weft.schema.node import Node

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


def spellings(name: str) -> set[str]:
    """How else a name may be written: in small letters or in capitals, its words joined in each of the usual ways."""
    words = list(filter(None, _JOINTS.split(name.lower())))
    joined = {name.lower(), *(joint.join(words) for joint in ("", "_", "-"))}
    return {*joined, *map(str.upper, joined)} - {name}


class SecretNames:
    """The names of the sensitive settings of a catalog, and of those that lead to some."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._meant: dict[str, list[Node]] = {}
        self._harmless: set[str] = set()
        """New names that are known to lead to no secret."""

    def resemble(self, name: str) -> bool:
        """Whether a name is that of a sensitive setting, of its variable, or of a list or mapping of them, or nearly so."""
        return self._names.resemble(name)

    def lead_to_one(self, name: str) -> bool:
        """Whether the setting of a new name is a secret, or holds some, or one does that it was renamed to in turn.

        A new name that is no path from the top is that of a setting beside the old one, in the items of some list.
        """
        passed, waiting = set[str](), [name]
        while waiting:  # a chain of names may be longer than Python calls functions in each other
            name = waiting.pop()
            if name in passed or name in self._harmless:
                continue
            passed.add(name)
            if name not in self._meant:
                self._meant[name] = [*self._settings(name)]
            for node in self._meant[name]:
                if any(id(schema) in self._catalog.holding_secrets for schema in (*node.certain, *node.possible)):
                    return True
                waiting += [node.renamed_to] if node.renamed_to is not None else []
        self._harmless |= passed
        return False

    def _settings(self, name: str) -> Iterable[Node]:
        """The setting of a new name, or those that may be meant."""
        try:
            path = parse_dotted(name)
        except ValueError:
            return ()
        node = self._catalog.root
        for step in path:
            node = self._catalog.node(
                *node.described(step)
            )  # and not its child, whose secrecy may be what is asked here
        return [node] if node.certain or node.possible else self._called(path[-1])

    def _called(self, name: Any) -> Iterator[Node]:
        """The settings of a name, wherever they stand."""
        for schema in self._catalog.schemas_with("properties"):
            if name in schema["properties"]:
                yield self._catalog.node(*self._catalog.node([schema], [schema]).described(name))

    @cached_property
    def _names(self) -> Names:
        return Names(self._every())

    def _every(self) -> Iterator[str]:
        for schema in self._catalog.schemas_with("properties") if self._catalog.holding_secrets else ():
            around = self._catalog.node([schema], [schema])
            for name in schema["properties"]:
                node = around.stated(name)
                if node.holds_secrets:
                    yield from (name, node.env or name)


def _bare(name: str) -> str:
    return _JOINTS.sub("", name).lower()
