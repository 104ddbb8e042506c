"""What is said of one run, on runs that were made up: what passes, what fails, and what nobody can know."""

import math

import msgspec
import pytest

from loadtests.ceilings import LIMITS
from loadtests.promises import ELSEWHERE, LEAST, SEEN, calm_from, share, slow, unseen
from loadtests.report import words
from loadtests.result import Correctness, Outcome
from loadtests.scenario import SCENARIOS
from loadtests.thresholds import judge, judge_all, unwatched
from loadtests.verdict import Verdict, overall, worst
from service.telemetry.objectives import OBJECTIVES
from tests.loadtests import made


def verdicts(ran, scenario=None) -> dict[str, Verdict]:
    return {each.name: each.verdict for each in judge(ran, scenario or SCENARIOS[ran.scenario])}


def test_a_good_day_passes():
    """Every row holds, and each promise that can be seen from outside has one."""
    rows = judge(made.run(), SCENARIOS["steady"])

    assert {Verdict.PASS} == {each.verdict for each in rows}
    assert set(SEEN) | {"tickets-prompt"} | set(SCENARIOS["steady"].ceilings) <= {each.name for each in rows}


def test_every_objective_is_judged_or_says_why_not():
    """A promise that is added to the service cannot be forgotten here."""
    assert {each.name for each in OBJECTIVES} == set(SEEN) | set(ELSEWHERE) | {"tickets-prompt"}


def test_every_ceiling_of_every_scenario_is_known():
    """A scenario cannot ask for a limit that nobody looks at."""
    assert {name for each in SCENARIOS.values() for name in each.ceilings} <= set(LIMITS)


@pytest.mark.parametrize(
    ("ran", "name"),
    [
        (made.failed(made.run(), "checkout", 0.03), "checkout-availability"),
        (made.failed(made.run(), "checkout", 0.03), "failed"),
        (made.failed(made.run(), "catalog", 0.02), "store-availability"),
        (made.failed(made.run(), "order", 0.05, status=429, outcome=Outcome.REFUSED), "refused"),
        (made.run(slower=60), "checkout-latency"),  # its slowest: more than 2.5 s
        (made.run(cpu_ms=55), "cpu_ms_per_request"),
        (made.changed(made.run(), "watched", pool_wait={"0.1": 900, "1": 1_000, "+Inf": 1_000}), "pool_wait_p99_s"),
        (made.changed(made.run(), "correctness", drained=False), "money"),
    ],
)
def test_a_limit_that_is_broken_fails(ran, name):
    """Each by its own name, with a reason."""
    row = next(each for each in judge(ran, SCENARIOS["steady"]) if each.name == name)

    assert Verdict.FAIL is row.verdict
    assert row.why


def test_what_a_ramp_leaves_behind_is_no_fault_and_wrong_money_is():
    """It asks for more than goes, step by step: nobody waits until all of it is done, but what is wrong is wrong."""
    behind, wrong = Correctness(drained=False), Correctness({}, ["pay_1 is charged 2 times"], drained=False)

    found = [verdicts(made.run("ramp", correctness=each))["money"] for each in (behind, wrong)]

    assert [Verdict.PASS, Verdict.MONEY] == found


def test_memory_that_grows_fails_and_a_short_run_says_nothing_of_it():
    """A line through all looks; what is loaded at the first requests is no leak."""
    ran = made.run()
    for each in ran.watched.samples:
        each.rss["work"] += int(each.at_s / 60 * 90_000_000)

    assert Verdict.FAIL is verdicts(ran)["rss_mb_per_minute"]
    assert "rss_mb_per_minute" not in verdicts(made.run("smoke"))


@pytest.mark.parametrize(
    ("ran", "name"),
    [
        (made.changed(made.run(), "generated", begun=int(0.99 * made.run().generated.planned)), "unsent"),
        (made.changed(made.run(), "generated", starved=True), "starved"),
        (made.changed(made.run(), "watched", host_busy=0.5), "busy"),
        (made.changed(made.run(), "generated", sent=made.run().generated.sent[: LEAST - 1]), "few"),
        (made.changed(made.run(), "watched", samples=[]), "unwatched"),
        (made.changed(made.run(), "watched", pool_wait={}), "pool_wait_p99_s"),
        (made.run(correctness=None), "money"),
    ],
)
def test_what_is_missing_or_cannot_be_trusted_is_inconclusive(ran, name):
    """Never a pass: the whole verdict is that nobody knows."""
    rows = judge(ran, SCENARIOS["steady"])

    assert Verdict.INCONCLUSIVE is next(each.verdict for each in rows if each.name == name)
    assert Verdict.INCONCLUSIVE is overall(rows)
    assert 3 == overall(rows).exit_code


def test_a_generator_that_was_late_fails_nobody_for_being_slow():
    """But a fault stays a fault, and wrong money stays wrong."""
    slow_one = made.changed(made.run(slower=60, alerts=made.alerts("DbPoolTimeouts")), "generated", starved=True)
    at_fault = made.changed(made.failed(made.run(), "checkout", 0.03), "generated", starved=True)

    assert Verdict.INCONCLUSIVE is overall(judge(slow_one, SCENARIOS["steady"]))
    assert Verdict.FAIL is overall(judge(at_fault, SCENARIOS["steady"]))


def test_wrong_money_outweighs_everything():
    """A broken promise of the data, or one difference from what happened at the gateway, is 5."""
    broken = made.run(correctness=Correctness({"order-total": 2}))
    charged = made.failed(made.run(correctness=Correctness({}, ["pay_1 is charged 2 times"])), "checkout", 0.5)

    for ran, told in ((broken, "order-total is broken 2 times"), (charged, "pay_1 is charged 2 times")):
        rows = judge(ran, SCENARIOS["steady"])
        assert 5 == overall(rows).exit_code
        assert told in next(each.why for each in rows if each.name == "money")


def test_alerts_have_to_fire_and_others_must_not():
    """One that is missing fails, one that was not asked for fails, one that may fire does not; nobody listening is unknown."""
    down = SCENARIOS["gateway-down"]
    expected = down.expects
    found = {
        told: verdicts(made.run("gateway-down", alerts=alerts), down)["alerts"]
        for told, alerts in {
            "as it ought": made.alerts(*expected, *down.tolerates, expected=expected),
            "missing": made.alerts(expected=expected),
            "another": made.alerts(*expected, "LedgerImbalance", expected=expected),
            "nobody": None,
            "deaf": msgspec.structs.replace(made.alerts(*expected, expected=expected), heard=0.5),
            "deaf, and another": msgspec.structs.replace(made.alerts("LedgerImbalance"), heard=0.5),
        }.items()
    }

    assert {
        "as it ought": "pass",
        "missing": "fail",
        "another": "fail",
        "nobody": "inconclusive",
        "deaf": "inconclusive",
        "deaf, and another": "fail",
    } == found


def test_where_nobody_watched_the_alerts_it_is_said():
    """A scenario that expects none passes without them, but not silently; the ramp wants nobody to watch."""
    names = ("steady", "gateway-down", "ramp")
    runs = [
        (made.run(name, alerts=None if name != "gateway-down" else made.alerts()), SCENARIOS[name]) for name in names
    ]

    assert ["steady"] == unwatched(runs)
    assert "steady" in " ".join(words.deaf(unwatched(runs)))
    assert [] == words.deaf([])


def test_trouble_that_may_break_anything_is_judged_when_it_is_over():
    """The database stands still: who waits then is not counted, who waits long after is."""
    hiccup = SCENARIOS["database-hiccup"]
    ran, calm = made.run("database-hiccup", rate=60), calm_from(SCENARIOS["database-hiccup"])
    in_it, after = (
        made.changed(
            ran,
            "generated",
            sent=[
                msgspec.structs.replace(each, outcome=Outcome.FAILED, status=500)
                if (each.at_s < calm) is early
                else each
                for each in ran.generated.sent
            ],
        )
        for early in (True, False)
    )

    assert max(each.until_s for each in hiccup.faults) < calm < hiccup.seconds
    assert Verdict.PASS is overall(judge(in_it, hiccup))
    assert Verdict.FAIL is overall(judge(after, hiccup))
    assert 20 < calm_from(SCENARIOS["overload-recovery"]) < SCENARIOS["overload-recovery"].seconds


def test_a_gateway_that_is_slow_breaks_no_promise_of_ours():
    """Checkouts in that time wait for it, and are not judged by their speed; those before and after are."""
    scenario = SCENARIOS["slow-gateway"]
    ran, fault = made.run("slow-gateway", rate=60), scenario.faults[0]
    waiting = [
        msgspec.structs.replace(each, waited_ms=3_500)
        if each.name == "checkout" and fault.at_s <= each.at_s < fault.until_s
        else each
        for each in ran.generated.sent
    ]

    assert Verdict.PASS is overall(judge(made.changed(ran, "generated", sent=waiting), scenario))
    assert Verdict.FAIL is overall(judge(made.run("slow-gateway", rate=60, slower=90), scenario))


def test_what_no_scenario_alone_saw_enough_of_is_judged_over_all():
    """Support makes few requests: those of all runs count together, and too few even then is inconclusive."""
    few = [(made.run("smoke", rate=60, seed=seed), SCENARIOS["smoke"]) for seed in range(3)]
    one, three = (list(unseen(runs, judge_all(runs))) for runs in (few[:1], few))

    support = [each for each in three if each.name == "support-availability"]
    assert [("all scenarios", "pass")] == [(each.scenario, each.verdict) for each in support]
    assert Verdict.INCONCLUSIVE is next(each.verdict for each in one if each.name == "support-availability")


def test_one_bad_request_of_many_is_chance_until_it_is_not():
    """Above its limit with an interval that reaches below it nobody knows; with one that lies above it fails."""
    assert ["pass", "inconclusive", "fail"] == [share(bad, 1_500, 10).verdict for bad in (1, 2, 9)]
    assert "inconclusive" == share(0, LEAST - 1, 10).verdict
    assert share(0, 3_000, 10).high < 0.2


def test_a_percentile_has_the_ranks_beside_it_as_its_interval():
    """Of a thousand the 99th percentile is the 990th, and lies between about the 983rd and the 997th."""
    found = slow([float(number) for number in range(1, 1_001)], 0.99, 995.0)

    assert (990.0, "pass") == (found.found, found.verdict)
    assert (983, 997) == pytest.approx((found.low, found.high), abs=1)
    assert "inconclusive" == slow([float(number) for number in range(1, 1_001)], 0.99, 985.0).verdict
    assert "fail" == slow([float(number) for number in range(1, 1_001)], 0.99, 900.0).verdict
    assert math.isinf(slow([], 0.99, 900.0).high)


def test_the_worst_three_are_three_different_things():
    """What fails comes first, then what is unknown, then what is nearest to its limit; each kind once."""
    runs = [(made.failed(made.run(seed=seed), "checkout", 0.03), SCENARIOS["steady"]) for seed in (1, 2)]

    three = worst(judge_all(runs))

    assert ["fail", "fail"] == [each.verdict for each in three[:2]]
    assert 3 == len({each.name for each in three})
