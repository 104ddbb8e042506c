"""`/_emulator`: the levers of tests, drills and load. No key is asked, so only loopback is let in."""

from ipaddress import ip_address
from typing import Annotated, Any, Literal

import msgspec
from litestar import MediaType, Request, Router, delete, get, post, put
from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException, NotFoundException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from service.emulator import disputes, payments, refunds, truth
from service.emulator.cards import BANK_FAILS, BANK_SUCCEEDS, Account, Card, CardRefused, find_card
from service.emulator.errors import GatewayRefusal
from service.emulator.faults import FaultError, Plan
from service.emulator.levers import LEVERS, charge_named
from service.emulator.oddities import make_odd
from service.emulator.payments import Buyer, NotOffered, Outcome
from service.emulator.paypal import control as paypal
from service.emulator.paypal import signing
from service.emulator.paypal.control import Way
from service.emulator.paypal.levers import capture_of, owns
from service.emulator.standin import Endpoint, StandIn
from service.emulator.wire import Obj


class Pay(msgspec.Struct, forbid_unknown_fields=True):
    """How a buyer would pay; `delayed` is spelt `async` on the wire."""

    card: str | None = None
    challenge: Literal["complete", "fail"] | None = None
    delayed: Literal["succeed", "fail"] | None = msgspec.field(default=None, name="async")
    paypal: Way | None = None  # of a PayPal order; `pending` ends as `async` says
    name: str = "Test Buyer"
    email: str = "buyer@example.com"


class Failure(msgspec.Struct, forbid_unknown_fields=True):
    reason: str = "lost_or_stolen_card"


class DisputeAsked(msgspec.Struct, forbid_unknown_fields=True):
    """Name the payment by one of its ids; without a reason the card that paid decides."""

    charge: str | None = None
    payment_intent: str | None = None
    session: str | None = None
    capture: str | None = None
    order: str | None = None
    reason: str | None = None
    amount: int | None = None
    inquiry: bool | None = None


class Advance(msgspec.Struct, forbid_unknown_fields=True):
    advance: Annotated[int, msgspec.Meta(ge=0, le=366 * 86_400)]  # seconds; time never goes back


class EndpointAsked(msgspec.Struct, forbid_unknown_fields=True):
    url: str
    secret: str
    enabled_events: list[str] = msgspec.field(default_factory=lambda: ["*"])
    provider: Literal["stripe", "paypal"] = "stripe"
    payload: Literal["snapshot", "thin"] = "snapshot"


def only_loopback(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    client = connection.client
    if client is None or not ip_address(client.host).is_loopback:
        raise PermissionDeniedException("Control answers to loopback only.")


@put("/faults")
async def arm(standin: StandIn, data: Plan) -> dict[str, Any]:
    try:
        standin.faults.arm(data)
    except FaultError as error:
        raise HTTPException(str(error), status_code=400) from error
    return standin.faults.shown()


@get("/faults")
async def show_faults(standin: StandIn) -> dict[str, Any]:
    return standin.faults.shown()


@delete("/faults")
async def disarm(standin: StandIn) -> None:
    standin.faults.clear()


@post("/sessions/{session:str}/pay", status_code=200)
async def pay(standin: StandIn, session: str, data: Pay) -> Obj:
    """Pay as a buyer would on the page: 200 with the outcome, even a decline; 409 when the session is not open."""
    world = standin.world
    world.timers.run(world)
    if owns(world, session):
        return paypal.pay(world, session, data.paypal, data.delayed)
    if world.store.raw("checkout.session", session) is None:
        raise NotFoundException(f"No such checkout session: {session}")
    try:
        outcome = payments.pay(world, session, _means(data), Buyer(name=data.name, email=data.email))
    except CardRefused as refused:
        return _told(
            standin,
            session,
            "refused",
            {"code": refused.code, "decline_code": refused.decline_code, "message": refused.message},
        )
    except NotOffered as error:
        raise HTTPException(f"This session does not offer {error}.", status_code=409) from error
    if outcome.kind == "requires_action" and data.challenge is not None:
        outcome = payments.answer_challenge(world, session, passed=data.challenge == "complete")
    if outcome.kind == "not_open":
        raise HTTPException("not_open", status_code=409, extra=_told(standin, session, "not_open", None))
    return {**_told(standin, session, outcome.kind, _decline(outcome)), "challenge_url": outcome.challenge_url}


def _means(data: Pay) -> Card | Account:
    if data.delayed is not None:
        return BANK_SUCCEEDS if data.delayed == "succeed" else BANK_FAILS
    return find_card(data.card or "4242424242424242")


def _decline(outcome: Outcome) -> Obj | None:
    said = outcome.decline
    if said is None:
        return None
    return {
        "code": said.code,
        "decline_code": said.decline_code,
        "message": said.message,
        "advice_code": said.advice_code,
    }


def _told(standin: StandIn, identifier: str, kind: str, error: Obj | None) -> Obj:
    session = standin.world.store.must("checkout.session", identifier)
    intent = None
    if session["payment_intent"] is not None:
        intent = standin.world.store.must("payment_intent", session["payment_intent"])
    return {
        "outcome": kind,
        "session": identifier,
        "status": session["status"],
        "payment_status": session["payment_status"],
        "payment_intent": session["payment_intent"],
        "charge": None if intent is None else intent["latest_charge"],
        "error": error,
    }


@post("/sessions/{session:str}/challenge", status_code=200)
async def answer_challenge(standin: StandIn, session: str, data: dict[str, Literal["complete", "fail"]]) -> Obj:
    """Answer a challenge that an earlier payment left open: `{"challenge": "complete"}`."""
    standin.world.timers.run(standin.world)
    if standin.world.store.raw("checkout.session", session) is None:
        raise NotFoundException(f"No such checkout session: {session}")
    outcome = payments.answer_challenge(standin.world, session, passed=data.get("challenge") == "complete")
    if outcome.kind == "not_open":
        raise HTTPException("no challenge is open", status_code=409)
    return _told(standin, session, outcome.kind, _decline(outcome))


@post("/refunds/{refund:str}/fail", status_code=200)
async def fail_refund(standin: StandIn, refund: str, data: Failure | None = None) -> Obj:
    reason = (data or Failure()).reason
    if reason not in refunds.FAILURES:
        raise HTTPException(f"reason is one of {', '.join(refunds.FAILURES)}", status_code=400)
    if owns(standin.world, refund):
        return paypal.fail_refund(standin.world, refund)
    if standin.world.store.raw("refund", refund) is None:
        raise NotFoundException(f"No such refund: {refund}")
    failed = refunds.fail(standin.world, refund, reason)
    if failed is None:
        raise HTTPException("already failed", status_code=409)
    return failed


@post("/disputes", status_code=201)
async def dispute(standin: StandIn, data: DisputeAsked) -> Obj:
    store = standin.world.store
    capture = capture_of(standin.world, data.capture, data.order, data.session)
    if capture is not None:
        return paypal.open_dispute(standin.world, capture, data.reason, data.amount, data.inquiry)
    charge = charge_named(store, data)
    secret = store.get("secret", charge["payment_intent"]) or {"later": "none"}
    reason, inquiry = disputes.reason_of(secret["later"])
    reason = data.reason or reason
    if reason not in disputes.REASONS:
        raise HTTPException(f"reason is one of {', '.join(disputes.REASONS)}", status_code=400)
    inquiry = inquiry if data.inquiry is None else data.inquiry
    try:
        return disputes.open_dispute(standin.world, charge, reason=reason, amount=data.amount, inquiry=inquiry)
    except GatewayRefusal as refusal:
        raise HTTPException(str(refusal), status_code=409) from refusal


@post("/clock", status_code=200)
async def advance(standin: StandIn, data: Advance) -> Obj:
    standin.advance(data.advance)
    return _clock(standin)


@get("/clock")
async def show_clock(standin: StandIn) -> Obj:
    return _clock(standin)


def _clock(standin: StandIn) -> Obj:
    return {"now": standin.world.now(), "offset_s": standin.world.clock.offset_ms // 1000}


@get("/truth")
async def tell(standin: StandIn, status: str | None = None) -> Obj:
    world = standin.world
    world.timers.run(world)
    return {
        "payments": truth.payments(world, status),
        "refunds": truth.refunds(world),
        "disputes": truth.disputes(world),
        "totals": truth.totals(world),
    }


@post("/reset", status_code=204)
async def reset(standin: StandIn) -> None:
    standin.reset()
    standin.api.limits.reset()


@get("/deliveries")
async def deliveries(request: Request[Any, Any, Any], standin: StandIn, limit: int = 1000) -> Obj:
    """The newest `limit` of those that match `type` (may hold `*`), `state` and `event`, newest last."""
    wanted = {name: request.query_params[name] for name in ("type", "state", "event") if name in request.query_params}
    return {"deliveries": standin.webhooks.log(wanted)[-limit:]}


@post("/events/{event:str}/resend", status_code=202)
async def resend(standin: StandIn, event: str) -> Obj:
    found = standin.world.store.get("event", event)
    paypals = standin.world.store.get("paypal.event", event)
    if paypals is not None:
        return {"event": event, "deliveries": standin.webhooks.resend(event, paypals["event_type"], "paypal")}
    if found is None:
        raise NotFoundException(f"No such event: {event}")
    return {"event": event, "deliveries": standin.webhooks.resend(event, found["type"])}


@get("/endpoints")
async def endpoints(standin: StandIn) -> Obj:
    return {"endpoints": list(standin.world.store.all("endpoint"))}


@put("/endpoints")
async def set_endpoints(standin: StandIn, data: list[EndpointAsked]) -> Obj:
    """Exactly these from now on."""
    standin.listen([Endpoint(**msgspec.structs.asdict(asked)) for asked in data])
    return {"endpoints": list(standin.world.store.all("endpoint"))}


@get("/paypal/ca", media_type=MediaType.TEXT)
async def paypal_authority(standin: StandIn) -> str:
    """The throw-away authority behind PayPal's signing certificate, as PEM."""
    return signing.authority(standin.world)


ROUTER = Router(
    path="/_emulator",
    guards=[only_loopback],
    route_handlers=[
        arm, show_faults, disarm, pay, answer_challenge, fail_refund, dispute, advance, show_clock, tell, reset,
        deliveries, resend, endpoints, set_endpoints, paypal_authority, make_odd,
        *LEVERS,
    ],
)  # fmt: skip
