"""What a drill may break, as pairs of a fault and its removal: each strike gives back what takes it away again.

Faults strike where they would in production: on the gateway's wire (the stand-in's list of faults), at a process (a signal),
in the database (a session of a superuser). To add one: a function here and its row in `FAULTS`.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import psycopg

from runbooks.drills.mischief import MISCHIEF
from runbooks.drills.mishaps import MISHAPS
from runbooks.drills.scene import wait_for
from runbooks.drills.stack import FaultError, Stack

Heal = Callable[[], None]
Fault = Callable[[Stack, Mapping[str, Any]], Heal]

_TIMEOUT_S = 10
_STUCK_DAYS = 3
_WHICH = ("times", "after", "probability")  # of the calls that match: how many, from which on, which share
_FELT_S = 60  # until Prometheus has seen it
_HELD_S = 900
_FAILED = """sum(increase(http_client_request_duration_seconds_count{provider="%s",outcome="error"}[5s])) >= 10"""
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


# ---- the gateway's wire --------------------------------------------------------------------------------------------


class Wire:
    """The stand-in's list of faults is one list: each strike adds its own and takes only that away."""

    _lock = threading.Lock()

    @classmethod
    def add(cls, stack: Stack, fault: dict[str, Any]) -> Heal:
        with cls._lock:
            cls._put(stack, [*cls._now(stack), fault])

        def heal() -> None:
            with cls._lock:
                cls._put(stack, [each for each in cls._now(stack) if each["id"] != fault["id"]])

        return heal

    @staticmethod
    def _now(stack: Stack) -> list[dict[str, Any]]:
        answer = httpx.get(f"{stack.emulator}/faults", timeout=_TIMEOUT_S).raise_for_status().json()
        return [
            {key: each[key] for key in ("id", "match", "effects", *_WHICH) if each.get(key) is not None}
            for each in answer["faults"]
        ]

    @staticmethod
    def _put(stack: Stack, faults: list[dict[str, Any]]) -> None:
        httpx.put(f"{stack.emulator}/faults", json={"faults": faults}, timeout=_TIMEOUT_S).raise_for_status()


def _wire(effects: dict[str, Any]) -> Fault:
    def fault(stack: Stack, args: Mapping[str, Any]) -> Heal:
        match = {key: args[key] for key in ("provider", "path", "method", "event_type") if key in args}
        made = {
            name: args.get(name, value) if not isinstance(value, dict) else value for name, value in effects.items()
        }
        if "status" in args:
            made = {"error": {"status": args["status"]}}
        which = {name: args[name] for name in _WHICH if name in args}
        return Wire.add(stack, {"id": f"drill-{time.monotonic_ns()}", "match": match, "effects": made, **which})

    return fault


def _collapses(stack: Stack, args: Mapping[str, Any]) -> Heal:
    """Its breaker is held closed by a hand, and it fails under what it is sent; back when that is many failures, and seen."""
    provider = str(args["provider"])
    switch = f"{stack.found['api']}/api/ops/switches/breaker.{provider}"
    headers = {"Authorization": f"Bearer {stack.found['api_keys']['on_call']}"}
    held = {"value": "closed", "lease": _HELD_S, "reason": "a drill"}
    httpx.put(switch, json=held, headers=headers, timeout=_TIMEOUT_S).raise_for_status()
    mend = _wire({"error": {"status": 500}})(stack, {"provider": provider})

    def heal() -> None:
        mend()
        said = {"reason": "end of a drill"}
        httpx.delete(switch, params=said, headers=headers, timeout=_TIMEOUT_S).raise_for_status()

    if not wait_for(lambda: _told(stack, _FAILED % provider), _FELT_S):
        heal()
        raise FaultError(f"nobody is sent to {provider}")
    return heal


def _told(stack: Stack, query: str) -> list[Any]:
    """What Prometheus answers to it."""
    answer = httpx.get(f"{stack.found['prometheus']}/api/v1/query", params={"query": query}, timeout=_TIMEOUT_S)
    found: list[Any] = answer.raise_for_status().json()["data"]["result"]
    return found


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
    "gateway.fails": _wire({"error": {"status": 500}}),
    "gateway.silent": _wire({"timeout": "before"}),
    "gateway.slow": _wire({"latency_ms": 3_400}),
    "gateway.throttles": _wire({"rate_limit": True}),
    "gateway.forgets": _wire({"timeout": "after"}),
    "gateway.collapses": _collapses,
    "gateway.refuses_key": _wire({"error": {"status": 401}}),
    "webhooks.dropped": _wire({"drop": True}),
    "webhooks.late": _wire({"delay_ms": 20_000}),
    "webhooks.forged": _wire({"bad_signature": True}),
    "webhooks.twice": _wire({"duplicate": 3}),
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
