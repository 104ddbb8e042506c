"""What control does to PayPal's objects: pay as a buyer, settle, fail, dispute, refund behind the API's back.

Each lever that may be about either provider is asked by the id it is given: `owns` says whether that is ours. What
cannot be done raises the vendor's refusal.
"""

from service.emulator.paypal import captures, disputes, orders, refunds
from service.emulator.paypal.errors import Refused, unprocessable
from service.emulator.wire import Obj
from service.emulator.world import World

WAYS = ("approve", "cancel", "decline", "pending", "vanish")


def owns(world: World, identifier: str | None) -> bool:
    """Whether this is an order, capture, refund or dispute of PayPal."""
    return identifier is not None and world.store.raw("paypal.book", identifier) is not None


def restore(world: World) -> None:
    """Timers from the books of an earlier run."""
    for book in world.store.all("paypal.book"):
        if "settles_ms" in book:
            action = captures.settle if "fate" in book else refunds.settle_when_due
            world.timers.at(book["settles_ms"], action, book["id"])


def pay(world: World, identifier: str, way: str, delayed: str | None) -> Obj:
    """As the buyer would on the page; says how the order stands. Raises the refusal when its time is over."""
    order, book = orders.find(world, identifier)
    if order["status"] == "COMPLETED":
        raise unprocessable("ORDER_ALREADY_CAPTURED", "The order was captured before.")
    if way == "cancel":
        orders.cancel(world, book)
    else:
        orders.approve(world, order, book, outcome_of(way, delayed))
    return {"outcome": "cancelled" if way == "cancel" else "approved", **told(world, identifier)}


def outcome_of(way: str, delayed: str | None) -> str:
    if way == "pending":
        return "pending_fail" if delayed == "fail" else "pending"
    return {"approve": "complete"}.get(way, way)


def told(world: World, identifier: str) -> Obj:
    order, book = orders.find(world, identifier)
    return {
        "session": identifier,
        "order": identifier,
        "status": order["status"],
        "payer": book.get("payer"),
        "capture": book["captures"][-1] if book["captures"] else None,
        "return_url": returns_to(order, book),
        "error": None,
    }


def returns_to(order: Obj, book: Obj) -> str | None:
    """Where the buyer is sent from here: to the shop, with the order and who paid, or back after a cancel."""
    context = book["context"]
    if book["cancelled"]:
        return _with(context.get("cancel_url"), f"token={order['id']}")
    return _with(context.get("return_url"), f"token={order['id']}&PayerID={book['payer']}") if "payer" in book else None


def _with(url: str | None, query: str) -> str | None:
    if url is None:
        return None
    address, mark, fragment = url.partition("#")
    return f"{address}{'&' if '?' in address else '?'}{query}{mark}{fragment}"


def capture_of(world: World, *identifiers: str | None) -> Obj | None:
    """The capture that one of these ids names, itself or by its order."""
    for identifier in identifiers:
        found = world.store.get("paypal.capture", identifier or "")
        book = world.store.get("paypal.book", identifier or "") or {}
        if found is None and book.get("captures"):
            found = world.store.must("paypal.capture", book["captures"][-1])
        if found is not None:
            return found
    return None


def open_dispute(world: World, capture: Obj, *, reason: str | None, amount: int | None, inquiry: bool | None) -> Obj:
    if reason is not None and reason not in disputes.REASONS and reason not in disputes.REASON_OF:
        raise unprocessable("INVALID_REASON", f"reason is one of {', '.join((*disputes.REASONS, *disputes.REASON_OF))}")
    made = disputes.open_dispute(world, capture, reason=reason, amount=amount, inquiry=bool(inquiry))
    return {"id": made["dispute_id"], **made}


def submit_dispute(world: World, identifier: str) -> Obj | None:
    return disputes.submit(world, identifier)


def close_dispute(world: World, identifier: str, outcome: str) -> Obj | None:
    return disputes.close(world, identifier, outcome)


def escalate_dispute(world: World, identifier: str) -> Obj | None:
    return disputes.escalate(world, identifier)


def settle(world: World, identifier: str) -> Obj | None:
    """A pending capture or refund gets its bank's answer now: None when it waits for none."""
    if world.store.raw("paypal.refund", identifier) is not None:
        return refunds.settle(world, identifier)
    found = world.store.get("paypal.capture", identifier)
    if found is None or found["status"] != "PENDING":
        return None
    captures.settle(world, identifier)
    return world.store.get("paypal.capture", identifier)


def fail_refund(world: World, identifier: str) -> Obj | None:
    return refunds.fail(world, identifier)


def refund_outside(world: World, capture: Obj, minor: int | None) -> Obj:
    return refunds.refund_outside(world, capture, minor)


def reason(refusal: Refused) -> str:
    """A refusal in one line."""
    details = refusal.body.get("details") or [{}]
    return str(details[0].get("description") or refusal)
