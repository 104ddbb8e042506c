"""A process has an upper bound of series that is computed from the catalogue, and nothing thrown at it goes beyond."""

import asyncio
import random
import string
import sys
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.telemetry.catalogue import ALL, HTTP_SERVER_DURATION
from service.telemetry.metric import (
    SERIES_BUDGET,
    Bounded,
    Counter,
    Gauge,
    Histogram,
    Metric,
    series_limit,
)
from service.telemetry.registry import Telemetry
from tests.stage import Stage
from tests.webhooks.delivery import samples
from tests.webhooks.fixtures import free_port

THROWN = 10_000
ASKED = 1_500  # a request costs the whole application a millisecond; its labels take the same way as what is thrown
METHODS = ("GET", "POST", "HEAD", "PUT", "DELETE", "PROPFIND")
PLACES = (
    "/{}",
    "/en/{}",
    "/es/order/{}",
    "/api/payment/order/{}",
    "/api/payment/{}",
    "/static/{}",
    "/staff/{}",
    "/{}/{}",
)


@pytest.fixture
def stage_settings() -> dict[str, str]:
    return {"CUBANO_SERVE_METRICS_PORT": str(free_port())}


@pytest.fixture
def metrics_url(stage: Stage) -> str:
    return f"http://127.0.0.1:{stage.settings.serve_metrics_port}"


def made_up(seed: int) -> Iterator[str]:
    """Paths, e-mail addresses, ticket codes, ids and plain rubbish, none of them twice."""
    dice = random.Random(seed)  # the same rubbish in every run

    def word(length: int) -> str:
        return "".join(dice.choices(string.ascii_letters + string.digits, k=length))

    while True:
        yield f"/{word(8)}/{word(12)}"
        yield f"{word(9)}@{word(6)}.example.org"
        yield f"CUB-{word(4)}-{word(4)}".upper()
        yield f"ord_{word(20)}"
        yield word(300)
        yield f"Ünïcode {word(5)} '\"\\\n"


def throw(telemetry: Telemetry, metric: Metric, labels: dict[str, str]) -> None:
    match metric:
        case Counter():
            telemetry.count(metric, **labels)
        case Histogram():
            telemetry.observe(metric, 0.3, **labels)
        case Gauge():
            telemetry.set(metric, 1, **labels)


def series(text: str) -> set[tuple[str, ...]]:
    families = text_string_to_metric_families(text)
    return {(each.name, *sorted(map("=".join, each.labels.items()))) for family in families for each in family.samples}


def exposed(telemetry: Telemetry) -> set[str]:
    """The rows of the exposition without their values; quicker than parsing them."""
    rows = telemetry.render()[0].decode().splitlines()
    return {row.rpartition(" ")[0] for row in rows if not row.startswith(("#", "process_"))}


def test_the_worst_case_is_within_the_budget(capsys: pytest.CaptureFixture[str]):
    """Even if every label took every value it may."""
    total = sum(map(series_limit, ALL))
    largest = ", ".join(f"{m.name} {series_limit(m)}" for m in sorted(ALL, key=series_limit, reverse=True)[:5])
    with capsys.disabled():
        sys.stdout.write(f"\nat most {total} of {SERIES_BUDGET} series a process: {largest}, …\n")

    assert total <= SERIES_BUDGET


def test_ten_thousand_made_up_values_add_not_one_series():
    """Once the open sets are full, every metric takes ten thousand more values without another series."""
    telemetry = Telemetry("serve", version="1", environment="production")
    values = made_up(1)
    for metric in ALL:
        for _ in range(max(map(_fills, metric.labels.values()), default=1)):
            throw(telemetry, metric, {name: next(values) for name in metric.labels})
    full = exposed(telemetry)

    for number in range(THROWN):
        metric = ALL[number % len(ALL)]
        throw(telemetry, metric, {name: next(values) for name in metric.labels})

    assert full == exposed(telemetry)
    assert len(full) <= sum(map(series_limit, ALL))


def _fills(allowed: object) -> int:
    """How many made-up values fill a set for sure: one label's limit, or the combinations of the metrics that have a ceiling."""
    return 1_000 if isinstance(allowed, Bounded) else 1


def test_a_full_metric_shares_one_combination_and_keeps_the_known_ones():
    """What comes too late is counted under "other", by method still; what was there before goes on."""
    telemetry = Telemetry("serve", version="1", environment="test")

    def observe(route: str) -> None:
        what = {"http_request_method": "GET", "http_response_status_code": 200, "error_type": ""}
        telemetry.observe(HTTP_SERVER_DURATION, 0.1, http_route=route, **what)

    def observe_status(status: int, error: str) -> None:
        what = {"http_request_method": "POST", "http_response_status_code": status, "error_type": error}
        telemetry.observe(HTTP_SERVER_DURATION, 0.1, http_route="/a", **what)

    observe("/first")
    for number in range(40 * 40):
        observe_status(400 + number // 40, f"E{number % 40}")
    for _ in range(3):
        observe("/late")
    observe("/first")

    counts = {
        (each.labels["http_request_method"], each.labels["http_route"]): each.value
        for family in text_string_to_metric_families(telemetry.render()[0].decode())
        for each in family.samples
        if each.name == "http_server_request_duration_seconds_count" and each.labels["http_request_method"] == "GET"
    }
    assert {("GET", "/first"): 2, ("GET", "other"): 3} == counts


async def test_fifteen_hundred_addresses_add_not_one_series(stage: Stage, metrics_url: str):
    """Once each method was seen at each place: whoever scans, guesses orders or types addresses into them is one series."""
    values = made_up(3)
    every = [(method, place) for method in METHODS for place in PLACES]
    await _ask(stage, [(method, place.replace("{}", "x")) for method, place in every for _ in range(2)])
    before, counted = await _scrape(stage, metrics_url)

    await _ask(stage, [_address(*every[number % len(every)], values) for number in range(ASKED)])

    after, counted_now = await _scrape(stage, metrics_url)
    assert set() == after - before
    assert not [each for row in after for each in row if "@" in each or "ord_" in each or "CUB-" in each]
    assert counted_now - counted >= ASKED


async def _scrape(stage: Stage, url: str) -> tuple[set[tuple[str, ...]], float]:
    """All series, and how many requests they count."""
    text = (await stage.client.get(f"{url}/metrics")).text
    return series(text), sum(samples(text, "http_server_request_duration_seconds_count").values())


def _address(method: str, place: str, values: Iterator[str]) -> tuple[str, str]:
    return method, place.replace("{}", quote(next(values)[:80], safe="@")) + "?email=ana@example.org"


async def _ask(stage: Stage, addresses: list[tuple[str, str]]) -> None:
    """Pipelined on a few connections: this is about the server, not about the client."""
    await asyncio.gather(*(_pipeline(stage, addresses[start::8]) for start in range(8)))


async def _pipeline(stage: Stage, addresses: list[tuple[str, str]]) -> None:
    url = urlsplit(str(stage.client.base_url))
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    lines = [f"{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n" for method, path in addresses]
    end = "GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"

    async def write() -> None:
        for start in range(0, len(lines), 50):
            writer.write("".join(lines[start : start + 50]).encode())
            await writer.drain()
        writer.write(end.encode())
        await writer.drain()

    await asyncio.gather(write(), reader.read())
    writer.close()
    await writer.wait_closed()
