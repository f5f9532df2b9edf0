"""Traces by OTLP. The SDK of OpenTelemetry reads its own settings, the variables `OTEL_*`, so there is little to hand over."""

from __future__ import annotations

from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from application.settings import Traces


def instrument(app: FastAPI, settings: Traces) -> None:
    """Let requests and calls of Redis make spans; databases.py makes those of PostgreSQL."""
    if not settings.disabled:
        FastAPIInstrumentor.instrument_app(app)
        RedisInstrumentor().instrument()


def start(settings: Traces) -> TracerProvider | None:
    """Send spans from this process; to be called in each worker, because threads do not survive a fork."""
    if settings.disabled:
        return None
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(_exporter(settings)))
    trace.set_tracer_provider(provider)
    return provider


def _exporter(settings: Traces) -> SpanExporter:
    token = settings.token
    headers = {"authorization": f"Bearer {token.get_secret_value()}"} if token else None
    if settings.protocol == "grpc":
        return GrpcExporter(headers=headers)
    return HttpExporter(headers=headers)
