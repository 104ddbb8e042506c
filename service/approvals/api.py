"""`/api/payment/refund`: ask for one, look at it, decide on it."""

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException
from litestar.openapi.spec import Example, OpenAPIMediaType, OpenAPIType, Operation, Parameter, RequestBody, Schema
from litestar.params import PathParameter, QueryParameter

from service.access.rules import Permission
from service.acts.api import NO_STORE, READING, Limit, operator_of
from service.approvals import flow
from service.approvals.rules import MOST_ITEMS, MOST_MINOR, MOST_NOTE, MOST_TEXT, read_note, read_wish
from service.approvals.views import RefundAsked, RefundDecided, RefundDetail, RefundList
from service.checkout.rules import read_key
from service.kernel.errors import (
    FieldError,
    Forbidden,
    GatewayUnavailable,
    Invalid,
    KeyInFlight,
    KeyReused,
    NotFound,
    Unidentified,
    WrongState,
)
from service.kernel.ids import is_id
from service.kernel.problem_docs import answered, documented
from service.kernel.refusals import (
    AboveLeft,
    DisputeRunning,
    NobodysKey,
    NothingLeft,
    NotPaid,
    NotRefundable,
    OwnRequest,
)
from service.refunds.machine import RefundStatus
from service.refunds.rules import MEANINGS, Reason
from service.shop.flow import Shop

TAGS = ["Refunds"]
RefundId = Annotated[str, PathParameter(name="refundId")]
# A text and not the enum: the framework reads `null` as "none given" where a type may be None and is no text.
Status = Annotated[
    str | None,
    QueryParameter(
        pattern=f"^({'|'.join(RefundStatus)})$", description=f"Only those in this state: {', '.join(RefundStatus)}."
    ),
]
After = Annotated[str | None, QueryParameter(name="cursor", max_length=MOST_TEXT, description="Of the page before.")]
AMOUNT = {"minor": 5000, "currency": "USD"}
ASKED = {"refundId": "rfd_01m83a1v5pe7c9q2x4t8y0kzwn", "status": "requested"}
DETAIL = {
    "refundId": "rfd_01m83a1v5pe7c9q2x4t8y0kzwn",
    "orderId": "ord_01m839ehkag8bczkrreetbs5c4",
    "orderNumber": "ALC-4F7K-9QXD",
    "paymentId": "pay_01m839ehm2y0a7d3c9k5j1p4tb",
    "provider": "stripe",
    "status": "awaiting_approval",
    "amount": {"minor": 49800, "currency": "USD"},
    "items": [{"ticketType": "full-pass", "quantity": 2, "amount": {"minor": 49800, "currency": "USD"}}],
    "reason": "ticket_returned",
    "note": "Broke a leg; sent the doctor's letter.",
    "external": False,
    "requestedBy": {"kind": "key", "id": "key_01m839ehkag8bczkrreetbs5c4", "name": "help-desk"},
    "createdAt": "2027-02-13T18:20:00Z",
    "decidedBy": None,
    "decidedAt": None,
    "decisionNote": None,
    "failureReason": None,
    "returnedAt": None,
    "expiresAt": "2027-02-20T18:20:00Z",
}
REFUSED = (NotPaid, NothingLeft, AboveLeft, DisputeRunning)
ASKING = (
    Invalid,
    413,
    415,
    Unidentified,
    Forbidden,
    NobodysKey,
    NotFound,
    *REFUSED,
    NotRefundable,
    KeyInFlight,
    KeyReused,
)
DECIDING = (Invalid, 413, 415, Unidentified, Forbidden, NotFound, WrongState)


def _text(**more: Any) -> Schema:
    return Schema(type=OpenAPIType.STRING, **more)


def _object(required: list[str], properties: dict[str, Any], **more: Any) -> Schema:
    known: Any = {"required": required} if required else {}
    return Schema(type=OpenAPIType.OBJECT, properties=properties, additional_properties=False, **known, **more)


def _number(**more: Any) -> Schema:
    return Schema(type=OpenAPIType.INTEGER, minimum=1, **more)


def _wish() -> Schema:
    item = _object(
        ["ticketType", "quantity"], {"ticketType": _text(min_length=1, max_length=MOST_TEXT), "quantity": _number()}
    )
    meanings = " ".join(f"`{each}`: {told}" for each, told in MEANINGS.items())
    return _object(
        ["orderId", "reason"],
        {
            "orderId": _text(min_length=1, max_length=MOST_TEXT),
            "amount": _object(
                ["minor", "currency"],
                {"minor": _number(maximum=MOST_MINOR), "currency": _text(pattern="^[A-Z]{3}$")},
                description="How much, in the order's currency. No ticket becomes void by it, unless nothing is left.",
            ),
            "items": Schema(
                type=OpenAPIType.ARRAY,
                items=item,
                min_items=1,
                max_items=MOST_ITEMS,
                description="Instead of an amount: so many tickets of each type, at what they cost; they become void.",
            ),
            "reason": _text(enum=list(Reason), description=meanings),
            "note": _text(
                min_length=1, max_length=MOST_NOTE, description="For colleagues; the customer never sees it."
            ),
        },
    )


@dataclass
class AskOperation(Operation):
    """The handler reads the raw body, so that every wrong field is named at once; the schema is written here."""

    def __post_init__(self) -> None:
        order = {"orderId": DETAIL["orderId"]}
        examples: dict[str, Any] = {
            "some-money": Example(summary="A part", value=order | {"amount": AMOUNT, "reason": "goodwill"}),
            "a-ticket": Example(
                summary="One of the tickets",
                value=order | {"items": [{"ticketType": "full-pass", "quantity": 1}], "reason": "ticket_returned"},
            ),
            "everything": Example(summary="All that is left", value=order | {"reason": "requested_by_customer"}),
        }
        media = OpenAPIMediaType(schema=_wish(), examples=examples)
        self.request_body = RequestBody(content={"application/json": media}, required=True)
        key = Parameter(
            name="Idempotency-Key",
            param_in="header",
            required=True,
            description="A new UUID for each refund; the same key and body give the same answer.",
            schema=_text(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$"),
            example="2c5ea4c0-4067-4fe9-8bca-6a1d5d0f3a0e",
        )
        self.parameters = [*(self.parameters or []), key]


@dataclass
class DecideOperation(Operation):
    """The same for a note; a rejection needs one."""

    def __post_init__(self) -> None:
        needed = (self.summary or "").startswith("Reject")
        note = _text(min_length=1, max_length=MOST_NOTE, description="Why; the customer never sees it.")
        schema = _object(["note"] if needed else [], {"note": note})
        example = Example(summary="With a reason", value={"note": "The doctor's letter is there."})
        media = OpenAPIMediaType(schema=schema, examples={"note": example})
        self.request_body = RequestBody(content={"application/json": media}, required=needed)


@post(
    "/refund",
    summary="Ask for a refund",
    tags=TAGS,
    opt={"permission": Permission.REFUNDS_WRITE},
    operation_class=AskOperation,
    responses={
        **answered(201, RefundAsked, ASKED, "It is on its way to the payment provider"),
        **answered(
            202, RefundAsked, ASKED | {"status": "awaiting_approval"}, "Above your limit: a second person decides"
        ),
        **documented(*ASKING, GatewayUnavailable),
    },
)
async def ask_refund(request: Request[Any, Any, State], shop: NamedDependency[Shop]) -> Response[RefundAsked]:
    """Give back an amount, some tickets, or all that is left of what was paid for an order.

    Nothing has gone back when this answers: it is written down and sent in a moment, and the order tells how it stands.
    Your limit counts all you have asked for of the order.
    """
    key = read_key(request.headers.get("idempotency-key"))
    wish = read_wish(await _body(request))
    asked = await flow.ask(shop.db, shop.gateways, operator_of(request), wish, key=key)
    status_code = 202 if asked.status == RefundStatus.AWAITING_APPROVAL else 201
    return Response(asked, status_code=status_code, headers=NO_STORE)


@get(
    "/refund/{refundId:str}",
    summary="Look up a refund",
    tags=TAGS,
    opt={"permission": Permission.TRANSACTIONS_READ},
    responses={**answered(200, RefundDetail, DETAIL, "The refund"), **documented(*READING, NotFound)},
)
async def get_refund(refund_id: RefundId, shop: NamedDependency[Shop]) -> Response[RefundDetail]:
    """One refund, who asked for it and why, and who decided."""
    async with shop.db.transaction() as session:
        return Response((await flow.details(session, [await flow.find(session, refund_id)]))[0], headers=NO_STORE)


@get(
    "/refunds",
    summary="List refunds",
    tags=TAGS,
    opt={"permission": Permission.TRANSACTIONS_READ},
    responses={
        **answered(200, RefundList, {"refunds": [DETAIL], "cursor": None}, "A page"),
        **documented(*READING),
    },
)
async def list_refunds(
    shop: NamedDependency[Shop], *, status: Status = None, limit: Limit = 50, cursor: After = None
) -> Response[RefundList]:
    """Refunds, the oldest first; with `status=awaiting_approval` those that wait for a second person."""
    if cursor is not None and not is_id(cursor, "rfd"):
        raise Invalid([FieldError("cursor", "invalid_cursor", "Send the cursor of the page before, as it was.")])
    async with shop.db.transaction() as session:
        found = await flow.listed(
            session, status=RefundStatus(status) if status else None, after=cursor, limit=limit + 1
        )
        page = await flow.details(session, found[:limit])
    return Response(RefundList(page, page[-1].refund_id if len(found) > limit else None), headers=NO_STORE)


@post(
    "/refund/{refundId:str}/approve",
    summary="Approve a refund",
    tags=TAGS,
    opt={"permission": Permission.REFUNDS_APPROVE},
    operation_class=DecideOperation,
    status_code=200,
    responses={
        **answered(200, RefundDecided, ASKED | {"outcome": "approved"}, "It is on its way"),
        **documented(*DECIDING, OwnRequest, NobodysKey, *REFUSED),
    },
)
async def approve_refund(
    refund_id: RefundId, request: Request[Any, Any, State], shop: NamedDependency[Shop]
) -> Response[RefundDecided]:
    """Let a refund go that somebody else has asked for; nobody approves their own, whatever their limit.

    When the money has gone back meanwhile, or a dispute runs, it is canceled and the answer says why.
    """
    said = read_note(await _body(request, may_be_empty=True), needed=False)
    return _answer(await flow.approve(shop.db, operator_of(request), refund_id, said))


@post(
    "/refund/{refundId:str}/reject",
    summary="Reject a refund",
    tags=TAGS,
    opt={"permission": Permission.REFUNDS_APPROVE},
    operation_class=DecideOperation,
    status_code=200,
    responses={
        **answered(200, RefundDecided, ASKED | {"status": "canceled", "outcome": "rejected"}, "It will not be made"),
        **documented(*DECIDING),
    },
)
async def reject_refund(
    refund_id: RefundId, request: Request[Any, Any, State], shop: NamedDependency[Shop]
) -> Response[RefundDecided]:
    """Cancel a refund that waits for a decision, and say why; what it held of the payment is free again."""
    said = read_note(await _body(request), needed=True)
    return _answer(await flow.reject(shop.db, operator_of(request), refund_id, said))


REFUNDS = (ask_refund, get_refund, list_refunds, approve_refund, reject_refund)


def _answer(decision: flow.Decision) -> Response[RefundDecided]:
    if decision.refused is not None:  # after the commit: that it was canceled stays
        raise decision.refused
    return Response(decision.told, headers=NO_STORE)


async def _body(request: Request[Any, Any, State], *, may_be_empty: bool = False) -> bytes:
    body = await request.body()
    if request.content_type[0] != "application/json" and not (may_be_empty and not body):
        raise HTTPException(status_code=415, detail="Send application/json.")
    return body
