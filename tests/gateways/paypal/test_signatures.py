"""Who may tell us something: PayPal, for one of our webhooks, of late, under a certificate that is proved."""

# ruff: noqa: ARG005 - the functions of a table share one signature
import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from service.gateways.paypal import PayPalGateway, create
from service.gateways.paypal_certs import MOST_FETCHED, Certificates, Places
from service.kernel.clock import utc_now
from service.kernel.errors import Unauthenticated
from tests.gateways.paypal.conftest import WEBHOOK_ID, context
from tests.gateways.paypal.notary import PATH, Office, Paper, authority, forged_to, leaf, signed

BODY = json.dumps(
    {"id": "WH-1", "event_type": "X.Y", "create_time": "2026-11-01T10:00:00Z", "resource": {"id": "1"}}
).encode()


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    """Where the certificates lie; the good one is called CERT-good."""
    opened = Office(papers={"CERT-good": leaf(Paper())})
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def gateway(office: Office, tmp_path: Path) -> AsyncIterator[PayPalGateway]:
    """One that listens for two webhooks and trusts one authority."""
    (tmp_path / "ca.pem").write_text(authority())
    options = {"webhook_ids": ("WH-0OLD", WEBHOOK_ID), "ca_file": str(tmp_path / "ca.pem")}
    made = create(context(f"{office.url}/paypal", **options))
    yield made
    await made.close()


async def refusal_of(gateway: PayPalGateway, headers: dict, body: bytes = BODY, now: datetime | None = None) -> str:
    with pytest.raises(Unauthenticated) as caught:
        await gateway.verify(body, headers, now=now or utc_now())
    return caught.value.reason


# Headers that are good, given the good ones `h`, the address of the certificate and the moment.
GOOD = {
    "as they come": lambda h, url, now: h,
    "for the other webhook": lambda h, url, now: signed(BODY, cert_url=url, at=now, webhook_id="WH-0OLD"),
    "repeated within the hour": lambda h, url, now: signed(BODY, cert_url=url, at=now - timedelta(minutes=59)),
    "by a clock ahead": lambda h, url, now: signed(BODY, cert_url=url, at=now + timedelta(seconds=290)),
}


@pytest.mark.parametrize("case", GOOD)
async def test_what_paypal_signed_is_taken(gateway, office, case):
    """The envelope is read only after the signature; its mode is that of the settings, because the event names none."""
    now = utc_now()
    url = office.place("CERT-good")

    envelope = await gateway.verify(BODY, GOOD[case](signed(BODY, cert_url=url, at=now), url, now), now=now)

    assert ("WH-1", "X.Y", False, "1") == (envelope.event_id, envelope.type, envelope.livemode, envelope.subject)


# Headers that are not; and the reason that is counted.
BAD = {
    **{
        f"without {name}": ("bad_signature", lambda h, url, now, name=name: {n: v for n, v in h.items() if n != name})
        for name in signed(BODY, cert_url="x", at=utc_now())
    },
    "another algorithm": ("bad_signature", lambda h, url, now: h | {"paypal-auth-algo": "SHA1withRSA"}),
    "another transmission": ("bad_signature", lambda h, url, now: h | {"paypal-transmission-id": "a-b-c"}),
    "another time": (
        "bad_signature",
        lambda h, url, now: h | {"paypal-transmission-time": (now - timedelta(minutes=1)).isoformat()},
    ),
    "a time without a zone": (
        "bad_signature",
        lambda h, url, now: h | {"paypal-transmission-time": "2026-11-01T10:00"},
    ),
    "no time at all": ("bad_signature", lambda h, url, now: h | {"paypal-transmission-time": "yesterday"}),
    "a time before all times": (
        "bad_signature",
        lambda h, url, now: h | {"paypal-transmission-time": "0001-01-01T00:00:00+23:59"},
    ),
    "no base64": ("bad_signature", lambda h, url, now: h | {"paypal-transmission-sig": "§§"}),
    "half a signature": (
        "bad_signature",
        lambda h, url, now: h | {"paypal-transmission-sig": h["paypal-transmission-sig"][:100]},
    ),
    "a signature of nothing": (
        "bad_signature",
        lambda h, url, now: h | {"paypal-transmission-sig": base64.b64encode(b"").decode() or "="},
    ),
    "a bar that moves the parts": (
        "bad_signature",
        lambda h, url, now: (
            h | {"paypal-transmission-id": f"{h['paypal-transmission-id']}|{h['paypal-transmission-time']}"}
        ),
    ),
    "somebody else's webhook": (
        "bad_signature",
        lambda h, url, now: signed(BODY, cert_url=url, at=now, webhook_id="WH-0OTHER"),
    ),
    "the literal of the simulator": (
        "bad_signature",
        lambda h, url, now: signed(BODY, cert_url=url, at=now, webhook_id="WEBHOOK_ID"),
    ),
    "another body's checksum": ("bad_signature", lambda h, url, now: signed(BODY + b" ", cert_url=url, at=now)),
    "another key": ("bad_signature", lambda h, url, now: signed(BODY, cert_url=url, at=now, key="other")),
    "seen an hour ago": ("too_old", lambda h, url, now: signed(BODY, cert_url=url, at=now - timedelta(minutes=61))),
    "of the future": ("too_old", lambda h, url, now: signed(BODY, cert_url=url, at=now + timedelta(seconds=310))),
}


@pytest.mark.parametrize("case", BAD)
async def test_one_wrong_header_is_enough(gateway, office, case):
    """Everything else is right, and still nothing is believed; the reason is one of few."""
    now, url = utc_now(), office.place("CERT-good")
    reason, make = BAD[case]

    assert reason == await refusal_of(gateway, make(signed(BODY, cert_url=url, at=now), url, now), now=now)


@pytest.mark.parametrize("change", [lambda b: b[:-1] + b" ", lambda b: b + b"\n", lambda b: b.replace(b"X.Y", b"X.Z")])
async def test_one_byte_of_the_body_is_enough(gateway, office, change):
    """The bytes that came are signed, not what they mean."""
    headers = signed(BODY, cert_url=office.place("CERT-good"), at=utc_now())

    assert "bad_signature" == await refusal_of(gateway, headers, body=change(BODY))


async def test_whoever_saw_one_delivery_can_sign_any_body_so_no_body_is_believed(gateway, office):
    """Only a checksum is signed, and another body can be made to it: what comes by the door is thin, whatever it says."""
    now = utc_now()
    headers = signed(BODY, cert_url=office.place("CERT-good"), at=now)
    forged = forged_to(BODY, {**json.loads(BODY), "event_type": "PAYMENT.CAPTURE.COMPLETED"})

    envelopes = [await gateway.verify(body, headers, now=now) for body in (BODY, forged)]

    assert ["X.Y", "PAYMENT.CAPTURE.COMPLETED"] == [each.type for each in envelopes]
    assert [True, True] == [each.is_thin for each in envelopes]
    assert not gateway.read_envelope(BODY).is_thin  # one that PayPal itself lists


# Where a certificate cannot lie, from the address of the good one `g`.
PLACES = {
    "another host": lambda g: g.replace("127.0.0.1", "127.0.0.2"),
    "a name for the same host": lambda g: g.replace("127.0.0.1", "localhost"),
    "https where it is not": lambda g: g.replace("http://", "https://"),
    "another port": lambda g: g.replace(PATH, f"1{PATH}"),
    "another path": lambda g: g.replace("/certs/", "/keys/"),
    "a way out of the path": lambda g: g.replace("CERT-good", "../../../CERT-good"),
    "an encoded way out": lambda g: g.replace("CERT-good", "%2e%2e%2fCERT-good"),
    "a query": lambda g: g + "?x=1",
    "a fragment": lambda g: g + "#x",
    "a user before the host": lambda g: g.replace("://", "://paypal.com@"),
    "our address as the user": lambda g: g.replace(PATH, f"@127.0.0.2{PATH}"),
    "the real one, while a stand-in is set": lambda g: f"https://api.paypal.com{PATH.removeprefix('/paypal')}CERT-1",
    "a file": lambda g: "file:///etc/passwd",
    "nothing but the place": lambda g: g.removesuffix("CERT-good"),
    "a very long name": lambda g: g + "x" * 200,
}


@pytest.mark.parametrize("case", PLACES)
async def test_an_address_of_another_place_is_never_asked(gateway, office, case):
    """It is compared before anything else; nothing leaves this machine, nor reaches the office."""
    url = PLACES[case](office.place("CERT-good"))

    reason = await refusal_of(gateway, signed(BODY, cert_url=url, at=utc_now()))

    assert ("bad_certificate", []) == (reason, office.asked)


@pytest.mark.parametrize(
    ("livemode", "starts", "names"),
    [
        (True, ("https://api.paypal.com/", "https://api-m.paypal.com/"), ("messageverificationcerts.paypal.com",)),
        (
            False,
            ("https://api.sandbox.paypal.com/", "https://api-m.sandbox.paypal.com/"),
            ("messageverificationcerts.sandbox.paypal.com", "messageverificationcerts.paypal.com"),
        ),
    ],
)
def test_the_real_paypal_has_two_names_in_each_mode(livemode, starts, names):
    """Without a stand-in, only https and only the mode's own hosts; who vouches is who the HTTP client trusts."""
    places = create(context("", livemode=livemode))._certificates._places

    assert starts == tuple(start.removesuffix("v1/notifications/certs/") for start in places.starts)
    assert (names, "") == (places.names, places.ca_file)


# Certificates that prove nothing: what lies at the address.
PAPERS = {
    "vouched for by somebody else": lambda: leaf(Paper(issuer="stranger")),
    "for another name": lambda: leaf(Paper(name="www.paypal.com")),
    "for a name that only begins alike": lambda: leaf(Paper(name="messageverificationcerts.paypal.com.example.org")),
    "expired": lambda: leaf(Paper(ends=-timedelta(days=1))),
    "not good yet": lambda: leaf(Paper(begins=timedelta(days=1))),
    "of a short key": lambda: leaf(Paper(key="weak")),
    "the authority itself": authority,
    "no certificate": lambda: "hello",
    "nothing": lambda: "",
    "half of one": lambda: leaf(Paper())[:600],
    "more than there can be": lambda: leaf(Paper()) * 20,
}


@pytest.mark.parametrize("case", PAPERS)
async def test_a_certificate_that_proves_nothing_is_refused_and_not_asked_for_again(gateway, office, case):
    """However often it is named, the address is asked once in a while."""
    office.papers["CERT-bad"] = PAPERS[case]()
    key = "weak" if case == "of a short key" else "leaf"
    headers = signed(BODY, cert_url=office.place("CERT-bad"), at=utc_now(), key=key)

    reasons = [await refusal_of(gateway, headers) for _ in range(3)]

    assert ["bad_certificate"] * 3 == reasons
    assert 1 == len(office.asked)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 302 Found\r\nlocation: /paypal/v1/notifications/certs/CERT-good\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n",
        b"no HTTP at all\r\n\r\n",
    ],
)
async def test_an_odd_answer_is_no_certificate(gateway, office, answer):
    """A redirection is not followed, not even to where a good one lies."""
    office.answers[f"{PATH}CERT-odd"] = answer

    reason = await refusal_of(gateway, signed(BODY, cert_url=office.place("CERT-odd"), at=utc_now()))

    assert ("bad_certificate", 1) == (reason, len(office.asked))


async def test_a_certificate_is_fetched_once_for_all_who_wait(gateway, office):
    """A hundred notifications after a start ask for it once."""
    office.delay_s = 0.1
    headers = signed(BODY, cert_url=office.place("CERT-good"), at=utc_now())

    await asyncio.gather(*(gateway.verify(BODY, headers, now=utc_now()) for _ in range(100)))

    assert [f"{PATH}CERT-good"] == office.asked


async def test_a_slow_office_is_not_waited_for(office):
    """The sender waits for our answer: it gets a no in time, and comes again."""
    office.delay_s = 5
    certificates = Certificates(Places((f"{office.url}{PATH}",), ()), fetch_s=1)

    async with asyncio.timeout(2):
        with pytest.raises(Unauthenticated) as caught:
            await certificates.key_of(office.place("CERT-good"), now=utc_now())

    await certificates.close()
    assert "bad_certificate" == caught.value.reason


async def test_many_names_do_not_make_a_storm(gateway, office):
    """Whoever invents names of certificates makes us ask for twenty in a minute; what is known stays known."""
    good = signed(BODY, cert_url=office.place("CERT-good"), at=utc_now())
    await gateway.verify(BODY, good, now=utc_now())

    for number in range(50):
        await refusal_of(gateway, signed(BODY, cert_url=office.place(f"CERT-{number}"), at=utc_now()))
    await gateway.verify(BODY, good, now=utc_now())

    assert MOST_FETCHED == len(office.asked)


async def test_a_known_certificate_ends_with_its_time(gateway, office):
    """It is proved once and believed no longer than it, and all above it, are good."""
    now = utc_now()
    headers = signed(BODY, cert_url=office.place("CERT-good"), at=now)
    await gateway.verify(BODY, headers, now=now)
    later = now + timedelta(days=400)

    fresh = signed(BODY, cert_url=office.place("CERT-good"), at=later)

    assert "bad_certificate" == await refusal_of(gateway, fresh, now=later)


async def test_who_the_client_trusts_does_not_vouch_for_a_stranger(office):
    """Without a file of authorities it is those of the HTTP client: our own notary is none of them."""
    gateway = create(context(f"{office.url}/paypal"))

    reason = await refusal_of(gateway, signed(BODY, cert_url=office.place("CERT-good"), at=utc_now()))

    await gateway.close()
    assert ("bad_certificate", 1) == (reason, len(office.asked))
