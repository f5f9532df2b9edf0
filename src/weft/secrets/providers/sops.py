"""`ref+sops://FILE#/json/pointer`: a value in a YAML or JSON file that SOPS encrypted for age recipients.

The format (https://github.com/getsops/sops, `sops.go` and `aes/cipher.go`): every value is encrypted with AES-256-GCM under one data
key, with the mapping keys of its path as additional data; the data key is encrypted for each recipient; an encrypted SHA-512 over all
values, in order, detects replaced values.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from weft.files.reading import ProjectFiles
from weft.secrets.providers import ProviderError, Reference, documents, identities

FORM: Final = "FILE#/json/pointer"
KEY: Final = "must"
PARAMETERS: Final = ()
complaint = documents.complaint

_VALUE = re.compile(r"ENC\[AES256_GCM,data:(?P<data>[^,]*),iv:(?P<iv>[^,]+),tag:(?P<tag>[^,]+),type:(?P<type>\w+)\]\Z")
_ONLY_ENCRYPTED: Final = bytes.fromhex("8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69")
_UNKNOWN_RULES: Final = ("encrypted_comment_regex", "unencrypted_comment_regex", "key_groups")
_Keys = tuple[str, ...]


def resolve(reference: Reference, files: ProjectFiles) -> str:
    """The value that the pointer names, after the integrity of the whole file was verified."""
    data = documents.parse(documents.read(reference.path, files), reference.path)
    if not isinstance(data, dict) or not isinstance(data.get("sops"), dict):
        raise ProviderError(f"{reference.path} is not encrypted with SOPS")
    file = _File(reference.path, data.pop("sops"))
    clear = file.decrypt(data, ())
    file.check()
    return documents.pick(clear, reference.key or "")


class _File:
    """One file: its metadata, its data key, and the hash of the values that were decrypted so far."""

    def __init__(self, name: str, metadata: dict[str, Any]) -> None:
        self._name = name
        self._metadata = metadata
        unknown = [rule for rule in _UNKNOWN_RULES if metadata.get(rule)]
        if unknown:
            raise ProviderError(f"{name} uses {unknown[0]} of SOPS, which Weft does not support")
        self._key = self._data_key()
        self._all = not metadata.get("mac_only_encrypted")
        self._hash = hashlib.sha512(b"" if self._all else _ONLY_ENCRYPTED)

    def _data_key(self) -> bytes:
        keys = identities.identities("SOPS_AGE_KEY")
        recipients = self._metadata.get("age")
        entries = (
            [one.get("enc") for one in recipients if isinstance(one, dict)] if isinstance(recipients, list) else []
        )
        if not entries:
            raise ProviderError(f"{self._name} has no age recipient", "Weft reads files that SOPS encrypted with age")
        for number, entry in enumerate(entries, 1):
            try:
                return identities.decrypt(str(entry).encode(), keys, self._name)
            except ProviderError:
                if number == len(entries):
                    raise
        raise AssertionError

    def decrypt(self, value: Any, keys: _Keys) -> Any:
        """The decrypted values below some mapping keys; list indexes are not part of the keys."""
        if isinstance(value, dict):
            return {key: self.decrypt(below, (*keys, key)) for key, below in value.items()}
        if isinstance(value, list):
            return [self.decrypt(below, keys) for below in value]
        return None if value is None else self._decrypt(value, keys)

    def _decrypt(self, value: Any, keys: _Keys) -> Any:
        """One value. The MAC covers encrypted bytes, and also the others unless the SOPS settings exclude them."""
        # the path of a value is authenticated: a value that was moved to another key cannot be decrypted
        encrypted = self._is_encrypted(keys)
        clear = self._open(value, "".join(f"{key}:" for key in keys)) if encrypted else value
        if encrypted or self._all:
            self._hash.update(clear if isinstance(clear, bytes) else _text(clear).encode())
        return clear.decode("utf-8", "replace") if isinstance(clear, bytes) else clear

    def _is_encrypted(self, keys: _Keys) -> bool:
        rules = dict(self._rules())
        if not rules:
            return not any(key.endswith("_unencrypted") for key in keys)
        encrypted = True
        for name, rule in rules.items():
            try:
                hit = any(key.endswith(rule) if name.endswith("suffix") else re.search(rule, key) for key in keys)
            except re.error:
                raise ProviderError(
                    f"{self._name}: the {name} of SOPS is not a regular expression that Weft supports"
                ) from None
            encrypted = hit != name.startswith("un")
        return encrypted

    def _rules(self) -> Iterator[tuple[str, str]]:
        for name in ("unencrypted_suffix", "encrypted_suffix", "unencrypted_regex", "encrypted_regex"):
            if self._metadata.get(name):
                yield name, str(self._metadata[name])

    def _open(self, text: Any, authenticated: str) -> Any:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - an extra
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - an extra

        if text == "":
            return ""  # SOPS does not encrypt empty texts
        match = _VALUE.match(text) if isinstance(text, str) else None
        where = authenticated.rstrip(":")
        if match is None:
            raise ProviderError(f"{self._name}: `{where}` is not encrypted", "run `sops --encrypt` on it again")
        try:
            data, nonce, tag = (base64.b64decode(match[part], validate=True) for part in ("data", "iv", "tag"))
            clear = AESGCM(self._key).decrypt(nonce, data + tag, authenticated.encode())
            return _value(clear, match["type"])
        except (InvalidTag, ValueError):
            raise ProviderError(f"{self._name}: `{where}` was changed after it was encrypted") from None

    def check(self) -> None:
        """Raises ProviderError if the values differ from those that SOPS wrote."""
        stated = self._open(self._metadata.get("mac"), str(self._metadata.get("lastmodified")))
        if not hmac.compare_digest(str(stated), self._hash.hexdigest().upper()):
            reason = f"{self._name}: its values were changed after SOPS encrypted them (the MAC differs)"
            raise ProviderError(reason, "restore the file from its history")


def _value(clear: bytes, kind: str) -> Any:
    text = clear.decode("utf-8", "surrogateescape")
    if kind == "int":
        return int(text)
    if kind == "float":
        return int(text) if text.removeprefix("-").isdecimal() else float(text)  # in JSON, all numbers are floats
    if kind == "bool":
        return text.lower() == "true"
    return clear if kind == "bytes" else text


def _text(value: Any) -> str:
    """A value as SOPS hashes it: in Go's notation."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        return f"{Decimal(repr(value)):f}".removesuffix(".0")
    return str(value)
