"""Refunds on their way to the gateway."""
