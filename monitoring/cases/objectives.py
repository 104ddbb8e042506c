"""Burning budgets, on recorded series: how those come about is `recorded`'s business."""

from collections.abc import Iterator
from decimal import Decimal

from monitoring import recording
from monitoring.alert import Tier
from monitoring.case import Case, Said, critical, info, warning
from service.telemetry.objectives import BURNS, OBJECTIVES, ON_SALE_BURNS, Burn, Objective


def _line(name: str, objective: Objective, value: object) -> str:
    by = f',{objective.by}="stripe"' if objective.by else ""
    return f'{name}{{slo="{objective.name}"{by}}} {value}x200\n'


def _burning(objective: Objective, burn: Burn, times: Decimal, *, bad: int, short: Decimal | None = None) -> str:
    allowed = recording.budget(objective.on_sale_bp if burn in ON_SALE_BURNS else objective.target_bp)
    return (
        _line(recording.ratio(objective, burn.long), objective, min(times * allowed, Decimal(1)))
        + _line(recording.ratio(objective, burn.short), objective, (times if short is None else short) * allowed)
        + _line(recording.bad(objective, burn.long), objective, bad)
    )


def _percent(ratio: Decimal) -> str:
    return f"{float(ratio) * 100:.4g}%"


def _says(objective: Objective, tier: Tier, share: Decimal) -> Said:
    of = " of stripe" if objective.by else ""
    more = {objective.by: "stripe"} if objective.by else {}
    return Said(tier, f"{_percent(share)}{of} kept us from this promise: {objective.promise.removesuffix('.')}", more)


def _pairs(objective: Objective) -> Iterator[Case]:
    name = "".join(word.capitalize() for word in objective.name.split("-")) + "Burn"
    allowed = recording.budget(objective.target_bp)
    for burn in BURNS:
        tier = Tier.CRITICAL if burn.critical and objective.pages else Tier.WARNING
        above, below = Decimal(burn.factor) + Decimal("0.2"), Decimal(burn.factor) - Decimal("0.2")
        why = f"{name} over {burn.long} and {burn.short}"
        yield Case(
            name,
            f"{why} fires",
            _burning(objective, burn, above, bad=6),
            "16m",
            (_says(objective, tier, above * allowed),),
        )
        yield Case(name, f"{why} is silent just below", _burning(objective, burn, below, bad=600), "16m")
        yield Case(name, f"{why} is silent with few bad events", _burning(objective, burn, above, bad=4), "16m")
        over = _burning(objective, burn, above, bad=600, short=Decimal(0))
        yield Case(name, f"{why} is silent when it is over", over, "16m")


def _on_sale(objective: Objective) -> Iterator[Case]:
    name = "".join(word.capitalize() for word in objective.name.split("-")) + "OnSaleBurn"
    (burn,) = ON_SALE_BURNS
    share = recording.budget(objective.on_sale_bp) * Decimal("4.2")
    said = critical(f"{_percent(share)} kept us from this promise during a sale: {objective.promise.removesuffix('.')}")

    def crowd(size: int) -> str:
        return _line(recording.events(objective, burn.long), objective, size)

    burning = _burning(objective, burn, Decimal("4.2"), bad=6)
    yield Case(name, f"{name} fires", burning + crowd(100), "3m", (said,))
    yield Case(name, f"{name} is silent with few customers", burning + crowd(99), "3m")
    yield Case(
        name, f"{name} is silent just below", _burning(objective, burn, Decimal("3.8"), bad=9) + crowd(500), "3m"
    )


def _budgets() -> Iterator[Case]:
    objective = OBJECTIVES[0]

    def left(share: str, bad: int = 5) -> str:
        return _line(recording.remaining(objective), objective, share) + _line(
            recording.bad(objective, objective.period), objective, bad
        )

    slo = {"slo": objective.name}
    low = info(f"24% of the error budget of {objective.name} are left", **slo)
    gone = warning(f"The error budget of {objective.name} is used up: -10% left", **slo)
    yield Case("ErrorBudgetLow", "a quarter is left", left("0.24"), "61m", (low,))
    yield Case("ErrorBudgetLow", "more than a quarter is left", left("0.26"), "61m")
    yield Case("ErrorBudgetLow", "four bad events prove nothing", left("0.1", 4), "61m")
    yield Case("ErrorBudgetExhausted", "nothing is left", left("-0.1"), "61m", (gone,))
    yield Case("ErrorBudgetExhausted", "a little is left", left("0.01"), "61m")
    yield Case("ErrorBudgetExhausted", "four bad events prove nothing", left("-3", 4), "61m")


CASES = (
    *(case for objective in OBJECTIVES for case in _pairs(objective)),
    *(case for objective in OBJECTIVES if objective.on_sale_bp for case in _on_sale(objective)),
    *_budgets(),
)
