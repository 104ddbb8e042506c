"""What makes a drill red: a run that ended otherwise than it had to, what was done twice, and who was woken for nothing.

Every sentence here goes into the report; a drill without one is green.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from runbooks.drills.course import Play
from runbooks.drills.watch import HEARTBEAT, Look

HEARD = 0.9  # of the looks
OWN_WAIT = "RunbookWaiting"  # whom a drill lets wait, nobody has to look for


def judge_end(on: Play, run: dict[str, Any] | None) -> None:
    """The run is at its end, or the drill has given it up: into the report with it, and with what is wrong with it."""
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
    if run is not None and report.state == "rolled_back" and not [each for each in run["acts"] if each["undone"]]:
        report.fault("nothing was put back by the run")
    if report.state == "recovered":
        report.recover_s = round(on.since, 1)
        if report.recover_s > within.recover:
            report.fault(f"recovered after {report.recover_s} s, {within.recover:.0f} allowed")
    if report.mitigate_s is not None and report.mitigate_s > within.mitigate:
        report.fault(f"mitigated after {report.mitigate_s} s, {within.mitigate:.0f} allowed")


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


def deaf(looks: Iterable[Look], since: float) -> list[str]:
    """Silence counts only where the alert that always fires was seen, in both places, at nearly every look."""
    found = [each for each in looks if each.at >= since]
    heard = sum(each.heard for each in found)
    if found and heard >= HEARD * len(found):
        return []
    return [f"the silence means nothing: {HEARTBEAT} was seen at {heard} of {len(found)} looks"]


def killed_once(journal: Sequence[Mapping[str, Any]], audited: Iterable[str], *, died: bool) -> list[str]:
    """What is wrong with a run whose engine was killed behind an act: it died, looked, and did nothing a second time.

    `audited` are the service's own entries about the run. A lease that is renewed or given back has its intent, too.
    """
    said, done = Counter(each["kind"] for each in journal), list(audited)
    begun = Counter(each["data"]["step"] for each in journal if each["kind"] == "act.intent")
    faults = [] if died else ["the responder was never killed"]
    if not said["run.found"]:
        faults.append("the responder did not look what had become of its act")
    faults += [f"{step} was begun {times} times" for step, times in sorted(begun.items()) if times > 1]
    intents = said["act.intent"] + said["lease.intent"] + said["undo.intent"]
    if not 1 <= len(done) <= intents:
        faults.append(f"the service was told {len(done)} times, for {intents} acts: {', '.join(done)}")
    return faults


def charged_twice(charges: Iterable[Mapping[str, Any]]) -> list[str]:
    """Orders that were paid more than once, at one gateway or at two, by the gateways' own account."""
    paid = [each for each in charges if each["payment_status"] == "paid" or each["charged"] > 0]
    many = Counter(str(each["metadata"].get("order_id", each["checkout"])) for each in paid)
    return sorted(order for order, times in many.items() if times > 1)
