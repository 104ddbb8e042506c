"""Orders: asked for by the API, approved by the buyer, captured by the API.

An order nobody captured is gone six hours after it was made, approved or not. What the buyer chose is in its row of
`paypal.book`: how the next capture ends is settled there and nowhere else.
"""

from service.emulator.paypal import asked, events, ids, times
from service.emulator.paypal.errors import invalid, not_found, unprocessable
from service.emulator.wire import Obj
from service.emulator.world import World

KEPT_S = 6 * 3600  # developer.paypal.com/docs/api/orders/v2: three hours to send the buyer, three to approve
MERCHANT = {"email_address": "merchant@alocubano.example", "merchant_id": "LJPTRM7SR6MJC"}
PATH = "/paypal/v2/checkout/orders"
PATCHABLE = ("description", "custom_id", "invoice_id", "soft_descriptor", "amount")


def create(world: World, body: Obj, *, request_id: str | None) -> Obj:
    unit, context = asked.order(body)
    source = body.get("payment_source")
    if source and request_id is None:
        raise invalid(
            "PAYPAL_REQUEST_ID_REQUIRED",
            "PayPal-Request-Id",
            "A PayPal-Request-Id is required if you are trying to process payment for an Order. Please specify a "
            "PayPal-Request-Id or Create the Order without a 'payment_source' specified.",
        )
    order: Obj = {
        "id": ids.signs(),
        "intent": "CAPTURE",
        "status": "PAYER_ACTION_REQUIRED" if source else "CREATED",
        "purchase_units": [{**unit, "payee": MERCHANT}],
        "create_time": times.now(world),
    }
    if source:
        order["payment_source"] = {"paypal": {}}
    book: Obj = {
        "id": order["id"],
        "created": world.now(),
        "context": context,
        "outcome": "complete",
        "captures": [],
        "cancelled": False,
        "refused": False,  # the way to pay was declined when the merchant tried it
    }
    world.store.put("paypal.order", order)
    world.store.put("paypal.book", book)
    return shown(world, order)


def find(world: World, identifier: str) -> tuple[Obj, Obj]:
    """The order and its book; raises 404 when there is none, or when its time is over."""
    order, book = world.store.get("paypal.order", identifier), world.store.get("paypal.book", identifier)
    if order is None or book is None or is_gone(world, order, book):
        raise not_found()
    return order, book


def is_gone(world: World, order: Obj, book: Obj) -> bool:
    return order["status"] != "COMPLETED" and not book["captures"] and world.now() >= book["created"] + KEPT_S


def retrieve(world: World, identifier: str) -> Obj:
    return shown(world, find(world, identifier)[0])


def shown(world: World, order: Obj) -> Obj:
    """With its payments as they are now, and what can be done next."""
    book = world.store.must("paypal.book", order["id"])
    captures = [world.store.must("paypal.capture", each) for each in book["captures"]]
    refunds = [
        world.store.must("paypal.refund", each)
        for capture in captures
        for each in world.store.must("paypal.book", capture["id"])["refunds"]
    ]
    unit = dict(order["purchase_units"][0])
    if captures:
        unit["payments"] = {"captures": [_without(capture, "supplementary_data", "payee") for capture in captures]}
        if refunds:
            unit["payments"]["refunds"] = refunds
    return {**order, "purchase_units": [unit], "links": _links(world, order)}


def minimal(order: Obj) -> Obj:
    """What is answered unless the caller prefers the whole."""
    names = ("id", "status", "payment_source", "payer", "links")
    short = {name: order[name] for name in names if name in order}
    payments = order["purchase_units"][0].get("payments")
    if payments is not None:
        unit = order["purchase_units"][0]
        short["purchase_units"] = [{"reference_id": unit["reference_id"], "payments": payments}]
    return short


def page_url(world: World, identifier: str) -> str:
    return f"{world.options.public_url}/paypal/checkoutnow?token={identifier}"


def _links(world: World, order: Obj) -> list[Obj]:
    href = f"{world.options.api_base}{PATH}/{order['id']}"
    links = [{"href": href, "rel": "self", "method": "GET"}]
    if order["status"] == "PAYER_ACTION_REQUIRED":
        links.append({"href": page_url(world, order["id"]), "rel": "payer-action", "method": "GET"})
    elif order["status"] == "CREATED":
        links.append({"href": page_url(world, order["id"]), "rel": "approve", "method": "GET"})
    if order["status"] in {"CREATED", "APPROVED"}:
        links.append({"href": href, "rel": "update", "method": "PATCH"})
        links.append({"href": f"{href}/capture", "rel": "capture", "method": "POST"})
    return links


def _without(obj: Obj, *names: str) -> Obj:
    return {name: value for name, value in obj.items() if name not in names}


def approve(world: World, order: Obj, book: Obj, outcome: str) -> None:
    """The buyer said yes, with a way to pay that will end as `outcome` says; again after a decline."""
    payer_id = book.setdefault("payer", ids.signs(ids.SHORT))
    name = {"given_name": "Celia", "surname": "Núñez"}
    email = "buyer@example.com"
    address = {"country_code": "US"}
    order |= {
        "status": "APPROVED",
        "payment_source": {
            "paypal": {
                "email_address": email,
                "account_id": payer_id,
                "account_status": "VERIFIED",
                "name": name,
                "address": address,
            }
        },
        "payer": {"name": name, "email_address": email, "payer_id": payer_id, "address": address},
        "update_time": times.now(world),
    }
    book |= {"outcome": outcome, "cancelled": False, "refused": False}
    world.store.put("paypal.order", order)
    world.store.put("paypal.book", book)
    events.happened(world, "CHECKOUT.ORDER.APPROVED", shown(world, order))


def cancel(world: World, book: Obj) -> None:
    """The buyer went back to the shop; the order waits for another try until its time is over."""
    world.store.put("paypal.book", {**book, "cancelled": True})


def patch(world: World, identifier: str, changes: list[Obj]) -> None:
    """Replace or add fields of the purchase unit, all or none."""
    order, _ = find(world, identifier)
    if order["status"] == "COMPLETED":
        raise unprocessable("ORDER_ALREADY_COMPLETED", "The order cannot be patched after it is completed.")
    unit = order["purchase_units"][0]
    wanted = dict(unit)
    for place, change in enumerate(changes):
        _apply(change, wanted, place)
    if order["status"] == "APPROVED" and wanted["amount"]["value"] != unit["amount"]["value"]:
        raise unprocessable(
            "AMOUNT_CHANGE_NOT_ALLOWED", "The amount specified is different from the amount authorized by payer."
        )
    payee = wanted.pop("payee")
    order["purchase_units"] = [{**asked.unit(wanted, "/purchase_units/0"), "payee": payee}]
    order["update_time"] = times.now(world)
    world.store.put("paypal.order", order)


def _apply(change: Obj, unit: Obj, place: int) -> None:
    if not isinstance(change, dict) or change.get("op") not in {"add", "replace", "remove"}:
        raise invalid("INVALID_PARAMETER_VALUE", f"/{place}/op", "The value of a field is invalid.")
    path = change.get("path")
    if not isinstance(path, str):
        raise unprocessable(
            "PATCH_PATH_REQUIRED",
            "Please specify a 'path' for the field for which the operation needs to be performed.",
        )
    reference, _, name = path.removeprefix("/purchase_units/").partition("/")
    if reference != f"@reference_id=='{unit['reference_id']}'":
        raise unprocessable(
            "REFERENCE_ID_NOT_FOUND",
            "Filter expression value is incorrect. Please check the value of the reference_id and try again.",
        )
    if name not in PATCHABLE or (name == "amount" and change["op"] == "remove"):
        raise unprocessable("NOT_PATCHABLE", "Cannot be patched.", field=path)
    if change["op"] == "remove":
        unit.pop(name, None)
    elif "value" not in change:
        raise unprocessable("PATCH_VALUE_REQUIRED", "Please specify a 'value' to for the field that is being patched.")
    else:
        unit[name] = change["value"]
