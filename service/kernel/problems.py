"""The one table from errors to `application/problem+json` (RFC 9457), and the function that writes the answer.

To let a new error reach a caller, add its row to `TABLE`; an error without a row answers 500 `internal_error` and shows
nothing of its inside. `code` is stable and is what programs should read; `type` links to the chapter that explains it. Secrets that the caller
has sent in a wrong place are not said back: others' logs keep our answers.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import psycopg
import psycopg_pool
import sqlalchemy.exc
from litestar.exceptions import HTTPException, ValidationException

from service.kernel import errors, refusals, shedding
from service.telemetry.redaction import redact_text

SERVER_ERROR, UNAVAILABLE = 500, 503
PROBLEM_JSON = "application/problem+json"
TYPE_ROOT = "/docs/problems#"  # a relative reference: resolves against whatever host answered


@dataclass(frozen=True)
class Kind:
    status: int
    code: str
    title: str


TABLE: dict[type[Exception], Kind] = {
    errors.Invalid: Kind(400, "invalid_request", "The request is not valid"),
    errors.NotFound: Kind(404, "not_found", "Not found"),
    errors.Unauthenticated: Kind(400, "signature_invalid", "The signature could not be verified"),
    errors.Unidentified: Kind(401, "unauthenticated", "Credentials are missing or wrong"),
    errors.Forbidden: Kind(403, "forbidden", "Not allowed"),
    errors.CrossSite: Kind(403, "cross_site", "Not shown to come from our own pages"),
    errors.WrongNetwork: Kind(403, "wrong_network", "Not from this address"),
    errors.RateLimited: Kind(429, "rate_limited", "Too many requests"),
    errors.CardRefused: Kind(400, "card_number_refused", "Never send a card number"),
    errors.SoldOut: Kind(409, "sold_out", "Not enough left"),
    errors.KeyInFlight: Kind(409, "request_in_flight", "The same request is being worked on"),
    errors.KeyReused: Kind(422, "idempotency_key_reused", "Idempotency-Key used with another body"),
    errors.PlanChanged: Kind(409, "plan_changed", "It would do something else now"),
    refusals.OwnRequest: Kind(403, "own_request", "Somebody else has to decide this"),
    refusals.NobodysKey: Kind(403, "key_without_owner", "Nobody answers for this key"),
    refusals.NotPaid: Kind(409, "not_paid", "There is no money to refund"),
    refusals.NothingLeft: Kind(409, "nothing_left", "Nothing is left to refund"),
    refusals.AboveLeft: Kind(409, "amount_above_left", "More than is left"),
    refusals.DisputeRunning: Kind(409, "dispute_running", "A dispute is running"),
    refusals.NotRefundable: Kind(409, "not_refundable", "The provider cannot refund this"),
    errors.WrongState: Kind(409, "wrong_state", "Not possible in its present state"),
    errors.GatewayRejected: Kind(502, "gateway_rejected", "The payment provider refused the request"),
    errors.ProviderUnavailable: Kind(503, "provider_unavailable", "The chosen payment provider is away"),
    errors.GatewayUnavailable: Kind(503, "gateway_unavailable", "The payment provider does not answer"),
    errors.Overloaded: Kind(503, "overloaded", "Too busy right now"),
    errors.SalesPaused: Kind(503, "sales_paused", "Sales are paused"),
    shedding.LoadShed: Kind(503, "load_shed", "Busy: those who are paying come first"),
    errors.Maintenance: Kind(503, "maintenance", "Closed for maintenance"),
    sqlalchemy.exc.TimeoutError: Kind(503, "overloaded", "Too busy right now"),
    psycopg_pool.PoolTimeout: Kind(503, "overloaded", "Too busy right now"),
    psycopg_pool.TooManyRequests: Kind(503, "overloaded", "Too busy right now"),
    sqlalchemy.exc.OperationalError: Kind(503, "database_unavailable", "The database does not answer"),
    sqlalchemy.exc.InterfaceError: Kind(503, "database_unavailable", "The database does not answer"),
    psycopg.OperationalError: Kind(503, "database_unavailable", "The database does not answer"),
}

HTTP_CODES = {
    400: Kind(400, "invalid_request", "The request is not valid"),
    401: Kind(401, "unauthenticated", "Credentials are missing or wrong"),
    403: Kind(403, "forbidden", "Not allowed"),
    404: Kind(404, "not_found", "Not found"),
    405: Kind(405, "method_not_allowed", "This address does not take that method"),
    406: Kind(406, "not_acceptable", "No such representation"),
    413: Kind(413, "body_too_large", "The body is too large"),
    415: Kind(415, "unsupported_media_type", "Send application/json"),
    429: Kind(429, "rate_limited", "Too many requests"),
}

INTERNAL = Kind(500, "internal_error", "Something went wrong on our side")
_INTERNAL_DETAIL = "The error has been recorded. Repeating the request with the same Idempotency-Key is safe."
_UNAVAILABLE_DETAIL = "Nothing was charged. Please try again in a few seconds."


@dataclass(frozen=True)
class Problem:
    """What is sent: `body` is the problem document, `headers` what goes beside it (`Retry-After`)."""

    status: int
    code: str
    body: dict[str, Any]
    headers: dict[str, str]


def kind_of(error: Exception) -> Kind:
    """The row for this error: its own class first, then its ancestors; 500 when nothing fits."""
    for ancestor in type(error).__mro__:
        kind = TABLE.get(ancestor)
        if kind:
            return Kind(kind.status, error.code, kind.title) if isinstance(error, errors.Invalid) else kind
    if isinstance(error, HTTPException) and error.status_code < INTERNAL.status:
        status = HTTPStatus(error.status_code)
        return HTTP_CODES.get(status, Kind(status, "http_error", status.phrase))
    return INTERNAL


def to_problem(error: Exception, *, trace_id: str | None) -> Problem:
    """The whole answer for one error."""
    kind = kind_of(error)
    body: dict[str, Any] = {
        "type": TYPE_ROOT + kind.code,
        "title": kind.title,
        "status": kind.status,
        "detail": redact_text(_detail(error, kind)),
        "code": kind.code,
        "traceId": trace_id,
    }
    headers = {"Cache-Control": "no-store"}  # a cache may keep a 404 otherwise, and what is unknown now may exist soon
    if isinstance(error, errors.CubanoError):
        body |= error.more
    if isinstance(error, errors.Invalid):
        body["errors"] = [
            {"field": redact_text(e.field), "code": e.code, "message": redact_text(e.message)} for e in error.fields
        ]
    if isinstance(error, ValidationException):  # the framework's own checks of query, path and headers
        body["errors"] = [_field(each) for each in error.extra or [] if isinstance(each, dict)]
    if isinstance(error, errors.SoldOut):
        body |= {"ticketType": error.ticket_type, "available": error.available, "returning": error.returning}
    if isinstance(error, errors.ProviderUnavailable):
        body |= {"provider": error.provider, "otherProviders": list(error.others)}
    if isinstance(error, errors.PlanChanged):
        body |= {"planHash": error.plan_hash}
    if isinstance(error, HTTPException) and error.headers:
        headers |= {name: value for name, value in error.headers.items() if name.lower() == "allow"}
    if isinstance(error, errors.Unidentified):
        headers["WWW-Authenticate"] = 'Bearer realm="cubano"'
    retry_after_s = getattr(error, "retry_after_s", 2 if kind.status == UNAVAILABLE else None)
    if retry_after_s is not None:
        headers["Retry-After"] = str(retry_after_s)
    return Problem(kind.status, kind.code, body, headers)


def _field(found: dict[str, Any]) -> dict[str, Any]:
    return {"field": found.get("key", ""), "code": "invalid", "message": redact_text(found.get("message", ""))}


def _detail(error: Exception, kind: Kind) -> str:
    if isinstance(error, errors.CubanoError):
        return error.detail
    if kind.status == UNAVAILABLE:
        return _UNAVAILABLE_DETAIL
    return _INTERNAL_DETAIL if kind.status >= SERVER_ERROR else kind.title + "."
