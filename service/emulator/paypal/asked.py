"""What a request to create an order may hold: read field by field, refused as the vendor refuses."""

from typing import Any

from service.emulator.paypal import money
from service.emulator.paypal.errors import invalid, missing, unprocessable
from service.emulator.wire import Obj

TEXTS = {"reference_id": 256, "description": 127, "custom_id": 127, "invoice_id": 127, "soft_descriptor": 22}
ITEM_TEXTS = {"name": 127, "description": 127, "sku": 127}
PARTS = {  # of a breakdown -> whether it adds to the total or takes from it
    "item_total": 1, "shipping": 1, "handling": 1, "tax_total": 1, "insurance": 1, "shipping_discount": -1, "discount": -1,
}  # fmt: skip
LONGEST_URL = 2048


def order(body: Obj) -> tuple[Obj, Obj]:
    """The purchase unit as it will be answered, and where the buyer comes back to."""
    if "intent" not in body:
        raise missing("/intent")
    if body["intent"] != "CAPTURE":
        raise unprocessable("UNSUPPORTED_INTENT", "The stand-in takes `intent=CAPTURE` only.", field="/intent")
    units = body.get("purchase_units")
    if not isinstance(units, list) or not units:
        raise missing("/purchase_units")
    if len(units) > 1 or not isinstance(units[0], dict):
        raise unprocessable(
            "UNSUPPORTED_PURCHASE_UNITS", "The stand-in takes one purchase unit.", field="/purchase_units"
        )
    return unit(units[0], "/purchase_units/@reference_id=='default'"), _context(body)


def unit(given: Obj, at: str) -> Obj:
    """A purchase unit, its sums proved."""
    kept = {"reference_id": given.get("reference_id", "default"), **_texts(given, TEXTS, at)}
    total, currency = money.read(given.get("amount"), f"{at}/amount", least=1)
    parts = _breakdown(given["amount"].get("breakdown"), currency, f"{at}/amount/breakdown")
    if parts and sum(PARTS[name] * part for name, part in parts.items()) != total:
        raise unprocessable(
            "AMOUNT_MISMATCH",
            "Should equal item_total + tax_total + shipping + handling + insurance - shipping_discount - discount.",
            field=f"{at}/amount/value",
        )
    kept["amount"] = money.written(total, currency)
    if parts:
        kept["amount"]["breakdown"] = {name: money.written(part, currency) for name, part in parts.items()}
    items = given.get("items")
    if items:
        kept["items"] = _items(items, currency, parts.get("item_total"), at)
    return kept


def _texts(given: Obj, known: dict[str, int], at: str) -> Obj:
    texts: Obj = {}
    for name, longest in known.items():
        value = given.get(name)
        if value is None:
            continue
        if not isinstance(value, str):
            raise _syntax(f"{at}/{name}")
        if not 1 <= len(value) <= longest:
            raise invalid(
                "INVALID_STRING_LENGTH", f"{at}/{name}", "The value of a field is either too short or too long."
            )
        texts[name] = value
    return texts


def _breakdown(given: Any, currency: str, at: str) -> dict[str, int]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise _syntax(at)
    return {name: _same(given[name], currency, f"{at}/{name}") for name in PARTS if name in given}


def _items(given: Any, currency: str, item_total: int | None, at: str) -> list[Obj]:
    if not isinstance(given, list):
        raise _syntax(f"{at}/items")
    kept = []
    total = 0
    for place, item in enumerate(given):
        where = f"{at}/items/{place}"
        for name in ("name", "unit_amount", "quantity"):
            if not isinstance(item, dict) or name not in item:
                raise missing(f"{where}/{name}")
        quantity = item["quantity"]
        if not isinstance(quantity, str) or not quantity.isdecimal() or int(quantity) < 1:
            raise _syntax(f"{where}/quantity")
        each = _same(item["unit_amount"], currency, f"{where}/unit_amount")
        total += each * int(quantity)
        texts = _texts(item, ITEM_TEXTS, where)
        more = {name: item[name] for name in ("category",) if name in item}
        kept.append({**texts, **more, "unit_amount": money.written(each, currency), "quantity": quantity})
    _proved(total, item_total, at)
    return kept


def _proved(total: int, item_total: int | None, at: str) -> None:
    field = f"{at}/amount/breakdown/item_total"
    if item_total is None:
        raise unprocessable(
            "ITEM_TOTAL_REQUIRED",
            "If item details are specified (items.unit_amount and items.quantity) corresponding "
            "amount.breakdown.item_total is required.",
            field=field,
        )
    if total != item_total:
        raise unprocessable(
            "ITEM_TOTAL_MISMATCH",
            "Should equal sum of (unit_amount * quantity) across all items for a given purchase_unit.",
            field=field,
        )


def _same(given: Any, currency: str, at: str) -> int:
    minor, code = money.read(given, at)
    if code != currency:
        raise unprocessable(
            "MULTI_CURRENCY_ORDER",
            "Multiple differing values of currency_code are not supported. Entire Order request must have the same "
            "currency_code.",
            field=f"{at}/currency_code",
        )
    return minor


def _context(body: Obj) -> Obj:
    """Where the page sends the buyer, from `payment_source.paypal` or the older `application_context`."""
    source = body.get("payment_source") or {}
    if not isinstance(source, dict) or any(name != "paypal" for name in source):
        raise unprocessable(
            "UNSUPPORTED_PAYMENT_SOURCE", "The stand-in knows PayPal's wallet only.", field="/payment_source"
        )
    context = (source.get("paypal") or {}).get("experience_context") or body.get("application_context") or {}
    if not isinstance(context, dict):
        raise _syntax("/payment_source/paypal/experience_context")
    for name in ("return_url", "cancel_url"):
        url = context.get(name)
        if url is not None and not (
            isinstance(url, str) and url.startswith(("http://", "https://")) and len(url) <= LONGEST_URL
        ):
            raise _syntax(f"/payment_source/paypal/experience_context/{name}")
    names = ("return_url", "cancel_url", "brand_name", "locale", "user_action", "payment_method_preference")
    return {name: context[name] for name in names if context.get(name) is not None}


def _syntax(field: str) -> Exception:
    return invalid("INVALID_PARAMETER_SYNTAX", field, "The value of a field does not conform to the expected format.")
