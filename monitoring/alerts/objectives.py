"""Budgets that burn: for each objective two pairs of windows that wake somebody and two that make a ticket.

Both windows of a pair must burn, and the long one must hold enough bad events that a quiet hour proves something. A sale
has a period of its own, and is one only while a crowd checks out.
"""

from collections.abc import Iterable

from monitoring import recording
from monitoring.alert import Alert, Kind, Tier
from service.telemetry.objectives import BURNS, LEAST_BAD, OBJECTIVES, ON_SALE_BURNS, Burn, Objective

_LOW = "0.25"  # of the budget: from here on it is saved


def _name(objective: Objective) -> str:
    return "".join(word.capitalize() for word in objective.name.split("-"))


def _burning(objective: Objective, burns: Iterable[Burn], target_bp: int) -> str:
    allowed = recording.budget(target_bp)
    return " or ".join(
        f"({recording.ratio(objective, burn.long)} > {burn.factor} * {allowed}"
        f" and {recording.ratio(objective, burn.short)} > {burn.factor} * {allowed}"
        f" and {recording.bad(objective, burn.long)} >= {LEAST_BAD})"
        for burn in burns
    )


def _where(objective: Objective) -> str:
    return f" of {{{{ $labels.{objective.by} }}}}" if objective.by else ""


def _burn(objective: Objective, tier: Tier) -> Alert:
    pages = tier is Tier.CRITICAL
    burns = [burn for burn in BURNS if burn.critical is pages or not objective.pages]
    speed = "in hours" if pages else "in days"
    return Alert(
        f"{_name(objective)}Burn",
        tier,
        Kind.SYMPTOM,
        "payments",
        _burning(objective, burns, objective.target_bp),
        f"{{{{ $value | humanizePercentage }}}}{_where(objective)} kept us from this promise: {objective.promise.removesuffix('.')}",
        f"At this rate the error budget of {objective.period} is gone {speed}.",
        "slos",
        wait="2m" if pages else "15m",
        keep="10m" if pages else "30m",
        labels={"slo": objective.name},
    )


def _on_sale(objective: Objective) -> Alert:
    crowd = f"{recording.events(objective, ON_SALE_BURNS[0].long)} >= {recording.CROWD}"
    return Alert(
        f"{_name(objective)}OnSaleBurn",
        Tier.CRITICAL,
        Kind.SYMPTOM,
        "payments",
        f"({_burning(objective, ON_SALE_BURNS, objective.on_sale_bp)}) and {crowd}",
        f"{{{{ $value | humanizePercentage }}}} kept us from this promise during a sale: {objective.promise.removesuffix('.')}",
        "At this rate half of what a sale of two hours may lose is lost in a quarter of an hour.",
        "slos",
        wait="1m",
        keep="5m",
        labels={"slo": objective.name},
    )


def _left(name: str, tier: Tier, least: str, summary: str) -> Alert:
    expr = " or ".join(
        f"({recording.remaining(each)} {least} and {recording.bad(each, each.period)} >= {LEAST_BAD})"
        for each in OBJECTIVES
    )
    return Alert(
        name,
        tier,
        Kind.SYMPTOM,
        "payments",
        expr,
        summary,
        "The budget is what an objective may miss in its period. An empty one means: only repairs are released.",
        "slos",
        wait="1h",
        keep="1h",
    )


ALERTS = (
    *(_burn(each, Tier.CRITICAL) for each in OBJECTIVES if each.pages),
    *(_burn(each, Tier.WARNING) for each in OBJECTIVES),
    *(_on_sale(each) for each in OBJECTIVES if each.on_sale_bp),
    _left(
        "ErrorBudgetLow",
        Tier.INFO,
        f"< {_LOW}",
        "{{ $value | humanizePercentage }} of the error budget of {{ $labels.slo }} are left",
    ),
    _left(
        "ErrorBudgetExhausted",
        Tier.WARNING,
        "<= 0",
        "The error budget of {{ $labels.slo }} is used up: {{ $value | humanizePercentage }} left",
    ),
)
