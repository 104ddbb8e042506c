"""Orders to refund, and people who ask."""

from typing import Any

import httpx

from service.access.rules import Role
from tests.access.giving import bearer, give
from tests.payments.history import take_in
from tests.staff.people import hire
from tests.stage import Stage, buyer
from tests.webhooks.applying import Inbox
from tests.webhooks.delivery import deaf, told

PASS = 24900  # what a full pass costs


def usd(minor: int) -> dict[str, Any]:
    return {"minor": minor, "currency": "USD"}


async def bought(stage: Stage, inbox: Inbox, quantity: int = 2, **others: int) -> dict[str, Any]:
    """The checkout of a paid order of full passes, and perhaps of `others` (with _ for the hyphen)."""
    await deaf(stage)
    wanted = {"full-pass": quantity} | {name.replace("_", "-"): count for name, count in others.items()}
    items = [{"ticketType": name, "quantity": count} for name, count in wanted.items()]
    checkout: dict[str, Any] = (await stage.checkout(buyer(items=items))).raise_for_status().json()
    await stage.pay(checkout)
    await take_in(stage, inbox, *(await told(stage)))
    return checkout


class Person:
    """Somebody with an API key that is theirs."""

    def __init__(self, stage: Stage, headers: dict[str, str]) -> None:
        self._client = stage.client
        self._headers = headers
        self._asked = 0

    async def ask(self, checkout: dict[str, Any], *, key: str | None = None, **wish: Any) -> httpx.Response:
        """Ask for a refund of an order; a new key unless one is given."""
        self._asked += 1
        headers = self._headers | {"Idempotency-Key": f"ask-{self._asked}" if key is None else key}
        body = {"orderId": checkout["orderId"], "reason": "requested_by_customer"} | wish
        return await self._client.post("/api/payment/refund", json=body, headers=headers)

    async def decide(self, refund_id: str, how: str, **said: Any) -> httpx.Response:
        return await self._client.post(f"/api/payment/refund/{refund_id}/{how}", json=said, headers=self._headers)

    async def get(self, path: str) -> httpx.Response:
        return await self._client.get(f"/api/payment/{path}", headers=self._headers)


async def person(stage: Stage, name: str, role: Role = Role.SUPPORT) -> Person:
    member = await hire(stage.db, f"{name}@alocubano.example", role)
    return Person(stage, bearer(await give(stage.db, name, role, owner=member.id)))


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]
