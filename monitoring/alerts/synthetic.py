"""The synthetic buyer: it buys every minute, so it knows before customers do."""

from monitoring.alert import Alert, Kind, Tier
from monitoring.signals import STARTED, count_of, most, select
from service.telemetry.catalogue import CONTROL, SYNTHETIC_EVERY, SYNTHETIC_PURCHASES, SYNTHETIC_SUCCEEDED
from service.telemetry.labels import SyntheticOutcome as Outcome

_WELL = (Outcome.OK, Outcome.PAGE_ONLY)
_FAILED = tuple(each for each in Outcome if each not in _WELL)
_EVERY = most(SYNTHETIC_EVERY)
# Who has never had one has waited since the worker came up, the one that is longest up.
_LAST = f"({most(SYNTHETIC_SUCCEEDED)} or min({STARTED}{{job='work'}}))"
_RESTS = select(CONTROL, control=("sales", "maintenance", "load"))  # an operator has closed the store

ALERTS = (
    Alert(
        "SyntheticCheckoutFailing",
        Tier.CRITICAL,
        Kind.SYMPTOM,
        "payments",
        f"{count_of(SYNTHETIC_PURCHASES, '5m', outcome=_FAILED)} > 1.5"
        f" and {count_of(SYNTHETIC_PURCHASES, '5m', outcome=_WELL)} < 0.5",
        "The synthetic buyer failed {{ printf `%.0f` $value }} times in five minutes and never came through",
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
        f"(time() - {_LAST} > clamp_min(3 * {_EVERY}, {{15m:s180}})"
        f" and {count_of(SYNTHETIC_PURCHASES, '15m')} < 0.5 and {_EVERY} > 0)"
        f" unless on() max(max_over_time({_RESTS}[{{30m}}])) == 1",
        "The synthetic buyer has had no ticket for {{ $value | humanizeDuration }} and tries no more",
        "It hangs. Until it buys again a quiet night proves nothing.",
        "experience",
        wait="1m",
    ),
)
