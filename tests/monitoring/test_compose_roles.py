"""The script that makes the containers' database roles, run by `psql` on a real server; and what each role can and cannot do."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import psycopg
import pytest

from service.local.binaries import Tool
from service.local.cluster import forget, locate
from service.local.compose_env import fresh
from service.local.ports import free_port
from service.local.postgres import EmbeddedPostgres
from service.responder.rules import SETTINGS
from tests.monitoring.binaries import needed
from tests.monitoring.compose import ROOT, bind_mounts, environment
from tests.postgres.names import child_environment

SCRIPT = "/docker-entrypoint-initdb.d/10-roles.sh"
GIVEN = fresh()
WITHIN_S = 15


@dataclass(frozen=True)
class Database:
    """A server on which the script was run, as the image runs it: by the superuser `postgres`."""

    port: int
    told: str = ""  # what `db seed` complained of

    def dsn(self, user: str, password: str) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/cubano"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    directory = tmp_path_factory.mktemp("roles") / "postgres"
    with EmbeddedPostgres(directory, durable=False) as server:
        _become_like_the_image(server)
        made = environment("postgres", GIVEN)
        place = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGPASSWORD": made["POSTGRES_PASSWORD"]}
        path = {"PATH": f"{locate(directory).programs}{os.pathsep}{os.environ['PATH']}", "POSTGRES_USER": "postgres"}
        subprocess.run([bind_mounts("postgres")[SCRIPT]], env={**made, **place, **path}, check=True, timeout=30)
        dsn = _service_dsn(server.port)
        for command in ("upgrade", "seed"):
            done = subprocess.run(
                [sys.executable, "-m", "service.cli", "db", command],
                env={**child_environment(dsn), "CUBANO_RESPOND_DATABASE_URL": _responder_dsn(server.port)},
                cwd=ROOT, check=True, timeout=60, capture_output=True, text=True,
            )  # fmt: skip
        yield Database(server.port, done.stderr)
    forget(directory)


def _become_like_the_image(server: EmbeddedPostgres) -> None:
    """Its superuser is `postgres`, and the name `cubano` is free."""
    made = environment("postgres", GIVEN)
    with psycopg.connect(server.dsn(), autocommit=True) as own:
        own.execute(f"CREATE ROLE postgres SUPERUSER LOGIN PASSWORD '{made['POSTGRES_PASSWORD']}'")
    image = f"postgresql://postgres:{made['POSTGRES_PASSWORD']}@127.0.0.1:{server.port}/postgres"
    with psycopg.connect(image, autocommit=True) as superuser:
        superuser.execute("ALTER ROLE cubano RENAME TO first")


def _service_dsn(port: int) -> str:
    return environment("work", GIVEN)["CUBANO_DATABASE_URL"].replace("@postgres:5432/", f"@127.0.0.1:{port}/")


def _responder_dsn(port: int) -> str:
    return environment("respond", GIVEN)["CUBANO_RESPOND_DATABASE_URL"].replace(
        "@postgres:5432/", f"@127.0.0.1:{port}/"
    )


def test_service_works_with_a_role_that_is_no_superuser(database):
    """The migrations ran with it (they need no more), and it owns what they made."""
    with psycopg.connect(_service_dsn(database.port)) as connection:
        (superuser,) = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() or ()
        (orders,) = connection.execute("SELECT count(*) FROM orders").fetchone() or ()

    assert superuser is False
    assert 0 == orders


def test_exporter_sees_statistics_and_no_customer(database):
    """Who is connected and what waits, of all roles; not one row of the shop, and it can write nothing."""
    exporter = environment("postgres-exporter", GIVEN)

    with psycopg.connect(
        database.dsn(exporter["DATA_SOURCE_USER"], exporter["DATA_SOURCE_PASS"]), autocommit=True
    ) as mine:
        seen = mine.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = 'cubano_monitor'").fetchone()
        statements = mine.execute(
            "SELECT count(*) FROM pg_stat_statements WHERE query ILIKE '%create table%'"
        ).fetchone()
        refused = [
            _refusal(mine, each) for each in ("SELECT * FROM orders", "CREATE TABLE t (a int)", "DELETE FROM orders")
        ]

    assert (1,) == seen
    assert (0,) != statements
    assert ["InsufficientPrivilege", "ReadOnlySqlTransaction"] == refused[:2]
    assert refused[2] in {"InsufficientPrivilege", "ReadOnlySqlTransaction"}


def test_responder_has_what_its_reads_need_and_no_more(database):
    """The script and `db seed` together make the role whole: nothing is left for an administrator."""
    with psycopg.connect(_responder_dsn(database.port), autocommit=True) as mine:
        (orders,) = mine.execute("SELECT count(id) FROM orders").fetchone() or ()
        mine.execute("SELECT count(seq) FROM runbook_journal")
        settings = {name: mine.execute(f"SHOW {name}".encode()).fetchone() for name in SETTINGS}
        refused = [_refusal(mine, each) for each in ("SELECT email FROM orders", "SELECT sealed FROM webhook_secrets")]

    assert "not whole" not in database.told
    assert 0 == orders
    assert {name: (value,) for name, value in SETTINGS.items()} == settings
    assert ["InsufficientPrivilege"] * 2 == refused


def _refusal(connection: psycopg.Connection, statement: str) -> str:
    with pytest.raises(psycopg.Error) as refused:
        connection.execute(statement)
    return type(refused.value).__name__


def test_nobody_else_may_come_in(database):
    """A role without a grant cannot even connect to the shop's database."""
    superuser = environment("postgres", GIVEN)["POSTGRES_PASSWORD"]
    with psycopg.connect(database.dsn("postgres", superuser), autocommit=True) as connection:
        connection.execute("CREATE ROLE stranger LOGIN PASSWORD 'x'")

    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(database.dsn("stranger", "x"))


def test_real_exporter_works_with_that_role(database):
    """With the variables of the compose file, but for the host."""
    port = free_port()
    given = environment("postgres-exporter", GIVEN)
    given["DATA_SOURCE_URI"] = given["DATA_SOURCE_URI"].replace("postgres:5432", f"127.0.0.1:{database.port}")
    words = [needed(Tool.POSTGRES_EXPORTER), f"--web.listen-address=127.0.0.1:{port}"]

    exporter = subprocess.Popen(words, env=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        metrics = _metrics(f"http://127.0.0.1:{port}/metrics")
    finally:
        exporter.terminate()
        exporter.wait(WITHIN_S)

    assert "\npg_up 1\n" in metrics
    assert 'pg_stat_database_xact_commit{datid="' in metrics


def _metrics(url: str) -> str:
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        try:
            return httpx.get(url, timeout=10).text
        except httpx.ConnectError:
            time.sleep(0.05)
    pytest.fail("the exporter does not answer")
