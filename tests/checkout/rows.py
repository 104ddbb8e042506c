"""What a checkout leaves in the database, and types of tickets that the sample festival does not have."""

from typing import Any

from tests.stage import Stage


async def put_on_sale(stage: Stage, ticket_type: str, *, capacity: int = 5, currency: str = "USD", **more: Any) -> None:
    """One more ticket type: 10.00, at most 4 in one order."""
    row = {"id": ticket_type, "capacity": capacity, "currency": currency, "on_sale": True, **more}
    await stage.rows(
        "INSERT INTO ticket_types (id, kind, position, names, descriptions, price_minor, price_currency, max_per_order,"
        " on_sale) VALUES (:id, 'pass', 99, json_build_object('en', CAST(:id AS text), 'es', CAST(:id AS text)),"
        """ '{"en": "", "es": ""}', 1000, :currency, 4, :on_sale)""",
        **{name: row[name] for name in ("id", "currency", "on_sale")},
    )
    await stage.rows("INSERT INTO stock VALUES (:id, :capacity)", id=ticket_type, capacity=capacity)


async def left_behind(stage: Stage) -> dict[str, int]:
    """How many rows there are of what a checkout writes; nothing where nothing was sold."""
    tables = ("orders", "order_items", "order_history", "holds", "payments", "idempotency_keys", "outbox")
    counts = {table: (await stage.rows(f"SELECT count(*) FROM {table}"))[0][0] for table in tables}  # noqa: S608
    taken = (await stage.rows("SELECT sum(held + sold) FROM stock"))[0][0]
    return {name: count for name, count in {**counts, "seats": taken}.items() if count}


async def stock(stage: Stage, ticket_type: str = "full-pass") -> tuple[int, int]:
    """Seats (held, sold)."""
    query = "SELECT held, sold FROM stock WHERE ticket_type = :id"
    held, sold = (await stage.rows(query, id=ticket_type))[0]
    return held, sold


async def statuses(stage: Stage, order_id: str) -> tuple[str, list[str]]:
    """Status of an order and of its payments, oldest first."""
    order = await stage.rows("SELECT status FROM orders WHERE id = :id", id=order_id)
    payments = await stage.rows("SELECT status FROM payments WHERE order_id = :id ORDER BY id", id=order_id)
    return order[0][0], [row[0] for row in payments]


async def broken_promises(stage: Stage) -> list[str]:
    """Invariants that do not hold."""
    from service.kernel.invariants import check  # noqa: PLC0415
    from service.parts import INVARIANTS  # noqa: PLC0415

    async with stage.db.transaction() as session:
        return [each.invariant.name for each in await check(session, INVARIANTS) if each.count]
