"""Open a checkout so that nothing is sold twice, charged twice or lost, whatever dies in between.

    tx 1  key, order, hold      not flushed to disk: told to nobody yet
    tx 2  payment = the intent  flushed, and with it tx 1; holds the exact request and its key
          gateway call          outside any transaction
    tx 3  the answer            gateway's ref and page, key done

Dying after tx 1 or 2 leaves a key whose lease runs out: the next request with it sends the stored request again under
the same gateway key and gets the same page. An order nobody comes back to is closed by `expire_order`, which asks the
gateway first. A gateway that says no, or nothing, cancels the order and frees its seats at once.
"""

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from service.access.rules import OrderTokens
from service.catalog import flow as catalog
from service.catalog.rules import quote
from service.checkout.rules import CheckoutRequest, fingerprint
from service.checkout.views import Checkout, present
from service.gateways.base import Capability, Gateway
from service.gateways.facts import (
    CheckoutIntent,
    LineItem,
)
from service.idempotency import flow as idempotency
from service.idempotency.flow import Claim, Found, Key
from service.kernel import outbox
from service.kernel.db import Database, Session
from service.kernel.errors import (
    FieldError,
    GatewayError,
    GatewayRejected,
    GatewayUnavailable,
    Invalid,
    KeyInFlight,
    KeyReused,
    SoldOut,
)
from service.orders import flow as orders
from service.orders.machine import OrderEvent, OrderStatus
from service.orders.tables import Order
from service.payments import flow as payments
from service.payments.machine import PAYMENT, PaymentEvent
from service.payments.tables import Payment
from service.telemetry import catalogue
from service.telemetry.tracing import current_traceparent

SCOPE = "checkout"
EXPIRE = "checkout.expire"
RESOLVE_AFTER = timedelta(seconds=60)  # a request without an answer has reached the gateway by then, or never will


@dataclass(frozen=True)
class Shop:
    """What selling needs; built once in the root."""

    db: Database
    gateways: dict[str, Gateway]
    tokens: OrderTokens
    hold: timedelta
    public_url: str
    default_provider: str


async def open_checkout(shop: Shop, request: CheckoutRequest, *, key: str, by_staff: bool = False) -> Checkout:
    """Hold the seats and open the gateway's page; the same key and request give the same answer.

    `by_staff` also takes providers that customers are not offered.
    Raises `Invalid`, `SoldOut`, `KeyInFlight`, `KeyReused`, `GatewayUnavailable` or `GatewayRejected`; after each of
    them no seat is held and the key may be used again.
    """
    provider = request.provider or shop.default_provider
    outcome = "error"  # of ours: the database is away, or too much is going on
    try:
        checkout, outcome = await _open(
            shop, request, provider, Key(SCOPE, key, fingerprint(request)), by_staff=by_staff
        )
    except (Invalid, SoldOut, KeyInFlight, KeyReused, GatewayError) as error:
        outcome = _OUTCOMES[type(error)]
        raise
    finally:
        known = provider if provider in shop.gateways else shop.default_provider
        shop.db.telemetry.count(catalogue.CHECKOUTS, provider=known, outcome=outcome)
    return checkout


_OUTCOMES: dict[type[Exception], str] = {
    Invalid: "invalid",
    SoldOut: "sold_out",
    KeyInFlight: "in_flight",
    KeyReused: "key_reused",
    GatewayUnavailable: "gateway_error",
    GatewayRejected: "gateway_error",
}


async def _open(
    shop: Shop, request: CheckoutRequest, provider: str, key: Key, *, by_staff: bool
) -> tuple[Checkout, str]:
    usable = [name for name, each in shop.gateways.items() if by_staff or Capability.OFFERED in each.capabilities]
    if provider not in usable:
        raise Invalid([FieldError("provider", "unknown_provider", f"One of {', '.join(usable)}.")])
    async with shop.db.transaction(durable=False) as session:
        claim = await idempotency.claim(session, key, subject=session.ids.new("ord"))
        if claim.found is Found.ABANDONED and not _is_payable(session, await orders.lock(session, claim.subject)):
            claim = await idempotency.start_over(session, key, subject=session.ids.new("ord"))
        if claim.found is Found.NEW:
            await _reserve(session, shop, request, provider, claim.subject)
    if claim.found is Found.DONE:
        return await _answer(shop, claim.subject), "replayed"
    order, payment = await _intend(shop, claim, request)
    url = await _ask(shop, payment, key, claim)
    return _checkout(shop, order, url), "opened" if claim.found is Found.NEW else "resumed"


def _is_payable(session: Session, order: Order | None) -> bool:
    """Whether a page may still be opened for it: never for seats that are, or are about to be, somebody else's."""
    return order is not None and order.status == OrderStatus.AWAITING_PAYMENT and session.now < order.expires_at


async def _reserve(session: Session, shop: Shop, request: CheckoutRequest, provider: str, order_id: str) -> None:
    """Price the order from the catalogue, write it, and hold its seats; the counter is the last statement."""
    wanted = [ticket_type for ticket_type, _ in request.items]
    lines = quote(await catalog.read_catalog(session, only=wanted), request.items, request.locale)
    orders.write_order(
        session,
        order_id,
        orders.Buyer(request.email, request.name, request.locale),
        lines,
        provider=provider,
        expires_at=session.now + (shop.gateways[provider].lifetimes.hold or shop.hold),
        traceparent=current_traceparent(),
    )
    await session.flush()
    await catalog.hold(session, order_id, [(line.ticket_type, line.quantity) for line in lines])


async def _intend(shop: Shop, claim: Claim, request: CheckoutRequest) -> tuple[Order, Payment]:
    """Write down what will be asked of the gateway, before it is asked; after a crash, find what was written."""
    async with shop.db.transaction() as session:
        order = await orders.lock(session, claim.subject)
        late = session.now > claim.leased_until - idempotency.LEASE // 2  # another may take over before it is answered
        if late or order is None or not _is_payable(session, order):  # closed this very moment
            raise KeyInFlight(retry_after_s=1)
        known = await payments.of_order(session, order.id) if claim.found is Found.ABANDONED else []
        if known:
            return order, known[-1]
        payment = _write_intent(session, shop, order, request)
        await session.flush()
        return order, payment


def _write_intent(session: Session, shop: Shop, order: Order, request: CheckoutRequest) -> Payment:
    payment_id = session.ids.new("pay")
    page = f"{shop.public_url}/{order.locale}/order/{order.id}?token={shop.tokens.issue(order.id)}"
    intent = CheckoutIntent(
        order_id=order.id,
        order_number=order.number,
        payment_id=payment_id,
        email=order.email,
        locale=order.locale,
        lines=tuple(LineItem(item.name, item.unit_price, item.quantity) for item in order.items),
        total=order.total,
        success_url=request.success_url or page,
        cancel_url=request.cancel_url or f"{page}&canceled=1",
        traceparent=order.traceparent,
        now=session.now,
    )
    payment = Payment(
        id=payment_id,
        order_id=order.id,
        provider=order.provider,
        status=PAYMENT.initial,
        amount=order.total,
        request=shop.gateways[order.provider].checkout_request(intent),
        created_at=session.now,
        updated_at=session.now,
    )
    session.add(payment)
    return payment


async def _ask(shop: Shop, payment: Payment, key: Key, claim: Claim) -> str | None:
    """Send the stored request and write down the page's address; undo the order when there is no answer."""
    try:
        opened = await shop.gateways[payment.provider].open_checkout(payment.request, key=payment.id)
    except GatewayError as error:
        await _undo(shop, payment, key, claim, lost=isinstance(error, GatewayUnavailable) and error.maybe_acted)
        raise
    async with shop.db.transaction() as session:
        if not await idempotency.finish(session, key, claim):  # the key before the payment, as in `_undo`
            raise KeyInFlight(retry_after_s=1)  # too slow: another request with the same key goes on with it
        values = {"checkout_ref": opened.ref, "checkout_url": opened.url}
        await session.execute(sa.update(Payment).where(Payment.id == payment.id).values(values))
    return opened.url


async def _undo(shop: Shop, payment: Payment, key: Key, claim: Claim, *, lost: bool) -> None:
    """Nobody has the page's address, so nobody can pay on it: cancel, free the seats and the key.

    When the gateway did not answer a page may exist; it is closed there a little later by `expire_order`.
    """
    async with shop.db.transaction() as session:
        if not await idempotency.give_up(session, key, claim):
            return  # another request with the same key goes on with it
        order = await orders.lock(session, payment.order_id)
        attempts = await payments.of_order(session, payment.order_id)
        if order is None or any(each.status == "succeeded" for each in attempts):
            return
        for each in attempts:
            await payments.advance(session, each, PaymentEvent.LOSE if lost else PaymentEvent.CANCEL)
        await orders.advance(
            session, order, OrderEvent.CANCEL, cause="no answer from the gateway" if lost else "refused by the gateway"
        )
        await catalog.release(session, order.id, reason="gateway_error")
        if lost:
            due_at = session.now + RESOLVE_AFTER
            await outbox.enqueue(session, EXPIRE, {"order_id": order.id}, key=f"{order.id}:lost", due_at=due_at)


async def _answer(shop: Shop, order_id: str) -> Checkout:
    """The answer of a key that is done, built from the rows it left."""
    async with shop.db.transaction() as session:
        order = (await session.execute(sa.select(Order).where(Order.id == order_id))).scalar_one()
        payment = (await payments.of_order(session, order_id))[-1]
    return _checkout(shop, order, payment.checkout_url)


def _checkout(shop: Shop, order: Order, url: str | None) -> Checkout:
    if url is None:
        raise GatewayUnavailable(order.provider, "no_page")
    return present(order, url=url, token=shop.tokens.issue(order.id))
