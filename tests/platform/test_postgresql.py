"""PostgreSQL, its replica and PgBouncer run with the rendered files, and `psycopg` with the rendered variables: does each setting act?"""

from types import SimpleNamespace

import pytest

import stores
from authority import Authority
from servers import UNPRIVILEGED

pytestmark = [
    pytest.mark.unmeasured("about the data of the reference project, not about code"),
    pytest.mark.programs("postgres", "pgbouncer", "psql", "application-python"),
]

SECRETS = {"DB_PASSWORD": "primary-of-the-tests", "PGBOUNCER_PASSWORD": "lookup-of-the-tests"}
OTHERS = {"replicator": "replication-of-the-tests"}
CONNECT = """
import json, os, psycopg, threading, time
POOLER = {"host": os.environ["DB_POOLER_HOST"], "port": os.environ["DB_POOLER_PORT"]}
SERVER = {"host": os.environ["DB_HOST"], "port": os.environ["DB_PORT"]}
def connect(address=POOLER, database=os.environ["DB_NAME"], **more):
    user = {"user": os.environ["DB_USER"], "password": os.environ["DB_PASSWORD"]}
    return psycopg.connect(**address, dbname=database, **user, **more)
def error(action):
    try:
        action()
    except psycopg.Error as problem:
        return f"{type(problem).__name__}: {problem}"
"""
SETTINGS = {
    "host": "localhost",
    "max_connections": 60,
    "statement_timeout": 2,
    "lock_timeout": 1,
    "idle_in_transaction_timeout": 3,
    "pooler.host": "localhost",
    "pooler.replicas": 3,
    "pooler.size": 2,
    "pooler.max_overflow": 1,
    "read_replica.host": "localhost",
    "read_replica.port": 5433,
    "tls.mode": "verify-full",
}


@pytest.fixture(scope="module")
def stack(shared_servers):
    """A primary, a replica and PgBouncer before them, and what programs know about them."""
    authority = Authority()
    certificates = authority.files("localhost") | {"other.crt": Authority("another").certificate}
    tls = shared_servers.folder("tls", certificates, UNPRIVILEGED)
    overrides = {f"database.postgresql.{name}": value for name, value in SETTINGS.items()}
    overrides |= {"performance.database.transaction_isolation": "REPEATABLE_READ"}
    overrides |= {"database.postgresql.tls.ca_file": f"{tls}/ca.crt"}
    for server in ("server", "pooler.tls"):
        overrides[f"database.postgresql.{server}.certificate_file"] = f"{tls}/localhost.crt"
        overrides[f"database.postgresql.{server}.key_file"] = f"{tls}/localhost.key"
    files, variables = stores.rendered("development", overrides)
    # the superuser of these tests comes in by the socket, without a password
    access = "local all,replication postgres trust\n" + files["pg_hba.conf"]
    primary = shared_servers.postgresql(files["postgresql.conf"], hba=access)
    name, user = variables["DB_NAME"], variables["DB_USER"]
    primary.sql(f'CREATE DATABASE "{name}"')
    for _ in range(2):  # again, as after a change
        primary.sql(files["roles.sql"], database=name)
    passwords = {user: SECRETS["DB_PASSWORD"], "pgbouncer": SECRETS["PGBOUNCER_PASSWORD"], **OTHERS}
    for role, password in passwords.items():
        primary.sql(f"ALTER ROLE \"{role}\" PASSWORD '{password}'")
    primary.sql(f'CREATE TABLE plays (track int PRIMARY KEY); GRANT ALL ON plays TO "{user}"', database=name)
    replica = shared_servers.replica(primary, hba=access)

    ports = {"database.postgresql.port": primary.port, "database.postgresql.read_replica.port": replica.port}
    files, variables = stores.rendered("development", overrides | ports)
    pooler = shared_servers.pgbouncer(
        files["pgbouncer.ini"],
        settings={"auth_file": "userlist.txt", "admin_users": "pgbouncer"},
        files={"userlist.txt": stores.revealed(files["userlist.txt"], SECRETS)},
    )
    environment = variables | {"DB_POOLER_PORT": str(pooler.port), "DB_PASSWORD": SECRETS["DB_PASSWORD"]}

    def client(script, **changes):
        return stores.asked(CONNECT + script, environment | changes)

    return SimpleNamespace(primary=primary, replica=replica, name=name, client=client, tls=tls)


def test_the_pooler_serves_the_defaults_of_psycopg(stack):
    """More clients than connections to the server, and each statement prepared on whichever of them its client used before."""
    assert stack.client("""
clients = [connect(autocommit=True) for _ in range(4)]
answers = []
def ask(client):
    for number in range(30):
        answers.append(client.execute("SELECT %s::int, pg_backend_pid()", [number]).fetchone())
threads = [threading.Thread(target=ask, args=[client]) for client in clients]
[thread.start() for thread in threads], [thread.join() for thread in threads]
print(json.dumps([len(answers), len({pid for _, pid in answers}) <= 3]))
""") == [120, True]


def test_a_session_has_the_time_limits_of_the_settings(stack):
    names = [
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
        "default_transaction_isolation",
    ]
    script = f"""
def shown(client): return [client.execute("SHOW " + name).fetchone()[0] for name in {names}]
print(json.dumps([shown(connect()), shown(connect(SERVER))]))
"""
    assert stack.client(script) == [["2s", "1s", "3s", "repeatable read"]] * 2


def test_the_server_cancels_what_takes_too_long(stack):
    long, waiting, idle = stack.client("""
long = error(lambda: connect().execute("SELECT pg_sleep(5)"))
holder, waiter = connect(), connect()
holder.execute("LOCK TABLE plays")
waiting = error(lambda: waiter.execute("LOCK TABLE plays"))
waiter.close()
time.sleep(3.5)
print(json.dumps([long, waiting, error(lambda: holder.execute("SELECT 1"))]))
""")
    assert "QueryCanceled" in long
    assert "statement timeout" in long
    assert "LockNotAvailable" in waiting
    assert idle is not None


def test_every_connection_is_encrypted_and_its_server_checked(stack):
    script = """
client = connect(autocommit=True)
server = client.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()[0]
print(json.dumps([client.pgconn.ssl_in_use, server, client.execute("SHOW application_name").fetchone()[0]]))
"""
    assert stack.client(script) == [True, True, "spotify-ai-agent"]
    both = "print(json.dumps([error(connect), error(lambda: connect(SERVER))]))"
    for problem in stack.client(both, PGSSLROOTCERT=f"{stack.tls}/other.crt"):
        assert "certificate verify failed" in problem
    pooler, server = stack.client(both, PGSSLMODE="disable", PGSSLROOTCERT="")
    assert "SSL required" in pooler
    assert "no pg_hba.conf entry" in server
    assert "no encryption" in server
    (wrong,) = stack.client("print(json.dumps([error(lambda: connect({**POOLER, 'host': '127.0.0.1'}))]))")
    assert "does not match host name" in wrong


def test_the_application_writes_to_the_primary_and_reads_from_the_replica_by_one_address(stack):
    assert stack.client("""
with connect() as primary:
    primary.execute("INSERT INTO plays VALUES (1)")
name = os.environ["DB_POOLER_REPLICA_NAME"]
replica = connect(database=name, target_session_attrs="any", autocommit=True)
until = time.monotonic() + 20
while not replica.execute("SELECT count(*) FROM plays").fetchone()[0] and time.monotonic() < until:
    time.sleep(0.05)
rows = replica.execute("SELECT pg_is_in_recovery(), count(*) FROM plays").fetchone()
standby = error(lambda: connect(database=name))
print(json.dumps([rows, standby, error(lambda: replica.execute("INSERT INTO plays VALUES (2)"))]))
""")[::2] == [[True, 1], "ReadOnlySqlTransaction: cannot execute INSERT in a read-only transaction"]


def test_the_replication_role_may_follow_the_primary_by_tls_only(stack):
    words = f"host=localhost user=replicator password={OTHERS['replicator']} replication=true"
    (row,) = stack.primary.over_tcp(f"{words} sslmode=require", "IDENTIFY_SYSTEM")
    assert row
    with pytest.raises(OSError, match=r"no pg_hba.conf entry for replication connection"):
        stack.primary.over_tcp(f"{words} sslmode=disable", "IDENTIFY_SYSTEM")


def test_the_lookup_role_learns_the_passwords_of_ordinary_roles_only(stack):
    ask = "SET ROLE pgbouncer; SELECT count(*) FROM pgbouncer.get_auth('{}')"
    roles = ("spotify_user", "postgres", "replicator")
    assert [stack.primary.sql(ask.format(role), database=stack.name) for role in roles] == [[["1"]], [["0"]], [["0"]]]
    question = "connect().execute('SELECT * FROM pgbouncer.get_auth(current_user::text)')"
    assert "permission denied" in stack.client(f"print(json.dumps(error(lambda: {question})))")


def test_the_server_has_the_limits_and_the_log_of_the_settings(stack):
    names = ("max_connections", "log_min_duration_statement", "password_encryption", "ssl_min_protocol_version")
    assert [stack.primary.sql(f"SHOW {name}") for name in names] == [
        [["60"]],
        [["1s"]],
        [["scram-sha-256"]],
        [["TLSv1.2"]],
    ]
    assert stack.primary.sql("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'spotify_user'") == [["10"]]
    assert stack.client("""
direct = connect(SERVER, autocommit=True)
show = lambda name: direct.execute("SHOW " + name).fetchone()[0]
print(json.dumps([show("tcp_keepalives_idle"), show("tcp_user_timeout")]))
""") == ["30", "30000"]


def test_upkeep_runs_when_the_settings_say(servers):
    overrides = {"performance.database.maintenance.vacuum_schedule": "weekly", "database.postgresql.name": "upkeep"}
    files, _ = stores.rendered("development", overrides)
    conf = "shared_preload_libraries = 'pg_cron'\ncron.database_name = 'upkeep'\n"
    server = servers.postgresql(conf)
    server.sql("CREATE DATABASE upkeep")
    for _ in range(2):
        server.sql(files["maintenance.sql"], database="upkeep")
    jobs = "SELECT jobname, schedule, command, database FROM cron.job ORDER BY jobname"
    assert server.sql(jobs, database="upkeep") == [
        ["weft-analyze", "17 * * * *", "ANALYZE", "upkeep"],
        ["weft-reindex", "47 3 1 * *", 'REINDEX DATABASE CONCURRENTLY "upkeep"', "upkeep"],
        ["weft-vacuum", "17 3 * * 0", "VACUUM", "upkeep"],
    ]
