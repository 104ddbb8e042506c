"""Orders that do not move on, though nobody has to do anything for it."""

from monitoring.alert import Alert, Kind, Tier
from monitoring.signals import most
from service.telemetry.catalogue import ORDERS_OLDEST, PAID_WITHOUT_TICKET_OLDEST
from service.telemetry.labels import OrderState

_SUMMARY = "An order at {{ $labels.provider }} has been {{ $labels.state }} for {{ $value | humanizeDuration }}"


def _older(**limits: str) -> str:
    """The age by state, of those states that are over their limit; a hold lasts as long in a drill as ever."""
    return " or ".join(
        f"{most(ORDERS_OLDEST, 'provider, state', state=OrderState(state))} > {{{limit}}}"
        for state, limit in limits.items()
    )


ALERTS = (
    Alert(
        "OrdersStuck",
        Tier.CRITICAL,
        Kind.SYMPTOM,
        "payments",
        _older(awaiting_payment="2h:s1500", late_payment="1d:s"),
        _SUMMARY,
        "Seats are held for nobody, or money that is owed has not gone back for a day.",
        "payments",
        wait="1m",
        keep="30m",
    ),
    Alert(
        "OrdersStuck",
        Tier.WARNING,
        Kind.SYMPTOM,
        "payments",
        _older(awaiting_payment="40m:s900", processing="1d:s", late_payment="4h:s"),
        _SUMMARY,
        "An unpaid order ends with its hold, a capture takes seconds, a bank a day, a refund of a late payment minutes.",
        "payments",
        wait="1m",
        keep="30m",
    ),
    Alert(
        "PaidWithoutTicket",
        Tier.CRITICAL,
        Kind.NEVER,
        "payments",
        f"{most(PAID_WITHOUT_TICKET_OLDEST)} > {{5m:s}}",
        "Somebody paid {{ $value | humanizeDuration }} ago and has no ticket",
        "Tickets follow a payment within a second. Who stands at the gate without one has paid for nothing.",
        "payments",
        wait="30s",
        keep="5m",
    ),
)
