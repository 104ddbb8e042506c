"""A shop that sells by PayPal: plain HTTP, a token, and every answer held against what the vendor publishes."""

import itertools
import json
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.emulator.paypal.published import Published

CLIENT = ("client-of-the-tests", "its-secret")
ORDERS = "/paypal/v2/checkout/orders"
CAPTURES = "/paypal/v2/payments/captures"
REFUNDS = "/paypal/v2/payments/refunds"
EVENTS = "/paypal/v1/notifications/webhooks-events"
WHOLE = {"prefer": "return=representation"}
_numbers = itertools.count()


def dollars(value: str) -> dict[str, str]:
    return {"currency_code": "USD", "value": value}


def order_of(**changes: Any) -> dict[str, Any]:
    """Two full passes and a social, 415.00 USD; `changes` replace fields of the purchase unit."""
    items = [
        {"name": "Full pass", "quantity": "2", "unit_amount": dollars("185.00")},
        {"name": "Saturday social", "quantity": "1", "unit_amount": dollars("45.00")},
    ]
    unit = {
        "amount": {**dollars("415.00"), "breakdown": {"item_total": dollars("415.00")}},
        "items": items,
        "custom_id": json.dumps({"order_id": "ord_1", "payment_id": "pay_1"}),
    } | changes
    context = {"return_url": "http://127.0.0.1:9/back", "cancel_url": "http://127.0.0.1:9/cart?from=paypal"}
    source = {"paypal": {"experience_context": context}}
    return {"intent": "CAPTURE", "purchase_units": [unit], "payment_source": source}


@dataclass
class Shop:
    """Requests as the shop's server makes them."""

    http: httpx.AsyncClient
    published: Published | None
    headers: dict[str, str] = field(default_factory=dict)

    async def sign_in(self) -> None:
        form = {"grant_type": "client_credentials"}
        answer = await self.http.post("/paypal/v1/oauth2/token", data=form, auth=CLIENT)
        answer.raise_for_status()
        self.headers = {"authorization": f"Bearer {answer.json()['access_token']}"}

    async def ask(self, method: str, path: str, *, key: str | None = None, **given: Any) -> httpx.Response:
        """One request; `key` is the PayPal-Request-Id, a new one for each POST when not given."""
        headers = {**self.headers, **given.pop("headers", {})}
        if method == "POST":
            headers["paypal-request-id"] = key or f"key-{next(_numbers)}"
        answer = await self.http.request(method, path, headers=headers, **given)
        if self.published is not None and answer.content:
            self.published.check(path, answer.status_code, answer.json())
        return answer

    async def open(self, *, key: str | None = None, **changes: Any) -> dict[str, Any]:
        answer = await self.ask("POST", ORDERS, key=key, json=order_of(**changes), headers=WHOLE)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()

    async def order(self, identifier: str) -> dict[str, Any]:
        return (await self.ask("GET", f"{ORDERS}/{identifier}")).json()

    async def pay(self, identifier: str, way: str = "approve", **more: Any) -> dict[str, Any]:
        answer = await self.http.post(f"/_emulator/sessions/{identifier}/pay", json={"paypal": way, **more})
        answer.raise_for_status()
        return answer.json()

    async def approved(self, way: str = "approve", *, later: dict[str, Any] | None = None, **changes: Any) -> str:
        identifier = (await self.open(**changes))["id"]
        await self.pay(identifier, way, **(later or {}))
        return identifier

    async def capture(self, identifier: str, **given: Any) -> httpx.Response:
        return await self.ask("POST", f"{ORDERS}/{identifier}/capture", **{"headers": WHOLE, **given})

    async def captured(self, way: str = "approve", **changes: Any) -> dict[str, Any]:
        """The capture of a new order."""
        answer = await self.capture(await self.approved(way, **changes))
        assert answer.status_code == 201, answer.text
        return capture_of(answer)

    async def refund(self, capture: str, value: str | None = None, **given: Any) -> httpx.Response:
        body = {} if value is None else {"amount": dollars(value)}
        body |= given.pop("body", {})
        return await self.ask("POST", f"{CAPTURES}/{capture}/refund", **{"headers": WHOLE, "json": body, **given})

    async def get(self, path: str, **query: Any) -> dict[str, Any]:
        answer = await self.ask("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def event_types(self) -> list[str]:
        """All events, oldest first."""
        listed = await self.get(EVENTS, page_size=300)
        return [event["event_type"] for event in reversed(listed["events"])]

    async def control(self, path: str, **body: Any) -> httpx.Response:
        return await self.http.post(f"/_emulator/{path}", json=body)


def capture_of(answer: httpx.Response) -> dict[str, Any]:
    return answer.json()["purchase_units"][0]["payments"]["captures"][0]


def issue(answer: httpx.Response) -> tuple[int, str]:
    """Status and first issue of a refusal."""
    return answer.status_code, answer.json()["details"][0]["issue"]
