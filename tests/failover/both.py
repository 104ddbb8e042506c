"""A stage with two providers, as settings and as things to look at."""

from collections.abc import Iterable
from contextlib import asynccontextmanager
from typing import Any

from service.controls import flow as controls
from service.controls.flow import Wish
from service.controls.rules import switches
from tests.stage import Stage

PROVIDERS = ("stripe", "paypal")
STRIPE, PAYPAL = ({"provider": each} for each in PROVIDERS)
DARK = {"timeout": "before"}


def settings_of(emulator_url: str, **more: str) -> dict[str, str]:
    """Both providers, the emulator playing them; `gateway_healthy_s=3` and the like as further settings."""
    return {
        "CUBANO_PROVIDERS": ",".join(PROVIDERS),
        "CUBANO_PAYPAL_CLIENT_ID": "client",
        "CUBANO_PAYPAL_CLIENT_SECRET": "secret",
        "CUBANO_PAYPAL_WEBHOOK_IDS": "WH-STAGE",
        "CUBANO_PAYPAL_BASE_URL": f"{emulator_url}/paypal",
        "CUBANO_GATEWAY_HEALTHY_S": "1",
        **{f"CUBANO_{name.upper()}": value for name, value in more.items()},
    }


async def put(stage: Stage, name: str, position: str, **wish: Any) -> None:
    """Put a switch into a position, as the command does."""
    async with stage.db.transaction() as session:
        await controls.put(session, switches(PROVIDERS)[name], Wish(position, "a test", "tester", **wish))


async def end_leases(stage: Stage) -> None:
    """The time of every switch's lease is over."""
    await stage.rows("UPDATE controls SET leased_until = now()")


async def until_goes_to(stage: Stage, provider: str, *, within_s: float = 30) -> dict[str, Any]:
    """Check out until a customer who leaves the choice to us is sent to this provider."""

    async def look() -> dict[str, Any] | None:
        answer = await stage.checkout()
        return answer.json() if answer.is_success and answer.json()["provider"] == provider else None

    return await stage.until(look, within_s=within_s)


async def attempts(stage: Stage, order_id: str) -> list[tuple[str, str]]:
    """Provider and status of each attempt to pay an order, oldest first."""
    query = "SELECT provider, status FROM payments WHERE order_id = :id ORDER BY id"
    return [(row[0], row[1]) for row in await stage.rows(query, id=order_id)]


async def opened_at(stage: Stage, provider: str) -> list[str]:
    """Orders with a checkout at this provider, as its own truth tells."""
    rows = (await stage.emulator.get("/_emulator/truth")).json()["payments"]
    return [each["metadata"]["order_id"] for each in rows if each["provider"] == provider]


@asynccontextmanager
async def faults(stage: Stage, *matches: dict[str, Any], effects: dict[str, Any]):
    """These calls go wrong for the length of the block."""
    await stage.faults(*({"match": match, "effects": effects} for match in matches))
    yield
    await stage.faults()


def share(of: Iterable[bool]) -> float:
    """How many of them are true, in per cent."""
    counted = list(of)
    return 100 * sum(counted) / len(counted)
