"""Operational switches: who set them, why, and when they go back by themselves."""
