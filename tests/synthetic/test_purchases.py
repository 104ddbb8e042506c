"""A customer of our own buys as everybody does, says how it went, and stands in no figure of the festival."""

from collections.abc import AsyncIterator
from dataclasses import fields
from typing import Any

import pytest

from service.checkout.flow import open_checkout
from service.checkout.rules import CheckoutRequest, SyntheticRequest, check_request
from service.history.flow import choose, read_page, read_totals
from service.history.rules import Filters
from service.kernel.clock import Dial, utc_now
from service.parts import Parts, build_parts
from service.synthetic.flow import SyntheticBuyer, ensure
from service.synthetic.rules import CAPACITY, HEADER, TICKET_TYPE, Purse, purse_of, sign, wish
from tests.checkout.rows import broken_promises, stock
from tests.failover.both import STRIPE, faults, put
from tests.payments.history import expire_then_pay, take_in
from tests.stage import API_KEY, Stage, buyer
from tests.webhooks.applying import inbox_of
from tests.webhooks.delivery import samples, told

EVERY_S = 60
REFUSED = {"error": {"status": 400, "body": {"error": {"type": "invalid_request_error", "message": "No."}}}}
OPENS = [{"match": {"path": path}, "effects": REFUSED} for path in ("/v1/checkout/sessions", "/paypal/*")]
PAYS = [{"match": {"path": "/v1/payment_pages/*"}, "effects": REFUSED}]
ORDERS = "SELECT status, synthetic FROM orders ORDER BY created_at"
ACCOUNTS = (
    "SELECT account, sum(amount_minor)::int FROM journal_lines WHERE account NOT LIKE 'fees:%' GROUP BY 1 ORDER BY 1"
)


@pytest.fixture
def stage_clock() -> Dial:
    return Dial(utc_now())


@pytest.fixture
async def parts(stage: Stage) -> AsyncIterator[Parts]:
    """Those of a worker that does nothing."""
    made = build_parts(stage.settings, "work", clock=stage.clock)
    yield made
    await made.close()


def customer(parts: Parts, stage: Stage, *, pays: bool = True, url: str = "") -> SyntheticBuyer:
    purse = Purse(stage.settings.stripe_base_url, API_KEY) if pays else None
    return SyntheticBuyer(
        parts.shop, url=url or stage.settings.public_url, every_s=EVERY_S, purse=purse, patience_s=0.5
    )


def ended(parts: Parts) -> dict[str, float]:
    """How its purchases ended, as the worker tells it."""
    text = parts.telemetry.render("")[0].decode()
    found = samples(text, "cubano_synthetic_purchases_total")
    return {outcome: count for (outcome,), count in found.items() if count}


def later(stage: Stage, seconds: float = EVERY_S) -> None:
    assert isinstance(stage.clock, Dial)
    stage.clock.advance(seconds)


async def test_a_purchase_is_real_and_stands_in_no_figure(stage: Stage) -> None:
    """Paid at the gateway, with a ticket; a minute later the money is back. No letter, no revenue, nothing to see."""
    async with stage.worker(synthetic_every_s=EVERY_S) as worker:

        async def looked() -> bool:
            return "synthetic" in worker.turned_at

        async def bought() -> bool:
            return bool(ended(worker.parts))

        async def refunded() -> bool:
            return (await stage.rows(ORDERS))[0][0] == "refunded"

        await stage.until(looked, within_s=30)
        later(stage)
        await stage.until(bought, within_s=60)
        paid = await stage.rows(ORDERS)
        seats = await stock(stage, TICKET_TYPE)
        accounts = dict(await stage.rows(ACCOUNTS))
        later(stage, EVERY_S + 1)
        await stage.until(refunded, within_s=60)
        text = worker.parts.telemetry.render("")[0].decode()

    async with stage.db.transaction() as session:
        chosen = await choose(session, Filters())
        history, totals = await read_page(session, chosen, after=None, limit=9), await read_totals(session, chosen)
    shown = (await stage.client.get("/en")).text + (await stage.client.get("/api/payment/catalog")).text
    assert [("paid", True)] == paid
    assert (0, 1) == seats
    assert {"clearing:stripe": 500, "customers:owed": -500} == accounts
    assert "ok" in ended(worker.parts)
    assert samples(text, "cubano_synthetic_last_success_timestamp_seconds")[()] > 0
    assert [] == await stage.rows("SELECT kind FROM outbox WHERE kind LIKE 'mail.%'")
    assert "ynthetic" not in shown
    assert ([], []) == (history, totals)
    assert not any(samples(text, "cubano_funnel_total").values())
    assert not any(samples(text, "cubano_payment_attempts_total").values())
    for name in ("cubano_revenue_minor_total", "cubano_tickets_issued_total", "cubano_stock"):
        assert TICKET_TYPE not in {label for labels in samples(text, name) for label in labels}
    assert [] == await broken_promises(stage)


@pytest.mark.parametrize(
    ("faults", "outcome"),
    [
        (OPENS, "checkout_failed"),
        (PAYS, "payment_failed"),
        ([], "no_ticket"),  # nobody takes the webhook from the inbox
    ],
)
async def test_a_failed_purchase_says_how_far_it_came(
    stage: Stage, parts: Parts, faults: list[dict[str, Any]], outcome: str
) -> None:
    """One count by what failed first."""
    trying = customer(parts, stage)
    await stage.faults(*faults)
    later(stage)

    await trying.turn()

    assert {outcome: 1} == ended(parts)


async def test_without_play_money_nothing_is_paid(stage: Stage, parts: Parts) -> None:
    """As with a live key: the gateway's page is opened and closed again, the order ends, its seat is free. No ticket is claimed."""
    trying = customer(parts, stage, pays=False)
    later(stage)

    await trying.turn()

    truth = (await stage.emulator.get("/_emulator/truth")).json()
    text = parts.telemetry.render("")[0].decode()
    assert {"page_only": 1} == ended(parts)
    assert samples(text, "cubano_synthetic_last_success_timestamp_seconds")[()] > 0
    assert 0 == samples(text, "cubano_synthetic_seconds_count")[()]
    assert [("expired", True)] == await stage.rows(ORDERS)
    assert (0, 0) == await stock(stage, TICKET_TYPE)
    assert [] == [each for each in truth["payments"] if each["status"] == "succeeded"]
    assert [] == await broken_promises(stage)


async def test_it_buys_where_it_is_told(stage: Stage, parts: Parts) -> None:
    """In a container the address of customers leads nowhere; how often it buys is told, too."""
    lost = customer(parts, stage, pays=False, url="http://127.0.0.1:1")
    later(stage)

    await lost.turn()

    every = samples(parts.telemetry.render("")[0].decode(), "cubano_synthetic_every_seconds")
    assert {"checkout_failed": 1} == ended(parts)
    assert {(): EVERY_S} == every


async def test_what_it_buys_is_never_sold_out(stage: Stage, parts: Parts) -> None:
    """Refunds that do not get through take its seats one by one; more are added, and no promise is broken."""
    trying = customer(parts, stage, pays=False)
    async with parts.db.transaction() as session:
        await ensure(session)
    await stage.rows("UPDATE stock SET capacity = 0 WHERE ticket_type = :it", it=TICKET_TYPE)
    later(stage)

    await trying.turn()

    left = "SELECT capacity FROM stock WHERE ticket_type = :it"
    assert {"page_only": 1} == ended(parts)
    assert [(CAPACITY,)] == await stage.rows(left, it=TICKET_TYPE)
    assert [] == await broken_promises(stage)


@pytest.mark.parametrize(("kind", "counts"), [(CheckoutRequest, [1, 1]), (SyntheticRequest, [])])
async def test_its_way_around_a_gateway_is_no_failover(
    stage: Stage, parts: Parts, kind: type[CheckoutRequest], counts: list[int]
) -> None:
    """Asked without an answer, and sent elsewhere by an operator: counted of customers alone."""
    async with parts.db.transaction() as session:
        await ensure(session)
    body = wish() if kind is SyntheticRequest else buyer()
    asked = check_request(body, public_url=stage.settings.public_url)
    request = kind(**{field.name: getattr(asked, field.name) for field in fields(asked)})

    async with faults(stage, STRIPE, effects={"outage": True}):
        await open_checkout(parts.shop, request, key="1")
    await put(stage, "route", "paypal")
    await parts.shop.switches.refresh()
    await open_checkout(parts.shop, request, key="2")

    found = samples(parts.telemetry.render("")[0].decode(), "cubano_failovers_total")
    assert counts == [count for count in found.values() if count]


@pytest.mark.parametrize(("synthetic", "counts"), [(False, {("late_refunded", "stripe"): 1}), (True, {})])
async def test_its_money_is_never_odd(stage: Stage, *, synthetic: bool, counts: dict[tuple[str, str], int]) -> None:
    """Money that comes after its order's end is told of customers alone."""
    async with inbox_of(stage) as inbox:
        await expire_then_pay(stage, inbox)
        await stage.rows("UPDATE orders SET synthetic = :mark", mark=synthetic)
        await stage.rows("UPDATE stock SET capacity = held + sold")
        await take_in(stage, inbox, *[each for each in await told(stage) if "completed" in each["type"]])
        found = samples(inbox.parts.telemetry.render("")[0].decode(), "cubano_odd_money_total")

    assert counts == {labels: count for labels, count in found.items() if count}


async def test_in_each_slot_one_worker_buys(stage: Stage, parts: Parts) -> None:
    """Two look at once, and again: one order; in the next slot one more. Not in the slot that they were started in."""
    both = [customer(parts, stage, pays=False) for _ in range(2)]

    async def look() -> int:
        for each in both:
            await each.turn()
        return len(await stage.rows(ORDERS))

    counts = [await look()]
    for _ in range(2):
        later(stage)
        counts += [await look(), await look()]

    assert [0, 1, 1, 2, 2] == counts


async def test_it_rests_while_the_store_is_closed(stage: Stage, parts: Parts) -> None:
    """What an operator has decided is no failure."""
    trying = customer(parts, stage)
    row = "INSERT INTO controls (name, position, reason, set_by, set_at) VALUES ('sales', 'paused', 'x', 'x', now())"
    await stage.rows(row)
    await parts.shop.switches.refresh()
    later(stage)

    await trying.turn()

    assert {} == ended(parts)
    assert [] == await stage.rows(ORDERS)


async def test_what_it_buys_is_sold_to_nobody_else(stage: Stage, parts: Parts) -> None:
    """Unsigned, signed with another key or for another request there is no such ticket; signed there is no other."""
    async with parts.db.transaction() as session:
        await ensure(session)
    key = stage.settings.secret_keys[0].get_secret_value()
    asked = [
        ({}, wish()),
        ({HEADER: sign("another key", "key-1")}, wish()),
        ({HEADER: sign(key, "key-0")}, wish()),
        ({HEADER: sign(key, "key-3")}, buyer()),
    ]

    codes = []
    for number, (headers, body) in enumerate(asked):
        sent = {"Idempotency-Key": f"key-{number}", **headers}
        answer = await stage.client.post("/api/payment/checkout-session", json=body, headers=sent)
        codes.append(answer.json().get("errors", [{"code": answer.status_code}])[0]["code"])

    assert ["unknown_ticket_type"] * 4 == codes


@pytest.mark.parametrize(
    ("livemode", "key", "pays"),
    [
        (False, "sk_test_1", True),
        (False, "rk_test_1", True),
        (False, "sk_live_1", False),  # whatever the environment says
        (True, "sk_test_1", False),
        (False, "", False),
    ],
)
def test_only_play_money_is_paid(*, livemode: bool, key: str, pays: bool) -> None:
    """With a test key outside of production; else there is no purse."""
    purse = purse_of(livemode=livemode, stripe_api_key=key, stripe_base_url="")

    assert pays is (purse is not None)
