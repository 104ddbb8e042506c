"""A payment provider as it is met: how it does, where new checkouts go, and sending them elsewhere or back.

How a provider does is told by two witnesses, the process that answers and Prometheus over all processes; one of them is
enough. A new word for it is a line of `judge`.
"""

from collections.abc import Mapping
from typing import Any

from monitoring.signals import Unlike, count_of, most, quantile
from runbooks.actions.arguments import word, words
from runbooks.actions.prometheus import plain
from runbooks.actions.switches import Move, clearing, fixed, moving
from runbooks.actions.world import World
from runbooks.engine.facts import Facts
from runbooks.engine.playbook import Args, Domain
from runbooks.engine.registry import (
    Read,
    RefusedError,
    Risk,
    UnreachableError,
)
from service.telemetry.catalogue import FAILOVERS, GATEWAY_BREAKER, HTTP_CLIENT_DURATION
from service.telemetry.labels import ClientOutcome

NOT_CALLED = ClientOutcome.NOT_SENT
FAILURES = (ClientOutcome.TIMEOUT, ClientOutcome.UNREACHABLE, ClientOutcome.ERROR, ClientOutcome.AUTH)
# The same numbers as in the alerts of gateways.
MOST_FAILED, LEAST_CALLS = 0.5, 10
LEAST_AUTH, LEAST_LIMITED = 3, 5
SLOW_S, LEAST_TIMED = 3.0, 20


async def read_health(world: World, args: Args) -> Facts:
    """Its state in one word, and what that was judged by."""
    provider = word(args, "provider")
    seen, unseen = await _ask_process(world, provider)
    try:
        seen |= await _ask_prometheus(world, provider)
    except UnreachableError as error:
        if unseen:
            raise UnreachableError(f"{unseen}; {error}") from error
    return {"provider": provider, "state": judge(seen), **seen}


async def _ask_process(world: World, provider: str) -> tuple[dict[str, Any], str]:
    try:
        routing = await world.ops.get("/routing")
    except UnreachableError as error:
        return {}, str(error)
    found = next((each for each in routing["providers"] if each["provider"] == provider), None)
    if found is None:
        raise RefusedError(f"there is no provider called {provider}")
    facts = {"breaker": found["breaker"], "by_hand": found["breakerSwitch"] != "auto", "usable": found["usable"]}
    return facts, ""


async def _ask_prometheus(world: World, provider: str) -> dict[str, Any]:
    by_outcome = await _outcomes(world, provider, "2m")
    called = sum(count for each, count in by_outcome.items() if each != NOT_CALLED)
    failed = sum(by_outcome.get(each, 0) for each in FAILURES)
    timed = {"provider": provider, "outcome": Unlike(NOT_CALLED)}
    p95 = await world.asked(quantile("0.95", HTTP_CLIENT_DURATION, "5m", **timed))
    measured = await world.counted(count_of(HTTP_CLIENT_DURATION, "5m", **timed))
    opened = await world.by("state", most(GATEWAY_BREAKER, "state", provider=provider))
    age = await world.asked(f'time() - min(ALERTS_FOR_STATE{{alertname="GatewayOutage",provider="{provider}"}})')
    facts: dict[str, Any] = {
        "called": plain(round(called)),
        "failed": plain(round(failed)),
        "failed_share": round(failed / called, 4) if called else None,
        "auth": plain(round(by_outcome.get(ClientOutcome.AUTH, 0))),
        "limited": plain(round(by_outcome.get(ClientOutcome.RATE_LIMITED, 0))),
        "p95_s": plain(p95) if p95 is not None else None,
        "timed": plain(round(measured)),
        "age_s": world.paced(age) if age is not None else None,
    }
    shown = next((each for each in ("open", "half_open") if opened.get(each)), "closed") if opened else None
    return facts | ({"breaker": shown} if shown not in {None, "closed"} else {})


def judge(seen: Mapping[str, Any]) -> str:
    """`auth` (our key is refused), `down`, `recovering`, `limited`, `slow` or `up`; the gravest that holds."""
    called, failed, auth = (seen.get(name) or 0 for name in ("called", "failed", "auth"))
    verdicts = (
        ("auth", auth >= LEAST_AUTH and auth * 2 > failed),
        ("down", seen.get("breaker") == "open" and not seen.get("by_hand")),
        ("down", called >= LEAST_CALLS and failed > MOST_FAILED * called),
        ("recovering", seen.get("breaker") == "half_open"),
        ("limited", (seen.get("limited") or 0) >= LEAST_LIMITED),
        ("slow", (seen.get("timed") or 0) >= LEAST_TIMED and (seen.get("p95_s") or 0) > SLOW_S),
    )
    return next((state for state, holds in verdicts if holds), "up")


async def read_errors(world: World, args: Args) -> Facts:
    """How its calls of ten minutes ended."""
    found = await _outcomes(world, word(args, "provider"), "10m")
    bad = {each: count for each, count in found.items() if each not in {ClientOutcome.OK, NOT_CALLED}}
    called = sum(count for each, count in found.items() if each != NOT_CALLED)
    top = max(bad, key=lambda each: bad[each], default="none") if any(bad.values()) else "none"
    counts = {str(each): round(found.get(each, 0)) for each in ClientOutcome}
    share = round(sum(bad.values()) / called, 4) if called else None
    return {"top": str(top), "called": round(called), "share": share, **counts}


async def _outcomes(world: World, provider: str, window: str) -> dict[str, float]:
    return await world.by("outcome", count_of(HTTP_CLIENT_DURATION, window, "outcome", provider=provider))


async def read_routing(world: World, args: Args) -> Facts:
    """Who gets new checkouts now, and why; and who would get the next one if one provider were left out."""
    without = word(args, "without", "")
    found = await world.ops.get("/routing")
    usable = found["usable"]
    moved = await _failovers(world)
    return {
        "route": ",".join(found["route"]),
        "first": usable[0] if usable else "none",
        "next": next((each for each in usable if each != without), "none"),
        "usable": len(usable),
        "away": ",".join(found["away"]) or "none",
        "detour": found["detour"] or "none",
        "sells": found["sells"],
        "failed_over": moved,
    }


async def _failovers(world: World) -> int | None:
    try:
        return round(await world.counted(count_of(FAILOVERS, "10m")))
    except UnreachableError:
        return None  # the routing itself is known all the same


# ---- elsewhere and back ------------------------------------------------------------------------------------------------


def _breaker(args: Args) -> str:
    return f"breaker.{word(args, 'provider')}"


def _state(args: Args) -> str:
    found = word(args, "state", "open")
    if found not in {"open", "closed"}:
        raise RefusedError("state must be open (nothing is sent) or closed (everything is)")
    return found


def _route_facts(position: str) -> Facts:
    first = position.split(",", maxsplit=1)[0]
    return {"gateway.routing.route": position, "gateway.routing.first": first, "switches.all.route": position}


_HEALTH = {
    "state": "up, slow, limited, recovering, down or auth",
    "breaker": "closed, half_open or open, at any process",
    "by_hand": "an operator has moved its breaker",
    "usable": "new checkouts may go there",
    "called": "calls in two minutes",
    "failed": "of these, without a good answer",
    "failed_share": "failed of called; absent without calls",
    "auth": "of these, our key was refused",
    "limited": "of these, told to come later",
    "p95_s": "seconds that one call in twenty exceeds, of five minutes",
    "timed": "calls in five minutes that were sent",
    "age_s": "seconds the outage lasts, at the pace of production",
    "provider": "whose",
}
READS = (
    Read("gateway.health", "How a provider does, in one word.", _HEALTH, read_health, ("provider",)),
    Read(
        "gateway.errors",
        "How the calls of ten minutes to a provider ended.",
        {"top": "the commonest bad end", "called": "calls", "share": "bad ends of all"}
        | {str(each): "calls that ended so" for each in ClientOutcome},
        read_errors,
        ("provider",),
    ),
    Read(
        "gateway.routing",
        "Where new checkouts go.",
        {"route": "the switch", "first": "who gets the next one, or none", "next": "the same without the named one", "usable": "how many may get one",
         "away": "who may not", "detour": "why the first choice is passed over", "sells": "checkouts are opened at all",
         "failed_over": "checkouts of ten minutes that went past the first choice"},
        read_routing,
        ("without?",),
    ),
)  # fmt: skip
ACTIONS = (
    moving(
        Move(fixed("route"), lambda args: words(args, "order"), _route_facts),
        "route.put",
        "New checkouts go to these providers, in this order; open ones stay where they are.",
        risk=Risk.LOW,
        domain=Domain.GATEWAY,
        takes=("order",),
    ),
    clearing("route", "route.clear", "New checkouts go where the settings say.", risk=Risk.LOW, domain=Domain.GATEWAY),
    moving(
        Move(_breaker, _state, lambda position: {"gateway.health.breaker": position, "gateway.health.by_hand": True}),
        "breaker.put",
        "Nothing is sent to a provider (open), or everything (closed), whatever was seen of it.",
        risk=Risk.MEDIUM,
        domain=Domain.GATEWAY,
        takes=("provider", "state?"),
    ),
)
