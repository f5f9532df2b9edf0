"""Two entries of a store that belong together: a short one, which is read each time, and a long one for when something has changed."""

from __future__ import annotations

from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from weft.files.store import Store
from weft.fleet.packing import DAMAGE, packed, unpacked


@dataclass(frozen=True)
class Pair:
    """The kinds of the two entries. Both have a token, so that entries of two processes are never taken for one pair."""

    short: str
    long: str

    def put(self, store: Store, key: str, short: Any, long: Any) -> str:
        """Store both, as JSON data. Returns their token."""
        token = token_hex(8)
        store.put([(self.short, key, packed([token, short])), (self.long, key, packed([token, long]))])
        return token

    def get(self, store: Store, key: str) -> tuple[str, Any]:
        """The token and the short one; nothing if there is none."""
        try:
            token, data = unpacked(store.get(self.short, key))
        except DAMAGE:
            return "", None
        return str(token), data

    def details(self, store: Store, key: str, token: str) -> Any:
        """The long one of the pair with a token; None if it is gone, or another one has come."""
        try:
            found, data = unpacked(store.get(self.long, key))
        except DAMAGE:
            return None
        return data if token and found == token else None

    def keep_newest(self, store: Store, number: int) -> None:
        """Remove all but the newest."""
        for kind in (self.short, self.long):
            store.keep_newest(kind, number)
