"""Every setting that the application reads has an effect: another value of it, and something else is seen.

For each setting EFFECTS says what is looked at (a function of observations.py), and what is seen with each of two or more values.
"""

import base64
import json
from dataclasses import dataclass

import pytest

from application import Observer, Pod, read_by, rendered
from authority import Authority
from servers import HOST, Servers, free_port

pytestmark = pytest.mark.programs("application-python", "postgres", "psql", "redis-server")
KEYS = {size: base64.b64encode(bytes(range(size))).decode() for size in (16, 32)}
STEMS = "/v2/stems"
WEBHOOKS = [{"name": "jobs", "url": "https://hooks.example/jobs", "events": ["job.completed"]}]


@dataclass
class Effect:
    """What is looked at, and what is seen with which value of the setting."""

    look_at: str
    seen: tuple
    arguments: tuple = ()
    given: dict | None = None
    """Other settings that the effect needs."""


def effect(look_at, *seen, args=(), **given):
    """An effect; `given` are settings with two underscores for each dot."""
    return Effect(look_at, seen, args, {name.replace("__", "."): value for name, value in given.items()})


class Around:
    """The servers around the application."""

    def __init__(self):
        self.servers = Servers()
        self.primary = self.servers.postgresql()
        self.replica = self.servers.replica(self.primary)
        self.redis = self.servers.redis()
        self.other_redis = self.servers.redis("requirepass secret")
        self.closed = free_port()
        self.port = free_port()
        files = Authority().files("127.0.0.1", "localhost")
        files["both.pem"] = files["127.0.0.1.crt"] + files["127.0.0.1.key"]
        self.ca = self.servers.folder("certificates", files)
        self.other = self.servers.folder("certificates", Authority().files("127.0.0.1"))
        self.both = str(self.ca / "both.pem")
        self.files = [str(self.ca / "127.0.0.1.crt"), str(self.ca / "127.0.0.1.key")]

    def settings(self):
        """Where everything is, and short times."""
        return {
            "application.server.max_workers": 1,
            "application.debug": False,
            "application.metrics.port": self.port,
            "application.rate_limit.enabled": False,
            "monitoring.logging.level": "INFO",
            "monitoring.health.interval": "30s",
            "database.postgresql.host": HOST,
            "database.postgresql.port": self.primary.port,
            "database.postgresql.name": "postgres",
            "database.postgresql.user": "postgres",
            "database.postgresql.password": "postgres",
            "database.postgresql.echo": False,
            "database.postgresql.tls.mode": "prefer",
            "database.postgresql.pooler.enabled": False,
            "database.postgresql.read_replica.host": HOST,
            "database.postgresql.read_replica.port": self.replica.port,
            "database.postgresql.read_replica.password": None,
            "database.redis.host": HOST,
            "database.redis.port": self.redis.port,
            "database.redis.username": None,
            "database.redis.password": None,
            "database.redis.tls.enabled": False,
            "database.redis.mode": "standalone",
            "database.redis.store.mode": "standalone",
            "database.redis.store.host": HOST,
            "database.redis.store.port": self.redis.port,
            "database.mongodb.host": HOST,
            "database.mongodb.port": self.closed,
            "database.mongodb.replica_set": None,
            "database.mongodb.members": [],
            "database.mongodb.tls.enabled": False,
            "database.mongodb.server_selection_timeout": 1,
            "database.elasticsearch.host": HOST,
            "database.elasticsearch.port": self.closed,
            "database.elasticsearch.tls.enabled": False,
            "database.elasticsearch.request_timeout": 2,
            "security.https_only": False,
        }


A = "application."
P = "database.postgresql."
R = "database.redis."
M = "database.mongodb."
S = "database.elasticsearch."
N = "performance.network."
CORS = {"application__cors__allowed_origins": ["https://app.example"]}
LIMITED = {
    "application__rate_limit__enabled": True,
    "application__rate_limit__storage": "memory",
    "application__rate_limit__requests": 2,
    "application__rate_limit__window": 60,
}
CACHED = {"application__cache__enabled": True}
CLOSED = {"database__postgresql__port": 1, "database__postgresql__failover__retry_interval": 1}
JOBS = {"ml__inference__timeout": 1}
STEMS_OF = json.dumps({"tracks": [1]})

IN = "application__integrations__"
X = "x" * 40
ACCOUNTS = [
    ("spotify.client_id", "spotify", {}),
    ("google_cloud.api_key", "google-cloud", {IN + "google_cloud__project_id": X}),
    ("google_cloud.project_id", "google-cloud", {IN + "google_cloud__api_key": X}),
    ("aws.access_key_id", "aws", {IN + "aws__secret_access_key": X}),
    ("aws.secret_access_key", "aws", {IN + "aws__access_key_id": X}),
    ("sendgrid.api_key", "sendgrid", {}),
    ("twilio.account_sid", "twilio", {IN + "twilio__auth_token": X}),
    ("twilio.auth_token", "twilio", {IN + "twilio__account_sid": X}),
    ("stripe.secret_key", "stripe", {}),
    ("stripe.webhook_secret", "stripe-webhooks", {IN + "stripe__secret_key": X}),
    ("huggingface.api_token", "huggingface", {}),
    ("openai.api_key", "openai", {}),
]

EFFECTS = {
    # --- the program ---
    A + "name": lambda _: effect("title", ("Weft FM", "Weft FM"), ("Other FM", "Other FM")),
    A + "version": lambda _: effect("told", ("2.1.0", "2.1.0"), ("3.0.0", "3.0.0"), args=("version", "/v2/about")),
    A + "api_version": lambda _: effect("status", ("v2", 200), ("v3", 404), args=("/v2/about",)),
    A + "environment": lambda _: effect(
        "told", ("staging", "staging"), ("local", "local"), args=("environment", "/v2/about")
    ),
    A + "build_date": lambda _: effect("told", ("2026-03-14", "2026-03-14"), (None, None), args=("built", "/v2/about")),
    A + "debug": lambda _: effect("trace_of_an_error", (True, True), (False, False)),
    "performance.webserver.workers.threads": lambda _: effect("threads", (7, 7), (30, 30)),
    "performance.webserver.compression.enabled": lambda _: effect("encoding", (True, "gzip"), (False, None)),
    "performance.webserver.compression.level": lambda _: effect("compressed_well", (1, False), (9, True)),
    "security.https_only": lambda _: effect("status", (True, 307), (False, 200), args=("/v2/about",)),
    # --- pages of other origins ---
    A + "cors.enabled": lambda _: effect(
        "preflight", (True, "https://app.example"), (False, None), args=("access-control-allow-origin",), **CORS
    ),
    A + "cors.allowed_origins": lambda _: effect(
        "preflight",
        (["https://app.example"], "https://app.example"),
        (["https://other.example"], None),
        args=("access-control-allow-origin",),
    ),
    A + "cors.allowed_methods": lambda _: effect(
        "preflight",
        (["GET", "OPTIONS"], "GET, OPTIONS"),
        (["POST", "OPTIONS"], "POST, OPTIONS"),
        args=("access-control-allow-methods",),
        **CORS,
    ),
    A + "cors.allowed_headers": lambda _: effect("preflight_status", (["X-Api-Key"], 200), (["X-Other"], 400), **CORS),
    A + "cors.allow_credentials": lambda _: effect(
        "preflight", (True, "true"), (False, None), args=("access-control-allow-credentials",), **CORS
    ),
    A + "cors.max_age": lambda _: effect("preflight", (5, "5"), (60, "60"), args=("access-control-max-age",), **CORS),
    # --- limits ---
    A + "rate_limit.enabled": lambda _: effect(
        "statuses", (True, [200, 200, 429]), (False, [200, 200, 200]), args=(3,), **LIMITED
    ),
    A + "rate_limit.requests": lambda _: effect("accepted_requests", (1, 1), (3, 3), args=(5,), **LIMITED),
    A + "rate_limit.window": lambda _: effect("turned_away_for_minutes", (60, False), (86400, True), **LIMITED),
    A + "rate_limit.storage": lambda _: effect("counters", ("memory", 0), ("redis", 2), **LIMITED),
    "security.api_keys.enabled": lambda _: effect(
        "of_two_keys",
        (True, [200, 200, 429, 200, 200, 429]),
        (False, [200, 200, 429, 429, 429, 429]),
        args=("X-Key",),
        security__api_keys__header="X-Key",
        **LIMITED,
    ),
    "security.api_keys.header": lambda _: effect(
        "of_two_keys",
        ("X-Key", [200, 200, 429, 200, 200, 429]),
        ("X-Other", [200, 200, 429, 429, 429, 429]),
        args=("X-Key",),
        **LIMITED,
    ),
    A + "uploads.path": lambda around: effect(
        "folder_of_uploads",
        *((f"{around.servers.root}/{name}", f"{around.servers.root}/{name}/7") for name in ("one", "two")),
    ),
    A + "uploads.max_file_size": lambda _: effect("upload", (1000, 201), (999, 413), args=("mp3", 1000)),
    A + "uploads.allowed_file_types": lambda _: effect("upload", (["mp3"], 201), (["wav"], 415), args=("mp3", 10)),
    A + "search.max_results": lambda _: effect("status", (100, 200), (99, 422), args=("/v2/tracks?size=100",)),
    A + "search.timeout": lambda around: effect(
        "searched", (3, "3s"), (5, "5s"), args=("timeout", around.port), database__elasticsearch__port=around.port
    ),
    A + "search.pagination_size": lambda around: effect(
        "searched", (7, 7), (9, 9), args=("size", around.port), database__elasticsearch__port=around.port
    ),
    "security.encryption.key": lambda _: effect("kept_upload", (KEYS[32], [False, True]), (None, [True, True])),
    "security.encryption.algorithm": lambda _: effect(
        "takes_key", ("AES-256-GCM", False), ("AES-128-GCM", True), security__encryption__key=KEYS[16]
    ),
    # --- the cache ---
    A + "cache.enabled": lambda _: effect("made_answers", (True, 1), (False, 2)),
    A + "cache.strategy": lambda _: effect(
        "leaving_entries",
        ("LRU", ["LRUCache", ["b"], ["a"]]),
        ("LFU", ["LFUCache", ["b"], ["b"]]),
        ("FIFO", ["FIFOCache", ["a"], ["a"]]),
        application__cache__max_size=2,
        **CACHED,
    ),
    A + "cache.ttl": lambda _: effect("kept_for", (100, 100), (200, 200), **CACHED),
    A + "cache.max_size": lambda _: effect("near_entries", (5, 5), (20, 20), **CACHED),
    "performance.cache.compression.enabled": lambda _: effect(
        "compressed_value", (True, True), (False, False), performance__cache__compression__threshold=100, **CACHED
    ),
    "performance.cache.compression.threshold": lambda _: effect(
        "compressed_value", (100, True), (1000, False), performance__cache__compression__enabled=True, **CACHED
    ),
    # --- PostgreSQL ---
    P + "host": lambda _: effect("dsn", (HOST, HOST), ("localhost", "localhost"), args=("primary", "host")),
    P + "port": lambda around: effect(
        "asked_dsn", (around.primary.port, str(around.primary.port)), (1, "1"), args=("primary", "port")
    ),
    P + "members": lambda _: effect(
        "asked_dsn", ([], HOST), (["other:1"], f"{HOST},other"), args=("primary", "host"), database__postgresql__port=1
    ),
    P + "target_session_attrs": lambda _: effect(
        "dsn", ("read-write", "read-write"), ("any", None), args=("primary", "target_session_attrs")
    ),
    P + "name": lambda _: effect(
        "dsn", ("postgres", "postgres"), ("template1", "template1"), args=("primary", "dbname")
    ),
    P + "user": lambda _: effect("asked_dsn", ("one", "one"), ("two", "two"), args=("primary", "user")),
    P + "application_name": lambda _: effect("dsn", ("a", "a"), ("b", "b"), args=("primary", "application_name")),
    P + "password": lambda _: effect("asked_dsn", ("one", "one"), ("two", "two"), args=("primary", "password")),
    P + "echo": lambda _: effect("echoed", (True, True), (False, False)),
    P + "connect_timeout": lambda _: effect("dsn", (7, "7"), (9, "9"), args=("primary", "connect_timeout")),
    P + "keepalives.idle": lambda _: effect("dsn", (7, "7"), (9, "9"), args=("primary", "keepalives_idle")),
    P + "keepalives.interval": lambda _: effect("dsn", (7, "7"), (9, "9"), args=("primary", "keepalives_interval")),
    P + "keepalives.count": lambda _: effect("dsn", (7, "7"), (9, "9"), args=("primary", "keepalives_count")),
    P + "keepalives.user_timeout": lambda _: effect(
        "dsn", (7, "7000"), (9, "9000"), args=("primary", "tcp_user_timeout")
    ),
    P + "pool.size": lambda _: effect(
        "connections", (1, 2), (3, 4), database__postgresql__pool__max_overflow=1, database__postgresql__pool__timeout=1
    ),
    P + "pool.max_overflow": lambda _: effect(
        "connections", (1, 2), (3, 4), database__postgresql__pool__size=1, database__postgresql__pool__timeout=1
    ),
    P + "pool.timeout": lambda _: effect(
        "waits_for_a_connection",
        (1, False),
        (4, True),
        args=(3,),
        database__postgresql__pool__size=1,
        database__postgresql__pool__max_overflow=0,
    ),
    P + "pool.recycle": lambda _: effect("reconnects", (1, True), (100, False)),
    P + "pool.pre_ping": lambda _: effect("survives_a_cut", (True, True), (False, "OperationalError")),
    P + "pooler.enabled": lambda around: effect(
        "asked_dsn",
        (True, "1"),
        (False, str(around.primary.port)),
        args=("primary", "port"),
        database__postgresql__pooler__port=1,
    ),
    P + "pooler.host": lambda _: effect(
        "asked_dsn",
        (HOST, HOST),
        ("localhost", "localhost"),
        args=("primary", "host"),
        database__postgresql__pooler__enabled=True,
    ),
    P + "pooler.port": lambda _: effect(
        "asked_dsn", (1, "1"), (2, "2"), args=("primary", "port"), database__postgresql__pooler__enabled=True
    ),
    P + "pooler.replica_name": lambda _: effect(
        "asked_dsn",
        ("one", "one"),
        ("two", "two"),
        args=("replica", "dbname"),
        database__postgresql__pooler__enabled=True,
    ),
    P + "read_replica.enabled": lambda _: effect("reads_where", (True, "replica"), (False, "primary")),
    P + "read_replica.host": lambda _: effect(
        "dsn", (HOST, HOST), ("localhost", "localhost"), args=("replica", "host")
    ),
    P + "read_replica.port": lambda around: effect(
        "reads_where", (around.replica.port, "replica"), (around.primary.port, "primary")
    ),
    P + "read_replica.password": lambda _: effect(
        "asked_dsn", ("one", "one"), ("two", "two"), args=("replica", "password")
    ),
    P + "read_replica.read_write_split": lambda _: effect("reads_where", (True, "replica"), (False, "primary")),
    P + "read_replica.max_lag": lambda _: effect("problem_of_a_lag", (10, True), (1, False), args=(5,)),
    P + "health_check.enabled": lambda _: effect(
        "dependency", (True, False), (False, None), args=("primary", "down", 2)
    ),
    P + "health_check.interval": lambda _: effect("asked_often", (1, True), (30, False), args=("primary",)),
    P + "health_check.timeout": lambda _: effect("patience", (1, False), (20, True), args=("primary",)),
    P + "health_check.failures": lambda _: effect("failures_until_down", (1, 1), (4, 4), args=("primary",)),
    P + "failover.enabled": lambda _: effect(
        "number_of_attempts", (True, 3), (False, 1), database__postgresql__failover__retry_attempts=2, **CLOSED
    ),
    P + "failover.read_from_primary": lambda _: effect(
        "read_error", (True, "primary"), (False, "OperationalError"), database__postgresql__read_replica__port=1
    ),
    P + "failover.retry_attempts": lambda _: effect("number_of_attempts", (1, 2), (2, 3), **CLOSED),
    P + "failover.retry_interval": lambda _: effect(
        "is_tried_so_long",
        (1, False),
        (5, True),
        args=(4,),
        database__postgresql__port=1,
        database__postgresql__failover__retry_attempts=1,
    ),
    P + "failover.timeout": lambda _: effect(
        "is_tried_so_often",
        (1, False),
        (60, True),
        args=(6,),
        database__postgresql__failover__retry_attempts=5,
        **CLOSED,
    ),
    P + "tls.mode": lambda _: effect("read_error", ("disable", "replica"), ("require", "OperationalError")),
    P + "tls.ca_file": lambda _: effect("dsn", ("/a", "/a"), ("/b", "/b"), args=("primary", "sslrootcert")),
    P + "tls.certificate_file": lambda _: effect("dsn", ("/a", "/a"), ("/b", "/b"), args=("primary", "sslcert")),
    P + "tls.key_file": lambda _: effect("dsn", ("/a", "/a"), ("/b", "/b"), args=("primary", "sslkey")),
    "performance.database.slow_query_threshold": lambda _: effect("slow_queries", (0.1, 1), (5.0, 0)),
    # --- Redis ---
    R + "mode": lambda _: effect(
        "redis_kind",
        ("standalone", ["ConnectionPool", "redis://N.N.N.N:N/N"]),
        ("sentinel", ["SentinelConnectionPool", "redis+sentinel://one:N,two:N/cache"]),
        ("cluster", ["RedisClusterException", "redis+cluster://N.N.N.N:N"]),
        args=("cache",),
        database__redis__sentinel__addresses=["one:1", "two:2"],
        database__redis__service_name="cache",
    ),
    R + "host": lambda _: effect("redis_option", (HOST, HOST), ("localhost", "localhost"), args=("cache", "host")),
    R + "port": lambda around: effect(
        "redis_option", (around.redis.port, around.redis.port), (1, 1), args=("cache", "port")
    ),
    R + "database": lambda _: effect("redis_option", (1, 1), (2, 2), args=("cache", "db")),
    R + "username": lambda around: effect(
        "redis_user",
        ("default", "default"),
        ("nobody", "AuthenticationError"),
        args=("cache",),
        database__redis__port=around.other_redis.port,
        database__redis__password="secret",
    ),
    R + "password": lambda around: effect(
        "redis_user",
        ("secret", "default"),
        ("wrong", "AuthenticationError"),
        args=("cache",),
        database__redis__port=around.other_redis.port,
        database__redis__username="default",
    ),
    R + "service_name": lambda _: effect(
        "redis_address",
        ("one", "redis+sentinel://s:1/one"),
        ("two", "redis+sentinel://s:1/two"),
        args=("cache",),
        database__redis__mode="sentinel",
        database__redis__sentinel__addresses=["s:1"],
    ),
    R + "sentinel.addresses": lambda _: effect(
        "redis_address",
        (["one:1"], "redis+sentinel://one:1/cache"),
        (["one:1", "two:2"], "redis+sentinel://one:1,two:2/cache"),
        args=("cache",),
        database__redis__mode="sentinel",
        database__redis__service_name="cache",
    ),
    R + "max_connections": lambda _: effect("redis_connections", (5, 5), (9, 9), args=("cache",)),
    R + "health_check_interval": lambda _: effect(
        "redis_option", (5, 5), (9, 9), args=("cache", "health_check_interval")
    ),
    R + "retry_on_timeout": lambda _: effect("redis_retries", (True, 3), (False, 0), args=("cache",)),
    R + "socket_timeout": lambda _: effect("redis_option", (3, 3.0), (9, 9.0), args=("cache", "socket_timeout")),
    R + "tls.enabled": lambda _: effect("redis_address_scheme", (True, "rediss"), (False, "redis"), args=("store",)),
    R + "tls.ca_file": lambda _: effect(
        "redis_option", ("/a", "/a"), ("/b", "/b"), args=("cache", "ssl_ca_certs"), database__redis__tls__enabled=True
    ),
    R + "store.mode": lambda _: effect(
        "redis_kind",
        ("standalone", ["ConnectionPool", "redis://N.N.N.N:N/N"]),
        ("sentinel", ["SentinelConnectionPool", "redis+sentinel://one:N/store"]),
        args=("store",),
        database__redis__sentinel__addresses=["one:1"],
        database__redis__store__service_name="store",
    ),
    R + "store.host": lambda _: effect(
        "redis_option", (HOST, HOST), ("localhost", "localhost"), args=("store", "host")
    ),
    R + "store.port": lambda around: effect(
        "redis_option", (around.redis.port, around.redis.port), (1, 1), args=("store", "port")
    ),
    R + "store.database": lambda _: effect("redis_option", (1, 1), (2, 2), args=("store", "db")),
    R + "store.service_name": lambda _: effect(
        "redis_address",
        ("one", "redis+sentinel://s:1/one"),
        ("two", "redis+sentinel://s:1/two"),
        args=("store",),
        database__redis__store__mode="sentinel",
        database__redis__sentinel__addresses=["s:1"],
    ),
    # --- MongoDB ---
    M + "host": lambda _: effect("mongodb", ("a", ["a:1"]), ("b", ["b:1"]), args=("seeds",), database__mongodb__port=1),
    M + "port": lambda _: effect("mongodb", (1, [f"{HOST}:1"]), (2, [f"{HOST}:2"]), args=("seeds",)),
    M + "srv": lambda _: effect("mongodb_by_dns", (True, True), (False, False)),
    M + "members": lambda _: effect(
        "mongodb",
        ([], ["a:1"]),
        (["b:2"], ["a:1", "b:2"]),
        args=("seeds",),
        database__mongodb__host="a",
        database__mongodb__port=1,
    ),
    M + "database": lambda _: effect("mongodb", ("a", "a.plays"), ("b", "b.plays"), args=("database",)),
    M + "username": lambda _: effect(
        "mongodb", ("a", "a"), ("b", "b"), args=("user",), database__mongodb__password="p"
    ),
    M + "password": lambda _: effect(
        "mongodb", ("a", "a"), ("b", "b"), args=("password",), database__mongodb__username="u"
    ),
    M + "auth_source": lambda _: effect(
        "mongodb",
        ("a", "a"),
        ("b", "b"),
        args=("source",),
        database__mongodb__username="u",
        database__mongodb__password="p",
    ),
    M + "replica_set": lambda _: effect("mongodb", ("rs0", "rs0"), (None, None), args=("replica set",)),
    M + "read_preference": lambda _: effect(
        "mongodb", ("primary", "primary"), ("nearest", "nearest"), args=("read preference",)
    ),
    M + "write_concern": lambda _: effect("mongodb", ("majority", "majority"), ("1", 1), args=("write concern",)),
    M + "retry_writes": lambda _: effect("mongodb", (True, True), (False, False), args=("retry writes",)),
    M + "retry_reads": lambda _: effect("mongodb", (True, True), (False, False), args=("retry reads",)),
    M + "pool.min_size": lambda _: effect("mongodb", (1, 1), (2, 2), args=("min",)),
    M + "pool.max_size": lambda _: effect("mongodb", (11, 11), (12, 12), args=("max",)),
    M + "server_selection_timeout": lambda _: effect("gives_up_after", (1, True), (8, False), args=(6,)),
    M + "connect_timeout": lambda _: effect("mongodb", (1, 1), (2, 2), args=("connect",)),
    M + "socket_timeout": lambda _: effect("mongodb", (1, 1), (2, 2), args=("socket",)),
    M + "tls.enabled": lambda around: effect(
        "mongodb", (True, True), (False, False), args=("tls",), database__mongodb__tls__ca_file=f"{around.ca}/ca.crt"
    ),
    M + "tls.ca_file": lambda around: effect(
        "takes_files", (f"{around.ca}/ca.crt", True), ("/nowhere", False), database__mongodb__tls__enabled=True
    ),
    M + "tls.certificate_file": lambda around: effect(
        "takes_files",
        (around.both, True),
        ("/nowhere", False),
        database__mongodb__tls__enabled=True,
        database__mongodb__tls__ca_file=f"{around.ca}/ca.crt",
    ),
    # --- Elasticsearch ---
    S + "host": lambda _: effect(
        "search_address", ("a", "http://a:1"), ("b", "http://b:1"), database__elasticsearch__port=1
    ),
    S + "port": lambda around: effect(
        "searched",
        (around.port, "/spotify-tracks/_search"),
        (around.closed, 503),
        args=("path", around.port),
        database__elasticsearch__index_prefix="spotify",
    ),
    S + "api_key": lambda around: effect(
        "searched",
        ("one", "ApiKey one"),
        ("two", "ApiKey two"),
        args=("authorization", around.port),
        database__elasticsearch__port=around.port,
    ),
    S + "username": lambda around: effect(
        "searched",
        ("u", f"Basic {base64.b64encode(b'u:p').decode()}"),
        (None, None),
        args=("authorization", around.port),
        database__elasticsearch__port=around.port,
        database__elasticsearch__api_key=None,
        database__elasticsearch__password="p",
    ),
    S + "password": lambda around: effect(
        "searched",
        ("p", f"Basic {base64.b64encode(b'u:p').decode()}"),
        (None, None),
        args=("authorization", around.port),
        database__elasticsearch__port=around.port,
        database__elasticsearch__api_key=None,
        database__elasticsearch__username="u",
    ),
    S + "index_prefix": lambda around: effect(
        "searched",
        ("one", "/one-tracks/_search"),
        ("two", "/two-tracks/_search"),
        args=("path", around.port),
        database__elasticsearch__port=around.port,
    ),
    S + "request_timeout": lambda around: effect(
        "searched",
        (1, 503),
        (5, 50),
        args=("size", around.port, "/v2/search?q=song&size=50", None, 2.0),
        database__elasticsearch__port=around.port,
    ),
    S + "tls.enabled": lambda around: effect(
        "searched",
        (True, 50),
        (False, 503),
        args=("size", around.port, "/v2/search?q=song&size=50", around.files),
        database__elasticsearch__port=around.port,
        database__elasticsearch__tls__ca_file=f"{around.ca}/ca.crt",
    ),
    S + "tls.ca_file": lambda around: effect(
        "searched",
        (f"{around.ca}/ca.crt", 50),
        (f"{around.other}/ca.crt", 503),
        args=("size", around.port, "/v2/search?q=song&size=50", around.files),
        database__elasticsearch__port=around.port,
        database__elasticsearch__tls__enabled=True,
    ),
    S + "tls.ca_fingerprint": lambda _: effect(
        "search_fingerprint", ("aa" * 32, "aa" * 32), ("bb" * 32, "bb" * 32), database__elasticsearch__tls__enabled=True
    ),
    # --- jobs ---
    "ml.inference.timeout": lambda _: effect(
        "waits_for_a_worker", (1, False), (4, True), args=(STEMS, {"tracks": [1]}, 3)
    ),
    "ml.inference.batch_size": lambda _: effect(
        "job_status", (1, 422), (2, 504), args=(STEMS, {"tracks": [1, 2]}), **JOBS
    ),
    "ml.model.version": lambda _: effect(
        "job", ("1.0.0", "1.0.0"), ("2.0.0", "2.0.0"), args=("model_version", "/v2/playlists", {"text": "calm"})
    ),
    "ml.model.max_sequence_length": lambda _: effect(
        "job_status", (2, 422), (3, 504), args=("/v2/playlists", {"text": "one two three"}), **JOBS
    ),
    "ml.audio.sample_rate": lambda _: effect("stem_job", (44100, 44100), (16000, 16000), args=("sample_rate",)),
    "ml.audio.channels": lambda _: effect("stem_job", (1, 1), (2, 2), args=("channels",)),
    "ml.audio.chunk_size": lambda _: effect("stem_job", (512, 512), (1024, 1024), args=("chunk_size",)),
    "ml.audio.format": lambda _: effect("stem_job", ("wav", "wav"), ("flac", "flac"), args=("format",)),
    "ml.spleeter.model": lambda _: effect(
        "stem_job", ("spleeter:2stems", "spleeter:2stems"), ("spleeter:5stems", "spleeter:5stems"), args=("model",)
    ),
    "ml.spleeter.max_duration": lambda _: effect("stem_job", (60, 60), (90, 90), args=("max_duration",)),
    "ml.spleeter.cache_enabled": lambda _: effect(
        "jobs_for_two_requests", (True, 1), (False, 2), args=({"tracks": [1]},)
    ),
    # --- accounts at services outside ---
    **{
        f"application.integrations.{name}": lambda _, service=service, needs=needs: effect(
            "integration", ("x" * 40, True), (None, False), args=(service,), **needs
        )
        for name, service, needs in ACCOUNTS
    },
    # --- the tenant ---
    **{
        f"tenant.{name}": lambda _, name=name: effect("told", ("a", "a"), ("b", "b"), args=(name, "/v2/tenant"))
        for name in ("name", "display_name", "tier", "region")
    },
    "tenant.contact.name": lambda _: effect("contact", ("a", "a"), ("b", "b"), args=("name",)),
    "tenant.contact.email": lambda _: effect("contact", ("a", "a"), ("b", "b"), args=("email",)),
    "tenant.contact.phone": lambda _: effect("contact", ("1", "1"), ("2", "2"), args=("phone",)),
    "tenant.quotas.requests_per_minute": lambda _: effect(
        "statuses",
        (1, [200, 429]),
        (2, [200, 200]),
        args=(2,),
        **(LIMITED | {"application__rate_limit__requests": 100}),
    ),
    "tenant.quotas.concurrent_jobs": lambda _: effect(
        "job_status", (3, 429), (4, 504), args=(STEMS, {"tracks": [1]}, 3), **JOBS
    ),
    "tenant.limits.max_audio_duration": lambda _: effect("upload", (1, 422), (2, 201), args=("wav", 0, 90)),
    "tenant.limits.max_batch_tracks": lambda _: effect(
        "job_status", (1, 422), (2, 504), args=(STEMS, {"tracks": [1, 2]}), **JOBS
    ),
    "tenant.webhooks": lambda _: effect(
        "number_of_deliveries", (WEBHOOKS, 1), ([], 0), performance__network__retry__attempts=0
    ),
    # --- calls of others ---
    N + "circuit_breaker.enabled": lambda _: effect(
        "calls_until_open", (True, 3), (False, 10), performance__network__circuit_breaker__threshold=3
    ),
    N + "circuit_breaker.threshold": lambda _: effect("calls_until_open", (2, 2), (5, 5)),
    N + "connections.total": lambda _: effect("session", (7, 7), (9, 9), args=("total",)),
    N + "connections.per_host": lambda _: effect("session", (7, 7), (9, 9), args=("per host",)),
    N + "timeouts.connect": lambda _: effect("session", (7, 7), (9, 9), args=("connect",)),
    N + "timeouts.socket": lambda _: effect("session", (7, 7), (9, 9), args=("read",)),
    N + "dns_cache_ttl": lambda _: effect("session", (7, 7), (9, 9), args=("dns",)),
    N + "tcp.keepalive": lambda _: effect("keeps_alive", (True, True), (False, False)),
    N + "retry.attempts": lambda _: effect(
        "number_of_deliveries",
        (0, 1),
        (2, 3),
        tenant__webhooks=WEBHOOKS,
        performance__network__retry__backoff_factor=0.1,
    ),
    N + "retry.backoff_factor": lambda _: effect(
        "waits_between_deliveries",
        (0.1, False),
        (1.0, True),
        args=(8,),
        tenant__webhooks=WEBHOOKS,
        performance__network__retry__attempts=1,
    ),
    # --- what operators look at ---
    "monitoring.health.enabled": lambda _: effect("status", (True, 200), (False, 404), args=("/live",)),
    "monitoring.health.path": lambda _: effect("status", ("/health", 404), ("/other", 503), args=("/other",)),
    "monitoring.health.readiness_path": lambda _: effect("status", ("/ready", 404), ("/other", 503), args=("/other",)),
    "monitoring.health.liveness_path": lambda _: effect("status", ("/live", 404), ("/other", 200), args=("/other",)),
    "monitoring.health.interval": lambda _: effect("asked_often", ("500ms", True), ("30s", False), args=("cache",)),
    "monitoring.health.timeout": lambda _: effect("patience", ("500ms", False), ("20s", True), args=("cache",)),
    A + "metrics.enabled": lambda _: effect("scrape_status", (True, 200), (False, None)),
    A + "metrics.port": lambda around: effect("metrics_port", *((port, port) for port in (around.port, around.closed))),
    "monitoring.prometheus.metrics_path": lambda _: effect("scrape_status", ("/metrics", 200), ("/other", 404)),
    "monitoring.prometheus.username": lambda _: effect(
        "scrape_status",
        ("u", 200),
        ("other", 401),
        args=("/metrics", f"Basic {base64.b64encode(b'u:p').decode()}"),
        monitoring__prometheus__password="p",
    ),
    "monitoring.prometheus.password": lambda _: effect(
        "scrape_status",
        ("p", 200),
        ("other", 401),
        args=("/metrics", f"Basic {base64.b64encode(b'u:p').decode()}"),
        monitoring__prometheus__username="u",
    ),
    "monitoring.metrics": lambda _: effect(
        "buckets",
        *(
            ({"http_request_duration_seconds": {"type": "histogram", "buckets": [limit]}}, [f"{limit}", "+Inf"])
            for limit in (0.5, 2.0)
        ),
    ),
    "monitoring.jaeger.collector.password": lambda _: effect(
        "trace_headers", ("one", "Bearer one"), ("two", "Bearer two")
    ),
    "application.server.max_workers": lambda _: effect(
        "redis_connections", (1, 10), (2, 5), args=("cache",), database__redis__max_connections=10
    ),
    "monitoring.resources.enabled": lambda _: effect(
        "has_metric", (True, True), (False, False), args=("process_resident_memory_bytes",)
    ),
}


DERIVED = {
    "monitoring.jaeger.sampler.param": ("sampler", 0.01, 0.02),
    "monitoring.jaeger.collector.host": ("endpoint", "one.example", "two.example"),
    "monitoring.jaeger.collector.port": ("endpoint", 4317, 4444),
    "monitoring.apm.service_name": ("service.name", "one", "two"),
    "monitoring.apm.environment": ("deployment.environment.name", "one", "two"),
}
"""Settings that a template makes the variables of OpenTelemetry of: where they are seen, and two values."""
SWITCHES = {
    "monitoring.jaeger.enabled": ("tracing", ("sampler",)),
    "monitoring.jaeger.tls.enabled": ("tracing", ("insecure",)),
    "monitoring.jaeger.tls.ca_file": ("missing_certificate", ()),
    "monitoring.jaeger.sampler.type": ("tracing", ("sampler",)),
}
"""Settings of the same kind that are tried one by one."""


@pytest.fixture(scope="module")
def around():
    found = Around()
    yield found
    found.servers.close()


@pytest.fixture(scope="module")
def pod(around, tmp_path_factory):
    """A pod of a tenant, near its servers, for which every feature is on."""
    outputs = rendered(tmp_path_factory.mktemp("project"), "production/acme", {})
    found = Pod.of(outputs)
    flags = json.loads(found.files["flags.json"])["flags"]
    found.files["flags.json"] = json.dumps(
        {"flags": {key: {"state": "ENABLED", "variants": {"on": True}, "defaultVariant": "on"} for key in flags}}
    )
    found.environment["OTEL_SDK_DISABLED"] = "true"
    found = found.unchecked().given(around.settings())
    found.run(around.servers, "migrate")
    return found


@pytest.fixture(scope="module")
def observer(tmp_path_factory):
    found = Observer(tmp_path_factory.mktemp("pods"))
    yield found
    found.close()


def test_every_setting_of_the_application_has_an_effect_that_is_tested():
    assert sorted(read_by("application")) == sorted({**EFFECTS, **DERIVED, **SWITCHES})


@pytest.mark.parametrize("path", EFFECTS)
def test_another_value_has_another_effect(path, around, pod, observer):
    one = EFFECTS[path](around)
    outcomes = [outcome for _, outcome in one.seen]
    assert all(outcomes.count(outcome) == 1 for outcome in outcomes)
    prepared = pod.given(one.given)
    seen = [(value, observer.see(one.look_at, prepared.given({path: value}), *one.arguments)) for value, _ in one.seen]
    assert seen == list(one.seen)


def nested(settings):
    """The settings as an overlay."""
    overlay = {}
    for path, value in settings.items():
        *steps, last = path.split(".")
        place = overlay
        for step in steps:
            place = place.setdefault(step, {})
        place[last] = value
    return overlay


@pytest.fixture(scope="module")
def traced(around, tmp_path_factory):
    """A function that gives the pod of an overlay."""

    def made(settings):
        outputs = rendered(tmp_path_factory.mktemp("project"), "development", nested(settings))
        return Pod.of(outputs).unchecked().given(around.settings())

    return made


@pytest.fixture(scope="module")
def two(traced):
    """Two pods, with the first and with the second value of every setting of DERIVED."""
    return [traced({path: values[index] for path, (_, *values) in DERIVED.items()}) for index in (0, 1)]


@pytest.mark.parametrize("path", DERIVED)
def test_another_value_makes_other_traces(path, two, observer):
    field, *values = DERIVED[path]
    for pod, value in zip(two, values, strict=True):
        assert str(value) in observer.see("tracing", pod, field)


@pytest.mark.parametrize("path", SWITCHES)
def test_a_switch_of_traces_has_an_effect(path, around, traced, observer):
    look_at, arguments = SWITCHES[path]
    certificate = f"{around.ca}/ca.crt"
    values = {"ca_file": (certificate, "/nowhere"), "type": ("probabilistic", "const")}.get(
        path.split(".")[-1], (True, False)
    )
    others = {"monitoring.jaeger.tls.ca_file": certificate, "monitoring.jaeger.tls.enabled": True}
    others["monitoring.jaeger.sampler.param"] = 1
    if path.endswith("tls.enabled"):
        others["monitoring.jaeger.collector.password"] = None  # it must not travel in plain text
    pods = [traced(others | {path: value}) for value in values]
    first, second = (observer.see(look_at, pod, *arguments) for pod in pods)
    assert first != second
