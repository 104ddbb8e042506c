"""Say that money came in or was handed out: an event of the provider `manual`, written to the inbox like any gateway's.

One fact is one event, however often it is said: its id is made of the row it is about and of what makes the fact (amount
and reference). What it does is done by the worker; another amount than the order's waits there for a person.
"""

from dataclasses import dataclass
from enum import StrEnum

import msgspec
import sqlalchemy as sa

from service.access.rules import Principal
from service.arrivals.flow import write
from service.audit.flow import note
from service.checkout.flow import open_checkout
from service.checkout.rules import CheckoutRequest
from service.checkout.views import Checkout
from service.gateways.manual import PROVIDER, RECEIVED, RETURNED, ManualGateway, Method, Refunded, Said, ref_of
from service.kernel.db import Session
from service.kernel.errors import NotFound, WrongState
from service.kernel.money import Money
from service.orders import flow as orders
from service.payments import flow as payments
from service.payments.machine import PaymentStatus
from service.payments.tables import Payment
from service.refunds.machine import RefundStatus
from service.refunds.tables import Refund
from service.shop.flow import Shop
from service.webhooks.tables import Arrival, PaymentEvent

NOT_TO_HAND_OUT = (RefundStatus.AWAITING_APPROVAL, RefundStatus.CANCELED, RefundStatus.FAILED)


@dataclass(frozen=True)
class Receipt:
    """How the money came or went, the paper that proves it, who says so, and whom the audit trail names for it."""

    method: Method
    reference: str
    by: str
    actor: Principal


class Told(StrEnum):
    """What became of what was said."""

    NEW = "new"
    KNOWN = "known"  # it was said before; nothing is done twice
    REFUSED = "refused"  # the order is paid already, this is other money


async def sell(shop: Shop, request: CheckoutRequest, *, key: str, receipt: Receipt, livemode: bool) -> Checkout:
    """Open an order at the desk and, unless a transfer is awaited, say that it is paid. Raises as `open_checkout` does."""
    checkout = await open_checkout(shop, request, key=key, by_staff=True)
    if receipt.method is not Method.BANK:
        payment = await find_payment(shop, checkout.order_id)
        await receive(shop, payment, checkout.total, receipt, livemode=livemode, action="desk.sell")
        return checkout
    async with shop.db.transaction() as session:  # nothing is taken yet: only who has promised the seats
        note(session, receipt.actor, "desk.sell", checkout.order_id, after={"method": receipt.method, "by": receipt.by})
    return checkout


async def find_payment(shop: Shop, order: str) -> Payment:
    """The desk's own attempt to pay an order, by the order's id or number; `NotFound` when there is none."""
    async with shop.db.transaction() as session:
        order_id = await orders.find_id(session, order)
        attempts = await payments.of_order(session, order_id) if order_id else []
    found = [each for each in attempts if each.provider == PROVIDER]
    if not found:
        raise NotFound
    return found[-1]


async def receive(
    shop: Shop, payment: Payment, amount: Money, receipt: Receipt, *, livemode: bool, action: str = "desk.receive"
) -> Told:
    """The money for a payment came in."""
    said = Said(
        id=f"{payment.id}-received-{amount.minor}-{amount.currency}-{receipt.reference}",
        type=f"{RECEIVED}.{receipt.method}",
        created=shop.db.clock(),
        livemode=livemode,
        order_id=payment.order_id,
        payment_id=payment.id,
        payment_ref=ref_of(f"{payment.id}.{receipt.reference}", payment.amount),  # other paper is other money
        amount=amount,
        reference=receipt.reference,
        by=receipt.by,
    )
    if payment.status == PaymentStatus.SUCCEEDED:
        async with shop.db.transaction() as session:
            return Told.KNOWN if await _is_known(session, said) else Told.REFUSED
    return await _say(shop, said, receipt.actor, action)


async def hand_back(shop: Shop, refund_id: str, receipt: Receipt, *, failed: str | None, livemode: bool) -> Told:
    """A refund was handed out, or could not be and why; `NotFound` when it is none of the desk's.

    `WrongState` for one that nobody may hand out: it waits for a second person, or was turned down, or has failed.
    """
    async with shop.db.transaction() as session:
        refund = await session.get(Refund, refund_id)
        payment = await session.get(Payment, refund.payment_id) if refund else None
    if refund is None or payment is None or refund.provider != PROVIDER:
        raise NotFound
    said = Said(
        id=f"{refund.id}-{'failed' if failed else 'handed-out'}",
        type=f"{RETURNED}.{receipt.method}",
        created=shop.db.clock(),
        livemode=livemode,
        order_id=refund.order_id,
        payment_id=refund.payment_id,
        payment_ref=payment.payment_ref or ref_of(payment.id, payment.amount),
        amount=refund.amount,
        reference=receipt.reference,
        by=receipt.by,
        refund=Refunded(id=refund.id, failure_reason=failed),
    )
    if refund.status in NOT_TO_HAND_OUT:
        async with shop.db.transaction() as session:
            if await _is_known(session, said):
                return Told.KNOWN
        raise WrongState(f"{refund.id} is {refund.status.replace('_', ' ')}: no money of it goes out.")
    return await _say(shop, said, receipt.actor, "desk.refunded")


async def _is_known(session: Session, said: Said) -> bool:
    same = PaymentEvent.provider == PROVIDER, PaymentEvent.event_id == said.id
    return (await session.execute(sa.select(PaymentEvent.seq).where(*same))).scalar_one_or_none() is not None


async def _say(shop: Shop, said: Said, actor: Principal, action: str) -> Told:
    """Write the event and who said it, both or neither; what was said before is not said again."""
    body = msgspec.json.encode(said)
    envelope = ManualGateway().read_envelope(body)
    async with shop.db.transaction() as session:
        (new,) = await write(session, [Arrival(PROVIDER, envelope, body, said.created)])
        if not new:
            return Told.KNOWN
        told = {"orderId": said.order_id, "event": said.id, "type": said.type, "by": said.by}
        amount = {"minor": said.amount.minor, "currency": said.amount.currency}
        note(
            session, actor, action, said.refund.id if said.refund else said.payment_id, after=told | {"amount": amount}
        )
    return Told.NEW
