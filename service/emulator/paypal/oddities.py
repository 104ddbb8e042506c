"""What makes books disagree with PayPal's: changed, doubled and unexplained movements, and money that goes to the bank."""

from collections import Counter

from service.emulator.paypal import events, ids, ledger
from service.emulator.wire import Obj
from service.emulator.world import World

RATE_PERCENT = 92  # of the amount, in another currency


def charge_fee(world: World, capture: Obj, minor: int | None, _currency: str) -> Obj:
    """Twice the fee, or this one."""
    movement = world.store.must("paypal.movement", capture["id"])
    return _put(world, movement, fee=2 * movement["fee"] if minor is None else -minor)


def change_amount(world: World, capture: Obj, minor: int | None, _currency: str) -> Obj:
    movement = world.store.must("paypal.movement", capture["id"])
    return _put(world, movement, minor=movement["minor"] - 100 if minor is None else minor)


def exchange(world: World, capture: Obj, _minor: int | None, currency: str) -> Obj:
    movement = world.store.must("paypal.movement", capture["id"])
    there = {name: movement[name] * RATE_PERCENT // 100 for name in ("minor", "fee")}
    return _put(world, movement, **there, currency=currency.upper())


def charge_again(world: World, capture: Obj, _minor: int | None, _currency: str) -> Obj:
    """A second capture with the words of the first."""
    book = world.store.must("paypal.book", capture["id"])
    made = {**capture, "id": ids.signs(), "status": "COMPLETED"}
    own = {**book, "id": made["id"], "refunds": [], "refunded": 0, "disputes": []}
    world.store.put("paypal.book", own)
    world.store.put("paypal.capture", made)
    ledger.paid(world, made, own)
    events.happened(world, "PAYMENT.CAPTURE.COMPLETED", made)
    return made


def adjust(world: World, minor: int) -> Obj:
    """T1900: a correction of the account, about nothing."""
    return ledger.of_account(world, "T1900", minor, "USD")


def pay_out(world: World) -> Obj:
    """T0400: all there is goes to the bank; PayPal does not tell what is in it."""
    sums: Counter[str] = Counter()
    for row in world.store.all("paypal.movement"):
        if row["status"] == "S":
            sums[row["currency"]] += row["minor"] + row["fee"]
    return {"payouts": [ledger.of_account(world, "T0400", -minor, code) for code, minor in sums.items() if minor > 0]}


def _put(world: World, movement: Obj, **changes: object) -> Obj:
    changed = {**movement, **changes}
    world.store.put("paypal.movement", changed)
    return changed
