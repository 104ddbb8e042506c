"""What a gateway does to a call that moves money, with the work done and without."""

from typing import Any

from tests.recovery.both import charged
from tests.stage import Stage

OPEN = {"stripe": "/v1/checkout/sessions", "paypal": "/paypal/v2/checkout/orders"}
CAPTURE = "/paypal/v2/checkout/orders/*/capture"


def error(status: int, *, commit: bool = False, keep: bool = False) -> dict[str, Any]:
    return {"error": {"status": status, "commit": commit, "keep": keep}}


TROUBLE = {
    "never answers": {"timeout": "before"},
    "never answers, after the work": {"timeout": "after"},
    "hangs up": {"reset": "before"},
    "hangs up after the work": {"reset": "after"},
    "500": error(500),
    "500 after the work": error(500, commit=True),
    "500 after the work, and it stays so under the key": error(500, commit=True, keep=True),
    "503": error(503),
    "still at work on the first try": error(409),
    "too many requests": {"rate_limit": True},
}


def strikes(path: str, effects: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A fault on posts to this path."""
    return {"match": {"method": "POST", "path": path}, "effects": effects, **more}


async def hurry(stage: Stage) -> None:
    """What waits for its next try is due now."""
    await stage.rows("UPDATE outbox SET due_at = now() WHERE state = 'pending' AND leased_until IS NULL")


async def tried(stage: Stage, kind: str) -> list[tuple[Any, ...]]:
    """Messages of this kind that were tried in vain and wait."""
    return await stage.rows(
        "SELECT attempts FROM outbox WHERE kind = :kind AND attempts > 0 AND leased_until IS NULL AND state = 'pending'",
        kind=kind,
    )


async def money(stage: Stage) -> tuple[list[tuple[str, str, int]], list[tuple[Any, ...]]]:
    """What the gateways hold, and what we believe they hold: to be the same, row by row."""
    ours = "SELECT provider, order_id, amount_minor FROM payments WHERE status = 'succeeded' ORDER BY 1, 2"
    return await charged(stage), await stage.rows(ours)
