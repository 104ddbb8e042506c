"""People of the stories: they do not give up while the service is dead, and repeat with the same key what had no answer."""

import asyncio
import re
from itertools import count
from typing import Any

import httpx

from service.access.rules import ROLE_PERMISSIONS, KeyText, Role
from tests.crash.play import ENOUGH_S, Play

PAUSE_S = 0.03
HURRY = 50  # looks at an order, a second in all
_GIVEN = """
    WITH owner AS (
        INSERT INTO staff_members (id, email, name, role, enabled, epoch, password_is_temporary, created_at)
        VALUES (%s, %s, %s, %s, true, 0, false, now()) RETURNING id, name, role
    ), client AS (INSERT INTO api_clients SELECT 'cli_' || name, name, role, now(), id FROM owner RETURNING id)
    INSERT INTO api_keys (id, client_id, environment, secret_hash, permissions, signs, networks, created_at, expires_at)
    SELECT %s, id, 'dev', %s, %s, false, '{}', now(), now() + interval '30 days' FROM client RETURNING id
"""
_REF = re.compile(r"(cs_\w+)|token=(\w+)")


def body(**changes: Any) -> dict[str, Any]:
    """A good checkout request of two tickets."""
    return {
        "items": [{"ticketType": "full-pass", "quantity": 2}],
        "customer": {"email": "ana@example.org", "name": "Ana Pérez"},
        "locale": "en",
        **changes,
    }


async def open_checkout(play: Play, key: str, *, tries: int = 0, **changes: Any) -> dict[str, Any] | None:
    """Ask until there is a page; with `tries`, give up after so many connections, as somebody who goes away."""
    asked, headers = 0, {"Idempotency-Key": key}
    async with asyncio.timeout(ENOUGH_S), httpx.AsyncClient(base_url=play.url, timeout=15) as client:
        while True:
            try:
                answer = await client.post("/api/payment/checkout-session", json=body(**changes), headers=headers)
            except httpx.ConnectError:
                await asyncio.sleep(PAUSE_S)  # not there yet, or not there again
                continue
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.status_code == 201:
                return answer.json()
            if answer is not None and answer.status_code not in {409, 502, 503}:
                raise AssertionError(f"{answer.status_code} {answer.text}\n{play.log[-3000:]}")
            asked += 1
            if asked == tries:
                return None
            await asyncio.sleep(PAUSE_S)


def ref_of(checkout: dict[str, Any]) -> str:
    """The gateway's name of a checkout, as it stands in the page's address."""
    return next(filter(None, _REF.search(checkout["checkoutUrl"]).groups()))


async def pay(play: Play, checkout: dict[str, Any], **how: Any) -> dict[str, Any]:
    """Pay on the gateway's page, which lives whether we do or not."""
    return await play.control("POST", f"sessions/{ref_of(checkout)}/pay", **how)


async def order_is(play: Play, order_id: str, *states: str, every_s: float = 0) -> None:
    """Wait until the order is in one of these states; with `every_s` time passes quickly meanwhile."""
    looks = count()

    async def check() -> bool:
        if every_s and next(looks) % HURRY == 0:
            await play.advance(every_s)
        rows = await play.rows("SELECT status FROM orders WHERE id = %s", order_id)
        return bool(rows) and rows[0]["status"] in states

    await play.until(f"{order_id} is {' or '.join(states)}", check)


async def key_of(play: Play, name: str, role: Role) -> dict[str, str]:
    """What somebody of this role sends along."""
    key = KeyText("dev", "7" + f"{len(name):0>25}", name.ljust(43, "x"))
    permissions = [str(each) for each in ROLE_PERMISSIONS[role]]
    owner = f"stf_{name}", f"{name}@alocubano.example", name, str(role)
    await play.rows(_GIVEN, *owner, key.id, key.hash, permissions)
    return {"Authorization": f"Bearer {key.text}"}


async def ask(play: Play, path: str, headers: dict[str, str], **said: Any) -> dict[str, Any]:
    """Ask of the API for as long as there is no answer."""
    async with asyncio.timeout(ENOUGH_S), httpx.AsyncClient(base_url=play.url, timeout=15, headers=headers) as client:
        while True:
            try:
                answer = await client.post(f"/api/payment/{path}", json=said)
            except httpx.HTTPError:
                await asyncio.sleep(PAUSE_S)
                continue
            if answer.is_success:
                return answer.json()
            if answer.status_code != 503:
                raise AssertionError(f"{answer.status_code} {answer.text}\n{play.log[-3000:]}")
            await asyncio.sleep(PAUSE_S)
