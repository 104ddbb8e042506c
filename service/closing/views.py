"""A report as JSON."""

from collections.abc import Iterable
from typing import Any

from service.closing.rules import Balance, Figures, Report, Restated
from service.journal.tables import ClosedMonth
from service.kernel.money import Money


def as_data(report: Report) -> dict[str, Any]:
    """camelCase, amounts as the API has them."""
    return {
        "from": report.first.isoformat(),
        "to": report.last.isoformat(),
        "entries": report.entries,
        "currencies": [_figures(each) for each in report.figures],
        "correctedLater": _restated(report.corrected),
    }


def _figures(each: Figures) -> dict[str, Any]:
    return {
        "currency": each.currency,
        "gross": money(each.gross),
        "gifts": money(each.gifts),
        "refunds": money(each.refunds),
        "disputesLost": money(each.lost),
        "fees": money(each.fees),
        "corrections": money(each.other),
        "net": money(each.net),
        "tax": money(each.tax),
        "revenue": money(each.revenue),
        "disputesHeld": money(each.held),
        "owedToCustomers": money(each.owed),
        "suspense": money(each.suspense),
        "paidOut": money(each.paid_out),
        "ticketTypes": [
            {"ticketType": row.ticket_type, "sold": money(row.sold), "refunded": money(row.refunded)}
            | {"kept": money(row.kept)}
            for row in each.ticket_types
        ],
        "providers": [_balance(row) for row in each.providers],
        "accounts": [_balance(row) for row in each.accounts],
        "restated": _restated(each.restated),
    }


def _balance(row: Balance) -> dict[str, Any]:
    moved = {kind: money(amount) for kind, amount in row.moved.items()}
    return {"account": row.name, "opening": money(row.opening), "moved": moved, "closing": money(row.closing)}


def _restated(rows: Iterable[Restated]) -> list[dict[str, Any]]:
    return [
        {"month": row.month, "kind": row.kind, "result": money(row.result), "clearing": money(row.clearing)}
        for row in rows
    ]


def closing(closed: ClosedMonth | None) -> dict[str, Any] | None:
    """What a closed month was closed with."""
    if closed is None:
        return None
    told = {"month": closed.month, "closedAt": closed.closed_at.isoformat(), "closedBy": closed.closed_by}
    return {**told, "entries": closed.entries, "digest": closed.digest}


def money(amount: Money) -> dict[str, Any]:
    return {"minor": amount.minor, "currency": amount.currency}
