"""The limits at the door: around the guard of who may, at the webhooks, and as headers of every limited answer.

In this order, so that nothing a client makes up gives it a budget of its own: whoever shows a credential is looked up in
the zone of failed ones, by address, before the credential is read; the guard decides; a failure is charged to the address;
then the request itself is taken from its zone, under the key or session that was found good, else under the address.
"""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import unquote_to_bytes

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard, Message, Scope

from service.access.api import HIDDEN, PERMISSION, STAFF, origin_of, principal_of
from service.kernel.errors import CubanoError, Forbidden, RateLimited, Unidentified, WrongNetwork
from service.limits.flow import Limiter
from service.limits.rules import LINKED, ZONES, Standing, place_of, zone_of
from service.sessions.rules import COOKIE
from service.telemetry import catalogue
from service.telemetry.labels import AccessOutcome, LimitZone, WebhookResult
from service.telemetry.registry import Telemetry

Asked = Request[Any, Any, Any]
_STANDING, _FAILS_AT_404 = "cubano.limit", "cubano.limit.hidden"
_NOT_FOUND = 404
_SESSION = f"{COOKIE}=".encode()


class Limits:
    """What the application's root hangs in: `around` the guard, `show` before an answer is sent, `judge` at webhooks."""

    def __init__(self, limiter: Limiter, *, hops: int) -> None:
        self._limiter = limiter
        self._hops = hops

    def around(self, inner: Guard, *behind: Guard) -> Guard:
        """The guard, with the limits before and behind it; raises `RateLimited` beside what it raises.

        `behind` are guards for what is let in. They come along because the framework copies the handler for each it calls.
        """

        async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
            if not isinstance(connection, Request):
                await inner(connection, handler)  # type: ignore[misc]
                return
            guarded = _tries_credential(connection.scope, handler)
            if guarded:
                await self._look(connection)
            failed: CubanoError | None = None
            try:
                await inner(connection, handler)  # type: ignore[misc]  # ours is a coroutine function
            except (Unidentified, Forbidden) as error:
                failed = error
            if isinstance(failed, Unidentified) and failed.reason != AccessOutcome.NONE:
                await self._limiter.take(LimitZone.CREDENTIALS, self._place(connection), charge=True)
            elif guarded and (HIDDEN in handler.opt or LINKED in handler.opt) and principal_of(connection) is None:
                connection.scope["state"][_FAILS_AT_404] = self._place(connection)
            zone = zone_of(handler.opt, method=connection.method, path=connection.scope["path"])
            if zone is not None:
                await self._take(connection, zone)
            if failed is not None:
                raise failed
            for each in behind:
                await each(connection, handler)  # type: ignore[misc]

        return guard

    async def _look(self, request: Asked) -> None:
        standing = await self._limiter.look(LimitZone.CREDENTIALS, self._place(request))
        if standing is not None and standing.limited:
            raise _refusal(request, standing)

    async def _take(self, request: Asked, zone: LimitZone) -> None:
        principal = principal_of(request) if ZONES[zone].by == "client" else None
        client = f"{principal.kind}:{principal.id}" if principal is not None else self._place(request)
        standing = await self._limiter.take(zone, client)
        if standing is None:
            return
        if standing.limited:
            raise _refusal(request, standing)
        request.scope["state"][_STANDING] = standing

    async def judge(self, request: Asked, error: CubanoError) -> CubanoError:
        """What a delivery that was not verified is answered: the error itself, or `RateLimited` after too many of them.

        The signature is looked at every time: it costs less than an answer, and a verified delivery is never limited,
        wherever it comes from and whoever else comes from there.
        """
        standing = await self._limiter.take(LimitZone.WEBHOOKS, self._place(request), charge=True)
        return error if standing is None or not standing.limited else _refusal(request, standing)

    def only_from(self, networks: Sequence[str], provider: str, telemetry: Telemetry) -> list[Guard]:
        """The guard of a provider's webhook: from elsewhere it is `WrongNetwork`, before the body is read. No networks, no guard."""
        allowed = [ip_network(each) for each in networks]

        def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
            ip = origin_of(connection, self._hops).ip  # type: ignore[arg-type]  # it looks at the scope and headers only
            if not ip or not any(ip_address(ip) in each for each in allowed):
                telemetry.count(catalogue.WEBHOOKS, provider=provider, result=WebhookResult.WRONG_NETWORK)
                raise WrongNetwork

        return [guard] if allowed else []

    async def show(self, message: Message, scope: Scope) -> None:
        """Before an answer is sent: what is left, in its headers; and a wrong token of an order is charged."""
        if message["type"] != "http.response.start":
            return
        place: str | None = scope["state"].get(_FAILS_AT_404)
        if place is not None and message["status"] == _NOT_FOUND:
            await self._limiter.take(LimitZone.CREDENTIALS, place, charge=True)
        standing: Standing | None = scope["state"].get(_STANDING)
        if standing is not None:
            told = ((b"ratelimit-policy", standing.zone.policy.encode()), (b"ratelimit", standing.state.encode()))
            message["headers"] = [*message["headers"], *told]

    def _place(self, request: Asked) -> str:
        client = request.scope["client"]
        direct = client[0] if client else ""
        return place_of(origin_of(request, self._hops).ip if self._hops else direct)


def _refusal(request: Asked, standing: Standing) -> RateLimited:
    request.scope["state"][_STANDING] = standing
    return RateLimited(standing.retry_after_s)


def _tries_credential(scope: Scope, handler: BaseRouteHandler) -> bool:
    """Whether the request brings something that this route would try."""
    if PERMISSION in handler.opt or STAFF in handler.opt:
        return _names_token(scope["query_string"]) or any(_is_credential(*each) for each in scope["headers"])
    return LINKED in handler.opt and _names_token(scope["query_string"])


def _is_credential(name: bytes, value: bytes) -> bool:
    return name == b"authorization" or (name == b"cookie" and _SESSION in value)  # a cart or a language is none


def _names_token(query: bytes) -> bool:
    """`token` or `accessToken`, also behind the escapes that the framework undoes."""
    return b"oken=" in (unquote_to_bytes(query) if b"%" in query else query)
