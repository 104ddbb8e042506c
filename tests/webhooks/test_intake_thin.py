"""A thin event and its snapshot are one row, and the snapshot is never lost to the thin one."""

import asyncio

import pytest

from service.webhooks.flow import Intake
from tests.stage import Stage
from tests.webhooks.test_intake import arrival, intake

__all__ = ["intake"]

ROW = "SELECT state, subject, coalesce(detail, payload), attempts, cause, last_error, ended_at FROM payment_events"
PLACE = "SELECT ctid::text, xmin::text, xmax::text FROM payment_events"  # as PostgreSQL stores it: a lock shows, too
WHOLE = ("pending", "ord_1", b"{}", 0, None, None, None)
DEAD = "UPDATE payment_events SET state = 'dead', cause = 'not_fetched', attempts = 5, last_error = '404', ended_at = now()"


async def take_thin(stage: Stage, intake: Intake) -> bool:
    return await intake.take(arrival(stage, "evt_1", subject="cs_1", thin=True))


@pytest.mark.parametrize("meanwhile", ["SELECT 1", DEAD], ids=["waits", "could not be fetched"])
async def test_a_snapshot_completes_the_thin_event_that_was_faster(stage: Stage, intake: Intake, meanwhile):
    """No fetch is needed any more, and no dead letter stays; it is known all the same."""
    first = await take_thin(stage, intake)
    await stage.rows(meanwhile)

    second = await intake.take(arrival(stage, "evt_1"))

    assert (True, False) == (first, second)
    assert [WHOLE] == await stage.rows(ROW)


async def test_in_one_group_the_snapshot_is_kept(stage: Stage, intake: Intake):
    """Both arrive in the same moment, the thin one first."""
    taken = await asyncio.gather(take_thin(stage, intake), intake.take(arrival(stage, "evt_1")))

    assert [True, False] == list(taken)
    assert [WHOLE] == await stage.rows(ROW)


@pytest.mark.parametrize(
    "there",
    [
        "UPDATE payment_events SET detail = 'fetched'",
        "UPDATE payment_events SET detail = 'fetched', state = 'applied'",
        "UPDATE payment_events SET detail = 'fetched', state = 'dead', cause = 'amount_mismatch'",
        "UPDATE payment_events SET state = 'discarded', cause = 'a person said so'",
        "UPDATE payment_events SET is_thin = false",
    ],
)
async def test_what_has_gone_on_is_not_touched(stage: Stage, intake: Intake, there):
    """Neither written nor locked: who applies it just now holds up nobody at the door."""
    await take_thin(stage, intake)
    await stage.rows(there)
    before = await stage.rows(PLACE)

    assert not await intake.take(arrival(stage, "evt_1"))
    assert before == await stage.rows(PLACE)


async def test_another_thin_one_completes_nothing(stage: Stage, intake: Intake):
    """It says no more than the first."""
    await take_thin(stage, intake)
    before = await stage.rows(PLACE)

    assert not await take_thin(stage, intake)
    assert before == await stage.rows(PLACE)
