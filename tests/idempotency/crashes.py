"""What is left when `serve` dies in the middle of a checkout, written as rows, and the same request coming again."""

from typing import Any

from tests.stage import API_KEY, Stage

KEY = "the-customers-key"


async def forget_at_gateway(stage: Stage) -> None:
    """The request never reached the gateway."""
    (await stage.emulator.post("/_emulator/reset")).raise_for_status()


async def die_after_reserving(stage: Stage) -> None:
    """Between the first and the second transaction: key, order and hold are written, no payment."""
    await forget_at_gateway(stage)
    await stage.rows("DELETE FROM payments")
    await abandon_key(stage)


async def die_before_asking(stage: Stage) -> None:
    """After the second transaction: the intent is written, the gateway knows nothing."""
    await forget_at_gateway(stage)
    await die_before_noting(stage)


async def die_before_noting(stage: Stage) -> None:
    """After the gateway's answer, before the third transaction: a page is open and nobody here knows it."""
    await stage.rows("UPDATE payments SET checkout_ref = NULL, checkout_url = NULL")
    await abandon_key(stage)


async def abandon_key(stage: Stage) -> None:
    """Its lease has run out."""
    await stage.rows("UPDATE idempotency_keys SET state = 'in_flight', leased_until = now() - interval '1 second'")


async def sessions(stage: Stage) -> list[dict[str, Any]]:
    """Every checkout session of the gateway, as its own truth tells."""
    return (await stage.emulator.get("/_emulator/truth")).json()["payments"]


async def gateway_session(stage: Stage, session_id: str) -> dict[str, Any]:
    """One session as the vendor's API tells it."""
    headers = {"Authorization": f"Bearer {API_KEY}"}
    return (await stage.emulator.get(f"/v1/checkout/sessions/{session_id}", headers=headers)).json()
