"""What no single event can count: who waits how long, for money, for evidence, for a ticket."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from service.figures import Figures
from service.kernel.clock import Dial, utc_now
from tests.payments.history import ordered, take_in
from tests.stage import Stage
from tests.webhooks.applying import Inbox, inbox_of
from tests.webhooks.delivery import deaf, samples, told

REFUND = """INSERT INTO refunds (id, order_id, payment_id, provider, status, amount_minor, amount_currency, reason,
    created_at, updated_at)
    SELECT 'rfd_1', order_id, id, provider, 'pending', 100, amount_currency, 'other', now(), CAST(:now AS timestamptz)
    FROM payments"""
DISPUTE = """INSERT INTO disputes (id, order_id, payment_id, provider, dispute_ref, status, amount_minor, amount_currency, reason,
    due_at, created_at, updated_at)
    SELECT 'dsp_' || s, order_id, id, provider, 'dp_' || s, s, 100, amount_currency, 'fraudulent',
    CAST(:now AS timestamptz) + d * interval '1 day', now(), now()
    FROM payments, (VALUES ('needs_response', 5), ('inquiry', 3), ('under_review', 1)) AS v (s, d)"""

CLIENTS = """INSERT INTO api_clients (id, name, role, created_at)
    SELECT 'cli_' || n, n, 'partner', now() FROM unnest(ARRAY['fast', 'gone', 'turned', 'late', 'past']) AS n"""
KEY = """INSERT INTO api_keys (id, client_id, environment, secret_hash, permissions, signs, networks, created_at, expires_at, revoked_at)
    VALUES (gen_random_uuid()::text, :client, 'dev', repeat('a', 64), '{}', false, '{}', :made, :ends, :revoked)"""


@pytest.fixture
def stage_clock() -> Dial:
    return Dial(utc_now())


@pytest.fixture
async def inbox(stage: Stage) -> AsyncIterator[Inbox]:
    async with inbox_of(stage) as opened:
        yield opened


def value(inbox: Inbox, name: str, *labels: str) -> float | None:
    return samples(inbox.parts.telemetry.render("")[0].decode(), f"cubano_{name}").get(labels)


def pending(inbox: Inbox) -> list[float | None]:
    """How long refunds wait for one gateway, and for another."""
    return [value(inbox, "refunds_oldest_age_seconds", provider, "pending") for provider in ("stripe", "paypal")]


async def test_what_waits_is_told_with_its_age(stage: Stage, inbox: Inbox):
    """A hold past its end, a refund on its way, evidence that is due; before and afterwards nothing waits."""
    figures = Figures(inbox.parts.db, ())
    clock = inbox.parts.db.clock
    assert isinstance(clock, Dial)
    await deaf(stage)
    await ordered(stage)
    await figures.refresh()
    before = [value(inbox, "holds_overdue_seconds", "stripe"), *pending(inbox)]
    nothing_due = value(inbox, "dispute_due_seconds")
    await stage.rows(REFUND, now=clock())
    await stage.rows(DISPUTE, now=clock())
    overdue_at = (await stage.rows("SELECT expires_at FROM orders"))[0][0]
    clock.advance((overdue_at - clock()).total_seconds() + 90)
    waited_s = (clock() - (await stage.rows("SELECT updated_at FROM refunds"))[0][0]).total_seconds()

    await figures.refresh()
    overdue, others = value(inbox, "holds_overdue_seconds", "stripe"), value(inbox, "holds_overdue_seconds", "paypal")
    refund, of_others = pending(inbox)
    due = value(inbox, "dispute_due_seconds")
    await stage.rows("UPDATE orders SET status = 'processing'")
    await stage.rows("UPDATE disputes SET status = 'under_review'")
    await figures.refresh()

    assert [0, 0, 0] == before
    assert (0, 0) == (others, of_others)  # what another gateway keeps waiting is not theirs
    assert nothing_due is None
    assert 89 <= (overdue or 0) <= 91
    assert waited_s == pytest.approx(refund)
    assert 3 * 86_400 - waited_s == pytest.approx(due)  # not the one of the review, and not the later one
    assert 0 == value(inbox, "holds_overdue_seconds", "stripe")  # the bank decides, the seats wait
    assert value(inbox, "dispute_due_seconds") is None


async def test_a_key_that_ends_is_told_while_nothing_stands_in_for_it(stage: Stage, inbox: Inbox):
    """The next of those that were made to last; one that was made for a week, is revoked, or has a successor is none."""
    figures, now = Figures(inbox.parts.db, ()), inbox.parts.db.clock().replace(microsecond=0)
    name = "api_key_ends_timestamp_seconds"
    await stage.rows("UPDATE api_keys SET revoked_at = now()")
    await figures.refresh()
    shown = [value(inbox, name)]
    await stage.rows(CLIENTS)
    for client, made, ends, revoked in (
        ("fast", -1, 7, None),
        ("gone", -90, 1, now),
        ("turned", -90, 3, None),
        ("turned", 0, 90, None),
        ("late", -90, 5, None),
        ("past", -90, -1, None),
    ):
        days = {"made": now + timedelta(days=made), "ends": now + timedelta(days=ends), "revoked": revoked}
        await stage.rows(KEY, client=f"cli_{client}", **days)

        await figures.refresh()
        shown.append(value(inbox, name))

    in_days = [None if at is None else round((at - now.timestamp()) / 86_400) for at in shown]
    assert [None, None, None, 3, 90, 5, 5] == in_days


async def test_a_bank_transfer_that_is_awaited_is_not_stuck(stage: Stage, inbox: Inbox):
    """The desk gives it a week; anybody else's order, and one past its end, shows how long nothing has happened."""
    figures = Figures(inbox.parts.db, ())
    clock = inbox.parts.db.clock
    assert isinstance(clock, Dial)
    await deaf(stage)
    await ordered(stage)
    clock.advance(60)

    async def ages(provider: str, ends_in_s: int) -> float | None:
        ends = clock() + timedelta(seconds=ends_in_s)
        await stage.rows("UPDATE orders SET provider = :provider, expires_at = :ends", provider=provider, ends=ends)
        await figures.refresh()
        return value(inbox, "orders_oldest_age_seconds", provider, "awaiting_payment")

    seen = [await ages("stripe", 3600), await ages("manual", 3600), await ages("manual", -1)]

    assert [1, 0] == [value(inbox, "orders", each, "awaiting_payment") for each in ("manual", "stripe")]
    assert [60, 0, 60] == [pytest.approx(each, abs=5) for each in seen]


async def test_the_synthetic_buyer_waits_in_no_figure(stage: Stage, inbox: Inbox):
    """Its order stands beside those of customers, and is none of them."""
    await deaf(stage)
    await ordered(stage)
    await stage.rows("UPDATE orders SET synthetic = true")
    inbox.parts.db.clock.advance(86_400)  # type: ignore[attr-defined]

    await Figures(inbox.parts.db, ()).refresh()

    names = "orders", "orders_oldest_age_seconds"
    assert [0, 0] == [value(inbox, name, "stripe", "awaiting_payment") for name in names]
    assert 0 == value(inbox, "holds_overdue_seconds", "stripe")


async def test_who_has_paid_and_lacks_a_ticket_is_told(stage: Stage, inbox: Inbox):
    """One ticket that is gone is enough; its age is the payment's. Nobody waits for all promises to be looked at."""
    figures = Figures(inbox.parts.db, ())
    clock = inbox.parts.db.clock
    assert isinstance(clock, Dial)
    await deaf(stage)
    checkout = await ordered(stage)
    await stage.pay(checkout)
    await take_in(stage, inbox, *await told(stage))
    await figures.refresh()
    before = value(inbox, "paid_without_ticket"), value(inbox, "paid_without_ticket_oldest_seconds")
    await stage.rows("DELETE FROM tickets WHERE ctid = (SELECT min(ctid) FROM tickets)")
    clock.advance(60)

    await Figures(inbox.parts.db, ()).refresh()

    assert (0, 0) == before
    assert 1 == value(inbox, "paid_without_ticket")
    assert 60 <= (value(inbox, "paid_without_ticket_oldest_seconds") or 0) < 90
