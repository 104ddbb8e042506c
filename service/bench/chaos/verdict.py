"""After the quiet: is every cent where it belongs, row by row, and has every buyer come to an end that can be told.

Each check is a row: a name, a promise, and what breaks it. Facts come from three sides that know nothing of each other: what
the buyers were told, what the database says, and what the gateways' stand-in knows to be true.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.bench.chaos.buyers import Bought
from service.kernel.invariants import Finding

ENDED = {"paid", "expired", "canceled", "refunded", "partially_refunded"}
SHOWN = 10  # of what breaks a promise


@dataclass(frozen=True)
class Facts:
    """Everything that is looked at, read once after the quiet."""

    bought: Sequence[Bought]
    orders: Mapping[str, Mapping[str, Any]]  # by id
    payments: Sequence[Mapping[str, Any]]
    refunds: Sequence[Mapping[str, Any]]
    tickets: Mapping[str, int]  # valid ones by order
    wanted: Mapping[str, int]  # seats by order
    events: set[tuple[str, str]]  # (provider, event id) in the inbox
    waiting: Sequence[str]  # what the queues still hold, in words
    stock: Sequence[Mapping[str, Any]]
    findings: Sequence[Finding]  # of the invariants
    truth: Mapping[str, Any]
    owed: Sequence[tuple[str, str]]  # (provider, event id) of every event we act on
    letters: Mapping[str, int]  # confirmations in the mail box by order


@dataclass(frozen=True)
class Check:
    """One promise and what breaks it."""

    name: str
    promise: str
    seen: int
    problems: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return not self.problems


def judge(facts: Facts) -> list[Check]:
    """All checks, in the order in which a reader wants to know."""
    return [_check(facts, *row) for row in _ROWS]


def _check(facts: Facts, name: str, promise: str, find: "Find") -> Check:
    seen, problems = find(facts)
    return Check(name, promise, seen, tuple(problems))


Find = Callable[[Facts], tuple[int, Iterable[str]]]


def _accepted(facts: Facts) -> tuple[int, list[str]]:
    told = [buyer for buyer in facts.bought if buyer.order]
    problems = []
    for buyer in told:
        order = facts.orders.get((buyer.order or {})["orderId"])
        if order is None:
            problems.append(f"buyer {buyer.number} was told of {(buyer.order or {})['orderId']}, which is nowhere")
        elif order["status"] not in ENDED:
            problems.append(f"{order['id']} is {order['status']}")
    return len(told), problems


def _paid_is_paid(facts: Facts) -> tuple[int, list[str]]:
    """Who saw the gateway say yes has tickets, or the money back."""
    paid = [buyer for buyer in facts.bought if buyer.paid and (buyer.order or {}).get("provider") != "paypal"]
    problems = []
    for buyer in paid:
        order = facts.orders.get((buyer.order or {})["orderId"], {"status": "nowhere"})
        if order["status"] not in {"paid", "refunded"}:
            problems.append(f"buyer {buyer.number} paid, and {(buyer.order or {})['orderId']} is {order['status']}")
    return len(paid), problems


def _double(facts: Facts) -> tuple[int, list[str]]:
    kept: dict[str, list[str]] = defaultdict(list)
    for row in facts.truth["payments"]:
        if row["charged"] > row["refunded"]:
            kept[row["metadata"].get("order_id", "?")].append(f"{row['provider']} {row['checkout']}")
    return len(kept), [f"{order} is charged for {', '.join(rows)}" for order, rows in kept.items() if len(rows) > 1]


def _row_by_row(facts: Facts) -> tuple[int, list[str]]:
    """Each charge there is one succeeded payment here of the same amount, and each succeeded payment here a charge there."""
    here = {row["id"]: row for row in facts.payments}
    charged = [row for row in facts.truth["payments"] if row["charged"]]
    problems, met = [], set()
    for row in charged:
        payment = here.get(row["metadata"].get("payment_id", ""))
        met.add(row["metadata"].get("payment_id"))
        if payment is None or payment["status"] != "succeeded":
            state = payment["status"] if payment else "nowhere"
            problems.append(f"{row['provider']} took {row['charged']} for {row['checkout']}, our payment is {state}")
        elif (payment["amount_minor"], payment["amount_currency"].lower()) != (row["charged"], row["currency"]):
            problems.append(f"{payment['id']} is {payment['amount_minor']} here and {row['charged']} there")
        elif payment["returned_minor"] != row["refunded"]:
            problems.append(f"{payment['id']}: {payment['returned_minor']} went back here, {row['refunded']} there")
    ours = [row["id"] for row in facts.payments if row["status"] == "succeeded" and row["id"] not in met]
    return len(charged), [*problems, *(f"{each} succeeded here, and no gateway has taken its money" for each in ours)]


def _refunds(facts: Facts) -> tuple[int, list[str]]:
    here = Counter(row["refund_ref"] for row in facts.refunds if row["status"] == "succeeded")
    there = Counter(row["refund"] for row in facts.truth["refunds"] if row["status"] == "succeeded")
    problems = [f"{ref} is there and not here" for ref in there - here]
    return there.total(), [*problems, *(f"{ref} is here and not there" for ref in here - there)]


def _oversold(facts: Facts) -> tuple[int, list[str]]:
    problems = [
        f"{row['ticket_type']}: {row['held']} held and {row['sold']} sold of {row['capacity']}"
        for row in facts.stock
        if row["held"] or row["sold"] > row["capacity"]
    ]
    return sum(row["sold"] for row in facts.stock), problems


def _tickets(facts: Facts) -> tuple[int, list[str]]:
    problems = []
    for order in facts.orders.values():
        due = facts.wanted.get(order["id"], 0) if order["status"] in {"paid", "partially_refunded"} else 0
        if facts.tickets.get(order["id"], 0) != due:
            problems.append(
                f"{order['id']} is {order['status']} with {facts.tickets.get(order['id'], 0)} tickets of {due}"
            )
    return sum(facts.tickets.values()), problems


def _letters(facts: Facts) -> tuple[int, list[str]]:
    paid = [order["id"] for order in facts.orders.values() if order["status"] == "paid"]
    return len(paid), [f"{each} has no confirmation" for each in paid if not facts.letters.get(each)]


def _events(facts: Facts) -> tuple[int, list[str]]:
    lost = [key for key in facts.owed if key not in facts.events]
    return len(facts.owed), [f"{provider} {event} never reached the inbox" for provider, event in lost]


def _queues(facts: Facts) -> tuple[int, list[str]]:
    return len(facts.waiting), list(facts.waiting)


def _invariants(facts: Facts) -> tuple[int, list[str]]:
    broken = [f"{each.invariant.name}: {each.examples[:3]}" for each in facts.findings if each.count]
    return len(facts.findings), broken


_ROWS: tuple[tuple[str, str, Find], ...] = (
    ("accepted orders", "each is paid or cleanly ended", _accepted),
    ("cards taken", "who saw a yes has tickets or the money back", _paid_is_paid),
    ("double charges", "no order keeps two charges", _double),
    ("truth", "payments here are the charges there, row by row", _row_by_row),
    ("refunds", "refunds here are the refunds there", _refunds),
    ("stock", "nothing oversold, no seat still held", _oversold),
    ("tickets", "as many valid ones as paid for", _tickets),
    ("letters", "every paid order has its confirmation", _letters),
    ("events", "each event we act on is in the inbox", _events),
    ("queues", "nothing waits, nothing is dead", _queues),
    ("invariants", "every promise of the database holds", _invariants),
)
