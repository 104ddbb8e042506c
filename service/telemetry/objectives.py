"""What customers and staff may count on, in figures, once: rules, alerts, dashboards and the load gate read these rows.

An objective says which share of what happened was good over its period. Issuers' declines are answers, so they are good;
limits of ours that send a customer away are bad. A threshold in seconds is exactly a bucket of its histogram, and a
target is in basis points, so nothing here is a float that could be rounded on its way into a rule.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from service.telemetry import catalogue
from service.telemetry.metric import Metric

Matchers = Mapping[str, str]

ALL_BP = 10_000


@dataclass(frozen=True, slots=True)
class Burn:
    """Bad events come `factor` times as fast as the budget allows, over both windows: the long one proves, the short one ends it."""

    long: str
    short: str
    factor: str
    critical: bool


# Two per cent of the budget in an hour, five in six hours: somebody gets up. Ten in one or three days: a ticket.
BURNS = (
    Burn("1h", "5m", "14.4", critical=True),
    Burn("6h", "30m", "6", critical=True),
    Burn("1d", "2h", "3", critical=False),
    Burn("3d", "6h", "1", critical=False),
)
# A sale has sold out before an hour has passed: half of its budget in a quarter of an hour.
ON_SALE_BURNS = (Burn("15m", "2m", "4", critical=True),)
LEAST_BAD = 5  # bad events in the long window; fewer prove nothing, whatever share of a quiet hour they are


@dataclass(frozen=True, slots=True)
class Objective:
    """One promise. `bad` matches bad events among `total`; with `within_s` the good ones are those not slower than that.

    `matchers` and `bad` are regular expressions by label, anchored as Prometheus does; what fits `uncounted` is neither good
    nor bad. `by` splits it, each part with a budget of its own. `pages` is False when no hour of night is worth it. `on_sale_bp` is the target of a sale's own two hours.
    """

    name: str
    promise: str
    metric: Metric
    target_bp: int
    matchers: Matchers = field(default_factory=dict)
    bad: Matchers = field(default_factory=dict)
    uncounted: Matchers = field(default_factory=dict)
    within_s: float | None = None
    by: str = ""
    period: str = "30d"
    pages: bool = True
    on_sale_bp: int = 0


_CHECKOUT = {"http_request_method": "POST", "http_route": "/api/payment/checkout-session|/(en|es)/checkout"}
_FAULT = {"http_response_status_code": "5.."}
# What the budget does not pay for: an operator's decision, and a flood that our limits keep out (RateLimitSaturation
# tells when they hit buyers).
_KEPT_OUT = {"error_type": "LoadShed|Maintenance|SalesPaused", "http_response_status_code": "429"}

CHECKOUT_AVAILABILITY = Objective(
    "checkout-availability",
    "Who checks out is not turned away by a fault of ours.",
    catalogue.HTTP_SERVER_DURATION,
    9_990,
    _CHECKOUT,
    _FAULT,
    uncounted=_KEPT_OUT,
    on_sale_bp=9_950,
)
CHECKOUT_LATENCY = Objective(
    "checkout-latency",
    "Who checks out is on the way to pay within 2.5 seconds.",
    catalogue.HTTP_SERVER_DURATION,
    9_900,
    _CHECKOUT,
    uncounted=_KEPT_OUT,
    within_s=2.5,
    on_sale_bp=9_500,
)
PAYMENT_SUCCESS = Objective(
    "payment-success",
    "An attempt to pay is answered by the bank, yes or no.",
    catalogue.PAYMENT_ATTEMPTS,
    9_950,
    {"outcome": "approved|declined|error"},
    {"outcome": "error"},
    by="provider",
)
TICKETS_PROMPT = Objective(
    "tickets-prompt", "Who has paid has the tickets within 30 seconds.", catalogue.PAID_TO_TICKET, 9_900, within_s=30
)
WEBHOOKS_FRESH = Objective(
    "webhooks-fresh",
    "What a gateway tells us arrives within a minute.",
    catalogue.WEBHOOK_LAG,
    9_900,
    within_s=60,
    by="provider",
)
STORE_AVAILABILITY = Objective(
    "store-availability",
    "The pages of the store open.",
    catalogue.HTTP_SERVER_DURATION,
    9_990,
    {"http_request_method": "GET", "http_route": "/|/(en|es)(/.*)?"},
    _FAULT,
    uncounted=_KEPT_OUT,
)
SUPPORT_AVAILABILITY = Objective(
    "support-availability",
    "Support and finance can look up, refund and list.",
    catalogue.HTTP_SERVER_DURATION,
    9_950,
    {"http_route": "/api/payment/(order|refund|refunds|transaction-history)(/.*)?|/api/ops/.*"},
    {"http_response_status_code": "5.."},
    pages=False,
)

OBJECTIVES: tuple[Objective, ...] = (
    CHECKOUT_AVAILABILITY,
    CHECKOUT_LATENCY,
    PAYMENT_SUCCESS,
    TICKETS_PROMPT,
    WEBHOOKS_FRESH,
    STORE_AVAILABILITY,
    SUPPORT_AVAILABILITY,
)
