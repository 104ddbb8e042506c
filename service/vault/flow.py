"""Who bought an order, what was asked of its gateway, and its token: sealed, opened, and the token replaced.

`write` stands beside the INSERT of the order. `open_buyer` is the one answer to who bought it: None once that is erased.
An order from before this table is read from where it stood (`PLAIN_ORDERS`) until `seal_before` has been there.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Protocol

import msgspec
import sqlalchemy as sa

from service.access.rules import OrderTokens, Principal
from service.audit import flow as audit
from service.kernel.data_keys import DataKey, Wrapped
from service.kernel.db import Session
from service.kernel.errors import NotFound
from service.vault.tables import PLAIN_ORDERS, PLAIN_PAYMENTS, OrderCustomer

EMAIL, NAME, REQUEST = "order_customers.email", "order_customers.name", "payments.request"
_NO_HASH = "0" * 64  # what the token of an unknown order is compared with


@dataclass(frozen=True)
class Buyer:
    email: str = field(repr=False)
    name: str = field(repr=False)


@dataclass(frozen=True)
class OrderKey:
    """What seals and opens one order's fields, and makes its present token."""

    data: DataKey
    token_number: int

    def token(self, before: OrderTokens) -> str:
        """The text that opens the order; `before` makes that of an order from before the table."""
        return self.data.token(self.token_number) if self.token_number else before.issue(self.data.subject)

    def seal_request(self, payment_id: str, request: dict[str, Any]) -> bytes:
        """The request to a gateway, to the letter."""
        return self.data.seal(f"{REQUEST}:{payment_id}", msgspec.json.encode(request))

    def open_request(self, payment_id: str, sealed: bytes) -> dict[str, Any]:
        return msgspec.json.decode(self.data.open(f"{REQUEST}:{payment_id}", sealed), type=dict[str, Any])


class Asked(Protocol):
    """A payment, as far as its request goes; `request` is one that stands in the clear from before."""

    @property
    def id(self) -> str: ...
    @property
    def order_id(self) -> str: ...
    @property
    def request(self) -> dict[str, Any] | None: ...
    @property
    def request_sealed(self) -> bytes | None: ...


def normalise(email: str) -> str:
    """Under which an address is looked up: few mail servers tell letters' cases apart, no customer does."""
    return email.strip().lower()


def write(session: Session, order_id: str, buyer: Buyer, *, token_number: int = 1) -> OrderKey:
    """Add the sealed buyer of an order; written with the session's next flush, after the order itself."""
    data, wrapped = session.master_keys.create(order_id)
    row = OrderCustomer(
        order_id=order_id,
        key_id=wrapped.key_id,
        wrapped_key=wrapped.data,
        email_sealed=data.seal(EMAIL, buyer.email.encode()),
        name_sealed=data.seal(NAME, buyer.name.encode()),
        email_digest=session.master_keys.digests(normalise(buyer.email))[0],
        token_number=token_number,
        token_hash=_hash(data.token(token_number)) if token_number else None,
        erased_at=None,
    )
    session.add(row)
    return OrderKey(data, token_number)


def _hash(token: str) -> str:
    return sha256(token.encode(errors="replace")).hexdigest()  # half a surrogate pair is no token, and no failure


async def open_key(session: Session, order_id: str) -> OrderKey | None:
    """What opens the order's fields; None once they are erased, and for an order that is not sealed yet."""
    row = await session.get(OrderCustomer, order_id)
    return _key_of(session, row) if row else None


def _key_of(session: Session, row: OrderCustomer) -> OrderKey | None:
    if row.key_id is None or row.wrapped_key is None:
        return None
    return OrderKey(session.master_keys.open(row.order_id, Wrapped(row.key_id, row.wrapped_key)), row.token_number)


async def open_buyer(session: Session, order_id: str) -> Buyer | None:
    """Who bought the order; None when that was erased, or when there is no such order."""
    row = await session.get(OrderCustomer, order_id)
    if row is None:
        return await _plain_buyer(session, order_id)
    key = _key_of(session, row)
    if key is None or row.email_sealed is None or row.name_sealed is None:
        return None
    return Buyer(key.data.open(EMAIL, row.email_sealed).decode(), key.data.open(NAME, row.name_sealed).decode())


async def _plain_buyer(session: Session, order_id: str) -> Buyer | None:
    query = sa.select(PLAIN_ORDERS.c.email, PLAIN_ORDERS.c.name).where(PLAIN_ORDERS.c.id == order_id)
    row = (await session.execute(query)).one_or_none()
    return Buyer(row.email, row.name) if row and row.email is not None else None


async def erased(session: Session, order_id: str) -> OrderCustomer | None:
    """The row of an order whose customer was erased; None for every other."""
    row = await session.get(OrderCustomer, order_id)
    return row if row and row.erased_at else None


async def open_request(session: Session, payment: Asked) -> dict[str, Any] | None:
    """What was asked of the gateway, to the letter; None once it was erased."""
    if payment.request_sealed is None:
        return payment.request
    key = await open_key(session, payment.order_id)
    return key.open_request(payment.id, payment.request_sealed) if key else None


# ---- tokens ----------------------------------------------------------------------------------------------------------


async def opens(session: Session, order_id: str, tokens: Sequence[str], *, before: OrderTokens) -> str | None:
    """The first of these texts that opens the order. An order there is none of costs the same as a wrong token."""
    row = await session.get(OrderCustomer, order_id)
    wanted = (row.token_hash if row else None) or _NO_HASH
    is_before = row is None or (row.token_number == 0 and row.erased_at is None)
    found = [
        token
        for token in tokens
        # Both are worked out for each, so that time does not tell which kind of order it is, or whether there is one.
        if (hmac.compare_digest(wanted, _hash(token)) | (before.matches(order_id, token) & is_before))
    ]
    return next(iter(found), None)


async def order_token(session: Session, order_id: str, *, before: OrderTokens) -> str | None:
    """The present token of an order, made again; None when its customer was erased."""
    row = await session.get(OrderCustomer, order_id)
    if row is None:
        return before.issue(order_id)
    key = _key_of(session, row)
    return key.token(before) if key else None


async def replace_token(session: Session, principal: Principal, order_id: str) -> int:
    """The present token opens nothing any more, the next one does; its number. Raises `NotFound`."""
    row = await _lock(session, order_id)
    key = _key_of(session, row)
    if key is None:
        raise NotFound
    before, row.token_number = row.token_number, row.token_number + 1
    row.token_hash = _hash(key.data.token(row.token_number))
    await session.flush()
    audit.note(
        session,
        principal,
        "order.revoke_token",
        order_id,
        before={"number": before},
        after={"number": row.token_number},
    )
    return row.token_number


async def _lock(session: Session, order_id: str) -> OrderCustomer:
    """The row, locked; one of an order from before is written now. Raises `NotFound`."""
    query = sa.select(OrderCustomer).where(OrderCustomer.order_id == order_id).with_for_update()
    row = (await session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()
    if row is None:
        if not await seal_before(session, [order_id]):
            raise NotFound
        row = await session.get_one(OrderCustomer, order_id)
    return row


# ---- all orders of an address, and keys that change ------------------------------------------------------------------


def orders_of(session: Session, email: str) -> sa.Select[str]:
    """The ids of an address's orders, as a query for `IN`; erased ones are nobody's."""
    digests = session.master_keys.digests(normalise(email))
    return sa.select(OrderCustomer.order_id).where(OrderCustomer.email_digest.in_(digests))


async def ensure_key(session: Session, order_id: str) -> OrderKey:
    """The order's key, made now for an order from before; raises `NotFound` when its customer was erased."""
    key = await open_key(session, order_id)
    if key is None:
        key = _key_of(session, await _lock(session, order_id))
    if key is None:
        raise NotFound
    return key


async def find_before(session: Session, *, after: str, limit: int) -> list[str]:
    """The next orders behind `after` of which something stands in the clear since before this table, sorted."""
    orders, payments = PLAIN_ORDERS.c, PLAIN_PAYMENTS.c
    asked = sa.exists().where(payments.order_id == orders.id, payments.request.is_not(None))
    plain = orders.email.is_not(None) | orders.name.is_not(None) | asked
    query = sa.select(orders.id).where(orders.id > after, plain).order_by(orders.id).limit(limit)
    return list((await session.execute(query)).scalars())


async def seal_before(session: Session, order_ids: Sequence[str]) -> int:
    """Seal what stands in the clear of these orders, and empty it there; how many there were."""
    orders = PLAIN_ORDERS.c
    chosen = sa.select(orders.id, orders.email, orders.name).where(orders.id.in_(order_ids))
    rows = (await session.execute(chosen.order_by(orders.id).with_for_update())).all()
    for row in rows:
        known = await session.get(OrderCustomer, row.id)
        if known is None and row.email is not None:
            write(session, row.id, Buyer(row.email, row.name), token_number=0)
    await session.flush()
    await session.execute(sa.update(PLAIN_ORDERS).where(orders.id.in_(order_ids)).values(email=None, name=None))
    for row in rows:
        await _seal_requests(session, row.id)
    return len(rows)


async def _seal_requests(session: Session, order_id: str) -> None:
    payments = PLAIN_PAYMENTS.c
    plain = sa.select(payments.id, payments.request).where(
        payments.order_id == order_id, payments.request.is_not(None), payments.request_sealed.is_(None)
    )
    found = (await session.execute(plain)).all()
    key = await open_key(session, order_id) if found else None
    for payment_id, request in found:
        sealed = key.seal_request(payment_id, request) if key else None  # without a key its customer is erased
        values = {"request": sa.null(), "request_sealed": sealed}
        await session.execute(sa.update(PLAIN_PAYMENTS).where(payments.id == payment_id).values(values))


@dataclass(frozen=True)
class Status:
    """How many orders each master key wraps, how many customers are erased, and how much stands in the clear."""

    by_key: dict[str, int]
    erased: int
    plain: int


async def read_status(session: Session) -> Status:
    """Counted anew each time."""
    counted = sa.select(OrderCustomer.key_id, sa.func.count()).group_by(OrderCustomer.key_id)
    found: dict[str | None, int] = {row[0]: row[1] for row in await session.execute(counted)}
    orders = PLAIN_ORDERS.c
    plain = sa.select(sa.func.count()).where(orders.email.is_not(None) | orders.name.is_not(None))
    asked = sa.select(sa.func.count()).where(PLAIN_PAYMENTS.c.request.is_not(None))
    in_clear = (await session.execute(plain)).scalar_one() + (await session.execute(asked)).scalar_one()
    by_key = {each: found.get(each, 0) for each in session.master_keys.ids}
    return Status(by_key | {key: n for key, n in found.items() if key}, found.get(None, 0), in_clear)


async def rotate(session: Session, *, after: str, limit: int) -> list[str]:
    """Put the next orders behind `after` under the first master key, their digests too; their ids, sorted."""
    keys = session.master_keys
    old = OrderCustomer.order_id > after, OrderCustomer.key_id != keys.first
    query = sa.select(OrderCustomer).where(*old).order_by(OrderCustomer.order_id).limit(limit).with_for_update()
    rows = list((await session.execute(query)).scalars())
    for row in rows:
        if row.key_id is None or row.wrapped_key is None or row.email_sealed is None:
            continue  # erased while we waited for it
        wrapped = Wrapped(row.key_id, row.wrapped_key)
        email = keys.open(row.order_id, wrapped).open(EMAIL, row.email_sealed).decode()
        row.key_id, row.wrapped_key = keys.rewrap(row.order_id, wrapped)
        row.email_digest = keys.digests(normalise(email))[0]
    await session.flush()
    return [row.order_id for row in rows]
