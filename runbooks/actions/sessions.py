"""Cancelling a statement and ending a session in PostgreSQL; who it meets is decided by rule, and shown before.

A cancel meets statements of transactions that are open too long; an end meets who holds up others, or is idle in a
transaction too long. Never our own session, never a replica's or the server's own work, never who holds an advisory lock (the
worker's turns, a migration), never a backup that is in nobody's way. What is cut was not committed and is rolled back.
Who was planned and still fits is met, and nobody else: not whoever has come to fit the rule meanwhile.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from typing import Any

from runbooks.actions.arguments import number, planned, seconds
from runbooks.actions.sql import Row
from runbooks.actions.world import World
from runbooks.engine.facts import Facts
from runbooks.engine.playbook import Args, Domain
from runbooks.engine.registry import Action, Effect, RefusedError, Reversal, Risk, Taken

MOST_SESSIONS = 20


@dataclass(frozen=True)
class Cut:
    """Which statement finds them, which ends them, what that is called, and in which state one is not met yet."""

    find: str
    end: str
    verb: str
    unmet: str = ""  # any state


CANCEL = Cut("cancelable", "cancel", "canceled", "active")
TERMINATE = Cut("terminable", "terminate", "ended")


async def _fitting(cut: Cut, world: World, args: Args) -> tuple[list[Row], int]:
    """Those who fit the rule now, and how many are spared by it."""
    older_than_s = seconds(args, "older_than", "5m", pace=world.pace)
    found = await world.sql.rows(cut.find, older_than_s=older_than_s)
    return [each for each in found if not each["spared"]], sum(each["spared"] for each in found)


def _planned(args: Args) -> set[tuple[int, str]]:
    """Whom the plan named: a process, and since when its transaction is open."""
    named = planned(args)["before"].get("sessions")
    if named is None:
        raise RefusedError("whom it would meet was not known when it was planned")
    return {(each["pid"], each["since"]) for each in named}


def _who(each: Mapping[str, Any]) -> tuple[int, str]:
    return each["pid"], each["xact_start"].astimezone(UTC).isoformat() if each["xact_start"] else ""


async def _plan(cut: Cut, world: World, args: Args) -> Effect:
    fitting, spared = await _fitting(cut, world, args)
    met = fitting[: number(args, "most", 1, most=MOST_SESSIONS)]
    told = "; ".join(_sentence(each, world) for each in met) or "no session that fits the rule"
    return Effect(
        f"{told}: {cut.verb}" if met else told,
        changes=bool(met),
        before={"sessions": [_shown(each) for each in met]},
        after={"sessions": cut.verb},
        facts={"met": len(met), "spared": spared},
    )


def _sentence(each: Mapping[str, Any], world: World) -> str:
    held = f", holds up {each['blocks']}" if each["blocks"] else ""
    doing = f"{each['operation'] or 'nothing'} of {each['process'] or 'an unnamed client'}"
    return f"pid {each['pid']} ({each['state']}, {world.paced(each['age_s']):.0f} s, {doing}{held})"


def _shown(each: Mapping[str, Any]) -> dict[str, Any]:
    """What identifies it and does not change by the second; of its statement only a digest."""
    pid, since = _who(each)
    return {"pid": pid, "since": since, **{name: each[name] for name in ("process", "operation", "query")}}


async def _apply(cut: Cut, world: World, args: Args, key: str) -> Facts:
    async def act() -> Facts:
        named = _planned(args)
        fitting, spared = await _fitting(cut, world, args)
        met = [each for each in fitting if _who(each) in named]
        whom: dict[str, Any] = {"pids": [each["pid"] for each in met], "since": [each["xact_start"] for each in met]}
        ended = await world.sql.rows(cut.end, **whom) if met else []
        return {"met": len(met), "ended": sum(each["ended"] for each in ended), "spared": spared}

    return await world.done.once(key, act)


async def _observe(cut: Cut, world: World, args: Args) -> Taken:
    """Done when none of those who were planned is there any more, whoever else may fit by now."""
    named = _planned(args)
    found = await world.sql.rows("still", pids=[pid for pid, _ in named])
    left = [each for each in found if _who(each) in named and (not cut.unmet or each["state"] == cut.unmet)]
    return Taken.NOT_DONE if left else Taken.DONE


def _cutting(cut: Cut, name: str, promise: str, risk: Risk) -> Action:
    return Action(
        name,
        promise,
        risk,
        Domain.DATABASE,
        Reversal.HARMLESS,
        partial(_plan, cut),
        partial(_apply, cut),
        partial(_observe, cut),
        takes=("older_than?", "most?"),
    )


ACTIONS = (
    _cutting(
        CANCEL,
        "db.cancel",
        "Statements of transactions open too long (5m) are cancelled; the session stays.",
        Risk.MEDIUM,
    ),
    _cutting(
        TERMINATE,
        "db.terminate",
        "Sessions that hold up others, or are idle in a transaction too long (5m), are ended; what they had not committed is rolled back.",
        Risk.MEDIUM,
    ),
)
