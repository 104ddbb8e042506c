"""Everything that is said of one run: whether to believe it, whether money is right, its promises, ceilings and alerts.

What was measured under doubt (a generator that was late, a machine busy with others) fails nobody for being slow, nor for the
alerts that slowness raises; a fault, wrong money, or an alert that did not fire stays what it is. Nothing here measures: the same `Ran` is judged the same for ever.
"""

from collections.abc import Iterator, Sequence

import msgspec

from loadtests.ceilings import ceilings
from loadtests.promises import LEAST, promises, share
from loadtests.result import Outcome, Ran
from loadtests.stages import Scenario
from loadtests.verdict import Row, Verdict

MOST_UNSENT = 0.005  # of the turns
MOST_BUSY = 0.25  # of the machine, by programs that have nothing to do with the run
LEAST_HEARD = 0.8  # of the looks at the alerts; in fewer, silence proves nothing
BUDGET_BP = 10  # of all requests may end in a fault, or be sent away where no scenario provokes it
_DOUBT = "(measured under doubt)"
_TOLD = 5  # wrongs are named, the others counted
_OF_TIME = frozenset({"ms", "s"})


def judge(ran: Ran, scenario: Scenario) -> list[Row]:
    """All rows of one run."""
    doubts = list(_doubts(ran))
    rows = [_money(ran, scenario), *_outcomes(ran, scenario), *promises(ran, scenario), *ceilings(ran, scenario)]
    if doubts:
        rows = [_doubted(each) for each in rows]
    return [*doubts, *rows, *_alerts(ran, scenario, doubted=bool(doubts))]


def judge_all(runs: Sequence[tuple[Ran, Scenario]]) -> list[Row]:
    """All rows of all runs, each by itself."""
    return [row for ran, scenario in runs for row in judge(ran, scenario)]


def _doubts(ran: Ran) -> Iterator[Row]:
    made, watched = ran.generated, ran.watched
    unsent = made.unsent / made.planned if made.planned else 1.0
    found = {
        "unsent": (unsent >= MOST_UNSENT, f"{unsent:.1%} of the turns were never taken; it has to be below {MOST_UNSENT:.1%}"),
        "starved": (made.starved, f"the generator was late itself (p99 {made.lag_ms_p99:.0f} ms); give it more `--workers`"),
        "broken": (made.broken > 0, f"{made.broken} turns broke off on the test's own side; the generators' log says why"),
        "busy": (watched.host_busy > MOST_BUSY, f"other programs had {watched.host_busy:.0%} of this machine; let it be quiet"),
        "few": (len(made.sent) < LEAST, f"{len(made.sent)} requests say too little; it takes {LEAST}"),
        "unwatched": (not watched.samples, "nobody looked at the processes meanwhile"),
    }  # fmt: skip
    for name, (applies, why) in found.items():
        if applies:
            yield _row(ran, name, "The measurement can be trusted.", Verdict.INCONCLUSIVE, why)


def _doubted(row: Row) -> Row:
    if row.unit not in _OF_TIME or row.verdict is not Verdict.FAIL:
        return row
    return msgspec.structs.replace(row, verdict=Verdict.INCONCLUSIVE, why=f"{row.why} {_DOUBT}")


def _money(ran: Ran, scenario: Scenario) -> Row:
    told, found = "Every promise about money and seats holds.", ran.correctness
    if found is None:
        return _row(ran, "money", told, Verdict.INCONCLUSIVE, "nobody looked whether money and seats are right")
    if not found.holds:
        wrong = [
            f"{name} is broken {count} times" for name, count in sorted(found.invariants.items())
        ] + found.differences
        more = [f"and {len(wrong) - _TOLD} more"] if len(wrong) > _TOLD else []
        return _row(ran, "money", told, Verdict.MONEY, "; ".join([*wrong[:_TOLD], *more]))
    if scenario.drains and not found.drained:
        return _row(ran, "money", told, Verdict.FAIL, "events or letters still waited long after the last request")
    return _row(ran, "money", told, Verdict.PASS)


def _outcomes(ran: Ran, scenario: Scenario) -> Iterator[Row]:
    """No fault, and nobody is sent away, unless the scenario provokes it."""
    told = {Outcome.FAILED: "Requests are answered without a fault.", Outcome.REFUSED: "Nobody is sent away."}
    for outcome, promise in told.items():
        if outcome not in scenario.allows and ran.generated.sent:
            bad = [each for each in ran.generated.sent if each.outcome is outcome]
            found = share(len(bad), len(ran.generated.sent), BUDGET_BP)
            which = ", ".join(sorted({f"{each.name} {each.status or 'without answer'}" for each in bad})[:_TOLD])
            yield Row(
                scenario=ran.scenario,
                name=outcome.value,
                told=promise,
                verdict=found.verdict,
                found=found.found,
                limit=found.limit,
                unit="%",
                low=found.low,
                high=found.high,
                why="" if found.verdict is Verdict.PASS else f"{len(bad)} {outcome.value} of {found.count}: {which}",
            )


def _alerts(ran: Ran, scenario: Scenario, *, doubted: bool) -> Iterator[Row]:
    told = "The alerts that had to fire did, and no others."
    if ran.alerts is None:
        if scenario.expects:
            why = f"alerts were not watched, and {', '.join(scenario.expects)} has to fire; `make monitoring` gets what watches"
            yield _row(ran, "alerts", told, Verdict.INCONCLUSIVE, why)
        return
    missing = [f"{each} did not fire" for each in ran.alerts.missing]
    others = [f"{each} fired" for each in ran.alerts.unexpected if each not in scenario.tolerates]
    heard = ran.alerts.heard >= LEAST_HEARD
    deaf = f"alerts were watched in {ran.alerts.heard:.0%} of the looks: silence proves nothing"
    if missing and heard:
        yield _row(ran, "alerts", told, Verdict.FAIL, "; ".join(missing + others))
    elif others:
        why = "; ".join(others)
        yield _row(
            ran, "alerts", told, *((Verdict.INCONCLUSIVE, f"{why} {_DOUBT}") if doubted else (Verdict.FAIL, why))
        )
    else:
        yield _row(ran, "alerts", told, Verdict.PASS if heard else Verdict.INCONCLUSIVE, "" if heard else deaf)


def unwatched(runs: Sequence[tuple[Ran, Scenario]]) -> list[str]:
    """Scenarios whose alerts nobody watched, though somebody should have."""
    return [ran.scenario for ran, scenario in runs if scenario.watched and ran.alerts is None]


def _row(ran: Ran, name: str, told: str, verdict: Verdict, why: str = "") -> Row:
    return Row(scenario=ran.scenario, name=name, told=told, verdict=verdict, why=why)
