"""The letters there are, and the time they are dated in.

The outbox kind of a letter is `mail.<name>`, its templates are `templates/<name>.…`.
"""

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

CONFIRMATION = "confirmation"
LATE_PAYMENT = "late_payment"
SURPLUS_PAYMENT = "surplus_payment"
REFUND_MADE = "refund_made"
REFUND_FAILED = "refund_failed_later"
LETTERS = (CONFIRMATION, LATE_PAYMENT, SURPLUS_PAYMENT, REFUND_MADE, REFUND_FAILED)
ORDER_LINK = "order_link"  # about all orders of an address, not about one


def festival_zone(name: str = "America/Denver") -> tzinfo:
    """Boulder's time, or UTC on a machine without time zone data; the zone is always written beside the time."""
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError:
        return UTC
