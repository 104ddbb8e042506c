"""A stage whose clock is a dial, the inbox, and people with keys."""

from tests.webhooks.fixtures import inbox, metrics_url, stage_clock, stage_settings

__all__ = ["inbox", "metrics_url", "stage_clock", "stage_settings"]
