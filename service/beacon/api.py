"""`POST /beacon`: a browser tells how long a page took. Nothing of it is kept but counts, nothing of it is logged."""

from dataclasses import dataclass
from typing import Any

from litestar import Request, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.spec import Example, OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema

from service.beacon.rules import MOST_BYTES, check_sender, read_beacon
from service.kernel.db import Database
from service.kernel.errors import CrossSite, Invalid
from service.kernel.problem_docs import documented
from service.kernel.shedding import LoadShed
from service.telemetry import catalogue
from service.telemetry.labels import BeaconOutcome, LimitZone, PageName, Shed

EXAMPLE = {"page": "store", "ttfb": 41, "domReady": 180, "load": 320, "errors": 0}
WHY_UNSCREENED = "numbers and a word of ours, counted and forgotten"


@dataclass
class BeaconOperation(Operation):
    """`navigator.sendBeacon` sends text, so the handler reads the raw body; its schema is written here."""

    def __post_init__(self) -> None:
        moment = Schema(type=OpenAPIType.NUMBER, description="Milliseconds since the click; a minute at most counts.")
        errors = Schema(type=OpenAPIType.INTEGER, description="Errors of scripts, and files that did not load.")
        properties: dict[str, Any] = {"page": Schema(type=OpenAPIType.STRING, enum=list(PageName))}
        properties |= {"ttfb": moment, "domReady": moment, "load": moment, "errors": errors}
        schema = Schema(type=OpenAPIType.OBJECT, required=["page"], properties=properties, additional_properties=False)
        example = Example(summary="The store in a third of a second", value=EXAMPLE)
        media = OpenAPIMediaType(schema=schema, examples={"store": example})
        self.request_body = RequestBody(content={"application/json": media, "text/plain": media}, required=True)


@post(
    "/beacon",
    summary="Tell how long a page took",
    tags=["Store"],
    status_code=204,
    opt={
        "public": "sent by the script of our pages; counted, and nothing of it is kept",
        "zone": LimitZone.BEACON,
        "shed": Shed.BEACON,
        "unscreened": WHY_UNSCREENED,
    },
    operation_class=BeaconOperation,
    request_max_body_size=MOST_BYTES,
    responses=documented(CrossSite, Invalid, 413, LoadShed, screened=False),
)
async def take_beacon(request: Request[Any, Any, State], db: NamedDependency[Database]) -> None:
    """The moments of one page view, without a cookie and without a name.

    Some of the page views send one (the setting `CUBANO_BEACON_SAMPLE`). Unknown pages and fields are refused, and so is
    what a browser sends from a page that is not ours.
    """
    try:
        check_sender(request.headers.get("sec-fetch-site"))
        beacon = read_beacon(await request.body())
    except (CrossSite, Invalid):
        db.telemetry.count(catalogue.BEACONS, outcome=BeaconOutcome.REFUSED)
        raise
    db.telemetry.count(catalogue.BEACONS, outcome=BeaconOutcome.KEPT)
    for measure, seconds in beacon.seconds.items():
        db.telemetry.observe(catalogue.PAGE_SECONDS, seconds, page=beacon.page, measure=measure)
    if beacon.failures:
        db.telemetry.count(catalogue.PAGE_ERRORS, beacon.failures, page=beacon.page)
