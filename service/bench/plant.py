"""Orders by the hundred thousand, with all that hangs on them, made by the database itself in seconds."""

from pathlib import Path

import psycopg

SCRIPT = Path(__file__).parent / "scripts" / "orders.sql"
CHUNK = 100_000  # orders of one transaction
TABLES = (
    *("orders", "order_items", "order_customers", "payments", "tickets", "refunds", "disputes"),
    *("journal_entries", "journal_lines"),
)


def plant(dsn: str, first: int, last: int, *, total: int) -> None:
    """Write the orders numbered so, as the latest of `total`, into a database of ours; needs its superuser."""
    statements = [each for each in SCRIPT.read_text().split(";\n") if each.strip()]
    with psycopg.connect(dsn) as connection:
        for start in range(first, last + 1, CHUNK):
            values = {"first": start, "last": min(start + CHUNK - 1, last), "total": total}
            with connection.transaction(), psycopg.ClientCursor(connection) as cursor:
                for statement in statements:
                    cursor.execute(statement.encode(), values)


def settle_down(dsn: str) -> None:
    """What autovacuum would have done by now: statistics, visibility, and nothing of it left for the measurement."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for table in TABLES:
            connection.execute(f"VACUUM (ANALYZE) {table}".encode())
        connection.execute(b"CHECKPOINT")
