"""Killed at every commit and every outside call, the service comes again and every cent is where it belongs.

The points are read from the code (`points.scan`), the stories that lead there stand in `ways.py`. Each case plays its
story, kills the service with SIGKILL at the point, starts it again, and looks when everything is at rest: every promise of
the database, the gateway's own truth row by row, every event, every letter. CUBANO_TEST_ALL_POINTS=1 plays each point at both
moments, in every story that leads there, and at each of the first times it is reached.
"""

import asyncio
import os
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from service.kernel.invariants import check_snapshot
from service.parts import INVARIANTS, build_database
from service.settings import load_settings
from service.telemetry.registry import Telemetry
from tests.crash.play import Nursery, Play, gateways, play
from tests.crash.points import BOOKKEEPING, MOMENTS, OUTSIDE, READS, ROOT, Moment, Point, points, read_points, scan
from tests.crash.strike import Strike
from tests.crash.truth import Here, disagreements
from tests.crash.ways import STORIES, ways_to

ALL = "CUBANO_TEST_ALL_POINTS" in os.environ
MANY = 4  # how often a point is reached in one story, at most, when all are asked for
GROUPS = 2  # of cases that share a gateway; as many as there are cores in CI
SEATED = {"paid", "partially_refunded", "disputed"}


def moments(point: Point) -> tuple[Moment, ...]:
    """In every run: after each commit, and after each call before anything of its answer is written down.

    Before a call all is as after the commit in front of it, and before a commit as after the point in front of that.
    """
    return MOMENTS if ALL else ("after",)


def _cases() -> Iterator[Any]:
    number = 0
    for point in points():
        ways = ways_to(point.name) or ("",)
        for story in ways if ALL else ways[:1]:
            for nth in range(1, (MANY if ALL else 1) + 1):
                for moment in moments(point):
                    number += 1
                    mark = pytest.mark.xdist_group(f"crash points {number % GROUPS}")
                    name = f"{moment} {point.name}, {story or 'no story'}"
                    yield pytest.param(story, Strike(point.name, moment, nth), marks=mark, id=f"{name} {nth}")


@pytest.fixture(scope="session")
def crash_gateways() -> Iterator[str]:
    """One stand-in for all cases of this pytest process."""
    with gateways() as url:
        yield url


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """One process with all imports, from which the services are forked."""
    made = Nursery()
    yield made
    made.close()


@pytest.mark.parametrize(("story", "strike"), list(_cases()))
async def test_a_kill_costs_nothing(nursery, crash_gateways, database_url, tmp_path, story, strike):
    """Nothing lost, nothing doubled, nothing held for nobody."""
    assert story, f"no story leads to {strike.point}: see tests/crash/ways.py"
    told = STORIES[story]
    async with play(nursery, crash_gateways, database_url, tmp_path, payload=told.payload, **told.settings) as running:
        await _tell(running, story, strike)

        if ALL and strike.nth > 1 and not running.deaths:
            pytest.skip("reached less often")
        assert running.deaths == 1, f"{strike} was not reached in {story!r}, but {Counter(running.reached)}"
        assert [] == [what for what in running.reached if what[0] in {"unnamed", "wrote"}]
        assert list(told.findings) == await _problems(running, database_url, strike)


async def _tell(running: Play, story: str, strike: Strike | None) -> None:
    """Play to the end and wait for the quiet, with somebody who starts the service again."""
    await running.start(strike)
    standing = asyncio.create_task(running.stand())
    telling = asyncio.create_task(_to_the_quiet(running, story))
    try:
        await asyncio.wait((standing, telling), return_when=asyncio.FIRST_COMPLETED)
        await (telling if telling.done() else standing)
    finally:
        standing.cancel()
        telling.cancel()
        await asyncio.gather(standing, telling, return_exceptions=True)


async def _to_the_quiet(running: Play, story: str) -> None:
    await STORIES[story].tell(running)
    await running.quiet()
    await asyncio.sleep(0.1)  # what was committed a moment ago may yet be the last act of the service
    await running.quiet()


async def _problems(running: Play, database_url: str, strike: Strike) -> list[str]:
    """What is not as it has to be, in sentences."""
    orders = await running.rows("SELECT * FROM orders ORDER BY id")
    here = Here(
        orders=orders,
        payments=await running.rows("SELECT * FROM payments"),
        refunds=await running.rows("SELECT * FROM refunds"),
        disputes=await running.rows("SELECT * FROM disputes"),
    )
    states = {order["id"]: order["status"] for order in orders}
    return [
        *(f"{each} is {states.get(each)}" for each, state in running.expected.items() if states.get(each) != state),
        *(f"{each} was not expected" for each in states.keys() - running.expected.keys()),
        *disagreements(await running.control("GET", "truth"), here),
        *await _broken(running, database_url),
        *await _tickets(running, states),
        *await _lost_events(running),
        *_letters(running, states, strike),
    ]


async def _broken(running: Play, database_url: str) -> list[str]:
    settings = load_settings(running.environment)
    db = build_database(settings, Telemetry("test", version="0", environment="test"))
    async with db.transaction() as session:
        findings = await check_snapshot(session, INVARIANTS)
    await db.engine.dispose()
    return [each.invariant.name for each in findings if each.count]


async def _tickets(running: Play, states: dict[str, str]) -> list[str]:
    """Two for each order that is seated, none for any other, and no seat held for nobody."""
    valid = await running.rows("SELECT order_id, count(*) AS n FROM tickets WHERE status = 'valid' GROUP BY 1")
    given = {row["order_id"]: row["n"] for row in valid}
    stock = await running.rows("SELECT * FROM stock WHERE held <> 0")
    wrong = [each for each, state in states.items() if given.get(each, 0) != (2 if state in SEATED else 0)]
    return [*(f"{each} is {states[each]} with {given.get(each, 0)} tickets" for each in wrong), *map(str, stock)]


async def _lost_events(running: Play) -> list[str]:
    """Whatever the gateway has sent is in the inbox, and at its end there."""
    sent = (await running.control("GET", "deliveries"))["deliveries"]
    rows = await running.rows("SELECT provider, event_id, type, state, last_error FROM payment_events")
    known = {(row["provider"], row["event_id"]) for row in rows}
    provider = {"evt": "stripe", "WH": "paypal"}
    names = (each["event"] for each in sent if each["state"] != "dropped")
    lost = {(provider[re.split("[-_]", name)[0]], name) for name in names} - known
    waiting = [row for row in rows if row["state"] not in {"applied", "ignored"}]
    return [*(f"{each} is lost" for each in lost), *map(str, waiting)]


def _letters(running: Play, states: dict[str, str], strike: Strike) -> list[str]:
    """One confirmation for each order that was ever paid; only a letter that was begun before the kill may come again."""
    seen = Counter({key.strip("<>").partition("@")[0]: times for key, times in running.mailbox.seen.items()})
    wanted = {f"confirmation.{each}" for each in states if states[each] in SEATED}
    last = [at for at, what in enumerate(running.reached) if what == (strike.moment, strike.point)][strike.nth - 1]
    life = running.reached[:last]
    begun = life.count(("before", "deliveries._hand_over:call-1"))
    doubled = [f"{each} came {times} times" for each, times in seen.items() if times > 1]
    is_excused = seen.total() - len(seen) <= min(begun, 1)
    return [*(f"no {each}" for each in wanted - seen.keys()), *([] if is_excused else doubled)]


def test_every_excuse_excuses_something():
    """What is left out of the scan still exists, has a reason, and no more than what exists has one."""
    names = {point.name for point in scan()}

    assert set() == (READS.keys() | BOOKKEEPING.keys()) - names
    assert [] == [path for path in OUTSIDE if not (ROOT / path).exists()]
    assert all([*READS.values(), *BOOKKEEPING.values(), *OUTSIDE.values()])


def test_every_point_has_a_story():
    """A commit or a call that is new in the code is missing here by its name."""
    lost = [point.name for point in points() if not ways_to(point.name)]

    assert [] == lost


SOURCE = """
from service.refunds import flow as refunds

async def settle(shop, gateway, post, letter):
    async with shop.db.transaction() as session:
        await refunds.refund(session)
    await gateway.refund({}, key="k")
    async with asyncio.timeout(1), shop.db.transaction() as session:
        pass
    await post.send(letter)
    async def later():
        return [each async for each in gateway.list_events(since=1, until=2)]
    async with shop.db.raw.connection() as connection:
        await connection.execute("INSERT")
"""


def test_points_are_read_from_the_code():
    """Transactions, raw statements, calls of the protocol and letters; functions of modules that are called alike are none."""
    names = [point.name.partition(":") for point in read_points("service/refunds/odd.py", SOURCE)]

    assert [
        ("refunds.odd.settle", "commit-1"),
        ("refunds.odd.settle", "call-1"),
        ("refunds.odd.settle", "commit-2"),
        ("refunds.odd.settle", "call-2"),
        ("refunds.odd.settle.later", "call-1"),
        ("refunds.odd.settle", "commit-3"),
    ] == [(owner, kind) for owner, _, kind in names]
