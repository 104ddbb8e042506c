"""Errors as the gateway words them: a status and the fields of its `error` object, nothing of HTTP besides.

`kept` says whether an idempotency key remembers the answer: only what happened after an endpoint began is remembered
(docs.stripe.com/api/idempotent_requests), so a refused parameter may be corrected and sent again with the same key.
"""

from typing import Any

DOCS = "https://stripe.com/docs/error-codes/"


class GatewayRefusal(Exception):
    """One answer of the gateway that is not 200."""

    def __init__(self, status: int, error: dict[str, Any], *, kept: bool = False) -> None:
        super().__init__(error.get("message", ""))
        self.status = status
        self.error = error
        self.kept = kept


def invalid(message: str, *, param: str | None = None, code: str | None = None, status: int = 400) -> GatewayRefusal:
    error: dict[str, Any] = {"type": "invalid_request_error", "message": message}
    if code is not None:
        error |= {"code": code, "doc_url": DOCS + code.replace("_", "-")}
    if param is not None:
        error["param"] = param
    return GatewayRefusal(status, error)


def missing_param(param: str) -> GatewayRefusal:
    return invalid(f"Missing required param: {param}.", param=param, code="parameter_missing")


def unknown_param(param: str) -> GatewayRefusal:
    return invalid(f"Received unknown parameter: {param}", param=param, code="parameter_unknown")


def no_such(noun: str, identifier: str, *, param: str = "id") -> GatewayRefusal:
    return invalid(f"No such {noun}: '{identifier}'", param=param, code="resource_missing", status=404)


def unknown_url(method: str, path: str) -> GatewayRefusal:
    return invalid(
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.",
        status=404,
    )


def after_start(refusal: GatewayRefusal) -> GatewayRefusal:
    """The same refusal, made by an endpoint that had begun: its idempotency key remembers it."""
    refusal.kept = True
    return refusal


def wrong_key(key: str) -> GatewayRefusal:
    if not key:
        return invalid(
            "You did not provide an API key. You need to provide your API key in the Authorization header, "
            "using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
            status=401,
        )
    return invalid(f"Invalid API Key provided: {key[:8]}{'*' * 12}{key[-4:]}", status=401)


def key_reused(key: str, *, endpoint: tuple[str, str] | None = None) -> GatewayRefusal:
    what = "with the same parameters they were first used with"
    if endpoint is not None:
        what = f"for the same endpoint they were first used for ('{endpoint[0]}' vs '{endpoint[1]}')"
    return GatewayRefusal(
        400,
        {
            "type": "idempotency_error",
            "message": f"Keys for idempotent requests can only be used {what}. "
            f"Try using a key other than '{key}' if you meant to execute a different request.",
        },
    )


def key_in_use(key: str) -> GatewayRefusal:
    return GatewayRefusal(
        409,
        {
            "type": "idempotency_error",
            "code": "idempotency_key_in_use",
            "doc_url": DOCS + "idempotency-key-in-use",
            "message": "There is currently another in-progress request using this Idempotent Key (that probably means you "
            f"submitted twice, and the other request is still going through): {key}. Please try again later.",
        },
    )


def api_error(status: int = 500) -> GatewayRefusal:
    message = "An unknown error occurred. Let us know at https://support.stripe.com/contact."
    return GatewayRefusal(status, {"type": "api_error", "message": message}, kept=status == 500)  # noqa: PLR2004


def rate_limited() -> GatewayRefusal:
    return GatewayRefusal(
        429,
        {
            "type": "invalid_request_error",
            "code": "rate_limit",
            "doc_url": DOCS + "rate-limit",
            "message": "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
        },
    )
