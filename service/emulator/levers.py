"""`/_emulator`, continued: what a bank, a person at the vendor's dashboard, or the vendor's own limits would do.

Each answers with the object as it is afterwards, 404 for an unknown one, and 409 where it is too late.
"""

from typing import Annotated, Any, Literal

import msgspec
from litestar import get, post, put
from litestar.exceptions import HTTPException, NotFoundException

from service.emulator import disputes, payouts, refunds
from service.emulator.errors import GatewayRefusal
from service.emulator.paypal import control as paypal
from service.emulator.paypal.levers import capture_of, owns
from service.emulator.standin import StandIn
from service.emulator.store import Store
from service.emulator.wire import Obj, decode
from service.emulator.world import Cause

Limit = Annotated[int, msgspec.Meta(ge=1, le=100_000)]


class RefundAsked(msgspec.Struct, forbid_unknown_fields=True):
    """A refund made on the dashboard; name the payment by one of its ids. Without an amount, all that is left."""

    charge: str | None = None
    payment_intent: str | None = None
    session: str | None = None
    capture: str | None = None
    order: str | None = None
    amount: Annotated[int, msgspec.Meta(ge=1)] | None = None


class RateLimits(msgspec.Struct, forbid_unknown_fields=True):
    """Requests a second; null is no limit."""

    per_endpoint: Limit | None = None
    everything: Limit | None = msgspec.field(default=None, name="global")


class Decision(msgspec.Struct, forbid_unknown_fields=True):
    outcome: Literal["won", "lost"]


class PayoutFailure(msgspec.Struct, forbid_unknown_fields=True):
    reason: str = "account_closed"


class Funding(msgspec.Struct, forbid_unknown_fields=True):
    """Whether the bank covers refunds beyond the available balance."""

    bank_debit: bool


def charge_named(store: Store, asked: Any) -> Obj:
    """The charge of a payment named by charge, payment_intent or session; 404 when there is none."""
    session = store.get("checkout.session", asked.session or "")
    intent = store.get("payment_intent", asked.payment_intent or (session or {}).get("payment_intent") or "")
    charge = store.get("charge", asked.charge or (intent or {}).get("latest_charge") or "")
    if charge is None:
        raise NotFoundException("No such payment: name it by charge, payment_intent, session, capture or order.")
    return charge


def _known(standin: StandIn, kind: str, identifier: str) -> None:
    standin.world.timers.run(standin.world)
    if standin.world.store.raw(kind, identifier) is None:
        raise NotFoundException(f"No such {kind}: {identifier}")


def _changed(done: Obj | None) -> Obj:
    if done is None:
        raise HTTPException("too late: it is already over", status_code=409)
    return done


@post("/refunds/{refund:str}/settle", status_code=200)
async def settle_refund(standin: StandIn, refund: str) -> Obj:
    if owns(standin.world, refund):
        return paypal.settle(standin.world, refund)
    _known(standin, "refund", refund)
    return _changed(refunds.settle_now(standin.world, refund))


@post("/external-refunds", status_code=201)
async def refund_outside(standin: StandIn, data: RefundAsked) -> Obj:
    """As on the dashboard: our metadata and our request are nowhere on it."""
    capture = capture_of(standin.world, data.capture, data.order, data.session)
    if capture is not None:
        return paypal.refund_outside(standin.world, capture, data.amount)
    charge = charge_named(standin.world.store, data)
    try:
        return refunds.create_outside(standin.world, charge, data.amount)
    except GatewayRefusal as refusal:
        raise HTTPException(str(refusal), status_code=409) from refusal


@post("/disputes/{dispute:str}/submit", status_code=200)
async def submit_dispute(standin: StandIn, dispute: str) -> Obj:
    """Send what is staged to the bank."""
    if owns(standin.world, dispute):
        return paypal.submit_dispute(standin.world, dispute)
    _known(standin, "dispute", dispute)
    try:
        raw = disputes.submit(standin.world, standin.world.store.must("dispute", dispute), Cause())
    except GatewayRefusal as refusal:
        raise HTTPException(str(refusal), status_code=409) from refusal
    answer: Obj = decode(raw)
    return answer


@post("/disputes/{dispute:str}/close", status_code=200)
async def close_dispute(standin: StandIn, dispute: str, data: Decision) -> Obj:
    """The bank decides; an inquiry is closed either way."""
    if owns(standin.world, dispute):
        return paypal.close_dispute(standin.world, dispute, data.outcome)
    _known(standin, "dispute", dispute)
    return _changed(disputes.close(standin.world, dispute, data.outcome))


@post("/disputes/{dispute:str}/escalate", status_code=200)
async def escalate_dispute(standin: StandIn, dispute: str) -> Obj:
    """An inquiry becomes a chargeback."""
    if owns(standin.world, dispute):
        return paypal.escalate_dispute(standin.world, dispute)
    _known(standin, "dispute", dispute)
    return _changed(disputes.escalate(standin.world, dispute))


@post("/payouts", status_code=201)
async def pay_out(standin: StandIn) -> Obj:
    """Everything available now, one payout a currency; they arrive after the settling time."""
    world = standin.world
    world.timers.run(world)
    made = [payouts.pay_out(world, currency) for currency in sorted(payouts.totals(world))]
    return {"payouts": [payout for payout in made if payout is not None]}


@post("/payouts/{payout:str}/fail", status_code=200)
async def fail_payout(standin: StandIn, payout: str, data: PayoutFailure | None = None) -> Obj:
    reason = (data or PayoutFailure()).reason
    if reason not in payouts.FAILURES:
        raise HTTPException(f"reason is one of {', '.join(payouts.FAILURES)}", status_code=400)
    _known(standin, "payout", payout)
    return _changed(payouts.fail(standin.world, payout, reason))


@put("/funding")
async def set_funding(standin: StandIn, data: Funding) -> Obj:
    """Switched on again, what waits goes out."""
    world = standin.world
    payouts.let_bank_cover(world, covers=data.bank_debit)
    for refund in world.store.all("refund"):
        refunds.try_again(world, refund["id"])
    return {"bank_debit": data.bank_debit}


@put("/rate-limits")
async def set_rate_limits(standin: StandIn, data: RateLimits) -> RateLimits:
    """Exactly these from now on."""
    standin.api.limits.set(per_endpoint=data.per_endpoint, everything=data.everything)
    return data


@get("/rate-limits")
async def show_rate_limits(standin: StandIn) -> RateLimits:
    limits = standin.api.limits
    return RateLimits(per_endpoint=limits.per_endpoint, everything=limits.everything)


LEVERS = (
    settle_refund, refund_outside, submit_dispute, close_dispute, escalate_dispute, pay_out, fail_payout, set_funding,
    set_rate_limits, show_rate_limits,
)  # fmt: skip
