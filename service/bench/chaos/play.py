"""One run: start everything, let people buy while the script strikes, wait for quiet, judge.

The system is the one of `cubano up`, on free ports in a folder of its own, with its supervisor, which starts again what is
killed. Nothing is repaired by hand: what comes to rest does so by itself, or the run says what did not.
"""

import asyncio
import os
import shutil
import signal
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx
import psycopg

from service.bench.chaos.buyers import Bought, Crowd
from service.bench.chaos.look import Eyes
from service.bench.chaos.script import Blow, write
from service.bench.chaos.verdict import Check, judge
from service.bench.system import temporary_folder
from service.kernel.clock import utc_now
from service.local import cluster
from service.local.console import Console
from service.local.ports import automatic_ports
from service.local.postgres import EmbeddedPostgres
from service.local.processes import Supervisor
from service.local.state import State
from service.local.system import System, environment
from service.local.up import bring_up
from service.parts import build_parts
from service.settings import load_settings

PER_SECOND = 4.0  # buyers; two cores that also run the gateways' stand-in and the database carry about ten
HOLD_S = 40
QUIET_S = 240.0  # to come to rest: the sweeps turn every minute, and what failed often waits up to two
LOOK_S = 1.0
FIRST_PAUSE_S = 0.3  # before the supervisor starts again what was killed
PROVIDERS = ("stripe", "paypal")
UNWATCHED = frozenset(
    {"prometheus", "alertmanager"}
)  # an honest test of the service looks at its data, not at its alerts
SETTINGS = {
    "CUBANO_GATEWAY_TIMEOUT_S": "2",
    "CUBANO_GATEWAY_HEALTHY_S": "10",  # a minute in production; here trouble follows trouble by seconds
    "CUBANO_LOG_FORMAT": "json",
    "CUBANO_SYNTHETIC_EVERY_S": "0",  # it would buy on while everything is to come to rest
}

Say = Callable[[str], None]


@dataclass
class Report:
    """What a run did and found."""

    seed: int
    blows: Counter[str] = field(default_factory=Counter)
    bought: Sequence[Bought] = ()
    checks: Sequence[Check] = ()
    quiet_after_s: float | None = None  # None: it never came to rest
    orders: Counter[str] = field(default_factory=Counter)

    @property
    def holds(self) -> bool:
        return self.quiet_after_s is not None and all(check.holds for check in self.checks)

    @property
    def accepted(self) -> int:
        return sum(1 for buyer in self.bought if buyer.order)

    @property
    def waited_s(self) -> tuple[float, float]:
        """Median and longest wait for a checkout, every repetition included."""
        waits = [buyer.waited_s for buyer in self.bought if buyer.order] or [0.0]
        return statistics.median(waits), max(waits)


async def play(seed: int, seconds: float, say: Say, *, per_second: float = PER_SECOND, hold_s: int = HOLD_S) -> Report:
    """Run it; raises NotReady or PostgresError when the system cannot even be started."""
    folder = temporary_folder()
    with (folder / "children.log").open("w") as log, State.open(folder / "state") as state:
        ports, settings = automatic_ports({}), SETTINGS | {"CUBANO_HOLD_SECONDS": str(hold_s)}
        database = EmbeddedPostgres(folder / "state" / "postgres")
        system = System(state, ports, UNWATCHED, database, settings=settings)
        console = Console(log)
        supervisor = Supervisor(console, first_pause_s=FIRST_PAUSE_S)
        try:
            await bring_up(system, supervisor)
            report = await _run(system, supervisor, Report(seed), seconds, say, per_second=per_second)
        finally:
            await supervisor.stop()
            if system.database:
                system.database.release()
            console.close()
            cluster.forget(folder / "state" / "postgres")
    if report.holds:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        say(f"what every process said is in {folder / 'children.log'}")
    return report


async def _run(
    system: System, supervisor: Supervisor, report: Report, seconds: float, say: Say, *, per_second: float
) -> Report:
    hold_s = int(system.settings["CUBANO_HOLD_SECONDS"])
    crowd = Crowd(system.url("serve"), system.url("emulate"), hold_s, report.seed)
    report.bought = crowd.bought
    _widen(system)
    say(f"{per_second:g} buyers a second for {seconds:g} s, seed {report.seed}")
    async with asyncio.TaskGroup() as group:
        group.create_task(_strike(system, supervisor, report, write(report.seed, seconds, PROVIDERS), say))
        group.create_task(crowd.come(seconds, per_second=per_second, providers=PROVIDERS))
    say(f"the last buyer has left: {report.accepted} of {len(crowd.bought)} got a checkout; waiting for quiet")
    await _faults(system, [])
    eyes = Eyes(system.database_url, system.url("emulate"), system.state.directory / "mail" / "mails.sqlite")
    report.quiet_after_s = await _quiet(eyes, say)
    await _judge(system, eyes, report)
    return report


async def _judge(system: System, eyes: Eyes, report: Report) -> None:
    parts = build_parts(load_settings(environment(system)), "chaos", clock=utc_now)
    try:
        types = {name: frozenset(gateway.event_types) for name, gateway in parts.gateways.items()}
        facts = await eyes.facts(report.bought, parts.db, types)
    finally:
        await parts.close()
    report.checks = judge(facts)
    report.orders = Counter(order["status"] for order in facts.orders.values())


def _widen(system: System) -> None:
    """Enough seats that "sold out" is rare, few enough that the last ones are fought for."""
    with psycopg.connect(system.database_url, autocommit=True) as connection:
        connection.execute("UPDATE stock SET capacity = 60 WHERE ticket_type = 'son-roots'")
        connection.execute("UPDATE stock SET capacity = 5000 WHERE ticket_type <> 'son-roots'")


async def _strike(system: System, supervisor: Supervisor, report: Report, blows: Sequence[Blow], say: Say) -> None:
    started = time.monotonic()
    standing: dict[str, tuple[float, Blow]] = {}
    ends = sorted({*(blow.at_s for blow in blows), *(blow.at_s + blow.lasts_s for blow in blows if blow.fault)})
    waiting = list(blows)
    for at_s in ends:
        await asyncio.sleep(max(0.0, started + at_s - time.monotonic()))
        while waiting and waiting[0].at_s <= at_s:
            blow = waiting.pop(0)
            report.blows[blow.name] += 1
            say(f"{blow.at_s:6.1f} s  {blow.name}" + (f" for {blow.lasts_s:.1f} s" if blow.fault else ""))
            if blow.victim:
                _kill(supervisor, blow.victim)
            else:
                standing[blow.name] = (blow.at_s + blow.lasts_s, blow)
        standing = {name: each for name, each in standing.items() if each[0] > at_s}
        await _faults(system, [blow for _, blow in standing.values()], seed=report.seed)


def _kill(supervisor: Supervisor, victim: str) -> None:
    pid = supervisor.pids.get(victim)  # one that is down already cannot be killed again
    if pid is not None:
        os.kill(pid, signal.SIGKILL)


async def _faults(system: System, blows: Sequence[Blow], *, seed: int = 0) -> None:
    """Arm exactly these; the stand-in may be down this very moment, then soon."""
    async with httpx.AsyncClient(base_url=system.url("emulate"), timeout=5) as client:
        for _ in range(100):
            try:
                plan = {"seed": seed, "faults": [blow.fault for blow in blows]}
                (await client.put("/_emulator/faults", json=plan)).raise_for_status()
            except httpx.TransportError:
                await asyncio.sleep(0.1)
            else:
                return
    raise RuntimeError("the gateways' stand-in did not come back")


async def _quiet(eyes: Eyes, say: Say) -> float | None:
    """Seconds until nothing waits any more; None when that took too long."""
    started, said = time.monotonic(), 0.0
    while (passed := time.monotonic() - started) < QUIET_S:
        try:
            waiting = [each for each in eyes.waiting() if " is dead" not in each]
        except psycopg.OperationalError as error:
            waiting = [f"the database: {error}"]
        if not waiting:
            return passed
        if passed - said >= 10:  # noqa: PLR2004 - seconds between two words
            said = passed
            say(f"{passed:6.1f} s  {len(waiting)} still on their way, such as {waiting[0][:120]}")
        await asyncio.sleep(LOOK_S)
    return None
