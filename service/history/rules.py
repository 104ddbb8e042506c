"""What may be asked of the history, and the cursor of its pages. Pure.

A cursor says behind which row the next page begins. It is signed together with the filters, so what was not made here, or
was made for another question, is refused instead of answered with rows that nobody asked for.
"""

import hmac
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from service.disputes.machine import DisputeState
from service.kernel.errors import FieldError, Invalid
from service.kernel.ids import is_id
from service.orders.rules import NUMBER
from service.payments.machine import PaymentStatus
from service.refunds.machine import RefundStatus

MOST_EMAIL = 254  # characters, RFC 5321
PROVIDER = r"^[a-z0-9_-]{1,40}$"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SEAL = 16  # bytes of the HMAC that are kept
_PLACE = re.compile(r"(\d{1,17}) (\S{1,255})", re.ASCII)


class TransactionType(StrEnum):
    """What a row of the history is."""

    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"
    FEE = "fee"  # what the gateway takes beside its share of a payment
    PAYOUT = "payout"  # to our bank, or back from it
    ADJUSTMENT = "adjustment"  # whatever else it moves, and what nobody of ours knows yet


SETTLED, WITHDRAWN = "settled", "withdrawn"  # a movement its gateway lists, or does not list any more
STATES: Mapping[TransactionType, frozenset[str]] = {
    TransactionType.PAYMENT: frozenset(PaymentStatus),
    TransactionType.REFUND: frozenset(RefundStatus),
    TransactionType.DISPUTE: frozenset(DisputeState),
    **dict.fromkeys(
        (TransactionType.FEE, TransactionType.PAYOUT, TransactionType.ADJUSTMENT), frozenset({SETTLED, WITHDRAWN})
    ),
}
STATUSES = tuple(sorted(frozenset().union(*STATES.values())))


@dataclass(frozen=True)
class Filters:
    """Which transactions; None is any. `since` is included, `until` is not."""

    since: datetime | None = None
    until: datetime | None = None
    type: str | None = None
    provider: str | None = None
    status: str | None = None
    order_id: str | None = None
    email: str | None = None


@dataclass(frozen=True)
class Place:
    """A row of the history by what it is sorted by."""

    at: datetime
    id: str


def check(filters: Filters) -> Filters:
    """The filters, when they can be meant; raises `Invalid`, which names each field that cannot."""
    wrong = []
    if filters.since and filters.until and filters.until < filters.since:
        wrong.append(FieldError("to", "before_from", "The end lies before the beginning."))
    if filters.type is not None and filters.type not in set(TransactionType):
        wrong.append(FieldError("type", "unknown_type", f"One of {', '.join(TransactionType)}."))
    if filters.status is not None and filters.status not in STATUSES:
        wrong.append(FieldError("status", "unknown_status", f"One of {', '.join(STATUSES)}."))
    if filters.order_id is not None and not (is_id(filters.order_id, "ord") or NUMBER.fullmatch(filters.order_id)):
        wrong.append(FieldError("orderId", "invalid_id", "The id of an order, `ord_…`, or the number on its tickets."))
    if filters.email is not None and not 0 < filters.email.find("@") < len(filters.email) - 1:
        wrong.append(FieldError("email", "invalid_email", "A whole address."))
    if wrong:
        raise Invalid(wrong)
    return filters


def write_cursor(place: Place, filters: Filters, keys: Sequence[str]) -> str:
    """Where the next page begins, opaque to the caller; the first key signs."""
    text = f"{(place.at - _EPOCH) // _MICROSECOND} {place.id}".encode()
    return urlsafe_b64encode(_seal(keys[0], text, filters) + text).rstrip(b"=").decode()


def read_cursor(cursor: str | None, filters: Filters, keys: Sequence[str]) -> Place | None:
    """What `write_cursor` wrote for the same filters under one of the keys; `Invalid` for anything else."""
    if cursor is None:
        return None
    try:
        raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except ValueError:
        raw = b""
    seal, text = raw[:_SEAL], raw[_SEAL:]
    fits = (hmac.compare_digest(seal, _seal(key, text, filters)) for key in keys)
    found = _PLACE.fullmatch(text.decode("ascii", "replace")) if any(fits) else None
    if found is None:
        told = "Send the cursor of the page before, as it was, with the same filters."
        raise Invalid([FieldError("cursor", "invalid_cursor", told)])
    return Place(_EPOCH + int(found[1]) * _MICROSECOND, found[2])


def _seal(key: str, text: bytes, filters: Filters) -> bytes:
    asked = json.dumps(asdict(filters), default=str, sort_keys=True).encode("utf-8", "replace")
    return hmac.digest(key.encode(), b"history-cursor:" + sha256(asked).digest() + text, sha256)[:_SEAL]
