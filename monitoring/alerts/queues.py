"""Inbox and outbox: what waits, what fails, and what was given up. Age decides, not length."""

from monitoring.alert import Alert, Kind, Tier
from monitoring.signals import Unlike, count_of, most, renamed, share, total
from service.telemetry.catalogue import INBOX, INBOX_APPLIED, INBOX_OLDEST, OUTBOX, OUTBOX_DELIVERED, OUTBOX_OLDEST
from service.telemetry.labels import DeliveryOutcome, InboxOutcome

_FAILED = count_of(INBOX_APPLIED, "10m", outcome=(InboxOutcome.RETRIED, InboxOutcome.DEAD))
_TRIED = count_of(INBOX_APPLIED, "10m")
_DEAD = f"{most(INBOX, state='dead')} + {total(most(OUTBOX, 'kind', state='dead'))}"  # each worker shows all of them
_DYING = (
    f"{count_of(INBOX_APPLIED, '1h', outcome=InboxOutcome.DEAD)}"
    f" + {count_of(OUTBOX_DELIVERED, '1h', outcome=DeliveryOutcome.DEAD)}"
)
_MAIL = Unlike("mail[.].*")  # ConfirmationLate tells of those
_OLDEST = (
    f'(label_replace({most(INBOX_OLDEST)}, "queue", "inbox", "", "")'
    f" or {renamed(most(OUTBOX_OLDEST, 'kind', kind=_MAIL), 'kind', 'queue')})"
)
_WAITS = "The oldest message of {{ $labels.queue }} has been due for {{ $value | humanizeDuration }}"
_WAITS_MEANS = "Nobody works it off, or not fast enough: tickets, captures or refunds are late."

ALERTS = (
    Alert(
        "QueueBacklog",
        Tier.CRITICAL,
        Kind.SYMPTOM,
        "platform",
        f"{_OLDEST} > {{10m:s}}",
        _WAITS,
        _WAITS_MEANS,
        "queues",
        wait="1m",
        keep="10m",
    ),
    Alert(
        "QueueBacklog",
        Tier.WARNING,
        Kind.SYMPTOM,
        "platform",
        f"{_OLDEST} > {{2m:s5}}",
        _WAITS,
        _WAITS_MEANS,
        "queues",
        wait="5m",
        keep="10m",
    ),
    Alert(
        "EventProcessingFailing",
        Tier.WARNING,
        Kind.SYMPTOM,
        "payments",
        f"{share(_FAILED, _TRIED)} > 0.05 and {_TRIED} >= 20",
        "{{ $value | humanizePercentage }} of the attempts to apply an event fail",
        "Each is tried again, later and later, and in the end put aside.",
        "queues",
        wait="5m",
        keep="15m",
    ),
    Alert(
        "DeadLetterNonEmpty",
        Tier.WARNING,
        Kind.NEVER,
        "payments",
        f"{_DEAD} > 0",
        "{{ $value }} events or messages were given up and wait for a person",
        "Each stands for a payment, a ticket, a refund or a mail that did not happen.",
        "queues",
        wait="15m",
    ),
    Alert(
        "DeadLetterGrowing",
        Tier.CRITICAL,
        Kind.NEVER,
        "payments",
        f"{_DYING} >= 10",
        "{{ printf `%.0f` $value }} events or messages were given up in the last hour",
        "That is no single bad event any more: something we rely on is broken.",
        "queues",
        keep="15m",
    ),
)
