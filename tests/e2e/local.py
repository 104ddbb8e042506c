"""What a test knows and does behind the customer's back: rows, mails, and what the gateway's stand-in is told."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg

from service.kernel.data_keys import MasterKeys
from service.local.ports import free_port
from service.settings import load_settings
from service.vault.flow import normalise
from tests.local.programs import eventually
from tests.local.running import CUBANO, Running

PATIENCE_S = 15


@dataclass(frozen=True)
class Local:
    """A local system with every door open."""

    running: Running
    beside: str = ""  # the address of another `serve` of the same system

    @property
    def store(self) -> str:
        return self.beside or self.running.found["api"]

    @property
    def gateway(self) -> str:
        return self.running.found["emulator"]

    @property
    def mails(self) -> str:
        return self.running.found["mail"]

    @property
    def environment(self) -> dict[str, str]:
        """The settings of this system, for commands that work on it too."""
        own = json.loads((self.running.state / "system.json").read_text())
        return {
            "CUBANO_DATABASE_URL": self.running.found["database_url"],
            "CUBANO_SECRET_KEYS": own["secret_key"],
            "CUBANO_VAULT_KEYS": own["vault_key"],
            "CUBANO_STRIPE_API_KEY": own["stripe_api_key"],
            "CUBANO_STRIPE_WEBHOOK_SECRETS": own["stripe_webhook_secret"],
            "CUBANO_STRIPE_BASE_URL": self.gateway,
        }

    # ---- the store ---------------------------------------------------------------------------------------------------

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What the database answers."""
        with psycopg.connect(self.running.found["database_url"]) as connection:
            return connection.execute(query, values).fetchall()

    def orders(self, email: str) -> list[str]:
        """The states of this customer's orders, oldest first."""
        return [row[0] for row in self.of("o.status FROM orders o", email)]

    def quantities(self, email: str) -> list[int]:
        """How many of what this customer's orders are about, oldest first."""
        return [row[0] for row in self.of("i.quantity FROM orders o JOIN order_items i ON i.order_id = o.id", email)]

    def of(self, chosen: str, email: str) -> list[tuple[Any, ...]]:
        """Rows of this customer's orders, found by the blind index of the address."""
        keys = MasterKeys(load_settings(self.environment).master_keys)
        query = f"""SELECT {chosen} JOIN order_customers c ON c.order_id = o.id
                    WHERE c.email_digest = %s ORDER BY o.created_at"""
        return self.rows(query, keys.digests(normalise(email))[0])

    def left(self, ticket_type: str) -> int:
        """How many are free, neither sold nor held."""
        (row,) = self.rows("SELECT capacity - held - sold FROM stock WHERE ticket_type = %s", ticket_type)
        return row[0]

    def mail(self, email: str) -> dict[str, Any]:
        """The only mail to this address, as soon as it is there."""
        url = f"{self.mails}/api/messages"
        assert eventually(lambda: httpx.get(url, params={"to": email}).json()["messages"], PATIENCE_S)
        (only,) = httpx.get(url, params={"to": email}).json()["messages"]
        return httpx.get(f"{url}/{only['id']}").json()

    # ---- the gateway -------------------------------------------------------------------------------------------------

    def faults(self, *faults: dict[str, Any]) -> None:
        """From now on until `calm`: rows of the stand-in's fault list."""
        self._tell("PUT", "/faults", json={"seed": 1, "faults": list(faults)})

    def calm(self) -> None:
        """No faults any more."""
        self._tell("DELETE", "/faults")

    def resend(self, *types: str) -> None:
        """Deliver the newest event of each of these types once more."""
        for kind in types:
            found = self._tell("GET", "/deliveries", params={"type": kind, "limit": 1}).json()["deliveries"]
            assert found, f"there was no {kind}"
            self._tell("POST", f"/events/{found[-1]['event']}/resend")

    def settled(self, order_id: str) -> None:
        """Wait until the bank has said its last word about this order to the gateway."""
        assert eventually(lambda: self.charged(order_id), PATIENCE_S)

    def charged(self, order_id: str) -> list[int]:
        """What the gateway really took for this order, in cents, one number a session that was paid."""
        rows = self._tell("GET", "/truth").json()["payments"]
        return [row["charged"] for row in rows if row["metadata"].get("order_id") == order_id and row["charged"]]

    def _tell(self, method: str, path: str, **more: Any) -> httpx.Response:
        return httpx.request(method, f"{self.gateway}/_emulator{path}", **more).raise_for_status()


@contextmanager
def beside(local: Local, **settings: str) -> Iterator[Local]:
    """Another `cubano serve` on the same database and gateway, with other settings."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = local.environment | {"CUBANO_PUBLIC_URL": url, "CUBANO_SERVE_METRICS_PORT": "0"} | settings
    log = local.running.log.with_name(f"serve-{port}.log")
    with (
        log.open("w") as out,
        subprocess.Popen(
            [str(CUBANO), "serve", "--port", str(port)], env=environment, stderr=out, stdout=out
        ) as process,
    ):
        try:
            assert eventually(lambda: _is_ready(url), PATIENCE_S), log.read_text()
            yield Local(local.running, url)
        finally:
            process.terminate()


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready").is_success
    except httpx.TransportError:
        return False
