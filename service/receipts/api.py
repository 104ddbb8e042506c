"""`GET /api/payment/order/{orderId}`."""

from typing import Annotated

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, PathParameter, QueryParameter

from service.access.rules import KEY_START, OrderTokens, Permission, Principal
from service.kernel.db import Database
from service.kernel.errors import Maintenance, NotFound
from service.kernel.problem_docs import answered, documented
from service.receipts.flow import find_receipt, read_receipt
from service.receipts.views import OrderView
from service.telemetry.labels import LimitZone

OrderId = Annotated[str, PathParameter(name="orderId")]
Token = Annotated[str | None, QueryParameter(name="token", description="The order's access token, as links carry it.")]
AccessToken = Annotated[str | None, QueryParameter(name="accessToken", description="The same, named as in the answer.")]
Bearer = Annotated[
    str | None, HeaderParameter(name="Authorization", description="`Bearer <accessToken>`, or `Bearer <API key>`.")
]


EXAMPLE = {
    "orderId": "ord_01m839ehkag8bczkrreetbs5c4",
    "orderNumber": "ALC-4F7K-9QXD",
    "status": "paid",
    "paymentStatus": "succeeded",
    "provider": "stripe",
    "locale": "en",
    "customerName": "Ana Pérez",
    "email": "ana@example.org",
    "total": {"minor": 24900, "currency": "USD"},
    "refunded": {"minor": 0, "currency": "USD"},
    "createdAt": "2027-02-13T18:00:00Z",
    "expiresAt": "2027-02-13T18:10:00Z",
    "paidAt": "2027-02-13T18:01:12Z",
    "items": [
        {
            "ticketType": "full-pass",
            "name": "Full Pass",
            "quantity": 1,
            "unitPrice": {"minor": 24900, "currency": "USD"},
            "total": {"minor": 24900, "currency": "USD"},
        }
    ],
    "tickets": [
        {
            "ticketId": "tkt_01m839f0c4n6t1x2v8s0q5r7we",
            "ticketType": "full-pass",
            "name": "Full Pass",
            "code": "4F7K-9QXD-2MNB",
            "status": "valid",
        }
    ],
    "payments": [
        {
            "paymentId": "pay_01m839ehm2y0a7d3c9k5j1p4tb",
            "provider": "stripe",
            "status": "succeeded",
            "amount": {"minor": 24900, "currency": "USD"},
            "createdAt": "2027-02-13T18:00:00Z",
            "surplus": False,
            "returned": {"minor": 0, "currency": "USD"},
        }
    ],
    "refunds": [],
    "decline": None,
    "checkoutUrl": None,
    "customerErasedAt": None,
    "disputes": None,
}


@get(
    "/order/{orderId:str}",
    summary="Look up an order",
    tags=["Store"],
    opt={
        "permission": Permission.ORDERS_READ,
        "hidden": "the order's access token opens it too",
        "zone": LimitZone.ORDERS,
    },
    responses={**answered(200, OrderView, EXAMPLE, "The order"), **documented(NotFound, Maintenance)},
)
async def get_order(
    order_id: OrderId,
    db: NamedDependency[Database],
    tokens: NamedDependency[OrderTokens],
    principal: NamedDependency[Principal | None],
    *,
    authorization: Bearer = None,
    token: Token = None,
    access_token: AccessToken = None,
) -> Response[OrderView]:
    """The order with its items, payments, refunds and tickets.

    Needs the order's access token, or an API key with `orders:read`. Who may not see an order and who asks for one that
    does not exist get the same answer.
    """
    given = _token_in(authorization) or token or access_token
    async with db.transaction() as session:
        if principal is not None:
            view = await read_receipt(session, order_id, for_staff=True)
        else:
            view = await find_receipt(session, order_id, token=given, tokens=tokens)
    return Response(view, headers={"Cache-Control": "no-store"})


def _token_in(authorization: str | None) -> str | None:
    """What the header shows as an order's token: a key that may not see orders is none, and hides no link's."""
    scheme, _, bearer = (authorization or "").partition(" ")
    is_token = scheme.lower() == "bearer" and not bearer.strip().startswith(KEY_START)
    return bearer.strip() if is_token and bearer else None
