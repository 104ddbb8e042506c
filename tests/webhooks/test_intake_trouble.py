"""What goes wrong below the intake costs no delivery that could still be written, and confuses no caller."""

import asyncio

import psycopg

from service.webhooks.flow import Intake
from tests.stage import Stage
from tests.webhooks.test_intake import arrival, intake

__all__ = ["intake"]


async def test_a_restarted_database_costs_no_delivery(stage: Stage, intake: Intake, database_url):
    """All connections are dead; the delivery that finds out is written over a new one, and so are those beside it."""
    await asyncio.gather(*(intake.take(arrival(stage, f"evt_before_{n}")) for n in range(300)))
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as admin:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        await admin.execute(others)
    await stage.db.engine.dispose()
    new = await asyncio.gather(*(intake.take(arrival(stage, f"evt_after_{n}")) for n in range(300)))

    assert [True] * 300 == new
    assert [(600,)] == await stage.rows("SELECT count(*) FROM payment_events")


async def test_each_caller_is_told_with_an_error_of_its_own(stage: Stage, intake: Intake):
    """One failed statement, three deliveries, three objects of the same kind and text."""
    await stage.rows("ALTER TABLE payment_events RENAME TO moved")
    takes = (intake.take(arrival(stage, f"evt_{n}")) for n in range(3))
    results = await asyncio.gather(*takes, return_exceptions=True)
    await stage.rows("ALTER TABLE moved RENAME TO payment_events")

    assert {psycopg.errors.UndefinedTable} == {type(each) for each in results}
    assert 3 == len({id(each) for each in results})
    assert 1 == len({str(each) for each in results})
    assert await intake.take(arrival(stage, "evt_after"))


async def test_an_error_nobody_thought_of_stops_no_other_delivery(stage: Stage, intake: Intake):
    """A row that cannot even be put in order: its callers are told, and the next is written."""
    odd = arrival(stage, None)  # type: ignore[arg-type]  # on purpose: it does not sort
    same = arrival(stage, "evt_same")
    results = await asyncio.gather(intake.take(same), intake.take(odd), return_exceptions=True)

    assert [TypeError, TypeError] == [type(each) for each in results]
    assert await intake.take(arrival(stage, "evt_after"))
