"""Read one order with everything that belongs to it, for whoever may see it."""

from functools import cache

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from service.access.rules import OrderTokens
from service.disputes import flow as disputes
from service.disputes.tables import Dispute
from service.kernel.db import Session
from service.kernel.errors import NotFound
from service.kernel.ids import is_id
from service.kernel.money import Money, sum_money
from service.orders import flow as orders
from service.orders.machine import OrderStatus
from service.orders.tables import Order, OrderItem
from service.payments import flow as payments
from service.payments.machine import PaymentStatus
from service.payments.rules import explain
from service.payments.tables import Payment
from service.receipts.views import (
    DeclineView,
    DisputeView,
    ItemView,
    OrderView,
    PaymentView,
    RefundItemView,
    RefundView,
    TicketView,
)
from service.refunds import flow as refunds
from service.refunds.rules import is_for_customers, reason_for_customers
from service.refunds.tables import Refund
from service.tickets import flow as tickets
from service.tickets.tables import Ticket
from service.vault import flow as vault


async def find_receipt(session: Session, order_id: str, *, token: str | None, tokens: OrderTokens) -> OrderView:
    """The order for the holder of its access token; `NotFound` is the same for a wrong token and an unknown order."""
    if not token or not is_id(order_id, "ord") or not await vault.opens(session, order_id, [token], before=tokens):
        raise NotFound
    return await read_receipt(session, order_id)


async def read_receipt(session: Session, order_id: str, *, for_staff: bool = False) -> OrderView:
    """The order, by its id or number, for those who may see every order; `NotFound` when there is none.

    Its disputes, and refunds that nobody has agreed to yet, are for staff.
    """
    found = await orders.find_id(session, order_id)
    order = (await session.execute(_reading(), {"of_id": found})).unique().scalar_one_or_none() if found else None
    if order is None:
        raise NotFound
    order_id = order.id
    attempts = await payments.of_order(session, order_id)
    buyer, erased = await vault.open_buyer(session, order_id), await vault.erased(session, order_id)
    last = _telling(attempts)
    waiting = order.status == OrderStatus.AWAITING_PAYMENT
    return OrderView(
        order_id=order.id,
        order_number=order.number,
        status=order.status,
        payment_status=last.status if last else PaymentStatus.CREATED,
        provider=order.provider,
        locale=order.locale,
        customer_name=buyer.name if buyer else None,
        email=buyer.email if buyer else None,
        total=order.total,
        refunded=_refunded(attempts, order.total),
        created_at=order.created_at,
        expires_at=order.expires_at,
        paid_at=order.paid_at,
        items=[_item(each) for each in order.items],
        tickets=[_ticket(each) for each in await tickets.of_order(session, order_id)],
        payments=[_payment(each) for each in attempts],
        refunds=await _refunds(session, order, for_staff=for_staff),
        decline=_decline(last, order.locale) if waiting else None,
        checkout_url=last.checkout_url if last and waiting and session.now < order.expires_at else None,
        customer_erased_at=erased.erased_at if erased else None,
        disputes=[_dispute(each) for each in await disputes.of_order(session, order_id)] if for_staff else None,
    )


@cache
def _reading() -> sa.Select[Order]:
    """Built once: every letter and every page of an order begins with it."""
    return sa.select(Order).where(Order.id == sa.bindparam("of_id")).options(joinedload(Order.items))


def _refunded(attempts: list[Payment], total: Money) -> Money:
    return min(sum_money((_returned(each) for each in attempts if not each.surplus), total.currency), total)


def _ticket(ticket: Ticket) -> TicketView:
    return TicketView(ticket.id, ticket.ticket_type, ticket.name, ticket.code, ticket.status)


async def _refunds(session: Session, order: Order, *, for_staff: bool) -> list[RefundView]:
    found = await refunds.of_order(session, order.id)
    shown = (each for each in found if for_staff or is_for_customers(each))
    return [await _refund(session, order, each, for_staff=for_staff) for each in shown]


async def _refund(session: Session, order: Order, refund: Refund, *, for_staff: bool) -> RefundView:
    items = {item.id: item for item in order.items}
    parts = ((items[each.order_item_id], each.quantity) for each in await refunds.parts_of(session, refund.id))
    return RefundView(
        refund.id,
        refund.status,
        refund.amount,
        refund.reason if for_staff else reason_for_customers(refund),
        refund.created_at,
        provider=refund.provider,
        items=[RefundItemView(item.ticket_type, item.name, quantity) for item, quantity in parts],
    )


def _dispute(dispute: Dispute) -> DisputeView:
    return DisputeView(
        dispute.id,
        dispute.provider,
        dispute.status,
        dispute.amount,
        dispute.reason,
        due_at=dispute.due_at,
        created_at=dispute.created_at,
    )


def _item(item: OrderItem) -> ItemView:
    return ItemView(item.ticket_type, item.name, item.quantity, item.unit_price, item.unit_price * item.quantity)


def _telling(attempts: list[Payment]) -> Payment | None:
    """The attempt that says how the order is paid: the one that succeeded, else the last."""
    succeeded = (each for each in attempts if each.status == PaymentStatus.SUCCEEDED and not each.surplus)
    return next(succeeded, attempts[-1] if attempts else None)


def _returned(payment: Payment) -> Money:
    return Money(payment.returned_minor, payment.amount.currency)


def _payment(payment: Payment) -> PaymentView:
    return PaymentView(
        payment.id,
        payment.provider,
        payment.status,
        payment.amount,
        payment.created_at,
        surplus=payment.surplus,
        returned=_returned(payment),
    )


def _decline(payment: Payment | None, locale: str) -> DeclineView | None:
    if payment is None or payment.status != PaymentStatus.FAILED or payment.decline_category is None:
        return None
    message, retry = explain(payment.decline_category, locale, advice=payment.decline_advice)
    return DeclineView(payment.decline_category, message, retry, payment.decline_advice)
