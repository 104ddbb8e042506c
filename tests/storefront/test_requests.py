"""What is asked in other ways than a customer's browser does, and what each request costs and counts."""

import asyncio
import socket

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from service.storefront.views import qr_code
from service.telemetry.objectives import CHECKOUT_AVAILABILITY
from tests.failover.both import put
from tests.stage import Stage
from tests.storefront.test_buying import come_back
from tests.storefront.visitor import Visitor


async def raw(stage: Stage, request: bytes) -> bytes:
    """The first line of the answer to bytes that no client library would send."""
    url = stage.client.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(request)
    answer = await reader.readline()
    writer.close()
    return answer


@pytest.fixture
def stage_settings() -> dict[str, str]:
    """A metrics port that the test knows."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return {"CUBANO_SERVE_METRICS_PORT": str(free.getsockname()[1])}


async def counted(stage: Stage, name: str) -> list[Sample]:
    """What `serve` has counted under a name, zeros left out."""
    async with httpx.AsyncClient() as client:
        page = await client.get(f"http://127.0.0.1:{stage.settings.serve_metrics_port}/metrics")
    families = text_string_to_metric_families(page.text)
    return [each for family in families for each in family.samples if each.name == name and each.value]


async def steps(stage: Stage) -> dict[str, float]:
    """How many came how far."""
    return {each.labels["step"]: each.value for each in await counted(stage, "cubano_funnel_total")}


async def test_what_an_operator_has_closed_is_told_from_what_fails(stage):
    """Both are 503; the error budgets leave out the first by its name, and nobody counts as a visitor meanwhile."""
    await put(stage, "maintenance", "on")

    async def closed() -> bool:
        return (await stage.client.get("/api/payment/catalog")).status_code == 503

    await stage.until(closed)
    async with Visitor(stage) as visitor:
        pages = [await visitor.get(path) for path in ("/en", "/en/cart")]
    answers = [*pages, await stage.checkout()]

    found = await counted(stage, "http_server_request_duration_seconds_count")
    named = {each.labels["error_type"] for each in found if each.labels["http_response_status_code"] == "503"}
    left_out = CHECKOUT_AVAILABILITY.uncounted["error_type"].split("|")
    assert [503, 503, 503] == [each.status_code for each in answers]
    assert {"Maintenance"} == named
    assert named <= set(left_out)
    assert {} == await steps(stage)


@pytest.mark.parametrize("target", [b"*", b"/", b"/en/cart"])
async def test_a_method_that_no_page_has_is_refused_and_no_failure(stage, target):
    """`OPTIONS *` asks about the server itself and has no path at all."""
    first = await raw(stage, b"OPTIONS " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n")

    assert int(first.split()[1]) in {204, 404, 405}


async def test_head_is_get_without_the_body(stage):
    """For every page and file that may be looked at."""
    async with Visitor(stage) as visitor:
        style = (await visitor.page("/en")).tags
        file = next(each["href"] for tag, each in style if tag == "link" and each["href"].startswith("/static/"))
        order = f"/en/order/{(await visitor.buy(full_pass=1))['orderId']}"
        for path in ("/", "/en", "/en/cart", "/es/checkout", order, "/en/nowhere", file):
            got, head = await visitor.get(path), await visitor.client.head(path)
            assert (got.status_code, b"") == (head.status_code, head.content), path
            assert got.headers["content-type"] == head.headers["content-type"], path


async def test_each_step_to_the_gateway_and_back_is_counted_once(stage):
    """Pages that a customer saw: no HEAD, no empty cart, no poll, and only the way back of who has paid."""
    async with Visitor(stage) as visitor:
        for path in ("/en", "/en/cart", "/en/checkout"):
            await visitor.client.head(path)
        await visitor.page("/en/cart")
        await visitor.page("/en")
        await visitor.choose(full_pass=1)
        await visitor.page("/en/cart")
        checkout = await visitor.buy(full_pass=1)
        await come_back(stage, visitor, checkout, canceled=True)
        await visitor.get(f"/en/order/{checkout['orderId']}/now")
        await visitor.client.head("/en/checkout")
        for _ in range(2):
            await come_back(stage, visitor, checkout)

    assert {"store": 1, "cart": 1, "form": 1, "redirect": 1, "return": 1} == await steps(stage)


def test_a_code_is_drawn_once():
    """The page of an order is looked at often; its codes never change."""
    assert qr_code("CUBA-NO12-3456") is qr_code("CUBA-NO12-3456")
