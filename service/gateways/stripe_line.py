"""The line to Stripe: its SDK with time-outs and repetitions set on purpose, and what its errors mean to us.

The SDK repeats connection errors, 409 and 5xx under the same key, never a 429; all tries together end by the deadline of
the operation (`calls.TERMS`). A 429 or 401 is told before anything is done, but the try before it may have been acted on.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any

import httpx
import stripe

from service.gateways.calls import Calls, Operation
from service.gateways.registry import Context
from service.kernel.errors import GatewayError, GatewayRejected, GatewayUnavailable

PROVIDER = "stripe"
CONNECT_TIMEOUT_S = 2
RETRY_AFTER_S = {"auth": 60}  # a refused key is for a person to mend; others may pass in seconds
RETRIES = 1  # of the SDK, on connection errors, 409 and 5xx
REPLAYED = "idempotent-replayed"  # the header of an answer that was kept under the key
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class _Http(stripe.HTTPXClient):
    """The SDK's client, which knows of each call whether a try of it may have been acted on without an answer."""

    def __init__(self, timeout: httpx.Timeout) -> None:
        super().__init__(timeout=timeout)
        self.is_unsure: ContextVar[bool] = ContextVar("is_unsure", default=False)  # of the call this task is in

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """One try."""
        try:
            answer = await super().request_async(method, url, headers, post_data)
        except stripe.APIConnectionError as error:
            if not isinstance(error.__cause__, _NOT_SENT):
                self.is_unsure.set(True)
            raise
        if answer[1] == HTTPStatus.CONFLICT or answer[1] >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self.is_unsure.set(True)
        return answer


class Line:
    """One account's client and the frame its calls run in; `v1` is the SDK's, `call` opens the frame."""

    def __init__(self, context: Context) -> None:
        stripe.enable_telemetry = False
        timeout_s, base_url = context.timeout_s, context.options["base_url"]
        self._http = _Http(httpx.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S)))
        client = stripe.StripeClient(
            context.options["api_key"].get_secret_value(),
            base_addresses={"api": base_url} if base_url else {},
            http_client=self._http,
            max_network_retries=RETRIES,
        )
        self._calls = Calls(
            PROVIDER,
            telemetry=context.telemetry,
            guard=context.guard,
            errors=stripe.StripeError,
            translate=lambda error: translate(error, is_unsure=self._http.is_unsure.get()),
        )
        self.v1 = client.v1

    def call(self, operation: Operation, *, within_s: float | None = None) -> AbstractAsyncContextManager[None]:
        """The frame of one call, all its tries together; see `Calls.call`."""
        self._http.is_unsure.set(False)
        return self._calls.call(operation, within_s=within_s)

    async def close(self) -> None:
        await self._http.close_async()  # type: ignore[no-untyped-call]  # the SDK leaves it untyped


def translate(error: stripe.StripeError, *, is_unsure: bool) -> GatewayError:
    """A definite no, or an outcome that nobody knows; `is_unsure` is about the tries before the last one."""
    outcome = _outcome(error)
    if outcome == "rejected":
        return GatewayRejected(PROVIDER, error.code or "invalid_request", str(error))
    return GatewayUnavailable(
        PROVIDER,
        outcome,
        retry_after_s=RETRY_AFTER_S.get(outcome, 5),
        maybe_acted=is_unsure or outcome not in {"rate_limited", "auth"},  # both are told before anything is done
        remembered=outcome == "error" and (error.headers or {}).get(REPLAYED) == "true",
    )


def _outcome(error: stripe.StripeError) -> str:
    if error.http_status == HTTPStatus.CONFLICT:
        return "in_progress"  # no refusal: the try before this one is still at work there
    match error:
        case stripe.RateLimitError():
            word = "rate_limited"
        case stripe.APIConnectionError():
            word = "timeout" if isinstance(error.__cause__, httpx.TimeoutException) else "unreachable"
        case stripe.AuthenticationError() | stripe.PermissionError():
            word = "auth"
        case stripe.InvalidRequestError() | stripe.IdempotencyError() | stripe.CardError():
            word = "rejected"
        case _:
            word = "error"
    return word
