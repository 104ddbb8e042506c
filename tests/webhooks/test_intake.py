"""Written once, whatever storms: repeated, side by side, in groups, with a poisoned one among them, without a database."""

import asyncio
import json
from collections import Counter

import psycopg
import pytest

from service.gateways.facts import Envelope
from service.kernel.errors import Invalid, Overloaded
from service.webhooks import flow
from service.webhooks.flow import Intake
from service.webhooks.tables import Arrival
from tests.stage import WEBHOOK_SECRET, Stage
from tests.webhooks.delivery import counted, deliver, event_of


@pytest.mark.parametrize(("together", "rounds"), [(1, 10), (5, 2), (50, 1)])
async def test_the_same_event_is_written_once(stage: Stage, metrics_url, together, rounds):
    """Ten times in a row, five at once, fifty at once: one row, and every delivery is answered 200."""
    event = event_of()
    statuses = []
    for _ in range(rounds):
        answers = await asyncio.gather(*(deliver(stage, event) for _ in range(together)))
        statuses += [answer.status_code for answer in answers]

    total = together * rounds
    assert {200: total} == Counter(statuses)
    assert [(1,)] == await stage.rows("SELECT count(*) FROM payment_events")
    seen = await counted(metrics_url, "cubano_webhooks_total")
    assert (1, total - 1) == (seen["stripe", "accepted"], seen["stripe", "duplicate"])


async def test_a_storm_of_different_events_is_written_whole(stage: Stage):
    """Three hundred at once, in few commits: every one is there, with its own bytes."""
    events = [event_of() for _ in range(300)]
    answers = await asyncio.gather(*(deliver(stage, event) for event in events))

    assert {200: 300} == Counter(answer.status_code for answer in answers)
    stored = await stage.rows("SELECT event_id, payload FROM payment_events")
    assert {event["id"]: event for event in events} == {row[0]: json.loads(row[1]) for row in stored}


def arrival(stage: Stage, event_id: str, *, subject: str = "ord_1", thin: bool = False) -> Arrival:
    envelope = Envelope(event_id, "customer.created", stage.clock(), False, subject, None, is_thin=thin)
    return Arrival("stripe", envelope, b"thin" if thin else b"{}", stage.clock())


@pytest.fixture
async def intake(stage: Stage):
    await stage.db.open()
    opened = Intake(stage.db)
    await opened.open()
    yield opened
    await opened.close()
    await stage.db.raw.close()


async def test_a_poisoned_event_costs_the_others_nothing(stage: Stage, intake: Intake):
    """In one group with a value the database refuses, the others are written and only that one is refused."""
    group = [arrival(stage, f"evt_{n}", subject="bad\0subject" if n == 3 else "ord_1") for n in range(6)]
    results = await asyncio.gather(*(intake.take(each) for each in group), return_exceptions=True)

    assert [True, True, True, True, True] == [r for n, r in enumerate(results) if n != 3]
    assert isinstance(results[3], Invalid)
    assert [(5,)] == await stage.rows("SELECT count(*) FROM payment_events")
    assert await intake.take(arrival(stage, "evt_after"))


async def test_text_that_is_no_text_does_not_stop_the_intake(stage: Stage, intake: Intake):
    """Half a surrogate pair cannot be written as UTF-8; the next event is taken all the same."""
    with pytest.raises(Invalid):
        await intake.take(arrival(stage, "evt_\ud800"))

    assert await intake.take(arrival(stage, "evt_after"))


async def test_what_waits_is_written_before_the_end(stage: Stage, intake: Intake):
    """A server that stops writes what it has let in, and lets no more in."""
    waiting = [asyncio.create_task(intake.take(arrival(stage, f"evt_{n}"))) for n in range(flow.MOST_GROUPED + 50)]
    await asyncio.sleep(0)
    await intake.close()

    assert {True} == {await each for each in waiting}
    with pytest.raises(Overloaded):
        await intake.take(arrival(stage, "evt_late"))


async def test_more_than_can_wait_is_told_to_come_again(stage: Stage, intake: Intake):
    """A full waiting room answers at once instead of growing; who is in it is written all the same."""
    takes = (intake.take(arrival(stage, f"evt_{n}")) for n in range(flow.MOST_WAITING + 5))
    results = await asyncio.gather(*takes, return_exceptions=True)

    assert {True: flow.MOST_WAITING, Overloaded: 5} == Counter(r if r is True else type(r) for r in results)


async def test_a_caller_who_left_does_not_matter(stage: Stage, intake: Intake):
    """The connection of a delivery breaks while it waits: its row is written, the gateway repeats, nothing is doubled."""
    gone = asyncio.create_task(intake.take(arrival(stage, "evt_1")))
    await asyncio.sleep(0)
    gone.cancel()

    assert await intake.take(arrival(stage, "evt_2"))
    assert not await intake.take(arrival(stage, "evt_1"))


async def test_two_servers_do_not_block_each_other(stage: Stage, intake: Intake):
    """Two processes take the same events in opposite order at the same moment: each is written by one of them."""
    second = Intake(stage.db)
    await second.open()
    for storm in range(20):
        events = [arrival(stage, f"evt_{storm}_{n}") for n in range(40)]
        takes = [intake.take(each) for each in events] + [second.take(each) for each in reversed(events)]
        new = await asyncio.gather(*takes)

        assert 40 == sum(new)
    await second.close()


async def test_without_a_database_the_gateway_is_told_to_come_again_and_does(stage: Stage, database_url):
    """503 while the database refuses connections; when it is back, the gateway's own repetition delivers."""
    name = database_url.rpartition("/")[2]
    admin_url = database_url.rpartition("/")[0] + "/postgres"
    async with await psycopg.AsyncConnection.connect(admin_url, autocommit=True) as admin:
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        event = event_of()
        refused = await deliver(stage, event)
        await stage.emulator.post(
            "/v1/checkout/sessions",
            auth=("sk_test_stage", ""),
            data={
                "mode": "payment",
                "success_url": "http://127.0.0.1:9/",
                "line_items[0][quantity]": "1",
                "line_items[0][price_data][currency]": "usd",
                "line_items[0][price_data][unit_amount]": "500",
                "line_items[0][price_data][product_data][name]": "x",
            },
        )
        session_id = (await stage.emulator.get("/v1/checkout/sessions", auth=("sk_test_stage", ""))).json()["data"][0][
            "id"
        ]
        await stage.emulator.post(f"/_emulator/sessions/{session_id}/pay", json={})
        await asyncio.sleep(0.3)
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')

    async def arrived() -> bool:
        rows = await stage.rows("SELECT 1 FROM payment_events WHERE type = 'checkout.session.completed'")
        return bool(rows)

    await stage.db.engine.dispose()
    assert await stage.until(arrived, within_s=15)
    assert 503 == refused.status_code
    assert refused.headers["retry-after"]
    assert WEBHOOK_SECRET not in refused.text
