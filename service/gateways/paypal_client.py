"""PayPal over HTTP: one request with its token, its repetitions and its errors, each set on purpose.

A request is tried twice: after a connection error, a time-out, a 409 (the try before is still at work there) or a 5xx, under
the same PayPal-Request-Id, so that PayPal does it once. A 429 is never repeated here. A token that is refused is replaced
once. The two tries and the token fit into the operation's deadline (`calls.TERMS`). Why no vendor SDK: ADR 0007.
"""

import asyncio
import base64
import random
import re
import ssl
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any, TypeVar

import httpx
import msgspec

from service.gateways.calls import Calls, Operation
from service.gateways.paypal_objects import UNREADABLE, Link
from service.gateways.paypal_tokens import Token, Tokens, token_of
from service.gateways.registry import Context
from service.kernel.errors import GatewayError, GatewayRejected, GatewayUnavailable

PROVIDER = "paypal"
CONNECT_TIMEOUT_S = 2
TRIES = 2
PAUSE_S = 0.2  # at least, before the second try; up to twice that, so that many do not come back together
AUTH_RETRY_S = 60  # refused credentials are for a person to mend
BUSY_RETRY_S = 5
MOST_RETRY_S = 300  # of what a 429 asks for
_AGAIN = (HTTPStatus.CONFLICT, 500, 502, 503, 504)
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

T = TypeVar("T")


class PayPalError(Exception):
    """What this client raises inside of a call; `translate` turns it into our words."""


class NoAnswer(PayPalError):
    """The connection failed. `maybe_acted` says that a request may have reached PayPal."""

    def __init__(self, *, timed_out: bool, maybe_acted: bool) -> None:
        super().__init__("time-out" if timed_out else "connection failed")
        self.timed_out = timed_out
        self.maybe_acted = maybe_acted


class Malformed(PayPalError):
    """A success whose body is not what PayPal documents."""


class Refused(PayPalError):
    """An answer that is no success. `issue` is the most exact name PayPal gives; `maybe_acted` is about an earlier try."""

    def __init__(self, response: httpx.Response, *, maybe_acted: bool) -> None:
        body = _error_of(response)
        detail = body.details[0] if body.details else _Detail()
        self.status = response.status_code
        self.issue = detail.issue or body.name or body.error or f"HTTP_{self.status}"
        self.message = detail.description or body.message or body.error_description or ""
        self.debug_id = body.debug_id or response.headers.get("paypal-debug-id", "")
        self.links = body.links
        self.retry_after = response.headers.get("retry-after", "")
        self.maybe_acted = maybe_acted
        super().__init__(f"{self.status} {self.issue} {self.message} (debug id {self.debug_id})")

    def link(self, *rels: str) -> str | None:
        return next((link.href for link in self.links if link.rel in rels), None)


class _Detail(msgspec.Struct):
    issue: str | None = None
    description: str | None = None


class _Error(msgspec.Struct):
    name: str | None = None
    message: str | None = None
    debug_id: str | None = None
    error: str | None = None  # of the token service
    error_description: str | None = None
    details: list[_Detail] = []
    links: list[Link] = []


class _Grant(msgspec.Struct):
    access_token: str
    expires_in: int


@dataclass(frozen=True)
class Request:
    """One request. A POST has a `key`: PayPal does it once for each."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    key: str | None = None


class PayPalClient:
    """One PayPal application at one address; `tls` is whom it trusts, else whom httpx trusts."""

    def __init__(self, context: Context, *, base_url: str, tls: ssl.SSLContext | None = None) -> None:
        timeout_s, options = context.timeout_s, context.options
        self._base_url = base_url
        self._clock = context.clock
        self._timeout_s = timeout_s  # also of a token, both tries: what it is for needs the rest of its deadline
        timeout = httpx.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S))
        self._http = httpx.AsyncClient(timeout=timeout, verify=tls or True)
        pair = f"{options['client_id']}:{options['client_secret'].get_secret_value()}"
        self._credentials = base64.b64encode(pair.encode()).decode()
        self._tokens = Tokens(self._fetch_token, context.clock)
        self._calls = Calls(
            PROVIDER, telemetry=context.telemetry, guard=context.guard, errors=PayPalError, translate=translate
        )

    async def ask(
        self, operation: Operation, request: Request, read: Callable[[bytes], T], *, within_s: float | None = None
    ) -> T:
        """What `read` makes of the answer's body, raising ValueError or a decode error when it cannot."""
        async with self._calls.call(operation, within_s=within_s):
            return await self._ask(request, read)

    async def ask_or_refused(
        self, operation: Operation, request: Request, read: Callable[[bytes], T], *, accepts: Collection[str]
    ) -> T | Refused:
        """The same, where a refusal whose issue is in `accepts` is an answer, too."""
        async with self._calls.call(operation):
            try:
                return await self._ask(request, read)
            except Refused as refused:
                if refused.issue in accepts:
                    return refused
                raise

    async def close(self) -> None:
        await self._http.aclose()

    async def _ask(self, request: Request, read: Callable[[bytes], T]) -> T:
        response = await self._with_token(request)
        try:
            return read(response.content)
        except UNREADABLE as error:
            raise Malformed(f"{request.method} {request.path}: {error!r}") from error

    async def _with_token(self, request: Request) -> httpx.Response:
        headers = {"Accept": "application/json"}
        if request.body is not None:
            headers |= {"Content-Type": "application/json", "Prefer": "return=representation"}
        if request.key is not None:
            headers["PayPal-Request-Id"] = request.key
        content = None if request.body is None else msgspec.json.encode(request.body)
        token = await self._tokens.current()
        try:
            return await self._send(request, content, headers | {"Authorization": f"Bearer {token}"})
        except Refused as refused:
            if refused.status != HTTPStatus.UNAUTHORIZED:
                raise
            maybe_acted = refused.maybe_acted  # before the token was refused
        self._tokens.refuse(token)
        try:
            token = await self._tokens.current()
        except GatewayUnavailable as error:
            after_s = error.retry_after_s
            raise GatewayUnavailable(PROVIDER, error.reason, retry_after_s=after_s, maybe_acted=maybe_acted) from error
        bearer = {"Authorization": f"Bearer {token}"}
        return await self._send(request, content, headers | bearer, maybe_acted=maybe_acted)

    async def _send(
        self, request: Request, content: bytes | None, headers: dict[str, str], *, maybe_acted: bool = False
    ) -> httpx.Response:
        """All tries; raises `NoAnswer` or `Refused`. `maybe_acted` is about a try before these."""
        for left in reversed(range(TRIES)):
            try:
                response = await self._http.request(
                    request.method,
                    self._base_url + request.path,
                    params=request.params or None,
                    content=content,
                    headers=headers,
                )
            except httpx.RequestError as error:
                maybe_acted = maybe_acted or not isinstance(error, _NOT_SENT)
                if not left:
                    timed_out = isinstance(error, httpx.TimeoutException)
                    raise NoAnswer(timed_out=timed_out, maybe_acted=maybe_acted) from error
            else:
                if response.is_success:
                    return response
                if not left or response.status_code not in _AGAIN:
                    raise Refused(response, maybe_acted=maybe_acted)
                maybe_acted = True
            await asyncio.sleep(PAUSE_S * (1 + random.random()))  # noqa: S311 - keeps callers apart, protects nothing
        raise AssertionError("the last try answers or raises")

    async def _fetch_token(self) -> Token:
        headers = {
            "Accept": "application/json",
            "Authorization": f"Basic {self._credentials}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        now = self._clock()
        try:
            async with self._calls.call(Operation.AUTHENTICATE, within_s=self._timeout_s):
                asked = Request("POST", "/v1/oauth2/token")
                response = await self._send(asked, b"grant_type=client_credentials", headers)
                grant = _grant(response.content)
        except GatewayUnavailable as error:  # whatever became of the token: what it is for was not sent
            reason, after_s = error.reason, error.retry_after_s
            raise GatewayUnavailable(PROVIDER, reason, retry_after_s=after_s, maybe_acted=False) from error
        except GatewayRejected as error:
            raise GatewayUnavailable(PROVIDER, "auth", retry_after_s=AUTH_RETRY_S, maybe_acted=False) from error
        return token_of(grant.access_token, timedelta(seconds=grant.expires_in), now=now)


def _grant(content: bytes) -> _Grant:
    try:
        return msgspec.json.decode(content, type=_Grant)
    except UNREADABLE as error:
        raise Malformed("a token") from error


def _error_of(response: httpx.Response) -> _Error:
    """What the body says; a proxy's page says nothing."""
    try:
        return msgspec.json.decode(response.content, type=_Error)
    except UNREADABLE:
        return _Error()


def translate(error: PayPalError) -> GatewayError:
    """A definite no, or an outcome that nobody knows."""
    match error:
        case NoAnswer():
            reason = "timeout" if error.timed_out else "unreachable"
            return GatewayUnavailable(PROVIDER, reason, maybe_acted=error.maybe_acted)
        case Refused(status=HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN):
            return GatewayUnavailable(PROVIDER, "auth", retry_after_s=AUTH_RETRY_S, maybe_acted=error.maybe_acted)
        case Refused(status=HTTPStatus.TOO_MANY_REQUESTS):
            after_s = _seconds(error.retry_after)
            return GatewayUnavailable(PROVIDER, "rate_limited", retry_after_s=after_s, maybe_acted=error.maybe_acted)
        case Refused(status=HTTPStatus.CONFLICT):
            return GatewayUnavailable(PROVIDER, "in_progress")  # the try before this one is still at work there
        case Refused(status=HTTPStatus.BAD_REQUEST | HTTPStatus.NOT_FOUND | HTTPStatus.UNPROCESSABLE_ENTITY):
            return GatewayRejected(PROVIDER, error.issue, str(error))
    return GatewayUnavailable(PROVIDER, "error")


def _seconds(retry_after: str) -> int:
    return min(int(retry_after), MOST_RETRY_S) if re.fullmatch("[0-9]{1,9}", retry_after) else BUSY_RETRY_S
