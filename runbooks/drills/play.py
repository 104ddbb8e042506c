"""The story of a drill: steady, broken, told, planned, approved, mended, recovered, and everything back where it was.

Each part writes its time and its complaints into the report and the next one goes on, so that one drill says all that is
wrong; the fault is taken away whatever happens.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg

from runbooks.drills.drill import Drill
from runbooks.drills.faults import Heal, strike
from runbooks.drills.load import Crowd, coming
from runbooks.drills.report import Report
from runbooks.drills.scene import Scene, wait_for
from runbooks.drills.stack import FaultError, Stack
from runbooks.drills.watch import Watch, watching
from runbooks.engine.desk import EngineSettings
from runbooks.engine.states import OPEN, State

STEADY_S = 4
CALM_S = 60
ENDED = frozenset(str(each) for each in State if each not in OPEN) | {
    str(State.UNKNOWN)
}  # a person has to look: so far it goes
WAITS = frozenset({"awaiting_approval", "waiting_human", "unknown"})  # for a person
REVERT_S = 180  # an alert that is kept for a while keeps its lease renewed
LATE_S = 10
OWN_WAIT = "RunbookWaiting"  # whom a drill lets wait, nobody has to look for
SLACK_S = 25  # beyond what it has to keep, before it is given up

Say = Callable[[str], None]


@dataclass
class Play:
    """One drill on one system."""

    stack: Stack
    drill: Drill
    say: Say
    report: Report
    scene: Scene
    crowd: Crowd | None = None
    watch: Watch | None = None
    began: float = 0.0
    heals: list[Heal] = field(default_factory=list)
    waited: bool = False  # its run, and others with it, waited for somebody of the drill

    @property
    def since(self) -> float:
        """Seconds since the fault."""
        return time.time() - self.began


def play(stack: Stack, drill: Drill, say: Say) -> Report:
    """Run it; the report says whether it is green. Never raises for what the system did."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    report = Report(drill=drill.drill, playbook=drill.playbook, scale=stack.scale, at=now, negative=drill.is_negative)
    on = Play(stack, drill, say, report, Scene(stack))
    started = time.monotonic()
    with ExitStack() as opened:
        opened.callback(on.scene.http.close)
        on.watch = opened.enter_context(watching(stack))
        on.crowd = opened.enter_context(coming(stack, drill.load))
        opened.callback(_heal, on)
        _steady(on)
        if _struck(on):
            _negative(on) if drill.is_negative else _positive(on)
        _heal(on)
        _afterwards(on)
    report.wall_s = round(time.monotonic() - started, 1)
    return report


def _steady(on: Play) -> None:
    """The usual state: nobody is woken, and everybody who comes can buy."""
    if not wait_for(on.watch.is_calm if on.watch else None, CALM_S):
        on.report.fault("there was no calm to begin with")
    time.sleep(STEADY_S)
    if on.crowd and (refused := on.crowd.refusals()):
        on.report.fault(f"buyers were refused before anything was broken: {_words(refused)}")


def _struck(on: Play) -> bool:
    """Whether everything is broken that should be; what could not be broken proves nothing."""
    on.began = time.time()
    for each in sorted(on.drill.faults, key=lambda fault: fault.at_s):
        time.sleep(max(0.0, each.at_s - on.since))
        try:
            on.heals.append(strike(on.stack, each.do, each.args))
        except (FaultError, httpx.HTTPError, psycopg.Error, OSError) as error:
            on.report.fault(f"{each.do} could not be made: {error}")
            return False
        on.report.moment(on.since, f"{each.do} {_words(each.args)}".strip(), "fault")
        on.say(f"broken: {each.do} {_words(each.args)}")
    return True


def _heal(on: Play) -> None:
    for heal in reversed(on.heals):
        heal()
    if on.heals:
        on.report.moment(on.since, "the fault is taken away", "fault")
    on.heals.clear()


def _negative(on: Play) -> None:
    """Nobody is woken, nothing is done."""
    time.sleep(on.drill.quiet_s)
    pages = [each.name for each in (on.watch.pages if on.watch else []) if each.since >= on.began]
    woken = sorted(set(pages) - set(on.drill.allows))
    on.report.pages = sorted(set(pages))
    on.report.unexpected = woken
    if woken:
        on.report.fault(f"somebody was told: {', '.join(woken)}")
    acted = [each["id"] for each in on.scene.all_runs(on.began) if each["acts"]]
    if acted:
        on.report.fault(f"something was done: {', '.join(acted)}")


def _positive(on: Play) -> None:
    if not _told(on):
        return
    run = _planned(on)
    if run is None:
        return
    if on.drill.heal == "before":
        _heal(on)
    _decided(on, run)
    _ended(on, run["id"])
    time.sleep(on.drill.lasts_s)
    on.report.faults += twice_done(on.scene.runs(on.drill.playbook, on.began))


def _told(on: Play) -> bool:
    """The alert fires, and the responder hears of it; or a person begins."""
    if on.drill.starts == "hand":
        if not (began := on.scene.start(on.drill.playbook)):
            on.report.fault(f"{on.drill.playbook} could not be started by hand")
        return began
    name, limit = on.drill.expected, on.drill.within.detect
    watch = on.watch
    seen = wait_for(lambda: watch.first(watch.firing, name, on.began) if watch else None, limit + SLACK_S)
    if seen is None:
        on.report.fault(f"{name} did not fire within {limit + SLACK_S:.0f} s")
        return False
    on.report.detect_s = round(seen.at - on.began, 1)
    on.report.moment(on.report.detect_s, f"{name} fires", "alert")
    on.say(f"{name} fires after {on.report.detect_s} s")
    if on.report.detect_s > limit:
        on.report.fault(f"detected after {on.report.detect_s} s, {limit:.0f} allowed")
    return True


def _planned(on: Play) -> dict[str, Any] | None:
    """The run is there, with a plan somebody can read."""
    runs = wait_for(lambda: on.scene.runs(on.drill.playbook, on.began), SLACK_S)
    if not runs:
        on.report.fault(f"the responder has no run of {on.drill.playbook}")
        return None
    on.report.notify_s = round(max(runs[0]["began"] - on.began, 0.0), 1)
    on.report.moment(on.report.notify_s, "the responder has heard of it", "alert")
    run = wait_for(lambda: _if(on.scene.run(runs[0]["id"]), lambda found: found["plan"] is not None), SLACK_S)
    if run is None:
        on.report.fault("the run has no plan")
        return None
    found: dict[str, Any] = run
    on.report.plan_s = round(on.since, 1)
    on.report.version = found["version"]
    on.report.moment(on.report.plan_s, "the plan can be read", "people")
    return found


def _decided(on: Play, run: dict[str, Any]) -> None:
    """Approved, refused, too late, or left alone; a second person where two are asked for."""
    drill, scene = on.drill, on.scene
    on.waited = run["state"] in WAITS
    if drill.person == "nobody" or run["state"] != "awaiting_approval":
        return
    if drill.person == "refuse":
        scene.tell(run["id"], "refuse", {"reason": "a drill in which somebody knows better"})
        return
    plan_hash = run["plan"]["hash"]
    if drill.person == "late":
        wait_for(
            lambda: _if(scene.run(run["id"]), lambda found: found["state"] in ENDED),
            EngineSettings().awaiting_s / on.stack.scale + LATE_S,
        )
        if scene.tell(run["id"], "approve", {"hash": plan_hash}) is not None:
            on.report.fault("an approval was taken although it came too late")
        return
    _approve(on, run["id"])


def _approve(on: Play, run_id: str) -> None:
    """As many as are asked for say yes to the plan that stands."""
    for person in ("ana", "luis"):
        found = on.scene.run(run_id)
        if found is not None and found["state"] == "awaiting_approval" and found["plan"] is not None:
            on.scene.tell(run_id, "approve", {"hash": found["plan"]["hash"]}, person)
            on.report.approve_s = round(on.since, 1)
            on.report.moment(on.report.approve_s, f"{person} approves", "people")
            on.say(f"{person} approves after {on.report.approve_s} s")


def _ended(on: Play, run_id: str) -> None:
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
                on.scene.tell(run_id, "answer", {"step": run["waitsFor"], "text": _answer(on, run)})
            if run["state"] == "awaiting_approval" and on.drill.person == "approve":
                _approve(on, run_id)  # planned anew: after a person's answer, or because the world has moved
            if run["state"] in ENDED:
                break
        time.sleep(0.3)
    _judge_end(on, run)


def _answer(on: Play, run: dict[str, Any]) -> str:
    """As the drill says; else the first answer the step offers, which is the one that goes on."""
    offered: list[str] = next((each["answers"] for each in run["steps"] if each["name"] == run["waitsFor"]), [])
    return on.drill.answers.get(run["waitsFor"]) or next(iter(offered), "done")


def _judge_end(on: Play, run: dict[str, Any] | None) -> None:
    report, within = on.report, on.drill.within
    report.run = run
    report.state = run["state"] if run else "gone"
    report.moment(on.since, f"the run ends: {report.state}", "run")
    on.say(f"the run ends after {on.since:.1f} s: {report.state}")
    if report.state not in on.drill.ends:
        said = (run or {}).get("why", "")
        report.fault(f"the run ended as {report.state}, expected {' or '.join(on.drill.ends)}: {said}")
    if (
        run is not None
        and "recovered" in on.drill.ends
        and not [each for each in run["acts"] if each["outcome"] == "done"]
    ):
        report.fault("nothing was done by the run: what recovered, recovered by itself")
    if report.state == "recovered":
        report.recover_s = round(on.since, 1)
        if report.recover_s > within.recover:
            report.fault(f"recovered after {report.recover_s} s, {within.recover:.0f} allowed")
    if report.mitigate_s is not None and report.mitigate_s > within.mitigate:
        report.fault(f"mitigated after {report.mitigate_s} s, {within.mitigate:.0f} allowed")


def _afterwards(on: Play) -> None:
    """Leases end, promises hold, the journal is whole, nobody was woken for anything else."""
    report, began = on.report, time.monotonic()
    if wait_for(lambda: not on.scene.moved_switches(), REVERT_S) is None:
        report.fault(f"switches stay moved: {', '.join(on.scene.moved_switches())}")
    else:
        report.revert_s = round(time.monotonic() - began, 1)
        report.moment(on.since, "all switches stand where they usually do", "run")
    broken = on.scene.broken_promises()
    if broken:
        report.fault(f"promises do not hold: {', '.join(broken)}")
    report.faults += [f"the journal: {each}" for each in on.scene.journal_faults()]
    twice = on.scene.double_charges()
    if twice:
        report.fault(f"charged twice: {', '.join(twice)}")
    if on.crowd:
        report.price = on.crowd.price(on.began)
        report.refusals = on.crowd.refusals(on.began)
    if not on.drill.is_negative:
        told(on)


def told(on: Play) -> None:
    """Who was told of what; nobody may be woken for anything but what was broken."""
    report, own = on.report, {OWN_WAIT} if on.waited else set()
    if on.watch is not None:
        report.pages = sorted({each.name for each in on.watch.pages if each.since >= on.began} - own)
        report.unexpected = on.watch.others(on.began, on.drill.expected, *on.drill.allows)
        if report.unexpected:
            report.fault(f"somebody was woken for something else: {', '.join(report.unexpected)}")


def twice_done(runs: Iterable[Mapping[str, Any]]) -> list[str]:
    """What was done more than once about one subject, in words: an alert that is told again is no second fault."""
    done = Counter((run["subject"], act["step"]) for run in runs for act in run["acts"] if act["outcome"] == "done")
    return [f"{step} was done {many} times for {subject}" for (subject, step), many in sorted(done.items()) if many > 1]


def _if(found: Any, so: Callable[[Any], bool]) -> Any:
    return found if found is not None and so(found) else None


def _words(args: Any) -> str:
    return " ".join(f"{name}={value}" for name, value in args.items())
