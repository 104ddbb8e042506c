"""Several movements about one thing are one difference: what is told of it is what they come to together."""

from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa

from service.comparison.rules import DifferenceKind, Found, Terms, merged
from service.kernel.clock import utc_now
from service.kernel.db import Database
from service.kernel.ids import Ids
from service.kernel.money import Money
from service.reconciliation.flow import reconcile
from service.telemetry.registry import Telemetry

DAY, NOON = date(2027, 2, 13), datetime(2027, 2, 13, 12, tzinfo=UTC)
TERMS = Terms("stripe", None, 0, itemised=False)
MOVED = """
    INSERT INTO settlements (provider, ref, kind, amount_minor, amount_currency, fee_minor, occurred_at, payment_ref,
                             refund_ref, imported_at)
    VALUES ('stripe', :ref, :kind, :minor, 'USD', 0, :at, 'pi_unknown', :refund, :at)
"""


@pytest.fixture
async def db(database_url):
    telemetry = Telemetry("test", version="0", environment="test")
    database = Database(database_url, clock=utc_now, ids=Ids(utc_now), telemetry=telemetry)
    yield database
    await database.engine.dispose()


def found(kind: DifferenceKind, subject: str, minor: int, currency: str = "USD") -> Found:
    return Found(kind, subject, Money(minor, currency), NOON, "why")


async def test_a_refund_that_came_back_beside_one_that_did_not(db):
    """Both movements of the first name one refund; the day is compared all the same, and again."""
    strays = (
        ("txn_1", "refund", -5000, "re_1"),
        ("txn_2", "refund_failed", 4000, "re_1"),
        ("txn_3", "refund", -20, "re_2"),
    )
    async with db.transaction() as session:
        for ref, kind, minor, refund in strays:
            given = {"ref": ref, "kind": kind, "minor": minor, "at": NOON, "refund": refund}
            await session.execute(sa.text(MOVED), given)

    reports = []
    for _ in range(2):
        async with db.transaction() as session:
            reports.append(await reconcile(session, DAY, TERMS, anew=False))

    expected = {("re_1", -1000), ("re_2", -20)}
    assert [expected, expected] == [{(each.subject, each.amount.minor) for each in one.differences} for one in reports]


def test_what_is_about_one_thing_is_added_up():
    """What comes to nothing is none; another currency cannot be added, and is not told twice."""
    kind, other = DifferenceKind.MISSING_EVENT, DifferenceKind.UNKNOWN
    many = [found(kind, "pay_1", 5), found(kind, "pay_2", 5), found(kind, "pay_1", 7), found(other, "pay_1", 1)]
    undone = [found(kind, "re_1", -5), found(kind, "re_1", 5), found(kind, "re_1", 9, "EUR")]

    told = [(each.kind, each.subject, each.amount.minor) for each in merged([*many, *undone])]

    assert [(kind, "pay_1", 12), (kind, "pay_2", 5), (other, "pay_1", 1)] == told
    assert [Money(9, "EUR")] == [each.amount for each in merged([found(kind, "re_1", 9, "EUR")])]
