"""Does the database say what the gateways know: one row here for one row there, and every sum the same.

`disagreements(truth, here)` takes the answer of the stand-in's `GET /_emulator/truth` and our rows as plain dictionaries,
and answers one sentence for each thing that is wrong; it knows neither tables nor the network. It is meant for a system
at rest: everything delivered, applied, captured and sent.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
MONEY_WENT = frozenset({"pending", "succeeded"})  # states of a refund in which the gateway has taken it on


@dataclass(frozen=True)
class Here:
    """Our rows, with the columns of the tables; an amount is `amount_minor` and `amount_currency`."""

    orders: Sequence[Row]
    payments: Sequence[Row]
    refunds: Sequence[Row]
    disputes: Sequence[Row] = ()


def disagreements(truth: Mapping[str, Sequence[Row]], here: Here) -> list[str]:
    """What differs, in sentences; empty when both sides tell one story."""
    return [
        *_charges(truth["payments"], here.payments),
        *_pages(truth["payments"], here.payments),
        *_kept(truth["payments"], here.orders),
        *_refunds(truth["refunds"], here.refunds),
        *_sums(truth["payments"], here),
        *_disputes(truth["disputes"], here.disputes),
    ]


def _charges(there: Sequence[Row], payments: Sequence[Row]) -> Iterator[str]:
    """Each charge is one succeeded payment of the same amount under the same names, and the other way round."""
    ours = {payment["id"]: payment for payment in payments}
    charged = [row for row in there if row["charged"]]
    for payment_id, times in Counter(row["metadata"].get("payment_id") for row in charged).items():
        if times > 1:
            yield f"{payment_id} is charged {times} times"
    for row in charged:
        payment = ours.get(row["metadata"].get("payment_id"))
        what = f"{row['provider']} {row['checkout']}"
        if payment is None:
            yield f"{what} is charged, and no payment here knows of it"
        elif payment["status"] != "succeeded":
            yield f"{what} is charged, and {payment['id']} is {payment['status']}"
        elif _names(payment) != (row["provider"], row["checkout"], row["payment"]):
            yield f"{payment['id']} calls {_names(payment)} what is {what} {row['payment']}"
        elif _amount(payment) != (row["charged"], row["currency"]):
            yield f"{payment['id']} is {_amount(payment)} here and {row['charged']} {row['currency']} there"
    known = {row["metadata"].get("payment_id") for row in charged}
    for payment in payments:
        if payment["status"] == "succeeded" and payment["id"] not in known:
            yield f"{payment['id']} succeeded here, and nothing is charged there"


def _pages(there: Sequence[Row], payments: Sequence[Row]) -> Iterator[str]:
    """One payment never has two pages, and no page can be paid any more for a payment that is over."""
    ours = {payment["id"]: payment for payment in payments}
    for payment_id, times in Counter(row["metadata"].get("payment_id") for row in there).items():
        if times > 1:
            yield f"{payment_id} has {times} pages"
    for row in there:
        payment = ours.get(row["metadata"].get("payment_id"))
        if row["provider"] == "stripe" and row["status"] == "open" and (payment or {}).get("status") == "canceled":
            yield f"{row['checkout']} is open, and its payment is canceled"


def _kept(there: Sequence[Row], orders: Sequence[Row]) -> Iterator[str]:
    """No order keeps more than its total, and one that counts as paid keeps exactly that."""
    kept: Counter[str] = Counter()
    for row in there:
        kept[row["metadata"].get("order_id", "")] += row["charged"] - row["refunded"]
    for order in orders:
        full = order["status"] in {"paid", "disputed", "late_payment"}
        if kept[order["id"]] > order["total_minor"] or (full and kept[order["id"]] != order["total_minor"]):
            yield f"{order['id']} is {order['status']}, costs {order['total_minor']} and keeps {kept[order['id']]}"


def _refunds(there: Sequence[Row], refunds: Sequence[Row]) -> Iterator[str]:
    """Each refund is known on both sides under one name, in one state, of one amount, and was made once."""
    ours = {(row["provider"], row["refund_ref"]): row for row in refunds if row["refund_ref"]}
    made = Counter(row["metadata"].get("refund_id") for row in there)
    for refund_id, times in made.items():
        if refund_id and times > 1:
            yield f"{refund_id} is made {times} times"
    for row in there:
        refund = ours.pop((row["provider"], row["refund"]), None)
        if refund is None:
            yield f"{row['provider']} {row['refund']} is not known here"
        elif (refund["status"], *_amount(refund)) != (row["status"], row["amount"], row["currency"]):
            yield f"{refund['id']} is {refund['status']} {_amount(refund)} here, {row['status']} {row['amount']} there"
    yield from (f"{row['id']} is called {row['refund_ref']}, which is not there" for row in ours.values())
    for row in refunds:
        if row["status"] == "succeeded" and not row["refund_ref"]:
            yield f"{row['id']} succeeded here without a name there"


def _sums(there: Sequence[Row], here: Here) -> Iterator[str]:
    """What went back of each payment is the same, added up on both sides."""
    sent: dict[str, int] = defaultdict(int)
    for refund in here.refunds:
        sent[refund["payment_id"]] += refund["amount_minor"] if refund["status"] in MONEY_WENT else 0
    for row in there:
        payment_id = row["metadata"].get("payment_id", "")
        if sent[payment_id] != row["refunded"]:
            yield f"{payment_id}: {sent[payment_id]} went back here, {row['refunded']} there"


def _disputes(there: Iterable[Row], disputes: Iterable[Row]) -> Iterator[str]:
    """The same disputes on both sides."""
    ours = Counter((row["provider"], row["dispute_ref"], *_amount(row)) for row in disputes)
    theirs = Counter((row["provider"], row["id"], row["amount"], row["currency"]) for row in there)
    yield from (f"dispute {row} is not known here" for row in theirs - ours)
    yield from (f"dispute {row} is not known there" for row in ours - theirs)


def _names(payment: Row) -> tuple[str, str | None, str | None]:
    return payment["provider"], payment["checkout_ref"], payment["payment_ref"]


def _amount(row: Row) -> tuple[int, str]:
    return row["amount_minor"], row["amount_currency"].lower()
