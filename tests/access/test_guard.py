"""The guard on the wire: who passes, who is told what, and that no header ever breaks it."""

import asyncio
import socket
from typing import Any

import httpx
import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from litestar import Litestar, Request, Response, get, post, put
from litestar.datastructures import State
from litestar.types import Guard

from service.access.api import by_key, create_guard, principal_of
from service.access.flow import CACHED_S, KeyRing
from service.access.rules import ROLE_PERMISSIONS, Permission, Role, client_ip, read_key
from service.kernel.problems import PROBLEM_JSON, to_problem
from service.signing.rules import SigningSecrets
from tests.access.giving import bearer, give, replace_key, take_back
from tests.stage import Stage

SECRETS = SigningSecrets(("a-key-of-the-service-with-32-characters",))
UNKNOWN = "ord_01aryz6s410000000000000000"
PERMITTED = {"permission": Permission.OPS_WRITE}
Asked = Request[Any, Any, State]


@get("/open", opt={"public": "for the test"})
async def opened(request: Asked) -> str:
    return str(principal_of(request))


@put("/closed", opt=PERMITTED)
async def closed(request: Asked) -> dict[str, Any]:
    principal = principal_of(request)
    return {"name": principal.name, "ip": principal.origin.ip, "body": (await request.body()).decode()}


@post("/forgotten")
async def forgotten() -> str:
    return "never"


@get("/both", opt={"public": "by mistake", **PERMITTED})
async def both() -> str:
    return "needs the permission"


def small(guard: Guard) -> Litestar:
    def answer(_request: Asked, error: Exception) -> Response[Any]:
        problem = to_problem(error, trace_id=None)
        return Response(problem.body, status_code=problem.status, headers=problem.headers, media_type=PROBLEM_JSON)

    handlers = [opened, closed, forgotten, both]
    return Litestar(
        handlers, guards=[guard], exception_handlers={Exception: answer}, openapi_config=None, logging_config=None
    )


@pytest.fixture
async def site(db):
    """A small application behind the guard, in a real server, one trusted proxy before it."""
    listener = socket.create_server(("127.0.0.1", 0))
    guard = create_guard(by_key(KeyRing(db, "development"), SECRETS, db, hops=1), telemetry=db.telemetry)
    config = uvicorn.Config(small(guard), log_config=None, ws="none", lifespan="off", proxy_headers=False)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}") as client:
        while not server.started:  # noqa: ASYNC110 - the server has no event to wait for
            await asyncio.sleep(0.01)
        yield client
        server.should_exit = True
        await running


async def test_nobody_is_told_to_show_a_key(site):
    """401, the scheme to use, and no hint at what is behind."""
    answer = await site.put("/closed")

    assert (401, "unauthenticated", 'Bearer realm="cubano"') == (
        *(answer.status_code, answer.json()["code"], answer.headers["www-authenticate"]),
    )
    assert "no-store" == answer.headers["cache-control"]


async def test_somebody_who_may_not_is_told_what_is_missing(site, db):
    """403 with the permission's name; who may passes, and the handler knows who it is and from where."""
    developer, on_call = await give(db, "dev", Role.DEVELOPER), await give(db, "pager", Role.ON_CALL)

    refused = await site.put("/closed", headers=bearer(developer))
    allowed = await site.put("/closed", headers=bearer(on_call) | {"X-Forwarded-For": "198.51.100.7"}, content="hi")

    assert (403, "forbidden") == (refused.status_code, refused.json()["code"])
    assert "ops:write" in refused.json()["detail"]
    assert {"name": "pager", "ip": "198.51.100.7", "body": "hi"} == allowed.json()


async def test_a_route_that_names_nobody_is_closed_to_all(site, db):
    """Forgetting is never a hole; naming both is closed too; a public one does not even look."""
    admin = await give(db, "root", Role.ADMIN)

    assert 401 == (await site.post("/forgotten")).status_code
    assert 403 == (await site.post("/forgotten", headers=bearer(admin))).status_code
    assert [401, 200] == [(await site.get("/both", headers=each)).status_code for each in ({}, bearer(admin))]
    assert (200, "None") == (
        (found := await site.get("/open", headers=bearer("cubano_rubbish"))).status_code,
        found.text,
    )
    assert 204 == (await site.options("/closed")).status_code


async def test_two_authorizations_are_none(site, db):
    """Two programs that read one request may each take another of the two."""
    made = await give(db, "root")
    header = f"Bearer {made.text}"

    answer = await site.put("/closed", headers=[("Authorization", header), ("Authorization", header)])

    assert 401 == answer.status_code


@pytest.mark.parametrize(
    ("peer", "forwarded", "hops", "expected"),
    [
        ("203.0.113.9", [], 0, "203.0.113.9"),
        ("203.0.113.9", ["10.0.0.1"], 0, "203.0.113.9"),  # no proxy of ours: what it says is the caller's own
        ("10.0.0.1", ["203.0.113.9"], 1, "203.0.113.9"),
        ("10.0.0.1", ["1.1.1.1, 203.0.113.9"], 1, "203.0.113.9"),  # the left part was written by the caller
        ("10.0.0.1", ["1.1.1.1", "203.0.113.9"], 1, "203.0.113.9"),  # in two lines
        ("10.0.0.1", ["203.0.113.9, 10.0.0.2"], 2, "203.0.113.9"),
        ("10.0.0.1", [], 1, "10.0.0.1"),  # it came past the proxy
        ("10.0.0.1", ["203.0.113.9"], 2, "10.0.0.1"),
        ("10.0.0.1", ["unknown"], 1, ""),
        ("10.0.0.1", [""], 1, ""),
        ("::ffff:203.0.113.9", [], 0, "203.0.113.9"),
        ("2001:db8::7", [], 0, "2001:db8::7"),
        ("", [], 0, ""),
    ],
)
def test_the_callers_address_is_found_behind_our_proxies(peer, forwarded, hops, expected):
    """Counted from the right, as many as are ours; the caller cannot choose it."""
    assert expected == client_ip(peer, forwarded, hops=hops)


@given(text=st.text(max_size=120), lines=st.lists(st.text(max_size=60), max_size=3), hops=st.integers(0, 8))
def test_whatever_text_comes_is_read_without_an_error(text, lines, hops):
    """A key is exactly a key; an address is one or empty."""
    assert read_key(text) is None
    client_ip(text, lines, hops=hops)


# Everything HTTP lets through in the value of a header.
VALUES = (
    st.binary(max_size=200)
    .map(lambda raw: bytes(each for each in raw if each == 9 or 32 <= each != 127))
    .map(bytes.strip)
)
STARTS = st.sampled_from(
    [b"", b"Bearer ", b"bearer cubano_dev_", b"Bearer cubano_", b"Basic ", b"Bearer\t", b"Bearer  "]
)
NAMES = (b"authorization", b"x-forwarded-for", b"cubano-signature", b"cubano-nonce", b"cubano-timestamp", b"user-agent")
HEADERS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.builds(lambda start, rest: (start + rest).strip(), STARTS, VALUES)), max_size=6
)


async def test_no_header_breaks_the_guard(site):
    """300 requests with whatever fits into headers: 401 each, never a 5xx."""
    url = str(site.base_url)
    seen = set()

    @settings(max_examples=300, deadline=None)
    @given(headers=HEADERS)
    def ask(headers):
        seen.add(client.put("/closed", headers=headers).status_code)

    def run():
        nonlocal client
        with httpx.Client(base_url=url) as client:
            ask()

    client: httpx.Client
    await asyncio.to_thread(run)

    assert {401} == seen


async def test_an_order_opens_to_keys_that_may_read_orders(stage: Stage):
    """All roles that have `orders:read`, with its disputes, which the buyer does not see; to the others it does not exist."""
    checkout = (await stage.checkout()).json()
    keys = {role: await give(stage.db, role, role) for role in Role}
    path = f"/api/payment/order/{checkout['orderId']}"

    answers = {role: await stage.client.get(path, headers=bearer(key)) for role, key in keys.items()}
    unknown = await stage.client.get(f"/api/payment/order/{UNKNOWN}", headers=bearer(keys[Role.ADMIN]))
    strange = await stage.client.get("/api/payment/order/7%00", headers=bearer(keys[Role.ADMIN]))

    may = {role for role in Role if Permission.ORDERS_READ in ROLE_PERMISSIONS[role]}
    assert may == {role for role, answer in answers.items() if answer.status_code == 200}
    assert {404} == {answers[role].status_code for role in set(Role) - may} | {unknown.status_code, strange.status_code}
    assert await stage.order(checkout) | {"disputes": []} == answers[Role.SUPPORT].json()


async def test_a_revoked_key_is_refused_within_seconds(stage: Stage):
    """By a server that has just seen it."""
    order = (await stage.checkout()).json()["orderId"]
    made = await give(stage.db, "desk", Role.SUPPORT)

    async def ask() -> int:
        return (await stage.client.get(f"/api/payment/order/{order}", headers=bearer(made))).status_code

    before = await ask()
    await take_back(stage.db, made)
    async with asyncio.timeout(CACHED_S + 3):
        while await ask() == 200:  # noqa: ASYNC110 - it watches a server
            await asyncio.sleep(0.1)

    assert (200, 404) == (before, await ask())


async def test_a_key_is_rotated_under_load_and_no_request_fails(stage: Stage):
    """Eight clients go on asking while one key takes over from another, twice."""
    order = (await stage.checkout()).json()["orderId"]
    hold = {"key": await give(stage.db, "desk", Role.SUPPORT)}
    statuses: list[int] = []
    stop = asyncio.Event()

    async def client() -> None:
        while not stop.is_set():
            answer = await stage.client.get(f"/api/payment/order/{order}", headers=bearer(hold["key"]))
            statuses.append(answer.status_code)

    clients = [asyncio.create_task(client()) for _ in range(8)]
    for _ in range(2):
        await asyncio.sleep(0.5)
        old, hold["key"] = hold["key"], await replace_key(stage.db, "desk")
        await asyncio.sleep(0.5)
        await take_back(stage.db, old)
    await asyncio.sleep(CACHED_S + 0.5)
    stop.set()
    await asyncio.gather(*clients)

    assert {200} == set(statuses)
    assert len(statuses) > 50


async def test_the_last_use_reaches_the_database_by_itself(stage: Stage):
    """A few seconds later, with the address."""
    order = (await stage.checkout()).json()["orderId"]
    made = await give(stage.db, "desk", Role.SUPPORT)
    await stage.client.get(f"/api/payment/order/{order}", headers=bearer(made))

    await stage.until(lambda: stage.rows("SELECT 1 FROM api_keys WHERE last_used_from = '127.0.0.1'"), within_s=15)

    assert [(True,)] == await stage.rows("SELECT last_used_at > created_at FROM api_keys")
