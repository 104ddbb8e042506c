"""At the door: what is signed is written down once and answered; what is not leaves no trace but a figure."""

# ruff: noqa: ARG005 - the functions of a table share one signature
import json
from datetime import timedelta

import pytest

from tests.stage import Stage
from tests.webhooks.delivery import counted, deliver, event_of, header, send

BODY = json.dumps(event_of(id="evt_signed")).encode()

# What stands in the header, given the good one `h` and the moment `now`; and why it is let in or not.
SIGNATURES = {
    "the present secret": (200, lambda h, now: h),
    "the old secret, while it is rotated": (200, lambda h, now: header(BODY, at=now, secret="whsec_old")),
    "one of several signatures": (200, lambda h, now: h.replace(",v1=", ",v1=00ff,v1=")),
    "an unknown scheme beside ours": (200, lambda h, now: h + ",v0=00ff"),
    "299 seconds old": (200, lambda h, now: header(BODY, at=now - timedelta(seconds=299))),
    "299 seconds ahead": (200, lambda h, now: header(BODY, at=now + timedelta(seconds=299))),
    "another secret": (400, lambda h, now: header(BODY, at=now, secret="whsec_other")),
    "a signature of another time": (400, lambda h, now: h.replace("t=1", "t=2")),
    "older than 300 seconds": (400, lambda h, now: header(BODY, at=now - timedelta(seconds=302))),
    "more than 300 seconds ahead": (400, lambda h, now: header(BODY, at=now + timedelta(seconds=302))),
    "a day ahead": (400, lambda h, now: header(BODY, at=now + timedelta(days=1))),
    "no time": (400, lambda h, now: h.partition(",")[2]),
    "no signature": (400, lambda h, now: h.partition(",")[0]),
    "only an unknown scheme": (400, lambda h, now: h.replace("v1=", "v0=")),
    "an empty header": (400, lambda h, now: ""),
    "no header": (400, lambda h, now: None),
    "garbage": (400, lambda h, now: "hello"),
    "names without values": (400, lambda h, now: "t,v1"),
    "a time that is no number": (400, lambda h, now: h.replace("t=", "t=x")),
    "a time with more behind it": (400, lambda h, now: h.replace(",v1", "=1,v1")),
    "a time too long for a number": (400, lambda h, now: "t=" + "9" * 6000 + ",v1=00"),
    "a signature that is not ASCII": (400, lambda h, now: h.partition(",")[0].encode() + b",v1=\xe9"),
}


@pytest.mark.parametrize("case", SIGNATURES)
async def test_only_what_a_secret_signed_within_five_minutes_is_taken(stage: Stage, case):
    """A wrong header is a 400 and leaves nothing; a right one is a 200 and one row."""
    now = stage.clock()
    expected, make = SIGNATURES[case]

    answer = await send(stage, BODY, make(header(BODY, at=now), now))

    assert expected == answer.status_code, answer.text
    assert (1 if expected == 200 else 0,) == (await stage.rows("SELECT count(*) FROM payment_events"))[0]


async def test_a_refusal_is_a_problem_and_is_counted(stage: Stage, metrics_url):
    """Who is refused learns nothing about why; the figures do."""
    old = header(BODY, at=stage.clock() - timedelta(hours=1))
    answers = [await send(stage, BODY, "t=1,v1=00"), await send(stage, BODY, old), await deliver(stage, b'"text"')]

    assert ["signature_invalid", "signature_invalid", "invalid_request"] == [a.json()["code"] for a in answers]
    assert ["application/problem+json"] * 3 == [a.headers["content-type"] for a in answers]
    assert answers[0].json()["detail"] == answers[1].json()["detail"]
    seen = await counted(metrics_url, "cubano_webhooks_total")
    assert [1, 1, 1] == [seen["stripe", result] for result in ("bad_signature", "too_old", "malformed")]


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body[:-1] + b" ",  # one byte
        lambda body: body + b"\n",  # one byte more
        lambda body: body.replace(b"evt_signed", b"evt_sIgned"),
        lambda body: json.dumps(json.loads(body), indent=2).encode(),  # the same JSON, other bytes
        lambda body: b"\xff\xfe" + body,  # not even text
        lambda body: b"",
    ],
)
async def test_a_changed_body_is_refused(stage: Stage, change):
    """The signature is of the bytes, not of what they mean."""
    answer = await send(stage, change(BODY), header(BODY, at=stage.clock()))

    assert 400 == answer.status_code
    assert [(0,)] == await stage.rows("SELECT count(*) FROM payment_events")


# Signed with our secret and still not an event that can be kept.
NOT_EVENTS = {
    "not JSON": b"hello",
    "an array": b"[]",
    "null": b"null",
    "nothing known in it": b"{}",
    "deeply nested": b"[" * 5000,
    "no id": json.dumps({**event_of(), "id": None}).encode(),
    "created far beyond any calendar": json.dumps(event_of(created=10**19)).encode(),
    "created is no time": json.dumps(event_of(created="yesterday")).encode(),
    "no object": json.dumps(event_of(data={})).encode(),
    "an id that no text column takes": json.dumps(event_of(id="evt_\0")).encode(),
}


@pytest.mark.parametrize("case", NOT_EVENTS)
async def test_a_signed_body_that_is_no_event_is_refused(stage: Stage, case):
    """Even from the gateway itself: a 400, never a 500, and no row."""
    answer = await deliver(stage, NOT_EVENTS[case])

    assert (400, "invalid_request") == (answer.status_code, answer.json()["code"])
    assert [(0,)] == await stage.rows("SELECT count(*) FROM payment_events")


async def test_a_thin_event_of_no_concern_is_kept_and_ignored(stage: Stage, inbox):
    """What it names is never fetched: nothing would be done with it."""
    thin = {
        "id": "evt_thin",
        "object": "v2.core.event",
        "type": "v1.customer.updated",
        "created": "2026-11-01T10:00:00.000Z",
        "livemode": False,
        "related_object": {"id": "cus_1", "type": "customer", "url": "/v1/customers/cus_1"},
    }

    answer = await deliver(stage, thin)

    assert 200 == answer.status_code
    assert ("ignored", "ignored", 0, None) == (await inbox.states())["evt_thin"]


async def test_a_type_nobody_acts_on_is_ended_at_the_door(stage: Stage, inbox, metrics_url):
    """It is kept and counted; the worker, which has tickets to make, never sees it."""
    await deliver(stage, event_of(id="evt_idle"))

    assert 0 == await inbox.apply()
    assert ("ignored", "ignored", 0, None) == (await inbox.states())["evt_idle"]
    assert 1 == (await counted(metrics_url, "cubano_inbox_applied_total"))["other", "ignored"]


async def test_an_event_of_the_other_mode_is_counted_and_forgotten(stage: Stage, metrics_url):
    """A live event at a test endpoint is a mistake in the gateway's settings; repeating it would not help."""
    answer = await deliver(stage, event_of(livemode=True))

    assert 200 == answer.status_code
    assert [(0,)] == await stage.rows("SELECT count(*) FROM payment_events")
    assert 1 == (await counted(metrics_url, "cubano_webhooks_total"))["stripe", "wrong_mode"]


async def test_a_body_of_more_than_a_megabyte_is_refused(stage: Stage):
    """No gateway sends that; and just below it is taken."""
    event = event_of(padding="")
    room = 1_000_000 - len(json.dumps(event).encode())

    fits = await deliver(stage, {**event, "padding": "x" * room})
    too_large = await deliver(stage, {**event, "padding": "x" * (room + 1)})

    assert (200, 413) == (fits.status_code, too_large.status_code)
    assert "body_too_large" == too_large.json()["code"]


async def test_both_addresses_are_the_same_inbox(stage: Stage):
    """`/webhook` and `/webhook/stripe` take the same events; the second delivery is a repetition."""
    event = event_of()
    answers = [await deliver(stage, event), await deliver(stage, event, to="/api/payment/webhook/stripe")]

    assert [200, 200] == [answer.status_code for answer in answers]
    assert [(1,)] == await stage.rows("SELECT count(*) FROM payment_events")
