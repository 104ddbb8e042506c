"""Signed requests: nobody on the way changes one, nobody sends one twice, and a key that signs takes no other."""

import asyncio
import hmac
import json
import time
from hashlib import sha256
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from service.signing.flow import KEPT, take_nonce
from service.signing.rules import WINDOW_S, Given, SigningSecrets, read_signature, sign, text_to_sign
from tests.access.giving import bearer, give
from tests.access.test_guard import SECRETS

NONCE = "nonce-of-sixteen-or-more"
BODY = b'{"amount": 100}'


def signed(secret: str, *, later: int = 0, **changes: Any) -> dict[str, str]:
    """The headers a partner sends, written from the documentation and not with our code."""
    given: dict[str, Any] = {
        "method": "PUT",
        "target": "/closed?a=1",
        "body": BODY,
        "at": int(time.time()) + later,
        "nonce": NONCE,
    } | changes
    lines = [
        "v1",
        given["method"],
        given["target"],
        sha256(given["body"]).hexdigest(),
        str(given["at"]),
        given["nonce"],
    ]
    signature = hmac.new(secret.encode(), "\n".join(lines).encode(), sha256).hexdigest()
    return {
        "Cubano-Timestamp": str(given["at"]),
        "Cubano-Nonce": str(given["nonce"]),
        "Cubano-Signature": f"v1={signature}",
    }


@pytest.fixture
async def partner(db):
    return await give(db, "partner", signs=True)


async def test_a_signed_request_passes_once(site, partner):
    """With its body, its query and its nonce; the same again does not, a new nonce does."""
    secret = SECRETS.of(partner.key.id)
    headers = bearer(partner) | signed(secret)

    first = await site.put("/closed?a=1", headers=headers, content=BODY)
    again = await site.put("/closed?a=1", headers=headers, content=BODY)
    new = await site.put("/closed?a=1", headers=bearer(partner) | signed(secret, nonce=NONCE + "2"), content=BODY)

    assert [200, 401, 200] == [each.status_code for each in (first, again, new)]
    assert BODY.decode() == first.json()["body"]
    assert "nonce was used" in again.json()["detail"]


async def test_one_of_many_at_once_passes(site, partner):
    """The same signed request twenty times at the same moment."""
    headers = bearer(partner) | signed(SECRETS.of(partner.key.id))

    answers = await asyncio.gather(*(site.put("/closed?a=1", headers=headers, content=BODY) for _ in range(20)))

    assert [200, *[401] * 19] == sorted(each.status_code for each in answers)


@pytest.mark.parametrize(
    ("what", "changes"),
    [
        ("another method", {"method": "POST"}),
        ("another path", {"target": "/open?a=1"}),
        ("another query", {"target": "/closed?a=2"}),
        ("no query", {"target": "/closed"}),
        ("another body", {"body": b"{}"}),
        ("too old", {"later": -WINDOW_S - 60}),
        ("too early", {"later": WINDOW_S + 60}),
        ("short nonce", {"nonce": "short"}),
        ("no time", {"at": "soon"}),
    ],
)
async def test_what_differs_from_what_was_signed_is_refused(site, partner, what, changes):
    """One thing at a time."""
    headers = bearer(partner) | signed(SECRETS.of(partner.key.id), **changes)

    answer = await site.put("/closed?a=1", headers=headers, content=BODY)

    assert 401 == answer.status_code, what


async def test_the_signature_is_of_this_key(site, db, partner):
    """Another's secret, another header's number, none at all; and a signature alone opens nothing."""
    other = await give(db, "other", signs=True)
    right = signed(SECRETS.of(partner.key.id))
    wrong = [
        bearer(partner),
        bearer(partner) | signed(SECRETS.of(other.key.id)),
        bearer(partner) | signed(partner.text),
        bearer(partner) | right | {"Cubano-Nonce": NONCE + "x"},
        bearer(partner) | right | {"Cubano-Timestamp": str(int(time.time()) - 1)},
        bearer(partner) | right | {"Cubano-Signature": "v1=" + "0" * 64},
        bearer(partner) | right | {"Cubano-Signature": right["Cubano-Signature"].upper()},
        right,
    ]

    answers = [await site.put("/closed?a=1", headers=each, content=BODY) for each in wrong]

    assert [401] * len(wrong) == [each.status_code for each in answers]
    assert 200 == (await site.put("/closed?a=1", headers=bearer(partner) | right, content=BODY)).status_code


async def test_a_key_that_need_not_sign_is_not_asked_to(site, db):
    """Signing is chosen with the key."""
    assert 200 == (await site.put("/closed", headers=bearer(await give(db, "plain")))).status_code


async def test_the_memory_of_nonces_stays_small(db):
    """Each new one takes some that are over with it; one key's nonces are not another's."""
    async with db.engine.begin() as connection:
        old = "INSERT INTO request_nonces SELECT 'key_1', 'old' || n, now() - :kept FROM generate_series(1, 100) n"
        await connection.execute(sa.text(old), {"kept": KEPT})

    taken = [await take_nonce(db, key, f"n{number % 5}") for key in ("key_1", "key_2") for number in range(10)]

    async with db.engine.begin() as connection:
        left = (await connection.execute(sa.text("SELECT count(*) FROM request_nonces"))).scalar_one()
    assert [*[True] * 5, *[False] * 5] * 2 == taken
    assert 10 == left


def test_secrets_change_with_the_services_key_in_two_steps():
    """The first makes, all are accepted; none is ever stored."""
    old, new, both = SigningSecrets(("o" * 32,)), SigningSecrets(("n" * 32,)), SigningSecrets(("n" * 32, "o" * 32))
    text = text_to_sign("GET", b"/", b"", timestamp="1800000000", nonce=NONCE)
    made = sign(old.of("key_1"), text)

    assert both.fits("key_1", text, made)
    assert not new.fits("key_1", text, made)
    assert not both.fits("key_2", text, made)
    assert new.of("key_1") == both.of("key_1")
    assert "oooo" not in repr(old)


@given(headers=st.dictionaries(st.sampled_from(["cubano-timestamp", "cubano-nonce", "cubano-signature"]), st.text()))
def test_whatever_stands_in_the_headers_is_read_without_an_error(headers):
    """It is a signature or it is none."""
    assert read_signature(headers) is None


def test_a_well_formed_signature_is_read():
    """The three headers, in lower case."""
    headers = {name.lower(): value for name, value in signed("x" * 64).items()}

    assert Given(headers["cubano-timestamp"], NONCE, headers["cubano-signature"][3:]) == read_signature(headers)
    assert json.dumps(headers)
