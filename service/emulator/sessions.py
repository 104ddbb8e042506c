"""Checkout sessions: opening, expiring, and the one way a session changes.

A session is `open` until it is paid, its time is over or the merchant ends it. Its private half, the cart, holds the
line items, what the payment intent will be told, and how often the buyer has tried.
"""

from typing import Any

from service.emulator import params, shapes
from service.emulator.errors import after_start, invalid, missing_param, no_such
from service.emulator.events import happened
from service.emulator.params import anything, boolean, integer, metadata, one_of, positive, text
from service.emulator.wire import Obj
from service.emulator.world import Cause, World

MIN_LIFE_S, MAX_LIFE_S = 30 * 60, 24 * 3600  # docs.stripe.com/api/checkout/sessions/create#expires_at
MIN_TOTAL = 50  # minor units, docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
MAX_LINES = 100
METHODS_FILTERED_SINCE = "2026-09-30"  # from here on `payment_method_types` is gone
DELAYED = {"usd": "us_bank_account"}  # currency -> the delayed method this account has switched on

LOCALES = (
    "auto", "bg", "cs", "da", "de", "el", "en", "en-GB", "es", "es-419", "et", "fi", "fil", "fr", "fr-CA", "hr", "hu",
    "id", "it", "ja", "ko", "lt", "lv", "ms", "mt", "nb", "nl", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sl", "sv", "th",
    "tr", "vi", "zh", "zh-HK", "zh-TW",
)  # fmt: skip


def unsupported(value: Any, param: str) -> Any:  # noqa: ARG001 - a reader's shape
    raise invalid(f"{param} is real, but this stand-in does not act on it.", param=param)


PRODUCT = {
    "name": text,
    "description": text,
    "images": [text],
    "metadata": metadata,
    "tax_code": text,
    "unit_label": text,
}
PRICE = {
    "currency": params.currency,
    "product": text,
    "product_data": PRODUCT,
    "unit_amount": params.amount,
    "tax_behavior": one_of("exclusive", "inclusive", "unspecified"),
    "recurring": unsupported,
}
LINE = {"price": text, "price_data": PRICE, "quantity": positive, "metadata": metadata, "adjustable_quantity": anything}
INTENT = {
    "metadata": metadata,
    "description": text,
    "receipt_email": params.email,
    "statement_descriptor": text,
    "statement_descriptor_suffix": text,
    "capture_method": one_of("automatic", "automatic_async"),
    "setup_future_usage": unsupported,
    "transfer_data": unsupported,
}
SHOWN = {  # said back as given
    "allow_promotion_codes": boolean,
    "billing_address_collection": one_of("auto", "required"),
    "cancel_url": params.url,
    "client_reference_id": lambda value, param: text(value, param, 200),
    "customer_creation": one_of("always", "if_required"),
    "customer_email": params.email,
    "integration_identifier": text,
    "locale": one_of(*LOCALES),
    "metadata": metadata,
    "origin_context": one_of("mobile_app", "web"),
    "submit_type": one_of("auto", "book", "donate", "pay", "subscribe"),
    "success_url": params.url,
}
ACCEPTED = (  # real parameters without a consequence here
    "adaptive_pricing", "branding_settings", "consent_collection", "custom_text", "name_collection",
    "payment_method_options", "phone_number_collection", "saved_payment_method_options", "tax_id_collection",
    "wallet_options",
)  # fmt: skip
REFUSED = (  # real parameters whose consequence is missing here
    "after_expiration", "automatic_tax", "custom_fields", "customer", "discounts", "invoice_creation", "optional_items",
    "setup_intent_data", "shipping_address_collection", "shipping_options", "subscription_data",
)  # fmt: skip
CREATE = {
    **SHOWN,
    **dict.fromkeys(ACCEPTED, anything),
    **dict.fromkeys(REFUSED, unsupported),
    "allowed_payment_method_types": [text],
    "excluded_payment_method_types": [text],
    "payment_method_types": [text],
    "currency": params.currency,
    "expires_at": integer,
    "line_items": [LINE],
    "mode": one_of("payment"),
    "payment_intent_data": INTENT,
    "ui_mode": one_of("hosted_page"),
}


def create(world: World, given: Obj, cause: Cause, version: str) -> bytes:
    if "payment_method_types" in given and version >= METHODS_FILTERED_SINCE:
        raise invalid(
            "payment_method_types is no longer supported on this API version. Use allowed_payment_method_types or "
            "excluded_payment_method_types to filter the payment methods offered.",
            param="payment_method_types",
            code="payment_method_types_no_longer_supported",
        )
    asked = params.read(given, CREATE)
    for required in ("mode", "line_items", "success_url"):
        if not asked.get(required):
            raise missing_param(required)
    now = world.now()
    lines = _lines(asked["line_items"], now)
    session = shapes.session()
    session |= {name: asked[name] for name in SHOWN if name in asked}
    session |= _totals(lines, asked.get("currency"))
    session |= _methods(session["currency"], asked)
    session["created"] = now
    session["expires_at"] = _expiry(asked.get("expires_at"), now)
    session["url"] = f"{world.options.public_url}/pay/{session['id']}"
    if session["amount_total"] == 0:
        session["payment_status"] = "no_payment_required"
    cart = {"id": session["id"], "lines": lines, "intent": asked.get("payment_intent_data", {}), "attempts": 0}
    world.store.put("cart", cart)
    world.timers.at(session["expires_at"] * 1000, expire_when_due, session["id"])
    del cause  # opening a session makes no event
    return world.store.put("checkout.session", session)


def _lines(asked: list[Obj], now: int) -> list[Obj]:
    if len(asked) > MAX_LINES:
        raise invalid(f"line_items: at most {MAX_LINES} are allowed", param="line_items")
    return [_line(line, f"line_items[{index}]", now) for index, line in enumerate(asked)]


def _line(line: Obj, where: str, now: int) -> Obj:
    if "price" in line:
        raise invalid(f"No such price: '{line['price']}'", param=f"{where}[price]", code="resource_missing")
    price = line.get("price_data")
    if price is None:
        raise missing_param(f"{where}[price_data]")
    for name in ("currency", "unit_amount"):
        if name not in price:
            raise missing_param(f"{where}[price_data][{name}]")
    if "product" not in price and not price.get("product_data", {}).get("name"):
        raise missing_param(f"{where}[price_data][product_data][name]")
    if "quantity" not in line:
        raise missing_param(f"{where}[quantity]")
    return shapes.line_item(price, line["quantity"], line.get("metadata", {}), now=now)


def _totals(lines: list[Obj], currency: str | None) -> Obj:
    currency = currency or lines[0]["currency"]
    if any(line["currency"] != currency for line in lines):
        raise invalid("All prices on a Checkout Session must use the same currency.", param="line_items")
    total = sum(line["amount_total"] for line in lines)
    if 0 < total < MIN_TOTAL:
        raise invalid(
            "The Checkout Session's total amount due is below the minimum charge amount.",
            param="line_items",
            code="amount_too_small",
        )
    params.amount(str(total), "line_items")
    return {"currency": currency, "amount_subtotal": total, "amount_total": total}


def _methods(currency: str, asked: Obj) -> Obj:
    if "payment_method_types" in asked:  # only an older API version comes here
        return {"payment_method_types": asked["payment_method_types"]}
    switched_on = ["card", *([DELAYED[currency]] if currency in DELAYED else [])]
    allowed = asked.get("allowed_payment_method_types")
    excluded = asked.get("excluded_payment_method_types", [])
    offered = [method for method in switched_on if method not in excluded and (allowed is None or method in allowed)]
    if not offered:
        raise invalid("No payment method types are available for this Checkout Session.", param="line_items")
    fields: Obj = {"payment_method_types": offered, "allowed_payment_method_types": allowed}
    if excluded:
        fields["excluded_payment_method_types"] = excluded
    return fields


def _expiry(asked: int | None, now: int) -> int:
    if asked is None:
        return now + MAX_LIFE_S
    if asked < now + MIN_LIFE_S:
        raise invalid(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.", param="expires_at"
        )
    if asked > now + MAX_LIFE_S:
        raise invalid(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.", param="expires_at"
        )
    return asked


def expire(world: World, identifier: str, given: Obj, cause: Cause) -> bytes:
    params.read(given, {})
    session = world.store.get("checkout.session", identifier)
    if session is None:
        raise no_such("checkout.session", identifier, param="session")
    if session["status"] != "open":
        raise after_start(
            invalid(
                'Only Checkout Sessions with a status in ["open"] can be expired. '
                f"This Checkout Session has a status of `{session['status']}`."
            )
        )
    return _end(world, session, cause)


def expire_when_due(world: World, identifier: str) -> None:
    session = world.store.get("checkout.session", identifier)
    if session is not None and session["status"] == "open":
        _end(world, session, Cause())


def _end(world: World, session: Obj, cause: Cause) -> bytes:
    session |= {"status": "expired", "url": None}
    raw = world.store.put("checkout.session", session)
    if session["payment_intent"] is not None:
        _cancel(world, session["payment_intent"], cause)
    happened(world, "checkout.session.expired", raw, cause)
    return raw


def _cancel(world: World, identifier: str, cause: Cause) -> None:
    intent = world.store.must("payment_intent", identifier)
    intent |= {
        "status": "canceled",
        "canceled_at": world.now(),
        "cancellation_reason": "expired",
        "next_action": None,
    }
    happened(world, "payment_intent.canceled", world.store.put("payment_intent", intent), cause)
