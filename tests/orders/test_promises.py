"""What orders promise is broken by rows, and only by those."""

import pytest

from service.kernel.invariants import check
from service.orders.tables import INVARIANTS
from tests.stage import Stage


@pytest.mark.parametrize(("hours", "broken"), [(47, 0), (49, 1)])
async def test_a_late_payment_does_not_wait_longer_than_two_days(stage: Stage, hours, broken):
    """The money goes back by itself within minutes; after two days somebody has to look."""
    await stage.checkout()
    late = """UPDATE orders SET status = 'late_payment', paid_at = now(),
        updated_at = now() - make_interval(hours => :hours)"""
    await stage.rows(late, hours=hours)
    promise = [each for each in INVARIANTS if each.name == "late-payment-waits"]
    async with stage.db.transaction() as session:
        (finding,) = await check(session, promise)

    assert broken == finding.count
