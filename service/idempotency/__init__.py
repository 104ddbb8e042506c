"""Idempotency keys of our own API: the same key and request give the same answer, and a crash never blocks a key."""
