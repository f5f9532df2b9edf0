"""Every setting that this program reads, one line each. No other module reads the environment or the mounted files.

A scalar comes from an environment variable, everything else from the JSON file of its domain, `$CONFIG_DIR/<domain>.json`, whose
types `weft schema types` generates into `configuration.py`. All settings are read once, when the program starts: a missing or
wrong one stops it with a message that names it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, cast

from pydantic import Base64Bytes, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

if TYPE_CHECKING:
    from application.configuration import Configuration
    from application.configuration import TenantWebhooksItem as Webhook
else:
    Webhook = dict[str, Any]

T = TypeVar("T")


# --- where settings come from ---


def folder() -> Path:
    """Where the configuration is mounted."""
    return Path(os.environ.get("CONFIG_DIR", "/etc/spotify-ai-agent"))


class _Files(dict[str, Any]):
    """The domains, each read from its file when it is first asked for."""

    def __missing__(self, domain: str) -> Any:
        self[domain] = json.loads((folder() / f"{domain}.json").read_text("utf-8"))
        return self[domain]


@cache
def _files() -> Configuration:
    return cast("Configuration", _Files())


def env(variable: str, *default: Any) -> Any:
    """A setting from an environment variable; without a default it must be there."""
    return Field(*default, validation_alias=variable)


def file(read: Callable[[Configuration], T]) -> T:
    """A setting from the files: `read` finds it in the configuration."""
    return cast(T, Field(default_factory=lambda: read(_files())))


class Section(BaseSettings):
    """A group of settings, which never change while the program runs."""

    model_config = SettingsConfigDict(frozen=True, case_sensitive=True, extra="ignore", validate_default=True)


_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def _seconds(value: Any) -> Any:
    found = re.fullmatch(r"([0-9.]+)(ms|s|m|h|d)", str(value))
    return float(found[1]) * _SECONDS[found[2]] if found else value


Duration = Annotated[float, BeforeValidator(_seconds)]
"""Seconds; the configuration writes some with a unit, as in `30s`."""
Mode = Literal["standalone", "sentinel", "cluster"]


# --- the program itself ---


class About(Section):
    """What the program says about itself."""

    name: str = env("APPLICATION_NAME")
    version: str = env("APPLICATION_VERSION")
    api_version: str = env("API_VERSION")
    environment: str = env("ENVIRONMENT")
    build_date: str | None = env("BUILD_DATE", None)
    debug: bool = env("DEBUG")


class Web(Section):
    """How requests are served."""

    workers: int = env("MAX_WORKERS")
    threads: int = file(lambda c: c["performance"]["webserver"]["workers"]["threads"])
    https_only: bool = env("HTTPS_ONLY")
    compression: bool = file(lambda c: c["performance"]["webserver"]["compression"]["enabled"])
    compression_level: int = file(lambda c: c["performance"]["webserver"]["compression"]["level"])


class Cors(Section):
    """Web pages of other origins that may call the API."""

    enabled: bool = env("CORS_ENABLED")
    allowed_origins: list[str] = file(lambda c: c["application"]["cors"]["allowed_origins"])
    allowed_methods: list[Any] = file(lambda c: c["application"]["cors"]["allowed_methods"])
    allowed_headers: list[str] = file(lambda c: c["application"]["cors"]["allowed_headers"])
    allow_credentials: bool = file(lambda c: c["application"]["cors"]["allow_credentials"])
    max_age: int = file(lambda c: c["application"]["cors"]["max_age"])


class RateLimit(Section):
    """Requests that one client may make in a window."""

    enabled: bool = env("RATE_LIMIT_ENABLED")
    requests: int = env("RATE_LIMIT_REQUESTS")
    window: int = env("RATE_LIMIT_WINDOW")
    storage: Literal["memory", "redis"] = env("RATE_LIMIT_STORAGE")
    keys: bool = env("API_KEY_ENABLED")
    key_header: str = env("API_KEY_HEADER")


class Cache(Section):
    """Answers that are kept, in the process and in Redis."""

    enabled: bool = env("CACHE_ENABLED")
    strategy: Literal["LRU", "LFU", "FIFO", "TTL", "ADAPTIVE"] = env("CACHE_STRATEGY")
    ttl: int = env("CACHE_TTL")
    max_size: int = env("CACHE_MAX_SIZE")
    compression: bool = file(lambda c: c["performance"]["cache"]["compression"]["enabled"])
    compression_threshold: int = file(lambda c: c["performance"]["cache"]["compression"]["threshold"])


class Pages(Section):
    """The limits of lists and searches."""

    max_results: int = env("MAX_SEARCH_RESULTS")
    timeout: int = env("SEARCH_TIMEOUT")
    size: int = env("PAGINATION_SIZE")


class Uploads(Section):
    """Audio that people send, and how it is kept."""

    path: Path = env("UPLOAD_PATH")
    max_file_size: int = env("MAX_FILE_SIZE")
    allowed_file_types: list[Any] = file(lambda c: c["application"]["uploads"]["allowed_file_types"])
    algorithm: Literal["AES-256-GCM", "AES-128-GCM", "ChaCha20-Poly1305"] = env("ENCRYPTION_ALGORITHM")
    key: Base64Bytes | None = env("ENCRYPTION_KEY", None)


class Flags(Section):
    """Feature flags."""

    path: Path = Field(default_factory=lambda: folder() / "flags.json")


class Tenant(Section):
    """The tenant that this deployment is for, if it is for one."""

    name: str = file(lambda c: c["tenant"]["name"])
    display_name: str = file(lambda c: c["tenant"]["display_name"])
    tier: str = file(lambda c: c["tenant"]["tier"])
    region: str = file(lambda c: c["tenant"]["region"])
    contact: dict[str, str] = file(lambda c: cast(dict[str, str], c["tenant"]["contact"]))
    requests_per_minute: int = file(lambda c: c["tenant"]["quotas"]["requests_per_minute"])
    concurrent_jobs: int = file(lambda c: c["tenant"]["quotas"]["concurrent_jobs"])
    max_audio_duration: int = file(lambda c: c["tenant"]["limits"]["max_audio_duration"])
    max_batch_tracks: int = file(lambda c: c["tenant"]["limits"]["max_batch_tracks"])
    webhooks: list[Webhook] = file(lambda c: c["tenant"]["webhooks"])


def tenant() -> Tenant | None:
    """The tenant; None in the deployment of an environment itself."""
    return Tenant() if (folder() / "tenant.json").exists() else None


class Integrations(Section):
    """The accounts at services outside of the platform; a service without its account is off."""

    spotify: SecretStr | None = env("SPOTIFY_CLIENT_ID", None)
    google_cloud_key: SecretStr | None = env("GOOGLE_CLOUD_API_KEY", None)
    google_cloud_project: SecretStr | None = env("GOOGLE_CLOUD_PROJECT_ID", None)
    aws_id: SecretStr | None = env("AWS_ACCESS_KEY_ID", None)
    aws_key: SecretStr | None = env("AWS_SECRET_ACCESS_KEY", None)
    sendgrid: SecretStr | None = env("SENDGRID_API_KEY", None)
    twilio_account: SecretStr | None = env("TWILIO_ACCOUNT_SID", None)
    twilio_token: SecretStr | None = env("TWILIO_AUTH_TOKEN", None)
    stripe: SecretStr | None = env("STRIPE_SECRET_KEY", None)
    stripe_webhook: SecretStr | None = env("STRIPE_WEBHOOK_SECRET", None)
    huggingface: SecretStr | None = env("HUGGINGFACE_API_TOKEN", None)
    openai: SecretStr | None = env("OPENAI_API_KEY", None)

    def on(self) -> dict[str, bool]:
        """The services, and whether each has what it needs."""
        return {
            "spotify": bool(self.spotify),
            "google-cloud": bool(self.google_cloud_key and self.google_cloud_project),
            "aws": bool(self.aws_id and self.aws_key),
            "sendgrid": bool(self.sendgrid),
            "twilio": bool(self.twilio_account and self.twilio_token),
            "stripe": bool(self.stripe),
            "stripe-webhooks": bool(self.stripe and self.stripe_webhook),
            "huggingface": bool(self.huggingface),
            "openai": bool(self.openai),
        }


# --- what operators look at ---


class Health(Section):
    """What the probes of Kubernetes ask."""

    enabled: bool = env("HEALTH_CHECK_ENABLED")
    path: str = env("HEALTH_CHECK_PATH")
    readiness_path: str = env("READINESS_CHECK_PATH")
    liveness_path: str = env("LIVENESS_CHECK_PATH")
    interval: Duration = env("HEALTH_CHECK_INTERVAL")
    timeout: Duration = env("HEALTH_CHECK_TIMEOUT")


class Metrics(Section):
    """Figures for Prometheus."""

    enabled: bool = env("METRICS_ENABLED")
    port: int = env("METRICS_PORT")
    path: str = env("PROMETHEUS_METRICS_PATH")
    username: str | None = env("PROMETHEUS_USERNAME", None)
    password: SecretStr | None = env("PROMETHEUS_PASSWORD", None)
    resources: bool = env("RESOURCE_MONITORING_ENABLED")
    buckets: list[float] = file(lambda c: c["monitoring"]["metrics"]["http_request_duration_seconds"]["buckets"])


class Traces(Section):
    """Traces. The SDK of OpenTelemetry itself reads the other variables `OTEL_*`."""

    disabled: bool = env("OTEL_SDK_DISABLED", False)
    protocol: Literal["grpc", "http/protobuf"] = env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    token: SecretStr | None = env("JAEGER_AGENT_PASSWORD", None)


# --- servers that are called ---


class Breakers(Section):
    """When a failing server is left alone."""

    enabled: bool = file(lambda c: c["performance"]["network"]["circuit_breaker"]["enabled"])
    threshold: int = file(lambda c: c["performance"]["network"]["circuit_breaker"]["threshold"])
    recovery: Duration = env("HEALTH_CHECK_INTERVAL")


class Calls(Section):
    """Calls of servers on the internet."""

    connect_timeout: float = file(lambda c: c["performance"]["network"]["timeouts"]["connect"])
    socket_timeout: float = file(lambda c: c["performance"]["network"]["timeouts"]["socket"])
    keepalive: bool = file(lambda c: c["performance"]["network"]["tcp"]["keepalive"])
    per_host: int = file(lambda c: c["performance"]["network"]["connections"]["per_host"])
    total: int = file(lambda c: c["performance"]["network"]["connections"]["total"])
    dns_cache_ttl: int = file(lambda c: c["performance"]["network"]["dns_cache_ttl"])
    attempts: int = file(lambda c: c["performance"]["network"]["retry"]["attempts"])
    backoff_factor: float = file(lambda c: c["performance"]["network"]["retry"]["backoff_factor"])


class Pool(Section):
    """The connections that a worker keeps to one PostgreSQL server."""

    size: int = env("DB_POOL_SIZE")
    max_overflow: int = env("DB_MAX_OVERFLOW")
    timeout: int = env("DB_POOL_TIMEOUT")
    recycle: int = env("DB_POOL_RECYCLE")
    pre_ping: bool = env("DB_POOL_PRE_PING")


class Pooler(Section):
    """PgBouncer, where there is one: it is between the program and the primary and the replica."""

    enabled: bool = env("DB_CONNECTION_POOL_ENABLED")
    host: str = env("DB_POOLER_HOST")
    port: int = env("DB_POOLER_PORT")
    replica_name: str = env("DB_POOLER_REPLICA_NAME")


class Replica(Section):
    """The server that only answers reads."""

    enabled: bool = env("DB_READ_ENABLED")
    host: str | None = env("DB_READ_HOST", None)
    port: int = env("DB_READ_PORT")
    password: SecretStr | None = env("DB_READ_PASSWORD", None)
    read_write_split: bool = env("DB_READ_WRITE_SPLIT")
    max_lag: int = env("DB_READ_MAX_LAG")


class DatabaseChecks(Section):
    """How often the PostgreSQL servers are asked, and when one counts as down."""

    enabled: bool = env("DB_HEALTH_CHECK_ENABLED")
    interval: int = env("DB_HEALTH_CHECK_INTERVAL")
    timeout: int = env("DB_HEALTH_CHECK_TIMEOUT")
    failures: int = env("DB_HEALTH_CHECK_FAILURES")


class Failover(Section):
    """What happens while a PostgreSQL server is down."""

    enabled: bool = env("DB_FAILOVER_ENABLED")
    read_from_primary: bool = env("DB_FAILOVER_READ_FROM_PRIMARY")
    retry_attempts: int = env("DB_FAILOVER_RETRY_ATTEMPTS")
    retry_interval: int = env("DB_FAILOVER_RETRY_INTERVAL")
    timeout: int = env("DB_FAILOVER_TIMEOUT")


class Postgresql(Section):
    """The relational database. libpq itself reads PGSSLMODE, PGSSLROOTCERT, PGCONNECT_TIMEOUT and the others of their kind."""

    host: str = env("DB_HOST")
    port: int = env("DB_PORT")
    members: list[str] = file(lambda c: c["database"]["postgresql"]["members"])
    name: str = env("DB_NAME")
    user: str = env("DB_USER")
    password: SecretStr | None = env("DB_PASSWORD", None)
    echo: bool = env("DB_ECHO")
    slow: float = file(lambda c: c["performance"]["database"]["slow_query_threshold"])
    keepalives_idle: int = env("DB_KEEPALIVES_IDLE")
    keepalives_interval: int = env("DB_KEEPALIVES_INTERVAL")
    keepalives_count: int = env("DB_KEEPALIVES_COUNT")
    tcp_user_timeout: int = env("DB_TCP_USER_TIMEOUT")
    pool: Pool = Field(default_factory=Pool)
    pooler: Pooler = Field(default_factory=Pooler)
    replica: Replica = Field(default_factory=Replica)
    checks: DatabaseChecks = Field(default_factory=DatabaseChecks)
    failover: Failover = Field(default_factory=Failover)


class Redis(Section):
    """What both servers of Redis have in common."""

    username: str | None = env("REDIS_USERNAME", None)
    password: SecretStr | None = env("REDIS_PASSWORD", None)
    max_connections: int = env("REDIS_MAX_CONNECTIONS")
    health_check_interval: int = env("REDIS_HEALTH_CHECK_INTERVAL")
    retry_on_timeout: bool = env("REDIS_RETRY_ON_TIMEOUT")
    socket_timeout: float = env("REDIS_SOCKET_TIMEOUT")
    tls: bool = env("REDIS_TLS_ENABLED")
    ca_file: str | None = env("REDIS_TLS_CA_FILE", None)
    sentinels: list[str] = file(lambda c: c["database"]["redis"]["sentinel"]["addresses"])


class RedisCache(Redis):
    """The Redis that forgets what was not asked for."""

    mode: Mode = env("REDIS_MODE")
    host: str = env("REDIS_HOST")
    port: int = env("REDIS_PORT")
    database: int = env("REDIS_DB")
    service_name: str = env("REDIS_SERVICE_NAME")


class RedisStore(Redis):
    """The Redis that forgets nothing: counters of rate limits, and jobs."""

    mode: Mode = env("REDIS_STORE_MODE")
    host: str = env("REDIS_STORE_HOST")
    port: int = env("REDIS_STORE_PORT")
    database: int = env("REDIS_STORE_DB")
    service_name: str = env("REDIS_STORE_SERVICE_NAME")


class Mongodb(Section):
    """The document database; times are in seconds."""

    host: str = env("MONGO_HOST")
    port: int = env("MONGO_PORT")
    srv: bool = env("MONGO_SRV")
    members: list[str] = file(lambda c: c["database"]["mongodb"]["members"])
    database: str = env("MONGO_DATABASE")
    username: str | None = env("MONGO_USERNAME", None)
    password: SecretStr | None = env("MONGO_PASSWORD", None)
    auth_source: str = env("MONGO_AUTH_SOURCE")
    replica_set: str | None = env("MONGO_REPLICA_SET", None)
    read_preference: str = env("MONGO_READ_PREFERENCE")
    write_concern: str = env("MONGO_WRITE_CONCERN")
    retry_writes: bool = env("MONGO_RETRY_WRITES")
    retry_reads: bool = env("MONGO_RETRY_READS")
    min_pool_size: int = env("MONGO_MIN_POOL_SIZE")
    max_pool_size: int = env("MONGO_MAX_POOL_SIZE")
    server_selection_timeout: float = env("MONGO_SERVER_SELECTION_TIMEOUT")
    connect_timeout: float = env("MONGO_CONNECT_TIMEOUT")
    socket_timeout: float = env("MONGO_SOCKET_TIMEOUT")
    tls: bool = env("MONGO_TLS_ENABLED")
    ca_file: str | None = env("MONGO_TLS_CA_FILE", None)
    certificate_file: str | None = env("MONGO_TLS_CERTIFICATE_FILE", None)


class Elasticsearch(Section):
    """The search engine."""

    host: str = env("ELASTICSEARCH_HOST")
    port: int = env("ELASTICSEARCH_PORT")
    username: str | None = env("ELASTICSEARCH_USERNAME", None)
    password: SecretStr | None = env("ELASTICSEARCH_PASSWORD", None)
    api_key: SecretStr | None = env("ELASTICSEARCH_API_KEY", None)
    index_prefix: str = env("ELASTICSEARCH_INDEX_PREFIX")
    request_timeout: float = env("ELASTICSEARCH_REQUEST_TIMEOUT")
    tls: bool = env("ELASTICSEARCH_TLS_ENABLED")
    ca_file: str | None = env("ELASTICSEARCH_TLS_CA_FILE", None)
    ca_fingerprint: str | None = env("ELASTICSEARCH_CA_FINGERPRINT", None)


class Jobs(Section):
    """What is handed to the workers of machine learning, and how long their answer may take."""

    timeout: float = env("ML_INFERENCE_TIMEOUT")
    batch_size: int = env("ML_INFERENCE_BATCH_SIZE")
    model_version: str = env("ML_MODEL_VERSION")
    max_sequence_length: int = env("ML_MAX_SEQUENCE_LENGTH")
    sample_rate: int = env("AUDIO_SAMPLE_RATE")
    channels: int = env("AUDIO_CHANNELS")
    chunk_size: int = env("AUDIO_CHUNK_SIZE")
    format: str = env("AUDIO_FORMAT")
    stem_model: str = env("SPLEETER_MODEL")
    max_duration: int = env("SPLEETER_MAX_DURATION")
    keep_stems: bool = env("SPLEETER_CACHE_ENABLED")


class Settings(Section):
    """Everything, by the part of the program that takes it."""

    about: About = Field(default_factory=About)
    web: Web = Field(default_factory=Web)
    cors: Cors = Field(default_factory=Cors)
    rate_limit: RateLimit = Field(default_factory=RateLimit)
    cache: Cache = Field(default_factory=Cache)
    pages: Pages = Field(default_factory=Pages)
    uploads: Uploads = Field(default_factory=Uploads)
    flags: Flags = Field(default_factory=Flags)
    tenant: Tenant | None = Field(default_factory=tenant)
    integrations: Integrations = Field(default_factory=Integrations)
    health: Health = Field(default_factory=Health)
    metrics: Metrics = Field(default_factory=Metrics)
    traces: Traces = Field(default_factory=Traces)
    breakers: Breakers = Field(default_factory=Breakers)
    calls: Calls = Field(default_factory=Calls)
    postgresql: Postgresql = Field(default_factory=Postgresql)
    redis_cache: RedisCache = Field(default_factory=RedisCache)
    redis_store: RedisStore = Field(default_factory=RedisStore)
    mongodb: Mongodb = Field(default_factory=Mongodb)
    elasticsearch: Elasticsearch = Field(default_factory=Elasticsearch)
    jobs: Jobs = Field(default_factory=Jobs)
