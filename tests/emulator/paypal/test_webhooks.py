"""PayPal's events reach who subscribed, signed as the vendor signs, again until they are received."""

import json
import time
from datetime import datetime

import pytest
from cryptography import x509

from tests.emulator.gateway import eventually
from tests.emulator.paypal.hook import WEBHOOK_ID, is_genuine
from tests.emulator.paypal.shop import EVENTS
from tests.emulator.receiver import SECRET, Receiver

VERIFY = "/paypal/v1/notifications/verify-webhook-signature"


async def trust(gateway, got):
    """The certificates at the event's address, and the authority a test trusts."""
    chain = (await gateway.http.get(got.headers["paypal-cert-url"])).content
    return chain, (await gateway.http.get("/_emulator/paypal/ca")).content


async def test_an_event_is_signed_as_the_vendor_signs(shop, hook, gateway):
    """Over id, time, webhook id and the checksum of the raw bytes, by a certificate under an authority."""
    await shop.captured()
    [first, *_] = await hook.until(3)
    chain, authority = await trust(gateway, first)

    assert all(is_genuine(got, chain, authority) for got in hook.got)
    assert not is_genuine(first, chain, authority, webhook_id="WH-ANOTHER")
    assert "SHA256withRSA" == first.headers["paypal-auth-algo"]
    at = datetime.fromisoformat(first.headers["paypal-transmission-time"])
    assert abs(at.timestamp() - time.time()) < 60


async def test_a_body_written_again_is_another_body(shop, hook, gateway):
    """Who verifies anything but the raw bytes fails here, as there."""
    await shop.approved()
    [got] = await hook.until(1)
    chain, authority = await trust(gateway, got)
    for again in (json.dumps(got.event), json.dumps(got.event, separators=(",", ":"), ensure_ascii=False)):
        got.body = again.encode()

        assert not is_genuine(got, chain, authority)


async def test_the_vendor_verifies_what_is_sent_back(shop, hook):
    """SUCCESS for the raw event, FAILURE for one that was parsed and written again."""
    await shop.approved()
    [got] = await hook.until(1)
    raw = json.dumps(got.postback()).encode()[:-1] + b', "webhook_event": ' + got.body + b"}"
    good = await shop.ask("POST", VERIFY, content=raw)
    rewritten = await shop.ask("POST", VERIFY, json={**got.postback(), "webhook_event": got.event})
    of_another = await shop.ask("POST", VERIFY, content=raw.replace(WEBHOOK_ID.encode(), b"WH-ANOTHER"))

    assert ["SUCCESS", "FAILURE", "FAILURE"] == [
        answer.json()["verification_status"] for answer in (good, rewritten, of_another)
    ]


async def test_a_webhook_that_is_gone_verifies_nothing(shop, hook, gateway):
    """Though the signature is still right."""
    await shop.approved()
    [got] = await hook.until(1)
    await gateway.listen()
    raw = json.dumps(got.postback()).encode()[:-1] + b', "webhook_event": ' + got.body + b"}"

    assert "FAILURE" == (await shop.ask("POST", VERIFY, content=raw)).json()["verification_status"]


async def test_an_incomplete_postback_is_refused(shop):
    """400, not FAILURE: nothing was verified."""
    assert 400 == (await shop.ask("POST", VERIFY, json={"auth_algo": "SHA256withRSA"})).status_code


async def test_the_certificate_stands_open(gateway):
    """Anybody reads it, nobody another one; it is no authority itself."""
    pem = (await gateway.http.get("/_emulator/paypal/ca")).content
    unknown = await gateway.http.get("/paypal/v1/notifications/certs/CERT-OTHER")

    assert x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert 404 == unknown.status_code


async def test_a_delivery_is_tried_again(shop, hook, gateway):
    """Each time as a new transmission of the same event."""
    hook.answers = [500, 404]
    await shop.approved()
    got = await hook.until(3)

    assert 1 == len({each.event["id"] for each in got})
    assert 3 == len({each.headers["paypal-transmission-id"] for each in got})
    await eventually(lambda: gateway.deliveries(state="delivered"))


@pytest.mark.parametrize("effects", [{"bad_signature": True}, {"skew_s": -7200}])
async def test_a_fault_spoils_the_signature_or_its_time(shop, hook, gateway, effects):
    """A forged one is nobody's; a late one is genuine, and old."""
    await gateway.arm({"match": {"provider": "paypal"}, "effects": effects})
    await shop.approved()
    [got] = await hook.until(1)
    chain, authority = await trust(gateway, got)
    age = time.time() - datetime.fromisoformat(got.headers["paypal-transmission-time"]).timestamp()

    assert ("skew_s" in effects) == is_genuine(got, chain, authority)
    assert ("skew_s" in effects) == (age > 7_000)


async def test_faults_of_one_provider_spare_the_other(shop, hook, gateway):
    """A duplicate of PayPal's, a drop of the other's."""
    await gateway.arm(
        {"match": {"provider": "paypal"}, "effects": {"duplicate": 1}},
        {"match": {"provider": "stripe"}, "effects": {"drop": True}},
    )
    await shop.approved()
    await hook.until(2)

    assert ["delivered"] * 2 == [row["state"] for row in await eventually(lambda: _two(gateway))]


async def _two(gateway):
    found = await gateway.deliveries(state="delivered")
    return found if len(found) == 2 else None


async def test_each_endpoint_hears_its_own_provider(shop, hook, gateway):
    """Though both subscribe to everything."""
    other = Receiver()
    endpoints = [
        {"url": other.url, "secret": SECRET},
        {"url": hook.url, "secret": WEBHOOK_ID, "provider": "paypal", "enabled_events": ["CHECKOUT.*"]},
    ]
    await gateway.http.put("/_emulator/endpoints", json=endpoints)
    await shop.captured()
    await hook.until(2)

    assert ["CHECKOUT.ORDER.APPROVED", "CHECKOUT.ORDER.COMPLETED"] == sorted(hook.types)
    assert {"we_1"} == {row["endpoint"] for row in await gateway.deliveries()}


async def test_who_is_told_of_what_can_be_asked(shop, hook):
    """The webhooks by their ids, as a check of the settings wants them."""
    [webhook] = (await shop.get("/paypal/v1/notifications/webhooks"))["webhooks"]

    assert (WEBHOOK_ID, hook.url, [{"name": "*"}]) == (webhook["id"], webhook["url"], webhook["event_types"])


async def test_an_event_is_sent_again_on_request(shop, hook):
    """By the vendor's API, to everyone who subscribes."""
    await shop.approved()
    [got] = await hook.until(1)
    answer = await shop.ask("POST", f"{EVENTS}/{got.event['id']}/resend", json={})
    await hook.until(2)

    assert (202, got.event) == (answer.status_code, answer.json())
    assert got.event == hook.got[1].event


async def test_control_sends_an_event_again(shop, hook, gateway):
    """Like the other provider's."""
    await shop.approved()
    [got] = await hook.until(1)
    answer = await gateway.http.post(f"/_emulator/events/{got.event['id']}/resend")
    await hook.until(2)

    assert (202, 1) == (answer.status_code, answer.json()["deliveries"])


async def test_events_are_listed_newest_first_page_by_page(shop):
    """The link `next` leads on until there is none."""
    for _ in range(2):
        await shop.captured()
    seen = []
    page = await shop.get(EVENTS, page_size=4)
    while page is not None:
        seen += page["events"]
        following = [link["href"] for link in page["links"] if link["rel"] == "next"]
        page = (await shop.http.get(following[0], headers=shop.headers)).json() if following else None

    assert 6 == len(seen) == len({event["id"] for event in seen})
    assert "CHECKOUT.ORDER.APPROVED" == seen[-1]["event_type"]


async def test_events_are_found_by_type_time_and_transaction(shop, gateway):
    """From and to, as recovery asks."""
    early = await shop.captured()
    await gateway.advance(3_600)
    late = await shop.captured()
    since = datetime.fromtimestamp((await gateway.http.get("/_emulator/clock")).json()["now"] - 60).astimezone()
    of_type = await shop.get(EVENTS, event_type="PAYMENT.CAPTURE.COMPLETED")
    of_time = await shop.get(EVENTS, start_time=since.isoformat(), event_type="PAYMENT.CAPTURE.COMPLETED")
    before = await shop.get(EVENTS, end_time=since.isoformat(), event_type="PAYMENT.CAPTURE.COMPLETED")
    of_one = await shop.get(EVENTS, transaction_id=early["id"])

    assert [late["id"], early["id"]] == [event["resource"]["id"] for event in of_type["events"]]
    assert [late["id"]] == [event["resource"]["id"] for event in of_time["events"]]
    assert [early["id"]] == [event["resource"]["id"] for event in before["events"]]
    assert ["PAYMENT.CAPTURE.COMPLETED"] == [event["event_type"] for event in of_one["events"]]


@pytest.mark.parametrize("query", [{"page_size": 0}, {"page_size": "many"}, {"start_time": "yesterday"}])
async def test_a_wrong_question_is_refused(shop, query):
    """400 with the parameter's name."""
    answer = await shop.ask("GET", EVENTS, params=query)

    assert (400, next(iter(query))) == (answer.status_code, answer.json()["details"][0]["field"])
