"""Lists, cursors, filters, expansion, and the errors of reading."""

import time

import pytest
import stripe

from tests.emulator.gateway import session_of


async def test_pages_cover_everything_once(gateway):
    """Newest first, by cursor, until has_more is false; the SDK's own paging agrees."""
    made = [(await gateway.open(client_reference_id=f"r{n}")).id for n in range(7)]

    listed = await gateway.api.checkout.sessions.list_async({"limit": 3})
    seen = [session.id async for session in listed.auto_paging_iter()]

    assert made[::-1] == seen
    assert listed.has_more


async def test_ending_before_walks_toward_the_newest(gateway):
    """The page right after the cursor in time, shown newest first: how missed events are recovered."""
    made = [(await gateway.open()).id for _ in range(6)]

    page = await gateway.api.checkout.sessions.list_async({"ending_before": made[1], "limit": 2})
    last = await gateway.api.checkout.sessions.list_async({"ending_before": made[3], "limit": 2})

    assert ([made[3], made[2]], True) == ([session.id for session in page.data], page.has_more)
    assert ([made[5], made[4]], False) == ([session.id for session in last.data], last.has_more)


async def test_filters_narrow(gateway):
    """By status, by intent, by e-mail, by time of creation."""
    paid = await gateway.open(customer_email="ana@example.org")
    outcome = await gateway.pay(paid)
    await gateway.open()

    async def ids(**filters):
        return [session.id for session in (await gateway.api.checkout.sessions.list_async(filters)).data]

    assert [paid.id] == await ids(status="complete")
    assert [paid.id] == await ids(payment_intent=outcome["payment_intent"])
    assert [paid.id] == await ids(customer_details={"email": "ana@example.org"})
    assert 2 == len(await ids(created={"gte": int(time.time()) - 60}))
    assert [] == await ids(created={"lt": int(time.time()) - 60})


async def test_a_buyer_is_found_by_the_address_they_typed(gateway):
    """Also when the merchant had given none."""
    session = await gateway.open()
    await gateway.pay(session, email="typed@example.org")

    found = await gateway.api.checkout.sessions.list_async({"customer_details": {"email": "typed@example.org"}})

    assert [session.id] == [one.id for one in found.data]


async def test_a_window_of_time_stops_the_walk_on_both_sides(gateway):
    """Three sessions, an hour apart; each window finds its own."""
    made = []
    for _ in range(3):
        made.append(await gateway.open())
        await gateway.advance(3600)

    async def ids(**filters):
        return [session.id for session in (await gateway.api.checkout.sessions.list_async(filters)).data]

    middle = made[1].created
    assert [made[1].id] == await ids(created={"gte": middle - 60, "lte": middle + 60})
    assert [made[2].id] == await ids(created={"gt": middle})
    assert [made[0].id] == await ids(created={"lt": middle})
    assert [made[1].id] == await ids(created={"lte": middle}, ending_before=made[0].id)


async def test_events_are_filtered_by_type(gateway):
    """One type, several types, a group; not two filters at once."""
    await gateway.paid()

    async def types(**filters):
        return [event.type for event in (await gateway.api.events.list_async(filters)).data]

    assert ["charge.succeeded"] == await types(type="charge.succeeded")
    assert ["charge.updated", "charge.succeeded"] == await types(type="charge.*")
    assert ["payment_intent.succeeded", "charge.succeeded"] == await types(
        types=["charge.succeeded", "payment_intent.succeeded"]
    )
    with pytest.raises(stripe.InvalidRequestError, match="only specify one"):
        await types(type="charge.succeeded", types=["charge.updated"])


async def test_expansion_goes_four_deep(gateway):
    """Through a list to the balance; a fifth level is an error, as is what cannot be expanded."""
    await gateway.paid()
    expand = {"expand": ["data.payment_intent.latest_charge.balance_transaction"]}

    listed = await gateway.api.checkout.sessions.list_async(expand)

    assert 41_500 == listed.data[0].payment_intent.latest_charge.balance_transaction.amount
    for path in ("data.payment_intent.latest_charge.balance_transaction.source", "data.metadata", "data.nothing"):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await gateway.api.checkout.sessions.list_async({"expand": [path]})
        assert "expand" == refused.value.param


async def test_a_wrong_expansion_does_nothing(gateway):
    """It is refused before the work: no session is made that nobody heard of."""
    with pytest.raises(stripe.InvalidRequestError):
        await gateway.open(expand=["colour"])

    assert [] == (await gateway.truth())["payments"]


async def test_expanding_what_is_not_there_yet_leaves_null(gateway):
    """An open session has no intent to show."""
    session = await gateway.open()

    again = await gateway.api.checkout.sessions.retrieve_async(session.id, {"expand": ["payment_intent"]})

    assert again.payment_intent is None


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/checkout/sessions/cs_test_none", 404, "resource_missing"),
        ("GET", "/v1/payment_intents/pi_none", 404, "resource_missing"),
        ("GET", "/v1/events/evt_none", 404, "resource_missing"),
        ("GET", "/v1/nothing", 404, None),
        ("DELETE", "/v1/checkout/sessions", 404, None),
        ("GET", "/v1/charges?limit=101", 400, "parameter_invalid_integer"),
        ("GET", "/v1/charges?limit=all", 400, "parameter_invalid_integer"),
        ("GET", "/v1/charges?starting_after=ch_none", 400, "resource_missing"),
        ("GET", "/v1/charges?starting_after=ch_1&ending_before=ch_2", 400, None),
        ("GET", "/v1/charges?colour=red", 400, "parameter_unknown"),
        ("GET", "/v1/charges?created[gte]=soon", 400, "parameter_invalid_integer"),
    ],
)
async def test_a_wrong_read_is_refused(gateway, method, path, status, code):
    """With the error object of the gateway and a request id."""
    answer = await gateway.http.request(method, path, auth=("sk_test_emulator_tests", ""))

    error = answer.json()["error"]
    assert (status, code, "invalid_request_error") == (answer.status_code, error.get("code"), error["type"])
    assert answer.headers["request-id"].startswith("req_")
    assert answer.headers["request-id"] in error["request_log_url"]
    if gateway.shapes is not None:
        gateway.shapes.check(answer.json())


@pytest.mark.parametrize(
    "header",
    ["", "Bearer sk_test_other", "Basic c2tfdGVzdF9vdGhlcjo=", "Basic %%%", "Digest x", "Bearer sk_live_real"],
)
async def test_a_wrong_key_is_401(gateway, header):
    """Missing, wrong, garbled or live: nothing is done, and the key is not said back whole."""
    headers = {"authorization": header} if header else {}

    answer = await gateway.http.get("/v1/charges", headers=headers)

    assert 401 == answer.status_code
    assert "sk_test_other" not in answer.text
    assert "invalid_request_error" == answer.json()["error"]["type"]


async def test_the_sdk_sees_an_authentication_error(gateway):
    """Its own class for it."""
    with pytest.raises(stripe.AuthenticationError):
        await gateway.client(key="sk_test_wrong").v1.charges.list_async()


@pytest.mark.parametrize(
    "body", ["a[b]=1&a=2", "a=1&a[b]=2", "a[b]c=1", "[a]=1", "a" + "[b]" * 9 + "=1", "%ff=1", "line_items=x"]
)
async def test_a_garbled_body_is_400(gateway, body):
    """Never a 500."""
    headers = {"content-type": "application/x-www-form-urlencoded", "authorization": "Bearer sk_test_emulator_tests"}

    answer = await gateway.http.post("/v1/checkout/sessions", content=body, headers=headers)

    assert 400 == answer.status_code


async def test_a_huge_body_is_413(gateway):
    """More than a megabyte is nobody's request."""
    headers = {"authorization": "Bearer sk_test_emulator_tests"}

    answer = await gateway.http.post("/v1/checkout/sessions", content=b"a" * ((1 << 20) + 1), headers=headers)

    assert 413 == answer.status_code


async def test_an_unknown_version_is_refused(gateway):
    """A version is a date, maybe with a name."""
    headers = {"authorization": "Bearer sk_test_emulator_tests", "stripe-version": "yesterday"}

    answer = await gateway.http.get("/v1/charges", headers=headers)

    assert 400 == answer.status_code


async def test_metadata_keys_may_be_numbers(gateway):
    """On the wire they look like an array; they come back as they were."""
    session = await gateway.api.checkout.sessions.create_async(session_of(metadata={"0": "a", "1": "b"}))

    assert {"0": "a", "1": "b"} == session.metadata.to_dict()
