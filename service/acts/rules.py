"""An operator's act as data: what it would change, and a hash by which somebody can agree to exactly that. Pure.

The hash covers what is done to what (`action`, `subject`, `before`, `after`), not the counts of what it touches: those move
by the second on a day of sale, and an agreement must outlive that. So `before` and `after` hold nothing that a clock
changes by itself.
"""

import binascii
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Any

import msgspec

from service.access.rules import Principal
from service.kernel.errors import FieldError, Invalid
from service.kernel.money import Money

MOST_REASON = 500  # characters
MOST_LISTED = 200  # rows in one answer
# Printable, not blank, in one line: it is stored, shown on terminals and hashed.
PLAIN = r"^[^\x00-\x1f\x7f-\x9f]*[^\x00-\x20\x7f-\xa0][^\x00-\x1f\x7f-\x9f]*$"
HASH = r"^[0-9a-f]{64}$"
FIRST_YEAR, LAST_YEAR = 2000, 2200  # times outside are typing errors, and other systems' arithmetic ends somewhere
_DIGITS_OF_BIGINT = 18

Reason = Annotated[
    str,
    msgspec.Meta(min_length=1, max_length=MOST_REASON, pattern=PLAIN, description="Why; it stays in the audit trail."),
]
DryRun = Annotated[bool, msgspec.Meta(description="Answer exactly what would change, and change nothing.")]
Expect = Annotated[
    str, msgspec.Meta(pattern=HASH, description="The `planHash` that was agreed to; 409 `plan_changed` for another.")
]


class Act(msgspec.Struct, rename="camel", frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every act is asked with."""

    reason: Reason
    dry_run: DryRun = False
    expect: Expect | None = None


class Affected(msgspec.Struct, rename="camel", frozen=True):
    """How much an act touches, as it stood when it was planned."""

    orders: Annotated[int, msgspec.Meta(description="Orders it touches.")] = 0
    sessions: Annotated[int, msgspec.Meta(description="Checkouts with a gateway it touches.")] = 0
    events: Annotated[int, msgspec.Meta(description="Events or messages it touches.")] = 0
    amounts: Annotated[list[Money], msgspec.Meta(description="What those orders sum to, one amount a currency.")] = []


class Told(msgspec.Struct, rename="camel", frozen=True):
    """The answer to an act, or to the question what it would do."""

    action: str
    subject: str
    dry_run: bool
    changes: Annotated[bool, msgspec.Meta(description="False: all is so already, and nothing was done.")]
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    affects: Affected
    plan_hash: Annotated[str, msgspec.Meta(description="Names this plan; send it as `expect` to do exactly this.")]


@dataclass(frozen=True)
class Plan:
    """What would be done to `subject`; `changes` is False when it is so already."""

    action: str
    subject: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    changes: bool = True
    affects: Affected = field(default_factory=Affected)

    @property
    def hash(self) -> str:
        """The same for the same act on the same state; 64 hexadecimal digits."""
        text = json.dumps([self.action, self.subject, self.before, self.after], sort_keys=True, default=str)
        return sha256(text.encode("utf-8", "replace")).hexdigest()

    def told(self, *, dry_run: bool) -> Told:
        before, after = (dict(each) if each is not None else None for each in (self.before, self.after))
        return Told(self.action, self.subject, dry_run, self.changes, before, after, self.affects, self.hash)


@dataclass(frozen=True)
class Asked:
    """Who wants an act, why, and how: `key` and `fingerprint` make a repetition the same act."""

    by: Principal
    act: Act
    key: str | None
    fingerprint: str


def fingerprint(method: str, path: str, act: Act) -> str:
    """What makes two requests the same: where they go and all they ask for, not how it was written."""
    return sha256(msgspec.json.encode([method, path, act])).hexdigest()


def sums(amounts: Iterable[tuple[int, str]]) -> list[Money]:
    """Minor units with their currencies, added up; one amount a currency, in the currencies' order."""
    found: dict[str, int] = {}
    for minor, currency in amounts:
        found[currency] = found.get(currency, 0) + int(minor)
    return [Money(minor, currency) for currency, minor in sorted(found.items())]


# ---- what questions are asked with ---------------------------------------------------------------------------------


def write_cursor(seq: int) -> str:
    """Where the next page begins, opaque to the caller."""
    return urlsafe_b64encode(f"s{seq}".encode()).rstrip(b"=").decode()


def read_cursor(cursor: str | None) -> int | None:
    """What `write_cursor` wrote; `Invalid` for anything else."""
    if cursor is None:
        return None
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (ValueError, binascii.Error):
        text = ""
    if not re.fullmatch(rf"s[0-9]{{1,{_DIGITS_OF_BIGINT}}}", text, re.ASCII):
        raise Invalid([FieldError("cursor", "invalid_cursor", "Send the cursor of the page before, as it was.")])
    return int(text[1:])


def read_time(text: str | None, name: str) -> datetime | None:
    """A time of RFC 3339 with its zone; `Invalid` names the field."""
    if text is None:
        return None
    told = f"A time such as 2027-02-13T18:00:00Z, between {FIRST_YEAR} and {LAST_YEAR}."
    wrong = Invalid([FieldError(name, "invalid_time", told)])
    try:
        found = datetime.fromisoformat(text.strip().replace(" ", "+"))  # a plus in an address means a blank
    except ValueError:
        raise wrong from None
    if found.tzinfo is None or not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise wrong
    return found.astimezone(UTC)
