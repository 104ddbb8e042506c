"""Signing secrets of webhooks that are added and retired while everything runs."""
