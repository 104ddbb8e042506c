"""`cubano inbox sweep`: fetch what never came, for a time of one's own choosing."""

import pytest

from service.kernel.clock import utc_now
from tests.cli.running import cubano_beside, environment, read
from tests.recovery.both import PROVIDERS, order_from, pay
from tests.stage import API_KEY, Stage
from tests.webhooks.applying import Inbox
from tests.webhooks.delivery import deaf


@pytest.fixture
def stage_clock():
    """The command has the real one."""
    return utc_now


@pytest.fixture
def env(stage: Stage, stage_settings: dict[str, str], emulator_url: str) -> dict[str, str]:
    stripe = {"CUBANO_STRIPE_API_KEY": API_KEY, "CUBANO_STRIPE_BASE_URL": emulator_url}
    return environment(stage.settings.database_url.get_secret_value(), **stripe, **stage_settings)


@pytest.fixture
async def unheard(stage: Stage) -> list[dict]:
    """An order at each gateway, paid or approved, of which no webhook told."""
    await deaf(stage)
    checkouts = [await order_from(stage, provider) for provider in PROVIDERS]
    for each in checkouts:
        await pay(stage, each)
    return checkouts


async def test_what_is_missing_is_shown_then_written_down_then_known(env, unheard, stage: Stage, inbox: Inbox):
    """`--dry-run` changes nothing; the events found have their effect when they are applied."""
    looked = await cubano_beside(env, "inbox", "sweep", "--dry-run", "--json")
    untouched = await stage.rows("SELECT 1 FROM payment_events")
    swept = await cubano_beside(env, "inbox", "sweep", "--json")
    again = await cubano_beside(env, "inbox", "sweep")
    await inbox.apply()

    assert [0, 0, 0] == [each.exit_code for each in (looked, swept, again)], swept.stderr
    assert [] == untouched
    assert list(PROVIDERS) == [each["provider"] for each in read(swept)]
    assert [each["missing"] for each in read(looked)] == [each["missing"] for each in read(swept)]
    assert all(each["missing"] and each["listed"] == len(each["missing"]) for each in read(swept))
    assert 2 == again.stdout.count(" 0 written down")
    assert "paid" == (await stage.order(unheard[0]))["status"]
    assert "processing" == (await stage.order(unheard[1]))["status"]  # its capture waits in the outbox


async def test_since_and_provider_narrow_it(env, unheard, stage: Stage):
    """A span before now, or a time with its zone."""
    spans = ["90m", "2h", "3d", "2020-01-01T00:00:00Z"]
    for since in spans:
        swept = await cubano_beside(
            env, "inbox", "sweep", "--since", since, "--provider", "paypal", "--dry-run", "--json"
        )
        assert (0, ["paypal"]) == (swept.exit_code, [each["provider"] for each in read(swept)]), since
        assert read(swept)[0]["missing"], since


@pytest.mark.parametrize(
    "words",
    [
        ["--since", "yesterday"],
        ["--since", "2026-11-20T10:00:00"],  # of which zone?
        ["--provider", "manual"],
    ],
)
async def test_what_cannot_be_meant_is_refused(env, words):
    """Exit 2, with a sentence."""
    result = await cubano_beside(env, "inbox", "sweep", *words)

    assert 2 == result.exit_code
    assert result.stderr.strip()


async def test_a_gateway_that_is_away_is_named_and_the_other_is_read(env, unheard, stage: Stage):
    """Exit 1; what the other has is written down all the same."""
    await stage.faults({"match": {"provider": "stripe", "path": "/v1/*"}, "effects": {"outage": True}})

    swept = await cubano_beside(env, "inbox", "sweep", "--json")
    words = await cubano_beside(env, "inbox", "sweep")

    problems = {each["provider"]: each["problem"] for each in read(swept)}
    assert (1, None) == (swept.exit_code, problems["paypal"])
    assert problems["stripe"]
    assert "could not be read to the end" in words.stdout
    assert [("paypal",)] == await stage.rows("SELECT DISTINCT provider FROM payment_events")


async def test_the_inbox_shows_how_an_event_came(env, unheard, stage: Stage):
    """By webhook or by the sweep, and whether a thin one has its object."""
    await cubano_beside(env, "inbox", "sweep")
    event_id = (await stage.rows("SELECT event_id FROM payment_events WHERE provider = 'stripe' LIMIT 1"))[0][0]
    listed = await cubano_beside(env, "inbox", "ls", "--json")
    await stage.rows("UPDATE payment_events SET is_thin = true, found_by = 'webhook' WHERE event_id = :id", id=event_id)
    waiting = await cubano_beside(env, "inbox", "ls")
    await stage.rows('UPDATE payment_events SET detail = \'{"id": "evt_whole"}\' WHERE event_id = :id', id=event_id)
    shown = await cubano_beside(env, "inbox", "show", event_id)
    shown_json = await cubano_beside(env, "inbox", "show", event_id, "--json")

    assert {("sweep", None)} == {(each["foundBy"], each["thin"]) for each in read(listed)}
    assert "unfetched" in waiting.stdout
    assert "evt_whole" in shown.stdout
    assert ("fetched", {"id": "evt_whole"}) == (read(shown_json)["thin"], read(shown_json)["detail"])
