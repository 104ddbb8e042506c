"""What the OpenAPI document says beyond what the framework reads off the handlers. Pure, and safe to do twice.

Who may pass stands in a route's `opt` and nowhere else, so `security` is derived from it. Links say which answer leads to
which question; they are what a generated client, and the fuzz test, follows.
"""

from collections.abc import Iterable, Mapping
from typing import Any

Opt = Mapping[str, Any]
API_KEY, ORDER_TOKEN, TOKEN_IN_LINK, STAFF = "apiKey", "orderToken", "orderTokenInLink", "staffSession"
_ORDER_ROUTES = "/api/payment/order/"

DESCRIPTION = """\
Checkout, orders, refunds, books and operations of the festival's payments.

Errors are `application/problem+json` with a stable `code`; all of them are listed at `/docs/problems`. Money is whole minor
units of one currency. What buys, refunds or changes something takes an `Idempotency-Key`: repeating a request with its key
after a lost answer is always safe. `x-permission` names what a key or a member of staff needs.
"""

TAGS = {
    "Store": "What is on sale, and buying it. Nobody needs an account.",
    "Webhooks": "Signed events of the payment providers.",
    "Refunds": "Give money back; above a role's limit a second person decides.",
    "Books": "What was paid, refunded, disputed and paid out.",
    "Staff": "Sign in and out, and who one is.",
    "Operations: switches and routing": "Who gets new checkouts, and what is stopped for a while.",
    "Operations: inbox and outbox": "Events that came, messages that go out, the dead letters of both.",
    "Operations: orders and impact": "Orders that stand still, and what a trouble has cost.",
    "Operations: webhook secrets": "What verifies the providers' events, replaced while everything runs.",
    "Operations: promises and audit": "What the data promises, a day compared, what changed, who did what, and forgetting a customer.",
    "Health": "For load balancers.",
}


def schemes(cookie: str) -> dict[str, Any]:
    """How a request shows whose it is."""
    return {
        API_KEY: {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "cubano_<env>_<id>_<secret>",
            "description": "An API key; what it may do are its client's permissions. Some keys must also sign each request.",
        },
        ORDER_TOKEN: {
            "type": "http",
            "scheme": "bearer",
            "description": "The access token of one order, from the answer to its checkout; opens that order only.",
        },
        TOKEN_IN_LINK: {
            "type": "apiKey",
            "in": "query",
            "name": "token",
            "description": "The same, as links carry it.",
        },
        STAFF: {
            "type": "apiKey",
            "in": "cookie",
            "name": cookie,
            "description": "A member of staff who has signed in; what changes something also needs `X-CSRF-Token`.",
        },
    }


def _to(operation: str, description: str, body: Mapping[str, Any] | None = None, **parameters: str) -> dict[str, Any]:
    found = {name: f"$response.body#{pointer}" for name, pointer in parameters.items()}
    link: dict[str, Any] = {"operationId": operation, "description": description}
    if found:
        link["parameters"] = found
    return link | ({"requestBody": body} if body is not None else {})


_REFUND = {"orderId": "$response.body#/orderId", "reason": "requested_by_customer"}
_ACT = {"reason": "following a link", "dryRun": True}
LINKS: Mapping[str, tuple[dict[str, Any], ...]] = {
    "createCheckoutSession": (
        _to("getOrder", "The order, for its buyer.", orderId="/orderId", token="/accessToken"),  # noqa: S106 - a pointer
        _to("findOutOrder", "Ask the provider now how it stands.", _ACT, orderId="/orderId"),
        _to("askRefund", "Give its money back.", _REFUND),
        _to("getTransactionHistory", "Its movements of money.", orderId="/orderId"),
        _to("listEvents", "What the provider told about it.", subject="/orderId"),
    ),
    "getOrder": (
        _to("askRefund", "Give its money back.", _REFUND),
        _to("findOutOrder", "Ask the provider now how it stands.", _ACT, orderId="/orderId"),
    ),
    "askRefund": (
        _to("getRefund", "How it stands.", refundId="/refundId"),
        _to("approveRefund", "Let it be made, by a second person.", refundId="/refundId"),
        _to("rejectRefund", "Decide against it.", {"note": "following a link"}, refundId="/refundId"),
    ),
    "listRefunds": (
        _to("getRefund", "One of them.", refundId="/refunds/0/refundId"),
        _to("listRefunds", "The next page.", cursor="/cursor"),
    ),
    "listSwitches": (_to("getSwitch", "One of them.", name="/switches/0/name"),),
    "getSwitch": (
        _to("putSwitch", "Move it.", {"value": "$response.body#/default", **_ACT}, name="/name"),
        _to("deleteSwitch", "Put it back.", name="/name"),
    ),
    "listEvents": (
        _to("getEvent", "One of them.", event="/events/0/eventId"),
        _to("listEvents", "The next page.", cursor="/cursor"),
    ),
    "getEvent": (
        _to("replayEvent", "Apply it again.", _ACT, event="/eventId"),
        _to("discardEvent", "Decide against it.", _ACT, event="/eventId"),
        _to("getOrder", "The order it is about.", orderId="/subject"),
    ),
    "listMessages": (
        _to("retryMessage", "Deliver one again.", _ACT, message="/messages/0/seq"),
        _to("discardMessage", "Decide against one.", _ACT, message="/messages/0/seq"),
        _to("listMessages", "The next page.", cursor="/cursor"),
    ),
    "listStuck": (_to("findOutOrder", "Ask the provider now.", _ACT, orderId="/orders/0/orderId"),),
    "listAudit": (_to("listAudit", "The next page.", cursor="/cursor"),),
    "getTransactionHistory": (_to("getTransactionHistory", "The next page.", cursor="/cursor"),),
}


def complete(document: dict[str, Any], opts: Mapping[tuple[str, str], Opt], *, cookie: str) -> dict[str, Any]:
    """The document with security, links and permissions; `opts` by path and method."""
    document.setdefault("components", {})["securitySchemes"] = schemes(cookie)
    operations = [
        (path, operation, opts.get((path, method.upper()), {}))
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]
    known = {operation["operationId"] for _, operation, _ in operations}
    for path, operation, opt in operations:
        _tidy(operation)
        permission = opt.get("permission")
        operation["security"] = _security(path, permission, open_otherwise="hidden" in opt)
        if permission is not None:
            operation["x-permission"] = str(permission)
        links = [each for each in LINKS.get(operation["operationId"], ()) if each["operationId"] in known]
        good = next((answer for status, answer in operation["responses"].items() if status.startswith("2")), None)
        if good is not None and links:
            good["links"] = {_name(each): each for each in links}
    used = {tag for _, operation, _ in operations for tag in operation.get("tags", ())}
    document["tags"] = [{"name": name, "description": told} for name, told in TAGS.items() if name in used]
    return document


def _tidy(operation: dict[str, Any]) -> None:
    """What the framework writes and the specification does not know: a parameter that is null, an example with an id."""
    parameters = operation.get("parameters", [])
    for each in parameters:
        choices = each.get("schema", {}).pop("oneOf", [])
        real = [one for one in choices if one.get("type") != "null"]
        each["schema"] = {
            **each.get("schema", {}),
            **(real[0] if len(real) == 1 else {"oneOf": choices} if choices else {}),
        }
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    media = [one for body in bodies for one in body.get("content", {}).values()]
    for holder in (*parameters, *media):
        for example in holder.get("examples", {}).values():
            example.pop("id", None)


def _security(path: str, permission: Any, *, open_otherwise: bool) -> list[dict[str, list[str]]]:
    if permission is None:
        return []
    needs = [str(permission)]
    found: list[dict[str, list[str]]] = [{API_KEY: needs}, {STAFF: needs}]
    if open_otherwise and path.startswith(_ORDER_ROUTES):
        found += [{ORDER_TOKEN: []}, {TOKEN_IN_LINK: []}]
    return found


def _name(link: Mapping[str, Any]) -> str:
    return "nextPage" if "page" in link["description"] else str(link["operationId"])


def operation_id(name: str, parts: Iterable[str]) -> str:
    """`createCheckoutSession` of `create_checkout_session`; `parts` tell apart what is called alike."""
    first, *rest = name.replace("-", "_").split("_")
    return first + "".join(each.capitalize() for each in (*rest, *parts))
