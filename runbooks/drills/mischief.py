"""More of what a drill may break: what people and programs do to the database, to the doors, and to the books.

As in `faults`: each takes the system and its arguments, and gives back what takes it away again.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg

from runbooks.actions.backups import RESULT
from runbooks.drills.stack import FaultError, Stack
from runbooks.responder.upkeep import SINCE

Heal = Callable[[], None]
Args = Mapping[str, Any]

_TIMEOUT_S = 10
_DAY_S = 86_400
_LONGEST_BACKUP_S = 120
_QUIET = "sunrise-social"  # ticket types that the crowd of a drill does not want
_QUIET_TOO = "orishas-masterclass"
_LOCK = "SELECT FROM stock WHERE ticket_type = %s FOR UPDATE"
# One long statement: each round locks three tables in a transaction within, gives them back for a moment, in which everybody who
# waits gets through, and begins again.
_HOGS = """
    DO $$ BEGIN FOR round IN 1..600 LOOP
        BEGIN
            LOCK TABLE orders, payments, outbox IN EXCLUSIVE MODE;
            PERFORM pg_sleep(0.8);
            RAISE EXCEPTION 'and back';
        EXCEPTION WHEN raise_exception OR deadlock_detected THEN NULL;
        END;
        PERFORM pg_sleep(0.4);
    END LOOP; END $$
"""


def _connect(stack: Stack, name: str) -> psycopg.Connection[Any]:
    return psycopg.connect(stack.found["database_url"], application_name=name, connect_timeout=_TIMEOUT_S)


def _close(*sessions: psycopg.Connection[Any]) -> None:
    for each in sessions:
        if not each.closed:
            each.cancel_safe(timeout=_TIMEOUT_S)
            each.close()


def _in_background(name: str, work: Callable[[], None]) -> None:
    """Until it ends, or its session is taken from it."""

    def run() -> None:
        try:
            work()
        except psycopg.Error:  # canceled, or ended: that is how it should end
            return

    threading.Thread(target=run, name=name, daemon=True).start()


def lock_queue(stack: Stack, args: Args) -> Heal:
    """Somebody's forgotten session holds a row, and another person's waits for it without end."""
    wanted = [str(args.get("ticket_type", _QUIET))]
    holder, waiter = _connect(stack, "report"), _connect(stack, "import")
    holder.execute(_LOCK, wanted)
    _in_background("lock queue", lambda: _ask_and_close(waiter, _LOCK.encode(), wanted))
    return lambda: _close(waiter, holder)


def _ask_and_close(session: psycopg.Connection[Any], statement: bytes, args: list[str] | None = None) -> None:
    with session:
        session.execute(statement, args)


def deadlocks(stack: Stack, _: Args) -> Heal:
    """A script in one long transaction takes rows in its own order; whoever comes the other way round and it lock each other out."""
    script, other, ended = _connect(stack, "script"), _connect(stack, "import"), threading.Event()
    script.execute("SET deadlock_timeout = '1h'")  # the other one is broken off: it counts when its transaction ends
    other.execute("SET deadlock_timeout = '1300ms'")
    script.commit()
    other.commit()
    script.execute(_LOCK, [_QUIET])

    def take() -> None:
        while not ended.wait(1):
            with script.transaction():  # a savepoint: what was taken before stays
                script.execute(_LOCK, [_QUIET_TOO])
                raise psycopg.Rollback

    def come() -> None:
        while not ended.wait(0.1):
            try:
                other.execute(_LOCK, [_QUIET_TOO])
                other.execute(_LOCK, [_QUIET])
            except psycopg.errors.DeadlockDetected:
                pass
            other.rollback()

    _in_background("import", come)
    _in_background("script", take)

    def heal() -> None:
        ended.set()
        _close(other, script)

    return heal


def hogged_rows(stack: Stack, _: Args) -> Heal:
    """An import keeps everybody from writing orders and what is to be done for them: for most of a second, again and again, in
    one statement that never ends.
    """
    hog = _connect(stack, "import")
    _in_background("hog", lambda: _ask_and_close(hog, _HOGS.encode()))
    return lambda: _close(hog)


def refuses_orders(stack: Stack, _: Args) -> Heal:
    """A release that cannot write an order: every checkout ends in an error of ours."""
    _say(
        stack,
        "CREATE OR REPLACE FUNCTION drill_no_orders() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'a release that cannot write orders'; END $$",
        "CREATE TRIGGER drill_no_orders BEFORE INSERT ON orders EXECUTE FUNCTION drill_no_orders()",
    )
    return lambda: _say(
        stack, "DROP TRIGGER IF EXISTS drill_no_orders ON orders", "DROP FUNCTION IF EXISTS drill_no_orders()"
    )


def difference(stack: Stack, args: Args) -> Heal:
    """Yesterday's comparison found money that the books did not know; since then its event has come, and nobody has looked again."""
    _say(
        stack,
        "INSERT INTO reconciliations (provider, day, ran_at) VALUES (%(provider)s, %(day)s::date, now())"
        " ON CONFLICT (provider, day) DO UPDATE SET ran_at = now()",
        "INSERT INTO differences (id, provider, day, kind, subject, amount_minor, amount_currency, occurred_at, note, owner,"
        " first_seen, last_seen) VALUES ('dif_drill', %(provider)s, %(day)s::date, 'missing_event', 'drill', 60000, 'USD',"
        " now() - interval '1 day', 'a drill', 'finance', now() - interval '3 hours', now() - interval '3 hours')",
        provider=str(args.get("provider", "stripe")),
        day=(datetime.now(UTC) - timedelta(days=1)).date().isoformat(),
    )
    return lambda: _say(stack, "DELETE FROM differences WHERE id = 'dif_drill'")


def _say(stack: Stack, *statements: str, **values: str) -> None:
    with psycopg.connect(stack.found["database_url"], autocommit=True, connect_timeout=_TIMEOUT_S) as superuser:
        for each in statements:
            superuser.execute(each.encode(), values or None)


def rush(stack: Stack, args: Args) -> Heal:
    """A crowd behind one address has used up what it may do at once; what it sends is no order, so nothing is held."""
    url = f"{stack.found['api']}/api/payment/checkout-session"
    with httpx.Client(timeout=_TIMEOUT_S) as client:
        for number in range(int(args.get("requests", 200))):
            client.post(url, json={}, headers={"Idempotency-Key": f"rush-{time.monotonic_ns()}-{number}"})
    return lambda: None


def backup(stack: Stack, _: Args) -> Heal:
    """No fault: last night's backup, which somebody now wants to see restored."""
    folder = stack.folder / "state" / "backups"
    words = [sys.executable, "-m", "service.cli", "db", "backup", "--to", str(folder)]
    said = subprocess.run(
        words, env=_environment(stack), capture_output=True, text=True, timeout=_LONGEST_BACKUP_S, check=False
    )
    if said.returncode:
        raise FaultError(f"no backup was made: {said.stderr.strip()[-300:]}")
    return lambda: _forget(folder)


def untried(stack: Stack, args: Args) -> Heal:
    """There is a backup of last night, and for days nobody has tried one: the responder first looked that long ago."""
    heal = backup(stack, args)
    state = stack.folder / "state" / "respond"
    (state / RESULT).unlink(missing_ok=True)
    since = state / SINCE
    since.touch()
    then = time.time() - int(args.get("days", 9)) * _DAY_S
    os.utime(since, (then, then))
    return heal


def _environment(stack: Stack) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH") if name in os.environ}
    return kept | stack.settings


def _forget(folder: Path) -> None:
    for each in folder.glob("*.dump"):
        each.unlink()


MISCHIEF: Mapping[str, Callable[[Stack, Args], Heal]] = {
    "database.lock_queue": lock_queue,
    "database.deadlocks": deadlocks,
    "database.hogged_rows": hogged_rows,
    "release.refuses_orders": refuses_orders,
    "books.difference": difference,
    "crowd.rush": rush,
    "backup.made": backup,
    "backup.untried": untried,
}
