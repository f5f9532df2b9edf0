"""The age identities of the user who runs Weft, which decrypt files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from weft.secrets.providers import ProviderError

VARIABLE: Final = "WEFT_AGE_IDENTITY"
_HINT: Final = f"set {VARIABLE}, or {VARIABLE}_FILE to the file written by age-keygen"


def identities(*also: str) -> list[Any]:
    """The identities of WEFT_AGE_IDENTITY and WEFT_AGE_IDENTITY_FILE, and of other variables with the same naming scheme.

    Raises ProviderError if there is none or one is invalid, and ImportError without pyrage.
    """
    found = [identity for name in (VARIABLE, *also) for identity in _of(name)]
    if not found:
        raise ProviderError("no age identity is given", _HINT)
    return found


def _of(variable: str) -> Iterator[Any]:
    if os.environ.get(variable):
        yield from _parse(os.environ[variable], variable)
    file = os.environ.get(f"{variable}_FILE")
    if file:
        try:
            text = Path(file).expanduser().read_text("utf-8")
        except OSError as error:
            reason = (error.strerror or "it cannot be read").lower()
            raise ProviderError(f"{variable}_FILE: {file}: {reason}", _HINT) from None
        except UnicodeDecodeError:
            raise ProviderError(f"{variable}_FILE: {file} contains no age identity", _HINT) from None
        yield from _parse(text, f"{variable}_FILE")


def _parse(text: str, where: str) -> Iterator[Any]:
    import pyrage  # noqa: PLC0415 - an extra

    if "PRIVATE KEY-----" in text:
        try:
            yield pyrage.ssh.Identity.from_buffer(text.encode())
        except pyrage.IdentityError:
            raise ProviderError(f"{where} contains an SSH key that age cannot use", _HINT) from None
        return
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if line and not line.startswith("#"):
            try:
                yield pyrage.x25519.Identity.from_str(line)
            except pyrage.IdentityError:
                raise ProviderError(f"line {number} of {where} is not an age identity", _HINT) from None


def decrypt(data: bytes, keys: Iterable[Any], name: str) -> bytes:
    """The content of an age file. Raises ProviderError if none of the identities can decrypt it, or it is damaged."""
    import pyrage  # noqa: PLC0415 - an extra

    try:
        clear: bytes = pyrage.decrypt(data, list(keys))
    except pyrage.DecryptError as error:
        if "No matching keys" in str(error):
            reason = f"{name} is not encrypted for the given age identity"
            raise ProviderError(reason, "ask someone who can read it to run `weft secrets rotate`") from None
        raise ProviderError(f"{name} is not an age file, or is damaged") from None
    return clear
