"""A mail server of the test's own."""

from tests.mail.conftest import box

__all__ = ["box"]
