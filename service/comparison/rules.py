"""What can differ between our journal and a gateway, and how a difference is known. Pure.

A kind is closed: `reconciliation.rules` says whose it is and what mends it, and the stand-in has a lever that makes one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from service.kernel.money import Money

SETTLES_WITHIN = timedelta(days=1)  # after we heard of it; gateways take minutes, PayPal's list up to three hours
UNDONE = frozenset({"won", "closed", "failed"})  # what the gateway moved for it comes back
PAID_OUT_WITHIN = timedelta(days=4)  # after it was available, over a weekend


class DifferenceKind(StrEnum):
    TIMING = "timing"  # not settled yet, or not decided here yet; closes by itself
    FEE = "fee"  # not what the price list says
    CURRENCY = "currency"  # settled in another one
    MISSING_EVENT = "missing_event"  # the gateway has moved money and we have not heard of it
    EXTERNAL_REFUND = "external_refund"  # made at the gateway, not by us
    DUPLICATE_CHARGE = "duplicate_charge"  # a second capture for one order
    AMOUNT = "amount"  # more or less than here
    MISSING_SETTLEMENT = "missing_settlement"  # ours, and the gateway never moved it
    PAYOUT = "payout"  # not the sum of its movements, or it did not come, or came back
    UNPOSTED = "unposted"  # our books do not say what our rows say
    UNKNOWN = "unknown"


_K = DifferenceKind


@dataclass(frozen=True)
class Price:
    """What a gateway takes of a payment: basis points of it and a fixed part, half a unit counting up."""

    basis_points: int
    fixed: int


@dataclass(frozen=True)
class Terms:
    """What is expected of one gateway."""

    provider: str
    price: Price | None
    tolerance: int  # minor units a fee may differ
    itemised: bool  # it tells what a payout is made of


@dataclass(frozen=True)
class Found:
    """One difference, as a comparison finds it."""

    kind: DifferenceKind
    subject: str
    amount: Money
    at: datetime
    note: str
    order_id: str | None = None


def merged(found: Iterable[Found]) -> list[Found]:
    """One for each kind and subject, with what those of one currency come to together; none where that is nothing."""
    known: dict[tuple[DifferenceKind, str], Found] = {}
    for each in found:
        first = known.setdefault((each.kind, each.subject), each)
        if first is not each and first.amount.currency == each.amount.currency:
            known[each.kind, each.subject] = replace(first, amount=first.amount + each.amount)
    return [each for each in known.values() if not each.amount.is_zero]


@dataclass(frozen=True)
class Side:
    """What a payment, refund or dispute of ours comes to in one currency: in the journal and on the gateway's balance."""

    subject: str
    order_id: str | None
    status: str
    told: Money
    moved: Money
    movements: int
    at: datetime
    ahead: bool = False  # the journal's last word is younger than the last movement


def prices_of(given: Iterable[str]) -> dict[str, Price]:
    """`stripe=290+30`: 2.9 % and 30 minor units."""
    parts = ((provider, price.split("+")) for provider, _, price in (each.partition("=") for each in given))
    return {provider: Price(int(price[0]), int(price[1])) for provider, price in parts}


def judge(sides: Sequence[Side], *, now: datetime) -> Found | None:
    """What the sides of one subject, of which at least one is out, come to; None for what `unposted` tells already."""
    one = max(sides, key=lambda each: abs(each.told.minor))
    if len(sides) > 1 and not one.told.is_zero:
        settled = next((each.moved for each in sides if each is not one), None)
        return _found(_K.CURRENCY, one, one.told, f"{one.told} here, settled as {settled}")
    late = _K.TIMING if now - one.at <= SETTLES_WITHIN else _K.MISSING_SETTLEMENT
    if one.movements == 0:
        return _found(late, one, one.told, "not on the gateway's balance")
    if one.told.is_zero and one.ahead and one.status in UNDONE:
        return _found(late, one, one.moved, f"{one.status} here, and the gateway has not moved it back")
    if one.told.is_zero:
        return _unheard(one)
    has_moved_on = one.moved.is_zero or one.subject.startswith("dsp_")  # and its last event has not come
    kind = _K.MISSING_EVENT if has_moved_on else _K.AMOUNT
    return _found(kind, one, one.moved - one.told, f"{one.told} here, {one.moved} there")


def _unheard(one: Side) -> Found | None:
    """The gateway has moved it, and our books have not."""
    if one.status in {"succeeded", "needs_response", "under_review", "lost"}:
        return None
    kind = _K.MISSING_EVENT
    if one.subject.startswith("rfd_"):
        kind = _K.TIMING if one.status in {"requested", "awaiting_approval", "pending"} else _K.AMOUNT
    return _found(kind, one, one.moved, f"{one.status} here, and the gateway has moved it")


def _found(kind: DifferenceKind, one: Side, amount: Money, note: str) -> Found:
    return Found(kind, one.subject, amount, one.at, note, one.order_id)


@dataclass(frozen=True)
class Stray:
    """A movement that is about nothing we know; `payment_*` is the payment of ours that its words name, if any."""

    ref: str
    kind: str
    amount: Money
    at: datetime
    left: Money  # of all strays about the same payment of the gateway
    payment_id: str | None
    payment_status: str | None
    order_id: str | None
    follows: bool  # another stray is the payment it is about


def judge_stray(stray: Stray) -> Found | None:
    """Why it is there; None when it has been undone, or belongs to a payment that is told itself."""
    if stray.kind != "other" and stray.left.is_zero:
        return None
    found = Found(
        _K.UNKNOWN,
        stray.ref,
        stray.amount,
        stray.at,
        f"of kind {stray.kind}, and nothing here knows it",
        stray.order_id,
    )
    if stray.kind == "payment" and stray.payment_id:
        return _stray_payment(stray, found)
    if stray.follows or stray.payment_id is None or stray.kind == "other":
        return None if stray.follows else found
    if stray.kind.startswith("refund"):
        return replace(found, kind=_K.EXTERNAL_REFUND, note=f"of {stray.payment_id}; no event has told of it")
    return replace(found, kind=_K.MISSING_EVENT, note=f"a dispute about {stray.payment_id}; no event has told of it")


def _stray_payment(stray: Stray, found: Found) -> Found:
    if stray.payment_status == "succeeded":
        note = f"{stray.payment_id} was paid already"
        return replace(found, kind=_K.DUPLICATE_CHARGE, amount=stray.left, note=note)
    note = f"{stray.payment_id} is {stray.payment_status} here; no event has told of the money"
    return replace(found, kind=_K.MISSING_EVENT, subject=stray.payment_id or stray.ref, note=note)


@dataclass(frozen=True)
class Payout:
    """Money on its way to the bank, and the movements it is made of as far as they are known."""

    ref: str
    came_back: bool
    amount: Money
    items: Money
    count: int
    at: datetime
    paid_out_by: str | None


def judge_payout(payout: Payout, *, now: datetime) -> Found | None:
    """None when it adds up, or came back and has gone out again."""
    if payout.came_back:
        came = Found(
            _K.PAYOUT, f"{payout.ref} back", -payout.amount, payout.at, f"{payout.ref} came back from the bank"
        )
        return None if payout.paid_out_by else came
    if payout.amount == payout.items:
        return None
    if not payout.count and now - payout.at <= PAID_OUT_WITHIN:
        return Found(_K.TIMING, payout.ref, payout.amount, payout.at, "the gateway does not tell yet what is in it")
    note = f"a payout of {payout.amount} whose movements come to {payout.items}"
    return Found(_K.PAYOUT, payout.ref, payout.amount - payout.items, payout.at, note)
