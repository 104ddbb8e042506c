"""What the sums of a stretch of days say, in the words of people who read books. Pure.

Only what belongs to these days counts in `Figures`; what was written in them about a closed month stands apart, as a
restatement. Balances hold everything: they are what is there.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from service.journal.rules import (
    BANK,
    CLEARING,
    DISCOUNTS,
    DISPUTES_HELD,
    DISPUTES_LOST,
    FEES,
    OWED,
    REFUNDS,
    REVENUE,
    STORE_CREDIT,
    SUSPENSE,
    TAX,
    EntryKind,
    month_of,
)
from service.kernel.money import Money

GRACE_DAYS = 3  # gateways tell of a movement up to some hours later, and of its fee up to two days
RESULT = (REVENUE, REFUNDS, DISCOUNTS, FEES, DISPUTES_LOST, TAX)  # accounts that say what is earned, tax included


@dataclass(frozen=True)
class Sum:
    """All lines of one account in one currency that one kind of entry wrote; `restates` is the month they belong to."""

    kind: str
    restates: str | None
    account: str
    minor: int
    currency: str


@dataclass(frozen=True)
class ByTicketType:
    """Without tax."""

    ticket_type: str
    sold: Money
    refunded: Money

    @property
    def kept(self) -> Money:
        return self.sold - self.refunded


@dataclass(frozen=True)
class Balance:
    """One account over these days; `moved` by what moved it, restatements included."""

    name: str
    opening: Money
    moved: Mapping[str, Money]

    @property
    def closing(self) -> Money:
        total = self.opening
        for each in self.moved.values():
            total += each
        return total


@dataclass(frozen=True)
class Restated:
    """What these days have written about a month that is closed: for the result, and for what the gateways hold."""

    month: str
    kind: str
    result: Money
    clearing: Money


@dataclass(frozen=True)
class Figures:
    """One currency. `gross` less gifts, refunds, lost disputes and fees is `net`; tax is part of both."""

    currency: str
    gross: Money
    gifts: Money
    refunds: Money
    lost: Money
    fees: Money
    other: Money  # corrections by hand
    net: Money
    tax: Money
    revenue: Money
    held: Money  # by banks, while disputes run: the change
    owed: Money  # to customers: the change
    suspense: Money  # the change of what nobody can name yet
    paid_out: Money
    ticket_types: tuple[ByTicketType, ...]
    providers: tuple[Balance, ...]
    accounts: tuple[Balance, ...]  # bank, disputes, owed, suspense
    restated: tuple[Restated, ...]


@dataclass(frozen=True)
class Report:
    """The days from `first` to `last`, both included. `corrected` is what later days have restated of them."""

    first: date
    last: date
    entries: int
    figures: tuple[Figures, ...]
    corrected: tuple[Restated, ...] = ()


def figures(sums: Sequence[Sum], opening: Mapping[tuple[str, str], int]) -> tuple[Figures, ...]:
    """One for each currency, in their order. `opening` is by account and currency."""
    currencies = sorted({each.currency for each in sums} | {currency for _, currency in opening})
    return tuple(
        _figures(
            currency,
            [each for each in sums if each.currency == currency],
            {account: minor for (account, known), minor in opening.items() if known == currency},
        )
        for currency in currencies
    )


def _figures(currency: str, sums: Sequence[Sum], opening: Mapping[str, int]) -> Figures:
    own = [each for each in sums if each.restates is None]

    def total(*accounts: str, kind: str | None = None) -> Money:
        return _total(currency, own, lambda each: each.account.startswith(accounts) and kind in {None, each.kind})

    gross = -total(REVENUE, TAX, kind=EntryKind.PAYMENT)
    gifts, fees, lost = total(DISCOUNTS), total(FEES), total(DISPUTES_LOST)
    refunds = total(REFUNDS, TAX, kind=EntryKind.REFUND)
    net, tax = -total(*RESULT), -total(TAX)
    return Figures(
        currency=currency,
        gross=gross,
        gifts=gifts,
        refunds=refunds,
        lost=lost,
        fees=fees,
        other=net - (gross - gifts - refunds - lost - fees),
        net=net,
        tax=tax,
        revenue=net - tax,
        held=total(DISPUTES_HELD),
        owed=-total(OWED, STORE_CREDIT),
        suspense=total(SUSPENSE),
        paid_out=total(BANK),
        ticket_types=_by_ticket_type(currency, own),
        providers=tuple(_balances(currency, sums, opening, lambda account: account.startswith(CLEARING))),
        accounts=tuple(_balances(currency, sums, opening, _is_watched)),
        restated=restated(sums),
    )


def _is_watched(account: str) -> bool:
    return account in {BANK, DISPUTES_HELD, OWED, STORE_CREDIT, SUSPENSE}


def _total(currency: str, sums: Iterable[Sum], counts: Callable[[Sum], bool]) -> Money:
    return Money(sum(each.minor for each in sums if counts(each)), currency)


def _by_ticket_type(currency: str, sums: Sequence[Sum]) -> tuple[ByTicketType, ...]:
    accounts = (each.account for each in sums if each.account.startswith((REVENUE, REFUNDS)))
    names = sorted({account.partition(":")[2] for account in accounts})

    def of(account: str) -> Money:
        return _total(currency, sums, lambda each: each.account == account)

    return tuple(ByTicketType(name, -of(REVENUE + name), of(REFUNDS + name)) for name in names)


def _balances(
    currency: str, sums: Sequence[Sum], opening: Mapping[str, int], shown: Callable[[str], bool]
) -> Iterable[Balance]:
    for account in sorted({each.account for each in sums if shown(each.account)} | set(filter(shown, opening))):
        moved: dict[str, int] = defaultdict(int)
        for each in sums:
            if each.account == account:
                moved[each.kind] += each.minor
        amounts = {kind: Money(minor, currency) for kind, minor in sorted(moved.items())}
        yield Balance(account, Money(opening.get(account, 0), currency), amounts)


def restated(sums: Sequence[Sum]) -> tuple[Restated, ...]:
    """What entries about closed months come to, by month, kind and currency."""
    keys = sorted({(each.restates, each.kind, each.currency) for each in sums if each.restates is not None})
    found = []
    for month, kind, currency in keys:
        own = [each for each in sums if (each.restates, each.kind, each.currency) == (month, kind, currency)]
        result = -_total(currency, own, lambda each: each.account.startswith(RESULT))
        clearing = _total(currency, own, lambda each: each.account.startswith(CLEARING))
        found.append(Restated(str(month), kind, result, clearing))
    return tuple(found)


# ---- the end of a month ----------------------------------------------------------------------------------------------


class NotClosable(ValueError):
    """Why a month is not closed; `by_decision` says that a person may close it all the same."""

    def __init__(self, why: str, *, by_decision: bool = False) -> None:
        super().__init__(why)
        self.by_decision = by_decision


def check_ended(end: date, today: date, *, grace_days: int) -> None:
    """Raise `NotClosable` for a month that has not ended, or so shortly ago that fees may still come."""
    month = month_of(end)
    if today <= end:
        raise NotClosable(f"{month} has not ended (UTC).")
    opens = end + timedelta(days=1 + grace_days)
    if today < opens:
        raise NotClosable(
            f"{month} can be closed from {opens} on: gateways tell of fees up to {grace_days} days later."
        )


def check_reconciled(month: str, differences: int, uncompared: Mapping[str, Sequence[date]]) -> None:
    """Raise `NotClosable`, for a person to decide, while differences are open or days of a provider were never compared."""
    why = []
    if differences:
        why.append(f"{differences} {'difference of it is' if differences == 1 else 'differences of it are'} open")
    for provider, days in sorted(uncompared.items()):
        why.append(f"{provider} was never compared on {', '.join(spans(days))}")
    if why:
        raise NotClosable(f"{month} is not reconciled: {'; '.join(why)}.", by_decision=True)


def spans(days: Sequence[date]) -> list[str]:
    """`2027-01-03 to 2027-01-09`, `2027-01-12`: days in their order, each run of them as one."""
    runs: list[list[date]] = []
    for day in days:
        if runs and day - runs[-1][-1] == timedelta(days=1):
            runs[-1].append(day)
        else:
            runs.append([day])
    return [f"{run[0]} to {run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs]


def next_month(month: str) -> str:
    return month_of(date.fromisoformat(f"{month}-01") + timedelta(days=31))
