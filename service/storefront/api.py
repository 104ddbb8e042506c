"""The customer pages under `/en` and `/es`: store, cart, checkout form, order page. They work without a script.

A form is answered with a redirect, so that reload and back never send it twice. What a browser keeps for us: the language,
the cart (plain, checked when read), and per order its access token in a cookie that is sent to that order's page only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any, cast

from litestar import HttpMethod, Request, Response, Router, post, route
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie, State
from litestar.di import NamedDependency, Provide
from litestar.exceptions import HTTPException, NotFoundException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath

from service.catalog.flow import Catalog, read_catalog
from service.checkout.rules import MOST_NAME
from service.kernel.errors import GatewayError, Invalid, KeyInFlight, NotFound, SalesPaused, SoldOut
from service.limits.rules import LINKED
from service.links import api as links
from service.orders.machine import OrderStatus
from service.receipts.flow import find_receipt
from service.receipts.views import OrderView
from service.shop.flow import Shop
from service.storefront import flow, rules, views
from service.storefront.flow import CheckoutForm, FullCart, OrderState
from service.storefront.rules import BROWSING, LANGUAGES, Cart, Trouble
from service.storefront.views import BUYING, TOKEN, Front, Pages
from service.telemetry.catalogue import FUNNEL
from service.telemetry.middleware import note_exception
from service.vault import flow as vault

MOST_BYTES = 16_384  # of a form
REVISITED = {"Cache-Control": "no-cache"}  # asked for anew, but "back" still shows what was typed

read = partial(route, http_method=[HttpMethod.GET, HttpMethod.HEAD], status_code=200)  # the server sends HEAD no body
Asked = Request[Any, Any, State]


@dataclass(frozen=True)
class Storefront:
    """`answer_error` is for addresses outside of the router: a page, whatever went wrong."""

    router: Router
    answer_error: Callable[[Asked, Exception], Response[bytes]]


def create_storefront(shop: Shop, *, help_email: str, beacon_sample: Decimal) -> Storefront:
    """The pages of this shop; so many of their views tell how long they took."""
    pages = Pages(clock=shop.db.clock, help_email=help_email, beacon_sample=beacon_sample)
    front = Front(pages, secure=shop.public_url.startswith("https://"), telemetry=shop.db.telemetry)

    # Functions, not methods: the framework copies a router deeply, and would copy what a method is bound to.
    def answer_error(request: Asked, error: Exception) -> Response[bytes]:
        return front.error_page(request, error)

    async def admit(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        if not connection.url.path.startswith("/static/"):  # the page that says "closed" is to look as it should
            shop.check_open()
        posts = connection.scope.get("method") == "POST"
        if posts and not rules.from_our_pages(connection.headers, own_origin=shop.public_url):
            raise PermissionDeniedException

    handlers = [show_store, show_cart, change_cart, show_checkout, check_out, show_order, order_now, order_again]
    handlers += [*links.PAGES, lost]
    router = Router(
        "/",
        route_handlers=[choose_language, send_file, *(_in_language(each, handlers, front, shop) for each in LANGUAGES)],
        dependencies={"front": Provide(lambda: front, sync_to_thread=False)},
        exception_handlers={Exception: answer_error},
        guards=[admit],
        signature_types=[Front, Visit, links.Visit],
        include_in_schema=False,
        request_max_body_size=MOST_BYTES,
    )
    return Storefront(router, answer_error)


@dataclass(frozen=True)
class Visit:
    """One request to a page in one language, and what answers it."""

    request: Asked
    front: Front
    shop: Shop
    language: str

    def page(self, template: str, path: str, **more: Any) -> Response[bytes]:
        return self.front.page(self.request, template, self.language, path=path, **more)

    def to(self, path: str, cookies: Sequence[Cookie] = ()) -> Response[Any]:
        return self.front.redirect(f"/{self.language}{path}", cookies)

    def passed(self, step: str) -> None:
        """A customer came this far; a HEAD is nobody."""
        if self.request.method != HttpMethod.HEAD:
            self.shop.db.telemetry.count(FUNNEL, step=step)

    async def form(self) -> list[tuple[str, str]]:
        """Names and values in the order of the page; the framework's `multi_items` shuffles them."""
        return [(name, value) for name, value in (await self.request.form()).items() if isinstance(value, str)]

    async def catalog(self) -> Catalog:
        async with self.shop.db.transaction() as session:
            return await read_catalog(session)

    async def full_cart(self) -> tuple[Cart | None, FullCart]:
        """The cart beside the catalogue; no cart when it is empty or holds what is no longer sold."""
        cart = views.cart_of(self.request)
        full = flow.fill(cart or Cart(""), await self.catalog(), self.language)
        return (cart if full.lines and not full.gone else None), full

    async def order(self, order_id: str) -> tuple[OrderView, OrderState]:
        """The order of this browser's cookie, and what to say about it; `NotFound` for every other."""
        token = self.request.cookies.get(TOKEN)
        async with self.shop.db.transaction() as session:
            order = await find_receipt(session, order_id, token=token, tokens=self.shop.tokens)
        now = self.shop.db.clock()
        returned_at = views.returned_at(self.request.cookies.get(views.RETURNED), now)
        return order, flow.state_of(order, now=now, returned_at=returned_at, language=self.language)


def _in_language(language: str, handlers: list[Any], front: Front, shop: Shop) -> Router:
    def visit(request: Asked) -> Visit:
        return Visit(request, front, shop, language)

    return Router(f"/{language}", route_handlers=handlers, dependencies={"visit": Provide(visit, sync_to_thread=False)})


@read("/")
async def choose_language(request: Asked, front: NamedDependency[Front]) -> Response[Any]:
    """To the language chosen before, else the browser's."""
    wished = request.headers.get("accept-language", "")
    return front.redirect(f"/{rules.preferred_language(wished, request.cookies.get(views.LANGUAGE))}")


@read("/static/{name:str}")
async def send_file(request: Asked, front: NamedDependency[Front], name: FromPath[str]) -> Response[bytes]:
    """Styles, script and icon."""
    found = front.file(request, name)
    if found is None:
        raise NotFoundException
    return found


@read("/{path:path}")
async def lost(path: FromPath[str]) -> None:
    """Any other address in a language: its own page for "not found"."""
    raise NotFoundException(path)


@read("/", opt=BROWSING)
async def show_store(visit: NamedDependency[Visit]) -> Response[bytes]:
    """What is on sale, how many are left, and how many of each."""
    catalog, cart = await visit.catalog(), views.cart_of(visit.request)
    visit.passed("store")
    return visit.page(
        "store.html",
        "",
        shelves=flow.shelves(catalog, cart.quantities if cart else {}, visit.language),
        as_of=catalog.as_of,
        currency=catalog.ticket_types[0].price.currency if catalog.ticket_types else "",
        nothing="nothing" in visit.request.query_params,
        sells=visit.shop.sells(),
        headers=REVISITED,
    )


@post("/cart", status_code=303, opt=BROWSING)
async def change_cart(visit: NamedDependency[Visit]) -> Response[Any]:
    """Take the numbers of a store or cart form as the new cart, and go on."""
    form = await visit.form()
    quantities, fields, known = rules.choose(form), dict(form), views.cart_of(visit.request)
    if quantities is None:
        raise HTTPException(status_code=400)
    chosen = known if known and known.quantities == quantities else flow.new_cart(visit.shop, quantities)
    onward = {"checkout": "/checkout", "store": ""}.get(fields.get("next", ""), "/cart")
    if not chosen.count and "remove" not in fields:
        onward = "?nothing=1"
    return visit.to(onward, [visit.front.keep_cart(chosen)])


@read("/cart", opt=BROWSING)
async def show_cart(visit: NamedDependency[Visit]) -> Response[bytes]:
    """The cart at today's prices, each line with what stands in its way."""
    _, full = await visit.full_cart()
    if full.lines:
        visit.passed("cart")
    return visit.page("cart.html", "/cart", full=full, headers=REVISITED)


@read("/checkout", opt=BROWSING)
async def show_checkout(visit: NamedDependency[Visit]) -> Response[Any]:
    """The form for name and e-mail; the cart first when something stands in its way."""
    cart, full = await visit.full_cart()
    if cart is None or full.troubled:
        return visit.to("/cart")
    visit.passed("form")
    return _checkout_page(visit, CheckoutForm(cart, full))


@post("/checkout", status_code=303)
async def check_out(visit: NamedDependency[Visit]) -> Response[Any]:
    """Open the checkout and send the buyer to the gateway's page, or say plainly why not."""
    cart, full = await visit.full_cart()
    if cart is None:
        return visit.to("/cart")
    fields = dict(await visit.form())
    form = CheckoutForm(cart, full, {each: fields.get(each, "").strip() for each in ("name", "email", "provider")})
    if fields.get("key") != cart.key:
        return _checkout_page(visit, replace(form, trouble=Trouble("changed", 409)))
    try:
        sent = await flow.send_to_payment(visit.shop, cart, form.typed, language=visit.language)
    except (Invalid, SoldOut, KeyInFlight, SalesPaused, GatewayError) as error:
        await note_exception(error, cast("Any", visit.request.scope))  # a store that an operator has closed is no fault
        wrong = rules.field_errors(error) if isinstance(error, Invalid) else {}
        trouble = None if wrong else rules.trouble_of(error, {line.slug: line.name for line in full.lines})
        return _checkout_page(visit, replace(form, trouble=trouble, errors=wrong))
    return _to_payment(visit, sent)


def _checkout_page(visit: Visit, form: CheckoutForm) -> Response[bytes]:
    visit.front.count_error(form.trouble.shown if form.trouble else "fields" if form.errors else None)
    return visit.page(
        "checkout.html",
        "/checkout",
        form=form,
        ways=flow.ways_to_pay(visit.shop, form),
        sells=visit.shop.sells(),
        most_name=MOST_NAME,
        hold_minutes=max(visit.shop.hold // timedelta(minutes=1), 1),
        status=form.status,
        headers=REVISITED,
    )


def _to_payment(visit: Visit, sent: flow.Sent) -> Response[Any]:
    """To the gateway while the order waits for payment, to the order's own page when it is paid already."""
    front, order_id = visit.front, sent.checkout.order_id
    cookies = front.buying(sent.cart, order_id, sent.checkout.access_token)
    if sent.status is OrderStatus.AWAITING_PAYMENT:
        visit.passed("redirect")
        return front.redirect(sent.checkout.checkout_url, cookies)
    return visit.to(f"/order/{order_id}", cookies)


@read("/order/{order_id:str}", opt={LINKED: "the token of its link is tried, and kept in a cookie"})
async def show_order(visit: NamedDependency[Visit], order_id: FromPath[str]) -> Response[Any]:
    """The order's own page. A link with its token (from the gateway, from the mail) becomes a cookie first."""
    if tokens := visit.request.query_params.getall("token", []):
        return await _remember(visit, order_id, tokens)
    order, state = await visit.order(order_id)
    visit.front.count_error("declined" if state.decline else None)
    return _order_page(visit, "order.html", order, state)


def _order_page(visit: Visit, template: str, order: OrderView, state: OrderState) -> Response[bytes]:
    tag = flow.fingerprint(order, state)
    bought = order.tickets and visit.request.cookies.get(BUYING) == order.order_id
    shown = {"order": order, "state": state, "tag": tag, "headers": {"ETag": tag}}
    cookies = visit.front.forget_cart() if bought else ()
    return visit.page(template, f"/order/{order.order_id}", **shown, cookies=cookies)


async def _remember(visit: Visit, order_id: str, tokens: list[str]) -> Response[Any]:
    """Among the tokens is ours; PayPal adds its own under the same name."""
    async with visit.shop.db.transaction() as session:
        token = await vault.opens(session, order_id, tokens, before=visit.shop.tokens)
    if token is None:
        raise NotFound
    canceled = "canceled" in visit.request.query_params  # the gateway's way back without paying
    cookies = visit.front.returned(order_id, token, None if canceled else visit.shop.db.clock())
    if not canceled and visit.request.cookies.get(BUYING) == order_id:
        visit.passed("return")
        cookies += visit.front.forget_cart()
    return visit.to(f"/order/{order_id}", cookies)


@read("/order/{order_id:str}/now")
async def order_now(visit: NamedDependency[Visit], order_id: FromPath[str]) -> Response[Any]:
    """The changing part of the order page, or 304 when nothing has changed."""
    order, state = await visit.order(order_id)
    if visit.request.headers.get("if-none-match") == flow.fingerprint(order, state):
        return Response(b"", status_code=304, headers={"Cache-Control": "no-store"})
    return _order_page(visit, "parts/order_now.html", order, state)


@post("/order/{order_id:str}/again", status_code=303)
async def order_again(visit: NamedDependency[Visit], order_id: FromPath[str]) -> Response[Any]:
    """The same tickets in a new cart, straight to the checkout form."""
    order, _ = await visit.order(order_id)
    quantities = {item.ticket_type: item.quantity for item in order.items}
    cart = Cart(rules.following(visit.request.cookies[TOKEN], order_id), quantities)
    return visit.to("/checkout", [visit.front.keep_cart(cart)])
