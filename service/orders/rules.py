"""Where a paid order stands: a function of the money that is with us, never of which event came last. Pure."""

import re

from service.kernel.money import Money
from service.orders.machine import OrderEvent, OrderStatus

NUMBER = re.compile(r"ALC-[0-9A-Z]{4}-[0-9A-Z]{4}", re.IGNORECASE)  # as it stands on tickets and letters
SYNTHETIC = "synthetic"  # why the money of the synthetic buyer goes back


def standing(status: OrderStatus, *, gone: Money, total: Money, seated: bool, disputed: bool) -> OrderEvent:
    """The event that leads a paid order to where it belongs; where it stands already the event moves nothing.

    `gone` is what of its payment went back (refunds, lost disputes), `disputed` whether a dispute still runs.
    """
    if not gone < total:
        return OrderEvent.REFUND_ALL
    if not seated:
        return OrderEvent.UNREFUND_UNSEATED
    if disputed:
        return OrderEvent.DISPUTE
    if gone.is_positive:
        return OrderEvent.REFUND_PART
    return OrderEvent.WIN_DISPUTE if status is OrderStatus.DISPUTED else OrderEvent.UNREFUND
