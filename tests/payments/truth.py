"""Where an order must have ended, worked out from what the gateway says that really happened."""

from typing import Any

from tests.payments.story import Story

RUNNING = {"needs_response", "under_review", "WAITING_FOR_SELLER_RESPONSE", "UNDER_REVIEW", "OPEN"}


async def expected(story: Story) -> dict[str, Any]:
    """Order, money, refunds, disputes, tickets, letters and seats, by `/truth` alone."""
    truth = (await story.inbox.stage.emulator.get("/_emulator/truth")).json()
    row = next(each for each in truth["payments"] if each["metadata"].get("order_id") == story.checkout["orderId"])
    mine = {
        name: [each for each in truth[name] if row["payment"] and each["payment"] == row["payment"]]
        for name in ("refunds", "disputes")
    }
    if not row["charged"]:
        return _unpaid()
    refunds = sorted((each["status"], each["amount"]) for each in mine["refunds"])
    lost = [each["amount"] for each in mine["disputes"] if _is_lost(each)]
    gone = sum(amount for status, amount in refunds if status == "succeeded") + sum(lost)
    order = _standing(gone, row["charged"], runs=any(_runs(each) for each in mine["disputes"]))
    return {
        "order": order,
        "money": [("succeeded", row["charged"], gone)],
        "refunds": refunds,
        "disputes": len(mine["disputes"]),
        "tickets": {"void" if order == "refunded" else "valid": 2},
        "mails": {"mail.confirmation": 1},
        "holds": {"sold": 2},
    }


def _unpaid() -> dict[str, Any]:
    return {
        "order": "unpaid",
        "money": [("canceled", 49800, 0)],
        "refunds": [],
        "disputes": 0,
        "tickets": {},
        "mails": {},
        "holds": {"released": 2},
    }


def _standing(gone: int, paid: int, *, runs: bool) -> str:
    if gone >= paid:
        return "refunded"
    if runs:
        return "disputed"
    return "partially_refunded" if gone else "paid"


def _runs(dispute: dict[str, Any]) -> bool:
    return dispute["status"] in RUNNING and dispute.get("dispute_life_cycle_stage") != "INQUIRY"


def _is_lost(dispute: dict[str, Any]) -> bool:
    return "lost" == dispute["status"] or "BUYER" in dispute.get("dispute_outcome", {}).get("outcome_code", "")


async def found(story: Story) -> dict[str, Any]:
    """The same from our own tables."""
    rows, order_id = story.inbox.stage.rows, story.checkout["orderId"]

    async def of(query: str) -> list[tuple[Any, ...]]:
        return await rows(query, id=order_id)

    order = (await of("SELECT status FROM orders WHERE id = :id"))[0][0]
    return {
        "order": "unpaid" if order in {"expired", "canceled"} else order,
        "money": await of("SELECT status, amount_minor, returned_minor FROM payments WHERE order_id = :id"),
        "refunds": await of("SELECT status, amount_minor FROM refunds WHERE order_id = :id ORDER BY 1, 2"),
        "disputes": (await of("SELECT count(*) FROM disputes WHERE order_id = :id"))[0][0],
        "tickets": dict(await of("SELECT status, count(*) FROM tickets WHERE order_id = :id GROUP BY status")),
        "mails": dict(
            await of("SELECT kind, count(*) FROM outbox WHERE key = :id AND kind LIKE 'mail.%' GROUP BY kind")
        ),
        "holds": {
            state: int(seats)
            for state, seats in await of("SELECT state, sum(quantity) FROM holds WHERE order_id = :id GROUP BY state")
        },
    }
