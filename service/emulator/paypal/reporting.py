"""Transaction search: what moved between two moments, page by page, at most 31 days at once."""

from urllib.parse import urlencode

from service.emulator.paypal import money, orders, times
from service.emulator.paypal.errors import invalid_query
from service.emulator.wire import Obj
from service.emulator.world import World, is_hidden

RANGE_S = 31 * 86_400
PAGE = 100
LARGEST_PAGE = 500
PATH = "/paypal/v1/reporting/transactions"


def listed(world: World, query: dict[str, str]) -> Obj:
    """Oldest first; `transaction_id`, `transaction_type` and `transaction_currency` narrow it."""
    start, end = _moment(query, "start_date"), _moment(query, "end_date")
    if end < start or end - start > RANGE_S:
        raise invalid_query("end_date", "Date range is greater than 31 days" if end > start else "End before start.")
    size, page = _number(query, "page_size", PAGE, LARGEST_PAGE), _number(query, "page", 1, 1 << 31)
    rows = [row for row in world.store.all("paypal.movement") if start <= row["created"] <= end and _wanted(row, query)]
    rows = [row for row in rows if not is_hidden(world, row["id"])]
    shown = rows[(page - 1) * size : page * size]
    pages = -(-len(rows) // size)
    answer: Obj = {
        "transaction_details": [_detail(row, query.get("fields", "transaction_info")) for row in shown],
        "account_number": orders.MERCHANT["merchant_id"],
        "start_date": times.stamp(start),
        "end_date": times.stamp(min(end, world.now())),
        "last_refreshed_datetime": times.now(world),
        "page": page,
        "total_items": len(rows),
        "total_pages": pages,
    }
    href = f"{world.options.api_base}{PATH}"
    turns = {"self": page, "next": page + 1 if page < pages else None, "last": pages or 1}
    answer["links"] = [
        {"href": f"{href}?{urlencode({**query, 'page': turn})}", "rel": rel, "method": "GET"}
        for rel, turn in turns.items()
        if turn is not None
    ]
    return answer


def _wanted(row: Obj, query: dict[str, str]) -> bool:
    asked = {"transaction_id": row["id"], "transaction_type": row["code"], "transaction_currency": row["currency"]}
    return all(query.get(name) in {None, value} for name, value in asked.items())


def _detail(row: Obj, fields: str) -> Obj:
    currency = row["currency"]
    info: Obj = {
        "paypal_account_id": orders.MERCHANT["merchant_id"],
        "transaction_id": row["id"],
        "transaction_event_code": row["code"],
        "transaction_initiation_date": times.stamp(row["created"]),
        "transaction_updated_date": times.stamp(row["updated"]),
        "transaction_amount": money.written(row["minor"], currency),
        "transaction_status": row["status"],
        "protection_eligibility": "01",
    }
    if row["reference"] is not None:
        info |= {"paypal_reference_id": row["reference"], "paypal_reference_id_type": row["kind"]}
    if row["fee"]:
        info["fee_amount"] = money.written(row["fee"], currency)
    for name, told in (("custom_id", "custom_field"), ("invoice_id", "invoice_id")):
        if row[name] is not None:
            info[told] = row[name]
    detail = {"transaction_info": info}
    if "payer_info" in fields or fields == "all":
        detail["payer_info"] = {"email_address": "buyer@example.com", "country_code": "US", "payer_status": "Y"}
    return detail


def _moment(query: dict[str, str], name: str) -> int:
    moment = times.parsed(query.get(name, ""))
    if moment is None:
        raise invalid_query(name, "An Internet date and time with seconds and zone is required.")
    return moment


def _number(query: dict[str, str], name: str, usual: int, most: int) -> int:
    text = query.get(name, str(usual))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise invalid_query(name, f"A number from 1 to {most}.")
    return int(text)
