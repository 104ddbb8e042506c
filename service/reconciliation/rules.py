"""Whose a difference is, what mends it, and when a day is compared. Pure.

What is `safe` may be mended by `--fix`: it only repeats what would have happened anyway.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from service.access.rules import Role
from service.comparison.rules import DifferenceKind

DAYS = 7  # a day is compared again on so many mornings
READY = timedelta(hours=4)  # after its end a day is compared: later than any list shows a movement
LEASE = timedelta(seconds=45)


@dataclass(frozen=True)
class Handling:
    """What a kind means, whose it is, and what mends it; `safe` when `--fix` may."""

    means: str
    owner: Role
    repair: str
    safe: bool = False


_K = DifferenceKind
KINDS: Mapping[DifferenceKind, Handling] = {
    _K.TIMING: Handling(
        "ours, and not on the gateway's balance yet; or there, and not decided here yet",
        Role.FINANCE,
        "wait: it closes by itself",
    ),
    _K.FEE: Handling(
        "the fee of a payment is not what the price list says",
        Role.FINANCE,
        "compare with the contract; correct the price list, claim the rest at the gateway, or accept it",
    ),
    _K.CURRENCY: Handling(
        "settled in another currency", Role.FINANCE, "book gain or loss of the exchange, then accept it"
    ),
    _K.MISSING_EVENT: Handling(
        "the gateway has moved money, and no event has told us",
        Role.ON_CALL,
        "--fix asks the gateway, or fetches the event",
        safe=True,
    ),
    _K.EXTERNAL_REFUND: Handling(
        "a refund that was made at the gateway, not here",
        Role.SUPPORT,
        "--fix fetches its event if that is missing; ask who made it, then accept it",
        safe=True,
    ),
    _K.DUPLICATE_CHARGE: Handling(
        "a second charge for one order",
        Role.SUPPORT,
        "give it back at the gateway, if it is not on its way; it closes when that has settled",
    ),
    _K.AMOUNT: Handling("more or less than here", Role.FINANCE, "compare the object at the gateway with ours"),
    _K.MISSING_SETTLEMENT: Handling(
        "ours for longer than a day, and never on the gateway's balance",
        Role.FINANCE,
        "look the object up at the gateway; ask its support why it was not settled",
    ),
    _K.PAYOUT: Handling(
        "a payout that is not the sum of its movements, came back, or did not come",
        Role.FINANCE,
        "compare the payout at the gateway with the bank statement",
    ),
    _K.UNPOSTED: Handling(
        "our books do not say what our rows say", Role.ON_CALL, "--fix posts what is missing", safe=True
    ),
    _K.UNKNOWN: Handling(
        "a movement that belongs to nothing we know", Role.FINANCE, "find out at the gateway what it is, then accept it"
    ),
}


def last_morning(now: datetime) -> datetime:
    """Since when yesterday may be compared."""
    start = (now - READY).replace(hour=0, minute=0, second=0, microsecond=0)
    return start + READY
