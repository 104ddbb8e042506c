"""Open a case with the transaction that found its fact, and close it: by a later fact, or by a person.

Whoever finds a fact again finds its case open and changes nothing. Who opens or resolves one holds the lock of its order,
so a fact and the one that settles it come one after the other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from service.audit.flow import note
from service.audit.rules import Actor
from service.cases.rules import KINDS, MOST_RESOLUTION, CaseKind
from service.cases.tables import IS_OPEN, Case
from service.kernel.db import Session
from service.kernel.errors import FieldError, Invalid, NotFound, WrongState
from service.telemetry import catalogue
from service.telemetry.logs import get_logger

log = get_logger("cases")
BY_ITSELF = "system"


@dataclass(frozen=True)
class Fact:
    """What a person must handle; `due_at` where something else than its kind says by when."""

    kind: CaseKind
    subject: str
    order_id: str | None
    detail: Mapping[str, Any]
    due_at: datetime | None = None


async def open_case(session: Session, fact: Fact) -> bool:
    """Open a case for a fact; False when it is open already."""
    terms = KINDS[fact.kind]
    row = {
        "id": session.ids.new("case"),
        "kind": fact.kind,
        "subject": fact.subject,
        "order_id": fact.order_id,
        "owner": terms.owner,
        "detail": dict(fact.detail),
        "opened_at": session.now,
        "due_at": fact.due_at or session.now + terms.within,
    }
    statement = insert(Case).values(row)
    is_known = statement.on_conflict_do_nothing(index_elements=["kind", "subject"], index_where=sa.text(IS_OPEN))
    opened = (await session.execute(is_known.returning(Case.id))).scalar_one_or_none()
    if opened is None:
        return False
    session.count(catalogue.CASES_OPENED, kind=fact.kind)
    log.warning("case opened", case_id=opened, kind=fact.kind, subject=fact.subject, order_id=fact.order_id)
    return True


async def put_off(session: Session, subject: str, due_at: datetime | None) -> None:
    """What is open about it is due at another time, where one is known."""
    if due_at is not None:
        theirs = Case.subject == subject, Case.closed_at.is_(None)
        await session.execute(sa.update(Case).where(*theirs).values(due_at=due_at))


async def resolve(session: Session, kinds: Iterable[CaseKind], subjects: Iterable[str], *, because: str) -> int:
    """A later fact has settled them: close what is open of these kinds about these subjects; how many."""
    theirs = Case.kind.in_(list(kinds)), Case.subject.in_(list(subjects)), Case.closed_at.is_(None)
    ended = {"closed_at": session.now, "closed_by": BY_ITSELF, "resolution": because}
    closed = sa.update(Case).where(*theirs).values(ended).returning(Case.id)
    return len((await session.execute(closed.execution_options(synchronize_session=False))).all())


async def close(session: Session, by: Actor, case_id: str, resolution: str) -> Case:
    """A person has handled it and says how. `NotFound`; `WrongState` when it is closed; `Invalid`."""
    said = resolution.strip()
    if not said or len(said) > MOST_RESOLUTION:
        told = f"Say in 1 to {MOST_RESOLUTION} characters how it was handled."
        raise Invalid([FieldError("resolution", "required", told)])
    case = await session.get(Case, case_id, with_for_update=True)
    if case is None:
        raise NotFound
    if case.closed_at is not None:
        raise WrongState(f"{case.id} was closed at {case.closed_at:%Y-%m-%d %H:%M %Z} by {case.closed_by}.")
    case.closed_at, case.closed_by, case.resolution = session.now, by.name, said
    await session.flush()
    facts = {"kind": case.kind, "subject": case.subject, "orderId": case.order_id}
    note(session, by, "case.close", case.id, before=facts | {"closed": False}, after=facts | {"closed": True})
    return case


async def find(session: Session, *, closed: bool = False, limit: int) -> list[Case]:
    """Open cases, the first due first; or all, the newest first."""
    query = sa.select(Case)
    query = query.order_by(Case.id.desc()) if closed else query.where(Case.closed_at.is_(None)).order_by(Case.due_at)
    return list((await session.execute(query.limit(limit))).scalars())
