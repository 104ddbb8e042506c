"""Nobody can buy: what the budgets see too late, because hardly anybody comes."""

from monitoring.alert import Alert, Kind, Tier
from monitoring.signals import checkouts, count_of
from service.telemetry.catalogue import FUNNEL
from service.telemetry.labels import CheckoutOutcome as Outcome
from service.telemetry.labels import FunnelStep

_BAD = (Outcome.GATEWAY_ERROR, Outcome.ERROR)
_GOOD = (Outcome.OPENED, Outcome.RESUMED, Outcome.REPLAYED)

ALERTS = (
    Alert(
        "CheckoutFailingLowTraffic",
        Tier.CRITICAL,
        Kind.SYMPTOM,
        "payments",
        f"{checkouts('30m', *_BAD)} >= 3 and {checkouts('30m', *_GOOD)} < 0.5",
        "{{ printf `%.0f` $value }} checkouts failed in half an hour, and none went well",
        "Too few for the error budget to notice; but nobody who tried could buy.",
        "payments",
        keep="15m",
    ),
    Alert(
        "TrafficVanished",
        Tier.CRITICAL,
        Kind.SYMPTOM,
        "platform",
        f"{count_of(FUNNEL, '10m', step=FunnelStep.STORE)} < 0.5"
        f" and {count_of(FUNNEL, '1h', step=FunnelStep.STORE)} >= 60",
        "Nobody has opened the store for ten minutes, after many in this hour",
        "The processes run, but no visitor reaches them: DNS, certificate, proxy or the festival's own page.",
        "experience",
        wait="2m",
        keep="10m",
    ),
)
