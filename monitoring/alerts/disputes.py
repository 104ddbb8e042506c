"""Banks that take money back, and deadlines to answer them."""

from monitoring.alert import Alert, Kind, Tier
from monitoring.signals import count_of, select, share
from service.telemetry.catalogue import DISPUTE_DUE, DISPUTES_MOVED, PAYMENTS_MOVED
from service.telemetry.labels import DisputeEvent, MoveOutcome, PaymentEvent

_OPENED = count_of(DISPUTES_MOVED, "7d", "provider", event=DisputeEvent.OPEN, outcome=MoveOutcome.MOVED)
_PAID = count_of(PAYMENTS_MOVED, "7d", "provider", event=PaymentEvent.SUCCEED, outcome=MoveOutcome.MOVED)
_DUE = f"min({select(DISPUTE_DUE)})"
_SUMMARY = "Evidence for a dispute is due in {{ $value | humanizeDuration }}"
_MEANS = "Who does not answer in time has lost the money and the fee."

ALERTS = (
    Alert(
        "DisputeSpike",
        Tier.WARNING,
        Kind.BUSINESS,
        "finance",
        f"{share(_OPENED, _PAID)} > 0.005 and {_OPENED} > 2.5",
        "{{ $value | humanizePercentage }} of the payments at {{ $labels.provider }} were disputed within a week",
        "From one in a hundred on, card schemes fine and gateways part with us.",
        "revenue",
        wait="15m",
        keep="1h",
    ),
    Alert(
        "DisputeDeadline",
        Tier.CRITICAL,
        Kind.HEARTBEAT,
        "support",
        f"{_DUE} < {{12h:s}}",
        _SUMMARY,
        _MEANS,
        "oncall",
        wait="1m",
    ),
    Alert(
        "DisputeDeadline",
        Tier.WARNING,
        Kind.HEARTBEAT,
        "support",
        f"{_DUE} < {{3d:s}}",
        _SUMMARY,
        _MEANS,
        "oncall",
        wait="1m",
    ),
)
