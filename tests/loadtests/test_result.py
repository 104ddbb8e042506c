"""What a run gave: kept whole, counted by name, with exact percentiles."""

import math

import msgspec
import pytest

from loadtests import result
from loadtests.result import Alerts, Correctness, Generated, Machine, Outcome, Ran, Sample, Sent, Watched

MACHINE = Machine(cores=2, processor="a chip", system="Linux 6", python="3.11.2", postgres="18.1")


def sent(name: str, waited_ms: float, outcome: Outcome = Outcome.OK, *, served_ms: float = 1) -> Sent:
    return Sent(0, "buyer", name, waited_ms, served_ms, outcome, 200)


def ran(*rows: Sent, seconds: float = 10) -> Ran:
    return Ran(
        scenario="smoke",
        seed=1,
        began_at="2026-11-23T20:00:00+00:00",
        seconds=seconds,
        generated=Generated(seconds, planned=len(rows) + 3, begun=len(rows), sent=list(rows)),
        watched=Watched([Sample(0.5, {"serve": 1.5}, {"serve": 10_000})], host_busy=0.25, cores=2),
        correctness=Correctness({"order-total": 2}, ["pay_1 is charged 2 times"]),
        alerts=Alerts(["GatewayOutage"], ["TicketsLate"]),
        settings={"CUBANO_SLOWED_PERCENT": "30"},
        commit="abc",
        machine=MACHINE,
    )


def test_a_run_is_kept_whole(tmp_path):
    """What is read is what was written."""
    made = ran(sent("checkout", 12), sent("catalog", 3, Outcome.FAILED))

    result.save(made, tmp_path / "ran")

    assert made == result.load(tmp_path / "ran")


def test_another_file_is_no_run(tmp_path):
    """Whatever else lies there is an error that can be named."""
    (tmp_path / "ran").write_bytes(msgspec.msgpack.encode({"scenario": "smoke"}))

    with pytest.raises(msgspec.ValidationError):
        result.load(tmp_path / "ran")


def test_the_lines_say_all_and_each():
    """First all requests, then each name; those who were refused and those who failed are counted apart."""
    made = ran(
        sent("order", 5),
        sent("checkout", 100),
        sent("checkout", 200, Outcome.REFUSED),
        sent("order", 7, Outcome.FAILED),
    )

    lines = result.lines(made)

    assert ["all", "checkout", "order"] == [each.name for each in lines]
    assert [(4, 2, 1, 1), (2, 1, 1, 0), (2, 1, 0, 1)] == [(e.count, e.ok, e.refused, e.failed) for e in lines]
    assert [0.4, 0.2, 0.2] == [each.rate for each in lines]
    assert [200, 200, 7] == [each.max for each in lines]


def test_percentiles_are_what_somebody_waited():
    """The nearest rank: of a hundred the 99th is the 99th, nothing is made up between two."""
    made = ran(*(sent("order", float(number)) for number in range(100, 0, -1)))

    line = result.lines(made)[0]

    assert (50, 90, 99, 100, 100) == (line.p50, line.p90, line.p99, line.p999, line.max)


def test_a_server_that_stands_still_is_seen_by_all_who_would_have_come():
    """`waited` counts from the turn, `served` from the sending: the line has both."""
    line = result.lines(ran(*(sent("order", 3_000 - each, served_ms=5) for each in range(100))))[0]

    assert 2_900 < line.p50
    assert 5 == line.served_p99


def test_nothing_is_no_figure():
    """No request has no percentile; zero would look quick."""
    line = result.lines(ran())[0]

    assert 0 == line.count
    assert math.isnan(line.p99)


def test_turns_that_never_began_are_counted():
    """Three of the turns were planned and did not begin."""
    assert 3 == ran(sent("order", 1)).generated.unsent


@pytest.mark.parametrize(
    ("found", "holds"),
    [
        (Correctness(), True),
        (Correctness({"oversell": 1}), False),
        (Correctness(differences=["pay_1 is charged twice"]), False),
    ],
)
def test_money_is_right_or_not(found, holds):
    """A broken promise or a difference: both are money."""
    assert holds == found.holds


def test_alerts_are_missing_or_unexpected():
    """Those that had to fire and did not; those that fired and should not have."""
    alerts = Alerts(["GatewayOutage", "CardTesting"], ["CardTesting", "TicketsLate"])

    assert (["GatewayOutage"], ["TicketsLate"]) == (alerts.missing, alerts.unexpected)
