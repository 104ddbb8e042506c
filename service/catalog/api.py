"""`GET /api/payment/catalog`."""

from typing import Annotated, Literal

from litestar import Response, get
from litestar.datastructures import CacheControlHeader
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from service.catalog.flow import read_catalog
from service.catalog.views import CatalogView, present
from service.kernel.db import Database
from service.kernel.errors import Maintenance
from service.kernel.problem_docs import answered, documented
from service.kernel.shedding import LoadShed
from service.telemetry.labels import LimitZone, Shed

MAX_AGE_S = 2  # seats change by the second on sale day; a shared cache may still take the load


EXAMPLE = {
    "ticketTypes": [
        {
            "ticketType": "full-pass",
            "kind": "pass",
            "name": "Full Pass",
            "description": "Everything from Friday to Sunday: all classes, all parties, one wristband.",
            "price": {"minor": 24900, "currency": "USD"},
            "available": 212,
            "maxPerOrder": 8,
        }
    ],
    "asOf": "2027-02-13T18:00:00Z",
}


@get(
    "/catalog",
    summary="What is on sale",
    tags=["Store"],
    opt={"public": "what is on sale is no secret", "zone": LimitZone.CATALOG, "shed": Shed.CATALOG},
    cache_control=CacheControlHeader(public=True, max_age=MAX_AGE_S),
    responses={**answered(200, CatalogView, EXAMPLE, "What is on sale"), **documented(400, LoadShed, Maintenance)},
)
async def get_catalog(
    db: NamedDependency[Database],
    locale: Annotated[Literal["en", "es"], QueryParameter(description="Language of names and descriptions.")] = "en",
) -> Response[CatalogView]:
    """Ticket types with price and how many are left as of `asOf`."""
    async with db.transaction() as session:
        on_sale = await read_catalog(session)
    return Response(present(on_sale, locale), headers={"Content-Language": locale, "Vary": "Accept-Encoding"})
