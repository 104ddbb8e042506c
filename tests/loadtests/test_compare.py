"""Old and new in rounds, on figures that were made up: the same passes, a third slower fails, noise decides nothing."""

import pytest

from loadtests.compare import (
    CPU,
    LEAST_ROUNDS,
    SHARE,
    Look,
    differences,
    kind_of,
    noise,
    rows,
    suspects,
)
from loadtests.pace import MOST_BUSY, Spent
from loadtests.selftest import judged
from loadtests.verdict import Verdict, overall
from tests.loadtests import made


def looks(*, paired=True, **how) -> dict[str, Look]:
    return {each.name: each.look for each in differences(*made.rounds(**how), paired=paired)}


def test_the_same_beside_the_same_passes():
    """Whatever the mood of the machine, which both sides share; a dozen times over."""
    found = [differences(*made.rounds(seed=seed)) for seed in range(12)]

    assert [] == [suspects(each) for each in found if suspects(each)]
    assert Verdict.PASS is overall(rows(found[0]))


def test_a_third_slower_fails_twice_over():
    """A tenth would be enough; the figures and the interval stand in the reason."""
    first, again = (differences(*made.rounds(slower=1.3, seed=seed)) for seed in (1, 2))

    told = {each.name: each for each in rows(first, again)}

    assert Verdict.FAIL is told[CPU].verdict
    assert Verdict.FAIL is told["checkout p25"].verdict
    assert (told[CPU].low or 0) < 32 < (told[CPU].high or 0) + 4
    assert "twice" in told[CPU].why
    assert 1 == overall(list(told.values())).exit_code


def test_what_is_worse_only_once_is_no_regression():
    """A second look that finds nothing acquits; one that cannot see anything leaves it open; none at all, too."""
    first = differences(*made.rounds(slower=1.3))
    well, wild = differences(*made.rounds(seed=7)), differences(*made.rounds(noise=0.9, seed=7))

    assert Verdict.PASS is overall(rows(first, well))
    assert Verdict.INCONCLUSIVE is overall(rows(first, wild))
    assert Verdict.INCONCLUSIVE is overall(rows(first))


def test_less_than_anybody_would_mind_is_nothing():
    """5 % are seen and said, and fail nobody; a few milliseconds of something quick neither."""
    slower, quick = looks(slower=1.05, noise=0.001), looks(slower=1.5, noise=0.001)

    assert {Look.SAME} == set(slower.values())
    assert (Look.SAME, Look.WORSE) == (quick["order p25"], quick["checkout p25"])  # 6 ms became 9; 40 became 60


def test_what_could_hide_a_fifth_is_no_pass():
    """Rounds that scatter so that twice the least effect lies within the interval: nobody calls that the same."""
    hazy = [each for each in differences(*made.rounds(noise=0.35, seed=5)) if each.name == "checkout p25"]

    assert [Look.BLIND] == [each.look for each in hazy], hazy
    assert hazy[0].share(hazy[0].high) > 2 * 100 * SHARE


def test_rounds_that_differ_too_much_are_inconclusive():
    """With noise as large as what is looked for nobody passes."""
    assert Verdict.INCONCLUSIVE is overall(rows(differences(*made.rounds(noise=0.8, seed=3))))


@pytest.mark.parametrize("count", [0, LEAST_ROUNDS - 1])
def test_too_few_rounds_are_inconclusive(count):
    """None, or fewer than an interval needs."""
    assert Verdict.INCONCLUSIVE is overall(rows(differences(*made.rounds(count))))


def test_a_figure_that_is_missing_is_inconclusive():
    """A pair of which one cannot be trusted is left out; when that leaves none, nobody knows."""
    old, new = made.rounds()
    without = [{name: value for name, value in each.items() if name != CPU} for each in new]

    told = {each.name: each.verdict for each in rows(differences(old, without))}

    assert Verdict.INCONCLUSIVE is told[CPU]
    assert Verdict.PASS is told["checkout p25"]
    assert Verdict.PASS is overall(rows(differences([{}, *old], [new[0], *new])))


def test_figures_that_were_kept_are_compared_without_neighbours():
    """The mood of the machine is in them, so the interval is wider; a half more is seen all the same."""
    assert Look.WORSE is looks(paired=False, slower=1.6, count=12)[CPU]
    assert Look.WORSE is not looks(paired=False, count=12)[CPU]


def test_a_round_says_only_what_it_has_enough_of():
    """Medians of names with enough requests; and nothing at all when something failed or others were busy."""
    waited = {"checkout": [40.0] * 150, "order": [6.0] * 30, "catalog": [5.0] * 3}
    used = {"checkout": [20.0] * 150, "order": [4.0] * 30, "catalog": [3.0] * 3}
    told = Spent(waited, used, cpu_ms=1_830.0, worker_ms=366.0, database_ms=549.0, statements=1_281, others=0.1)

    assert {
        "cpu": 10,
        "worker": 2,
        "database": 3,
        "statements": 7,
        "checkout p25": 40,
        "checkout p50": 40,
        "checkout cpu": 20,
        "order p25": 6,
        "order p50": 6,
        "order cpu": 4,
    } == told.figures
    assert {} == Spent(waited, used, failed=["503"]).figures
    assert {} == Spent(waited, used, others=MOST_BUSY + 0.1).figures
    assert ("ms", True, False, True, False) == (
        kind_of("order p25").unit,
        kind_of("checkout p25").decides,
        kind_of("checkout p50").decides,
        kind_of("checkout cpu").decides,
        kind_of("order cpu").decides,
    )


def test_the_noise_is_how_far_the_same_lies_from_itself():
    """In per cent, by figure; with less noise it is less."""
    calm, loud = (noise(differences(*made.rounds(noise=each)))[CPU] for each in (0.01, 0.1))

    assert 0 < calm < loud < 30


def test_a_gate_that_sees_too_much_or_too_little_fails_its_own_test():
    """The same has to pass and the slowed one to fail, or the gate is not fit to judge."""
    same, slower = differences(*made.rounds()), [differences(*made.rounds(slower=1.3, seed=seed)) for seed in (1, 2)]

    assert Verdict.PASS is overall(judged(same, slower[0], (), slower[1]))
    assert Verdict.FAIL is overall(judged(same, same))  # blind
    assert Verdict.FAIL is overall(judged(slower[0], slower[0], slower[1], slower[1]))  # sees what is not there
