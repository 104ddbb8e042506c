"""The story of a drill: steady, broken, told, planned, approved, mended, recovered, and everything back where it was.

Each part writes its time and its complaints into the report and the next one goes on, so that one drill says all that is
wrong; the fault is taken away whatever happens.
"""

import time
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx
import psycopg

from runbooks.drills.course import Play, Say, words
from runbooks.drills.drill import Drill
from runbooks.drills.faults import strike
from runbooks.drills.load import coming
from runbooks.drills.persons import SLACK_S, decide, follow, so_far
from runbooks.drills.quiet import needed_s
from runbooks.drills.report import Report
from runbooks.drills.scene import Scene, wait_for
from runbooks.drills.stack import FaultError, Stack
from runbooks.drills.verdict import charged_twice, deaf, killed_once, told, twice_done
from runbooks.drills.watch import watching

STEADY_S = 4
CALM_S = 60
BESIDE_S = 90  # the slowest alert of a second fault
QUICK = 20  # at that pace, or faster, a lease of an hour ends while the drill lasts
REVERT_S = 180  # an alert that is kept for a while keeps its lease renewed


def play(stack: Stack, drill: Drill, say: Say) -> Report:
    """Run it; the report says whether it is green. Never raises for what the system did."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    report = Report(
        drill=drill.drill,
        playbook=drill.playbook,
        drill_version=drill.version,
        scale=stack.scale,
        at=now,
        negative=drill.is_negative,
    )
    on = Play(stack, drill, say, report, Scene(stack))
    started = time.monotonic()
    with ExitStack() as opened:
        opened.callback(on.scene.http.close)
        on.watch = opened.enter_context(watching(stack))
        on.crowd = opened.enter_context(coming(stack, drill.load))
        opened.callback(on.heal)
        _steady(on)
        on.began = time.time()
        if struck(on, "steady"):
            _negative(on) if drill.is_negative else _positive(on)
        on.heal()
        _afterwards(on)
    report.wall_s = round(time.monotonic() - started, 1)
    return report


def _steady(on: Play) -> None:
    """The usual state: nobody is woken, and everybody who comes can buy."""
    if not wait_for(on.watch.is_calm if on.watch else None, CALM_S):
        on.report.fault("there was no calm to begin with")
    for each in on.scene.all_runs(0):  # of the start, or of the drill before: nobody waits for an answer any more
        if each["open"]:
            on.scene.tell(each["id"], "abort", {"reason": "it is over: a drill begins"})
    time.sleep(STEADY_S)
    if on.crowd and (refused := on.crowd.refusals()):
        on.report.fault(f"buyers were refused before anything was broken: {words(refused)}")


def struck(on: Play, once: str) -> bool:
    """Whether everything is broken that should be by then; what could not be broken proves nothing."""
    for each in sorted((each for each in on.drill.faults if each.once == once), key=lambda fault: fault.at_s):
        time.sleep(max(0.0, each.at_s - on.since))
        try:
            on.heals.append(strike(on.stack, each.do, each.args))
        except (FaultError, httpx.HTTPError, psycopg.Error, OSError) as error:
            on.report.fault(f"{each.do} could not be made: {error}")
            return False
        on.report.moment(on.since, f"{each.do} {words(each.args)}".strip(), "fault")
        on.say(f"broken: {each.do} {words(each.args)}")
    return True


def _negative(on: Play) -> None:
    """Nobody is woken, nothing is done."""
    time.sleep(max(on.drill.quiet_s, needed_s(on.drill.silent, on.stack.scale)))
    on.report.faults += deaf(on.watch.looks if on.watch else [], on.began)
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
    if run is None or not struck(on, "planned"):
        return
    if on.drill.heal == "before":
        on.heal()
    decide(on, run)
    follow(on, run["id"])
    if on.drill.kill:
        audited = on.scene.audited(run["id"])  # before the journal: an act is in the journal first
        on.report.faults += killed_once(on.scene.journal(run["id"]), audited, died=on.scene.died())
    beside(on, run["id"])
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
    run = wait_for(lambda: so_far(on.scene.run(runs[0]["id"]), lambda found: found["plan"] is not None), SLACK_S)
    if run is None:
        on.report.fault("the run has no plan")
        return None
    found: dict[str, Any] = run
    on.report.plan_s = round(on.since, 1)
    on.report.version = found["version"]
    on.report.moment(on.report.plan_s, "the plan can be read", "people")
    return found


def beside(on: Play, run_id: str, within_s: float = BESIDE_S) -> None:
    """What is broken as well has its own run, before anything is mended."""
    for name in on.drill.beside:
        if not wait_for(partial(_another, on, name, run_id), within_s):
            on.report.fault(f"{name} has no run of its own beside it")


def _another(on: Play, name: str, run_id: str) -> list[dict[str, Any]]:
    return [each for each in on.scene.runs(name, on.began) if each["id"] != run_id]


def _afterwards(on: Play) -> None:
    """Leases end, promises hold, the journal is whole, nobody was woken for anything else."""
    report, began = on.report, time.monotonic()
    waits = on.stack.scale >= QUICK  # at a slower pace nobody waits for the end of a lease: that there is one is enough
    if wait_for(lambda: not on.scene.moved_switches(for_good=not waits), REVERT_S) is None:
        report.fault(f"switches stay moved: {', '.join(on.scene.moved_switches(for_good=not waits))}")
    elif not waits:
        report.moment(on.since, "what is still moved goes back by its lease", "run")
    else:
        report.revert_s = round(time.monotonic() - began, 1)
        report.moment(on.since, "all switches stand where they usually do", "run")
    broken = on.scene.broken_promises()
    if broken:
        report.fault(f"promises do not hold: {', '.join(broken)}")
    report.faults += [f"the journal: {each}" for each in on.scene.journal_faults()]
    twice = charged_twice(on.scene.charges())
    if twice:
        report.fault(f"charged twice: {', '.join(twice)}")
    if on.crowd:
        report.price = on.crowd.price(on.began)
        report.refusals = on.crowd.refusals(on.began)
    if not on.drill.is_negative:
        told(on)
