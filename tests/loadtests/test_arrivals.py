"""Who comes when: drawn once, the same everywhere, and on average as the stages say."""

from collections import Counter

import pytest

from loadtests.arrivals import slots
from loadtests.scenario import SCENARIOS
from loadtests.stages import Scenario, closed, rising, steady

LOOKERS = {"visitor": 3, "buyer": 1}


def scenario(*stages) -> Scenario:
    return Scenario(name="made", what="made for a test", stages=stages)


def test_a_seed_is_a_crowd():
    """The same seed brings the same people at the same moments; another one brings others."""
    steps = scenario(rising(5, 0, 30, LOOKERS), steady(10, 30, LOOKERS))

    assert slots(steps, 7) == slots(steps, 7)
    assert slots(steps, 7) != slots(steps, 8)


def test_the_crowd_is_the_same_for_ever():
    """A schedule that changed with a version of Python would be another test without anybody noticing."""
    first = slots(scenario(steady(10, 1, LOOKERS)), 1)[:3]

    assert [(1.019, "visitor", 0), (2.717, "visitor", 1), (3.991, "buyer", 2)] == [
        (round(each.at_s, 3), each.user, each.number) for each in first
    ]


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        (steady(200, 20, LOOKERS), 4_000),
        (rising(200, 0, 40, LOOKERS), 4_000),  # a triangle
        (rising(200, 40, 0, LOOKERS), 4_000),
        (rising(200, 10, 30, LOOKERS), 4_000),
        (steady(200, 0, LOOKERS), 0),
    ],
)
def test_as_many_come_as_the_stage_says(stage, expected):
    """Chance says when, not how many: within five standard deviations."""
    found = slots(scenario(stage), 3)

    assert abs(len(found) - expected) <= 5 * expected**0.5


def test_a_rise_brings_most_at_its_end():
    """From nobody to the peak: three quarters come in the second half."""
    found = slots(scenario(rising(100, 0, 40, LOOKERS)), 3)

    late = sum(each.at_s >= 50 for each in found)

    assert 0.70 <= late / len(found) <= 0.80


def test_stages_follow_each_other():
    """Turns are in order, numbered, and none lies outside of the scenario."""
    made = scenario(steady(10, 5, LOOKERS), rising(10, 5, 20, LOOKERS), steady(10, 2, LOOKERS))

    found = slots(made, 1)

    assert sorted(each.at_s for each in found) == [each.at_s for each in found]
    assert list(range(len(found))) == [each.number for each in found]
    assert 0 <= found[0].at_s
    assert found[-1].at_s < made.seconds


def test_kinds_come_by_weight():
    """Three look for each who buys."""
    kinds = Counter(each.user for each in slots(scenario(steady(200, 20, LOOKERS)), 3))

    assert 2.7 <= kinds["visitor"] / kinds["buyer"] <= 3.3


def test_a_closed_stage_is_so_many_from_its_beginning_to_its_end():
    """All begin at once, and stop with the stage."""
    found = slots(scenario(closed(8, 2, LOOKERS), closed(8, 3, LOOKERS)), 1)

    assert [(0, 8), (0, 8), (8, 16), (8, 16), (8, 16)] == [(each.at_s, each.until_s) for each in found]


def test_generators_share_the_work():
    """Each takes its own, together they take all."""
    all_of_them = slots(SCENARIOS["steady"], 1)

    shares = [all_of_them[index::3] for index in range(3)]

    assert sorted(each.number for share in shares for each in share) == list(range(len(all_of_them)))
