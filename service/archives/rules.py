"""The files of an archive: their columns with what each means, their bytes, and the digest of a month. Pure.

The same rows are always the same bytes: UTF-8, a comma, CRLF (RFC 4180), no byte-order mark, rows in the order of the
accounting day and then as they were written. What changes by itself later, such as the state of a refund, stands in no file.
Once all its months are closed an archive is the same for ever, but for one thing: when a gateway tells one of its movements
otherwise than before, `settlements.csv` says what it tells now, while the entries stay as they were.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

FORMAT, VERSION = "cubano-books", 1
MANIFEST = "manifest.json"
ENTRIES, LINES, ACCOUNTS = "entries.csv", "lines.csv", "accounts.csv"
DETAILS = ("payments.csv", "refunds.csv", "disputes.csv", "settlements.csv")
MONTHS = "closed-months.csv"

_SUBJECT = "the id that entries name as their subject"
_PROVIDER = "through whom the money moved"
_ORDER = "the order it belongs to"
COLUMNS: Mapping[str, Mapping[str, str]] = {
    ENTRIES: {
        "seq": "number of the entry, in the order they were written; numbers may be missing, entries may not",
        "day": "accounting day, UTC",
        "kind": "what moved the money: payment, refund, dispute, fee, payout, adjustment",
        "subject": "what it was: a payment (pay_), refund (rfd_), dispute (dsp_), or the gateway's name of a movement",
        "number": "of the subject's entries; a later one corrects the earlier ones",
        "provider": _PROVIDER,
        "order": _ORDER,
        "occurred_at": "when the money moved, by the gateway's clock",
        "posted_at": "when the entry was written",
        "restates": "the closed month it belongs to; the day is then the one it was written on",
        "lines": "how many lines it has",
        "memo": "a remark",
    },
    LINES: {
        "entry": "seq of its entry",
        "position": "place within the entry, from 0",
        "account": "which account",
        "minor": "amount in minor units of the currency; debit is positive, credit negative",
        "currency": "ISO 4217",
    },
    ACCOUNTS: {
        "account": "which account",
        "currency": "ISO 4217",
        "opening": "balance before the first day, in minor units; debit is positive",
        "debit": "sum of the positive lines",
        "credit": "sum of the negative lines, without their sign",
        "closing": "balance after the last day",
    },
    "payments.csv": {
        "id": _SUBJECT,
        "order": _ORDER,
        "provider": _PROVIDER,
        "provider_ref": "the gateway's name of it",
        "minor": "amount in minor units of the currency",
        "currency": "ISO 4217",
        "gift": "whether the festival itself has paid, so that no money moved",
        "created_at": "when the attempt to pay was made",
    },
    "refunds.csv": {
        "id": _SUBJECT,
        "payment": "the payment it gives back",
        "order": _ORDER,
        "provider": _PROVIDER,
        "provider_ref": "the gateway's name of it",
        "minor": "amount in minor units of the currency",
        "currency": "ISO 4217",
        "external": "whether it was made in the gateway's own dashboard",
        "created_at": "when it was asked for, or when we learned of it",
    },
    "disputes.csv": {
        "id": _SUBJECT,
        "payment": "the payment it is about",
        "order": _ORDER,
        "provider": _PROVIDER,
        "provider_ref": "the gateway's name of it",
        "created_at": "when we learned of it",
    },
    "settlements.csv": {
        "id": _SUBJECT,
        "provider": "whose balance moved",
        "kind": "what the gateway calls it: payment, refund, fee, payout, …",
        "minor": "amount before the fee, in minor units of the currency, signed from our point of view",
        "fee_minor": "what the gateway took of it",
        "currency": "ISO 4217",
        "occurred_at": "when the balance moved, by the gateway's clock",
        "payment_ref": "the gateway's name of the payment it is about",
        "refund_ref": "the gateway's name of the refund it is about",
        "dispute_ref": "the gateway's name of the dispute it is about",
        "payout_ref": "the gateway's name of the payout that it is",
    },
    MONTHS: {
        "month": "a month of which nothing changes any more",
        "closed_at": "when it was closed",
        "closed_by": "by whom",
        "entries": "how many entries it has",
        "digest": "SHA-256 over its entries, each row of entries.csv followed by its rows of lines.csv",
    },
}
PROMISE = (
    "The entries of the days from 'from' to 'to', both included, with their lines, and what is known for good of each subject "
    "they name. Every entry sums to zero in each currency. The same days give the same bytes as long as no entry was "
    "written into them or before them, which the database refuses for closed months, and no month of them was closed since. "
    "settlements.csv alone says what the gateways tell today, should they tell a movement otherwise. No personal data."
)


@dataclass(frozen=True)
class Written:
    """What the manifest says of a file."""

    sha256: str
    rows: int
    bytes: int


class Digest:
    """The digest of entries in their order, each followed by its lines; their cells as they stand in the files."""

    def __init__(self) -> None:
        self._hash = sha256()
        self.entries = 0

    def add(self, entry: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
        self._hash.update(csv_bytes([entry, *lines]))
        self.entries += 1

    @property
    def hex(self) -> str:
        return self._hash.hexdigest()


def csv_bytes(rows: Iterable[Sequence[str]]) -> bytes:
    """The lines of these rows."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def cells(row: Sequence[Any]) -> list[str]:
    return [cell(each) for each in row]


def cell(value: Any) -> str:
    """Times in UTC to the microsecond, nothing as nothing, and text that no spreadsheet computes."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        case date():
            return value.isoformat()
        case str() if value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")):
            return f"'{value}"
        case _:
            return str(value)


def key_of(account: str, currency: str) -> str:
    """How an account in one currency is named: `clearing:stripe USD`."""
    return f"{account} {currency}"


def start_of(month: str) -> date:
    """The first day of `2027-02`."""
    return date.fromisoformat(f"{month}-01")


def end_of(month: str) -> date:
    """Its last day."""
    return (start_of(month).replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
