"""`cubano disputes`: what buyers' banks ask for, and how many days are left to answer."""

import sys
from datetime import timedelta

import click
from rich.table import Table

from service.cli.common import FOUND_WRONG, as_json, console, print_json, with_database
from service.disputes import flow
from service.disputes.machine import WAITING
from service.disputes.tables import Dispute
from service.kernel.clock import utc_now
from service.kernel.db import Database


@click.group()
def disputes() -> None:
    """Payments that a buyer's bank asks back."""


@disputes.command()
@click.option("--all", "closed", is_flag=True, help="Decided ones, too, the newest first.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@as_json
def ls(limit: int, *, closed: bool, as_json: bool) -> None:
    """List undecided disputes, the first due first; exit 1 when evidence is overdue."""

    async def work(database: Database) -> list[Dispute]:
        async with database.transaction() as session:
            return await flow.listed(session, closed=closed, limit=limit)

    found = with_database(work)
    if as_json:
        print_json([_facts(each) for each in found])
    else:
        names = ("dispute", "order", "provider", "amount", "reason", "status", "evidence due", "days left")
        table = Table(*names, box=None, pad_edge=False)
        for each in found:
            due = f"{each.due_at:%Y-%m-%d %H:%M %Z}" if each.due_at else ""
            row = (each.provider, each.amount.format(), each.reason, each.status)
            days = _days_left(each)
            table.add_row(each.id, each.order_id, *row, due, "" if days is None else str(days))
        console().print(table if found else "No dispute is open.")
    sys.exit(FOUND_WRONG if any((_days_left(each) or 0) < 0 for each in found) else 0)


def _days_left(dispute: Dispute) -> int | None:
    """Whole days until evidence must be there, negative when it is late; None when nobody waits for it."""
    waits = dispute.due_at is not None and dispute.status in WAITING
    return (dispute.due_at - utc_now()) // timedelta(days=1) if waits and dispute.due_at else None


def _facts(dispute: Dispute) -> dict[str, object]:
    return {
        "dispute": dispute.id,
        "orderId": dispute.order_id,
        "paymentId": dispute.payment_id,
        "provider": dispute.provider,
        "ref": dispute.dispute_ref,
        "amount": {"minor": dispute.amount.minor, "currency": dispute.amount.currency},
        "reason": dispute.reason,
        "status": dispute.status,
        "dueAt": dispute.due_at.isoformat() if dispute.due_at else None,
        "daysLeft": _days_left(dispute),
    }
