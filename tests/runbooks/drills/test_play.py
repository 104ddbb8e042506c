"""What a drill judges of its own story: whom it let wait is no news, and what was done twice is a fault."""

from datetime import UTC, datetime

import pytest

from runbooks.drills.course import Play
from runbooks.drills.drill import Drill, load_drills
from runbooks.drills.report import Report
from runbooks.drills.scene import Scene
from runbooks.drills.stack import Stack
from runbooks.drills.verdict import judge_end, killed_once, told, twice_done
from runbooks.drills.watch import Seen, Watch

BEGAN = 1_800_000_000.0


def run(subject="provider:stripe", *steps, outcome="done"):
    return {"subject": subject, "acts": [{"step": step, "outcome": outcome} for step in steps]}


def test_what_was_done_twice_for_one_subject_is_a_fault():
    """By one run each, or by two subjects: that is as it should be. What was refused was not done."""
    assert [] == twice_done([run("a", "switch", "pause"), run("b", "switch"), run("a")])
    assert [] == twice_done([run("a", "switch"), run("a", "switch", outcome="refused")])

    assert ["switch was done 2 times for a"] == twice_done([run("a", "switch"), run("b"), run("a", "switch")])


def line(kind, step="switch"):
    return {"kind": kind, "data": {"step": step}}


KILLED = [line("act.intent"), line("run.found"), line("act.outcome"), line("lease.intent")]


@pytest.mark.parametrize(
    ("journal", "audited", "died", "why"),
    [
        (KILLED, ["switch.put"], True, []),
        (KILLED, ["switch.put", "switch.put"], True, []),
        (KILLED, ["switch.put"], False, ["the responder was never killed"]),
        (KILLED[:1], ["switch.put"], True, ["the responder did not look what had become of its act"]),
        ([*KILLED, line("act.intent")], ["switch.put"], True, ["switch was begun 2 times"]),
        (KILLED[:3], ["switch.put"] * 2, True, ["the service was told 2 times, for 1 acts: switch.put, switch.put"]),
        (KILLED[:3], [], True, ["the service was told 0 times, for 1 acts: "]),
    ],
    ids=["as it has to be", "and renewed", "alive", "blind", "begun twice", "done twice", "not done"],
)
def test_a_killed_engine_has_died_and_acted_once(journal, audited, died, why):
    """Whatever its run ended as: otherwise the drill has shown nothing."""
    assert why == killed_once(journal, audited, died=died)


@pytest.fixture
def play(tmp_path):
    """A drill of an outage in which three alerts were told, one of them before it began."""
    stack = Stack(tmp_path, 40)
    report = Report(drill="x", playbook="GatewayOutage", scale=40, at=datetime.now(UTC).isoformat())
    scene = Scene(stack)
    play = Play(stack, Drill(drill="some-fault", playbook="GatewayOutage"), print, report, scene)
    play.watch, play.began = Watch(stack), BEGAN
    for name, tier, since in (
        ("GatewayOutage", "critical", 5),
        ("RunbookWaiting", "warning", 20),
        ("WorkerGone", "critical", 9),
        ("Early", "critical", -5),
    ):
        play.watch.pages.append(Seen(name, tier, {}, BEGAN + since, BEGAN + since))
    yield play
    scene.http.close()


@pytest.mark.parametrize(
    ("state", "undone", "why"),
    [
        ("rolled_back", True, []),
        ("rolled_back", False, ["nothing was put back by the run"]),
        ("no_effect", False, ["the run ended as no_effect, expected rolled_back: why"]),
    ],
)
def test_what_made_it_worse_was_put_back(play, state, undone, why):
    """An act is undone, by its own mark; a run that only says so has shown nothing."""
    acts = [{"step": "switch", "outcome": "done", "undone": undone}]
    play.drill = Drill(drill="some-fault", playbook="GatewayOutage", ends=("rolled_back",))

    judge_end(play, {"state": state, "why": "why", "acts": acts})

    assert why == play.report.faults


def test_the_drill_of_what_makes_it_worse_ends_in_nothing_else():
    """Without effect is not put back."""
    assert ("rolled_back",) == load_drills()["mitigation-makes-it-worse"].ends


def test_whom_a_drill_lets_wait_is_no_news(play):
    """Its people took their time, and that a playbook waits for them was told rightly; what else was told, was told."""
    play.waited = True

    told(play)

    assert ["GatewayOutage", "WorkerGone"] == play.report.pages
    assert ["somebody was woken for something else: WorkerGone"] == play.report.faults


def test_a_playbook_that_waits_for_nobody_is_told(play):
    """Nobody was asked by the drill's run: then somebody else's waits, and that belongs into the report."""
    told(play)

    assert "RunbookWaiting" in play.report.pages
