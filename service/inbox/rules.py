"""What of an event's body may be shown to whoever may not see a customer's data. Pure.

It is a list of what stays, not of what goes: what a provider adds tomorrow is hidden until somebody has looked at it.
Numbers, booleans and the words named here stay; below what describes a person nothing does.
"""

import re
from typing import Any

HIDDEN = "[hidden]"
PERSONAL = frozenset({
    *("address", "billing_details", "customer", "customer_details", "individual", "name", "payer", "payment_source"),
    *("payment_method_details", "shipping", "shipping_address_collection", "shipping_details", "subscriber", "evidence"),
})  # fmt: skip
SHOWN = frozenset({
    *("api_version", "balance_transaction", "capture_id", "charge", "code", "created", "create_time", "currency"),
    *("currency_code", "custom_id", "decline_code", "dispute_id", "event_type", "event_version", "failure_code"),
    *("failure_reason", "final_capture", "id", "intent", "invoice_id", "method", "mode", "network_status"),
    *("object", "order_id", "outcome", "payment_id", "payment_intent", "payment_status", "reason", "reason_code"),
    *("refund_id", "related_object", "resource_type", "resource_version", "risk_level", "seller_message", "status"),
    *("supplementary_data", "type", "update_time", "updated"),
})  # fmt: skip
AMOUNT = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,4})?", re.ASCII)


def hide_personal(value: Any, key: str = "") -> Any:
    """The value without what tells of a person."""
    if isinstance(value, dict):
        return {
            name: HIDDEN if name in PERSONAL and each is not None else hide_personal(each, name)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [hide_personal(each, key) for each in value]
    if isinstance(value, str) and key not in SHOWN and not (key == "value" and AMOUNT.fullmatch(value)):
        return HIDDEN
    return value
