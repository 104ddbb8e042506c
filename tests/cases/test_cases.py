"""What waits for a person: opened once, counted, due, and closed by a fact or by somebody who says how."""

from datetime import timedelta

import pytest

from service.access.rules import system
from service.cases import flow
from service.cases.flow import Fact
from service.cases.rules import KINDS, CaseKind
from service.figures import Figures
from service.kernel.clock import Dial, utc_now
from service.kernel.errors import Invalid, NotFound, WrongState
from service.telemetry.labels import CaseKind as Label
from tests.cli.running import cubano_beside, environment, read
from tests.stage import Stage
from tests.webhooks.applying import Inbox
from tests.webhooks.delivery import samples

BY = system("test")
FACT = Fact(CaseKind.REFUND_FAILED, "rfd_1", None, {"amount": 100, "currency": "USD", "code": "declined"})


async def opened(inbox: Inbox, fact: Fact = FACT) -> bool:
    async with inbox.parts.db.transaction() as session:
        return await flow.open_case(session, fact)


async def test_each_kind_has_an_owner_a_time_and_a_meaning():
    """And is known to the metrics by the same name."""
    assert set(CaseKind) == set(KINDS)
    assert [each.value for each in CaseKind] == [each.value for each in Label]
    assert {"finance", "support"} == {each.owner for each in KINDS.values()}


async def test_a_fact_found_again_is_one_case(inbox: Inbox):
    """Until it is closed: what happens after that is another."""
    first, again = await opened(inbox), await opened(inbox)
    async with inbox.parts.db.transaction() as session:
        closed = await flow.resolve(session, [FACT.kind], [FACT.subject], because="it is back")
        none = await flow.resolve(session, [FACT.kind], [FACT.subject], because="it is back")
    anew = await opened(inbox)

    assert (True, False, True) == (first, again, anew)
    assert (1, 0) == (closed, none)
    found = await inbox.stage.rows("SELECT closed_by, resolution FROM cases ORDER BY id")
    assert [("system", "it is back"), (None, None)] == found


async def test_a_person_closes_it_once_and_says_how(stage: Stage, inbox: Inbox):
    """It stands in the audit trail, without what was said."""
    await opened(inbox)
    case_id = (await stage.rows("SELECT id FROM cases"))[0][0]

    async with inbox.parts.db.transaction() as session:
        with pytest.raises(Invalid):
            await flow.close(session, BY, case_id, "  ")
        with pytest.raises(NotFound):
            await flow.close(session, BY, "case_0", "done")
        await flow.close(session, BY, case_id, "Sent by bank.")
    async with inbox.parts.db.transaction() as session:
        with pytest.raises(WrongState, match="closed at"):
            await flow.close(session, BY, case_id, "Again.")

    assert [("case.close", case_id)] == await stage.rows("SELECT action, subject FROM audit_trail")
    assert [] == await stage.rows("SELECT 1 FROM audit_trail WHERE after LIKE '%bank%'")


async def test_what_is_overdue_is_said(stage: Stage, inbox: Inbox):
    """The command lists by what is due first, and ends with 1 when it is too late."""
    env = environment(stage.settings.database_url.get_secret_value())
    none = await cubano_beside(env, "cases", "ls")
    await opened(inbox, Fact(CaseKind.DISPUTE_OPENED, "dsp_1", None, {}, due_at=utc_now() + timedelta(days=3)))
    await opened(inbox)
    fine = await cubano_beside(env, "cases", "ls")
    await stage.rows("UPDATE cases SET due_at = now() - interval '1 minute' WHERE kind = 'refund_failed'")
    late = await cubano_beside(env, "cases", "ls", "--json")
    unknown = await cubano_beside(env, "cases", "show", "case_0")

    assert [0, 0, 1, 1] == [each.exit_code for each in (none, fine, late, unknown)]
    assert "No case is open." in none.stdout
    assert all(word in fine.stdout for word in ("refund_failed", "dispute_opened", "rfd_1", "support"))
    assert [("refund_failed", "overdue"), ("dispute_opened", "open")] == [(e["kind"], e["state"]) for e in read(late)]


async def test_open_cases_are_counted_by_kind(stage: Stage, inbox: Inbox):
    """With the age of the oldest; a kind without one is zero."""
    await opened(inbox)
    assert isinstance(stage.clock, Dial)
    stage.clock.advance(120)

    await Figures(inbox.parts.db, ()).refresh()

    shown = inbox.parts.telemetry.render("")[0].decode()
    count, age_s = (samples(shown, f"cubano_cases_{each}") for each in ("open", "oldest_age_seconds"))
    assert (1, 0) == (count["refund_failed",], count["money_owed",])
    assert 120 <= age_s["refund_failed",] < 180
    assert 1 == samples(shown, "cubano_cases_opened_total")["refund_failed",]
