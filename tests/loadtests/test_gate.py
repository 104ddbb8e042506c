"""The gate against real systems: it finds a checkout that was slowed, money that is wrong, and ends well when it is ended.

Two systems serve all tests of the file. No figure of this machine is judged: only which of two is slower, and what is wrong.
"""

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from loadtests.findings import Findings
from loadtests.run import run_one
from loadtests.scenario import SCENARIOS
from loadtests.selftest import SLOWED, prove
from loadtests.stand import Stand
from loadtests.target import started
from loadtests.verdict import Verdict
from service.local.cluster import forget
from tests.local.programs import alive, eventually
from tests.shape.tree import ROOT

pytestmark = [pytest.mark.alone, pytest.mark.xdist_group("gate"), pytest.mark.timeout(300)]

SMALL = SCENARIOS["smoke"].scaled(1.0, seconds=0.3)


@pytest.fixture(scope="module")
def systems(tmp_path_factory):
    """One as it is, and one with a slowed checkout."""
    folder = tmp_path_factory.mktemp("gate")
    with ExitStack() as stack:
        usual = stack.enter_context(started(folder / "usual"))
        slowed = stack.enter_context(started(folder / "slowed", settings=SLOWED))
        yield usual, slowed
    forget(folder / "usual" / "state" / "postgres")
    forget(folder / "slowed" / "state" / "postgres")


@pytest.fixture
def told(systems, tmp_path) -> Path:
    """What `cubano up --json` printed of the usual one."""
    path = tmp_path / "up.json"
    path.write_text(json.dumps(systems[0].found))
    return path


def test_the_same_passes_and_a_slowed_checkout_fails(systems):
    """The gate's own test: it may not see what is not there, nor overlook what is; where a machine is too noisy it says so."""
    findings = prove(lambda _: None, systems=systems)

    told = [(each.name, each.why) for each in findings.rows if each.why]
    assert Verdict.FAIL not in {each.verdict for each in findings.rows}, told
    assert findings.verdict in {Verdict.PASS, Verdict.INCONCLUSIVE}, told
    assert findings.notes


def test_ended_by_hand_it_keeps_its_report(told, tmp_path):
    """Ctrl-C while it plays: 130, and a report that says so."""
    words = [
        sys.executable,
        "-m",
        "service.cli",
        "load",
        "run",
        "smoke",
        "--target",
        str(told),
        "--output",
        str(tmp_path),
    ]
    run = subprocess.Popen(
        words, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True
    )
    assert run.stderr
    for line in run.stderr:
        if " of 20 s" in line:
            run.send_signal(signal.SIGINT)
            break
    run.communicate(timeout=60)

    kept = msgspec.json.decode((tmp_path / "report.json").read_bytes(), type=Findings)
    assert (130, True) == (run.returncode, kept.interrupted)


def test_money_that_is_wrong_outweighs_all(systems, told):
    """One seat too many is counted as sold; everything else went well, and the code is 5."""
    usual, _ = systems
    usual.ask("UPDATE stock SET sold = sold + 1 WHERE ticket_type = 'full-pass'")
    try:
        findings = run_one(SMALL, Stand(lambda _: None), told)
    finally:
        usual.ask("UPDATE stock SET sold = sold - 1 WHERE ticket_type = 'full-pass'")

    assert 5 == findings.exit_code, findings.rows
    assert "broken" in next(each.why for each in findings.rows if each.name == "money")


def test_a_server_that_was_stopped_is_unhealthy(systems, tmp_path):
    """The system was there a moment ago: nobody is sent to where it was, and the code is 4."""
    _, slowed = systems
    path = tmp_path / "up.json"
    path.write_text(json.dumps(slowed.found))
    os.kill(slowed.found["pids"]["up"], signal.SIGINT)
    assert eventually(lambda: not alive(slowed.found["pids"]["serve"]), 30)

    findings = run_one(SMALL, Stand(lambda _: None), path)

    assert (4, "serve does not answer") == (findings.exit_code, findings.rows[0].why[:21])
    assert [] == findings.played
