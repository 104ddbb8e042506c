"""Orders that stand still, what a trouble cost, and asking the gateway how they stand."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from runbooks.actions.arguments import number, query, reason, seconds, word
from runbooks.actions.ops import Ask, outcome
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

MOST_ORDERS = 50  # asked for in one act: each is a call to a gateway
LISTED = 200
PERSON = "person"  # waits for somebody who looks at a dead letter; a gateway cannot tell more


async def read_stuck(world: World, args: Args) -> Facts:
    """Which orders wait for what; without the service only how many and how long."""
    chosen = query(args, "provider")
    try:
        found = await world.ops.get("/orders/stuck", **chosen, limit=LISTED)
    except UnreachableError:
        row = await world.sql.one("orders_open", provider=chosen.get("provider", ""))
        return {"stuck": row["stuck"], "oldest_s": world.paced(row["oldest_s"])}
    listed, now = found["orders"], world.clock()
    causes = _causes(listed)
    return {
        "stuck": found["total"]["orders"],
        "oldest_s": world.paced(max((_age_s(each, now) for each in listed), default=0.0)),
        "cents": sum(each["minor"] for each in found["total"]["amounts"]),
        "waits_for": max(causes, key=lambda each: causes[each], default="none"),
        "for_person": causes.get(PERSON, 0),
        "provider": listed[0]["provider"] if listed else "none",
        "first": listed[0]["orderNumber"] if listed else "none",
    }


def _causes(listed: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in listed:
        found[each["waitsFor"]] = found.get(each["waitsFor"], 0) + 1
    return found


def _age_s(order: Mapping[str, Any], now: datetime) -> float:
    since = datetime.fromisoformat(order["since"])
    return (now - since).total_seconds()


async def read_impact(world: World, args: Args) -> Facts:
    """What happened to the orders placed since then."""
    since = world.clock() - timedelta(seconds=seconds(args, "since", "1h", pace=world.pace))
    found = await world.ops.get("/impact", since=since.isoformat(), **query(args, "provider"))
    orders, risk = found["orders"], found["moneyAtRisk"]
    facts: dict[str, Any] = {name: orders[name]["orders"] for name in ("opened", "paid", "troubled", "waiting", "lost")}
    facts["paid_later"] = orders["paidLater"]["orders"]
    facts["at_risk"] = sum(each["orders"] for each in risk.values())
    for name, figures in {
        "lost_cents": [orders["lost"]],
        "waiting_cents": [orders["waiting"]],
        "at_risk_cents": list(risk.values()),
    }.items():
        facts[name] = sum(amount["minor"] for figure in figures for amount in figure["amounts"])
    failed = max(found["failed"], key=lambda each: each["figure"]["sessions"], default=None)
    facts["category"] = failed["category"] if failed else "none"
    return facts


async def read_cases(world: World, _args: Args) -> Facts:
    """What waits for a person."""
    found = await world.sql.one("cases")
    return {**found, "kind": found["kind"] or "none", "oldest_s": world.paced(found["oldest_s"])}


# ---- finding out -----------------------------------------------------------------------------------------------------


async def _plan_find_out(world: World, args: Args) -> Effect:
    orders = await _chosen(world, args)
    cents: dict[str, int] = {}
    for each in orders:
        cents[each["total"]["currency"]] = cents.get(each["total"]["currency"], 0) + each["total"]["minor"]
    return Effect(
        f"the gateway is asked how {len(orders)} orders stand" if orders else "no order waits for a gateway's word",
        changes=bool(orders),
        before={"orders": {each["orderId"]: each["status"] for each in orders}},
        after={"asked": [each["orderId"] for each in orders]},
        orders=len(orders),
        sessions=len(orders),
        cents=cents,
        facts={"orders.stuck.stuck": 0} if orders else {},
    )


async def _find_out(world: World, args: Args, key: str) -> Facts:
    async def act() -> Facts:
        return await _ask_all(world, await _chosen(world, args), args, key)

    return await world.done.once(key, act)


async def _ask_all(world: World, orders: Sequence[Mapping[str, Any]], args: Args, key: str) -> Facts:
    """One after the other; a gateway that is away ends it, an order it refuses does not."""
    moved = refused = 0
    for each in orders:
        ask = Ask("POST", f"/orders/{each['orderId']}/find-out", reason=reason(args))
        try:
            told = await world.ops.act(ask, f"{key}:{each['orderId']}")
        except RefusedError:
            refused += 1
        else:
            moved += bool(outcome(told)["changed"])
    return {"asked": len(orders), "changed": moved, "refused": refused}


async def _is_found_out(world: World, args: Args) -> Taken:
    return Taken.NOT_DONE if await _chosen(world, args) else Taken.DONE


async def _chosen(world: World, args: Args) -> list[Mapping[str, Any]]:
    limit = number(args, "limit", 20, most=MOST_ORDERS)
    found = await world.ops.get("/orders/stuck", **query(args, "provider"), limit=LISTED)
    waiting = [each for each in found["orders"] if each["waitsFor"] != PERSON]
    if args.get("order"):
        waiting = [each for each in waiting if word(args, "order") in {each["orderId"], each["orderNumber"]}]
    return waiting[:limit]


READS = (
    Read(
        "orders.stuck",
        "Orders that stand still.",
        {"stuck": "all of them", "oldest_s": "how long the oldest waits, at the pace of production", "cents": "what they sum to",
         "waits_for": "what most of them wait for: closing, gateway_answer, capture, bank, refund, person, or none",
         "for_person": "of these, behind a dead letter", "provider": "of the oldest", "first": "number of the oldest"},
        read_stuck,
        ("provider?",),
    ),
    Read(
        "orders.impact",
        "What happened to the orders placed since then (1h).",
        {"opened": "came as far as a provider", "paid": "of these, paid", "troubled": "with an attempt that failed",
         "paid_later": "of the troubled, paid all the same", "waiting": "of the troubled, still open", "lost": "of the troubled, never paid",
         "at_risk": "orders whose money is not settled", "lost_cents": "sum of the lost", "waiting_cents": "sum of the waiting",
         "at_risk_cents": "sum at risk", "category": "why most attempts failed, or none"},
        read_impact,
        ("since?", "provider?"),
    ),
    Read(
        "cases.open",
        "What waits for a person.",
        {"open": "cases", "overdue": "past their time", "kind": "the commonest kind, or none",
         "oldest_s": "how long the oldest waits, at the pace of production"},
        read_cases,
    ),
)  # fmt: skip
ACTIONS = (
    Action(
        "orders.find_out",
        "The gateway is asked how the longest waiting orders stand, and what it says is applied; nothing is charged by asking.",
        Risk.LOW,
        Domain.GATEWAY,
        Reversal.HARMLESS,
        _plan_find_out,
        _find_out,
        _is_found_out,
        takes=("provider?", "order?", "limit?"),
        timeout_s=60,
    ),
)
