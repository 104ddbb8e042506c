"""A responder of its own, alone: no service, no Prometheus, no database; its people and its journal in a folder of the test."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient
from pydantic import SecretStr

from runbooks.responder.app import create_app
from runbooks.responder.operators import Operators, Role
from runbooks.settings import Settings

TOKEN = "a-token-of-alertmanager-with-some-length"
HERE = "http://testserver.local"


@dataclass
class Responder:
    """What a test asks of it; `tokens` are its people's, by role."""

    client: TestClient[Any]
    state: Path
    tokens: dict[str, str]

    def alert(self, name: str, *, token: str = TOKEN, status: str = "firing", **labels: str) -> Any:
        told = {
            "status": status,
            "labels": {"alertname": name, "severity": "critical", **labels},
            "annotations": {"summary": f"{name} is true"},
            "startsAt": "2027-02-13T18:00:00Z",
        }
        return self.send(json.dumps({"version": "4", "alerts": [told]}).encode(), token=token)

    def send(self, body: bytes, *, token: str = TOKEN) -> Any:
        return self.client.post("/alertmanager", content=body, headers={"Authorization": f"Bearer {token}"})

    def as_(self, role: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[role]}"}

    def runs(self) -> list[dict[str, Any]]:
        return self.client.get("/api/runs", headers=self.as_("viewer")).json()["runs"]

    def journal(self) -> list[dict[str, Any]]:
        lines = (self.state / "journal.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def sign_in(self, role: str = "on_call") -> None:
        answer = self.client.post(
            "/sign-in",
            data={"token": self.tokens[role], "to": "/"},
            headers={"Origin": HERE},
            follow_redirects=False,
        )
        assert (303, "/") == (answer.status_code, answer.headers["location"])

    def page(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


@pytest.fixture
def responder(tmp_path: Path) -> Iterator[Responder]:
    state = tmp_path / "state"
    people = Operators(state)
    tokens = {str(role): people.add(str(role).replace("_", "-"), role, datetime.now(UTC)) for role in Role}
    settings = Settings(state=state, token=SecretStr(TOKEN), metrics_port=0)
    with TestClient(create_app(settings), base_url=HERE) as client:
        yield Responder(client, state, tokens)
