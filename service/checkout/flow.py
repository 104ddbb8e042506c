"""Open a checkout so that nothing is sold twice, charged twice or lost, whatever dies in between.

    tx 1  key, order, hold      not flushed to disk: told to nobody yet
    tx 2  payment = the intent  flushed, and with it tx 1; holds the exact request and its key
          gateway call          outside any transaction
    tx 3  the answer            gateway's ref and page, key done

Dying after tx 1 or 2 leaves a key whose lease runs out: the next request with it sends the stored request again under
the same gateway key and gets the same page. An order nobody comes back to is closed by `expire_order`, which asks the
gateway first. A gateway that does not answer is left for the next one, unless the customer has chosen it: tx 2 again, with
the first attempt ended in it. When nobody is left, or one says no, the order is canceled and its seats are free at once.
"""

import time
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from service.catalog import flow as catalog
from service.catalog.rules import quote
from service.checkout.rules import CheckoutRequest, fingerprint, outcome_of
from service.checkout.views import Checkout, present
from service.gateways.facts import CheckoutIntent, GatewayCheckout, LineItem
from service.idempotency import flow as idempotency
from service.idempotency.flow import Claim, Found, Key
from service.kernel import outbox
from service.kernel.clock import Seconds
from service.kernel.db import Session
from service.kernel.errors import (
    FieldError,
    GatewayError,
    GatewayRejected,
    GatewayUnavailable,
    Invalid,
    KeyInFlight,
    KeyReused,
    SalesPaused,
    SoldOut,
)
from service.orders import flow as orders
from service.orders.machine import OrderEvent, OrderStatus
from service.orders.tables import Order
from service.payments import flow as payments
from service.payments.machine import PAYMENT, PaymentEvent
from service.payments.tables import Payment, noting_page
from service.sales import flow as sales
from service.shedding.flow import let_in
from service.shop.flow import Shop
from service.telemetry import catalogue
from service.telemetry.labels import AttemptOutcome, FailoverReason
from service.telemetry.tracing import current_traceparent
from service.vault import flow as vault
from service.vault.flow import Buyer, OrderKey

SCOPE = "checkout"
EXPIRE = "checkout.expire"
DEADLINE_S = 9  # of the customer's ten, for all providers together
FIRST_S = 3  # for a provider while there is another to ask: well above a usual answer, and leaves time for the other
RESOLVE_AFTER = timedelta(seconds=60)  # a request without an answer has reached the gateway by then, or never will


@dataclass(frozen=True)
class _Asking:
    """One request on its way: whose it is, under which key, and until when its customer waits."""

    shop: Shop
    request: CheckoutRequest
    key: Key
    claim: Claim
    due: Seconds  # by the monotonic clock
    sealing: OrderKey | None = None  # of the order, once it was read

    @property
    def resumed(self) -> bool:
        """Somebody asked before us and died; what came of that nobody knows."""
        return self.claim.found is Found.ABANDONED

    def after(self, tried: list[str]) -> str | None:
        """Whom to ask when the last of these does not answer: nobody, when the customer has chosen."""
        return None if self.request.provider else self.shop.choice().after(tried)


@dataclass(frozen=True)
class _Attempt:
    """A payment, and what is asked of its gateway as it was sealed."""

    payment: Payment
    request: dict[str, Any]


async def open_checkout(shop: Shop, request: CheckoutRequest, *, key: str, by_staff: bool = False) -> Checkout:
    """Hold the seats and open a gateway's page; the same key and request give the same answer.

    `by_staff` also takes providers that customers are not offered.
    Raises `Invalid`, `SoldOut`, `KeyInFlight`, `KeyReused`, `SalesPaused` (`LoadShed` too), `ProviderUnavailable`, `GatewayUnavailable` or
    `GatewayRejected`; after each of them no seat is held and the key may be used again.
    """
    known = tuple(shop.gateways) if by_staff else shop.offered
    provider = request.provider if request.provider in known else shop.default_provider
    outcome = "error"  # of ours: the database is away, or too much is going on
    try:
        checkout, outcome = await _open(shop, request, key, known)
        provider = checkout.provider
    except (Invalid, SoldOut, KeyInFlight, KeyReused, SalesPaused, GatewayError) as error:
        outcome = outcome_of(error)
        raise
    finally:
        if not request.synthetic:
            shop.db.telemetry.count(catalogue.CHECKOUTS, provider=provider, outcome=outcome)
    return checkout


async def _open(shop: Shop, request: CheckoutRequest, text: str, known: tuple[str, ...]) -> tuple[Checkout, str]:
    due = time.monotonic() + DEADLINE_S
    if request.provider and request.provider not in known:
        raise Invalid([FieldError("provider", "unknown_provider", f"One of {', '.join(known)}.")])
    async with shop.db.transaction(durable=False) as session:
        key = _key(session, request, text)
        claim = await idempotency.claim(session, key, subject=session.ids.new("ord"))
        if claim.found is Found.ABANDONED and not _is_payable(session, await orders.lock(session, claim.subject)):
            claim = await idempotency.start_over(session, key, subject=session.ids.new("ord"))
        sealing = await _reserve(session, shop, request, claim.subject) if claim.found is Found.NEW else None
    if claim.found is Found.DONE:
        return await _answer(shop, claim.subject), "replayed"
    asking = _Asking(shop, request, key, claim, due, sealing)
    order, attempts, sealing = await _intend(asking)
    asked = await _ask(replace(asking, sealing=sealing), attempts)
    return _checkout(shop, order, asked, sealing), "resumed" if asking.resumed else "opened"


def _is_payable(session: Session, order: Order | None) -> bool:
    """Whether a page may still be opened for it: never for seats that are, or are about to be, somebody else's."""
    return order is not None and order.status == OrderStatus.AWAITING_PAYMENT and session.now < order.expires_at


def _key(session: Session, request: CheckoutRequest, text: str) -> Key:
    """The fingerprint holds who buys, so it is kept as a blind index; by every master key, as one takes over."""
    plain = fingerprint(request)
    first, *others = session.master_keys.digests(plain)
    return Key(SCOPE, text, first, also=(*others, plain))  # plain: of a request from before


async def _reserve(session: Session, shop: Shop, request: CheckoutRequest, order_id: str) -> OrderKey:
    """Price the order from the catalogue, write it, and hold its seats; the counter is the last statement."""
    await let_in(session, shop, email=request.email, provider=request.provider)
    provider = shop.choose(session, request.provider, counted=not request.synthetic)
    on_sale = await catalog.read_catalog(session, only=[each for each, _ in request.items], synthetic=request.synthetic)
    lines = quote(on_sale, request.items, request.locale)
    sealing = orders.write_order(
        session,
        order_id,
        Buyer(request.email, request.name),
        lines,
        locale=request.locale,
        provider=provider,
        expires_at=session.now + (shop.gateways[provider].lifetimes.hold or shop.hold),
        traceparent=current_traceparent(),
    )
    await session.flush()
    await catalog.hold(session, order_id, [(line.ticket_type, line.quantity) for line in lines])
    return sealing


async def _intend(asking: _Asking) -> tuple[Order, list[_Attempt], OrderKey]:
    """Write down what will be asked of the gateway, before it is asked; after a crash, find what was written."""
    claim = asking.claim
    async with asking.shop.db.transaction() as session:
        order = await orders.lock(session, claim.subject)
        late = session.now > claim.leased_until - idempotency.LEASE // 2  # another may take over before it is answered
        if late or order is None or not _is_payable(session, order):  # closed this very moment
            raise KeyInFlight(retry_after_s=1)
        sealing = asking.sealing or await vault.ensure_key(session, order.id)
        known = await payments.of_order(session, order.id) if asking.resumed else []
        if known:
            return order, [_Attempt(each, await vault.open_request(session, each) or {}) for each in known], sealing
        attempt = _write_intent(session, asking, order, sealing)
        await session.flush()
        return order, [attempt], sealing


def _write_intent(session: Session, asking: _Asking, order: Order, sealing: OrderKey) -> _Attempt:
    shop, request = asking.shop, asking.request
    payment_id = session.ids.new("pay")
    page = shop.order_link(order.id, order.locale, sealing.token(shop.tokens))
    intent = CheckoutIntent(
        order_id=order.id,
        order_number=order.number,
        payment_id=payment_id,
        email=request.email,
        locale=order.locale,
        lines=tuple(LineItem(item.name, item.unit_price, item.quantity) for item in order.items),
        total=order.total,
        success_url=request.success_url or page,
        cancel_url=request.cancel_url or f"{page}&canceled=1",
        traceparent=order.traceparent,
        now=session.now,
    )
    asked = shop.gateways[order.provider].checkout_request(intent)
    payment = Payment(
        id=payment_id,
        order_id=order.id,
        provider=order.provider,
        status=PAYMENT.initial,
        amount=order.total,
        created_at=session.now,
        updated_at=session.now,
        request_sealed=sealing.seal_request(payment_id, asked),
    )
    session.add(payment)
    return _Attempt(payment, asked)


async def _ask(asking: _Asking, attempts: list[_Attempt]) -> Payment:
    """Send the stored request of the last attempt; without an answer the next provider's; then write the page down."""
    attempt, tried = attempts[-1], [each.payment.provider for each in attempts]
    while True:
        payment = attempt.payment
        following, left_s = asking.after(tried), asking.due - time.monotonic()
        within_s = min(FIRST_S, left_s) if following else left_s
        gateway = asking.shop.gateways[payment.provider]
        try:
            opened = await gateway.open_checkout(attempt.request, key=payment.id, within_s=within_s)
        except GatewayError as error:
            lost = isinstance(error, GatewayUnavailable) and (error.maybe_acted or asking.resumed)
            if following is None or isinstance(error, GatewayRejected):
                await _undo(asking, payment, lost=lost)
                raise
            attempt = await _turn_to(asking, following, payment, lost=lost)
            tried.append(following)
        else:
            await _note_page(asking, payment, opened)
            return payment


async def _note_page(asking: _Asking, payment: Payment, opened: GatewayCheckout) -> None:
    async with asking.shop.db.transaction() as session:
        if not await idempotency.finish(session, asking.key, asking.claim):  # the key before the payment, as in `_undo`
            raise KeyInFlight(retry_after_s=1)  # too slow: another request with the same key goes on with it
        await session.execute(noting_page(), {"of_id": payment.id, "ref": opened.ref, "url": opened.url})
    payment.checkout_url = opened.url


async def _turn_to(asking: _Asking, provider: str, left: Payment, *, lost: bool) -> _Attempt:
    """The same order, another provider: the attempt that got no answer is over, and the next is written down."""
    async with asking.shop.db.transaction() as session:
        mine = await idempotency.keep(session, asking.key, asking.claim)
        order = await orders.lock(session, left.order_id) if mine else None
        if order is None or not _is_payable(session, order):
            raise KeyInFlight(retry_after_s=1)
        await _leave(session, order, left, lost=lost)
        order.provider = provider
        attempt = _write_intent(session, asking, order, asking.sealing or await vault.ensure_key(session, order.id))
        await session.flush()
        if not order.synthetic:
            session.count(catalogue.FAILOVERS, provider=left.provider, reason=FailoverReason.NO_ANSWER)
        return attempt


async def _leave(session: Session, order: Order, left: Payment, *, lost: bool) -> None:
    """Nobody can pay on a page whose address nobody has; without an answer one may exist, which `expire_order` closes."""
    for each in await payments.of_order(session, order.id):
        if each.id == left.id:
            await payments.advance(session, each, PaymentEvent.LOSE if lost else PaymentEvent.CANCEL)
    sales.count_attempt(session, order, left.provider, outcome=AttemptOutcome.ERROR)
    if lost:
        due_at = session.now + RESOLVE_AFTER
        await outbox.enqueue(session, EXPIRE, {"order_id": order.id}, key=f"{left.id}:lost", due_at=due_at)


async def _undo(asking: _Asking, payment: Payment, *, lost: bool) -> None:
    """There is no page: cancel the order, free the seats and the key."""
    async with asking.shop.db.transaction() as session:
        if not await idempotency.give_up(session, asking.key, asking.claim):
            return  # another request with the same key goes on with it
        order = await orders.lock(session, payment.order_id)
        attempts = await payments.of_order(session, payment.order_id)
        if order is None or any(each.status == "succeeded" for each in attempts):
            return
        await _leave(session, order, payment, lost=lost)
        cause = "no answer from the gateway" if lost else "refused by the gateway"
        await orders.advance(session, order, OrderEvent.CANCEL, cause=cause)
        await catalog.release(session, order.id, reason="gateway_error")


async def _answer(shop: Shop, order_id: str) -> Checkout:
    """The answer of a key that is done, built from the rows it left."""
    async with shop.db.transaction() as session:
        order = (await session.execute(sa.select(Order).where(Order.id == order_id))).scalar_one()
        payment = (await payments.of_order(session, order_id))[-1]
        sealing = await vault.ensure_key(session, order_id)
    return _checkout(shop, order, payment, sealing)


def _checkout(shop: Shop, order: Order, payment: Payment, sealing: OrderKey) -> Checkout:
    if payment.checkout_url is None:
        raise GatewayUnavailable(payment.provider, "no_page")
    return present(order, provider=payment.provider, url=payment.checkout_url, token=sealing.token(shop.tokens))
