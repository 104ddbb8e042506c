"""An engine on a state directory of its own, in a house of lamps, with a clock that is turned by hand."""

import asyncio
import json
import os
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runbooks.engine.desk import EngineSettings
from runbooks.engine.engine import Engine
from runbooks.engine.journal import Journal
from runbooks.engine.playbook import Autonomy
from runbooks.engine.runs import Alarm, Person
from service.kernel.clock import Dial
from tests.runbooks.engine.books import Shelf, book
from tests.runbooks.engine.lamps import House, create_registry

START = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
ANNA = Person("anna", frozenset({"on_call"}), "page")
BELA = Person("bela", frozenset({"on_call"}), "page")
CARLA = Person("carla", frozenset({"admin"}), "terminal")
DORA = Person("dora", frozenset({"support"}), "page")


class Night:
    """One night shift: `start` opens an engine, `restart` another one on the same state directory."""

    def __init__(self, folder, **settings):
        self.folder = folder
        self.clock = Dial(START)
        self.house = House()
        self.shelf = Shelf(book())
        self.settings = EngineSettings(look_again_s=0.001, **settings)
        self.engine = None
        self.more = {}

    def start(self, *books, **more):
        if books:
            self.shelf = Shelf(*books)
        self.more |= more
        journal = Journal.open(self.folder, writing=self.more.get("writing", os.write))
        keep = {name: value for name, value in self.more.items() if name != "writing"}
        self.engine = Engine(
            self.shelf, create_registry(), self.house, journal, self.clock, settings=self.settings, **keep
        )
        return self.engine

    def stop(self):
        if self.engine is not None:
            self.engine.journal.close()
            self.engine = None

    async def restart(self):
        self.stop()
        engine = self.start()
        await engine.recover()
        return engine

    def trust(self, name="LampOut", version="v1", *, green=True, days=0, drill="lamp-out"):
        """A drill that was run so many days ago."""
        at = START.timestamp() - days * 86_400
        row = {"version": version, "green": green, "at": datetime.fromtimestamp(at, UTC).isoformat()}
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "evidence.json").write_text(json.dumps({name: {drill: row}}))

    async def alarm(self, name="LampOut", lamp="red", starts_at="2026-11-23T03:00:00Z", **more):
        run = await self.engine.take(Alarm(name, {"lamp": lamp}, starts_at, **more))
        await self.engine.advance()
        return run

    async def approved(self, person=ANNA, **how):
        """An alarm's run, approved and played as far as it goes."""
        run = await self.alarm(**how)
        await self.engine.approve(run.id, run.plan.hash, person)
        await self.engine.advance()
        return run

    async def in_flight(self, run, person=ANNA):
        """Approves, and comes back in the middle of the first act; it goes on when the gate is opened."""
        self.house.gate, self.house.entered = asyncio.Event(), asyncio.Event()
        await self.engine.approve(run.id, run.plan.hash, person)
        turn = asyncio.create_task(self.engine.advance())
        await self.house.entered.wait()
        return turn

    async def wait(self, seconds, by=5):
        """Turns the clock and lets the engine go on."""
        for _ in range(0, seconds, by):
            self.clock.advance(by)
            await self.engine.advance()

    def kinds(self, run=None):
        return [each.kind for each in self.engine.entries(run.id if run else "")]


AUTO = Autonomy.AUTO


@contextmanager
def memory():
    """A folder in memory where there is one: every line of a journal is synced, and a disk takes its time for that."""
    place = Path("/dev/shm")
    where = place if place.is_dir() and os.access(place, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="cubano-engine-", dir=where) as folder:
        yield Path(folder)


@pytest.fixture
def folder():
    with memory() as folder:
        yield folder


@pytest.fixture
def night(folder):
    night = Night(folder / "state")
    yield night
    night.stop()
