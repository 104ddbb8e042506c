"""Buy a test pass over HTTP, where customers do, and count how it went.

Time is cut into slots of the same length in every worker; who claims a slot first buys in it, the others rest, and so does
everybody while an operator has closed the store. An order of the buyer's is marked in its row: its money is owed back from
the start and goes back a minute after its ticket, its letters are not written, and no report shows it. Whatever a crash
leaves open is closed by the ends that every order has.
"""

import asyncio
import time
from typing import Any

import httpx
import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from service.catalog.tables import Stock, TicketType
from service.completion.flow import expire_order
from service.idempotency import flow as idempotency
from service.idempotency.flow import Found, Key
from service.kernel.db import Session
from service.kernel.errors import GatewayError, Maintenance, Parked, SalesPaused
from service.orders import flow as orders
from service.orders.machine import OrderStatus
from service.shop.flow import Shop
from service.synthetic.rules import (
    CAPACITY,
    HEADER,
    LEAST_LEFT,
    TICKET_TYPE,
    Purse,
    session_of,
    sign,
    ticket_type,
    wish,
)
from service.telemetry import catalogue
from service.telemetry.labels import Provider, SyntheticOutcome
from service.telemetry.logs import get_logger

SCOPE = "synthetic"
ANSWER_S = 15.0  # for one answer; a checkout has nine seconds at the gateway
PATIENCE_S = 30.0  # from the payment to the ticket, as the objective has it
LOOK_S = 0.25
_CREATED = 201
_RESTS = {"sales_paused", "load_shed", "maintenance"}
log = get_logger("synthetic")


class NotBought(Exception):
    """How far it came, and what was said there; `outcome` is None when an operator has just closed the store."""

    def __init__(self, outcome: SyntheticOutcome | None, why: str) -> None:
        super().__init__(why)
        self.outcome = outcome


class Checkout(msgspec.Struct, rename="camel"):
    """What it needs of the answer to a checkout."""

    order_id: str
    provider: str
    checkout_url: str
    access_token: str
    total: dict[str, Any]


class SyntheticBuyer:
    """One of these a worker; `every_s` 0 means that it never buys. `url` is the store's, `purse` None where it must not pay."""

    def __init__(
        self, shop: Shop, *, url: str, every_s: int, purse: Purse | None, patience_s: float = PATIENCE_S
    ) -> None:
        self._shop = shop
        self._url = url
        self._every_s = every_s
        self._purse = purse
        self._patience_s = patience_s
        self._seen = self._slot()  # the one under way when we start: `serve` may not be there yet

    async def turn(self) -> bool:
        """Buy, if a slot has begun that nobody has claimed; never more work at once."""
        self._shop.db.telemetry.set(catalogue.SYNTHETIC_EVERY, self._every_s)
        slot = self._slot()
        if slot == self._seen or not self._is_open():
            return False
        self._seen = slot
        if await self._claim(slot):
            await self._tell()
        return False

    def _slot(self) -> int:
        return int(self._shop.db.clock().timestamp()) // self._every_s if self._every_s else 0

    def _is_open(self) -> bool:
        try:
            self._shop.check_open()
            self._shop.check_sales()
        except (Maintenance, SalesPaused):
            return False
        return not self._shop.sheds()

    async def _claim(self, slot: int) -> bool:
        """Whether this worker is to buy in the slot; there is something to buy then."""
        key = Key(SCOPE, f"{self._every_s}:{slot}", "")
        async with self._shop.db.transaction() as session:
            claim = await idempotency.claim(session, key, subject="")
            if claim.found is not Found.NEW:
                return False
            await idempotency.finish(session, key, claim)
            await ensure(session)
        return True

    async def _tell(self) -> None:
        """Buy once, and count it."""
        telemetry, started = self._shop.db.telemetry, time.monotonic()
        outcome: SyntheticOutcome | None = SyntheticOutcome.ERROR
        try:
            outcome = await self._buy()
        except NotBought as error:
            outcome = error.outcome
            log.warning("the synthetic buyer has nothing", outcome=outcome or "closed", why=str(error))
        except asyncio.CancelledError:
            outcome = None  # the worker ends
            raise
        finally:
            if outcome is not None:
                telemetry.count(catalogue.SYNTHETIC_PURCHASES, outcome=outcome)
        if outcome is SyntheticOutcome.OK:
            telemetry.observe(catalogue.SYNTHETIC_SECONDS, time.monotonic() - started)
        if outcome in (SyntheticOutcome.OK, SyntheticOutcome.PAGE_ONLY):
            telemetry.set(catalogue.SYNTHETIC_SUCCEEDED, self._shop.db.clock().timestamp())

    async def _buy(self) -> SyntheticOutcome:
        """Raises `NotBought`."""
        async with httpx.AsyncClient(timeout=ANSWER_S, follow_redirects=False, trust_env=False) as http:
            checkout = await self._open(http)
            session_id = session_of(checkout.checkout_url)
            if self._purse is None or session_id is None or checkout.provider != Provider.STRIPE:
                await self._leave(checkout)
                return SyntheticOutcome.PAGE_ONLY
            await _pay(http, self._purse, session_id, checkout.total)
            await self._wait(http, checkout)
        return SyntheticOutcome.OK

    async def _open(self, http: httpx.AsyncClient) -> Checkout:
        key = f"synthetic-{self._shop.db.ids.token(16)}"
        headers = {"Idempotency-Key": key, HEADER: sign(self._shop.tokens.keys[0], key)}
        url = f"{self._url}/api/payment/checkout-session"
        answer = await _ask(http, SyntheticOutcome.CHECKOUT_FAILED, "POST", url, json=wish(), headers=headers)
        if answer.status_code != _CREATED:
            code = _code(answer)
            rests = code in _RESTS
            raise NotBought(None if rests else SyntheticOutcome.CHECKOUT_FAILED, f"{answer.status_code} {code}")
        try:
            return msgspec.json.decode(answer.content, type=Checkout)
        except msgspec.DecodeError as error:
            raise NotBought(SyntheticOutcome.CHECKOUT_FAILED, f"an answer that is none: {error}") from error

    async def _wait(self, http: httpx.AsyncClient, checkout: Checkout) -> None:
        """Until the order is paid and has its ticket."""
        url = f"{self._url}/api/payment/order/{checkout.order_id}"
        headers, seen = {"Authorization": f"Bearer {checkout.access_token}"}, "nothing"
        due = time.monotonic() + self._patience_s
        while time.monotonic() < due:
            answer = await _ask(http, SyntheticOutcome.NO_TICKET, "GET", url, headers=headers)
            order = answer.json() if answer.is_success else {}
            if order.get("status") == OrderStatus.PAID and order.get("tickets"):
                return
            seen = str(order.get("status") or answer.status_code)
            await asyncio.sleep(LOOK_S)
        raise NotBought(SyntheticOutcome.NO_TICKET, f"after {self._patience_s:g} s the order is: {seen}")

    async def _leave(self, checkout: Checkout) -> None:
        """Go without paying: the page is closed at the gateway, the order ends and its seat is free."""
        async with self._shop.db.transaction() as session:
            order = await orders.lock(session, checkout.order_id)
            if order is not None and order.synthetic and order.status == OrderStatus.AWAITING_PAYMENT:
                order.expires_at = session.now
        try:
            await expire_order(self._shop, checkout.order_id)
        except (GatewayError, Parked) as error:  # its page is closed later, as any other
            raise NotBought(SyntheticOutcome.PAYMENT_FAILED, f"the page could not be closed: {error}") from error


async def ensure(session: Session) -> None:
    """Make what it buys, unless that is there: on sale for nobody, in the currency of the festival, and never sold out.

    Its seats come back with its money; where no refund gets through, there are soon none left, and more are added.
    """
    currencies = TicketType.__table__.c.price_currency
    known = sa.select(currencies).where(TicketType.on_sale).order_by(TicketType.position).limit(1)
    currency = (await session.execute(known)).scalar_one_or_none()
    row = ticket_type(currency or "USD")
    await session.execute(insert(TicketType).values(row).on_conflict_do_nothing())
    stock = {"ticket_type": TICKET_TYPE, "capacity": CAPACITY}
    await session.execute(insert(Stock).values(stock).on_conflict_do_nothing())
    is_short = Stock.ticket_type == TICKET_TYPE, Stock.capacity - Stock.held - Stock.sold < LEAST_LEFT
    await session.execute(sa.update(Stock).where(*is_short).values(capacity=Stock.capacity + CAPACITY))


async def _pay(http: httpx.AsyncClient, purse: Purse, session_id: str, total: dict[str, Any]) -> None:
    """Pay a page with the gateway's test card, as Stripe's command line does."""
    failed, auth = SyntheticOutcome.PAYMENT_FAILED, (purse.key, "")
    card = {"type": "card", "card[token]": "tok_visa"}
    made = await _ask(http, failed, "POST", f"{purse.url}/v1/payment_methods", data=card, auth=auth)
    method = made.json().get("id") if made.is_success else None
    if method is None:
        raise NotBought(failed, f"no test card: {made.status_code} {_code(made)}")
    paid = {"payment_method": method, "expected_amount": str(total["minor"])}
    url = f"{purse.url}/v1/payment_pages/{session_id}/confirm"
    answer = await _ask(http, failed, "POST", url, data=paid, auth=auth)
    if not answer.is_success:
        raise NotBought(failed, f"not paid: {answer.status_code} {_code(answer)}")


async def _ask(http: httpx.AsyncClient, failed: SyntheticOutcome, method: str, url: str, **more: Any) -> httpx.Response:
    """The answer; without one, `NotBought` with this outcome."""
    try:
        return await http.request(method, url, **more)
    except httpx.HTTPError as error:
        raise NotBought(failed, f"no answer: {type(error).__name__}") from error


def _code(answer: httpx.Response) -> str:
    """What a problem document, or Stripe's error, calls itself."""
    try:
        body = answer.json()
    except ValueError:
        return "unreadable"
    error = body.get("error") if isinstance(body, dict) else None
    return str((error if isinstance(error, dict) else body).get("code", "")) if isinstance(body, dict) else "unreadable"
