"""A small journal with known figures, posted as the service posts: a January and what came after it."""

from collections.abc import Mapping
from datetime import UTC, date, datetime

import sqlalchemy as sa

from service.journal.flow import post
from service.journal.rules import (
    BANK,
    DISPUTES_HELD,
    GIFTS,
    OWED,
    TAX,
    EntryKind,
    Posting,
    clearing,
    fees,
    refunds,
    revenue,
)
from service.kernel.db import Database
from service.kernel.money import Money

Amounts = Mapping[str, int]
SALE = {clearing("stripe"): 10_500, revenue("full-pass"): -10_000, TAX: -500}
BOTH = {clearing("paypal"): 15_750, revenue("full-pass"): -10_000, revenue("party-pass"): -5_000, TAX: -750}
GIFT = {GIFTS: 10_500, revenue("full-pass"): -10_000, TAX: -500}
BACK = {refunds("full-pass"): 2_000, TAX: 100, clearing("stripe"): -2_100}
FEE = {fees("stripe"): 335, clearing("stripe"): -335}
HELD = {DISPUTES_HELD: 15_750, clearing("paypal"): -15_750}
PAYOUT = {BANK: 8_000, clearing("stripe"): -8_000}
TWICE = {clearing("stripe"): 700, OWED: -700}


def at(day: str, hour: int = 12) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)


async def write(
    db: Database, kind: EntryKind, subject: str, stands: Amounts, day: str, *, currency: str = "USD"
) -> bool:
    """One subject, in a transaction of its own."""
    named = {account.partition(":")[2] for account in stands if account.startswith("clearing:")}
    provider = min(named, default="manual")
    amounts = {account: Money(minor, currency) for account, minor in stands.items()}
    async with db.transaction() as session:
        return await post(session, Posting(kind, subject, amounts, at(day), provider))


async def january(db: Database, year: int = 2027) -> None:
    """Sales of 105.00, 157.50 and a gift of 105.00; 21.00 back, a fee of 3.35, a dispute, a payout, money that came twice."""
    await write(db, EntryKind.PAYMENT, "pay_1", SALE, f"{year}-01-01")
    await write(db, EntryKind.PAYMENT, "pay_2", BOTH, f"{year}-01-15")
    await write(db, EntryKind.PAYMENT, "pay_3", GIFT, f"{year}-01-15")
    await write(db, EntryKind.REFUND, "rfd_1", BACK, f"{year}-01-20")
    await write(db, EntryKind.FEE, "txn_1", FEE, f"{year}-01-20")
    await write(db, EntryKind.DISPUTE, "dsp_1", HELD, f"{year}-01-25")
    await write(db, EntryKind.PAYOUT, "txn_2", PAYOUT, f"{year}-01-31")
    await write(db, EntryKind.PAYMENT, "pay_4", TWICE, f"{year}-01-31")
    await compare(db, f"{year}-01-01", f"{year}-01-31")


async def february(db: Database, year: int = 2027) -> None:
    """One sale more, and another one in euros."""
    await write(db, EntryKind.PAYMENT, "pay_5", SALE, f"{year}-02-01")
    euros = {clearing("stripe"): 21_000, revenue("full-pass"): -20_000, TAX: -1_000}
    await write(db, EntryKind.PAYMENT, "pay_6", euros, f"{year}-02-28", currency="EUR")
    await compare(db, f"{year}-02-01", f"{year}-02-29" if year % 4 == 0 else f"{year}-02-28")


async def compare(db: Database, first: str, last: str) -> None:
    """As the worker does the morning after each of these days."""
    query = """
        INSERT INTO reconciliations (provider, day, ran_at)
        SELECT provider, day, day + interval '28 hours 1 second' FROM unnest(ARRAY['stripe', 'paypal']) AS provider,
            generate_series(CAST(CAST(:first AS date) AS timestamptz), CAST(:last AS date), interval '1 day') AS day
    """
    async with db.transaction() as session:
        await session.execute(sa.text(query), {"first": date.fromisoformat(first), "last": date.fromisoformat(last)})
