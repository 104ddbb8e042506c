"""`cubano bench`: a short run of each benchmark, for its form and its honesty; never for its speed."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.bench.cli import bench as group
from service.bench.drive import SCRIPTS, Stretch
from service.bench.machine import Machine
from service.bench.report import limits
from service.bench.suite import BENCHMARKS, PRODUCT, Line, Outcome

pytestmark = pytest.mark.xdist_group("bench")  # the run is made once, and has no other one beside it
MARK = "CUBANO_BENCH_TEST_MARK"  # inherited by what a run starts; the database server is known by its folder
RAN = ["webhook-ingest", "checkout", "worker-throughput"]
RUN = [sys.executable, "-m", "service.cli", "bench"]


def bench(*words, cwd, mark):
    environment = {**os.environ, MARK: mark}
    return subprocess.run([*RUN, *words], cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def left(mark):
    """Command lines of the processes that carry the mark."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            carries = f"{MARK}={mark}".encode() in (process / "environ").read_bytes()
            found += [(process / "cmdline").read_bytes()] if carries else []
        except OSError:
            continue
    return found


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """One second of three benchmarks: the finished process, and where it ran."""
    folder = tmp_path_factory.mktemp("bench")
    words = ("run", *RAN, "--seconds", "1", "--concurrency", "4", "--output", "result.jsonl")
    return bench(*words, cwd=folder, mark=str(folder)), folder


def test_a_run_prints_its_table_and_adds_to_the_history(ran):
    """All are in the table with their references and targets; the history has a line for each, and so has the file."""
    process, folder = ran
    history = (folder / ".cubano/bench/history.jsonl").read_text()

    assert 0 == process.returncode, process.stderr
    assert all(text in process.stdout for text in (*RAN, "pgbench", "fastapi + orm", "p99 ms", "limited by", "target"))
    assert history == (folder / "result.jsonl").read_text()
    assert RAN == [json.loads(line)["benchmark"] for line in history.splitlines()]


def test_what_is_answered_has_been_written(ran):
    """Every event, every checkout and every ticket a run counts is a row of the database."""
    records = [json.loads(line) for line in (ran[1] / "result.jsonl").read_text().splitlines()]

    assert [each["measures"][0]["completed"] for each in records] == [each["written"] for each in records]
    assert all(each["written"] > 0 and each["measures"][0]["failed"] == 0 for each in records)


def test_the_ratio_is_that_of_the_rates(ran):
    """With a single round the ratio is our rate by the reference's, to the digits that are kept."""
    for line in (ran[1] / "result.jsonl").read_text().splitlines():
        ours, *references = json.loads(line)["measures"]
        expected = {each["measure"]: ours["rate"] / each["rate"] for each in references}

        assert expected == pytest.approx(json.loads(line)["ratios"], abs=0.002)


def statements_of(script: str) -> list[str]:
    text = re.sub(r"^(--|\\).*$", "", (SCRIPTS / script).read_text(), flags=re.MULTILINE)
    return [each for each in text.split(";") if each.strip() and "SET LOCAL" not in each]


def test_the_reference_of_a_checkout_has_its_statements(ran):
    """The script for PostgreSQL alone asks as often as `serve` does; a change of one has to change the other."""
    records = [json.loads(line) for line in (ran[1] / "result.jsonl").read_text().splitlines()]

    # What is asked once in a while (the switches, each second) is a part of a statement for each request.
    asked = sum(round(calls) for calls in records[1]["statements"].values())

    assert len(statements_of("checkout.sql")) == asked


def test_the_reference_of_an_event_has_its_statements(ran):
    """The script writes to the tables that `work` writes to, as often; what a worker does beside it is rarer than an event."""
    told = json.loads((ran[1] / "result.jsonl").read_text().splitlines()[2])
    script = "".join(statements_of("worker.sql"))

    for verb in ("INSERT INTO", "UPDATE"):
        asked = sum(round(often) for text, often in told["statements"].items() if text.startswith(verb))
        assert len(re.findall(rf"^{verb}\b", script, flags=re.MULTILINE)) == asked, told["statements"]


def test_nothing_is_left_of_a_run(ran):
    """No process outlives it."""
    assert [] == left(str(ran[1]))


@pytest.mark.parametrize(
    "start", ["", "trap '' INT; "], ids=["by hand", "in a shell's background, where SIGINT is ignored"]
)
def test_a_run_that_is_told_to_end_leaves_nothing(tmp_path, start):
    """SIGTERM in the middle: what it has started is gone when it is."""
    environment = {**os.environ, MARK: str(tmp_path)}
    command = ["sh", "-c", f'{start}exec "$@"', "sh", *RUN, "run", "http-empty", "--seconds", "60"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 30
        while len(left(str(tmp_path))) < 2 and time.monotonic() < deadline:  # itself, and the first that it started
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        code = process.wait(20)

    assert code != 0
    assert [] == left(str(tmp_path))


@pytest.mark.parametrize(
    "words",
    [
        ("run",),  # nothing named
        ("run", "nonsense"),
        ("run", "checkout", "--seconds", "0"),
        ("run", "checkout", "--concurrency", "1000"),
    ],
)
def test_wrong_words_are_a_matter_of_usage(words):
    """Exit code 2, before anything is started."""
    assert 2 == CliRunner().invoke(group, words).exit_code


def test_what_can_be_measured_is_listed():
    """`ls` names every benchmark."""
    listed = CliRunner().invoke(group, ["ls"]).output

    assert all(name in listed for name in BENCHMARKS)


MACHINE = Machine(cores=2, processor="", system="", python="", postgres="", flush_ms=1.5)


def outcome(*, completed=100, failed=0, written=100, **cores):
    """One stretch of one second."""
    stretch = Stretch(1.0, completed, failed, [1.0, 2.0, 10.0], cores)
    return Outcome(BENCHMARKS["http-empty"], 4, (Line(PRODUCT, (stretch,)),), {}, written, ())


@pytest.mark.parametrize(
    ("result", "holds"),
    [
        (outcome(), True),
        (outcome(written=99), False),  # answered, but not there
        (outcome(failed=1), False),
        (outcome(completed=0, written=0), False),  # nothing was measured
    ],
)
def test_a_loss_or_a_refusal_fails_the_run(result, holds):
    """Fast and wrong is no result."""
    assert holds is result.holds


@pytest.mark.parametrize(
    ("cores", "reason"),
    [
        ({"serve": 0.97, "postgres": 0.3, "generator": 0.2, "machine": 1.5}, "serve: at the end of one core"),
        ({"serve": 0.5, "postgres": 0.7, "generator": 0.6, "machine": 1.8}, "the machine: all 2 cores"),
        ({"serve": 0.2, "postgres": 0.1, "generator": 0.1, "machine": 1.9}, "other programs"),
        ({"serve": 0.4, "postgres": 0.2, "generator": 0.1, "machine": 0.8}, "waiting, not processors"),
    ],
)
def test_what_limits_is_read_from_the_processors(cores, reason):
    """The first sentence names the part that had no more to give."""
    assert next(limits(outcome(**cores), MACHINE)).startswith(reason)


def test_latencies_are_given_by_percentiles():
    """The smallest value that covers the share."""
    stretch = Stretch(1.0, 3, 0, [3.0, 1.0, 2.0])

    assert [1.0, 2.0, 3.0] == [stretch.percentile(share) for share in (0.1, 0.5, 0.99)]
