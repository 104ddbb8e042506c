"""What an event of a gateway does to a payment, its order, the stock and the tickets: one transaction, all or nothing.

Each handler locks the order first, so the events of one order are applied one after the other, whatever order they come
in. Effects hang on the move of the state machine, not on the event: a second event for the same fact finds the move made
and changes nothing. Money that does not fit its order is never kept: what comes too late for its seats, or a second time,
is handed to the refunds by a message; another amount is parked for a person.
"""

from functools import partial

import sqlalchemy as sa

from service.books import flow as books
from service.catalog import flow as catalog
from service.gateways.facts import EventKind, GatewayEvent
from service.kernel import outbox
from service.kernel.db import Session
from service.kernel.errors import NotYet, Parked
from service.kernel.machine import Outcome
from service.kernel.money import Money, sum_money
from service.mail.rules import LATE_PAYMENT, SURPLUS_PAYMENT
from service.orders import flow as orders
from service.orders.machine import OPEN, OrderEvent, OrderStatus
from service.orders.rules import SYNTHETIC, standing
from service.orders.tables import Order
from service.payments.machine import LIVE, PAYMENT, UNDER_WAY, PaymentEvent, PaymentStatus, three_ds
from service.payments.rules import categorise, cause_of, is_new_approval, is_of, is_of_earlier_capture, money_of
from service.payments.tables import Payment, attempts_of
from service.sales import flow as sales
from service.telemetry import catalogue
from service.telemetry.labels import AttemptOutcome, OddMoney
from service.tickets import flow as tickets
from service.webhooks.flow import Handler, reopen_foreign
from service.webhooks.rules import FOREIGN

CAPTURE = "capture.take"
_ON_ITS_PAGE = (PaymentStatus.CREATED, PaymentStatus.REQUIRES_ACTION)
_REASONS = {OrderEvent.EXPIRE: "expired", OrderEvent.CANCEL: "canceled"}


async def settle(session: Session, event: GatewayEvent) -> str:
    """The money is there: payment succeeded, order paid, seats sold, tickets issued, mail written."""
    if (found := await _find(session, event)) is None:
        return FOREIGN
    order, payment, attempts = found
    _check_money(session, order, payment, event)
    await _learn_refs(session, payment, event, is_money=True)
    payment.paid_at, payment.gift = payment.paid_at or event.occurred_at, payment.gift or event.gift
    outcome = await advance(session, payment, PaymentEvent.SUCCEED)
    if outcome is not Outcome.MOVED:
        return outcome
    sales.count_attempt(session, order, payment.provider, outcome=AttemptOutcome.APPROVED)
    if any(each.status == PaymentStatus.SUCCEEDED for each in attempts if each is not payment):
        await _return_surplus(session, order, payment)
    else:
        tries = 1 + sum(each.declines for each in attempts)
        await _fulfil(session, order, payment, event, tries=tries)
    return Outcome.MOVED


async def approve(session: Session, event: GatewayEvent) -> str:
    """The buyer has agreed and the money moves by our own act: ask for it while the seats are held, and only then."""
    if (found := await _find(session, event)) is None:
        return FOREIGN
    order, payment, _ = found
    await _learn_refs(session, payment, event)
    await session.flush()
    if order.status != OrderStatus.AWAITING_PAYMENT:
        return Outcome.ALREADY if payment.captures else Outcome.STALE
    if not is_new_approval(event, payment):
        return Outcome.STALE
    outcome = await advance(session, payment, PaymentEvent.PROCESS)
    if outcome is Outcome.MOVED:
        await orders.advance(session, order, OrderEvent.PEND, cause=cause_of(event))
        payment.captures += 1
        payment.approved_at, payment.approval = event.occurred_at, event.event_id
        await session.flush()
        what = {"order_id": order.id, "payment_id": payment.id, "number": payment.captures}
        key = f"{payment.id}:{payment.captures}"
        await outbox.enqueue(session, CAPTURE, what, key=key, traceparent=order.traceparent)
    return outcome


async def pend(session: Session, event: GatewayEvent) -> str:
    """The buyer is done and the bank takes its time: the seats stay held until it has decided."""
    if (found := await _find(session, event)) is None:
        return FOREIGN
    order, payment, _ = found
    if payment.captures and payment.status == PaymentStatus.FAILED:
        return Outcome.STALE  # of a capture that was declined since; the next one moves the payment before it can pend
    await _learn_refs(session, payment, event)
    outcome = await advance(session, payment, PaymentEvent.PROCESS)
    if outcome is Outcome.MOVED:
        await orders.advance(session, order, OrderEvent.PEND, cause=cause_of(event))
    return outcome


async def close_page(session: Session, event: GatewayEvent, move: OrderEvent) -> str:
    """The gateway takes no money for it any more: the order ends by this move and its seats are free."""
    if (found := await _find(session, event)) is None:
        return FOREIGN
    return await end(session, *found[:2], move, cause=cause_of(event))


async def challenge(session: Session, event: GatewayEvent) -> str:
    """The bank asks the buyer to authenticate."""
    if (found := await _find(session, event)) is None:
        return FOREIGN
    await _learn_refs(session, found[1], event)
    return await advance(session, found[1], PaymentEvent.CHALLENGE)


async def decline(session: Session, event: GatewayEvent) -> str:
    """One try failed. In the same open checkout the buyer may take another card, as long as the seats are held."""
    if (found := await _find(session, event)) is None:
        return FOREIGN
    order, payment, _ = found
    if is_of_earlier_capture(event, payment):
        return Outcome.STALE
    await _learn_refs(session, payment, event)
    category = categorise(event.decline.code) if event.decline else None
    outcome = await advance(session, payment, PaymentEvent.DECLINE, category)
    if (told := event.decline) and category and outcome is not Outcome.STALE:
        payment.decline_code, payment.decline_advice, payment.decline_category = told.code, told.advice, category
        if outcome is Outcome.MOVED or not payment.captures:  # else of a capture whose answer has told it already
            payment.declines += 1
            sales.count_attempt(session, order, payment.provider, outcome=AttemptOutcome.DECLINED, category=category)
    await session.flush()
    if outcome is Outcome.MOVED and payment.captures and order.status == OrderStatus.PROCESSING:
        await _reopen(session, order, cause=cause_of(event))
    return outcome


ON_EVENT: dict[EventKind, Handler] = {
    EventKind.CHECKOUT_APPROVED: approve,
    EventKind.CHECKOUT_PAID: settle,
    EventKind.PAYMENT_SUCCEEDED: settle,
    EventKind.CHECKOUT_PENDING: pend,
    EventKind.CHECKOUT_FAILED: partial(close_page, move=OrderEvent.CANCEL),  # what was to come later will not come
    EventKind.CHECKOUT_EXPIRED: partial(close_page, move=OrderEvent.EXPIRE),
    EventKind.PAYMENT_CHALLENGED: challenge,
    EventKind.PAYMENT_DECLINED: decline,
}


async def advance(session: Session, payment: Payment, event: PaymentEvent, category: str | None = None) -> Outcome:
    """Apply one event to a payment whose order is locked; the only place that sets its status."""
    step = PAYMENT.step(PaymentStatus(payment.status), event)
    session.count(catalogue.PAYMENTS_MOVED, provider=payment.provider, event=event, outcome=step.outcome)
    if step.moved:
        if outcome := three_ds(payment.status, event, category):
            session.count(catalogue.THREE_DS, provider=payment.provider, outcome=outcome)
        payment.status = step.state
        payment.updated_at = session.now
        await session.flush()
    return step.outcome


async def close(session: Session, order: Order, move: OrderEvent, *, cause: str) -> Outcome:
    """End a locked order unpaid (expired or canceled): its attempts are canceled and its seats are free."""
    outcome = await orders.advance(session, order, move, cause=cause)
    if outcome is Outcome.MOVED:
        for payment in await of_order(session, order.id):
            if payment.status in _ON_ITS_PAGE and not payment.declines:
                sales.count_attempt(session, order, payment.provider, outcome=AttemptOutcome.ABANDONED)
            await advance(session, payment, PaymentEvent.CANCEL)
        await catalog.release(session, order.id, reason=_REASONS[move])
    return outcome


async def end(session: Session, order: Order, payment: Payment, move: OrderEvent, *, cause: str) -> Outcome:
    """An attempt will bring no money: its locked order ends with it, unless the buyer is paying on another page."""
    others = [each.status for each in await of_order(session, order.id) if each is not payment]
    if any(status in LIVE for status in others):
        outcome = await advance(session, payment, PaymentEvent.CANCEL)
        if order.status == OrderStatus.PROCESSING and not any(status in UNDER_WAY for status in others):
            await orders.advance(session, order, OrderEvent.REOPEN, cause=cause)
        return outcome
    if payment.captures and order.status == OrderStatus.PROCESSING:
        move = OrderEvent.CANCEL  # approved, and gone at the gateway before its capture had an answer
    outcome = await close(session, order, move, cause=cause)
    if payment.status == PaymentStatus.UNKNOWN:  # of an order canceled before: now its page is known to be closed
        return await advance(session, payment, PaymentEvent.CANCEL)
    return outcome


async def follow(session: Session, order: Order, *, cause: str) -> Outcome:
    """Put a locked order where the money says that really went back or is disputed; its seats follow (`seats.flow`).

    To be called after `returned_minor` or `disputed` of a payment has changed; a refund may fail after it succeeded.
    """
    await session.flush()
    kept = [each for each in await of_order(session, order.id) if not each.surplus]
    move = standing(
        OrderStatus(order.status),
        gone=sum_money((Money(each.returned_minor, each.amount.currency) for each in kept), order.total.currency),
        total=order.total,
        seated=bool(await tickets.of_order(session, order.id)),
        disputed=any(each.disputed for each in kept),
    )
    return await orders.advance(session, order, move, cause=cause)


async def find_by_ref(session: Session, *, provider: str, payment_ref: str) -> tuple[Order, Payment]:
    """The locked order and the succeeded payment the gateway calls so; `NotYet` while there is none.

    What comes under a ref before the payment's own event is tried again; in the end it is somebody else's.
    """
    known = Payment.payment_ref == payment_ref, Payment.provider == provider
    order_id = (await session.execute(sa.select(Payment.order_id).where(*known))).scalar_one_or_none()
    order = await orders.lock(session, order_id) if order_id else None
    if order is None:
        raise NotYet(f"no payment is known under {payment_ref}", maybe_foreign=True)
    query = sa.select(Payment).where(*known).execution_options(populate_existing=True)
    payment = (await session.execute(query)).scalar_one()
    if payment.status != PaymentStatus.SUCCEEDED:
        raise NotYet(f"{payment_ref} is about {payment.id}, which is {payment.status}")
    return order, payment


async def of_order(session: Session, order_id: str) -> list[Payment]:
    """All attempts to pay an order, oldest first, as they are in the database now."""
    return list((await session.execute(attempts_of(), {"of_order": order_id})).scalars())


async def is_disputed(session: Session, payment_id: str) -> bool:
    """Whether a dispute about it runs."""
    return bool((await session.execute(sa.select(Payment.disputed).where(Payment.id == payment_id))).scalar_one())


async def _find(session: Session, event: GatewayEvent) -> tuple[Order, Payment, list[Payment]] | None:
    """The order, locked, the payment an event speaks of, and all its attempts, whose state is locked with it; None: not ours."""
    order = await orders.lock(session, event.order_id) if event.order_id else None
    if order is None:
        return None
    attempts = await of_order(session, order.id)
    payment = next((each for each in attempts if is_of(event, each)), None)
    if payment is None:
        raise NotYet(f"{order.id} has no payment {event.payment_id}")
    return order, payment, attempts


def _check_money(session: Session, order: Order, payment: Payment, event: GatewayEvent) -> None:
    """Another amount, currency or receipt than the order's is for a person to judge; nothing is fulfilled."""
    is_other = event.payment_ref not in {None, payment.payment_ref}
    if event.amount != payment.amount:
        if is_other or event.payment_ref is None:  # its name is kept, so the same money told again counts no more
            sales.count_odd(session, order, payment.provider, OddMoney.MISMATCHED, anyway=True)
        what = f"{payment.id} asks {payment.amount}, the gateway took {event.amount}"
        raise Parked("amount_mismatch", what, keep=partial(_keep_refs, event=event))
    if is_other and payment.status == PaymentStatus.SUCCEEDED:
        raise Parked(
            "second_money", f"{payment.id} was paid by {payment.payment_ref}, and by {event.payment_ref} again"
        )


async def _keep_refs(session: Session, event: GatewayEvent) -> None:
    """The money a person must judge is known by its name all the same, so that what follows it is not foreign."""
    if (found := await _find(session, event)) is not None:
        await _learn_refs(session, found[1], event, is_money=True)
        await session.flush()


async def _learn_refs(session: Session, payment: Payment, event: GatewayEvent, *, is_money: bool = False) -> None:
    """Keep the gateway's names for it; what came under such a name before anybody knew it is applied now."""
    payment.checkout_ref = payment.checkout_ref or event.checkout_ref
    # Another name is perhaps of a capture that was declined: the money is under the one it came with.
    may_learn = payment.payment_ref is None or (is_money and payment.status != PaymentStatus.SUCCEEDED)
    if may_learn and event.payment_ref not in {None, payment.payment_ref}:
        payment.payment_ref = event.payment_ref
        subjects = (event.payment_ref, payment.order_id)  # PayPal's dashboard copies our ids
        await reopen_foreign(session, provider=payment.provider, subjects=subjects)


async def _fulfil(session: Session, order: Order, payment: Payment, event: GatewayEvent, *, tries: int) -> None:
    late = order.status not in OPEN
    seated = await sales.make(session, order, money_of(payment), cause=cause_of(event), gift=event.gift, tries=tries)
    if not seated or order.synthetic:
        await sales.give_back(session, order, payment.id, reason=SYNTHETIC if order.synthetic else LATE_PAYMENT)
    if late:
        outcome = OddMoney.REACQUIRED if seated else OddMoney.LATE_REFUNDED
        sales.count_odd(session, order, payment.provider, outcome)


async def _return_surplus(session: Session, order: Order, payment: Payment) -> None:
    """The order is paid by another payment: this one changes nothing of it and goes back whole."""
    payment.surplus = True
    await books.owe(session, order, money_of(payment))
    sales.count_odd(session, order, payment.provider, OddMoney.SURPLUS_REFUNDED)
    await sales.give_back(session, order, payment.id, reason=SURPLUS_PAYMENT)


async def _reopen(session: Session, order: Order, *, cause: str) -> None:
    """The approved money was refused when it was taken: another way of paying may be approved while the seats are held."""
    if session.now < order.expires_at:
        await orders.advance(session, order, OrderEvent.REOPEN, cause=cause)
    else:
        await close(session, order, OrderEvent.CANCEL, cause=cause)
