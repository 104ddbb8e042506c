"""Books that do not say what the rows say: found, posted again from the rows, and each promise broken by its own row."""

from datetime import timedelta

import sqlalchemy as sa

from service.keeping.flow import Walk, keep
from service.kernel.clock import Dial
from service.kernel.invariants import check
from service.parts import INVARIANTS, terms_of
from service.reconciliation.flow import reconcile_due
from tests.reconciliation.books import DAY, HOUR, PASSES, Books
from tests.reconciliation.test_types import fix, kinds, rows

UNWRITTEN = ("journal_lines", "journal_entries")


async def unwrite(books: Books) -> None:
    """As in a database that is older than its journal."""
    for table in UNWRITTEN:
        await books.stage.rows(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        await books.stage.rows(f"DELETE FROM {table}")  # noqa: S608 - our own names
        await books.stage.rows(f"ALTER TABLE {table} ENABLE TRIGGER ALL")


async def books_say(books: Books) -> list[tuple]:
    """Every account's sum by subject."""
    return await books.stage.rows("""
        SELECT e.subject, l.account, sum(l.amount_minor)::bigint FROM journal_entries e
        JOIN journal_lines l ON l.entry_seq = e.seq WHERE e.kind IN ('payment', 'refund', 'dispute')
        GROUP BY 1, 2 HAVING sum(l.amount_minor) <> 0 ORDER BY 1, 2""")


async def trouble(books: Books) -> str:
    """A payment of which a part went back, and another that is disputed; the first one's id."""
    returned, disputed = await books.sell(), await books.sell()
    await books.odd("external_refund", returned, amount=3_000)
    await books.odd("missing_event", disputed)
    await books.later(HOUR)
    await fix(books, await books.compare(books.today))
    return returned


async def test_what_was_never_posted_is_posted_from_the_rows(books: Books):
    """Payment, refund and dispute; as they stood before, and once."""
    payment = await trouble(books)
    before = await books_say(books)
    await unwrite(books)
    out = await books.compare(books.today)
    walk = Walk(books.parts.db)
    turns = [await walk.turn() for _ in range(3)]

    assert ["unposted"] * 4 == [each for each in kinds(out) if each == "unposted"]
    assert ("unposted", payment, PASSES, "on_call") in rows(out)
    assert [True, False, False] == turns
    assert before == await books_say(books)
    assert "unposted" not in kinds(await books.compare(books.today))


async def test_one_order_that_cannot_be_posted_holds_up_no_other(books: Books):
    """The walk goes on, and tells of it; an order settled in another currency can be posted again like any other."""
    exchanged, odd, last = [await books.sell() for _ in range(3)]
    await books.odd("currency", exchanged)
    await books.odd("external_refund", exchanged, amount=PASSES)
    await books.later(HOUR)
    await fix(books, await books.compare(books.today))
    before = [each for each in await books_say(books) if each[0] != odd]
    half = "DELETE FROM {table} WHERE {entry} IN (SELECT seq FROM journal_entries WHERE kind = 'payment')"
    for table, entry in zip(UNWRITTEN, ("entry_seq", "seq"), strict=True):
        await books.stage.rows(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        await books.stage.rows(half.format(table=table, entry=entry))
        await books.stage.rows(f"ALTER TABLE {table} ENABLE TRIGGER ALL")
    await books.stage.rows("UPDATE payments SET amount_minor = amount_minor + 1 WHERE id = :id", id=odd)

    turns = [await (walk := Walk(books.parts.db)).turn(), await walk.turn()]

    assert [True, False] == turns
    assert before == await books_say(books)
    assert last in {each[0] for each in before}
    assert 'worker_failures_total{loop="keeping"} 1.0' in books.parts.telemetry.render("")[0].decode()


async def test_fix_posts_what_is_missing_and_says_so_in_the_trail(books: Books):
    """The safe repair of `unposted`; audited under whoever asked for it."""
    payment = await books.sell()
    await unwrite(books)
    out = await books.compare(books.today)
    await fix(books, out)
    trail = await books.stage.rows("SELECT actor_id, action FROM audit_trail WHERE action LIKE 'books.%'")

    assert {("unposted", payment, PASSES, "on_call")} == rows(out)
    assert [] == kinds(await books.compare(books.today))
    assert [("cli:ana", "books.post")] == trail


async def test_late_and_surplus_money_is_owed_again(books: Books):
    """Who paid too late has no ticket, so the money is no revenue; nor is a second payment."""
    await books.sell()
    await books.sell()
    await books.stage.rows("UPDATE payments SET surplus = true WHERE id = (SELECT min(id) FROM payments)")
    await books.stage.rows("DELETE FROM tickets")
    await unwrite(books)
    async with books.parts.db.transaction() as session:
        orders = (await session.execute(sa.text("SELECT id FROM orders"))).scalars().all()
        wrote = [await keep(session, each) for each in orders]
        again = [await keep(session, each) for each in orders]

    assert ([True, True], [False, False]) == (wrote, again)
    assert [-2 * PASSES] == await books.stands("customers:owed")


BREAKS = (  # a row that says something else than its entries, and the promise that it breaks
    ("UPDATE payments SET amount_minor = amount_minor + 1", "books-tell-payments"),
    ("UPDATE refunds SET amount_minor = amount_minor + 1", "books-tell-refunds"),
    ("UPDATE disputes SET status = 'lost'", "books-tell-disputes"),
    ("UPDATE disputes SET amount_minor = amount_minor - 1", "books-tell-disputes"),
    ("UPDATE journal_entries SET subject = subject || '?' WHERE kind = 'payment'", "books-tell-payments"),
)


async def test_the_books_tell_what_is_true(books: Books):
    """Each of these, and nothing that ever happened by itself, breaks a promise."""
    await trouble(books)
    await books.stage.rows("ALTER TABLE journal_entries DISABLE TRIGGER ALL")
    assert [] == await books.broken()
    for change, promise in BREAKS:
        async with books.parts.db.transaction() as session:
            await session.execute(sa.text(change))
            broken = [each.invariant.name for each in await check(session, INVARIANTS) if each.count]
            await session.rollback()
        assert promise in broken, change


async def test_each_morning_the_last_days_are_compared(books: Books):
    """By whoever comes first, each day once; the gauges tell what is open, and a day with a difference is looked at on."""
    await books.odd("unknown", await books.sell())
    gateway, db = books.parts.gateways["stripe"], books.parts.db
    terms = terms_of(gateway, books.parts.settings)
    nothing_read = await reconcile_due(db, gateway, terms)
    await books.read()
    too_early = await reconcile_due(db, gateway, terms)
    await books.later(DAY)
    turns = [await reconcile_due(db, gateway, terms) for _ in range(3)]
    days = await books.stage.rows("SELECT day, ran_at IS NULL, leased_until IS NULL FROM reconciliations ORDER BY 1")
    assert isinstance(books.stage.clock, Dial)
    await books.later(20 * DAY)
    while await reconcile_due(db, gateway, terms):
        pass
    late = await books.stage.rows(
        "SELECT count(*), min(day) FROM reconciliations WHERE ran_at > :t", t=books.stage.clock() - timedelta(days=1)
    )
    metrics = books.parts.telemetry.render("")[0].decode()

    yesterday = books.today - timedelta(days=21)
    assert (False, False) == (nothing_read, too_early)
    assert ([True, False, False], [(yesterday, False, True)]) == (turns, days)
    assert [(8, yesterday)] == late
    assert 'cubano_differences{kind="unknown",provider="stripe"} 1.0' in metrics
    assert 'cubano_differences_minor{kind="unknown",provider="stripe"} 500.0' in metrics
    assert "cubano_reconciliation_last_timestamp_seconds" in metrics
