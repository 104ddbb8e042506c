"""What goes wrong at the gateway, over the wire and through its own SDK, in our words: a definite no, or unknown."""

import httpx
import pytest

from service.kernel.errors import GatewayRejected, GatewayUnavailable
from service.parts import build_parts
from tests.stage import Stage
from tests.webhooks.delivery import samples

SESSION = {
    "mode": "payment",
    "success_url": "http://127.0.0.1:9/",
    "line_items": [
        {"quantity": 1, "price_data": {"currency": "usd", "unit_amount": 500, "product_data": {"name": "x"}}}
    ],
}


def error(status: int, *, keep: bool = False) -> dict:
    return {"error": {"status": status, "keep": keep}}


# What the gateway does: (our error, its reason or code, the label of the call)
FAULTS = {
    "no answer in time": ({"timeout": "before"}, GatewayUnavailable, "timeout", "timeout"),
    "work done, no answer": ({"timeout": "after"}, GatewayUnavailable, "timeout", "timeout"),
    "connection cut": ({"reset": "before"}, GatewayUnavailable, "unreachable", "unreachable"),
    "too many requests": ({"rate_limit": True}, GatewayUnavailable, "rate_limited", "rate_limited"),
    "its own fault": (error(500), GatewayUnavailable, "error", "error"),
    "down": ({"outage": True}, GatewayUnavailable, "error", "error"),
    "the try before is still at work": (error(409), GatewayUnavailable, "in_progress", "in_progress"),
}


@pytest.fixture
def stage_settings() -> dict[str, str]:
    return {"CUBANO_GATEWAY_TIMEOUT_S": "1"}


@pytest.fixture
async def parts(stage: Stage):
    built = build_parts(stage.settings, "work")
    yield built
    await built.close()


@pytest.mark.parametrize("case", FAULTS)
async def test_a_fault_is_unknown_not_a_no(stage: Stage, parts, case):
    """No answer that could hide a page at the gateway is taken for a refusal; each is counted under its own label."""
    effects, kind, reason, label = FAULTS[case]
    await stage.faults({"effects": effects})

    with pytest.raises(kind) as caught:
        await parts.gateways["stripe"].open_checkout(SESSION, key="pay_1")

    assert reason == caught.value.reason
    seen = samples(parts.telemetry.render("")[0].decode(), "http_client_request_duration_seconds_count")
    assert 1 == seen["open_checkout", label, "stripe"]


@pytest.mark.parametrize(("told", "reason"), [({"rate_limit": True}, "rate_limited"), (error(401), "auth")])
async def test_what_is_told_before_anything_is_done_tells_nothing_of_the_try_before(stage: Stage, parts, told, reason):
    """A 429 or a 401 did nothing; but when the SDK has repeated a lost try, that one may have opened the page."""
    stripe, lost = parts.gateways["stripe"], {"effects": {"reset": "after"}, "times": 1}
    maybe_acted = []
    for faults in ([{"effects": told}], [lost, {"effects": told}], [{"effects": told}]):
        await stage.faults(*faults)
        with pytest.raises(GatewayUnavailable) as caught:
            await stripe.open_checkout(SESSION, key="pay_1")
        assert reason == caught.value.reason
        maybe_acted.append(caught.value.maybe_acted)

    assert [False, True, False] == maybe_acted


async def test_a_failure_that_is_kept_under_the_key_is_told_apart(stage: Stage, parts):
    """Stripe repeats its own 500 for a day and says that it does: that one is over, a fresh one may not be."""
    stripe = parts.gateways["stripe"]
    remembered = []
    for effects in (error(503), error(500, keep=True)):
        await stage.faults({"effects": effects})
        with pytest.raises(GatewayUnavailable) as caught:
            await stripe.open_checkout(SESSION, key="pay_1")
        remembered.append((caught.value.reason, caught.value.remembered))

    assert [("error", False), ("error", True)] == remembered


async def test_a_wrong_request_is_a_definite_no(parts):
    """A 400 means that nothing was made."""
    with pytest.raises(GatewayRejected) as caught:
        await parts.gateways["stripe"].open_checkout({**SESSION, "line_items": []}, key="pay_1")

    assert caught.value.code


async def test_the_same_key_with_another_request_is_a_definite_no(parts):
    """A stored request is sent as stored, so this is a fault of ours and no page is open under the new one."""
    stripe = parts.gateways["stripe"]
    await stripe.open_checkout(SESSION, key="pay_1")

    with pytest.raises(GatewayRejected):
        await stripe.open_checkout({**SESSION, "success_url": "http://127.0.0.1:9/other"}, key="pay_1")


async def test_a_wrong_key_is_ours_to_mend_and_no_refusal(stage: Stage):
    """The order is not to blame: it may be tried again when the key is right."""
    wrong = load_with(stage, "sk_test_of_somebody")
    built = build_parts(wrong, "work")

    with pytest.raises(GatewayUnavailable) as caught:
        await built.gateways["stripe"].probe()
    await built.close()

    assert "auth" == caught.value.reason
    assert "sk_test" not in str(caught.value)


def load_with(stage: Stage, key: str):
    return stage.settings.model_copy(update={"stripe_api_key": type(stage.settings.stripe_api_key)(key)})


async def test_a_lost_answer_is_found_again_under_the_same_key(stage: Stage, parts):
    """The page was opened but we never heard: the same request under the same key finds it, and opens no second."""
    stripe = parts.gateways["stripe"]
    await stage.faults({"effects": {"reset": "after"}, "match": {"path": "/v1/checkout/sessions"}, "times": 2})
    with pytest.raises(GatewayUnavailable):
        await stripe.open_checkout(SESSION, key="pay_1")

    found = await stripe.open_checkout(SESSION, key="pay_1")

    listed = await stage.emulator.get("/v1/checkout/sessions", auth=("sk_test_stage", ""))
    assert [found.ref] == [each["id"] for each in listed.json()["data"]]


async def test_closing_a_page_tells_what_it_is(stage: Stage, parts):
    """Open: closed now. Closed already: as it is. Paid: complete, with its money."""
    stripe = parts.gateways["stripe"]
    opened, paid = [await stripe.open_checkout(SESSION, key=key) for key in ("pay_1", "pay_2")]
    await stage.emulator.post(f"/_emulator/sessions/{paid.ref}/pay", json={})

    closed = [await stripe.expire_checkout(ref) for ref in (opened.ref, opened.ref, paid.ref)]

    assert [("expired", False), ("expired", False), ("complete", True)] == [(c.status, c.paid) for c in closed]
    assert closed[2].payment_ref is not None
    with pytest.raises(GatewayRejected):
        await stripe.expire_checkout("cs_test_unknown")


async def test_a_gateway_that_is_not_there_is_unreachable(stage: Stage):
    """Nothing listens: the answer comes at once, not after a time-out."""
    away = stage.settings.model_copy(update={"stripe_base_url": "http://127.0.0.1:9"})
    built = build_parts(away, "work")

    with pytest.raises(GatewayUnavailable) as caught:
        await built.gateways["stripe"].fetch_checkout("cs_1")
    await built.close()

    assert "unreachable" == caught.value.reason
    assert isinstance(caught.value.__cause__.__cause__, httpx.HTTPError)
