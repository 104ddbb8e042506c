"""The pages and the API with a session, on the wire: cookies, forged requests, what each role meets, and no word too many."""

import re
from contextlib import asynccontextmanager

import httpx
import pytest

from service.access.api import passages
from service.access.rules import ROLE_PERMISSIONS, STAFF_ROLES, Permission, Role
from service.app import create_app
from service.kernel.clock import utc_now
from service.kernel.seals import Seals
from service.settings import SettingsError, load_settings
from service.signin.flow import SEALED
from service.signin.views import MAY, ROLES
from service.staff import flow as staff
from tests.postgres.names import child_environment
from tests.staff.browser import FIELD, Browser
from tests.staff.people import BY, PASSWORD, code_at, hire
from tests.stage import Stage

STAGE_KEY = "stage-secret-key-of-32-characters-or-more"
EMAIL = "ana@alocubano.example"
COOKIE = "cubano_staff"


@pytest.fixture
def stage_settings():
    return {"CUBANO_RATE_LIMITS": "0"}


@asynccontextmanager
async def browsing(stage: Stage):
    async with httpx.AsyncClient(base_url=stage.client.base_url, timeout=20) as client:
        yield Browser(client, str(stage.settings.public_url))


async def hired(stage: Stage, role: Role = Role.SUPPORT, email: str = EMAIL):
    return await hire(stage.db, email, role, seals=Seals([STAGE_KEY], "staff-totp"))


async def signed_in(stage: Stage, browser: Browser, email: str = EMAIL) -> Browser:
    answer = await browser.sign_in(email, PASSWORD, code_at(stage.clock()))
    assert (303, "/staff") == (answer.status_code, answer.headers["location"])
    return browser


async def test_a_person_signs_in_sees_home_and_signs_out(stage: Stage):
    """Each step leads to the next; a cookie of before the sign-in is worth nothing; the way back is closed afterwards."""
    await hired(stage)
    async with browsing(stage) as ana:
        ana.client.cookies.set(COOKIE, "planted-by-somebody", domain="127.0.0.1", path="/")
        first = await ana.post("/staff/sign-in", email=EMAIL, password=PASSWORD)
        half = ana.client.cookies[COOKIE]
        await ana.post("/staff/code", "/staff/code", code=code_at(stage.clock()))
        home = await ana.get("/staff")
        token = FIELD.search(home.text)[1]
        whole = ana.client.cookies[COOKIE]
        out = await ana.client.post("/staff/sign-out", headers={"Origin": ana.origin}, data={"csrf": token})
        ana.client.cookies.set(COOKIE, whole, domain="127.0.0.1", path="/")
        after = await ana.get("/staff")

    assert (303, "/staff/code") == (first.status_code, first.headers["location"])
    assert len({"planted-by-somebody", half, whole}) == 3
    assert all(text in home.text for text in ("Ana Pérez", "Support", "refund customers", "this one", "$300.00"))
    assert (303, "/staff/sign-in") == (out.status_code, out.headers["location"])
    assert (303, "/staff/sign-in") == (after.status_code, after.headers["location"])
    policy = home.headers["content-security-policy"]
    assert ("default-src 'none'", False) == (policy.split(";")[0], "script-src" in policy)
    assert [] == re.findall(r"<script|style=|\son\w+=", home.text)
    assert "no-store" == home.headers["cache-control"]


async def test_a_session_opens_every_route_of_its_role_and_no_other(stage: Stage):
    """As the printed matrix says, for each role; a key opens no page of a person; half a sign-in opens nothing."""
    order = (await stage.checkout()).json()["orderId"]
    every = [each for each in passages(create_app(stage.settings)) if each.permission and each.method == "GET"]
    wrong = []
    for role in STAFF_ROLES:
        await hired(stage, role, f"{role}@alocubano.example")
        async with browsing(stage) as person:
            await person.post("/staff/sign-in", email=f"{role}@alocubano.example", password=PASSWORD)
            nothing = await person.get(f"/api/payment/order/{order}")
            await person.post("/staff/code", "/staff/code", code=code_at(stage.clock()))
            for each in every:
                path = re.sub(r"\{[^}]*\}", "1", re.sub(r"\{orderId[^}]*\}", order, each.path))
                status = (await person.get(path)).status_code
                allowed = each.permission in ROLE_PERMISSIONS[role]
                refused = {404} if each.hidden else {403}
                if (status in {401, 403}) if allowed else status not in refused:
                    wrong.append((role, each.path, status))
            assert 404 == nothing.status_code

    assert [] == wrong


async def test_a_request_that_changes_something_is_our_own_pages(stage: Stage):
    """Without the token, with another's, from another site, or from nobody knows where: 403, and nothing has happened."""
    await hired(stage, Role.ON_CALL)
    async with browsing(stage) as ana, browsing(stage) as eve:
        await signed_in(stage, ana)
        token, own = await ana.csrf("/staff"), {"Origin": ana.origin}
        attempts = {
            "no token": ({}, own),
            "another token": ({"csrf": "x" * 43}, own),
            "other site": ({"csrf": token}, {"Origin": "https://evil.example"}),
            "other site says the browser": ({"csrf": token}, own | {"Sec-Fetch-Site": "cross-site"}),
            "a subdomain": ({"csrf": token}, own | {"Sec-Fetch-Site": "same-site"}),
            "no origin": ({"csrf": token}, {}),
            "null": ({"csrf": token}, {"Origin": "null"}),
        }
        refused = {}
        for name, (data, headers) in attempts.items():
            refused[name] = (await ana.client.post("/staff/sign-out", data=data, headers=headers)).status_code
        alive = await ana.get("/staff")
        api = "/api/ops/switches/sales"
        bare = await ana.client.put(api, json={}, headers=own)
        armed = await ana.client.put(api, json={}, headers=own | {"X-CSRF-Token": token})
        login = await eve.client.post(
            "/staff/sign-in", data={"email": EMAIL, "password": PASSWORD}, headers={"Origin": "https://evil.example"}
        )
        out = await ana.client.post(
            "/staff/sign-out", data={"csrf": token}, headers={"Sec-Fetch-Site": "same-origin", **own}
        )

    assert {403} == set(refused.values())
    assert 200 == alive.status_code
    assert (403, "cross_site") == (bare.status_code, bare.json()["code"])
    assert armed.status_code not in {401, 403}
    assert (403, "Not from here" in login.text) == (login.status_code, True)
    assert 303 == out.status_code


async def test_wrong_and_unknown_look_the_same_and_locks_are_told(stage: Stage):
    """The same page, status and words; then how long to wait, for both."""
    await hired(stage)
    async with browsing(stage) as eve:
        pages = {}
        for email in (EMAIL, "nobody@alocubano.example"):
            answers = [await eve.post("/staff/sign-in", email=email, password="wrong") for _ in range(6)]
            pages[email] = [
                (each.status_code, each.headers.get("retry-after"), each.text.replace(email, "")) for each in answers
            ]

    known, unknown = pages.values()
    assert [(401, None)] * 5 == [each[:2] for each in known[:5]]
    assert known[:5] == unknown[:5]
    assert (429, True) == (known[5][0], "Wait 3" in known[5][2])
    assert 25 <= int(known[5][1]) <= 31


async def test_the_first_sign_in_walks_through_enrolment_and_password(stage: Stage):
    """QR code and text, recovery codes once, then a password of one's own; the steps cannot be walked around."""
    await hire(stage.db, EMAIL, Role.FINANCE, temporary=True)
    async with browsing(stage) as ana:
        first = await ana.post("/staff/sign-in", email=EMAIL, password=PASSWORD)
        around = await ana.get("/staff")
        await ana.post("/staff/sign-in", email=EMAIL, password=PASSWORD)
        page = await ana.get("/staff/enrol")
        secret = re.search(r'class="secret">([A-Z2-7]+)<', page.text)[1]
        wrong = await ana.post("/staff/enrol", "/staff/enrol", code="000000")
        codes = await ana.post("/staff/enrol", "/staff/enrol", code=code_at(stage.clock(), secret))
        differs = await ana.post("/staff/password", "/staff/password", old=PASSWORD, new="a" * 12, again="b" * 12)
        chosen = "fünf Hunde tanzen Salsa"
        done = await ana.post("/staff/password", "/staff/password", old=PASSWORD, new=chosen, again=chosen)
        again = await ana.get("/staff/enrol")

    assert "/staff/enrol" == first.headers["location"]
    assert "/staff/sign-in" == around.headers["location"]
    assert (200, True) == (page.status_code, "<svg" in page.text)
    assert (401, True) == (wrong.status_code, secret in wrong.text)
    assert 10 == len(re.findall(r"<li>(?:[0-9A-Z]{4}-){3}[0-9A-Z]{4}</li>", codes.text))
    assert (400, True) == (differs.status_code, "not the same" in differs.text)
    assert (303, "/staff") == (done.status_code, done.headers["location"])
    assert "/staff" == again.headers["location"]


async def test_sessions_are_seen_and_ended(stage: Stage):
    """One of them, all others; somebody else's not; and at once when an operator disables the person."""
    ana, ben = await hired(stage), await hired(stage, Role.ADMIN, "ben@alocubano.example")
    async with browsing(stage) as here, browsing(stage) as there, browsing(stage) as bens:
        await signed_in(stage, bens, ben.email)
        await signed_in(stage, here)
        await forget_step(stage)
        await signed_in(stage, there)
        listed = await here.get("/staff")
        (ref,) = re.findall(r'value="(ses_[^"]+)"', listed.text)
        (bens_ref,) = [
            row[0] for row in await stage.rows("SELECT ref FROM staff_sessions WHERE member_id = :id", id=ben.id)
        ]
        odd = await here.post("/staff/sessions/end", "/staff", session="\x00")
        await here.post("/staff/sessions/end", "/staff", session=bens_ref)
        await here.post("/staff/sessions/end", "/staff", session=ref)
        gone = await there.get("/staff")
        alive = await bens.get("/staff")
        async with stage.db.transaction() as session:
            member = await staff.lock(session, member_id=ana.id)
            await staff.set_enabled(session, BY, member, enabled=False)
        out = await here.get("/staff")

    assert [303, 303, 200, 303] == [each.status_code for each in (odd, gone, alive, out)]


async def forget_step(stage: Stage) -> None:
    """As if half a minute had passed: the next code is another one."""
    await stage.rows("UPDATE staff_members SET totp_step = NULL")


async def test_errors_under_staff_are_pages(stage: Stage):
    """Unknown addresses, methods and bodies; nothing of the inside."""
    async with browsing(stage) as eve:
        answers = [
            await eve.get("/staff/nothing"),
            await eve.client.put("/staff/sign-in"),
            await eve.client.post("/staff/sign-in", content=b"x" * 20_000, headers={"Origin": eve.origin}),
            await eve.get("/staff/static/x.css"),
            await eve.get("/staff/code"),
        ]
        sheet = await eve.get(re.search(r'"(/staff/static/[^"]+)"', (await eve.get("/staff/sign-in")).text)[1])

    assert [404, 405, 413, 404, 401] == [each.status_code for each in answers]
    assert {"text/html; charset=utf-8"} == {each.headers["content-type"] for each in answers}
    assert (200, "text/css; charset=utf-8") == (sheet.status_code, sheet.headers["content-type"])


async def test_in_production_the_cookie_is_the_hosts_own(database_url):
    """`__Host-`, Secure, HttpOnly, SameSite; the plain name is not even read; and there is no production without TLS."""
    environment = child_environment(
        database_url,
        CUBANO_ENVIRONMENT="production",
        CUBANO_PUBLIC_URL="https://tickets.alocubano.test",
        CUBANO_STRIPE_API_KEY="sk_live_x",
        CUBANO_STRIPE_BASE_URL="",
        CUBANO_SMTP_URL="smtps://mail.alocubano.test",
        CUBANO_MAIL_FROM="tickets@alocubano.test",
        CUBANO_HELP_EMAIL="help@alocubano.test",
        CUBANO_VAULT_KEYS="one:" + "A" * 43 + "=",
        CUBANO_RATE_LIMITS="0",
        CUBANO_SERVE_METRICS_PORT="0",
    )
    settings = load_settings(environment)
    app = create_app(settings)
    transport = httpx.ASGITransport(app)
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url=settings.public_url) as client:
        db = app.dependencies["db"].dependency()
        await hire(db, EMAIL, seals=Seals([settings.secret_keys[0].get_secret_value()], SEALED))
        person = Browser(client, settings.public_url)
        answer = await person.sign_in(EMAIL, PASSWORD, code_at(utc_now()))
        cookie = answer.headers["set-cookie"]
        token = client.cookies["__Host-cubano_staff"]
        client.cookies.clear()
        plain = await client.get("/staff", headers={"Cookie": f"cubano_staff={token}"})
        own = await client.get("/staff", headers={"Cookie": f"__Host-cubano_staff={token}"})

    assert cookie.startswith("__Host-cubano_staff=")
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= {each.strip() for each in cookie.split(";")}
    assert [] == re.findall("(?i)domain|expires|max-age", cookie)
    assert [303, 200] == [plain.status_code, own.status_code]
    with pytest.raises(SettingsError, match="PUBLIC_URL must be https"):
        load_settings(environment | {"CUBANO_PUBLIC_URL": "http://tickets.alocubano.test"})


def test_what_a_role_may_is_said_in_words():
    """Of every permission and of every role of people."""
    assert set(Permission) == set(MAY)
    assert set(STAFF_ROLES) == set(ROLES)
