"""Do what an operator asks for: planned and done in one transaction, with its entry in the audit trail and its key.

`perform` is for what is one transaction. What has to ask a gateway in between says first that it begins (`begin`) and then
what came of it (`end`): a crash leaves the first entry, and a repetition under the same key goes on.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from service.acts.rules import Asked, Plan, Told
from service.audit.flow import note
from service.idempotency import flow as idempotency
from service.idempotency.flow import Claim, Found, Key
from service.kernel.db import Database, Session
from service.kernel.errors import PlanChanged


@dataclass(frozen=True)
class Prepared:
    """A plan whose rows are locked, and what makes it so."""

    plan: Plan
    apply: Callable[[], Awaitable[object]]


Prepare = Callable[[Session], Awaitable[Prepared]]


async def perform(db: Database, asked: Asked, prepare: Prepare) -> Told:
    """Plan it and, unless it is a dry run, do it and write it down. `PlanChanged`, `KeyReused`, and what `prepare` raises."""
    async with db.transaction() as session:
        if asked.act.dry_run:
            plan = (await prepare(session)).plan
            await session.rollback()
            return plan.told(dry_run=True)
        claim = await _claim(session, asked)
        if claim is not None and claim.found is Found.DONE:
            return read_answer(claim)
        prepared = await prepare(session)
        told = _agreed(prepared.plan, asked).told(dry_run=False)
        if told.changes:
            await prepared.apply()
            write_down(session, asked, prepared.plan)
        await _finish(session, asked, claim, told)
    return told


async def begin(
    session: Session, asked: Asked, plan: Callable[[], Awaitable[Plan]]
) -> tuple[Plan | Told, Claim | None]:
    """The plan, written down as begun; or the answer that was given under this key before."""
    claim = await _claim(session, asked)
    if claim is not None and claim.found is Found.DONE:
        return read_answer(claim), claim
    made = _agreed(await plan(), asked)
    if made.changes:
        write_down(session, asked, made)
    return made, claim


async def end(session: Session, asked: Asked, claim: Claim | None, told: Told, *, action: str) -> None:
    """What came of it: an entry of its own, and from now on the answer of the key."""
    if told.changes:
        note(session, asked.by, action, told.subject, before=told.before, after=told.after)
    await _finish(session, asked, claim, told)


async def give_up(session: Session, asked: Asked, claim: Claim | None) -> None:
    """Nothing came of it: the key may be used again at once."""
    if claim is not None:
        await idempotency.give_up(session, _key(session, asked), claim)


def write_down(session: Session, asked: Asked, plan: Plan) -> None:
    after: Mapping[str, Any] = {**(plan.after or {}), "reason": asked.act.reason}
    note(session, asked.by, plan.action, plan.subject, before=plan.before, after=after)


def read_answer(claim: Claim) -> Told:
    """What was answered under this key."""
    return msgspec.json.decode(claim.subject, type=Told)


def _agreed(plan: Plan, asked: Asked) -> Plan:
    if asked.act.expect is not None and asked.act.expect != plan.hash:
        raise PlanChanged(plan.hash)
    return plan


def _key(session: Session, asked: Asked) -> Key:
    # Another's key is another key, and another's answer is never told. An act may name a customer: a plain hash of it
    # could be tried out, so a blind index is kept, by every master key as one takes over.
    first, *others = session.master_keys.digests(asked.fingerprint)
    return Key(f"ops:{asked.by.id}", asked.key or "", first, also=tuple(others))


async def _claim(session: Session, asked: Asked) -> Claim | None:
    return await idempotency.claim(session, _key(session, asked), subject="") if asked.key else None


async def _finish(session: Session, asked: Asked, claim: Claim | None, told: Told) -> None:
    if claim is not None:
        answer = msgspec.json.encode(told).decode()
        await idempotency.finish(session, _key(session, asked), claim, subject=answer)
