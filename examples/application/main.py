"""The application that gunicorn runs, `application.main:app`, built of its parts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.middleware.httpsredirect import HTTPSRedirectMiddleware
from fastapi.responses import JSONResponse
from sqlalchemy.exc import TimeoutError as PoolIsEmpty
from starlette.types import Receive, Scope, Send

from application import api, databases, documents, features, health, metrics, redis_stores, traces
from application.breakers import Open
from application.parts import Parts
from application.settings import Settings

AWAY = (*databases.AWAY, PoolIsEmpty, redis_stores.AWAY, documents.MONGODB_AWAY, *documents.SEARCH_AWAY, Open)
"""The errors that mean: a server is away, try again later."""


class HttpsOnly(HTTPSRedirectMiddleware):
    """Sends browsers to https; not the kubelet, whose probes come to the pod itself."""

    def __init__(self, app: FastAPI, probes: tuple[str, ...]) -> None:
        super().__init__(app)
        self._probes = probes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a redirect, or pass the request on."""
        if scope["type"] == "http" and scope["path"] in self._probes:
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create(settings: Settings) -> FastAPI:
    """The application with these settings."""
    parts = Parts(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        """What each worker does for itself, after gunicorn has forked it."""
        current_default_thread_limiter().total_tokens = settings.web.threads
        features.start(settings.flags)
        provider = traces.start(settings.traces)
        metrics.start(settings.metrics)
        parts.watch.start()
        await parts.webhooks.start()
        yield
        await parts.webhooks.stop()
        parts.watch.stop()
        parts.close()
        features.stop()
        if provider:
            provider.shutdown()

    about = settings.about
    app = FastAPI(title=about.name, version=about.version, debug=about.debug, lifespan=lifespan)
    app.include_router(health.routes(settings.health, parts.watch))
    app.include_router(api.routes(parts), prefix=f"/{about.api_version}")
    for error in AWAY:
        app.add_exception_handler(error, away)
    _add_middleware(app, settings)
    traces.instrument(app, settings.traces)
    return app


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    """The last one that is added is the first that sees a request."""
    web, cors, probes = settings.web, settings.cors, settings.health
    if web.compression:
        app.add_middleware(GZipMiddleware, compresslevel=web.compression_level)
    if cors.enabled:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=cors.allowed_origins,
            allow_methods=cors.allowed_methods,
            allow_headers=cors.allowed_headers,
            allow_credentials=cors.allow_credentials,
            max_age=cors.max_age,
        )
    if web.https_only:
        app.add_middleware(HttpsOnly, probes=(probes.path, probes.readiness_path, probes.liveness_path))
    if settings.metrics.enabled:
        app.add_middleware(metrics.Measured, settings=settings.metrics)


async def away(_: Request, error: Exception) -> JSONResponse:
    """The answer while a server is away."""
    return JSONResponse({"detail": f"a server is away: {type(error).__name__}"}, 503, {"Retry-After": "5"})


app = create(Settings())
