"""`create_app(settings)`: the one page where everything that answers HTTP is plugged together.

The telemetry middleware stands outside of the framework, so that 404s, 405s and crashes are seen too. Addresses under
`/api` answer problems as `application/problem+json`; all others answer pages.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any, cast

from litestar import Litestar, Request, Response, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.types import AfterExceptionHookHandler, ASGIApp, Guard

from service import __version__
from service.access.api import by_key, create_guard, principal_of
from service.access.flow import KeyRing
from service.access.rules import OrderTokens, Principal
from service.account.api import account_pages
from service.approvals.api import REFUNDS
from service.beacon.api import take_beacon
from service.catalog.api import get_catalog
from service.checkout.api import create_checkout_session
from service.controls.rules import LIMITS
from service.gateways.base import Capability
from service.health import Health
from service.history.api import get_transaction_history
from service.kernel.clock import Clock, utc_now
from service.kernel.db import Database
from service.kernel.problems import PROBLEM_JSON, to_problem
from service.kernel.repeat import Repeat, repeating
from service.kernel.seals import Seals
from service.limits.api import Limits
from service.limits.flow import Limiter
from service.links.api import ask_for_links
from service.oidc.rules import Issuer, OidcRules, read_roles
from service.ops.api import create_ops
from service.ops.flow import Promises
from service.parts import INVARIANTS, Parts, build_parts, terms_of
from service.probes import PROBES
from service.receipts.api import get_order
from service.recheck.flow import Books
from service.reference.api import create_reference, openapi_config, tell_methods
from service.sessions.api import by_session
from service.settings import Settings
from service.shedding.api import create_shedding
from service.shield.api import create_dress, create_screen
from service.shield.rules import Dress
from service.shop.flow import Shop
from service.signin.api import Desk, create_signin
from service.signin.flow import build_door
from service.signin.views import StaffPages
from service.signing.rules import SigningSecrets
from service.storefront.api import Storefront, create_storefront
from service.storefront.views import BUYING
from service.telemetry.middleware import AsgiApp, TelemetryMiddleware, note_exception
from service.telemetry.registry import Telemetry
from service.telemetry.tracing import current_trace_id
from service.webhooks.api import webhook_of
from service.webhooks.flow import Intake

KEYS_EVERY_S = 5.0  # when a key was used last stands in the database so much later
MOST_BYTES = 65_536  # of a request body; a checkout is a few hundred bytes
FOR_CUSTOMERS = {"public": "customers' pages; the page of an order asks for its token"}
FOR_PROGRAMS = ("/api/", "/health/", "/openapi.json", "/beacon")
WEBHOOK_PATHS = {"stripe": ["/webhook", "/webhook/stripe"]}  # the first provider had no name in its address


def create_app(settings: Settings, *, clock: Clock = utc_now, telemetry: Telemetry | None = None) -> Litestar:
    """The whole HTTP side; everything it needs is built here from the settings, its telemetry too unless it is given."""
    parts = build_parts(settings, "serve", clock=clock, telemetry=telemetry)
    intake = Intake(parts.db)
    ring = KeyRing(parts.db, settings.environment)
    health = Health(parts.db, shows_reasons=False)
    health.expect("switches", parts.shop.switches.check_read)
    reference = create_reference(public_url=settings.public_url, version=__version__)
    storefront = create_storefront(parts.shop, help_email=settings.help_email, beacon_sample=settings.beacon_sample)
    pages = Router("/", route_handlers=[storefront.router, take_beacon], opt=FOR_CUSTOMERS)
    desk = _desk(parts)
    limiter = _limiter(parts)
    limits = Limits(limiter, hops=settings.trusted_hops)
    dress = Dress(public_url=settings.public_url, form_origins=[each.page_origin for each in parts.gateways.values()])
    app = Litestar(
        route_handlers=[
            _api(parts, intake, limits),
            create_ops(),
            reference,
            pages,
            create_signin(desk, account_pages()),
            *PROBES,
        ],
        dependencies=_given(parts, health),
        signature_types=[Database, Shop, OrderTokens, Principal, Health],
        guards=[_at_the_door(parts, limits, _guard(parts, ring, desk))],
        before_send=[limits.show, create_dress(dress), tell_methods],
        exception_handlers={Exception: _answer_error(storefront)},
        after_exception=[cast("AfterExceptionHookHandler[Any]", note_exception)],
        lifespan=[_lifespan(parts, intake, health, ring), limiter.living, desk.living],
        request_max_body_size=MOST_BYTES,
        openapi_config=openapi_config(public_url=settings.public_url, version=__version__),
        logging_config=None,
        debug=False,
    )
    app.state.telemetry = parts.telemetry
    # Outermost: the framework's own middleware never sees what is not routed.
    app.asgi_handler = cast("ASGIApp", TelemetryMiddleware(cast("AsgiApp", app.asgi_handler), parts.telemetry))
    return app


def _at_the_door(parts: Parts, limits: Limits, guard: Guard) -> Guard:
    """Who may, how often, with what, and whether there is room."""
    room = create_shedding(parts.shop, cookie=BUYING)
    return limits.around(guard, create_screen(parts.telemetry), room)


def _limiter(parts: Parts) -> Limiter:
    redis_url = parts.settings.redis_url.get_secret_value()
    return Limiter(
        factor=parts.settings.rate_limits,
        redis_url=redis_url,
        telemetry=parts.telemetry,
        position=partial(parts.shop.switches.position, LIMITS),
    )


def _given(parts: Parts, health: Health) -> dict[str, Provide]:
    """What handlers may ask for by name."""
    promises = Promises(parts.db, INVARIANTS)
    given: dict[str, Any] = {
        "db": parts.db,
        "shop": parts.shop,
        "tokens": parts.shop.tokens,
        "health": health,
        "governors": parts.governors,
        "promises": promises,
        "books": _books(parts),
        "livemode": parts.settings.livemode,
    }
    made = {name: Provide(_giver(each), sync_to_thread=False) for name, each in given.items()}
    return made | {"principal": Provide(principal_of, sync_to_thread=False)}


def _books(parts: Parts) -> Books:
    terms = {name: terms_of(each, parts.settings) for name, each in parts.gateways.items()}
    return Books(parts.db, parts.gateways, terms)


def _giver(given: Any) -> Callable[[], Any]:
    return lambda: given


def _api(parts: Parts, intake: Intake, limits: Limits) -> Router:
    networks = [each.partition("=") for each in parts.settings.webhook_networks]
    webhooks = [
        webhook_of(
            gateway,
            parts.db,
            intake,
            paths=WEBHOOK_PATHS.get(name, [f"/webhook/{name}"]),
            livemode=parts.settings.livemode,
            judge=limits.judge,
            guards=limits.only_from([net for of, _, net in networks if of == name], name, parts.telemetry),
        )
        for name, gateway in parts.gateways.items()
        if Capability.WEBHOOKS in gateway.capabilities
    ]

    def let_in(_connection: Any, _handler: Any) -> None:
        parts.shop.check_open()

    for_customers = Router(
        "/", route_handlers=[get_catalog, create_checkout_session, get_order, ask_for_links], guards=[let_in]
    )
    return Router("/api/payment", route_handlers=[for_customers, get_transaction_history, *REFUNDS, *webhooks])


def _guard(parts: Parts, ring: KeyRing, desk: Desk) -> Guard:
    secrets = SigningSecrets(parts.shop.tokens.keys)
    keys = by_key(ring, secrets, parts.db, hops=parts.settings.trusted_hops)
    sessions = by_session(parts.db, desk.door.rules, hops=parts.settings.trusted_hops)
    return create_guard(keys, sessions, telemetry=parts.telemetry)


def _desk(parts: Parts) -> Desk:
    """What people sign in at."""
    settings = parts.settings
    door = build_door(
        parts.db,
        secret_keys=parts.shop.tokens.keys,
        public_url=settings.public_url,
        idle_minutes=settings.staff_idle_minutes,
        longest_hours=settings.staff_session_hours,
    )
    return Desk(
        door=door,
        pages=StaffPages(help_email=settings.help_email),
        issuer=_issuer(parts) if settings.oidc_issuer else None,
        has_passwords=settings.staff_passwords,
        hops=settings.trusted_hops,
    )


def _issuer(parts: Parts) -> Issuer:
    from service.oidc.flow import OpenIdIssuer  # noqa: PLC0415 - it loads Authlib, which only who has an issuer should pay for

    settings = parts.settings
    rules = OidcRules(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value(),
        redirect_uri=f"{settings.public_url}/staff/oidc/back",
        role_claim=settings.oidc_role_claim,
        roles=read_roles(settings.oidc_roles),
    )
    return OpenIdIssuer(rules, Seals(parts.shop.tokens.keys, "oidc"), clock=parts.db.clock, ids=parts.db.ids)


def _lifespan(
    parts: Parts, intake: Intake, health: Health, ring: KeyRing
) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncGenerator[None, None]:
        """Connections and the metrics port live exactly as long as the server takes requests."""
        settings = parts.settings
        await parts.db.open()
        await intake.open()
        parts.telemetry.at_scrape(parts.db.measure_pool)
        metrics = health.serve(settings.metrics_host, settings.serve_metrics_port)
        used = Repeat("keys", ring.flush, KEYS_EVERY_S, parts.telemetry)
        try:
            async with parts.watching(), repeating([used]):
                yield
        finally:
            await used.once()
            await intake.close()
            metrics.close()
            await parts.close()

    return lifespan


def _answer_error(storefront: Storefront) -> Callable[[Request[Any, Any, State], Exception], Response[Any]]:
    def answer(request: Request[Any, Any, State], error: Exception) -> Response[Any]:
        """Any error: a problem document for programs, a page for people."""
        if not request.url.path.startswith(FOR_PROGRAMS):
            return storefront.answer_error(request, error)
        problem = to_problem(error, trace_id=current_trace_id())
        return Response(problem.body, status_code=problem.status, headers=problem.headers, media_type=PROBLEM_JSON)

    return answer
