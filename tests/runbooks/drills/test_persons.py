"""What a drill asks of the responder: that it was too late, and that each fault has its run."""

import time
from datetime import UTC, datetime

import pytest

from runbooks.drills.course import Play
from runbooks.drills.drill import Drill, load_drills
from runbooks.drills.persons import decide, follow
from runbooks.drills.play import beside
from runbooks.drills.report import Report
from runbooks.drills.scene import Scene
from runbooks.drills.stack import Stack


def playing(folder, responder, drill):
    stack = Stack(folder, 6000, {"responder": responder.url, "operators": {"ana": "a token"}})
    report = Report(drill="x", playbook="GatewayOutage", scale=40, at=datetime.now(UTC).isoformat())
    return Play(stack, drill, print, report, Scene(stack))


@pytest.mark.parametrize(
    ("states", "status", "why"),
    [
        (["planned", "awaiting_approval", "expired"], 409, []),
        (["planned", "awaiting_approval", "expired"], 200, ["answered with 200, not with 409"]),
        (["planned", "awaiting_approval", "expired"], 500, ["answered with 500, not with 409"]),
        (["awaiting_approval"], 409, ["a plan that nobody approved was not let go"]),
        (["planned", "running", "recovered"], 409, ["nobody was asked to approve it"]),
    ],
    ids=["as it has to be", "taken", "broken", "kept", "nobody asked"],
)
def test_an_approval_that_comes_too_late_is_refused(responder, tmp_path, states, status, why):
    """It was asked for, it was let go, and then it is 409: anything else shows nothing."""
    responder.states, responder.status = list(states), status
    play = playing(tmp_path, responder, Drill(drill="some-fault", playbook="GatewayOutage", person="late"))

    with play.scene.http:
        decide(play, {"id": "r1", "state": "planned"}, asked_s=1, late_s=1)

    report = play.report
    assert len(why) == len(report.faults)
    assert all(words in fault for words, fault in zip(why, report.faults, strict=True))


@pytest.mark.parametrize(
    ("also", "why"), [("EmailFailing", []), ("GatewayOutage", ["EmailFailing has no run of its own beside it"])]
)
def test_the_second_fault_has_a_run_of_its_own(responder, tmp_path, also, why):
    """Whatever becomes of the first one's."""
    responder.runs = [
        {"id": run, "playbook": name, "began": 1} for run, name in (("r1", "GatewayOutage"), ("r2", also))
    ]
    play = playing(tmp_path, responder, Drill(drill="some-fault", playbook="GatewayOutage", beside=("EmailFailing",)))

    with play.scene.http:
        beside(play, "r1", within_s=0.1)

    assert why == play.report.faults


def test_the_drill_of_two_faults_asks_for_both_runs():
    """Its own, and the one about the letters."""
    assert ("EmailFailing",) == load_drills()["two-faults"].beside


@pytest.mark.parametrize(("heal", "healed"), [("asked", 1), ("after", 0)])
def test_what_a_person_mends_is_mended_when_he_is_asked(responder, tmp_path, heal, healed):
    """Not before: then the playbook would find it whole, and ask nobody."""
    responder.states = ["running", "waiting_human", "recovered"]
    play, mended = playing(tmp_path, responder, Drill(drill="some-fault", playbook="DbDown", heal=heal)), []
    play.began = time.time()
    play.heals.append(lambda: mended.append(play.report.moments))

    with play.scene.http:
        follow(play, "r1")

    assert healed == len(mended)
    assert "recovered" == play.report.state
