"""The double-entry journal: every movement of money, written once and never changed."""
