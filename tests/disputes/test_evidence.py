"""Evidence is due by a day: it is shown, somebody is reminded, and who has answered is left in peace."""

from service.disputes.flow import remind
from service.kernel.clock import Dial
from tests.cli.running import cubano_beside, environment, read
from tests.disputes.test_disputes import bought, control, dispute, hear
from tests.stage import Stage
from tests.webhooks.applying import Inbox

DAY_S = 86_400
OPEN = "SELECT kind FROM cases WHERE closed_at IS NULL ORDER BY kind"


async def test_somebody_is_reminded_before_it_is_too_late(stage: Stage, inbox: Inbox):
    """Three days before, once; sent, the reminder is gone, and decided, so is the case."""
    checkout = await bought(stage, inbox)
    ref = await dispute(stage, checkout)
    await hear(stage, inbox)
    assert isinstance(stage.clock, Dial)
    early = await remind(inbox.parts.db, limit=10)

    stage.clock.advance(7 * DAY_S)
    due = [await remind(inbox.parts.db, limit=10) for _ in range(2)]
    reminded = await stage.rows(OPEN)
    await control(stage, f"{ref}/submit")
    await hear(stage, inbox)
    answered = await stage.rows(OPEN)
    await control(stage, f"{ref}/close", outcome="won")
    await hear(stage, inbox)

    assert (False, [True, False]) == (early, due)
    assert [("dispute_opened",), ("evidence_due",)] == reminded
    assert ([("dispute_opened",)], []) == (answered, await stage.rows(OPEN))


async def test_the_command_counts_the_days(stage: Stage, inbox: Inbox):
    """By what is due first; exit 1 when it is too late."""
    env = environment(stage.settings.database_url.get_secret_value())
    none = await cubano_beside(env, "disputes", "ls")
    checkout = await bought(stage, inbox)
    await dispute(stage, checkout)
    await hear(stage, inbox)

    words, listed = await cubano_beside(env, "disputes", "ls"), await cubano_beside(env, "disputes", "ls", "--json")
    await stage.rows("UPDATE disputes SET due_at = now() - interval '1 hour'")
    late = await cubano_beside(env, "disputes", "ls")

    assert [0, 0, 0, 1] == [each.exit_code for each in (none, words, listed, late)]
    assert "No dispute is open." in none.stdout
    assert checkout["orderId"] in words.stdout
    assert [(8, "needs_response", 49800)] == [(e["daysLeft"], e["status"], e["amount"]["minor"]) for e in read(listed)]
