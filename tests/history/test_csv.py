"""All that matches, as lines of CSV: whole, harmless in a spreadsheet, in constant memory, and given up with its reader."""

import asyncio
import csv
import io
import tracemalloc
from decimal import Decimal

import httpx
import pytest

from service.access.rules import Role
from service.bench.plant import plant
from service.history import flow
from service.history.flow import Chosen, read_all
from service.history.rules import Filters
from service.history.views import COLUMNS, csv_lines, harmless
from tests.access.giving import bearer, give
from tests.stage import Stage
from tests.webhooks.delivery import samples

URL = "/api/payment/transaction-history"
ORDERS = 19_000
ROWS = 19_000 + 950 + 95
MOST_MEMORY = 16 * 2**20  # bytes for any number of rows; 20 thousand at once would be four times as much
CSV = {"Accept": "text/csv"}


@pytest.fixture
async def headers(stage: Stage) -> dict[str, str]:
    return CSV | bearer(await give(stage.db, "books", Role.FINANCE))


async def lines(stage: Stage, headers: dict[str, str], **query: str) -> tuple[httpx.Response, list[dict[str, str]]]:
    answer = await stage.client.get(URL, params=query, headers=headers)
    return answer, list(csv.DictReader(io.StringIO(answer.text, newline="")))


async def test_the_lines_are_the_pages(stage: Stage, headers, database_url):
    """The same rows in the same order as JSON gives them, amounts as decimals, over as many batches as it takes."""
    plant(database_url, 1, 180, total=180)

    answer, rows = await lines(stage, headers)
    page = (await stage.client.get(URL, params={"limit": 200}, headers={**headers, "Accept": "*/*"})).json()

    assert answer.headers["content-type"].startswith("text/csv")
    assert 'attachment; filename="transactions-' in answer.headers["content-disposition"]
    assert COLUMNS == tuple(answer.text.split("\r\n")[0].split(","))
    parts = [part async for part in read_all(stage.db, Chosen(Filters()), batch=64)]
    ids = [row["transactionId"] for row in page["transactions"]]
    assert ids == [row["transactionId"] for row in rows] == [row.id for part in parts for row in part]
    assert [64, 64] == [len(part) for part in parts[:2]]
    paid = sum(Decimal(row["amount"]) for row in rows if row["type"] == "payment" and row["occurredAt"])
    assert Decimal("249.00") * 162 == paid
    assert {"-10.00"} == {row["amount"] for row in rows if row["type"] == "refund"}  # a number may begin with a minus


async def test_filters_and_a_cursor_hold_here_too(stage: Stage, headers, database_url):
    """What was broken off is read on from the last page somebody has."""
    plant(database_url, 1, 200, total=200)
    page = (await stage.client.get(URL, params={"type": "refund", "limit": 4}, headers=headers | {"Accept": ""})).json()

    _, rows = await lines(stage, headers, type="refund")
    _, rest = await lines(stage, headers, type="refund", cursor=page["cursor"])
    refused = await stage.client.get(URL, params={"type": "none"}, headers=headers)

    assert 10 == len(rows)
    assert rows[4:] == rest
    assert (400, "application/problem+json") == (refused.status_code, refused.headers["content-type"])


async def test_nothing_matches(stage: Stage, headers):
    """A header all the same."""
    answer, rows = await lines(stage, headers)

    assert [] == rows
    assert 1 == answer.text.count("\r\n")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_cell_is_never_a_formula(text):
    """Whatever a gateway or a person has written there."""
    assert "'" + text == harmless(text)


async def test_a_name_with_everything_in_it_comes_back(stage: Stage, headers, database_url):
    """Quotes, commas and lines are quoted as RFC 4180 says."""
    plant(database_url, 1, 1, total=1)
    await stage.rows("""UPDATE payments SET payment_ref = '=cmd|"calc",\nx'""")

    _, rows = await lines(stage, headers, type="payment")

    assert ['\'=cmd|"calc",\nx'] == [row["providerRef"] for row in rows]


async def test_any_number_of_rows_takes_the_same_memory(stage: Stage, headers, database_url):
    """Twenty thousand of them are read and written with no more than a batch in hand."""
    plant(database_url, 1, ORDERS, total=ORDERS)
    size = count = 0
    tracemalloc.start()
    try:
        async for batch in read_all(stage.db, Chosen(Filters())):
            size += len(csv_lines(batch))
            count += len(batch)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert ROWS == count
    assert peak < MOST_MEMORY, f"{peak / 2**20:.0f} MB for {size / 2**20:.0f} MB of lines"

    await _gives_up(stage, headers)


async def _gives_up(stage: Stage, headers: dict[str, str]) -> None:
    """Who reads no further is not written to: the queries end with the connection."""
    before = await _selects(stage)
    async with stage.client.stream("GET", URL, headers=headers) as answer:
        await anext(answer.aiter_bytes(100))
    await asyncio.sleep(1)  # time enough for all the batches
    asked = await _selects(stage) - before

    assert asked < ROWS // flow.BATCH, f"{asked} statements, those of the switches included"
    active = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cubano-serve' AND state <> 'idle'"

    async def is_quiet() -> bool:
        return [(0,)] == await stage.rows(active)

    await stage.until(is_quiet)


async def _selects(stage: Stage) -> float:
    url = f"http://127.0.0.1:{stage.settings.serve_metrics_port}/metrics"
    async with httpx.AsyncClient() as client:
        text = (await client.get(url)).text
    return samples(text, "db_client_operation_duration_seconds_count")["SELECT",]
