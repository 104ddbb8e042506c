"""What the entries reach the outside with: the operators' API, Prometheus, Alertmanager, PostgreSQL, the shop's own door.

Built from plain words by `open_world`; a place that is not named is one that does not answer. The engine only hands it on.
Nothing of it is shared with the service: it works when the service, its database or the monitoring is what broke.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from monitoring.durations import Scale
from runbooks.actions.alertmanager import Alertmanager
from runbooks.actions.ops import Ops
from runbooks.actions.prometheus import Prometheus
from runbooks.actions.sql import Sql
from runbooks.actions.wire import Wire
from runbooks.engine.facts import Facts

MOST_KEYS = 1_000


@dataclass(frozen=True)
class Places:
    """Where everything is. `programs` is the folder of initdb, pg_ctl and pg_restore (empty: those on PATH), `state` one
    that is ours to write in; `pace` is how many times faster than production this is.
    """

    api_url: str = ""
    api_key: str = field(default="", repr=False)
    prometheus_url: str = ""
    alertmanager_url: str = ""
    database_url: str = field(default="", repr=False)
    programs: str = ""
    backups: str = ""
    state: Path = Path(".cubano/respond")
    pace: int = 1


class Done:
    """What was done under which key, for acts whose other side knows no keys. Of this process: after a restart `observe` tells."""

    def __init__(self) -> None:
        self._found: dict[str, Facts] = {}

    async def once(self, key: str, act: Callable[[], Awaitable[Facts]]) -> Facts:
        """What came of the first time; an act that failed may be tried again."""
        if key not in self._found:
            facts = await act()
            while len(self._found) >= MOST_KEYS:
                del self._found[next(iter(self._found))]
            self._found[key] = facts
        return self._found[key]


@dataclass(frozen=True)
class World:
    """Everything an entry of the registry may use."""

    places: Places
    ops: Ops
    shop: Wire
    prometheus: Prometheus
    alertmanager: Alertmanager
    sql: Sql
    done: Done = field(default_factory=Done)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def pace(self) -> int:
        return self.places.pace

    def paced(self, real_s: float) -> float:
        """An age at the pace of production, as conditions of a playbook name it: in a drill a second counts for many."""
        return round(real_s * self.pace, 3)

    async def asked(self, expr: str) -> float | None:
        """The value of an expression of `monitoring.signals`, whose durations are marks."""
        return await self.prometheus.value(Scale().apply(expr))

    async def counted(self, expr: str) -> float:
        """The same where no series means that nothing happened."""
        return await self.asked(expr) or 0.0

    async def by(self, label: str, expr: str) -> dict[str, float]:
        """Its values by one label."""
        return await self.prometheus.by(label, Scale().apply(expr))


@asynccontextmanager
async def open_world(places: Places) -> AsyncGenerator[World, None]:
    """A world for the length of the block; opening it asks nobody anything."""
    async with (
        Wire("the operators' API", places.api_url, bearer=places.api_key) as api,
        Wire("the shop", places.api_url) as shop,
        Wire("Prometheus", places.prometheus_url) as prometheus,
        Wire("Alertmanager", places.alertmanager_url) as alertmanager,
    ):
        yield World(
            places,
            Ops(api),
            shop,
            Prometheus(prometheus, pace=places.pace),
            Alertmanager(alertmanager),
            Sql(places.database_url),
        )
