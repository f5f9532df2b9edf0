"""What may be shown of a snapshot: its values without the secrets, and texts of the program's own code that quote some."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from weft.base.paths import Path, put
from weft.schema.node import Node
from weft.secrets.masking import LONG, MASK, Mask


class Masked:
    """Masks the values of one snapshot, by its schema and by the secrets that it has."""

    def __init__(self, root: Node, secrets: Mapping[Path, str]) -> None:
        self._root = root
        self._secrets = secrets

    def __repr__(self) -> str:
        return f"<Masked with {len(self._secrets)} secrets>"

    def __call__(self, path: Path, value: Any) -> Any:
        """A copy of the plain value at a path that may be shown to anyone."""
        return self._mask(self._root.at(path), value)

    def hides(self, path: Path) -> bool:
        """True if the setting at a path is sensitive, or is inside one that is."""
        return any(self._root.at(path[:length]).hidden for length in range(len(path) + 1))

    def describes(self, path: Path) -> bool:
        """True if the schema has a setting at a path: by its name, or because the keys around it are free."""
        node = self._root
        for step in path:
            child = node.child(step)
            if node.properties and not (child.certain or child.possible):
                return False
            node = child
        return True

    def text(self, text: str, *others: Masked) -> str:
        """A text with `***` in place of every secret that it quotes, of these snapshots; a short secret counts only as a word of its own."""
        forms = set().union(self._forms, *(other._forms for other in others))  # noqa: SLF001 - of the same class
        patterns = [
            re.escape(one) if len(one) >= LONG else rf"(?<!\w){re.escape(one)}(?!\w)"
            for one in sorted(forms, key=len, reverse=True)
        ]
        return re.sub("|".join(patterns), MASK, text) if patterns else text

    @cached_property
    def _mask(self) -> Mask:
        data: dict[str, Any] = {}
        for path, secret in self._secrets.items():
            put(data, path, secret)
        return Mask(self._root, [data])

    @cached_property
    def _forms(self) -> frozenset[str]:
        """The secrets as texts quote them: as they are, and as `repr` and JSON show them."""
        every = {secret.strip() for secret in self._secrets.values()} | set(self._secrets.values())
        return frozenset(form for one in every for form in (one, repr(one)[1:-1], json.dumps(one)[1:-1]) if form)
