"""What people see in their browsers."""

from monitoring.alert import Alert, Kind, Tier
from monitoring.signals import Unlike, count_of, quantile, renamed, share
from service.telemetry.catalogue import ERRORS_SHOWN, PAGE_ERRORS, PAGE_SECONDS
from service.telemetry.labels import ErrorShown, PageMeasure

_LOADS = count_of(PAGE_SECONDS, "30m", "page", measure=PageMeasure.LOAD)
_EXPECTED = Unlike(f"{ErrorShown.FIELDS}|{ErrorShown.SOLD_OUT}|{ErrorShown.NOT_FOUND}|{ErrorShown.MAINTENANCE}")

ALERTS = (
    Alert(
        "PagesSlow",
        Tier.WARNING,
        Kind.SYMPTOM,
        "platform",
        f"{quantile('0.75', PAGE_SECONDS, '30m', 'page', measure=PageMeasure.LOAD)} > 4 and {_LOADS} >= 50",
        "The page {{ $labels.page }} takes one visitor in four longer than {{ $value | humanizeDuration }}",
        "Measured in their browsers, with their networks. After four seconds many leave.",
        "experience",
        wait="15m",
        keep="15m",
    ),
    Alert(
        "PagesFailing",
        Tier.WARNING,
        Kind.SYMPTOM,
        "platform",
        f"{share(count_of(PAGE_ERRORS, '30m', 'page'), _LOADS)} > 0.1 and {_LOADS} >= 50",
        "Browsers report {{ printf `%.1f` $value }} errors a visit on the page {{ $labels.page }}",
        "A script or file of ours does not load or does not run there.",
        "experience",
        wait="15m",
        keep="15m",
    ),
    Alert(
        "ErrorsShown",
        Tier.WARNING,
        Kind.SYMPTOM,
        "platform",
        f"{renamed(count_of(ERRORS_SHOWN, '10m', 'kind', kind=_EXPECTED), 'kind', 'what')} >= 20",
        "{{ printf `%.0f` $value }} people were shown an error ({{ $labels.what }}) in ten minutes",
        "Not what they typed, but what we could not do for them.",
        "errors",
        wait="5m",
        keep="15m",
    ),
)
