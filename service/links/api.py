"""`POST /api/payment/order-link`, and the same as a page for people."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import msgspec
from litestar import HttpMethod, Request, Response, post, route
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException
from litestar.openapi.spec import Example, OpenAPIFormat, OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema

from service.checkout.rules import read_email
from service.kernel.db import Database
from service.kernel.errors import FieldError, Invalid, Maintenance
from service.kernel.problem_docs import answered, documented
from service.links import flow
from service.shop.flow import Shop
from service.telemetry.labels import LimitZone

PATH = "/order-link"
TOLD = "If there are orders of this address, a letter with the links to them is on its way to it."


class Accepted(msgspec.Struct, frozen=True):
    """The same for every address."""

    message: str = TOLD


@dataclass
class LinkOperation(Operation):
    """The handler reads the raw body, as the checkout does; its schema is written here."""

    def __post_init__(self) -> None:
        email = Schema(
            type=OpenAPIType.STRING, format=OpenAPIFormat.EMAIL, description="The one the tickets were bought with."
        )
        schema = Schema(
            type=OpenAPIType.OBJECT, required=["email"], properties={"email": email}, additional_properties=False
        )
        example = Example(summary="Ana has lost her letter", value={"email": "ana@example.org"})
        media = OpenAPIMediaType(schema=schema, examples={"lost-letter": example})
        self.request_body = RequestBody(content={"application/json": media}, required=True)


@post(
    PATH,
    summary="Have the links to one's orders sent by mail",
    tags=["Store"],
    status_code=202,
    opt={"public": "it answers the same to everybody; the letter goes to the buyer", "zone": LimitZone.ORDER_LINK},
    operation_class=LinkOperation,
    responses={
        **answered(202, Accepted, {"message": TOLD}, "Asked for"),
        **documented(Invalid, 413, 415, Maintenance),
    },
)
async def ask_for_links(request: Request[Any, Any, State], db: NamedDependency[Database]) -> Accepted:
    """One letter with the links to the orders of the last year, sent to the address they were bought with.

    The answer and its time are the same whether or not there are orders. An address gets one letter in ten minutes.
    """
    if request.content_type[0] != "application/json":
        raise HTTPException(status_code=415, detail="Send application/json.")
    email = _read(await request.body())
    async with db.transaction() as session:
        await flow.ask(session, email)
    return Accepted()


def _read(body: bytes) -> str:
    try:
        values = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        told = FieldError("body", "not_json", f"The body is not valid JSON: {error}")
        raise Invalid([told], "invalid_json") from error
    if not isinstance(values, dict):
        raise Invalid([FieldError("body", "not_an_object", "Send a JSON object.")])
    if strange := [name for name in values if name != "email"]:
        raise Invalid([FieldError(strange[0][:200], "unknown_field", "There is no such field.")])
    return read_email(values.get("email"), "email")


# ---- the page --------------------------------------------------------------------------------------------------------


@runtime_checkable
class Visit(Protocol):
    """What the store gives to each of its pages."""

    @property
    def request(self) -> Request[Any, Any, Any]: ...
    @property
    def shop(self) -> Shop: ...
    def page(self, template: str, path: str, **more: Any) -> Response[bytes]: ...
    def to(self, path: str) -> Response[Any]: ...
    async def form(self) -> list[tuple[str, str]]: ...


@route(PATH, http_method=[HttpMethod.GET, HttpMethod.HEAD], status_code=200)
async def show_order_link(visit: NamedDependency[Visit]) -> Response[bytes]:
    """The form; after it was sent, what happens now."""
    return visit.page("order_link.html", PATH, sent="sent" in visit.request.query_params, typed="", wrong=False)


@post(PATH, status_code=303, opt={"zone": LimitZone.ORDER_LINK})
async def send_order_link(visit: NamedDependency[Visit]) -> Response[Any]:
    """Ask for the letter, and say that it is on its way if there is one to send."""
    typed = dict(await visit.form()).get("email", "").strip()
    try:
        email = read_email(typed, "email")
    except Invalid:
        return visit.page("order_link.html", PATH, sent=False, typed=typed, wrong=True, status=422)
    async with visit.shop.db.transaction() as session:
        await flow.ask(session, email)
    return visit.to(f"{PATH}?sent=1")


PAGES = (show_order_link, send_order_link)
