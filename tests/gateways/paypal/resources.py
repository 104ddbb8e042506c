"""Resources of PayPal's events as its pages show them, shortened to what anybody reads."""

from typing import Any

from tests.gateways.paypal.conftest import ORDER_ID, PAYMENT_ID, TRACEPARENT

OURS = f'{{"order_id":"{ORDER_ID}","payment_id":"{PAYMENT_ID}"}}'


def event(kind: str, resource: Any, **changes: Any) -> dict[str, Any]:
    """A notification; `changes` replace top-level fields."""
    return {
        "id": "WH-58D329510W468432D-8HN650336L201105X",
        "event_version": "1.0",
        "create_time": "2026-11-14T18:04:12.345Z",
        "resource_type": "capture",
        "resource_version": "2.0",
        "event_type": kind,
        "summary": "Something happened",
        "resource": resource,
        "links": [{"href": "https://api.paypal.com/v1/notifications/webhooks-events/WH-1", "rel": "self"}],
        **changes,
    }


def amount(value: str = "250.00", currency: str = "USD") -> dict[str, str]:
    return {"currency_code": currency, "value": value}


def order(**changes: Any) -> dict[str, Any]:
    unit = {"reference_id": TRACEPARENT, "amount": amount(), "custom_id": OURS, "invoice_id": PAYMENT_ID}
    return {"id": "5O190127TN364715T", "intent": "CAPTURE", "status": "APPROVED", "purchase_units": [unit], **changes}


def capture(status: str = "COMPLETED", **changes: Any) -> dict[str, Any]:
    return {
        "id": "42311647XV020574X",
        "status": status,
        "amount": amount(),
        "final_capture": True,
        "custom_id": OURS,
        "invoice_id": PAYMENT_ID,
        "supplementary_data": {"related_ids": {"order_id": "5O190127TN364715T"}},
        **changes,
    }


def refund(status: str = "COMPLETED", **changes: Any) -> dict[str, Any]:
    return {
        "id": "1JU08902781691411",
        "status": status,
        "amount": amount("50.00"),
        "custom_id": f"rfd_1,{PAYMENT_ID},{ORDER_ID}",
        "links": [
            {"href": "https://api.paypal.com/v2/payments/refunds/1JU08902781691411", "rel": "self"},
            {"href": "https://api.paypal.com/v2/payments/captures/42311647XV020574X", "rel": "up"},
        ],
        **changes,
    }


def dispute(**changes: Any) -> dict[str, Any]:
    return {
        "dispute_id": "PP-D-27803",
        "reason": "MERCHANDISE_OR_SERVICE_NOT_RECEIVED",
        "status": "WAITING_FOR_SELLER_RESPONSE",
        "dispute_amount": amount(),
        "dispute_life_cycle_stage": "CHARGEBACK",
        "seller_response_due_date": "2026-12-04T18:04:12Z",
        "disputed_transactions": [{"seller_transaction_id": "42311647XV020574X", "custom": OURS}],
        **changes,
    }
