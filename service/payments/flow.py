"""What an event of a gateway does to a payment, its order, the stock and the tickets: one transaction, all or nothing.

Each handler locks the order first, so the events of one order are applied one after the other, whatever order they come
in. Effects hang on the move of the state machine, not on the event: a second event for the same fact finds the move made
and changes nothing.
"""

import sqlalchemy as sa

from service.catalog import flow as catalog
from service.gateways.facts import EventKind, GatewayEvent
from service.kernel import outbox
from service.kernel.db import Session
from service.kernel.errors import NotYet, Parked
from service.kernel.machine import Outcome
from service.mail.rules import CONFIRMATION, LATE_PAYMENT
from service.orders import flow as orders
from service.orders.machine import OrderEvent
from service.orders.tables import Order
from service.payments.machine import PAYMENT, PaymentEvent, PaymentStatus
from service.payments.rules import categorise
from service.payments.tables import Payment
from service.telemetry import catalogue
from service.tickets import flow as tickets
from service.webhooks.flow import reopen_foreign
from service.webhooks.rules import FOREIGN

_REASONS = {OrderEvent.EXPIRE: "expired", OrderEvent.CANCEL: "canceled"}


async def settle(session: Session, event: GatewayEvent) -> str:
    """The money is there: payment succeeded, order paid, seats sold, tickets issued, mail written."""
    found = await _find(session, event)
    if found is None:
        return FOREIGN
    order, payment = found
    _check_amount(payment, event)
    await _learn_refs(session, payment, event)
    outcome = await advance(session, payment, PaymentEvent.SUCCEED)
    if outcome is not Outcome.MOVED:
        return outcome
    session.count(catalogue.PAYMENT_ATTEMPTS, provider=payment.provider, outcome="approved", category="none")
    await _fulfil(session, order, event)
    return Outcome.MOVED


async def pend(session: Session, event: GatewayEvent) -> str:
    """The buyer is done and the bank takes its time: the seats stay held until it has decided."""
    found = await _find(session, event)
    if found is None:
        return FOREIGN
    order, payment = found
    await _learn_refs(session, payment, event)
    outcome = await advance(session, payment, PaymentEvent.PROCESS)
    if outcome is Outcome.MOVED:
        await orders.advance(session, order, OrderEvent.PEND, cause=_cause(event))
    return outcome


async def fail(session: Session, event: GatewayEvent) -> str:
    """The money that was to come later will not come: the order is canceled and its seats are free."""
    return await _close(session, event, OrderEvent.CANCEL)


async def expire(session: Session, event: GatewayEvent) -> str:
    """The gateway has closed its page unpaid: the order expires and its seats are free."""
    return await _close(session, event, OrderEvent.EXPIRE)


async def challenge(session: Session, event: GatewayEvent) -> str:
    """The bank asks the buyer to authenticate."""
    found = await _find(session, event)
    if found is None:
        return FOREIGN
    await _learn_refs(session, found[1], event)
    return await advance(session, found[1], PaymentEvent.CHALLENGE)


async def decline(session: Session, event: GatewayEvent) -> str:
    """One try failed. The order stays as it is: in the same open checkout the buyer may take another card."""
    found = await _find(session, event)
    if found is None:
        return FOREIGN
    payment = found[1]
    await _learn_refs(session, payment, event)
    outcome = await advance(session, payment, PaymentEvent.DECLINE)
    if event.decline and outcome is not Outcome.STALE:
        payment.decline_code = event.decline.code
        payment.decline_category = category = categorise(event.decline.code)
        session.count(catalogue.PAYMENT_ATTEMPTS, provider=payment.provider, outcome="declined", category=category)
    await session.flush()
    return outcome


ON_EVENT = {
    EventKind.CHECKOUT_PAID: settle,
    EventKind.PAYMENT_SUCCEEDED: settle,
    EventKind.CHECKOUT_PENDING: pend,
    EventKind.CHECKOUT_FAILED: fail,
    EventKind.CHECKOUT_EXPIRED: expire,
    EventKind.PAYMENT_CHALLENGED: challenge,
    EventKind.PAYMENT_DECLINED: decline,
}


async def advance(session: Session, payment: Payment, event: PaymentEvent) -> Outcome:
    """Apply one event to a payment whose order is locked; the only place that sets its status."""
    step = PAYMENT.step(PaymentStatus(payment.status), event)
    session.count(catalogue.PAYMENTS_MOVED, provider=payment.provider, event=event, outcome=step.outcome)
    if step.moved:
        payment.status = step.state
        payment.updated_at = session.now
        await session.flush()
    return step.outcome


async def close(session: Session, order: Order, move: OrderEvent, *, cause: str) -> Outcome:
    """End a locked order unpaid (expired or canceled): its attempts are canceled and its seats are free."""
    outcome = await orders.advance(session, order, move, cause=cause)
    if outcome is Outcome.MOVED:
        for payment in await of_order(session, order.id):
            await advance(session, payment, PaymentEvent.CANCEL)
        await catalog.release(session, order.id, reason=_REASONS[move])
    return outcome


async def of_order(session: Session, order_id: str) -> list[Payment]:
    """All attempts to pay an order, oldest first, as they are in the database now."""
    query = sa.select(Payment).where(Payment.order_id == order_id).order_by(Payment.id)
    return list((await session.execute(query.execution_options(populate_existing=True))).scalars())


async def _find(session: Session, event: GatewayEvent) -> tuple[Order, Payment] | None:
    """The order, locked, and the payment an event speaks of; None when it is not ours."""
    if event.order_id is None:
        return None
    order = await orders.lock(session, event.order_id)
    if order is None:
        return None
    attempts = await of_order(session, order.id)
    payment = next((each for each in attempts if _is_of(event, each)), None)
    if payment is None:
        raise NotYet(f"{order.id} has no payment {event.payment_id}")
    return order, payment


def _is_of(event: GatewayEvent, payment: Payment) -> bool:
    if event.payment_id is not None:
        return payment.id == event.payment_id
    known = (payment.checkout_ref, payment.payment_ref)
    return any(ref is not None and ref in known for ref in (event.checkout_ref, event.payment_ref))


def _check_amount(payment: Payment, event: GatewayEvent) -> None:
    """Another amount or currency than the order's is for a person to judge; nothing is fulfilled."""
    if event.amount != payment.amount:
        raise Parked("amount_mismatch", f"{payment.id} asks {payment.amount}, the gateway took {event.amount}")


async def _learn_refs(session: Session, payment: Payment, event: GatewayEvent) -> None:
    """Keep the gateway's names for it; what came under such a name before anybody knew it is applied now."""
    payment.checkout_ref = payment.checkout_ref or event.checkout_ref
    if payment.payment_ref is None and event.payment_ref is not None:
        payment.payment_ref = event.payment_ref
        await reopen_foreign(session, provider=payment.provider, subject=event.payment_ref)


async def _fulfil(session: Session, order: Order, event: GatewayEvent) -> None:
    seated = await catalog.sell(session, order.id)
    move = OrderEvent.PAY if seated else OrderEvent.PAY_UNSEATED
    if await orders.advance(session, order, move, cause=_cause(event)) is not Outcome.MOVED:
        raise Parked("order_not_payable", f"money came for {order.id}, which is {order.status}")
    if not seated:
        await _write_mail(session, order, LATE_PAYMENT)
        return
    await tickets.issue(session, order)
    await _write_mail(session, order, CONFIRMATION)
    _measure_sale(session, order, event)


async def _write_mail(session: Session, order: Order, template: str) -> None:
    await outbox.enqueue(
        session,
        f"mail.{template}",
        {"order_id": order.id},
        key=order.id,
        traceparent=order.traceparent,
    )


def _measure_sale(session: Session, order: Order, event: GatewayEvent) -> None:
    session.count(catalogue.FUNNEL, step="paid")
    session.count(catalogue.FUNNEL, step="ticket")
    session.observe(catalogue.CHECKOUT_TO_TICKET, (session.now - order.created_at).total_seconds())
    session.observe(catalogue.PAID_TO_TICKET, max((session.now - event.occurred_at).total_seconds(), 0))
    for item in order.items:
        amount = item.unit_price * item.quantity
        session.count(catalogue.REVENUE, amount.minor, currency=amount.currency, ticket_type=item.ticket_type)


async def _close(session: Session, event: GatewayEvent, move: OrderEvent) -> str:
    found = await _find(session, event)
    if found is None:
        return FOREIGN
    order, payment = found
    outcome = await close(session, order, move, cause=_cause(event))
    if payment.status == PaymentStatus.UNKNOWN:  # of an order canceled before: now its page is known to be closed
        return await advance(session, payment, PaymentEvent.CANCEL)
    return outcome


def _cause(event: GatewayEvent) -> str:
    return f"{event.provider} {event.type} {event.event_id}"
