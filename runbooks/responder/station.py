"""What everything in the responder works with, and the one way an alarm gets in: on the board, then to the engine.

Whoever tells of an alarm, Alertmanager or our own look at Prometheus, it is one alarm and one run. What has no playbook is on
the board with that said, and in the journal once.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from runbooks.engine.approvals import RefusalError
from runbooks.engine.engine import Engine
from runbooks.engine.intake import CrowdedError
from runbooks.engine.journal import JournalError
from runbooks.engine.library import Library
from runbooks.engine.looking import Looker
from runbooks.engine.registry import RefusedError, UnreachableError
from runbooks.engine.runs import RESOLVED, Alarm, Run
from runbooks.engine.states import State
from runbooks.responder.board import WATCHDOG, Board, Firing, Side
from runbooks.responder.enrichment import gather
from runbooks.responder.intake import NoAlarmsError, read_alerts
from runbooks.responder.operators import Operators, Sessions
from runbooks.responder.timetable import Timetable
from runbooks.settings import Settings
from service.telemetry.logs import get_logger
from service.telemetry.registry import Telemetry

log = get_logger("responder")

DEAF_AFTER = {
    Side.PROMETHEUS: timedelta(seconds=30),
    Side.ALERTMANAGER: timedelta(minutes=5),
}  # the heartbeat: each minute


@dataclass
class Station:
    """One responder; `world` is what the registry's entries reach."""

    settings: Settings
    engine: Engine
    library: Library
    world: Any
    telemetry: Telemetry
    operators: Operators
    sessions: Sessions
    clock: Callable[[], datetime]
    board: Board = field(init=False)
    trouble: str = ""  # why something could not be written down
    began: datetime = field(init=False)
    timetable: Timetable = field(init=False)
    _asked_for: set[str] = field(default_factory=set)  # runs whose evidence is gathered
    _gathering: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.began = self.clock()
        self.board = Board(lambda name: self.library.for_alert(name) is not None)
        hour, sales = self.settings.schedule_hour, self.settings.sale_times
        self.timetable = Timetable(self.engine, self.library.all, self.note, hour=hour, sales=sales)

    async def hear(self, alarms: Iterable[Alarm], side: Side) -> None:
        """Each of them is on the board afterwards, and belongs to a run where it has a playbook."""
        for alarm in alarms:
            if alarm.status == RESOLVED:
                await self._over(self.board.over(alarm, side, self.clock()))
                continue
            found = self.board.hear(alarm, side, self.clock())
            if alarm.name == WATCHDOG:
                continue
            if found is not None and (found.again or not found.why_none) and self._lacks_run(found):
                await self._take(found)

    def _lacks_run(self, found: Firing) -> bool:
        """It has none, or one that nobody decided about in time, or that ended and was about an earlier firing.

        The engine says whether it gets another: not while the last one cools down, and then it does.
        """
        run = self.engine.desk.runs.by_id.get(found.run)
        if run is None or run.state is State.EXPIRED:
            return True
        return not run.is_open and run.started_at < found.since

    async def _take(self, found: Firing) -> None:
        try:
            run = await self.engine.take(found.alarm)
        except RefusalError as error:  # it is journaled: no playbook, or labels it cannot work with
            found.why_none, found.again = str(error), isinstance(error, CrowdedError)
            return
        except JournalError as error:  # the next one who tells of it finds it without a run
            self.trouble = str(error)
            return
        if run is None:
            return
        found.run, found.why_none, found.again = run.id, "", False
        if run.started_at >= self.began and run.id not in self._asked_for:
            self._asked_for.add(run.id)
            self._gather(run)

    async def _over(self, found: Firing | None) -> None:
        """It is written down, by the beginning we know it by; it ends no run, and no lease is renewed after it."""
        if found is not None and found.run:
            with suppress(RefusalError, JournalError):
                await self.engine.take(replace(found.alarm, status=RESOLVED))

    def note(self, kind: str, data: Mapping[str, Any], run: str = "") -> None:
        """Into the journal; when that cannot be written, the engine does nothing, and says so."""
        try:
            self.engine.desk.record.write(kind, data, run)
            self.trouble = ""
        except JournalError as error:
            self.trouble = str(error)

    def _gather(self, run: Run) -> None:
        """Beside everything else: evidence holds nothing up."""

        async def gathering() -> None:
            looker = Looker(self.engine.desk.registry, self.world)
            self.note("evidence.found", await gather(looker, run, self.engine.runs()), run.id)

        task = asyncio.create_task(gathering())
        self._gathering.add(task)
        task.add_done_callback(self._gathered)

    def _gathered(self, task: asyncio.Task[None]) -> None:
        self._gathering.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("no evidence was kept", exc_info=task.exception())

    async def poll(self) -> None:
        """One look at Prometheus: what it says fires is heard, what it leaves out is over."""
        try:
            alarms = read_alerts(await self.world.prometheus.alerts())
        except (UnreachableError, RefusedError, NoAlarmsError) as error:
            log.info("Prometheus was not heard", why=str(error))
            return
        for gone in self.board.settle(alarms, self.clock()):
            await self._over(gone)
        await self.hear(alarms, Side.PROMETHEUS)

    def deaf(self) -> list[str]:
        """Why quiet proves nothing now, in sentences."""
        now, found = self.clock(), []
        for side, limit in DEAF_AFTER.items():
            if not self._listens(side):
                continue
            heard = self.board.heard.get(side, self.began)
            if now - heard > limit / self.settings.scale + timedelta(seconds=2 * self.settings.poll_s):
                found.append(f"{side.title()} has not been heard for {int((now - heard).total_seconds())} seconds.")
        if self.settings.prometheus_url and Side.PROMETHEUS in self.board.heard and not self.board.beats:
            found.append("The heartbeat of alerting (Watchdog) does not fire.")
        if name := self.board.left_out(now):
            found.append(f"The board is full: not everything that fires is on it, {name[:100]} for one.")
        if self.library.faults:
            broken = sorted({each.path for each in self.library.faults})
            found.append(f"Playbooks that cannot be read: {', '.join(broken)}. See cubano runbook lint.")
        return found

    def _listens(self, side: Side) -> bool:
        return bool(self.settings.prometheus_url if side is Side.PROMETHEUS else self.settings.alertmanager_url)
