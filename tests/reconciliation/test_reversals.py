"""Money that comes back: heard of before the gateway lists it, its absence is a matter of time, and then of a settlement."""

from datetime import UTC, datetime, timedelta

import pytest

from service.comparison.rules import Side, judge
from service.kernel.money import Money
from tests.reconciliation.books import DAY, HOUR, PASSES, Books
from tests.reconciliation.test_types import fix, kinds, rows

NOON = datetime(2027, 2, 13, 12, tzinfo=UTC)


async def test_a_dispute_was_won_and_its_money_is_not_listed_yet(books: Books):
    """Its event has told us; for a day that is timing, then the gateway owes a movement, and it closes by that."""
    payment = await books.sell()
    dispute = (await books.odd("missing_event", payment))["id"]
    await fix(books, await books.compare(books.today))
    won = await books.control(f"disputes/{dispute}/close", outcome="won")
    await fix(books, await books.compare(books.today))
    day, subject = books.today, (await books.stage.rows("SELECT id FROM disputes WHERE status = 'won'"))[0][0]
    settled = await books.compare(day)
    await books.odd("delay", movement=won["balance_transactions"][-1]["id"], seconds=2 * DAY)

    at_once = await books.compare(day)
    await books.later(DAY + HOUR)
    late = await books.compare(day)
    await books.later(DAY)

    assert [] == kinds(settled)
    assert {("timing", subject, -PASSES, "finance")} == rows(at_once)
    assert {("missing_settlement", subject, -PASSES, "finance")} == rows(late)
    assert [] == kinds(await books.compare(day))
    assert [] == await books.broken()


CASES = [  # what it is here, whether our last word is the younger one, minutes since then, and what it is called
    ("won", True, 5, "timing"),
    ("failed", True, 5, "timing"),
    ("failed", True, 2_000, "missing_settlement"),
    ("won", False, 5, "missing_event"),  # the bank took it again
    ("failed", False, 5, "amount"),  # refused as far as we know, and it was made
]


@pytest.mark.parametrize(("status", "ahead", "minutes", "kind"), CASES)
def test_who_spoke_last_decides(status, ahead, minutes, kind):
    """Where ours says that nothing has moved and the gateway has moved something."""
    subject = "rfd_1" if status == "failed" else "dsp_1"
    told, moved, at = Money(0, "USD"), Money(-500, "USD"), NOON - timedelta(minutes=minutes)
    found = judge([Side(subject, None, status, told, moved, 1, at, ahead=ahead)], now=NOON)

    assert found is not None
    assert (kind, -500) == (found.kind, found.amount.minor)
