"""`cubano books day|month|export|verify`: tables for people, JSON for programs, exit codes for both."""

import json
from pathlib import Path

import pytest

from service.journal.rules import EntryKind
from service.kernel.clock import utc_now
from tests.cli.running import cubano_beside, environment, read
from tests.closing.ledger import FEE, february, january, write
from tests.closing.test_months import rows

YEAR = 2024  # over, whenever this runs
JANUARY = ("month", "--month", "2024-01")
CLOSE = (*JANUARY, "--close", "--by", "ana")


@pytest.fixture
async def books(db, database_url):
    """January and February, and `cubano books …` on them."""
    await january(db, YEAR)
    await february(db, YEAR)

    async def run(*words: str):
        return await cubano_beside(environment(database_url), "books", *words)

    return run


async def test_a_month_is_printed_as_tables(books):
    """Money with its currency, a line of totals, and whether it may still change."""
    told = (await books(*JANUARY)).stdout

    lines = [" ".join(line.split()) for line in told.splitlines()]
    assert "January 2024 8 entries, days in UTC" == lines[0]
    for line in (
        "Sold, tax included 367.50 USD",
        "the gateways' fees -3.35 USD",
        "Net 238.15 USD",
        "full-pass 300.00 USD 20.00 USD 280.00 USD",
        "Total 350.00 USD 20.00 USD 330.00 USD",
        "stripe 0.00 112.00 -21.00 0.00 -3.35 -80.00 0.00 7.65",
        "Owed to customers 0.00 7.00 7.00",
        "It is open: entries may still be written into it.",
    ):
        assert line in lines


async def test_a_day_is_today_unless_it_is_named(books):
    """A day without entries still has its balances."""
    today, named = read(await books("day", "--json")), read(await books("day", "--day", "2024-02-28", "--json"))
    printed = (await books("day", "--day", "2024-02-28")).stdout

    assert {utc_now().date().isoformat(), today["from"]} == {today["from"], today["to"]}
    assert (0, ["EUR", "USD"]) == (today["entries"], [each["currency"] for each in today["currencies"]])
    assert {"minor": 21000, "currency": "EUR"} == named["currencies"][0]["gross"]
    assert printed.startswith("Wednesday, 28 February 2024")


async def test_a_month_is_closed_once(books, db):
    """By a name that stays with it; what comes later is told where it was written and where it belongs."""
    closed, again = await books(*CLOSE, "--json"), await books(*CLOSE)
    await write(db, EntryKind.FEE, "txn_late", FEE, "2024-01-31")
    later = await books(*JANUARY)
    today = await rows(db, "SELECT to_char(day, 'YYYY-MM') FROM journal_entries WHERE restates IS NOT NULL")
    written = await books("month", "--month", str(today[0][0]))

    told = read(closed)["closed"]
    assert (0, "cli:ana", 8) == (closed.exit_code, told["closedBy"], told["entries"])
    assert (1, "2024-01 is closed already.") == (again.exit_code, again.stderr.strip())
    assert "corrected later: January 2024: -3.35 USD fee (at the gateways -3.35 USD)" in later.stdout
    assert f"SHA-256 of all of them: {told['digest']}" in later.stdout
    assert "restated: January 2024: -3.35 USD fee (at the gateways -3.35 USD)" in written.stdout


async def test_why_a_month_is_not_closed_is_said(books, db):
    """One sentence, exit code 1; a word that cannot be a month is a matter of usage."""
    early = await books("month", "--month", "2024-02", "--close")
    await rows(
        db,
        "INSERT INTO differences (id, provider, day, kind, subject, amount_minor, amount_currency, occurred_at, note, owner,"
        " first_seen, last_seen) VALUES ('dif_1', 'stripe', '2024-01-05', 'fee', 'pay_1', 1, 'USD', now(), '', 'finance',"
        " now(), now())",
    )
    open_ones = await books(*CLOSE)
    wrong = await books("month", "--month", "2024-13")
    decided = await books(*CLOSE, "--anyway", "a cent, written off")

    assert (1, 1, 2, 0) == (early.exit_code, open_ones.exit_code, wrong.exit_code, decided.exit_code)
    assert "2024-01 is open" in early.stderr
    assert "shows what is out; --anyway REASON" in open_ones.stderr


async def test_an_archive_is_written_and_checked(books, tmp_path: Path):
    """Into a folder of its own; a change is found by exit code 1."""
    out = tmp_path / "archive"
    words = ("export", "--from", "2024-01-01", "--to", "2024-01-31", "--out", str(out))
    written, again = await books(*words), await books(*words)
    good = await books("verify", str(out))
    with (out / "lines.csv").open("a") as file:
        file.write("x")
    bad = await books("verify", str(out), "--json")
    backwards = await books("export", "--from", "2024-02-01", "--to", "2024-01-31", "--out", str(tmp_path / "b"))

    assert (0, 2, 0, 1, 2) == tuple(each.exit_code for each in (written, again, good, bad, backwards))
    assert "8 entries from 2024-01-01 to 2024-01-31" in written.stdout
    assert "every balance sums to zero" in good.stdout
    assert ["lines.csv was changed"] == [each.split(":")[0] for each in json.loads(bad.stdout)["problems"]]
