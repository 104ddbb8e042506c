"""Signing in through the issuer: on the wire, with real signatures, and with everything a bad answer could be."""

import base64
import json
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from joserfc.jwk import OctKey, RSAKey

from service.access.rules import Role
from service.kernel.clock import utc_now
from service.kernel.ids import Ids
from service.kernel.seals import Seals
from service.oidc.flow import OpenIdIssuer
from service.oidc.rules import Distrusted, OidcRules
from service.settings import SettingsError, load_settings
from tests.postgres.names import child_environment
from tests.staff.browser import Browser
from tests.staff.issuer import CLIENT, SECRET, an_issuer
from tests.staff.people import PASSWORD, hire
from tests.stage import Stage

ANA = {
    "sub": "248289761001",
    "email": "ana@alocubano.example",
    "email_verified": True,
    "name": "Ana Pérez",
    "groups": ["everybody", "tickets-support"],
}


@pytest.fixture
async def issuer():
    async with an_issuer() as running:
        running.person = dict(ANA)
        yield running


@pytest.fixture
def stage_settings(issuer):
    return {
        "CUBANO_RATE_LIMITS": "0",
        "CUBANO_OIDC_ISSUER": issuer.url,
        "CUBANO_OIDC_CLIENT_ID": CLIENT,
        "CUBANO_OIDC_CLIENT_SECRET": SECRET,
        "CUBANO_OIDC_ROLES": "tickets-admin=admin, tickets-support=support, books=finance",
        "CUBANO_STAFF_PASSWORDS": "false",
    }


@asynccontextmanager
async def browsing(stage: Stage):
    async with httpx.AsyncClient(base_url=stage.client.base_url, timeout=20) as client:
        yield Browser(client, str(stage.settings.public_url))


async def go_there(browser: Browser, issuer) -> str:
    """To the issuer's page and a yes there: the address it sends the browser back to."""
    asked = await browser.get("/staff/oidc")
    assert 303 == asked.status_code
    return issuer.authorize(asked.headers["location"])


async def arrive(stage: Stage, issuer) -> httpx.Response:
    """All of it in a new browser; what our side answers at the end."""
    async with browsing(stage) as browser:
        return await browser.get(await go_there(browser, issuer))


def changed(url: str, **values: str | None) -> str:
    parts = urlsplit(url)
    query = {name: value for name, value in (dict(parse_qsl(parts.query)) | values).items() if value is not None}
    return parts._replace(query=urlencode(query)).geturl()


async def people(stage: Stage):
    return await stage.rows("SELECT email, role, enabled, password_hash FROM staff_members ORDER BY email")


async def test_a_person_of_the_issuer_signs_in_without_a_password_of_ours(stage: Stage, issuer):
    """Made at the first time, with the role of the claim; the session is like any other; no password is asked for."""
    async with browsing(stage) as ana:
        page = await ana.get("/staff/sign-in")
        back = await go_there(ana, issuer)
        arrived = await ana.get(back)
        home = await ana.get("/staff")
        again = await ana.get(back)
        out = await ana.post("/staff/sign-in", email=ANA["email"], password=PASSWORD)

    assert ('type="password"' in page.text, "Sign in with 127.0.0.1" in page.text) == (False, True)
    assert (303, "/staff") == (arrived.status_code, arrived.headers["location"])
    assert all(text in home.text for text in ("Ana Pérez", "Support", "your account at 127.0.0.1"))
    assert [(ANA["email"], "support", True, None)] == await people(stage)
    assert (401, 405) == (again.status_code, out.status_code)


async def test_the_claim_decides_about_the_role_each_time(stage: Stage, issuer):
    """Another group, another role and no older session; no group, no way in and none left open."""
    async with browsing(stage) as ana, browsing(stage) as later:
        await ana.get(await go_there(ana, issuer))
        issuer.person["groups"] = "books"
        await later.get(await go_there(later, issuer))
        before = (await ana.get("/staff")).status_code, (await later.get("/staff")).status_code
        roles = await people(stage)
        issuer.person["groups"] = ["everybody"]
        refused = await arrive(stage, issuer)
        after = await later.get("/staff")

    assert (303, 200) == before
    assert "finance" == roles[0][1]
    assert (403, True) == (refused.status_code, "nobody has given you a role" in refused.text)
    assert 303 == after.status_code


async def test_an_account_of_ours_is_joined_by_its_confirmed_address_only(stage: Stage, issuer):
    """Unconfirmed, absent or taken over by somebody else at the issuer: no. Disabled stays disabled."""
    await hire(stage.db, ANA["email"], Role.ADMIN)
    outcomes = []
    for claims in (
        {"email_verified": False},
        {"email_verified": "true"},
        {"email": None},
        {"email": "no address"},
        {},
        {"sub": "another", "name": "Eve"},
    ):
        issuer.person = {name: value for name, value in (ANA | claims).items() if value is not None}
        outcomes.append((await arrive(stage, issuer)).status_code)
    await stage.rows("UPDATE staff_members SET enabled = false")
    issuer.person = dict(ANA)
    disabled = await arrive(stage, issuer)

    assert [403, 403, 403, 403, 303, 403] == outcomes
    assert (403, True) == (disabled.status_code, "switched off" in disabled.text)
    assert [(ANA["email"], "support")] == [row[:2] for row in await people(stage)]


def _other_algorithm(token: str) -> str:
    """The same claims, by nobody's signature."""
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).rstrip(b"=").decode()
    return f"{header}.{token.split('.')[1]}."


def _another_person(token: str) -> str:
    """The right signature, under other claims."""
    header, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    body = base64.urlsafe_b64encode(json.dumps(claims | {"groups": "tickets-admin"}).encode()).rstrip(b"=").decode()
    return f"{header}.{body}.{signature}"


async def test_an_id_token_that_is_not_right_in_everything_opens_nothing(stage: Stage, issuer):
    """Another key, none, a public key as a password, other claims, issuer, audience, party, nonce or time: one same page."""
    public = issuer.key.as_pem(private=False)
    bad = {
        "another key": {"key": RSAKey.generate_key(2048)},
        "unknown key": {"key": RSAKey.generate_key(2048), "header": {"kid": "two"}},
        "no signature": {"change": _other_algorithm},
        "a public key as password": {"key": OctKey.import_key(base64.b64encode(public)), "header": {"alg": "HS256"}},
        "claims changed": {"change": _another_person},
        "no token at all": {"change": lambda _: "x.y.z"},
        "issuer": {"claims": {"iss": "https://evil.example"}},
        "audience": {"claims": {"aud": "another"}},
        "several audiences without a party": {"claims": {"aud": [CLIENT, "another"]}},
        "another party": {"claims": {"aud": [CLIENT, "another"], "azp": "another"}},
        "nonce": {"claims": {"nonce": "another"}},
        "no nonce": {"claims": {"nonce": None}},
        "expired": {"claims": {"exp": 1_700_000_000}},
        "no end": {"claims": {"exp": None}},
        "not yet": {"claims": {"nbf": 4_000_000_000}},
        "nobody": {"claims": {"sub": None}},
    }
    wrong = {}
    for name, levers in bad.items():
        issuer.levers = levers
        answer = await arrive(stage, issuer)
        refused = answer.status_code == 401 and "could not be verified" in answer.text
        if not refused or "cubano_staff=" in answer.headers.get("set-cookie", ""):
            wrong[name] = answer.status_code

    assert {} == wrong
    assert [] == await people(stage)


async def test_what_comes_back_must_be_what_was_asked_in_this_browser(stage: Stage, issuer):
    """Another state, another's cookie, no code, another issuer's name, the same code twice, and too late."""
    async with browsing(stage) as ana, browsing(stage) as eve:
        changes = ({"state": "x"}, {"state": None}, {"code": None, "error": "access_denied"}, {"iss": "https://e"})
        answers = [await ana.get(changed(await go_there(ana, issuer), **change)) for change in changes]
        eves = await go_there(eve, issuer)
        answers.append(await ana.get(eves))  # a sign-in as somebody else, slipped to Ana
        async with browsing(stage) as nobody:
            answers.append(await nobody.get(eves))
        back = await go_there(ana, issuer)
        kept = dict(ana.client.cookies)
        first = await ana.get(back)
        ana.client.cookies.update(kept)
        answers.append(await ana.get(back))  # even with its cookie: the issuer gives a code once

    assert 303 == first.status_code
    assert {401} == {each.status_code for each in answers}
    assert all("could not be verified" in each.text for each in answers)


async def test_an_issuer_that_is_away_or_somebody_else_is_said_plainly(stage: Stage, issuer):
    """503 and when to come again, without a fault of ours; its description is read once for many."""
    issuer.away = True
    async with browsing(stage) as ana:
        away = await ana.get("/staff/oidc")
        issuer.away = False
        strange = []
        for described in (
            {"issuer": "https://evil.example"},
            {"token_endpoint": "http://evil.example/token"},
            {"jwks_uri": None},
        ):
            issuer.described = described
            strange.append((await ana.get("/staff/oidc")).status_code)
        issuer.described = {}
        issuer.asked.clear()
        well = [(await ana.get("/staff/oidc")).status_code for _ in range(3)]
        described = issuer.asked.count("/.well-known/openid-configuration")

    assert (503, "30") == (away.status_code, away.headers["retry-after"])
    assert [503, 503, 503] == strange
    assert ([303, 303, 303], 1) == (well, described)


async def test_a_new_key_of_the_issuer_is_learnt_but_not_asked_for_all_the_time(issuer):
    """A token that names a key we do not know makes us look again, at most once a minute."""
    passed = [0.0]
    rules = OidcRules(
        issuer.url, CLIENT, SECRET, "http://127.0.0.1:9/back", "groups", (("tickets-support", Role.SUPPORT),)
    )
    client = OpenIdIssuer(rules, Seals(["k" * 32], "oidc"), clock=utc_now, ids=Ids(utc_now), tick=lambda: passed[0])

    async def sign_in() -> Role | None:
        asking = await client.begin()
        back = dict(parse_qsl(urlsplit(issuer.authorize(asking.url)).query))
        return (await client.finish(asking.cookie, back)).role

    before = await sign_in()
    fresh = RSAKey.generate_key(2048, {"kid": "two", "use": "sig"})
    issuer.published, issuer.levers = [fresh], {"key": fresh, "header": {"kid": "two"}}
    with pytest.raises(Distrusted):
        await sign_in()
    asked = issuer.asked.count("/keys")
    passed[0] += 61
    after = await sign_in()
    await client.close()

    assert (Role.SUPPORT, Role.SUPPORT) == (before, after)
    assert (1, 2) == (asked, issuer.asked.count("/keys"))


def test_an_issuer_is_set_up_whole_or_not_at_all():
    """Client, secret and roles beside it; TLS outside development; passwords off only where it can stand in."""
    base = child_environment("postgresql://nobody@127.0.0.1:9/none")
    issuer = {"CUBANO_OIDC_ISSUER": "http://127.0.0.1:9"}

    def problems(**more: str) -> str:
        with pytest.raises(SettingsError) as found:
            load_settings(base | more)
        return str(found.value)

    assert "CUBANO_OIDC_ROLES is required" in problems(**issuer)
    assert "must be https" in problems(**issuer, CUBANO_ENVIRONMENT="staging")
    assert "nobody could sign in" in problems(CUBANO_STAFF_PASSWORDS="false")
    assert "VALUE=role" in problems(CUBANO_OIDC_ROLES="x=partner")
    assert "without ? and #" in problems(CUBANO_OIDC_ISSUER="https://x.example/?a")
