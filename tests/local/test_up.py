"""`cubano up`: everything comes up, two systems live side by side, and whatever ends one leaves nothing behind."""

import os
import signal
import subprocess
import time
from pathlib import Path

import httpx
import psycopg
import pytest

from service.local.cluster import forget
from tests.local.programs import alive, eventually, processes_naming
from tests.local.running import CUBANO, KEPT, Running

KEYS = {
    "api", "emulator", "responder", "prometheus", "alertmanager", "mail", "metrics", "database_url", "api_keys",
    "staff", "webhook_secrets", "pids",
}  # fmt: skip


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    running = Running(tmp_path_factory.mktemp("up") / "state")
    yield running
    running.stop()
    forget(running.state / "postgres")


@pytest.fixture
def lone(tmp_path):
    """A system that a test may end as it likes; without the parts that make no difference to ending."""
    running = Running(tmp_path / "state", "--without", "emulate,mail", CUBANO_STRIPE_BASE_URL="http://127.0.0.1:9")
    yield running
    running.stop()
    forget(running.state / "postgres")


def _usage(*words: str, **environment: str) -> subprocess.CompletedProcess:
    clean = {name: os.environ[name] for name in KEPT if name in os.environ}
    argv = [str(CUBANO), "up", *words]
    return subprocess.run(argv, env=clean | environment, capture_output=True, text=True, timeout=60, check=False)


def test_json_says_where_everything_is(system):
    """One line of JSON with the promised keys; what does not run yet is null."""
    found = system.found

    assert set(found) == KEYS
    assert {"postgres", "serve", "work", "emulate", "mail", "up"} == set(found["pids"])
    assert {"serve", "work", "emulate"} == set(found["metrics"])
    assert [None] * 3 == [found[part] for part in ("responder", "prometheus", "alertmanager")]


def test_everything_answers(system):
    """Each part is healthy at the address it is said to have, and the sample festival is on sale."""
    pages = [system.get(part, "/health/ready") for part in ("api", "emulator", "mail")]
    metrics = [httpx.get(url, timeout=5) for url in system.found["metrics"].values()]
    with psycopg.connect(system.found["database_url"]) as connection:
        (on_sale,) = connection.execute("SELECT count(*) FROM ticket_types").fetchone() or (0,)

    assert [200] * 6 == [answer.status_code for answer in (*pages, *metrics)]
    assert on_sale > 0
    assert system.get("api", "/api/payment/catalog").json()["ticketTypes"]


def test_secrets_are_on_no_command_line(system):
    """What `ps` shows to everybody names neither the database password nor a gateway secret."""
    secrets = [system.found["webhook_secrets"]["stripe"], system.found["database_url"].split(":")[2].split("@")[0]]

    assert [] == [pid for secret in secrets for pid in processes_naming(secret)]


def test_two_systems_side_by_side(system, lone):
    """A second system in another directory has its own ports, database and secrets."""
    mine, others = system.found, lone.found

    assert mine["api"] != others["api"]
    assert mine["database_url"] != others["database_url"]
    assert mine["webhook_secrets"] != others["webhook_secrets"]
    assert 200 == lone.get("api", "/health/ready").status_code


def test_second_system_in_one_directory_is_refused(system):
    """A directory in use is refused in one line, and the system that runs there does not notice."""
    refused = _usage("--state", str(system.state), "--ports", "auto")

    assert 1 == refused.returncode
    assert f"(process {system.process.pid}) is running in {system.state}" in refused.stderr
    assert 200 == system.get("api", "/health/ready").status_code


@pytest.mark.parametrize("part", ["serve", "work", "emulate", "mail", "postgres"])
def test_killed_part_comes_back(system, part):
    """kill -9 of any child is reported, and the same address works again soon after."""
    said = f"{part} was killed by SIGKILL; starting it again"
    os.kill(_pid(system, part), signal.SIGKILL)

    assert system.logged(said)
    assert eventually(lambda: _all_ready(system), within_s=30)


def test_ended_system_leaves_nothing_and_starts_again_quickly(lone):
    """SIGTERM ends everything within 10 s with exit code 0; the next start finds the data and takes less than 10 s."""
    with psycopg.connect(lone.found["database_url"], autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (number integer)")
    began = time.monotonic()

    code = lone.stop()

    assert (0, True) == (code, time.monotonic() - began < 10)
    assert [] == [pid for pid in lone.found["pids"].values() if alive(pid)]
    assert [] == processes_naming(str(lone.state))
    assert [] == [path for name in ("postmaster.pid", "lock") for path in lone.state.rglob(name)]
    began = time.monotonic()
    again = Running(lone.state, "--without", "emulate,mail", CUBANO_STRIPE_BASE_URL="http://127.0.0.1:9")
    took = time.monotonic() - began
    with psycopg.connect(again.found["database_url"]) as connection:
        connection.execute("SELECT * FROM kept")
    again.stop()
    assert lone.found["api"] == again.found["api"]
    assert took < 10


def test_kill_9_of_cubano_up_leaves_nothing(lone):
    """When `cubano up` itself is killed all its children go, the database too, and the directory is free again."""
    lone.process.kill()
    lone.process.communicate()

    assert eventually(lambda: not [pid for pid in lone.found["pids"].values() if alive(pid)])
    again = Running(lone.state, "--without", "emulate,mail,serve,work")
    assert 0 == again.stop()


def test_own_database_server_is_used(system, tmp_path):
    """With CUBANO_DATABASE_URL nothing embedded is started: the given server is migrated, seeded and used."""
    given = system.found["database_url"]
    own = Running(tmp_path / "state", "--without", "serve,work,emulate,mail", CUBANO_DATABASE_URL=given)

    assert given == own.found["database_url"]
    assert "postgres" not in own.found["pids"]
    assert 0 == own.stop()


def test_failed_start_says_what_and_ends_all(tmp_path):
    """A part that cannot come up stops the start: its last lines, exit code 1, nothing left."""
    failed = _usage("--state", str(tmp_path / "state"), "--ports", "auto", CUBANO_HOLD_SECONDS="many")

    assert 1 == failed.returncode
    assert "cubano up: db ended with exit code" in failed.stderr
    assert "CUBANO_HOLD_SECONDS" in failed.stderr
    assert [] == processes_naming(str(tmp_path))
    forget(tmp_path / "state" / "postgres")


def test_unknown_part_is_a_usage_error():
    """--without names what it knows; a mistake there is exit code 2."""
    wrong = _usage("--without", "postgress")

    assert 2 == wrong.returncode
    assert "postgress is not one of emulate, mail, serve, work" in wrong.stderr


def _pid(system: Running, part: str) -> int:
    """The child's process now; the one in the JSON may have been replaced."""
    children = processes_naming("")
    ours = [pid for pid in children if _parent(pid) == system.process.pid]
    words = {"postgres": "bin/postgres", "mail": "service.local.mail"}.get(part, f"service.cli\0{part}")
    return next(pid for pid in ours if pid in processes_naming(words))


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _all_ready(system: Running) -> bool:
    try:
        return all(system.get(part, "/health/ready").is_success for part in ("api", "emulator", "mail")) and all(
            httpx.get(url, timeout=5).is_success for url in system.found["metrics"].values()
        )
    except httpx.TransportError:
        return False
