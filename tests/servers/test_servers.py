"""The servers that other tests use (tests/support/servers.py): they serve, stop, start again, and nothing of them is left."""

import os

import pytest

from authority import Authority
from servers import PostgreSQL, Servers, SqlError, listens, until


@pytest.mark.programs("postgres", "pgbouncer", "psql")
def test_a_primary_its_replica_and_a_pooler_before_it(servers):
    primary = servers.postgresql("max_connections = 23\n")
    assert primary.sql("SHOW max_connections") == [["23"]]
    primary.sql("CREATE TABLE it (n int); INSERT INTO it VALUES (7)")
    replica = servers.replica(primary)
    assert (primary.is_replica(), replica.is_replica()) == (False, True)
    until(lambda: replica.sql("SELECT n FROM it") == [["7"]])
    with pytest.raises(SqlError, match="read-only transaction"):
        replica.sql("INSERT INTO it VALUES (8)")
    text = f"[databases]\nit = host=127.0.0.1 port={primary.port} dbname=postgres\n[pgbouncer]\nlisten_port = 6432\nauth_type = any\n"
    pooler = servers.pgbouncer(text, settings={"max_client_conn": 17})
    config = {row[0]: row[1] for row in pooler.sql("SHOW CONFIG")}
    assert (config["max_client_conn"], config["listen_port"]) == ("17", str(pooler.port))
    primary.stop()
    assert not listens(primary.port)
    primary.start()
    assert primary.sql("SELECT n FROM it") == [["7"]]
    primary.kill()
    assert not listens(primary.port)


@pytest.mark.programs("redis-server", "redis-cli")
def test_redis_in_each_mode(servers):
    one = servers.redis("maxmemory 3mb\nport 1\n", settings={"requirepass": "it"})
    assert one.ask("PING")[0].startswith("NOAUTH")
    assert one.ask("CONFIG", "GET", "maxmemory", password="it") == ["maxmemory", "3145728"]
    primary = servers.redis()
    replica = servers.redis_replica(primary)
    sentinel = servers.sentinel(monitor=primary, name="it")
    assert sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "it") == ["127.0.0.1", str(primary.port)]
    primary.ask("SET", "a", "1")
    until(lambda: replica.ask("GET", "a") == ["1"])
    nodes = servers.redis_cluster("requirepass it\n", password="it")
    assert "cluster_size:3" in nodes[2].ask("CLUSTER", "INFO", password="it")


@pytest.mark.programs("prometheus", "prometheus-alertmanager")
def test_prometheus_and_alertmanager(servers):
    prometheus = servers.prometheus("global: {scrape_interval: 7s}\n")
    assert "scrape_interval: 7s" in prometheus.get("/api/v1/status/config")["data"]["yaml"]
    alertmanager = servers.alertmanager("route: {receiver: it}\nreceivers: [{name: it}]\n")
    assert alertmanager.get("/api/v2/receivers") == [{"name": "it"}]


@pytest.mark.programs("redis-server", "sleep")
def test_what_was_started_is_ended_and_a_server_that_does_not_start_says_why():
    servers = Servers()
    server = servers.redis()
    with pytest.raises(AssertionError, match="Bad directive"):
        servers.redis("nonsense 1\n")
    program = servers.start("sleep", "60", ready=lambda: True)
    servers.close()
    assert (listens(server.port), servers.root.exists()) == (False, False)
    for ended in (server, program):
        with pytest.raises(ProcessLookupError):
            os.kill(ended.pid, 0)


@pytest.mark.programs("postgres", "psql")
def test_a_certificate_of_the_authority_is_taken_by_a_server(servers, tmp_path):
    authority = Authority()
    files = authority.files("localhost")
    server = servers.postgresql(
        "ssl = on\nssl_cert_file = 'localhost.crt'\nssl_key_file = 'localhost.key'\n", files=files
    )
    (tmp_path / "ca.crt").write_bytes(authority.certificate)
    tls = f"sslmode=verify-full sslrootcert={tmp_path}/ca.crt user=postgres password={PostgreSQL.password}"
    assert server.over_tcp(f"host=localhost {tls}", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == [
        ["t"]
    ]
    with pytest.raises(SqlError, match="does not match host name"):
        server.over_tcp(f"host=127.0.0.1 {tls}", "SELECT 1")
