"""What a day comes to, for the command line."""

from dataclasses import dataclass
from datetime import date, datetime

from service.comparison.rules import DifferenceKind
from service.kernel.money import Money
from service.reconciliation.rules import KINDS
from service.reconciliation.tables import Difference


@dataclass(frozen=True)
class Sum:
    """So many of one kind, and what they sum to in one currency; `fee` is the gateway's."""

    kind: str
    count: int
    amount: Money
    fee: Money | None = None


@dataclass(frozen=True)
class Report:
    """One day of one gateway: what the journal says it moved, what the gateway says, and where they differ."""

    provider: str
    day: date
    journal: tuple[Sum, ...]
    settled: tuple[Sum, ...]
    differences: tuple[Difference, ...]
    at: datetime


def shown(report: Report) -> dict[str, object]:
    """The report as JSON."""
    return {
        "provider": report.provider,
        "day": report.day.isoformat(),
        "journal": [_sum(each) for each in report.journal],
        "settled": [_sum(each) for each in report.settled],
        "differences": [shown_difference(each, at=report.at) for each in report.differences],
    }


def shown_difference(one: Difference, *, at: datetime) -> dict[str, object]:
    return {
        "id": one.id,
        "kind": one.kind,
        "subject": one.subject,
        "orderId": one.order_id,
        "amount": _money(one.amount),
        "note": one.note,
        "owner": one.owner,
        "ageDays": age_days(one, at=at),
        "firstSeen": one.first_seen.isoformat(),
        "repair": KINDS[DifferenceKind(one.kind)].repair,
    }


def age_days(one: Difference, *, at: datetime) -> int:
    """Whole days since it was first found."""
    return (at - one.first_seen).days


def _sum(one: Sum) -> dict[str, object]:
    fee = {} if one.fee is None else {"fee": _money(one.fee), "net": _money(one.amount - one.fee)}
    return {"kind": one.kind, "count": one.count, "amount": _money(one.amount), **fee}


def _money(amount: Money) -> dict[str, object]:
    return {"minor": amount.minor, "currency": amount.currency}
