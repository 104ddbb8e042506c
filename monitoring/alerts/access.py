"""Doors: keys and passwords tried out, limits that hit too many, card numbers where none belong."""

from monitoring.alert import Alert, Kind, Tier
from monitoring.signals import count_of, share
from service.telemetry.catalogue import ACCESS, CARDS_REFUSED, LIMITS, LIMITS_FALLBACK, SIGN_INS
from service.telemetry.labels import AccessOutcome, LimitVerdict, LimitZone, SignInOutcome

_WRONG = (
    SignInOutcome.WRONG_PASSWORD,
    SignInOutcome.WRONG_CODE,
    SignInOutcome.REPLAYED_CODE,
    SignInOutcome.LOCKED,
)
_STRANGE = (
    *(AccessOutcome.MALFORMED, AccessOutcome.UNKNOWN, AccessOutcome.WRONG_ENVIRONMENT, AccessOutcome.REVOKED),
    *(AccessOutcome.WRONG_NETWORK, AccessOutcome.BAD_SIGNATURE, AccessOutcome.REPLAYED),
)
_LIMITED = count_of(LIMITS, "10m", "zone", verdict=LimitVerdict.LIMITED)
_ASKED = count_of(LIMITS, "10m", "zone", verdict=(LimitVerdict.LIMITED, LimitVerdict.ALLOWED))
_ZONES = (LimitZone.CHECKOUT, LimitZone.FORMS)  # where buyers are: turned away here they cost a sale
_LIMITED_BUYERS = count_of(LIMITS, "10m", "zone", verdict=LimitVerdict.LIMITED, zone=_ZONES)

ALERTS = (
    Alert(
        "SignInsFailing",
        Tier.WARNING,
        Kind.SYMPTOM,
        "security",
        f"{count_of(SIGN_INS, '15m', outcome=_WRONG)} >= 30",
        "{{ printf `%.0f` $value }} sign-ins of staff failed in a quarter of an hour",
        "No member of staff mistypes that often: somebody tries out passwords.",
        "oncall",
        keep="30m",
    ),
    Alert(
        "AccessRefusedSurge",
        Tier.WARNING,
        Kind.SYMPTOM,
        "security",
        f"{count_of(ACCESS, '15m', outcome=_STRANGE)} >= 50",
        "{{ printf `%.0f` $value }} requests with a wrong key were refused in a quarter of an hour",
        "A partner's key was changed and not told, or somebody tries out keys.",
        "errors",
        keep="30m",
    ),
    Alert(
        "RateLimitSaturation",
        Tier.WARNING,
        Kind.CAUSE,
        "platform",
        f"({share(_LIMITED, _ASKED)} > 0.2 or {share(_LIMITED_BUYERS, _ASKED)} > 0.05) and {_ASKED} >= 50",
        "{{ $value | humanizePercentage }} of the requests at {{ $labels.zone }} are turned away as too many",
        "An attack is kept out, or a crowd behind one address is kept from buying; no error budget pays for either.",
        "errors",
        wait="10m",
        keep="10m",
    ),
    Alert(
        "RateLimitsUnshared",
        Tier.WARNING,
        Kind.CAUSE,
        "platform",
        f"{count_of(LIMITS_FALLBACK, '10m')} >= 10",
        "Redis did not answer {{ printf `%.0f` $value }} times in ten minutes: each process counts limits for itself",
        "Limits hold, but are as many times higher as there are processes.",
        "errors",
        wait="5m",
        keep="15m",
    ),
    Alert(
        "CardNumbersEntered",
        Tier.INFO,
        Kind.NEVER,
        "security",
        f"{count_of(CARDS_REFUSED, '1h')} > 0.5",
        "{{ printf `%.0f` $value }} requests with a card number in them were refused within an hour",
        "Nothing was kept. But some form or partner lets people enter cards where none belong.",
        "errors",
        keep="1h",
    ),
)
