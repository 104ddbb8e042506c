"""Approvals: by whom, for which plan, for how long, and only once."""

import asyncio

import pytest

from runbooks.engine.approvals import TOKENS, NotAllowedError, StalePlanError, Tokens, WrongStateError
from runbooks.engine.journal import HeldError
from runbooks.engine.people import PassiveError, UnknownRunError
from runbooks.engine.playbook import Limits
from runbooks.engine.runs import Person
from runbooks.engine.states import Event, State
from tests.runbooks.engine.books import act, book, verify
from tests.runbooks.engine.conftest import ANNA, BELA, CARLA, DORA, Night

RISKY = book(act(do="lamp.break"), verify())


async def test_two_approvals_at_the_same_moment_are_one_beginning(night):
    """One wins, the other hears that it came too late; the act is done once."""
    night.start()
    run = await night.alarm()

    both = (night.engine.approve(run.id, run.plan.hash, person) for person in (ANNA, BELA))
    came = await asyncio.gather(*both, return_exceptions=True)
    await night.engine.advance()

    assert [WrongStateError] == [type(each) for each in came if isinstance(each, Exception)]
    assert 1 == night.kinds(run).count("act.intent")
    assert 1 == night.house.times("red", "on")


async def test_a_move_is_a_compare_and_swap(night):
    """Who thinks that the run stands elsewhere moves nothing, and nothing is written."""
    night.start()
    run = await night.alarm()
    before = night.kinds(run)
    record = night.engine.desk.record

    assert not record.move(run, State.RUNNING, Event.ABORT)
    assert before == night.kinds(run)
    assert record.move(run, State.AWAITING_APPROVAL, Event.ABORT)
    assert not record.move(run, State.AWAITING_APPROVAL, Event.ABORT)


async def test_two_engines_cannot_have_one_state(night, folder):
    """The second is refused before it has read a line."""
    night.start()

    with pytest.raises(HeldError):
        Night(folder / "state").start()


async def test_it_binds_to_the_hash_of_the_plan(night):
    """Another hash, another plan: refused, and nothing begins."""
    night.start()
    run = await night.alarm()

    with pytest.raises(StalePlanError):
        await night.engine.approve(run.id, "0" * 64, ANNA)

    assert State.AWAITING_APPROVAL == run.state


async def test_it_needs_a_role_and_a_run(night):
    """Support looks on; a run that is not there is said so."""
    night.start()
    run = await night.alarm()

    with pytest.raises(NotAllowedError, match="admin, on_call"):
        await night.engine.approve(run.id, run.plan.hash, DORA)
    with pytest.raises(NotAllowedError):
        await night.engine.refuse(run.id, DORA, "no")
    with pytest.raises(UnknownRunError):
        await night.engine.approve("nothing", run.plan.hash, ANNA)


async def test_a_plan_that_nobody_approves_is_let_go(night):
    """After half an hour it is expired; an approval that comes then is too late, and nothing is done."""
    night.start()
    run = await night.alarm()
    night.clock.advance(1800)

    with pytest.raises(WrongStateError):
        await night.engine.approve(run.id, run.plan.hash, ANNA)
    await night.engine.advance()

    assert State.EXPIRED == run.state
    assert [] == night.house.switched


async def test_it_expires_by_itself_too(night):
    """Without anybody coming, and what it held is free."""
    night.start()
    run = await night.alarm()

    night.clock.advance(1801)
    await night.engine.advance()

    assert (State.EXPIRED, "nobody approved it in time") == (run.state, run.reason)


async def test_an_old_approval_does_not_begin_a_run(night):
    """Approved, then down for ten minutes: after the restart the plan is made anew and asks again."""
    night.start()
    run = await night.alarm()
    await night.engine.approve(run.id, run.plan.hash, ANNA)
    night.clock.advance(600)

    engine = await night.restart()
    await engine.advance()

    again = engine.run(run.id)
    assert State.AWAITING_APPROVAL == again.state
    assert "planned anew: the approval is too old" in again.reason
    assert [] == night.house.switched


async def test_high_risk_needs_two_people(night):
    """One is not enough, and the same one twice is one."""
    night.start(RISKY)
    run = await night.alarm()

    for person in (ANNA, ANNA):
        await night.engine.approve(run.id, run.plan.hash, person)
    await night.engine.advance()
    assert State.AWAITING_APPROVAL == run.state
    await night.engine.approve(run.id, run.plan.hash, BELA)
    await night.engine.advance()

    assert State.RECOVERED == run.state


async def test_the_first_of_two_does_not_wait_for_ever(night):
    """The second comes six minutes later: the first does not count any more."""
    night.start(RISKY)
    run = await night.alarm()
    await night.engine.approve(run.id, run.plan.hash, ANNA)
    night.clock.advance(360)

    await night.engine.approve(run.id, run.plan.hash, BELA)
    await night.engine.advance()

    assert State.AWAITING_APPROVAL == run.state
    assert [] == night.house.switched


async def test_who_asks_for_high_risk_does_not_approve_it(night):
    """By hand: the requester is refused, also after a restart; two others may."""
    night.start(RISKY)
    run = await night.engine.start("LampOut", {"lamp": "red"}, Person("ana@example.org", ANNA.roles))
    await night.engine.advance()
    engine = await night.restart()
    run = engine.run(run.id)

    with pytest.raises(NotAllowedError, match="somebody else"):
        await engine.approve(run.id, run.plan.hash, Person("ana@example.org", ANNA.roles))
    for person in (BELA, CARLA):
        await engine.approve(run.id, run.plan.hash, person)
    await engine.advance()

    assert State.RECOVERED == run.state


async def test_a_run_by_hand_always_asks(night):
    """Whatever the playbook may do by itself; for little risk the one who asked may approve."""
    night.trust()
    night.start()
    run = await night.engine.start("LampOut", {"lamp": "red"}, ANNA)
    await night.engine.advance()
    assert State.AWAITING_APPROVAL == run.state

    await night.engine.approve(run.id, run.plan.hash, ANNA)
    await night.engine.advance()

    assert State.RECOVERED == run.state


async def test_refusing_ends_it(night):
    """Nothing was done, and the reason is kept."""
    night.start()
    run = await night.alarm()

    await night.engine.refuse(run.id, ANNA, "it is day")
    await night.engine.advance()

    assert (State.REFUSED, "anna: it is day") == (run.state, run.reason)
    with pytest.raises(WrongStateError):
        await night.engine.refuse(run.id, BELA, "me too")


async def test_breaking_the_glass_works_once(night):
    """A token stands in for roles and for two people; it is journaled, kept as a hash alone, and never taken again."""
    night.start(RISKY, book(act(do="lamp.break"), verify(), name="Other", limits=Limits(cents=None, cooldown_s=0)))
    token = night.engine.break_glass(ANNA)
    stranger = Person("whoever is here", via="terminal")
    run = await night.alarm()

    with pytest.raises(NotAllowedError):
        await night.engine.approve(run.id, run.plan.hash, stranger, token="made up")
    await night.engine.approve(run.id, run.plan.hash, stranger, token=token)
    await night.engine.advance()

    assert State.RECOVERED == run.state
    assert "breakglass.used" in night.kinds(run)
    everything = (night.folder / "journal.jsonl").read_text() + (night.folder / TOKENS).read_text()
    assert token not in everything
    other = await night.alarm(name="Other", lamp="blue")
    with pytest.raises(NotAllowedError, match="used before"):
        await night.engine.approve(other.id, other.plan.hash, stranger, token=token)


async def test_a_token_is_one_that_the_journal_knows_and_not_too_old(night):
    """Whoever can write the file of hashes has made no token; and an envelope from two years ago opens nothing."""
    night.start(RISKY)
    old = night.engine.break_glass(ANNA)
    night.clock.advance(366 * 86_400)
    made_up, _ = Tokens(night.folder).make()
    run = await night.alarm()

    for token in (old, made_up):
        with pytest.raises(NotAllowedError, match="does not know this token, or it is older"):
            await night.engine.approve(run.id, run.plan.hash, ANNA, token=token)
    await night.engine.approve(run.id, run.plan.hash, DORA, token=night.engine.break_glass(ANNA))

    assert State.RUNNING == run.state


async def test_a_token_is_the_yes_of_its_maker_given_beforehand(night):
    """Who asked for a run may spend one that somebody else had made; nobody makes one for his own, nor for one that goes on."""
    night.start(RISKY)
    envelope, own = night.engine.break_glass(BELA), night.engine.break_glass(ANNA)
    night.clock.advance(60)
    run = await night.engine.start("LampOut", {"lamp": "red"}, ANNA)
    await night.engine.advance()
    night.clock.advance(60)
    fresh = night.engine.break_glass(BELA)

    with pytest.raises(NotAllowedError, match="asked for this run"):
        await night.engine.approve(run.id, run.plan.hash, ANNA, token=own)
    with pytest.raises(NotAllowedError, match="after the run began"):
        await night.engine.approve(run.id, run.plan.hash, ANNA, token=fresh)
    await night.engine.approve(run.id, run.plan.hash, ANNA, token=envelope)

    assert State.RUNNING == run.state


async def test_a_used_token_stays_used_after_a_restart(night):
    """Also when the file with its hash was put back: the journal knows."""
    night.start(RISKY, book(act(do="lamp.break"), verify(), name="Other"))
    token = night.engine.break_glass(ANNA)
    kept = (night.folder / TOKENS).read_text()
    run = await night.alarm()
    await night.engine.approve(run.id, run.plan.hash, DORA, token=token)
    await night.engine.advance()
    (night.folder / TOKENS).write_text(kept)

    engine = await night.restart()
    other = await night.alarm(name="Other", lamp="blue")

    with pytest.raises(NotAllowedError):
        await engine.approve(other.id, other.plan.hash, DORA, token=token)


async def test_nothing_is_approved_while_the_switch_is_on(night):
    """The kill switch stands above people."""
    night.start()
    run = await night.alarm()
    night.engine.pause(ANNA, "I want to look")

    with pytest.raises(PassiveError, match="I want to look"):
        await night.engine.approve(run.id, run.plan.hash, ANNA)
