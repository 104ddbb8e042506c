"""What breaks in a scenario, and when: each fault is a pair of a strike and its removal.

Faults strike where they would in production: on the gateway's wire (the stand-in's list of faults), at a process (a
signal), in the database (locks). To add a kind: a function here and its row in `KINDS`.
"""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
import psycopg

from loadtests import machine
from loadtests.stages import Fault
from loadtests.target import Target

Heal = Callable[[], None]
Strike = Callable[[Target, Mapping[str, Any]], Heal]

_TIMEOUT_S = 10


class NoFaultError(RuntimeError):
    """The fault could not be made; the scenario proves nothing."""


@contextmanager
def striking(target: Target, faults: Sequence[Fault]) -> Iterator[None]:
    """Each of them from when to when it says, counted from now; at the end of the block nothing is broken any more.

    Raises `NoFaultError` when one could not be made.
    """
    over, failed = threading.Event(), list[Exception]()
    threads = [
        threading.Thread(target=_play, args=(target, each, over, failed), name=each.kind, daemon=True)
        for each in faults
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(2 * _TIMEOUT_S)
    if failed:
        raise NoFaultError(f"a fault could not be made: {failed[0]}") from failed[0]


def _play(target: Target, fault: Fault, over: threading.Event, failed: list[Exception]) -> None:
    if over.wait(fault.at_s):
        return
    try:
        heal = KINDS[fault.kind](target, fault.args)
        try:
            over.wait(fault.until_s - fault.at_s)
        finally:
            heal()
    except (httpx.HTTPError, psycopg.Error, OSError, KeyError) as error:
        failed.append(error)


def _wire(target: Target, args: Mapping[str, Any]) -> Heal:
    """The gateway itself: `match` and `effects` as the stand-in takes them. One such fault at a time."""
    fault = {"match": args.get("match", {}), "effects": args["effects"]}
    answer = httpx.put(f"{target.emulator}/faults", json={"faults": [fault]}, timeout=_TIMEOUT_S)
    answer.raise_for_status()

    def heal() -> None:
        httpx.delete(f"{target.emulator}/faults", timeout=_TIMEOUT_S).raise_for_status()

    return heal


def _still(pids: Sequence[int]) -> Heal:
    family = sorted({each for members in machine.families(list(pids)).values() for each in members})
    machine.send(family, signal.SIGSTOP)
    return lambda: machine.send(family, signal.SIGCONT)


def _database_still(target: Target, _: Mapping[str, Any]) -> Heal:
    """Connections are taken and nobody answers, as with a disk that hangs."""
    return _still([target.found["pids"]["postgres"]])


def _process_still(target: Target, args: Mapping[str, Any]) -> Heal:
    """A `process` of the system stands still, and nobody starts it again."""
    return _still([target.found["pids"][args["process"]]])


def _database_locked(target: Target, args: Mapping[str, Any]) -> Heal:
    """Somebody holds a `table` for himself."""
    session = psycopg.connect(target.found["database_url"], connect_timeout=_TIMEOUT_S)
    session.execute(
        psycopg.sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(psycopg.sql.Identifier(args["table"]))
    )
    return session.close


KINDS: Mapping[str, Strike] = {
    "wire": _wire,
    "database.still": _database_still,
    "database.locked": _database_locked,
    "process.still": _process_still,
}
