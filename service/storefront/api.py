"""The customer pages under `/en` and `/es`: store, cart, checkout form, order page. They work without a script.

A form is answered with a redirect, so that reload and back never send it twice. What a browser keeps for us: the language,
the cart (plain, checked when read), and per order its access token in a cookie that is sent to that order's page only.
`create_storefront` gives the router, and the answer to errors of addresses that belong to nobody.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from litestar import Request, Response, Router, get, post
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException, NotFoundException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from service.catalog.flow import Catalog, read_catalog
from service.checkout.flow import Shop
from service.checkout.rules import MOST_NAME
from service.kernel.errors import GatewayError, Invalid, KeyInFlight, NotFound, SoldOut
from service.orders.machine import OrderStatus
from service.receipts.flow import find_receipt
from service.receipts.views import OrderView
from service.storefront import flow, rules, views
from service.storefront.flow import FullCart, OrderState
from service.storefront.rules import LANGUAGES, Cart, Trouble
from service.storefront.views import BUYING, HALF_YEAR_S, TOKEN, Front, Pages

MOST_BYTES = 16_384  # of a form

Asked = Request[Any, Any, State]


@dataclass(frozen=True)
class Storefront:
    """`answer_error` is for addresses outside of the router: a page, whatever went wrong."""

    router: Router
    answer_error: Callable[[Asked, Exception], Response[str]]


def create_storefront(shop: Shop, *, help_email: str) -> Storefront:
    """The pages of this shop; forms may lead to the pages of its gateways."""
    policy = rules.content_security_policy(gateway.page_origin for gateway in shop.gateways.values())
    pages = Pages(clock=shop.db.clock, help_email=help_email)
    front = Front(pages, headers=rules.page_headers(policy), secure=shop.public_url.startswith("https://"))

    # Functions, not methods: the framework copies a router deeply, and would copy what a method is bound to.
    def answer_error(request: Asked, error: Exception) -> Response[str]:
        return front.error_page(request, error)

    def only_from_our_pages(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        if connection.scope.get("method") == "POST" and not rules.from_our_pages(
            connection.headers, own_origin=shop.public_url
        ):
            raise PermissionDeniedException

    handlers = [show_store, show_cart, change_cart, show_checkout, check_out, show_order, order_now, order_again, lost]
    router = Router(
        "/",
        route_handlers=[choose_language, send_file, *(_in_language(each, handlers) for each in LANGUAGES)],
        dependencies={
            "front": Provide(lambda: front, sync_to_thread=False),
            "shop": Provide(lambda: shop, sync_to_thread=False),
        },
        exception_handlers={Exception: answer_error},
        guards=[only_from_our_pages],
        signature_types=[Front, Shop],
        include_in_schema=False,
        request_max_body_size=MOST_BYTES,
    )
    return Storefront(router, answer_error)


def _in_language(language: str, handlers: list[Any]) -> Router:
    return Router(
        f"/{language}",
        route_handlers=handlers,
        dependencies={"language": Provide(lambda: language, sync_to_thread=False)},
    )


@get("/")
async def choose_language(request: Asked, front: Front) -> Response[Any]:
    """To the language chosen before, else the browser's."""
    wished = request.headers.get("accept-language", "")
    return front.redirect(f"/{rules.preferred_language(wished, request.cookies.get(views.LANGUAGE))}")


@get("/static/{name:str}")
async def send_file(request: Asked, front: Front, name: str) -> Response[bytes]:
    """Styles, script and icon."""
    found = front.file(request, name)
    if found is None:
        raise NotFoundException
    return found


@get("/{path:path}")
async def lost(path: str) -> None:
    """Any other address in a language: its own page for "not found"."""
    raise NotFoundException(path)


@get("/")
async def show_store(request: Asked, front: Front, shop: Shop, language: str) -> Response[str]:
    """What is on sale, how many are left, and how many of each."""
    catalog = await _catalog(shop)
    cart = views.cart_of(request)
    nothing = "nothing" in request.query_params
    return front.page(
        request,
        "store.html",
        language,
        path="",
        shelves=flow.shelves(catalog, cart.quantities if cart else {}, language),
        as_of=catalog.as_of,
        currency=catalog.ticket_types[0].price.currency if catalog.ticket_types else "",
        notice=front.pages.voices[language].say("store.nothing") if nothing else None,
        headers={"Cache-Control": "no-cache"},
    )


@post("/cart", status_code=303)
async def change_cart(request: Asked, front: Front, shop: Shop, language: str) -> Response[Any]:
    """Take the numbers of a store or cart form as the new cart, and go on."""
    form = [(name, value) for name, value in (await request.form()).multi_items() if isinstance(value, str)]
    quantities, fields, known = rules.choose(form), dict(form), views.cart_of(request)
    if quantities is None:
        raise HTTPException(status_code=400)
    chosen = known if known and known.quantities == quantities else flow.new_cart(shop, quantities)
    onward = {"checkout": f"/{language}/checkout", "store": f"/{language}"}.get(fields.get("next", ""))
    if not chosen.count and "remove" not in fields:
        onward = f"/{language}?nothing=1"
    return front.redirect(onward or f"/{language}/cart", [front.keep_cart(chosen)])


@get("/cart")
async def show_cart(request: Asked, front: Front, shop: Shop, language: str) -> Response[str]:
    """The cart at today's prices, each line with what stands in its way."""
    full = flow.fill(views.cart_of(request) or Cart(""), await _catalog(shop), language)
    return front.page(
        request,
        "cart.html",
        language,
        path="/cart",
        lines=full.lines,
        gone=full.gone,
        troubled=full.troubled,
        total=full.total if full.lines else None,
        headers={"Cache-Control": "no-cache"},
    )


@get("/checkout")
async def show_checkout(request: Asked, front: Front, shop: Shop, language: str) -> Response[Any]:
    """The form for name and e-mail; the cart first when something stands in its way."""
    cart, full = await _full_cart(request, shop, language)
    if cart is None or full.troubled:
        return front.redirect(f"/{language}/cart")
    return _checkout_page(request, front, shop, language, _Form(cart, full))


@post("/checkout", status_code=303)
async def check_out(request: Asked, front: Front, shop: Shop, language: str) -> Response[Any]:
    """Open the checkout and send the buyer to the gateway's page, or say plainly why not."""
    cart, full = await _full_cart(request, shop, language)
    if cart is None:
        return front.redirect(f"/{language}/cart")
    fields = {name: value for name, value in (await request.form()).multi_items() if isinstance(value, str)}
    typed = {name: fields.get(name, "").strip() for name in ("name", "email")}
    if fields.get("key") != cart.key:
        return _checkout_page(request, front, shop, language, _Form(cart, full, typed, Trouble("changed", 409)))
    try:
        sent = await flow.send_to_payment(shop, cart, name=typed["name"], email=typed["email"], language=language)
    except (Invalid, SoldOut, KeyInFlight, GatewayError) as error:
        wrong = rules.field_errors(error) if isinstance(error, Invalid) else {}
        names = {line.slug: line.name for line in full.lines}
        trouble = None if wrong else rules.trouble_of(error, names)
        return _checkout_page(request, front, shop, language, _Form(cart, full, typed, trouble, wrong))
    return _to_payment(front, sent, language)


@dataclass(frozen=True)
class _Form:
    """The checkout form: what is bought, what was typed, what is wrong."""

    cart: Cart
    full: FullCart
    typed: dict[str, str] = field(default_factory=lambda: {"name": "", "email": ""})
    trouble: Trouble | None = None
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        return self.trouble.status if self.trouble else 422 if self.errors else 200


def _checkout_page(request: Asked, front: Front, shop: Shop, language: str, form: _Form) -> Response[str]:
    return front.page(
        request,
        "checkout.html",
        language,
        path="/checkout",
        lines=form.full.lines,
        total=form.full.total,
        key=form.cart.key,
        typed=form.typed,
        errors=form.errors,
        trouble=form.trouble,
        most_name=MOST_NAME,
        hold_minutes=max(round(shop.hold.total_seconds() / 60), 1),
        status=form.status,
        headers={"Cache-Control": "no-cache"},
    )


def _to_payment(front: Front, sent: flow.Sent, language: str) -> Response[Any]:
    """To the gateway while the order waits for payment, to the order's own page when it is paid already."""
    order_id = sent.checkout.order_id
    cookies = [
        *front.for_order(TOKEN, sent.checkout.access_token, order_id, max_age=HALF_YEAR_S),
        front.keep_cart(sent.cart),
        front.cookie(BUYING, order_id, max_age=views.WEEK_S),
    ]
    waiting = sent.status is OrderStatus.AWAITING_PAYMENT
    return front.redirect(sent.checkout.checkout_url if waiting else f"/{language}/order/{order_id}", cookies)


@get("/order/{order_id:str}")
async def show_order(request: Asked, front: Front, shop: Shop, language: str, order_id: str) -> Response[Any]:
    """The order's own page. A link with its token (from the gateway, from the mail) becomes a cookie first."""
    if token := request.query_params.get("token"):
        return _remember(request, front, shop, f"/{language}/order/{order_id}", token)
    order, state = await _order(request, shop, language, order_id)
    bought = order.tickets and request.cookies.get(BUYING) == order_id
    return front.page(
        request,
        "order.html",
        language,
        path=f"/order/{order_id}",
        order=order,
        state=state,
        tag=flow.fingerprint(order, state),
        cookies=front.forget_cart() if bought else (),
    )


def _remember(request: Asked, front: Front, shop: Shop, page: str, token: str) -> Response[Any]:
    order_id = page.rpartition("/")[2]
    if not shop.tokens.matches(order_id, token):
        raise NotFound
    canceled = "canceled" in request.query_params  # the gateway's way back without paying
    cookies = front.returned(order_id, token, None if canceled else shop.db.clock())
    if not canceled and request.cookies.get(BUYING) == order_id:
        cookies += front.forget_cart()
    return front.redirect(page, cookies)


@get("/order/{order_id:str}/now")
async def order_now(request: Asked, front: Front, shop: Shop, language: str, order_id: str) -> Response[Any]:
    """The changing part of the order page, or 304 when nothing has changed."""
    order, state = await _order(request, shop, language, order_id)
    tag = flow.fingerprint(order, state)
    if request.headers.get("if-none-match") == tag:
        return Response(b"", status_code=304, headers={"ETag": tag, "Cache-Control": "no-store"})
    more = {"order": order, "state": state, "tag": tag, "headers": {"ETag": tag}}
    return front.page(request, "parts/order_now.html", language, path=f"/order/{order_id}", **more)


@post("/order/{order_id:str}/again", status_code=303)
async def order_again(request: Asked, front: Front, shop: Shop, language: str, order_id: str) -> Response[Any]:
    """The same tickets in a new cart, straight to the checkout form."""
    order, _ = await _order(request, shop, language, order_id)
    cart = flow.new_cart(shop, {item.ticket_type: item.quantity for item in order.items})
    return front.redirect(f"/{language}/checkout", [front.keep_cart(cart)])


async def _catalog(shop: Shop) -> Catalog:
    async with shop.db.transaction() as session:
        return await read_catalog(session)


async def _full_cart(request: Asked, shop: Shop, language: str) -> tuple[Cart | None, FullCart]:
    """The cart beside the catalogue; no cart when it is empty or holds what is no longer sold."""
    cart = views.cart_of(request)
    full = flow.fill(cart or Cart(""), await _catalog(shop), language)
    return (cart if full.lines and not full.gone else None), full


async def _order(request: Asked, shop: Shop, language: str, order_id: str) -> tuple[OrderView, OrderState]:
    """The order of this browser's cookie, and what to say about it; `NotFound` for every other."""
    async with shop.db.transaction() as session:
        order = await find_receipt(session, order_id, token=request.cookies.get(TOKEN), tokens=shop.tokens)
    now = shop.db.clock()
    returned_at = views.returned_at(request.cookies.get(views.RETURNED), now)
    return order, flow.state_of(order, now=now, returned_at=returned_at, language=language)
