"""Two hooks of the application: `screen`, a guard before every handler, and `dress`, before every answer is sent.

A route that takes bodies which are not ours to judge says why in its `opt`: `{"unscreened": "why"}`.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard, Message, Scope

from service.kernel.errors import CardRefused
from service.shield.rules import Dress, holds_card, key_is_card
from service.telemetry import catalogue
from service.telemetry.cards import has_card
from service.telemetry.registry import Telemetry

UNSCREENED = "unscreened"
_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS"})


def create_screen(telemetry: Telemetry) -> Guard:
    """The guard that raises `CardRefused` when path, query, body, or a header that is kept holds a card number."""

    async def screen(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        if UNSCREENED in handler.opt or not isinstance(connection, Request):
            return
        if _in_address_or_headers(connection) or await _in_body(connection):
            telemetry.count(catalogue.CARDS_REFUSED)
            raise CardRefused

    return screen


def _in_address_or_headers(request: Request[Any, Any, Any]) -> bool:
    scope, headers = request.scope, request.headers
    return (
        holds_card(scope["query_string"])
        or has_card(scope["path"])
        or key_is_card(headers.get("idempotency-key", ""))
        or has_card(headers.get("user-agent", ""), grouped=False)  # versions are groups of digits too
    )


async def _in_body(request: Request[Any, Any, Any]) -> bool:
    return request.method not in _WITHOUT_BODY and holds_card(await request.body())


def create_dress(dress: Dress) -> Callable[[Message, Scope], Awaitable[None]]:
    """The hook that puts the headers for the browser on every answer, also on those of no route."""

    async def put_on(message: Message, scope: Scope) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *dress.of(scope["path"])]

    return put_on
