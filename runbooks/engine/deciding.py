"""From an alarm to a plan, and from a plan to what becomes of it: done at once, asked for, kept waiting, or only told."""

import msgspec

from runbooks.engine.approvals import is_enough
from runbooks.engine.autonomy import asks, standing
from runbooks.engine.desk import Desk
from runbooks.engine.limits import excess, gives_way, holder, refusals
from runbooks.engine.looking import UNKNOWN
from runbooks.engine.plan import Plan
from runbooks.engine.planning import Planner
from runbooks.engine.playbook import Autonomy, Playbook
from runbooks.engine.runs import SCHEDULE, Run
from runbooks.engine.states import Event, State


class Deciding:
    """Decides at one desk."""

    def __init__(self, desk: Desk, planner: Planner) -> None:
        self._desk = desk
        self._record = desk.record
        self._planner = planner

    async def turn(self, run: Run, playbook: Playbook) -> None:
        """One move of a run that has not begun."""
        if run.state is State.RECEIVED:
            await self._plan(run, playbook, State.RECEIVED)
        elif run.state is State.PLANNED and (run.plan is None or run.stale):
            await self._plan(run, playbook, State.PLANNED)
        elif run.state is State.PLANNED and run.plan is not None:
            await self._decide(run, playbook, run.plan)
        elif run.state is State.AWAITING_APPROVAL:
            self._await(run)

    async def _plan(self, run: Run, playbook: Playbook, expected: State) -> None:
        plan = await self._planner.make(playbook, run.subject, run.labels, cursor=run.cursor, facts=run.facts)
        if run.state is not expected:
            return
        self._record.write("run.planned", {"plan": msgspec.to_builtins(plan)}, run.id)
        self._record.move(run, State.RECEIVED, Event.PLAN)

    async def _decide(self, run: Run, playbook: Playbook, plan: Plan) -> None:
        if plan.ends and not plan.doing:
            self._record.move(run, State.PLANNED, Event.STOP, plan.ends)
        elif not plan.doing and plan.is_blind:
            why = f"nothing that was asked has answered: {'; '.join(plan.unknown)}"
            self._record.move(run, State.PLANNED, Event.ASK, why)
        elif not plan.doing and any(each.kind == "act" and each.outcome == UNKNOWN for each in plan.found):
            why = f"what to do hangs on what is not known: {'; '.join(plan.unknown)}"
            self._record.move(run, State.PLANNED, Event.STOP, why)
        elif not plan.doing:
            self._record.move(run, State.PLANNED, Event.BEGIN, "it changes nothing")
        elif standing(self._desk, playbook).level is Autonomy.OBSERVE:
            self._record.move(run, State.PLANNED, Event.OBSERVE, "the playbook only looks, and tells")
        elif reason := self._desk.passive():
            self._record.move(run, State.PLANNED, Event.OBSERVE, f"only looked, because {reason}")
        elif not run.acted and (reasons := refusals(self._desk, playbook, run)):
            self._record.move(run, State.PLANNED, Event.STOP, f"a person has to look: {'; '.join(reasons)}")
        elif (other := self._in_the_way(run)) is not None:
            await self._wait_for(run, other)
        elif run.blocked:
            await self._plan(run, playbook, State.PLANNED)  # it waited: what it saw then may not be so any more
        elif reasons := asks(self._desk, playbook, plan, self._special(plan, playbook, run)):
            anew = [f"planned anew: {run.replanned}"] if run.replanned else []
            self._record.move(run, State.PLANNED, Event.ASK, "; ".join([*anew, *reasons]))
        else:
            self._record.move(run, State.PLANNED, Event.BEGIN, f"by itself: {standing(self._desk, playbook).why}")

    def _in_the_way(self, run: Run) -> Run | None:
        """Whom it has to wait for. A plan that nobody has approved and that matters less is put behind this one."""
        while (other := holder(self._desk, run)) is not None and gives_way(other, run):
            why = f"it gives way to run {run.id} ({run.playbook}), which matters more"
            if not self._record.move(other, State.AWAITING_APPROVAL, Event.REPLAN, why):
                break
        return other

    def _special(self, plan: Plan, playbook: Playbook, run: Run) -> list[str]:
        found = [] if run.alarm or run.requester == SCHEDULE else ["it was started by hand"]
        found += [f"it would end with: {plan.ends}"] if plan.ends else []
        return [*found, *(f"it touches {each}" for each in excess(plan, playbook.limits))]

    async def _wait_for(self, run: Run, other: Run) -> None:
        why = f"run {other.id} ({other.playbook}) changes the same, and is {other.state.replace('_', ' ')}"
        if self._desk.since(run.since) >= self._desk.span(self._desk.settings.blocked_s):
            self._record.move(run, State.PLANNED, Event.EXPIRE, why)
        elif run.blocked != why:
            self._record.write("run.blocked", {"why": why}, run.id)

    def _await(self, run: Run) -> None:
        """Begins when enough have approved (a kill may have come in between), or ends when nobody does."""
        settings = self._desk.settings
        if is_enough(run, self._desk.clock(), self._desk.span(settings.approval_s)):
            self._record.move(run, State.AWAITING_APPROVAL, Event.BEGIN, "approved")
        elif self._desk.since(run.since) >= self._desk.span(settings.awaiting_s):
            self._record.move(run, State.AWAITING_APPROVAL, Event.EXPIRE, "nobody approved it in time")
