"""The responder: that it is there, that somebody answers it, and that what it writes down is whole.

People hear of these by their tiers, as of all others: what is wrong with the responder is not left to the responder.
"""

from monitoring.alert import Alert, Kind, Tier
from monitoring.signals import most, select
from service.telemetry.catalogue import RUNBOOK_AWAITING, RUNBOOK_AWAITING_OLDEST, RUNBOOK_JOURNAL_FAULTS

ALERTS = (
    Alert(
        "ResponderGone",
        Tier.WARNING,
        Kind.META,
        "platform",
        f'max by (job) (up{{job="respond"}}) unless max by (job) ({select(RUNBOOK_AWAITING, job="respond")})',
        "No responder is running",
        "No playbook runs, and what one has leased goes back when its time is over. Alerts reach people as ever.",
        "oncall",
        wait="2m",
        keep="2m",
    ),
    Alert(
        "RunbookWaiting",
        Tier.WARNING,
        Kind.META,
        "platform",
        f"{most(RUNBOOK_AWAITING_OLDEST)} > {{10m:s}}",
        "A playbook has waited for a person for {{ $value | humanizeDuration }}",
        "It has a plan that nobody approves, or a question that nobody answers. Until then it changes nothing.",
        "oncall",
        keep="1m",
    ),
    Alert(
        "JournalFaulty",
        Tier.CRITICAL,
        Kind.META,
        "security",
        f"{most(RUNBOOK_JOURNAL_FAULTS)} > 0",
        "The responder's journal has {{ printf `%.0f` $value }} faults",
        "Somebody changed or removed what playbooks did, or it cannot be written. Nothing is done without it.",
        "oncall",
        wait="1m",
        keep="5m",
    ),
)
