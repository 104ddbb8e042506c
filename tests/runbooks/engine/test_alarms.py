"""What comes in: one run for each fault, however often it is told; and what is not what it seems does nothing."""

import asyncio

import pytest

from runbooks.engine.intake import MOST_SUBJECTS, BadLabelsError, CrowdedError, NoPlaybookError
from runbooks.engine.playbook import Autonomy
from runbooks.engine.runs import RESOLVED, Alarm, Person
from runbooks.engine.states import State
from tests.runbooks.engine.books import (
    act,
    book,
    check,
    human,
    verify,
)  # fmt: skip
from tests.runbooks.engine.conftest import ANNA


async def test_repeats_and_double_clicks_are_one_run(night):
    """The same alert again, ten times at once, and a person's two clicks: one run each, and the act once."""
    night.start()
    alarm = Alarm("LampOut", {"lamp": "red"}, "2026-11-23T03:00:00Z")

    runs = await asyncio.gather(*(night.engine.take(alarm) for _ in range(10)))
    by_hand = [await night.engine.start("LampOut", {"lamp": "blue"}, ANNA) for _ in range(2)]
    await night.engine.advance()

    assert 1 == len({run.id for run in runs})
    assert 1 == len({run.id for run in by_hand})
    assert 2 == len(night.engine.runs())


async def test_a_label_stays_inside_its_string_in_a_query(night):
    """What an alert brings cannot write another query."""
    night.start(book(check("look", query='lamps{name="{lamp}"}', value="> 0"), autonomy=Autonomy.OBSERVE))

    await night.alarm(lamp='x"} or vector(1) #')

    assert 'lamps{name="x\\"} or vector(1) #"}' in night.house.asked


async def test_resolved_closes_nothing(night):
    """Alertmanager's word that it is over is written down once; the run stands where it stood."""
    night.start()
    run = await night.alarm()

    for _ in range(3):
        assert run is await night.alarm(status=RESOLVED)

    assert State.AWAITING_APPROVAL == run.state
    assert 1 == night.kinds(run).count("alarm.resolved")
    assert await night.alarm(lamp="blue", status=RESOLVED) is None
    assert 1 == len(night.engine.runs())


async def test_a_flapping_alert_is_one_run_while_it_cools(night):
    """Gone and back within the cooldown, each time with another beginning: one run, one act."""
    night.start()
    first = await night.approved()
    for minute in range(1, 14):
        await night.alarm(starts_at=f"2026-11-23T03:{minute:02}:00Z", status="resolved" if minute % 2 else "firing")
        await night.wait(60, by=60)

    assert [first] == night.engine.runs()
    assert 1 == night.house.times("red", "on")
    assert first.repeats


async def test_after_the_cooldown_it_is_another_run(night):
    """The fault is back: it is planned again."""
    night.start()
    first = await night.approved()
    night.house.switch("by hand", "red", "off", "k")
    await night.wait(900, by=900)

    second = await night.alarm(starts_at="2026-11-23T03:15:00Z")

    assert second is not first
    assert State.AWAITING_APPROVAL == second.state


async def test_a_stopped_run_does_not_stand_for_the_next_alarm(night):
    """It burned a minute ago; now it is out after all."""
    night.start()
    night.house.switch("by hand", "red", "on", "k")
    await night.alarm()
    night.house.switch("by hand", "red", "off", "k")
    night.clock.advance(60)

    run = await night.alarm(starts_at="2026-11-23T03:01:00Z")

    assert State.AWAITING_APPROVAL == run.state


async def test_a_storm_of_labels_is_no_storm_of_runs(night):
    """So many subjects of a playbook within an hour: the next is refused, which is written down once, and later it has its run."""
    night.start(book(), book(name="Other"))
    for number in range(MOST_SUBJECTS):
        await night.engine.take(Alarm("LampOut", {"lamp": f"lamp-{number}"}, "2026-11-23T03:00:00Z"))

    for _ in range(3):
        with pytest.raises(CrowdedError, match="20 others"):
            await night.engine.take(Alarm("LampOut", {"lamp": "one-more"}, "2026-11-23T03:00:00Z"))
    known = await night.engine.take(Alarm("LampOut", {"lamp": "lamp-3"}, "2026-11-23T03:01:00Z"))
    other = await night.engine.take(Alarm("Other", {"lamp": "red"}, "2026-11-23T03:00:00Z"))

    assert MOST_SUBJECTS + 1 == len(night.engine.runs())
    assert 1 == night.kinds().count("alarm.refused")
    assert (known.playbook, other.playbook) == ("LampOut", "Other")
    await night.wait(6000, by=600)
    assert await night.engine.take(Alarm("LampOut", {"lamp": "one-more"}, "2026-11-23T03:00:00Z"))


@pytest.mark.parametrize(
    ("name", "labels", "error", "kind"),
    [
        ("Unheard", {"lamp": "red"}, NoPlaybookError, "alarm.unknown"),
        ("LampOut", {}, BadLabelsError, "alarm.refused"),
        ("LampOut", {"lamp": "red\n" * 3}, BadLabelsError, "alarm.refused"),
        ("LampOut", {"lamp": "r" * 301}, BadLabelsError, "alarm.refused"),
    ],
)
async def test_what_cannot_become_a_run_is_journaled(night, name, labels, error, kind):
    """An unknown alert, a missing label, one that is no plain text: refused, written down, nothing done."""
    night.start()

    with pytest.raises(error):
        await night.engine.take(Alarm(name, labels, "2026-11-23T03:00:00Z"))

    assert kind in night.kinds()
    assert [] == night.engine.runs()


async def test_a_playbook_edited_during_a_run_ends_it(night):
    """The version differs: nothing more of it is done, also when it waits, and that is in the journal."""
    night.start(book(human("call"), act(), verify()), book(act(), verify(), name="Other"))
    waiting = await night.approved(name="LampOut")
    asking = await night.alarm(name="Other", lamp="blue")
    assert State.WAITING_HUMAN == waiting.state

    night.shelf.edit("LampOut")
    night.shelf.edit("Other")
    await night.engine.advance()

    for run in (waiting, asking):
        assert State.ABORTED == run.state
        assert "the playbook was changed" in run.reason
    assert [] == night.house.switched


async def test_a_playbook_edited_between_two_acts_does_the_first_alone(night):
    """What was begun is not finished by another text than was approved."""
    night.start(book(act("first"), act("second", lamp="blue"), verify()))
    night.house.when_applied = lambda _name: night.shelf.edit("LampOut")

    run = await night.approved()

    assert State.ABORTED == run.state
    assert ["red"] == [each["lamp"] for each in night.house.switched]


async def test_names_in_the_journal_are_no_addresses(night):
    """Who signs in with an e-mail address is told apart without it."""
    night.start()
    run = await night.alarm()

    await night.engine.approve(run.id, run.plan.hash, Person("ana@example.org", frozenset({"on_call"})))

    assert "ana@" not in (night.folder / "journal.jsonl").read_text()
