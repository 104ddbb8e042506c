"""The small site of tests/access."""

from tests.access.conftest import db
from tests.access.test_guard import site

__all__ = ["db", "site"]
