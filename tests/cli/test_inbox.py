"""`cubano inbox`: look, apply again, or decide that an event shall have no effect."""

import asyncio
from functools import partial

import pytest
import sqlalchemy as sa

from service.kernel.clock import Dial
from tests.cli.running import cubano_beside, environment, read
from tests.payments.history import PAID, end_of, ordered
from tests.stage import Stage
from tests.webhooks.applying import Inbox
from tests.webhooks.delivery import deaf, deliver, event_of, told


@pytest.fixture
def env(stage: Stage) -> dict[str, str]:
    return environment(stage.settings.database_url.get_secret_value())


@pytest.fixture
async def dead(stage: Stage, inbox: Inbox) -> str:
    """The id of a dead event."""
    await deliver(stage, event_of())
    await deliver(stage, event_of("checkout.session.completed", id="evt_dead", data={"object": {"id": "cs_1"}}))
    await inbox.apply()
    return "evt_dead"


async def test_ls_shows_dead_letters_and_says_so(env, dead):
    """Exit 1 when a dead letter is among them, 0 when not."""
    every = await cubano_beside(env, "inbox", "ls", "--json")
    words = await cubano_beside(env, "inbox", "ls")
    ignored = await cubano_beside(env, "inbox", "ls", "--state", "ignored", "--json")
    none = await cubano_beside(env, "inbox", "ls", "--state", "pending")

    assert [1, 1, 0, 0] == [each.exit_code for each in (every, words, ignored, none)]
    assert [("evt_dead", "dead", "malformed")] == [(e["eventId"], e["state"], e["cause"]) for e in read(every)[:1]]
    assert "evt_dead" in words.stdout
    assert "malformed" in words.stdout
    assert ["ignored"] == [each["state"] for each in read(ignored)]
    assert "No events." in none.stdout


async def test_show_tells_all_of_one(env, dead, stage: Stage):
    """By its id or by its number: the payload, the tries, the last error."""
    seq = (await stage.rows("SELECT seq FROM payment_events WHERE event_id = 'evt_dead'"))[0][0]
    by_id = await cubano_beside(env, "inbox", "show", dead, "--json")
    by_number = await cubano_beside(env, "inbox", "show", str(seq), "--json")
    words = await cubano_beside(env, "inbox", "show", dead)

    assert (0, 0, 0) == (by_id.exit_code, by_number.exit_code, words.exit_code)
    assert read(by_id) == read(by_number)
    assert ("evt_dead", "Parked") == (read(by_id)["payload"]["id"], read(by_id)["lastError"].partition(":")[0])
    assert "checkout.session.completed" in words.stdout


@pytest.mark.parametrize("unknown", ["evt_nobody", "999999", "9" * 30, "²", ""])
async def test_an_unknown_event_is_said_to_be_unknown(env, unknown):
    """Exit 1 and one line for every command that takes one."""
    for words in (["show", unknown], ["replay", unknown], ["discard", unknown, "--why", "x"]):
        result = await cubano_beside(env, "inbox", *words)

        assert (1, True) == (result.exit_code, "No event" in result.stderr), (words, result.output, result.exception)


async def test_replay_applies_again(env, stage: Stage, stage_clock: Dial, inbox: Inbox):
    """An applied event is applied again and changes nothing; `--dead` takes all dead letters."""
    await deaf(stage)
    checkout = await ordered(stage)
    await stage.pay(checkout)
    for event in await told(stage):
        await deliver(stage, event)
    await inbox.apply()
    ids = [row[0] for row in await stage.rows("SELECT event_id FROM payment_events")]
    await stage.rows("UPDATE payment_events SET state = 'dead', cause = 'x' WHERE event_id = :id", id=ids[0])

    named = await cubano_beside(env, "inbox", "replay", *ids[1:])
    dead = await cubano_beside(env, "inbox", "replay", "--dead")
    stage_clock.advance(60)
    await inbox.apply()

    assert (f"{len(ids) - 1} events", "1 events") == tuple(" ".join(r.stdout.split()[:2]) for r in (named, dead))
    assert PAID == await end_of(stage, checkout["orderId"])
    assert {"applied", "ignored"} == {state[0] for state in (await inbox.states()).values()}


async def test_discard_keeps_the_reason(env, dead, stage: Stage):
    """A person decided; an event that had its effect cannot be decided away."""
    ignored = (await stage.rows("SELECT event_id FROM payment_events WHERE state = 'ignored'"))[0][0]
    done = await cubano_beside(env, "inbox", "discard", dead, "--why", "a test of the gateway's")
    refused = await cubano_beside(env, "inbox", "discard", ignored, "--why", "x")

    assert (0, 1) == (done.exit_code, refused.exit_code)
    assert "ignored" in refused.stderr
    found = await stage.rows("SELECT state, cause FROM payment_events WHERE event_id = 'evt_dead'")
    assert [("discarded", "a test of the gateway's")] == found


async def test_replay_of_a_discarded_event_keeps_the_reason(env, dead, stage: Stage):
    """`--dead` leaves it alone; named, it is applied again and still tells why it was discarded."""
    await cubano_beside(env, "inbox", "discard", dead, "--why", "a test of the gateway's")
    none = await cubano_beside(env, "inbox", "replay", "--dead")
    untouched = await stage.rows("SELECT state FROM payment_events WHERE event_id = 'evt_dead'")
    named = await cubano_beside(env, "inbox", "replay", dead)

    assert ("0 events", "1 events") == tuple(" ".join(r.stdout.split()[:2]) for r in (none, named))
    assert [("discarded",)] == untouched
    found = await stage.rows("SELECT state, last_error FROM payment_events WHERE event_id = 'evt_dead'")
    assert [("pending", "was discarded: a test of the gateway's")] == found


async def test_replay_of_dead_letters_waits_for_who_decides_about_one(env, dead, stage: Stage):
    """Discarded by another at the same moment: it stays discarded."""
    discarded = sa.text("UPDATE payment_events SET state = 'discarded', cause = 'x' WHERE event_id = 'evt_dead'")
    waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with stage.db.engine.begin() as other:
        await other.execute(discarded)
        replay = asyncio.create_task(cubano_beside(env, "inbox", "replay", "--dead"))
        await stage.until(partial(stage.rows, waits))
    result = await replay

    assert "0 events" == " ".join(result.stdout.split()[:2])
    assert [("discarded", "x")] == await stage.rows(
        "SELECT state, cause FROM payment_events WHERE event_id = 'evt_dead'"
    )
