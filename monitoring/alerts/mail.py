"""Mail that does not go out. Tickets stand on the order's page as well, so nobody is woken for it."""

from monitoring.alert import Alert, Kind, Tier
from monitoring.signals import Like, count_of, most, renamed, share
from service.telemetry.catalogue import MAILS, OUTBOX_OLDEST
from service.telemetry.labels import MailOutcome

_TRIED = count_of(MAILS, "30m", outcome=(MailOutcome.SENT, MailOutcome.RETRIED, MailOutcome.FAILED))

ALERTS = (
    Alert(
        "EmailFailing",
        Tier.WARNING,
        Kind.SYMPTOM,
        "platform",
        f"{share(count_of(MAILS, '30m', outcome=(MailOutcome.RETRIED, MailOutcome.FAILED)), _TRIED)} > 0.1"
        f" and {_TRIED} >= 10",
        "{{ $value | humanizePercentage }} of the mails are not taken by the mail server",
        "They are tried again for a day. Customers miss their confirmation and ask.",
        "queues",
        wait="5m",
        keep="30m",
    ),
    Alert(
        "ConfirmationLate",
        Tier.WARNING,
        Kind.SYMPTOM,
        "platform",
        f"{renamed(most(OUTBOX_OLDEST, 'kind', kind=Like('mail[.].*')), 'kind', 'what')} > {{10m:s20}}",
        "A letter ({{ $labels.what }}) has been due for {{ $value | humanizeDuration }}",
        "The mail server does not take it, or nobody works off the queue of mails.",
        "queues",
        wait="1m",
        keep="30m",
    ),
)
