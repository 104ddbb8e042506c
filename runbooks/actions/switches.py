"""The operational switches: where they stand, and acts that move one for a time.

Every move is leased, so that what nobody renews goes back by itself; renewing is doing it again. Taking one back restores
what stood before it, as the service's own history tells, unless somebody else has moved the switch since. A new act on a
switch is a row of `moves`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from runbooks.actions.arguments import lease, reason
from runbooks.actions.ops import Ask, effect, outcome
from runbooks.actions.world import World
from runbooks.engine.facts import Facts
from runbooks.engine.playbook import Args, Domain
from runbooks.engine.registry import Action, Effect, Read, RefusedError, Reversal, Risk, Taken

LONGEST_LEASE_S = (
    24 * 3600
)  # what is needed longer than a day is a person's decision, and the service's limit is a week
Words = Callable[[Args], str]


@dataclass(frozen=True)
class Move:
    """Which switch, into which position, and what later reads are expected to find, as `read.fact`."""

    switch: Words
    position: Words
    facts: Callable[[str], Facts] = lambda _position: {}


async def read_all(world: World, _args: Args) -> Facts:
    """Each switch by its name, and which are not where they usually are."""
    found = (await world.ops.get("/switches"))["switches"]
    away = [each for each in found if each["value"] != each["default"]]
    facts = {each["name"].replace(".", "_"): each["value"] for each in found}
    names = ", ".join(f"{each['name']}={each['value']}" for each in away)
    return {**facts, "away": len(away), "names": names or "none"}


# ---- moving one ------------------------------------------------------------------------------------------------------


def moving(move: Move, name: str, promise: str, *, risk: Risk, domain: Domain, takes: tuple[str, ...] = ()) -> Action:
    """The registry's row of a leased move."""
    return Action(
        name,
        promise,
        risk,
        domain,
        Reversal.LEASE,
        plan=partial(_plan, move),
        apply=partial(_apply, move),
        observe=partial(_observe, move),
        undo=partial(_undo, move),
        takes=takes,
        ours=partial(_is_ours, move),
    )


async def _plan(move: Move, world: World, args: Args) -> Effect:
    ask = _asked(move, args)
    told = await world.ops.plan(ask)
    position, length_s = ask.body["value"], ask.body["lease"]
    summary = f"{told['subject']}: {told['before']['value']} becomes {position} for {length_s} s"
    return effect(told, summary, move.facts(position))


async def _apply(move: Move, world: World, args: Args, key: str) -> Facts:
    ask = _asked(move, args)
    told = await world.ops.act(ask, key)
    return outcome(told) | {"value": ask.body["value"]}


async def _observe(move: Move, world: World, args: Args) -> Taken:
    found = await world.ops.get(f"/switches/{move.switch(args)}")
    return Taken.DONE if found["value"] == move.position(args) else Taken.NOT_DONE


async def _is_ours(move: Move, world: World, args: Args) -> bool:
    """Whoever has moved it last, perhaps into the same position, has said for how long."""
    found = await world.ops.get(f"/switches/{move.switch(args)}")
    return bool(found["history"]) and found["history"][0]["reason"] == reason(args)


async def _undo(move: Move, world: World, args: Args, key: str) -> Facts:
    return await put_back(world, move.switch(args), reason(args), key)


def _asked(move: Move, args: Args) -> Ask:
    body = {"value": move.position(args), "lease": lease(args, longest_s=LONGEST_LEASE_S)}
    return Ask("PUT", f"/switches/{move.switch(args)}", body, reason(args))


# ---- taking a move back early ----------------------------------------------------------------------------------------


def clearing(switch: str, name: str, promise: str, *, risk: Risk, domain: Domain, facts: Facts | None = None) -> Action:
    """The registry's row of an act that puts a switch where it usually is, whoever has moved it; undone, it is moved again."""
    return Action(
        name,
        promise,
        risk,
        domain,
        Reversal.UNDO,
        plan=partial(_plan_clear, switch, facts or {}),
        apply=partial(_clear, switch),
        observe=partial(_is_clear, switch),
        undo=partial(_restore, switch),
    )


async def _plan_clear(switch: str, facts: Facts, world: World, args: Args) -> Effect:
    told = await world.ops.plan(_cleared(switch, args))
    return effect(told, f"{switch}: {told['before']['value']} goes back to {told['after']['value']}", facts)


async def _clear(switch: str, world: World, args: Args, key: str) -> Facts:
    return outcome(await world.ops.act(_cleared(switch, args), key))


async def _is_clear(switch: str, world: World, _args: Args) -> Taken:
    found = await world.ops.get(f"/switches/{switch}")
    return Taken.DONE if found["value"] == found["default"] else Taken.NOT_DONE


async def _restore(switch: str, world: World, args: Args, key: str) -> Facts:
    return await put_back(world, switch, reason(args), key)


def _cleared(switch: str, args: Args) -> Ask:
    return Ask("DELETE", f"/switches/{switch}", reason=reason(args))


# ---- back to what stood before ---------------------------------------------------------------------------------------


async def put_back(world: World, switch: str, why: str, key: str) -> Facts:
    """Into the position before our own last changes; left alone when the last change is another's."""
    found = await world.ops.get(f"/switches/{switch}")
    history = found["history"]
    if not history or history[0]["reason"] != why:
        return {"changed": False, "value": found["value"]}
    before = next((each for each in history if each["reason"] != why), None)
    told = await world.ops.act(_way_back(world, switch, before, why), key)
    return {"changed": told["changes"], "value": (told["after"] or {}).get("value")}


def _way_back(world: World, switch: str, before: Mapping[str, Any] | None, why: str) -> Ask:
    told = f"{why}: put back"
    left_s = _left_s(before["until"], world.clock()) if before else 0.0
    if before is None or before["value"] is None or (left_s is not None and left_s < 1):
        return Ask("DELETE", f"/switches/{switch}", reason=told)
    body = {"value": before["value"]} | ({"lease": int(left_s)} if left_s is not None else {})
    return Ask("PUT", f"/switches/{switch}", body, told)


def _left_s(until: str | None, now: datetime) -> float | None:
    return (datetime.fromisoformat(until) - now).total_seconds() if until else None


# ---- rows ------------------------------------------------------------------------------------------------------------


def fixed(text: str) -> Words:
    """The same whatever is given."""
    return lambda _args: text


def _level(args: Args) -> str:
    found = str(args.get("level") or "")
    if found not in {"tight", "loose"}:
        raise RefusedError("level must be tight or loose; the usual limits come back when the lease ends")
    return found


def moves() -> Iterator[Action]:
    """Acts on switches that belong to no other noun."""
    sales = Move(fixed("sales"), fixed("paused"), lambda position: {"switches.all.sales": position})
    yield moving(
        sales,
        "sales.pause",
        "No new checkouts; who is paying may finish, the pages stay.",
        risk=Risk.MEDIUM,
        domain=Domain.SERVICE,
    )
    maintenance = Move(fixed("maintenance"), fixed("on"), lambda position: {"switches.all.maintenance": position})
    yield moving(
        maintenance,
        "maintenance.on",
        "Customers see the maintenance page; webhooks are taken, open checkouts go on.",
        risk=Risk.HIGH,
        domain=Domain.SERVICE,
    )
    load = Move(fixed("load"), fixed("shed"), lambda position: {"switches.all.load": position})
    yield moving(
        load,
        "load.shed",
        "Who only looks is asked to come back in a moment; who pays, webhooks and staff go on.",
        risk=Risk.MEDIUM,
        domain=Domain.SERVICE,
    )
    limits = Move(fixed("limits"), _level, lambda position: {"switches.all.limits": position})
    yield moving(
        limits,
        "limits.put",
        "All rate limits halved (tight) or doubled (loose).",
        risk=Risk.LOW,
        domain=Domain.ACCESS,
        takes=("level",),
    )


READS = (
    Read(
        "switches.all",
        "Where every switch stands.",
        {"away": "how many are not where they usually are", "names": "which, and where", "sales": "open or paused",
         "maintenance": "off or on", "load": "normal or shed", "limits": "normal, tight or loose", "route": "who gets new checkouts"},
        read_all,
    ),
)  # fmt: skip
ACTIONS = (
    *moves(),
    clearing(
        "sales",
        "sales.resume",
        "New checkouts are opened again before a pause has run out.",
        risk=Risk.MEDIUM,
        domain=Domain.SERVICE,
        facts={"switches.all.sales": "open"},
    ),
)
