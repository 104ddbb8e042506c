"""The worker and what it keeps: loops that turn, figures that are fresh."""

from monitoring.alert import Alert, Kind, Tier
from monitoring.signals import Like, Unlike, count_of, most, select, since
from service.telemetry.catalogue import CONTROLS_AGE, PROGRESS_AGE, WORKER_FAILURES, WORKER_HEARTBEAT

QUICK = Like("(inbox|mail|checkout|capture|refund|expiry)(-.*)?")
_OTHERS = Unlike("(inbox|mail|checkout|capture|refund|expiry)(-.*)?|forgetting|invariants|books-.*|keeping")

ALERTS = (
    Alert(
        "WorkerGone",
        Tier.CRITICAL,
        Kind.CAUSE,
        "platform",
        f"absent({select(WORKER_HEARTBEAT, loop=QUICK)})",
        "No worker is running",
        "Webhooks are taken in and wait: no tickets, no refunds, no mail until one runs.",
        "queues",
        wait="2m",
        keep="2m",
    ),
    Alert(
        "WorkerStalled",
        Tier.CRITICAL,
        Kind.CAUSE,
        "platform",
        f"{since(WORKER_HEARTBEAT, 'instance, loop', loop=QUICK)} > {{1m:s30}}"
        f" or {since(WORKER_HEARTBEAT, 'instance, loop', loop=_OTHERS)} > {{15m:s90}}",
        "The loop {{ $labels.loop }} of the worker has not turned for {{ $value | humanizeDuration }}",
        "It hangs in a call that has no end, or the process gets no time.",
        "queues",
        wait="1m",
        keep="2m",
    ),
    Alert(
        "WorkerFailing",
        Tier.WARNING,
        Kind.CAUSE,
        "platform",
        f"{count_of(WORKER_FAILURES, '15m', 'loop')} >= 10",
        "The loop {{ $labels.loop }} of the worker failed {{ printf `%.0f` $value }} times in a quarter of an hour",
        "The log has the reason under `loop failed`; it is tried again every fifteen seconds at least.",
        "queues",
        wait="5m",
        keep="15m",
    ),
    Alert(
        "FiguresStale",
        Tier.WARNING,
        Kind.META,
        "platform",
        f"min({select(PROGRESS_AGE)}) > {{2m:s15}}",
        "Ages and counts on the dashboards are {{ $value | humanizeDuration }} old",
        "The collector does not get through. Alerts about stuck orders and queues see the past.",
        "queues",
        wait="1m",
        keep="5m",
    ),
    Alert(
        "ControlsStale",
        Tier.WARNING,
        Kind.META,
        "platform",
        f"{most(CONTROLS_AGE, 'job, instance')} > {{2m:s30}}",
        "{{ $labels.instance }} goes by switches as they stood {{ $value | humanizeDuration }} ago",
        "An operator who moves a switch now does not reach this process.",
        "oncall",
        wait="1m",
        keep="5m",
    ),
)
