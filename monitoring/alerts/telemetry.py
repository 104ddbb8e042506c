"""The telemetry of our processes about itself: what it dropped, and how much it is."""

from monitoring.alert import Alert, Kind, Tier
from monitoring.signals import count_of, select
from service.telemetry.catalogue import CHECKOUTS, PAYMENT_ATTEMPTS, TELEMETRY_DROPPED
from service.telemetry.labels import Signal

_ALL_BUT_SPANS = (Signal.METRICS, Signal.LABELS, Signal.LOGS, Signal.SCRAPES)
_DROPPED_MEANS = "Dashboards, logs or traces have holes. No customer feels it."

ALERTS = (
    Alert(
        "PaymentMetricsAbsent",
        Tier.CRITICAL,
        Kind.META,
        "platform",
        f"absent({select(CHECKOUTS, job='serve')}) or absent({select(PAYMENT_ATTEMPTS, job='work')})",
        "No {{ $labels.job }} tells us about checkouts and payments",
        "Every process of ours shows these, be it with zeros. Where none does, the alerts about payments are blind.",
        "oncall",
        wait="5m",
    ),
    Alert(
        "TelemetryDropping",
        Tier.WARNING,
        Kind.META,
        "platform",
        f"{count_of(TELEMETRY_DROPPED, '10m', 'signal', signal=_ALL_BUT_SPANS)} >= 10",
        "{{ printf `%.0f` $value }} {{ $labels.signal }} were dropped in ten minutes",
        _DROPPED_MEANS,
        "oncall",
        wait="10m",
    ),
    Alert(
        "TelemetryDropping",
        Tier.INFO,
        Kind.META,
        "platform",
        f"{count_of(TELEMETRY_DROPPED, '10m', 'signal', signal=Signal.SPANS)} >= 100",
        "{{ printf `%.0f` $value }} {{ $labels.signal }} were dropped in ten minutes",
        _DROPPED_MEANS,
        "oncall",
        wait="10m",
    ),
    Alert(
        "ProcessRestarting",
        Tier.WARNING,
        Kind.CAUSE,
        "platform",
        'sum by (job, instance) (changes(process_start_time_seconds{job=~"serve|work|respond"}[{30m}])) >= 3',
        "{{ $labels.job }} at {{ $labels.instance }} started {{ $value }} times in half an hour",
        "A deploy restarts once. This is a crash that comes again.",
        "oncall",
        keep="15m",
    ),
)
