"""Scenarios in small, played against a whole system: the crowd comes, nothing fails, the last seats are sold once.

Nothing here judges how quick the machine is; standing still is told in test_swarm.py.
"""

import pytest

from loadtests.arrivals import slots
from loadtests.play import play
from loadtests.result import Outcome
from loadtests.scenario import SCENARIOS
from loadtests.target import UnhealthyError, running, started
from service.local.cluster import forget

pytestmark = [pytest.mark.xdist_group("load"), pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """One system for the whole file, without what watches it."""
    folder = tmp_path_factory.mktemp("load")
    with started(folder) as found:
        yield found
    forget(folder / "state" / "postgres")


def test_smoke_by_two_workers(target, tmp_path):
    """Everybody of the schedule comes, whoever of the two workers plays them; nobody fails, and all money is right."""
    smoke = SCENARIOS["smoke"].scaled(0.8, seconds=0.2)

    ran = play(smoke, target, 3, generators=2, folder=tmp_path)

    names = {each.name for each in ran.generated.sent}
    assert [] == [each for each in ran.generated.sent if each.outcome is not Outcome.OK]
    assert len(slots(smoke, 3)) == ran.generated.planned == ran.generated.begun
    assert {"store", "catalog", "checkout", "order", "webhook"} <= names
    assert ran.generated.tickets_ms
    assert ran.correctness.holds, ran.correctness
    assert ran.correctness.drained
    assert ran.watched.samples[-1].cpu_s["serve"] > ran.watched.samples[0].cpu_s["serve"]
    assert ran.watched.samples[-1].requests - ran.watched.samples[0].requests >= len(ran.generated.sent)
    assert ran.watched.samples[-1].statements > ran.watched.samples[0].statements


def test_the_last_seats_are_sold_once(target, tmp_path):
    """More people than passes: all passes go, not one more, and the others are told so."""
    burst = SCENARIOS["on-sale-burst"].scaled(0.8, seconds=0.3)
    (before,) = target.ask("SELECT sold + held FROM stock WHERE ticket_type = 'full-pass'")[0]

    ran = play(burst, target, 3, folder=tmp_path)

    ((capacity, taken),) = target.ask("SELECT capacity, sold + held FROM stock WHERE ticket_type = 'full-pass'")
    turned_away = [each for each in ran.generated.sent if each.outcome is Outcome.REFUSED]
    assert before + burst.seats == capacity
    assert taken in {capacity, capacity - 1}  # who wanted two may have found one
    assert turned_away
    assert {("checkout", 409)} == {(each.name, each.status) for each in turned_away}
    assert [] == [each for each in ran.generated.sent if each.outcome is Outcome.FAILED]
    assert ran.correctness.holds, ran.correctness


def test_a_file_that_is_no_system_is_told(tmp_path):
    """What is wrong with it stands in the message."""
    (tmp_path / "up.json").write_text("{}")

    with pytest.raises(UnhealthyError, match="api"):
        running(tmp_path / "up.json")
