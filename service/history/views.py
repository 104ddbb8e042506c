"""What is shown of a transaction, as JSON and as a line of CSV. It holds no personal data."""

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa

from service.kernel.money import Money

Row = sa.Row[Any]
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # how a spreadsheet knows that it shall compute instead of show


class TransactionView(msgspec.Struct, rename="camel", frozen=True):
    """One payment, refund or dispute, or one movement that only the gateway's balance knows."""

    transaction_id: str
    type: str
    status: Annotated[str, msgspec.Meta(description="As it is now; which there are depends on the type.")]
    provider: str
    order_id: str | None
    order_number: str | None
    payment_id: Annotated[str | None, msgspec.Meta(description="Of a refund or a dispute: what it is about.")]
    amount: Annotated[
        Money, msgspec.Meta(description="As our balance sees it: what comes is positive, what goes is not.")
    ]
    fee: Annotated[Money | None, msgspec.Meta(description="What the gateway took for it, once it has said so.")]
    net: Annotated[Money | None, msgspec.Meta(description="The amount without the fee, once that is known.")]
    created_at: Annotated[datetime, msgspec.Meta(description="What pages are sorted and `from` and `to` count by.")]
    occurred_at: Annotated[datetime | None, msgspec.Meta(description="When the money moved; absent while it has not.")]
    provider_ref: Annotated[str | None, msgspec.Meta(description="The gateway's own name of it.")]
    gift: Annotated[bool, msgspec.Meta(description="The festival itself has paid; no money moved.")]


class TotalView(msgspec.Struct, rename="camel", frozen=True):
    """All that match, of one type and currency; amounts are those of what moved money."""

    type: str
    currency: str
    count: Annotated[int, msgspec.Meta(description="Transactions that match.")]
    moved: Annotated[int, msgspec.Meta(description="Those of them that moved money; the sums are theirs.")]
    amount: Money
    fee: Annotated[Money, msgspec.Meta(description="As far as the gateway has said so.")]
    net: Annotated[Money, msgspec.Meta(description="The amount without those fees.")]


class HistoryView(msgspec.Struct, rename="camel", frozen=True):
    transactions: list[TransactionView]
    cursor: Annotated[str | None, msgspec.Meta(description="For the next page; absent, this was the last.")]
    totals: Annotated[list[TotalView] | None, msgspec.Meta(description="Only when asked for.")] = None


def present(row: Row) -> TransactionView:
    return TransactionView(
        transaction_id=row.id,
        type=row.type,
        status=row.status,
        provider=row.provider,
        order_id=row.order_id,
        order_number=row.order_number,
        payment_id=row.payment_id,
        amount=Money(row.amount_minor, row.currency),
        fee=_money(row.fee_minor, row.fee_currency),
        net=_money(row.net_minor, row.fee_currency),
        created_at=row.created_at,
        occurred_at=row.occurred_at,
        provider_ref=row.provider_ref,
        gift=row.gift,
    )


def present_total(kind: str, currency: str, counts: tuple[int, int], amount: int, fee: int) -> TotalView:
    sums = Money(amount, currency), Money(fee, currency)
    return TotalView(kind, currency, *counts, *sums, sums[0] - sums[1])


def _money(minor: int | None, currency: str | None) -> Money | None:
    return Money(minor, currency) if minor is not None and currency is not None else None


# ---- CSV -------------------------------------------------------------------------------------------------------------

COLUMNS = (
    *("transactionId", "type", "status", "provider", "orderId", "orderNumber", "paymentId"),
    *("amount", "currency", "fee", "net", "feeCurrency", "createdAt", "occurredAt", "providerRef", "gift"),
)


def header_line() -> bytes:
    return _lines([COLUMNS])


def csv_lines(rows: Iterable[Row]) -> bytes:
    """The lines of these rows (RFC 4180): amounts as decimals, times in UTC, and no cell a spreadsheet would compute."""
    return _lines(_cells(row) for row in rows)


def _cells(row: Row) -> tuple[str, ...]:
    named = (row.id, row.type, row.status, row.provider, row.order_id, row.order_number, row.payment_id)
    return (
        *map(harmless, named),
        _decimal(row.amount_minor, row.currency),
        row.currency,
        _decimal(row.fee_minor, row.fee_currency),
        _decimal(row.net_minor, row.fee_currency),
        row.fee_currency or "",
        _time(row.created_at),
        _time(row.occurred_at),
        harmless(row.provider_ref),
        "true" if row.gift else "false",
    )


def harmless(text: str | None) -> str:
    """Text as text: what would begin a formula gets an apostrophe in front, as OWASP advises."""
    shown = text or ""
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


def _decimal(minor: int | None, currency: str | None) -> str:
    amount = _money(minor, currency)
    return "" if amount is None else str(amount.to_decimal())


def _time(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}" if moment else ""


def _lines(rows: Iterable[tuple[str, ...]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
