"""`create_app(settings)`: the one page where the responder is plugged together.

The engine runs beside the pages in one loop, Prometheus is looked at every few seconds, Alertmanager calls. Nothing here asks
the service before somebody needs an answer, so it starts and works with everything else away.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from litestar import Litestar, MediaType, Request, Response, get
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.response import Redirect
from litestar.static_files import create_static_files_router

from runbooks.actions.registry import create_registry
from runbooks.actions.world import open_world
from runbooks.engine.engine import Engine
from runbooks.engine.journal import Journal, JournalError
from runbooks.engine.library import Library
from runbooks.engine.metering import Meter
from runbooks.engine.mirror import Mirror
from runbooks.engine.only import Only
from runbooks.engine.registry import RefusedError, UnreachableError
from runbooks.means import drafting, limits_of, mirror_of, only_of, places_of
from runbooks.responder.api import create_api
from runbooks.responder.gauges import Gauges
from runbooks.responder.guard import SignInNeededError, Tries
from runbooks.responder.operators import Operators, Sessions
from runbooks.responder.pages import create_pages
from runbooks.responder.rendering import STATIC, Renderer
from runbooks.responder.station import Station
from runbooks.responder.timetable import EVERY_S
from runbooks.responder.upkeep import Upkeep
from runbooks.settings import Settings
from service.telemetry.exposition import Ping, serve_metrics
from service.telemetry.logs import get_logger
from service.telemetry.registry import Telemetry

log = get_logger("responder")

MAY_NOT_LEAVE = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
}
Strike = Callable[[str], None]


def create_app(settings: Settings, *, checkpoint: Strike = lambda _: None) -> Litestar:
    """The responder; it takes its state directory when it starts, and fails when another one has it."""
    return Litestar(
        [live, ready, create_api(), create_pages(), create_static_files_router("/static", [STATIC])],
        lifespan=[_living(settings, checkpoint)],
        exception_handlers={
            SignInNeededError: _to_sign_in,
            HTTPException: _told,
            UnreachableError: _not_known,
            RefusedError: _not_known,
            Exception: _broken,
        },
        after_request=_guarded,
        openapi_config=None,
        logging_config=None,
        state=State({}),
    )


def _living(settings: Settings, checkpoint: Strike) -> Callable[[Litestar], Any]:
    @asynccontextmanager
    async def living(app: Litestar) -> AsyncIterator[None]:
        async with AsyncExitStack() as opened:
            station = await _station(settings, opened, checkpoint)
            app.state.station, app.state.tries = station, Tries(station.clock)
            app.state.renderer = Renderer(settings.grafana_url)
            _leave_token(settings)
            loop = asyncio.get_running_loop()
            metrics = serve_metrics(
                station.telemetry,
                settings.metrics_host,
                settings.metrics_port,
                lambda: asyncio.run_coroutine_threadsafe(_pings(station), loop).result(2),
            )
            opened.callback(metrics.close)
            only = await _alone(settings, station, opened)
            mirror = mirror_of(settings, station.engine)
            await _remembered(mirror)
            await station.engine.recover()
            Meter(station.telemetry, station.engine.desk, None if mirror is None else lambda: mirror.lag)
            gauges = Gauges(station, mirror)
            tasks = [asyncio.create_task(station.engine.run_forever()), asyncio.create_task(_polling(station))]
            tasks += [asyncio.create_task(gauges.look_forever()), asyncio.create_task(_scheduling(station))]
            tasks += [asyncio.create_task(Upkeep(settings, station.telemetry).look_forever())]
            tasks += [] if mirror is None else [asyncio.create_task(mirror.run_forever())]
            tasks += [] if only is None else [asyncio.create_task(only.hold_forever())]
            try:
                yield
            finally:
                await _ended(tasks)

    return living


async def _station(settings: Settings, opened: AsyncExitStack, checkpoint: Strike) -> Station:
    world = await opened.enter_async_context(open_world(places_of(settings)))
    journal = Journal.open(settings.state, url=settings.address)
    opened.callback(journal.close)
    library, operators = Library.load(), Operators(settings.state)
    for fault in library.faults:
        log.error("a playbook cannot be read", playbook=fault.path, line=fault.line, why=fault.problem)
    engine = Engine(
        library,
        create_registry(),
        world,
        journal,
        _now,
        pace=settings.scale,
        settings=limits_of(settings),
        notices=drafting(),
        checkpoint=checkpoint,
    )
    telemetry = Telemetry("respond", version=version("cubano"), environment=settings.environment)
    return Station(settings, engine, library, world, telemetry, operators, Sessions(operators), _now)


async def _alone(settings: Settings, station: Station, opened: AsyncExitStack) -> Only | None:
    """While another engine works on the database, this one changes nothing; it looks, and says so."""
    only = only_of(settings)
    if only is not None:
        opened.push_async_callback(only.leave)
        if not await only.take():
            log.error("another engine works on this database: nothing is changed by this one")
        station.engine.desk.elsewhere = lambda: only.elsewhere
    return only


async def _remembered(mirror: Mirror | None) -> None:
    """Before anything is done: whether the journal is still the one that was written. Its mirror asks again when it can."""
    if mirror is not None:
        with suppress(UnreachableError):
            await mirror.agrees()


def _leave_token(settings: Settings) -> None:
    """For an Alertmanager under another account, in a folder that is theirs and ours alone; without it polling goes on."""
    path = settings.token_file
    if path is None:
        return
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        beside.write_text(settings.token.get_secret_value())
        beside.chmod(0o644)
        beside.replace(path)
    except OSError as error:
        log.warning("Alertmanager gets no token", why=error.strerror)


async def _polling(station: Station) -> None:
    """Prometheus, again and again: so a dead Alertmanager is no single point."""
    while station.settings.prometheus_url:
        await station.poll()
        await asyncio.sleep(station.settings.poll_s)


async def _scheduling(station: Station) -> None:
    """What is due, again and again; in a drill the days are not those of the calendar, and nothing is."""
    while station.settings.scale == 1:
        try:
            await station.timetable.look()
        except JournalError as error:
            station.trouble = str(error)  # nothing was begun; it is still due at the next look
        await asyncio.sleep(EVERY_S)


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task


def _now() -> datetime:
    return datetime.now(UTC)


# ---- health --------------------------------------------------------------------------------------------------------


@get("/health/live", include_in_schema=False)
async def live() -> dict[str, str]:
    """It answers."""
    return {"status": "live", "process": "respond"}


@get("/health/ready", include_in_schema=False)
async def ready(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
    """Whether it can do its work: the journal can be written, the playbooks can be read."""
    pings = await _pings(request.app.state.station)
    fine = all(each.ok for each in pings)
    told = [{"name": each.name, "ok": each.ok, "detail": each.detail} for each in pings]
    return Response({"status": "ready" if fine else "not_ready", "pings": told}, status_code=200 if fine else 503)


async def _pings(station: Station) -> list[Ping]:
    """Its own needs alone: that the service is away is when it is needed most."""
    trouble, faults = station.engine.trouble or station.trouble, station.library.faults
    return [
        Ping("journal", ok=not trouble, detail=trouble),
        Ping(
            "playbooks", ok=bool(station.library.all), detail=f"{len(station.library.all)} read, {len(faults)} faults"
        ),
    ]


# ---- what every answer has, and what goes wrong --------------------------------------------------------------------


async def _guarded(response: Response[Any]) -> Response[Any]:
    response.headers.update(MAY_NOT_LEAVE)
    return response


def _to_sign_in(request: Request[Any, Any, Any], _: SignInNeededError) -> Redirect:
    return Redirect(f"/sign-in?to={request.url.path}", status_code=303)


def _told(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """As a sentence for programs, as a page for people."""
    headers = {**MAY_NOT_LEAVE, **{name: str(value) for name, value in (error.headers or {}).items()}}
    if request.url.path.startswith("/api/") or request.url.path == "/alertmanager":
        told = {"status": error.status_code, "title": error.detail}
        return Response(told, status_code=error.status_code, headers=headers, media_type="application/problem+json")
    renderer: Renderer = request.app.state.renderer
    text = renderer.page("sorry.html", title=error.detail or "This cannot be shown", status=error.status_code)
    return Response(text, status_code=error.status_code, headers=headers, media_type=MediaType.HTML)


def _broken(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """A mistake of ours: it is written down, and the person on call is told where to go on."""
    log.error("a page failed", path=request.url.path, exc_info=error)
    return _told(
        request, HTTPException("This page is broken. Everything else goes on: cubano runbook runs", status_code=500)
    )


def _not_known(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """What would have been asked elsewhere did not answer."""
    return _told(request, HTTPException(str(error), status_code=503))
