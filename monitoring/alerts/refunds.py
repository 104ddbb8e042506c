"""Money on its way back: stuck, refused, or suspiciously much of it."""

from monitoring.alert import Alert, Kind, Tier
from monitoring.baselines import REFUNDED
from monitoring.signals import count_of, most, share
from service.telemetry.catalogue import REFUNDS_MOVED, REFUNDS_OLDEST
from service.telemetry.labels import MoveOutcome, RefundEvent, RefundState

_WAITING = (RefundState.REQUESTED, RefundState.AWAITING_APPROVAL, RefundState.PENDING)
_FAILED = count_of(REFUNDS_MOVED, "6h", "provider", event=RefundEvent.FAIL, outcome=MoveOutcome.MOVED)
_ENDED = count_of(
    REFUNDS_MOVED, "6h", "provider", event=(RefundEvent.FAIL, RefundEvent.SUCCEED), outcome=MoveOutcome.MOVED
)

ALERTS = (
    Alert(
        "RefundStuck",
        Tier.WARNING,
        Kind.SYMPTOM,
        "support",
        f"{most(REFUNDS_OLDEST, 'provider, state', state=_WAITING)} > {{1d:s}}",
        "A refund at {{ $labels.provider }} has been {{ $labels.state }} for {{ $value | humanizeDuration }}",
        "A customer waits for it: `awaiting_approval` for a second person here, `requested` for our worker, `pending` for the gateway.",
        "revenue",
        wait="1m",
        keep="30m",
    ),
    Alert(
        "RefundFailing",
        Tier.WARNING,
        Kind.SYMPTOM,
        "support",
        f"{share(_FAILED, _ENDED)} > 0.2 and {_FAILED} > 2.5",
        "{{ $value | humanizePercentage }} of the refunds at {{ $labels.provider }} failed within six hours",
        "Closed cards happen; three in six hours and one in five is more than that.",
        "revenue",
        wait="1m",
        keep="30m",
    ),
    Alert(
        "RefundSpike",
        Tier.WARNING,
        Kind.BUSINESS,
        "finance",
        f"{REFUNDED} >= 10 and {REFUNDED} > 3 * avg_over_time({REFUNDED}[{{7d}}])",
        "{{ printf `%.0f` $value }} refunds were sent at {{ $labels.provider }} in an hour, three times the usual number",
        "A mistake in bulk, an announcement nobody told us of, or somebody who helps himself.",
        "revenue",
        wait="1m",
        keep="1h",
    ),
)
