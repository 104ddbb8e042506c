"""Nobody is served without a token; a token ends by time, and at once when it is revoked."""

import pytest

from tests.emulator.paypal.shop import CLIENT, EVENTS

TOKEN = "/paypal/v1/oauth2/token"
GRANT = {"grant_type": "client_credentials"}


async def test_a_client_gets_a_token(gateway):
    """A bearer for nine hours, with its scopes."""
    answer = (await gateway.http.post(TOKEN, data=GRANT, auth=CLIENT)).json()

    assert ("Bearer", 32_400) == (answer["token_type"], answer["expires_in"])
    assert {"access_token", "scope", "app_id", "nonce"} < answer.keys()


@pytest.mark.parametrize(
    ("auth", "form", "expected"),
    [
        (("id", ""), GRANT, (401, "invalid_client")),  # no secret
        (None, GRANT, (401, "invalid_client")),  # nobody
        (CLIENT, {"grant_type": "password"}, (400, "unsupported_grant_type")),
        (CLIENT, {}, (400, "unsupported_grant_type")),
    ],
)
async def test_others_get_none(gateway, auth, form, expected):
    """In the words of OAuth, not of the API."""
    answer = await gateway.http.post(TOKEN, data=form, auth=auth)

    assert expected == (answer.status_code, answer.json()["error"])


@pytest.mark.parametrize("header", [{}, {"authorization": "Bearer stolen"}, {"authorization": "Basic aWQ6c2VjcmV0"}])
async def test_a_wrong_token_is_refused(gateway, header):
    """401 with `invalid_token`, whatever is asked."""
    answer = await gateway.http.get(EVENTS, headers=header)

    assert (401, "invalid_token") == (answer.status_code, answer.json()["error"])
    assert answer.headers["paypal-debug-id"]


async def test_a_token_ends_after_nine_hours(shop, gateway):
    """By the stand-in's clock; a new one helps."""
    await gateway.advance(32_399)
    last = (await shop.ask("GET", EVENTS)).status_code
    await gateway.advance(2)
    late = (await shop.ask("GET", EVENTS)).status_code
    await shop.sign_in()

    assert [200, 401, 200] == [last, late, (await shop.ask("GET", EVENTS)).status_code]


async def test_a_fault_revokes_every_token(shop, gateway):
    """The request it strikes is the first to find out."""
    await gateway.arm({"match": {"provider": "paypal"}, "effects": {"revoke_tokens": True}, "times": 1})
    struck = await shop.ask("GET", EVENTS)
    still = await shop.ask("GET", EVENTS)
    await shop.sign_in()

    assert [401, 401] == [struck.status_code, still.status_code]
    assert 200 == (await shop.ask("GET", EVENTS)).status_code
