"""The gateways' events: what waits, what was given up and why; applying again, deciding against, fetching what never came.

Counted in the database, so that it is known while the service does not answer. Applying again is safe for every event:
nothing has an effect twice.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from runbooks.actions.arguments import number, query, reason, seconds, word
from runbooks.actions.ops import Ask, effect, outcome
from runbooks.actions.world import World
from runbooks.engine.facts import Facts
from runbooks.engine.playbook import Args, Domain
from runbooks.engine.registry import Action, Effect, Read, Reversal, Risk, Taken

MOST_EVENTS = 500  # in one act, as the service allows
SWEEP_S = 35.0  # the service gives itself thirty
_PROVIDER = ("provider?",)


async def read_depth(world: World, args: Args) -> Facts:
    """What waits to be applied."""
    found = await world.sql.one("inbox", provider=word(args, "provider", ""))
    return {**found, "oldest_s": world.paced(found["oldest_s"])}


async def read_dead(world: World, args: Args) -> Facts:
    """What was given up."""
    recent_s = 3600 / world.pace
    found = await world.sql.one("inbox_dead", provider=word(args, "provider", ""), recent_s=recent_s)
    newest_s = found.pop("newest_s")
    return {**found, "newest_s": world.paced(newest_s) if newest_s is not None else None}


async def read_causes(world: World, args: Args) -> Facts:
    """Why, the commonest cause first."""
    rows = await world.sql.rows("inbox_causes", provider=word(args, "provider", ""))
    if not rows:
        return {"dead": 0, "cause": "none", "causes": 0}
    by_cause: dict[str, int] = {}
    for row in rows:
        by_cause[row["cause"]] = by_cause.get(row["cause"], 0) + row["events"]
    cause = max(by_cause, key=lambda each: by_cause[each])
    first = next(row for row in rows if row["cause"] == cause)
    share = round(by_cause[cause] / first["of_all"], 4)
    names = {"cause": cause[:100], "provider": first["provider"], "type": first["type"]}
    return {"dead": first["of_all"], "causes": len(by_cause), "share": share, **names}


# ---- acts ------------------------------------------------------------------------------------------------------------


def _replaying(args: Args) -> Ask:
    chosen: dict[str, Any] = {"state": "dead", **query(args, "provider", "type", "subject")}
    chosen["limit"] = number(args, "limit", 100, most=MOST_EVENTS)
    return Ask("POST", "/inbox/replay", chosen, reason(args))


async def _plan_replay(world: World, args: Args) -> Effect:
    told = await world.ops.plan(_replaying(args))
    events = told["affects"]["events"]
    return effect(told, f"{events} dead events are due again", {"inbox.dead.dead": 0} if _is_all(args) else {})


async def _replay(world: World, args: Args, key: str) -> Facts:
    return outcome(await world.ops.act(_replaying(args), key))


async def _is_replayed(world: World, args: Args) -> Taken:
    told = await world.ops.plan(_replaying(args))
    return Taken.NOT_DONE if told["changes"] else Taken.DONE


def _is_all(args: Args) -> bool:
    return not any(args.get(name) for name in ("provider", "type", "subject", "limit"))


def _discarding(args: Args) -> Ask:
    return Ask("POST", f"/inbox/{word(args, 'event')}/discard", reason=reason(args))


async def _plan_discard(world: World, args: Args) -> Effect:
    return effect(await world.ops.plan(_discarding(args)), f"event {word(args, 'event')} will have no effect")


async def _discard(world: World, args: Args, key: str) -> Facts:
    return outcome(await world.ops.act(_discarding(args), key))


async def _is_discarded(world: World, args: Args) -> Taken:
    found = await world.ops.get(f"/inbox/{word(args, 'event')}")
    return Taken.DONE if found["state"] == "discarded" else Taken.NOT_DONE


async def _take_up_again(world: World, args: Args, key: str) -> Facts:
    ask = Ask("POST", f"/inbox/{word(args, 'event')}/replay", reason=f"{reason(args)}: taken back")
    return outcome(await world.ops.act(ask, key))


def _sweeping(world: World, args: Args) -> Ask:
    chosen: dict[str, Any] = {**query(args, "provider")}
    if args.get("since"):  # not at the pace of a drill: a gateway keeps its own time
        start = world.clock() - timedelta(seconds=seconds(args, "since", "2h"))
        chosen["since"] = start.replace(minute=start.minute // 10 * 10, second=0, microsecond=0).isoformat()
    return Ask("POST", "/inbox/sweep", chosen, reason(args), timeout_s=SWEEP_S)


async def _plan_sweep(world: World, args: Args) -> Effect:
    told = await world.ops.plan(_sweeping(world, args))
    found = effect(told, f"{told['affects']['events']} events that never came are fetched")
    return replace(found, after={"fetched": "what is missing"})  # which that is moves by the second, like a count


async def _sweep(world: World, args: Args, key: str) -> Facts:
    async def act() -> Facts:
        return outcome(await world.ops.act(_sweeping(world, args), key))

    return await world.done.once(key, act)  # `since` moves with the clock, and one key means one request


async def _is_swept(world: World, args: Args) -> Taken:
    told = await world.ops.plan(_sweeping(world, args))
    return Taken.NOT_DONE if told["changes"] else Taken.DONE


READS = (
    Read(
        "inbox.depth",
        "Events that wait to be applied.",
        {"pending": "waiting, those for their next try too", "due": "of these, due now", "attempts": "the most tries of one",
         "oldest_s": "age of the oldest due one, at the pace of production"},
        read_depth,
        _PROVIDER,
    ),
    Read(
        "inbox.dead",
        "Events that were given up.",
        {"dead": "all of them", "recent": "of the last hour", "causes": "different causes",
         "newest_s": "time since the last one, at the pace of production; absent when there is none"},
        read_dead,
        _PROVIDER,
    ),
    Read(
        "inbox.causes",
        "Why events were given up.",
        {"dead": "all of them", "cause": "the commonest cause, or none", "share": "its share of all", "causes": "different causes",
         "provider": "of the first with this cause", "type": "of the first with this cause"},
        read_causes,
        _PROVIDER,
    ),
)  # fmt: skip
ACTIONS = (
    Action(
        "inbox.replay",
        "Dead events are applied again, the oldest first; nothing has an effect twice.",
        Risk.LOW,
        Domain.WORKER,
        Reversal.HARMLESS,
        _plan_replay,
        _replay,
        _is_replayed,
        takes=("provider?", "type?", "subject?", "limit?"),
    ),
    Action(
        "inbox.discard",
        "One event is parked for good: it has no effect; it stays in the inbox with the reason.",
        Risk.HIGH,
        Domain.WORKER,
        Reversal.UNDO,
        _plan_discard,
        _discard,
        _is_discarded,
        _take_up_again,
        takes=("event",),
    ),
    Action(
        "inbox.sweep",
        "The gateways' own lists are read, and what never came is written down.",
        Risk.LOW,
        Domain.WORKER,
        Reversal.HARMLESS,
        _plan_sweep,
        _sweep,
        _is_swept,
        takes=("provider?", "since?"),
        timeout_s=SWEEP_S + 5,
    ),
)
