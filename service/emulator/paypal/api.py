"""`/paypal/v1` and `/paypal/v2`: one ASGI callable from bytes to bytes, like the other provider's.

In order: the fault that strikes, the token, the request id, the verb, the state to disk, the answer. A verb runs without
waiting for anything, so no two requests ever interleave inside one. An error in front of the work keeps nothing; one after
it (`commit`) leaves the success under its request id, which is how the vendor lets a lost answer be found again.
"""

from dataclasses import dataclass
from urllib.parse import parse_qsl

import msgspec

from service.emulator import strikes
from service.emulator.asgi import BodyTooLarge, Headers, Receive, Scope, Send, read_body, respond
from service.emulator.faults import Armed, Effects, Faults
from service.emulator.metrics import Metrics
from service.emulator.paypal import errors, ids, routes, tokens
from service.emulator.paypal.errors import Refused
from service.emulator.paypal.keys import Keys
from service.emulator.wire import Obj, encode
from service.emulator.world import World

TOKEN = "/paypal/v1/oauth2/token"  # noqa: S105 - a path
Found = tuple[routes.Route, str] | None


@dataclass(kw_only=True)
class Request:
    """What the verbs and the answer need of one."""

    method: str
    path: str
    query: bytes
    headers: dict[bytes, bytes]
    body: bytes
    debug_id: str

    def header(self, name: bytes) -> str | None:
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def request_id(self) -> str | None:
        return self.header(b"paypal-request-id") if self.method == "POST" else None


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    content_type: bytes = b"application/json"


class Api:
    """The endpoints over one world."""

    def __init__(self, world: World, faults: Faults, metrics: Metrics) -> None:
        self._world = world
        self._faults = faults
        self._metrics = metrics
        self.keys = Keys(world)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"],
            headers=dict(scope["headers"]),
            body=b"",
            debug_id=ids.debug_id(),
        )
        found = routes.find(request.method, request.path)
        name = TOKEN if request.path == TOKEN else "unknown" if found is None else found[0].name
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

    async def _answer(self, request: Request, found: Found, scope: Scope, receive: Receive) -> Answer:
        effects: Effects | None = None
        claimed = False
        try:
            request.body = await _body(receive)
            # from here to the request id no other request comes between: the one that is struck is the one that holds it
            armed = self._faults.on_request(request.method, request.path)
            if armed is not None and armed.fault.effects.revoke_tokens:
                tokens.revoke_all(self._world)
            admitted = self._admit(request, found)
            claimed = request.request_id is not None and admitted is None
            if armed is not None:
                effects = armed.fault.effects
                await self._strike(armed, scope, receive)
            answer = self._first(request, found, effects) if admitted is None else _told(request, admitted)
        except Refused as refusal:
            answer = _refused(refusal, request)
        finally:
            if claimed:
                self.keys.release(request.request_id or "", request.path)
        if effects is not None:
            await strikes.after(effects, scope, receive)
        return answer

    async def _strike(self, armed: Armed, scope: Scope, receive: Receive) -> None:
        self._metrics.faults.labels(armed.fault.id or "unnamed").inc()
        effects = armed.fault.effects
        await strikes.before(effects, armed.dice, scope, receive, refuse=errors.of_fault)
        if effects.error is not None and not effects.error.commit:
            raise errors.of_fault(effects.error)

    def _admit(self, request: Request, found: Found) -> Obj | Refused | None:
        """A kept answer, or why there is none to be had; None lets the request in and claims its id."""
        try:
            if request.path == TOKEN:
                return None
            if found is None or not found[0].open:
                tokens.check(self._world, request.headers.get(b"authorization", b""))
            if found is None:
                raise routes.unknown()
            if request.request_id is None:
                return None
            return self.keys.claim(request.request_id, request.path, request.body)
        except Refused as refusal:
            return refusal

    def _first(self, request: Request, found: Found, effects: Effects | None) -> Answer:
        """Do the work, keep the answer under its id, and say what the caller is told."""
        self._world.timers.run(self._world)
        done = self._run(request, found)
        body = routes.encoded(done)
        if request.request_id is not None and found is not None and isinstance(done.body, dict):
            self.keys.keep(request.request_id, request.path, request.body, done.body)
        if effects is not None and effects.error is not None:
            raise errors.of_fault(effects.error)  # done, and told otherwise
        return Answer(done.status, body, b"text/plain" if isinstance(done.body, str) else b"application/json")

    def _run(self, request: Request, found: Found) -> routes.Done:
        if found is None:
            if request.method != "POST":
                raise errors.refused("METHOD_NOT_SUPPORTED")
            authorization = request.headers.get(b"authorization", b"")
            return routes.Done(200, tokens.grant(self._world, authorization, request.body))
        route, identifier = found
        call = routes.Call(
            identifier=identifier,
            query=dict(parse_qsl(request.query.decode("latin-1"))),
            body=request.body,
            request_id=request.request_id,
            mock=_mock(request.header(b"paypal-mock-response")),
            whole="return=representation" in (request.header(b"prefer") or ""),
        )
        return route.verb(self._world, call)


def _told(request: Request, admitted: Obj | Refused) -> Answer:
    """A repetition is told the first answer with 200."""
    return _refused(admitted, request) if isinstance(admitted, Refused) else Answer(200, encode(admitted))


async def _body(receive: Receive) -> bytes:
    try:
        body = await read_body(receive)
    except BodyTooLarge:
        raise errors.refused("UNPROCESSABLE_ENTITY", {"issue": "REQUEST_TOO_LARGE"}) from None
    if body is None:
        raise strikes.Gone
    return body


def _mock(header: str | None) -> str | None:
    """The issue of `{"mock_application_codes": "INSTRUMENT_DECLINED"}`; the older spelling is a list."""
    if not header:
        return None
    try:
        codes = msgspec.json.decode(header.encode("latin-1")).get("mock_application_codes")
    except (msgspec.DecodeError, AttributeError):
        raise errors.invalid("INVALID_PARAMETER_SYNTAX", "PayPal-Mock-Response", "It must be a JSON object.") from None
    code = codes[0] if isinstance(codes, list) and codes else codes
    return code if isinstance(code, str) else None


def _refused(refusal: Refused, request: Request) -> Answer:
    body = {**refusal.body, "debug_id": request.debug_id} if "name" in refusal.body else refusal.body
    return Answer(refusal.status, encode(body))


def _headers(request: Request, answer: Answer) -> Headers:
    headers: Headers = [(b"content-type", answer.content_type), (b"paypal-debug-id", request.debug_id.encode())]
    if answer.status == 401:  # noqa: PLR2004
        headers.append((b"www-authenticate", b'Bearer error="invalid_token"'))
    return headers
