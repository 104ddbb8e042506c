"""The metrics of what people meet: pages in their browsers, errors they read, tries they need. Part of the catalogue.

The synthetic buyer stands here, too: it is the one customer who always tells how it went.
"""

from service.telemetry import labels
from service.telemetry.foundation import PROVIDERS
from service.telemetry.metric import Counter, Gauge, Histogram

# Up to a second nobody notices, after four many leave; beyond ten it is broken for whoever waits.
PAGE_BUCKETS = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.5, 2.5, 4, 6, 10, 20)
# A checkout, an answer of the gateway, a webhook, a ticket: a second or two; above thirty the objective is missed.
PURCHASE_BUCKETS = (0.25, 0.5, 1, 2, 3, 5, 10, 20, 30, 60, 120)

THREE_DS = Counter(
    "cubano_three_ds_total",
    "Attempts to pay of which the bank wanted to know the buyer, and how those went on.",
    "attempts",
    {"provider": PROVIDERS, "outcome": labels.ThreeDsOutcome},
)
PAGE_SECONDS = Histogram(
    "cubano_page_seconds",
    "From the click to a moment of the page, as browsers tell it.",
    "seconds",
    {"page": labels.PageName, "measure": labels.PageMeasure},
    buckets=PAGE_BUCKETS,
)
PAGE_ERRORS = Counter(
    "cubano_page_errors_total", "Errors of scripts and files in browsers.", "errors", {"page": labels.PageName}
)
BEACONS = Counter(
    "cubano_beacons_total", "Beacons of browsers, by what became of them.", "beacons", {"outcome": labels.BeaconOutcome}
)
ERRORS_SHOWN = Counter("cubano_errors_shown_total", "Errors that people read.", "errors", {"kind": labels.ErrorShown})
TRIES_TO_PAY = Histogram(
    "cubano_tries_to_pay", "Attempts an order needed until it was paid.", "attempts", buckets=(1, 2, 3, 5, 10)
)
SYNTHETIC_PURCHASES = Counter(
    "cubano_synthetic_purchases_total",
    "Purchases of the synthetic buyer by how they ended.",
    "purchases",
    {"outcome": labels.SyntheticOutcome},
)
SYNTHETIC_SUCCEEDED = Gauge(
    "cubano_synthetic_last_success_timestamp_seconds",
    "When the synthetic buyer last came as far as it goes: to its ticket, with a live key to the payment page.",
    "seconds",
)
SYNTHETIC_EVERY = Gauge(
    "cubano_synthetic_every_seconds",
    "Seconds between two purchases of the synthetic buyer; 0: it never buys.",
    "seconds",
)
SYNTHETIC_SECONDS = Histogram(
    "cubano_synthetic_seconds",
    "From the synthetic buyer's first request to its ticket, where it got one.",
    "seconds",
    buckets=PURCHASE_BUCKETS,
)
