"""`cubano load` typed wrongly says what to do, and ends with 2; ended by hand it keeps what it has, and ends with 130."""

import msgspec
import pytest
from click.testing import CliRunner

from loadtests.cli import load
from loadtests.findings import Rounds, found
from loadtests.gate import SHORT, STANDARD, Gate
from loadtests.report import as_json
from loadtests.run import run_one
from loadtests.scenario import SCENARIOS
from loadtests.stand import Stand
from loadtests.verdict import EXIT_CODES, INTERRUPTED, USAGE, Verdict
from tests.loadtests import made


def typed(*words):
    return CliRunner().invoke(load, words)


def test_the_exit_codes_are_those_of_the_design():
    """Every verdict has one, and no two share it."""
    assert {"pass": 0, "fail": 1, "inconclusive": 3, "unhealthy": 4, "money": 5} == EXIT_CODES
    assert set(Verdict) == set(EXIT_CODES)
    assert (2, 130) == (USAGE, INTERRUPTED)


def test_ls_lists_every_scenario():
    """With a sentence each; as JSON, too."""
    plain, document = typed("ls"), typed("ls", "--json")

    assert list(SCENARIOS) == [line.split()[0] for line in plain.output.splitlines()]
    assert list(SCENARIOS) == [each["scenario"] for each in msgspec.json.decode(document.output)]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("run", "nothing"), "There are: smoke, steady"),
        (("run", "smoke", "--set", "PATH=/"), "CUBANO_NAME=VALUE"),
        (("run", "smoke", "--target", "/no/such/file"), "does not exist"),
        (("gate", "--alone", "--against", "HEAD"), "Either"),
        (("gate", "--against", "no-such-release"), "git fetch --tags"),
        (("gate", "--against", "no-such-report.json"), "is no report"),
    ],
)
def test_what_is_typed_wrongly_says_what_to_do(words, told):
    """A usage error: nothing is started."""
    answer = typed(*words)

    assert USAGE == answer.exit_code
    assert told in " ".join(answer.output.split())


def test_another_machines_baseline_is_a_usage_error(tmp_path):
    """It says in what the machines differ, and how to measure a baseline here."""
    path = tmp_path / "report.json"
    theirs = found("gate", [(made.run("smoke"), "")], [], began_at="", seconds=1, rounds=Rounds([], [{"cpu": 1.0}]))
    path.write_bytes(as_json(theirs))

    answer = typed("gate", "--against", str(path))

    assert USAGE == answer.exit_code
    assert "another machine" in " ".join(answer.output.split())


def test_a_gate_takes_at_most_ten_minutes():
    """Of load it has eight, the rest is starting, draining and looking; the short one takes two."""
    assert STANDARD.seconds <= 8 * 60
    assert SHORT.seconds <= 2 * 60


def test_the_plan_has_what_a_release_needs():
    """A day, a sale, a storm, trouble at the gateway and the database, an attack, the ramp."""
    wanted = {
        "smoke",
        "steady",
        "on-sale-burst",
        "webhook-storm",
        "gateway-down",
        "database-hiccup",
        "card-testing",
        "ramp",
    }

    assert wanted == {each.name for each in STANDARD.parts}


def test_ended_by_hand_it_keeps_what_it_has():
    """Ctrl-C in the middle: the runs until then are judged, the code is 130."""

    def ctrl_c(_: str) -> None:
        raise KeyboardInterrupt

    stand = Stand(ctrl_c)
    stand.runs.append((made.run(), SCENARIOS["steady"]))
    gate = Gate(stand, SHORT, None)

    whole = gate.run()

    kept = gate.findings(whole=whole)
    assert not whole
    assert (True, INTERRUPTED, ["steady"]) == (
        kept.interrupted,
        kept.exit_code,
        [each.scenario for each in kept.played],
    )
    assert Verdict.PASS is kept.verdict


def test_a_system_that_is_not_there_is_unhealthy(tmp_path):
    """Nothing is sent, the code is 4, and the reason is told."""
    port = "http://127.0.0.1:9"
    where = {
        "api": port,
        "emulator": port,
        "metrics": {"work": f"{port}/metrics"},
        "database_url": "",
        "pids": {"up": 0},
    }
    path = tmp_path / "up.json"
    path.write_bytes(msgspec.json.encode(where))

    findings = run_one(SCENARIOS["smoke"], Stand(lambda _: None), path)

    assert 4 == findings.exit_code
    assert "does not answer" in findings.rows[0].why
