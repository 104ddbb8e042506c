"""A load generator: a program of its own, so that its work is not the server's.

Reads one `Plan` as a line of JSON, prepares everything, says "ready", starts at the next line it reads, says "done" when
what came back, a `Load`, is in the file the plan names. Each connection sends its next request when it has the answer to the last; at the end answers
that are under way are waited for.
"""

import asyncio
import itertools
import re
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any, cast

import msgspec
import psycopg
import uvloop

from service.bench.requests import EVENT_ID, KINDS, READS, event_bodies

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_PATIENCE_S = 30  # beyond the planned time; a server that takes longer is broken, not slow
INSERT = """
    INSERT INTO payment_events
        (provider, event_id, type, subject, livemode, payload, traceparent, created_at, received_at, due_at)
    VALUES ('stripe', %s, 'checkout.session.completed', %s, false, %b,
        '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00', now(), now(), now())
    ON CONFLICT (provider, event_id) DO NOTHING
    RETURNING provider, event_id
"""


class Plan(msgspec.Struct):
    """What to send; `first` is the number of the first request, `most` how many there are at most."""

    kind: str
    connections: int
    seconds: float
    first: int
    most: int
    result: str  # the file for the `Load`
    port: int = 0
    secret: str = ""
    dsn: str = ""  # with it, rows are inserted directly instead
    orders: int = 0  # with it, so many are there to be read, by a caller whose API key is the secret


GOOD = ("200", "201")
GONE = "409"  # sold out
Send = Callable[[Any], Awaitable[str]]


class Load(msgspec.Struct):
    """What came back. `milliseconds` are the latencies, in the order of the answers; `cpu_s` the generator's own."""

    seconds: float = 0
    cpu_s: float = 0
    milliseconds: list[float] = []
    answers: dict[str, int] = {}  # by status
    gone_at: float = 0  # seconds of the epoch, of the first that was told so


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection, kept open, that knows no more of HTTP than where an answer ends."""

    def __init__(self) -> None:
        self.body = b""  # of the last answer
        self._rest = b""
        self._answer: asyncio.Future[str] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, _error: Exception | None) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(ConnectionResetError())

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        head_end = data.find(b"\r\n\r\n")
        length = _LENGTH.search(data, 0, head_end) if head_end >= 0 else None
        if head_end < 0 or len(data) < head_end + 4 + (int(length[1]) if length else 0):
            self._rest = data
            return
        self._rest, self.body = b"", data[head_end + 4 :]
        if self._answer and not self._answer.done():
            self._answer.set_result(data[9:12].decode())

    async def send(self, request: bytes) -> str:
        """The status of the answer."""
        self._answer = asyncio.get_running_loop().create_future()
        if self._transport:
            self._transport.write(request)
        return await self._answer


async def run(plan: Plan) -> Load:
    """Prepare, wait for the word, send."""
    load = Load()
    async with AsyncExitStack() as opened:
        items, sends = await (_rows(plan, opened) if plan.dsn else _requests(plan, opened))
        _say("ready")
        await asyncio.to_thread(sys.stdin.readline)
        started, used = time.perf_counter(), _cpu_s()
        deadline = started + plan.seconds
        async with asyncio.timeout(plan.seconds + _PATIENCE_S):
            await asyncio.gather(*(_lane(load, items, send, deadline) for send in sends))
        load.seconds, load.cpu_s = time.perf_counter() - started, _cpu_s() - used
    return load


async def _lane(load: Load, items: Iterator[Any], send: Send, deadline: float) -> None:
    started = time.perf_counter()
    for item in items:
        status = await send(item)
        ended = time.perf_counter()
        load.milliseconds.append((ended - started) * 1000)
        load.answers[status] = load.answers.get(status, 0) + 1
        if status == GONE:
            load.gone_at = load.gone_at or time.time()
        if ended >= deadline:
            return
        started = ended


async def _requests(plan: Plan, opened: AsyncExitStack) -> tuple[Iterator[bytes], list[Send]]:
    host = f"127.0.0.1:{plan.port}"
    reads = READS[plan.kind](host, plan.secret, plan.orders) if plan.orders else None
    make = reads or KINDS[plan.kind](host, plan.first, plan.secret)
    waiting = list(itertools.islice(make, plan.most))
    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(Connection, "127.0.0.1", plan.port) for _ in range(plan.connections)]
    for transport, _ in made:
        opened.callback(transport.close)
    return iter(waiting), [connection.send for _, connection in made]


async def _rows(plan: Plan, opened: AsyncExitStack) -> tuple[Iterator[tuple[object, ...]], list[Send]]:
    bodies = itertools.islice(event_bodies(plan.first), plan.most)
    waiting = [(f"{EVENT_ID}{n:016x}", f"ord_bench_{n:016x}", body) for n, body in enumerate(bodies, plan.first)]
    made = [await psycopg.AsyncConnection.connect(plan.dsn, autocommit=True) for _ in range(plan.connections)]
    for each in made:
        opened.push_async_callback(each.close)
    return iter(waiting), [partial(_insert, each) for each in made]


async def _insert(connection: psycopg.AsyncConnection, row: tuple[object, ...]) -> str:
    cursor = await connection.execute(INSERT, row, prepare=True)
    return "200" if await cursor.fetchone() else "known"


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main() -> None:
    """Run one plan."""
    plan = msgspec.json.decode(sys.stdin.readline(), type=Plan)
    Path(plan.result).write_bytes(msgspec.json.encode(uvloop.run(run(plan))))
    _say("done")


if __name__ == "__main__":
    main()
