"""`/v1` and `/v2`: one ASGI callable from bytes to bytes.

In order: the secret key, the version, the idempotency key, the fault that strikes, the verb, the state to disk, the
answer. A verb runs without waiting for anything, so no two requests ever interleave inside one.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import cast

from service.emulator import errors, reads, routes, strikes
from service.emulator.asgi import BodyTooLarge, Headers, Receive, Scope, Send, read_body, respond
from service.emulator.errors import GatewayRefusal
from service.emulator.faults import Effects, Faults
from service.emulator.ids import new_id
from service.emulator.keys import Answer, Keys
from service.emulator.limits import ENDPOINT, Limits, RateLimited
from service.emulator.metrics import Metrics
from service.emulator.wire import decode_form, encode
from service.emulator.world import API_VERSION, Cause, World

Found = tuple[routes.Route, str]

VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z_]+)?")
TEST_KEY = re.compile(r"[sr]k_test_\w+")


@dataclass(kw_only=True)
class Request:
    """What the verbs and the answer need of one."""

    method: str
    path: str
    query: bytes
    headers: dict[bytes, bytes]
    body: bytes
    request_id: str
    limited_by: str = ENDPOINT  # which limit, should it be one that refuses

    @property
    def key(self) -> str | None:
        key = self.headers.get(b"idempotency-key") if self.method == "POST" else None
        return None if key is None else key.decode("latin-1")

    @property
    def version(self) -> str:
        return self.headers.get(b"stripe-version", b"").decode("latin-1") or API_VERSION


class Api:
    """The endpoints over one world."""

    def __init__(self, world: World, faults: Faults, metrics: Metrics) -> None:
        self._world = world
        self._faults = faults
        self._metrics = metrics
        self.keys = Keys(world)
        self.limits = Limits(world.options.rate_limit)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"],
            headers=dict(scope["headers"]),
            body=b"",
            request_id=new_id("request"),
        )
        found = routes.find(request.method, request.path)
        name = "unknown" if found is None else found[0].name
        status = "none"
        try:
            answer = await self._answer(request, found, scope, receive)
            status = str(answer.status)
            self._world.store.flush()
            await respond(send, answer.status, answer.body, _headers(request, answer))
        except strikes.Gone:
            self._world.store.flush()
        finally:
            self._metrics.requests.labels(request.method, name, status).inc()

    async def _answer(self, request: Request, found: Found | None, scope: Scope, receive: Receive) -> Answer:
        effects: Effects | None = None
        claimed = False
        try:
            request.body = await _body(receive)
            # from here to the key no other request comes between: the one that is struck is the one that holds it
            armed = self._faults.on_request(request.method, request.path)
            admitted = self._admit(request, found)
            claimed = request.key is not None and admitted is None
            if armed is not None:
                effects = armed.fault.effects
                self._metrics.faults.labels(armed.fault.id or "unnamed").inc()
                await strikes.before(effects, armed.dice, scope, receive)
            if isinstance(admitted, GatewayRefusal):
                raise admitted
            answer = admitted or self._first(request, cast("Found", found), effects)
        except GatewayRefusal as refusal:
            answer = _refused(refusal, request)
        finally:
            if claimed:
                self.keys.release(cast("str", request.key))
        if effects is not None:
            await strikes.after(effects, scope, receive)
        return answer

    def _admit(self, request: Request, found: Found | None) -> Answer | GatewayRefusal | None:
        """A kept answer, or why there is none to be had; None lets the request in and claims its key."""
        try:
            self._authorize(request)
            if found is None:
                raise errors.unknown_url(request.method, request.path)
            if not VERSION.fullmatch(request.version):
                raise errors.invalid(f"Invalid Stripe API version: {request.version}")
            self.limits.check(request.method, found[0].name)
            if request.key is None:
                return None
            return self.keys.claim(request.key, (request.method, request.path), request.body)
        except RateLimited as refusal:
            request.limited_by = refusal.reason
            return refusal
        except GatewayRefusal as refusal:
            return refusal

    def _first(self, request: Request, found: Found, effects: Effects | None) -> Answer:
        """Do the work, keep the answer under its key, and say what the caller is told."""
        error = None if effects is None else effects.error
        if error is not None and not error.commit:
            return self._kept(request, strikes.refusal_of(error))
        try:
            done = Answer(200, self._run(request, *found), request.request_id)
        except GatewayRefusal as refusal:
            return self._kept(request, refusal)
        if error is not None:
            told = strikes.refusal_of(error)
            if not told.kept:
                self._keep(request, done)
            return self._kept(request, told)
        self._keep(request, done)
        return done

    def _kept(self, request: Request, refusal: GatewayRefusal) -> Answer:
        answer = _refused(refusal, request)
        if refusal.kept:
            self._keep(request, answer)
        return answer

    def _keep(self, request: Request, answer: Answer) -> None:
        if request.key is not None:
            self.keys.keep(request.key, (request.method, request.path), request.body, answer)

    def _run(self, request: Request, route: routes.Route, identifier: str) -> bytes:
        self._world.timers.run(self._world)
        given = decode_form(request.body if request.method == "POST" else request.query)
        if b"stripe-request-trigger" in request.headers:
            given.pop("usage", None)  # stripe-python 16.1 sends its own telemetry along when it follows a thin event
        expand = given.pop("expand", None)
        if expand is not None:
            reads.check_expand(expand)  # before anything is done that a refusal could not take back
        call = routes.Call(
            path=request.path,
            identifier=identifier,
            given=given,
            cause=Cause(request.request_id, request.key),
            version=request.version,
        )
        raw = route.verb(self._world, call)
        return raw if expand is None else reads.expanded(self._world, raw, expand)

    def _authorize(self, request: Request) -> None:
        key = _api_key(request.headers.get(b"authorization", b""))
        known = self._world.options.api_keys
        if key not in known and (known or not TEST_KEY.fullmatch(key)):
            raise errors.wrong_key(key)


async def _body(receive: Receive) -> bytes:
    try:
        body = await read_body(receive)
    except BodyTooLarge:
        raise errors.invalid("Request body too large.", status=413) from None
    if body is None:
        raise strikes.Gone
    return body


def _api_key(header: bytes) -> str:
    """From `Bearer key`, or `Basic` with the key as its user name."""
    scheme, _, value = header.decode("latin-1").partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return value.strip() if scheme.lower() == "bearer" else ""


def _refused(refusal: GatewayRefusal, request: Request) -> Answer:
    error = {**refusal.error, "request_log_url": f"https://dashboard.stripe.com/test/logs/{request.request_id}"}
    return Answer(refusal.status, encode({"error": error}), request.request_id)


def _headers(request: Request, answer: Answer) -> Headers:
    headers: Headers = [
        (b"content-type", b"application/json"),
        (b"request-id", request.request_id.encode()),
        (b"stripe-version", request.version.encode("latin-1")),
    ]
    if request.key is not None:
        headers.append((b"idempotency-key", request.key.encode("latin-1")))
        headers.append((b"original-request", answer.request_id.encode()))
        if answer.request_id != request.request_id:
            headers.append((b"idempotent-replayed", b"true"))
    if answer.status == 401:  # noqa: PLR2004
        headers.append((b"www-authenticate", b'Bearer realm="Stripe"'))
    if answer.status == 429:  # noqa: PLR2004
        headers.append((b"stripe-rate-limited-reason", request.limited_by.encode()))
    return headers
