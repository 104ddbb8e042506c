"""The PayPal provider as the service builds it, against the emulator every test of this process shares."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from service.gateways.calls import NoGuard
from service.gateways.facts import CheckoutIntent, GatewayCheckout, LineItem
from service.gateways.paypal import PayPalGateway, create
from service.gateways.registry import Context
from service.kernel.clock import utc_now
from service.kernel.money import Money
from service.telemetry.registry import Telemetry

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
WEBHOOK_ID = "WH-0PAYPALTESTS0001"
ORDER_ID, PAYMENT_ID = "ord_01k9v5zj3m0000000000000000", "pay_01k9v5zj3m0000000000000000"


def context(base_url: str = "http://127.0.0.1:9/paypal", **changes: Any) -> Context:
    """What `create` is handed; `changes` are options by their names, or `livemode`."""
    options = {
        "client_id": "shop",
        "client_secret": SecretStr("secret"),
        "webhook_ids": (WEBHOOK_ID,),
        "base_url": base_url,
        "ca_file": "",
    }
    return Context(
        options=options | {name: value for name, value in changes.items() if name in options},
        timeout_s=1,
        livemode=changes.get("livemode", False),
        public_url="http://127.0.0.1:8000",
        guard=NoGuard(),
        telemetry=Telemetry("test", version="0", environment="test"),
        clock=changes.get("clock", utc_now),
    )


def intent(**changes: Any) -> CheckoutIntent:
    """Two tickets for 250 dollars."""
    price = changes.pop("price", Money(12_500, "USD"))
    values = {
        "order_id": ORDER_ID,
        "order_number": "ALC-0001-TEST",
        "payment_id": PAYMENT_ID,
        "email": "ana@example.org",
        "locale": "es",
        "lines": (LineItem("Pase completo", price, 2),),
        "total": price * 2,
        "success_url": "http://127.0.0.1:8000/order/1?token=a%2Fb",
        "cancel_url": "http://127.0.0.1:8000/order/1?canceled=1",
        "traceparent": TRACEPARENT,
        "now": utc_now(),
    }
    return CheckoutIntent(**values | changes)


@dataclass
class Desk:
    """A gateway at the emulator, and the emulator's control."""

    gateway: PayPalGateway
    control: httpx.AsyncClient

    async def open(self, **changes: Any) -> GatewayCheckout:
        asked = intent(**changes)
        return await self.gateway.open_checkout(self.gateway.checkout_request(asked), key=asked.payment_id)

    async def buyer(self, ref: str, way: str, **more: Any) -> dict[str, Any]:
        """What the buyer does on PayPal's page."""
        answer = await self.control.post(f"/sessions/{ref}/pay", json={"paypal": way, **more})
        answer.raise_for_status()
        return answer.json()

    async def buy(self, **changes: Any) -> GatewayCheckout:
        """An order that is approved and captured."""
        opened = await self.open(**changes)
        await self.buyer(opened.ref, "approve")
        return await self.gateway.capture(opened.ref, key=f"{opened.ref}-1")

    async def arm(self, effects: dict[str, Any], **fault: Any) -> None:
        """Something goes wrong at PayPal; `path` and `method` say where."""
        match = {name: fault.pop(name) for name in ("path", "method") if name in fault}
        plan = {"seed": 1, "faults": [{"match": {"provider": "paypal", **match}, "effects": effects, **fault}]}
        (await self.control.put("/faults", json=plan)).raise_for_status()

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = await self.control.post(path, json=body)
        answer.raise_for_status()
        return answer.json()

    async def sold(self) -> list[dict[str, Any]]:
        """What every order really is."""
        rows = (await self.control.get("/truth")).json()["payments"]
        return [row for row in rows if row["provider"] == "paypal"]


@pytest.fixture
async def desk(emulator_url: str) -> AsyncIterator[Desk]:
    async with httpx.AsyncClient(base_url=f"{emulator_url}/_emulator", timeout=20) as control:
        (await control.post("/reset")).raise_for_status()
        gateway = create(context(f"{emulator_url}/paypal"))
        yield Desk(gateway, control)
        await gateway.close()
        (await control.post("/reset")).raise_for_status()
