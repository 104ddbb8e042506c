"""Captures: the merchant takes what the buyer approved. 201 does not mean money: the capture's own status does.

An e-check is PENDING until the bank answers, then COMPLETED or DENIED. One outcome copies the vendor's oddest: the capture
is PENDING, then gone from its order, and the event that tells carries the order and no capture at all.
"""

from service.emulator.paypal import events, ids, ledger, money, orders, times
from service.emulator.paypal.errors import Refused, not_found, refused, unprocessable
from service.emulator.wire import Obj
from service.emulator.world import World

PATH = "/paypal/v2/payments/captures"
DECLINED = (
    "The instrument presented  was either declined by the processor or bank, or it can't be used for this payment."
)
REFUSALS = {  # what the caller may ask for with PayPal-Mock-Response, and what the vendor says to it
    "INSTRUMENT_DECLINED": DECLINED,
    "TRANSACTION_REFUSED": "The request was refused.",
    "PAYER_ACTION_REQUIRED": "Transaction cannot complete successfully, instruct the buyer to return to PayPal.",
    "DUPLICATE_INVOICE_ID": "Duplicate Invoice ID detected. To avoid a potential duplicate transaction your account "
    "setting requires that Invoice Id be unique for each transaction.",
    "PAYEE_ACCOUNT_RESTRICTED": "The merchant account is restricted.",
    "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED": "You have exceeded the maximum number of payment attempts.",
}


def mocked(mock: str | None, texts: dict[str, str]) -> Refused | None:
    """The answer that PayPal-Mock-Response asks for."""
    if mock is None:
        return None
    if mock in {"INTERNAL_SERVER_ERROR", "INTERNAL_SERVICE_ERROR"}:
        return refused("INTERNAL_SERVER_ERROR")
    return unprocessable(mock, texts.get(mock, "The requested action could not be performed."))


def capture(world: World, identifier: str, *, mock: str | None) -> Obj:
    """The order with its capture; raises the vendor's 422 where the money cannot be taken."""
    order, book = orders.find(world, identifier)
    if order["status"] == "COMPLETED":
        raise unprocessable(
            "ORDER_ALREADY_CAPTURED",
            "Order already captured.If 'intent=CAPTURE' only one capture per order is allowed.",
        )
    if order["status"] != "APPROVED":
        raise unprocessable(
            "ORDER_NOT_APPROVED",
            "Payer has not yet approved the Order for payment. Please redirect the payer to the 'rel':'approve' url "
            "returned as part of the HATEOAS links within the Create Order call or provide a valid payment_source in "
            "the request.",
        )
    wrong = mocked(mock, REFUSALS)
    if wrong is not None:
        raise wrong
    _check(world, order, book)
    made = _made(world, order, pending=book["outcome"] != "complete")
    book["captures"].append(made["id"])
    order |= {"status": "COMPLETED", "update_time": times.now(world)}
    world.store.put("paypal.order", order)
    world.store.put("paypal.book", book)
    _begin(world, made, book)
    whole = orders.shown(world, order)
    events.happened(world, "CHECKOUT.ORDER.COMPLETED", whole)
    return whole


def _check(world: World, order: Obj, book: Obj) -> None:
    if book["outcome"] == "decline":
        world.store.put("paypal.book", {**book, "refused": True})
        back = {"href": orders.page_url(world, order["id"]), "rel": "redirect", "method": "GET"}
        raise unprocessable("INSTRUMENT_DECLINED", DECLINED, links=[back])
    used = world.store.get("paypal.invoice", order["purchase_units"][0].get("invoice_id", ""))
    if used is not None and world.store.must("paypal.capture", used["capture"])["status"] != "DECLINED":
        raise unprocessable("DUPLICATE_INVOICE_ID", REFUSALS["DUPLICATE_INVOICE_ID"])


def _made(world: World, order: Obj, *, pending: bool) -> Obj:
    unit = order["purchase_units"][0]
    identifier = ids.signs()
    now = times.now(world)
    base = f"{world.options.api_base}{PATH}/{identifier}"
    up = f"{world.options.api_base}{orders.PATH}/{order['id']}"
    made: Obj = {
        "id": identifier,
        "status": "PENDING" if pending else "COMPLETED",
        "amount": {name: unit["amount"][name] for name in ("currency_code", "value")},
        "final_capture": True,
        "seller_protection": {
            "status": "ELIGIBLE",
            "dispute_categories": ["ITEM_NOT_RECEIVED", "UNAUTHORIZED_TRANSACTION"],
        },
        "links": [
            {"href": base, "rel": "self", "method": "GET"},
            {"href": f"{base}/refund", "rel": "refund", "method": "POST"},
            {"href": up, "rel": "up", "method": "GET"},
        ],
        "create_time": now,
        "update_time": now,
        "supplementary_data": {"related_ids": {"order_id": order["id"]}},
        "payee": orders.MERCHANT,
    }
    if pending:
        made["status_details"] = {"reason": "ECHECK"}
    else:
        made["seller_receivable_breakdown"] = _breakdown(made)
    return made | {name: unit[name] for name in ("custom_id", "invoice_id") if name in unit}


def _breakdown(made: Obj) -> Obj:
    gross, currency = money.minor_of(made["amount"]), made["amount"]["currency_code"]
    fee = money.fee(gross)
    return {
        "gross_amount": money.written(gross, currency),
        "paypal_fee": money.written(fee, currency),
        "net_amount": money.written(gross - fee, currency),
    }


def _begin(world: World, made: Obj, order_book: Obj) -> None:
    book: Obj = {
        "id": made["id"],
        "order": order_book["id"],
        "payer": order_book["payer"],
        "refunds": [],
        "refunded": 0,
        "disputes": [],
        "pending": made["status"] == "PENDING",
        "fate": order_book["outcome"],
    }
    if made["status"] == "PENDING":
        book["settles_ms"] = world.clock.now_ms() + world.options.settle_ms
        world.timers.at(book["settles_ms"], settle, made["id"])
    world.store.put("paypal.book", book)
    world.store.put("paypal.capture", made)
    if "invoice_id" in made:
        world.store.put("paypal.invoice", {"id": made["invoice_id"], "capture": made["id"]})
    ledger.paid(world, made, book)
    events.happened(world, f"PAYMENT.CAPTURE.{made['status']}", made)


def settle(world: World, identifier: str) -> None:
    """The bank's answer to an e-check, once."""
    made, book = world.store.get("paypal.capture", identifier), world.store.get("paypal.book", identifier)
    if made is None or book is None or book.pop("settles_ms", None) is None or made["status"] != "PENDING":
        return
    world.store.put("paypal.book", book)
    made["update_time"] = times.now(world)
    del made["status_details"]
    if book["fate"] == "pending":
        made |= {"status": "COMPLETED", "seller_receivable_breakdown": _breakdown(made)}
        world.store.put("paypal.capture", made)
        ledger.paid(world, made, book)
        events.happened(world, "PAYMENT.CAPTURE.COMPLETED", made)
        return
    made["status"] = "DECLINED"
    world.store.put("paypal.capture", made)
    ledger.paid(world, made, book)
    if book["fate"] == "vanish":
        _vanish(world, made, book)
    else:
        events.happened(world, "PAYMENT.CAPTURE.DENIED", made)


def _vanish(world: World, made: Obj, book: Obj) -> None:
    """The order forgets its capture, and the event about it carries the order."""
    order, order_book = world.store.must("paypal.order", book["order"]), world.store.must("paypal.book", book["order"])
    order_book["captures"].remove(made["id"])
    world.store.put("paypal.book", order_book)
    order |= {"status": "APPROVED", "update_time": times.now(world)}
    world.store.put("paypal.order", order)
    events.happened(world, "PAYMENT.CAPTURE.DECLINED", orders.shown(world, order), kind="checkout-order")


def retrieve(world: World, identifier: str) -> Obj:
    found = world.store.get("paypal.capture", identifier)
    if found is None:
        raise not_found()
    return found


def moved(world: World, made: Obj, book: Obj) -> None:
    """A refund or a reversal changed how much of it is left: its status says so."""
    total = money.minor_of(made["amount"])
    left = total - book["refunded"]
    made["status"] = "COMPLETED" if left == total else "REFUNDED" if left == 0 else "PARTIALLY_REFUNDED"
    made["update_time"] = times.now(world)
    world.store.put("paypal.capture", made)
    world.store.put("paypal.book", book)
