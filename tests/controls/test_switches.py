"""Operational switches: a closed list, each change with a reason and a name, a lease that ends by itself."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from service.controls import flow
from service.controls.flow import KEPT, STAYS, Switchboard, Wish
from service.controls.rules import LONGEST_LEASE, Switch, read_position, switches
from service.kernel.clock import Dial, utc_now
from service.kernel.db import Database
from service.kernel.errors import Invalid
from service.kernel.ids import Ids
from service.kernel.repeat import Repeat, repeating
from service.telemetry.registry import Telemetry
from tests.webhooks.delivery import samples

PROVIDERS = ("stripe", "paypal")
ALL = switches(PROVIDERS)


@pytest.fixture
async def db(database_url):
    clock = Dial(utc_now())
    telemetry = Telemetry("test", version="0", environment="test")
    database = Database(database_url, clock=clock, ids=Ids(clock), telemetry=telemetry)
    yield database
    await database.engine.dispose()


async def put(db: Database, name: str, position: str, lease: timedelta | None = None) -> None:
    async with db.transaction() as session:
        await flow.put(session, ALL[name], Wish(position, "on-sale", "ana", lease))


async def written(db: Database) -> list[tuple]:
    async with db.transaction() as session:
        return [(each.name, each.position, each.set_by) for each in await flow.history(session, name=None, limit=50)]


# switch: position -> as it is written down, or None when there is no such position
POSITIONS = [
    ("route", "paypal, stripe", "paypal,stripe"),
    ("route", "paypal", "paypal"),
    ("route", "", None),
    ("route", "stripe,stripe", None),
    ("route", "stripe,venmo", None),
    ("sales", "paused", "paused"),
    ("sales", "closed", None),
    ("maintenance", "on", "on"),
    ("load", "shed", "shed"),
    ("limits", "tight", "tight"),
    ("limits", "tiny", None),
    ("breaker.paypal", "open", "open"),
    ("breaker.paypal", "half_open", None),
]


@pytest.mark.parametrize(("name", "position", "expected"), POSITIONS)
def test_a_switch_has_the_positions_it_has(name, position, expected):
    """Everything else is refused, with what there is."""
    if expected is not None:
        assert expected == read_position(ALL[name], position)
        return
    with pytest.raises(Invalid) as refused:
        read_position(ALL[name], position)
    assert "position" == refused.value.fields[0].field


@pytest.mark.parametrize("switch", ALL.values(), ids=ALL)
def test_the_normal_position_is_a_position(switch: Switch):
    """So that everything can be put back."""
    assert switch.normal == read_position(switch, switch.normal)


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        (Wish("paused", " ", "ana"), "reason"),
        (Wish("paused", "x" * 501, "ana"), "reason"),
        (Wish("paused", "why", ""), "by"),
        (Wish("paused", "why", "ana", timedelta()), "lease"),
        (Wish("paused", "why", "ana", LONGEST_LEASE + timedelta(seconds=1)), "lease"),
    ],
)
async def test_without_a_reason_a_name_or_a_sensible_lease_nothing_is_changed(db, wish, field):
    """The field is named."""
    with pytest.raises(Invalid) as refused:
        async with db.transaction() as session:
            await flow.put(session, ALL["sales"], wish)

    assert [field] == [each.field for each in refused.value.fields]
    assert [] == await written(db)


async def test_each_change_is_a_line_of_the_history(db):
    """Also the way back, whether somebody says "back" or names the normal position."""
    await put(db, "sales", "paused")
    await put(db, "route", "paypal")
    await put(db, "route", "stripe,paypal")
    async with db.transaction() as session:
        changed = [await flow.put_back(session, ALL["sales"], reason="over", by="luis") for _ in range(2)]

    assert [True, False] == changed
    assert [
        ("sales", None, "luis"),
        ("route", None, "ana"),
        ("route", "paypal", "ana"),
        ("sales", "paused", "ana"),
    ] == (await written(db))


async def test_a_lease_ends_by_itself_and_is_written_down_once(db):
    """It counts as normal at once; two workers that look write one line."""
    board = Switchboard(db, PROVIDERS)
    await put(db, "sales", "paused", timedelta(minutes=5))
    await board.refresh()
    during = board.position("sales")
    db.clock.advance(6 * 60)
    over = board.position("sales")
    async with db.transaction() as session:
        found = await flow.current(session)
    ended = []
    for _ in range(2):
        async with db.transaction() as session:
            ended += await flow.end_leases(session)

    assert ("paused", "open", {}) == (during, over, found)
    assert ["sales"] == ended
    assert [("sales", None, "lease"), ("sales", "paused", "ana")] == await written(db)


async def test_a_new_lease_replaces_the_old_one(db):
    """What was to end in a minute ends in ten."""
    await put(db, "sales", "paused", timedelta(minutes=1))
    await put(db, "sales", "paused", timedelta(minutes=10))
    db.clock.advance(5 * 60)

    async with db.transaction() as session:
        assert [] == await flow.end_leases(session)
        assert ["sales"] == list(await flow.current(session))


async def test_what_is_known_outlives_the_database(db):
    """For a quarter of an hour all positions; after it only whether to sell at all, which a person has decided."""
    board = Switchboard(db, PROVIDERS)
    for name, position in (("route", "paypal"), ("breaker.stripe", "open"), ("sales", "paused"), ("maintenance", "on")):
        await put(db, name, position)
    await board.refresh()
    db.clock.advance(KEPT - timedelta(seconds=1))  # nobody reads any more
    before = {name: board.position(name) for name in ALL}
    db.clock.advance(2)
    after = {name: board.position(name) for name in ALL}

    normal = {name: switch.normal for name, switch in ALL.items()}
    changed = {"route": "paypal", "breaker.stripe": "open", "sales": "paused", "maintenance": "on"}
    assert normal | changed == before
    assert normal | {name: changed[name] for name in STAYS} == after


async def test_a_database_that_fails_changes_no_position(db):
    """The failed turns are counted, the process goes on, and obeys again when the database is back."""
    board = Switchboard(db, PROVIDERS)
    await put(db, "sales", "paused")
    reading = Repeat("controls", board.refresh, 0.01, db.telemetry)
    async with repeating([reading]):
        async with db.engine.begin() as connection:
            await connection.execute(sa.text("ALTER TABLE controls RENAME TO away"))
        while not reading.fails:  # noqa: ASYNC110 - nothing tells of a failed turn
            await asyncio.sleep(0.01)
        during = board.position("sales")
        async with db.engine.begin() as connection:
            await connection.execute(sa.text("ALTER TABLE away RENAME TO controls"))
        async with db.transaction() as session:
            await flow.put_back(session, ALL["sales"], reason="over", by="luis")
        while board.position("sales") == "paused":  # noqa: ASYNC110 - a switchboard is asked
            await asyncio.sleep(0.01)

    failed = samples(db.telemetry.render("")[0].decode(), "cubano_worker_failures_total")
    assert "paused" == during
    assert 1 <= failed["controls",]
    assert not reading.fails


async def test_a_lease_ends_also_while_the_database_is_away(db):
    """It needs nobody to end it."""
    board = Switchboard(db, PROVIDERS)
    await put(db, "maintenance", "on", timedelta(minutes=2))
    await board.refresh()
    db.clock.advance(3 * 60)

    assert "off" == board.position("maintenance")


async def test_switches_and_their_age_are_metrics(db):
    """1 while a switch is not in its normal position; the age tells how far a process is behind."""
    board = Switchboard(db, PROVIDERS)
    await put(db, "sales", "paused")
    await board.refresh()
    db.clock.advance(7)
    board.measure()

    text = db.telemetry.render("")[0].decode()
    shown = samples(text, "cubano_control")
    assert {("sales",): 1} == {key: value for key, value in shown.items() if value}
    assert set(ALL) == {key[0] for key in shown}
    assert {(): 7} == samples(text, "cubano_controls_age_seconds")
