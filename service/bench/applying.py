"""`worker-throughput`: paid orders by the thousand, applied by one `cubano work`, and by PostgreSQL alone with the same statements.

Both take from the same queue, as many at once; each stretch has orders and events of its own, which are all there before
it begins. Letters wait until tomorrow: they are another queue's work, and a reference has none.
"""

import asyncio
import itertools
import time
from datetime import datetime

import psycopg

from service.bench.aside import working
from service.bench.drive import SCRIPTS, LoadFailed, Stretch, pgbench, watch
from service.bench.requests import event_bodies
from service.bench.system import System

LOOPS = 4  # of a worker's inbox
MOST_A_SECOND = 120  # events planted for each second: about what one worker applies
_LOOK_S = 0.05
_PATIENCE_S = 60
_FIRST = itertools.count(1, 1_000_000)
_LATER = """
    CREATE OR REPLACE FUNCTION bench_later() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.due_at := NEW.due_at + interval '1 day'; RETURN NEW; END $$;
    CREATE OR REPLACE TRIGGER bench_later BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION bench_later();
"""
_PENDING = "SELECT count(*) FROM payment_events WHERE state = 'pending'"
_ENDED = (
    "SELECT min(ended_at), max(ended_at), count(*) FILTER (WHERE outcome = 'moved') FROM payment_events WHERE seq > {}"
)


def plant(dsn: str, count: int) -> None:
    """Orders that wait for their money, and the events that bring it, in one commit."""
    first, event = next(_FIRST), next(event_bodies(0)).decode()
    values = {"first": first, "last": first + count - 1, "event": event}
    statements = [each for each in (SCRIPTS / "unpaid.sql").read_text().split(";\n") if each.strip()]
    with psycopg.connect(dsn) as connection, psycopg.ClientCursor(connection) as cursor:
        for statement in statements:
            cursor.execute(statement.encode(), values)


def many(seconds: float) -> int:
    """Events of one stretch; as many for each loop."""
    return max(1, int(seconds * MOST_A_SECOND / LOOPS)) * LOOPS


async def applied(system: System, connections: int, seconds: float) -> Stretch:  # noqa: ARG001 - its loops are its own
    """What one worker, which is ready before the events come, makes of them."""
    system.ask(_LATER)
    async with working(system) as whole:
        last = int(str(system.ask("SELECT coalesce(max(seq), 0) FROM payment_events")[0][0]))
        before = watch(whole)
        plant(system.dsn, many(seconds))
        await _drained(system)
        after = watch(whole)
    began, ended, good = system.ask(_ENDED.format(last))[0]
    if not isinstance(began, datetime) or not isinstance(ended, datetime):
        raise LoadFailed("the worker applied nothing")
    took_s = max((ended - began).total_seconds(), 1e-3)
    moved = int(str(good))
    return Stretch(took_s, moved, many(seconds) - moved, [], {part: after[part] - before[part] for part in before})


async def raw(system: System, connections: int, seconds: float) -> Stretch:
    """The same by pgbench, with as many connections as a worker has loops."""
    system.ask(_LATER)
    plant(system.dsn, many(seconds))
    return await pgbench(system, "worker", connections=connections, seconds=0, each=many(seconds) // connections)


async def _drained(system: System) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while system.ask(_PENDING)[0][0]:
        if time.monotonic() > deadline:
            raise LoadFailed("the worker left events behind")
        await asyncio.sleep(_LOOK_S)
