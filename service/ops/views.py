"""The promises of the data, and the audit trail, as they are told; camelCase on the wire."""

import json
from datetime import datetime
from typing import Annotated, Any

import msgspec

from service.acts.rules import Act, Reason
from service.audit.tables import AuditEntry
from service.kernel.invariants import Finding, Invariant

ADDRESS = r"^[^\x00-\x20\x7f-\xa0@]+@[^\x00-\x20\x7f-\xa0@]+$"
ORDER = r"^[A-Za-z0-9_-]+$"
EXAMPLES = 5  # violations told of one promise; the count is exact


class Verdict(msgspec.Struct, rename="camel", frozen=True):
    """What a check found."""

    checked_at: datetime
    violations: int
    examples: Annotated[list[str], msgspec.Meta(description="The first of them: what, and what is wrong with it.")]


class InvariantView(msgspec.Struct, rename="camel", frozen=True):
    name: str
    promise: str
    playbook: Annotated[str, msgspec.Meta(description="What to do when it is broken.")]
    last: Annotated[Verdict | None, msgspec.Meta(description="Of the last check somebody asked for, by any process.")]


class InvariantsView(msgspec.Struct, rename="camel", frozen=True):
    holds: Annotated[bool | None, msgspec.Meta(description="Null: nobody has asked for a check yet.")]
    invariants: list[InvariantView]


class CheckAsked(msgspec.Struct, rename="camel", frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which promises; left out: all. It reads whole tables, in one snapshot, and changes nothing."""

    reason: Reason
    only: (
        Annotated[list[Annotated[str, msgspec.Meta(max_length=100)]], msgspec.Meta(min_length=1, max_length=100)] | None
    ) = None


class EraseAsked(Act, frozen=True, kw_only=True):
    """Whom to forget: everybody's orders of an address, or of the address of an order; one of the two."""

    email: (
        Annotated[str, msgspec.Meta(max_length=254, pattern=ADDRESS, description="The customer's address.")] | None
    ) = None
    order_id: (
        Annotated[
            str, msgspec.Meta(min_length=1, max_length=100, pattern=ORDER, description="Id or number of an order.")
        ]
        | None
    ) = None
    force: Annotated[bool, msgspec.Meta(description="Also while something is under way, where the law demands it.")] = (
        False
    )


class EntryView(msgspec.Struct, rename="camel", frozen=True):
    """One entry of the trail."""

    seq: int
    at: datetime
    actor_kind: Annotated[str, msgspec.Meta(description="key, staff, customer or system.")]
    actor_id: str
    actor_name: str
    action: str
    subject: str
    before: Any
    after: Any
    ip: str | None
    user_agent: str | None
    trace_id: str | None
    hash: Annotated[str, msgspec.Meta(description="Of this entry and the one before it.")]


class TrailView(msgspec.Struct, rename="camel", frozen=True):
    entries: list[EntryView]
    cursor: str | None


def verdict(finding: Finding, at: datetime) -> Verdict:
    return Verdict(at, finding.count, [f"{what}: {problem}" for what, problem in finding.examples[:EXAMPLES]])


def present(invariant: Invariant, last: Verdict | None) -> InvariantView:
    return InvariantView(invariant.name, invariant.promise, invariant.playbook, last)


def present_entry(row: AuditEntry) -> EntryView:
    return EntryView(
        seq=row.seq,
        at=row.at,
        actor_kind=row.actor_kind,
        actor_id=row.actor_id,
        actor_name=row.actor_name,
        action=row.action,
        subject=row.subject,
        before=json.loads(row.before) if row.before else None,
        after=json.loads(row.after) if row.after else None,
        ip=row.ip,
        user_agent=row.user_agent,
        trace_id=row.trace_id,
        hash=row.hash,
    )
