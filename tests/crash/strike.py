"""Wrap, from outside, every commit and every outside call of a process, and kill it with SIGKILL at the chosen one.

Who calls is read from the caller's frame: its file and line say which point of `points.scan()` this is. A transaction that
has written nothing is not counted: the loops of the worker look into empty queues all the time. What was reached is
written to a file as it happens, so that it can be read after the kill; so is what should not be: a call from a place the
scan does not know, and a write where it is told that there is none.
"""

import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg_pool
import sqlalchemy as sa

import service.parts
from service.gateways.base import Gateway
from service.gateways.registry import find_providers
from service.kernel.db import Database, Session
from service.mail.flow import Post
from tests.crash.points import OUTSIDE, READS, ROOT, Moment, Point, outside_calls, scan

_HAS_WRITTEN = sa.text("SELECT pg_current_xact_id_if_assigned() IS NOT NULL")


@dataclass(frozen=True)
class Strike:
    """Die when this point is reached at this moment for the `nth` time."""

    point: str
    moment: Moment
    nth: int = 1


@dataclass
class Instruments:
    """What stands around the process: `reach` notes a moment, and may be its last act."""

    reached: Path
    strike: Strike | None
    _seen: Counter[tuple[str, str]] = field(default_factory=Counter)

    def reach(self, point: Point | None, moment: Moment) -> None:
        if point is None:
            return
        self.note(f"{moment} {point.name}")
        self._seen[point.name, moment] += 1
        if self.strike == Strike(point.name, moment, self._seen[point.name, moment]):
            os.kill(os.getpid(), signal.SIGKILL)

    def note(self, line: str) -> None:
        """In the kernel's hands before anything else happens."""
        into = os.open(self.reached, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(into, f"{line}\n".encode())
        os.close(into)

    def place(self, frame: FrameType, verb: str) -> Point | None:
        """The point a frame is calling from; None for what is not of the service, or is left out of the scan."""
        try:
            path = Path(frame.f_code.co_filename).relative_to(ROOT).as_posix()
        except ValueError:
            return None
        if not path.startswith("service/") or any(path == each or path.startswith(f"{each}/") for each in OUTSIDE):
            return None
        line = frame.f_lineno
        for point in scan():
            if point.path == path and point.verb == verb and point.first <= line <= point.last:
                return point
        self.note(f"unnamed {path}:{line} {verb}")
        return None

    def install(self) -> None:
        """From now on this process is watched; only for a process of its own."""
        Database.transaction = self._transactions(Database.transaction)  # type: ignore[method-assign]
        Post.send = self._call("send", Post.send)  # type: ignore[method-assign]
        pool = psycopg_pool.AsyncConnectionPool
        pool.connection = self._raw(pool.connection)  # type: ignore[method-assign]
        find = find_providers
        service.parts.find_providers = lambda names: {  # type: ignore[attr-defined]
            name: self._created(create) for name, create in find(names).items()
        }

    def _created(self, create: Callable[[Any], Gateway]) -> Callable[[Any], Any]:
        return lambda context: Watched(create(context), self)

    def _transactions(self, transaction: Callable[..., Any]) -> Callable[..., Any]:
        def watched(database: Database, **how: Any) -> Any:
            point = self.place(sys._getframe(1), "transaction")
            return self._transaction(point, transaction(database, **how))

        return watched

    @asynccontextmanager
    async def _transaction(self, point: Point | None, whole: Any) -> AsyncGenerator[Session, None]:
        async with whole as session:
            commit = session.commit

            async def watched() -> None:
                await session.flush()
                is_write = bool((await session.execute(_HAS_WRITTEN)).scalar_one())
                if is_write and point and point.name in READS:
                    self.note(f"wrote {point.name}")
                if is_write:
                    self.reach(point, "before")
                await commit()
                if is_write:
                    self.reach(point, "after")

            session.commit = watched
            yield session

    def _raw(self, connection: Callable[..., Any]) -> Callable[..., Any]:
        @asynccontextmanager
        async def watched(pool: Any, *args: Any, **how: Any) -> AsyncIterator[Any]:
            async with connection(pool, *args, **how) as made:
                yield _Raw(made, self)

        return watched

    def _call(self, verb: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **how: Any) -> Any:
            point = self.place(sys._getframe(1), verb)
            made = call(*args, **how)
            return self._list(point, made) if hasattr(made, "__aiter__") else self._ask(point, made)

        return watched

    async def _ask(self, point: Point | None, call: Awaitable[Any]) -> Any:
        self.reach(point, "before")
        try:
            return await call
        finally:  # an error is an answer, too
            self.reach(point, "after")

    async def _list(self, point: Point | None, items: AsyncIterator[Any]) -> AsyncIterator[Any]:
        self.reach(point, "before")
        first = True
        async for each in items:
            if first:
                self.reach(point, "after")
            first = False
            yield each
        if first:
            self.reach(point, "after")


class Watched:
    """A provider whose calls over the wire are points; everything else is its own."""

    def __init__(self, gateway: Gateway, instruments: Instruments) -> None:
        self._gateway = gateway
        self._instruments = instruments

    def __getattr__(self, name: str) -> Any:
        own = getattr(self._gateway, name)
        return self._instruments._call(name, own) if name in outside_calls() else own


class _Raw:
    """A connection of the raw pool: each statement is a commit."""

    def __init__(self, connection: Any, instruments: Instruments) -> None:
        self._connection = connection
        self._instruments = instruments

    def execute(self, *args: Any, **how: Any) -> Awaitable[Any]:
        point = self._instruments.place(sys._getframe(1), "execute")
        return self._instruments._ask(point, self._connection.execute(*args, **how))


def read_reached(path: Path) -> Iterator[tuple[str, str]]:
    """What a process has noted: (moment, point), or ("unnamed" or "wrote", where)."""
    for line in path.read_text().splitlines() if path.exists() else []:
        moment, _, name = line.partition(" ")
        yield moment, name
