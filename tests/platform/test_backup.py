"""The backup: the rendered script of its container runs with real `pg_dump` against a real PostgreSQL."""

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from test_kubernetes_objects import documents, objects, render

import stores
from servers import find, owner

pytestmark = [
    pytest.mark.unmeasured("about the data of the reference project, not about code"),
    pytest.mark.programs("postgres", "psql", "pg_dump", "pg_restore"),
]

SECRET = "backup-of-the-tests"
OLD = ("20200101T000000Z.dump", "20200102T000000Z.dump", "20200103T000000Z.dump")
OVERRIDES = {
    "application.backup.enabled": "true",
    "application.backup.keep": "3",
    "database.postgresql.host": "localhost",
}


@pytest.fixture(scope="module")
def server(shared_servers):
    """PostgreSQL as the rendered files set it up, with a table that the application reads, and schedules that it does not."""
    files, variables = stores.rendered("development", OVERRIDES)
    name, user = variables["DB_NAME"], variables["DB_USER"]
    server = shared_servers.postgresql(f"shared_preload_libraries = 'pg_cron'\ncron.database_name = '{name}'\n")
    server.sql(f'CREATE DATABASE "{name}"')
    server.sql("CREATE DATABASE restored")
    server.sql(files["roles.sql"] + files["maintenance.sql"], database=name)
    server.sql(f"ALTER ROLE \"{user}\" PASSWORD '{SECRET}' CONNECTION LIMIT 1")  # one is enough
    server.sql(
        f'CREATE TABLE plays AS SELECT generate_series(1, 1000) AS track; GRANT SELECT ON plays TO "{user}"',
        database=name,
    )
    return server


@pytest.fixture
def backup(server, tmp_path):
    """Runs the container's command with the container's variables; only the volume is elsewhere."""
    files = render("development", **OVERRIDES, **{"database.postgresql.port": str(server.port)})
    (cron,) = documents(files["backup.yaml"])
    (container,) = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    (named,) = [one["configMapRef"]["name"] for one in container["envFrom"]]
    (data,) = [one["data"] for one in objects(files, "ConfigMap") if one["metadata"]["name"] == named]
    written = {one["name"]: one["value"] for one in container["env"] if "value" in one}
    variables = data | written | {"DB_PASSWORD": SECRET, "BACKUPS": str(tmp_path), "HOME": str(tmp_path)}
    folder = tmp_path / written["PGDATABASE"]
    folder.mkdir()
    for old in OLD:
        (folder / old).touch()

    def run(*, before=(), **changes):
        path = os.pathsep.join([*map(str, before), str(Path(find("pg_dump")).parent), "/usr/bin", "/bin"])
        environment = variables | {"PATH": path} | changes
        return subprocess.run(container["command"], env=environment, capture_output=True, text=True, check=False)

    return SimpleNamespace(run=run, folder=folder, dumps=lambda: sorted(path.name for path in folder.iterdir()))


def restored(server, dump):
    """The rows of the table in another database, to which a dump was restored."""
    server.sql("DROP TABLE IF EXISTS plays", database="restored")
    to = ("--host", server.folder, "--port", str(server.port), "--username", "postgres", "--dbname", "restored")
    words = [find("pg_restore"), "--exit-on-error", "--schema=public", *to]
    with dump.open("rb") as file:
        subprocess.run(words, stdin=file, check=True, env=server.env, **owner(server.user))
    return server.sql("SELECT count(*), sum(track) FROM plays", database="restored")


def test_a_dump_is_restored_into_another_database_and_takes_the_place_of_the_oldest(server, backup):
    (backup.folder / "20200104T000000Z.dump.part").touch()  # of one that was killed
    done = backup.run()
    assert (done.returncode, done.stderr) == (0, "")
    *kept, new = backup.dumps()
    assert kept == list(OLD[1:])
    assert (backup.folder / new).stat().st_mode & 0o077 == 0
    assert restored(server, backup.folder / new) == [["1000", "500500"]]


def test_a_backup_that_fails_says_so_and_leaves_the_earlier_dumps(server, backup, tmp_path):
    name = backup.folder.name
    server.sql("CREATE TABLE hidden (secret int)", database=name)
    done = backup.run()
    assert done.returncode != 0
    assert "permission denied for table hidden" in done.stderr
    assert backup.dumps() == list(OLD)
    server.sql("DROP TABLE hidden", database=name)
    assert backup.run(DB_PASSWORD=SECRET[::-1]).returncode != 0
    assert backup.dumps() == list(OLD)


def test_a_dump_that_cannot_be_read_to_its_end_is_none(backup, tmp_path):
    cut = tmp_path / "programs" / "pg_dump"
    cut.parent.mkdir()
    cut.write_text(f'#!/bin/sh\n"{find("pg_dump")}" "$@" && truncate -s -200 ./*.part\n', "utf-8")
    cut.chmod(0o755)
    done = backup.run(before=[cut.parent])
    assert done.returncode != 0
    assert "could not read from input file" in done.stderr
    assert backup.dumps() == list(OLD)
