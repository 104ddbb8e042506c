"""Where capturing is our act: an approval asks for it while the seats are held, and never after."""

from datetime import timedelta
from typing import Any

from service.gateways.facts import Decline, EventKind, GatewayEvent
from service.kernel.clock import Dial
from service.kernel.money import Money
from service.orders import flow as orders
from service.orders.machine import OrderEvent
from service.parts import ON_EVENT
from service.payments import flow as payments
from tests.payments.history import end_of, ordered
from tests.stage import Stage
from tests.webhooks.applying import Inbox

DECLINED = Decline(code="INSTRUMENT_DECLINED", message="The instrument was declined.")

ANOTHER = """
    INSERT INTO payments (id, order_id, provider, status, amount_minor, amount_currency, request, created_at, updated_at)
    SELECT 'pay_zz', order_id, provider, 'created', amount_minor, amount_currency, request, created_at, updated_at
    FROM payments
"""


async def apply(inbox: Inbox, checkout: dict[str, Any], kind: EventKind, event_id: str = "WH-1", **facts: Any) -> str:
    """One event of a gateway that captures on request, in neutral words; what became of it."""
    rows = await inbox.stage.rows("SELECT id, checkout_ref FROM payments WHERE order_id = :id", id=checkout["orderId"])
    event = GatewayEvent(
        provider="stripe",
        event_id=event_id,
        kind=kind,
        **{"type": kind.value, "occurred_at": inbox.stage.clock(), **facts},
        order_id=checkout["orderId"],
        payment_id=rows[0][0],
        checkout_ref=rows[0][1],
    )
    async with inbox.parts.db.transaction() as session:
        return await ON_EVENT[kind](session, event)


async def asked(stage: Stage) -> list[tuple[int, str]]:
    """(number, key without the payment's id) of every capture that was asked for."""
    rows = await stage.rows("SELECT payload, key FROM outbox WHERE kind = 'capture.take' ORDER BY seq")
    return [(payload["number"], key.removeprefix(payload["payment_id"])) for payload, key in rows]


async def held(stage: Stage, checkout: dict[str, Any]) -> tuple[str, str, dict[str, int]]:
    end = await end_of(stage, checkout["orderId"])
    return end["order"], end["payments"][0][0], end["holds"]


async def test_an_approval_asks_for_the_capture_once(stage: Stage, inbox: Inbox):
    """Order and payment are processing, the seats stay held; told again, nothing more is asked."""
    checkout = await ordered(stage)

    told = [await apply(inbox, checkout, EventKind.CHECKOUT_APPROVED) for _ in range(2)]

    assert ["moved", "already"] == told
    assert ("processing", "processing", {"active": 2}) == await held(stage, checkout)
    assert [(1, ":1")] == await asked(stage)


async def test_an_approval_after_the_hold_has_ended_charges_nobody(stage: Stage, inbox: Inbox):
    """The seats are somebody else's: nothing is captured."""
    checkout = await ordered(stage)
    async with inbox.parts.db.transaction() as session:
        order = await orders.lock(session, checkout["orderId"])
        assert order is not None
        await payments.close(session, order, OrderEvent.EXPIRE, cause="hold ran out")

    told = await apply(inbox, checkout, EventKind.CHECKOUT_APPROVED)

    assert "stale" == told
    assert ("expired", "canceled", {"released": 2}) == await held(stage, checkout)
    assert [] == await asked(stage)


async def test_a_declined_capture_leaves_the_buyer_another_approval(stage: Stage, inbox: Inbox):
    """While the seats are held the order waits again; the next approval is captured under a key of its own."""
    checkout = await ordered(stage)
    await apply(inbox, checkout, EventKind.CHECKOUT_APPROVED)

    await apply(inbox, checkout, EventKind.PAYMENT_DECLINED, decline=DECLINED, payment_ref="CAP-1")
    declined = await held(stage, checkout)
    order = await stage.order(checkout)
    await apply(inbox, checkout, EventKind.CHECKOUT_APPROVED, "WH-2")

    assert ("awaiting_payment", "failed", {"active": 2}) == declined
    assert "do_not_honor" == order["decline"]["category"]
    assert ("processing", "processing", {"active": 2}) == await held(stage, checkout)
    assert [(1, ":1"), (2, ":2")] == await asked(stage)


async def test_a_capture_declined_after_the_hold_frees_the_seats(stage: Stage, inbox: Inbox, stage_clock: Dial):
    """The time for another approval is over."""
    checkout = await ordered(stage)
    await apply(inbox, checkout, EventKind.CHECKOUT_APPROVED)
    stage_clock.advance(timedelta(hours=1))

    await apply(inbox, checkout, EventKind.PAYMENT_DECLINED, decline=DECLINED)

    assert ("canceled", "canceled", {"released": 2}) == await held(stage, checkout)
    assert [] == await inbox.broken()


async def test_the_money_is_under_the_name_of_the_capture_that_took_it(stage: Stage, inbox: Inbox):
    """A declined capture had another: refunds and disputes will name the one that succeeded."""
    checkout = await ordered(stage)
    await apply(inbox, checkout, EventKind.CHECKOUT_APPROVED)
    await apply(inbox, checkout, EventKind.PAYMENT_DECLINED, decline=DECLINED, payment_ref="CAP-1")
    await apply(inbox, checkout, EventKind.CHECKOUT_APPROVED, "WH-2")
    amount = Money(checkout["total"]["minor"], "USD")

    await apply(inbox, checkout, EventKind.CHECKOUT_PAID, amount=amount, payment_ref="CAP-2")

    assert ("paid", "succeeded", {"sold": 2}) == await held(stage, checkout)
    assert [("CAP-2",)] == await stage.rows("SELECT payment_ref FROM payments")
    assert [] == await inbox.broken()


async def test_a_page_that_closes_does_not_end_an_order_that_is_paid_on_another(stage: Stage, inbox: Inbox):
    """The checkout has gone on to another provider: the first page's end is not the order's."""
    checkout = await ordered(stage)
    await stage.rows(ANOTHER)

    told = await apply(inbox, checkout, EventKind.CHECKOUT_EXPIRED)

    assert "moved" == told
    assert ("awaiting_payment", "canceled", {"active": 2}) == await held(stage, checkout)


async def test_an_approved_page_that_closes_leaves_the_order_to_the_other(stage: Stage, inbox: Inbox):
    """Nothing is under way any more: the order awaits its payment on the page that is left."""
    checkout = await ordered(stage)
    await apply(inbox, checkout, EventKind.CHECKOUT_APPROVED)
    await stage.rows(ANOTHER)

    told = await apply(inbox, checkout, EventKind.CHECKOUT_EXPIRED)

    assert "moved" == told
    assert ("awaiting_payment", "canceled", {"active": 2}) == await held(stage, checkout)


async def test_only_another_approval_is_captured_after_a_decline(stage: Stage, inbox: Inbox, stage_clock: Dial):
    """The object still says "approved", and the old approval's event may come late or again: nobody agreed to more."""
    checkout = await ordered(stage)
    earlier = stage_clock()
    stage_clock.advance(5)
    approved_at = stage_clock()
    await apply(inbox, checkout, EventKind.CHECKOUT_APPROVED)
    stage_clock.advance(5)
    await apply(inbox, checkout, EventKind.PAYMENT_DECLINED, decline=DECLINED)
    stage_clock.advance(60)

    looks = [await apply(inbox, checkout, EventKind.CHECKOUT_APPROVED, "ORDER", type="object") for _ in range(2)]
    again = await apply(inbox, checkout, EventKind.CHECKOUT_APPROVED, occurred_at=approved_at)
    late = await apply(inbox, checkout, EventKind.CHECKOUT_APPROVED, "WH-0", occurred_at=earlier)
    before = await held(stage, checkout)
    anew = await apply(inbox, checkout, EventKind.CHECKOUT_APPROVED, "WH-2")

    assert ["stale"] * 4 == [*looks, again, late]
    assert ("awaiting_payment", "failed", {"active": 2}) == before
    assert "moved" == anew
    assert [(1, ":1"), (2, ":2")] == await asked(stage)


async def test_a_late_word_of_an_earlier_decline_does_not_end_the_capture_under_way(
    stage: Stage, inbox: Inbox, stage_clock: Dial
):
    """It was told by the answer already, and the buyer has approved again since; the decline of this one counts."""
    checkout = await ordered(stage)
    await apply(inbox, checkout, EventKind.CHECKOUT_APPROVED)
    stage_clock.advance(5)
    declined_at = stage_clock()
    await apply(inbox, checkout, EventKind.PAYMENT_DECLINED, decline=DECLINED, type="object")
    stage_clock.advance(5)
    await apply(inbox, checkout, EventKind.CHECKOUT_APPROVED, "WH-2")
    stage_clock.advance(5)
    late = {"decline": DECLINED, "payment_ref": "CAP-1", "occurred_at": declined_at}

    told = await apply(inbox, checkout, EventKind.PAYMENT_DECLINED, "WH-3", **late)
    meanwhile = await held(stage, checkout)
    own = await apply(inbox, checkout, EventKind.PAYMENT_DECLINED, "WH-4", decline=DECLINED, payment_ref="CAP-2")

    assert ("stale", "moved") == (told, own)
    assert ("processing", "processing", {"active": 2}) == meanwhile
    assert [("CAP-2",)] == await stage.rows("SELECT payment_ref FROM payments")


async def test_a_pending_word_of_a_declined_capture_comes_too_late(stage: Stage, inbox: Inbox):
    """Told out of turn it would leave the order waiting for a capture that is over."""
    checkout = await ordered(stage)
    await apply(inbox, checkout, EventKind.CHECKOUT_APPROVED)
    await apply(inbox, checkout, EventKind.PAYMENT_DECLINED, decline=DECLINED)

    told = await apply(inbox, checkout, EventKind.CHECKOUT_PENDING, "WH-2", payment_ref="CAP-1")

    assert "stale" == told
    assert ("awaiting_payment", "failed", {"active": 2}) == await held(stage, checkout)
