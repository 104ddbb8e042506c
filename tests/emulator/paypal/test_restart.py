"""A restart forgets nothing of PayPal's: orders, money under way, events owed, tokens, certificates."""

import httpx
import pytest

from tests.emulator.gateway import NO_TLS, Process, eventually
from tests.emulator.paypal.hook import WEBHOOK_ID, is_genuine
from tests.emulator.paypal.shop import CAPTURES, CLIENT, Shop, capture_of


@pytest.fixture
def state(tmp_path):
    return str(tmp_path / "gateway.json")


def client(process):
    return httpx.AsyncClient(base_url=process.url, timeout=10, verify=NO_TLS)


async def test_a_kill_loses_nothing_that_was_answered(state, published):
    """Money settles after it, the token is still good, a repeated id still finds its answer."""
    first = Process("--state", state, "--settle-ms", "1000")
    async with client(first) as http:
        shop = Shop(http, published)
        await shop.sign_in()
        identifier = await shop.approved("pending")
        taken = await shop.capture(identifier, key="k")
        authority = (await http.get("/_emulator/paypal/ca")).text
        first.kill()
    second = Process("--state", state, "--settle-ms", "1000")
    async with client(second) as http:
        shop = Shop(http, published, shop.headers)
        again = await shop.capture(identifier, key="k")
        await http.post("/_emulator/clock", json={"advance": 2})
        settled = await shop.get(f"{CAPTURES}/{capture_of(taken)['id']}")
        kept = (await http.get("/_emulator/paypal/ca")).text

    assert 0 == second.stop()
    assert (200, taken.json()) == (again.status_code, again.json())
    assert "COMPLETED" == settled["status"]
    assert authority == kept


async def test_what_is_owed_is_sent_after_it(state, hook, published):
    """To the endpoint the command line names, with a certificate that did not change."""
    options = ("--state", state, "--paypal-webhook-id", WEBHOOK_ID, "--webhook-retry-ms", "60000")
    first = Process(*options, "--paypal-webhook-url", "http://127.0.0.1:9/nobody")
    async with client(first) as http:
        shop = Shop(http, published)
        await shop.sign_in()
        await shop.approved()
        authority = (await http.get("/_emulator/paypal/ca")).content
        first.kill()
    second = Process(*options, "--paypal-webhook-url", hook.url)
    async with client(second) as http:
        await http.post("/_emulator/clock", json={"advance": 120})
        [got] = await hook.until(1)
        chain = (await http.get(got.headers["paypal-cert-url"].partition("/paypal/")[1] + _rest(got))).content

    assert 0 == second.stop()
    assert is_genuine(got, chain, authority)


def _rest(got):
    return got.headers["paypal-cert-url"].partition("/paypal/")[2]


async def test_the_command_line_names_the_client(published):
    """Then nobody else gets a token."""
    process = Process("--paypal-client-id", CLIENT[0], "--paypal-client-secret", CLIENT[1])
    async with client(process) as http:
        form = {"grant_type": "client_credentials"}
        answers = [
            await http.post("/paypal/v1/oauth2/token", data=form, auth=auth) for auth in (CLIENT, (CLIENT[0], "guess"))
        ]

    assert 0 == process.stop()
    assert [200, 401] == [answer.status_code for answer in answers]


async def test_links_lead_where_programs_reach_it(published):
    """The page's link is the browser's, the others are not."""
    process = Process("--public-url", "https://pay.example", "--api-url", "http://emulate:8100")
    async with client(process) as http:
        shop = Shop(http, published)
        await shop.sign_in()
        links = {link["rel"]: link["href"] for link in (await shop.open())["links"]}

    assert 0 == process.stop()
    assert links["self"].startswith("http://emulate:8100/paypal/v2/")
    assert links["payer-action"].startswith("https://pay.example/paypal/checkoutnow")


async def test_a_reset_keeps_the_certificates(shop, gateway):
    """Who trusts the authority goes on trusting it; everything else never happened."""
    await shop.captured()
    before = (await gateway.http.get("/_emulator/paypal/ca")).text
    await gateway.http.post("/_emulator/reset")
    truth = await eventually(gateway.truth)

    assert before == (await gateway.http.get("/_emulator/paypal/ca")).text
    assert [] == truth["payments"] == truth["refunds"]
