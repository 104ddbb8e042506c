"""What fires now, heard of from two sides: Alertmanager's call, and our own look at Prometheus.

An alarm is on the board while one of the two says that it fires. That it left the board proves nothing about the fault and
ends no run. A side that has been silent for too long is itself told to the person on call. Both sides count the beginning of
an alert differently (one from its first sign, one from when it fired); the first we heard stands, so that it is one alarm.

A storm of what nobody knows takes no place from an alert that has a playbook: each name of those has places of its own.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from runbooks.engine.runs import Alarm

FORGET = timedelta(hours=5)  # Alertmanager repeats what fires every hour; what it has not for longer is not firing
MOST = 2_000  # of all that has no playbook
MOST_OF_ONE = 200  # of one name that has one
FULL_FOR = timedelta(minutes=2)  # it is told that there was no place
WATCHDOG = "Watchdog"

Key = tuple[str, tuple[tuple[str, str], ...]]


class Side(StrEnum):
    """Who told us."""

    ALERTMANAGER = "alertmanager"
    PROMETHEUS = "prometheus"


@dataclass
class Firing:
    """One alarm on the board; `told` is when each side last said so, `run` the run it belongs to, if there is one."""

    alarm: Alarm
    since: datetime
    told: dict[Side, datetime] = field(default_factory=dict)
    run: str = ""
    why_none: str = ""  # why there is no run
    again: bool = False  # it may have one when it is told again

    @property
    def tier(self) -> str:
        return self.alarm.tier


class Board:
    """`known` says whether an alert of this name has a playbook."""

    def __init__(self, known: Callable[[str], bool] = lambda _name: False) -> None:
        self._known = known
        self._firing: dict[Key, Firing] = {}
        self._places: Counter[str] = Counter()
        self._turned_away: tuple[str, datetime] | None = None
        self.heard: dict[Side, datetime] = {}

    def hear(self, alarm: Alarm, side: Side, now: datetime) -> Firing | None:
        """Put it on the board; None when that is full."""
        self.heard[side] = now
        key = _key(alarm)
        found = self._firing.get(key)
        if found is None:
            share = self._share(alarm.name)
            if self._places[share] >= (MOST_OF_ONE if share else MOST):
                self._turned_away = alarm.name, now
                return None
            self._places[share] += 1
            found = self._firing[key] = Firing(alarm, now)
        found.told[side] = now
        return found

    def left_out(self, now: datetime) -> str:
        """The name of an alarm there was no place for, when that was just now."""
        name, at = self._turned_away or ("", now)
        return name if now - at < FULL_FOR else ""

    def over(self, alarm: Alarm, side: Side, now: datetime) -> Firing | None:
        """Take it off when this side says so; what it was, or None when it stays or was not there."""
        self.heard[side] = now
        return self._over(_key(alarm), side)

    def settle(self, firing: Iterable[Alarm], now: datetime) -> list[Firing]:
        """Prometheus' whole list: what it leaves out is over, what nobody repeats is forgotten; both are returned."""
        self.heard[Side.PROMETHEUS] = now
        named = {_key(each) for each in firing}
        gone = []
        for key, found in list(self._firing.items()):
            if Side.PROMETHEUS in found.told and key not in named:
                gone.append(self._over(key, Side.PROMETHEUS))
            elif now - max(found.told.values(), default=now) > FORGET:
                gone.append(self._off(key))
        return [each for each in gone if each is not None]

    def all(self) -> list[Firing]:
        """Worst first, then the oldest; the heartbeat is no news."""
        rank = {"critical": 0, "warning": 1}
        shown = [each for each in self._firing.values() if each.alarm.name != WATCHDOG]
        return sorted(shown, key=lambda each: (rank.get(each.tier, 2), each.alarm.starts_at))

    @property
    def beats(self) -> bool:
        """Whether the heartbeat of alerting is on the board."""
        return any(each.alarm.name == WATCHDOG for each in self._firing.values())

    def _over(self, key: Key, side: Side) -> Firing | None:
        found = self._firing.get(key)
        if found is None:
            return None
        found.told.pop(side, None)
        if found.told and side is not Side.PROMETHEUS:  # Prometheus decides; Alertmanager only passes on
            return None
        return self._off(key)

    def _off(self, key: Key) -> Firing:
        self._places[self._share(key[0])] -= 1
        return self._firing.pop(key)

    def _share(self, name: str) -> str:
        """With whom it shares its places: with its own name, or with all that is unknown."""
        return name if name == WATCHDOG or self._known(name) else ""


def _key(alarm: Alarm) -> Key:
    return alarm.name, tuple(sorted(alarm.labels.items()))
