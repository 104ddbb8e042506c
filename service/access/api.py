"""The guard every route stands behind, and how a request shows whose it is.

A route says in its `opt` who may pass:

    {"public": "why"}                                  anybody; who asks is not even looked at
    {"permission": Permission.X}                       nobody: 401; somebody who may not: 403
    {"permission": Permission.X, "hidden": "why"}      who may not passes as nobody, and the handler answers as it
                                                       answers for what does not exist
    {"staff": "why"}                                   any person who has signed in, whatever the role; no key opens it

A route that says nothing, or several, is closed or needs all of it: forgetting is never a hole. Another way to show who asks
(a session's cookie, in service/sessions) is one more `Way` for `create_guard`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from litestar import Litestar, Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.routes import HTTPRoute
from litestar.types import Guard

from service.access.flow import KeyRing, Known
from service.access.rules import KEY_START, ROLE_PERMISSIONS, STAFF_ROLES, Permission, Principal, Role, client_ip
from service.audit.rules import Origin
from service.kernel.db import Database
from service.kernel.errors import Forbidden, Unidentified
from service.signing.flow import is_timely, take_nonce
from service.signing.rules import SigningSecrets, read_signature, text_to_sign
from service.telemetry import catalogue
from service.telemetry.labels import AccessOutcome
from service.telemetry.registry import Telemetry

PERMISSION, PUBLIC, HIDDEN, STAFF = "permission", "public", "hidden", "staff"
_PRINCIPAL = "principal"

Asked = Request[Any, Any, Any]
# Answers who asks, None when the request shows nothing of this kind, and raises `Unidentified` when that is not good.
Way = Callable[[Asked], Awaitable[Principal | None]]


def create_guard(*ways: Way, telemetry: Telemetry) -> Guard:
    """The guard; the first way that knows who asks decides."""

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        needed: Permission | None = handler.opt.get(PERMISSION)
        for_staff = STAFF in handler.opt
        unguarded = PUBLIC in handler.opt and not for_staff
        if needed is None and (unguarded or connection.scope.get("method") == "OPTIONS"):
            return
        try:
            principal = await _admitted(connection, ways, needed, for_staff=for_staff)
        except (Unidentified, Forbidden) as error:
            outcome = error.reason if isinstance(error, Unidentified) else AccessOutcome.FORBIDDEN
            telemetry.count(catalogue.ACCESS, outcome=outcome)
            if HIDDEN not in handler.opt:
                raise
            return
        telemetry.count(catalogue.ACCESS, outcome=AccessOutcome.ALLOWED)
        connection.scope["state"][_PRINCIPAL] = principal

    return guard


async def _admitted(
    connection: ASGIConnection[Any, Any, Any, Any],
    ways: tuple[Way, ...],
    needed: Permission | None,
    *,
    for_staff: bool,
) -> Principal:
    principal = await _identified(connection, ways)
    if for_staff and principal.kind != "staff":
        raise Forbidden("of a person who has signed in")
    if needed is None and not for_staff:
        raise Forbidden("that nobody has")
    if needed is not None and not principal.may(needed):
        raise Forbidden(needed)
    return principal


async def _identified(connection: ASGIConnection[Any, Any, Any, Any], ways: tuple[Way, ...]) -> Principal:
    if isinstance(connection, Request):
        for way in ways:
            if (principal := await way(connection)) is not None:
                return principal
    raise Unidentified(AccessOutcome.NONE)


def principal_of(request: Asked) -> Principal | None:
    """Who asks, as the guard has found; None on a public route, and for nobody on a hidden one."""
    found: Principal | None = request.scope["state"].get(_PRINCIPAL)
    return found


def origin_of(request: Asked, hops: int) -> Origin:
    """Where the request comes from, behind so many proxies of ours."""
    client = request.scope.get("client")
    ip = client_ip(client[0] if client else "", request.headers.getall("x-forwarded-for", []), hops=hops)
    return Origin(ip, request.headers.get("user-agent", ""))


def by_key(ring: KeyRing, secrets: SigningSecrets, db: Database, *, hops: int) -> Way:
    """An API key, in `Authorization: Bearer`; signed where the key demands it."""

    async def identify(request: Asked) -> Principal | None:
        text = _bearer(request)
        if text is None:
            return None
        origin = origin_of(request, hops)
        known = await ring.identify(text, origin)
        if known.signs:
            await _check_signature(request, known, secrets, db)
        return replace(known.principal, origin=origin)

    return identify


def _bearer(request: Asked) -> str | None:
    """What claims to be a key of ours; another's header and an order's token are none."""
    lines = request.headers.getall("authorization", [])
    if len(lines) > 1:
        raise Unidentified(AccessOutcome.MALFORMED)
    scheme, _, text = (lines[0] if lines else "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" and text.strip().startswith(KEY_START) else None


async def _check_signature(request: Asked, known: Known, secrets: SigningSecrets, db: Database) -> None:
    """Raises `Unidentified` unless this key signed exactly this request, just now and for the first time."""
    given = read_signature(request.headers)
    if given is None:
        raise Unidentified(AccessOutcome.BAD_SIGNATURE, "Requests with this API key must be signed.")
    scope, key_id = request.scope, known.principal.id
    path = scope.get("raw_path") or scope["path"].encode()
    target = path + (b"?" + scope["query_string"] if scope["query_string"] else b"")
    body = await request.body()
    text = text_to_sign(scope["method"], target, body, timestamp=given.timestamp, nonce=given.nonce)
    if not secrets.fits(key_id, text, given.signature):
        raise Unidentified(AccessOutcome.BAD_SIGNATURE, "The signature does not fit the request.")
    now_s = int(db.clock().timestamp())
    if not is_timely(given, now_s):
        raise Unidentified(AccessOutcome.REPLAYED, f"The signed time is too far from ours, which is {now_s}.")
    if not await take_nonce(db, key_id, given.nonce):
        raise Unidentified(AccessOutcome.REPLAYED, "This nonce was used before.")


@dataclass(frozen=True)
class Passage:
    """One method of one route, and who may pass; neither permission nor reason: nobody was thought of."""

    method: str
    path: str
    permission: Permission | None
    public: str | None
    hidden: str | None
    staff: str | None = None

    def answer(self, role: Role) -> str:
        """What a key or session of this role meets: `open`, `yes`, `session` where no key helps, or how it is refused."""
        if self.staff and self.permission is None:
            return "session" if role in STAFF_ROLES else "403"
        if self.permission is None:
            return "open" if self.public else "closed"
        return "yes" if self.permission in ROLE_PERMISSIONS[role] else "404" if self.hidden else "403"


def passages(app: Litestar) -> list[Passage]:
    """Every route of the application, by path and method."""
    found = [
        Passage(method, route.path_format, *(handler.opt.get(each) for each in (PERMISSION, PUBLIC, HIDDEN, STAFF)))
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
        if method not in {"OPTIONS", "HEAD"}
    ]
    return sorted(found, key=lambda each: (each.path, each.method))
