"""The history by pages: newest first, each transaction once whatever is written meanwhile, only what was asked for."""

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from service.access.rules import Role
from service.bench.plant import plant
from service.bench.requests import planted_id
from tests.access.giving import bearer, give
from tests.checkout.rows import broken_promises
from tests.disputes.test_disputes import bought, dispute, hear
from tests.payments.history import refund
from tests.stage import Stage
from tests.webhooks.applying import Inbox

URL = "/api/payment/transaction-history"
COUNT = 400  # planted orders: 400 payments, 20 refunds, 2 disputes
EVERY = 422


@pytest.fixture
async def asks(stage: Stage):
    """What finance asks, with its key; the answer as JSON, or the whole response of a refusal."""
    key = bearer(await give(stage.db, "books", Role.FINANCE))

    async def ask(**query: Any) -> Any:
        answer = await stage.client.get(URL, params=query, headers=key)
        return answer.json() if answer.status_code == 200 else answer

    return ask


@pytest.fixture
def planted(database_url: str) -> str:
    plant(database_url, 1, COUNT, total=COUNT)
    return database_url


async def pages(asks, **query: Any) -> list[dict[str, Any]]:
    """All rows, a page after the other."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await asks(**query, **cursor)
        found += page["transactions"]
        if page["cursor"] is None:
            return found
        cursor = {"cursor": page["cursor"]}


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["transactionId"] for row in rows]


async def test_every_transaction_is_there_once_newest_first(planted, asks):
    """Payments, refunds and disputes in one line, whatever the size of a page."""
    by_seven, by_many = await pages(asks, limit=17), await pages(asks, limit=200)

    assert EVERY == len(set(ids(by_seven))) == len(by_seven)
    assert ids(by_many) == ids(by_seven)
    assert by_many == sorted(by_many, key=lambda row: (row["createdAt"], row["transactionId"]), reverse=True)
    assert {"payment", "refund", "dispute"} == {row["type"] for row in by_many}


async def test_what_is_written_while_somebody_pages_moves_nothing(stage: Stage, planted, asks):
    """New rows at the top, more at the very same moment, states that change: nothing twice, nothing left out."""
    before = set(ids(await pages(asks, limit=200)))
    found: list[str] = []
    cursor: dict[str, str] = {}
    number = COUNT
    while True:
        page = await asks(limit=40, **cursor)
        found += ids(page["transactions"])
        if page["cursor"] is None:
            break
        cursor = {"cursor": page["cursor"]}
        plant(planted, number + 1, number + 30, total=number + 30)
        last = page["transactions"][-1]["transactionId"].replace("pay_", "ord_")
        await stage.rows("UPDATE payments SET updated_at = now() WHERE order_id >= :id", id=last)
        number += 30

    assert len(found) == len(set(found))
    assert before <= set(found)


async def test_rows_of_one_moment_are_parted_between_pages(stage: Stage, planted, asks):
    """The id decides where the time does not."""
    await stage.rows("UPDATE payments SET created_at = '2027-02-13 18:00:00.123456+00'")

    found = await pages(asks, type="payment", limit=33)

    assert COUNT == len(set(ids(found))) == len(found)


COUNTS: list[tuple[dict[str, str], int]] = [
    ({"type": "refund"}, 20),
    ({"type": "dispute"}, 2),
    ({"provider": "paypal"}, 40),
    ({"provider": "manual"}, 0),
    ({"status": "canceled"}, 40),
    ({"type": "payment", "provider": "stripe", "status": "succeeded"}, 320),
    ({"type": "refund", "status": "needs_response"}, 0),  # no refund can be that
    ({"orderId": planted_id(1)}, 2),  # its payment and its dispute
    ({"orderId": planted_id(999_999)}, 0),
    ({"email": "nobody@example.org"}, 0),
]


async def test_filters_narrow(planted, asks):
    """Each by itself, and together."""
    assert COUNTS == [(query, len(await pages(asks, limit=200, **query))) for query, _ in COUNTS]


async def test_who_asks_for_a_state_reads_only_what_can_be_in_it(stage: Stage, planted, asks):
    """Only a dispute is ever won: a million payments are not looked through to find none."""
    await stage.rows("UPDATE disputes SET status = 'won'")
    async with stage.db.transaction() as session:
        await session.execute(sa.text("LOCK TABLE payments, refunds IN ACCESS EXCLUSIVE MODE"))
        page = await asks(status="won", totals="true")
        nothing = await asks(type="payment", status="won", totals="true")

    assert ["dispute"] * 2 == [row["type"] for row in page["transactions"]]
    assert ([], []) == (nothing["transactions"], nothing["totals"])


async def test_a_stretch_of_time_takes_its_beginning_and_leaves_its_end(planted, asks):
    """So that days follow each other without a gap."""
    rows = await pages(asks, limit=200)
    middle = rows[EVERY // 2]["createdAt"]

    later, earlier = await pages(asks, **{"from": middle}), await pages(asks, to=middle)

    assert ids(rows) == ids(later) + ids(earlier)
    assert rows[EVERY // 2]["transactionId"] in ids(later)


async def test_a_cursor_fits_its_question_only(planted, asks):
    """Another's, a broken one, one that was made up: 400 that names the field, never other rows."""
    cursor = (await asks(limit=5))["cursor"]
    answers = [
        await asks(cursor=cursor, type="payment"),
        await asks(cursor=cursor[:-2]),
        await asks(cursor=("B" if cursor[0] == "A" else "A") + cursor[1:]),
        await asks(cursor="x"),
        await asks(cursor="ñ"),
        await asks(cursor="AAAA" * 20),
    ]

    assert [(400, ["cursor"])] * 6 == [(each.status_code, wrong(each)) for each in answers]
    assert 5 == len((await asks(cursor=cursor, limit=5))["transactions"])


def wrong(answer) -> list[str]:
    return [each["field"] for each in answer.json()["errors"]]


async def test_what_cannot_be_meant_is_named(asks):
    """Each field that is wrong, all in one answer where one look finds them."""
    answers = {
        "from": await asks(**{"from": "yesterday"}),
        "to": await asks(**{"from": "2027-02-02T00:00:00Z", "to": "2027-02-01T00:00:00Z"}),
        "type": await asks(type="gift"),
        "status": await asks(status="lost in the post"),
        "provider": await asks(provider="Stripe; DROP"),
        "orderId": await asks(orderId="42"),
        "email": await asks(email="nobody"),
        "limit": await asks(limit=201),
    }

    assert {name: (400, [name]) for name in answers} == {
        name: (each.status_code, wrong(each)) for name, each in answers.items()
    }


async def test_totals_are_those_of_what_moved(planted, asks):
    """By type and currency, over all pages; a canceled payment counts as a row and adds no money."""
    page = await asks(totals="true", limit=1)
    fields = ("type", "count", "moved")

    assert [("dispute", 2, 2), ("payment", 400, 360), ("refund", 20, 20)] == [
        tuple(each[name] for name in fields) for each in page["totals"]
    ]
    assert [-2 * 24900, 360 * 24900, -20 * 1000] == [each["amount"]["minor"] for each in page["totals"]]
    assert (await asks(limit=1))["totals"] is None


async def test_a_real_order_by_its_real_names(stage: Stage, inbox: Inbox, asks):
    """Bought, refunded in part, disputed: three rows with the gateway's own names, found by order and by address."""
    checkout = await bought(stage, inbox)
    intent = (await stage.rows("SELECT payment_ref FROM payments"))[0][0]
    made = await refund(stage, intent, 1000)
    await hear(stage, inbox)
    ref = await dispute(stage, checkout, amount=5000)
    await hear(stage, inbox)

    rows = {row["type"]: row for row in await pages(asks, orderId=checkout["orderId"])}

    assert ids(await pages(asks, email=" ANA@example.org")) == ids(list(rows.values()))
    told = {each: (rows[each]["amount"]["minor"], rows[each]["providerRef"]) for each in rows}
    assert {"payment": (49800, intent), "refund": (-1000, made["id"]), "dispute": (-5000, ref)} == told
    assert {checkout["orderNumber"]} == {row["orderNumber"] for row in rows.values()}
    assert {rows["payment"]["transactionId"]} == {rows[each]["paymentId"] for each in ("refund", "dispute")}
    assert all(row["occurredAt"] for row in rows.values())
    assert not any(word in str(rows) for word in ("ana@", "Ana"))  # no personal data


async def test_what_is_planted_keeps_the_promises(stage: Stage, planted):
    """The rows of benchmarks and of these tests are such as the service itself writes."""
    kept = {"order-history", "erased-is-erased", "sold-has-seats", "stock-counts"}  # no history, no holds, no stock

    assert set() == set(await broken_promises(stage)) - kept
    assert datetime.now(UTC) > (await stage.rows("SELECT max(created_at) FROM orders"))[0][0]
