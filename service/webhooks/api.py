"""`POST /api/payment/webhook`: verified on its raw bytes, written down, answered. The effect comes later.

Nothing unverified is stored. A known event is answered 200 like a new one, so that the gateway stops repeating it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from litestar import Request, post
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import Example, OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.response.base import ASGIResponse
from litestar.types import Guard

from service.gateways.base import Gateway
from service.gateways.facts import EventKind
from service.kernel.db import Database
from service.kernel.errors import CubanoError, Invalid, Unauthenticated, WrongNetwork
from service.kernel.problem_docs import answered, documented
from service.telemetry import catalogue
from service.telemetry.logs import get_logger
from service.telemetry.registry import Telemetry
from service.webhooks.flow import Intake
from service.webhooks.tables import Arrival

MOST_BYTES = 1_000_000  # snapshot events of large orders reach some hundred kilobytes
Asked = Request[Any, Any, State]
# What to answer instead of a refusal: the same, or that there were too many from there.
Judge = Callable[[Asked, CubanoError], Awaitable[CubanoError]]
log = get_logger("webhooks")


@dataclass
class WebhookOperation(Operation):
    """The body is the gateway's own event; it is read raw, because the signature covers its bytes."""

    def __post_init__(self) -> None:
        event = {"id": "evt_1", "object": "event", "type": "checkout.session.completed", "data": {"object": {}}}
        media = OpenAPIMediaType(
            schema=Schema(type=OpenAPIType.OBJECT), examples={"event": Example(summary="A snapshot event", value=event)}
        )
        self.request_body = RequestBody(content={"application/json": media}, required=True)


def webhook_of(
    gateway: Gateway,
    db: Database,
    intake: Intake,
    *,
    paths: list[str],
    livemode: bool,
    judge: Judge,
    guards: list[Guard],
) -> HTTPRouteHandler:
    """The handler for one provider. What it needs is handed in here: looked up for each request it costs a tenth of it."""
    received = ASGIResponse(body=b'{"received":true}')
    acted_on = frozenset(gateway.event_types)

    @post(paths, guards=guards, **_operation(gateway.provider))
    async def receive(request: Asked) -> ASGIResponse:
        """Takes a signed event of the payment provider; the signature is checked on the raw body."""
        body = await request.body()
        now = db.clock()
        try:
            envelope = await gateway.verify(body, request.headers, now=now)
            if envelope.livemode != livemode:
                db.telemetry.count(catalogue.WEBHOOKS, provider=gateway.provider, result="wrong_mode")
                return received
            idle = envelope.type not in acted_on and not envelope.is_thin  # a thin one may be fetched as another
            new = await intake.take(Arrival(gateway.provider, envelope, body, now, idle=idle))
        except Invalid:
            _refuse(db.telemetry, gateway.provider, "malformed")
            raise
        except Unauthenticated as error:
            raise await _judged(request, error, judge, db.telemetry, gateway.provider) from None
        _measure(db.telemetry, gateway.provider, at=now, created_at=envelope.created_at, new=new)
        if new and idle:
            db.telemetry.count(catalogue.INBOX_APPLIED, kind=EventKind.OTHER, outcome="ignored")
        return received

    return receive


def _operation(provider: str) -> dict[str, Any]:
    """What the framework is told of the handler."""
    return {
        "summary": f"Events of {provider}",
        "tags": ["Webhooks"],
        "opt": {
            "public": "the provider's signature is checked",
            "unlimited": "a signed event is never limited; those that are not are counted by `judge`",
            "unscreened": "the provider's own words; nothing of an unsigned body is kept",
        },
        "status_code": 200,
        "name": f"webhook-{provider}",
        "request_max_body_size": MOST_BYTES,
        "operation_class": WebhookOperation,
        "responses": {
            **answered(200, dict[str, bool], {"received": True}, "Written down; also when it was known already"),
            **documented(Unauthenticated, WrongNetwork, 413, screened=False),
        },
    }


async def _judged(
    request: Asked, error: Unauthenticated, judge: Judge, telemetry: Telemetry, provider: str
) -> CubanoError:
    """What is answered to a delivery that nobody signed; after many of them no line is written for each."""
    judged = await judge(request, error)
    if isinstance(judged, Unauthenticated):
        _refuse(telemetry, provider, judged.reason)
    else:
        telemetry.count(catalogue.WEBHOOKS, provider=provider, result="limited")
    return judged


def _refuse(telemetry: Telemetry, provider: str, result: str) -> None:
    telemetry.count(catalogue.WEBHOOKS, provider=provider, result=result)
    log.warning("webhook refused", provider=provider, reason=result)


def _measure(telemetry: Telemetry, provider: str, *, at: datetime, created_at: datetime, new: bool) -> None:
    telemetry.count(catalogue.WEBHOOKS, provider=provider, result="accepted" if new else "duplicate")
    telemetry.set(catalogue.WEBHOOK_LAST, at.timestamp(), provider=provider)
    if new:
        telemetry.observe(catalogue.WEBHOOK_LAG, max((at - created_at).total_seconds(), 0), provider=provider)
