"""Refunds that people ask for: what may be asked, whose limit allows it, and who decides above it."""
