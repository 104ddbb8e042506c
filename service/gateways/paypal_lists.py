"""What PayPal lists, oldest first as the protocol wants it: events, and movements on the balance.

Both come in pages; events newest first, so they are collected before the first is handed on. Of a link to the next page
only the query is taken: the address asked is always our own base URL. Movements are asked for in windows of 31 days, the
most PayPal takes at once, and may take three hours to appear there
(https://developer.paypal.com/docs/api/transaction-search/v1/).
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from operator import itemgetter
from urllib.parse import parse_qsl, urlsplit

import msgspec

from service.gateways.calls import Operation
from service.gateways.facts import Settlement, SettlementKind
from service.gateways.paypal_client import PROVIDER, PayPalClient, Request
from service.gateways.paypal_events import EVENTS, KINDS
from service.gateways.paypal_objects import Amount, Link, money_of, time_of
from service.gateways.paypal_words import refund_ids_of
from service.kernel.errors import GatewayUnavailable
from service.kernel.money import Money
from service.telemetry.logs import get_logger

EVENTS_PAGE = 300
TRANSACTIONS = "/v1/reporting/transactions"
TRANSACTIONS_PAGE = 500
WINDOW = timedelta(days=31)
MOST_PAGES = 1000  # of one list; an endless chain of links ends here

log = get_logger("paypal")

# https://developer.paypal.com/docs/reports/reference/tcodes/: by the whole code, else by its group.
_CODES = {
    "T1106": SettlementKind.DISPUTE,  # a payment taken back by PayPal
    "T1107": SettlementKind.REFUND,
    "T1110": SettlementKind.DISPUTE,  # held for a dispute
    "T1111": SettlementKind.DISPUTE_WON,  # let go
    "T1201": SettlementKind.DISPUTE,  # a chargeback
    "T1202": SettlementKind.DISPUTE_WON,
    "T1207": SettlementKind.DISPUTE_WON,
}
_GROUPS = {"T00": SettlementKind.PAYMENT, "T01": SettlementKind.FEE, "T04": SettlementKind.PAYOUT}
_MOVED = ("S", "V")  # pending and denied ones moved nothing; one that was reversed later moved, and back in its own row


class _Events(msgspec.Struct):
    events: list[msgspec.Raw] = []
    links: list[Link] = []


class _Head(msgspec.Struct):
    event_type: str
    create_time: str = ""


class _Info(msgspec.Struct):
    transaction_id: str
    transaction_event_code: str
    transaction_initiation_date: str
    transaction_amount: Amount
    transaction_status: str = "S"
    fee_amount: Amount | None = None
    paypal_reference_id: str | None = None
    custom_field: str | None = None


class _Detail(msgspec.Struct):
    transaction_info: _Info


class _Transactions(msgspec.Struct):
    transaction_details: list[_Detail] = []
    total_pages: int = 1


async def list_events(
    client: PayPalClient,
    *,
    since: datetime,
    until: datetime,
    page_size: int = EVENTS_PAGE,
    most_pages: int = MOST_PAGES,
) -> AsyncIterator[bytes]:
    """Of the types we act on, each as PayPal wrote it. Raises `GatewayUnavailable` after `most_pages`: it is not all."""
    end = until + timedelta(seconds=1)  # whole seconds: all of the last one
    params = {"start_time": _stamp(since), "end_time": _stamp(end), "page_size": str(page_size)}
    found: list[bytes] = []
    for _ in range(most_pages):
        asked = Request("GET", EVENTS, params)
        events, following = await client.ask(Operation.LIST_EVENTS, asked, _read_events)
        found += events
        if following is None or following == params:
            break
        params = following
    else:
        raise GatewayUnavailable(PROVIDER, "error", maybe_acted=False)
    for event in oldest_first(found):
        yield event


def oldest_first(newest_first: list[bytes]) -> list[bytes]:
    """By their own times, whatever the order of the list; of one time as listed, without a time beside its neighbour."""
    timed, at = [], datetime.min.replace(tzinfo=UTC)
    for body in reversed(newest_first):
        try:
            at = time_of(msgspec.json.decode(body, type=_Head).create_time)
        except ValueError:
            log.warning("an event without a time in the list")
        timed.append((at, body))
    return [body for _, body in sorted(timed, key=itemgetter(0))]


def _read_events(content: bytes) -> tuple[list[bytes], dict[str, str] | None]:
    page = msgspec.json.decode(content, type=_Events)
    bodies = [bytes(each) for each in page.events]
    following = next((link.href for link in page.links if link.rel == "next"), None)
    wanted = [body for body in bodies if msgspec.json.decode(body, type=_Head).event_type in KINDS]
    return wanted, None if following is None else dict(parse_qsl(urlsplit(following).query))


async def list_settlements(
    client: PayPalClient,
    *,
    since: datetime,
    until: datetime,
    page_size: int = TRANSACTIONS_PAGE,
    most_pages: int = MOST_PAGES,
) -> AsyncIterator[Settlement]:
    """Every movement in [since, until), window by window."""
    start = since
    while start < until:
        end = min(start + WINDOW, until)
        for each in await _window(client, start, end, page_size, most_pages=most_pages):
            yield each
        start = end


async def _window(
    client: PayPalClient, start: datetime, end: datetime, page_size: int, *, most_pages: int
) -> list[Settlement]:
    """All of [start, end): PayPal counts whole seconds and takes in the last one."""
    params = {
        "start_date": _stamp(start),
        "end_date": _stamp(end),
        "fields": "transaction_info",
        "balance_affecting_records_only": "Y",
        "page_size": str(page_size),
    }
    read = partial(_read_settlements, start=start, end=end)
    found: list[Settlement] = []
    for page in count(1):
        asked = Request("GET", TRANSACTIONS, {**params, "page": str(page)})
        settlements, pages = await client.ask(Operation.LIST_SETTLEMENTS, asked, read)
        found += settlements
        if page >= pages:
            break
        if page >= most_pages:
            raise GatewayUnavailable(PROVIDER, "error", maybe_acted=False)
    return sorted(found, key=lambda each: each.occurred_at)


def _read_settlements(content: bytes, *, start: datetime, end: datetime) -> tuple[list[Settlement], int]:
    page = msgspec.json.decode(content, type=_Transactions)
    infos = [each.transaction_info for each in page.transaction_details]
    moved = [_settlement(info) for info in infos if info.transaction_status in _MOVED]
    return [each for each in moved if start <= each.occurred_at < end], page.total_pages


def _settlement(info: _Info) -> Settlement:
    code, ref = info.transaction_event_code, info.transaction_id
    kind = _CODES.get(code) or _GROUPS.get(code[:3], SettlementKind.OTHER)
    amount = money_of(info.transaction_amount)
    # PayPal's fee is a movement, negative when it takes; ours is what was taken.
    fee = -money_of(info.fee_amount) if info.fee_amount else Money.zero(amount.currency)
    at = time_of(info.transaction_initiation_date)
    ours = refund_ids_of(info.custom_field)
    return Settlement(
        ref=ref,
        kind=kind,
        amount=amount,
        fee=fee,
        occurred_at=at,
        available_at=at,
        payment_ref=ref if kind is SettlementKind.PAYMENT else info.paypal_reference_id,
        refund_ref=ref if kind is SettlementKind.REFUND else None,
        payout_ref=ref if kind is SettlementKind.PAYOUT else None,
        order_id=ours.get("order_id"),
        payment_id=ours.get("payment_id"),
        refund_id=ours.get("refund_id"),
    )


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
