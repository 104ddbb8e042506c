"""Look through the outbox, deliver a message again, decide against one. A message a worker delivers now is left to it."""

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
from service.outbox.views import MessagesView, present

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
        affects=await _affected(session, message),
    )
    return Prepared(plan, partial(outbox.retry, session, seq))


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
        affects=await _affected(session, message),
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


async def _affected(session: Session, message: OutboxMessage) -> Affected:
    order_id = message.payload.get("order_id")
    ids = [order_id] if isinstance(order_id, str) and is_id(order_id, "ord") else []
    count, amounts = await add_up(session, Order.id.in_(ids))
    return Affected(orders=count, events=1, amounts=amounts)
