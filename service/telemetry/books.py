"""The metrics of the books: refunds and their approval, cases, journal, settlements, reconciliation. Part of the catalogue."""

from service.telemetry import labels
from service.telemetry.foundation import PROVIDERS
from service.telemetry.metric import Counter, Gauge

JOURNAL_ENTRIES = Counter(
    "cubano_journal_entries_total", "Entries written into the books.", "entries", {"kind": labels.EntryKind}
)
CASES_OPENED = Counter("cubano_cases_opened_total", "Cases opened for a person.", "cases", {"kind": labels.CaseKind})
CASES = Gauge("cubano_cases_open", "Cases that wait for a person.", "cases", {"kind": labels.CaseKind})
CASES_OLDEST = Gauge(
    "cubano_cases_oldest_age_seconds", "How long the oldest open case waits.", "seconds", {"kind": labels.CaseKind}
)
BOOKS_CAUGHT_UP = Counter(
    "cubano_books_caught_up_total", "Orders of which something was posted later than when it happened.", "orders"
)
SETTLEMENTS = Counter(
    "cubano_settlements_total",
    "Movements of a gateway's balance read for the first time, or not as they were.",
    "movements",
    {"provider": PROVIDERS},
)
SETTLED_UNTIL = Gauge(
    "cubano_settlements_last_timestamp_seconds",
    "Up to which moment a gateway's movements were last read to the end.",
    "seconds",
    {"provider": PROVIDERS},
)
RECONCILED = Gauge(
    "cubano_reconciliation_last_timestamp_seconds",
    "When a day of a gateway was last compared with the books.",
    "seconds",
    {"provider": PROVIDERS},
)
DIFFERENCES = Gauge(
    "cubano_differences",
    "Open differences between the books and a gateway.",
    "differences",
    {"provider": PROVIDERS, "kind": labels.DifferenceKind},
)
DIFFERENCES_OLDEST = Gauge(
    "cubano_differences_oldest_age_seconds",
    "Time since the oldest open difference of a kind was first found.",
    "seconds",
    {"provider": PROVIDERS, "kind": labels.DifferenceKind},
)
DIFFERENCES_MINOR = Gauge(
    "cubano_differences_minor",
    "What the open differences of a kind come to, each without its sign, in the currency's smallest unit.",
    "minor",
    {"provider": PROVIDERS, "kind": labels.DifferenceKind},
)
REFUNDS_OLDEST = Gauge(
    "cubano_refunds_oldest_age_seconds",
    "Time since the oldest refund of a state last moved.",
    "seconds",
    {"provider": PROVIDERS, "state": labels.RefundState},
)
HOLDS_OVERDUE = Gauge(
    "cubano_holds_overdue_seconds",
    "How long ago the oldest hold ended whose places are still held.",
    "seconds",
    {"provider": PROVIDERS},
)
DISPUTE_DUE = Gauge(
    "cubano_dispute_due_seconds",
    "Seconds until the earliest deadline for evidence that is not sent; absent when there is none.",
    "seconds",
)
PAID_WITHOUT_TICKET = Gauge("cubano_paid_without_ticket", "Orders paid within two days that lack a ticket.", "orders")
PAID_WITHOUT_TICKET_OLDEST = Gauge(
    "cubano_paid_without_ticket_oldest_seconds", "How long the oldest of them lacks its ticket.", "seconds"
)
