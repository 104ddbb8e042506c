"""What a drill may break, as pairs of a fault and its removal: each strike gives back what takes it away again.

Faults strike where they would in production: on the gateway's wire (the stand-in's list of faults), at a process (a signal),
in the database (a session of a superuser). To add one: a function here and its row in `FAULTS`.
"""

import os
import signal
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psycopg

from runbooks.drills.mischief import MISCHIEF
from runbooks.drills.mishaps import MISHAPS
from runbooks.drills.stack import FaultError, Stack
from runbooks.drills.wires import collapses, wire

Heal = Callable[[], None]
Fault = Callable[[Stack, Mapping[str, Any]], Heal]

_TIMEOUT_S = 10
_STUCK_DAYS = 3
_TRIES = 20  # how often an event is tried; a test compares it with the service's number


def strike(stack: Stack, name: str, args: Mapping[str, Any]) -> Heal:
    """Break it; the answer mends it and may be called twice."""
    done = threading.Event()
    heal = FAULTS[name](stack, args)

    def once() -> None:
        if not done.is_set():
            done.set()
            heal()

    return once


# ---- processes -----------------------------------------------------------------------------------------------------


def _hang(stack: Stack, args: Mapping[str, Any]) -> Heal:
    """It stands still, so that nobody starts it again."""
    pid = stack.pid(str(args["process"]))
    os.kill(pid, signal.SIGSTOP)
    return lambda: os.kill(pid, signal.SIGCONT)


def _kill(stack: Stack, args: Mapping[str, Any]) -> Heal:
    """It dies without a word; the supervisor starts it again."""
    os.kill(stack.pid(str(args["process"])), signal.SIGKILL)
    return lambda: None


def _database_away(stack: Stack, _: Mapping[str, Any]) -> Heal:
    """The server stands still: connections are taken and nobody answers, as with a dead disk."""
    pids = _of_postgres(stack)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)

    def heal() -> None:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)

    return heal


def _of_postgres(stack: Stack) -> list[int]:
    """The server and all its children."""
    found = [int(stack.found["pids"]["postgres"])]
    for pid in found:
        found += [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return found


# ---- the database --------------------------------------------------------------------------------------------------


def _session(stack: Stack, name: str) -> psycopg.Connection[Any]:
    """As somebody would who forgot it."""
    return psycopg.connect(stack.found["database_url"], application_name=name, connect_timeout=_TIMEOUT_S)


def _held_row(stack: Stack, args: Mapping[str, Any]) -> Heal:
    """Somebody's forgotten session holds the stock that a crowd wants."""
    forgotten = _session(stack, str(args.get("name", "report")))
    forgotten.execute("SELECT FROM stock WHERE ticket_type = %s FOR UPDATE", [args.get("ticket_type", "full-pass")])
    return lambda: _forget(forgotten)


def _idle_transaction(stack: Stack, args: Mapping[str, Any]) -> Heal:
    """A transaction is opened, and its owner goes to lunch."""
    forgotten = _session(stack, str(args.get("name", "report")))
    forgotten.execute("SELECT count(*) FROM orders")
    return lambda: _forget(forgotten)


def _long_query(stack: Stack, args: Mapping[str, Any]) -> Heal:
    """A question that never ends."""
    asking = _session(stack, str(args.get("name", "report")))

    def ask() -> None:
        try:
            asking.execute("SELECT count(*), pg_sleep(600) FROM orders")
        except psycopg.Error:  # that is how it ends: canceled, or its session gone
            asking.close()

    threading.Thread(target=ask, name="long query", daemon=True).start()
    return lambda: None if asking.closed else asking.cancel_safe(timeout=_TIMEOUT_S)


def _forget(session: psycopg.Connection[Any]) -> None:
    try:
        session.rollback()
    except psycopg.Error:  # the run has ended it
        return
    finally:
        session.close()


def _sql(stack: Stack, statement: str, args: tuple[Any, ...] = ()) -> int:
    with psycopg.connect(stack.found["database_url"], autocommit=True, connect_timeout=_TIMEOUT_S) as superuser:
        return superuser.execute(statement.encode(), args).rowcount


def _stuck_order(stack: Stack, _: Mapping[str, Any]) -> Heal:
    """An order that waits for its payment has not moved for days: its event never came, and nobody asked."""
    moved = _sql(
        stack,
        "UPDATE orders SET updated_at = now() - make_interval(days => %s) WHERE id ="
        " (SELECT id FROM orders WHERE status = 'awaiting_payment' ORDER BY created_at DESC LIMIT 1)",
        (_STUCK_DAYS,),
    )
    if moved != 1:
        raise FaultError("no order waits for its payment")
    return lambda: None


def _tampered_journal(stack: Stack, _: Mapping[str, Any]) -> Heal:
    """A superuser goes round the guards and changes an amount; healing puts it back."""
    chosen = "(entry_seq, position) = (SELECT entry_seq, position FROM journal_lines ORDER BY 1, 2 LIMIT 1)"

    def change(by: int) -> int:
        with psycopg.connect(stack.found["database_url"], connect_timeout=_TIMEOUT_S) as superuser:
            superuser.execute("SET session_replication_role = replica")  # no common trigger sees it
            superuser.execute("ALTER TABLE journal_lines DISABLE TRIGGER journal_lines_append_only")
            moved = f"UPDATE journal_lines SET amount_minor = amount_minor + {by:d} WHERE {chosen}"  # noqa: S608 - a number
            met = superuser.execute(moved.encode()).rowcount
            superuser.execute("ALTER TABLE journal_lines ENABLE ALWAYS TRIGGER journal_lines_append_only")
            return met

    if change(100) != 1:
        raise FaultError("the journal has no lines yet")

    def heal() -> None:
        change(-100)

    return heal


def _bad_release(stack: Stack, _: Mapping[str, Any]) -> Heal:
    """A release in which every paid order fails on its way to its tickets; tries are used up at once instead of in hours."""
    _sql(
        stack,
        "CREATE OR REPLACE FUNCTION drill_bad_release() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'a release that cannot make tickets'; END $$",
    )
    _sql(stack, "CREATE TRIGGER drill_bad_release BEFORE INSERT ON tickets EXECUTE FUNCTION drill_bad_release()")
    healed = threading.Event()

    def use_up() -> None:
        tried = (
            "UPDATE payment_events SET attempts = %s, due_at = now()"
            " WHERE state = 'pending' AND attempts BETWEEN 1 AND %s - 1 AND NOT is_thin"
        )
        while not healed.wait(0.5):
            _sql(stack, tried, (_TRIES - 1, _TRIES - 1))

    thread = threading.Thread(target=use_up, name="bad release", daemon=True)
    thread.start()

    def heal() -> None:
        healed.set()
        thread.join(_TIMEOUT_S)
        _sql(stack, "DROP TRIGGER drill_bad_release ON tickets")
        _sql(stack, "DROP FUNCTION drill_bad_release()")

    return heal


FAULTS: Mapping[str, Fault] = {
    "gateway.fails": wire({"error": {"status": 500}}),
    "gateway.silent": wire({"timeout": "before"}),
    "gateway.slow": wire({"latency_ms": 3_400}),
    "gateway.throttles": wire({"rate_limit": True}),
    "gateway.forgets": wire({"timeout": "after"}),
    "gateway.collapses": collapses,
    "gateway.refuses_key": wire({"error": {"status": 401}}),
    "webhooks.dropped": wire({"drop": True}),
    "webhooks.late": wire({"delay_ms": 20_000}),
    "webhooks.forged": wire({"bad_signature": True}),
    "webhooks.twice": wire({"duplicate": 3}),
    "process.hangs": _hang,
    "process.dies": _kill,
    "database.away": _database_away,
    "database.held_row": _held_row,
    "database.idle_transaction": _idle_transaction,
    "database.long_query": _long_query,
    "orders.stuck": _stuck_order,
    "journal.tampered": _tampered_journal,
    "release.bad": _bad_release,
    **MISHAPS,
    **MISCHIEF,
}
