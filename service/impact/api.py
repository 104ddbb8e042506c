"""`/api/ops/impact`, `/api/ops/orders/stuck` and `/api/ops/orders/{orderId}/find-out`."""

from datetime import datetime
from typing import Annotated, Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter

from service.access.rules import Permission
from service.acts.api import ACTING, NO_STORE, READING, ActBody, JsonRequest, Limit, Repeatable, asked, shown
from service.acts.rules import PLAIN, Told, read_time
from service.impact import flow
from service.impact.views import ImpactView, StuckOrdersView, TouchedOrdersView
from service.kernel.errors import FieldError, GatewayRejected, GatewayUnavailable, Invalid, NotFound, WrongState
from service.kernel.problem_docs import answered, documented
from service.shop.flow import Shop

TAGS = ["Operations: orders and impact"]
READ, WRITE = {"permission": Permission.OPS_READ}, {"permission": Permission.OPS_WRITE}
OrderId = Annotated[str, PathParameter(name="orderId", examples=shown("ord_01m839ehkag8bczkrreetbs5c4"))]
Provider = Annotated[
    str | None, QueryParameter(min_length=1, max_length=100, pattern=PLAIN, description="Only of this provider.")
]
_TIME = {"format": "date-time"}
Since = Annotated[
    str,
    QueryParameter(
        schema_extra=_TIME, description="From when on, with its zone.", examples=shown("2027-02-13T18:00:00Z")
    ),
]
Until = Annotated[str | None, QueryParameter(schema_extra=_TIME, description="Before when; else until now.")]
MOST_TOUCHED = 1000

SOME = {"orders": 12, "sessions": 14, "amounts": [{"minor": 298_800, "currency": "USD"}]}
NONE: dict[str, Any] = {"orders": 0, "sessions": 0, "amounts": []}
IMPACT = {
    "since": "2027-02-13T18:00:00Z",
    "until": "2027-02-13T18:20:00Z",
    "provider": "stripe",
    "orders": {"opened": SOME, "paid": SOME, "troubled": SOME, "paidLater": SOME, "waiting": NONE, "lost": NONE},
    "failed": [{"provider": "stripe", "category": "no_answer", "figure": SOME}],
    "refunds": {"waiting": NONE, "failed": NONE},
    "moneyAtRisk": {"outcomeUnknown": NONE, "paidWithoutSeat": NONE, "paidTwice": NONE, "disputed": NONE},
    "asOf": "2027-02-13T18:20:00Z",
}
ORDER = "ord_01m839ehkag8bczkrreetbs5c4"
STUCK = {
    "orderId": ORDER,
    "orderNumber": "ALC-4F7K-9QXD",
    "status": "awaiting_payment",
    "total": {"minor": 24900, "currency": "USD"},
    "provider": "stripe",
    "waitsFor": "gateway_answer",
    "since": "2027-02-13T18:00:09Z",
    "next": "The worker asks again, ever more rarely; `find-out` asks now.",
    "paymentId": "pay_01m839ehm2y0a7d3c9k5j1p4tb",
    "paymentStatus": "unknown",
    "askedAt": "2027-02-13T18:03:00Z",
    "deadLetters": 0,
}
TOUCHED = {
    "orderId": ORDER,
    "orderNumber": "ALC-4F7K-9QXD",
    "status": "paid",
    "total": {"minor": 24900, "currency": "USD"},
    "provider": "stripe",
    "trouble": "no_answer",
    "isPaid": True,
    "createdAt": "2027-02-13T18:00:09Z",
}
FOUND = {
    "action": "order.find_out",
    "subject": ORDER,
    "dryRun": False,
    "changes": True,
    "before": {"status": "awaiting_payment", "payments": {"pay_01m839ehm2y0a7d3c9k5j1p4tb": "unknown"}},
    "after": {"status": "paid", "payments": {"pay_01m839ehm2y0a7d3c9k5j1p4tb": "succeeded"}},
    "affects": {"orders": 1, "sessions": 1, "events": 0, "amounts": [{"minor": 24900, "currency": "USD"}]},
    "planHash": "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
}


@get(
    "/impact",
    summary="What a trouble has cost",
    tags=TAGS,
    opt=READ,
    responses={**answered(200, ImpactView, IMPACT, "The figures, as of now"), **documented(*READING)},
)
async def get_impact(
    shop: NamedDependency[Shop],
    since: Since,
    *,
    until: Until = None,
    provider: Provider = None,
) -> Response[ImpactView]:
    """Orders, attempts and money that a trouble touched: of the orders placed in [since, until), how they stand now.

    At most 31 days at once. With `provider` only attempts and refunds there count.
    """
    async with shop.db.transaction() as session:
        view = await flow.read_impact(session, since=_start(since), until=read_time(until, "until"), provider=provider)
    return Response(view, headers=NO_STORE)


@get(
    "/impact/orders",
    summary="Whom a trouble has touched",
    tags=TAGS,
    opt=READ,
    responses={
        **answered(
            200, TouchedOrdersView, {"orders": [TOUCHED], "more": False, "asOf": "2027-02-13T18:20:00Z"}, "Them"
        ),
        **documented(*READING),
    },
)
async def list_touched(
    shop: NamedDependency[Shop],
    since: Since,
    *,
    until: Until = None,
    provider: Provider = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MOST_TOUCHED, description="How many at most.")] = 200,
) -> Response[TouchedOrdersView]:
    """The orders behind the figures, for those who write to their customers; nothing of the customers themselves."""
    async with shop.db.transaction() as session:
        values = flow.values_of(session, since=_start(since), until=read_time(until, "until"), provider=provider)
        return Response(await flow.read_touched(session, values=values, limit=limit), headers=NO_STORE)


def _start(since: str) -> datetime:
    start = read_time(since, "since")
    if start is None:
        raise Invalid([FieldError("since", "required", "From when on?")])
    return start


@get(
    "/orders/stuck",
    summary="Orders that stand still",
    tags=TAGS,
    opt=READ,
    responses={
        **answered(200, StuckOrdersView, {"orders": [STUCK], "total": SOME, "asOf": "2027-02-13T18:05:00Z"}, "Them"),
        **documented(*READING),
    },
)
async def list_stuck(
    shop: NamedDependency[Shop], *, provider: Provider = None, limit: Limit = 50
) -> Response[StuckOrdersView]:
    """Which orders wait for what, since when, and what happens next; nothing of their customers."""
    async with shop.db.transaction() as session:
        return Response(await flow.read_stuck(session, provider=provider, limit=limit), headers=NO_STORE)


@post(
    "/orders/{orderId:str}/find-out",
    summary="Ask the gateway now",
    tags=TAGS,
    opt=WRITE,
    status_code=200,
    responses={
        **answered(200, Told, FOUND, "How it stood and how it stands, or what would be asked"),
        **documented(*ACTING, NotFound, WrongState, GatewayRejected, GatewayUnavailable),
    },
)
async def find_out_order(
    request: JsonRequest, order_id: OrderId, data: ActBody, shop: NamedDependency[Shop], *, key: Repeatable = None
) -> Response[Told]:
    """Ask the gateway how every undecided attempt of an order stands, and apply what it says.

    The worker does so by itself, ever more rarely. Asking is safe: nothing is charged or sold by it.
    """
    return Response(await flow.ask_now(shop, order_id, asked(request, data, key)), headers=NO_STORE)
