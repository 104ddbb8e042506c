"""A database whose clock is a dial."""

from tests.closing.conftest import clock, db

__all__ = ["clock", "db"]
