"""Orders that do not move on."""

from monitoring.case import Case, critical, limit, warning

_OLDEST = 'cubano_orders_oldest_age_seconds{provider="stripe",state="%s"} #x20'

CASES = (
    *limit(
        "OrdersStuck",
        _OLDEST % "awaiting_payment",
        "5m",
        warning("An order at stripe has been awaiting_payment for 41m 0s", provider="stripe", state="awaiting_payment"),
        fires=2460,
        silent=2400,
    ),
    *limit(
        "OrdersStuck",
        _OLDEST % "processing",
        "5m",
        warning("An order at stripe has been processing for 1d 0h 1m 0s", provider="stripe", state="processing"),
        fires=86460,
        silent=86400,
    ),
    *limit(
        "OrdersStuck",
        _OLDEST % "late_payment",
        "5m",
        critical("An order at stripe has been late_payment for 1d 0h 1m 0s", provider="stripe", state="late_payment"),
        warning("An order at stripe has been late_payment for 1d 0h 1m 0s", provider="stripe", state="late_payment"),
        fires=86460,
        silent=14400,
    ),
    Case("OrdersStuck", "a dispute takes weeks", (_OLDEST % "disputed").replace("#", "2000000"), "5m"),
    *limit(
        "PaidWithoutTicket",
        "cubano_paid_without_ticket_oldest_seconds #x20",
        "5m",
        critical("Somebody paid 5m 1s ago and has no ticket"),
        fires=301,
        silent=300,
    ),
)
