"""How an order stands, seen from everywhere at once: its customer, the door, the till, the books, people with cases."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from service.cases.tables import Case
from service.journal import flow as journal
from service.journal.rules import tax_within
from service.kernel.money import Money
from tests.payments.history import take_in
from tests.refunds.sending import send_all
from tests.stage import Stage
from tests.webhooks.applying import Inbox
from tests.webhooks.delivery import told

PASS = 24900  # what a full pass costs


@dataclass(frozen=True)
class Scene:
    """`sold` counts full passes of everybody, `cases` are the open ones, `books` is minor units by account."""

    order: str
    tickets: dict[str, int]
    sold: int
    letters: dict[str, int]
    cases: list[str]
    books: dict[str, int]


async def hear(stage: Stage, inbox: Inbox) -> None:
    """Send what is due and take in whatever the gateway has to tell."""
    await send_all(inbox)
    await take_in(stage, inbox, *await told(stage))


async def look(stage: Stage, inbox: Inbox, checkout: dict[str, Any]) -> Scene:
    """The order as it stands; every promise of the data holds."""
    order_id = checkout["orderId"]
    letters = "SELECT kind, count(*) FROM outbox WHERE kind LIKE 'mail.%' AND payload->>'order_id' = :id GROUP BY kind"
    tickets = "SELECT status, count(*) FROM tickets WHERE order_id = :id GROUP BY status"
    async with inbox.parts.db.transaction() as session:
        books = await journal.of_order(session, order_id)
    assert [] == await inbox.broken()
    return Scene(
        order=(await stage.rows("SELECT status FROM orders WHERE id = :id", id=order_id))[0][0],
        tickets=dict(await stage.rows(tickets, id=order_id)),
        sold=(await stage.rows("SELECT sold FROM stock WHERE ticket_type = 'full-pass'"))[0][0],
        letters={kind.removeprefix("mail."): count for kind, count in await stage.rows(letters, id=order_id)},
        cases=[each.kind for each in await open_cases(stage)],
        books={account: amount.minor for account, amount in books.items()},
    )


async def open_cases(stage: Stage) -> list[Case]:
    """Those that wait for a person, by kind."""
    async with stage.db.transaction() as session:
        query = sa.select(Case).where(Case.closed_at.is_(None)).order_by(Case.kind)
        return list((await session.execute(query)).scalars())


async def passes(stage: Stage, *, sold: int, back: int = 0, clearing: int | None = None) -> dict[str, int]:
    """What the books say of so many full passes sold and given back one by one; `clearing` where more has moved."""
    (rate,) = (await stage.rows("SELECT tax_bp FROM ticket_types WHERE id = 'full-pass'"))[0]
    whole, one = (tax_within(Money(PASS * count, "USD"), rate).minor for count in (sold, 1))
    found = {
        "clearing:stripe": PASS * (sold - back) if clearing is None else clearing,
        "revenue:full-pass": whole - PASS * sold,
        "refunds:full-pass": back * (PASS - one),
        "tax": back * one - whole,
    }
    return {account: minor for account, minor in found.items() if minor}
