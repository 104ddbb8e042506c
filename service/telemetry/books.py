"""The metrics of the books: refunds and their approval, cases, journal, settlements, reconciliation. Part of the catalogue."""
