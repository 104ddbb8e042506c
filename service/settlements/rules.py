"""What a movement means for the books, and when the gateways' lists are read. Pure.

What a payment, refund or dispute moved is posted by its own event; here come the gateway's share and payouts. A movement that
is about nothing we know waits in suspense, so that clearing is what the gateway holds, and leaves it once its event has come.
Money that was settled in another currency is exchanged there, until finance books gain or loss.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from service.gateways.facts import SettlementKind
from service.journal.rules import BANK, SUSPENSE, EntryKind, Posting, add_up, clearing, fees
from service.kernel.money import Money

EVERY = timedelta(minutes=10)  # between two readings of one list
OVERLAP = timedelta(hours=4)  # PayPal shows a movement up to three hours later, under its own time
FIRST = timedelta(days=35)  # how far back the very first reading goes: a month and its end
BEFORE_OURS = timedelta(hours=1)  # nothing of ours moved before our first attempt to pay; clocks differ
LEASE = timedelta(seconds=45)
STEP = timedelta(hours=1)  # of the list at once
WIDEST = timedelta(days=31)  # where hardly anything happens
SPARSE = 100  # movements in a step that could have been wider
ITEMISED_WITHIN = timedelta(days=10)  # how long a payout may take until all that is in it is told

_K = SettlementKind
ABOUT_OURS = (_K.PAYMENT, _K.REFUND, _K.REFUND_FAILED, _K.DISPUTE, _K.DISPUTE_WON)
_ENTRIES = {_K.FEE: EntryKind.FEE, _K.PAYOUT: EntryKind.PAYOUT, _K.PAYOUT_FAILED: EntryKind.PAYOUT}
_AGAINST = {_K.PAYOUT: BANK, _K.PAYOUT_FAILED: BANK, _K.OTHER: SUSPENSE}


@dataclass(frozen=True)
class Moved:
    """A movement as the books see it; `ours` is what it was here, signed, where that is another currency.

    `stray`: nothing of ours is known that it is about. `was_odd`: it stands in the books as an adjustment already.
    """

    provider: str
    ref: str
    kind: SettlementKind
    amount: Money
    fee: Money
    at: datetime
    order_id: str | None = None
    ours: Money | None = None
    withdrawn: bool = False
    stray: bool = False
    was_odd: bool = False

    @property
    def against(self) -> str | None:
        """Where its amount comes from or goes to, unless an event of ours tells that."""
        return SUSPENSE if self.stray and self.kind in ABOUT_OURS else _AGAINST.get(self.kind)


def postings(moved: Moved) -> Iterator[Posting]:
    """How the movement must stand in the books: under its own ref, and its other currency beside it."""
    held = clearing(moved.provider)
    parts = [(held, -moved.fee), (fees(moved.provider), moved.fee)]
    if moved.kind is _K.FEE:
        parts += [(held, moved.amount), (fees(moved.provider), -moved.amount)]
    elif moved.against is not None:
        parts += [(held, moved.amount), (moved.against, -moved.amount)]
    elif moved.ours is not None:
        parts += [(held, moved.amount), (SUSPENSE, -moved.amount)]
        yield _posting(moved, f"{moved.ref}:exchanged", [(held, -moved.ours), (SUSPENSE, moved.ours)])
    yield _posting(moved, moved.ref, parts)


def _posting(moved: Moved, subject: str, parts: list[tuple[str, Money]]) -> Posting:
    is_odd = moved.kind is _K.OTHER or moved.against == SUSPENSE or moved.was_odd
    is_exchange = moved.ours is not None and moved.kind in ABOUT_OURS
    usual = EntryKind.ADJUSTMENT if is_odd or is_exchange else EntryKind.FEE
    return Posting(
        kind=_ENTRIES.get(moved.kind, usual),
        subject=subject,
        stands={} if moved.withdrawn else add_up(parts),
        occurred_at=moved.at,
        provider=moved.provider,
        order_id=moved.order_id,
    )


def next_step(step: timedelta, *, listed: int) -> timedelta:
    """How much of the list is asked for after a step: twice as much after a sparse one."""
    return min(step * 2, WIDEST) if listed < SPARSE else STEP
