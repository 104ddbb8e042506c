"""`GET /api/payment/order/{orderId}`."""

from typing import Annotated

from litestar import Response, get
from litestar.params import Parameter

from service.access.rules import OrderTokens
from service.kernel.db import Database
from service.receipts.flow import find_receipt
from service.receipts.views import OrderView

Token = Annotated[str | None, Parameter(query="token", description="The order's access token.")]
AccessToken = Annotated[str | None, Parameter(query="accessToken", description="The same, named as in the answer.")]
Bearer = Annotated[str | None, Parameter(header="Authorization", description="`Bearer <accessToken>`; preferred.")]


@get("/order/{order_id:str}", summary="Look up an order", tags=["Store"])
async def get_order(
    order_id: str,
    db: Database,
    tokens: OrderTokens,
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
