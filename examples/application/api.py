"""The endpoints of the product, below the version of the API."""

import logging
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection, insert, select

from application import features
from application.parts import Parts
from application.tables import TRACKS

AUDIT = logging.getLogger("audit")


class NewTrack(BaseModel):
    """A track as a client sends it."""

    title: Annotated[str, Field(min_length=1, max_length=200)]


class Batch(BaseModel):
    """Tracks that are worked on together."""

    tracks: Annotated[list[int], Field(min_length=1)]


class Wish(BaseModel):
    """What somebody wants to hear."""

    text: str


def routes(parts: Parts) -> APIRouter:
    """All endpoints; each request counts against the rate limit."""
    router = APIRouter(dependencies=[Depends(parts.rate_limits.check)])
    for add in (_add_about, _add_tracks, _add_audio, _add_finding, _add_jobs):
        add(router, parts)
    return router


def _add_about(router: APIRouter, parts: Parts) -> None:
    about, tenant = parts.settings.about, parts.settings.tenant

    @router.get("/about")
    def tell() -> dict[str, Any]:
        return {
            "name": about.name,
            "version": about.version,
            "environment": about.environment,
            "built": about.build_date,
        }

    @router.get("/tenant")
    def who() -> dict[str, Any]:
        if tenant is None:
            raise HTTPException(404, "this deployment is for no tenant alone")
        return {
            "name": tenant.name,
            "display_name": tenant.display_name,
            "tier": tenant.tier,
            "region": tenant.region,
            "contact": tenant.contact,
        }

    @router.get("/integrations")
    def integrations() -> dict[str, bool]:
        return parts.settings.integrations.on()

    @router.get("/features/{feature}")
    def feature(feature: str, user: str | None = None, plan: str | None = None) -> dict[str, Any]:
        return {"feature": feature, "on": features.is_on(feature, user, {"plan": plan} if plan else {})}


def _add_tracks(router: APIRouter, parts: Parts) -> None:
    pages = parts.settings.pages

    @router.get("/tracks")
    def tracks(
        page: Annotated[int, Query(ge=1)] = 1, size: Annotated[int, Query(ge=1, le=pages.max_results)] = pages.size
    ) -> list[dict[str, Any]]:
        def listed(connection: Connection) -> list[dict[str, Any]]:
            query = select(TRACKS).order_by(TRACKS.c.id).offset((page - 1) * size).limit(size)
            return [dict(row) for row in connection.execute(query).mappings()]

        return parts.databases.read(listed)

    @router.post("/tracks", status_code=201)
    def add(track: NewTrack, request: Request) -> dict[str, int]:
        query = insert(TRACKS).values(title=track.title).returning(TRACKS.c.id)
        number = parts.databases.write(lambda connection: connection.execute(query).scalar_one())
        parts.index(number, track.title)
        AUDIT.info("track added", extra={"track": number, "client": request.client and request.client.host})
        return {"id": number}

    @router.get("/tracks/{number}")
    def one(number: int) -> dict[str, Any]:
        def asked() -> dict[str, Any] | None:
            query = select(TRACKS).where(TRACKS.c.id == number)
            row = parts.databases.read(lambda connection: connection.execute(query).mappings().one_or_none())
            return dict(row) if row else None

        found: dict[str, Any] | None = parts.answers.get(f"track:{number}", asked)
        if found is None:
            raise HTTPException(404, f"there is no track {number}")
        return found


def _add_audio(router: APIRouter, parts: Parts) -> None:
    @router.put("/tracks/{number}/audio/{kind}", status_code=201)
    async def upload(number: int, kind: str, request: Request) -> dict[str, int]:
        return {"bytes": await parts.audio.keep(number, kind, request.stream())}

    @router.get("/tracks/{number}/audio")
    def download(number: int) -> Response:
        audio = parts.audio.read(number)
        if audio is None:
            raise HTTPException(404, f"track {number} has no audio")
        return Response(audio, media_type="application/octet-stream")


def _add_finding(router: APIRouter, parts: Parts) -> None:
    pages = parts.settings.pages

    @router.get("/search")
    def search(
        q: str,
        page: Annotated[int, Query(ge=1)] = 1,
        size: Annotated[int, Query(ge=1, le=pages.max_results)] = pages.size,
    ) -> dict[str, Any]:
        return parts.search.find(q, page, size)

    @router.post("/tracks/{number}/plays", status_code=201)
    def play(number: int) -> dict[str, int]:
        parts.plays.add(number)
        return {"plays": parts.plays.count(number)}


def _add_jobs(router: APIRouter, parts: Parts) -> None:
    @router.post("/stems")
    def stems(batch: Batch) -> list[Any]:
        return parts.jobs.stems(batch.tracks)

    @router.post("/playlists")
    def playlist(wish: Wish) -> Any:
        return parts.jobs.playlist(wish.text)
