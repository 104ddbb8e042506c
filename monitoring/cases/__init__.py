"""The cases of all alerts, by noun; `monitoring.case` says what a case is."""

from monitoring.case import Case, Reading
from monitoring.cases import (
    access,
    books,
    checkout,
    database,
    disputes,
    experience,
    gateways,
    mail,
    meta,
    objectives,
    orders,
    payments,
    queues,
    recorded,
    refunds,
    responder,
    stock,
    stories,
    synthetic,
    telemetry,
    upkeep,
    webhooks,
    worker,
)

NOUNS = (
    *(objectives, checkout, payments, gateways, webhooks, queues, orders, stock, books, refunds, disputes, database),
    *(mail, access, worker, synthetic, experience, telemetry, responder, upkeep, meta, recorded, stories),
)
# What these are about; the others are about their noun's own rules.
WIDE = {
    "recorded": (
        "recorded-checkout-availability",
        "recorded-checkout-latency",
        "recorded-payment-success",
        "recorded-baselines",
        "payments",
        "objectives",
    ),
    "stories": ("*",),
}


def by_noun() -> dict[str, tuple[Case | Reading, ...]]:
    """The cases under the name of their file."""
    return {noun.__name__.rpartition(".")[2]: tuple(noun.CASES) for noun in NOUNS}
