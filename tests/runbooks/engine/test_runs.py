"""A run from its alarm to its end: planned, asked for, done once, verified, written down."""

import asyncio

import pytest

from runbooks.engine.approvals import RefusalError, WrongStateError
from runbooks.engine.playbook import Autonomy, Evidence
from runbooks.engine.runs import Alarm
from runbooks.engine.states import State
from runbooks.responder.showing import draft_view
from tests.runbooks.engine.books import (
    Go,
    Stop,
    act,
    book,
    check,
    choose,
    evidence,
    human,
    look,
    note,
    notify,
    verify,
)  # fmt: skip
from tests.runbooks.engine.conftest import ANNA, AUTO, DORA


async def test_an_alarm_is_planned_and_asks(night):
    """By default nothing is changed without a person; the plan says what would be."""
    night.start()

    run = await night.alarm()

    assert State.AWAITING_APPROVAL == run.state
    assert "1 change, touching no order and no money; it goes back by itself." == run.plan.blast_radius
    assert [] == night.house.switched


async def test_an_approved_run_acts_verifies_and_has_recovered(night):
    """The act is done once, under a key, with its lease; what proves the recovery is the verify."""
    night.start()

    run = await night.approved()

    assert State.RECOVERED == run.state
    assert [("red", "on", "1800")] == [(each["lamp"], each["to"], each["lease_s"]) for each in night.house.switched]
    kinds = night.kinds(run)
    assert kinds.index("act.intent") < kinds.index("act.outcome") < kinds.index("verify.passed")
    assert [] == night.engine.journal.verify()


async def test_a_check_that_says_otherwise_stops_the_run(night):
    """It is another fault: nothing is asked for and nothing is done, and the reason is told."""
    night.start()
    night.house.switch("by hand", "red", "on", "k")

    run = await night.alarm()

    assert (State.STOPPED, "It burns.") == (run.state, run.reason)
    assert 1 == len(night.house.switched)


async def test_choose_and_otherwise_jump(night):
    """A branch leads to its step, the steps between are left out; `otherwise` leads where it says."""
    bright, dim = {"look__state": "on"}, {"look__state": "off"}
    steps = (
        check("look", state="one of on, off"), choose("which", (bright, Stop("It burns.")), (dim, Go("second"))),
        act("first", lamp="green"), act("second"), verify(),
    )  # fmt: skip
    night.start(book(*steps))

    run = await night.approved()

    assert State.RECOVERED == run.state
    assert ["look", "which", "second", "bright"] == list(run.steps)
    assert "branch 2" == run.steps["which"]
    assert not night.house.is_on("green")


async def test_a_check_may_jump(night):
    """`else: {go: step}` leads on from what is not as expected."""
    jump = check("look", otherwise=Go("second"), state="on")
    night.start(book(jump, act("first", lamp="green"), act("second"), verify()))

    run = await night.approved()

    assert ["look", "second", "bright"] == list(run.steps)


async def test_an_act_whose_condition_is_not_so_is_left_out(night):
    """`when` is asked with the facts found."""
    night.start(book(check("look"), act("first", lamp="green", when={"look__state": "on"}), act(), verify()))

    run = await night.approved()

    assert "skipped" == run.steps["first"]
    assert ["red"] == [each["lamp"] for each in night.house.switched]


async def test_what_is_so_already_is_not_done(night):
    """An act that would change nothing needs no approval, and is not done; what follows is verified."""
    night.start(book(act(), verify()))
    night.house.switch("by hand", "red", "on", "k")

    run = await night.alarm()

    assert (State.RECOVERED, "already") == (run.state, run.steps["light"])
    assert 1 == len(night.house.switched)


async def test_a_step_of_a_person_waits_for_its_answer(night):
    """Only an answer that stands in the playbook counts; it is a fact for what follows."""
    asks = human("call", answers=("done", "nobody answers"))
    night.start(book(asks, choose("which", ({"call__answer": "done"}, Stop("Well."))), autonomy=Autonomy.OBSERVE))
    run = await night.alarm()
    assert State.WAITING_HUMAN == run.state

    with pytest.raises(RefusalError, match="done, nobody answers"):
        await night.engine.answer(run.id, "call", "perhaps", ANNA)
    with pytest.raises(RefusalError, match="roles"):
        await night.engine.answer(run.id, "call", "done", DORA)
    await night.engine.answer(run.id, "call", "done", ANNA)
    await night.engine.advance()

    assert (State.STOPPED, "Well.") == (run.state, run.reason)
    assert "done" == run.facts["call.answer"]
    with pytest.raises(WrongStateError):
        await night.engine.answer(run.id, "call", "done", ANNA)


async def test_what_hangs_on_an_answer_is_planned_after_it(night):
    """A plan ends at the person whose answer decides; the act behind it is asked for when it is known."""
    asks = human("call", answers=("go", "leave"))
    night.start(book(asks, choose("which", ({"call__answer": "go"}, Go("light"))), act(), verify()))
    run = await night.alarm()
    assert ("call", State.WAITING_HUMAN) == (run.plan.waits_for, run.state)

    await night.engine.answer(run.id, "call", "go", ANNA)
    await night.engine.advance()
    assert (State.AWAITING_APPROVAL, ["light"]) == (run.state, [each.step for each in run.plan.doing])
    assert [] == night.house.switched
    await night.engine.approve(run.id, run.plan.hash, ANNA)
    await night.engine.advance()

    assert State.RECOVERED == run.state


async def test_a_person_is_told_with_facts(night):
    """Labels and facts stand in what is asked; what nobody knows is said to be so."""
    asks = human("call", do="{lamp} is {look.state}, for {look.ages} s.")
    night.start(book(check("look"), asks, autonomy=Autonomy.OBSERVE))

    run = await night.alarm()

    assert ("red is off, for (not known) s.", "call") == (run.reason, run.cursor)


async def test_nobody_answering_ends_the_wait(night):
    """A run does not wait for ever, and holds nothing when it is over."""
    night.start(book(human("call"), autonomy=Autonomy.OBSERVE))
    run = await night.alarm()

    night.clock.advance(14_400)
    await night.engine.advance()

    assert (State.EXPIRED, "nobody answered") == (run.state, run.reason)


async def test_evidence_notes_and_notices_are_kept(night):
    """A query's answer, a note, and drafts in each language stand in the journal; nothing depends on them."""
    night.house.numbers["lamps_burning"] = 3
    steps = (evidence(), Evidence("diagnosis-2", 1, "Diagnosis", "gone"), note(), notify(lamp="{lamp}"))
    texts = {"en": "It is dark.", "es": "Está oscuro."}
    night.start(
        book(*steps, autonomy=Autonomy.OBSERVE), notices=lambda _template, facts: texts | {"lamp": facts["lamp"]}
    )

    run = await night.alarm()

    assert State.OBSERVED == run.state
    assert 3 == run.facts["diagnosis-1.value"]
    assert {"en": "It is dark.", "es": "Está oscuro.", "lamp": "red"} == run.drafts[0]["texts"]
    shown = draft_view(run.drafts[0])
    assert ("customers", "[en]\nIt is dark.\n\n[es]\nEstá oscuro.") == (
        shown["to"],
        shown["text"].partition("\n\n[lamp]")[0],
    )
    assert "Lamps are warm." in [each.data.get("text") for each in night.engine.entries(run.id)]


async def test_a_run_has_a_deadline(night):
    """Its own time counts, what people take does not."""
    night.start(book(act(), verify("bright", look("house.watts", watts="> 9"), within_s=9000)))
    run = await night.alarm()
    night.clock.advance(1200)
    await night.engine.approve(run.id, run.plan.hash, ANNA)
    await night.engine.advance()

    await night.wait(1190, by=10)
    assert State.VERIFYING == run.state
    await night.wait(20, by=10)

    assert State.NO_EFFECT == run.state
    assert "deadline" in run.reason


async def test_a_playbook_that_goes_in_a_circle_ends(night):
    """The linter refuses it; the engine does not trust that."""
    night.start(book(check("look", otherwise=Go("look"), state="on"), autonomy=Autonomy.OBSERVE))

    run = await night.alarm()

    assert (State.STOPPED, "the playbook comes back to look") == (run.state, run.reason)


async def test_a_person_ends_a_run_in_the_middle(night):
    """The act in flight is written down, nothing follows it, and it can be put back by hand."""
    night.start(book(act("first"), act("second", lamp="blue"), verify()))
    run = await night.alarm()
    turn = await night.in_flight(run)

    await night.engine.abort(run.id, ANNA, "wrong lamp")
    night.house.gate.set()
    await turn

    assert State.ABORTED == run.state
    assert "done" == run.attempts["first"].outcome
    assert not night.house.is_on("blue")
    await night.engine.undo(run.id, ANNA)
    assert State.ROLLED_BACK == run.state
    assert not night.house.is_on("red")
    with pytest.raises(WrongStateError):
        await night.engine.undo(run.id, ANNA)


async def test_everybody_may_listen(night):
    """`changes` tells each line as it is written."""
    night.start()
    changes = night.engine.changes()
    heard = asyncio.create_task(anext(changes))
    await asyncio.sleep(0)

    await night.alarm()

    assert "run.opened" == (await heard).kind
    await changes.aclose()


async def test_it_goes_on_by_itself(night):
    """`run_forever` plays runs as they come, and ends when it is cancelled."""
    night.trust()
    night.start(book(autonomy=AUTO))
    task = asyncio.create_task(night.engine.run_forever())

    run = await night.engine.take(Alarm("LampOut", {"lamp": "red"}, "2026-11-23T03:00:00Z"))
    for _ in range(2000):
        if run.state is State.RECOVERED:
            break
        await asyncio.sleep(0.005)
    task.cancel()

    assert State.RECOVERED == run.state
    with pytest.raises(asyncio.CancelledError):
        await task
