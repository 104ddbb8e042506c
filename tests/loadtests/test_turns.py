"""One generator's turns, and what all generators tell: late turns are late, and what never began is counted."""

import time

import pytest

from loadtests.arrivals import Slot
from loadtests.gather import Gathered
from loadtests.result import Outcome, Sent
from loadtests.stages import Scenario, closed, steady
from loadtests.turns import BUSY_S, LATE_MS, LATE_S, Part, Strain, Told, Turns

LOOKERS = {"visitor": 1}
OPEN = Scenario(name="open", what="made for a test", stages=(steady(10, 5, LOOKERS),))
CLOSED = Scenario(name="closed", what="made for a test", stages=(closed(10, 2, LOOKERS),))
SENT = Sent(1, "visitor", "catalog", 1, 1, Outcome.OK, 200)


def part(scenario: Scenario = OPEN, *, began_s_ago: float = 0, index: int = 0, count: int = 1) -> Part:
    return Part(scenario, 1, "run", {}, time.time() - began_s_ago, index, count)


def told(**changes) -> Told:
    as_it_is = {"begun": 5, "closed": 0, "sent": [SENT], "tickets_ms": [], "cpu_s": 1, "lag_ms_p99": 2}
    return Told(**(as_it_is | {"starved": False, "broken": 0} | changes))


def test_time_counts_from_the_beginning_of_all():
    """A generator that hears of it later is as late as that."""
    assert 3 <= Turns(part(began_s_ago=3)).now() <= 5


def test_turns_are_taken_in_order():
    """Whoever is free takes the next one."""
    turns = Turns(part())

    taken = [turns.take() for _ in range(3)]

    assert [0, 1, 2] == [each.number for each in taken]


def test_generators_take_different_turns():
    """Of two, one takes the even and one the odd ones."""
    even, odd = (Turns(part(index=index, count=2)) for index in range(2))

    assert [(0, 1), (2, 3)] == [(even.take().number, odd.take().number) for _ in range(2)]


def test_nobody_begins_after_the_end():
    """Who should have come before is unsent, not late."""
    turns = Turns(part(began_s_ago=OPEN.seconds + LATE_S + 0.1))

    assert turns.take() is None
    assert not turns.begin(Slot(1, "visitor", 0))
    assert 0 == turns.tell().begun


def test_a_closed_turn_is_counted_each_time():
    """Nobody plans how often it comes; what began was planned."""
    turns = Turns(part(CLOSED))
    slot = turns.take()

    begun = [turns.begin(slot) for _ in range(3)]

    assert [True] * 3 == begun
    assert (3, 3) == (turns.tell().begun, turns.tell().closed)


def test_chance_belongs_to_the_turn():
    """The same whoever takes it, another one each time it is repeated."""
    one, other = Turns(part(index=0)), Turns(part(index=0, count=2))
    slot = Slot(1, "buyer", 7)

    assert one.dice(slot).random() == other.dice(slot).random()
    assert one.dice(slot).random() != one.dice(slot, 1).random()


def test_rows_are_told_once():
    """What was told is not told again; counts stand as they are."""
    turns = Turns(part())
    turns.begin(Slot(1, "visitor", 0))
    turns.keep(SENT)

    first, second = turns.tell(), turns.tell()

    assert ([SENT], []) == (first.sent, second.sent)
    assert (1, 1) == (first.begun, second.begun)


def test_a_generator_whose_loop_is_late_says_so():
    """What it measures then is its own."""
    strain = Strain()
    for _ in range(90):
        strain.note(1)
    assert not strain.starved

    for _ in range(10):
        strain.note(LATE_MS + 1)

    assert strain.starved


def test_a_generator_that_stood_still_says_so():
    """One long moment is not one pulse of many: all that did not come in it were late."""
    strain = Strain()
    for _ in range(500):
        strain.note(1)

    strain.note(2_000)

    assert strain.starved


def test_a_generator_that_has_no_core_left_says_so():
    """Over some seconds; a moment does not count."""
    strain = Strain()
    strain._looked -= BUSY_S
    strain._used_then -= 0.9 * BUSY_S  # processor time, as if it had been used since

    strain.note(1)

    assert strain.starved


def test_all_generators_together():
    """Sums, and the worst of them."""
    gathered = Gathered(part(began_s_ago=60), 2)
    gathered.hear("one", told(begun=20, cpu_s=1, lag_ms_p99=3))
    gathered.hear("two", told(begun=21, cpu_s=2, lag_ms_p99=9))
    gathered.hear("two", told(begun=25, cpu_s=4, lag_ms_p99=8))

    found = gathered.generated()

    assert (45, 5, 8, 3) == (found.begun, found.cpu_s, found.lag_ms_p99, len(found.sent))
    assert not found.starved
    assert found.unsent == found.planned - 45


@pytest.mark.parametrize(
    ("ago_s", "under_way", "over"),
    [
        (5, 0, False),  # all have gone home, but more are to come
        (11, 3, False),  # three are on their way
        (11, 0, True),
        (31, 3, True),  # they had their time
    ],
)
def test_a_run_is_over(ago_s, under_way, over):
    """When its time is and nobody is on the way, or has been for too long."""
    gathered = Gathered(part(began_s_ago=ago_s), 1)
    gathered.hear("one", told(under_way=under_way))

    assert over == gathered.over(20)


def test_a_generator_that_never_told_anything_is_no_success():
    """Its turns are unsent, and the run is told to be starved."""
    gathered = Gathered(part(began_s_ago=60), 2)
    gathered.hear("one", told(begun=0, sent=[]))

    found = gathered.generated()

    assert found.starved
    assert found.planned == found.unsent > 0


def test_in_closed_stages_what_began_was_planned():
    """There nothing can be unsent."""
    gathered = Gathered(part(CLOSED, began_s_ago=60), 1)
    gathered.hear("one", told(begun=40, closed=40))

    assert (40, 0) == (gathered.generated().planned, gathered.generated().unsent)
