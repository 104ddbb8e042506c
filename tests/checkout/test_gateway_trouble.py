"""The gateway is slow, broken or away: a clear answer in time, seats free, nothing charged, and the next try succeeds."""

import socket
import time

import pytest

from tests.checkout.rows import broken_promises, statuses, stock
from tests.idempotency.crashes import sessions
from tests.stage import Stage

KEY = "a-patient-customer"
WITHIN_S = 10
ALONE = {"CUBANO_PROVIDERS": "stripe"}  # with a second provider the customer would be sent there
CREATE = {"method": "POST", "path": "/v1/checkout/sessions"}


@pytest.fixture
def stage_settings():
    """One second a try, so that the tables below take seconds; one test keeps the real time-out."""
    return {**ALONE, "CUBANO_GATEWAY_TIMEOUT_S": "1"}


def error(status: int, *, commit: bool = False) -> dict[str, object]:
    return {"error": {"status": status, "commit": commit, "keep": False}}


# What the gateway does, and whether a page was opened there that we were not told of (None: it may be).
NO_ANSWER = {
    "slower than we wait": ({"latency_ms": 2_500}, None),
    "never answers": ({"timeout": "before"}, False),
    "never answers, after the work": ({"timeout": "after"}, True),
    "hangs up": ({"reset": "before"}, False),
    "hangs up after the work": ({"reset": "after"}, True),
    "500": (error(500), False),
    "502 of a proxy": (error(502), False),
    "outage": ({"outage": True}, False),
    "still at work on the first try": (error(409), False),
}


async def charged(stage: Stage) -> dict[str, int]:
    return (await stage.emulator.get("/_emulator/truth")).json()["totals"]["charged"]


async def open_pages(stage: Stage) -> list[str]:
    """Orders that have an open page at the gateway."""
    return [each["client_reference_id"] for each in await sessions(stage) if each["status"] == "open"]


@pytest.mark.parametrize(("effects", "opened"), NO_ANSWER.values(), ids=NO_ANSWER)
async def test_no_answer_is_told_in_time_and_the_next_try_succeeds(stage, effects, opened):
    """503 with Retry-After; order canceled, payment unknown, seats and key free; the lost page is closed by the worker."""
    await stage.faults({"match": CREATE, "effects": effects})
    started = time.monotonic()

    refused = await stage.checkout(key=KEY)

    took_s = time.monotonic() - started
    lost = (await stage.rows("SELECT id FROM orders"))[0][0]
    assert took_s < WITHIN_S
    assert (503, "gateway_unavailable") == (refused.status_code, refused.json()["code"])
    assert "Nothing was charged" in refused.json()["detail"]
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert ("canceled", ["unknown"]) == await statuses(stage, lost)
    assert (0, 0) == await stock(stage)

    await stage.faults()
    answer = (await stage.checkout(key=KEY)).raise_for_status().json()

    pages = await open_pages(stage)
    assert opened in {None, lost in pages}
    await stage.rows("UPDATE outbox SET due_at = now() WHERE state = 'pending'")
    async with stage.worker():
        await stage.until(lambda: stage.rows("SELECT 1 FROM payments WHERE status = 'canceled'"))
    assert ("canceled", ["canceled"]) == await statuses(stage, lost)
    assert [answer["orderId"]] == await open_pages(stage)
    assert {} == await charged(stage)
    assert (2, 0) == await stock(stage)
    assert [] == await broken_promises(stage)


@pytest.mark.parametrize("effects", [{"rate_limit": True}, error(401)], ids=["too many requests", "our key is refused"])
async def test_a_gateway_that_did_nothing_is_not_asked_again(stage, effects):
    """503, but it is certain that no page was opened: nothing is left to look up, which on an on-sale would be asked again."""
    await stage.faults({"match": CREATE, "effects": effects})

    refused = await stage.checkout(key=KEY)

    lost = (await stage.rows("SELECT id FROM orders"))[0][0]
    assert (503, "gateway_unavailable") == (refused.status_code, refused.json()["code"])
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert ("canceled", ["canceled"]) == await statuses(stage, lost)
    assert [] == await stage.rows("SELECT 1 FROM outbox")
    assert (0, 0) == await stock(stage)


@pytest.mark.parametrize("status", [400, 402, 404])
async def test_a_definite_no_is_told_at_once(stage, status):
    """502: nothing was opened, so nothing is left to look up; seats and key are free."""
    await stage.faults({"match": CREATE, "effects": error(status), "times": 1})

    refused = await stage.checkout(key=KEY)

    lost = (await stage.rows("SELECT id FROM orders"))[0][0]
    assert (502, "gateway_rejected") == (refused.status_code, refused.json()["code"])
    assert "Retry-After" not in refused.headers
    assert ("canceled", ["canceled"]) == await statuses(stage, lost)
    assert (0, 0) == await stock(stage)
    assert [] == await stage.rows("SELECT 1 FROM outbox")
    assert 201 == (await stage.checkout(key=KEY)).status_code


@pytest.mark.parametrize("effects", [{"reset": "after"}, {"reset": "before"}, error(500), error(500, commit=True)])
async def test_one_failed_try_is_repeated_without_the_customer_noticing(stage, effects):
    """Under the same key at the gateway: one page, even when the work was done before the line broke."""
    await stage.faults({"match": CREATE, "effects": effects, "times": 1})

    answer = await stage.checkout(key=KEY)

    assert 201 == answer.status_code
    assert [answer.json()["orderId"]] == await open_pages(stage)


async def test_a_page_behind_a_kept_failure_is_found_by_our_ids(stage):
    """The page was opened, but a 500 is kept under its key: it is looked up, and closed."""
    await stage.faults({"match": CREATE, "effects": {"error": {"status": 500, "commit": True, "keep": True}}})
    await stage.checkout(key=KEY)
    lost = (await stage.rows("SELECT id FROM orders"))[0][0]
    await stage.faults()
    await stage.rows("UPDATE outbox SET due_at = now() WHERE state = 'pending'")

    async with stage.worker():
        await stage.until(lambda: stage.rows("SELECT 1 FROM outbox WHERE state = 'done'"))

    assert ("canceled", ["canceled"]) == await statuses(stage, lost)
    assert ["expired"] == [each["status"] for each in await sessions(stage)]


async def test_a_gateway_that_remembers_its_own_failure_is_not_asked_for_ever(stage):
    """It keeps a 500 for work it never did; once no page can be open any more the payment is settled as canceled."""
    await stage.faults({"match": CREATE, "effects": {"error": {"status": 500, "commit": False, "keep": True}}})
    await stage.checkout(key=KEY)
    lost = (await stage.rows("SELECT id FROM orders"))[0][0]
    await stage.rows("UPDATE outbox SET due_at = now() WHERE state = 'pending'")

    async with stage.worker():
        await stage.until(lambda: stage.rows("SELECT 1 FROM outbox WHERE attempts > 0 AND leased_until IS NULL"))
        before = await statuses(stage, lost)
        await stage.rows("UPDATE payments SET created_at = created_at - interval '61 minutes'")
        await stage.until(lambda: stage.rows("SELECT 1 FROM outbox WHERE state = 'done'"))

    assert ("canceled", ["unknown"]) == before
    assert ("canceled", ["canceled"]) == await statuses(stage, lost)


async def test_a_lost_page_that_closes_by_itself_settles_its_payment(stage):
    """The gateway's own word about the page is enough, however it comes."""
    await stage.faults({"match": CREATE, "effects": {"timeout": "after"}})
    await stage.checkout(key=KEY)
    lost = (await stage.rows("SELECT id FROM orders"))[0][0]
    await stage.faults()
    session_id = (await sessions(stage))[0]["session"]

    async with stage.worker():
        headers = {"Authorization": "Bearer sk_test_stage"}
        await stage.emulator.post(f"/v1/checkout/sessions/{session_id}/expire", headers=headers)
        await stage.until(lambda: stage.rows("SELECT 1 FROM payments WHERE status = 'canceled'"))

    assert ("canceled", ["canceled"]) == await statuses(stage, lost)


class TestRealTimeOut:
    """With the settings a shop runs with."""

    @pytest.fixture
    def stage_settings(self):
        return ALONE

    @pytest.mark.alone
    async def test_two_tries_fit_into_what_a_customer_waits(self, stage):
        """A gateway that never answers: told within ten seconds, seats free."""
        await stage.faults({"match": CREATE, "effects": {"timeout": "before"}})
        started = time.monotonic()

        refused = await stage.checkout(key=KEY)

        assert time.monotonic() - started < WITHIN_S
        assert (503, (0, 0)) == (refused.status_code, await stock(stage))


class TestUnreachable:
    """Nobody listens at the gateway's address."""

    @pytest.fixture
    def stage_settings(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        return {**ALONE, "CUBANO_STRIPE_BASE_URL": f"http://127.0.0.1:{port}"}

    async def test_an_unreachable_gateway_costs_no_seat(self, stage):
        """503, and the next customer is not kept waiting by what this one left."""
        first, second = await stage.checkout(key=KEY), await stage.checkout()

        assert [503, 503] == [first.status_code, second.status_code]
        assert (0, 0) == await stock(stage)
        assert [] == await stage.rows("SELECT 1 FROM idempotency_keys")
