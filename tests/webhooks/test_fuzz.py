"""Anybody may post to the webhooks: whatever comes is answered with a clear no, and nothing unverified is written down."""

import json
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gateways.paypal.notary import Office, Paper, authority, leaf, signed
from tests.gateways.paypal.resources import capture, event, order
from tests.stage import PAYPAL_WEBHOOK_ID, Stage
from tests.webhooks.delivery import event_of, header

DOORS = ("/api/payment/webhook", "/api/payment/webhook/stripe", "/api/payment/webhook/paypal")
NO = {400, 413}
FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
BYTES = st.binary(max_size=200).map(lambda raw: raw.translate(None, bytes(range(32)) + b"\x7f").strip())
NAMES = (
    *(
        f"paypal-{name}"
        for name in ("transmission-id", "transmission-time", "transmission-sig", "cert-url", "auth-algo")
    ),
    "stripe-signature",
)


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    """Where PayPal's certificates lie, so that the test can sign as PayPal."""
    opened = Office(papers={"CERT-good": leaf(Paper())})
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def stage_settings(office: Office, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "ca.pem").write_text(authority())
    return {"CUBANO_PAYPAL_BASE_URL": f"{office.url}/paypal", "CUBANO_PAYPAL_CA_FILE": str(tmp_path / "ca.pem")}


def good_headers(stage: Stage, office: Office, body: bytes) -> dict[str, str]:
    paypal = signed(body, cert_url=office.place("CERT-good"), at=stage.clock(), webhook_id=PAYPAL_WEBHOOK_ID)
    return paypal | {"stripe-signature": header(body, at=stage.clock())} if body.isascii() else paypal


async def rows(stage: Stage) -> int:
    return (await stage.rows("SELECT count(*) FROM payment_events"))[0][0]


@FEW
@given(
    door=st.sampled_from(DOORS),
    body=st.binary(max_size=500) | st.just(json.dumps(event("X", capture())).encode()),
    odd=st.dictionaries(st.sampled_from(NAMES), BYTES | st.none(), min_size=1),
    others_are_good=st.booleans(),
)
async def test_no_request_is_believed_or_breaks_the_door(stage: Stage, office, door, body, odd, others_are_good):
    """At least one header is wrong, the others are right or absent: 400, no row, and nobody else was asked anything."""
    headers: dict[str, Any] = good_headers(stage, office, body) if others_are_good else {}
    provider = "paypal" if door.endswith("paypal") else "stripe"
    wrong = {name: value for name, value in odd.items() if name.startswith(provider)} or {f"{provider}-signature": None}
    if provider == "paypal" and "paypal-signature" in wrong:
        wrong = {"paypal-transmission-sig": None}
    sent = {name: value for name, value in (headers | wrong).items() if value is not None}

    answer = await stage.client.post(door, content=body, headers=list(sent.items()))

    assert answer.status_code in NO, (answer.status_code, answer.text)
    assert answer.headers["content-type"] == "application/problem+json"
    assert 0 == await rows(stage)
    assert {"/paypal/v1/notifications/certs/CERT-good"} >= set(office.asked)


# Bodies that were signed and are no event, or an odd one; whether they are written down.
SIGNED = {
    "no JSON": (b"hello", False),
    "nothing": (b"", False),
    "no object": (b"[1]", False),
    "not UTF-8": (b'{"id": "\xff"}', False),
    "an id of nothing but a zero byte": (json.dumps(event("X", {}, id="\0")).encode(), False),
    "half of a character": (json.dumps(event("X", {}, id="\ud800")).encode(), False),
    "a type with a zero byte": (json.dumps(event("X\0", {})).encode(), False),
    "half of a character in our id": (
        json.dumps(event("X", capture(custom_id='{"order_id":"\\ud800"}'))).encode(),
        True,
    ),
    "brackets without end": (b'{"id":"1","resource":' + b'{"a":' * 50_000, False),
    "an event of a type nobody knows": (json.dumps(event("NEW.THING", {"id": "1"})).encode(), True),
    "an event without its resource": (json.dumps(event("PAYMENT.CAPTURE.COMPLETED", {})).encode(), True),
    "a resource of the wrong shape": (
        json.dumps(event("CHECKOUT.ORDER.APPROVED", order(purchase_units=3))).encode(),
        True,
    ),
    "a time before all times": (json.dumps(event("X", {}, create_time="0001-01-01T00:00:00+23:59")).encode(), False),
    "a time after all times": (json.dumps(event("X", {}, create_time="9999-12-31T23:59:59-12:00")).encode(), False),
}


@pytest.mark.parametrize("case", SIGNED)
async def test_what_paypal_signs_is_kept_or_refused(stage: Stage, office, case):
    """Odd events are kept for a person; what could not be stored at all is a 400, and never a 500."""
    body, is_kept = SIGNED[case]

    answer = await stage.client.post(DOORS[2], content=body, headers=good_headers(stage, office, body))

    assert (200 if is_kept else 400) == answer.status_code, answer.text
    assert is_kept == await rows(stage)


@FEW
@given(
    changes=st.fixed_dictionaries(
        {},
        optional={
            name: st.none() | st.text(max_size=20) | st.integers() | st.lists(st.integers(), max_size=2)
            for name in ("id", "event_type", "create_time", "resource", "type", "created", "livemode", "data")
        },
    )
)
async def test_signed_accidents_are_answered(stage: Stage, office, changes):
    """Right signatures over events with fields of any kind, at both doors: taken or refused, and never a 500."""
    paypal = json.dumps(event("X", capture()) | changes).encode()
    stripe = json.dumps(event_of() | changes).encode()

    answers = [
        await stage.client.post(DOORS[2], content=paypal, headers=good_headers(stage, office, paypal)),
        await stage.client.post(
            DOORS[0], content=stripe, headers={"stripe-signature": header(stripe, at=stage.clock())}
        ),
    ]

    assert {200, 400} >= {each.status_code for each in answers}, [each.text for each in answers]


async def test_the_checksum_is_of_the_bytes_that_came(stage: Stage, office):
    """An event parsed and written again is another one: escaped slashes, blanks and order are part of what was signed."""
    body = json.dumps(event("X", {"id": "a/b"})).replace("/", "\\/").encode()
    again = json.dumps(json.loads(body)).encode()
    headers = good_headers(stage, office, body)

    answers = [await stage.client.post(DOORS[2], content=each, headers=headers) for each in (again, body)]

    assert zlib.crc32(body) != zlib.crc32(again)
    assert [400, 200] == [each.status_code for each in answers]
