"""The metrics of who may do what: staff and their sessions, rate limits, sealed data. Part of the catalogue."""

from service.telemetry.decisions import LimitVerdict, LimitZone, Shed, SignInOutcome
from service.telemetry.labels import AccessOutcome
from service.telemetry.metric import Counter, Gauge

ACCESS = Counter(
    "cubano_access_total",
    "Requests to what needs a permission, by what the guard decided.",
    "requests",
    {"outcome": AccessOutcome},
)
LIMITS = Counter(
    "cubano_rate_limit_requests_total",
    "Requests at the rate limits, by zone and what was decided.",
    "requests",
    {"zone": LimitZone, "verdict": LimitVerdict},
)
LIMITS_FALLBACK = Counter(
    "cubano_rate_limit_fallbacks_total",
    "Looks at a rate limit that were answered from memory because Redis did not answer.",
    "looks",
)
SHED = Counter(
    "cubano_requests_shed_total", "Requests that were sent away while load was shed.", "requests", {"what": Shed}
)
CARDS_REFUSED = Counter(
    "cubano_card_numbers_refused_total", "Requests refused because a card number seemed to stand in them.", "requests"
)
SIGN_INS = Counter(
    "cubano_staff_sign_ins_total",
    "Steps of people's sign-ins, by how they ended.",
    "steps",
    {"outcome": SignInOutcome},
)
API_KEY_ENDS = Gauge(
    "cubano_api_key_ends_timestamp_seconds",
    "When the next API key ends that was meant to last and that no later key of its client replaces; absent for none.",
    "seconds",
)
