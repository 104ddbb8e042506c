"""Webhook events: `happened` is the one place where one is made, with the resource as it was in that moment.

They can be listed, newest first, and sent again (developer.paypal.com/docs/api/webhooks/v1).
"""

from urllib.parse import urlencode

from service.emulator.paypal import ids, times
from service.emulator.paypal.errors import invalid_query, not_found
from service.emulator.wire import Obj
from service.emulator.world import World

RETAINED_S = 30 * 86_400  # what the vendor's list goes back
PAGE = 10
LARGEST_PAGE = 300
PATH = "/paypal/v1/notifications/webhooks-events"
SUMMARIES = {
    "CHECKOUT.ORDER.APPROVED": "An order has been approved by buyer",
    "CHECKOUT.ORDER.COMPLETED": "Checkout Order Completed",
    "PAYMENT.CAPTURE.COMPLETED": "Payment completed for {}",
    "PAYMENT.CAPTURE.PENDING": "Payment pending for {}",
    "PAYMENT.CAPTURE.DENIED": "A {} capture payment was denied",
    "PAYMENT.CAPTURE.DECLINED": "A {} capture payment was declined",
    "PAYMENT.CAPTURE.REFUNDED": "A {} capture payment was refunded",
    "PAYMENT.CAPTURE.REVERSED": "A {} capture payment was reversed",
    "PAYMENT.REFUND.PENDING": "A {} refund is pending",
    "PAYMENT.REFUND.FAILED": "A {} refund failed",
    "CUSTOMER.DISPUTE.CREATED": "A new dispute opened with Case # {}",
    "CUSTOMER.DISPUTE.UPDATED": "A dispute was updated with Case # {}",
    "CUSTOMER.DISPUTE.RESOLVED": "A dispute was resolved with Case # {}",
}
KINDS = {  # the last word of a type's noun -> what its resource is called
    "CHECKOUT.ORDER": "checkout-order",
    "PAYMENT.CAPTURE": "capture",
    "PAYMENT.REFUND": "refund",
    "CUSTOMER.DISPUTE": "dispute",
}


def happened(world: World, event_type: str, resource: Obj, *, kind: str | None = None) -> None:
    """Record the event and owe it to everyone who subscribed."""
    identifier = ids.event_id()
    href = f"{world.options.api_base}{PATH}/{identifier}"
    event: Obj = {
        "id": identifier,
        "event_version": "1.0",
        "create_time": times.now(world),
        "resource_type": kind or KINDS[event_type.rpartition(".")[0]],
        "resource_version": "2.0",
        "event_type": event_type,
        "summary": SUMMARIES[event_type].format(_subject(resource)),
        "resource": resource,
        "links": [
            {"href": href, "rel": "self", "method": "GET"},
            {"href": f"{href}/resend", "rel": "resend", "method": "POST"},
        ],
    }
    world.store.put("paypal.event", event)
    recipients = world.post.recipients(event_type, "paypal")
    if recipients:
        world.post.schedule(identifier, event_type, recipients)


def _subject(resource: Obj) -> str:
    if "dispute_id" in resource:
        return str(resource["dispute_id"])
    amount = resource.get("amount") or {"value": "", "currency_code": ""}
    return f"{amount['value']} {amount['currency_code']}".strip()


def retrieve(world: World, identifier: str) -> Obj:
    found = world.store.get("paypal.event", identifier)
    if found is None:
        raise not_found()
    return found


def subscriptions(world: World) -> Obj:
    """Who is told of what: the webhooks by their ids."""
    return {
        "webhooks": [
            {
                "id": endpoint["secret"],
                "url": endpoint["url"],
                "event_types": [{"name": name} for name in endpoint["enabled_events"]],
            }
            for endpoint in world.store.all("endpoint")
            if endpoint.get("provider") == "paypal"
        ]
    }


def listed(world: World, query: dict[str, str]) -> Obj:
    """Newest first; `links` say how to go on. `next_token` is ours to choose: it is the place to go on from."""
    size = _size(query.get("page_size"))
    start, end = _time(query, "start_time"), _time(query, "end_time")
    oldest = max(start or 0, world.now() - RETAINED_S)
    table = world.store.table("paypal.event")
    place = _place(query.get("next_token"), len(table.order))
    page: list[Obj] = []
    while place > 0 and len(page) <= size:
        place -= 1
        row = table.rows[table.order[place]]
        at = times.parsed(row.facts["create_time"]) or 0
        if at < oldest:
            break  # what was made earlier lies further down
        if query.get("event_type") not in {None, row.facts["event_type"]} or (end is not None and at > end):
            continue
        event = world.store.must("paypal.event", table.order[place])
        if query.get("transaction_id") in {None, event["resource"].get("id")}:
            page.append(event)
    more = len(page) > size
    return {
        "events": page[:size],
        "count": len(page[:size]),
        "links": _links(world, query, place + 1 if more else None),
    }


def _links(world: World, query: dict[str, str], following: int | None) -> list[Obj]:
    kept = {name: value for name, value in query.items() if name != "next_token"}
    base = f"{world.options.api_base}{PATH}"
    links = [{"href": _address(base, query), "rel": "self", "method": "GET"}]
    if following is not None:
        links.append({"href": _address(base, {**kept, "next_token": str(following)}), "rel": "next", "method": "GET"})
    return links


def _address(base: str, query: dict[str, str]) -> str:
    return f"{base}?{urlencode(query)}" if query else base


def _size(asked: str | None) -> int:
    if asked is None:
        return PAGE
    if not asked.isdecimal() or not 1 <= int(asked) <= LARGEST_PAGE:
        raise invalid_query("page_size", f"A number from 1 to {LARGEST_PAGE}.")
    return int(asked)


def _place(token: str | None, last: int) -> int:
    if token is None:
        return last
    if not token.isdecimal() or int(token) > last:
        raise invalid_query("next_token", "Not a token of this list.")
    return int(token)


def _time(query: dict[str, str], name: str) -> int | None:
    if name not in query:
        return None
    moment = times.parsed(query[name])
    if moment is None:
        raise invalid_query(name, "An Internet date and time, with its zone.")
    return moment
