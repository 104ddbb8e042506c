"""`POST /api/payment/checkout-session`."""

from dataclasses import dataclass
from typing import Any

from litestar import Request, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException
from litestar.openapi.spec import Example, OpenAPIMediaType, OpenAPIType, Operation, Parameter, RequestBody, Schema

from service.checkout.flow import open_checkout
from service.checkout.rules import LOCALES, MOST_ITEMS, MOST_NAME, SyntheticRequest, read_key, read_request
from service.checkout.views import Checkout
from service.kernel.errors import (
    GatewayRejected,
    GatewayUnavailable,
    Invalid,
    KeyInFlight,
    KeyReused,
    Maintenance,
    ProviderUnavailable,
    SalesPaused,
    SoldOut,
)
from service.kernel.problem_docs import answered, documented
from service.kernel.shedding import LoadShed
from service.kernel.slowed import slowed
from service.shop.flow import Shop
from service.synthetic.rules import HEADER as SYNTHETIC_HEADER
from service.synthetic.rules import is_ours
from service.telemetry import catalogue
from service.telemetry.labels import LimitZone

EXAMPLE = {
    "items": [{"ticketType": "full-pass", "quantity": 2}],
    "customer": {"email": "ana@example.org", "name": "Ana Pérez"},
    "locale": "en",
}


def _text(**more: Any) -> Schema:
    return Schema(type=OpenAPIType.STRING, **more)


def _object(required: list[str], properties: dict[str, Any]) -> Schema:
    return Schema(type=OpenAPIType.OBJECT, required=required, properties=properties, additional_properties=False)


def _body() -> RequestBody:
    item = _object(
        ["ticketType", "quantity"],
        {"ticketType": _text(min_length=1), "quantity": Schema(type=OpenAPIType.INTEGER, minimum=1)},
    )
    schema = _object(
        ["items", "customer", "locale"],
        {
            "items": Schema(type=OpenAPIType.ARRAY, items=item, min_items=1, max_items=MOST_ITEMS),
            "customer": _object(
                ["email", "name"], {"email": _text(format="email"), "name": _text(min_length=1, max_length=MOST_NAME)}
            ),
            "locale": _text(enum=list(LOCALES)),
            "provider": _text(description="Left out, the first that answers is used."),
            "successUrl": _text(format="uri", description="Left out, the order's own page is used."),
            "cancelUrl": _text(format="uri", description="Left out, the order's own page is used."),
        },
    )
    example = Example(summary="Two full passes", value=EXAMPLE)
    media = OpenAPIMediaType(schema=schema, examples={"two-passes": example})
    return RequestBody(content={"application/json": media}, required=True)


@dataclass
class CheckoutOperation(Operation):
    """The handler reads the raw body, so that every wrong field is named at once; the schema is written here."""

    def __post_init__(self) -> None:
        self.request_body = _body()
        key = Parameter(
            name="Idempotency-Key",
            param_in="header",
            required=True,
            description="A new UUID for each order; the same key and body give the same answer.",
            schema=_text(min_length=1, max_length=255),
            example="9f4c1c1e-6d0b-4b58-8f0e-0d6a3c1f7a11",
        )
        self.parameters = [*(self.parameters or []), key]


ANSWER = {
    "orderId": "ord_01m839ehkag8bczkrreetbs5c4",
    "orderNumber": "ALC-4F7K-9QXD",
    "provider": "stripe",
    "checkoutUrl": "https://checkout.stripe.com/c/pay/cs_live_a1b2c3",
    "expiresAt": "2027-02-13T18:10:00Z",
    "total": {"minor": 49800, "currency": "USD"},
    "accessToken": "Vx1m0c5hYlq3sQ0kTn1vJ7rD2b8e9aWZ4uLpXyGfHiE",
}
PROBLEMS = (
    *(Invalid, 413, 415, SoldOut, KeyInFlight, KeyReused),
    *(GatewayRejected, GatewayUnavailable, ProviderUnavailable, SalesPaused, LoadShed, Maintenance),
)


@post(
    "/checkout-session",
    summary="Open a checkout",
    tags=["Store"],
    opt={"public": "anybody may buy; prices come from the catalogue", "zone": LimitZone.CHECKOUT},
    operation_class=CheckoutOperation,
    responses={
        **answered(201, Checkout, ANSWER, "The tickets are held and the payment page is open"),
        **documented(*PROBLEMS),
    },
)
async def create_checkout_session(request: Request[Any, Any, State], shop: NamedDependency[Shop]) -> Checkout:
    """Hold the tickets and open the payment provider's page.

    The tickets stay reserved until `expiresAt`. Send the customer to `checkoutUrl`. Prices come from the catalogue.
    """
    if request.content_type[0] != "application/json":
        raise HTTPException(status_code=415, detail="Send application/json.")
    try:
        key = read_key(request.headers.get("idempotency-key"))
        wanted = read_request(await request.body(), public_url=shop.public_url)
        if is_ours(shop.tokens.keys, key, request.headers.get(SYNTHETIC_HEADER, "")):
            wanted = SyntheticRequest(**vars(wanted))
    except Invalid:
        shop.db.telemetry.count(catalogue.CHECKOUTS, provider=shop.default_provider, outcome="invalid")
        raise
    return await slowed(open_checkout(shop, wanted, key=key), shop.slowed_percent)
