"""Money that goes back, and what moved on Stripe's balance.

A movement's kind follows its `reporting_category` (https://docs.stripe.com/reports/reporting-categories), as Stripe asks
for bookkeeping; what is not in `CATEGORIES` is `OTHER` and still sums up.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from service.gateways.calls import Operation
from service.gateways.facts import RefundFacts, RefundIntent, Settlement, SettlementKind
from service.gateways.stripe_line import Line
from service.gateways.stripe_lists import Walk, whole_seconds
from service.gateways.stripe_words import minor_of, money_of, ref_of, refund_of, time_of

# Stripe knows three reasons. `fraudulent` also bans the card, so only who says exactly that gets it.
REASONS = {"duplicate": "duplicate", "surplus_payment": "duplicate", "fraudulent": "fraudulent"}

CATEGORIES = {
    "charge": SettlementKind.PAYMENT,
    "refund": SettlementKind.REFUND,
    "refund_failure": SettlementKind.REFUND_FAILED,
    "dispute": SettlementKind.DISPUTE,
    "dispute_reversal": SettlementKind.DISPUTE_WON,
    "fee": SettlementKind.FEE,
    "network_cost": SettlementKind.FEE,
    "tax": SettlementKind.FEE,
    "payout": SettlementKind.PAYOUT,
    "payout_reversal": SettlementKind.PAYOUT_FAILED,
}


def refund_request(intent: RefundIntent) -> dict[str, Any]:
    metadata = {
        "refund_id": intent.refund_id,
        "payment_id": intent.payment_id,
        "order_id": intent.order_id,
        "order_number": intent.order_number,
        "reason": intent.reason,
    }
    if intent.traceparent:
        metadata["traceparent"] = intent.traceparent
    return {
        "payment_intent": intent.payment_ref,
        "amount": minor_of(intent.amount),
        "reason": REASONS.get(intent.reason, "requested_by_customer"),
        "metadata": metadata,
    }


async def refund(line: Line, request: dict[str, Any], *, key: str) -> RefundFacts:
    params: Any = request
    async with line.call(Operation.REFUND):
        made = await line.v1.refunds.create_async(params, {"idempotency_key": key})
    return refund_of(made.to_dict())


async def list_settlements(line: Line, *, since: datetime, until: datetime) -> AsyncIterator[Settlement]:
    walk = Walk(
        line,
        Operation.LIST_SETTLEMENTS,
        line.v1.balance_transactions.list_async,
        created={"gte": whole_seconds(since), "lt": whole_seconds(until)},
        expand=["data.source"],
    )
    async for movement in walk.oldest_first():
        yield _settlement(movement)


async def list_paid_out(line: Line, payout_ref: str) -> AsyncIterator[Settlement]:
    """Complete once Stripe has told of `payout.reconciliation_completed`; only automatic payouts can be itemised."""
    walk = Walk(
        line,
        Operation.LIST_SETTLEMENTS,
        line.v1.balance_transactions.list_async,
        payout=payout_ref,
        expand=["data.source"],
    )
    async for movement in walk.oldest_first():
        settlement = _settlement(movement)
        if settlement.kind is not SettlementKind.PAYOUT:
            yield replace(settlement, paid_out_by=payout_ref)


def _settlement(movement: dict[str, Any]) -> Settlement:
    kind = CATEGORIES.get(movement["reporting_category"], SettlementKind.OTHER)
    source = movement["source"] if isinstance(movement["source"], dict) else {}
    refs = {source.get("object"): source.get("id")}
    ours = source.get("metadata") or {}
    return Settlement(
        ref=movement["id"],
        kind=kind,
        amount=money_of(movement["amount"], movement["currency"]),
        fee=money_of(movement["fee"], movement["currency"]),
        occurred_at=time_of(movement["created"]),
        available_at=time_of(movement["available_on"]),
        payment_ref=ref_of(source.get("payment_intent")),
        refund_ref=refs.get("refund"),
        dispute_ref=refs.get("dispute"),
        payout_ref=refs.get("payout"),
        order_id=ours.get("order_id"),
        payment_id=ours.get("payment_id"),
        refund_id=ours.get("refund_id"),
    )
