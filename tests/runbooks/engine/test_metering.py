"""The engine's figures: each ended run and each act once, and what waits for a person."""

from runbooks.engine.acting import DONE, NOT_DONE, REFUSED, UNKNOWN
from runbooks.engine.metering import Meter
from runbooks.engine.states import State
from runbooks.responder.board import Side
from service.telemetry.registry import Telemetry
from service.telemetry.repairs import ActOutcome, RunEnd, Told


def test_the_labels_are_the_engines_own_words():
    """Every state a run can end in, and every outcome of an act."""
    ends = {*State} - {"received", "planned", "awaiting_approval", "running", "waiting_human", "verifying", "worse"}

    assert ends == {*RunEnd}
    assert {*Side} == {*Told}
    assert {DONE, NOT_DONE, REFUSED, UNKNOWN} == {*ActOutcome}


async def test_runs_and_acts_are_counted(night):
    """As their lines are written; what waits is measured when somebody looks."""
    night.start()
    telemetry = Telemetry("respond", version="0", environment="test")
    Meter(telemetry, night.engine.desk, lambda: 7)
    await night.approved()
    await night.alarm(lamp="blue")
    night.clock.advance(60)

    shown = telemetry.render()[0].decode()

    assert 'cubano_runbook_runs_total{playbook="LampOut",state="recovered"} 1.0' in shown
    assert 'cubano_runbook_acts_total{action="lamp.put",outcome="done"} 1.0' in shown
    assert "cubano_runbook_awaiting_runs 1.0" in shown
    assert "cubano_runbook_awaiting_oldest_seconds 60.0" in shown
    assert "cubano_runbook_journal_lag_lines 7.0" in shown
