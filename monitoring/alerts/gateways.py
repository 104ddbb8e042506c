"""What a gateway does to us. These are causes: they silence what customers feel of them."""

from monitoring.alert import Alert, Kind, Tier
from monitoring.signals import Unlike, count_of, most, quantile, share
from service.telemetry.catalogue import CONTROL, FAILOVERS, GATEWAY_BREAKER, HTTP_CLIENT_DURATION
from service.telemetry.labels import BreakerState, ClientOutcome

_AWAY = (ClientOutcome.TIMEOUT, ClientOutcome.UNREACHABLE, ClientOutcome.ERROR)
_CALLED = Unlike(ClientOutcome.NOT_SENT)
_FAILED = count_of(HTTP_CLIENT_DURATION, "2m", "provider", outcome=_AWAY)
_CALLS = count_of(HTTP_CLIENT_DURATION, "2m", "provider", outcome=_CALLED)
_OPEN = most(GATEWAY_BREAKER, "provider", state=(BreakerState.OPEN, BreakerState.HALF_OPEN))

ALERTS = (
    Alert(
        "GatewayOutage",
        Tier.CRITICAL,
        Kind.CAUSE,
        "payments",
        f"({share(_FAILED, _CALLS)} > 0.5 and {_CALLS} >= 10) or {_OPEN} == 1",
        "{{ $labels.provider }} does not answer: {{ $value | humanizePercentage }} of the calls fail or are held back",
        "More than half of ten or more calls in two minutes failed, or a circuit breaker is open.",
        "gateways",
        wait="10s",  # the limit itself takes ten calls, and a breaker several failures: that is patience enough
        keep="20m",  # what buyers felt of it stays in windows for so long, and need not wake anybody once more
    ),
    Alert(
        "GatewaySlow",
        Tier.WARNING,
        Kind.CAUSE,
        "payments",
        f"{quantile('0.95', HTTP_CLIENT_DURATION, '5m', 'provider', outcome=_CALLED)} > 3"
        f" and {count_of(HTTP_CLIENT_DURATION, '5m', 'provider', outcome=_CALLED)} >= 20",
        "{{ $labels.provider }} is slow: one call in twenty takes longer than {{ $value | humanizeDuration }}",
        "Buyers wait for the gateway before they see its page.",
        "gateways",
        wait="5m",
        keep="10m",
    ),
    Alert(
        "GatewayRateLimited",
        Tier.WARNING,
        Kind.CAUSE,
        "payments",
        f"{count_of(HTTP_CLIENT_DURATION, '5m', 'provider', outcome=ClientOutcome.RATE_LIMITED)} >= 5",
        "{{ $labels.provider }} turned {{ printf `%.0f` $value }} calls away in five minutes, because we call too often",
        "Our own governor should have kept us below the limit.",
        "gateways",
        wait="3m",
        keep="10m",
    ),
    Alert(
        "GatewayAuthFailing",
        Tier.CRITICAL,
        Kind.CAUSE,
        "payments",
        f"{count_of(HTTP_CLIENT_DURATION, '5m', 'provider', outcome=ClientOutcome.AUTH)} >= 3",
        "{{ $labels.provider }} refused our key {{ printf `%.0f` $value }} times in five minutes",
        "A key was rotated, revoked or mixed up: nothing can be sold there.",
        "gateways",
        keep="15m",
    ),
    Alert(
        "FailoverActiveTooLong",
        Tier.WARNING,
        Kind.CAUSE,
        "payments",
        f"{count_of(FAILOVERS, '30m', 'provider')} > 0.5",
        "For two hours checkouts have gone past {{ $labels.provider }}, which is the first choice:"
        " {{ printf `%.0f` $value }} in the last half hour",
        "Failover is for an outage. After two hours somebody decides what comes next.",
        "gateways",
        wait="2h",
    ),
    Alert(
        "ControlAwayTooLong",
        Tier.WARNING,
        Kind.CAUSE,
        "platform",
        f"{most(CONTROL, 'control')} == 1",
        "The switch {{ $labels.control }} has not been in its normal position for four hours",
        "Whoever moved it may have forgotten it.",
        "oncall",
        wait="4h",
    ),
)
