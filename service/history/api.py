"""`GET /api/payment/transaction-history`: a page as JSON, or everything that matches as CSV."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.di import NamedDependency, Provide
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, Operation, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import QueryParameter
from litestar.response import Stream

from service.access.rules import OrderTokens, Permission
from service.acts.api import NO_STORE, READING, Limit
from service.acts.rules import read_time
from service.history import flow
from service.history.rules import (
    MOST_EMAIL,
    PROVIDER,
    STATUSES,
    Filters,
    TransactionType,
    check,
    read_cursor,
    write_cursor,
)
from service.history.views import COLUMNS, HistoryView, Row, csv_lines, header_line, present
from service.kernel.db import Database
from service.kernel.problem_docs import answered, documented

CSV, JSON = "text/csv", "application/json"
Totals = Annotated[
    bool, QueryParameter(description="Also what all that match come to: reads every one of them. Only with JSON.")
]
Cursor = Annotated[str | None, QueryParameter(max_length=500, description="Of the page before, with the same filters.")]
EXAMPLE = {
    "transactions": [
        {
            "transactionId": "pay_01m839ehm2y0a7d3c9k5j1p4tb",
            "type": "payment",
            "status": "succeeded",
            "provider": "stripe",
            "orderId": "ord_01m839ehkag8bczkrreetbs5c4",
            "orderNumber": "ALC-4F7K-9QXD",
            "paymentId": None,
            "amount": {"minor": 24900, "currency": "USD"},
            "fee": {"minor": 752, "currency": "USD"},
            "net": {"minor": 24148, "currency": "USD"},
            "createdAt": "2027-02-13T18:00:00Z",
            "occurredAt": "2027-02-13T18:01:10Z",
            "providerRef": "pi_3QXExample",
            "gift": False,
        }
    ],
    "cursor": "s0lGm0dTq0Xo7Jp9b0C1zDE3OTk5NjQwMDAwMDAwMDAgcGF5XzAx",
    "totals": None,
}


@dataclass
class CsvOperation(Operation):
    """The good answer has a second form."""

    def __post_init__(self) -> None:
        good = (self.responses or {}).get("200")
        if isinstance(good, OpenAPIResponse) and good.content is not None:
            lines = Schema(type=OpenAPIType.STRING, description=f"A header, then lines: {', '.join(COLUMNS)}.")
            good.content[CSV] = OpenAPIMediaType(schema=lines)


def _time(name: str, told: str) -> Any:
    return QueryParameter(
        name=name, schema_extra={"format": "date-time"}, description=f"{told}, for example 2027-02-13T18:00:00Z."
    )


def _one_of(name: str, values: Iterable[str], told: str) -> Any:
    return QueryParameter(name=name, schema_extra={"enum": [str(each) for each in values]}, description=told)


def read_filters(
    *,
    since: Annotated[str | None, _time("from", "Made at this time or later")] = None,
    until: Annotated[str | None, _time("to", "Made before this time")] = None,
    of_type: Annotated[str | None, _one_of("type", TransactionType, "Of this type.")] = None,
    provider: Annotated[str | None, QueryParameter(pattern=PROVIDER, description="Of this gateway.")] = None,
    in_status: Annotated[str | None, _one_of("status", STATUSES, "In this state, as it is now.")] = None,
    order_id: Annotated[str | None, QueryParameter(name="orderId", description="Of this order.")] = None,
    email: Annotated[
        str | None,
        QueryParameter(
            min_length=3, max_length=MOST_EMAIL, description="Of the orders under this address, in any case."
        ),
    ] = None,
) -> Filters:
    """The filters of a request; raises `Invalid`."""
    return check(
        Filters(read_time(since, "from"), read_time(until, "to"), of_type, provider, in_status, order_id, email)
    )


@get(
    "/transaction-history",
    summary="Every movement of money",
    tags=["Books"],
    opt={"permission": Permission.TRANSACTIONS_READ},
    dependencies={"filters": Provide(read_filters, sync_to_thread=False)},
    operation_class=CsvOperation,
    responses={
        **answered(200, HistoryView, EXAMPLE, "A page, newest first; with `Accept: text/csv` all of them"),
        **documented(*READING),
    },
)
async def get_transaction_history(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    tokens: NamedDependency[OrderTokens],
    filters: NamedDependency[Filters],
    *,
    totals: Totals = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[HistoryView] | Stream:
    """Payments, refunds, disputes and what else a gateway moves, newest first, as they stand now. No personal data.

    A page never shows what another one has shown, and leaves out nothing that existed when the first one was read.
    With `Accept: text/csv` everything that matches is streamed, behind `cursor` when there is one; `limit` does not count
    then. An answer that ends before its last line is broken off, which the client's library reports.
    """
    after = read_cursor(cursor, filters, tokens.keys)
    async with db.transaction() as session:
        chosen = await flow.choose(session, filters)
        if not _wants_csv(request):
            rows = await flow.read_page(session, chosen, after=after, limit=limit + 1)
            sums = await flow.read_totals(session, chosen) if totals else None
            shown = [present(each) for each in rows[:limit]]
            follows = write_cursor(flow.place_of(rows[limit - 1]), filters, tokens.keys) if len(rows) > limit else None
            return Response(HistoryView(shown, follows, sums), headers=NO_STORE)
    batches = flow.read_all(db, chosen, after=after)
    first = await anext(batches)  # what fails at once is still a problem document
    name = f"transactions-{db.clock():%Y%m%dT%H%M%SZ}.csv"
    headers = {**NO_STORE, "Content-Disposition": f'attachment; filename="{name}"'}
    return Stream(_lines(first, batches), media_type="text/csv; header=present", headers=headers)


async def _lines(first: Sequence[Row], rest: AsyncGenerator[Sequence[Row], None]) -> AsyncIterator[bytes]:
    yield header_line() + csv_lines(first)
    async with aclosing(rest):
        async for batch in rest:
            yield csv_lines(batch)


def _wants_csv(request: Request[Any, Any, Any]) -> bool:
    return request.accept.best_match([JSON, CSV], JSON) == CSV
