"""The line to PayPal: its token under a crowd, its repetitions, and what goes wrong in our words."""

import asyncio
from datetime import timedelta

import pytest
from pydantic import SecretStr

from service.gateways.paypal import create
from service.gateways.paypal_tokens import AGAIN_AFTER, Tokens, token_of
from service.kernel.clock import utc_now
from service.kernel.errors import GatewayRejected, GatewayUnavailable
from service.telemetry import catalogue
from tests.gateways.paypal.conftest import Desk, context
from tests.webhooks.delivery import samples

LIFE = timedelta(hours=9)
ORDERS, TOKEN = "/paypal/v2/checkout/orders", "/paypal/v1/oauth2/token"


class Mint:
    """Gives out tokens, and notes how often it was asked; `away` refuses."""

    def __init__(self) -> None:
        self.now = utc_now()
        self.given = 0
        self.away = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.tokens = Tokens(self._fetch, lambda: self.now)

    async def _fetch(self):
        self.given += 1
        await self.gate.wait()
        if self.away:
            raise GatewayUnavailable("paypal", "unreachable", maybe_acted=False)
        return token_of(f"token-{self.given}", LIFE, now=self.now)


async def test_a_crowd_waits_for_one_token():
    """A hundred calls at once after a start: one token is fetched, and all of them have it."""
    mint = Mint()

    found = await asyncio.gather(*(mint.tokens.current() for _ in range(100)))

    assert ({"token-1"}, 1) == (set(found), mint.given)


async def test_a_crowd_hears_the_same_no():
    """When it cannot be had, nobody of those who waited asks again; the next one does."""
    mint = Mint()
    mint.away = True
    mint.gate.clear()

    crowd = asyncio.gather(*(mint.tokens.current() for _ in range(100)), return_exceptions=True)
    await asyncio.sleep(0)
    mint.gate.set()
    found = await crowd
    mint.away = False

    assert ({("unreachable", False)}, 1) == ({(each.reason, each.maybe_acted) for each in found}, mint.given)
    assert "token-2" == await mint.tokens.current()


async def test_who_fetches_may_be_given_up():
    """The first of the crowd is canceled while it fetches: the second fetches in its place."""
    mint = Mint()
    mint.gate.clear()
    first, second = (asyncio.create_task(mint.tokens.current()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    mint.gate.set()

    assert "token-2" == await second
    assert first.cancelled()


async def test_a_token_is_renewed_before_its_end():
    """While one renews it, the others go on with the old one."""
    mint = Mint()
    await mint.tokens.current()
    mint.now += LIFE * 9 // 10
    mint.gate.clear()

    renewing = asyncio.create_task(mint.tokens.current())
    await asyncio.sleep(0)
    others = [await mint.tokens.current() for _ in range(3)]
    mint.gate.set()

    assert (["token-1"] * 3, "token-2", 2) == (others, await renewing, mint.given)


async def test_a_renewal_that_fails_stops_nobody():
    """The old one serves until its end; a renewal is tried again after a while, not by each call."""
    mint = Mint()
    await mint.tokens.current()
    mint.now, mint.away = mint.now + LIFE * 9 // 10, True

    found = [await mint.tokens.current() for _ in range(3)]
    mint.now += AGAIN_AFTER
    found.append(await mint.tokens.current())
    asked = mint.given
    mint.now += LIFE

    assert (["token-1"] * 4, 3) == (found, asked)
    with pytest.raises(GatewayUnavailable):
        await mint.tokens.current()


async def test_a_refused_token_is_replaced_once_for_all():
    """Two calls were refused with one token: the second to tell it does not throw away the new one."""
    mint = Mint()
    old = await mint.tokens.current()
    mint.tokens.refuse(old)
    await mint.tokens.current()
    mint.tokens.refuse(old)

    assert ("token-2", 2) == (await mint.tokens.current(), mint.given)


async def test_a_revoked_token_is_noticed_on_the_wire(desk: Desk):
    """PayPal takes back all tokens; the next call is told 401, fetches another and is answered."""
    opened = await desk.open()
    await desk.arm({"revoke_tokens": True}, path=f"{ORDERS}/*", times=1)

    seen = await desk.gateway.fetch_checkout(opened.ref)

    assert opened.ref == seen.ref


async def test_tokens_that_are_all_refused_are_for_a_person(desk: Desk):
    """A second 401 is not a third try: nothing was done, and the next attempt is a minute away."""
    await desk.arm({"error": {"status": 401}}, path=ORDERS)

    with pytest.raises(GatewayUnavailable) as caught:
        await desk.open()

    assert ("auth", False, 60) == (caught.value.reason, caught.value.maybe_acted, caught.value.retry_after_s)


async def test_wrong_credentials_are_for_a_person(emulator_url):
    """The token service says no: unavailable, not a refusal of what was asked, because it was never asked."""
    gateway = create(context(f"{emulator_url}/paypal", client_secret=SecretStr("")))

    with pytest.raises(GatewayUnavailable) as caught:
        await gateway.fetch_checkout("1")

    await gateway.close()
    assert ("auth", False) == (caught.value.reason, caught.value.maybe_acted)


# What PayPal does: (the reason, whether an order may be there).
FAULTS = {
    "no answer in time": ({"timeout": "before"}, "timeout", True),
    "work done, no answer": ({"timeout": "after"}, "timeout", True),
    "connection cut": ({"reset": "before"}, "unreachable", True),
    "its own fault": ({"error": {"status": 500}}, "error", True),
    "down": ({"outage": True}, "error", True),
    "the try before is still at work": ({"error": {"status": 409}}, "in_progress", True),
    "too many requests": ({"rate_limit": True}, "rate_limited", False),
    "not allowed": ({"error": {"status": 403}}, "auth", False),
    "a page of somebody else": ({"error": {"status": 418, "body": "<html>"}}, "error", True),
}


@pytest.mark.parametrize("case", FAULTS)
async def test_a_fault_is_unknown_not_a_no(desk: Desk, case):
    """Nothing that could hide an order is taken for a refusal, and only what surely did nothing says so."""
    effects, reason, maybe_acted = FAULTS[case]
    await desk.gateway.probe()
    await desk.arm(effects, path=ORDERS, method="POST")

    with pytest.raises(GatewayUnavailable) as caught:
        await desk.open()

    assert (reason, maybe_acted) == (caught.value.reason, caught.value.maybe_acted)


@pytest.mark.parametrize(
    "effects", [{"reset": "after"}, {"error": {"status": 500, "commit": True}}, {"reset": "before"}]
)
async def test_what_fails_once_is_repeated_under_its_key(desk: Desk, effects):
    """A lost answer, a late error, a cut line: the second try is answered, and there is one order."""
    await desk.gateway.probe()
    await desk.arm(effects, path=ORDERS, method="POST", times=1)

    opened = await desk.open()

    assert [opened.ref] == [each["checkout"] for each in await desk.sold()]


@pytest.mark.parametrize("then", ["a new token", "no token"])
async def test_what_a_lost_try_may_have_done_is_not_forgotten_with_its_token(desk: Desk, then):
    """Its answer is lost, the token of the repetition is refused, and what follows did nothing: the first may have."""
    await desk.gateway.probe()
    effects = {"a new token": (ORDERS, {"rate_limit": True}), "no token": (TOKEN, {"error": {"status": 401}})}
    last, what = effects[then]
    faults = [
        {"match": {"path": ORDERS}, "effects": {"reset": "after"}, "times": 1},
        {"match": {"path": ORDERS}, "effects": {"error": {"status": 401}}, "times": 1},
        {"match": {"path": last}, "effects": what},
    ]
    (await desk.control.put("/faults", json={"seed": 1, "faults": faults})).raise_for_status()

    with pytest.raises(GatewayUnavailable) as caught:
        await desk.open()

    reason = {"a new token": "rate_limited", "no token": "auth"}[then]
    assert (reason, True) == (caught.value.reason, caught.value.maybe_acted)
    assert 1 == len(await desk.sold())


async def test_a_no_after_an_unknown_try_is_still_a_no(desk: Desk):
    """The first try of a capture is lost, the second is told that it was done: the order is asked and answers."""
    opened = await desk.open()
    await desk.buyer(opened.ref, "approve")
    await desk.arm({"reset": "after"}, path=f"{ORDERS}/*/capture", times=1)

    taken = await desk.gateway.capture(opened.ref, key="capture-1")

    assert taken.paid
    assert [25_000] == [each["charged"] for each in await desk.sold()]


async def test_too_many_requests_are_not_repeated(desk: Desk):
    """A 429 is told at once: repeating it here would make it worse."""
    await desk.gateway.probe()
    await desk.arm({"rate_limit": True}, path=ORDERS, method="POST", times=1)

    with pytest.raises(GatewayUnavailable):
        await desk.open()

    assert [] == await desk.sold()


async def test_nobody_there_is_known_to_have_done_nothing():
    """No connection at all: nothing was sent, so nothing was done."""
    gateway = create(context("http://127.0.0.1:9/paypal"))

    with pytest.raises(GatewayUnavailable) as caught:
        await gateway.fetch_checkout("1")

    await gateway.close()
    assert ("unreachable", False) == (caught.value.reason, caught.value.maybe_acted)


async def test_each_call_is_measured_with_its_token(emulator_url):
    """The token is a call of its own in the figures; the call it was for has its own outcome."""
    told = context(f"{emulator_url}/paypal")
    gateway = create(told)
    await gateway.probe()
    with pytest.raises(GatewayRejected):
        await gateway.capture("0NEVERWAS0ANORDER", key="1")
    await gateway.close()

    seen = samples(told.telemetry.render("")[0].decode(), f"{catalogue.HTTP_CLIENT_DURATION.name}_count")

    assert [1, 1, 1] == [
        seen[labels]
        for labels in (
            ("authenticate", "ok", "paypal"),
            ("probe", "ok", "paypal"),
            ("capture", "rejected", "paypal"),
        )
    ]
