"""Nobody can buy: what the budgets see too late, because hardly anybody comes."""

from monitoring.alert import Alert, Kind, Tier
from monitoring.signals import checkouts, count_of, select
from service.telemetry.catalogue import CONTROL, FUNNEL
from service.telemetry.labels import CheckoutOutcome as Outcome
from service.telemetry.labels import FunnelStep

_BAD = (Outcome.GATEWAY_ERROR, Outcome.ERROR)
# An operator's closed page is no visit. It is told for as long as the window looks back.
_CLOSED = f"max(max_over_time({select(CONTROL, control='maintenance')}[{{15m}}])) == 1"
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
        f" and {count_of(FUNNEL, '1h', step=FunnelStep.STORE)} >= 60"
        f" unless {_CLOSED}",
        "Nobody has opened the store for ten minutes, after many in this hour",
        "The processes run, but no visitor reaches them: DNS, certificate, proxy or the festival's own page.",
        "experience",
        wait="2m",
        keep="10m",
    ),
)
