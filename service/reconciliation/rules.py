"""Whose a difference is, what mends it, and when a day is compared. Pure.

`SAFE` are the kinds that `--fix` may mend by itself: it only repeats what would have happened anyway.
"""

from datetime import datetime, timedelta

from service.access.rules import Role
from service.comparison.rules import DifferenceKind

DAYS = 7  # a day is compared again on so many mornings
READY = timedelta(hours=4)  # after its end a day is compared: later than any list shows a movement
LEASE = timedelta(seconds=45)

_K = DifferenceKind
OWNERS = {
    _K.TIMING: Role.FINANCE,
    _K.FEE: Role.FINANCE,
    _K.CURRENCY: Role.FINANCE,
    _K.MISSING_EVENT: Role.ON_CALL,
    _K.EXTERNAL_REFUND: Role.SUPPORT,
    _K.DUPLICATE_CHARGE: Role.SUPPORT,
    _K.AMOUNT: Role.FINANCE,
    _K.MISSING_SETTLEMENT: Role.FINANCE,
    _K.PAYOUT: Role.FINANCE,
    _K.UNPOSTED: Role.ON_CALL,
    _K.UNKNOWN: Role.FINANCE,
}
REPAIRS = {
    _K.TIMING: "wait: it closes by itself when the gateway settles it",
    _K.FEE: "compare with the contract; correct CUBANO_FEE_PRICES, claim the rest at the gateway, or accept it",
    _K.CURRENCY: "book gain or loss of the exchange, then accept it",
    _K.MISSING_EVENT: "--fix asks the gateway and fetches the event",
    _K.EXTERNAL_REFUND: "--fix fetches its event; ask who made it in the dashboard, then accept it",
    _K.DUPLICATE_CHARGE: "give the second charge back at the gateway; it closes when that has settled",
    _K.AMOUNT: "compare the object at the gateway with ours",
    _K.MISSING_SETTLEMENT: "look the object up at the gateway; ask its support why it is not on the balance",
    _K.PAYOUT: "compare the payout at the gateway with the bank statement",
    _K.UNPOSTED: "--fix posts what our rows say",
    _K.UNKNOWN: "find out at the gateway what it is, then accept it",
}
SAFE = (_K.MISSING_EVENT, _K.EXTERNAL_REFUND, _K.UNPOSTED)


def last_morning(now: datetime) -> datetime:
    """Since when yesterday may be compared."""
    start = (now - READY).replace(hour=0, minute=0, second=0, microsecond=0)
    return start + READY
