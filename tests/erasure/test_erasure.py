"""A customer is forgotten: nothing of them is left anywhere in the database, and the books are what they were."""

from typing import Any

import pytest
from pydantic import SecretStr

from service.access.rules import Principal, Role, narrowed, system
from service.erasure.flow import Found, erase, find, scrub_late
from service.kernel.errors import Forbidden, NotFound, WrongState
from service.links.flow import ask
from service.receipts.flow import read_receipt
from tests.checkout.rows import broken_promises
from tests.mail.postbox import Postbox
from tests.stage import Stage, buyer
from tests.vault.dump import places_of

EMAIL, NAME = "needle-xyz@example.org", "Needle Xyzzy"
NEEDLES = ("needle-xyz", "xyzzy")
BODIES = {"payment_events.payload", "payment_events.detail"}
ADMIN = system("cli:test")
BOOKS = ("journal_entries", "journal_lines", "orders", "order_items", "order_history", "tickets", "refunds", "stock")


async def sell(stage: Stage, provider: str, **customer: str) -> dict[str, Any]:
    who = {"email": EMAIL, "name": NAME, **customer}
    return (await stage.checkout(buyer(customer=who, provider=provider))).raise_for_status().json()


async def _all_done(stage: Stage) -> bool:
    open_ = "SELECT (SELECT count(*) FROM outbox WHERE state = 'pending')"
    waiting = "(SELECT count(*) FROM payment_events WHERE state = 'pending')"
    return await stage.rows(f"{open_} + {waiting}") == [(0,)]


async def books(stage: Stage) -> dict[str, Any]:
    """All that must not change."""
    return {each: await stage.rows(f"SELECT t::text FROM {each} t ORDER BY 1") for each in BOOKS}  # noqa: S608


async def forget(stage: Stage, wanted: str, **how: Any) -> list[Found]:
    async with stage.db.transaction() as session:
        return await erase(session, ADMIN, wanted, **how)


async def test_a_customer_is_erased_and_the_books_stay_whole(stage: Stage, box: Postbox):
    """Bought by two providers: bodies of events alone name the customer; after the erasure nothing does, for ever."""
    async with stage.worker(smtp_url=SecretStr(box.url)):
        sold = [await sell(stage, "stripe"), await sell(stage, "paypal", email="Needle-XYZ@example.org")]
        for each in sold:
            await stage.pay(each)
            await stage.order_in(each, "paid")
        await stage.until(lambda: _all_done(stage), within_s=20)
    await _gateway_tells_of_the_customer(stage)
    tokens = [each["accessToken"] for each in sold]
    named, with_token = await places_of(stage, *NEEDLES), await places_of(stage, *tokens)
    before = await books(stage)

    found = await forget(stage, EMAIL)
    again = await forget(stage, sold[0]["orderNumber"])

    assert {EMAIL, "Needle-XYZ@example.org"} == {letter["To"] for letter in box.letters}
    assert {"payment_events.payload"} <= named <= BODIES
    assert with_token <= BODIES
    assert [each["orderId"] for each in sold] == [each.order_id for each in found if not each.erased]
    assert [True] == [each.erased for each in again]
    assert set() == await places_of(stage, *NEEDLES, *tokens)
    assert {"payment_events.payload"} == await places_of(stage, "another@example.org")
    assert before == await books(stage)
    assert [] == await broken_promises(stage)
    await _stays_forgotten(stage, sold[0])


async def _gateway_tells_of_the_customer(stage: Stage) -> None:
    """By an event about nothing of ours, ignored and kept; and of somebody else."""
    for number, email in enumerate((EMAIL.upper(), "another@example.org")):
        body = f'{{"data": {{"object": {{"id": "cus_{number}", "email": "{email}"}}}}}}'
        columns = f"'evt_cus_{number}', 'customer.updated', 'cus_{number}', livemode, convert_to('{body}', 'UTF8')"
        rest = " NULL, created_at, received_at, 'ignored', 'ignored', 1, due_at, NULL, NULL, ended_at, false, NULL, 'webhook'"
        await stage.rows(
            f"INSERT INTO payment_events SELECT {900 + number}, provider, {columns},{rest} FROM payment_events LIMIT 1"  # noqa: S608
        )


async def _stays_forgotten(stage: Stage, sold: dict[str, Any]) -> None:
    """The link opens nothing, who may see every order sees when it was erased, and late news lose their bodies."""
    path = f"/api/payment/order/{sold['orderId']}"
    refused = await stage.client.get(path, headers={"Authorization": f"Bearer {sold['accessToken']}"})
    late = "INSERT INTO payment_events SELECT 999, provider, 'evt_late', type, subject, livemode, convert_to('{}', 'UTF8'),"
    rest = (
        " NULL, created_at, received_at, 'applied', 'already', 1, due_at, NULL, NULL, ended_at, false, NULL, 'webhook'"
    )
    copied = f" FROM payment_events WHERE subject = '{sold['orderId']}' LIMIT 1"
    await stage.rows((late + rest + copied).replace("{}", f"of {EMAIL}"))
    async with stage.db.transaction() as session:
        scrubbed = await scrub_late(session)
        read = await read_receipt(session, sold["orderId"])

    assert (404, 1) == (refused.status_code, scrubbed)
    assert set() == await places_of(stage, *NEEDLES)
    assert (None, None, True) == (read.email, read.customer_name, read.customer_erased_at is not None)


async def test_letters_to_an_erased_customer_are_not_sent(stage: Stage, box: Postbox):
    """The message is done, not retried; what was not written cannot be read."""
    sold = await sell(stage, "stripe")
    await stage.pay(sold)
    async with stage.worker(smtp_url=SecretStr("smtp://127.0.0.1:9")):  # nobody takes the letter
        await stage.order_in(sold, "paid")
        await stage.until(lambda: stage.rows("SELECT 1 FROM outbox WHERE last_error IS NOT NULL"))
    async with stage.db.transaction() as session:
        await ask(session, EMAIL)
    await stage.rows("UPDATE outbox SET key = 'by a master key that is gone' WHERE kind = 'mail.order_link'")
    await forget(stage, sold["orderId"])
    await stage.rows("UPDATE outbox SET due_at = now(), leased_until = NULL")

    async with stage.worker(smtp_url=SecretStr(box.url)):
        await stage.until(lambda: _all_done(stage), within_s=20)

    assert [("done",)] == await stage.rows("SELECT DISTINCT state FROM outbox WHERE kind LIKE 'mail.%'")
    assert [] == box.letters
    assert [] == await stage.rows("SELECT 1 FROM outbox WHERE kind = 'mail.order_link'")


async def test_what_is_under_way_is_refused_unless_forced(stage: Stage):
    """An open order needs its customer. Who may not erase is refused, and who is not there is not found."""
    sold = await sell(stage, "stripe")
    support = Principal("staff", "stf_1", "sam", Role.SUPPORT, narrowed(Role.SUPPORT, ["orders:read"]))

    with pytest.raises(WrongState, match=f"{sold['orderNumber']} .awaiting_payment."):
        await forget(stage, EMAIL)
    async with stage.db.transaction() as session:
        with pytest.raises(Forbidden):
            await erase(session, support, EMAIL)
        with pytest.raises(NotFound):
            await find(session, "nobody@example.org")
    kept = await stage.order(sold)
    await forget(stage, EMAIL, force=True)

    assert EMAIL == kept["email"]
    assert set() == await places_of(stage, *NEEDLES)
    noted = await stage.rows("SELECT action, subject, after FROM audit_trail")
    assert [("customer.erase", sold["orderId"])] == [row[:2] for row in noted]
    assert [] == await broken_promises(stage)
