"""Disputes: the buyer, or the buyer's bank, wants the money back; the vendor holds it until the case is closed.

An inquiry holds nothing and still allows a full refund. A case that is lost takes the money back, and the capture says so
in an event of its own.
"""

from service.emulator.paypal import captures, events, ids, ledger, money, times
from service.emulator.paypal.errors import not_found, unprocessable
from service.emulator.wire import Obj
from service.emulator.world import World

PATH = "/paypal/v1/customer/disputes"
ANSWER_WITHIN_S = 10 * 86_400
REASONS = (
    "MERCHANDISE_OR_SERVICE_NOT_RECEIVED", "MERCHANDISE_OR_SERVICE_NOT_AS_DESCRIBED", "UNAUTHORISED",
    "CREDIT_NOT_PROCESSED", "DUPLICATE_TRANSACTION", "INCORRECT_AMOUNT", "PAYMENT_BY_OTHER_MEANS",
    "CANCELED_RECURRING_BILLING", "PROBLEM_WITH_REMITTANCE", "OTHER",
)  # fmt: skip
REASON_OF = {  # the words of the other provider, so that a drill names both alike
    "fraudulent": "UNAUTHORISED",
    "product_not_received": "MERCHANDISE_OR_SERVICE_NOT_RECEIVED",
    "product_unacceptable": "MERCHANDISE_OR_SERVICE_NOT_AS_DESCRIBED",
    "credit_not_processed": "CREDIT_NOT_PROCESSED",
    "duplicate": "DUPLICATE_TRANSACTION",
    "general": "OTHER",
}
OUTCOMES = {"won": "RESOLVED_SELLER_FAVOUR", "lost": "RESOLVED_BUYER_FAVOUR"}


def open_dispute(world: World, capture: Obj, *, reason: str | None, amount: int | None, inquiry: bool) -> Obj:
    """The dispute, with its event; refuses a capture that has an open one, or no money left to fight about."""
    book = world.store.must("paypal.book", capture["id"])
    left = money.minor_of(capture["amount"]) - book["refunded"]
    minor = left if amount is None else amount
    still_open = any(world.store.must("paypal.dispute", each)["status"] != "RESOLVED" for each in book["disputes"])
    if capture["status"] in {"PENDING", "DECLINED"} or still_open or not 0 < minor <= left:
        raise unprocessable("INVALID_DISPUTE", f"Capture {capture['id']} cannot be disputed.")
    dispute = _made(world, capture, book, minor, REASON_OF.get(reason or "fraudulent", reason or ""), inquiry=inquiry)
    held = None if inquiry else ledger.moved(world, "T1110", capture, -minor)
    world.store.put(
        "paypal.book", {"id": dispute["dispute_id"], "capture": capture["id"], "held": held, "minor": minor}
    )
    book["disputes"].append(dispute["dispute_id"])
    world.store.put("paypal.book", book)
    _tell(world, dispute, "CREATED")
    return dispute


def _made(world: World, capture: Obj, book: Obj, minor: int, reason: str, *, inquiry: bool) -> Obj:
    identifier, now = ids.dispute_id(), times.now(world)
    total, currency = money.minor_of(capture["amount"]), capture["amount"]["currency_code"]
    transaction = {
        "buyer_transaction_id": ids.signs(),
        "seller_transaction_id": capture["id"],
        "create_time": capture["create_time"],
        "transaction_status": "COMPLETED",
        "gross_amount": money.written(total, currency),
        "buyer": {"name": "Celia Núñez", "payer_id": book["payer"]},
        "seller": {"merchant_id": capture["payee"]["merchant_id"], "name": world.options.merchant},
    }
    names = {"custom_id": "custom", "invoice_id": "invoice_number"}
    transaction |= {told: capture[name] for name, told in names.items() if name in capture}
    return {
        "dispute_id": identifier,
        "create_time": now,
        "update_time": now,
        "disputed_transactions": [transaction],
        "reason": reason,
        "status": "WAITING_FOR_SELLER_RESPONSE",
        "dispute_amount": money.written(minor, currency),
        "dispute_life_cycle_stage": "INQUIRY" if inquiry else "CHARGEBACK",
        "dispute_channel": "INTERNAL",
        "seller_response_due_date": times.stamp(world.now() + ANSWER_WITHIN_S),
        "links": [
            {"href": f"{world.options.api_base}{PATH}/{identifier}", "rel": "self", "method": "GET"},
        ],
    }


def submit(world: World, identifier: str) -> Obj | None:
    """The merchant's evidence is in: None when the case waits for none."""
    dispute = world.store.must("paypal.dispute", identifier)
    if dispute["status"] != "WAITING_FOR_SELLER_RESPONSE":
        return None
    dispute["status"] = "UNDER_REVIEW"
    del dispute["seller_response_due_date"]
    _tell(world, dispute, "UPDATED")
    return dispute


def escalate(world: World, identifier: str) -> Obj | None:
    """An inquiry becomes a case and its money is held: None when there is no inquiry to escalate."""
    dispute, own = world.store.must("paypal.dispute", identifier), world.store.must("paypal.book", identifier)
    if dispute["dispute_life_cycle_stage"] != "INQUIRY" or dispute["status"] == "RESOLVED":
        return None
    dispute |= {"dispute_life_cycle_stage": "CHARGEBACK", "status": "WAITING_FOR_SELLER_RESPONSE"}
    dispute["seller_response_due_date"] = times.stamp(world.now() + ANSWER_WITHIN_S)
    own["held"] = ledger.moved(world, "T1110", world.store.must("paypal.capture", own["capture"]), -own["minor"])
    world.store.put("paypal.book", own)
    _tell(world, dispute, "UPDATED")
    return dispute


def close(world: World, identifier: str, outcome: str) -> Obj | None:
    """The case ends and what was held moves: None when it had ended before."""
    dispute, own = world.store.must("paypal.dispute", identifier), world.store.must("paypal.book", identifier)
    if dispute["status"] == "RESOLVED":
        return None
    capture, book = world.store.must("paypal.capture", own["capture"]), world.store.must("paypal.book", own["capture"])
    dispute.pop("seller_response_due_date", None)
    dispute |= {"status": "RESOLVED", "dispute_outcome": {"outcome_code": OUTCOMES[outcome]}}
    if own["held"] is not None:
        ledger.moved(world, "T1111", capture, own["minor"])
    if outcome == "lost":
        dispute["dispute_outcome"]["amount_refunded"] = dispute["dispute_amount"]
        ledger.moved(world, "T1106", capture, -own["minor"])
        book["refunded"] += own["minor"]
        book["reversed"] = book.get("reversed", 0) + own["minor"]
        captures.moved(world, capture, book)
    _tell(world, dispute, "RESOLVED")
    if outcome == "lost":
        events.happened(world, "PAYMENT.CAPTURE.REVERSED", capture)
    return dispute


def _tell(world: World, dispute: Obj, what: str) -> None:
    if what != "CREATED":
        dispute["update_time"] = times.now(world)
    world.store.put("paypal.dispute", {"id": dispute["dispute_id"], **dispute})
    events.happened(world, f"CUSTOMER.DISPUTE.{what}", shown(dispute))


def shown(dispute: Obj) -> Obj:
    """The books know it by `id`, the vendor by `dispute_id` alone."""
    return {name: value for name, value in dispute.items() if name != "id"}


def retrieve(world: World, identifier: str) -> Obj:
    found = world.store.get("paypal.dispute", identifier)
    if found is None:
        raise not_found()
    return shown(found)


def listed(world: World, query: dict[str, str]) -> Obj:
    """Newest first, short; by `disputed_transaction_id` and from `start_time` when asked."""
    names = (
        "dispute_id", "create_time", "update_time", "reason", "status", "dispute_amount", "dispute_life_cycle_stage",
        "dispute_channel", "seller_response_due_date", "links",
    )  # fmt: skip
    start = times.parsed(query.get("start_time", "")) or 0
    wanted = query.get("disputed_transaction_id")
    found = [
        {name: dispute[name] for name in names if name in dispute}
        for dispute in reversed(list(world.store.all("paypal.dispute")))
        if wanted in {None, dispute["disputed_transactions"][0]["seller_transaction_id"]}
        and (times.parsed(dispute["create_time"]) or 0) >= start
    ]
    links = [{"href": f"{world.options.api_base}{PATH}", "rel": "self", "method": "GET"}]
    return {"items": found, "links": links} if found else {"links": links}
