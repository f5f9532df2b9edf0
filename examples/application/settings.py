"""Every setting that this program reads, one line each. No other module reads the environment or the mounted files.

They come from the bundle in `$CONFIG_DIR`, which `weft.client` checks and follows: an attribute is always the value in force. Those with
`x-reload: live` in their schemas change while the program runs; what is made of the others at the start stays until it is restarted. Only
secrets come from environment variables. `weft schema types` generates the types, `configuration.py`. A missing or wrong setting stops the
program when it starts, with a message that names it; later it only refuses the new revision.
"""

from __future__ import annotations

import os
import re
from base64 import b64decode
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from pydantic import SecretStr

import weft.client
from application.configuration import Configuration

T = TypeVar("T")
Mode = Literal["standalone", "sentinel", "cluster"]


# --- where settings come from ---


def folder() -> Path:
    """Where the configuration is mounted."""
    return Path(os.environ.get("CONFIG_DIR", "/etc/spotify-ai-agent"))


@cache
def configuration() -> weft.client.Config:
    """The configuration of this process; one that is forked from it follows the files by itself."""
    return weft.client.open(folder(), last_good=os.environ.get("CONFIG_STATE_DIR"), environ="secrets")


@cache
def _current() -> Configuration:
    """The values in force, which `bind` keeps up to date; a process without some secrets has less than the types say."""
    return cast(Configuration, configuration().bind(dict[str, Any]))


class _Setting:
    """An attribute that is read in the configuration each time; `missing` is what it is without a value."""

    def __init__(self, read: Callable[[Configuration], Any], *missing: Any) -> None:
        self._read, self._missing = read, missing

    def __get__(self, section: object, owner: type) -> Any:
        try:
            return self._read(_current())
        except KeyError:
            if not self._missing:
                raise
            return self._missing[0]

    def __set__(self, section: object, value: Any) -> None:
        raise AttributeError("settings follow the configuration, and are not set")


def setting(read: Callable[[Configuration], T]) -> T:
    """A setting: `read` finds it in the configuration."""
    return cast(T, _Setting(read))


def optional(read: Callable[[Configuration], T]) -> T | None:
    """A setting that may have no value."""
    return cast("T | None", _Setting(read, None))


def seconds(duration: str) -> float:
    """The seconds of a duration with a unit, such as `500ms`."""
    number, unit = cast("re.Match[str]", re.fullmatch(r"([0-9.]+)(ms|s|m|h|d)", duration)).groups()
    return float(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}[unit]


# --- the program itself ---


class About:
    """What the program says about itself."""

    name = setting(lambda c: c["application"]["name"])
    version = setting(lambda c: c["application"]["version"])
    api_version = setting(lambda c: c["application"]["api_version"])
    environment = setting(lambda c: c["application"]["environment"])
    build_date = optional(lambda c: c["application"]["build_date"])
    debug = setting(lambda c: c["application"]["debug"])


class Web:
    """How requests are served."""

    workers = setting(lambda c: c["application"]["server"]["max_workers"])
    threads = setting(lambda c: c["performance"]["webserver"]["workers"]["threads"])
    https_only = setting(lambda c: c["security"]["https_only"])
    compression = setting(lambda c: c["performance"]["webserver"]["compression"]["enabled"])
    compression_level = setting(lambda c: c["performance"]["webserver"]["compression"]["level"])


class Cors:
    """Web pages of other origins that may call the API."""

    enabled = setting(lambda c: c["application"]["cors"]["enabled"])
    allowed_origins = setting(lambda c: c["application"]["cors"]["allowed_origins"])
    allowed_methods = setting(lambda c: cast("list[str]", c["application"]["cors"]["allowed_methods"]))
    allowed_headers = setting(lambda c: c["application"]["cors"]["allowed_headers"])
    allow_credentials = setting(lambda c: c["application"]["cors"]["allow_credentials"])
    max_age = setting(lambda c: c["application"]["cors"]["max_age"])


class RateLimit:
    """Requests that one client may make in a window."""

    enabled = setting(lambda c: c["application"]["rate_limit"]["enabled"])
    requests = setting(lambda c: c["application"]["rate_limit"]["requests"])
    window = setting(lambda c: c["application"]["rate_limit"]["window"])
    storage = setting(lambda c: c["application"]["rate_limit"]["storage"])
    keys = setting(lambda c: c["security"]["api_keys"]["enabled"])
    key_header = setting(lambda c: c["security"]["api_keys"]["header"])


class Cache:
    """Answers that are kept, in the process and in Redis."""

    enabled = setting(lambda c: c["application"]["cache"]["enabled"])
    strategy = setting(lambda c: c["application"]["cache"]["strategy"])
    ttl = setting(lambda c: c["application"]["cache"]["ttl"])
    max_size = setting(lambda c: c["application"]["cache"]["max_size"])
    compression = setting(lambda c: c["performance"]["cache"]["compression"]["enabled"])
    compression_threshold = setting(lambda c: c["performance"]["cache"]["compression"]["threshold"])


class Pages:
    """The limits of lists and searches."""

    max_results = setting(lambda c: c["application"]["search"]["max_results"])
    timeout = setting(lambda c: c["application"]["search"]["timeout"])
    size = setting(lambda c: c["application"]["search"]["pagination_size"])


class Uploads:
    """Audio that people send, and how it is kept."""

    path = setting(lambda c: Path(c["application"]["uploads"]["path"]))
    max_file_size = setting(lambda c: c["application"]["uploads"]["max_file_size"])
    allowed_file_types = setting(lambda c: cast("list[str]", c["application"]["uploads"]["allowed_file_types"]))
    algorithm = setting(lambda c: c["security"]["encryption"]["algorithm"])
    key = optional(lambda c: b64decode(c["security"]["encryption"]["key"]))


class Flags:
    """Feature flags."""

    @property
    def path(self) -> Path:
        """The file of the same bundle that flagd's provider follows."""
        return folder() / "flags.json"


class Tenant:
    """The tenant that this deployment is for, if it is for one."""

    name = setting(lambda c: c["tenant"]["name"])
    display_name = setting(lambda c: c["tenant"]["display_name"])
    tier = setting(lambda c: c["tenant"]["tier"])
    region = setting(lambda c: c["tenant"]["region"])
    contact = setting(lambda c: cast("dict[str, str]", c["tenant"]["contact"]))
    requests_per_minute = setting(lambda c: c["tenant"]["quotas"]["requests_per_minute"])
    concurrent_jobs = setting(lambda c: c["tenant"]["quotas"]["concurrent_jobs"])
    max_audio_duration = setting(lambda c: c["tenant"]["limits"]["max_audio_duration"])
    max_batch_tracks = setting(lambda c: c["tenant"]["limits"]["max_batch_tracks"])
    webhooks = setting(lambda c: c["tenant"]["webhooks"])


def _secret(read: Callable[[Configuration], str]) -> SecretStr | None:
    """A secret, which nothing prints."""
    return optional(lambda c: SecretStr(read(c)))


class Integrations:
    """The accounts at services outside of the platform; a service without its account is off."""

    spotify = _secret(lambda c: c["application"]["integrations"]["spotify"]["client_id"])
    google_cloud_key = _secret(lambda c: c["application"]["integrations"]["google_cloud"]["api_key"])
    google_cloud_project = _secret(lambda c: c["application"]["integrations"]["google_cloud"]["project_id"])
    aws_id = _secret(lambda c: c["application"]["integrations"]["aws"]["access_key_id"])
    aws_key = _secret(lambda c: c["application"]["integrations"]["aws"]["secret_access_key"])
    sendgrid = _secret(lambda c: c["application"]["integrations"]["sendgrid"]["api_key"])
    twilio_account = _secret(lambda c: c["application"]["integrations"]["twilio"]["account_sid"])
    twilio_token = _secret(lambda c: c["application"]["integrations"]["twilio"]["auth_token"])
    stripe = _secret(lambda c: c["application"]["integrations"]["stripe"]["secret_key"])
    stripe_webhook = _secret(lambda c: c["application"]["integrations"]["stripe"]["webhook_secret"])
    huggingface = _secret(lambda c: c["application"]["integrations"]["huggingface"]["api_token"])
    openai = _secret(lambda c: c["application"]["integrations"]["openai"]["api_key"])

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


class Health:
    """What the probes of Kubernetes ask."""

    enabled = setting(lambda c: c["monitoring"]["health"]["enabled"])
    path = setting(lambda c: c["monitoring"]["health"]["path"])
    readiness_path = setting(lambda c: c["monitoring"]["health"]["readiness_path"])
    liveness_path = setting(lambda c: c["monitoring"]["health"]["liveness_path"])
    interval = setting(lambda c: seconds(c["monitoring"]["health"]["interval"]))
    timeout = setting(lambda c: seconds(c["monitoring"]["health"]["timeout"]))


class Metrics:
    """Figures for Prometheus."""

    enabled = setting(lambda c: c["application"]["metrics"]["enabled"])
    port = setting(lambda c: c["application"]["metrics"]["port"])
    path = setting(lambda c: c["monitoring"]["prometheus"]["metrics_path"])
    username = optional(lambda c: c["monitoring"]["prometheus"]["username"])
    password = _secret(lambda c: c["monitoring"]["prometheus"]["password"])
    resources = setting(lambda c: c["monitoring"]["resources"]["enabled"])
    buckets = setting(lambda c: c["monitoring"]["metrics"]["http_request_duration_seconds"]["buckets"])


class Traces:
    """Traces. The SDK of OpenTelemetry itself reads these two variables, and the others `OTEL_*`."""

    token = _secret(lambda c: c["monitoring"]["jaeger"]["collector"]["password"])

    @property
    def disabled(self) -> bool:
        """Whether there are none."""
        return os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"

    @property
    def protocol(self) -> str:
        """How they are sent."""
        return os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")


# --- servers that are called ---


class Breakers:
    """When a failing server is left alone."""

    enabled = setting(lambda c: c["performance"]["network"]["circuit_breaker"]["enabled"])
    threshold = setting(lambda c: c["performance"]["network"]["circuit_breaker"]["threshold"])
    recovery = setting(lambda c: seconds(c["monitoring"]["health"]["interval"]))


class Calls:
    """Calls of servers on the internet."""

    connect_timeout = setting(lambda c: c["performance"]["network"]["timeouts"]["connect"])
    socket_timeout = setting(lambda c: c["performance"]["network"]["timeouts"]["socket"])
    keepalive = setting(lambda c: c["performance"]["network"]["tcp"]["keepalive"])
    per_host = setting(lambda c: c["performance"]["network"]["connections"]["per_host"])
    total = setting(lambda c: c["performance"]["network"]["connections"]["total"])
    dns_cache_ttl = setting(lambda c: c["performance"]["network"]["dns_cache_ttl"])
    attempts = setting(lambda c: c["performance"]["network"]["retry"]["attempts"])
    backoff_factor = setting(lambda c: c["performance"]["network"]["retry"]["backoff_factor"])


class Pool:
    """The connections that a worker keeps to one PostgreSQL server."""

    size = setting(lambda c: c["database"]["postgresql"]["pool"]["size"])
    max_overflow = setting(lambda c: c["database"]["postgresql"]["pool"]["max_overflow"])
    timeout = setting(lambda c: c["database"]["postgresql"]["pool"]["timeout"])
    recycle = setting(lambda c: c["database"]["postgresql"]["pool"]["recycle"])
    pre_ping = setting(lambda c: c["database"]["postgresql"]["pool"]["pre_ping"])


class Pooler:
    """PgBouncer, where there is one: it is between the program and the primary and the replica."""

    enabled = setting(lambda c: c["database"]["postgresql"]["pooler"]["enabled"])
    host = setting(lambda c: c["database"]["postgresql"]["pooler"]["host"])
    port = setting(lambda c: c["database"]["postgresql"]["pooler"]["port"])
    replica_name = setting(lambda c: c["database"]["postgresql"]["pooler"]["replica_name"])


class Replica:
    """The server that only answers reads."""

    enabled = setting(lambda c: c["database"]["postgresql"]["read_replica"]["enabled"])
    host = optional(lambda c: c["database"]["postgresql"]["read_replica"]["host"])
    port = setting(lambda c: c["database"]["postgresql"]["read_replica"]["port"])
    password = _secret(lambda c: c["database"]["postgresql"]["read_replica"]["password"])
    read_write_split = setting(lambda c: c["database"]["postgresql"]["read_replica"]["read_write_split"])
    max_lag = setting(lambda c: c["database"]["postgresql"]["read_replica"]["max_lag"])


class DatabaseChecks:
    """How often the PostgreSQL servers are asked, and when one counts as down."""

    enabled = setting(lambda c: c["database"]["postgresql"]["health_check"]["enabled"])
    interval = setting(lambda c: c["database"]["postgresql"]["health_check"]["interval"])
    timeout = setting(lambda c: c["database"]["postgresql"]["health_check"]["timeout"])
    failures = setting(lambda c: c["database"]["postgresql"]["health_check"]["failures"])


class Failover:
    """What happens while a PostgreSQL server is down."""

    enabled = setting(lambda c: c["database"]["postgresql"]["failover"]["enabled"])
    read_from_primary = setting(lambda c: c["database"]["postgresql"]["failover"]["read_from_primary"])
    retry_attempts = setting(lambda c: c["database"]["postgresql"]["failover"]["retry_attempts"])
    retry_interval = setting(lambda c: c["database"]["postgresql"]["failover"]["retry_interval"])
    timeout = setting(lambda c: c["database"]["postgresql"]["failover"]["timeout"])


class Postgresql:
    """The relational database. libpq itself reads PGSSLMODE, PGSSLROOTCERT, PGCONNECT_TIMEOUT and the others of their kind."""

    host = setting(lambda c: c["database"]["postgresql"]["host"])
    port = setting(lambda c: c["database"]["postgresql"]["port"])
    members = setting(lambda c: c["database"]["postgresql"]["members"])
    name = setting(lambda c: c["database"]["postgresql"]["name"])
    user = setting(lambda c: c["database"]["postgresql"]["user"])
    password = _secret(lambda c: c["database"]["postgresql"]["password"])
    echo = setting(lambda c: c["database"]["postgresql"]["echo"])
    slow = setting(lambda c: c["performance"]["database"]["slow_query_threshold"])
    keepalives_idle = setting(lambda c: c["database"]["postgresql"]["keepalives"]["idle"])
    keepalives_interval = setting(lambda c: c["database"]["postgresql"]["keepalives"]["interval"])
    keepalives_count = setting(lambda c: c["database"]["postgresql"]["keepalives"]["count"])
    tcp_user_timeout = setting(lambda c: c["database"]["postgresql"]["keepalives"]["user_timeout"])
    pool = Pool()
    pooler = Pooler()
    replica = Replica()
    checks = DatabaseChecks()
    failover = Failover()


class Redis:
    """What both servers of Redis have in common."""

    username = optional(lambda c: c["database"]["redis"]["username"])
    password = _secret(lambda c: c["database"]["redis"]["password"])
    max_connections = setting(lambda c: c["database"]["redis"]["max_connections"])
    health_check_interval = setting(lambda c: c["database"]["redis"]["health_check_interval"])
    retry_on_timeout = setting(lambda c: c["database"]["redis"]["retry_on_timeout"])
    socket_timeout = setting(lambda c: float(c["database"]["redis"]["socket_timeout"]))
    tls = setting(lambda c: c["database"]["redis"]["tls"]["enabled"])
    ca_file = optional(lambda c: c["database"]["redis"]["tls"]["ca_file"])
    sentinels = setting(lambda c: c["database"]["redis"]["sentinel"]["addresses"])


class RedisCache(Redis):
    """The Redis that forgets what was not asked for."""

    mode: Mode = setting(lambda c: c["database"]["redis"]["mode"])
    host = setting(lambda c: c["database"]["redis"]["host"])
    port = setting(lambda c: c["database"]["redis"]["port"])
    database = setting(lambda c: c["database"]["redis"]["database"])
    service_name = setting(lambda c: c["database"]["redis"]["service_name"])


class RedisStore(Redis):
    """The Redis that forgets nothing: counters of rate limits, and jobs."""

    mode: Mode = setting(lambda c: c["database"]["redis"]["store"]["mode"])
    host = setting(lambda c: c["database"]["redis"]["store"]["host"])
    port = setting(lambda c: c["database"]["redis"]["store"]["port"])
    database = setting(lambda c: c["database"]["redis"]["store"]["database"])
    service_name = setting(lambda c: c["database"]["redis"]["store"]["service_name"])


class Mongodb:
    """The document database; times are in seconds."""

    host = setting(lambda c: c["database"]["mongodb"]["host"])
    port = setting(lambda c: c["database"]["mongodb"]["port"])
    srv = setting(lambda c: c["database"]["mongodb"]["srv"])
    members = setting(lambda c: c["database"]["mongodb"]["members"])
    database = setting(lambda c: c["database"]["mongodb"]["database"])
    username = optional(lambda c: c["database"]["mongodb"]["username"])
    password = _secret(lambda c: c["database"]["mongodb"]["password"])
    auth_source = setting(lambda c: c["database"]["mongodb"]["auth_source"])
    replica_set = optional(lambda c: c["database"]["mongodb"]["replica_set"])
    read_preference = setting(lambda c: c["database"]["mongodb"]["read_preference"])
    write_concern = setting(lambda c: c["database"]["mongodb"]["write_concern"])
    retry_writes = setting(lambda c: c["database"]["mongodb"]["retry_writes"])
    retry_reads = setting(lambda c: c["database"]["mongodb"]["retry_reads"])
    min_pool_size = setting(lambda c: c["database"]["mongodb"]["pool"]["min_size"])
    max_pool_size = setting(lambda c: c["database"]["mongodb"]["pool"]["max_size"])
    server_selection_timeout = setting(lambda c: float(c["database"]["mongodb"]["server_selection_timeout"]))
    connect_timeout = setting(lambda c: float(c["database"]["mongodb"]["connect_timeout"]))
    socket_timeout = setting(lambda c: float(c["database"]["mongodb"]["socket_timeout"]))
    tls = setting(lambda c: c["database"]["mongodb"]["tls"]["enabled"])
    ca_file = optional(lambda c: c["database"]["mongodb"]["tls"]["ca_file"])
    certificate_file = optional(lambda c: c["database"]["mongodb"]["tls"]["certificate_file"])


class Elasticsearch:
    """The search engine."""

    host = setting(lambda c: c["database"]["elasticsearch"]["host"])
    port = setting(lambda c: c["database"]["elasticsearch"]["port"])
    username = optional(lambda c: c["database"]["elasticsearch"]["username"])
    password = _secret(lambda c: c["database"]["elasticsearch"]["password"])
    api_key = _secret(lambda c: c["database"]["elasticsearch"]["api_key"])
    index_prefix = setting(lambda c: c["database"]["elasticsearch"]["index_prefix"])
    request_timeout = setting(lambda c: float(c["database"]["elasticsearch"]["request_timeout"]))
    tls = setting(lambda c: c["database"]["elasticsearch"]["tls"]["enabled"])
    ca_file = optional(lambda c: c["database"]["elasticsearch"]["tls"]["ca_file"])
    ca_fingerprint = optional(lambda c: c["database"]["elasticsearch"]["tls"]["ca_fingerprint"])


class Jobs:
    """What is handed to the workers of machine learning, and how long their answer may take."""

    timeout = setting(lambda c: float(c["ml"]["inference"]["timeout"]))
    batch_size = setting(lambda c: c["ml"]["inference"]["batch_size"])
    model_version = setting(lambda c: c["ml"]["model"]["version"])
    max_sequence_length = setting(lambda c: c["ml"]["model"]["max_sequence_length"])
    sample_rate = setting(lambda c: c["ml"]["audio"]["sample_rate"])
    channels = setting(lambda c: c["ml"]["audio"]["channels"])
    chunk_size = setting(lambda c: c["ml"]["audio"]["chunk_size"])
    format = setting(lambda c: c["ml"]["audio"]["format"])
    stem_model = setting(lambda c: c["ml"]["spleeter"]["model"])
    max_duration = setting(lambda c: c["ml"]["spleeter"]["max_duration"])
    keep_stems = setting(lambda c: c["ml"]["spleeter"]["cache_enabled"])


class Settings:
    """Everything, by the part of the program that takes it."""

    about = About()
    web = Web()
    cors = Cors()
    rate_limit = RateLimit()
    cache = Cache()
    pages = Pages()
    uploads = Uploads()
    flags = Flags()
    integrations = Integrations()
    health = Health()
    metrics = Metrics()
    traces = Traces()
    breakers = Breakers()
    calls = Calls()
    postgresql = Postgresql()
    redis_cache = RedisCache()
    redis_store = RedisStore()
    mongodb = Mongodb()
    elasticsearch = Elasticsearch()
    jobs = Jobs()

    @property
    def tenant(self) -> Tenant | None:
        """The tenant; None in the deployment of an environment itself."""
        return Tenant() if "tenant" in _current() else None
