"""Customers of both gateways on one stage, and what the gateways really hold."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from service.kernel.clock import Dial
from tests.stage import WEBHOOK_SECRET, Stage, buyer

PROVIDERS = ("stripe", "paypal")
WEBHOOK_ID = "WH-STAGE"
DROPPED = {"match": {"event_type": "*"}, "effects": {"drop": True}}  # every webhook of both


def settings_of_both(emulator_url: str, folder: Path) -> dict[str, str]:
    """What a stage needs to sell through both; PayPal's certificates are signed by the emulator's own authority."""
    authority = folder / "authority.pem"
    authority.write_text(httpx.get(f"{emulator_url}/_emulator/paypal/ca").text)
    return {
        "CUBANO_PROVIDERS": "stripe,paypal",
        "CUBANO_PAYPAL_CLIENT_ID": "stage",
        "CUBANO_PAYPAL_CLIENT_SECRET": "stage-secret",
        "CUBANO_PAYPAL_WEBHOOK_IDS": WEBHOOK_ID,
        "CUBANO_PAYPAL_BASE_URL": f"{emulator_url}/paypal",
        "CUBANO_PAYPAL_CA_FILE": str(authority),
    }


async def listen_to_both(stage: Stage, *, thin: bool = False, snapshot: bool = True) -> None:
    """The webhooks of both gateways come to this stage's server."""
    url = f"{stage.settings.public_url}/api/payment/webhook"
    endpoints = [{"url": f"{url}/paypal", "secret": WEBHOOK_ID, "provider": "paypal"}]
    if snapshot:
        endpoints.append({"url": url, "secret": WEBHOOK_SECRET})
    if thin:
        endpoints.append({"url": url, "secret": WEBHOOK_SECRET, "payload": "thin"})
    (await stage.emulator.put("/_emulator/endpoints", json=endpoints)).raise_for_status()


async def order_from(stage: Stage, provider: str) -> dict[str, Any]:
    """A checkout at this gateway."""
    return (await stage.checkout(buyer(provider=provider))).raise_for_status().json()


def ref_of(checkout: dict[str, Any]) -> str:
    """The gateway's name for it, as it stands in the page's address."""
    url = checkout["checkoutUrl"]
    if checkout["provider"] == "paypal":
        return url.partition("token=")[2]
    return next(part for part in url.split("/") if part.startswith("cs_")).split("?")[0]


async def pay(stage: Stage, checkout: dict[str, Any], way: str = "approve", **more: Any) -> dict[str, Any]:
    """The buyer pays at the gateway; `way` is PayPal's (approve, decline, pending)."""
    how = {"paypal": way} if checkout["provider"] == "paypal" else {"card": "4242424242424242"}
    answer = await stage.emulator.post(f"/_emulator/sessions/{ref_of(checkout)}/pay", json={**how, **more})
    answer.raise_for_status()
    return answer.json()


async def charged(stage: Stage) -> list[tuple[str, str, int]]:
    """(provider, order, amount) of every payment the gateways hold, as they tell it themselves."""
    rows = (await stage.emulator.get("/_emulator/truth")).json()["payments"]
    held = [each for each in rows if each["charged"]]
    return sorted((each["provider"], each["metadata"]["order_id"], each["charged"]) for each in held)


def later(stage: Stage, by: timedelta | int) -> None:
    """Later, for us."""
    assert isinstance(stage.clock, Dial)
    stage.clock.advance(by)


async def turn(stage: Stage, seconds: int) -> None:
    """Later, for the gateways and for us."""
    (await stage.emulator.post("/_emulator/clock", json={"advance": seconds})).raise_for_status()
    later(stage, seconds)
