"""The metrics of the books: refunds and their approval, cases, journal, settlements, reconciliation. Part of the catalogue."""

from service.telemetry import labels
from service.telemetry.metric import Counter

JOURNAL_ENTRIES = Counter(
    "cubano_journal_entries_total", "Entries written into the books.", "entries", {"kind": labels.EntryKind}
)
