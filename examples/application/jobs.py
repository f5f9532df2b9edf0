"""Jobs for the workers of machine learning: the API puts them into lists of the store, and waits for the answer.

What a worker needs to know is in the job, so that API and workers cannot disagree about it.
"""

from __future__ import annotations

import json
import uuid
from functools import partial
from typing import Any

from fastapi import HTTPException

from application import features
from application.breakers import Breaker
from application.redis_stores import RedisServer
from application.settings import Jobs, Tenant
from application.webhooks import Webhooks

QUEUE = "jobs:{kind}"
RESULT = "results:{job}"
STEMS = "stems:{track}"


class Queue:
    """Hands jobs to workers."""

    def __init__(
        self, settings: Jobs, tenant: Tenant | None, store: RedisServer, breaker: Breaker, webhooks: Webhooks
    ) -> None:
        self._settings, self._tenant, self._store = settings, tenant, store
        self._breaker, self._webhooks = breaker, webhooks

    def stems(self, tracks: list[int]) -> list[Any]:
        """The separated voices and instruments of tracks."""
        self._allow("audio.spleeter_separation", len(tracks))
        kept = {track: self._kept(track) for track in tracks} if self._settings.keep_stems else {}
        missing = [track for track in tracks if kept.get(track) is None]
        if missing:
            settings = self._settings
            audio = {"sample_rate": settings.sample_rate, "channels": settings.channels, "format": settings.format}
            limits = {"max_duration": settings.max_duration, "chunk_size": settings.chunk_size}
            made = self._ask("stems", {"tracks": missing, "model": settings.stem_model, **audio, **limits})
            kept |= dict(zip(missing, made, strict=True))
            self._keep({track: kept[track] for track in missing})
        return [kept[track] for track in tracks]

    def playlist(self, wish: str) -> Any:
        """A playlist for what somebody asked for."""
        self._allow("ai.playlist_generation", 1)
        if len(wish.split()) > self._settings.max_sequence_length:
            raise HTTPException(422, f"a wish may have {self._settings.max_sequence_length} words")
        return self._ask("playlist", {"wish": wish, "model_version": self._settings.model_version})

    def _allow(self, feature: str, tracks: int) -> None:
        if not features.is_on(feature):
            raise HTTPException(404, f"{feature} is off")
        batch = self._settings.batch_size
        most = min(batch, self._tenant.max_batch_tracks) if self._tenant else batch
        if tracks > most:
            raise HTTPException(422, f"a job may have {most} tracks")

    def _ask(self, kind: str, job: dict[str, Any]) -> Any:
        """Queue a job and wait for its answer."""
        client, queue, name = self._store.client, QUEUE.format(kind=kind), uuid.uuid4().hex
        if self._tenant and self._breaker.call(lambda: client.llen(queue)) >= self._tenant.concurrent_jobs:
            raise HTTPException(429, "too many jobs are waiting", {"Retry-After": "5"})
        self._breaker.call(lambda: client.rpush(queue, json.dumps({"job": name, **job})))
        answer = self._breaker.call(lambda: self._wait(RESULT.format(job=name)))
        about = {"job": name, "kind": kind}
        if answer is None:
            self._webhooks.tell("job.failed", about)
            raise HTTPException(504, f"no worker answered within {self._settings.timeout:g} seconds")
        self._webhooks.tell("job.completed", about)
        return json.loads(answer)

    def _wait(self, key: str) -> bytes | None:
        """The answer, or None; asked in steps, because a client of Redis does not wait longer than its own time limit."""
        client, left = self._store.client, self._settings.timeout
        while left > 0:
            step = min(1.0, left)
            found = client.blpop([key], timeout=step)
            if found:
                return bytes(found[1])
            left -= step
        return None

    def _kept(self, track: int) -> Any:
        text = self._breaker.call(lambda: self._store.client.get(STEMS.format(track=track)))
        return None if text is None else json.loads(text)

    def _keep(self, stems: dict[int, Any]) -> None:
        for track, made in stems.items() if self._settings.keep_stems else ():
            key, text = STEMS.format(track=track), json.dumps(made)
            self._breaker.call(partial(self._store.client.set, key, text))
