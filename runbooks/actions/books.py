"""The books: whether they sum to zero, what differs from a gateway, refunds that stand still, promises of the data.

Comparing a day again and checking a promise again read and write nothing that is wrong twice.
"""

import re
from datetime import timedelta

from monitoring.signals import most, since
from runbooks.actions.arguments import reason, word, words
from runbooks.actions.ops import Ask, effect, outcome
from runbooks.actions.world import World
from runbooks.engine.facts import Facts
from runbooks.engine.playbook import Args, Domain
from runbooks.engine.registry import (
    Action,
    Effect,
    Read,
    RefusedError,
    Reversal,
    Risk,
    Taken,
    UnreachableError,
)
from service.telemetry.catalogue import INVARIANT, INVARIANTS_CHECKED

CHECK_S = 60.0  # a promise reads a whole table
COMPARE_S = 35.0  # the service gives itself thirty
LEDGER_S = 30.0
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_PROVIDER = ("provider?",)


async def read_ledger(world: World, _args: Args) -> Facts:
    """Whether every entry sums to zero."""
    found = await world.sql.one("ledger", timeout_s=LEDGER_S)
    return {**found, "balanced": found["unbalanced"] == 0}


async def read_differences(world: World, args: Args) -> Facts:
    """What differs, the commonest kind first, and how long ago the days were compared."""
    provider = word(args, "provider", "")
    rows = await world.sql.rows("differences", provider=provider)
    compared = await world.sql.rows("reconciled", provider=provider)
    return {
        "open": sum(each["open"] for each in rows),
        "cents": sum(each["cents"] for each in rows),
        "kind": rows[0]["kind"] if rows else "none",
        "kinds": len(rows),
        "oldest_s": world.paced(max((each["oldest_s"] for each in rows), default=0)),
        "compared_s": world.paced(compared[0]["age_s"]) if compared else None,
        "day": compared[0]["day"] if compared else None,
    }


async def read_refunds(world: World, args: Args) -> Facts:
    """Refunds that have not ended."""
    found = await world.sql.one("refunds", provider=word(args, "provider", ""))
    return {**found, "oldest_s": world.paced(found["oldest_s"])}


async def read_holds(world: World, _args: Args) -> Facts:
    """Whether all promises hold, as the worker's last round found."""
    broken = await world.by("invariant", f"{most(INVARIANT, 'invariant')} > 0")
    age = await world.asked(since(INVARIANTS_CHECKED))
    if age is None:
        raise UnreachableError("no worker tells of the promises")
    return {"holds": not broken, "broken": len(broken), "checked_s": round(age, 1)}


async def read_broken(world: World, _args: Args) -> Facts:
    """Which promises are broken; asked of Prometheus, and of the last check on demand without it."""
    try:
        broken = await world.by("invariant", f"{most(INVARIANT, 'invariant')} > 0")
    except UnreachableError:
        broken = await _last_check(world)
    worst = max(broken, key=lambda each: broken[each], default="none")
    names = ", ".join(sorted(broken)) or "none"
    return {"broken": len(broken), "names": names, "first": worst, "violations": round(sum(broken.values()))}


async def _last_check(world: World) -> dict[str, float]:
    found = (await world.ops.get("/invariants"))["invariants"]
    return {each["name"]: each["last"]["violations"] for each in found if each["last"] and each["last"]["violations"]}


# ---- acts ------------------------------------------------------------------------------------------------------------


async def _plan_check(_world: World, args: Args) -> Effect:
    which = words(args, "only") if args.get("only") else "all promises"
    return Effect(f"{which} are checked on one snapshot; nothing is changed", after={"checked": which})


async def _check(world: World, args: Args, key: str) -> Facts:
    body = {"only": words(args, "only").split(",")} if args.get("only") else {}

    async def act() -> Facts:
        found = await world.ops.post("/invariants/check", timeout_s=CHECK_S, reason=reason(args), **body)
        broken = {
            each["name"]: each["last"]["violations"] for each in found["invariants"] if each["last"]["violations"]
        }
        names = ", ".join(sorted(broken)) or "none"
        return {"holds": not broken, "broken": len(broken), "names": names, "violations": sum(broken.values())}

    return await world.done.once(key, act)


async def _is_checked(_world: World, _args: Args) -> Taken:
    return Taken.NOT_DONE  # a look is done again without harm


def _comparing(world: World, args: Args) -> Ask:
    day = str(args.get("day") or (world.clock() - timedelta(days=1)).date().isoformat())
    if not _DAY.fullmatch(day):
        raise RefusedError(f"day must be as 2027-02-13, not {day[:20]!r}")
    body = {"day": day} | ({"provider": word(args, "provider")} if args.get("provider") else {})
    return Ask("POST", "/reconciliation/run", body, reason(args), timeout_s=COMPARE_S)


async def _plan_compare(world: World, args: Args) -> Effect:
    ask = _comparing(world, args)
    return effect(await world.ops.plan(ask), f"{ask.body['day']} is read at the gateways and compared with the books")


async def _compare(world: World, args: Args, key: str) -> Facts:
    told = await world.ops.act(_comparing(world, args), key)
    return outcome(told) | {
        name: value for name, value in (told["after"] or {}).items() if isinstance(value, int | str)
    }


async def _is_compared(_world: World, _args: Args) -> Taken:
    return Taken.NOT_DONE  # comparing a day once more finds the same


READS = (
    Read(
        "ledger.sum",
        "Whether the books sum to zero; it adds all of them up.",
        {"balanced": "they do", "entries": "in all", "unbalanced": "that do not sum to zero", "off_cents": "by how much, without signs"},
        read_ledger,
        timeout_s=LEDGER_S + 5,
    ),
    Read(
        "reconciliation.open",
        "What differs between the books and the gateways.",
        {"open": "differences", "cents": "what they come to, without signs", "kind": "the commonest, or none", "kinds": "different ones",
         "oldest_s": "of the oldest, at the pace of production", "compared_s": "since the last comparison, likewise", "day": "that it was of"},
        read_differences,
        _PROVIDER,
    ),
    Read(
        "refunds.stuck",
        "Refunds that have not ended.",
        {"waiting": "for the gateway", "for_approval": "for a second person", "failed": "for a person", "cents": "of the waiting and failed",
         "oldest_s": "since the oldest waiting one moved, at the pace of production"},
        read_refunds,
        _PROVIDER,
    ),
    Read(
        "invariants.holds",
        "Whether the data keep their promises.",
        {"holds": "all of them", "broken": "how many do not", "checked_s": "seconds since the worker looked"},
        read_holds,
    ),
    Read(
        "invariants.broken",
        "Which promises are broken.",
        {"broken": "how many", "names": "which, or none", "first": "the one broken most often, or none", "violations": "in all"},
        read_broken,
    ),
)  # fmt: skip
ACTIONS = (
    Action(
        "invariants.check",
        "The promises of the data are checked now, on one snapshot.",
        Risk.LOW,
        Domain.MONEY,
        Reversal.HARMLESS,
        _plan_check,
        _check,
        _is_checked,
        takes=("only?",),
        timeout_s=CHECK_S + 5,
    ),
    Action(
        "reconciliation.run",
        "A day (yesterday) is read anew at the gateways and compared with the books.",
        Risk.LOW,
        Domain.MONEY,
        Reversal.HARMLESS,
        _plan_compare,
        _compare,
        _is_compared,
        takes=("day?", "provider?"),
        timeout_s=CHECK_S,
    ),
)
