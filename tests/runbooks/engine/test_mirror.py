"""The journal's mirror: behind while the database is away, level again afterwards, and a witness against the file."""

from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from runbooks.engine.journal import FILE, HEAD, Journal
from runbooks.engine.mirror import Mirror, Table
from runbooks.engine.registry import UnreachableError
from runbooks.means import mirror_of
from runbooks.settings import Settings
from tests.runbooks.engine.conftest import ANNA

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


class Shelf:
    """A place for lines that can be away."""

    def __init__(self):
        self.lines, self.away = {}, False

    async def last(self):
        self._reached()
        seq = max(self.lines, default=0)
        return seq, self.lines.get(seq, "")

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
    assert ["entries 4 to 5 in the database are not in this journal"] == await mirror.faults()
    shelf.lines[2] = "0" * 64
    assert "entries 2 to 2 in the database are not in this journal" in await mirror.faults()


async def test_another_journal_on_a_new_disk_is_told_and_copied_once_that_is_accepted(journal, folder):
    """Its lines are not lost behind the old ones' numbers unseen; the words stay the same while it grows."""
    shelf = Shelf()
    told: list[str] = []
    accepted: set[str] = set()
    write(journal, 50)
    await Mirror(journal, shelf).catch_up()
    fresh = Journal.open(folder / "fresh")
    fresh.append("engine.started", {}, at=NOW)
    mirror = Mirror(fresh, shelf, accepted=lambda: accepted, differs=told.append)
    for _ in range(2):
        write(fresh, 10)
        await mirror.catch_up()

    assert ["entries 1 to 50 in the database are not in this journal"] * 2 == told
    assert (21, told[:1]) == (mirror.lag, mirror.differences)
    assert told[0] in mirror.trouble
    accepted.add(told[0])
    write(fresh, 40)
    await mirror.catch_up()

    assert (0, "", 2) == (mirror.lag, mirror.trouble, len(told))
    assert [told[0]] == await mirror.faults()
    assert {each.seq: each.hash for each in fresh.entries(after=50)}.items() <= shelf.lines.items()
    fresh.close()


async def test_lines_that_another_engine_wrote_meanwhile_are_told(journal):
    """It looks before each time it writes."""
    shelf = Shelf()
    told: list[str] = []
    mirror = Mirror(journal, shelf, differs=told.append)
    write(journal, 3)
    await mirror.catch_up()
    shelf.lines[4] = "0" * 64
    write(journal, 2)

    await mirror.catch_up()

    assert ["entries 4 to 4 in the database are not in this journal"] == told
    assert 5 not in shelf.lines


async def test_an_engine_that_lost_its_memory_changes_nothing_until_a_person_accepts_that(night, database_url):
    """Cut off together with its head, the file alone looks whole; what was cut stands in the database."""
    settings = Settings(database_url=SecretStr(database_url.replace("+psycopg", "")))
    engine = night.start()
    await engine.recover()
    await night.approved()
    await mirror_of(settings, engine).catch_up()
    night.stop()
    path = night.folder / FILE
    path.write_text(path.read_text().splitlines(keepends=True)[0])
    (night.folder / HEAD).unlink()

    engine = night.start()
    mirror = mirror_of(settings, engine)
    await mirror.agrees()
    await engine.recover()
    said = engine.passive()
    engine.resume(ANNA, "the disk was restored; nothing is missing in the shop")
    await mirror.catch_up()

    assert "in the database are not in this journal" in said
    assert ("", "") == (engine.passive(), mirror.trouble)


async def test_a_database_that_is_not_there_is_trouble_not_an_error(journal):
    """Nothing waits for it."""
    write(journal, 1)
    mirror = Mirror(journal, Table("postgresql://127.0.0.1:1/none"))

    await mirror.catch_up()

    assert 1 == mirror.lag
    assert "mirror" in mirror.trouble
