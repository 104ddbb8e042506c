"""Who may say yes, to what, for how long. An approval binds to the hash of a plan and is worth nothing for another one.

What can cost much needs two people, and neither may be the one who asked for it. A break-glass token stands in for both
when nobody can sign in: single use, and its hash alone is kept, in `break-glass.json` of the state directory. It is the yes of
the lead who had it made, given beforehand: so it may be spent by whoever asked for the run, but never by its maker on a run of
high risk of his own, and on no run that had begun when it was made.
"""

import hashlib
import json
import secrets
from datetime import datetime, timedelta
from pathlib import Path

from runbooks.engine.registry import Risk
from runbooks.engine.runs import Approval, Person, Run

TOKENS = "break-glass.json"
MARK = "cubano_bg_"  # what a secret scanner looks for, and what no log or journal shows more of


class RefusalError(Exception):
    """What a person asked for is not done; the message says why and what to do instead."""


class WrongStateError(RefusalError):
    """It came too late, or somebody was quicker."""

    def __init__(self, run: Run, wanted: str) -> None:
        super().__init__(f"run {run.id} is {run.state.replace('_', ' ')}: it cannot be {wanted} any more")


class StalePlanError(RefusalError):
    """The plan that was approved is not the one that stands."""


class NotAllowedError(RefusalError):
    """The person may not approve it."""


def needed(risk: Risk) -> int:
    """How many people have to say yes."""
    return 2 if risk is Risk.HIGH else 1


def standing(run: Run, now: datetime, valid_for: timedelta) -> list[Approval]:
    """The approvals that count now: for this plan, not too old, one a person.

    One that seems to come after what is known to be later was given before the clock was put back: nobody knows how old it is.
    """
    found: dict[str, Approval] = {}
    later = now
    for each in reversed(run.approvals):
        if run.plan is not None and each.plan == run.plan.hash and now - valid_for <= each.at <= later:
            found.setdefault(each.person, each)
        later = min(later, each.at)
    return list(found.values())


def is_enough(run: Run, now: datetime, valid_for: timedelta) -> bool:
    """Whether the plan may be carried out."""
    given = standing(run, now, valid_for)
    if run.plan is None:
        return False
    return any(each.full for each in given) or len(given) >= needed(run.plan.risk)


def check(run: Run, person: Person, roles: frozenset[str]) -> None:
    """`NotAllowedError` when this person cannot approve this run."""
    if not person.roles & roles:
        raise NotAllowedError(f"{person.known_as} needs one of the roles {', '.join(sorted(roles))}")
    if run.plan is not None and run.plan.risk is Risk.HIGH and person.known_as == run.requester:
        raise NotAllowedError(
            "what can cost much is approved by somebody else than who asked for it, and by two people"
        )


class Tokens:
    """Break-glass tokens of one state directory."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / TOKENS

    def make(self) -> tuple[str, str]:
        """A new token, shown once, and the mark it is known by."""
        token = MARK + secrets.token_urlsafe(24)
        self._write([*self._marks(), mark(token)])
        return token, mark(token)

    def has(self, token: str) -> bool:
        return mark(token) in self._marks()

    def spend(self, token: str) -> None:
        """Takes it away; the journal has said before that it is used."""
        self._write([each for each in self._marks() if each != mark(token)])

    def _marks(self) -> list[str]:
        try:
            return [str(each) for each in json.loads(self._path.read_text())]
        except (FileNotFoundError, ValueError):
            return []

    def _write(self, marks: list[str]) -> None:
        fresh = self._path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(marks))
        fresh.replace(self._path)


def mark(token: str) -> str:
    """What is kept of a token: enough to know it again, too little to make it."""
    return hashlib.sha256(token.encode()).hexdigest()
