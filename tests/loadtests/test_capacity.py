"""What a ramp says of capacity: on levels that were made from a known law, so that the answer is known, too."""

import math
import random
from dataclasses import replace
from functools import cache

import msgspec
import pytest

from loadtests.capacity import (
    GATEWAY_A_SECOND,
    Capacity,
    Step,
    Used,
    Wish,
    calm_and_busy,
    capacity,
    level_of,
    slowest_of,
    steps_of,
)
from loadtests.result import Generated, Machine, Outcome, Ran, Sample, Sent, Watched
from loadtests.scenario import SCENARIOS
from loadtests.usl import FURTHEST, Law, Level, NotEnough, TooFar, fit, p99_at

LAW = Law(rate_of_one=20.0, waiting=0.05, crosstalk=0.001)  # its peak lies at 31 under way
STEPS = (1, 2, 4, 8, 16, 32, 48)
STEP_S = 20.0
LEVELS = [Step(number * STEP_S, (number + 1) * STEP_S) for number in range(len(STEPS))]


def levels(law=LAW, steps=STEPS, noise=0.0) -> list[Level]:
    """Each step in five windows, as the law has it but for some noise."""
    dice = random.Random(1)
    return [Level(tuple((n, law.at(n) * (1 + noise * dice.uniform(-1, 1))) for _ in range(5)), 10.0 * n) for n in steps]


@cache
def ramp(law=LAW, steps=STEPS, cores=2, **more) -> Ran:
    """A run of the ramp: in each step so many are under way at every moment, each for as long as the law says."""
    sent: list[Sent] = []
    samples: list[Sample] = []
    for n, step in zip(steps, LEVELS, strict=False):
        start, end = step.begin, step.end
        rate = law.at(n)
        took_ms = n / rate * 1000
        sent += [
            Sent(start + number / rate, "buyer", "checkout", took_ms, took_ms, Outcome.OK, 201)
            for number in range(int((end - start) * rate))
        ]
        for at_s in (start, end - 0.5):
            used = samples[-1].cpu_s["serve"] if samples else 0.0
            spent = {"serve": used + (at_s - start) * rate * 0.016, "postgres": at_s * 0.1, "work": at_s * 0.1}
            samples.append(Sample(at_s, spent, {}, pool_in_use=min(n, 10), pool_size=15, **more))
    machine = Machine(cores, "", "", "", "")
    generated, watched = Generated(LEVELS[-1].end, len(sent), len(sent), sent), Watched(samples, 0.0, cores)
    return Ran("ramp", 1, "2027-01-01T00:00:00Z", LEVELS[-1].end, generated, watched, None, None, {}, "", machine)


def test_a_known_law_is_found_again():
    """Without noise to the last digit, with noise of 5 % within its intervals."""
    clean, noisy = fit(levels()).law, fit(levels(noise=0.05))

    assert (20.0, 0.05, 0.001) == pytest.approx((clean.rate_of_one, clean.waiting, clean.crosstalk))
    assert all(noisy.at(n).low <= LAW.at(n) * 1.02 and noisy.at(n).high >= LAW.at(n) * 0.98 for n in (1, 8, 31))
    assert noisy.at(8).low < noisy.at(8).high
    assert noisy == fit(levels(noise=0.05)), "the same levels say the same"


def test_the_peak_is_where_more_of_them_answer_fewer():
    """At the square root of (1 - a) / b; and the knee, beyond which all gain is paid in waiting, lies before it."""
    found = fit(levels())

    assert found.peak_reached
    assert LAW.at(math.sqrt(0.95 / 0.001)) == pytest.approx(found.peak.value)
    powers = {n: LAW.at(n) ** 2 / n for n in range(1, 49)}
    assert max(powers, key=powers.get) == round(found.knee_n)
    assert found.knee.value < found.peak.value


def test_nothing_is_said_beyond_what_was_measured():
    """Up to one and a half times the largest level, and not a step further; a peak out there is none."""
    still_rising = fit(levels(Law(20.0, 0.01, 0.0), steps=(1, 2, 3, 4, 5, 6)))

    assert still_rising.at(6 * FURTHEST).value > 0
    with pytest.raises(TooFar):
        still_rising.at(6 * FURTHEST + 0.1)
    assert not still_rising.peak_reached
    assert still_rising.at(6).value == pytest.approx(still_rising.peak.value), "as far as it was seen to rise"


@pytest.mark.parametrize(
    ("few", "why"),
    [
        (levels(steps=(1, 2, 4, 8, 16)), "a fit needs 6"),
        (levels(steps=(4, 8, 12, 16, 24, 32)), "near a single one"),
        ([Level(((1.0, 0.0),)) for _ in range(7)], "a fit needs 6"),  # nothing was answered
    ],
)
def test_too_little_for_an_answer_is_said(few, why):
    """Rather than a figure that stands on nothing."""
    with pytest.raises(NotEnough, match=why):
        fit(few)


def test_less_than_one_under_way_is_one_at_a_time():
    """A level that is idle half of the time tells the rate of one alone, not half of it."""
    idle = [Level(((0.5, 10.0),) * 5), *levels(steps=STEPS[1:])]

    assert pytest.approx(20.0) == fit(idle).law.rate_of_one


def test_never_below_nothing():
    """Levels that seem to help one another are noise: neither waiting nor crosstalk is negative."""
    found = fit([Level(((n, 20.0 * n**1.05),) * 5) for n in STEPS]).law

    assert (0, 0) == (found.waiting, found.crosstalk)
    assert math.inf == found.peak_n == found.knee_n


def test_a_ramp_says_how_long_an_on_sale_takes():
    """Levels are read from the requests themselves: how many were there, and how many orders were opened."""
    found = capacity(ramp(), LEVELS, Wish(passes=2_000, gateway_per_second=1_000))

    assert list(STEPS) == pytest.approx([each.n for each in found.fit.levels], rel=0.05)
    assert LAW.at(found.fit.knee_n) == pytest.approx(found.per_second.value, rel=0.05)
    assert 2_000 / found.per_second.value == pytest.approx(found.drains_in_s.value)
    assert found.drains_in_s.low <= found.drains_in_s.value <= found.drains_in_s.high
    assert found.passes_per_minute.value == pytest.approx(found.per_second.value * 60)
    assert not found.by_gateway


def test_the_gateways_own_limit_comes_first_when_it_is_the_lower():
    """25 new sessions a second sell 1,500 passes a minute, however strong the machine is."""
    found = capacity(ramp(), LEVELS)

    assert found.by_gateway
    assert (GATEWAY_A_SECOND, 1_500, 80) == (
        found.per_second.value,
        found.passes_per_minute.value,
        found.drains_in_s.value,
    )


def test_two_passes_an_order_are_sold_twice_as_fast():
    """The limit is on orders, the wish is in passes."""
    assert 40 == capacity(ramp(), LEVELS, Wish(passes_per_order=2)).drains_in_s.value


def test_what_gives_way_first_is_named():
    """At the lowest level at which anything had no more to give; nothing, when nothing had to."""
    assert "serve: its one core" == capacity(ramp(cores=8), LEVELS).first_saturated
    assert "the gateway's rate" == capacity(ramp(gateway_queue=3), LEVELS).first_saturated
    assert "the machine: all 1 cores" == capacity(ramp(cores=1), LEVELS).first_saturated
    assert capacity(ramp(Law(1.0, 0.05, 0.001), cores=8), LEVELS).first_saturated is None


@pytest.mark.parametrize(
    ("used", "first"),
    [
        (Used({"serve": 0.95, "emulate": 0.9}, 1, 10, 0, 1.9), "serve: its one core"),
        (Used({"serve": 0.5}, 10, 10, 0, 1.0), "the pool of connections"),
        (Used({"work": 0.5}, 1, 10, 0, 1.0, behind=3.0), "work: more comes in than it applies"),
        (Used({"postgres": 1.8}, 1, 10, 0, 1.9), "the machine: all 2 cores"),  # it has many processes
    ],
)
def test_the_narrowest_place_is_told_first(used, first):
    """Of several that are full, the fullest."""
    assert first == next(used.saturated(2))


def test_what_is_advised_takes_the_gateways_whole_rate():
    """Replicas and connections leave room for bursts; the cost is that of the processor time alone."""
    found: Capacity = capacity(ramp(), LEVELS, Wish(gateway_per_second=100, core_hour=0.36))

    rate = LAW.at(8)  # the level next below the knee
    assert math.ceil(100 * 0.016 / 0.7) == found.replicas["serve"]
    assert math.ceil(8 / 0.7) == found.pool_size
    assert pytest.approx(0.016 + 0.2 / rate, rel=0.05) == found.core_s_per_order
    assert pytest.approx(found.core_s_per_order * 0.1) == found.cost_per_thousand


def test_the_slowest_at_the_knee_are_compared_with_the_slowest_in_calm():
    """Between two levels by how near each is; below all nobody waits for another; above all nobody knows."""
    told = [Level(((1, 10.0),), 100.0), Level(((2, 20.0),), 200.0)]

    assert 150 == p99_at(told, 15)
    assert 100 == p99_at(told, 2)
    assert math.isnan(p99_at(told, 30))
    assert 1 < capacity(ramp(), LEVELS).slower < 20


def test_buyers_who_come_when_they_come_tell_how_long_the_slowest_wait():
    """Two stages at a fifth and at four fifths of the knee; what they say outweighs what the ramp says."""
    tail = calm_and_busy(20.0)
    calm, busy = steps_of(tail)
    waits = {calm: 50.0, busy: 150.0}
    sent = [
        Sent(step.begin + number / 4, "buyer", "checkout", wait, wait, Outcome.OK, 201)
        for step, wait in waits.items()
        for number in range(int((step.end - step.begin) * 4))
    ]
    ran = msgspec.structs.replace(ramp(), generated=Generated(tail.seconds, len(sent), len(sent), sent))

    assert [4, 16] == [each.peak for each in tail.stages]
    assert (50.0, 150.0) == slowest_of(ran, tail)
    assert 3 == replace(capacity(ramp(), LEVELS), slowest=(50.0, 150.0)).slower


def test_the_ramp_of_the_scenarios_is_enough_for_an_answer():
    """Its stages are the levels: at least six, a single buyer first, each as long as it is."""
    found = steps_of(SCENARIOS["ramp"])

    assert len(found) >= 6
    assert (0, 1) == (found[0].begin, found[0].users)
    assert SCENARIOS["ramp"].seconds == found[-1].end


def test_who_is_at_it_without_rest_is_counted_by_heads():
    """Also while they are at the gateway, where no request of ours is under way."""
    level = level_of(ramp().generated.sent, Step(0, STEP_S, users=3))

    assert 3 == level.n
    assert LAW.at(1) == pytest.approx(level.per_second, rel=0.05)
