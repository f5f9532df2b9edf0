"""Redis runs with the rendered files in every mode, and clients of that mode with the rendered variables: does each setting act?"""

import os
import subprocess
from types import SimpleNamespace

import pytest

import stores
from authority import Authority
from servers import free_port, until

pytestmark = [
    pytest.mark.unmeasured("about the data of the reference project, not about code"),
    pytest.mark.programs("redis-server", "redis-cli", "application-python"),
]

SECRETS = {"REDIS_PASSWORD": "application-of-the-tests", "REDIS_INTERNAL_PASSWORD": "internal-of-the-tests"}
APPLICATION = {"user": "spotify", "password": SECRETS["REDIS_PASSWORD"]}
OPERATOR = {"user": "operator", "password": SECRETS["REDIS_INTERNAL_PASSWORD"]}
CONNECT = """
import json, os, redis, time
from redis.cluster import ClusterNode, RedisCluster
from redis.sentinel import Sentinel
def settings(prefix="REDIS"):
    tls = os.environ["REDIS_TLS_ENABLED"] == "true"
    return {
        "username": os.environ["REDIS_USERNAME"],
        "password": os.environ["REDIS_PASSWORD"],
        "socket_timeout": int(os.environ["REDIS_SOCKET_TIMEOUT"]),
        "decode_responses": True,
        **({"ssl": True, "ssl_ca_certs": os.environ["REDIS_TLS_CA_FILE"]} if tls else {}),
    }
def client(prefix="REDIS", **more):
    mode, host, port = (os.environ[f"{prefix}_{name}"] for name in ("MODE", "HOST", "PORT"))
    if mode == "cluster":
        return RedisCluster(startup_nodes=[ClusterNode(host, int(port))], **settings() | more)
    if mode == "sentinel":
        addresses = [address.split(":") for address in os.environ["SENTINELS"].split()]
        return Sentinel(addresses, sentinel_kwargs=settings(), **settings() | more).master_for(os.environ[f"{prefix}_SERVICE_NAME"])
    return redis.Redis(host, int(port), db=int(os.environ[f"{prefix}_DB"]), **settings() | more)
def error(action):
    try:
        action()
    except redis.RedisError as problem:
        return f"{type(problem).__name__}: {problem}"
"""


def files_of(files):
    """The files that a server's own file names, with the secrets that a delivery brings."""
    return {name: stores.revealed(files[name], SECRETS) for name in ("users.acl", "replication.conf")}


def overrides(**more):
    """What brings Redis to this machine: its files are next to its own."""
    here = {"redis.host": "localhost", "redis.store.host": "localhost", "redis.store.port": 6380}
    here |= {"redis.server.acl_file": "/users.acl", "redis.server.replication_file": "/replication.conf"}
    return {f"database.{name}": value for name, value in (here | more).items()} | {
        "performance.cache.max_memory": "3MB",
        "database.redis.store.max_memory": "3MB",
    }


def beside(text):
    """A server's file with the names of the others as they are in these tests: in the folder that it runs in."""
    return text.replace('"/users.acl"', "users.acl").replace('"/replication.conf"', "replication.conf")


def asked(script, variables, **changes):
    """What a client of the application prints."""
    return stores.asked(CONNECT + script, variables | {"REDIS_PASSWORD": SECRETS["REDIS_PASSWORD"]} | changes)


@pytest.fixture(scope="module")
def standalone(shared_servers):
    """Cache and store of development."""
    files, variables = stores.rendered("development", overrides())
    cache, store = (
        shared_servers.redis(beside(files[name]), files=files_of(files)) for name in ("redis.conf", "redis-store.conf")
    )
    ports = {"REDIS_PORT": str(cache.port), "REDIS_STORE_PORT": str(store.port)}
    return SimpleNamespace(cache=cache, store=store, variables=variables | ports)


FILL = """
one = client(PREFIX)
sessions = [f"session-{number}" for number in range(50)]
for name in sessions:
    one.set(name, "of a listener")
problem = error(lambda: [one.set(f"key-{number}", "x" * 10_000) for number in range(1000)])
print(json.dumps([one.exists(*sessions), one.exists("key-999"), problem]))
"""


def test_the_cache_drops_keys_and_the_store_refuses_writes_instead(standalone):
    sessions, last, problem = asked(FILL.replace("PREFIX", "'REDIS'"), standalone.variables)
    assert sessions < 50  # which of them are dropped is chance: all keys are equally old
    assert (last, problem) == (1, None)
    sessions, last, problem = asked(FILL.replace("PREFIX", "'REDIS_STORE'"), standalone.variables)
    assert (sessions, last) == (50, 0)
    assert "command not allowed when used memory > 'maxmemory'" in problem


def test_the_store_keeps_what_it_confirmed_and_the_cache_does_not(standalone):
    for server, kept in ((standalone.cache, []), (standalone.store, ["a song"])):
        server.ask("FLUSHALL", **OPERATOR)
        assert server.ask("SET", "queue", "a song", **APPLICATION) == ["OK"]
        until(
            lambda one=server: (
                "aof_pending_bio_fsync:0" in one.ask("INFO", "persistence", **OPERATOR) or one is standalone.cache
            )
        )
        server.stop()
        server.start()
        assert server.ask("GET", "queue", **APPLICATION) == kept


def test_a_client_needs_the_user_and_may_not_administer(standalone):
    for server in (standalone.cache, standalone.store):
        assert server.ask("GET", "x") == ["NOAUTH Authentication required."]
        assert server.ask("CONFIG", "GET", "dir", **APPLICATION)[0].startswith("NOPERM")
        assert server.ask("FLUSHALL", **APPLICATION)[0].startswith("NOPERM")
        assert server.ask("CONFIG", "GET", "maxclients", **OPERATOR) == ["maxclients", "10000"]
        assert server.ask("CONFIG", "GET", "protected-mode", **OPERATOR) == ["protected-mode", "no"]
    (wrong,) = asked(
        "print(json.dumps([error(lambda: client().ping())]))", standalone.variables, REDIS_USERNAME="other"
    )
    assert wrong.startswith("AuthenticationError")


def test_without_users_a_server_lets_in_only_its_own_machine(servers):
    files, _ = stores.rendered("development", {"database.redis": {"password": None}})
    assert "users.acl" not in files
    for name in ("redis.conf", "redis-store.conf"):
        lines = [line for line in files[name].splitlines() if line.startswith("bind ")]
        assert lines == ["bind 127.0.0.1 -::1"]
        server = servers.redis(files[name])
        assert server.ask("CONFIG", "GET", "protected-mode") == ["protected-mode", "yes"]
        assert server.ask("PING") == ["PONG"]


def test_a_client_of_a_cluster_reaches_every_key(servers):
    """The rendered script makes a cluster of six nodes that speak TLS and know each other by their names."""
    tls = servers.folder("tls", Authority().files("localhost", "127.0.0.1"))
    clustered = {
        "redis.mode": "cluster",
        "redis.cluster.replication_factor": 2,
        "redis.tls.enabled": True,
        "redis.tls.ca_file": f"{tls}/ca.crt",
        "redis.tls.certificate_file": f"{tls}/localhost.crt",
        "redis.tls.key_file": f"{tls}/localhost.key",
    }

    def of(ports):
        nodes = [f"localhost:{port}" for port in ports]
        return stores.rendered("development", overrides(**clustered, **{"redis.cluster.nodes": nodes}))

    files, _ = of(range(1, 7))
    nodes = [
        servers.redis(
            beside(files["redis.conf"]),
            files=files_of(files),
            settings={"cluster-announce-hostname": "localhost", "cluster-port": free_port()},
            tls=True,
        )
        for _ in range(6)
    ]
    files, variables = of([node.port for node in nodes])
    script = servers.folder("script", {"form.sh": files["form-redis-cluster.sh"]}) / "form.sh"
    for said in ("[OK] All 16384 slots covered", "the cluster has 6 nodes already"):
        formed = subprocess.run(
            ["sh", script], env=SECRETS | {"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False
        )
        assert said in formed.stdout, formed.stdout + formed.stderr
    assert asked(
        """
until = time.monotonic() + 30
while (error(client) or len(client().get_replicas()) < 3) and time.monotonic() < until:
    time.sleep(0.2)
one = client()
for number in range(30):
    one.set(f"key-{number}", number)
print(json.dumps([sum(int(one.get(f"key-{number}")) for number in range(30)), len(one.get_replicas())]))
""",
        variables | {"REDIS_PORT": str(nodes[0].port)},
    ) == [435, 3]
    encrypted = ("--tls", "--cacert", f"{tls}/ca.crt")
    assert "localhost" in nodes[0].ask("CLUSTER", "SLOTS", **APPLICATION, options=encrypted)


def test_sentinels_name_the_new_primary_of_the_store(servers):
    watched = {"redis.store.mode": "sentinel", "redis.sentinel.down_after": 1}

    def of(port):
        addresses = {"redis.sentinel.addresses": ["localhost:1", "localhost:2"], "redis.store.port": port}
        return stores.rendered("development", overrides(**watched | addresses))

    files, _ = of(6380)
    conf = beside(files["redis-store.conf"])
    first = servers.redis(conf, files=files_of(files))
    second = servers.redis_replica(first, conf, files=files_of(files))
    until(lambda: "master_link_status:up" in second.ask("INFO", "replication", **OPERATOR))
    files, variables = of(first.port)
    sentinels = [servers.sentinel(stores.revealed(files["sentinel.conf"], SECRETS)) for _ in range(2)]
    where = {"SENTINELS": " ".join(one.address for one in sentinels)}
    write = """
print(json.dumps([error(lambda: client("REDIS_STORE").set("queue", "a song")), client("REDIS_STORE").get("queue")]))
"""
    assert asked(write, variables, **where) == [None, "a song"]
    for one in sentinels:
        until(
            lambda one=one: (
                "2" in one.ask("SENTINEL", "CKQUORUM", "store", user="sentinel", password=OPERATOR["password"])[0]
            )
        )
    first.kill()
    after = """
until = time.monotonic() + 60
while (problem := error(lambda: client("REDIS_STORE").get("queue"))) and time.monotonic() < until:
    time.sleep(0.2)
one = client("REDIS_STORE")
print(json.dumps([problem, one.get("queue"), one.info("replication")["role"], error(lambda: one.set("queue", "another"))]))
"""
    problem, song, role, lonely = asked(after, variables, **where)
    assert (problem, song, role) == (None, "a song", "master")
    assert "NoReplicasError" in lonely or "NOREPLICAS" in lonely
