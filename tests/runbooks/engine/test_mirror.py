"""The journal's mirror: behind while the database is away, level again afterwards, and a witness against the file."""

from datetime import UTC, datetime

import pytest

from runbooks.engine.journal import FILE, HEAD, Journal
from runbooks.engine.mirror import Mirror, Table
from runbooks.engine.registry import UnreachableError

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


class Shelf:
    """A place for lines that can be away."""

    def __init__(self):
        self.lines, self.away = {}, False

    async def last(self):
        self._reached()
        return max(self.lines, default=0)

    async def keep(self, entries):
        self._reached()
        self.lines |= {each.seq: each.hash for each in entries if each.seq not in self.lines}

    async def hashes(self):
        self._reached()
        return self.lines

    def _reached(self):
        if self.away:
            raise UnreachableError("nobody there")


@pytest.fixture
def journal(folder):
    journal = Journal.open(folder)
    yield journal
    journal.close()


def write(journal, count):
    for number in range(count):
        journal.append("note", {"number": number, "text": "a \x00 b \ud800"}, at=NOW, run="r1")


async def test_it_catches_up_after_an_outage(journal):
    """The engine writes on while the database is away; the lag says how far behind the mirror is."""
    shelf = Shelf()
    mirror = Mirror(journal, shelf)
    write(journal, 3)
    await mirror.catch_up()
    shelf.away = True
    write(journal, 450)
    await mirror.catch_up()
    assert (450, "nobody there") == (mirror.lag, mirror.trouble)

    shelf.away = False
    await mirror.catch_up()

    assert (0, "") == (mirror.lag, mirror.trouble)
    assert 453 == len(shelf.lines)
    assert [] == await mirror.faults()


async def test_the_database_keeps_every_line_once(journal, database_url):
    """In PostgreSQL, by a role that reads only unless it says otherwise; what comes again is left as it was."""
    dsn = f"{database_url.replace('+psycopg', '')}{'&' if '?' in database_url else '?'}options=-c%20default_transaction_read_only%3Don"
    write(journal, 5)
    table = Table(dsn)
    await Mirror(journal, table).catch_up()
    await table.keep(list(journal.entries())[:2])
    write(journal, 1)
    again = Mirror(journal, table)

    await again.catch_up()

    assert {each.seq: each.hash for each in journal.entries()} == await table.hashes()
    assert (0, "") == (again.lag, again.trouble)


async def test_a_file_that_was_cut_or_written_anew_is_noticed(journal):
    """With its head removed too, the file alone looks whole; the mirror knows better."""
    shelf = Shelf()
    mirror = Mirror(journal, shelf)
    write(journal, 5)
    await mirror.catch_up()
    path = journal.folder / FILE
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:3]))
    (journal.folder / HEAD).unlink()

    assert [] == journal.verify()
    assert ["entries 4 to 5 are in the database alone"] == await mirror.faults()
    shelf.lines[2] = "0" * 64
    assert "entry 2 is another one in the database" in await mirror.faults()


async def test_a_database_that_is_not_there_is_trouble_not_an_error(journal):
    """Nothing waits for it."""
    write(journal, 1)
    mirror = Mirror(journal, Table("postgresql://127.0.0.1:1/none"))

    await mirror.catch_up()

    assert 1 == mirror.lag
    assert "mirror" in mirror.trouble
