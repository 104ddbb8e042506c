"""`/_emulator/balance`: what makes books disagree with a gateway, one kind a request, for both vendors.

    {"provider": "stripe", "do": "fee", "session": "cs_…", "amount": 999}

What a webhook would have told is recorded and can be listed, but nobody is told of it. A movement that is dropped or delayed
has moved, and no list shows it. Answers with the movement, or the object, as it is afterwards.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, Literal

import msgspec
from litestar import post
from litestar.exceptions import HTTPException, NotFoundException

from service.emulator import balance, disputes, events, payouts, refunds
from service.emulator.errors import GatewayRefusal
from service.emulator.ids import new_id
from service.emulator.levers import charge_named
from service.emulator.paypal import control as paypal
from service.emulator.paypal import oddities as paypals
from service.emulator.paypal.levers import capture_of
from service.emulator.standin import StandIn
from service.emulator.wire import Obj
from service.emulator.world import Cause, NoPost, World

LATE_S = 3 * 3600  # as long as PayPal's list takes to show what has moved
RATE_PERCENT, RATE = 92, "0.92"  # of the amount, in another currency
ODD_MINOR = -500


class Odd(msgspec.Struct, forbid_unknown_fields=True):
    """What is to go wrong, and with which payment or movement; name a payment by one of its ids."""

    do: Literal[
        "fee", "amount", "currency", "drop", "delay", "duplicate_charge", "external_refund", "missing_event", "unknown",
        "payout",
    ]  # fmt: skip
    provider: Literal["stripe", "paypal"] = "stripe"
    charge: str | None = None
    payment_intent: str | None = None
    session: str | None = None
    capture: str | None = None
    order: str | None = None
    movement: str | None = None
    amount: int | None = None  # minor units
    currency: str = "eur"
    seconds: Annotated[int, msgspec.Meta(ge=1)] = LATE_S


@contextmanager
def unheard(world: World) -> Iterator[None]:
    """Nobody is owed what happens inside."""
    told, world.post = world.post, NoPost()
    try:
        yield
    finally:
        world.post = told


@post("/balance", status_code=200)
async def make_odd(standin: StandIn, data: Odd) -> Obj:
    world = standin.world
    world.timers.run(world)
    if data.provider == "paypal":
        capture = capture_of(world, data.capture, data.order, data.session)
        do = PAYPAL[data.do]
        with unheard(world):
            return do(world, capture, data)
    try:
        with unheard(world):
            return STRIPE[data.do](world, data)
    except GatewayRefusal as refusal:
        raise HTTPException(str(refusal), status_code=409) from refusal


def _movement(world: World, asked: Odd) -> Obj:
    name = asked.movement or charge_named(world.store, asked)["balance_transaction"] or ""
    found = world.store.get("balance_transaction", name)
    if found is None:
        raise NotFoundException(f"No such movement: {name}")
    return found


def _put(world: World, movement: Obj, **changes: Any) -> Obj:
    changed = {**movement, **changes}
    changed["net"] = changed["amount"] - changed["fee"]
    if changed["fee"] != movement["fee"]:
        details = movement["fee_details"] or [
            {"application": None, "description": "Stripe processing fees", "type": "stripe_fee"}
        ]
        fees = [{**details[0], "amount": changed["fee"], "currency": changed["currency"]}]
        changed["fee_details"] = fees if changed["fee"] else []
    world.store.put("balance_transaction", changed)
    return changed


def _fee(world: World, asked: Odd) -> Obj:
    movement = _movement(world, asked)
    return _put(world, movement, fee=2 * movement["fee"] if asked.amount is None else asked.amount)


def _amount(world: World, asked: Odd) -> Obj:
    movement = _movement(world, asked)
    return _put(world, movement, amount=movement["amount"] - 100 if asked.amount is None else asked.amount)


def _currency(world: World, asked: Odd) -> Obj:
    movement = _movement(world, asked)
    there = {name: movement[name] * RATE_PERCENT // 100 for name in ("amount", "fee")}
    changed = _put(world, {**movement, "currency": asked.currency.lower()}, **there, exchange_rate=RATE)
    payouts.book(world, changed)  # of its own currency, which is paid out by itself
    return changed


def _hide(world: World, asked: Odd) -> Obj:
    return hide(world, _movement(world, asked)["id"], asked)


def hide(world: World, movement: str, asked: Odd) -> Obj:
    until = world.now() + asked.seconds if asked.do == "delay" else None
    world.store.put("hidden", {"id": movement, "until": until})
    return {"movement": movement, "until": until}


def _charge_again(world: World, asked: Odd) -> Obj:
    """A second payment with the words of the first, as when a client sends one twice."""
    first, now = charge_named(world.store, asked), world.now()
    intent = world.store.must("payment_intent", first["payment_intent"])
    charge = {
        **first,
        "id": new_id("charge"),
        "created": now,
        "amount_refunded": 0,
        "refunded": False,
        "disputed": False,
    }
    intent = {**intent, "id": new_id("payment_intent"), "created": now, "latest_charge": charge["id"]}
    charge["payment_intent"] = intent["id"]
    movement = balance.transaction(
        "charge",
        charge,
        charge["amount"],
        fee=balance.fee_of(charge["amount"]),
        now=now,
        description=charge["description"],
    )
    charge["balance_transaction"] = payouts.book(world, movement)
    raw = world.store.put("charge", charge)
    events.happened(world, "charge.succeeded", raw, Cause())
    events.happened(world, "payment_intent.succeeded", world.store.put("payment_intent", intent), Cause())
    return charge


def _refund(world: World, asked: Odd) -> Obj:
    return refunds.create_outside(world, charge_named(world.store, asked), asked.amount)


def _dispute(world: World, asked: Odd) -> Obj:
    charge = charge_named(world.store, asked)
    return disputes.open_dispute(world, charge, reason="fraudulent", amount=asked.amount, inquiry=False)


def _unknown(world: World, asked: Odd) -> Obj:
    """An adjustment by the vendor that belongs to nothing."""
    about = {"id": None, "currency": "usd"}
    minor = ODD_MINOR if asked.amount is None else asked.amount
    movement = balance.transaction(
        "adjustment", about, minor, now=world.now(), category="other_adjustment", description="Adjustment"
    )
    payouts.book(world, movement)
    return movement


def _pay_out(world: World, asked: Odd) -> Obj:
    """At once, as the lever `payouts` does."""
    del asked
    made = [payouts.pay_out(world, currency) for currency in sorted(payouts.totals(world))]
    return {"payouts": [payout for payout in made if payout is not None]}


def _paypal(change: Callable[[World, Obj, int | None, str], Obj]) -> Callable[[World, Obj | None, Odd], Obj]:
    """What is about one payment of PayPal's."""

    def do(world: World, capture: Obj | None, asked: Odd) -> Obj:
        if capture is None:
            raise NotFoundException("No such payment: name it by capture or order.")
        return change(world, capture, asked.amount, asked.currency)

    return do


def _hide_paypal(world: World, capture: Obj | None, asked: Odd) -> Obj:
    return hide(world, asked.movement or (capture or {}).get("id", ""), asked)


STRIPE: Mapping[str, Callable[[World, Odd], Obj]] = {
    "fee": _fee,
    "amount": _amount,
    "currency": _currency,
    "drop": _hide,
    "delay": _hide,
    "duplicate_charge": _charge_again,
    "external_refund": _refund,
    "missing_event": _dispute,
    "unknown": _unknown,
    "payout": _pay_out,
}
PAYPAL: Mapping[str, Callable[[World, Obj | None, Odd], Obj]] = {
    "fee": _paypal(paypals.charge_fee),
    "amount": _paypal(paypals.change_amount),
    "currency": _paypal(paypals.exchange),
    "drop": _hide_paypal,
    "delay": _hide_paypal,
    "duplicate_charge": _paypal(paypals.charge_again),
    "external_refund": _paypal(lambda world, capture, minor, _: paypal.refund_outside(world, capture, minor)),
    "missing_event": _paypal(lambda world, capture, minor, _: paypal.open_dispute(world, capture, None, minor, None)),
    "unknown": lambda world, _, asked: paypals.adjust(world, ODD_MINOR if asked.amount is None else asked.amount),
    "payout": lambda world, _, __: paypals.pay_out(world),
}
