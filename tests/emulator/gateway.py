"""A running stand-in and the means to use it: the vendor's SDK, its control, and plain HTTP."""

import asyncio
import json
import ssl
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import httpx
import stripe

from tests.emulator.schema import Shapes

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # everything here is loopback; reading the CA store costs 30 ms
API_KEY = "sk_test_emulator_tests"
FULL_PASS, SOCIAL = 18_500, 4_500


class CheckedHTTP(stripe.HTTPXClient):
    """The SDK's own client; each answer is held against the published schema on its way."""

    def __init__(self, shapes: Shapes | None, **options: Any) -> None:
        super().__init__(**options)
        self._shapes = shapes
        self.last_headers: dict[str, str] = {}

    async def request_async(self, *args: Any, **kwargs: Any) -> Any:
        content, status, headers = await super().request_async(*args, **kwargs)
        self.last_headers = {name.lower(): value for name, value in headers.items()}
        if self._shapes is not None:
            self._shapes.check(json.loads(content))
        return content, status, headers


@dataclass
class Gateway:
    """What a test holds: `api` is `client.v1` of the real SDK."""

    url: str
    wire: CheckedHTTP
    http: httpx.AsyncClient
    shapes: Shapes | None

    def client(self, **options: Any) -> stripe.StripeClient:
        settings = {"max_network_retries": 0, **options}
        return stripe.StripeClient(
            settings.pop("key", API_KEY), base_addresses={"api": self.url}, http_client=self.wire, **settings
        )

    @property
    def api(self) -> Any:
        return self.client().v1

    async def open(self, **changes: Any) -> Any:
        """A session for two passes and a social, 415.00 USD; `changes` replace parameters."""
        return await self.api.checkout.sessions.create_async(session_of(**changes))

    async def pay(self, session: Any, card: str | None = "4242424242424242", **more: Any) -> dict[str, Any]:
        body = {"card": card, **more} if card else more
        answer = await self.http.post(f"/_emulator/sessions/{session.id}/pay", json=body)
        answer.raise_for_status()
        return answer.json()

    async def paid(self, card: str = "4242424242424242", **changes: Any) -> dict[str, Any]:
        return await self.pay(await self.open(**changes), card)

    async def event_types(self) -> list[str]:
        """All events, oldest first."""
        listed = await self.api.events.list_async({"limit": 100})
        return [event.type for event in reversed(listed.data)]

    async def arm(self, *faults: dict[str, Any], seed: int = 1) -> None:
        (await self.http.put("/_emulator/faults", json={"seed": seed, "faults": list(faults)})).raise_for_status()

    async def advance(self, seconds: int) -> None:
        (await self.http.post("/_emulator/clock", json={"advance": seconds})).raise_for_status()

    async def truth(self) -> dict[str, Any]:
        return (await self.http.get("/_emulator/truth")).json()

    async def deliveries(self, **filters: Any) -> list[dict[str, Any]]:
        return (await self.http.get("/_emulator/deliveries", params=filters)).json()["deliveries"]

    async def listen(self, *endpoints: tuple[str, str], **more: Any) -> None:
        body = [{"url": url, "secret": secret, **more} for url, secret in endpoints]
        (await self.http.put("/_emulator/endpoints", json=body)).raise_for_status()


def session_of(**changes: Any) -> dict[str, Any]:
    return {
        "mode": "payment",
        "line_items": [line("Full pass", FULL_PASS, 2), line("Saturday social", SOCIAL, 1)],
        "success_url": "http://127.0.0.1:9/thanks?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://127.0.0.1:9/cart",
        "metadata": {"order_id": "ord_1"},
        "payment_intent_data": {"metadata": {"order_id": "ord_1", "traceparent": "00-1-2-01"}},
    } | changes


def line(name: str, unit_amount: int, quantity: int, currency: str = "usd") -> dict[str, Any]:
    price = {"currency": currency, "unit_amount": unit_amount, "product_data": {"name": name}}
    return {"price_data": price, "quantity": quantity}


class Process:
    """`cubano emulate` as a process."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-m", "service.emulator.cli", "--port", "0", "--metrics-port", "0", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        said = json.loads(self.process.stdout.readline())
        self.url, self.metrics = said["url"], said["metrics"]

    def stop(self) -> int:
        self.process.terminate()
        return self._gone()

    def kill(self) -> int:
        self.process.kill()
        return self._gone()

    def _gone(self) -> int:
        code = self.process.wait(10)
        self.process.stdout.close()
        return code


async def eventually(check: Any, *, within_s: float = 10) -> Any:
    """Wait until `check()` (awaited) answers something true."""
    async with asyncio.timeout(within_s):
        while not (found := await check()):  # noqa: ASYNC110 - it watches another process
            await asyncio.sleep(0.02)
    return found
