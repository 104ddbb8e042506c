"""Acts, once and with a trace: the intent is on the disk before, the outcome after, and in between nobody guesses.

When it is not known whether an act was done (no answer, a kill), `observe` is asked. Done is done; certainly not done may be
tried again under the same key; anything else is a person's business. The same holds for putting back and for leases.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

import msgspec

from runbooks.engine.desk import Desk
from runbooks.engine.facts import Facts
from runbooks.engine.journal import digest
from runbooks.engine.limits import stops_now
from runbooks.engine.plan import PlannedAct
from runbooks.engine.playbook import Act
from runbooks.engine.registry import Action, RefusedError, Reversal, Taken, UnreachableError
from runbooks.engine.runs import Attempt, Run
from runbooks.engine.states import State

DONE, NOT_DONE, REFUSED, UNKNOWN = "done", "not_done", "refused", "unknown"


class Acting:
    """Carries out, puts back and renews at one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._record = desk.record

    async def carry_out(self, run: Run, step: Act, planned: PlannedAct) -> str:
        """Done, refused, not done or unknown; empty when it was not begun (`stops_now`, or somebody ended the run)."""
        while run.state is State.RUNNING and not stops_now(self._desk, run):
            intent = msgspec.to_builtins(planned) | {"key": digest([run.id, step.name]), "undo": step.undo}
            self._record.write("act.intent", intent, run.id)
            attempt = run.attempts[step.name]
            outcome = await self._once(run, attempt, "act", self._action(attempt).apply)
            if outcome != NOT_DONE or attempt.tries >= self._desk.settings.attempts:
                return outcome
        return ""

    async def put_back(self, run: Run, attempt: Attempt) -> str:
        """Undoes an act that was done. Without an undo of its own it is left to its lease."""
        undo = self._action(attempt).undo
        if undo is None:
            return NOT_DONE
        outcome = ""
        for _ in range(self._desk.settings.attempts):
            self._record.write("undo.intent", {"step": attempt.step, "do": attempt.do, "args": attempt.args}, run.id)
            outcome = await self._once(run, attempt, "undo", undo)
            if outcome != NOT_DONE:
                break
        return outcome

    async def renew(self, run: Run, attempt: Attempt) -> str:
        """The same act again, so that its lease begins anew; its key says which renewal this is."""
        self._record.write("lease.intent", {"step": attempt.step, "number": attempt.renewals + 1}, run.id)
        return await self._once(run, attempt, "lease", self._action(attempt).apply)

    async def stands(self, run: Run, attempt: Attempt) -> Taken:
        """Whether what was done is still so, and still ours; what cannot be looked at is taken to be so, but not to be ours."""
        action = self._action(attempt)
        if await self._observe(run, attempt) is Taken.NOT_DONE:
            return Taken.NOT_DONE
        if action.ours is None:
            return Taken.DONE
        try:
            async with asyncio.timeout(action.timeout_s):
                ours = await action.ours(self._desk.world, self._args(run, attempt))
        except (UnreachableError, TimeoutError, RefusedError):
            return Taken.UNKNOWN
        return Taken.DONE if ours else Taken.NOT_DONE

    async def settle(self, run: Run) -> None:
        """Finds out what came of an intent without an outcome, and writes it down."""
        attempt = run.pending
        while attempt is not None:
            kind = "undo" if attempt.undoing else "lease" if attempt.renewing else "act"
            self._write(run, attempt, kind, await self._seen(run, attempt, kind), facts={}, words="seen")
            attempt = run.pending

    def undoable(self, run: Run) -> list[Attempt]:
        """What may be put back, the last first: acts that say so, and leases, which should not wait for their end."""
        return [each for each in reversed(run.attempts.values()) if self._is_undoable(each)]

    async def _once(self, run: Run, attempt: Attempt, kind: str, do: Callable[..., Awaitable[Facts]]) -> str:
        facts: Facts = {}
        try:
            async with asyncio.timeout(self._action(attempt).timeout_s):
                facts = await do(self._desk.world, self._args(run, attempt), _key(attempt, kind))
            outcome, words = DONE, ""
        except RefusedError as error:
            outcome, words = REFUSED, str(error)
        except (UnreachableError, TimeoutError) as error:
            self._record.passed(f"{kind}.unanswered")
            outcome, words = await self._seen(run, attempt, kind), f"{error or 'no answer in time'}"
        self._record.passed(f"{kind}.applied")
        self._write(run, attempt, kind, outcome, facts=facts, words=words)
        return outcome

    def _write(self, run: Run, attempt: Attempt, kind: str, outcome: str, *, facts: Facts, words: str) -> None:
        data = {"step": attempt.step, "outcome": outcome, "facts": dict(facts), "words": words}
        self._record.write(f"{kind}.outcome", data, run.id)

    async def _seen(self, run: Run, attempt: Attempt, kind: str) -> str:
        taken = await self._observe(run, attempt)
        if kind == "undo":
            return {Taken.DONE: NOT_DONE, Taken.NOT_DONE: DONE, Taken.UNKNOWN: UNKNOWN}[taken]
        if kind == "lease":
            return UNKNOWN  # that it is there does not say for how long: it is renewed again, or ends
        return {Taken.DONE: DONE, Taken.NOT_DONE: NOT_DONE, Taken.UNKNOWN: UNKNOWN}[taken]

    async def _observe(self, run: Run, attempt: Attempt) -> Taken:
        action = self._action(attempt)
        for number in range(self._desk.settings.looks):
            if number:
                await asyncio.sleep(self._desk.span(self._desk.settings.look_again_s).total_seconds())
            try:
                async with asyncio.timeout(action.timeout_s):
                    taken = await action.observe(self._desk.world, self._args(run, attempt))
            except (UnreachableError, TimeoutError, RefusedError):
                continue
            if taken is not Taken.UNKNOWN:
                return taken
        return Taken.UNKNOWN

    def _args(self, run: Run, attempt: Attempt) -> Mapping[str, str]:
        lease = {"lease_s": str(max(round(self._span(attempt).total_seconds()), 1))} if attempt.lease_s else {}
        planned = json.dumps({"before": attempt.before, "after": attempt.after})
        return {**attempt.args, **lease, "planned": planned, "reason": f"runbook {run.playbook}, run {run.id}"}

    def _span(self, attempt: Attempt) -> timedelta:
        return self._desk.span(attempt.lease_s)

    def _action(self, attempt: Attempt) -> Action:
        return self._desk.registry.actions[attempt.do]

    def _is_undoable(self, attempt: Attempt) -> bool:
        if attempt.undone or attempt.outcome not in {DONE, UNKNOWN}:
            return False
        action = self._action(attempt)
        return action.undo is not None and (attempt.undo or action.reversal is Reversal.LEASE)


def _key(attempt: Attempt, kind: str) -> str:
    """One key an act: a repetition is known as one by who gets it."""
    return {"act": attempt.key, "undo": f"{attempt.key}-undo"}.get(kind, f"{attempt.key}-{attempt.renewals + 1}")
