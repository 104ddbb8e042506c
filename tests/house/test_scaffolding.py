"""The scaffolding itself: databases are separate, messes are caught, skips are counted, nothing outlives a run."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).parents[2]
CASES = Path(__file__).parent / "cases"


def command(case: str, *more: str) -> list[str]:
    """A run of one file of cases/, without the plug-ins that take longest to load."""
    quick = ["-pno:schemathesis", "-pno:hypothesispytest"]
    return [
        sys.executable,
        "-m",
        "pytest",
        "-c",
        str(ROOT / "pyproject.toml"),
        "-q",
        *quick,
        *more,
        str(CASES / f"{case}.py"),
    ]


def outcome(case: str, *more: str, ci: str = "") -> tuple[int, str]:
    """Exit code and output of a run of one file of cases/."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")} | {"CI": ci}
    done = subprocess.run(command(case, *more), env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_database_is_a_migrated_clone(database_url):
    """Each test gets a database with all tables and the sample festival in it."""
    with psycopg.connect(database_url) as connection:
        tables = {row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}

    assert {"orders", "payments", "payment_events", "outbox"} <= tables


@pytest.mark.parametrize("round_", [1, 2])
def test_databases_share_nothing(empty_database_url, round_):
    """What one test writes, the next one does not see."""
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("CREATE TABLE only_here (number integer)")

        found = connection.execute("SELECT count(*) FROM only_here").fetchone()

    assert (0,) == found


def test_messes_fail_the_test_that_made_them():
    """Environment, directory, thread, task, warning: each is that test's own failure, and a tidy test passes."""
    code, output = outcome("messes")

    blamed = dict(re.findall(r"^(?:ERROR|FAILED) \S+::(test_\w+) - (.*)$", output, re.MULTILINE))
    assert 1 == code
    assert {"test_environment", "test_directory", "test_thread", "test_task", "test_warning"} == set(blamed)


def test_skips_are_named_and_tolerated_at_home():
    """A developer's run passes and says what could not run."""
    code, output = outcome("skips", "-n", "1")

    assert 0 == code
    assert "could not run: 2" in output
    assert "the moon is in the wrong house" in output


def test_skips_fail_in_ci():
    """In CI the same run fails, because of the one skip that nobody excused."""
    code, output = outcome("skips", ci="true")

    assert 1 == code
    assert "1 of them fail this run" in output


def test_excused_skips_pass_in_ci():
    """Data that is not ours to distribute may be absent, even in CI."""
    code, output = outcome("excused", ci="true")

    assert 0 == code
    assert "not beside this checkout: ../shared/data/no-such-file.json" in output


def test_no_server_outlives_a_killed_run(tmp_path):
    """After kill -9 of pytest its database server is gone within seconds, and so are its files."""
    run = subprocess.Popen(command("stuck"), cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    dsn = _eventually(lambda: (tmp_path / "told").exists() and (tmp_path / "told").read_text())
    with psycopg.connect(dsn) as connection:
        (folder,) = connection.execute("SELECT setting FROM pg_settings WHERE name = 'data_directory'").fetchone() or ()

    run.send_signal(signal.SIGKILL)
    run.wait()

    assert _eventually(lambda: not _answers(dsn))
    assert _eventually(lambda: not Path(folder).exists())


def _answers(dsn: str) -> bool:
    try:
        psycopg.connect(dsn, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _eventually(condition, timeout_s: float = 30):
    deadline = time.monotonic() + timeout_s
    while not (result := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return result


@pytest.mark.xdist_group("house")
def test_a_group_keeps_its_tests_together(request):
    """By the suffix that xdist's scheduler reads; without it each worker would start a system of its own."""
    assert bool(request.config.getoption("loadgroup", default=False)) == request.node.nodeid.endswith("@house")
