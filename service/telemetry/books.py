"""The metrics of the books: refunds and their approval, cases, journal, settlements, reconciliation. Part of the catalogue."""

from service.telemetry import labels
from service.telemetry.metric import Counter, Gauge

JOURNAL_ENTRIES = Counter(
    "cubano_journal_entries_total", "Entries written into the books.", "entries", {"kind": labels.EntryKind}
)
CASES_OPENED = Counter("cubano_cases_opened_total", "Cases opened for a person.", "cases", {"kind": labels.CaseKind})
CASES = Gauge("cubano_cases_open", "Cases that wait for a person.", "cases", {"kind": labels.CaseKind})
CASES_OLDEST = Gauge(
    "cubano_cases_oldest_age_seconds", "How long the oldest open case waits.", "seconds", {"kind": labels.CaseKind}
)
