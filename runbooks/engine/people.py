"""What people order: yes, no, an answer, an end, putting back, the kill switch, a break-glass token.

Whatever is not done raises a `RefusalError` that says why. Every order is a line in the journal with the person's name.
"""

import json
from datetime import timedelta

from runbooks.engine.approvals import (
    NotAllowedError,
    RefusalError,
    StalePlanError,
    Tokens,
    WrongStateError,
    check,
    is_enough,
    mark,
)
from runbooks.engine.desk import Desk
from runbooks.engine.doubts import DONE, OF_PUTTING_BACK, PUT_BACK, doubts
from runbooks.engine.journal import Entry, cleaned
from runbooks.engine.judging import Judging
from runbooks.engine.playbook import Continue, Human
from runbooks.engine.registry import Risk
from runbooks.engine.route import following
from runbooks.engine.runs import Person, Run
from runbooks.engine.states import Event, State, advance

MADE = "breakglass.made"
TOKEN_LASTS = timedelta(days=365)  # in its envelope


class PassiveError(RefusalError):
    """The kill switch is on."""


class UnknownRunError(RefusalError):
    """There is no such run."""


class People:
    """Takes orders at one desk."""

    def __init__(self, desk: Desk, judging: Judging) -> None:
        self._desk = desk
        self._record = desk.record
        self._judging = judging
        self._tokens = Tokens(desk.record.journal.folder)

    def approve(self, run_id: str, plan_hash: str, person: Person, *, token: str = "") -> Run:
        """Says yes to the plan of this hash; it begins when enough have. `token`: break-glass, in place of roles."""
        run = self.found(run_id)
        if run.state is not State.AWAITING_APPROVAL or run.plan is None:
            raise WrongStateError(run, "approved")
        if reason := self._desk.passive():
            raise PassiveError(f"nothing is approved while {reason}")
        if plan_hash != run.plan.hash:
            raise StalePlanError(
                f"the plan of run {run.id} is another one by now: read it, then approve {run.plan.hash[:12]}"
            )
        if self._desk.since(run.since) >= self._desk.span(self._desk.settings.awaiting_s):
            self._record.move(run, State.AWAITING_APPROVAL, Event.EXPIRE, "approved too late")
            raise WrongStateError(run, "approved")
        if token:
            self._spend(run, token, person)
        else:
            check(run, person, self._desk.settings.roles)
        said = {"person": person.known_as, "plan": plan_hash, "full": bool(token), "via": person.via}
        self._record.write("run.approved", said, run.id)
        if is_enough(run, self._desk.clock(), self._desk.span(self._desk.settings.approval_s)):
            self._record.move(run, State.AWAITING_APPROVAL, Event.BEGIN, f"approved by {person.known_as}")
        return run

    def refuse(self, run_id: str, person: Person, reason: str) -> Run:
        """Says no: the run ends, and nothing was done."""
        run = self._allowed(run_id, person)
        if not self._record.move(run, State.AWAITING_APPROVAL, Event.REFUSE, f"{person.known_as}: {reason}"):
            raise WrongStateError(run, "refused")
        return run

    def answer(self, run_id: str, step: str, text: str, person: Person) -> Run:
        """What a person did or saw: for a step of a person, or for what nobody knows of an act (`doubts`)."""
        run = self._allowed(run_id, person)
        if run.state is State.UNKNOWN:
            return self._tell(run, step, text, person)
        playbook = self._desk.playbook_of(run)
        if run.state is not State.WAITING_HUMAN or run.cursor != step or playbook is None:
            raise WrongStateError(run, "answered")
        asked = playbook.step(step)
        if not isinstance(asked, Human) or (asked.answers and text not in asked.answers):
            raise RefusalError(f"the answer to {step} is one of: {', '.join(getattr(asked, 'answers', ()))}")
        self._record.write("human.answered", {"step": step, "answer": text, "by": person.known_as}, run.id)
        played = {"step": step, "outcome": "answered", "facts": {"answer": text}}
        self._record.write("step.played", played | {"next": following(playbook, asked, Continue())}, run.id)
        self._record.move(run, State.WAITING_HUMAN, Event.ANSWER, f"{person.known_as}: {text}")
        return run

    def abort(self, run_id: str, person: Person, reason: str = "") -> Run:
        """Ends a run where it stands. An act in flight is still written down; leases run out by themselves."""
        run = self._allowed(run_id, person)
        if not self._record.move(run, run.state, Event.ABORT, f"{person.known_as} ended it. {reason}".strip()):
            raise WrongStateError(run, "aborted")
        return run

    async def undo(self, run_id: str, person: Person) -> Run:
        """Puts back what an ended run did, the last first. `RefusalError` says what could not be put back."""
        run = self._allowed(run_id, person)
        if reason := self._desk.passive():
            raise PassiveError(f"nothing is put back while {reason}")
        if not run.acted or run.state is State.WORSE or advance(run.state, Event.ROLL_BACK) is None:
            raise WrongStateError(run, "put back")
        state = run.state
        self._record.write("run.undoing", {"by": person.known_as}, run.id)
        playbook = self._desk.playbook_of(run)
        if not await self._judging.roll_back(run, playbook, f"{person.known_as} puts it back"):
            raise RefusalError(run.flaws[-1])
        self._record.move(run, state, Event.ROLL_BACK, f"put back by {person.known_as}")
        return run

    def pause(self, person: Person, reason: str) -> None:
        """Nothing is changed any more: first the switch, then the journal, which may be what is broken."""
        self._desk.switch.write_text(json.dumps({"by": person.known_as, "reason": reason}))
        self._record.write("engine.paused", {"by": person.known_as, "reason": reason})

    def resume(self, person: Person, reason: str) -> None:
        """Changes are allowed again; what `verify` and the mirror complain of is accepted with it."""
        self._may(person)
        faults = list(dict.fromkeys([*self._record.journal.verify(), *self._desk.seen()]))
        self._record.write("engine.resumed", {"by": person.known_as, "reason": reason, "faults": faults})
        self._desk.switch.unlink(missing_ok=True)

    def break_glass(self, person: Person) -> str:
        """A new token, to be kept where no computer is. It is shown this once."""
        self._may(person)
        token, known_by = self._tokens.make()
        self._record.write(MADE, {"mark": known_by, "by": person.known_as})
        return token

    def _tell(self, run: Run, step: str, text: str, person: Person) -> Run:
        """Only of what is in doubt: else an act that is known would be taken for the one that is not."""
        asked = doubts(run)
        if text not in asked.get(step, ()):
            say = "; ".join(f"say of {name}: {' or '.join(answers)}" for name, answers in asked.items())
            raise RefusalError(say or f"nothing is asked about run {run.id}: end it, or put it back")
        self._record.write("human.answered", {"step": step, "answer": text, "by": person.known_as}, run.id)
        kind = "undo.outcome" if text in OF_PUTTING_BACK else "act.outcome"
        outcome = DONE if text in {DONE, PUT_BACK} else "not_done"
        said = {"step": step, "outcome": outcome, "facts": {}, "words": "a person looked"}
        self._record.write(kind, said, run.id)
        why = f"{person.known_as} looked at {step}: {text}"
        if text == DONE and not run.given_up:
            self._record.move(run, State.UNKNOWN, Event.ANSWER, why)
        elif text != PUT_BACK:
            self._record.move(run, State.UNKNOWN, Event.ABORT, why)
        elif not doubts(run):
            self._record.move(run, State.UNKNOWN, Event.ROLL_BACK, why)
        return run

    def _spend(self, run: Run, token: str, person: Person) -> None:
        known_by = mark(token)
        if not self._tokens.has(token) or known_by in self._desk.runs.used_tokens:
            raise NotAllowedError("this token is not known, or was used before")
        made = self._made(known_by)
        if made is None:
            raise NotAllowedError("the journal does not know this token, or it is older than a year")
        if made.time > run.started_at:
            raise NotAllowedError(
                "this token was made after the run began: it is for what nobody knew when it was made"
            )
        if (
            run.plan is not None
            and run.plan.risk is Risk.HIGH
            and made.data["by"] == cleaned({"by": run.requester})["by"]
        ):
            raise NotAllowedError("who had this token made asked for this run: somebody else has to approve it")
        self._record.write("breakglass.used", {"mark": known_by, "by": person.known_as}, run.id)
        self._tokens.spend(token)

    def _made(self, known_by: str) -> Entry | None:
        """A hash that somebody wrote into the file is no token: the journal says which were made, when and by whom."""
        known = cleaned({"mark": known_by})
        entries = (each for each in self._record.journal.entries() if each.kind == MADE)
        made = (each for each in entries if each.data["mark"] == known["mark"])
        return next((each for each in made if self._desk.since(each.time) < TOKEN_LASTS), None)

    def found(self, run_id: str) -> Run:
        """The run of this id; `UnknownRunError`."""
        if run_id not in self._desk.runs.by_id:
            raise UnknownRunError(f"there is no run {run_id[:40]}")
        return self._desk.runs.by_id[run_id]

    def _allowed(self, run_id: str, person: Person) -> Run:
        self._may(person)
        return self.found(run_id)

    def _may(self, person: Person) -> None:
        if not person.roles & self._desk.settings.roles:
            raise NotAllowedError(
                f"{person.known_as} needs one of the roles {', '.join(sorted(self._desk.settings.roles))}"
            )
