"""PostgreSQL as its own views tell it. Seconds of what waits are at the pace of production.

That it does not answer is an answer of `db.reachable`; for all others it means that nothing is known.
"""

import time
from typing import Any

from monitoring.signals import count_of, most, quantile
from runbooks.actions.prometheus import plain
from runbooks.actions.world import World
from runbooks.engine.facts import Facts
from runbooks.engine.playbook import Args
from runbooks.engine.registry import Read, UnreachableError
from service.telemetry.catalogue import DB_DEADLOCKS, DB_OPERATION, DB_POOL, DB_POOL_TIMEOUTS
from service.telemetry.labels import PoolState

BUSY = 50  # of one operation in five minutes: fewer tell nothing of its speed


async def read_reachable(world: World, _args: Args) -> Facts:
    """Whether it answers, and as what."""
    started = time.perf_counter()
    try:
        found = await world.sql.one("reachable")
    except UnreachableError as error:
        return {"reachable": False, "why": str(error)}
    took_s = round(time.perf_counter() - started, 4)
    return {"reachable": True, "primary": not found["in_recovery"], "version": found["version"],
            "up_s": world.paced(found["up_s"]), "took_s": took_s}  # fmt: skip


async def read_connections(world: World, _args: Args) -> Facts:
    """How many connections are taken, at the server and in the fullest pool."""
    found = await world.sql.one("connections")
    used, limit = found["used"], found.pop("most")
    return {**found, "limit": limit, "share": round(used / limit, 4), **await _pool(world)}


async def _pool(world: World) -> dict[str, Any]:
    try:
        used = await world.asked(
            f"max({most(DB_POOL, 'instance', state=PoolState.IN_USE)} / {most(DB_POOL, 'instance', state=PoolState.SIZE)})"
        )
        timeouts = await world.counted(count_of(DB_POOL_TIMEOUTS, "5m"))
    except UnreachableError:
        return {}
    return {"pool_share": round(used, 4) if used is not None else None, "pool_timeouts": round(timeouts)}


async def read_longest(world: World, _args: Args) -> Facts:
    """The transaction that has been open longest."""
    rows = await world.sql.rows("longest_transaction")
    if not rows:
        return {"age_s": 0, "state": "none", "process": "none", "operation": "none", "query": "none", "blocks": 0}
    return {**rows[0], "age_s": world.paced(rows[0]["age_s"]), "process": rows[0]["process"] or "unnamed"}


async def read_blockers(world: World, _args: Args) -> Facts:
    """Who holds up others, and waits for nobody."""
    found = await world.sql.one("blockers")
    ages = {name: world.paced(found[name] or 0) for name in ("waited_s", "age_s")}
    return {**found, **ages, "process": found["process"] or "none", "state": found["state"] or "none"}


async def read_slow(world: World, _args: Args) -> Facts:
    """The slowest kind of statement of five minutes, as the processes met it."""
    by = "db_operation_name"
    p95 = await world.by(by, quantile("0.95", DB_OPERATION, "5m", by))
    counts = await world.by(by, count_of(DB_OPERATION, "5m", by))
    busy = {each: value for each, value in p95.items() if counts.get(each, 0) >= BUSY}
    if not busy:
        return {"operation": "none", "count": round(sum(counts.values()))}
    slowest = max(busy, key=lambda each: busy[each])
    return {"operation": slowest, "p95_s": plain(busy[slowest]), "count": round(counts[slowest])}


async def read_deadlocks(world: World, _args: Args) -> Facts:
    """Deadlocks of ten minutes, and in all."""
    found = await world.sql.one("deadlocks")
    try:
        recent: int | None = round(await world.counted(f"max(increase({DB_DEADLOCKS.name}[{{10m}}]))"))
    except UnreachableError:
        recent = None
    return {"recent": recent, **found}


async def read_size(world: World, _args: Args) -> Facts:
    """How large it is."""
    found = await world.sql.one("size")
    return {**found, "largest": found["largest"] or "none"}


async def read_vacuum(world: World, _args: Args) -> Facts:
    """Whether it is cleaned up."""
    found = await world.sql.one("vacuum")
    dead, live = found["dead_rows"], found["live_rows"]
    last_s = found.pop("last_s")
    share = round(dead / (dead + live), 4) if dead + live else 0
    return {**found, "dead_share": share, "last_s": world.paced(last_s) if last_s is not None else None}


async def read_replication(world: World, _args: Args) -> Facts:
    """Who follows it, and how far behind."""
    found = await world.sql.one("replication")
    return {**found, "lag_s": world.paced(found["lag_s"]) if found["lag_s"] is not None else None}


READS = (
    Read(
        "db.reachable",
        "Whether the database answers; that it does not is an answer too.",
        {"reachable": "it answered within two seconds", "why": "what it said instead", "primary": "it takes writes",
         "version": "of PostgreSQL", "up_s": "since its start, at the pace of production", "took_s": "seconds, with the connection"},
        read_reachable,
        timeout_s=8,
    ),
    Read(
        "db.connections",
        "How many connections are taken.",
        {"used": "of the server", "limit": "that the server takes", "share": "used of them", "active": "at work",
         "idle_in_transaction": "holding a transaction and doing nothing", "waiting": "for a lock",
         "pool_share": "taken of the fullest pool of a process", "pool_timeouts": "requests of five minutes that got none"},
        read_connections,
    ),
    Read(
        "db.longest_transaction",
        "The transaction that has been open longest.",
        {"age_s": "seconds; 0 when there is none", "state": "active, idle in transaction, or none", "process": "application_name",
         "operation": "first word of its statement", "query": "digest of its statement", "blocks": "sessions that wait for it"},
        read_longest,
    ),
    Read(
        "db.blockers",
        "Who holds up others, and waits for nobody.",
        {"blockers": "sessions that do", "waiting": "sessions that wait for a lock", "waited_s": "the longest wait",
         "most_blocked": "sessions behind one", "process": "application_name of one", "state": "of one", "age_s": "of the oldest"},
        read_blockers,
    ),
    Read(
        "db.slow",
        "The slowest kind of statement of five minutes.",
        {"operation": "its first word, or none", "p95_s": "seconds that one in twenty exceeds", "count": "how many there were"},
        read_slow,
    ),
    Read(
        "db.deadlocks",
        "Transactions that locked each other out.",
        {"recent": "of ten minutes; absent without Prometheus", "total": "since the statistics began",
         "rollbacks": "since then", "conflicts": "of a replica"},
        read_deadlocks,
    ),
    Read(
        "db.size",
        "How large the database is.",
        {"bytes": "of all of it", "wal_bytes": "of the write-ahead log", "largest": "the largest table", "largest_bytes": "of it"},
        read_size,
        timeout_s=10,
    ),
    Read(
        "db.vacuum",
        "Whether dead rows are cleaned up.",
        {"dead_rows": "not cleaned up", "live_rows": "the others", "dead_share": "of both", "worst": "the table with most of them",
         "wraparound_age": "transactions of the oldest; at 2 billion it stops", "last_s": "since the last vacuum of any table"},
        read_vacuum,
    ),
    Read(
        "db.replication",
        "Who follows the database.",
        {"replicas": "connected", "lag_s": "of the slowest; absent when all is replayed", "slots_unused": "that keep the log for nobody",
         "in_recovery": "it is a replica itself"},
        read_replication,
    ),
)  # fmt: skip
