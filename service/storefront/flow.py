"""What the pages show, put together from the nouns: shelves of tickets, lines of a cart, the state of an order.

Reading only, but for `send_to_payment`, which opens a checkout. Nothing here knows HTTP or HTML; names of sentences
(`order.paid`) are chosen here, their words stand in the translations.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256

from service.catalog.flow import Catalog, TicketTypeOnSale
from service.checkout.flow import open_checkout
from service.checkout.rules import CheckoutRequest, check_request
from service.checkout.views import Checkout
from service.kernel.errors import KeyInFlight, KeyReused
from service.kernel.money import Money, sum_money
from service.orders.machine import OrderStatus
from service.payments.rules import explain
from service.receipts.flow import read_receipt
from service.receipts.views import OrderView
from service.shop.flow import Shop
from service.storefront.rules import Cart, Stock, Trouble, following, order_key, problem_of, stock_of

KINDS = ("pass", "day", "workshop", "social")  # the order of the shelves
SLOW_S = 60  # from here on the buyer need not stay
MOST_AGAIN = 10  # orders that one cart began and that ended unpaid, before its customer has to choose anew
PATIENCE, PAUSE_S = 4, 1  # together less than the ten seconds within which a customer gets an answer


@dataclass(frozen=True)
class Offer:
    slug: str
    name: str
    description: str
    price: Money
    stock: Stock
    chosen: int


@dataclass(frozen=True)
class Shelf:
    kind: str
    offers: list[Offer]


@dataclass(frozen=True)
class CartLine:
    """One kind of ticket in the cart; `problem` names why it cannot be ordered as it stands."""

    slug: str
    name: str
    price: Money
    quantity: int
    stock: Stock
    max_per_order: int
    problem: str | None

    @property
    def total(self) -> Money:
        return self.price * self.quantity


@dataclass(frozen=True)
class FullCart:
    """A cart beside the catalogue. `gone` says that something in it is no longer on sale."""

    lines: list[CartLine]
    gone: bool

    @property
    def troubled(self) -> bool:
        return any(line.problem for line in self.lines)

    @property
    def total(self) -> Money:
        currency = self.lines[0].price.currency
        return sum_money((line.total for line in self.lines if line.price.currency == currency), currency)


@dataclass(frozen=True)
class OrderState:
    """What the order page says. `say` is the family of sentences, `poll` whether it may still change by itself."""

    say: str
    tone: str
    title: str = "title"
    body: str = "body"
    waiting: bool = False
    poll: bool = False
    again: bool = False
    pay_url: str | None = None
    decline: str | None = None
    left_s: int = 0
    since_s: int | None = None

    @property
    def reload_s(self) -> int:
        """How often a browser without a script asks again."""
        return 4 if self.waiting and (self.since_s or 0) < SLOW_S else 15


SETTLED = {
    OrderStatus.PROCESSING: OrderState("order.processing", "wait", waiting=True, poll=True),
    OrderStatus.PAID: OrderState("order.paid", "good"),
    OrderStatus.EXPIRED: OrderState("order.expired", "calm", again=True),
    OrderStatus.CANCELED: OrderState("order.canceled", "calm", again=True),
    OrderStatus.LATE_PAYMENT: OrderState("order.late_payment", "bad"),
    OrderStatus.PARTIALLY_REFUNDED: OrderState("order.partially_refunded", "calm"),
    OrderStatus.REFUNDED: OrderState("order.refunded", "calm"),
    OrderStatus.DISPUTED: OrderState("order.disputed", "calm"),
}


def shelves(catalog: Catalog, quantities: Mapping[str, int], language: str) -> list[Shelf]:
    """What is on sale by kind, in the programme's order."""
    by_kind: dict[str, list[Offer]] = {kind: [] for kind in KINDS}
    for each in catalog.ticket_types:
        by_kind[each.kind].append(
            Offer(
                slug=each.ticket_type,
                name=each.names[language],
                description=each.descriptions.get(language, ""),
                price=each.price,
                stock=_stock(each),
                chosen=min(quantities.get(each.ticket_type, 0), each.max_per_order),
            )
        )
    return [Shelf(kind, offers) for kind, offers in by_kind.items() if offers]


def fill(cart: Cart, catalog: Catalog, language: str) -> FullCart:
    """The cart's lines at catalogue prices, each with what stands in its way."""
    found = [(catalog.find(slug), quantity) for slug, quantity in cart.quantities.items()]
    lines = [_line(each, quantity, language) for each, quantity in found if each]
    apart = [line for line in lines if line.price.currency != lines[0].price.currency]  # one order, one currency
    return FullCart(
        lines=[replace(line, problem="apart") if line in apart else line for line in lines],
        gone=any(each is None for each, _ in found),
    )


def _line(each: TicketTypeOnSale, quantity: int, language: str) -> CartLine:
    stock = _stock(each)
    return CartLine(
        slug=each.ticket_type,
        name=each.names[language],
        price=each.price,
        quantity=quantity,
        stock=stock,
        max_per_order=each.max_per_order,
        problem=problem_of(quantity, stock, max_per_order=each.max_per_order),
    )


def _stock(each: TicketTypeOnSale) -> Stock:
    return stock_of(capacity=each.capacity, held=each.held, sold=each.sold, max_per_order=each.max_per_order)


@dataclass(frozen=True)
class Ways:
    """How a customer may pay now, the first choice first, which is chosen, and who would be there but does not answer."""

    usable: tuple[str, ...]
    away: tuple[str, ...]
    chosen: str | None


@dataclass(frozen=True)
class CheckoutForm:
    """The checkout form: what is bought, what was typed, what is wrong."""

    cart: Cart
    full: FullCart
    typed: dict[str, str] = field(default_factory=lambda: {"name": "", "email": "", "provider": ""})
    trouble: Trouble | None = None
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def unanswered(self) -> bool:
        """The way that was chosen led nowhere."""
        return self.trouble is not None and self.trouble.say in {"gateway", "refused"}

    @property
    def status(self) -> int:
        return self.trouble.status if self.trouble else 422 if self.errors else 200


@dataclass(frozen=True)
class Sent:
    """An order on its way: where to pay, how the order stands, and the cart that stands for it."""

    checkout: Checkout
    status: OrderStatus
    cart: Cart


def new_cart(shop: Shop, quantities: Mapping[str, int]) -> Cart:
    return Cart(f"cart_{shop.db.ids.token(16)}", quantities)


def ways_to_pay(shop: Shop, form: CheckoutForm) -> Ways:
    """What was chosen stays chosen, unless it did not answer a moment ago and another can be taken."""
    choice, wished = shop.choice(), form.typed["provider"]
    others = [each for each in choice.usable if each != wished]
    stays = wished in choice.usable and not (form.unanswered and others)
    return Ways(choice.usable, choice.away, wished if stays else next(iter(others), None))


async def send_to_payment(shop: Shop, cart: Cart, typed: Mapping[str, str], *, language: str) -> Sent:
    """Open the checkout of this cart for this buyer, or find the one it has; a new one when that is over unpaid.

    Raises what `open_checkout` raises; `Invalid` names `customer.name` or `customer.email`.
    """
    values = {
        "items": [{"ticketType": slug, "quantity": quantity} for slug, quantity in cart.quantities.items()],
        "customer": {"email": typed["email"], "name": typed["name"]},
        "locale": language,
        "provider": typed["provider"] or None,
    }
    request = check_request(values, public_url=shop.public_url)
    for _ in range(MOST_AGAIN):
        sent = await _open(shop, cart, request)
        if sent and sent.status not in {OrderStatus.EXPIRED, OrderStatus.CANCELED}:
            return sent
        cart = replace(cart, key=following(cart.key, sent.checkout.order_id if sent else ""))
    raise KeyReused


async def _open(shop: Shop, cart: Cart, request: CheckoutRequest) -> Sent | None:
    """None when the cart's key belongs to another order."""
    key = order_key(
        cart,
        name=request.name,
        email=request.email,
        language=request.locale,
        provider=request.provider,
        secret=shop.tokens.keys[0],
    )
    try:
        checkout = await _patiently(shop, request, key)
    except KeyReused:
        return None
    async with shop.db.transaction() as session:
        order = await read_receipt(session, checkout.order_id)
    return Sent(checkout, OrderStatus(order.status), cart)


async def _patiently(shop: Shop, request: CheckoutRequest, key: str) -> Checkout:
    """A double click waits for its first half instead of being told to come again."""
    for _ in range(PATIENCE):
        try:
            return await open_checkout(shop, request, key=key)
        except KeyInFlight:
            await asyncio.sleep(PAUSE_S)
    return await open_checkout(shop, request, key=key)


def state_of(order: OrderView, *, now: datetime, returned_at: datetime | None, language: str) -> OrderState:
    """What the order page says. `returned_at` is when the buyer came back from paying, if that was a moment ago."""
    status = OrderStatus(order.status)
    if returned_at and status in {OrderStatus.AWAITING_PAYMENT, OrderStatus.EXPIRED}:
        since_s = max(int((now - returned_at).total_seconds()), 0)
        return OrderState("order.confirming", "wait", waiting=True, poll=True, since_s=since_s)
    if status is OrderStatus.AWAITING_PAYMENT:
        return _awaiting(order, now, language)
    if status is OrderStatus.PAID and not order.tickets:
        return OrderState("order.paid", "good", body="preparing", waiting=True, poll=True)
    if status is OrderStatus.LATE_PAYMENT and not order.is_refund_coming:
        return OrderState("order.late_payment", "bad", body="looked_after")
    return SETTLED[status]


def _awaiting(order: OrderView, now: datetime, language: str) -> OrderState:
    left_s = int((order.expires_at - now).total_seconds())
    if left_s <= 0:
        return OrderState("order.awaiting", "wait", title="closing_title", body="closing", waiting=True, poll=True)
    if order.checkout_url is None:
        return OrderState("order.awaiting", "wait", body="opening", waiting=True, poll=True)
    if order.decline:
        why = explain(order.decline.category, language, advice=order.decline.advice)[0]
        return OrderState("order.declined", "bad", poll=True, pay_url=order.checkout_url, decline=why, left_s=left_s)
    return OrderState("order.awaiting", "wait", poll=True, pay_url=order.checkout_url, left_s=left_s)


def fingerprint(order: OrderView, state: OrderState) -> str:
    """Changes exactly when the order page says something else; the time that passes is no change."""
    told = (
        order.status,
        order.refunded.minor,
        [payment.surplus for payment in order.payments],
        [(ticket.code, ticket.status) for ticket in order.tickets],
        (state.say, state.title, state.body, state.pay_url, state.decline),
    )
    return f'"{sha256(repr(told).encode()).hexdigest()[:16]}"'
