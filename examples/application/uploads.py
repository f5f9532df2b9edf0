"""Audio that people send: only some types, not too large, not too long for the tenant, and encrypted where a key is set."""

from __future__ import annotations

import io
import os
import struct
import wave
from collections.abc import AsyncIterable, Iterator
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from fastapi import HTTPException

from application.settings import Tenant, Uploads

_CIPHERS = {"AES-256-GCM": AESGCM, "AES-128-GCM": AESGCM, "ChaCha20-Poly1305": ChaCha20Poly1305}
_SIZES = {"AES-256-GCM": 32, "AES-128-GCM": 16, "ChaCha20-Poly1305": 32}
_PART = 1 << 20
"""Files are encrypted in parts of so many bytes."""


class Audio:
    """The folder of uploads."""

    def __init__(self, settings: Uploads, tenant: Tenant | None) -> None:
        self._settings = settings
        self._longest = tenant.max_audio_duration * 60 if tenant else None
        self._cipher = None
        if settings.key:
            size = _SIZES[settings.algorithm]
            if len(settings.key) != size:
                raise ValueError(f"ENCRYPTION_KEY has {len(settings.key)} bytes, but {settings.algorithm} needs {size}")
            self._cipher = _CIPHERS[settings.algorithm](settings.key)

    async def keep(self, number: int, kind: str, parts: AsyncIterable[bytes]) -> int:
        """Keep the audio of a track; gives its size. Raises an error of HTTP for audio that is not taken."""
        if kind not in self._settings.allowed_file_types:
            raise HTTPException(415, f"{kind} is not taken, but {', '.join(self._settings.allowed_file_types)}")
        data = bytearray()
        async for part in parts:
            data += part
            if len(data) > self._settings.max_file_size:
                raise HTTPException(413, f"audio may have {self._settings.max_file_size} bytes")
        if kind == "wav" and self._longest and _seconds(data) > self._longest:
            raise HTTPException(422, f"audio may be {self._longest} seconds long")
        self._settings.path.mkdir(parents=True, exist_ok=True)
        self._file(number).write_bytes(b"".join(self._sealed(number, bytes(data))))
        return len(data)

    def read(self, number: int) -> bytes | None:
        """The audio of a track, as it was sent."""
        try:
            return b"".join(self._opened(number, self._file(number).read_bytes()))
        except FileNotFoundError:
            return None

    def _file(self, number: int) -> Path:
        return self._settings.path / str(number)

    def _sealed(self, number: int, data: bytes) -> Iterator[bytes]:
        """The parts of a file: each with its own nonce, bound to the track and to its place."""
        if self._cipher is None:
            yield data
            return
        for begin in range(0, len(data), _PART):
            nonce = os.urandom(12)
            yield nonce + self._cipher.encrypt(nonce, data[begin : begin + _PART], struct.pack(">QQ", number, begin))

    def _opened(self, number: int, kept: bytes) -> Iterator[bytes]:
        if self._cipher is None:
            yield kept
            return
        sealed = 12 + _PART + 16
        for place, begin in enumerate(range(0, len(kept), sealed)):
            nonce, text = kept[begin : begin + 12], kept[begin + 12 : begin + sealed]
            yield self._cipher.decrypt(nonce, text, struct.pack(">QQ", number, place * _PART))


def _seconds(data: bytes | bytearray) -> float:
    try:
        with wave.open(io.BytesIO(data)) as audio:
            return audio.getnframes() / audio.getframerate()
    except (wave.Error, EOFError) as error:
        raise HTTPException(422, f"this is not a WAV file: {error}") from None
