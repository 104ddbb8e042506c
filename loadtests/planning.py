"""`cubano load capacity`, in words: what the ramp found, what an on-sale comes to, what to change, when it will not do.

Exit codes: 0 answered, 2 usage, 3 inconclusive (the ramp tells too little).
"""

import math
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

from loadtests.capacity import BUSY, CALM, GATEWAY_A_SECOND, MOST_SLOWER, Capacity, Used
from loadtests.growth import years_left
from loadtests.usl import Estimate, Level

MINUTE_S = 60
CROWDED = 0.2  # of a core, used by others
TOO_FAR = 10  # years; further ahead nobody plans a festival


def record(found: Capacity, *, growth: float | None = None) -> dict[str, Any]:
    """All of it as JSON; figures with intervals are [value, low, high]."""
    law = found.fit.law
    return {
        "law": {"rateOfOne": law.rate_of_one, "waiting": law.waiting, "crosstalk": law.crosstalk},
        "levels": [_level(level, used) for level, used in zip(found.fit.levels, found.used, strict=True)],
        "peak": {"perSecond": _three(found.fit.peak), "reached": found.fit.peak_reached},
        "knee": {"perSecond": _three(found.fit.knee), "underWay": round(found.fit.knee_n, 1)},
        "slower": {
            "times": _known(found.slower),
            "most": MOST_SLOWER,
            "holds": found.slower <= MOST_SLOWER,
            "ms": found.slowest and [_known(each) for each in found.slowest],
        },
        "firstSaturated": found.first_saturated,
        "limitedBy": "the gateway's rate" if found.by_gateway else "this machine",
        "passesPerMinute": _three(found.passes_per_minute),
        "passes": found.wish.passes,
        "drainsInSeconds": _three(found.drains_in_s),
        "replicas": found.replicas,
        "poolSize": found.pool_size,
        "coreSecondsPerOrder": round(found.core_s_per_order, 4),
        "costPerThousandOrders": round(found.cost_per_thousand, 4),
        "yearsLeft": None if growth is None else _known(_years_left(found, growth)),
    }


def print_capacity(console: Console, found: Capacity, *, growth: float | None = None) -> None:
    """The answer first, then the levels it stands on."""
    for line in sentences(found, growth=growth):
        console.print(line, highlight=False, soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    for head in ("asked/s", "orders/s", "under way", "p99 ms", "serve", "work", "postgres", "pool", "full"):
        table.add_column(head, justify="left" if head == "full" else "right")
    for level, used in zip(found.fit.levels, found.used, strict=True):
        cores = (f"{used.cores.get(name, 0):.2f}" for name in ("serve", "work", "postgres"))
        full = next(used.saturated(found.cores), "").partition(":")[0]
        figures = f"{level.asked_per_second:.1f}", f"{level.per_second:.1f}", f"{level.n:.1f}", f"{level.p99_ms:,.0f}"
        table.add_row(*figures, *cores, f"{used.pool:.1f}", full)
    console.print()
    console.print(table)


def sentences(found: Capacity, *, growth: float | None = None) -> Iterator[str]:
    """What somebody who decides needs to know."""
    fitted, wish = found.fit, found.wish
    limit = "the gateway's rate is the limit" if found.by_gateway else "this machine is the limit"
    yield (
        f"An on-sale of {wish.passes:,} passes drains in {_span(found.drains_in_s)}: "
        f"{_between(found.passes_per_minute, 0)} passes a minute, {limit}."
    )
    yield (
        f"The knee lies at {_between(fitted.knee)} orders a second with {fitted.knee_n:.0f} requests under way; the gateway takes "
        f"{wish.gateway_per_second:g}{' (its default)' if wish.gateway_per_second == GATEWAY_A_SECOND else ''}."
    )
    peak = f"The peak is {_between(fitted.peak)} orders a second"
    yield (
        f"{peak}."
        if fitted.peak_reached
        else f"{peak} as far as was measured; it was not reached, and nothing is said beyond."
    )
    yield f"First without more to give: {found.first_saturated or 'nothing in this ramp'}."
    if found.others >= CROWDED:
        yield f"Other programs used {found.others:.1f} of {found.cores} cores meanwhile: on a quiet machine there is more."
    slower = found.slower
    judged = (
        "unknown: no such levels"
        if math.isnan(slower)
        else f"{slower:.1f}, {'holds' if slower <= MOST_SLOWER else 'MISSES'}"
    )
    waits = " ({:,.0f} and {:,.0f} ms)".format(*found.slowest[::-1]) if found.slowest else ""
    yield f"The slowest at {BUSY:.0%} of the knee by those at {CALM:.0%}{waits}, at most {MOST_SLOWER:g}: {judged}."
    processes = " and ".join(f"{count} {name}" for name, count in found.replicas.items())
    yield (
        f"For the gateway's whole rate with room for bursts: {processes}, {found.pool_size} connections a serve "
        f"(`CUBANO_DATABASE_POOL_SIZE`)."
    )
    yield (
        f"An order takes {found.core_s_per_order * 1000:.0f} ms of processor time: {found.cost_per_thousand:.2g} for 1,000 orders "
        f"at {wish.core_hour:g} a core-hour."
    )
    if growth is not None:
        yield f"Growing by {growth:.0%} a year, that on-sale takes longer than {MINUTE_S} minutes in {_years(found, growth)}."


def _years(found: Capacity, growth: float) -> str:
    years = _years_left(found, growth)
    return f"{years:.1f} years" if years < TOO_FAR else f"more than {TOO_FAR} years"


def _years_left(found: Capacity, growth: float) -> float:
    """Until an on-sale lasts longer than an hour."""
    return years_left(found.passes_per_minute.low * MINUTE_S, found.wish.passes, growth)


def _level(level: Level, used: Used) -> dict[str, Any]:
    return {
        "askedPerSecond": round(level.asked_per_second, 2),
        "perSecond": round(level.per_second, 2),
        "underWay": round(level.n, 2),
        "p99Ms": _known(level.p99_ms),
        "cores": {name: round(share, 3) for name, share in used.cores.items()},
        "pool": round(used.pool, 2),
    }


def _known(value: float) -> float | None:
    return round(value, 3) if math.isfinite(value) else None


def _three(estimate: Estimate) -> list[float | None]:
    return [_known(each) for each in (estimate.value, estimate.low, estimate.high)]


def _between(estimate: Estimate, digits: int = 1) -> str:
    value, low, high = (f"{each:,.{digits}f}" for each in (estimate.value, estimate.low, estimate.high))
    return value if low == high else f"{value} ({low} to {high})"


def _span(estimate: Estimate) -> str:
    value, low, high = (_time(each) for each in (estimate.value, estimate.low, estimate.high))
    return value if low == high else f"{value} ({low} to {high})"


def _time(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "never"
    minutes, rest = divmod(round(seconds), MINUTE_S)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
