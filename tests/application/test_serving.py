"""The application runs with the rendered files of an environment, under gunicorn, with its servers; they are stopped one at a time."""

import json
import re
import time
import urllib.error
import urllib.request
from types import SimpleNamespace

import pytest

import reference
from application import PYTHON, Pod, rendered
from authority import Authority
from servers import HOST, UNPRIVILEGED, free_port, listens, until

pytestmark = pytest.mark.programs("application-python", "postgres", "psql", "pgbouncer", "redis-server")
PASSWORDS = {"DB_PASSWORD": "primary-of-the-tests", "DB_READ_PASSWORD": "primary-of-the-tests"}
LOOKUP = "lookup-of-the-tests"


def overlay(environment, tls, ports, folder):
    """What somebody writes to run an environment on one machine: where everything is.

    The schema refuses a production whose servers are on this machine, so there the names of hosts stay, and are resolved to it.
    """
    certificate = {"certificate_file": f"{tls}/localhost.crt", "key_file": f"{tls}/localhost.key"}
    made = {
        "application": {
            "server": {
                "host": HOST,
                "port": ports.api,
                "max_workers": 2,
                "trusted_proxies": ["10.0.0.0/8", f"{HOST}/32"],
            },
            "metrics": {"port": ports.metrics},
            "rate_limit": {"requests": 10000},
            "uploads": {"path": f"{folder}/uploads"},
        },
        "database": {
            "postgresql": {
                "host": "localhost",
                "port": ports.primary,
                "pooler": {"host": "localhost", "tls": certificate},
                "read_replica": {"host": "localhost", "port": ports.replica},
                "connect_timeout": 3,
                "pool": {"timeout": 5},  # what the pooler lets queries wait for a server
                "health_check": {"interval": 2, "timeout": 1, "failures": 2},
                "failover": {"retry_attempts": 2, "retry_interval": 1},
                "tls": {"ca_file": f"{tls}/ca.crt"},
                "server": certificate,
            },
            "redis": {
                "mode": "standalone",
                "host": HOST,
                "port": ports.redis,
                "tls": {"enabled": environment == "production", "ca_file": f"{tls}/ca.crt"},
                "store": {"mode": "standalone", "host": HOST, "port": ports.store},
            },
            "mongodb": {"host": HOST, "port": ports.closed, "tls": {"ca_file": f"{tls}/ca.crt"}},
            "elasticsearch": {"host": HOST, "port": ports.closed, "tls": {"ca_file": f"{tls}/ca.crt"}},
        },
        "monitoring": {
            "health": {"interval": "2s", "timeout": "1s"},
            "logging": {"folder": f"{folder}/logs"},
            "jaeger": {
                "collector": {"host": "localhost", "port": ports.sink},
                "sampler": {"param": 0.1},
                "tls": {"ca_file": f"{tls}/ca.crt"},
            },
        },
    }
    if environment == "production":
        database, stays = made["database"], made["monitoring"]["jaeger"]["collector"]
        servers = (database["postgresql"], database["postgresql"]["pooler"], database["postgresql"]["read_replica"])
        for each in (*servers, database["redis"], database["redis"]["store"], database["mongodb"], stays):
            del each["host"]
        del database["elasticsearch"]["host"]
    return made


def resolved(folder):
    """The same outputs with this machine in place of each name of a cluster, as its DNS would answer."""
    for path in folder.rglob("*"):
        if path.is_file():
            path.write_text(
                re.sub(r"[a-z0-9-]+(\.[a-z0-9-]+)+\.svc\.cluster\.local", "localhost", path.read_text("utf-8")), "utf-8"
            )
    return folder


@pytest.fixture(scope="module", params=["development", "production"])
def platform(request, shared_servers, tmp_path_factory):
    """The servers of an environment, and the application."""
    servers, folder = shared_servers, tmp_path_factory.mktemp("platform")
    tls = servers.folder("tls", Authority().files("localhost"), UNPRIVILEGED)
    tls.chmod(0o755)
    for path in tls.iterdir():
        path.chmod(0o644 if path.suffix == ".crt" else 0o600)
    names = ("api", "metrics", "primary", "replica", "redis", "store", "closed", "sink")
    ports = SimpleNamespace(**{name: free_port() for name in names})
    outputs = resolved(rendered(folder / "first", request.param, overlay(request.param, tls, ports, folder)))
    configuration = reference.project().target(request.param).config["database"]["postgresql"]
    name, user = configuration["name"], configuration["user"]
    access = "local all,replication postgres trust\n" + (outputs / "stores" / "pg_hba.conf").read_text("utf-8")
    primary = servers.postgresql((outputs / "stores" / "postgresql.conf").read_text("utf-8"), hba=access)
    primary.sql(f'CREATE DATABASE "{name}"')
    primary.sql((outputs / "stores" / "roles.sql").read_text("utf-8"), database=name)
    for role, password in ((user, PASSWORDS["DB_PASSWORD"]), ("pgbouncer", LOOKUP)):
        primary.sql(f"ALTER ROLE \"{role}\" PASSWORD '{password}'")
    primary.sql(f'GRANT ALL ON SCHEMA public TO "{user}"', database=name)
    replica = servers.replica(primary, hba=access)
    encrypted = request.param == "production"
    files = {
        "tls-cert-file": tls / "localhost.crt",
        "tls-key-file": tls / "localhost.key",
        "tls-ca-cert-file": tls / "ca.crt",
    }
    settings = {**files, "tls-auth-clients": "no"} if encrypted else {}
    redis, store = (servers.redis(settings=settings, tls=encrypted) for _ in range(2))
    ports.primary, ports.replica, ports.redis, ports.store = primary.port, replica.port, redis.port, store.port
    outputs = resolved(rendered(folder / "second", request.param, overlay(request.param, tls, ports, folder)))
    pooler = servers.pgbouncer(
        (outputs / "stores" / "pgbouncer.ini").read_text("utf-8"),
        settings={"auth_file": "userlist.txt", "admin_users": "pgbouncer"},
        files={"userlist.txt": f'"pgbouncer" "{LOOKUP}"\n'},
    )
    seen = folder / "spans"
    seen.touch()
    pod = Pod.of(outputs, **PASSWORDS)
    if request.param == "production":
        pod = pod.unchecked()
    files = (
        (tls / "localhost.crt", tls / "localhost.key")
        if "https" in pod.environment["OTEL_EXPORTER_OTLP_ENDPOINT"]
        else ()
    )
    sink_py = reference.ROOT / "tests" / "application" / "sink.py"
    sink = servers.start(PYTHON, sink_py, ports.sink, seen, *files, ready=lambda: listens(ports.sink), port=ports.sink)
    no_login = {"database.redis.username": None, "database.redis.password": None}
    pod = pod.given({"database.postgresql.pooler.port": pooler.port, **no_login})
    pod.run(servers, "migrate")
    app = pod.serve(servers)
    found = SimpleNamespace(
        name=request.param, app=app, pod=pod, primary=primary, replica=replica, redis=redis, store=store, pooler=pooler, sink=sink, seen=seen,
        ports=ports, folder=folder,
    )  # fmt: skip
    try:
        until(lambda: ready(found)[0] == 200)
    except AssertionError:
        raise AssertionError(f"{ask(ports.api, '/health')}\n{app.log[-3000:]}") from None
    return found


def ask(port, path, data=None, headers=None):
    """The status and the JSON of an answer."""
    sent = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(f"http://{HOST}:{port}{path}", data=sent, headers=headers or {})
    request.add_header("Content-Type", "application/json")
    request.add_header("X-Forwarded-Proto", "https")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        text = error.read().decode()
        return error.code, json.loads(text) if "json" in error.headers.get_content_type() else {"text": text}


def api(platform, path, data=None):
    """An answer of the API."""
    return ask(platform.ports.api, f"/v2{path}", data)


def ready(platform):
    """What the readiness probe gets."""
    return ask(platform.ports.api, "/ready")


def becomes(platform, holds):
    """Wait until it holds for ten answers to the readiness probe in a row: each worker notices for itself."""
    until(lambda: all(holds(ready(platform)[1]) for _ in range(10)), 60)


def test_it_serves_and_says_what_it_is(platform):
    status, about = api(platform, "/about")
    assert (status, about.get("environment")) == (200, platform.name), (status, about, platform.app.log[-3000:])
    status, added = api(platform, "/tracks", {"title": "first"})
    assert status == 201
    until(lambda: api(platform, f"/tracks/{added['id']}") == (200, {"id": added["id"], "title": "first"}))


def test_reads_go_to_the_replica_and_writes_to_the_primary(platform):
    def transactions(server):
        return int(
            server.sql("SELECT sum(xact_commit + xact_rollback) FROM pg_stat_database WHERE datname LIKE 'spotify%'")[
                0
            ][0]
        )

    before = transactions(platform.replica)
    for _ in range(20):
        assert api(platform, "/tracks")[0] == 200
    until(lambda: transactions(platform.replica) >= before + 20)
    assert api(platform, "/tracks", {"title": "second"})[0] == 201


def test_spans_reach_the_collector_and_its_absence_is_no_harm(platform):
    for _ in range(100):
        api(platform, "/about")
    until(lambda: "GET /v2/about" in platform.seen.read_text("utf-8"))
    platform.sink.kill()
    assert [api(platform, "/about")[0] for _ in range(20)] == [200] * 20
    assert ready(platform)[0] == 200
    platform.sink.start()


def test_logs_are_lines_of_json(platform):
    api(platform, "/tracks", {"title": "logged"})

    def messages():
        files = platform.folder.glob("logs/audit/*.log")
        return [json.loads(line)["message"] for file in files for line in file.read_text("utf-8").splitlines()]

    assert set(until(messages)) == {"track added"}


def test_without_the_replica_the_primary_answers_reads(platform):
    platform.replica.stop()
    assert api(platform, "/tracks")[0] == 200
    becomes(platform, lambda said: said["ready"] and "replica" in said["degraded"])
    platform.replica.start()
    becomes(platform, lambda said: "replica" not in said["degraded"])


def test_without_the_primary_there_are_reads_but_no_writes(platform):
    platform.primary.stop()
    becomes(platform, lambda said: said["away"] == ["primary"])
    assert api(platform, "/tracks")[0] == 200
    began = time.monotonic()
    assert api(platform, "/tracks", {"title": "lost"})[0] == 503
    assert time.monotonic() - began > 2  # two more tries, a second apart
    platform.primary.start()
    becomes(platform, lambda said: said["ready"])
    until(lambda: api(platform, "/tracks", {"title": "kept"})[0] == 201)


def test_without_the_cache_it_serves(platform):
    platform.redis.stop()
    becomes(platform, lambda said: said["ready"] and "cache" in said["degraded"])
    assert api(platform, "/tracks")[0] == 200
    platform.redis.start()
    becomes(platform, lambda said: "cache" not in said["degraded"])


def test_without_the_store_requests_are_not_counted_and_it_is_not_ready(platform):
    platform.store.stop()
    becomes(platform, lambda said: said["away"] == ["store"])
    assert api(platform, "/tracks")[0] == 200
    platform.store.start()
    becomes(platform, lambda said: said["ready"])


def test_the_metrics_are_those_of_all_workers(platform):
    for _ in range(10):
        api(platform, "/about")

    def figures():
        with urllib.request.urlopen(f"http://{HOST}:{platform.ports.metrics}/metrics", timeout=10) as answer:
            return answer.read().decode()

    assert 'http_requests_total{method="GET",status="200"}' in until(figures)
