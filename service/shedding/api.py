"""The guard that sends away who only looks, while load is shed: routes whose `opt` names one of `Shed`.

A route says `{"shed": Shed.PAGES}`. One that says nothing is never shed: pay and order pages, the way back from the gateway,
webhooks, staff, operators, health.
"""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from service.shedding.flow import holds_open, refusal
from service.shop.flow import Shop
from service.telemetry.labels import Shed

SHED = "shed"


def create_shedding(shop: Shop, *, cookie: str) -> Guard:
    """The guard; `cookie` is the one that names the order its browser is buying."""

    async def keep_room(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        what: Shed | None = handler.opt.get(SHED)
        if what is None or not shop.sheds():
            return
        if what is Shed.PAGES and await holds_open(shop, connection.cookies.get(cookie, "")):
            return
        raise refusal(shop, what)

    return keep_room
