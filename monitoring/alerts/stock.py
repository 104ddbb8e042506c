"""Seats: fought over, or held for nobody."""

from monitoring.alert import Alert, Kind, Tier
from monitoring.signals import checkouts, most, share
from service.telemetry.catalogue import HOLDS_OVERDUE
from service.telemetry.labels import CheckoutOutcome as Outcome

_WANTED = (Outcome.OPENED, Outcome.RESUMED, Outcome.SOLD_OUT)

ALERTS = (
    Alert(
        "InventoryConflictSurge",
        Tier.WARNING,
        Kind.SYMPTOM,
        "festival",
        f"{share(checkouts('10m', Outcome.SOLD_OUT), checkouts('10m', *_WANTED))} > 0.2"
        f" and {checkouts('10m', *_WANTED)} >= 50",
        "{{ $value | humanizePercentage }} of those who check out find their seats gone",
        "The store shows seats that are not there any more, or a crowd fights for the last ones.",
        "payments",
        wait="10m",
        keep="10m",
    ),
    Alert(
        "HoldsLeaking",
        Tier.WARNING,
        Kind.CAUSE,
        "payments",
        f"{most(HOLDS_OVERDUE, 'provider')} > {{5m:s60}}",
        "Seats of orders at {{ $labels.provider }} are held {{ $value | humanizeDuration }} longer than their hold lasts",
        "A hold ends when its time is over and the gateway has closed the checkout. These seats are sold to nobody.",
        "payments",
        wait="10m",
        keep="10m",
    ),
)
