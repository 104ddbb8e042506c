"""A provider that does not answer costs the customer nothing: the same request ends at the other one, once and for good."""

import asyncio
import time

import pytest

from service.checkout.flow import open_checkout
from service.checkout.rules import check_request
from service.parts import build_parts
from tests.checkout.rows import broken_promises, stock
from tests.failover.both import DARK, PAYPAL, STRIPE, attempts, faults, opened_at, put, settings_of, until_goes_to
from tests.idempotency.crashes import abandon_key, sessions
from tests.stage import Stage, buyer
from tests.webhooks.delivery import samples

KEY = "somebody-who-wants-to-dance"


@pytest.fixture
def stage_settings(emulator_url):
    return settings_of(emulator_url, gateway_timeout_s="1")


# What the first choice does: (fault, what becomes of the attempt, pages it opened though nobody knows)
NO_ANSWER = {
    "never answers": (DARK, "unknown", 0),
    "never answers, after the work": ({"timeout": "after"}, "unknown", 1),
    "hangs up": ({"reset": "before"}, "unknown", 0),
    "its own fault": ({"outage": True}, "unknown", 0),
    "too many requests": ({"rate_limit": True}, "canceled", 0),
    "our key is refused": ({"error": {"status": 401}}, "canceled", 0),
}


@pytest.mark.alone  # judges how long it took
@pytest.mark.parametrize(("effects", "left", "opened"), NO_ANSWER.values(), ids=NO_ANSWER)
async def test_the_same_request_ends_at_the_other_provider(stage: Stage, effects, left, opened):
    """201, one order, its seats held once; the first attempt is over, and a page it may have is closed by the worker."""
    async with faults(stage, STRIPE, effects=effects):
        started = time.monotonic()
        answer = (await stage.checkout(key=KEY)).raise_for_status().json()
        took_s = time.monotonic() - started

    assert ("paypal", True) == (answer["provider"], took_s < 5)
    assert [("stripe", left), ("paypal", "created")] == await attempts(stage, answer["orderId"])
    assert (2, 0) == await stock(stage)
    assert opened == len(await opened_at(stage, "stripe"))
    await stage.rows("UPDATE outbox SET due_at = now() WHERE state = 'pending'")
    async with stage.worker():
        await stage.until(lambda: stage.rows("SELECT 1 FROM payments WHERE status = 'canceled'"))
    assert [("stripe", "canceled"), ("paypal", "created")] == await attempts(stage, answer["orderId"])
    assert "awaiting_payment" == (await stage.order(answer))["status"]
    assert {"open"}.isdisjoint({each["status"] for each in await sessions(stage) if each["provider"] == "stripe"})
    assert [] == await broken_promises(stage)


async def test_the_same_key_gives_the_same_answer_afterwards(stage: Stage):
    """Also when the first choice is there again."""
    async with faults(stage, STRIPE, effects={"outage": True}):
        first = (await stage.checkout(key=KEY)).json()

    again = (await stage.checkout(key=KEY)).json()

    assert first == again
    assert [first["orderId"]] == await opened_at(stage, "paypal")


async def test_who_has_chosen_is_sent_to_nobody_else(stage: Stage):
    """503 for the customer who named a provider, nothing asked of the other, seats free."""
    async with faults(stage, STRIPE, effects={"outage": True}):
        refused = await stage.checkout(buyer(provider="stripe"))

    assert (503, "gateway_unavailable") == (refused.status_code, refused.json()["code"])
    assert [] == await opened_at(stage, "paypal")
    assert (0, 0) == await stock(stage)


async def test_a_definite_no_is_told_and_not_asked_elsewhere(stage: Stage):
    """502: the request was wrong, and would be so for anybody."""
    async with faults(stage, STRIPE, effects={"error": {"status": 400}}):
        refused = await stage.checkout()

    assert 502 == refused.status_code
    assert [] == await opened_at(stage, "paypal")


@pytest.mark.alone
async def test_when_nobody_answers_it_is_told_in_time(stage: Stage):
    """503 within ten seconds; the order is canceled, both attempts are unknown until their pages are known to be closed."""
    async with faults(stage, STRIPE, PAYPAL, effects=DARK):
        started = time.monotonic()
        refused = await stage.checkout(key=KEY)
        took_s = time.monotonic() - started

    order_id = (await stage.rows("SELECT id FROM orders"))[0][0]
    assert (503, True) == (refused.status_code, took_s < 10)
    assert {("stripe", "unknown")} < {*await attempts(stage, order_id)}
    assert (0, 0) == await stock(stage)
    assert 201 == (await stage.checkout(key=KEY)).status_code


async def test_a_provider_known_to_be_away_is_not_asked(stage: Stage):
    """Who chose it is told at once whom to choose instead; who did not goes there."""
    await put(stage, "breaker.stripe", "open")
    await until_goes_to(stage, "paypal")

    refused = await stage.checkout(buyer(provider="stripe"))

    problem = refused.json()
    assert (503, "provider_unavailable", ["paypal"]) == (
        refused.status_code,
        problem["code"],
        problem["otherProviders"],
    )
    assert 1 <= int(refused.headers["Retry-After"])
    assert 201 == (await stage.checkout(buyer(provider="paypal"))).status_code


async def test_what_is_open_stays_with_its_provider_whatever_the_route_says(stage: Stage):
    """The hold runs out: its page is closed where it is open."""
    checkout = (await stage.checkout()).json()
    await put(stage, "route", "paypal")
    await until_goes_to(stage, "paypal")
    await stage.rows("UPDATE orders SET expires_at = now() - interval '1 second' WHERE provider = 'stripe'")

    async with stage.worker():
        await stage.order_in(checkout, "expired")

    stripe = [each for each in await sessions(stage) if each["provider"] == "stripe"]
    assert {"expired"} == {each["status"] for each in stripe if each["metadata"]["order_id"] == checkout["orderId"]}


class TestDyingOnTheWay:
    """`serve` dies in the middle of turning to another provider; the same request comes again."""

    async def test_before_the_first_choice_was_left(self, stage: Stage):
        """The stored request is sent once more; without an answer it goes on as if nothing had happened."""
        await stage.checkout(key=KEY)
        await stage.rows("UPDATE payments SET checkout_ref = NULL, checkout_url = NULL")
        await abandon_key(stage)

        async with faults(stage, STRIPE, effects={"outage": True}):
            answer = (await stage.checkout(key=KEY)).raise_for_status().json()

        assert [("stripe", "unknown"), ("paypal", "created")] == await attempts(stage, answer["orderId"])
        assert (2, 0) == await stock(stage)

    async def test_before_the_first_choice_was_left_and_now_it_may_not_be_asked(self, stage: Stage):
        """Who died may have opened a page there: the attempt is unknown though this time nothing was sent."""
        await stage.checkout(key=KEY)
        await stage.rows("UPDATE payments SET checkout_ref = NULL, checkout_url = NULL")
        await put(stage, "breaker.stripe", "open")
        await until_goes_to(stage, "paypal")
        await stage.rows(
            "UPDATE idempotency_keys SET state = 'in_flight', leased_until = now() WHERE key = :key", key=KEY
        )

        answer = (await stage.checkout(key=KEY)).raise_for_status().json()

        assert [("stripe", "unknown"), ("paypal", "created")] == await attempts(stage, answer["orderId"])

    @pytest.mark.parametrize("asked", [True, False], ids=["after it was asked", "before it was asked"])
    async def test_after_the_next_was_chosen(self, stage: Stage, asked):
        """It is asked under the same key: one order there, not two, and no third attempt."""
        async with faults(stage, STRIPE, effects={"outage": True}):
            first = (await stage.checkout(key=KEY)).json()
        if not asked:
            (await stage.emulator.post("/_emulator/reset")).raise_for_status()
        await stage.rows("UPDATE payments SET checkout_ref = NULL, checkout_url = NULL")
        await abandon_key(stage)

        answer = (await stage.checkout(key=KEY)).raise_for_status().json()

        assert (first["orderId"], "paypal") == (answer["orderId"], answer["provider"])
        assert not asked or first["checkoutUrl"] == answer["checkoutUrl"]
        assert [first["orderId"]] == await opened_at(stage, "paypal")
        assert [("stripe", "unknown"), ("paypal", "created")] == await attempts(stage, answer["orderId"])

    async def test_who_was_overtaken_writes_nothing(self, stage: Stage):
        """Another request with the same key goes on with the order; the slow one is told to come again."""
        slow = {"match": STRIPE, "effects": {"timeout": "before"}, "times": 1}
        await stage.faults(slow, {"match": STRIPE, "effects": {"outage": True}})
        parts = build_parts(stage.settings, "test")
        wish = check_request(buyer(), public_url=stage.settings.public_url)

        async def overtake() -> bool:
            rows = await stage.rows("SELECT 1 FROM payments")
            if rows:
                await abandon_key(stage)
            return bool(rows)

        late = asyncio.create_task(open_checkout(parts.shop, wish, key=KEY))
        await stage.until(overtake)
        answer = (await stage.checkout(key=KEY)).raise_for_status().json()
        ended = (await asyncio.gather(late, return_exceptions=True))[0]
        await parts.close()

        assert "KeyInFlight" == type(ended).__name__
        assert 2 == len(await attempts(stage, answer["orderId"]))


async def test_each_detour_is_counted_with_its_reason(stage: Stage):
    """Asked without an answer; known to be away; sent elsewhere by an operator."""
    parts = build_parts(stage.settings, "test")
    wish = check_request(buyer(), public_url=stage.settings.public_url)

    async with faults(stage, STRIPE, effects={"outage": True}):
        await open_checkout(parts.shop, wish, key="1")
    for switch, position in (("breaker.stripe", "open"), ("route", "paypal")):
        await put(stage, switch, position)
        await parts.shop.switches.refresh()
        await open_checkout(parts.shop, wish, key=switch)

    counted = samples(parts.telemetry.render("")[0].decode(), "cubano_failovers_total")
    await parts.close()
    assert [1, 1, 1] == [counted["stripe", reason] for reason in ("no_answer", "breaker", "route")]
