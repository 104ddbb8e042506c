"""All alerts, by noun. A new noun is a file beside these, with its rows in `ALERTS`, and a line here."""

from monitoring.alert import Alert
from monitoring.alerts import (
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
    refunds,
    responder,
    stock,
    synthetic,
    telemetry,
    upkeep,
    webhooks,
    worker,
)

NOUNS = (
    *(objectives, checkout, payments, gateways, webhooks, queues, orders, stock, books, refunds, disputes, database),
    *(mail, access, worker, synthetic, experience, telemetry, responder, upkeep, meta),
)


def by_noun() -> dict[str, tuple[Alert, ...]]:
    """The alerts under the name of their file."""
    return {noun.__name__.rpartition(".")[2]: tuple(noun.ALERTS) for noun in NOUNS}


ALERTS: tuple[Alert, ...] = tuple(alert for alerts in by_noun().values() for alert in alerts)
