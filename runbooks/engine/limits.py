"""What holds a run back. Everything is counted from the runs the journal tells, so a restart forgets nothing.

`refusals` end a run before it acts, `holder` makes it wait for another one, `excess` makes it ask a person, and
`stops_now` is asked before every single act.
"""

from collections.abc import Mapping

from runbooks.engine.desk import Desk
from runbooks.engine.plan import Plan, PlannedAct, amount
from runbooks.engine.playbook import Limits, Playbook
from runbooks.engine.runs import Run
from runbooks.engine.states import State

DAY_S, HOUR_S = 86_400, 3600
_RANK = {"critical": 0, "": 0, "warning": 1}  # an order of a person has no tier, and waits for none
_SLACK = 5  # a fifth more than was approved may be touched: the counts move by the second
_FEW = 10  # of a few, where the playbook may touch any number, so many more are no other plan


def cooling(desk: Desk, playbook: Playbook, subject: str) -> Run | None:
    """The run for the same that is still going on or ended so lately that it stands for this one too.

    One that was stopped before it changed anything does not: a minute later it may be this fault after all. One that nobody
    decided about does as long as nobody is asked again.
    """
    for run in reversed(desk.runs.of(playbook.name, subject)):
        counts = (run.acted or run.state is not State.STOPPED) and not may_ask_again(desk, playbook, run)
        if run.is_open or (counts and desk.since(run.since) < desk.span(playbook.limits.cooldown_s)):
            return run
    return None


def may_ask_again(desk: Desk, playbook: Playbook, run: Run) -> bool:
    """Whether an alert that still fires gets another plan: nobody decided about its last one in time.

    The first time at once, then later each time, so that it never stops asking and asks a handful of times a day. What it
    did counts for the limits of the next one as any other's.
    """
    if run.state is not State.EXPIRED:
        return False
    earlier = [each for each in desk.runs.of(playbook.name, run.subject) if each.state is State.EXPIRED]
    asked = sum(desk.since(each.since) < desk.span(DAY_S) for each in earlier)
    pause_s = max(asked - 1, 0) * desk.settings.awaiting_s
    return desk.since(run.since) >= desk.span(max(pause_s, playbook.limits.cooldown_s if run.acted else 0))


def refusals(desk: Desk, playbook: Playbook, run: Run) -> list[str]:
    """Why this run must not act at all, in words."""
    found = []
    earlier = [each for each in desk.runs if each is not run and _acted_within(desk, each, DAY_S)]
    same = [each for each in earlier if each.subject == run.subject]
    mine = [each for each in same if each.playbook == run.playbook]
    if len(mine) >= playbook.limits.runs_per_day:
        found.append(
            f"it ran {len(mine)} times for {run.subject} within a day; its limit is {playbook.limits.runs_per_day}"
        )
    if run.alarm and len(same) >= desk.settings.loop_runs - 1:
        found.append(f"something goes round in a circle: {len(same)} runs changed {run.subject} within a day already")
    cooled = desk.span(playbook.limits.cooldown_s)
    if any(not each.is_open and desk.since(each.since) < cooled for each in mine):
        found.append(f"the last run for {run.subject} has only just ended")
    return found + full_bucket(desk)


def holder(desk: Desk, run: Run) -> Run | None:
    """Another run that changes the same subject or the same domain, or waits for the approval to do so."""
    for each in desk.runs:
        same = each is not run and (each.subject == run.subject or each.domain == run.domain)
        if same and holds(each) and not _steps_aside(each, run):
            return each
    return None


def outranks(other: Run, run: Run) -> bool:
    """Whether another run comes first; what has changed something goes on before anybody."""
    return not run.acted and rank_of(run.tier) > rank_of(other.tier)


def _steps_aside(other: Run, run: Run) -> bool:
    """Whether it waits for what a person does, has changed nothing yet, and matters less."""
    return other.state is State.WAITING_HUMAN and outranks(run, other)


def holds(run: Run) -> bool:
    """Whether a run keeps others from changing what it changes."""
    if not run.is_open or run.plan is None or run.state is State.RECEIVED:
        return False
    ahead = [each for each in run.plan.doing if each.step not in run.steps]
    if run.state is State.PLANNED:
        return run.acted  # it is planned anew in the middle
    return bool(ahead) or (run.acted and not run.verified)


def rank_of(tier: str) -> int:
    """Who comes first: the lower."""
    return _RANK.get(tier, len(_RANK))


def gives_way(other: Run, run: Run) -> bool:
    """Whether a plan that waits for its approval, and has changed nothing yet, is put behind one that matters more."""
    return other.state is State.AWAITING_APPROVAL and outranks(run, other)


def excess(plan: Plan, limits: Limits) -> list[str]:
    """What the plan would touch more of than the playbook may without being asked."""
    counts = (("orders", plan.orders, limits.orders), ("sessions", plan.sessions, limits.sessions))
    found = [
        f"{count} {word}, and {most} is its limit" for word, count, most in counts if most is not None and count > most
    ]
    return found + [
        f"{amount(minor, currency)}, and {amount(limits.cents, currency)} is its limit"
        for currency, minor in plan.cents.items()
        if limits.cents is not None and minor > limits.cents
    ]


def stops_now(desk: Desk, run: Run) -> list[str]:
    """Why the next act must not be done now: asked between any two steps and right before each intent."""
    found = [reason] if (reason := desk.passive()) else []
    other = holder(desk, run)
    if other is not None:
        found.append(f"run {other.id} changes the same")
    return found + full_bucket(desk)


def has_grown(planned: PlannedAct, fresh: PlannedAct, limits: Limits) -> bool:
    """Whether an act would now touch clearly more than was planned, and more than its limit; without one, twice as much."""
    counts = [(planned.orders, fresh.orders, limits.orders), (planned.sessions, fresh.sessions, limits.sessions)]
    money = [(_of(planned.cents, currency), minor, limits.cents) for currency, minor in fresh.cents.items()]
    return any(_clearly_more(*each, few=_FEW) for each in counts) or any(_clearly_more(*each, few=0) for each in money)


def full_bucket(desk: Desk) -> list[str]:
    """The acts of all runs together within an hour."""
    hour = desk.span(HOUR_S)
    acts = sum(each.tries for run in desk.runs for each in run.attempts.values() if desk.since(each.at) < hour)
    most = desk.settings.acts_per_hour
    return [f"{acts} acts within an hour, and {most} is the limit of all runs together"] if acts >= most else []


def _acted_within(desk: Desk, run: Run, seconds: int) -> bool:
    return run.acted and run.begun_at is not None and desk.since(run.begun_at) < desk.span(seconds)


def _clearly_more(then: int, now: int, most: int | None, *, few: int) -> bool:
    return now > 2 * then + few if most is None else now > most and now > then + then // _SLACK


def _of(cents: Mapping[str, int], currency: str) -> int:
    return cents.get(currency, 0)
