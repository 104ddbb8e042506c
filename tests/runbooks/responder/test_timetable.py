"""Scheduled playbooks begin at their time, once, also across restarts; what nobody was here for is told."""

from datetime import UTC, datetime, timedelta

import pytest

from runbooks.engine.playbook import Limits
from runbooks.engine.states import State
from runbooks.responder.timetable import Timetable, last_due
from tests.runbooks.engine.books import act, book, check, verify
from tests.runbooks.engine.conftest import ANNA, START, Night, memory

SALE = datetime(2027, 2, 13, 18, tzinfo=UTC)
LAMP = {"needs": {"lamp": "red"}, "alerts": ()}
WEEKLY = book(act(), verify(), schedule="weekly", **LAMP)
TUESDAY = datetime(2026, 11, 24, 16, tzinfo=UTC)  # START is the Monday before


def at(text):
    return datetime.fromisoformat(f"{text}+00:00")


@pytest.mark.parametrize(
    ("schedule", "now", "due"),
    [
        ("daily", "2026-11-24T15:59:59", "2026-11-23T16:00:00"),
        ("daily", "2026-11-24T16:00:00", "2026-11-24T16:00:00"),
        ("weekly", "2026-11-24T15:59:59", "2026-11-17T16:00:00"),
        ("weekly", "2026-11-29T09:00:00", "2026-11-24T16:00:00"),
        ("monthly", "2026-12-01T15:00:00", "2026-11-03T16:00:00"),
        ("monthly", "2026-12-31T23:00:00", "2026-12-01T16:00:00"),
        ("yearly", "2027-01-05T15:00:00", "2026-01-06T16:00:00"),
        ("yearly", "2027-12-31T15:00:00", "2027-01-05T16:00:00"),
        ("before-sale", "2027-02-13T17:00:00", "2027-02-13T17:00:00"),
        ("before-sale", "2027-02-13T19:00:00", "2027-02-13T17:50:00"),
        ("before-sale", "2027-02-13T16:59:59", None),
    ],
)
def test_when_it_is_due(schedule, now, due):
    """At an hour of the office in the middle of a week; before a sale twice."""
    assert (at(due) if due else None) == last_due(schedule, at(now), 16, [SALE])


def test_who_is_on_call_reads_what_was_missed(responder):
    """On the first page, as what needs a person, with the way to its playbook."""
    responder.sign_in()
    assert "It was due" not in responder.page("/")
    station = responder.client.app.state.station
    station.note(
        "schedule.missed", {"playbook": "BackupVerification", "due": TUESDAY.isoformat(), "why": "nobody was here"}
    )
    station.timetable = Timetable(station.engine, station.library.all, station.note, hour=16)

    page = responder.page("/")

    assert "1 thing needs you" in page
    assert "BackupVerification scheduled since 2026-11-24 16:00:00 It was due, and nobody was here." in page
    assert "Open the playbook" in page


@pytest.fixture
def night():
    with memory() as folder:
        night = Night(folder / "state")
        yield night
        night.stop()


def timetable(night, **more):
    engine = night.engine
    return Timetable(engine, night.shelf.all, engine.desk.record.write, hour=16, **more)


def turn_to(night, moment):
    night.clock.advance((moment - night.clock()).total_seconds())


async def test_it_begins_at_its_time_and_once(night):
    """Before it nothing; then a plan that asks a person, without saying that somebody began it; looking again is no second one."""
    night.start(WEEKLY)
    table = timetable(night)
    turn_to(night, TUESDAY - timedelta(seconds=1))
    await table.look()
    assert [] == night.engine.runs()

    night.clock.advance(1)
    await table.look()
    await night.engine.advance()
    await table.look()

    (run,) = night.engine.runs()
    assert ("its schedule", State.AWAITING_APPROVAL) == (run.requester, run.state)
    assert "by hand" not in run.reason
    assert 1 == night.kinds().count("schedule.kept")


@pytest.mark.parametrize("cut", [False, True])
async def test_a_restart_begins_it_no_second_time(night, cut):
    """Also when the line that says so was not written any more, and the run has ended meanwhile."""
    night.start(WEEKLY)
    night.engine.desk.record.write("note", {"step": "", "text": "here since Monday"})
    table = timetable(night)
    turn_to(night, TUESDAY)
    await (night.engine.begin("LampOut", TUESDAY) if cut else table.look())
    await night.engine.advance()
    (run,) = night.engine.runs()
    await night.engine.refuse(run.id, ANNA, "not now")

    await night.restart()
    await timetable(night).look()

    assert [run.id] == [each.id for each in night.engine.runs()]


async def test_who_comes_a_little_late_begins_it_and_who_comes_later_tells(night):
    """Down at its time: within two hours it is made up for, after that a person is told until somebody has done it."""
    night.start(WEEKLY)
    night.engine.desk.record.write("note", {"step": "", "text": "here since Monday"})
    turn_to(night, TUESDAY + timedelta(minutes=119))
    await timetable(night).look()
    (made_up,) = night.engine.runs()
    await night.engine.advance()
    await night.engine.refuse(made_up.id, ANNA, "not now")

    turn_to(night, TUESDAY + timedelta(days=7, hours=2))
    table = timetable(night)
    await table.look()
    assert [("LampOut", TUESDAY + timedelta(days=7), "nobody was here to begin it")] == [
        (each.playbook, each.due, each.why) for each in table.overdue()
    ]
    await night.restart()
    table = timetable(night)
    assert 1 == len(list(table.overdue()))

    await night.engine.start("LampOut", {}, ANNA)

    assert [] == list(table.overdue())
    assert 1 == night.kinds().count("schedule.missed")


async def test_the_first_day_has_missed_nothing(night):
    """What was due before anybody was here was nobody's."""
    night.start(WEEKLY)
    table = timetable(night)

    await table.look()

    assert ([], []) == (night.engine.runs(), list(table.overdue()))


async def test_what_nobody_decided_about_is_told(night):
    """The plan expired: it is not done, and somebody has to begin it."""
    night.start(WEEKLY)
    table = timetable(night)
    turn_to(night, TUESDAY)
    await table.look()
    await night.engine.advance()
    assert [] == list(table.overdue())

    night.clock.advance(1801)
    await night.engine.advance()

    (told,) = table.overdue()
    assert ("nobody decided about it in time", TUESDAY) == (told.why, told.due)


async def test_before_a_sale_it_begins_twice_and_never_after_it(night):
    """An hour and ten minutes before; who comes when the sale has opened tells that it was missed."""
    warms = book(check(), verify(), name="Warm", schedule="before-sale", limits=Limits(cooldown_s=0), **LAMP)
    night.start(warms)
    table = timetable(night, sales=[START + timedelta(hours=2), START + timedelta(days=1)])

    for _ in range(12 * 24 + 12):
        night.clock.advance(300)
        if night.clock() < START + timedelta(hours=20):
            await table.look()
            await night.engine.advance()
    assert [60, 110] == sorted((run.started_at - START).total_seconds() // 60 for run in night.engine.runs())
    await table.look()

    assert ["Warm"] == [each.playbook for each in table.overdue()]
    assert 2 == len(night.engine.runs())


async def test_what_cannot_begin_is_told(night):
    """A label that nobody brings: the linter refuses such a playbook, the responder says so."""
    night.start(book(act(), verify(), schedule="daily", alerts=()))
    table = timetable(night)
    turn_to(night, TUESDAY)
    await table.look()

    (told,) = table.overdue()
    assert "LampOut needs lamp" == told.why
