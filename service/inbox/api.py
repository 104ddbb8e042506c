"""`/api/ops/inbox`: the gateways' events, the dead letters among them."""

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
from service.acts.rules import PLAIN, Told, read_time
from service.inbox import flow
from service.inbox.flow import Chosen
from service.inbox.views import MOST_TEXT, EventsView, InState, OneEventView, ReplayMany, SweepAsked, present_one
from service.kernel.errors import GatewayRejected, GatewayUnavailable, NotFound, WrongState
from service.kernel.problem_docs import answered, documented
from service.shop.flow import Shop

TAGS = ["Operations: inbox and outbox"]
READ, WRITE = {"permission": Permission.OPS_READ}, {"permission": Permission.OPS_WRITE}
EventId = Annotated[
    str,
    PathParameter(
        name="event",
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="The gateway's id, or the number in the inbox.",
        examples=shown("evt_1"),
    ),
]


def _filter(description: str) -> Any:
    return QueryParameter(min_length=1, max_length=MOST_TEXT, pattern=PLAIN, description=description)


EVENT: dict[str, Any] = {
    "seq": 4711,
    "eventId": "evt_1",
    "provider": "stripe",
    "type": "checkout.session.completed",
    "subject": "ord_01m839ehkag8bczkrreetbs5c4",
    "state": "dead",
    "outcome": None,
    "attempts": 1,
    "cause": "amount_mismatch",
    "foundBy": "webhook",
    "thin": None,
    "createdAt": "2027-02-13T18:01:10Z",
    "receivedAt": "2027-02-13T18:01:12Z",
    "dueAt": "2027-02-13T18:01:12Z",
    "endedAt": "2027-02-13T18:01:13Z",
    "traceparent": None,
}
BODY = {"id": "evt_1", "type": "checkout.session.completed", "data": {"object": {"customer_details": "[hidden]"}}}
ONE = {**EVENT, "lastError": "Parked: paid 100 of 24900", "payload": BODY, "detail": None}
FACTS = {
    "provider": "stripe",
    "type": "checkout.session.completed",
    "about": "ord_01m839ehkag8bczkrreetbs5c4",
    "state": "dead",
    "attempts": 1,
    "cause": "amount_mismatch",
}
TOUCHED = {"orders": 1, "sessions": 1, "events": 1, "amounts": [{"minor": 24900, "currency": "USD"}]}
REPLAYED = {
    "action": "inbox.replay",
    "subject": "evt_1",
    "dryRun": False,
    "changes": True,
    "before": FACTS,
    "after": {"state": "pending", "attempts": 0},
    "affects": TOUCHED,
    "planHash": "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
}
DISCARDED = {**REPLAYED, "action": "inbox.discard", "after": {"state": "discarded"}}
MANY = {**REPLAYED, "subject": "inbox", "before": {"state": "dead", "events": ["evt_1"]}, "after": {"state": "pending"}}
SWEPT = {**REPLAYED, "action": "inbox.sweep", "subject": "inbox", "before": None}
SWEPT["after"] = {"missing": {"stripe": ["evt_1"], "paypal": []}}


@get(
    "/inbox",
    summary="Events of the gateways",
    tags=TAGS,
    opt=READ,
    responses={**answered(200, EventsView, {"events": [EVENT], "cursor": None}, "A page"), **documented(*READING)},
)
async def list_events(
    shop: NamedDependency[Shop],
    *,
    in_state: Annotated[
        InState, QueryParameter(name="state", description="`dead` are those that wait for a person.")
    ] = "any",
    provider: Annotated[str | None, _filter("Of this gateway.")] = None,
    type_: Annotated[
        str | None,
        QueryParameter(
            name="type", min_length=1, max_length=MOST_TEXT, pattern=PLAIN, description="The gateway's own name of it."
        ),
    ] = None,
    subject: Annotated[str | None, _filter("About this order.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[EventsView]:
    """Events, newest first, without their bodies."""
    chosen = Chosen(None if in_state == "any" else in_state, provider, type_, subject)
    async with shop.db.transaction() as session:
        return Response(await flow.read_page(session, chosen, limit=limit, cursor=cursor), headers=NO_STORE)


@get(
    "/inbox/{event:str}",
    summary="One event",
    tags=TAGS,
    opt=READ,
    responses={**answered(200, OneEventView, ONE, "The event with its body"), **documented(*READING, NotFound)},
)
async def get_event(request: JsonRequest, event: EventId, shop: NamedDependency[Shop]) -> Response[OneEventView]:
    """One event with its body and what became of it. What tells of a person is shown only with `orders:read`."""
    personal = operator_of(request).may(Permission.ORDERS_READ)
    async with shop.db.transaction() as session:
        return Response(present_one(await flow.find_one(session, event), personal=personal), headers=NO_STORE)


@post(
    "/inbox/{event:str}/replay",
    summary="Apply an event again",
    tags=TAGS,
    opt=WRITE,
    status_code=200,
    responses={**answered(200, Told, REPLAYED, "It is due again, or would be"), **documented(*ACTING, NotFound)},
)
async def replay_event(
    request: JsonRequest, event: EventId, data: ActBody, shop: NamedDependency[Shop], *, key: Repeatable = None
) -> Response[Told]:
    """Apply one event again from the start; safe for every event, because nothing has an effect twice."""
    wanted = asked(request, data, key)
    prepare = partial(flow.prepare_replay, event_id=event)
    return Response(await perform(shop.db, wanted, prepare), headers=NO_STORE)


@post(
    "/inbox/{event:str}/discard",
    summary="Decide against an event",
    tags=TAGS,
    opt=WRITE,
    status_code=200,
    responses={
        **answered(200, Told, DISCARDED, "It will have no effect, or would"),
        **documented(*ACTING, NotFound, WrongState),
    },
)
async def discard_event(
    request: JsonRequest, event: EventId, data: ActBody, shop: NamedDependency[Shop], *, key: Repeatable = None
) -> Response[Told]:
    """Decide that a pending or dead event shall have no effect; it stays in the inbox with the reason."""
    wanted = asked(request, data, key)
    prepare = partial(flow.prepare_discard, event_id=event, asked=wanted)
    return Response(await perform(shop.db, wanted, prepare), headers=NO_STORE)


@post(
    "/inbox/replay",
    summary="Apply many events again",
    tags=TAGS,
    opt=WRITE,
    status_code=200,
    responses={**answered(200, Told, MANY, "They are due again, or would be"), **documented(*ACTING)},
)
async def replay_events(
    request: JsonRequest,
    data: Annotated[
        ReplayMany, Body(examples=shown({"state": "dead", "provider": "stripe", "reason": "the cause is mended"}))
    ],
    shop: NamedDependency[Shop],
    *,
    key: Repeatable = None,
) -> Response[Told]:
    """Apply the oldest of those events again, in one transaction with one entry in the audit trail."""
    wanted = asked(request, data, key)
    return Response(await perform(shop.db, wanted, partial(flow.prepare_many, wish=data)), headers=NO_STORE)


@post(
    "/inbox/sweep",
    summary="Fetch what never came",
    tags=TAGS,
    opt=WRITE,
    status_code=200,
    responses={
        **answered(200, Told, SWEPT, "What was missing is in the inbox, or would be"),
        **documented(*ACTING, WrongState, GatewayRejected, GatewayUnavailable),
    },
)
async def sweep_inbox(
    request: JsonRequest,
    data: Annotated[
        SweepAsked,
        Body(examples=shown({"provider": "stripe", "since": "2027-02-13T16:00:00Z", "reason": "webhooks were down"})),
    ],
    shop: NamedDependency[Shop],
    livemode: NamedDependency[bool],
    *,
    key: Repeatable = None,
) -> Response[Told]:
    """Read the gateways' own lists of events now and write down what is missing; the worker does so every minute."""
    wanted, since = asked(request, data, key), read_time(data.since, "since")
    missing = await flow.look(shop.db, shop.gateways, data.provider, since, livemode=livemode)
    return Response(await perform(shop.db, wanted, partial(flow.prepare_sweep, missing=missing)), headers=NO_STORE)
