"""PayPal's page for the buyer: server-rendered, without scripts, usable by keyboard and screen reader.

The buyer picks how to pay: a balance that is good, a card the bank will decline, a bank account that takes days and one
that bounces in the end. The choice decides how the merchant's capture ends; approving takes no money.
"""

from typing import Any

from litestar import Request, Response, get, post
from litestar.response import Redirect

from service.emulator.page import HEADERS, TEMPLATES, money
from service.emulator.paypal import levers, orders
from service.emulator.paypal.errors import Refused
from service.emulator.paypal.money import minor_of, written
from service.emulator.paypal.words import WORDS
from service.emulator.standin import StandIn
from service.emulator.wire import Obj
from service.emulator.words import language

SOURCES = ("complete", "decline", "pending", "pending_fail")


@get("/paypal/checkoutnow")
async def show(request: Request[Any, Any, Any], standin: StandIn, token: str = "") -> Response[str] | Redirect:
    world = standin.world
    world.timers.run(world)
    try:
        order, book = orders.find(world, token)
    except Refused:
        return _notice(request, standin, None, "gone", None)
    return _shown(request, standin, order, book)


@post("/paypal/checkoutnow", status_code=200)
async def submit(request: Request[Any, Any, Any], standin: StandIn, token: str = "") -> Response[str] | Redirect:
    typed = {name: str(value) for name, value in (await request.form()).items()}
    world = standin.world
    world.timers.run(world)
    try:
        order, book = orders.find(world, token)
    except Refused:
        return _notice(request, standin, None, "gone", None)
    if order["status"] == "COMPLETED" or typed.get("answer") not in {"approve", "cancel"}:
        return _shown(request, standin, order, book)
    if typed["answer"] == "cancel":
        orders.cancel(world, book)
    elif _is_settled(order, book):
        return _left(request, standin, order, book)  # the form was sent twice
    else:
        source = typed.get("source")
        orders.approve(world, order, book, source if source in _sources(book) else "complete")
    return _left(request, standin, *orders.find(world, token))


def _is_settled(order: Obj, book: Obj) -> bool:
    """Approved with a way to pay that nobody has refused."""
    return order["status"] == "APPROVED" and not book["refused"] and not book["cancelled"]


def _left(request: Request[Any, Any, Any], standin: StandIn, order: Obj, book: Obj) -> Response[str] | Redirect:
    """Back to the shop, or a word that it can be closed where the shop gave no address."""
    to = levers.returns_to(order, book)
    if to is not None:
        return Redirect(to, status_code=303, headers=HEADERS)
    return _notice(request, standin, order, "cancelled" if book["cancelled"] else "approved", None)


def _shown(request: Request[Any, Any, Any], standin: StandIn, order: Obj, book: Obj) -> Response[str] | Redirect:
    if order["status"] == "COMPLETED":
        return _notice(request, standin, order, "done", levers.returns_to(order, {**book, "cancelled": False}))
    if _is_settled(order, book):
        return _notice(request, standin, order, "approved", levers.returns_to(order, book))
    unit = order["purchase_units"][0]
    sources = [source for source in _sources(book) if not (book["refused"] and source == "decline")]
    return _render(
        request,
        standin,
        order,
        "paypal.html",
        sources=sources,
        declined=book["refused"],
        items=[_line(item) for item in unit.get("items", [])],
        description=unit.get("description"),
        pay_now=book["context"].get("user_action") == "PAY_NOW",
    )


def _sources(book: Obj) -> tuple[str, ...]:
    """A shop that must be paid at once is offered no e-check."""
    at_once = book["context"].get("payment_method_preference") == "IMMEDIATE_PAYMENT_REQUIRED"
    return SOURCES[:2] if at_once else SOURCES


def _line(item: Obj) -> Obj:
    each = item["unit_amount"]
    return {**item, "total": written(minor_of(each) * int(item["quantity"]), each["currency_code"])}


def _notice(
    request: Request[Any, Any, Any], standin: StandIn, order: Obj | None, notice: str, back: str | None
) -> Response[str]:
    status = 404 if notice == "gone" else 200
    return _render(request, standin, order, "paypal_notice.html", notice=notice, back=back, status=status)


def _render(
    request: Request[Any, Any, Any],
    standin: StandIn,
    order: Obj | None,
    template: str,
    *,
    status: int = 200,
    **more: Any,
) -> Response[str]:
    context = {} if order is None else standin.world.store.must("paypal.book", order["id"])["context"]
    lang = language(context.get("locale"), request.headers.get("accept-language", ""))

    def shown(amount: Obj) -> str:
        return money(minor_of(amount), amount["currency_code"], lang)

    page = TEMPLATES.get_template(template).render(
        t=WORDS[lang],
        lang=lang,
        merchant=context.get("brand_name") or standin.world.options.merchant,
        order=order,
        total=None if order is None else order["purchase_units"][0]["amount"],
        money=shown,
        **more,
    )
    return Response(page, status_code=status, media_type="text/html", headers=HEADERS)


PAGES = (show, submit)
