"""A stage whose clock is a dial, and the inbox, step by step."""

from tests.webhooks.fixtures import inbox, metrics_url, stage_clock, stage_settings

__all__ = ["inbox", "metrics_url", "stage_clock", "stage_settings"]
