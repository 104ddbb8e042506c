"""Orders to look at, without a database: every field of a view, changed by name."""

from datetime import UTC, datetime, timedelta
from typing import Any

from service.kernel.money import Money
from service.orders.machine import OrderStatus
from service.receipts.views import DeclineView, ItemView, OrderView, RefundItemView, RefundView, TicketView

NOW = datetime(2027, 2, 3, 18, 30, tzinfo=UTC)
PRICE, TOTAL = Money(24900, "USD"), Money(49800, "USD")


def an_order(status: OrderStatus, **changes: Any) -> OrderView:
    return OrderView(
        **{
            "order_id": "ord_01jkq9xw3hzz4c1t0v5m7n8p9q",
            "order_number": "ALC-7K4M-2QXD",
            "status": status,
            "payment_status": "created",
            "provider": "stripe",
            "locale": "en",
            "customer_name": "Ana <Pérez>",
            "email": "ana@example.org",
            "total": TOTAL,
            "refunded": Money.zero("USD"),
            "created_at": NOW - timedelta(minutes=3),
            "expires_at": NOW + timedelta(minutes=7),
            "paid_at": None,
            "items": [ItemView("full-pass", "Full Pass", 2, PRICE, TOTAL)],
            "tickets": [],
            "payments": [],
            "refunds": [],
            "decline": None,
            "checkout_url": "https://pay.example/cs_1",
            **changes,
        }
    )


def tickets(status: str = "valid") -> list[TicketView]:
    codes = ("4F7K-9QXD-M2TA", "8H2M-4RVN-0CEP")
    return [TicketView(f"tkt_{code}", "full-pass", "Full Pass", code, status) for code in codes]


def a_refund(amount: Money = PRICE, *, passes: int = 1, provider: str = "stripe") -> RefundView:
    """Of so many full passes; of an amount only, when of none."""
    items = [RefundItemView("full-pass", "Full Pass", passes)] if passes else []
    return RefundView("rfd_1", "succeeded", amount, "ticket_returned", NOW, provider=provider, items=items)


def a_decline(category: str = "insufficient_funds") -> DeclineView:
    return DeclineView(category, "not enough money", retry=False)
