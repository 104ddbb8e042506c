"""`click-to-ticket`: from the click on the gateway's page until the ticket can be seen, at half of what the system can sell.

A whole system: `serve`, `work`, the mail sink, and the gateway's stand-in, which tells of payments by webhook. First as many buyers at
once as it takes to find its limit; then half as many a second, each whenever it is its turn. That a ticket is there is
looked up in the database, every few milliseconds and for all buyers at once; that it can be seen is the order's own answer.
"""

import asyncio
import json
import random
import statistics
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import psycopg

from service.bench.aside import mailing, working
from service.bench.drive import LoadFailed, Stretch, watch
from service.bench.load import Connection
from service.bench.report import commit_of
from service.bench.requests import checkouts, request_of
from service.bench.system import System, running
from service.local.ports import LOOPBACK

NAME = "click-to-ticket"
SECONDS = 30
AT_ONCE = 8  # buyers, while the limit is looked for
PROBE_SHARE = 0.3  # of the time
LOAD = 0.5  # of the limit
CONNECTIONS = 64
LOOK_S = 0.005  # between two looks for tickets
PATIENCE_S = 20
_CARD = json.dumps({"card": "4242424242424242"}).encode()
_FIRST = 1 << 40
_SEEN = "SELECT DISTINCT order_id FROM tickets WHERE order_id = ANY(%s)"
_STEPS = "SELECT subject, min(received_at), min(ended_at) FROM payment_events WHERE subject = ANY(%s) AND outcome = 'moved' GROUP BY 1"


@dataclass(frozen=True)
class Bought:
    """One journey; times are seconds of the epoch."""

    order_id: str
    clicked: float
    seen: float

    @property
    def ms(self) -> float:
        return (self.seen - self.clicked) * 1000


@dataclass(frozen=True)
class Clicks:
    """What was found: the limit, the rate of the half load, all journeys at it, and where their time went, in milliseconds."""

    limit: float
    per_second: float
    bought: tuple[Bought, ...]
    lost: int
    steps: dict[str, float] = field(default_factory=dict)
    cores: dict[str, float] = field(default_factory=dict)  # used at the half load, by part


@dataclass
class Way:
    """Connections to one server; a request takes a free one."""

    host: str
    free: asyncio.Queue[Connection] = field(default_factory=asyncio.Queue)

    async def ask(self, target: str, headers: dict[str, str], body: bytes = b"") -> bytes:
        """The body of the answer. Raises `LoadFailed` when it is no good one."""
        return await self.send(request_of(target, self.host, headers, body))

    async def send(self, request: bytes) -> bytes:
        connection = await self.free.get()
        try:
            status = await connection.send(request)
            if not status.startswith("2"):
                raise LoadFailed(f"{request[:60]!r} was answered {status} {connection.body[:200]!r}")
            return connection.body
        finally:
            self.free.put_nowait(connection)


@asynccontextmanager
async def _way(port: int) -> AsyncIterator[Way]:
    way, loop = Way(f"{LOOPBACK}:{port}"), asyncio.get_running_loop()
    made = [await loop.create_connection(Connection, LOOPBACK, port) for _ in range(CONNECTIONS)]
    for _, connection in made:
        way.free.put_nowait(connection)
    try:
        yield way
    finally:
        for transport, _ in made:
            transport.close()


@asynccontextmanager
async def _ways(system: System) -> AsyncIterator[tuple[Way, Way]]:
    """To the shop, and to the gateway."""
    async with _way(system.port) as shop, _way(system.gateway) as gateway:
        yield shop, gateway


@dataclass
class Tickets:
    """Who waits for a ticket, and the one look for all of them."""

    waiting: dict[str, asyncio.Event] = field(default_factory=dict)

    async def look(self, dsn: str) -> None:
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            while True:
                if self.waiting:
                    found = await connection.execute(_SEEN, [list(self.waiting)], prepare=True)
                    for (order_id,) in await found.fetchall():
                        self.waiting.pop(order_id).set()
                await asyncio.sleep(LOOK_S)

    async def of(self, order_id: str) -> None:
        """Return when its tickets are there."""
        self.waiting[order_id] = there = asyncio.Event()
        await there.wait()


async def measure(seconds: float) -> Clicks:
    """Find the limit, then measure at half of it; raises what a start or a load raises."""
    started = running(emulator=True, tells=True)
    async with started as bare, mailing(bare) as mailed, working(mailed) as system, _ways(system) as (shop, gateway):
        tickets = Tickets()
        looking = asyncio.create_task(tickets.look(system.dsn))
        try:
            return await _both(system, Buyers(shop, gateway, tickets), seconds)
        finally:
            looking.cancel()


@dataclass(frozen=True)
class Buyers:
    shop: Way
    gateway: Way
    tickets: Tickets

    async def buy(self, wish: bytes) -> Bought:
        """Check out, pay, and see the ticket. Raises `LoadFailed`, `TimeoutError`."""
        async with asyncio.timeout(PATIENCE_S):
            order = json.loads(await self.shop.send(wish))
            page = urlsplit(order["checkoutUrl"]).path.rpartition("/")[2]
            there = asyncio.create_task(self.tickets.of(order["orderId"]))
            clicked = time.time()
            await self.gateway.ask(f"POST /_emulator/sessions/{page}/pay", {}, _CARD)
            await there
            told = await self.shop.ask(
                f"GET /api/payment/order/{order['orderId']}", {"Authorization": f"Bearer {order['accessToken']}"}
            )
            seen = time.time()
        if not json.loads(told)["tickets"]:
            raise LoadFailed(f"{order['orderId']} has tickets that its own answer does not show")
        return Bought(order["orderId"], clicked, seen)


async def _both(system: System, buyers: Buyers, seconds: float) -> Clicks:
    wishes = checkouts(f"{LOOPBACK}:{system.port}", _FIRST, "")
    await asyncio.gather(*(buyers.buy(next(wishes)) for _ in range(AT_ONCE)))  # warm
    probe_s = max(1.0, seconds * PROBE_SHARE)
    limit = await _limit(buyers, wishes, probe_s)
    per_second = limit * LOAD
    before, began = watch(system), time.perf_counter()
    found = await _half(buyers, wishes, per_second, max(1.0, seconds - probe_s))
    took_s, after = time.perf_counter() - began, watch(system)
    cores = {part: (after[part] - before[part]) / took_s for part in before}
    bought = tuple(each for each in found if isinstance(each, Bought))
    return Clicks(limit, per_second, bought, len(found) - len(bought), _steps(system, bought), cores)


async def _limit(buyers: Buyers, wishes: Iterator[bytes], seconds: float) -> float:
    """Whole journeys a second, with always as many buyers under way."""
    started, done = time.perf_counter(), 0

    async def lane() -> None:
        nonlocal done
        while time.perf_counter() - started < seconds:
            await buyers.buy(next(wishes))
            done += 1

    await asyncio.gather(*(lane() for _ in range(AT_ONCE)))
    return done / (time.perf_counter() - started)


async def _half(
    buyers: Buyers, wishes: Iterator[bytes], per_second: float, seconds: float
) -> list[Bought | BaseException]:
    """Buyers who come when they come, whoever is still waiting."""
    dice, started, at_s, under_way = random.Random(1), time.perf_counter(), 0.0, []  # noqa: S311 - replayable is the point
    while (at_s := at_s + dice.expovariate(per_second)) < seconds:
        await asyncio.sleep(max(0.0, started + at_s - time.perf_counter()))
        under_way.append(asyncio.create_task(buyers.buy(next(wishes))))
    return await asyncio.gather(*under_way, return_exceptions=True)


def _steps(system: System, bought: Sequence[Bought]) -> dict[str, float]:
    """The medians of: click to the event written down, to its effect, to the ticket seen."""
    with psycopg.connect(system.dsn) as connection:
        rows: list[tuple[str, datetime, datetime]] = connection.execute(
            _STEPS, [[each.order_id for each in bought]]
        ).fetchall()
    times = {order_id: (received.timestamp(), ended.timestamp()) for order_id, received, ended in rows}
    known = [(each, *times[each.order_id]) for each in bought if each.order_id in times]
    if not known:
        return {}
    return {
        "click to inbox": statistics.median((received - each.clicked) * 1000 for each, received, _ in known),
        "inbox to claimed": statistics.median((ended - received) * 1000 for _, received, ended in known),
        "claimed to seen": statistics.median((each.seen - ended) * 1000 for each, _, ended in known),
    }


def record(found: Clicks, *, at: datetime) -> dict[str, Any]:
    """The line of the history."""
    times = Stretch(1.0, len(found.bought), found.lost, [each.ms for each in found.bought])
    shown = {"p50 ms": 0.5, "p90 ms": 0.9, "p99 ms": 0.99}
    return {
        "at": at.isoformat(timespec="seconds"),
        "commit": commit_of(),
        "benchmark": NAME,
        "holds": bool(found.bought) and not found.lost,
        "bought": len(found.bought),
        "lost": found.lost,
        "figures": {
            **({name: round(times.percentile(share), 1) for name, share in shown.items()} if found.bought else {}),
            "limit a second": round(found.limit, 1),
            "per second": round(found.per_second, 1),
        },
        "steps": {name: round(ms, 1) for name, ms in found.steps.items()},
        "cores": {part: round(share, 2) for part, share in found.cores.items()},
    }


def sentences(told: Mapping[str, Any]) -> Iterator[str]:
    """What it found, in words."""
    found = told["figures"]
    yield f"sells {found['limit a second']:.1f} orders a second, paid and seen; measured at {found['per second']:.1f} a second"
    if told["bought"]:
        times = ", ".join(
            f"{name.removesuffix(' ms')} {found[name]:,.0f} ms" for name in ("p50 ms", "p90 ms", "p99 ms")
        )
        yield f"{told['bought']:,} tickets: {times}"
    if told["steps"]:
        yield "medians: " + ", ".join(f"{name} {ms:,.0f} ms" for name, ms in told["steps"].items())
    if told["cores"]:
        yield "cores used: " + ", ".join(f"{part} {share:.2f}" for part, share in told["cores"].items())
    if told["lost"]:
        yield f"LOST: {told['lost']} of those who paid saw no ticket within {PATIENCE_S} s"
