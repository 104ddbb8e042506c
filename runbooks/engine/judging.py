"""Whether it helped: `verify` is what closes a run, nothing else. Also what depends on that: putting back, and leases.

`worse` is judged before `recovered`, at every look. What was done is put back in reverse order, and then everything is
looked at again. A lease is renewed halfway, and only while all that was verified still is so and the alert has not gone.
"""

from collections.abc import Iterable
from datetime import datetime

from runbooks.engine.acting import DONE, Acting
from runbooks.engine.desk import Desk
from runbooks.engine.looking import MET, Looker, Seen
from runbooks.engine.playbook import Continue, Playbook, Step, Verify
from runbooks.engine.registry import Reversal, Taken
from runbooks.engine.route import following
from runbooks.engine.runs import Attempt, Run
from runbooks.engine.states import Event, State

HALFWAY = 2


class Judging:
    """Looks, and says what that means, at one desk."""

    def __init__(self, desk: Desk, looker: Looker, acting: Acting) -> None:
        self._desk = desk
        self._record = desk.record
        self._looker = looker
        self._acting = acting
        self._looked_at: dict[str, datetime] = {}  # when each run was judged last; a restart looks at once
        self._words: dict[str, str] = {}

    def may_look(self, run: Run) -> bool:
        """Whether it is time for the next look."""
        before = self._looked_at.get(run.id)
        return before is None or self._desk.since(before) >= self._desk.span(self._desk.settings.poll_s)

    async def judge(self, run: Run, playbook: Playbook, deadline: datetime) -> None:
        """One look at a run that is being verified."""
        step = _verify(playbook, run.verifier)
        self._looked_at[run.id] = self._desk.clock()
        worse = [each for each in await self._looker.all(step.worse, run.known) if each.outcome == MET]
        seen = [] if worse else await self._looker.all(step.all, run.known)
        if run.state is not State.VERIFYING:
            return
        if worse:
            self._write(run, "verify.worse", step, worse)
            self._record.move(run, State.VERIFYING, Event.WORSEN, "it became worse after what was done")
        elif all(each.outcome == MET for each in seen):
            self._write(run, "verify.passed", step, seen)
            self._play_on(run, playbook, step)
            self._record.move(run, State.VERIFYING, Event.PROCEED)
        else:
            self._not_yet(run, step, seen, deadline)

    async def roll_back(self, run: Run, playbook: Playbook | None, why: str) -> bool:
        """Puts back what may be, the last first. False: something is left, and the reason is in the journal."""
        step = _verify(playbook, run.verifier) if playbook is not None and run.verifier else None
        if step is not None and not step.undo and run.state is State.WORSE:
            return self._left(run, f"{why}; the playbook leaves it to a person")
        todo = self._acting.undoable(run)
        for attempt in todo:
            if reason := self._desk.passive():
                return self._left(run, f"{why}; not put back, because {reason}")
            if await self._acting.put_back(run, attempt) != DONE:
                return self._left(run, f"{why}; {attempt.step} could not be put back")
        done = [each for each in run.attempts.values() if each.outcome == DONE and not each.undone]
        if any(self._stays(each) for each in done) or not (todo or any(each.undone for each in run.attempts.values())):
            return self._left(run, f"{why}; there is no way to put it back")
        if step is not None:
            seen = await self._looker.all((*step.all, *step.worse), run.known)
            self._write(run, "verify.again", step, seen)
        return True

    def keeps(self, run: Run) -> bool:
        """Whether an ended run still has leases to look after."""
        leased = (each for each in run.attempts.values() if each.lease_s and each.outcome == DONE)
        return run.state is State.RECOVERED and any(not (each.undone or each.lapsed) for each in leased)

    async def keep(self, run: Run, playbook: Playbook) -> None:
        """Renews each lease that is half over. While that is not verified it is asked again, until the lease has ended."""
        due = [each for each in run.attempts.values() if self._is_due(each)]
        if not due or not self.may_look(run):
            return
        self._looked_at[run.id] = self._desk.clock()
        ended = [(each, self._lapses(run, each)) for each in due]
        for attempt, why in ended:
            if why:
                self._record.write("lease.lapsed", {"step": attempt.step, "why": why}, run.id)
        doubt = self._desk.passive() or await self._not_so(run, playbook)
        if doubt and self._words.get(run.id) != doubt:
            self._words[run.id] = doubt
            self._record.write("lease.doubted", {"why": doubt}, run.id)
        for attempt, why in ended:
            if not (why or doubt) and run.verified and not self._desk.passive():
                await self._renew(run, attempt)

    async def _renew(self, run: Run, attempt: Attempt) -> None:
        """Unless somebody has taken it back or set it anew meanwhile: a person, or a later step of the run itself."""
        stands = await self._acting.stands(run, attempt)
        if stands is Taken.DONE:
            await self._acting.renew(run, attempt)
        elif stands is Taken.NOT_DONE:
            self._record.write("lease.lapsed", {"step": attempt.step, "why": "somebody has taken it back"}, run.id)

    def _not_yet(self, run: Run, step: Verify, seen: list[Seen], deadline: datetime) -> None:
        words = "; ".join(each.words for each in seen if each.outcome != MET)
        if self._words.get(run.id) != words:
            self._words[run.id] = words
            self._write(run, "verify.looked", step, seen)
        now = self._desk.clock()
        if now >= deadline:
            self._record.move(run, State.VERIFYING, Event.TIME_OUT, f"its deadline is over: {words}")
        elif now - run.since >= self._desk.patience(step.within_s):
            self._record.move(run, State.VERIFYING, Event.TIME_OUT, f"not recovered in time: {words}")

    def _play_on(self, run: Run, playbook: Playbook, step: Step) -> None:
        data = {"step": step.name, "outcome": MET, "facts": {}, "next": following(playbook, step, Continue())}
        self._record.write("step.played", data, run.id)

    def _left(self, run: Run, why: str) -> bool:
        self._record.write("run.flawed", {"why": why}, run.id)
        return False

    def _stays(self, attempt: Attempt) -> bool:
        """What neither goes back by itself nor does no harm, and asked to be put back."""
        action = self._desk.registry.actions[attempt.do]
        return attempt.undo and action.reversal is not Reversal.HARMLESS

    def _is_due(self, attempt: Attempt) -> bool:
        action = self._desk.registry.actions[attempt.do]
        if attempt.outcome != DONE or attempt.undone or attempt.lapsed or action.reversal is not Reversal.LEASE:
            return False
        last = attempt.renewed_at or attempt.at
        return attempt.lease_s > 0 and self._desk.since(last) >= self._desk.span(attempt.lease_s / HALFWAY)

    def _lapses(self, run: Run, attempt: Attempt) -> str:
        last = attempt.renewed_at or attempt.at
        if self._desk.since(last) >= self._desk.span(attempt.lease_s):
            return "it has ended already"
        if run.resolved:
            return "the alert is gone, so it may end"
        return (
            "it was renewed long enough"
            if self._desk.since(attempt.at) >= self._desk.span(self._desk.settings.keep_s)
            else ""
        )

    async def _not_so(self, run: Run, playbook: Playbook) -> str:
        """Why what was verified is not so any more."""
        seen = await self._looker.all(_verify(playbook, run.verifier).all, run.known)
        missed = [each.words for each in seen if each.outcome != MET]
        return f"not renewed, because it is not verified any more: {'; '.join(missed)}" if missed else ""

    def _write(self, run: Run, kind: str, step: Step, seen: Iterable[Seen]) -> None:
        answers = [{"outcome": each.outcome, "words": each.words, "facts": dict(each.facts)} for each in seen]
        self._record.write(kind, {"step": step.name, "seen": answers}, run.id)


def _verify(playbook: Playbook, name: str) -> Verify:
    step = playbook.step(name)
    if not isinstance(step, Verify):
        raise TypeError(f"{name} of {playbook.name} is no verify")  # the version is the one the run began with
    return step
