"""The story: finance has closed the month, and then the gateway tells what it took for a sale of it.

The fee is an entry of the day it became known, under the name of the month it belongs to. What was closed stays as it was,
to the byte; every promise of the data holds, and the history shows the payment with its fee and net.
"""

from datetime import date, timedelta
from pathlib import Path

import pytest

from service.access.rules import Role, system
from service.archives.flow import export, verify
from service.archives.rules import end_of, start_of
from service.closing import flow as closing
from service.closing.rules import NotClosable, Report
from service.journal.rules import month_of
from tests.access.giving import bearer, give
from tests.archives.test_archives import contents
from tests.reconciliation.books import DAY, PASSES, Books
from tests.reconciliation.conftest import books, stage_clock

__all__ = ["books", "stage_clock"]
FEE = 1_474  # Stripe's 2.9 % and 30 cents


async def test_a_late_fee_restates_the_month_it_belongs_to(books: Books, tmp_path: Path):
    """Of the month that was closed nothing changes; of this one what came late stands apart, and all of it is there."""
    sold_on, month = books.today, month_of(books.today)
    closing_day = end_of(month) + timedelta(days=4)
    payment = await books.sell()
    await books.odd("delay", payment, seconds=((closing_day - sold_on).days + 5) * DAY)  # until then no list shows it
    await _go_on_to(books, closing_day, sold_on)
    why = "one movement is not listed yet; the gateway's support knows of it"
    await closing.close(books.parts.db, system("cli:finance"), month, grace_days=3, anyway=why)
    before, archive = await _report(books, month), await _archive(books, month, tmp_path / "before")

    await books.later(10 * DAY)
    await books.compare(sold_on)  # each day is read again for a while: there it is

    after, this_month = await _report(books, month), await _report(books, month_of(books.today))
    assert (before.figures, before.entries) == (after.figures, after.entries)
    assert [(month, "fee", -FEE)] == [(each.month, each.kind, each.result.minor) for each in after.corrected]
    assert after.corrected == this_month.figures[0].restated
    held = this_month.figures[0].providers[0]  # its payout left what nobody had told of, and that was the fee
    assert (FEE, 0) == (held.opening.minor, held.closing.minor)
    assert archive == await _archive(books, month, tmp_path / "after")
    assert ([], []) == (verify(tmp_path / "after"), await books.broken())
    assert (FEE, PASSES - FEE) == await _seen_in_the_history(books, payment)
    with pytest.raises(NotClosable, match="closed already"):
        await closing.close(books.parts.db, system("cli:finance"), month, grace_days=3)


async def _go_on_to(books: Books, day: date, sold_on: date) -> None:
    """Nobody has compared a day by then; somebody does so by hand."""
    while books.today < day:
        await books.later(DAY)
    await books.read()
    assert [0, PASSES - FEE] == await books.stands("fees:stripe", "bank")
    with pytest.raises(NotClosable, match=f"stripe was never compared on {sold_on}"):
        await closing.close(books.parts.db, system("cli:finance"), month_of(sold_on), grace_days=3)
    for days in range((end_of(month_of(sold_on)) - sold_on).days + 1):
        await books.compare(sold_on + timedelta(days=days))


async def _report(books: Books, month: str) -> Report:
    async with books.parts.db.transaction() as session:
        return await closing.report(session, start_of(month), end_of(month))


async def _archive(books: Books, month: str, folder: Path) -> dict[str, bytes]:
    folder.mkdir()  # noqa: ASYNC240 - a test has all the time
    async with books.parts.db.transaction() as session:
        await export(session, start_of(month), end_of(month), folder)
    return contents(folder)


async def _seen_in_the_history(books: Books, payment: str) -> tuple[int, int]:
    key = bearer(await give(books.stage.db, "finance", Role.FINANCE))
    answer = await books.stage.client.get("/api/payment/transaction-history", headers=key)
    [row] = [each for each in answer.json()["transactions"] if each["transactionId"] == payment]
    return row["fee"]["minor"], row["net"]["minor"]
