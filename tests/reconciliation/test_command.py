"""`cubano books reconcile` and `accept`, by hand."""

from datetime import UTC, datetime

import pytest

from service.kernel.clock import utc_now
from tests.cli.running import cubano_beside, environment, read
from tests.stage import API_KEY, Stage


@pytest.fixture
def stage_clock():
    """The command has the real one."""
    return utc_now


@pytest.fixture
def env(stage: Stage, emulator_url: str) -> dict[str, str]:
    given = {"CUBANO_STRIPE_API_KEY": API_KEY, "CUBANO_STRIPE_BASE_URL": emulator_url}
    return environment(stage.settings.database_url.get_secret_value(), **given)


async def test_what_is_out_is_shown_and_may_be_accepted(env, stage: Stage):
    """Exit 1 while anything is out; accepted with a reason, which is in the audit trail, it is told no more."""
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    quiet = await cubano_beside(env, "books", "reconcile", "--day", day)
    (await stage.emulator.post("/_emulator/balance", json={"do": "unknown", "amount": -700})).raise_for_status()
    out = await cubano_beside(env, "books", "reconcile", "--day", day, "--fix", "--json")
    told = await cubano_beside(env, "books", "reconcile", "--day", day)
    [report] = read(out)
    [found] = report["differences"]
    accepted = await cubano_beside(env, "books", "accept", found["id"], "--why", "invoice 7", "--by", "ana")
    again = await cubano_beside(env, "books", "accept", found["id"], "--why", "invoice 7")
    after = await cubano_beside(env, "books", "reconcile", "--day", day)
    trail = await stage.rows("SELECT actor_id, action, subject FROM audit_trail WHERE action = 'books.accept'")

    assert [0, 1, 1, 0, 1, 0] == [each.exit_code for each in (quiet, out, told, accepted, again, after)], out.stderr
    assert ("unknown", "finance", 0) == (found["kind"], found["owner"], found["ageDays"])
    assert {"minor": -700, "currency": "USD"} == found["amount"]
    assert [] == report["repaired"]
    assert found["id"] in told.stdout
    assert [("cli:ana", "books.accept", found["id"])] == trail


async def test_wrong_words_and_a_gateway_that_is_away(env, stage: Stage):
    """Usage is 2; a list that cannot be read is said, and what is known is compared all the same."""
    tomorrow = await cubano_beside(env, "books", "reconcile", "--day", "2099-01-01")
    nobody = await cubano_beside(env, "books", "reconcile", "--provider", "manual")
    await stage.faults({"match": {"path": "/v1/balance_transactions"}, "effects": {"error": {"status": 500}}})
    away = await cubano_beside(env, "books", "reconcile", "--json")

    assert [2, 2, 1] == [each.exit_code for each in (tomorrow, nobody, away)]
    assert read(away)[0]["problem"]
