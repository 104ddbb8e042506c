"""`/api/ops/switches` and `/api/ops/routing`."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

from litestar import Response, delete, get, put
from litestar.di import NamedDependency
from litestar.params import Body, PathParameter, QueryParameter

from service.access.rules import Permission
from service.acts.api import ACTING, NO_STORE, READING, JsonRequest, Repeatable, asked, shown
from service.acts.flow import perform
from service.acts.rules import HASH, MOST_REASON, PLAIN, Act, Told
from service.gateways.governor import Governor
from service.kernel.errors import NotFound
from service.kernel.problem_docs import answered, documented
from service.shop.flow import Shop
from service.switches import flow
from service.switches.views import OneSwitchView, PutSwitch, RoutingView, SwitchesView

TAGS = ["Operations: switches and routing"]
READ, WRITE = {"permission": Permission.OPS_READ}, {"permission": Permission.OPS_WRITE}
Name = Annotated[
    str, PathParameter(max_length=100, description="As the list names it.", examples=shown("breaker.stripe"))
]

SWITCH: dict[str, Any] = {
    "name": "breaker.stripe",
    "value": "open",
    "default": "auto",
    "values": ["auto", "open", "closed"],
    "help": "open: nothing is sent to stripe.",
    "needsLease": True,
    "longestLease": 604_800,
    "since": "2027-02-13T18:04:00Z",
    "until": "2027-02-13T18:34:00Z",
    "by": "responder",
    "reason": "Stripe reports an incident",
}
CHANGE = {
    "at": "2027-02-13T18:04:00Z",
    "value": "open",
    "by": "responder",
    "reason": "Stripe reports an incident",
    "until": "2027-02-13T18:34:00Z",
}
MOVED = {
    "action": "switch.put",
    "subject": "breaker.stripe",
    "dryRun": False,
    "changes": True,
    "before": {"value": "auto", "until": None},
    "after": {"value": "open", "lease": 1800},
    "affects": {"orders": 41, "sessions": 41, "events": 0, "amounts": [{"minor": 1_020_900, "currency": "USD"}]},
    "planHash": "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
}
ROUTING = {
    "route": ["stripe", "paypal"],
    "usable": ["paypal"],
    "away": ["stripe"],
    "detour": "breaker",
    "sells": True,
    "providers": [
        {
            "provider": "paypal",
            "offered": True,
            "usable": True,
            "place": 2,
            "breaker": "closed",
            "breakerSwitch": "auto",
            "turns": {"rate": 25, "waiting": 0, "paused": []},
            "opened": 118,
            "succeeded": 97,
            "failed": 3,
            "capabilities": ["capture", "offered", "refund"],
        }
    ],
    "asOf": "2027-02-13T18:05:00Z",
}


@get(
    "/switches",
    summary="All switches",
    tags=TAGS,
    opt=READ,
    responses={**answered(200, SwitchesView, {"switches": [SWITCH]}, "The switches"), **documented(*READING)},
)
async def list_switches(shop: NamedDependency[Shop]) -> Response[SwitchesView]:
    """Where every switch stands, its default, who moved it and until when."""
    async with shop.db.transaction() as session:
        return Response(await flow.read_all(session, shop.gateways), headers=NO_STORE)


@get(
    "/switches/{name:str}",
    summary="One switch",
    tags=TAGS,
    opt=READ,
    responses={
        **answered(200, OneSwitchView, SWITCH | {"history": [CHANGE]}, "The switch with its history"),
        **documented(*READING, NotFound),
    },
)
async def get_switch(name: Name, shop: NamedDependency[Shop]) -> Response[OneSwitchView]:
    """One switch with its last changes."""
    switch = flow.find_switch(shop.gateways, name)
    async with shop.db.transaction() as session:
        return Response(await flow.read_one(session, switch), headers=NO_STORE)


@put(
    "/switches/{name:str}",
    summary="Move a switch",
    tags=TAGS,
    opt=WRITE,
    responses={**answered(200, Told, MOVED, "It stands there, or would"), **documented(*ACTING, NotFound)},
)
async def put_switch(
    request: JsonRequest,
    name: Name,
    data: Annotated[
        PutSwitch,
        Body(examples=shown({"value": "open", "lease": 1800, "reason": "Stripe reports an incident", "dryRun": True})),
    ],
    shop: NamedDependency[Shop],
    *,
    key: Repeatable = None,
) -> Response[Told]:
    """Put a switch into a position, some only for a time; all processes obey within two seconds.

    Renewing a lease is putting the same value again.
    """
    switch, wanted = flow.find_switch(shop.gateways, name), asked(request, data, key)
    prepare = partial(flow.prepare_put, switch=switch, asked=wanted, wish=data)
    return Response(await perform(shop.db, wanted, prepare), headers=NO_STORE)


@delete(
    "/switches/{name:str}",
    summary="Put a switch back",
    tags=TAGS,
    opt=WRITE,
    status_code=200,
    responses={**answered(200, Told, MOVED | {"action": "switch.clear"}, "Back"), **documented(*ACTING, NotFound)},
)
async def delete_switch(
    request: JsonRequest,
    name: Name,
    reason: Annotated[
        str,
        QueryParameter(
            min_length=1,
            max_length=MOST_REASON,
            pattern=PLAIN,
            description="Why; it is kept.",
            examples=shown("the incident is over"),
        ),
    ],
    shop: NamedDependency[Shop],
    *,
    dry_run: Annotated[bool, QueryParameter(name="dryRun", description="Only answer what would change.")] = False,
    expect: Annotated[str | None, QueryParameter(pattern=HASH, description="The `planHash` agreed to.")] = None,
    key: Repeatable = None,
) -> Response[Told]:
    """Back to the default, before its lease ends. What is said goes into the query, because a DELETE has no body."""
    switch = flow.find_switch(shop.gateways, name)
    wanted = asked(request, Act(reason=reason, dry_run=dry_run, expect=expect), key)
    prepare = partial(flow.prepare_clear, switch=switch, asked=wanted)
    return Response(await perform(shop.db, wanted, prepare), headers=NO_STORE)


@get(
    "/routing",
    summary="Where new checkouts go",
    tags=TAGS,
    opt=READ,
    responses={**answered(200, RoutingView, ROUTING, "As this process sees it"), **documented(*READING)},
)
async def get_routing(
    shop: NamedDependency[Shop], governors: NamedDependency[Mapping[str, Governor]]
) -> Response[RoutingView]:
    """Who gets new checkouts, what is known of each provider's health, and how their outbound rate is used.

    Breakers and turns are those of the process that answers. It is changed by the switches `route` and `breaker.…`.
    """
    async with shop.db.transaction() as session:
        return Response(await flow.read_routing(session, shop, governors), headers=NO_STORE)
