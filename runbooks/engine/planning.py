"""Makes plans: walks a playbook with real reads, asks each act what it would change, and lets later checks see that.

Nothing is changed. What does not answer is not known, and the walk goes on as if it were as expected; the plan says so, and
then a person has to approve. A step of a person whose answer decides what follows ends the plan: the rest is planned then.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil

from runbooks.engine.desk import Desk
from runbooks.engine.facts import Facts, NoFactError, Value, unmet
from runbooks.engine.looking import UNKNOWN, UNMET, Looker, filled, told
from runbooks.engine.plan import Found, Plan, PlannedAct, plan_hash
from runbooks.engine.playbook import Act, Check, Choose, Continue, Evidence, Human, Look, Next, Playbook, Step, Stop
from runbooks.engine.registry import Effect, RefusedError, UnreachableError
from runbooks.engine.route import chosen, condition, first, fits, following, is_asked_for
from runbooks.engine.runs import END


@dataclass
class _Draft:
    facts: dict[str, Value]
    found: list[Found] = field(default_factory=list)
    acts: list[PlannedAct] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    assumed: dict[str, Value] = field(default_factory=dict)
    ends: str = ""
    waits_for: str = ""


class Planner:
    """Plans at one desk."""

    def __init__(self, desk: Desk, looker: Looker) -> None:
        self._desk = desk
        self._looker = looker

    async def make(
        self,
        playbook: Playbook,
        subject: str,
        labels: Mapping[str, str],
        *,
        cursor: str = "",
        facts: Facts | None = None,
    ) -> Plan:
        """From the first step, or from `cursor` with the facts found before."""
        draft = _Draft({**labels, **(facts or {})})
        name, seen = cursor or first(playbook), set[str]()
        while name != END and not draft.ends and not draft.waits_for:
            if name in seen:
                draft.ends = f"the playbook comes back to {name}"
                break
            seen.add(name)
            step = playbook.step(name)
            name = following(playbook, step, await self._foresee(playbook, step, draft))
        return Plan(
            playbook=playbook.name,
            version=playbook.version,
            subject=subject,
            labels=dict(labels),
            found=tuple(draft.found),
            acts=tuple(draft.acts),
            unknown=tuple(draft.unknown),
            ends=draft.ends,
            waits_for=draft.waits_for,
            hash=plan_hash(playbook.version, subject, draft.acts, draft.found),
            at=self._desk.clock().isoformat(),
        )

    async def effect(self, step: Act, facts: Facts) -> PlannedAct:
        """What the act would change now. `RefusedError` and `NoFactError` when it cannot be done."""
        action = self._desk.registry.actions.get(step.do)
        if action is None:
            raise RefusedError(f"there is no action {step.do}")
        args = filled(step.args, facts)
        known = True
        try:
            async with asyncio.timeout(action.timeout_s):
                effect = await action.plan(self._desk.world, args | lease(self._desk, step))
        except (UnreachableError, TimeoutError) as error:
            effect, known = Effect(f"what it would change is not known: {error or 'no answer in time'}"), False
        return PlannedAct(
            step=step.name,
            do=step.do,
            args=args,
            risk=action.risk,
            summary=effect.summary,
            lease_s=step.lease_s,
            changes=effect.changes,
            known=known,
            approve=step.approve,
            before=dict(effect.before),
            after=dict(effect.after),
            orders=effect.orders,
            sessions=effect.sessions,
            events=effect.events,
            cents=dict(effect.cents),
            facts=dict(effect.facts),
        )

    async def _foresee(self, playbook: Playbook, step: Step, draft: _Draft) -> Next:
        if isinstance(step, Check):
            return await self._check(step, draft)
        if isinstance(step, Choose):
            outcome, then = chosen(step, draft.facts)
            _note(draft, step, outcome)
            draft.ends = told(then.reason, draft.facts) if isinstance(then, Stop) else ""
            return then
        if isinstance(step, Act):
            return await self._act(step, draft)
        if isinstance(step, Evidence):
            seen = await self._looker.look(Look(query=step.query), draft.facts)
            _note(draft, step, seen.outcome, words=seen.words, facts=seen.facts)
        elif isinstance(step, Human) and fits(step.when, draft.facts):
            _note(draft, step, "asks", words=told(step.do, draft.facts))
            if is_asked_for(playbook, f"{step.name}.answer"):
                draft.waits_for = step.name
        else:
            _note(draft, step, "skipped" if isinstance(step, Human) else "follows")
        return Continue()

    async def _check(self, step: Check, draft: _Draft) -> Next:
        seen = await self._looker.look(step.look, draft.facts, draft.assumed)
        _note(draft, step, seen.outcome, words=seen.words, facts=seen.facts, assumed=seen.assumed)
        if seen.outcome == UNKNOWN:
            draft.unknown.append(f"{step.name}: {seen.words}")
        if seen.outcome == UNMET and isinstance(step.otherwise, Stop):
            draft.ends = told(step.otherwise.reason, draft.facts)
        return step.otherwise if seen.outcome == UNMET else Continue()

    async def _act(self, step: Act, draft: _Draft) -> Next:
        so = condition(step.when, draft.facts, (each.step for each in draft.found if each.outcome == UNKNOWN))
        if so != "fits":
            words = "; ".join(unmet(step.when, draft.facts))
            _note(draft, step, so, words=words)
            draft.unknown += [f"{step.name}: {words}"] if so == UNKNOWN else []
            return Continue()
        try:
            planned = await self.effect(step, draft.facts)
        except NoFactError as error:
            draft.ends = f"{step.name} needs {error.args[0]}, which is not known"
        except RefusedError as error:
            draft.ends = f"{step.name} would be refused: {error}"
        else:
            draft.acts.append(planned)
            if not planned.known:
                draft.unknown.append(f"{step.name}: {planned.summary}")
            draft.assumed |= {name: value for name, value in planned.facts.items() if "." in name}
            plain = {name: value for name, value in planned.facts.items() if "." not in name}
            _note(draft, step, act_outcome(planned), words=planned.summary, facts=plain, assumed=bool(plain))
            return Continue()
        _note(draft, step, "stops", words=draft.ends)
        return Continue()


def act_outcome(planned: PlannedAct) -> str:
    """As a condition of the plan: whether it changes anything."""
    return "changes" if planned.changes else "already"


def lease(desk: Desk, step: Act) -> dict[str, str]:
    """The lease as an argument, in seconds at the pace the engine goes."""
    return {"lease_s": str(max(ceil(desk.span(step.lease_s).total_seconds()), 1))} if step.lease_s else {}


def _note(
    draft: _Draft, step: Step, outcome: str, *, words: str = "", facts: Facts | None = None, assumed: bool = False
) -> None:
    """One line of the plan; what it found is there for the steps behind it."""
    known = dict(facts or {})
    draft.facts |= {f"{step.name}.{name}": value for name, value in known.items()}
    kind = type(step).__name__.lower()
    draft.found.append(
        Found(
            step=step.name, kind=kind, heading=step.heading, outcome=outcome, words=words, facts=known, assumed=assumed
        )
    )
