"""Bring a checkout to its end at the gateway: close what nobody paid, capture what was approved, find out what is unknown.

The gateway is always asked outside of any transaction, and what it says is applied as its event would be. Nothing is
charged twice: a repetition is the stored request under the same key as long as the gateway remembers the key; after that
the object is looked up first. Every function may be repeated, and may run beside itself.
"""

from dataclasses import dataclass, replace
from typing import Any

from service.completion.rules import (
    MAY_BE_CAPTURED,
    NO_LONGER_UNDER_WAY,
    SKEW,
    can_still_be_paid,
    event_of,
    has_run_out,
    is_lost,
    is_to_close,
    kind_of,
)
from service.gateways.base import Capability
from service.gateways.facts import CheckoutStatus, Decline, EventKind, GatewayCheckout
from service.kernel.db import Session
from service.kernel.errors import GatewayRejected, GatewayUnavailable, Parked
from service.kernel.machine import Outcome
from service.orders import flow as orders
from service.orders.machine import OPEN, OrderEvent, OrderStatus
from service.orders.tables import Order
from service.payments import flow as payments
from service.payments.machine import PaymentEvent, PaymentStatus
from service.payments.tables import Payment
from service.shop.flow import Shop
from service.telemetry import catalogue
from service.telemetry.labels import RecoveredBy
from service.telemetry.logs import get_logger
from service.vault import flow as vault

log = get_logger("completion")


@dataclass(frozen=True)
class _Found:
    checkout: GatewayCheckout
    by: RecoveredBy


async def expire_order(shop: Shop, order_id: str) -> None:
    """Close an order nobody paid: at the gateway first, here after, so that its seats are never sold twice.

    Of an order that is still alive only lost attempts are closed. Raises `GatewayError` while the gateway cannot say how
    things stand; the seats stay held until it can.
    """
    async with shop.db.transaction() as session:
        order = await session.get(Order, order_id)
        attempts = await payments.of_order(session, order_id) if order else []
        to_close = [each for each in attempts if order and is_to_close(order, each, now=session.now)]
        requests = {each.id: await vault.open_request(session, each) for each in to_close if not each.checkout_ref}
    unpaid = []
    for payment in to_close:
        closed = await _close_page(shop, payment, requests.get(payment.id))
        if closed is None or closed.checkout.status is not CheckoutStatus.COMPLETE:
            unpaid.append(payment.id)
            continue
        try:
            await _believe(shop, payment, closed.checkout, by=closed.by)
        except Parked as odd:  # a person judges that money; what it is comes too late for these seats
            log.warning("money that does not fit", payment_id=payment.id, cause=odd.cause, exc_info=odd)
            unpaid.append(payment.id)
    if len(unpaid) == len(to_close):
        await _end(shop, order_id, unpaid)


async def _end(shop: Shop, order_id: str, closed: list[str]) -> None:
    """These attempts can bring no money any more; an order whose hold is over expires if no other could be paid."""
    async with shop.db.transaction() as session:
        order = await orders.lock(session, order_id)
        if order is None:
            return
        attempts = await payments.of_order(session, order_id)
        to_close = {each.id for each in attempts if is_to_close(order, each, now=session.now)}
        if has_run_out(order, now=session.now) and to_close <= set(closed):  # else it is asked for again
            await payments.close(session, order, OrderEvent.EXPIRE, cause="hold ran out")
            return
        for payment in attempts:
            if payment.id in to_close and payment.id in closed:
                await payments.advance(session, payment, PaymentEvent.CANCEL)


async def _close_page(shop: Shop, payment: Payment, request: dict[str, Any] | None) -> _Found | None:
    """What the page is after closing it; None when there never was one, or it has closed by itself."""
    gateway, ref, by = shop.gateways[payment.provider], payment.checkout_ref, RecoveredBy.OBJECT
    if ref is None:
        found = await _find_page(shop, payment, request)
        if found is None:
            return None
        ref, by = found.checkout.ref, found.by
    checkout = await gateway.expire_checkout(ref)
    if can_still_be_paid(gateway, checkout):
        raise GatewayUnavailable(payment.provider, "still_open")
    return _Found(checkout, by)


async def _find_page(shop: Shop, payment: Payment, request: dict[str, Any] | None) -> _Found | None:
    """The page of a request whose answer is not on record; None when there is none that could still be open.

    The same request under the same key finds it, if there is one; when the key is forgotten, or only its failure is
    remembered, it is looked up by our ids.
    """
    gateway, age = shop.gateways[payment.provider], shop.db.clock() - payment.created_at
    can_look_up = Capability.FIND_CHECKOUT in gateway.capabilities
    if age > gateway.lifetimes.page + SKEW:
        return None  # whatever was opened, nobody ever had its address and it has closed by itself
    unanswered = GatewayUnavailable(payment.provider, "key_forgotten")
    if request is None:  # erased: nobody can ask any more, and the seats wait until a page would have closed by itself
        raise unanswered
    if age <= gateway.lifetimes.checkout_key:
        try:
            return _Found(await gateway.open_checkout(request, key=payment.id), RecoveredBy.REPEAT)
        except GatewayRejected:
            return None
        except GatewayUnavailable as error:
            unanswered = error
    found = await gateway.find_checkout(request, since=payment.created_at - SKEW) if can_look_up else None
    if found is not None:
        return _Found(found, RecoveredBy.LOOKUP)
    if can_look_up and (unanswered.reason == "key_forgotten" or age > NO_LONGER_UNDER_WAY):
        return None  # a failure that the key remembers is repeated for a day; the gateway's own list says that there is none
    raise unanswered


async def find_out(shop: Shop, payment: Payment) -> None:
    """Ask the gateway how this payment stands, and apply what it says; raises `GatewayError` when it does not say.

    An attempt that is lost is closed there; a capture that was under way is brought to its end.
    """
    if payment.checkout_ref is None or is_lost(payment):
        await expire_order(shop, payment.order_id)
        return
    checkout = await shop.gateways[payment.provider].fetch_checkout(payment.checkout_ref)
    outcome = await _believe(shop, payment, checkout, by=RecoveredBy.OBJECT)
    if checkout.status is not CheckoutStatus.COMPLETE and outcome != Outcome.MOVED and payment.captures:
        await capture(shop, payment.order_id, payment.id, number=payment.captures)


async def capture(shop: Shop, order_id: str, payment_id: str, *, number: int) -> None:
    """Take the money the buyer has approved, if the order still wants it; each `number` is one capture and one key.

    Declined, the order awaits its payment again as long as its hold lives, else it is canceled. Raises
    `GatewayUnavailable` without an answer: the payment is unknown until a repetition under the same key has one.
    """
    async with shop.db.transaction() as session:
        payment = await _lock_captured(session, order_id, payment_id, number)
    if payment is None:
        return
    was_lost = payment.status == PaymentStatus.UNKNOWN
    try:
        taken = await _take(shop, payment, number)
    except GatewayUnavailable as error:
        if error.maybe_acted:
            await _lose(shop, payment, number)
        raise
    if taken.checkout.status is CheckoutStatus.COMPLETE and (taken.checkout.paid or not taken.checkout.decline):
        await _believe(shop, payment, taken.checkout, by=taken.by if was_lost else None)
        return
    if taken.checkout.decline is None:
        raise GatewayUnavailable(payment.provider, "not_captured")
    await _decline(shop, payment, taken.checkout, taken.checkout.decline, number=number)


async def _lock_captured(session: Session, order_id: str, payment_id: str, number: int) -> Payment | None:
    """The payment, its order locked, while this capture is the one they wait for."""
    order = await orders.lock(session, order_id)
    if order is None or order.status != OrderStatus.PROCESSING:
        return None
    attempts = await payments.of_order(session, order_id)
    waits = (each for each in attempts if each.id == payment_id and each.captures == number and each.checkout_ref)
    payment = next(waits, None)
    return payment if payment is not None and payment.status in MAY_BE_CAPTURED else None


async def _take(shop: Shop, payment: Payment, number: int) -> _Found:
    """The checkout after the capture; a definite no is told as a decline, once the object itself says the same."""
    gateway, ref = shop.gateways[payment.provider], payment.checkout_ref or ""
    if shop.db.clock() - payment.created_at > gateway.lifetimes.capture_key:
        checkout = await gateway.fetch_checkout(ref)  # the key may be forgotten: a repetition could be a second capture
        if checkout.status is CheckoutStatus.COMPLETE:
            return _Found(checkout, RecoveredBy.OBJECT)
    try:
        return _Found(await gateway.capture(ref, key=f"{payment.id}-capture-{number}"), RecoveredBy.REPEAT)
    except GatewayRejected as error:
        checkout = await gateway.fetch_checkout(ref)
        if checkout.status is CheckoutStatus.COMPLETE:
            return _Found(checkout, RecoveredBy.OBJECT)
        return _Found(replace(checkout, decline=Decline(code=error.code, message=error.message)), RecoveredBy.REPEAT)


async def _lose(shop: Shop, payment: Payment, number: int) -> None:
    async with shop.db.transaction() as session:
        waiting = await _lock_captured(session, payment.order_id, payment.id, number)
        if waiting is not None and waiting.status == PaymentStatus.PROCESSING:
            await payments.advance(session, waiting, PaymentEvent.LOSE)


async def _decline(shop: Shop, payment: Payment, checkout: GatewayCheckout, decline: Decline, *, number: int) -> None:
    """The buyer may approve anew while the seats are held; the event's own handler sees to that."""
    async with shop.db.transaction() as session:
        if await _lock_captured(session, payment.order_id, payment.id, number) is not None:
            kind = EventKind.PAYMENT_DECLINED
            await payments.ON_EVENT[kind](session, event_of(payment, checkout, kind, now=session.now, decline=decline))


async def _believe(shop: Shop, payment: Payment, checkout: GatewayCheckout, *, by: RecoveredBy | None) -> str | None:
    """Take the gateway's word now instead of waiting for its event; None when the buyer is not done."""
    kind = kind_of(checkout)
    if kind is None:
        return None
    try:
        async with shop.db.transaction() as session:
            outcome = await payments.ON_EVENT[kind](session, event_of(payment, checkout, kind, now=session.now))
            if by is not None and outcome == Outcome.MOVED:
                session.count(catalogue.RECOVERED, provider=payment.provider, found_by=by)
    except Parked as odd:
        await _set_aside(shop, payment, odd)
        raise
    return outcome


async def _set_aside(shop: Shop, payment: Payment, odd: Parked) -> None:
    """Its money is for a person to judge, who has time: the seats are held no longer than anybody's."""
    async with shop.db.transaction() as session:
        if odd.keep is not None:
            await odd.keep(session)
        order = await orders.lock(session, payment.order_id)
        if order is None or order.status not in OPEN or session.now < order.expires_at:
            return
        attempt = next(each for each in await payments.of_order(session, order.id) if each.id == payment.id)
        move = OrderEvent.EXPIRE if order.status == OrderStatus.AWAITING_PAYMENT else OrderEvent.CANCEL
        await payments.end(session, order, attempt, move, cause=f"parked: {odd.cause}")
