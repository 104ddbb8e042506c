"""After the load: is everything done, does the data keep its promises, and does it say what really happened at the gateways?

`differences` compares plain rows and answers one sentence for each thing that is wrong; it knows neither tables nor the
network, and is meant for a system at rest.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx

from loadtests.result import Correctness
from loadtests.target import Target, UnhealthyError

DRAIN_S = 60.0
_LOOK_S = 0.5
_ASK_S = 60.0
_MOST = 20  # sentences; more say no more
_FULL = frozenset({"paid", "disputed", "late_payment"})  # states of an order that keeps its whole price
_SENT = frozenset({"pending", "succeeded"})  # states of a refund that the gateway has taken on
# What was tried in vain rests for longer and longer; what it would change is a difference, if it is one at all.
_WAITING = """
    SELECT count(*) FROM (SELECT due_at FROM payment_events WHERE state = 'pending'
    UNION ALL SELECT due_at FROM outbox WHERE state = 'pending') AS waiting WHERE due_at <= now() + interval '5 s'
"""
_PAYMENTS = "SELECT id, order_id, status, amount_minor FROM payments WHERE provider IN ('stripe', 'paypal')"
_ORDERS = "SELECT id, status, total_minor FROM orders WHERE provider IN ('stripe', 'paypal')"
_REFUNDS = "SELECT payment_id, status, amount_minor FROM refunds"

Row = Mapping[str, Any]


def correct(target: Target, *, within_s: float = DRAIN_S) -> Correctness:
    """Wait until nothing waits any more, then look. Raises `UnhealthyError` when nobody answers."""
    drained, wrong = _settled(target, within_s)
    return Correctness(_broken(target), wrong[:_MOST], drained)


def differences(
    there: Mapping[str, Sequence[Row]],
    payments: Sequence[Row],
    orders: Sequence[Row],
    refunds: Sequence[Row],
    *,
    at_rest: bool = True,
) -> list[str]:
    """What the stand-in's truth and our rows do not agree on; of a system not at rest only what no later event mends."""
    if not at_rest:
        return list(_twice(there["payments"]))
    return [
        *_twice(there["payments"]),
        *_charges(there["payments"], payments),
        *_kept(there["payments"], orders),
        *_returned(there["payments"], refunds),
    ]


def _twice(there: Sequence[Row]) -> Iterator[str]:
    """No payment is charged more than once."""
    times = Counter(_payment(row) for row in there if row["charged"])
    yield from (f"{payment} is charged {many} times" for payment, many in times.items() if many > 1)


def _charges(there: Sequence[Row], payments: Sequence[Row]) -> Iterator[str]:
    """Each charge is a succeeded payment of the same amount, and the other way round."""
    ours = {each["id"]: each for each in payments}
    charged = [row for row in there if row["charged"]]
    known = {_payment(row) for row in charged}
    for row in charged:
        payment = ours.get(_payment(row))
        if payment is None:
            yield f"{row['provider']} {row['checkout']} is charged, and no payment here knows of it"
        elif payment["status"] != "succeeded":
            yield f"{payment['id']} is charged and {payment['status']} here"
        elif payment["amount_minor"] != row["charged"]:
            yield f"{payment['id']} is {payment['amount_minor']} here and {row['charged']} there"
    for payment in payments:
        if payment["status"] == "succeeded" and payment["id"] not in known:
            yield f"{payment['id']} succeeded here, and nothing is charged there"


def _kept(there: Sequence[Row], orders: Sequence[Row]) -> Iterator[str]:
    """No order keeps more than its price, and one that counts as paid keeps exactly that."""
    kept: Counter[str] = Counter()
    for row in there:
        kept[row["metadata"].get("order_id", "")] += row["charged"] - row["refunded"]
    for order in orders:
        keeps, price = kept[order["id"]], order["total_minor"]
        if keeps > price or (order["status"] in _FULL and keeps != price):
            yield f"{order['id']} is {order['status']}, costs {price} and keeps {keeps}"


def _returned(there: Sequence[Row], refunds: Sequence[Row]) -> Iterator[str]:
    """What went back of each payment is the same on both sides."""
    ours: Counter[str] = Counter()
    for refund in refunds:
        ours[refund["payment_id"]] += refund["amount_minor"] if refund["status"] in _SENT else 0
    for row in there:
        if ours[_payment(row)] != row["refunded"]:
            yield f"{_payment(row)}: {ours[_payment(row)]} went back here, {row['refunded']} there"


def _payment(row: Row) -> str:
    return str(row["metadata"].get("payment_id"))


def _settled(target: Target, within_s: float) -> tuple[bool, list[str]]:
    """Whether all was done in time, and what differs: deliveries on their way do until they are here; what waits differs anyhow."""
    deadline = time.monotonic() + within_s
    while True:
        waiting = target.ask(_WAITING)[0][0]
        wrong = [] if waiting else _compare(target)
        if not (waiting or wrong):
            return True, []
        if time.monotonic() > deadline:
            return not waiting, wrong or _compare(target, at_rest=not waiting)
        time.sleep(_LOOK_S)


def _compare(target: Target, *, at_rest: bool = True) -> list[str]:
    rows = []
    for query, names in (
        (_PAYMENTS, ("id", "order_id", "status", "amount_minor")),
        (_ORDERS, ("id", "status", "total_minor")),
        (_REFUNDS, ("payment_id", "status", "amount_minor")),
    ):
        rows.append([dict(zip(names, row, strict=True)) for row in target.ask(query)])
    try:
        truth = httpx.get(f"{target.emulator}/truth", timeout=_ASK_S).raise_for_status().json()
    except httpx.HTTPError as error:
        raise UnhealthyError(f"the gateway's stand-in does not tell the truth: {error}") from error
    return differences(truth, *rows, at_rest=at_rest)


def _broken(target: Target) -> dict[str, int]:
    """Promises that do not hold, and how often: by the command where we have the settings, else by the API."""
    found = _by_command(target) if target.folder else _by_api(target)
    return {each["name"]: each["violations"] for each in found if each["violations"]}


def _by_command(target: Target) -> list[Any]:
    words = [sys.executable, "-m", "service.cli", "invariants", "--json"]
    said = subprocess.run(
        words, cwd=target.tree, env=target.environment, capture_output=True, text=True, timeout=_ASK_S * 5, check=False
    )
    if said.returncode not in {0, 1}:
        raise UnhealthyError(f"`cubano invariants` ended with {said.returncode}: {said.stderr.strip()[-300:]}")
    found: list[Any] = json.loads(said.stdout)
    return found


def _by_api(target: Target) -> list[Any]:
    headers = {"Authorization": f"Bearer {target.found['api_keys']['on_call']}"}
    url, body = f"{target.api}/api/ops/invariants/check", {"reason": "end of a load test"}
    try:
        answer = httpx.post(url, json=body, headers=headers, timeout=_ASK_S * 5).raise_for_status()
    except httpx.HTTPError as error:
        raise UnhealthyError(f"nobody checks the promises: {error}") from error
    last = [(each["name"], each["last"]) for each in answer.json()["invariants"]]
    return [{"name": name, "violations": last["violations"] if last else 0} for name, last in last]
