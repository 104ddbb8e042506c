"""The synthetic buyer: it buys every minute, so it knows before customers do."""

from monitoring.alert import Alert, Kind, Tier
from monitoring.signals import count_of, select, since
from service.telemetry.catalogue import CONTROL, SYNTHETIC_PURCHASES, SYNTHETIC_SUCCEEDED
from service.telemetry.labels import SyntheticOutcome as Outcome

_FAILED = tuple(each for each in Outcome if each is not Outcome.OK)
_RESTS = select(CONTROL, control=("sales", "maintenance"))  # an operator has closed the store

ALERTS = (
    Alert(
        "SyntheticCheckoutFailing",
        Tier.CRITICAL,
        Kind.SYMPTOM,
        "payments",
        f"{count_of(SYNTHETIC_PURCHASES, '5m', outcome=_FAILED)} > 1.5"
        f" and {count_of(SYNTHETIC_PURCHASES, '5m', outcome=Outcome.OK)} < 0.5",
        "The synthetic buyer failed {{ printf `%.0f` $value }} times in five minutes and never got a ticket",
        "What it does is what customers do: checkout, payment, ticket. With a live key it goes as far as the payment page only.",
        "experience",
        wait="2m",
        keep="5m",
    ),
    Alert(
        "SyntheticBuyerSilent",
        Tier.WARNING,
        Kind.HEARTBEAT,
        "platform",
        f"({since(SYNTHETIC_SUCCEEDED)} > {{15m:s180}} and {count_of(SYNTHETIC_PURCHASES, '15m')} < 0.5)"
        f" unless on() max(max_over_time({_RESTS}[{{30m}}])) == 1",
        "The synthetic buyer last had a ticket {{ $value | humanizeDuration }} ago and tries no more",
        "It hangs or was switched off. Until it buys again a quiet night proves nothing.",
        "experience",
        wait="1m",
    ),
)
