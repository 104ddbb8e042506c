"""The limits over the wire, small ones: who gets how much, and what no trick gets around."""

import json

import httpx
import pytest

from tests.access.giving import bearer, give, take_back
from tests.stage import Stage
from tests.webhooks.delivery import PATH, counted, deliver, event_of, header
from tests.webhooks.fixtures import free_port, metrics_url

__all__ = ["metrics_url"]

CATALOG, ORDER = "/api/payment/catalog", "/api/payment/order/ord_01m839ehkag8bczkrreetbs5c4"
HERE, THERE = "203.0.113.1", "203.0.113.2"
BURST, FAILURES = (
    4,
    1,
)  # of the catalogue and the orders, and of what is charged when it fails; refilled in 2.5 s and more


@pytest.fixture
def stage_settings() -> dict[str, str]:
    """A few requests for each zone, behind one proxy: a test can play several addresses."""
    return {"CUBANO_RATE_LIMITS": "0.002", "CUBANO_TRUSTED_HOPS": "1", "CUBANO_SERVE_METRICS_PORT": str(free_port())}


async def get(stage: Stage, path: str, ip: str = HERE, **headers: str) -> httpx.Response:
    return await stage.client.get(path, headers={"X-Forwarded-For": ip, **headers})


async def test_every_answer_says_what_is_left_and_the_one_too_many_when_to_come_again(stage, metrics_url):
    """RateLimit and its policy count down; then 429, as a problem for programs and a page for people; others go on."""
    answers = [await get(stage, CATALOG) for _ in range(BURST + 1)]
    elsewhere = await get(stage, CATALOG, THERE)
    page = [await get(stage, "/es", THERE) for _ in range(7)][-1]
    probes = [await get(stage, "/health/live") for _ in range(3)]

    last = answers[-1]
    assert [200] * BURST + [429] == [each.status_code for each in answers]
    assert {'"catalog";q=4;w=10'} == {each.headers["ratelimit-policy"] for each in answers}
    assert ['"catalog";r=3;t=3', '"catalog";r=2;t=5'] == [each.headers["ratelimit"] for each in answers[:2]]
    assert "rate_limited" == last.json()["code"]
    assert last.headers["retry-after"] in {"1", "2", "3"}
    assert last.headers["ratelimit"].startswith('"catalog";r=0;t=')
    assert "application/problem+json" == last.headers["content-type"]
    assert 200 == elsewhere.status_code
    assert (429, True) == (page.status_code, "Suave, mi gente" in page.text)
    assert {200} == {each.status_code for each in probes}
    assert "ratelimit" not in probes[0].headers
    assert 1 == (await counted(metrics_url, "cubano_rate_limit_requests_total"))["limited", "catalog"]


async def test_429_is_in_the_description_of_every_limited_operation(stage):
    """Whoever reads the API's document knows it."""
    paths = (await stage.client.get("/openapi.json")).json()["paths"]

    api = [each for path, methods in paths.items() if path.startswith("/api/") for each in methods.values()]
    assert api
    assert [] == [each["operationId"] for each in api if "429" not in each["responses"]]


async def test_a_key_has_its_own_budget_wherever_it_comes_from_and_a_made_up_one_has_none(stage):
    """A good key is known by its id; one that is no good is whoever sends it, and shut out before it is looked at."""
    made, other = await give(stage.db, "ours"), await give(stage.db, "another")
    for number in range(BURST):
        await get(stage, ORDER, f"203.0.113.{number + 3}", **bearer(made))
    spent, fresh = await get(stage, ORDER, THERE, **bearer(made)), await get(stage, ORDER, THERE, **bearer(other))
    wrong = [f"{made.text[:-4]}{number:04}" for number in range(FAILURES)]
    refused = [(await get(stage, ORDER, HERE, **bearer(each))).status_code for each in wrong]
    shut_out = await get(stage, ORDER, HERE, **bearer(f"{made.text[:-4]}9999"))
    good_from_there = await get(stage, ORDER, HERE, **bearer(other))
    good_from_elsewhere = await get(stage, ORDER, THERE, **bearer(other))

    assert 429 == spent.status_code
    assert 404 == fresh.status_code
    assert [404] * FAILURES == refused
    assert (429, '"credentials";r=0;t=60') == (shut_out.status_code, shut_out.headers["ratelimit"])
    assert 429 == good_from_there.status_code, "the right one cannot be found by trying, either"
    assert 404 == good_from_elsewhere.status_code


async def test_every_kind_of_wrong_credential_is_charged_and_none_is_free(stage):
    """A revoked key, an order's token that fits nothing, in the header and in the link, escaped, of the page; a session."""
    revoked = await give(stage.db, "gone")
    await take_back(stage.db, revoked)
    tries = [
        (ORDER, bearer(revoked)),
        (ORDER, {"Authorization": "Bearer no-such-token-of-any-order-at-all"}),
        (f"{ORDER}?token=no-such-token-of-any-order", {}),
        (f"{ORDER}?%74oken=no-such-token-of-any-order", {}),
        (f"/en/order/{ORDER.rpartition('/')[2]}?token=no-such-token-of-any-order", {}),
        ("/staff", {"Cookie": "cubano_staff=no-such-session"}),
    ]
    answers = [
        [(await get(stage, path, f"198.51.100.{number}", **headers)).status_code for _ in range(2)]
        for number, (path, headers) in enumerate(tries)
    ]
    bare = [(await get(stage, ORDER)).status_code for _ in range(3)]

    assert [*[[404, 429]] * 5, [303, 429]] == answers
    assert [404] * 3 == bare, "who shows nothing tries nothing"


async def test_a_buyer_with_the_right_token_is_never_charged(stage):
    """However often the order is asked for."""
    body = {"items": [{"ticketType": "full-pass", "quantity": 1}], "customer": {"email": "a@example.org", "name": "A"}}
    checkout = (await stage.checkout({**body, "locale": "en"})).json()

    answers = [
        await get(stage, f"/api/payment/order/{checkout['orderId']}", **bearer(checkout["accessToken"]))
        for _ in range(FAILURES * 3)
    ]

    assert {200} == {each.status_code for each in answers}


async def test_a_signed_webhook_is_never_limited_however_many_forged_ones_come_from_there(stage, metrics_url):
    """Forged ones are charged to their address; the gateway, should it come from the same one, is always let in."""
    body = json.dumps(event_of()).encode()
    forged = {"stripe-signature": header(body, at=stage.clock(), secret="whsec_other"), "X-Forwarded-For": HERE}

    answers = [(await stage.client.post(PATH, content=body, headers=forged)) for _ in range(FAILURES + 5)]
    elsewhere = await stage.client.post(PATH, content=body, headers=forged | {"X-Forwarded-For": THERE})
    good = {"stripe-signature": header(body, at=stage.clock()), "X-Forwarded-For": HERE}
    signed = [await stage.client.post(PATH, content=body, headers=good) for _ in range(BURST)]
    plain = await deliver(stage, event_of())

    assert [400] * FAILURES + [429] * 5 == [each.status_code for each in answers]
    assert "60" == answers[-1].headers["retry-after"]
    assert 400 == elsewhere.status_code
    assert {200} == {each.status_code for each in (*signed, plain)}
    assert 5 == (await counted(metrics_url, "cubano_webhooks_total"))["stripe", "limited"]


async def test_who_writes_a_longer_chain_is_still_who_our_proxy_saw(stage):
    """What stands left of the proxy's own word in X-Forwarded-For was written by the caller."""
    answers = [await get(stage, CATALOG, f"198.51.100.{number}, {HERE}") for number in range(BURST + 1)]

    assert 429 == answers[-1].status_code
