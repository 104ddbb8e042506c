"""The router of `/api/ops`: the only way in for people on call and for the responder."""

from functools import partial
from typing import Annotated, Any

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import Body, QueryParameter

from service.access.rules import Permission
from service.acts.api import (
    ACTING,
    NO_STORE,
    READING,
    Cursor,
    JsonRequest,
    Limit,
    Repeatable,
    Time,
    asked,
    operator_of,
    shown,
)
from service.acts.flow import perform
from service.acts.rules import PLAIN, Told, read_time
from service.audit.flow import Chosen
from service.changes.api import list_changes
from service.impact.api import find_out_order, get_impact, list_stuck, list_touched
from service.inbox.api import discard_event, get_event, list_events, replay_event, replay_events, sweep_inbox
from service.kernel.errors import NotFound, WrongState
from service.kernel.problem_docs import answered, documented
from service.ops.flow import Promises, prepare_erase, read_trail
from service.ops.views import CheckAsked, EraseAsked, InvariantsView, TrailView
from service.outbox.api import discard_message, list_messages, retry_message, retry_messages
from service.recheck.api import run_reconciliation
from service.shop.flow import Shop
from service.switches.api import delete_switch, get_routing, get_switch, list_switches, put_switch
from service.webhook_secrets.api import add_secret, list_secrets, retire_secret

SWITCHES = (list_switches, get_switch, put_switch, delete_switch, get_routing)
INBOX = (list_events, get_event, replay_event, discard_event, replay_events, sweep_inbox)
OUTBOX = (list_messages, retry_messages, retry_message, discard_message)
SECRETS = (list_secrets, add_secret, retire_secret)
IMPACT = (get_impact, list_touched, list_stuck, find_out_order)
TAGS = ["Operations: promises and audit"]
MOST_FILTER = 300  # characters: as long as what the trail keeps


def _filter(description: str) -> Any:
    return QueryParameter(min_length=1, max_length=MOST_FILTER, pattern=PLAIN, description=description)


INVARIANT = {
    "name": "order-total",
    "promise": "An order's total is the sum of its lines, in one currency.",
    "playbook": "LedgerImbalance",
    "last": {"checkedAt": "2027-02-13T18:05:00Z", "violations": 0, "examples": []},
}
ORDER_ID = "ord_01m839ehkag8bczkrreetbs5c4"
ERASED = {
    "action": "customers.erase",
    "subject": ORDER_ID,
    "dryRun": True,
    "changes": True,
    "before": {"orders": {ORDER_ID: "paid"}},
    "after": {"erased": [ORDER_ID], "forced": False},
    "affects": {"orders": 1, "sessions": 0, "events": 0, "amounts": [{"minor": 24900, "currency": "USD"}]},
    "planHash": "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
}
ENTRY = {
    "seq": 42,
    "at": "2027-02-13T18:04:00Z",
    "actorKind": "key",
    "actorId": "key_01m839ehkag8bczkrreetbs5c4",
    "actorName": "responder",
    "action": "switch.put",
    "subject": "breaker.stripe",
    "before": {"value": "auto", "until": None},
    "after": {"value": "open", "lease": 1800, "reason": "Stripe reports an incident"},
    "ip": "10.0.0.7",
    "userAgent": "responder/1.0",
    "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
    "hash": "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
}


@get(
    "/invariants",
    summary="What the data promises",
    tags=TAGS,
    opt={"permission": Permission.OPS_READ},
    responses={
        **answered(200, InvariantsView, {"holds": True, "invariants": [INVARIANT]}, "The promises"),
        **documented(*READING),
    },
)
async def list_invariants(promises: NamedDependency[Promises]) -> Response[InvariantsView]:
    """Every promise, what to do when it is broken, and what the last check on demand found.

    The worker checks them all by itself and shows it as a metric; that is not repeated here.
    """
    return Response(await promises.read(), headers=NO_STORE)


@post(
    "/invariants/check",
    summary="Check the promises now",
    tags=TAGS,
    opt={"permission": Permission.OPS_WRITE},
    status_code=200,
    responses={
        **answered(200, InvariantsView, {"holds": True, "invariants": [INVARIANT]}, "What was found"),
        **documented(*READING, 413, 415),
    },
)
async def check_invariants(
    request: JsonRequest,
    data: Annotated[CheckAsked, Body(examples=shown({"only": ["order-total"], "reason": "after a repair"}))],
    promises: NamedDependency[Promises],
) -> Response[InvariantsView]:
    """Read whole tables on one snapshot; it changes nothing, takes up to a minute for each promise, and is written down."""
    found = await promises.check(operator_of(request), data.only, reason=data.reason)
    return Response(found, headers=NO_STORE)


@get(
    "/audit",
    summary="Who did what",
    tags=TAGS,
    opt={"permission": Permission.AUDIT_READ},
    responses={**answered(200, TrailView, {"entries": [ENTRY], "cursor": None}, "A page"), **documented(*READING)},
)
async def list_audit(
    shop: NamedDependency[Shop],
    *,
    actor: Annotated[str | None, _filter("Of this id: a key, a member of staff, a command's user.")] = None,
    action: Annotated[str | None, _filter("Only this, for example `switch.put`.")] = None,
    subject: Annotated[str | None, _filter("Only about this: a switch, an event, an order.")] = None,
    since: Time = None,
    until: Time = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[TrailView]:
    """The audit trail, newest first. It is append-only and hash-chained; `cubano access audit verify` proves it whole."""
    chosen = Chosen(actor, action, subject, read_time(since, "since"), read_time(until, "until"))
    async with shop.db.transaction() as session:
        return Response(await read_trail(session, chosen, limit=limit, cursor=cursor), headers=NO_STORE)


@post(
    "/customers/erase",
    summary="Forget a customer",
    tags=TAGS,
    opt={"permission": Permission.CUSTOMERS_ERASE},
    status_code=200,
    responses={
        **answered(200, Told, ERASED, "Forgotten, or would be"),
        **documented(*ACTING, NotFound, WrongState),
    },
)
async def erase_customer(
    request: JsonRequest,
    data: Annotated[
        EraseAsked, Body(examples=shown({"orderId": ORDER_ID, "reason": "asked by letter", "dryRun": True}))
    ],
    shop: NamedDependency[Shop],
    *,
    key: Repeatable = None,
) -> Response[Told]:
    """All orders of the address lose what names their customer, for good; the books stay whole.

    409 while something is under way that needs its customer, unless it is forced.
    """
    wanted = asked(request, data, key)
    prepare = partial(prepare_erase, wish=data, by=wanted.by)
    return Response(await perform(shop.db, wanted, prepare), headers=NO_STORE)


def create_ops() -> Router:
    """All routes of operators; who may pass stands with each of them."""
    own = (list_invariants, check_invariants, list_audit, list_changes, run_reconciliation, erase_customer)
    handlers = [*SWITCHES, *INBOX, *OUTBOX, *IMPACT, *SECRETS, *own]
    return Router("/api/ops", route_handlers=handlers, request_class=JsonRequest)
