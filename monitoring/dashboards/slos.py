"""SLOs and error budgets: what was promised, what is left of it, and how fast it goes."""

from monitoring import recording, signals
from monitoring.dashboards import links
from monitoring.dashboards.panels import (
    Colour,
    Column,
    Page,
    Panel,
    Query,
    Row,
    Steps,
    at_least,
    bars,
    chart,
    stat,
    table,
)
from monitoring.dashboards.promises import close_to, promised
from service.telemetry.objectives import ALL_BP, BURNS, OBJECTIVES, ON_SALE_BURNS, Objective

_LEFT: Steps = ((None, Colour.RED), (0.0001, Colour.YELLOW), (0.25, Colour.GREEN))
_WINDOWS = ("1h", "6h", "3d", "30d")


def page() -> Page:
    """For the release decision, and for the night: is it bad enough to get up?"""
    return Page(
        "slos",
        "SLOs and error budgets",
        "What have we promised, what is left of the budget, and how fast does it go?",
        (_left(), _sale(), *(_one(objective) for objective in OBJECTIVES)),
        window="6h",
        refresh="1m",
    )


def _title(objective: Objective) -> str:
    return objective.name.replace("-", " ").capitalize()


def _joined(*exprs: str) -> str:
    return " or ".join(exprs)


def _left() -> Row:
    left = _joined(*(f"min by (slo) ({recording.remaining(each)})" for each in OBJECTIVES))
    kept = (
        _joined(*(f"1 - max by (slo) ({recording.ratio(each, window)})" for each in OBJECTIVES)) for window in _WINDOWS
    )
    headings = tuple(f"Kept over {window}" for window in _WINDOWS)
    return Row(
        "How much may still go wrong?",
        (
            bars(
                "Error budget that is left",
                "Of 30 days. Below a quarter: take care with releases. Nothing left: only fixes are released. -100% is overdrawn by as much again, or more.",
                Query(f"sort(clamp_min({left}, -1))", "{{slo}}"),
                unit="percentunit",
                steps=_LEFT,
                most=1,
                decimals=1,
                wide=10,
                high=9,
                links=(links.playbook("ErrorBudgetExhausted"),),
            ),
            table(
                "What was kept",
                "The share that went well over each window; where an objective is split, its worst part.",
                *(Query(expr) for expr in kept),
                columns=(
                    Column("slo", "Promise"),
                    *(
                        Column(f"Value #{chr(ord('A') + place)}", heading, "percentunit")
                        for place, heading in enumerate(headings)
                    ),
                ),
                wide=14,
                high=9,
            ),
        ),
    )


def _sale() -> Row:
    sold = [each for each in OBJECTIVES if each.on_sale_bp]
    return Row(
        "And of the two hours of a sale?",
        tuple(
            stat(
                f"{_title(each)}: left of a sale's budget",
                "A sale has a budget of its own: thirty days would hide it. Red: stop and fix before selling on.",
                Query(f"clamp_min({recording.remaining_on_sale(each)}, -1)"),
                unit="percentunit",
                steps=_LEFT,
                decimals=1,
                wide=24 // len(sold),
            )
            for each in sold
        ),
    )


def _one(objective: Objective) -> Row:
    title = _title(objective)
    legend = f"{{{{{objective.by}}}}}" if objective.by else ""
    kept = f"1 - max by ({objective.by or 'slo'}) ({recording.ratio(objective, '1h')})"
    return Row(
        f"{title}: {objective.promise}",
        (
            stat(
                f"{title}, last hour",
                f"{promised(objective):.2%} was promised over {objective.period}. {objective.promise}",
                Query(kept, legend),
                unit="percentunit",
                steps=at_least(promised(objective), close_to(objective)),
                decimals=2,
                high=7,
            ),
            _burning(objective, title, legend),
            chart(
                f"{title}: events",
                "In five minutes, all and bad ones. Few events make a jumpy share: look at both.",
                Query(signals.total(recording.events(objective, "5m")), "all"),
                Query(signals.total(recording.bad(objective, "5m")), "bad"),
                unit="short",
                wide=8,
                high=7,
            ),
        ),
    )


def _burning(objective: Objective, title: str, legend: str) -> Panel:
    burns = (*BURNS, *(ON_SALE_BURNS if objective.on_sale_bp else ()))
    pages = min(float(burn.factor) for burn in burns if burn.critical)
    limit = round(pages * (ALL_BP - objective.target_bp) / ALL_BP, 6)
    windows = ("5m", "1h", "6h")
    return chart(
        f"{title}: bad share",
        "Over windows that get somebody up: the red line is six (on sale four) times what the budget allows. "
        "Both long and short above it is an alert.",
        *(Query(recording.ratio(objective, window), f"{legend} {window}".strip()) for window in windows),
        unit="percentunit",
        steps=((None, Colour.GREEN), (limit, Colour.RED)),
        wide=12,
        high=7,
        data_links=(links.FAILED,),
    )
