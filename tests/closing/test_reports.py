"""What a day and a month came to: every figure follows from the journal, and nothing is in two places."""

from datetime import date
from typing import Any

from service.closing import flow
from service.closing.rules import Figures, Report
from service.closing.views import as_data
from service.journal.rules import EntryKind
from service.kernel.db import Database
from tests.closing.ledger import FEE, february, january, write

JANUARY = date(2027, 1, 1), date(2027, 1, 31)
FEBRUARY = date(2027, 2, 1), date(2027, 2, 28)


async def report(db: Database, first: date, last: date) -> Report:
    async with db.transaction() as session:
        return await flow.report(session, first, last)


def plain(figures: Figures) -> dict[str, int]:
    names = ("gross", "gifts", "refunds", "lost", "fees", "other", "net", "tax", "revenue", "held", "owed", "paid_out")
    return {name: getattr(figures, name).minor for name in names}


def balances(rows: Any) -> dict[str, tuple[int, int]]:
    return {row.name: (row.opening.minor, row.closing.minor) for row in rows}


async def test_a_month_is_said_in_the_words_of_finance(db):
    """Sold, given away, refunded, fees: the rest is net, of which tax is not ours."""
    await january(db)
    await february(db)

    found = await report(db, *JANUARY)

    assert 8 == found.entries
    [usd] = found.figures
    assert {
        "gross": 36_750,
        "gifts": 10_500,
        "refunds": 2_100,
        "lost": 0,
        "fees": 335,
        "other": 0,
        "net": 23_815,
        "tax": 1_650,
        "revenue": 22_165,
        "held": 15_750,
        "owed": 700,
        "paid_out": 8_000,
    } == plain(usd)
    assert [("full-pass", 30_000, 2_000, 28_000), ("party-pass", 5_000, 0, 5_000)] == [
        (row.ticket_type, row.sold.minor, row.refunded.minor, row.kept.minor) for row in usd.ticket_types
    ]


async def test_what_is_held_goes_from_its_opening_to_its_closing(db):
    """By gateway and what moved it; the next month opens as this one closes."""
    await january(db)
    await february(db)

    [usd] = (await report(db, *JANUARY)).figures
    euros, later = (await report(db, *FEBRUARY)).figures

    assert {"clearing:paypal": (0, 0), "clearing:stripe": (0, 765)} == balances(usd.providers)
    moved = {kind: amount.minor for kind, amount in usd.providers[1].moved.items()}
    assert {"payment": 11_200, "refund": -2_100, "fee": -335, "payout": -8_000} == moved
    assert {"bank": (0, 8_000), "customers:owed": (0, -700), "disputes:held": (0, 15_750)} == balances(usd.accounts)
    assert {"clearing:stripe": (765, 11_265)} == balances(later.providers)
    assert {"bank": (8_000, 8_000), "customers:owed": (-700, -700), "disputes:held": (15_750, 15_750)} == balances(
        later.accounts
    )
    assert ("EUR", 21_000, {"clearing:stripe": (0, 21_000)}) == (
        euros.currency,
        euros.gross.minor,
        balances(euros.providers),
    )


async def test_the_days_of_a_month_add_up_to_it(db):
    """Each figure, day by day."""
    await january(db)
    days = [await report(db, date(2027, 1, day), date(2027, 1, day)) for day in range(1, 32)]
    [month] = (await report(db, *JANUARY)).figures

    sums: dict[str, int] = dict.fromkeys(plain(month), 0)
    for figures in (each for day in days for each in day.figures):
        sums = {name: minor + plain(figures)[name] for name, minor in sums.items()}

    assert plain(month) == sums
    assert 8 == sum(day.entries for day in days)


async def test_money_that_is_corrected_by_hand_has_a_line_of_its_own(db):
    """So that the sums always come to the net."""
    await january(db)
    await write(db, EntryKind.ADJUSTMENT, "by hand", {"suspense": -100, "revenue:full-pass": 100}, "2027-01-31")

    [usd] = (await report(db, *JANUARY)).figures

    assert (-100, 23_715, -100) == (usd.other.minor, usd.net.minor, usd.suspense.minor)


async def test_nothing_is_a_report_too(db):
    """Before the first entry there is no currency to speak of."""
    found = await report(db, *JANUARY)

    assert (0, ()) == (found.entries, found.figures)


async def test_the_json_has_the_same_figures(db):
    """Amounts as everywhere in the API."""
    await january(db)
    await write(db, EntryKind.FEE, "txn_3", FEE, "2027-01-31")

    told = as_data(await report(db, *JANUARY))

    assert ("2027-01-01", "2027-01-31", 9) == (told["from"], told["to"], told["entries"])
    usd = told["currencies"][0]
    assert ({"minor": 670, "currency": "USD"}, 430) == (usd["fees"], usd["providers"][1]["closing"]["minor"])
    assert {"restated": [], "currency": "USD"}.items() <= usd.items()
