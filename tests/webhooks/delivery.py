"""Speak to the webhook endpoint as the gateway does: real bytes, signed with the secret, over HTTP."""

import json
import secrets
from datetime import datetime
from typing import Any

import httpx
import stripe
from prometheus_client.parser import text_string_to_metric_families

from tests.stage import WEBHOOK_SECRET, Stage

PATH = "/api/payment/webhook"


def header(body: bytes, *, at: datetime, secret: str = WEBHOOK_SECRET) -> str:
    """The `Stripe-Signature` by the vendor's own code."""
    return stripe.WebhookSignature.generate_signature_header(body.decode(), secret, int(at.timestamp()))


def event_of(kind: str = "customer.created", **changes: Any) -> dict[str, Any]:
    """A snapshot event of a type that does not concern us; `changes` replace top-level fields."""
    return {
        "id": f"evt_{secrets.token_hex(8)}",
        "object": "event",
        "type": kind,
        "created": 1_780_000_000,
        "livemode": False,
        "data": {"object": {"id": "cus_1", "object": "customer"}},
        **changes,
    }


async def deliver(stage: Stage, event: dict[str, Any] | bytes, *, to: str = PATH) -> httpx.Response:
    """One signed delivery."""
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    return await send(stage, body, header(body, at=stage.clock()), to=to)


async def send(stage: Stage, body: bytes, signature: str | bytes | None, *, to: str = PATH) -> httpx.Response:
    """A body with exactly this signature header, or with none."""
    headers: list[tuple[bytes, bytes]] = [(b"content-type", b"application/json")]
    if signature is not None:
        headers.append((b"stripe-signature", signature.encode("latin-1") if isinstance(signature, str) else signature))
    return await stage.client.post(to, content=body, headers=headers)


async def deaf(stage: Stage) -> None:
    """From now on the gateway tells nothing by itself; the test delivers its events."""
    (await stage.emulator.put("/_emulator/endpoints", json=[])).raise_for_status()


async def told(stage: Stage) -> list[dict[str, Any]]:
    """Every event the gateway has made, oldest first, as it would deliver it."""
    listed = await stage.emulator.get("/v1/events", params={"limit": 100}, auth=("sk_test_stage", ""))
    listed.raise_for_status()
    return list(reversed(listed.json()["data"]))


async def counted(url: str, name: str) -> dict[tuple[str, ...], float]:
    """The samples of one metric by its label values, in the labels' alphabetical order."""
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"{url}/metrics")).text
    return samples(text, name)


def samples(text: str, name: str) -> dict[tuple[str, ...], float]:
    """The same from an exposition."""
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }
