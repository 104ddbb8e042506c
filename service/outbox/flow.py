"""Look through the outbox, deliver a message again, decide against one. A message a worker delivers now is left to it."""

from collections.abc import Sequence
from functools import partial

import sqlalchemy as sa

from service.acts.flow import Prepared
from service.acts.rules import Affected, Asked, Plan, read_cursor, write_cursor
from service.kernel import outbox
from service.kernel.db import Session
from service.kernel.errors import NotFound, WrongState
from service.kernel.ids import is_id
from service.kernel.outbox import MessageState, OutboxMessage
from service.orders.flow import add_up
from service.orders.tables import Order
from service.outbox.views import MessagesView, RetryMany, present

SPAN = 50_000  # rows a page looks at


async def read_page(
    session: Session, *, state: str | None, kind: str | None, limit: int, cursor: str | None, personal: bool
) -> MessagesView:
    """One page, newest first, and where the next one begins."""
    before = read_cursor(cursor)
    first, last = (
        await session.execute(sa.select(sa.func.min(OutboxMessage.seq), sa.func.max(OutboxMessage.seq)))
    ).one()
    top = before if before is not None else (last or 0) + 1
    is_indexed = state == MessageState.DEAD or (state is None and kind is None)
    low = top - SPAN if not is_indexed and top - SPAN > (first or 0) else 0
    wanted = [OutboxMessage.seq < top, OutboxMessage.seq >= low]
    wanted += [OutboxMessage.state == state] if state is not None else []
    wanted += [OutboxMessage.kind == kind] if kind is not None else []
    query = sa.select(OutboxMessage).where(*wanted).order_by(OutboxMessage.seq.desc()).limit(limit + 1)
    rows = list((await session.execute(query)).scalars())
    follows = rows[limit - 1].seq if len(rows) > limit else low or None
    shown = [present(each, personal=personal) for each in rows[:limit]]
    return MessagesView(shown, write_cursor(follows) if follows else None)


async def prepare_retry(session: Session, seq: int) -> Prepared:
    """Deliver a dead or waiting message at once, with all tries again. `NotFound`, `WrongState`."""
    message = await _lock(session, seq)
    if message.state == MessageState.DONE:
        raise WrongState(f"Message {seq} is done; what has had its effect is not sent again.")
    waits = message.state == MessageState.PENDING and message.due_at <= session.now and message.attempts == 0
    plan = Plan(
        action="outbox.retry",
        subject=_name(message),
        before=facts(message),
        after={"state": MessageState.PENDING.value, "attempts": 0},
        changes=not waits,
        affects=await _affected(session, [message]),
    )
    return Prepared(plan, partial(outbox.retry, session, seq))


async def prepare_many(session: Session, wish: RetryMany) -> Prepared:
    """Deliver the oldest of some dead messages again; those set aside for a person only when they are asked for."""
    wanted = [OutboxMessage.state == MessageState.DEAD]
    wanted += [] if wish.parked else [OutboxMessage.attempts >= outbox.MAX_ATTEMPTS]
    if wish.kind is not None:
        family = f"{wish.kind.rstrip('.')}."
        wanted.append(sa.or_(OutboxMessage.kind == wish.kind, OutboxMessage.kind.startswith(family, autoescape=True)))
    query = sa.select(OutboxMessage).where(*wanted).order_by(OutboxMessage.seq).limit(wish.limit)
    messages = list((await session.execute(query.with_for_update())).scalars())

    async def apply() -> None:
        for each in messages:
            await outbox.retry(session, each.seq)

    plan = Plan(
        action="outbox.retry",
        subject=wish.kind or "outbox",
        before={"state": MessageState.DEAD.value, "messages": [each.seq for each in messages]},
        after={"state": MessageState.PENDING.value, "attempts": 0},
        changes=bool(messages),
        affects=await _affected(session, messages),
    )
    return Prepared(plan, apply)


async def prepare_discard(session: Session, seq: int, asked: Asked) -> Prepared:
    """Decide that a dead or waiting message shall have no effect. `NotFound`, `WrongState`."""
    message = await _lock(session, seq)
    if message.state == MessageState.DONE:
        raise WrongState(f"Message {seq} is done already.")
    plan = Plan(
        action="outbox.discard",
        subject=_name(message),
        before=facts(message),
        after={"state": MessageState.DONE.value, "effect": "none"},
        affects=await _affected(session, [message]),
    )
    why = f"discarded by {asked.by.name}: {asked.act.reason}"
    return Prepared(plan, partial(outbox.discard, session, seq, why=why))


async def _lock(session: Session, seq: int) -> OutboxMessage:
    message = await outbox.find_message(session, seq)
    if message is None:
        raise NotFound
    is_held = message.leased_until is not None and message.leased_until > session.now
    if message.state == MessageState.PENDING and is_held:
        raise WrongState(f"A worker delivers message {seq} at this moment; look again in half a minute.")
    return message


def _name(message: OutboxMessage) -> str:
    return f"{message.kind} {message.key}"


def facts(message: OutboxMessage) -> dict[str, object]:
    """What of a message stands in the audit trail."""
    return {"seq": message.seq, "state": message.state, "attempts": message.attempts}


async def _affected(session: Session, messages: Sequence[OutboxMessage]) -> Affected:
    named = {each.payload.get("order_id") for each in messages}
    ids = sorted(each for each in named if isinstance(each, str) and is_id(each, "ord"))
    count, amounts = await add_up(session, Order.id.in_(ids))
    return Affected(orders=count, events=len(messages), amounts=amounts)
