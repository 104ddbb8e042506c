"""What a gateway's balance says: fee and net beside the payment they are about, payouts and its own fees as rows."""

from typing import Any

import pytest

from service.access.rules import Role
from service.bench.plant import plant
from service.bench.requests import planted_id
from tests.access.giving import bearer, give
from tests.stage import Stage

URL = "/api/payment/transaction-history"
MOVEMENT = """
    INSERT INTO settlements (provider, ref, kind, amount_minor, amount_currency, fee_minor, occurred_at, payout_ref,
                             subject, imported_at, withdrawn_at)
    VALUES ('stripe', :ref, :kind, :minor, :currency, :fee, now(), :payout, :subject, now(),
            CASE WHEN :withdrawn THEN now() END)
"""
PAID, REFUNDED = planted_id(5).replace("ord_", "pay_"), planted_id(5).replace("ord_", "rfd_")


async def moved(stage: Stage, ref: str, kind: str, minor: int, fee: int = 0, **more: Any) -> None:
    values = {"currency": "USD", "payout": None, "subject": None, "withdrawn": False, **more}
    await stage.rows(MOVEMENT, ref=ref, kind=kind, minor=minor, fee=fee, **values)


@pytest.fixture
async def asks(stage: Stage, database_url: str):
    """What finance asks, of 20 orders and what the gateway's balance says of the fifth."""
    plant(database_url, 1, 20, total=20)
    await moved(stage, "txn_1", "payment", 24900, 752, subject=PAID)
    await moved(stage, "txn_2", "refund", -1000, subject=REFUNDED)
    await moved(stage, "txn_3", "fee", -1500)
    await moved(stage, "txn_4", "payout", -20000, payout="po_1")
    await moved(stage, "txn_5", "payout_failed", 20000, payout="po_1")
    await moved(stage, "txn_6", "payment", 700, 50)  # nobody of ours knows it
    await moved(stage, "txn_7", "other", -300, withdrawn=True)
    key = bearer(await give(stage.db, "books", Role.AUDITOR))

    async def ask(**query: Any) -> dict[str, Any]:
        answer = await stage.client.get(URL, params={"limit": 200, **query}, headers=key)
        assert 200 == answer.status_code, answer.text
        return answer.json()

    return ask


def told(row: dict[str, Any]) -> tuple[Any, ...]:
    money = [row[name] and row[name]["minor"] for name in ("amount", "fee", "net")]
    return row["type"], row["status"], *money, row["providerRef"]


async def test_fee_and_net_come_with_the_balance(asks):
    """Of what is settled; of anything else nobody knows them yet."""
    rows = {row["transactionId"]: row for row in (await asks(type="payment"))["transactions"]}
    refund = (await asks(type="refund"))["transactions"][0]

    assert ({"minor": 752, "currency": "USD"}, {"minor": 24148, "currency": "USD"}) == (
        rows[PAID]["fee"],
        rows[PAID]["net"],
    )
    assert {None} == {row["fee"] for id_, row in rows.items() if id_ != PAID}
    assert (-1000, 0, -1000) == (refund["amount"]["minor"], refund["fee"]["minor"], refund["net"]["minor"])


async def test_what_only_the_balance_knows_is_a_row(asks):
    """Fees, payouts there and back, what is unknown, and what its gateway has taken back."""
    rows = {row["transactionId"]: told(row) for row in (await asks())["transactions"] if row["orderId"] is None}

    assert {
        "stripe:txn_3": ("fee", "settled", -1500, 0, -1500, "txn_3"),
        "stripe:txn_4": ("payout", "settled", -20000, 0, -20000, "po_1"),
        "stripe:txn_5": ("payout", "settled", 20000, 0, 20000, "po_1"),
        "stripe:txn_6": ("adjustment", "settled", 700, 50, 650, "txn_6"),
        "stripe:txn_7": ("adjustment", "withdrawn", -300, 0, -300, "txn_7"),
    } == rows
    assert [] == (await asks(type="payout", status="withdrawn"))["transactions"]
    assert ["stripe:txn_7"] == [each["transactionId"] for each in (await asks(status="withdrawn"))["transactions"]]


async def test_totals_hold_the_fees_that_are_known(asks):
    """Of each type; a movement that was taken back adds nothing."""
    sums = {each["type"]: each for each in (await asks(totals="true", limit=1))["totals"]}

    assert {"payment": 752, "refund": 0, "fee": 0, "payout": 0, "adjustment": 50, "dispute": 0} == {
        name: each["fee"]["minor"] for name, each in sums.items()
    }
    assert {"fee": -1500, "payout": 0, "adjustment": 650} == {
        name: sums[name]["net"]["minor"] for name in ("fee", "payout", "adjustment")
    }
    assert (2, 1) == (sums["adjustment"]["count"], sums["adjustment"]["moved"])


async def test_what_was_settled_in_another_currency_says_so(stage: Stage, asks):
    """Fee and net are in the currency of the balance; the totals of this one do not count them."""
    await stage.rows("UPDATE settlements SET amount_currency = 'EUR', amount_minor = 22900 WHERE ref = 'txn_1'")
    page = await asks(type="payment", totals="true")

    paid = next(row for row in page["transactions"] if row["transactionId"] == PAID)
    assert ("USD", "EUR", 22148) == (paid["amount"]["currency"], paid["fee"]["currency"], paid["net"]["minor"])
    assert [0] == [each["fee"]["minor"] for each in page["totals"]]


async def test_pages_part_these_rows_too(stage: Stage, asks):
    """One at a time, each once, those of one moment too."""
    await stage.rows("UPDATE settlements SET occurred_at = '2027-02-13 18:00:00+00'")
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await asks(limit=1, **cursor)
        found += [row["transactionId"] for row in page["transactions"]]
        if page["cursor"] is None:
            break
        cursor = {"cursor": page["cursor"]}

    assert 20 + 1 + 1 + 5 == len(set(found)) == len(found)
