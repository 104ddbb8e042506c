"""Plays a run: one turn takes it as far as it goes without waiting for a person, another run, or time.

Every move is a compare-and-swap, so whoever was quicker (an approval, an abort) wins and the turn ends. Between any two steps
the playbook's version, the deadline and the kill switch are asked; each condition has to come out as it was planned, else
the run is planned anew and asks again.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from runbooks.engine import acting as acts
from runbooks.engine.acting import Acting
from runbooks.engine.approvals import is_enough
from runbooks.engine.deciding import Deciding
from runbooks.engine.desk import Desk
from runbooks.engine.facts import NoFactError, Value
from runbooks.engine.judging import Judging
from runbooks.engine.limits import has_grown, holder, outranks, stops_now
from runbooks.engine.looking import UNKNOWN, UNMET, Looker, filled, told
from runbooks.engine.plan import PlannedAct, conditions, holds
from runbooks.engine.planning import Planner, act_outcome
from runbooks.engine.playbook import (
    Act,
    Check,
    Choose,
    Continue,
    Evidence,
    Human,
    Look,
    Next,
    Note,
    Notify,
    Playbook,
    Step,
    Stop,
    Verify,
)  # fmt: skip
from runbooks.engine.registry import RefusedError
from runbooks.engine.route import chosen, condition, first, fits, following
from runbooks.engine.runs import END, Run
from runbooks.engine.states import Event, State

CHANGED = "the playbook was changed since this run began: nothing more of it is done"


class Runner:
    """Plays runs at one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._record = desk.record
        self._looker = Looker(desk.registry, desk.world)
        self.planner = Planner(desk, self._looker)
        self.acting = Acting(desk)
        self.judging = Judging(desk, self._looker, self.acting)
        self._deciding = Deciding(desk, self.planner)

    async def turn(self, run: Run) -> None:
        """As far as it goes now."""
        while True:
            before = run.lines
            await self._step(run)
            if run.lines == before:
                return

    def deadline(self, run: Run, playbook: Playbook) -> datetime:
        """Until when it may run, not counting what people took."""
        began = run.begun_at or self._desk.clock()
        return began + 2 * self._desk.patience(playbook.limits.deadline_s / 2) + timedelta(seconds=run.waited_s)

    async def _step(self, run: Run) -> None:
        playbook = self._desk.playbook_of(run)
        if run.state is State.WORSE:
            await self._put_back(run, playbook)
        elif run.state is State.UNKNOWN:
            return  # a person looks
        elif playbook is None:
            self._record.move(run, run.state, Event.ABORT, CHANGED)
        elif run.state is State.RUNNING:
            await self._running(run, playbook)
        elif run.state is State.VERIFYING:
            if self.judging.may_look(run):
                await self.judging.judge(run, playbook, self.deadline(run, playbook))
        elif run.state is State.WAITING_HUMAN and run.asked in run.steps:
            self._record.move(run, State.WAITING_HUMAN, Event.ANSWER, "answered")  # a kill came before this line
        elif run.state is State.WAITING_HUMAN:
            self._let_go(run, self._desk.settings.waiting_s, "nobody answered")
        elif run.is_open:
            await self._deciding.turn(run, playbook)
        if playbook is not None and run.verified and run.state in {State.RECOVERED, State.WAITING_HUMAN, State.RUNNING}:
            await self.judging.keep(run, playbook)

    async def _put_back(self, run: Run, playbook: Playbook | None) -> None:
        back = await self.judging.roll_back(run, playbook, run.reason)
        why = "it became worse, and was put back" if back else run.flaws[-1]
        self._record.move(run, State.WORSE, Event.ROLL_BACK if back else Event.LOSE, why)

    async def _running(self, run: Run, playbook: Playbook) -> None:
        if self._halts(run, playbook) or (not run.checked and not await self._still_so(run, playbook)):
            return
        if run.state is not State.RUNNING:
            return
        name = run.cursor or first(playbook)
        if name == END:
            self._end(run)
        elif name in run.steps:
            self._record.move(run, State.RUNNING, Event.ABORT, f"the playbook comes back to {name}")
        else:
            await self._play(run, playbook, playbook.step(name))

    def _halts(self, run: Run, playbook: Playbook) -> bool:
        ahead = run.plan is not None and any(each.step not in run.steps for each in run.plan.doing)
        other = holder(self._desk, run) if ahead else None
        if other is not None and outranks(other, run):  # it stepped aside while a person was busy with it
            why = f"it gives way to run {other.id} ({other.playbook}), which matters more"
            return self._record.move(run, State.RUNNING, Event.REPLAN, why)
        why = "; ".join(stops_now(self._desk, run)) if ahead else ""
        if not why and self._desk.clock() >= self.deadline(run, playbook):
            why = "its deadline is over"
        return bool(why) and self._record.move(run, State.RUNNING, Event.ABORT, why)

    async def _still_so(self, run: Run, playbook: Playbook) -> bool:
        """Compares the plan with the world once more before the first act after a person's approval, or answer."""
        plan = run.plan
        done = {*run.steps, *(each.step for each in run.attempts.values() if each.outcome == acts.DONE)}
        if plan is not None and run.approvals and any(each.step not in done for each in plan.doing):
            fresh = await self.planner.make(playbook, run.subject, run.labels, cursor=run.cursor, facts=run.facts)
            if run.state is not State.RUNNING:
                return False
            if not is_enough(run, self._desk.clock(), self._desk.span(self._desk.settings.approval_s)):
                return self._replan(run, "the approval is too old")
            if not plan.covers(fresh, done):
                return self._replan(run, "what was approved is not what would be done now")
        self._record.write("run.checked", {}, run.id)
        return True

    async def _play(self, run: Run, playbook: Playbook, step: Step) -> None:
        match step:
            case Check():
                await self._check(run, playbook, step)
            case Choose():
                outcome, then = chosen(step, run.known)
                if self._as_planned(run, playbook, step, outcome):
                    self._played(run, playbook, step, outcome, then=then)
            case Act():
                await self._act(run, playbook, step)
            case Verify():
                self._record.write("verify.begun", {"step": step.name}, run.id)
                self._record.move(run, State.RUNNING, Event.VERIFY)
            case Human():
                self._ask(run, playbook, step)
            case Notify():
                self._draft(run, playbook, step)
            case Note():
                self._record.write("note", {"step": step.name, "text": told(step.text, run.known)}, run.id)
                self._played(run, playbook, step, "noted")
            case Evidence():
                seen = await self._looker.look(Look(query=step.query), run.known)
                if run.state is State.RUNNING:
                    self._played(run, playbook, step, seen.outcome, facts=seen.facts, words=seen.words)

    async def _check(self, run: Run, playbook: Playbook, step: Check) -> None:
        seen = await self._looker.look(step.look, run.known)
        if run.state is not State.RUNNING or not self._as_planned(run, playbook, step, seen.outcome):
            return
        then = step.otherwise if seen.outcome == UNMET else Continue()
        self._played(run, playbook, step, seen.outcome, then=then, facts=seen.facts, words=seen.words)

    async def _act(self, run: Run, playbook: Playbook, step: Act) -> None:
        attempt = run.attempts.get(step.name)
        if attempt is not None and attempt.outcome == acts.DONE:
            self._played(run, playbook, step, acts.DONE)  # a kill came between the outcome and this line
        elif (so := condition(step.when, run.known, _silent(run))) != "fits":
            if self._as_planned(run, playbook, step, so):
                self._played(run, playbook, step, so)
        else:
            await self._change(run, playbook, step)

    async def _change(self, run: Run, playbook: Playbook, step: Act) -> None:
        try:
            fresh = await self.planner.effect(step, run.known)
        except (NoFactError, RefusedError) as error:
            self._record.move(run, State.RUNNING, Event.ABORT, f"{step.name} cannot be done: {error}")
            return
        planned = run.plan.act(step.name) if run.plan is not None else None
        if run.state is not State.RUNNING:
            return
        if planned is None or self._differs(planned, fresh, playbook):
            self._replan(run, f"{step.name} would change something else than was planned")
        elif not fresh.changes:
            self._played(run, playbook, step, act_outcome(fresh))
        elif run.approvals and not is_enough(
            run, self._desk.clock(), self._desk.patience(self._desk.settings.acting_s)
        ):
            self._replan(run, f"{step.name} was approved too long ago")
        else:
            outcome = await self.acting.carry_out(run, step, fresh)
            self.came_out(run, playbook, step, outcome)

    def came_out(self, run: Run, playbook: Playbook, step: Step, outcome: str) -> None:
        """Goes on after an act, or ends the run as its outcome says."""
        if outcome == acts.DONE:
            self._played(run, playbook, step, outcome)
        elif outcome == acts.UNKNOWN:
            self._record.move(run, run.state, Event.LOSE, f"nobody knows whether {step.name} was done: look, then say")
        elif outcome:
            self._record.move(run, State.RUNNING, Event.ABORT, f"{step.name} was not done: {outcome.replace('_', ' ')}")

    def _differs(self, planned: PlannedAct, fresh: PlannedAct, playbook: Playbook) -> bool:
        return planned.fingerprint != fresh.fingerprint or has_grown(planned, fresh, playbook.limits)

    def _ask(self, run: Run, playbook: Playbook, step: Human) -> None:
        if not fits(step.when, run.known):
            self._played(run, playbook, step, "skipped")
        else:
            do = told(step.do, run.known)
            asked = {"step": step.name, "do": do, "answers": list(step.answers)}
            self._record.write("human.asked", asked, run.id)
            self._record.move(run, State.RUNNING, Event.WAIT, do)

    def _draft(self, run: Run, playbook: Playbook, step: Notify) -> None:
        facts = run.known
        try:
            args = filled(step.args, facts)
        except NoFactError as error:
            self._played(run, playbook, step, "not drafted", words=f"{error.args[0]} is not known")
            return
        texts = self._desk.notices(step.template, {**facts, **args}) if self._desk.notices else {}
        draft = {"step": step.name, "to": step.to, "template": step.template, "with": args, "texts": dict(texts)}
        self._record.write("notice.drafted", draft, run.id)
        self._played(run, playbook, step, "drafted")

    def _as_planned(self, run: Run, playbook: Playbook, step: Step, outcome: str) -> bool:
        """Whether a condition came out as planned. When nothing is left to change, nothing depends on that."""
        planned = dict(conditions(run.plan.found)).get(step.name, "") if run.plan is not None else ""
        if holds(planned, outcome) or not _acts_ahead(playbook, run):
            return True
        return self._replan(run, f"{step.name} is {outcome}, and was {planned or 'not looked at'} in the plan")

    def _replan(self, run: Run, why: str) -> bool:
        if run.replans >= self._desk.settings.replans:
            self._record.move(run, State.RUNNING, Event.ABORT, f"planned {run.replans} times anew, and again: {why}")
        else:
            self._record.move(run, State.RUNNING, Event.REPLAN, why)
        return False

    def _played(
        self,
        run: Run,
        playbook: Playbook,
        step: Step,
        outcome: str,
        *,
        then: Next | None = None,
        facts: Mapping[str, Value] | None = None,
        words: str = "",
    ) -> None:
        go = then or Continue()
        data = {"step": step.name, "outcome": outcome, "facts": dict(facts or {}), "words": words}
        self._record.write("step.played", data | {"next": following(playbook, step, go)}, run.id)
        if isinstance(go, Stop):
            self._record.move(run, run.state, Event.STOP, told(go.reason, run.known))

    def _end(self, run: Run) -> None:
        if run.verified:
            self._record.move(run, State.RUNNING, Event.RECOVER, "verified")
        elif run.acted or run.verifier:
            self._record.move(run, State.RUNNING, Event.TIME_OUT, "nothing has shown that it helped")
        else:
            self._record.move(run, State.RUNNING, Event.OBSERVE, "looked, and told")

    def _let_go(self, run: Run, seconds: float, why: str) -> None:
        if self._desk.since(run.since) >= self._desk.span(seconds):
            self._record.move(run, run.state, Event.EXPIRE, why)


def _acts_ahead(playbook: Playbook, run: Run) -> bool:
    return any(each.name not in run.steps for each in playbook.acts)


def _silent(run: Run) -> list[str]:
    """The steps that got no answer."""
    return [name for name, outcome in run.steps.items() if outcome == UNKNOWN]
