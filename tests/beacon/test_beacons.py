"""What browsers tell of our pages: numbers by page, from anybody, believed no further than a histogram goes."""

import re
from decimal import Decimal
from typing import Any

import httpx
import msgspec
import pytest

from service.beacon.rules import MOST_BYTES, read_beacon
from service.kernel.clock import utc_now
from service.kernel.errors import Invalid
from service.limits.rules import ZONES
from service.storefront.views import Pages
from service.telemetry.labels import LimitZone, PageMeasure, PageName
from tests.stage import Stage
from tests.webhooks.delivery import counted

TOLD = {"page": "store", "ttfb": 41, "domReady": 180.5, "load": 320, "errors": 2}


async def send(stage: Stage, body: Any, *, site: str = "same-origin") -> httpx.Response:
    """As `navigator.sendBeacon` sends a text."""
    headers = {"Content-Type": "text/plain;charset=UTF-8", "Sec-Fetch-Site": site}
    return await stage.client.post(
        "/beacon", content=body if isinstance(body, bytes) else msgspec.json.encode(body), headers=headers
    )


async def test_a_beacon_is_counted_and_too_many_are_not_taken(stage: Stage, metrics_url: str) -> None:
    """Its moments by page and measure, its errors, and what was refused, as from a page of somebody else; then the limit of its zone."""
    kept = await send(stage, TOLD)
    refused = await send(stage, TOLD | {"page": "admin"})
    elsewhere = [await send(stage, TOLD, site=site) for site in ("cross-site", "same-site")]
    too_long = await send(stage, b" " * (MOST_BYTES + 1))
    burst = [await send(stage, {"page": "cart"}) for _ in range(ZONES[LimitZone.BEACON].times(Decimal("0.02")).burst)]

    beacons = await counted(metrics_url, "cubano_beacons_total")
    sums = await counted(metrics_url, "cubano_page_seconds_sum")
    errors = await counted(metrics_url, "cubano_page_errors_total")
    assert (204, b"") == (kept.status_code, kept.content)
    assert "set-cookie" not in kept.headers
    assert (400, "invalid_request") == (refused.status_code, refused.json()["code"])
    assert [(403, "cross_site")] * 2 == [(each.status_code, each.json()["code"]) for each in elsewhere]
    assert 413 == too_long.status_code
    assert {204, 429} == {each.status_code for each in burst}
    assert 3 <= beacons["refused",]
    assert beacons["kept",] >= 2
    assert {"ttfb": 0.041, "dom_ready": 0.1805, "load": 0.32} == {
        measure: sums[measure, "store"] for measure in PageMeasure
    }
    assert {"store": 2} == {page: count for (page,), count in errors.items() if count}


async def test_a_page_says_its_name_and_how_often_it_tells(stage: Stage) -> None:
    """Our own file, beside the page's other script; an address that leads nowhere is a page, too, and an error that is counted."""
    pages = {path: (await stage.client.get(path)).text for path in ("/en", "/es/cart", "/en/order-link", "/en/nowhere")}

    found = {
        path: re.findall(r'<script src="/static/beacon\.\w+\.js" defer ([^>]*)>', html) for path, html in pages.items()
    }
    script = re.findall(r"/static/beacon\.\w+\.js", pages["/en"])
    sent = await stage.client.get(script[0])
    names = ["store", "cart", "links", "other"]
    assert [[f'data-page="{name}" data-sample="0.25"'] for name in names] == list(found.values())
    assert (200, "text/javascript") == (sent.status_code, sent.headers["content-type"].partition(";")[0])


async def test_errors_that_people_read_are_counted(stage: Stage, metrics_url: str) -> None:
    """A page that is not there, and one that a browser may not send; all others stand at zero."""
    await stage.client.get("/en/nowhere")
    await stage.client.post("/en/cart", data={"next": "cart"}, headers={"Sec-Fetch-Site": "cross-site"})

    shown = await counted(metrics_url, "cubano_errors_shown_total")

    assert {"not_found": 1, "forbidden": 1} == {kind: count for (kind,), count in shown.items() if count}
    assert ("declined",) in shown


def test_without_a_sample_there_is_no_script() -> None:
    """Then no browser tells anything."""
    pages = Pages(clock=utc_now, help_email="help@festival.example")

    html = pages.render("error.html", "en", path="", kind="not_found", cart_count=0)

    assert "beacon" not in html
    assert "store." in html


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ({"ttfb": 41}, {"ttfb": 0.041}),
        ({"ttfb": -5}, {"ttfb": 0}),  # a clock that was turned back
        ({"load": 1e12}, {"load": 60}),
        ({"ttfb": None, "load": 250.5}, {"load": 0.2505}),
    ],
)
def test_moments_stay_within_reason(told: dict[str, Any], seconds: dict[str, float]) -> None:
    """Never below zero, never above a minute."""
    beacon = read_beacon(msgspec.json.encode({"page": "order", "errors": 9_999, **told}))

    assert (PageName.ORDER, seconds, 20) == (beacon.page, beacon.seconds, beacon.failures)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"page": "/en/order/ord_1"}',
        b'{"page": "store", "email": "ana@example.org"}',
        b'{"page": "store", "load": "1"}',
        b'{"page": "store", "load": true}',
        b'{"page": "store", "load": NaN}',
        b'{"page": "store", "errors": 1.5}',
        b'{"page": "store"' + b" " * MOST_BYTES + b"}",
        b"[" * MOST_BYTES,
    ],
)
def test_anything_else_is_refused(body: bytes) -> None:
    """And not said back."""
    with pytest.raises(Invalid) as refused:
        read_beacon(body)

    assert ["no_beacon"] == [each.code for each in refused.value.fields]
    assert "ana" not in refused.value.fields[0].message
