"""Two pages: the API, made from its OpenAPI document (served at `/openapi.json`), and the table of problems; and that document."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import jinja2
from litestar import Litestar, MediaType, Request, Response, Router, get
from litestar.datastructures import MutableScopeHeaders, State
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import License, Server
from litestar.routes import HTTPRoute
from litestar.types import Message, Scope
from litestar.types.internal_types import PathParameterDefinition
from markupsafe import Markup, escape

from service.kernel.problems import HTTP_CODES, INTERNAL, TABLE, Kind
from service.reference.flow import by_tag, endpoints_of
from service.reference.rules import DESCRIPTION, complete, operation_id
from service.sessions.rules import SessionRules

TEMPLATES = Path(__file__).parent / "templates"
CACHE = {"Cache-Control": "public, max-age=60"}
ADVICE = {
    "invalid_request": "Mend the fields listed in `errors` and send it again.",
    "not_found": "Check the id and the access token; both wrong and unknown look the same on purpose.",
    "unauthenticated": "Send `Authorization: Bearer` with an API key of this environment that has not ended.",
    "forbidden": "The key is right and may not do this; ask for one that has the permission `detail` names.",
    "wrong_network": "Send it from an address that is on the list of this end point.",
    "rate_limited": "Nothing was done. Wait for `Retry-After` seconds; `RateLimit` says what is left before it comes to this.",
    "card_number_refused": "Nothing was stored or logged. Leave the number out: cards are typed on the provider's page only.",
    "sold_out": "`available` says how many are left, `returning` how many are held by others and may come back.",
    "request_in_flight": "Wait for `Retry-After` seconds and send the same request with the same key.",
    "idempotency_key_reused": "Use a new key for a new request.",
    "plan_changed": "Nothing was done. Ask with `dryRun` for the plan as it is now; its hash is in `planHash`.",
    "wrong_state": "Nothing was done. `detail` names the state it is in.",
    "gateway_unavailable": "Nothing was charged and nothing is held. Send it again after `Retry-After` seconds.",
    "provider_unavailable": "Nothing was started. Send it with one of `otherProviders`, or without `provider`.",
    "gateway_rejected": "Nothing was charged and nothing is held. Tell us the `traceId`.",
    "signature_invalid": "Check the signing secret and the clock; the raw body must reach us unchanged.",
    "overloaded": "Nothing was done. Send it again after `Retry-After` seconds, with some jitter.",
    "sales_paused": "Nothing was done. Open orders go on. Come again after `Retry-After` seconds.",
    "load_shed": "Nothing was done. Who is paying already goes on. Come again after `Retry-After` seconds.",
    "maintenance": "Nothing is lost, payments under way are taken. Come again after `Retry-After` seconds.",
    "database_unavailable": "Nothing was charged. Send it again with the same Idempotency-Key.",
    "internal_error": "It has been recorded. Repeating with the same Idempotency-Key is safe.",
}


def describe(app: Litestar, document: dict[str, Any], *, cookie: str) -> dict[str, Any]:
    """The whole OpenAPI document of the application; `cookie` is what a session's is called."""
    opts = {
        (route.path_format, str(method)): handler.opt
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
    }
    return complete(document, opts, cookie=cookie)


async def tell_methods(message: Message, scope: Scope) -> None:
    """Before an answer to OPTIONS is sent: all methods of the path; the framework forgets what was registered later."""
    if message["type"] != "http.response.start" or scope.get("method") != "OPTIONS":
        return
    routes = (each for each in scope["litestar_app"].routes if isinstance(each, HTTPRoute))
    template = scope.get("path_template")  # `*`, the server itself, has none
    methods = {method for each in routes if each.path_format == template for method in each.methods}
    if methods:
        MutableScopeHeaders.from_message(message)["Allow"] = ", ".join(sorted(map(str, methods)))


class DocumentPlugin(JsonRenderPlugin):
    """`/openapi.json`, complete."""

    def __init__(self, *, cookie: str) -> None:
        super().__init__(path="/", media_type=MediaType.JSON)
        self._cookie = cookie

    def render(self, request: Request[Any, Any, State], openapi_schema: dict[str, Any]) -> bytes:
        return super().render(request, describe(request.app, openapi_schema, cookie=self._cookie))


def openapi_config(*, public_url: str, version: str) -> OpenAPIConfig:
    """What the framework makes the document from."""
    return OpenAPIConfig(
        title="A Lo Cubano Boulder Fest: payments",
        version=version,
        description=DESCRIPTION,
        license=License(name="MIT", identifier="MIT"),
        servers=[Server(url=public_url, description="This system")],
        path="/openapi.json",
        render_plugins=[DocumentPlugin(cookie=_cookie(public_url))],
        use_handler_docstrings=True,
        operation_id_creator=_operation_id,
        openapi_router=Router(
            "/openapi.json", route_handlers=[], include_in_schema=False, opt={"public": "the API describes itself"}
        ),
    )


def _operation_id(handler: HTTPRouteHandler, _: Any, path: list[str | PathParameterDefinition]) -> str:
    """Of the handler's own name where it has one: then it stands at several paths."""
    last = path[-1] if path else ""
    parts = [last] if handler.name and isinstance(last, str) else []
    return operation_id(handler.name or handler.handler_name, parts)


def _cookie(public_url: str) -> str:
    return SessionRules(timedelta(), timedelta(), own_origin=public_url).cookie


def create_reference(*, public_url: str, version: str) -> Router:
    """The routes of the documentation."""
    pages = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
    )

    pages.filters["inline"] = _inline

    @get("/docs", include_in_schema=False)
    async def reference(request: Request[Any, Any, State]) -> Response[str]:
        document = describe(request.app, request.app.openapi_schema.to_schema(), cookie=_cookie(public_url))
        endpoints = endpoints_of(document, base_url=public_url)
        page = pages.get_template("reference.html").render(
            groups=by_tag(endpoints, document), version=version, title="API reference"
        )
        return Response(page, media_type=MediaType.HTML, headers=CACHE)

    @get("/docs/problems", include_in_schema=False)
    async def problems() -> Response[str]:
        page = pages.get_template("problems.html").render(
            kinds=_kinds(), advice=ADVICE, version=version, title="Problems"
        )
        return Response(page, media_type=MediaType.HTML, headers=CACHE)

    return Router("/", route_handlers=[reference, problems], opt={"public": "the API's description"})


def _inline(text: str) -> Markup:
    """Escaped text with `code` as code."""
    parts = [
        escape(part) if number % 2 == 0 else Markup("<code>{}</code>").format(part)
        for number, part in enumerate(text.split("`"))
    ]
    return Markup("").join(parts)


def _kinds() -> list[Kind]:
    known = {kind.code: kind for kind in (*TABLE.values(), *HTTP_CODES.values(), INTERNAL)}
    return sorted(known.values(), key=lambda kind: (kind.status, kind.code))
