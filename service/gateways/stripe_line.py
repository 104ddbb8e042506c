"""The line to Stripe: its SDK with time-outs and repetitions set on purpose, and what its errors mean to us.

The SDK repeats connection errors, 409 and 5xx under the same key, never a 429; all tries together end by the deadline of
the operation (`calls.TERMS`).
"""

from http import HTTPStatus

import httpx
import stripe

from service.gateways.calls import Calls
from service.gateways.registry import Context
from service.kernel.errors import GatewayError, GatewayRejected, GatewayUnavailable

PROVIDER = "stripe"
CONNECT_TIMEOUT_S = 2
RETRY_AFTER_S = {"auth": 60}  # a refused key is for a person to mend; others may pass in seconds
RETRIES = 1  # of the SDK, on connection errors, 409 and 5xx


class Line:
    """One account's client and the frame its calls run in; `v1` is the SDK's, `call` opens the frame."""

    def __init__(self, context: Context) -> None:
        stripe.enable_telemetry = False
        timeout_s, base_url = context.timeout_s, context.options["base_url"]
        self._http = stripe.HTTPXClient(timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S)))
        client = stripe.StripeClient(
            context.options["api_key"].get_secret_value(),
            base_addresses={"api": base_url} if base_url else {},
            http_client=self._http,
            max_network_retries=RETRIES,
        )
        calls = Calls(
            PROVIDER,
            telemetry=context.telemetry,
            guard=context.guard,
            errors=stripe.StripeError,
            translate=translate,
        )
        self.v1 = client.v1
        self.call = calls.call

    async def close(self) -> None:
        await self._http.close_async()  # type: ignore[no-untyped-call]  # the SDK leaves it untyped


def translate(error: stripe.StripeError) -> GatewayError:
    """A definite no, or an outcome that nobody knows."""
    outcome = _outcome(error)
    if outcome == "rejected":
        return GatewayRejected(PROVIDER, error.code or "invalid_request", str(error))
    maybe_acted = outcome not in {"rate_limited", "auth"}  # both are told before anything is done
    retry_after_s = RETRY_AFTER_S.get(outcome, 5)
    return GatewayUnavailable(PROVIDER, outcome, retry_after_s=retry_after_s, maybe_acted=maybe_acted)


def _outcome(error: stripe.StripeError) -> str:
    match error:
        case stripe.RateLimitError():
            word = "rate_limited"
        case stripe.APIConnectionError():
            word = "timeout" if isinstance(error.__cause__, httpx.TimeoutException) else "unreachable"
        case stripe.AuthenticationError() | stripe.PermissionError():
            word = "auth"
        case stripe.InvalidRequestError() | stripe.IdempotencyError() | stripe.CardError():
            # A conflict is no refusal: the try before this one is still at work there.
            word = "error" if error.http_status == HTTPStatus.CONFLICT else "rejected"
        case _:
            word = "error"
    return word
