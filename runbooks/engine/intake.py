"""Alarms and orders of people become runs: one for each fault, however often it is told.

What cannot become one is refused and journaled: an alert without a playbook, a label that is missing or no plain text, one
subject more than a playbook has within an hour.
"""

from collections.abc import Mapping
from datetime import datetime

from runbooks.engine.approvals import RefusalError
from runbooks.engine.desk import Desk
from runbooks.engine.facts import NoFactError, fill
from runbooks.engine.limits import HOUR_S, cooling, may_ask_again, rank_of
from runbooks.engine.playbook import Playbook
from runbooks.engine.runs import RESOLVED, SCHEDULE, Alarm, Person, Run, run_key
from runbooks.engine.states import State

ID_DIGITS = 12
MOST_SUBJECTS = (
    20  # of one playbook within an hour: more is a storm of made up labels, or nothing that one by one mends
)
_LONGEST = 300  # characters of a label


class NoPlaybookError(RefusalError):
    """Nothing is written for this."""


class BadLabelsError(RefusalError):
    """A label the playbook needs is missing, or what came is no label."""


class CrowdedError(RefusalError):
    """The playbook has runs for too many others already; told again later, it may have one."""


class Intake:
    """Takes in at one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._record = desk.record
        self._crowded: set[str] = set()  # playbooks of which that stands in the journal

    def alarm(self, alarm: Alarm) -> Run | None:
        """Its run: a new one, or the one it repeats. None for a resolved alarm that has none; `CrowdedError`."""
        playbook = self._desk.library.for_alert(alarm.name)
        if playbook is None:
            self._record.write("alarm.unknown", {"alarm": alarm.name})
            raise NoPlaybookError(f"no playbook is for the alert {alarm.name[:100]}")
        try:
            labels, subject = fitted(playbook, alarm.labels)
        except BadLabelsError as error:
            self._record.write("alarm.refused", {"alarm": alarm.name, "why": str(error)})
            raise
        known, key = self._last(playbook, subject, alarm)
        if alarm.status == RESOLVED:
            return self._resolved(known)
        if known is not None and may_ask_again(self._desk, playbook, known):
            known = None
        known = known or cooling(self._desk, playbook, subject)
        if known is not None:
            return self._repeated(known, alarm)
        self._has_place(playbook, subject, alarm)
        data = {"alarm": alarm.name, "alarm_since": alarm.starts_at, "requester": "an alert", "tier": alarm.tier}
        return self._open(playbook, subject, labels, key, data)

    def order(self, name: str, labels: Mapping[str, str], person: Person) -> Run:
        """A run by hand, or the one that goes on for the same already."""
        playbook, labels, subject = self.wanted(name, labels)
        for run in self._desk.runs.of(playbook.name, subject):
            if run.is_open:
                return run
        now = self._desk.clock().isoformat()
        key = run_key(playbook, subject, f"by hand {now}")
        return self._open(playbook, subject, labels, key, {"requester": person.known_as})

    def due(self, name: str, due: datetime) -> Run:
        """The run of a schedule's time, however often it is asked for; or the one that goes on for the same already."""
        playbook, labels, subject = self.wanted(name, {})
        since = due.isoformat()
        for run in self._desk.runs.of(playbook.name, subject):
            if run.is_open or (run.requester == SCHEDULE and run.alarm_since == since):
                return run
        key = run_key(playbook, subject, f"{SCHEDULE} {since}")
        return self._open(
            playbook, subject, labels, key, {"alarm_since": since, "requester": SCHEDULE, "tier": SCHEDULE}
        )

    def wanted(self, name: str, labels: Mapping[str, str]) -> tuple[Playbook, dict[str, str], str]:
        """The playbook of this name with its labels and subject; `NoPlaybookError`, `BadLabelsError`."""
        playbook = self._desk.library.get(name)
        if playbook is None:
            raise NoPlaybookError(f"there is no playbook {name[:100]}")
        return (playbook, *fitted(playbook, labels))

    def _has_place(self, playbook: Playbook, subject: str, alarm: Alarm) -> None:
        """Alerts begin runs for so many subjects within an hour, and no more; it is journaled once that they would."""
        hour = self._desk.span(HOUR_S)
        mine = (run for run in self._desk.runs if run.playbook == playbook.name and run.alarm)
        subjects = {run.subject for run in mine if run.is_open or self._desk.since(run.started_at) < hour}
        if subject in subjects or len(subjects) < MOST_SUBJECTS:
            self._crowded.discard(playbook.name)
            return
        why = f"{playbook.name} has runs for {len(subjects)} others within an hour, and that is the limit"
        if playbook.name not in self._crowded:
            self._record.write("alarm.refused", {"alarm": alarm.name, "why": why})
            self._crowded.add(playbook.name)
        raise CrowdedError(why)

    def _last(self, playbook: Playbook, subject: str, alarm: Alarm) -> tuple[Run | None, str]:
        """The last run of this very alert, and the key of the next one: it has another when nobody decided in time."""
        found = self._began(playbook, subject, alarm)
        key, number = run_key(playbook, subject, alarm.starts_at), 0
        while (run := self._desk.runs.by_key(key)) is not None:
            found, number = run, number + 1
            key = run_key(playbook, subject, f"{alarm.starts_at} again {number}")
        return found, key

    def _began(self, playbook: Playbook, subject: str, alarm: Alarm) -> Run | None:
        """The run of the same alert under an older version of the playbook, while it goes on."""
        same = (run for run in self._desk.runs.of(playbook.name, subject) if run.alarm_since == alarm.starts_at)
        return next((run for run in same if run.is_open or run.state is State.RECOVERED), None)

    def _open(
        self, playbook: Playbook, subject: str, labels: Mapping[str, str], key: str, who: Mapping[str, str]
    ) -> Run:
        book = {"playbook": playbook.name, "version": playbook.version, "domain": playbook.domain}
        data = {"key": key, "subject": subject, "labels": dict(labels), **book, **who}
        self._record.write("run.opened", data, key[:ID_DIGITS])
        return self._desk.runs.by_id[key[:ID_DIGITS]]

    def _repeated(self, run: Run, alarm: Alarm) -> Run:
        if run.resolved:
            self._record.write("alarm.firing", {"alarm": alarm.name, "since": alarm.starts_at}, run.id)
        elif alarm.starts_at not in run.repeated:
            tier = min(run.tier, alarm.tier, key=rank_of)
            self._record.write("alarm.repeated", {"alarm": alarm.name, "since": alarm.starts_at, "tier": tier}, run.id)
        return run

    def _resolved(self, run: Run | None) -> Run | None:
        if run is not None and not run.resolved:
            self._record.write("alarm.resolved", {"alarm": run.alarm}, run.id)
        return run


def fitted(playbook: Playbook, given: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """The labels its steps use, with what stands in for missing ones, and the subject they make."""
    labels = {name: str(given.get(name) or default) for name, default in playbook.needs.items()}
    missing = [name for name, value in labels.items() if not value]
    if missing:
        raise BadLabelsError(f"{playbook.name} needs {', '.join(missing)}")
    odd = [name for name, value in labels.items() if len(value) > _LONGEST or not value.isprintable()]
    if odd:
        raise BadLabelsError(f"{', '.join(odd)} is no plain text")
    try:
        return labels, fill(playbook.subject, labels)
    except NoFactError as error:
        raise BadLabelsError(f"{playbook.name} needs {error.args[0]} for its subject") from None
