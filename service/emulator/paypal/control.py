"""PayPal's half of `/_emulator`: the shared handlers hand over here what is about an order, capture, refund or dispute of it.

What cannot be done is 409 with the vendor's reason, what does not exist 404.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from litestar.exceptions import HTTPException, NotFoundException

from service.emulator.paypal import levers
from service.emulator.paypal.errors import Refused
from service.emulator.wire import Obj
from service.emulator.world import World

Way = Literal["approve", "cancel", "decline", "pending", "vanish"]
NOT_FOUND = 404


def pay(world: World, order: str, way: Way | None, delayed: str | None) -> Obj:
    """Approve or cancel as the buyer would; a card means nothing here, so without a `paypal` way it is `approve`."""
    with _answered():
        return levers.pay(world, order, way or ("approve" if delayed is None else "pending"), delayed)


def fail_refund(world: World, refund: str) -> Obj:
    return _done(levers.fail_refund(world, refund), "already failed")


def settle(world: World, identifier: str) -> Obj:
    return _done(levers.settle(world, identifier), "it waits for nothing")


def open_dispute(world: World, capture: Obj, reason: str | None, amount: int | None, inquiry: bool | None) -> Obj:  # noqa: FBT001 - None is a third answer
    with _answered():
        return levers.open_dispute(world, capture, reason=reason, amount=amount, inquiry=inquiry)


def submit_dispute(world: World, dispute: str) -> Obj:
    return _done(levers.submit_dispute(world, dispute), "the case waits for no answer")


def close_dispute(world: World, dispute: str, outcome: str) -> Obj:
    return _done(levers.close_dispute(world, dispute, outcome), "the case was closed before")


def escalate_dispute(world: World, dispute: str) -> Obj:
    return _done(levers.escalate_dispute(world, dispute), "no inquiry is open")


def refund_outside(world: World, capture: Obj, amount: int | None) -> Obj:
    """As from the dashboard."""
    with _answered():
        return levers.refund_outside(world, capture, amount)


def _done(found: Obj | None, otherwise: str) -> Obj:
    if found is None:
        raise HTTPException(otherwise, status_code=409)
    return found


@contextmanager
def _answered() -> Iterator[None]:
    try:
        yield
    except Refused as refusal:
        if refusal.status == NOT_FOUND:
            raise NotFoundException(levers.reason(refusal)) from refusal
        raise HTTPException(levers.reason(refusal), status_code=409) from refusal
