"""Errors as PayPal words them (developer.paypal.com/api/rest/responses): a status, a name, and what is wrong in `details`.

`debug_id` is added where the answer is made, so that the header and the body say the same.
"""

from service.emulator.faults import ErrorEffect
from service.emulator.wire import Obj

DOCS = "https://developer.paypal.com/api/rest/reference/orders/v2/errors/"
MESSAGES = {
    "INVALID_REQUEST": (400, "Request is not well-formed, syntactically incorrect, or violates schema."),
    "AUTHENTICATION_FAILURE": (
        401,
        "Authentication failed due to missing authorization header, or invalid authentication credentials.",
    ),
    "NOT_AUTHORIZED": (403, "Authorization failed due to insufficient permissions."),
    "RESOURCE_NOT_FOUND": (404, "The specified resource does not exist."),
    "METHOD_NOT_SUPPORTED": (405, "The server does not implement the requested HTTP method."),
    "RESOURCE_CONFLICT": (409, "The server has detected a conflict while processing this request."),
    "UNSUPPORTED_MEDIA_TYPE": (415, "The server does not support the request payload's media type."),
    "UNPROCESSABLE_ENTITY": (
        422,
        "The requested action could not be performed, semantically incorrect, or failed business validation.",
    ),
    "RATE_LIMIT_REACHED": (429, "Too many requests. Blocked due to rate limiting."),
    "INTERNAL_SERVER_ERROR": (500, "An internal server error occurred."),
    "SERVICE_UNAVAILABLE": (503, "Service Unavailable."),
}
NAMES = {status: name for name, (status, _) in MESSAGES.items()}


class Refused(Exception):
    """One answer that is not a success."""

    def __init__(self, status: int, body: Obj) -> None:
        super().__init__(body.get("message") or body.get("error_description") or body.get("name"))
        self.status = status
        self.body = body


def refused(name: str, *details: Obj, links: list[Obj] | None = None) -> Refused:
    status, message = MESSAGES[name]
    about = {"href": f"{DOCS}#error-{name}", "rel": "information_link", "method": "GET"}
    body: Obj = {"name": name, "message": message, "links": [about, *(links or [])]}
    if details:
        body["details"] = list(details)
    return Refused(status, body)


def invalid(issue: str, field: str, description: str) -> Refused:
    """400: a field is missing, or is not what it has to be."""
    return refused("INVALID_REQUEST", {"field": field, "location": "body", "issue": issue, "description": description})


def invalid_query(field: str, description: str) -> Refused:
    detail = {"field": field, "location": "query", "issue": "INVALID_PARAMETER_VALUE", "description": description}
    return refused("INVALID_REQUEST", detail)


def missing(field: str) -> Refused:
    return invalid("MISSING_REQUIRED_PARAMETER", field, "A required field / parameter is missing.")


def unprocessable(issue: str, description: str, *, field: str | None = None, links: list[Obj] | None = None) -> Refused:
    """422: well said, and not possible."""
    where = {} if field is None else {"field": field}
    return refused("UNPROCESSABLE_ENTITY", {**where, "issue": issue, "description": description}, links=links)


def not_found() -> Refused:
    return refused(
        "RESOURCE_NOT_FOUND",
        {
            "issue": "INVALID_RESOURCE_ID",
            "description": "Specified resource ID does not exist. Please check the resource ID and try again.",
        },
    )


def in_progress() -> Refused:
    return refused(
        "RESOURCE_CONFLICT",
        {
            "issue": "PREVIOUS_REQUEST_IN_PROGRESS",
            "description": "A previous request on this resource is currently in progress. Please wait for sometime and "
            "try again. It is best to space out the initial and the subsequent request(s) to avoid receiving this error.",
        },
    )


def oauth(status: int, error: str, description: str) -> Refused:
    """What the token endpoint, and the gate in front of every other one, answer."""
    return Refused(status, {"error": error, "error_description": description})


def of_fault(error: ErrorEffect) -> Refused:
    """The error a fault asks for; a body of its own is sent as it is."""
    if isinstance(error.body, dict):
        return Refused(error.status, error.body)
    name = NAMES.get(error.status, "INTERNAL_SERVER_ERROR")
    return Refused(error.status, refused(name).body)
