"""Inbox and outbox."""

from monitoring.case import Case, critical, limit, warning

_WAITING = """cubano_inbox_oldest_age_seconds #x20
cubano_outbox_oldest_age_seconds{kind="refund.send"} #x20
cubano_outbox_oldest_age_seconds{kind="mail.confirmation"} 9999x20"""
_APPLIED = """cubano_inbox_applied_total{kind="checkout_paid",outcome="retried"} 0+#x30
cubano_inbox_applied_total{kind="checkout_paid",outcome="applied"} 0+#x30"""
_DEAD = """cubano_inbox_events{instance="a",state="dead"} #x30
cubano_inbox_events{instance="b",state="dead"} #x30
cubano_outbox_messages{instance="a",kind="refund.send",state="dead"} #x30
cubano_outbox_messages{instance="b",kind="refund.send",state="dead"} #x30
cubano_outbox_messages{instance="a",kind="mail.confirmation",state="dead"} #x30"""
_DYING = """cubano_inbox_applied_total{kind="checkout_paid",outcome="dead"} 0x60 0+#x60
cubano_outbox_deliveries_total{kind="refund.send",outcome="dead"} 0x60 0+#x60"""

CASES = (
    *limit(
        "QueueBacklog",
        _WAITING,
        "7m",
        warning("The oldest message of inbox has been due for 2m 1s", queue="inbox"),
        warning("The oldest message of refund.send has been due for 2m 30s", queue="refund.send"),
        fires=(121, 150),
        silent=(120, 120),
    ),
    Case(
        "QueueBacklog",
        "ten minutes are too long",
        "cubano_inbox_oldest_age_seconds 601x20",
        "7m",
        (
            critical("The oldest message of inbox has been due for 10m 1s", queue="inbox"),
            warning("The oldest message of inbox has been due for 10m 1s", queue="inbox"),
        ),
    ),
    *limit(
        "EventProcessingFailing",
        _APPLIED,
        "20m",
        warning("10% of the attempts to apply an event fail"),
        fires=(1, 9),
        silent=(1, 20),
        few=("0.1", "0.9"),
    ),
    *limit(
        "DeadLetterNonEmpty",
        _DEAD,
        "20m",
        warning("3 events or messages were given up and wait for a person"),
        fires=(1, 1, 1, 1, 1),  # two workers tell of the same ones
        silent=(0, 0, 0, 0, 0),
    ),
    *limit(
        "DeadLetterGrowing",
        _DYING,
        "119m",
        critical("12 events or messages were given up in the last hour"),
        fires=("0.1", "0.1"),
        silent=("0.1", "0.05"),
    ),
)
