"""Autonomy is earned by drills and lost by failing; nobody writes himself free."""

import json

import pytest

from runbooks.engine.autonomy import read_evidence, standing
from runbooks.engine.playbook import Autonomy
from runbooks.engine.states import State
from tests.runbooks.engine.books import act, book, look, verify
from tests.runbooks.engine.conftest import ANNA, AUTO


async def test_a_green_drill_of_this_version_lets_it_go_by_itself(night):
    """Low risk, leased, proved: the alarm is followed by the act."""
    night.trust()
    night.start(book(autonomy=AUTO))

    run = await night.alarm()

    assert State.RECOVERED == run.state
    assert 1 == night.house.times("red", "on")


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        (None, "no drill has proved this version"),
        ({"version": "v0"}, "no drill has proved this version"),
        ({"name": "Other"}, "no drill has proved this version"),
        ({"green": False}, "its last drill lamp-out failed"),
        ({"days": 36}, "older than 35 days"),
        ({"drill": "another"}, "no drill has proved this version"),
    ],
)
async def test_without_proof_it_asks(night, evidence, said):
    """None, of another version or playbook, failed, too old, or not its own drill."""
    if evidence is not None:
        night.trust(**evidence)
    night.start(book(autonomy=AUTO))

    run = await night.alarm()

    assert State.AWAITING_APPROVAL == run.state
    assert said in run.reason


@pytest.mark.parametrize(
    "steps",
    [
        (act(do="lamp.fix", undo=True), verify()),  # medium risk
        (act(do="lamp.break"), verify()),  # high risk
        (act(lease_s=0), verify()),  # a lease it did not take
        (act(), act("second", do="lamp.fix", when={"light__was": "never"}), verify()),  # one that is left out today
    ],
)
async def test_what_can_cost_more_never_goes_by_itself(night, steps):
    """However many drills were green."""
    night.trust()
    night.start(book(*steps, autonomy=AUTO))

    assert State.AWAITING_APPROVAL == (await night.alarm()).state


async def test_what_is_harmless_may(night):
    """To repeat it and to forget it does no harm, so it needs no lease."""
    night.trust()
    night.start(book(act(do="lamp.clean"), verify(), autonomy=AUTO))

    assert State.RECOVERED == (await night.alarm()).state


async def test_an_act_that_always_asks_always_asks(night):
    """`approve: true`, whatever was proved."""
    night.trust()
    night.start(book(act(approve=True), verify(), autonomy=AUTO))

    run = await night.alarm()

    assert "light is always approved by a person" in run.reason


async def test_a_run_that_failed_takes_it_back_until_the_next_green_drill(night):
    """Also for another subject, and after a restart."""
    night.trust()
    night.start(book(act(), verify("bright", look("house.watts", watts="> 9"), within_s=60), autonomy=AUTO))
    failed = await night.alarm()
    await night.wait(70)
    assert State.NO_EFFECT == failed.state

    engine = await night.restart()
    second = await night.alarm(lamp="blue")
    assert f"run {failed.id} ended as no_effect" in second.reason
    await engine.refuse(second.id, ANNA, "first the drill")
    night.trust(days=-1)  # a drill of tomorrow, as far as the clock of this test goes
    night.clock.advance(90_000)
    third = await night.alarm(lamp="green")

    assert State.VERIFYING == third.state


async def test_observe_only_looks(night):
    """The plan says what would be done; nobody is asked."""
    night.trust()
    night.start(book(autonomy=Autonomy.OBSERVE))

    run = await night.alarm()

    assert State.OBSERVED == run.state
    assert ["light"] == [each.step for each in run.plan.doing]
    assert [] == night.house.switched


async def test_suggest_stays_suggest(night):
    """Green drills do not make more of a playbook than it says."""
    night.trust()
    night.start(book(autonomy=Autonomy.SUGGEST))

    assert Autonomy.SUGGEST is standing(night.engine.desk, night.shelf.get("LampOut")).level


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{", '{"LampOut": 3}', '{"LampOut": {"lamp-out": 3}}',
        '{"LampOut": {"lamp-out": {"version": "v1", "green": true}}}',
        '{"LampOut": {"lamp-out": {"version": "v1", "green": true, "at": "2026-11-23T00:00:00"}}}',
    ],
)  # fmt: skip
def test_what_cannot_be_read_proves_nothing(tmp_path, text):
    """Broken, half written, of another form, a time without its zone."""
    (tmp_path / "evidence.json").write_text(text)

    assert [] == list(read_evidence([tmp_path, tmp_path / "gone.json"]))


def test_one_that_is_not_green_is_not_green(tmp_path):
    """`green` is true or it is not: a word is no proof."""
    row = {"version": "v1", "green": "yes", "at": "2026-11-23T00:00:00+00:00"}
    (tmp_path / "evidence.json").write_text(json.dumps({"LampOut": {"lamp-out": row}}))

    assert [False] == [each.green for each in read_evidence([tmp_path])]


async def test_one_drill_that_failed_outweighs_another_that_is_green(night):
    """Its own drill is green, a second one of the same version is not."""
    night.trust()
    rows = json.loads((night.folder / "evidence.json").read_text())
    rows["LampOut"]["lamp-out-worse"] = {"version": "v1", "green": False, "at": "2026-11-22T00:00:00+00:00"}
    (night.folder / "evidence.json").write_text(json.dumps(rows))
    night.start(book(autonomy=AUTO))

    assert "its last drill lamp-out-worse failed" in (await night.alarm()).reason
