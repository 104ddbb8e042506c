"""`GET /api/payment/order/{orderId}`."""

from typing import Annotated

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, QueryParameter

from service.access.rules import OrderTokens
from service.kernel.db import Database
from service.receipts.flow import find_receipt
from service.receipts.views import OrderView

Token = Annotated[str | None, QueryParameter(name="token", description="The order's access token, as links carry it.")]
AccessToken = Annotated[str | None, QueryParameter(name="accessToken", description="The same, named as in the answer.")]
Bearer = Annotated[str | None, HeaderParameter(name="Authorization", description="`Bearer <accessToken>`; preferred.")]


@get("/order/{order_id:str}", summary="Look up an order", tags=["Store"])
async def get_order(
    order_id: FromPath[str],
    db: NamedDependency[Database],
    tokens: NamedDependency[OrderTokens],
    authorization: Bearer = None,
    token: Token = None,
    access_token: AccessToken = None,
) -> Response[OrderView]:
    """The order with its items, payments, refunds and tickets.

    Needs the order's access token. A wrong token and an unknown order get the same answer.
    """
    scheme, _, bearer = (authorization or "").partition(" ")
    given = bearer.strip() if scheme.lower() == "bearer" and bearer else token or access_token
    async with db.transaction() as session:
        view = await find_receipt(session, order_id, token=given, tokens=tokens)
    return Response(view, headers={"Cache-Control": "no-store"})
