"""Read the books of some days, in constant memory and on one snapshot, and write them down."""

import csv
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict
from datetime import date
from hashlib import file_digest, sha256
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from service.archives.rules import (
    ACCOUNTS,
    COLUMNS,
    DETAILS,
    ENTRIES,
    FORMAT,
    LINES,
    MANIFEST,
    MONTHS,
    PROMISE,
    VERSION,
    Digest,
    Written,
    cells,
    csv_bytes,
    end_of,
    key_of,
)
from service.kernel.db import Session

BATCH = 2_000  # rows a read brings
TIMEOUT_S = 60  # the sums read every line there is
Row = Sequence[Any]

_IN = "day BETWEEN :first AND :last"
_ENTRIES = f"""
    SELECT seq, day, kind, subject, number, provider, order_id, occurred_at, posted_at, restates, lines, memo
    FROM journal_entries WHERE {_IN} ORDER BY day, seq
"""  # noqa: S608 - our own constants
_LINES = f"""
    SELECT e.seq, l.position, l.account, l.amount_minor, l.amount_currency
    FROM journal_entries e JOIN journal_lines l ON l.entry_seq = e.seq
    WHERE {_IN} ORDER BY e.day, e.seq, l.position
"""  # noqa: S608
_ACCOUNTS = """
    SELECT account, currency, opening, debit, credit, opening + debit - credit FROM (
        SELECT l.account, l.amount_currency AS currency,
            coalesce(sum(l.amount_minor) FILTER (WHERE e.day < :first), 0)::bigint AS opening,
            coalesce(sum(l.amount_minor) FILTER (WHERE e.day >= :first AND l.amount_minor > 0), 0)::bigint AS debit,
            coalesce(-sum(l.amount_minor) FILTER (WHERE e.day >= :first AND l.amount_minor < 0), 0)::bigint AS credit
        FROM journal_entries e JOIN journal_lines l ON l.entry_seq = e.seq
        WHERE e.day <= :last GROUP BY l.account, l.amount_currency
    ) AS sums ORDER BY account COLLATE "C", currency COLLATE "C"
"""
_NAMED = f"EXISTS (SELECT FROM journal_entries e WHERE e.subject = {{id}} AND e.{_IN})"
_PAYMENTS = f"""
    SELECT id, order_id, provider, payment_ref, amount_minor, amount_currency, gift, created_at
    FROM payments WHERE {_NAMED.format(id="payments.id")} ORDER BY id COLLATE "C"
"""  # noqa: S608
_REFUNDS = f"""
    SELECT id, payment_id, order_id, provider, refund_ref, amount_minor, amount_currency, external, created_at
    FROM refunds WHERE {_NAMED.format(id="refunds.id")} ORDER BY id COLLATE "C"
"""  # noqa: S608
_DISPUTES = f"""
    SELECT id, payment_id, order_id, provider, dispute_ref, created_at
    FROM disputes WHERE {_NAMED.format(id="disputes.id")} ORDER BY id COLLATE "C"
"""  # noqa: S608
_SETTLEMENTS = f"""
    SELECT ref, provider, kind, amount_minor, fee_minor, amount_currency, occurred_at, payment_ref, refund_ref, dispute_ref,
           payout_ref
    FROM settlements WHERE {_NAMED.format(id="settlements.ref")} ORDER BY ref COLLATE "C", provider COLLATE "C"
"""  # noqa: S608
_MONTHS = """
    SELECT month, closed_at, closed_by, entries, digest FROM closed_months
    WHERE (month || '-01')::date BETWEEN date_trunc('month', CAST(:first AS date)) AND :last ORDER BY month
"""
QUERIES = {
    ENTRIES: _ENTRIES,
    LINES: _LINES,
    ACCOUNTS: _ACCOUNTS,
    **dict(zip(DETAILS, (_PAYMENTS, _REFUNDS, _DISPUTES, _SETTLEMENTS), strict=True)),
    MONTHS: _MONTHS,
}


async def export(session: Session, first: date, last: date, folder: Path) -> dict[str, Any]:
    """Write the archive of these days into an empty folder, the manifest last; what the manifest says.

    The session must be new and can only read afterwards.
    """
    await session.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
    await session.execute(sa.text(f"SET LOCAL statement_timeout = '{TIMEOUT_S}s'"))
    await session.execute(sa.text("SET LOCAL cursor_tuple_fraction = 1"))  # all rows are read, not the first few soon
    files = {name: await _write(session, folder.joinpath(name), first, last) for name in QUERIES}
    accounts = _rows(folder.joinpath(ACCOUNTS))
    sums = {key_of(name, currency): int(debit) - int(credit) for name, currency, _, debit, credit, _ in accounts}
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "from": first.isoformat(),
        "to": last.isoformat(),
        "promise": PROMISE,
        "entries": files[ENTRIES].rows,
        "sums": {key: minor for key, minor in sums.items() if minor},
        "files": {name: {**asdict(each), "columns": COLUMNS[name]} for name, each in files.items()},
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    folder.joinpath(MANIFEST).write_text(text, encoding="utf-8")
    return manifest


async def _write(session: Session, path: Path, first: date, last: date) -> Written:
    hashed, rows = sha256(), 0
    with path.open("xb") as file:
        batch = [list(COLUMNS[path.name])]
        async for row in read(session, QUERIES[path.name], first, last):
            rows += 1
            batch.append(cells(row))
            if len(batch) >= BATCH:
                data = csv_bytes(batch)
                batch.clear()
                hashed.update(data)
                file.write(data)
        data = csv_bytes(batch)
        hashed.update(data)
        file.write(data)
        return Written(hashed.hexdigest(), rows, file.tell())


async def digest_of(session: Session, first: date, last: date) -> Digest:
    """The digest over the entries of these days, as the archive would have them."""
    digest = Digest()
    lines = read(session, _LINES, first, last)
    line = await anext(lines, None)
    async for entry in read(session, _ENTRIES, first, last):
        own = []
        while line is not None and line[0] == entry[0]:
            own.append(cells(line))
            line = await anext(lines, None)
        digest.add(cells(entry), own)
    return digest


async def read(session: Session, query: str, first: date, last: date) -> AsyncIterator[Row]:
    """The rows of a query over these days, a batch at a time."""
    connection = await session.connection()
    found = await connection.stream(
        sa.text(query), {"first": first, "last": last}, execution_options={"yield_per": BATCH}
    )
    async for row in found:
        yield tuple(row)


# ---- check what was written --------------------------------------------------------------------------------------------


def verify(folder: Path) -> list[str]:
    """What is wrong with an archive, one sentence each; nothing when it is as it was written. Needs no database."""
    try:
        manifest = json.loads(folder.joinpath(MANIFEST).read_text(encoding="utf-8"))
        known = {name: manifest["files"][name] for name in COLUMNS}
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [f"{MANIFEST} cannot be read: {type(error).__name__} {error}"]
    if (manifest.get("format"), manifest.get("version")) != (FORMAT, VERSION):
        return [f"{MANIFEST} is of another format or version than {FORMAT} {VERSION}"]
    wrong = [told for name, each in known.items() if (told := _compare(folder.joinpath(name), each))]
    try:
        return wrong or [*_check_entries(folder, manifest), *_check_accounts(folder, manifest)]
    except (ValueError, LookupError) as error:  # its hashes fit, and it was never written here
        return [f"a file is not what its columns say: {type(error).__name__} {error}"]


def _compare(path: Path, known: dict[str, Any]) -> str | None:
    if not path.is_file():
        return f"{path.name} is missing"
    with path.open("rb") as file:
        found = file_digest(file, "sha256").hexdigest()
    return None if found == known["sha256"] else f"{path.name} was changed: its SHA-256 is {found}"


def _rows(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows, None)
        yield from rows


def _check_entries(folder: Path, manifest: dict[str, Any]) -> Iterator[str]:
    """Every entry has its lines and sums to zero; the sums by account and the digests of closed months are as told."""
    sums: Counter[str] = Counter()
    months: dict[str, Digest] = defaultdict(Digest)
    lines = groupby(_rows(folder.joinpath(LINES)), key=itemgetter(0))
    entries = 0
    for entry in _rows(folder.joinpath(ENTRIES)):
        entries += 1
        seq, own = next(lines, ("", iter(())))
        found = list(own)
        by_currency: Counter[str] = Counter()
        for _, _, account, minor, currency in found:
            by_currency[currency] += int(minor)
            sums[key_of(account, currency)] += int(minor)
        if seq != entry[0] or len(found) != int(entry[10]) or any(by_currency.values()):
            yield f"entry {entry[0]} has not its lines, or they do not sum to zero"
            return
        months[entry[1][:7]].add(entry, found)
    if next(lines, None) is not None:
        yield f"{LINES} has lines of no entry"
    if entries != manifest["entries"] or {key: minor for key, minor in sums.items() if minor} != manifest["sums"]:
        yield f"the entries do not come to what {MANIFEST} says"
    for month, _, _, count, digest in _rows(folder.joinpath(MONTHS)):
        is_whole = manifest["from"] <= f"{month}-01" and end_of(month).isoformat() <= manifest["to"]
        if is_whole and (int(count), digest) != (months[month].entries, months[month].hex):
            yield f"{month} was closed with other entries than stand here"


def _check_accounts(folder: Path, manifest: dict[str, Any]) -> Iterator[str]:
    """Each balance follows from the one before, and all of them sum to zero, before and after."""
    ends: dict[str, Counter[str]] = {"opening": Counter(), "closing": Counter()}
    for account, currency, opening, debit, credit, closing in _rows(folder.joinpath(ACCOUNTS)):
        moved = int(debit) - int(credit)
        if int(opening) + moved != int(closing) or moved != manifest["sums"].get(key_of(account, currency), 0):
            yield f"the balance of {account} in {currency} does not follow from its lines"
        ends["opening"][currency] += int(opening)
        ends["closing"][currency] += int(closing)
    for name, sums in ends.items():
        if any(sums.values()):
            yield f"the {name} balances do not sum to zero"
