"""What moved on the merchant's balance, one row a transaction: what transaction search lists.

Codes are the vendor's (developer.paypal.com/docs/reports/reference/tcodes): T0006 a payment by checkout, T1107 a refund by
the merchant, T1106 money taken back after a dispute, T1110 and T1111 money held for one and let go.
"""

from service.emulator.paypal import ids, money
from service.emulator.wire import Obj
from service.emulator.world import World

STATUSES = {"COMPLETED": "S", "PENDING": "P", "DECLINED": "D", "FAILED": "D", "CANCELLED": "D"}


def paid(world: World, capture: Obj, book: Obj) -> None:
    """The row of a capture, made with it and changed when it settles."""
    minor = money.minor_of(capture["amount"])
    fee = money.fee(minor) if capture["status"] == "COMPLETED" else 0
    more = {"fee": -fee, "reference": book["order"], "kind": "ODR"}
    _put(world, capture["id"], "T0006", capture, minor=minor, more=more)


def refunded(world: World, refund: Obj, capture: Obj) -> None:
    minor = -money.minor_of(refund["amount"])
    said: Obj = {**refund, **{name: capture[name] for name in ("custom_id", "invoice_id") if name in capture}}
    _put(world, refund["id"], "T1107", said, minor=minor, more={"reference": capture["id"], "kind": "TXN"})


def moved(world: World, code: str, capture: Obj, minor: int) -> str:
    """Money held, let go or taken back because of a dispute; gives the transaction's id."""
    identifier = ids.signs()
    said = {**capture, "status": "COMPLETED"}
    _put(world, identifier, code, said, minor=minor, more={"reference": capture["id"], "kind": "TXN"})
    return identifier


def of_account(world: World, code: str, minor: int, currency: str) -> Obj:
    """Money that moved for no payment: a withdrawal, a correction."""
    identifier = ids.signs()
    said: Obj = {"status": "COMPLETED", "amount": money.written(minor, currency)}
    _put(world, identifier, code, said, minor=minor, more={"reference": None, "kind": None})
    return world.store.must("paypal.movement", identifier)


def _put(world: World, identifier: str, code: str, about: Obj, *, minor: int, more: Obj) -> None:
    known = world.store.get("paypal.movement", identifier)
    world.store.put(
        "paypal.movement",
        {
            "id": identifier,
            "created": world.now() if known is None else known["created"],
            "updated": world.now(),
            "code": code,
            "status": STATUSES[about["status"]],
            "currency": about["amount"]["currency_code"],
            "minor": minor,
            "fee": 0,
            "custom_id": about.get("custom_id"),
            "invoice_id": about.get("invoice_id"),
            **more,
        },
    )
