"""Refunds as whoever asks for them, or decides on them, sees them; camelCase on the wire."""

from datetime import datetime
from typing import Annotated

import msgspec

from service.approvals.rules import UNDECIDED_FOR
from service.kernel.money import Money
from service.orders.tables import Order
from service.refunds.machine import RefundStatus
from service.refunds.tables import Refund, RefundItem


class RefundAsked(msgspec.Struct, rename="camel", frozen=True):
    """`status` is as it was when it was asked for: `requested`, or `awaiting_approval` above the caller's limit."""

    refund_id: str
    status: str


class RefundDecided(msgspec.Struct, rename="camel", frozen=True):
    """`outcome` is `already` when the same was decided before, by whomever."""

    refund_id: str
    status: str
    outcome: str


class PartView(msgspec.Struct, rename="camel", frozen=True):
    ticket_type: str
    quantity: int
    amount: Money


class PersonView(msgspec.Struct, rename="camel", frozen=True):
    kind: Annotated[str, msgspec.Meta(description="key, staff, customer or system.")]
    id: str
    name: str


class RefundDetail(msgspec.Struct, rename="camel", frozen=True):
    """A refund with everything that is known of it. `expires_at` is there only while it waits for a decision."""

    refund_id: str
    order_id: str
    order_number: str
    payment_id: str
    provider: str
    status: str
    amount: Money
    items: list[PartView]
    reason: str
    note: str | None
    external: Annotated[bool, msgspec.Meta(description="Made in the provider's own dashboard.")]
    requested_by: PersonView | None
    created_at: datetime
    decided_by: PersonView | None
    decided_at: datetime | None
    decision_note: str | None
    failure_reason: str | None
    returned_at: datetime | None
    expires_at: datetime | None


class RefundList(msgspec.Struct, rename="camel", frozen=True):
    """The oldest first; `cursor` is absent on the last page."""

    refunds: list[RefundDetail]
    cursor: str | None


def present(refund: Refund, order: Order, parts: list[RefundItem]) -> RefundDetail:
    types = {item.id: item.ticket_type for item in order.items}
    waits = refund.status == RefundStatus.AWAITING_APPROVAL
    return RefundDetail(
        refund_id=refund.id,
        order_id=order.id,
        order_number=order.number,
        payment_id=refund.payment_id,
        provider=refund.provider,
        status=refund.status,
        amount=refund.amount,
        items=[PartView(types[each.order_item_id], each.quantity, each.amount) for each in parts],
        reason=refund.reason,
        note=refund.note,
        external=refund.external,
        requested_by=_person(refund.requester_kind, refund.requester_id, refund.requester_name),
        created_at=refund.created_at,
        decided_by=_person(refund.decider_kind, refund.decider_id, refund.decider_name),
        decided_at=refund.decided_at,
        decision_note=refund.decision_note,
        failure_reason=refund.failure_reason,
        returned_at=refund.returned_at,
        expires_at=refund.created_at + UNDECIDED_FOR if waits else None,
    )


def _person(kind: str | None, found: str | None, name: str | None) -> PersonView | None:
    return PersonView(kind, found, name) if kind is not None and found is not None and name is not None else None
