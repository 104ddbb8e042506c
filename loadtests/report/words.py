"""Figures and findings in words, the same in every format: values with units, intervals, why it is this verdict."""

import math
from collections.abc import Iterable, Iterator

from loadtests.findings import WORST, Findings
from loadtests.verdict import Row, Verdict, reasons, worst

_SECOND_MS, _TENS, _HUNDREDS = 1_000, 10, 100
MINUTE_S = 60
REASONS = 3  # are told; all stand in the table
_NAMES = {
    "cpu_ms_per_request": "processor time a request",
    "statements_per_request": "statements a request",
    "pool_wait_p99_s": "wait for a connection, p99",
    "rss_mb_per_minute": "growth of memory",
    "cpu": "processor time a request",
    "statements": "statements a request",
    "worker": "the worker's time a request",
    "database": "PostgreSQL's time a request",
    "failed": "faults",
    "refused": "sent away",
    "money": "money and seats",
}
_HEADS = {
    Verdict.PASS: "Pass",
    Verdict.FAIL: "Fail",
    Verdict.INCONCLUSIVE: "Inconclusive",
    Verdict.UNHEALTHY: "Unhealthy",
    Verdict.MONEY: "Money is wrong",
}


def head(findings: Findings) -> str:
    """The one word of the first screen."""
    return "Interrupted" if findings.interrupted else _HEADS[findings.verdict]


def sentence(findings: Findings) -> str:
    """What that word means."""
    if findings.interrupted:
        return "It was ended before its end; what was measured until then is kept."
    if findings.what != "gate" and findings.verdict is Verdict.PASS:
        return (
            "It holds all its limits." if findings.what == "run" else "It passes the same, and it finds what is slower."
        )
    subject = {"gate": "This release", "run": "What was played"}.get(findings.what, "The gate")
    return f"{subject} {findings.verdict.told}."


def why(findings: Findings) -> list[str]:
    """The reasons of a verdict that is no pass, the first ones."""
    if findings.verdict is Verdict.PASS:
        return []
    told = list(dict.fromkeys(reasons(findings.rows, findings.verdict)))
    more = [f"and {len(told) - REASONS} more, below"] if len(told) > REASONS else []
    return told[:REASONS] + more


def first(findings: Findings) -> list[Row]:
    """The rows to look at first."""
    return worst(findings.rows, WORST)


def value(number: float | None, unit: str) -> str:
    """One figure with its unit, as short as it can be read."""
    if number is None:
        return "not measured"
    if math.isinf(number):
        return "no end"
    if unit == "ms" and abs(number) >= _SECOND_MS:
        return f"{_short(number / _SECOND_MS)} s"
    if unit == "% more":
        return f"{number:+.1f}".removesuffix(".0") + " %"
    return f"{_short(number)} {unit}".strip()


def limit(row: Row) -> str:
    """Its limit; the unit stands with what was found, unless that is another."""
    unit = row.unit if row.unit in {"ms", "s", "%", "% more"} else ""
    return value(row.limit, unit)


def interval(row: Row) -> str:
    """From where to where it lies with 95 %; empty when it has no width."""
    if row.low is None or row.high is None or row.low == row.high:
        return ""
    low, high = value(row.low, row.unit), value(row.high, row.unit)
    return f"{low} to {high}" if low != high else ""


def name(row: Row) -> str:
    """What a figure is called in a table."""
    return _NAMES.get(row.name, row.name.replace("_", " ").replace("-", " "))


def knee(findings: Findings) -> Iterator[tuple[str, str, str]]:
    """Knee, headroom and what gave way first: name, figure, remark."""
    told = findings.headline
    if told is None:
        return
    low, high = told.knee[1:]
    remark = f"{_short(low)} to {_short(high)}, with 95 %" if _short(low) != _short(high) else ""
    yield "Knee", f"{_short(told.knee[0])} orders/s", remark
    yield "Headroom", f"{_short(told.headroom)} times", f"the gateway lets {_short(told.wanted)} orders/s through"
    yield "First saturated", told.first_saturated or "nothing", told.drains


def deaf(scenarios: Iterable[str]) -> list[str]:
    """Where nobody watched the alerts: that none fired proves nothing there."""
    told = ", ".join(scenarios)
    return [f"Alerts were not watched in {told}: Prometheus or Alertmanager is missing (`make monitoring`)."] * bool(
        told
    )


def settings(findings: Findings) -> list[str]:
    """What this release is set to otherwise than its baseline."""
    if not findings.baseline:
        return []
    told = [
        f"{name} was {before or 'not there'} and is {now or 'gone'}" for name, (before, now) in findings.changed.items()
    ]
    return told or ["All settings and their defaults are those of the baseline."]


def traced(findings: Findings) -> Iterator[str]:
    """Slow requests of which a trace was kept, and where their time went."""
    for each in findings.exemplars[:WORST]:
        parts = ", ".join(f"{name} {value(took_ms, 'ms')}" for name, took_ms in each.parts[:WORST])
        told = f"{each.sent.name} in {each.scenario} waited {value(each.sent.waited_ms, 'ms')}"
        yield f"slow: {told}: {parts} (trace {each.sent.trace})"


def span(seconds: float) -> str:
    """How long something took, in words."""
    minutes, rest = divmod(round(seconds), MINUTE_S)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def machine(findings: Findings) -> str:
    """On what it ran, in a line."""
    found = findings.machine
    if found is None:
        return "an unknown machine"
    return (
        f"{found.cores} cores of {found.processor}, {found.system}, Python {found.python}, PostgreSQL {found.postgres}"
    )


def release(findings: Findings) -> str:
    """What was judged, and beside what."""
    changed = " with changes" if findings.dirty else ""
    commit = f"{findings.commit[:8] or 'no commit'}{changed}"
    if findings.baseline:
        return f"{commit} beside {findings.baseline.name}"
    return f"{commit} beside nothing" if findings.what == "gate" else commit


def _short(number: float) -> str:
    if math.isinf(number):
        return "no end of"
    if abs(number) >= _HUNDREDS or number == round(number):
        return f"{number:,.0f}"
    return f"{number:.1f}" if abs(number) >= _TENS else f"{number:.2g}"
