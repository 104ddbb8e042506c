"""What a customer feels, without buying: the store's page, what is on sale, readiness, and when the silent buyer last had a ticket.

The doors are tried from here; that nobody opens is an answer. Warming opens the pages that the first customers of a sale
would wait for.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from monitoring.signals import checkouts, count_of, most, since
from runbooks.actions.arguments import REASON, seconds
from runbooks.actions.wire import Answer
from runbooks.actions.world import World
from runbooks.engine.facts import Facts, Value
from runbooks.engine.playbook import Args, Domain
from runbooks.engine.registry import Action, Effect, Read, Reversal, Risk, Taken, UnreachableError
from service.telemetry.catalogue import (
    BUILD_INFO,
    HTTP_SERVER_DURATION,
    SYNTHETIC_EVERY,
    SYNTHETIC_SUCCEEDED,
    WORKER_FAILURES,
    WORKER_HEARTBEAT,
)
from service.telemetry.labels import CheckoutOutcome

STORE, CATALOG, READY = "/en", "/api/payment/catalog", "/health/ready"
WARMED = (STORE, "/es", "/en/cart", "/es/cart", CATALOG)
MISSED = 3  # purchases of the silent buyer in a row
FELT_S = 3.0  # a door that takes longer is closed to a customer
CLOSED = 503
MOST_CHANGES = 50


async def read_probe(world: World, _args: Args) -> Facts:
    """Whether a customer would come as far as paying."""
    doors = {"store": STORE, "catalog": CATALOG, "ready": READY}
    found = {name: await _knock(world, path) for name, path in doors.items()}
    opened = {name: answer is not None and answer.ok for name, answer in found.items()}
    slowest = max((answer.seconds for answer in found.values() if answer), default=None)
    facts = {"ok": all(opened.values()), **opened, "seconds": round(slowest, 3) if slowest is not None else None}
    store = found["store"]
    closed = store is not None and store.status == CLOSED
    return {**facts, "closed": closed, "on_sale": _on_sale(found["catalog"]), **await _silent_buyer(world)}


async def _knock(world: World, path: str) -> Answer | None:
    try:
        return await world.shop.send("GET", path, timeout_s=FELT_S)
    except UnreachableError:
        return None


def _on_sale(answer: Answer | None) -> int | None:
    if answer is None or not answer.ok:
        return None
    try:
        return sum(int(each["available"] > 0) for each in json.loads(answer.body)["ticketTypes"])
    except (ValueError, KeyError, TypeError):
        return None


async def _silent_buyer(world: World) -> Facts:
    """Nothing where Prometheus is away, or nobody buys in silence."""
    try:
        age = await world.asked(since(SYNTHETIC_SUCCEEDED))
        every = await world.asked(most(SYNTHETIC_EVERY))
    except UnreachableError:
        return {}
    if age is None or not every:
        return {}
    return {"synthetic_s": round(age, 1), "synthetic_ok": age < MISSED * every}


async def read_ready(world: World, _args: Args) -> Facts:
    """Whether the service takes traffic, and which of its pings fails."""
    answer = await _knock(world, READY)
    if answer is None:
        return {"answers": False, "ready": False, "failing": "all"}
    pings = _pings(answer)
    failing = ",".join(sorted(name for name, ok in pings.items() if not ok)) or "none"
    return {"answers": True, "ready": answer.ok, "failing": failing, "database": pings.get("database")}


def _pings(answer: Answer) -> Mapping[str, bool]:
    try:
        return {str(each["name"]): bool(each["ok"]) for each in json.loads(answer.body)["pings"]}
    except (ValueError, KeyError, TypeError):
        return {}


async def read_worker(world: World, _args: Args) -> Facts:
    """Whether some worker turns its loops."""
    ages = await world.by("loop", f"time() - max by (loop) ({WORKER_HEARTBEAT.name})")
    failing = await world.by("loop", f"{count_of(WORKER_FAILURES, '5m', 'loop')} > 0")
    up = await world.counted('sum(up{job="work"})')
    oldest = max(ages, key=lambda each: ages[each], default="none")
    return {
        "alive": up > 0 and bool(ages),
        "workers": round(up),
        "age_s": round(ages[oldest], 1) if ages else None,
        "slowest": oldest,
        "failing": ",".join(sorted(failing)) or "none",
        "failures": round(sum(failing.values())),
    }


async def read_traffic(world: World, _args: Args) -> Facts:
    """How many come now, and came an hour ago."""
    requests = f"sum(rate({HTTP_SERVER_DURATION.name}_count[{{5m}}]))"
    now, before = await world.asked(requests), await world.asked(requests.replace("]", "] offset {1h}", 1))
    if now is None:
        raise UnreachableError("no process tells of its requests")
    opened = await world.counted(checkouts("5m", CheckoutOutcome.OPENED, CheckoutOutcome.RESUMED))
    share = round(now / before, 4) if before else None
    rates = {"per_second": round(now, 3), "hour_ago": round(before, 3) if before is not None else None}
    return {**rates, "share": share, "checkouts": round(opened)}


async def read_errors(world: World, _args: Args) -> Facts:
    """The commonest fault of ten minutes."""
    labels = "http_route, http_response_status_code, error_type"
    grouped = (
        f"sum by ({labels}) (increase({HTTP_SERVER_DURATION.name}_count{{http_response_status_code=~'5..'}}[10m]))"
    )
    found = await world.prometheus.query(grouped)
    count = round(float(found.get("value") or 0))
    whole = round(float(found.get("sum") or 0))
    if not count:
        return {"count": 0, "of_all": 0, "route": "none", "status": "none", "error": "none"}
    told = {"route": "label_http_route", "status": "label_http_response_status_code", "error": "label_error_type"}
    return {"count": count, "of_all": whole, "share": round(count / whole, 4)} | {
        name: found.get(label) or "none" for name, label in told.items()
    }


async def read_changes(world: World, args: Args) -> Facts:
    """What changed lately, but for what a playbook did; and which builds run."""
    since_then = world.clock() - timedelta(seconds=seconds(args, "since", "1h", pace=world.pace))
    found = await world.ops.get("/changes", since=since_then.isoformat(), limit=MOST_CHANGES)
    changes = [each for each in found["changes"] if not _is_ours(each)]
    newest: Mapping[str, Any] = changes[0] if changes else {}
    age_s = (world.clock() - datetime.fromisoformat(newest["at"])).total_seconds() if newest else None
    kinds = [each["kind"] for each in changes]
    counts = {"deploys": kinds.count("deploy"), "settings": kinds.count("settings")}
    builds = counts | {"age_s": world.paced(age_s) if age_s is not None else None} | await _builds(world)
    return {
        "changes": len(changes),
        "newest": newest.get("action", "none"),
        "subject": newest.get("subject", "none"),
    } | builds


def _is_ours(change: Mapping[str, Any]) -> bool:
    return str((change["after"] or {}).get("reason", "")).startswith(REASON)


async def _builds(world: World) -> dict[str, Value]:
    try:
        samples = await world.prometheus.samples(BUILD_INFO.name)
    except UnreachableError:
        return {}
    versions = sorted({each.labels.get("version", "") for each in samples})
    return {"versions": len(versions), "version": ",".join(versions)[:100]}


# ---- warming -----------------------------------------------------------------------------------------------------------


async def _plan_warm(_world: World, _args: Args) -> Effect:
    return Effect(f"{len(WARMED)} pages are opened once; nothing is changed", after={"opened": list(WARMED)})


async def _warm(world: World, _args: Args, _key: str) -> Facts:
    answers = [await _knock(world, path) for path in WARMED]
    opened = [answer for answer in answers if answer is not None and answer.ok]
    slowest = max((answer.seconds for answer in opened), default=None)
    return {
        "opened": len(opened),
        "failed": len(answers) - len(opened),
        "seconds": round(slowest, 3) if slowest else None,
    }


async def _is_warm(_world: World, _args: Args) -> Taken:
    return Taken.NOT_DONE  # opening a page once more does no harm


READS = (
    Read(
        "checkout.probe",
        "What a customer feels, without buying.",
        {"ok": "page, catalogue and readiness are all well within three seconds each", "store": "its page opens", "catalog": "what is on sale is told",
         "ready": "the service takes traffic", "seconds": "the slowest of them", "on_sale": "ticket types that can be had",
         "closed": "the store says that it is closed, or too busy", "synthetic_ok": "the silent buyer had a ticket lately; absent without one",
         "synthetic_s": "seconds since then"},
        read_probe,
        timeout_s=15,
    ),
    Read(
        "service.ready",
        "Whether the service takes traffic.",
        {"answers": "it said something", "ready": "all its pings are well", "failing": "which are not, all, or none", "database": "that ping"},
        read_ready,
    ),
    Read(
        "worker.alive",
        "Whether a worker turns its loops.",
        {"alive": "one does", "workers": "that Prometheus reads", "age_s": "seconds since the slowest loop's last turn", "slowest": "that loop, or none",
         "failing": "loops with failures in five minutes, or none", "failures": "how many"},
        read_worker,
    ),
    Read(
        "traffic.rate",
        "How many come.",
        {"per_second": "requests", "hour_ago": "as many then", "share": "now of then", "checkouts": "opened in five minutes"},
        read_traffic,
    ),
    Read(
        "errors.top",
        "The commonest fault of ten minutes.",
        {"count": "of it", "of_all": "faults", "share": "of all", "route": "where, or none", "status": "its code", "error": "its type"},
        read_errors,
    ),
    Read(
        "changes.recent",
        "What people and programs changed lately, and which builds run.",
        {"changes": "how many, but for those of a playbook", "deploys": "other builds among them", "settings": "changed settings among them",
         "age_s": "since the last one, at the pace of production; absent without one", "newest": "what the last one was, or none", "subject": "of what", "versions": "different builds",
         "version": "which"},
        read_changes,
        ("since?",),
    ),
)  # fmt: skip
ACTIONS = (
    Action(
        "pages.warm",
        "The pages of a sale are opened once, so that its first customers need not wait for them.",
        Risk.LOW,
        Domain.SERVICE,
        Reversal.HARMLESS,
        _plan_warm,
        _warm,
        _is_warm,
        timeout_s=20,
    ),
)
