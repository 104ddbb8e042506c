"""What the people of a drill do: approve, refuse, come too late, and answer what only a person can know.

They also follow the run to its end; what that is worth says `verdict`.
"""

import time
from collections.abc import Callable
from typing import Any

from runbooks.drills.course import Play
from runbooks.drills.scene import wait_for
from runbooks.drills.verdict import judge_end
from runbooks.engine.desk import EngineSettings
from runbooks.engine.states import OPEN, State

ENDED = frozenset(str(each) for each in State if each not in OPEN) | {
    str(State.UNKNOWN)
}  # a person has to look: so far it goes
WAITS = frozenset({"awaiting_approval", "waiting_human", "unknown"})  # for a person
LATE_S = 10
ASKED_S = 25  # until somebody is asked
TOO_LATE = 409
SLACK_S = 25  # beyond what it has to keep, before it is given up


def decide(on: Play, run: dict[str, Any], *, asked_s: float = ASKED_S, late_s: float = LATE_S) -> None:
    """Approved, refused, too late, or left alone; a second person where two are asked for."""
    on.waited = run["state"] in WAITS
    if on.drill.person == "nobody":
        return
    if on.drill.person == "approve":
        _approve(on, run["id"])
        return
    found = wait_for(
        lambda: so_far(on.scene.run(run["id"]), lambda found: found["state"] == "awaiting_approval"), asked_s
    )
    if found is None:
        on.report.fault("nobody was asked to approve it")
        return
    on.waited = True
    if on.drill.person == "refuse":
        on.scene.tell(run["id"], "refuse", {"reason": "a drill in which somebody knows better"})
    else:
        _too_late(on, found, late_s)


def _too_late(on: Play, run: dict[str, Any], late_s: float) -> None:
    """It is let go by itself, and who approves it after that hears that it is too late."""
    within_s = EngineSettings().awaiting_s / on.stack.scale + late_s
    if wait_for(lambda: so_far(on.scene.run(run["id"]), lambda found: found["state"] in ENDED), within_s) is None:
        on.report.fault("a plan that nobody approved was not let go")
        return
    status = on.scene.status(run["id"], "approve", {"hash": run["plan"]["hash"]})
    if status != TOO_LATE:
        on.report.fault(f"an approval that came too late was answered with {status}, not with {TOO_LATE}")


def _approve(on: Play, run_id: str) -> None:
    """As many as are asked for say yes to the plan that stands."""
    for person in ("ana", "luis"):
        found = on.scene.run(run_id)
        if found is not None and found["state"] == "awaiting_approval" and found["plan"] is not None:
            on.scene.tell(run_id, "approve", {"hash": found["plan"]["hash"]}, person)
            on.report.approve_s = round(on.since, 1)
            on.report.moment(on.report.approve_s, f"{person} approves", "people")
            on.say(f"{person} approves after {on.report.approve_s} s")


def follow(on: Play, run_id: str) -> None:
    """Follow the run to its end; human steps are answered as the drill says."""
    limit = on.drill.within.recover + SLACK_S
    run: dict[str, Any] | None = None
    while on.since < limit:
        run = on.scene.run(run_id) or run
        if run is not None:
            if on.report.mitigate_s is None and (done := [each for each in run["acts"] if each["outcome"] == "done"]):
                on.report.mitigate_s = round(min(each["at"] for each in done) - on.began, 1)
                on.report.moment(on.report.mitigate_s, ", ".join(each["do"] for each in done), "run")
            on.waited = on.waited or run["state"] in WAITS
            if run["state"] == "waiting_human":
                if on.drill.heal == "asked":
                    on.heal()
                on.scene.tell(run_id, "answer", {"step": run["waitsFor"], "text": _answer(on, run)})
            if run["state"] == "awaiting_approval" and on.drill.person == "approve":
                _approve(on, run_id)  # planned anew: after a person's answer, or because the world has moved
            if run["state"] in ENDED:
                break
        time.sleep(0.3)
    judge_end(on, run)


def _answer(on: Play, run: dict[str, Any]) -> str:
    """As the drill says; else the first answer the step offers, which is the one that goes on."""
    offered: list[str] = next((each["answers"] for each in run["steps"] if each["name"] == run["waitsFor"]), [])
    return on.drill.answers.get(run["waitsFor"]) or next(iter(offered), "done")


def so_far(found: Any, so: Callable[[Any], bool]) -> Any:
    """What was found, once it is `so`; None before."""
    return found if found is not None and so(found) else None
