"""JSON data as compressed bytes, and back. Damaged bytes give None."""

from __future__ import annotations

import json
import zlib
from typing import Any, Final

from weft.base.codes import UnknownCodeError

_LEVEL: Final = 1
"""How hard to compress: more takes twice the time, and saves a tenth."""
DAMAGE: Final = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    zlib.error,
    RecursionError,
    UnknownCodeError,
)
"""What reading damaged data raises, or problems with a code of a check that is not loaded."""


def packed(data: Any) -> bytes:
    """JSON data, compressed. Raises TypeError or ValueError for anything else."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return zlib.compress(text.encode("utf-8", "surrogatepass"), _LEVEL)  # names may contain bytes that are not UTF-8


def unpacked(data: bytes | None) -> Any:
    """The JSON data again; None if there is none, or it is damaged."""
    try:
        return None if data is None else json.loads(zlib.decompress(data).decode("utf-8", "surrogatepass"))
    except DAMAGE:
        return None
