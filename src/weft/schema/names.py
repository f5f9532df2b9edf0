"""Similar names, to find the name that a misspelled one refers to."""

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
    """Names to compare other names with, ignoring case and separators."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(filter(None, map(_bare, names)))
        self._asked: dict[str, bool] = {}

    def resemble(self, name: str) -> bool:
        """True if a name equals or resembles one of these: one letter in five may be added, missing or different."""
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
    """The names of the sensitive settings of a catalog, and of the settings that contain some."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._meant: dict[str, list[Node]] = {}
        self._harmless: set[str] = set()
        """New names that are known to lead to no secret."""

    def resemble(self, name: str) -> bool:
        """True if a name equals or resembles that of a sensitive setting, its variable, or a list or mapping of them."""
        return self._names.resemble(name)

    def lead_to_one(self, name: str) -> bool:
        """True if the setting with a new name is a secret or contains one, also through further renames.

        A new name that is not a path from the top names a sibling of the old one, in the items of a list.
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
            )  # and not its child, whose secrecy may be what is being determined
        return [node] if node.certain or node.possible else self._called(path[-1])

    def _called(self, name: Any) -> Iterator[Node]:
        """The settings with a name, at any depth."""
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
