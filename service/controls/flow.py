"""Put a switch into a position, put it back, and know where all of them are.

A position is a row with a reason, a name and perhaps a lease; each change is also a line of the history, with the end of a
lease written down once by a worker. `Switchboard` is a process's own picture of them, read every second.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from service.controls.rules import LONGEST_LEASE, MAINTENANCE, MOST_REASON, SALES, Switch, read_position, switches
from service.controls.tables import Control, ControlHistory
from service.kernel.db import Database, Session
from service.kernel.errors import FieldError, Invalid
from service.telemetry import catalogue

REFRESH_S = 1.0  # how late a process may be in obeying
# A failover of the database takes minutes. After a quarter of an hour without it a route or a forced breaker is older
# news than what the process sees by itself; whether to sell at all stays as a person has decided.
KEPT = timedelta(minutes=15)
STAYS = frozenset({MAINTENANCE, SALES})
LEASE_ENDED = "its lease has ended"


@dataclass(frozen=True)
class Wish:
    """Into which position, why, who says so, and for how long (None: until it is put back)."""

    position: str
    reason: str
    by: str
    lease: timedelta | None = None


async def put(session: Session, switch: Switch, wish: Wish) -> Control | None:
    """Put the switch into a position; None when that is the normal one. Raises `Invalid`."""
    position = _checked(switch, wish)
    if position == switch.normal:
        await put_back(session, switch, reason=wish.reason, by=wish.by)
        return None
    control = Control(
        name=switch.name,
        position=position,
        reason=wish.reason,
        set_by=wish.by,
        set_at=session.now,
        leased_until=session.now + wish.lease if wish.lease else None,
    )
    row = {column.name: getattr(control, column.name) for column in Control.__table__.columns}
    replaced = {name: value for name, value in row.items() if name != "name"}
    await session.execute(insert(Control).values(row).on_conflict_do_update(index_elements=["name"], set_=replaced))
    _remember(session, control, position=position)
    return control


def _checked(switch: Switch, wish: Wish) -> str:
    wrong = []
    if not wish.reason.strip() or len(wish.reason) > MOST_REASON:
        wrong.append(FieldError("reason", "required", f"Say why, in at most {MOST_REASON} characters."))
    if not wish.by.strip():
        wrong.append(FieldError("by", "required", "Say who does it."))
    if wish.lease is not None and not timedelta() < wish.lease <= LONGEST_LEASE:
        wrong.append(FieldError("lease", "out_of_range", f"1 to {LONGEST_LEASE // timedelta(seconds=1)} seconds."))
    if wrong:
        raise Invalid(wrong)
    return read_position(switch, wish.position)


async def put_back(session: Session, switch: Switch, *, reason: str, by: str) -> bool:
    """Back to normal; False when it was there already."""
    gone = sa.delete(Control).where(Control.name == switch.name).returning(Control)
    control = (await session.execute(gone)).scalar_one_or_none()
    if control is not None:
        session.add(ControlHistory(at=session.now, name=switch.name, position=None, reason=reason, set_by=by))
        await session.flush()
    return control is not None


def _remember(session: Session, control: Control, *, position: str | None) -> None:
    session.add(
        ControlHistory(
            at=session.now,
            name=control.name,
            position=position,
            reason=control.reason,
            set_by=control.set_by,
            leased_until=control.leased_until,
        )
    )


async def end_leases(session: Session) -> list[str]:
    """Put back every switch whose lease has ended, and write it down; their names."""
    ended = sa.delete(Control).where(Control.leased_until <= session.now).returning(Control.name, Control.leased_until)
    found = (await session.execute(ended)).all()
    for name, leased_until in found:
        session.add(
            ControlHistory(
                at=session.now, name=name, position=None, reason=LEASE_ENDED, set_by="lease", leased_until=leased_until
            )
        )
    await session.flush()
    return [name for name, _ in found]


async def current(session: Session) -> dict[str, Control]:
    """The switches that are not in their normal position, by name; one whose lease has ended is normal."""
    holds = sa.or_(Control.leased_until.is_(None), Control.leased_until > session.now)
    return {each.name: each for each in (await session.execute(sa.select(Control).where(holds))).scalars()}


async def lock(session: Session, name: str) -> Control | None:
    """How the switch stands, None for normal; nobody else who asks this way moves it before this transaction ends."""
    await session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"switch {name}"))))
    return (await current(session)).get(name)


async def history(session: Session, *, name: str | None, limit: int) -> list[ControlHistory]:
    """What was changed, newest first."""
    query = sa.select(ControlHistory).order_by(ControlHistory.seq.desc()).limit(limit)
    if name is not None:
        query = query.where(ControlHistory.name == name)
    return list((await session.execute(query)).scalars())


class Switchboard:
    """Where the switches are, as far as this process knows; `refresh` reads them anew.

    While the database is away the last known positions hold, each no longer than its lease, and after `KEPT` only those
    of `STAYS`.
    """

    def __init__(self, db: Database, providers: Iterable[str]) -> None:
        self._db = db
        self._switches = switches(providers)
        self._known: dict[str, tuple[str, datetime | None]] = {}
        self._read_at = db.clock()
        self._was_read = False

    async def check_read(self) -> str:
        """A ping of the start: until the positions were read once, this process would take each for the normal one."""
        if not self._was_read:
            raise RuntimeError("the positions of the switches were not read yet")
        return "read"

    async def refresh(self) -> None:
        """Read all positions; raises what the database raises, and keeps what was known."""
        async with self._db.transaction() as session:
            found = await current(session)
        self._known = {name: (each.position, each.leased_until) for name, each in found.items()}
        self._read_at = self._db.clock()
        self._was_read = True

    def position(self, name: str) -> str:
        """Where the switch is now."""
        normal = self._switches[name].normal
        if name not in self._known:
            return normal
        now = self._db.clock()
        position, leased_until = self._known[name]
        over = leased_until is not None and leased_until <= now
        too_old = name not in STAYS and now - self._read_at > KEPT
        return normal if over or too_old else position

    def measure(self) -> None:
        """Set the gauges; called before each scrape."""
        telemetry = self._db.telemetry
        telemetry.set(catalogue.CONTROLS_AGE, (self._db.clock() - self._read_at).total_seconds())
        for name, switch in self._switches.items():
            telemetry.set(catalogue.CONTROL, self.position(name) != switch.normal, control=name)
