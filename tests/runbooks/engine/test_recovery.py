"""Acts that nobody saw the end of: no answer, a mistake, a kill, a full disk. Looked at, never guessed, never done twice."""

import json
import os

import pytest

from runbooks.engine.approvals import RefusalError
from runbooks.engine.states import State
from tests.runbooks.engine.books import act, book, human, verify
from tests.runbooks.engine.conftest import ANNA


async def test_a_lost_answer_is_looked_up(night):
    """The line broke after the act: it is seen to be done, and not done again."""
    night.start()
    night.house.trouble["lamp.put"] = "lost"

    run = await night.approved()

    assert State.RECOVERED == run.state
    assert 1 == night.house.times("red", "on")


async def test_an_act_that_was_not_done_is_tried_once_more_under_the_same_key(night):
    """Nobody answered before anything happened; the second time somebody does."""
    night.start()
    keys = []

    async def flaky(house, args, key):
        keys.append(key)
        if len(keys) == 1:
            from runbooks.engine.registry import UnreachableError  # noqa: PLC0415

            raise UnreachableError("nobody there")
        house.switch("lamp.put", args["name"], args["to"], key)
        return {}

    from dataclasses import replace  # noqa: PLC0415

    actions = night.engine.desk.registry.actions
    actions["lamp.put"] = replace(actions["lamp.put"], apply=flaky)
    run = await night.approved()

    assert State.RECOVERED == run.state
    assert 2 == run.attempts["light"].tries
    assert 1 == len(set(keys))


async def test_an_act_and_who_looks_after_it_are_told_what_was_approved(night):
    """Before and after, as they stood in the plan: for the act, for the look at what became of it."""
    from dataclasses import replace  # noqa: PLC0415

    night.start()
    told = []

    def listening(action):
        async def apply(house, args, key):
            told.append(args["planned"])
            return await action.apply(house, args, key)

        async def observe(house, args):
            told.append(args["planned"])
            return await action.observe(house, args)

        return replace(action, apply=apply, observe=observe)

    actions = night.engine.desk.registry.actions
    actions["lamp.put"] = listening(actions["lamp.put"])
    night.house.trouble |= {"lamp.put": "lost", "lamp.put.observe": "unknown"}
    await night.approved()

    expected = {"before": {"state": "off"}, "after": {"state": "on"}}
    assert [expected] * (1 + night.settings.looks) == [json.loads(each) for each in told]


@pytest.mark.parametrize("how", ["silent", "slow", "refused"])
async def test_an_act_that_is_not_done_ends_the_run(night, how):
    """Twice unreachable, too slow, or refused: the run says so, and nothing is claimed."""
    night.start()
    night.house.trouble["lamp.put"] = how

    run = await night.approved()

    assert State.ABORTED == run.state
    assert "light was not done" in run.reason
    assert [] == night.house.switched


async def test_what_nobody_knows_waits_for_a_person(night):
    """No answer, and looking tells nothing: the run is unknown, holds what it held, and goes on when somebody has looked."""
    night.start(book(), book(name="Other"))
    night.house.trouble |= {"lamp.put": "lost", "lamp.put.observe": "unknown"}
    run = await night.approved()
    assert State.UNKNOWN == run.state
    other = await night.alarm(name="Other", lamp="blue")
    assert State.PLANNED == other.state

    with pytest.raises(RefusalError, match="done or not done"):
        await night.engine.answer(run.id, "light", "maybe", ANNA)
    await night.engine.answer(run.id, "light", "done", ANNA)
    await night.engine.advance()

    assert State.RECOVERED == run.state
    assert 1 == night.house.times("red", "on")


async def test_a_person_who_saw_that_it_was_not_done_ends_it(night):
    """It is not tried again by the same run."""
    night.start()
    night.house.trouble |= {"lamp.put": "silent", "lamp.put.observe": "unknown"}
    run = await night.approved()

    await night.engine.answer(run.id, "light", "not done", ANNA)
    await night.engine.advance()

    assert State.ABORTED == run.state
    assert [] == night.house.switched


async def test_a_mistake_in_an_entry_ends_the_run_and_no_other(night):
    """It broke before anything happened: journaled, ended; another run goes its way."""
    night.start(book(act(do="lamp.fix"), verify()), book(name="Other", domain="mail"))
    night.house.trouble["lamp.fix"] = "crash"
    run, other = await night.alarm(), await night.alarm(name="Other", lamp="blue")
    for each in (run, other):
        await night.engine.approve(each.id, each.plan.hash, ANNA)
    await night.engine.advance()

    assert (State.ABORTED, State.RECOVERED) == (run.state, other.state)
    assert "ZeroDivisionError" in run.flaws[0]


async def test_a_mistake_after_the_act_is_looked_at(night):
    """It broke when it had happened: the journal says that it was done."""
    night.start()
    night.house.trouble["lamp.put"] = "crash after"

    run = await night.approved()

    assert State.ABORTED == run.state
    assert "done" == run.attempts["light"].outcome


async def test_a_mistake_in_a_read_ends_the_run(night):
    """Nothing was begun, nothing is done."""
    night.start()
    night.house.trouble["lamp.state"] = "crash"

    run = await night.alarm()

    assert State.ABORTED == run.state
    assert [] == night.house.switched


class Disk:
    """One that gets full when it is told to, and says so as a disk does."""

    def __init__(self):
        self.full_at = ""

    def __call__(self, file, data):
        if self.full_at and self.full_at.encode() in bytes(data):
            raise OSError(28, "No space left on device")
        return os.write(file, data)


async def test_a_full_disk_means_no_act(night):
    """The intent could not be written: nothing is done, the engine says why, and goes on when there is room."""
    disk = Disk()
    night.start(writing=disk)
    run = await night.alarm()
    await night.engine.approve(run.id, run.plan.hash, ANNA)
    disk.full_at = "act.intent"
    await night.engine.advance()
    assert [] == night.house.switched
    assert "No space left on device: nothing is done" in night.engine.trouble

    disk.full_at = ""
    await night.engine.advance()

    assert State.RECOVERED == run.state
    assert "" == night.engine.trouble
    assert 1 == night.house.times("red", "on")
    assert [] == night.engine.journal.verify()


async def test_an_outcome_that_could_not_be_written_is_looked_up(night):
    """The act was done, then the disk was full: later it is seen to be done, not done again."""
    disk = Disk()
    night.start(writing=disk)
    run = await night.alarm()
    await night.engine.approve(run.id, run.plan.hash, ANNA)
    disk.full_at = "act.outcome"
    await night.engine.advance()
    assert 1 == night.house.times("red", "on")

    disk.full_at = ""
    await night.engine.advance()

    assert State.RECOVERED == run.state
    assert 1 == night.house.times("red", "on")


async def test_a_torn_journal_is_noted_at_the_start(night):
    """What was cut off stands in the journal, and the runs go on."""
    night.start()
    run = await night.alarm()
    night.stop()
    with (night.folder / "journal.jsonl").open("a") as file:
        file.write('{"seq":99,')

    engine = await night.restart()

    assert 10 == next(each for each in engine.entries() if each.kind == "engine.started").data["cut"]
    assert State.AWAITING_APPROVAL == engine.run(run.id).state


async def test_a_journal_that_does_not_verify_stops_the_engine(night):
    """Somebody edited it: the switch is on until a person has looked, and then it is known."""
    night.start()
    run = await night.alarm()
    night.stop()
    path = night.folder / "journal.jsonl"
    path.write_text(path.read_text().replace("LampOut", "LampOff", 1))

    engine = await night.restart()
    assert "does not verify" in engine.passive()
    assert [] == night.house.switched
    engine.resume(ANNA, "it was me")
    engine = await night.restart()

    assert "" == engine.passive()
    assert run.id in [each.id for each in engine.runs()]


@pytest.mark.parametrize("last", ["human.answered", "step.played"])
async def test_a_kill_between_two_lines_of_an_answer_leaves_nobody_waiting(night, last):
    """What stands counts: an answer that was taken is gone on with, one that was not is asked for still."""
    strike: list[str] = []

    def kill(kind):
        if kind in strike:
            strike.clear()
            raise KeyboardInterrupt

    night.start(book(human("call"), human("again"), act(), verify()), checkpoint=kill)
    run = await night.approved()
    strike.append(last)
    with pytest.raises(KeyboardInterrupt):
        await night.engine.answer(run.id, "call", "he comes", ANNA)
    engine = await night.restart()
    await engine.advance()
    for step in ("call", "again") if last == "human.answered" else ("again",):
        assert step == engine.run(run.id).cursor
        await engine.answer(run.id, step, "yes", ANNA)
        await engine.advance()

    assert State.RECOVERED == engine.run(run.id).state


async def test_a_restart_knows_what_was_known(night):
    """Every field of every run is folded from the journal: two readings are equal."""
    night.start(book(act(), verify(), name="LampOut"))
    await night.approved()
    before = [vars(run) | {"plan": run.plan.hash} for run in night.engine.runs()]

    engine = await night.restart()

    assert before == [vars(run) | {"plan": run.plan.hash} for run in engine.runs()]
