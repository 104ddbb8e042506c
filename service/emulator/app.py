"""The one ASGI application: the APIs of both providers by hand for speed, everything else by Litestar, over one stand-in.

`/health/live` says the process answers, `/health/ready` that its sender runs and its state can be written.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

from litestar import Litestar, MediaType, Response, get
from litestar.di import Provide
from litestar.types import ASGIApp

from service.emulator import strikes
from service.emulator.asgi import Receive, Scope, Send, respond
from service.emulator.control import ROUTER
from service.emulator.errors import GatewayRefusal
from service.emulator.page import PAGES
from service.emulator.paypal.page import PAGES as PAYPAL_PAGES
from service.emulator.standin import StandIn
from service.emulator.wire import encode


class Emulator:
    """What uvicorn runs."""

    def __init__(self, standin: StandIn) -> None:
        self.standin = standin
        self._background: asyncio.Task[None] | None = None
        self._pages = cast("ASGIApp", self._litestar())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "http" and path.startswith(("/v1/", "/v2/")):
            await self.standin.api(scope, receive, send)
            return
        if scope["type"] == "http" and path.startswith(("/paypal/v1/", "/paypal/v2/")):
            await self.standin.paypal(scope, receive, send)
            return
        if scope["type"] != "http" or path.startswith("/health"):
            await self._pages(cast("Any", scope), cast("Any", receive), cast("Any", send))
            return
        if path.startswith("/_emulator"):  # faults never strike the levers that lift them
            await self._pages(cast("Any", scope), cast("Any", receive), cast("Any", self._noting(send)))
            return
        await self._page(scope, receive, send)

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        armed = self.standin.faults.on_request(scope["method"], scope["path"])
        try:
            if armed is not None:
                await strikes.before(armed.fault.effects, armed.dice, scope, receive)
        except GatewayRefusal as refusal:
            await respond(
                send, refusal.status, encode({"error": refusal.error}), [(b"content-type", b"application/json")]
            )
            return
        except strikes.Gone:
            return
        await self._pages(cast("Any", scope), cast("Any", receive), cast("Any", self._saving(send)))

    def _saving(self, send: Send) -> Send:
        async def saved(message: Any) -> None:
            self.standin.world.store.flush()  # what the page says has happened survives a kill
            await send(message)

        return saved

    def _noting(self, send: Send) -> Send:
        """Like `_saving`, but a lever answers even while nothing can be written; readiness tells."""

        async def noted(message: Any) -> None:
            self.standin.world.store.is_writable()
            await send(message)

        return noted

    def _litestar(self) -> Litestar:
        async def standin() -> StandIn:
            return self.standin

        return Litestar(
            route_handlers=[self._live(), self._ready(), ROUTER, *PAGES, *PAYPAL_PAGES],
            dependencies={"standin": Provide(standin)},
            lifespan=[self._running],
            openapi_config=None,
            logging_config=None,  # the process decides where logs go
        )

    @asynccontextmanager
    async def _running(self, _: Litestar) -> AsyncGenerator[None]:
        self._background = asyncio.create_task(self.standin.run())
        try:
            yield
        finally:
            self._background.cancel()
            with suppress(asyncio.CancelledError):
                await self._background

    def _live(self) -> Any:
        @get("/health/live", media_type=MediaType.JSON)
        async def live() -> dict[str, str]:
            return {"status": "ok"}

        return live

    def _ready(self) -> Any:
        @get("/health/ready", media_type=MediaType.JSON)
        async def ready() -> Response[dict[str, Any]]:
            sender = self._background is not None and not self._background.done()
            state = self.standin.world.store.is_writable()
            checks = [{"name": "webhook sender", "ok": sender}, {"name": "state", "ok": state}]
            return Response({"ready": sender and state, "checks": checks}, status_code=200 if sender and state else 503)

        return ready
