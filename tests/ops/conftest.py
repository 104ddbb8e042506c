"""An operator at the API: asks with the key of a role, and plans before acting."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from service.access.rules import Role
from tests.access.giving import bearer, give
from tests.stage import Stage


@dataclass
class Operator:
    """Somebody with a key, at `/api/ops`."""

    stage: Stage
    name: str
    headers: dict[str, str]

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.stage.client.get(f"/api/ops/{path}", params=query, headers=self.headers)

    async def act(self, method: str, path: str, *, key: str | None = None, **body: Any) -> httpx.Response:
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        said = {"reason": "a test", **body}
        return await self.stage.client.request(method, f"/api/ops/{path}", json=said, headers=headers)

    async def post(self, path: str, *, key: str | None = None, **body: Any) -> httpx.Response:
        return await self.act("POST", path, key=key, **body)

    async def put(self, path: str, *, key: str | None = None, **body: Any) -> httpx.Response:
        return await self.act("PUT", path, key=key, **body)

    async def noted(self) -> list[tuple[str, str]]:
        """What the trail says of this operator, oldest first."""
        query = "SELECT action, subject FROM audit_trail WHERE actor_name = :name ORDER BY seq"
        return await self.stage.rows(query, name=self.name)


@pytest.fixture
async def on_call(stage: Stage) -> Operator:
    return await as_role(stage, Role.ON_CALL)


async def as_role(stage: Stage, role: Role, **more: Any) -> Operator:
    name = f"the {role}"
    return Operator(stage, name, bearer(await give(stage.db, name, role, **more)))


def codes(answer: httpx.Response) -> tuple[int, str]:
    """How it was refused."""
    return answer.status_code, answer.json()["code"]
