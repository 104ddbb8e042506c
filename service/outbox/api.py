"""`/api/ops/outbox`: messages on their way out, the dead letters among them."""

from functools import partial
from typing import Annotated, Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import Body, PathParameter, QueryParameter

from service.access.rules import Permission
from service.acts.api import (
    ACTING,
    NO_STORE,
    READING,
    ActBody,
    Cursor,
    JsonRequest,
    Limit,
    Repeatable,
    asked,
    operator_of,
    shown,
)
from service.acts.flow import perform
from service.acts.rules import PLAIN, Told
from service.kernel.errors import NotFound, WrongState
from service.kernel.problem_docs import answered, documented
from service.outbox import flow
from service.outbox.views import InState, MessagesView, RetryMany
from service.shop.flow import Shop

TAGS = ["Operations: inbox and outbox"]
MOST_SEQ = 2**63 - 1
Seq = Annotated[int, PathParameter(ge=1, le=MOST_SEQ, description="The message's number.", examples=shown(815))]

MESSAGE: dict[str, Any] = {
    "seq": 815,
    "kind": "mail.confirmation",
    "key": "ord_01m839ehkag8bczkrreetbs5c4",
    "state": "dead",
    "attempts": 100,
    "dueAt": "2027-02-14T11:20:00Z",
    "leasedUntil": None,
    "lastError": "SMTPRecipientsRefused: 550 no such user",
    "createdAt": "2027-02-13T18:01:12Z",
    "doneAt": None,
    "payload": {"order_id": "ord_01m839ehkag8bczkrreetbs5c4"},
}
RETRIED: dict[str, Any] = {
    "action": "outbox.retry",
    "subject": "mail.confirmation ord_01m839ehkag8bczkrreetbs5c4",
    "dryRun": False,
    "changes": True,
    "before": {"seq": 815, "state": "dead", "attempts": 100},
    "after": {"state": "pending", "attempts": 0},
    "affects": {"orders": 1, "sessions": 0, "events": 1, "amounts": [{"minor": 24900, "currency": "USD"}]},
    "planHash": "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
}
MANY: dict[str, Any] = {
    **RETRIED,
    "subject": "mail",
    "before": {"state": "dead", "messages": [815, 816]},
    "affects": {"orders": 2, "sessions": 0, "events": 2, "amounts": [{"minor": 49800, "currency": "USD"}]},
}
DISCARDED = {**RETRIED, "action": "outbox.discard", "after": {"state": "done", "effect": "none"}}


@get(
    "/outbox",
    summary="Messages on their way out",
    tags=TAGS,
    opt={"permission": Permission.OPS_READ},
    responses={
        **answered(200, MessagesView, {"messages": [MESSAGE], "cursor": None}, "A page"),
        **documented(*READING),
    },
)
async def list_messages(
    request: JsonRequest,
    shop: NamedDependency[Shop],
    *,
    in_state: Annotated[
        InState, QueryParameter(name="state", description="`dead` are those that wait for a person.")
    ] = "any",
    kind: Annotated[
        str | None, QueryParameter(min_length=1, max_length=100, pattern=PLAIN, description="Of this kind.")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[MessagesView]:
    """Messages, newest first: mails, refunds and captures to be sent, checkouts to be closed."""
    personal = operator_of(request).may(Permission.ORDERS_READ)
    async with shop.db.transaction() as session:
        page = await flow.read_page(
            session,
            state=None if in_state == "any" else in_state,
            kind=kind,
            limit=limit,
            cursor=cursor,
            personal=personal,
        )
    return Response(page, headers=NO_STORE)


@post(
    "/outbox/retry",
    summary="Deliver many messages again",
    tags=TAGS,
    opt={"permission": Permission.OPS_WRITE},
    status_code=200,
    responses={**answered(200, Told, MANY, "They are due at once, or would be"), **documented(*ACTING)},
)
async def retry_messages(
    request: JsonRequest,
    data: Annotated[RetryMany, Body(examples=shown({"kind": "mail", "reason": "the mail server is back"}))],
    shop: NamedDependency[Shop],
    *,
    key: Repeatable = None,
) -> Response[Told]:
    """Deliver dead messages of a kind, or of all, again: the oldest first, in one transaction with one entry in the trail.

    Each has its effect once, however often it is delivered. What was set aside for a person stays so unless `parked` says otherwise.
    """
    wanted = asked(request, data, key)
    return Response(await perform(shop.db, wanted, partial(flow.prepare_many, wish=data)), headers=NO_STORE)


@post(
    "/outbox/{message:int}/retry",
    summary="Deliver a message again",
    tags=TAGS,
    opt={"permission": Permission.OPS_WRITE},
    status_code=200,
    responses={
        **answered(200, Told, RETRIED, "It is due at once, or would be"),
        **documented(*ACTING, NotFound, WrongState),
    },
)
async def retry_message(
    request: JsonRequest, message: Seq, data: ActBody, shop: NamedDependency[Shop], *, key: Repeatable = None
) -> Response[Told]:
    """Deliver a dead or waiting message at once, with all its tries again."""
    wanted = asked(request, data, key)
    return Response(await perform(shop.db, wanted, partial(flow.prepare_retry, seq=message)), headers=NO_STORE)


@post(
    "/outbox/{message:int}/discard",
    summary="Decide against a message",
    tags=TAGS,
    opt={"permission": Permission.OPS_WRITE},
    status_code=200,
    responses={
        **answered(200, Told, DISCARDED, "It will have no effect, or would"),
        **documented(*ACTING, NotFound, WrongState),
    },
)
async def discard_message(
    request: JsonRequest, message: Seq, data: ActBody, shop: NamedDependency[Shop], *, key: Repeatable = None
) -> Response[Told]:
    """Decide that a dead or waiting message shall have no effect. The order it is about stays as it is."""
    wanted = asked(request, data, key)
    prepare = partial(flow.prepare_discard, seq=message, asked=wanted)
    return Response(await perform(shop.db, wanted, prepare), headers=NO_STORE)
