"""An archive of the books: the same days are the same bytes, it can be checked without us, and it holds nobody's name."""

import asyncio
import csv
import json
import subprocess
import sys
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from service.access.rules import system
from service.archives.flow import export, verify
from service.archives.rules import COLUMNS, MANIFEST
from service.bench.plant import plant
from service.closing import flow as closing
from service.journal.rules import EntryKind
from service.kernel.db import Database
from tests.closing.ledger import FEE, february, january, write
from tests.closing.test_months import rows
from tests.postgres.names import child_environment

JANUARY = date(2027, 1, 1), date(2027, 1, 31)


async def archive(db: Database, folder: Path, first: date = JANUARY[0], last: date = JANUARY[1]) -> dict[str, Any]:
    folder.mkdir()  # noqa: ASYNC240 - a test has all the time
    async with db.transaction() as session:
        return await export(session, first, last, folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
async def books(db: Database) -> Database:
    await january(db)
    await february(db)
    return db


async def test_the_manifest_says_what_is_there(books, tmp_path):
    """Every file with its hash, its rows, and what each of its columns means."""
    manifest = await archive(books, tmp_path / "a")

    assert {MANIFEST, *COLUMNS} == set(contents(tmp_path / "a"))
    for name, told in manifest["files"].items():
        path = tmp_path / "a" / name
        assert told["sha256"] == sha256(path.read_bytes()).hexdigest()
        assert told["rows"] == len(read(path))
        assert list(told["columns"]) == path.read_text().splitlines()[0].split(",")
    assert (8, 765) == (manifest["entries"], manifest["sums"]["clearing:stripe USD"])
    assert json.loads((tmp_path / "a" / MANIFEST).read_text()) == manifest


async def test_entries_lines_and_balances_are_those_of_the_journal(books, tmp_path):
    """Only of these days; balances go from before the first to after the last."""
    await archive(books, tmp_path / "a", date(2027, 2, 1), date(2027, 2, 28))

    entries, lines = read(tmp_path / "a/entries.csv"), read(tmp_path / "a/lines.csv")
    accounts = {(row["account"], row["currency"]): row for row in read(tmp_path / "a/accounts.csv")}
    assert ["pay_5", "pay_6"] == [row["subject"] for row in entries]
    assert {row["seq"] for row in entries} == {row["entry"] for row in lines}
    stripe = accounts["clearing:stripe", "USD"]
    assert ["765", "10500", "0", "11265"] == [stripe[name] for name in ("opening", "debit", "credit", "closing")]
    assert [] == verify(tmp_path / "a")


async def test_it_is_the_same_again_and_from_another_process(books, database_url, tmp_path):
    """Byte for byte, whatever happens after these days, once their month is closed."""
    await closing.close(books, system("cli"), "2027-01", grace_days=0)
    await archive(books, tmp_path / "first")
    await write(books, EntryKind.FEE, "txn_late", FEE, "2027-01-31")

    await archive(books, tmp_path / "again")
    words = ["-m", "service.cli", "books", "export", "--from", "2027-01-01", "--to", "2027-01-31", "--out"]
    command = [sys.executable, *words, str(tmp_path / "elsewhere")]
    done = await asyncio.to_thread(
        subprocess.run, command, env=child_environment(database_url), capture_output=True, check=False
    )

    assert 0 == done.returncode, done.stderr
    assert contents(tmp_path / "first") == contents(tmp_path / "again") == contents(tmp_path / "elsewhere")
    assert [] == verify(tmp_path / "first")


async def test_of_a_closed_month_only_what_a_gateway_tells_otherwise_is_told_otherwise(books, tmp_path):
    """Its movement as it is told now; entries, lines and balances as they were."""
    told = """INSERT INTO settlements (provider, ref, kind, amount_minor, amount_currency, fee_minor, occurred_at, imported_at)
        VALUES ('stripe', 'txn_1', 'fee', -335, 'USD', 0, '2027-01-20T12:00Z', now())"""
    await rows(books, told)
    await closing.close(books, system("cli"), "2027-01", grace_days=0)
    await archive(books, tmp_path / "first")
    await rows(books, "UPDATE settlements SET amount_minor = -400")
    await write(books, EntryKind.FEE, "txn_1", {each: 400 * minor // 335 for each, minor in FEE.items()}, "2027-01-20")
    await archive(books, tmp_path / "again")

    first, again = contents(tmp_path / "first"), contents(tmp_path / "again")
    assert ["manifest.json", "settlements.csv"] == sorted(name for name in first if first[name] != again[name])
    assert [] == verify(tmp_path / "again")


async def test_the_digest_of_a_closed_month_is_in_its_files(books, tmp_path):
    """Whoever has the archive can show that it is the month that was closed."""
    closed = await closing.close(books, system("cli"), "2027-01", grace_days=0)
    await archive(books, tmp_path / "a", date(2026, 12, 1), date(2027, 2, 28))

    [month] = read(tmp_path / "a/closed-months.csv")
    assert (closed.digest, "8") == (month["digest"], month["entries"])
    assert [] == verify(tmp_path / "a")


def swap(text: str) -> str:
    """Two amounts of one entry exchanged for others that sum to zero as well."""
    return text.replace("clearing:stripe,10500,", "clearing:stripe,10600,").replace(",-10000,", ",-10100,", 1)


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("lines.csv", swap, "lines.csv was changed"),
        ("entries.csv", lambda text: text + "x", "entries.csv was changed"),
        ("payments.csv", None, "payments.csv is missing"),
        (MANIFEST, None, "manifest.json cannot be read"),
        (MANIFEST, lambda text: text.replace('"version": 1', '"version": 2'), "another format or version"),
    ],
)
async def test_what_was_changed_is_named(books, tmp_path, name, change, told):
    """A byte is enough."""
    await archive(books, tmp_path / "a")
    path = tmp_path / "a" / name
    if change is None:
        path.unlink()
    else:
        path.write_bytes(change(path.read_bytes().decode()).encode())

    [problem] = verify(tmp_path / "a")

    assert told in problem


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("lines.csv", swap, "was closed with other entries"),
        ("lines.csv", lambda text: text.replace(",tax,-500,", ",tax,-501,", 1), "do not sum to zero"),
        ("lines.csv", lambda text: text.replace(",tax,-500,", ",tax,much,", 1), "not what its columns say"),
        ("entries.csv", lambda text: text.replace(",1,stripe,", ",1,", 1), "not what its columns say"),
        ("entries.csv", lambda text: text.replace("pay_1", "pay_9", 1), "was closed with other entries"),
        ("accounts.csv", lambda text: text.replace("10500", "10501", 1), "does not follow"),
        ("closed-months.csv", lambda text: text.replace(",8,", ",9,"), "was closed with other entries"),
    ],
)
async def test_a_manifest_that_was_made_to_fit_does_not_help(books, tmp_path, name, change, told):
    """The sums and the digest of the closed month stand in the way."""
    await closing.close(books, system("cli"), "2027-01", grace_days=0)
    await archive(books, tmp_path / "a")
    path, manifest = tmp_path / "a" / name, tmp_path / "a" / MANIFEST
    before = path.read_bytes()
    path.write_bytes(change(before.decode()).encode())
    hashes = [sha256(each).hexdigest() for each in (before, path.read_bytes())]
    manifest.write_text(manifest.read_text().replace(*hashes))

    problems = verify(tmp_path / "a")

    assert hashes[0] != hashes[1]
    assert any(told in each for each in problems), problems


async def test_details_are_those_of_the_subjects_and_of_no_person(db, database_url, tmp_path):
    """Payments, refunds and disputes by what never changes about them; no state, no name, no address."""
    plant(database_url, 1, 200, total=200)
    await rows(db, "UPDATE orders SET email = 'ana@example.org', name = 'Ana'")
    await archive(db, tmp_path / "a", date(2020, 1, 1), date(2040, 1, 1))
    await rows(db, "UPDATE payments SET returned_minor = 1000, disputed = true, updated_at = now()")
    await archive(db, tmp_path / "b", date(2020, 1, 1), date(2040, 1, 1))

    counts = {name: len(read(tmp_path / "a" / f"{name}.csv")) for name in ("payments", "refunds", "disputes")}
    assert {"payments": 180, "refunds": 10, "disputes": 1} == counts
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert not any(word in each for each in contents(tmp_path / "a").values() for word in (b"ana@", b"Ana"))
    assert [] == verify(tmp_path / "a")
