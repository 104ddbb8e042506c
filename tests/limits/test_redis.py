"""Limits that all processes share: one count in Redis, and memory when Redis does not answer, without anybody waiting."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from decimal import Decimal

import pytest
from fakeredis import TcpFakeServer
from redis import Redis
from throttled.rate_limiter.gcra import RedisLimitAtomicActionSpec, RedisPeekAtomicActionSpec

from service.limits.flow import AWAY_S, PATIENCE_S, Limiter
from service.limits.rules import ZONES
from service.telemetry.labels import LimitZone
from service.telemetry.registry import Telemetry
from tests.access.conftest import Tick, tick
from tests.webhooks.delivery import samples

__all__ = ["tick"]

ZONE, HERE = ZONES[LimitZone.SIGN_IN], "192.0.2.7"


@pytest.fixture
def redis() -> Iterator[str]:
    """A Redis on the wire, which runs the library's own scripts."""
    server = TcpFakeServer(("127.0.0.1", 0), server_type="redis")
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    url = f"redis://127.0.0.1:{server.server_address[1]}/0"
    with Redis.from_url(url) as client:  # it hangs up after an error, such as that it does not know a script yet
        for each in (RedisLimitAtomicActionSpec, RedisPeekAtomicActionSpec):
            client.script_load(each.SCRIPTS)
    yield url
    server.shutdown()
    server.server_close()
    thread.join()


def limiter(url: str, tick: Tick) -> tuple[Limiter, Telemetry]:
    telemetry = Telemetry("test", version="0", environment="test")
    return Limiter(factor=Decimal(1), redis_url=url, telemetry=telemetry, tick=tick), telemetry


def fallbacks(telemetry: Telemetry) -> float:
    return samples(telemetry.render()[0].decode(), "cubano_rate_limit_fallbacks_total")[()]


async def test_two_processes_have_one_count(redis, tick):
    """What one has given out, the other knows, in every zone apart."""
    (one, _), (two, telemetry) = limiter(redis, tick), limiter(redis, tick)
    async with one.living(None), two.living(None):
        for number in range(ZONE.burst):
            assert not (await (one, two)[number % 2].take(ZONE.name, HERE)).limited
        limited = [await one.take(ZONE.name, HERE), await two.take(ZONE.name, HERE), await two.look(ZONE.name, HERE)]
        other = await one.take(LimitZone.CREDENTIALS, HERE)

    assert [True] * 3 == [each.limited for each in limited]
    assert [3] * 3 == [each.retry_after_s for each in limited]
    assert not other.limited
    assert 0 == fallbacks(telemetry)


async def test_nobody_at_that_address_costs_one_try_and_no_request(tick):
    """Memory decides, each look is counted, and Redis is asked again only after a while."""
    limits, telemetry = limiter("redis://127.0.0.1:9/0", tick)
    async with limits.living(None):
        taken = [await limits.take(ZONE.name, HERE) for _ in range(ZONE.burst + 1)]

    assert [False] * ZONE.burst + [True] == [each.limited for each in taken]
    assert ZONE.burst + 1 == fallbacks(telemetry)


async def test_one_that_hangs_is_waited_for_once_and_asked_again_later(redis, tick):
    """A server that takes the connection and says nothing: a tenth of a second, once; when it is back, it counts again."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        limits, telemetry = limiter(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", tick)
        async with limits.living(None):
            started = time.monotonic()
            await asyncio.gather(*(limits.take(ZONE.name, HERE) for _ in range(5)))
            first_s = time.monotonic() - started
            started = time.monotonic()
            for _ in range(5):
                await limits.take(ZONE.name, HERE)
            next_s = time.monotonic() - started
            tick.now += AWAY_S
            started = time.monotonic()
            await limits.take(ZONE.name, HERE)
            again_s = time.monotonic() - started

    assert first_s >= PATIENCE_S
    assert next_s < PATIENCE_S
    assert again_s >= PATIENCE_S * 0.9
    assert 11 == fallbacks(telemetry)
