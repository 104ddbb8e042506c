"""Accounts by name, and what a month is. Pure.

An amount is a debit when it is positive and a credit when it is negative, so what an entry says sums to zero. Assets
(clearing, bank, what is held) and expenses (fees, lost disputes, refunds, discounts) stand in debit; revenue, tax and what
is owed to customers in credit. An account that is not made here does not exist: the database asks for these beginnings.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

from service.kernel.money import Money

Stands = Mapping[str, Money]  # account -> amount

BANK = "bank"
TAX = "tax"
OWED = "customers:owed"  # came in and is no revenue: paid too late, or twice
DISPUTES_HELD = "disputes:held"
DISPUTES_LOST = "disputes:lost"
STORE_CREDIT = "store_credit"
SUSPENSE = "suspense"  # what the gateway moved and nobody can name yet
GIFTS = "discounts:complimentary"
REVENUE, REFUNDS, DISCOUNTS, CLEARING, FEES = "revenue:", "refunds:", "discounts:", "clearing:", "fees:"
PLAIN = (BANK, TAX, OWED, DISPUTES_HELD, DISPUTES_LOST, STORE_CREDIT, SUSPENSE)
FAMILIES = (CLEARING, REVENUE, REFUNDS, DISCOUNTS, FEES)


class EntryKind(StrEnum):
    """What moved the money."""

    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"
    FEE = "fee"
    PAYOUT = "payout"
    ADJUSTMENT = "adjustment"  # of the gateway, or by a person who closes a difference


class Unbalanced(ValueError):
    """What shall be written does not sum to zero in each currency."""

    def __init__(self, subject: str, stands: Stands) -> None:
        super().__init__(f"{subject} does not sum to zero: {dict(stands)}")


@dataclass(frozen=True)
class Posting:
    """How a subject (a payment, a refund, …) must stand in the books, by account; nothing when it moved no money."""

    kind: EntryKind
    subject: str
    stands: Stands
    occurred_at: datetime
    provider: str | None = None
    order_id: str | None = None
    memo: str = ""


def clearing(provider: str) -> str:
    """What the provider holds for us."""
    return f"{CLEARING}{provider}"


def revenue(ticket_type: str) -> str:
    return f"{REVENUE}{ticket_type}"


def refunds(ticket_type: str) -> str:
    """What of the revenue has gone back."""
    return f"{REFUNDS}{ticket_type}"


def fees(provider: str) -> str:
    return f"{FEES}{provider}"


def accounting_day(moment: datetime) -> date:
    """The UTC day, as the gateways count their days."""
    return moment.astimezone(UTC).date()


def month_of(day: date) -> str:
    """`2027-02`."""
    return f"{day:%Y-%m}"


def tax_within(gross: Money, basis_points: int) -> Money:
    """The tax in a price that includes it: half a unit goes to the even one."""
    whole = 10_000 + basis_points
    size, rest = divmod(abs(gross.minor) * basis_points, whole)
    size += 2 * rest > whole or (2 * rest == whole and size % 2 == 1)
    return Money(-size if gross.is_negative else size, gross.currency)


def add_up(parts: Iterable[tuple[str, Money]]) -> dict[str, Money]:
    """By account; accounts that come to nothing are left out. One currency an account."""
    sums: dict[str, Money] = {}
    for account, amount in parts:
        sums[account] = sums[account] + amount if account in sums else amount
    return {account: amount for account, amount in sums.items() if not amount.is_zero}


def check_zero(posting: Posting) -> None:
    """Raise `Unbalanced` unless each currency sums to zero."""
    sums: dict[str, int] = defaultdict(int)
    for amount in posting.stands.values():
        sums[amount.currency] += amount.minor
    if any(sums.values()):
        raise Unbalanced(posting.subject, posting.stands)


def change(stands: Stands, known: Mapping[tuple[str, str], int]) -> list[tuple[str, Money]]:
    """What must be added to `known` (by account and currency) so that it stands as it should; accounts in order."""
    wanted = {(account, amount.currency): amount.minor for account, amount in stands.items()}
    keys = sorted(wanted.keys() | known.keys())
    differences = ((key, wanted.get(key, 0) - known.get(key, 0)) for key in keys)
    return [(account, Money(minor, currency)) for (account, currency), minor in differences if minor]
