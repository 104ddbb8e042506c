"""The desk: what a person says travels as an event, once for each fact, and does what a gateway's would."""

import json

import pytest

from service.kernel.money import Money
from service.orders import flow as orders
from service.payments import flow as payments
from service.refunds import flow as refunds
from tests.cli.running import cubano_beside, environment, read
from tests.payments.history import PAID, end_of
from tests.refunds.sending import send_due
from tests.stage import Stage, buyer
from tests.vault.dump import places_of
from tests.webhooks.applying import Inbox
from tests.webhooks.fixtures import inbox

__all__ = ["inbox"]

BUYER = ("--ticket", "full-pass:2", "--email", "ana@example.org", "--name", "Ana", "--by", "Marta")


@pytest.fixture
def stage_settings() -> dict[str, str]:
    return {"CUBANO_PROVIDERS": "stripe,manual"}


@pytest.fixture
def env(stage: Stage) -> dict[str, str]:
    return environment(stage.settings.database_url.get_secret_value(), CUBANO_PROVIDERS="stripe,manual")


@pytest.mark.parametrize("method", ["cash", "complimentary"])
async def test_tickets_sold_at_the_door_are_paid_at_once(env, stage: Stage, inbox: Inbox, method):
    """One command, and the tickets are on their way; the history says how it was paid, the event who says so."""
    sold = await cubano_beside(env, "desk", "sell", *BUYER, "--method", method, "--json")
    await inbox.apply()

    order_id = read(sold)["orderId"]
    causes = await stage.rows("SELECT cause FROM order_history WHERE order_id = :id ORDER BY seq", id=order_id)
    payload = (await stage.rows("SELECT payload FROM payment_events"))[0][0]
    assert (0, PAID) == (sold.exit_code, await end_of(stage, order_id))
    assert causes[-1][0].startswith(f"manual received.{method} pay_")
    assert ("Marta", "till") == (json.loads(payload)["by"], json.loads(payload)["reference"])
    assert [] == await inbox.broken()


async def test_a_sale_repeated_under_its_key_is_one_sale(env, stage: Stage, inbox: Inbox):
    """The line was cut, the person does not know: the same key again sells nothing twice."""
    first, again = [await cubano_beside(env, "desk", "sell", *BUYER, "--key", "till-1-42") for _ in range(2)]
    await inbox.apply()

    assert (0, 0) == (first.exit_code, again.exit_code)
    assert first.stdout == again.stdout
    assert [(1, 1)] == await stage.rows("SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM payment_events)")


async def test_a_bank_transfer_is_awaited_and_confirmed(env, stage: Stage, inbox: Inbox):
    """The seats wait for a week; the transfer is confirmed by the order's number, and once is enough."""
    sold = read(await cubano_beside(env, "desk", "sell", *BUYER, "--method", "bank", "--json"))
    held = await end_of(stage, sold["orderId"])
    said = ("desk", "receive", sold["orderNumber"], "--amount", "498.00", "--reference", "SEPA-1", "--by", "Marta")
    first = await cubano_beside(env, *said)
    await inbox.apply()
    again = await cubano_beside(env, *said)

    assert set() == await places_of(stage, sold["accessToken"])  # though the page to pay on is the order's own
    days = await stage.rows("SELECT extract(day FROM expires_at - created_at)::int FROM orders")
    assert ("awaiting_payment", {"active": 2}, [(7,)]) == (held["order"], held["holds"], days)
    assert PAID == await end_of(stage, sold["orderId"])
    assert (0, True) == (first.exit_code, "the worker does the rest" in first.stdout)
    assert (0, True) == (again.exit_code, "said before" in again.stdout)


async def test_another_amount_waits_for_a_person(env, stage: Stage, inbox: Inbox):
    """Written down and parked like any gateway's; the right amount later pays the order."""
    sold = read(await cubano_beside(env, "desk", "sell", *BUYER, "--method", "bank", "--json"))
    rest = ("--reference", "SEPA-1", "--by", "Marta")
    short = await cubano_beside(env, "desk", "receive", sold["orderId"], "--amount", "490", *rest)
    await inbox.apply()
    parked = await inbox.states()
    right = await cubano_beside(env, "desk", "receive", sold["orderId"], "--amount", "498", *rest)
    await inbox.apply()

    assert (1, True) == (short.exit_code, "$498.00" in short.stderr)
    assert [("dead", "amount_mismatch")] == [(each[0], each[3]) for each in parked.values()]
    assert (0, "paid") == (right.exit_code, (await end_of(stage, sold["orderId"]))["order"])


async def test_a_second_transfer_is_not_taken(env, stage: Stage, inbox: Inbox):
    """Other money for an order that is paid: nobody writes it down as this order's."""
    sold = read(await cubano_beside(env, "desk", "sell", *BUYER, "--json"))
    await inbox.apply()
    words = ("--amount", "498", "--reference", "SEPA-2", "--by", "Marta")
    second = await cubano_beside(env, "desk", "receive", sold["orderId"], *words)

    assert (1, True) == (second.exit_code, "paid already" in second.stderr)
    assert [(1,)] == await stage.rows("SELECT count(*) FROM payment_events")


async def test_a_second_transfer_said_before_the_first_was_worked_on_is_for_a_person(env, stage: Stage, inbox: Inbox):
    """The desk could not know yet that the order is paid: the other money is not swallowed."""
    sold = read(await cubano_beside(env, "desk", "sell", *BUYER, "--method", "bank", "--json"))
    for reference in ("SEPA-1", "SEPA-2"):
        words = ("--amount", "498", "--reference", reference, "--by", "Marta")
        await cubano_beside(env, "desk", "receive", sold["orderId"], *words)
    await inbox.apply()

    assert [("applied", None), ("dead", "second_money")] == sorted(
        (each[0], each[3]) for each in (await inbox.states()).values()
    )
    assert PAID == await end_of(stage, sold["orderId"])


async def test_customers_are_not_offered_the_desk(stage: Stage):
    """To the store it is no provider at all."""
    answer = await stage.checkout(buyer(provider="manual"))

    assert (400, "unknown_provider") == (answer.status_code, answer.json()["errors"][0]["code"])
    assert "manual" not in answer.json()["errors"][0]["message"]


async def test_nothing_comes_in_by_the_door(stage: Stage):
    """There is no webhook of the desk: whoever posts one reaches nothing."""
    answer = await stage.client.post("/api/payment/webhook/manual", json={})

    assert 404 == answer.status_code


async def test_a_closed_desk_says_so(stage: Stage):
    """Without `manual` among the providers its events could not be applied."""
    without = environment(stage.settings.database_url.get_secret_value())
    result = await cubano_beside(without, "desk", "sell", *BUYER)

    assert (2, True) == (result.exit_code, "CUBANO_PROVIDERS" in result.stderr)


WRONG = {
    "no such ticket": (("sell", *BUYER, "--ticket", "backstage"), 2, "backstage"),
    "no count": (("sell", *BUYER, "--ticket", "full-pass:x"), 2, "TYPE"),
    "no such order": (("receive", "ALC-0000-0000", "--amount", "1", "--reference", "r", "--by", "x"), 1, "No order"),
    "no such refund": (("refunded", "rfd_1", "--reference", "r", "--by", "x"), 1, "No refund"),
    "no amount": (("receive", "ord_1", "--amount", "much", "--reference", "r", "--by", "x"), 2, "125.00"),
    "nobody says so": (("refunded", "rfd_1", "--reference", "r", "--by", " "), 2, "plain text"),
}


@pytest.mark.parametrize("case", WRONG)
async def test_what_is_wrong_is_one_line(env, case):
    """Nothing is written, and the line says what to mend."""
    words, code, part = WRONG[case]
    result = await cubano_beside(env, "desk", *words)

    assert (code, True) == (result.exit_code, part in result.output), result.output


async def refund_asked(stage: Stage, inbox: Inbox, order_id: str, minor: int, *, state: str = "pending") -> str:
    """A refund of the desk's money, sent as far as it can be: it waits for a person, or first for a second one."""
    async with inbox.parts.db.transaction() as session:
        order = await orders.lock(session, order_id)
        [payment] = await payments.of_order(session, order_id)
        gateway = inbox.parts.gateways["manual"]
        refund = await refunds.request(
            session,
            gateway,
            order,
            payment,
            Money(minor, "USD"),
            reason="customer_request",
            waits=state == "awaiting_approval",
        )
        refund_id = refund.id
    await send_due(inbox)
    assert [(state,)] == await stage.rows("SELECT status FROM refunds WHERE id = :id", id=refund_id)
    return refund_id


async def test_a_refund_is_done_when_it_was_handed_out(env, stage: Stage, inbox: Inbox):
    """Until a person says so it is pending; said twice it is done once, and the order follows."""
    sold = read(await cubano_beside(env, "desk", "sell", *BUYER, "--json"))
    await inbox.apply()
    refund_id = await refund_asked(stage, inbox, sold["orderId"], 49_800)
    said = ("desk", "refunded", refund_id, "--reference", "R-7", "--by", "Marta")
    first, again = [await cubano_beside(env, *said) for _ in range(2)]
    await inbox.apply()

    end = await end_of(stage, sold["orderId"])
    assert (0, 0, True) == (first.exit_code, again.exit_code, "said before" in again.stdout)
    assert ("refunded", [("succeeded", 49800, False)], {"void": 2}) == (end["order"], end["refunds"], end["tickets"])
    assert [] == await inbox.broken()


async def test_a_refund_that_could_not_be_handed_out_has_failed(env, stage: Stage, inbox: Inbox):
    """The reason stays with it, and the order keeps its money."""
    sold = read(await cubano_beside(env, "desk", "sell", *BUYER, "--json"))
    await inbox.apply()
    refund_id = await refund_asked(stage, inbox, sold["orderId"], 10_000)
    words = ("--reference", "R-8", "--by", "Marta", "--failed", "nobody came")
    result = await cubano_beside(env, "desk", "refunded", refund_id, *words)
    await inbox.apply()

    reasons = await stage.rows("SELECT status, failure_reason FROM refunds")
    assert (0, [("failed", "nobody came")]) == (result.exit_code, reasons)
    assert "paid" == (await end_of(stage, sold["orderId"]))["order"]


async def test_nothing_is_handed_out_before_a_second_person_agrees(env, stage: Stage, inbox: Inbox):
    """It is refused and nothing is written, so that once it is allowed it can be said; after a refusal never."""
    sold = read(await cubano_beside(env, "desk", "sell", *BUYER, "--json"))
    await inbox.apply()
    refund_id = await refund_asked(stage, inbox, sold["orderId"], 49_800, state="awaiting_approval")
    said = ("desk", "refunded", refund_id, "--reference", "R-9", "--by", "Marta")
    early = await cubano_beside(env, *said)
    await stage.rows("UPDATE refunds SET status = 'canceled'")
    refused = await cubano_beside(env, *said)
    await stage.rows("UPDATE refunds SET status = 'pending'")
    allowed = await cubano_beside(env, *said)
    await inbox.apply()

    assert (1, True) == (early.exit_code, "awaiting approval" in early.stderr)
    assert (1, True) == (refused.exit_code, "canceled" in refused.stderr)
    assert (0, [("succeeded",)]) == (allowed.exit_code, await stage.rows("SELECT status FROM refunds"))
