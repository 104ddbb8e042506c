"""What gateways tell us: late, forged, twice, or not at all."""

from monitoring.alert import Alert, Kind, Tier
from monitoring.signals import Unlike, count_of, quantile, share, since
from service.telemetry.catalogue import PAYMENT_ATTEMPTS, RECOVERED, SWEPT, WEBHOOK_LAG, WEBHOOKS
from service.telemetry.labels import AttemptOutcome, Provider, RecoveredBy, WebhookResult

_FORGED = (WebhookResult.BAD_SIGNATURE, WebhookResult.BAD_CERTIFICATE)
_TRUE = (WebhookResult.ACCEPTED, WebhookResult.DUPLICATE)
_REFUSED = count_of(WEBHOOKS, "10m", "provider", result=_FORGED)
_LAG = quantile("0.95", WEBHOOK_LAG, "10m", "provider")
_LATE = "One event in twenty from {{ $labels.provider }} arrives later than {{ $value | humanizeDuration }}"
_LATE_MEANS = "Whoever pays waits that long for the tickets, unless the worker's sweep finds the event first, which takes two minutes."
_SOME = f"{count_of(WEBHOOK_LAG, '10m', 'provider')} >= 5"
_DELIVERED = count_of(WEBHOOKS, "1h", "provider", result=_TRUE)
# At the desk money changes hands without a gateway that could tell.
_PAID = count_of(PAYMENT_ATTEMPTS, "15m", "provider", outcome=AttemptOutcome.APPROVED, provider=Unlike(Provider.MANUAL))

ALERTS = (
    Alert(
        "WebhookLagHigh",
        Tier.CRITICAL,
        Kind.SYMPTOM,
        "payments",
        f"{_LAG} > 300 and {_SOME}",
        _LATE,
        _LATE_MEANS,
        "gateways",
        wait="5m",
        keep="10m",
    ),
    Alert(
        "WebhookLagHigh",
        Tier.WARNING,
        Kind.SYMPTOM,
        "payments",
        f"{_LAG} > 60 and {_SOME}",
        _LATE,
        _LATE_MEANS,
        "gateways",
        wait="5m",
        keep="10m",
    ),
    Alert(
        "WebhookSignatureFailures",
        Tier.CRITICAL,
        Kind.CAUSE,
        "security",
        f"{_REFUSED} >= 5 and {count_of(WEBHOOKS, '10m', 'provider', result=_TRUE)} < 0.5",
        "All {{ printf `%.0f` $value }} webhooks of {{ $labels.provider }} in ten minutes were signed wrongly",
        "Not one was right: our secret is not the one the gateway signs with.",
        "gateways",
        wait="1m",
        keep="15m",
    ),
    Alert(
        "WebhookSignatureFailures",
        Tier.WARNING,
        Kind.CAUSE,
        "security",
        f"{_REFUSED} >= 5",
        "{{ printf `%.0f` $value }} webhooks in the name of {{ $labels.provider }} were signed wrongly in ten minutes",
        "Others were right: somebody else knocks at this door.",
        "gateways",
        keep="15m",
    ),
    Alert(
        "WebhookMissedEvents",
        Tier.CRITICAL,
        Kind.HEARTBEAT,
        "payments",
        f"{since(SWEPT, 'provider')} > {{15m:s240}}",
        "What {{ $labels.provider }} may have failed to tell us has not been looked for since"
        " {{ $value | humanizeDuration }}",
        "The sweep lists the gateway's events; without it a lost webhook is a buyer without ticket.",
        "gateways",
        wait="1m",
        keep="5m",
    ),
    Alert(
        "WebhookMissedEvents",
        Tier.WARNING,
        Kind.SYMPTOM,
        "payments",
        f"{count_of(RECOVERED, '15m', 'provider', found_by=(RecoveredBy.SWEEP, RecoveredBy.OBJECT))} >= 5",
        "{{ printf `%.0f` $value }} events of {{ $labels.provider }} reached us only because we asked",
        "Webhooks get lost on the way. Nothing is lost with them, but buyers wait a minute or two.",
        "gateways",
        keep="15m",
    ),
    Alert(
        "WebhookSilence",
        Tier.CRITICAL,
        Kind.HEARTBEAT,
        "payments",
        f"{_PAID} >= 3 and {count_of(WEBHOOKS, '15m', 'provider', result=_TRUE)} < 0.5",
        "{{ printf `%.0f` $value }} payments at {{ $labels.provider }} in a quarter of an hour, and not one webhook about them",
        "The gateway does not reach us, or its endpoint is switched off there. Tickets come only because we ask.",
        "gateways",
        wait="1m",
        keep="10m",
    ),
    Alert(
        "WebhookDuplicateSurge",
        Tier.INFO,
        Kind.CAUSE,
        "payments",
        f"{share(count_of(WEBHOOKS, '1h', 'provider', result=WebhookResult.DUPLICATE), _DELIVERED)} > 0.5"
        f" and {_DELIVERED} >= 50",
        "{{ $value | humanizePercentage }} of the webhooks of {{ $labels.provider }} are repetitions",
        "The gateway does not take our answer for one: it may come too late.",
        "gateways",
        wait="30m",
    ),
)
