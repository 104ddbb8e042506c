"""When scheduled playbooks are due, and who begins them: the responder, each once, also when it was started anew in between.

They begin at an hour of the office, because people approve them: daily, on Tuesdays, on the first Tuesday of a month or a year;
what belongs before a sale an hour and ten minutes before each. What was due while nobody was here is begun within two hours, and
told as missed after that.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from runbooks.engine.approvals import RefusalError
from runbooks.engine.engine import Engine
from runbooks.engine.playbook import Playbook
from runbooks.engine.runs import SCHEDULE, Run
from runbooks.engine.states import State

BEFORE_SALE = "before-sale"
AHEAD = (timedelta(hours=1), timedelta(minutes=10))
GRACE, GRACE_BEFORE_SALE = timedelta(hours=2), AHEAD[-1]  # a sale that has opened needs no preparation
TUESDAY, WEEK = 1, 7
LONGEST = 400  # days between two of a year
EVERY_S = 20.0
KEPT, MISSED = "schedule.kept", "schedule.missed"

_DAYS: Mapping[str, Callable[[date], bool]] = {
    "daily": lambda _day: True,
    "weekly": lambda day: day.weekday() == TUESDAY,
    "monthly": lambda day: day.weekday() == TUESDAY and day.day <= WEEK,
    "yearly": lambda day: day.weekday() == TUESDAY and day.day <= WEEK and day.month == 1,
}


def last_due(schedule: str, now: datetime, hour: int, sales: Iterable[datetime] = ()) -> datetime | None:
    """When it was due the last time, now at the latest; None when it never was."""
    if schedule == BEFORE_SALE:
        return max((at - ahead for at in sales for ahead in AHEAD if at - ahead <= now), default=None)
    fits = _DAYS[schedule]
    for back in range(LONGEST):
        due = datetime.combine(now.date() - timedelta(days=back), time(hour), tzinfo=now.tzinfo)
        if due <= now and fits(due.date()):
            return due
    return None


@dataclass(frozen=True)
class Overdue:
    """A playbook that was due and is not done: nobody was here to begin it, or nobody decided about its run."""

    playbook: str
    due: datetime
    why: str
    run: str = ""


class Timetable:
    """Of one engine. `note(kind, data, run)` writes into its journal, which tells a later one what was begun."""

    def __init__(
        self,
        engine: Engine,
        playbooks: Iterable[Playbook],
        note: Callable[[str, Mapping[str, Any], str], None],
        *,
        hour: int,
        sales: Iterable[datetime] = (),
    ) -> None:
        self._engine, self._note, self._hour, self._sales = engine, note, hour, tuple(sales)
        self._playbooks = [each for each in playbooks if each.schedule]
        self._done: dict[str, datetime] = {}  # playbook -> the last time that was begun or told as missed
        self._missed: dict[str, Overdue] = {}
        self._since = engine.desk.clock()  # before the first line of the journal nothing was promised
        for number, entry in enumerate(engine.journal.entries()):
            self._since = entry.time if number == 0 else self._since
            self._heard(entry.kind, entry.data)

    async def look(self) -> None:
        """Begins what is due, and tells what was missed; to be called every now and then."""
        now = self._engine.desk.clock()
        for playbook in self._playbooks:
            due = last_due(playbook.schedule, now, self._hour, self._sales)
            if due is None or due <= self._done.get(playbook.name, self._since):
                continue
            grace = GRACE_BEFORE_SALE if playbook.schedule == BEFORE_SALE else GRACE
            if now - due < grace:
                await self._begin(playbook, due)
            else:
                self._miss(playbook, due, "nobody was here to begin it")

    def overdue(self) -> Iterator[Overdue]:
        """What a person has to begin by hand; a later run of the playbook ends that."""
        for playbook in self._playbooks:
            missed = self._missed.get(playbook.name)
            runs = [each for each in self._engine.runs() if each.playbook == playbook.name]
            last = runs[0] if runs else None
            if missed is not None and (last is None or last.started_at < missed.due):
                yield missed
            elif last is not None and last.requester == SCHEDULE and last.state is State.EXPIRED:
                due = datetime.fromisoformat(last.alarm_since)
                yield Overdue(playbook.name, due, "nobody decided about it in time", last.id)

    async def _begin(self, playbook: Playbook, due: datetime) -> None:
        try:
            run = await self._engine.begin(playbook.name, due)
        except RefusalError as error:
            self._miss(playbook, due, str(error))
        else:
            self._tell(KEPT, playbook, due, run=run)

    def _miss(self, playbook: Playbook, due: datetime, why: str) -> None:
        self._tell(MISSED, playbook, due, why=why)

    def _tell(self, kind: str, playbook: Playbook, due: datetime, *, run: Run | None = None, why: str = "") -> None:
        data = {"playbook": playbook.name, "due": due.isoformat(), "why": why}
        self._note(kind, data, run.id if run else "")
        self._heard(kind, data)

    def _heard(self, kind: str, data: Mapping[str, Any]) -> None:
        if kind not in {KEPT, MISSED}:
            return
        name, due = data["playbook"], datetime.fromisoformat(data["due"])
        self._done[name] = due
        self._missed.pop(name, None)
        if kind == MISSED:
            self._missed[name] = Overdue(name, due, data["why"])
